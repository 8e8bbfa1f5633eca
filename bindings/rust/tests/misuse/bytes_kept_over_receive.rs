//! Bytes of a batch's packet cannot be kept while the batch is filled anew.
use libixy::{Batch, Device, Pool};

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let device = Device::open("emu:82599", &pool)?;
    let mut rx = device.rx_queue(0)?;
    let mut batch = Batch::new(&pool, 1)?;
    rx.receive(&mut batch)?;
    let bytes = &batch[0];
    rx.receive(&mut batch)?; //~ E0502
    println!("{}", bytes[0]);
    Ok(())
}
