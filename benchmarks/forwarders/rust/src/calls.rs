//! Calls that move nothing: what crossing the boundary costs.

use libixy::{Batch, Device, Pool};

const ADDRESS: &str = "emu:82599,wire=loop,timing=threaded";

/// Receives into a batch that is full, `count` times; returns the answer.
pub fn run(count: u64) -> libixy::Result<String> {
    let pool = Pool::open()?;
    let device = Device::open(ADDRESS, &pool)?;
    let mut rx = device.rx_queue(0)?;
    device.start()?;
    let mut full = Batch::new(&pool, 1)?;
    full.alloc(1, 60)?;
    let start = device.emu_meter()?;
    for _ in 0..count {
        rx.receive(&mut full)?;
    }
    let end = device.emu_meter()?;
    Ok(format!(
        "{{\"calls\":{count},\"cycles\":{},\"nanoseconds\":{}}}",
        end.cycles - start.cycles,
        end.nanoseconds - start.nanoseconds
    ))
}
