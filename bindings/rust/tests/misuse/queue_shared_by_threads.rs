//! Two threads cannot be in one queue.
// safety: two threads on one queue
use libixy::{Batch, Device, Pool};

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let device = Device::open("emu:82599", &pool)?;
    let mut rx = device.rx_queue(0)?;
    let (mut one, mut two) = (Batch::new(&pool, 1)?, Batch::new(&pool, 1)?);
    std::thread::scope(|scope| {
        scope.spawn(|| rx.receive(&mut one));
        scope.spawn(|| rx.receive(&mut two)); //~ E0499
    });
    two.clear();
    Ok(())
}
