//! The guest tests' forwarder in Rust; what it does: ../../c/forward.c.

use libixy::{Batch, Device, ErrorKind, Pool, Result};
use std::process::ExitCode;

const TOUCHED_BYTE: usize = 48;
const BATCH: usize = 32;
const EXIT_DEVICE: u8 = 3;

/// Forwards until so many frames were seen, or a device fails.
fn forward(devices: &[Device], pool: &Pool, frames: u64, wait: bool, seen: &mut u64) -> Result<()> {
    let mut rx = devices.iter().map(|d| d.rx_queue(0)).collect::<Result<Vec<_>>>()?;
    let mut tx = devices.iter().map(|d| d.tx_queue(0)).collect::<Result<Vec<_>>>()?;
    let mut batch = Batch::new(pool, BATCH)?;
    while *seen < frames {
        let before = *seen;
        for (source, sink) in rx.iter_mut().zip(tx.iter_mut().rev()) {
            *seen += source.receive(&mut batch)? as u64;
            for packet in &mut batch {
                packet[TOUCHED_BYTE] = packet[TOUCHED_BYTE].wrapping_add(1);
            }
            while !batch.is_empty() {
                sink.transmit(&mut batch)?;
            }
        }
        if wait && *seen == before {
            todo!();
        }
    }
    Ok(())
}

fn run(arguments: &[String]) -> Result<u8> {
    let wait = arguments[0] == "--wait";
    let arguments = &arguments[usize::from(wait)..];
    let frames = arguments[0].parse().expect("a number of frames");
    let pool = Pool::open()?;
    let open = |address: &String| Device::open(address, &pool);
    let devices = arguments[1..].iter().map(open).collect::<Result<Vec<_>>>()?;
    devices.iter().try_for_each(Device::start)?;
    println!("forwarding");
    let mut seen = 0;
    let mut status = 0;
    if let Err(error) = forward(&devices, &pool, frames, wait, &mut seen) {
        if error.kind() != ErrorKind::Device {
            return Err(error);
        }
        // A packet call has no text of its own; of a device that failed, its link tells why.
        let why = devices.iter().find_map(|device| device.link().err()).unwrap_or(error);
        println!("{}: {why}", why.name());
        status = EXIT_DEVICE;
    }
    devices.into_iter().try_for_each(Device::close)?;
    println!("{seen} frames\nclosed cleanly");
    Ok(status)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            println!("{}: {error}", error.name());
            ExitCode::FAILURE
        }
    }
}
