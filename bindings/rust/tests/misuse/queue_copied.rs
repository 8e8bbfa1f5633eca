//! A queue has one owner: it cannot be cloned.
// safety: two threads on one queue
// safety: object copied
use libixy::{Device, Pool};

fn second<T: Clone>(_: &T) {}

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    second(&pool);
    let device = Device::open("emu:82599", &pool)?;
    second(&device.rx_queue(0)?); //~ E0277
    second(&device.tx_queue(0)?); //~ E0277
    Ok(())
}
