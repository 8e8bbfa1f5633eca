//! A queue that went to another thread is no longer here.
use libixy::{Batch, Device, Pool};

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let device = Device::open("emu:82599", &pool)?;
    let mut tx = device.tx_queue(0)?;
    let mut batch = Batch::new(&pool, 1)?;
    let thread = std::thread::spawn(move || tx.index());
    tx.transmit(&mut batch)?; //~ E0382
    batch.clear();
    thread.join().unwrap();
    Ok(())
}
