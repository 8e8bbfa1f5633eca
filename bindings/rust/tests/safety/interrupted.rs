//! Signals and panics at any moment of open, close and wait; a descriptor that its owner closes.

use std::io::{ErrorKind as Io, Read, Write};
use std::os::raw::{c_int, c_ulong};
use std::os::unix::io::AsRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::thread::JoinHandleExt;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use libixy::{Batch, Device, Pool, RxQueue};

use crate::common::{assert_nothing_leaked, mark};
use crate::{RAW, SAFE};

const SIGUSR1: c_int = 10;
const PATIENCE: Duration = Duration::from_secs(20);

extern "C" {
    fn signal(number: c_int, handler: extern "C" fn(c_int)) -> usize;
    fn pthread_kill(thread: c_ulong, number: c_int) -> c_int;
    fn dup2(from: c_int, to: c_int) -> c_int;
}

extern "C" fn nothing(_: c_int) {}

fn started(pool: &Pool) -> Device {
    let device = Device::open("emu:82599", pool).unwrap();
    device.start().unwrap();
    device
}

fn send(device: &Device, pool: &Pool) {
    let mut batch = Batch::new(pool, 1).unwrap();
    batch.alloc(1, 60).unwrap();
    assert_eq!(device.tx_queue(0).unwrap().transmit(&mut batch).unwrap(), 1);
}

/// Interrupts a thread that waits `rounds` times; `wait` returns whether something is there.
fn interrupt(rounds: u32, mut wait: impl FnMut() -> bool + Send + 'static) {
    // SAFETY: the handler does nothing.
    unsafe { signal(SIGUSR1, nothing) };
    let interrupts = Arc::new(AtomicU32::new(0));
    let counted = interrupts.clone();
    let waiter = thread::spawn(move || {
        while counted.load(Relaxed) < rounds {
            assert!(!wait(), "there is nothing to receive");
            counted.fetch_add(1, Relaxed);
        }
    });
    let end = Instant::now() + PATIENCE;
    while interrupts.load(Relaxed) < rounds {
        assert!(Instant::now() < end, "a signal does not end the wait");
        // SAFETY: the thread was not joined yet.
        unsafe { pthread_kill(waiter.as_pthread_t() as c_ulong, SIGUSR1) };
        thread::yield_now();
    }
    waiter.join().unwrap();
}

#[test]
fn a_signal_ends_the_wait_and_nothing_else() {
    let pool = Pool::open().unwrap();
    let device = started(&pool);
    let mut rx = device.rx_queue(0).unwrap();
    interrupt(300, move || rx.wait(None).unwrap());
    let mut rx = device.rx_queue(0).unwrap();
    send(&device, &pool);
    assert!(rx.wait(Some(PATIENCE)).unwrap());
    assert_eq!(rx.receive(&mut Batch::new(&pool, 1).unwrap()).unwrap(), 1);
    drop(rx);
    device.close().unwrap();
    assert_nothing_leaked(pool);
    mark(
        SAFE,
        "interrupted",
        "contained",
        "a signal ends RxQueue::wait with Ok(false)",
    );
}

#[test]
fn raw_signals() {
    let pool = Pool::open().unwrap();
    let device = started(&pool);
    let handle = device.as_raw();
    // SAFETY: the call takes any handle and queue.
    let wait = move || unsafe { ixy_sys::ixy_rx_wait(handle, 0, -1) };
    interrupt(300, move || wait() != 0);
    send(&device, &pool);
    assert_eq!(wait(), 1);
    device.close().unwrap();
    assert_nothing_leaked(pool);
    mark(RAW, "interrupted", "contained", "a signal ends ixy_rx_wait with 0");
}

/// A program that panics at its step number `fuse`. Returns how many steps it made.
fn panic_at(fuse: u32, pools: &mut Vec<Pool>) -> u32 {
    let mut steps = 0;
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut step = || {
            steps += 1;
            assert!(steps <= fuse, "the step that panics");
        };
        let pool = Pool::open().unwrap();
        pools.push(pool.clone());
        step();
        let device = started(&pool);
        step();
        let (mut rx, mut tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
        step();
        let mut batch = Batch::new(&pool, 8).unwrap();
        batch.alloc(8, 60).unwrap();
        step();
        let packet = batch.remove(3);
        step();
        batch.push(packet).unwrap();
        for packet in &mut batch {
            packet.fill(1);
            step();
        }
        assert_eq!(tx.transmit(&mut batch).unwrap(), 8);
        step();
        assert!(rx.wait(Some(PATIENCE)).unwrap());
        step();
        rx.receive(&mut batch).unwrap();
        step();
        thread::scope(|scope| {
            scope.spawn(|| rx.wait(Some(Duration::from_millis(1))));
            step();
        });
        drop(batch);
        step();
        device.close().unwrap();
        step();
    }));
    assert_eq!(result.is_err(), steps > fuse);
    steps
}

#[test]
fn a_panic_at_any_step_loses_nothing() {
    let mut pools = Vec::new();
    let mut fuse = 0;
    while panic_at(fuse, &mut pools) > fuse {
        fuse += 1;
    }
    assert!(fuse > 15);
    pools.into_iter().for_each(assert_nothing_leaked);
    mark(SAFE, "interrupted", "contained", "a panic gives back what was held");
}

/// Puts a socket where a descriptor was, as a program does that closes a number which it does not own, and opens its
/// own file next.
fn replace(number: c_int) -> UnixStream {
    let (here, there) = UnixStream::pair().unwrap();
    // SAFETY: the test's own misuse; both are open, and the number stays open.
    assert_eq!(unsafe { dup2(here.as_raw_fd(), number) }, number);
    there.set_nonblocking(true).unwrap();
    there
}

fn receive_one(rx: &mut RxQueue, device: &Device, pool: &Pool) {
    let mut batch = Batch::new(pool, 1).unwrap();
    send(device, pool);
    assert!(rx.wait(Some(PATIENCE)).unwrap());
    assert_eq!(rx.receive(&mut batch).unwrap(), 1);
    assert!(!rx.arm().unwrap());
}

#[test]
fn a_queues_descriptor_is_its_own() {
    let pool = Pool::open().unwrap();
    let device = started(&pool);
    let mut rx = device.rx_queue(0).unwrap();
    // SAFETY: the call takes any handle and queue.
    assert_ne!(rx.as_raw_fd(), unsafe { ixy_sys::ixy_rx_fd(device.as_raw(), 0) });
    let mut there = replace(rx.as_raw_fd());
    there.write_all(b"for the file that is there now").unwrap();
    for _ in 0..10 {
        receive_one(&mut rx, &device, &pool);
    }
    device.close().unwrap();
    assert_eq!(
        there.read(&mut [0; 64]).unwrap_err().kind(),
        Io::WouldBlock,
        "the library wrote into a file of the program"
    );
    drop(rx);
    // What was sent to the file was not read: its end says so.
    assert_eq!(there.read(&mut [0; 64]).unwrap_err().kind(), Io::ConnectionReset);
    mark(
        SAFE,
        "descriptor closed",
        "contained",
        "a duplicate of the queue's own: the library neither reads, writes nor closes it",
    );
}

#[test]
fn raw_descriptor_closed() {
    let pool = Pool::open().unwrap();
    let device = started(&pool);
    // SAFETY: the call takes any handle and queue.
    let mut there = replace(unsafe { ixy_sys::ixy_rx_fd(device.as_raw(), 0) });
    let (mut rx, mut batch) = (device.rx_queue(0).unwrap(), Batch::new(&pool, 1).unwrap());
    send(&device, &pool);
    let end = Instant::now() + PATIENCE;
    while batch.is_empty() {
        assert!(Instant::now() < end, "the queue receives no more");
        rx.receive(&mut batch).unwrap();
    }
    drop((rx, batch));
    device.close().unwrap();
    assert_nothing_leaked(pool);
    assert_eq!(
        there.read(&mut [0; 64]).unwrap_err().kind(),
        Io::WouldBlock,
        "the library wrote into a file of the program, or closed it"
    );
    mark(
        RAW,
        "descriptor closed",
        "contained",
        "the library neither reads, writes nor closes another file of that number",
    );
}
