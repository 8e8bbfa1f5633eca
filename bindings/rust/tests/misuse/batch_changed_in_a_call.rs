//! A batch and its packets cannot be changed by one thread while another transmits them.
// safety: changed during a call
use libixy::{Batch, Device, Pool};

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let device = Device::open("emu:82599", &pool)?;
    let mut tx = device.tx_queue(0)?;
    let mut batch = Batch::new(&pool, 1)?;
    batch.alloc(1, 60)?;
    std::thread::scope(|scope| {
        scope.spawn(|| tx.transmit(&mut batch));
        scope.spawn(|| batch[0].fill(1)); //~ E0499
        scope.spawn(|| batch.len()); //~ E0502
    });
    batch.clear();
    Ok(())
}
