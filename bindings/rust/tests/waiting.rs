//! Waiting for packets: what ends it, descriptors for event loops, and where it cannot be done.

mod common;

use std::fs;
use std::os::unix::io::{AsFd, AsRawFd};
use std::thread;
use std::time::{Duration, Instant};

use common::{assert_error, assert_nothing_leaked, looped};
use libixy::{Batch, Capabilities, Device, ErrorKind, Pool, TxQueue};

const LONG: Duration = Duration::from_secs(20);
const SOON: Duration = Duration::from_millis(50);

fn started(address: &str, pool: &Pool) -> Device {
    let device = Device::open(address, pool).unwrap();
    device.start().unwrap();
    device
}

fn send(tx: &mut TxQueue, count: usize) {
    let mut batch = Batch::new(&tx.pool().clone(), count).unwrap();
    batch.alloc(count, 60).unwrap();
    assert_eq!(tx.transmit(&mut batch).unwrap(), count);
}

#[test]
fn a_packet_ends_the_wait() {
    for address in ["emu:82599", "emu:x550", "emu:virtio", "emu:virtio,ring=packed"] {
        let pool = Pool::open().unwrap();
        let device = started(address, &pool);
        assert!(device.info().unwrap().capabilities.contains(Capabilities::RX_WAIT));
        let (mut rx, mut tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
        let mut batch = Batch::new(&pool, 8).unwrap();
        for timeout in [None, Some(LONG), Some(Duration::MAX)] {
            thread::scope(|scope| {
                scope.spawn(|| {
                    thread::sleep(SOON);
                    send(&mut tx, 1);
                });
                assert!(rx.wait(timeout).unwrap(), "{address}");
            });
            assert!(rx.wait(Some(Duration::ZERO)).unwrap(), "nothing was received yet");
            assert_eq!(rx.receive(&mut batch).unwrap(), 1);
        }
        drop((rx, tx, batch));
        device.close().unwrap();
        assert_nothing_leaked(pool);
    }
}

#[test]
fn time_is_over() {
    let pool = Pool::open().unwrap();
    let device = started("emu:82599", &pool);
    let mut rx = device.rx_queue(0).unwrap();
    let begin = Instant::now();
    assert!(!rx.wait(Some(SOON)).unwrap());
    assert!(begin.elapsed() >= SOON);
    assert!(!rx.wait(Some(Duration::ZERO)).unwrap());
    // Rounded up: a wait of less than a millisecond is one, not a look.
    let begin = Instant::now();
    assert!(!rx.wait(Some(Duration::from_nanos(1))).unwrap());
    assert!(begin.elapsed() >= Duration::from_millis(1));
}

#[test]
fn closing_ends_the_wait() {
    let pool = Pool::open().unwrap();
    let device = started("emu:82599", &pool);
    let mut rx = device.rx_queue(0).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(SOON);
            device.close().unwrap();
        });
        assert_error(rx.wait(None), ErrorKind::Handle, "IXY_E_HANDLE", "");
    });
    assert_error(rx.wait(None), ErrorKind::Handle, "IXY_E_HANDLE", "");
    assert_error(rx.arm(), ErrorKind::Handle, "IXY_E_HANDLE", "");
    // The descriptor is the queue's own and outlives the device.
    assert!(rx.as_fd().try_clone_to_owned().is_ok());
    drop(rx);
    assert_nothing_leaked(pool);
}

#[test]
fn a_device_that_is_gone_ends_the_wait() {
    let pool = Pool::open().unwrap();
    let device = Device::builder("emu:82599,hostile=gone,every=1000,seed=3")
        .pool(&pool)
        .rx_queues(2)
        .tx_queues(2)
        .open()
        .unwrap();
    device.start().unwrap();
    let (mut polling, mut sleeping) = (device.rx_queue(0).unwrap(), device.rx_queue(1).unwrap());
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| sleeping.wait(None));
        let mut batch = Batch::new(&pool, 8).unwrap();
        let end = Instant::now() + LONG;
        let error = loop {
            assert!(Instant::now() < end, "the device was never gone");
            if let Err(error) = polling.receive(&mut batch) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::Device);
        assert_error(sleeper.join().unwrap(), ErrorKind::Device, "IXY_E_DEVICE", "");
    });
}

#[test]
fn where_nobody_can_wait() {
    let pool = Pool::open().unwrap();
    let device = looped(&pool);
    assert!(!device.info().unwrap().capabilities.contains(Capabilities::RX_WAIT));
    let mut rx = device.rx_queue(0).unwrap();
    let unsupported = (ErrorKind::Unsupported, "IXY_E_UNSUPPORTED", "timing=threaded");
    assert_error(rx.wait(None), unsupported.0, unsupported.1, unsupported.2);
    assert_error(rx.arm(), unsupported.0, unsupported.1, unsupported.2);
    assert_eq!(rx.as_raw_fd(), -1);
    let panic = std::panic::catch_unwind(|| rx.as_fd().as_raw_fd()).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("RX_WAIT"));

    let stopped = Device::open("emu:82599", &pool).unwrap();
    let mut rx = stopped.rx_queue(0).unwrap();
    assert_error(rx.wait(None), ErrorKind::State, "IXY_E_STATE", "");
    assert_error(rx.arm(), ErrorKind::State, "IXY_E_STATE", "");
}

/// What Linux says of a descriptor: an eventfd's count.
fn count(rx: &impl AsRawFd) -> u64 {
    let path = format!("/proc/self/fdinfo/{}", rx.as_raw_fd());
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().find(|line| line.starts_with("eventfd-count:")).unwrap();
    u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap()
}

#[test]
fn the_descriptor_is_signalled() {
    let pool = Pool::open().unwrap();
    let device = started("emu:82599", &pool);
    let (mut rx, mut tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
    let mut batch = Batch::new(&pool, 8).unwrap();
    let number = rx.as_raw_fd();
    assert_eq!(number, rx.as_fd().as_raw_fd());
    for _ in 0..3 {
        while rx.arm().unwrap() {
            rx.receive(&mut batch).unwrap();
            batch.clear();
        }
        assert_eq!(count(&rx), 0);
        send(&mut tx, 1);
        let end = Instant::now() + LONG;
        while count(&rx) == 0 {
            assert!(Instant::now() < end, "no signal");
            thread::yield_now();
        }
        assert!(rx.arm().unwrap(), "there is something");
        assert_eq!(rx.receive(&mut batch).unwrap(), 1);
        device.reset().unwrap();
        assert_eq!(rx.as_raw_fd(), number);
    }
    assert!(!rx.arm().unwrap());
    device.close().unwrap();
    assert_ne!(count(&rx), 0, "closing signals, too");
}
