//! Bytes of a batch's packet cannot be kept while the batch is transmitted.
// safety: use after transmit
use libixy::{Batch, Device, Pool};

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let device = Device::open("emu:82599", &pool)?;
    let mut tx = device.tx_queue(0)?;
    let mut batch = Batch::new(&pool, 1)?;
    batch.alloc(1, 60)?;
    let bytes = &mut batch[0];
    bytes[0] = 1;
    tx.transmit(&mut batch)?; //~ E0499
    bytes[0] = 2;
    Ok(())
}
