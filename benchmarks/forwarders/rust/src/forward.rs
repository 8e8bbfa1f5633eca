//! One run: two generating devices, their frames forwarded both ways until all have come through.

use std::error::Error;
use std::time::{Duration, Instant};

use libixy::{Batch, Device, EmuCounters, EmuMeter, Pool, RxQueue, TxQueue};

/// Without a frame for so long a run has failed.
const PATIENCE: Duration = Duration::from_secs(5);

pub struct Run {
    pub batch: usize,
    pub timing: &'static str,
    /// The beginning of an address.
    pub device: String,
    /// Both directions together.
    pub frames: u64,
}

#[derive(Default)]
pub struct Sample {
    pub frames: u64,
    pub cycles: u64,
    pub nanoseconds: u64,
    pub model_cycles: u64,
    pub steps: u64,
    pub idle_steps: u64,
    pub bracket_cycles: u64,
    pub polls: u64,
    pub empty_polls: u64,
    pub freed: u64,
    pub generated: u64,
    pub verified: u64,
    pub damaged: u64,
    pub repeated: u64,
    pub foreign: u64,
    pub rx_missed: u64,
    pub violations: u64,
}

/// A device with its queues.
struct Port {
    device: Device,
    rx: RxQueue,
    tx: TxQueue,
}

impl Port {
    fn open(pool: &Pool, run: &Run) -> libixy::Result<Port> {
        let address = format!(
            "{},wire=gen,limit={},burst={},timing={}",
            run.device,
            run.frames / 2,
            run.batch.max(8),
            run.timing
        );
        let device = Device::open(&address, pool)?;
        let (rx, tx) = (device.rx_queue(0)?, device.tx_queue(0)?);
        Ok(Port { device, rx, tx })
    }
}

/// What the program did with frames.
#[derive(Default)]
struct Counts {
    received: u64,
    freed: u64,
    polls: u64,
    empty_polls: u64,
}

pub fn run(run: &Run) -> Result<Sample, Box<dyn Error>> {
    let pool = Pool::open()?;
    let mut batch = Batch::new(&pool, run.batch)?;
    let mut a = Port::open(&pool, run)?;
    let mut b = Port::open(&pool, run)?;
    a.device.start()?;
    b.device.start()?;
    let frames = run.frames / 2 * 2;
    let mut counts = Counts::default();

    // A's clock is read last before and first after.
    let b_start = b.device.emu_meter()?;
    let a_start = a.device.emu_meter()?;
    forward_all(&mut a, &mut b, &mut batch, frames, &mut counts)?;
    let a_end = a.device.emu_meter()?;
    let b_end = b.device.emu_meter()?;

    settle(&a, &b, frames, counts.freed)?;
    let mut sample = Sample {
        frames,
        cycles: a_end.cycles - a_start.cycles,
        nanoseconds: a_end.nanoseconds - a_start.nanoseconds,
        bracket_cycles: a_end.bracket_cycles.into(),
        polls: counts.polls,
        empty_polls: counts.empty_polls,
        freed: counts.freed,
        ..Sample::default()
    };
    add_meter(&mut sample, &a_start, &a_end);
    add_meter(&mut sample, &b_start, &b_end);
    for port in [&a, &b] {
        add_counters(&mut sample, &port.device.emu_counters()?);
        sample.rx_missed += port.device.stats()?.rx_missed;
    }
    Ok(sample)
}

/// Forwards until every frame was received or missed. Not inlined: instructions are counted by this name.
#[inline(never)]
fn forward_all(
    a: &mut Port,
    b: &mut Port,
    batch: &mut Batch,
    frames: u64,
    counts: &mut Counts,
) -> Result<(), Box<dyn Error>> {
    let mut idle = 0u32;
    let mut waiting_since = None;
    while counts.received < frames {
        let got = forward(&mut a.rx, &mut b.tx, batch, counts)? + forward(&mut b.rx, &mut a.tx, batch, counts)?;
        if got != 0 {
            idle = 0;
            waiting_since = None;
            continue;
        }
        idle += 1;
        if idle % 4096 == 0 {
            let (a_stats, b_stats) = (a.device.stats()?, b.device.stats()?);
            let missed = a_stats.rx_missed + b_stats.rx_missed;
            if counts.received + missed >= frames {
                break;
            }
            let since = *waiting_since.get_or_insert_with(Instant::now);
            if since.elapsed() > PATIENCE {
                let dropped = a_stats.rx_dropped + b_stats.rx_dropped;
                let received = counts.received;
                let text = format!("{received} of {frames} frames arrived, {missed} were missed, {dropped} dropped");
                return Err(text.into());
            }
        }
    }
    Ok(())
}

/// The workload: receive a batch, add one to byte 48 of each frame, transmit, free what was not taken.
#[inline(always)]
fn forward(rx: &mut RxQueue, tx: &mut TxQueue, batch: &mut Batch, counts: &mut Counts) -> libixy::Result<usize> {
    let got = rx.receive(batch)?;
    counts.polls += 1;
    if got == 0 {
        counts.empty_polls += 1;
        return Ok(0);
    }
    for packet in batch.iter_mut() {
        packet[48] = packet[48].wrapping_add(1);
    }
    tx.transmit(batch)?;
    counts.received += got as u64;
    counts.freed += batch.len() as u64;
    batch.clear();
    Ok(got)
}

/// Waits until the sinks have seen all that was sent. What is still missing after that is for the reader of the counters.
fn settle(a: &Port, b: &Port, frames: u64, freed: u64) -> libixy::Result<()> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let mut seen = freed;
        for port in [a, b] {
            let c = port.device.emu_counters()?;
            seen += c.verified + c.damaged + c.repeated + c.foreign + port.device.stats()?.rx_missed;
        }
        if seen >= frames {
            break;
        }
        std::thread::yield_now();
    }
    Ok(())
}

fn add_meter(sample: &mut Sample, start: &EmuMeter, end: &EmuMeter) {
    sample.model_cycles += end.model_cycles - start.model_cycles;
    sample.steps += end.steps - start.steps;
    sample.idle_steps += end.idle_steps - start.idle_steps;
}

fn add_counters(sample: &mut Sample, counters: &EmuCounters) {
    sample.generated += counters.generated;
    sample.verified += counters.verified;
    sample.damaged += counters.damaged;
    sample.repeated += counters.repeated;
    sample.foreign += counters.foreign;
    sample.violations += u64::from(counters.violations);
}
