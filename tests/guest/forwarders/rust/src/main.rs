//! The guest tests' forwarder in Rust; what it does: ../../c/forward.c.

use libixy::{Batch, Device, ErrorKind, Pool, Result, RxQueue, TxQueue};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

const TOUCHED_BYTE: usize = 48;
const BATCH: usize = 32;
const EXIT_DEVICE: u8 = 3;
/// How long a way without frames sleeps before it looks whether the other one has seen the last.
const SLEEP: Duration = Duration::from_millis(100);

/// From one device to the other.
struct Way {
    rx: RxQueue,
    tx: TxQueue,
    batch: Batch,
}

impl Way {
    fn pass_on(&mut self) -> Result<u64> {
        let count = self.rx.receive(&mut self.batch)?;
        for packet in &mut self.batch {
            packet[TOUCHED_BYTE] = packet[TOUCHED_BYTE].wrapping_add(1);
        }
        while !self.batch.is_empty() {
            self.tx.transmit(&mut self.batch)?;
        }
        Ok(count as u64)
    }
}

struct Forwarder {
    frames: u64,
    seen: AtomicU64,
    failed: AtomicBool,
}

impl Forwarder {
    fn goes_on(&self) -> bool {
        self.seen.load(Relaxed) < self.frames && !self.failed.load(Relaxed)
    }

    fn poll(&self, ways: &mut [Way]) -> Result<()> {
        while self.goes_on() {
            for way in ways.iter_mut() {
                self.seen.fetch_add(way.pass_on()?, Relaxed);
            }
        }
        Ok(())
    }

    /// A thread each way.
    fn wait(&self, ways: &mut [Way]) -> Result<()> {
        std::thread::scope(|scope| {
            let one_way = |way| scope.spawn(|| self.wait_one_way(way));
            let threads: Vec<_> = ways.iter_mut().map(one_way).collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().expect("a thread that ends well"))
        })
    }

    fn wait_one_way(&self, way: &mut Way) -> Result<()> {
        let end = self.wait_until_enough(way);
        self.failed.fetch_or(end.is_err(), Relaxed);
        end
    }

    fn wait_until_enough(&self, way: &mut Way) -> Result<()> {
        while self.goes_on() {
            if way.rx.wait(Some(SLEEP))? {
                self.seen.fetch_add(way.pass_on()?, Relaxed);
            }
        }
        Ok(())
    }
}

fn run(arguments: &[String]) -> Result<u8> {
    let wait = arguments[0] == "--wait";
    let arguments = &arguments[usize::from(wait)..];
    let frames = arguments[0].parse().expect("a number of frames");
    let pool = Pool::open()?;
    let open = |address: &String| {
        let builder = Device::builder(address).pool(&pool);
        // SAFETY: the cards are those of the virtual machine that this program was made for.
        unsafe { builder.trust_device() }.open()
    };
    let devices = arguments[1..].iter().map(open).collect::<Result<Vec<_>>>()?;
    devices.iter().try_for_each(Device::start)?;
    let way = |(from, to): (&Device, &Device)| {
        let (rx, tx) = (from.rx_queue(0)?, to.tx_queue(0)?);
        Ok(Way {
            rx,
            tx,
            batch: Batch::new(&pool, BATCH)?,
        })
    };
    let mut ways = devices
        .iter()
        .zip(devices.iter().rev())
        .map(way)
        .collect::<Result<Vec<_>>>()?;
    println!("forwarding");
    let forwarder = Forwarder {
        frames,
        seen: AtomicU64::new(0),
        failed: AtomicBool::new(false),
    };
    let mut status = 0;
    let end = if wait {
        forwarder.wait(&mut ways)
    } else {
        forwarder.poll(&mut ways)
    };
    if let Err(error) = end {
        if error.kind() != ErrorKind::Device {
            return Err(error);
        }
        // A packet call has no text of its own; of a device that failed, its link tells why.
        let why = devices.iter().find_map(|device| device.link().err()).unwrap_or(error);
        println!("{}: {why}", why.name());
        status = EXIT_DEVICE;
    }
    drop(ways);
    devices.into_iter().try_for_each(Device::close)?;
    println!("{} frames\nclosed cleanly", forwarder.seen.into_inner());
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
