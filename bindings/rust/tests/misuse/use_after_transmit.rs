//! A packet that went into a batch to be sent is no longer the program's.
// safety: use after transmit
use libixy::{Batch, Device, Pool};

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let device = Device::open("emu:82599", &pool)?;
    let mut tx = device.tx_queue(0)?;
    let mut batch = Batch::new(&pool, 1)?;
    let packet = pool.alloc(60)?;
    batch.push(packet).unwrap();
    tx.transmit(&mut batch)?;
    println!("{}", packet[0]); //~ E0382
    Ok(())
}
