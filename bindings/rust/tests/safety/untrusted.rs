//! Devices that write into buffers which they have given up: who may reach slices, and what atomics hold out.

use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::{Duration, Instant};

use libixy::{Batch, Device, ErrorKind, Packet, Pool, RxQueue};

use crate::common::back_end::{BackEnd, FIRST_OF_FOUR, FRAMES, FRAME_LEN, LETTER};
use crate::common::{assert_error, assert_nothing_leaked, mark};
use crate::{Raw, RAW, SAFE};

const COLUMN: &str = "device writes on";
const PATIENCE: Duration = Duration::from_secs(20);

fn untrusted_pool() -> Pool {
    Pool::builder().untrusted_devices().open().unwrap()
}

/// A started device of a back end, its frames received.
fn receive_all<B>(device: &Device, batch: &mut Batch<B>) -> RxQueue {
    device.start().unwrap();
    let mut rx = device.rx_queue(0).unwrap();
    let end = Instant::now() + PATIENCE;
    while batch.len() < FRAMES {
        assert!(Instant::now() < end, "{} frames came", batch.len());
        rx.receive(batch).unwrap();
    }
    rx
}

/// Waits until the back end has written on.
fn until_written(back_end: &BackEnd) {
    let (before, end) = (back_end.writes(), Instant::now() + PATIENCE);
    while back_end.writes() <= before {
        assert!(Instant::now() < end, "the back end does not write on");
        std::thread::yield_now();
    }
}

#[test]
fn slices_are_for_devices_that_are_vouched_for() {
    let pool = Pool::open().unwrap();
    let held = pool.alloc(60).unwrap();
    let path = std::env::temp_dir().join(format!("libixy-untrusted-{}", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    listener.set_nonblocking(true).unwrap();
    let vhost_user = format!("vhost-user:{}", path.display());
    for address in [
        &vhost_user,
        "pci:0000:ff:1f.7",
        "0000:ff:1f.7",
        "eth0",
        "EMU:82599",
        " emu:82599",
    ] {
        let refused = Device::open(address, &pool);
        assert_error(refused, ErrorKind::Address, "IXY_E_ADDRESS", "trust_device");
    }
    assert!(
        listener.accept().is_err(),
        "refused before anybody was given the memory"
    );
    std::fs::remove_file(&path).unwrap();
    // What is not there is found out by whom nothing stops.
    let address = "pci:0000:ff:1f.7";
    let untrusted = untrusted_pool();
    assert_error(
        Device::open(address, &untrusted),
        ErrorKind::NotFound,
        "IXY_E_NOT_FOUND",
        "ff:1f.7",
    );
    let builder = Device::builder(address).pool(&pool);
    // SAFETY: there is no such device.
    let vouched = unsafe { builder.trust_device() };
    assert_error(vouched.open(), ErrorKind::NotFound, "IXY_E_NOT_FOUND", "ff:1f.7");
    let alone = Device::builder(address); // no memory to write into
    assert_error(alone.open(), ErrorKind::NotFound, "IXY_E_NOT_FOUND", "ff:1f.7");
    drop(held);
    assert_nothing_leaked(pool);
    mark(
        SAFE,
        COLUMN,
        "run time",
        "a device outside of the process, on a pool of slices, without unsafe: Err(ErrorKind::Address)",
    );
}

#[test]
fn a_pool_for_untrusted_devices_gives_no_slices() {
    let pool = untrusted_pool();
    let unsupported = (ErrorKind::Unsupported, "IXY_E_UNSUPPORTED");
    assert_error(pool.alloc(60), unsupported.0, unsupported.1, "alloc_atomic");
    assert_error(Batch::new(&pool, 4), unsupported.0, unsupported.1, "Batch::atomic");
    assert_nothing_leaked(pool.clone());
    let device = crate::looped(&pool); // emulated ones may use it as well
    assert_nothing_leaked_but_rings(&device, &pool);
}

fn assert_nothing_leaked_but_rings(device: &Device, pool: &Pool) {
    let (mut rx, mut tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
    let mut batch = Batch::atomic(pool, 4).unwrap();
    assert_eq!(batch.alloc(3, 60).unwrap(), 3);
    for (packet, value) in batch.iter().zip(1..) {
        packet.iter().for_each(|byte| byte.store(value, Relaxed));
    }
    let packet: Packet<AtomicU8> = batch.remove(0);
    packet[59].store(9, Relaxed);
    batch.push(packet).unwrap();
    assert_eq!(tx.transmit(&mut batch).unwrap(), 3);
    assert_eq!(rx.receive(&mut batch).unwrap(), 3);
    let bytes: Vec<(u8, u8)> = (&batch)
        .into_iter()
        .rev()
        .map(|packet| (packet[0].load(Relaxed), packet[59].load(Relaxed)))
        .collect();
    assert_eq!(bytes, [(1, 9), (3, 3), (2, 2)]);
    assert!(batch.get(3).is_none() && batch[2].get(60).is_none());
    assert!(crate::panics(|| batch[2][60].load(Relaxed)));
    let mut alone = pool.alloc_atomic(60).unwrap();
    alone.resize(64).unwrap();
    assert_eq!((alone.len(), alone.as_ref().len()), (64, 64));
    assert_error(pool.alloc_atomic(1 << 32), ErrorKind::Frame, "IXY_E_FRAME", "");
    assert_error(Batch::atomic(pool, usize::MAX), ErrorKind::Range, "IXY_E_RANGE", "");
}

/// The program of which a malicious back end made a read past the pool: a character that begins at a packet's end.
#[test]
fn text_out_of_packets_that_a_back_end_writes_on() {
    let pool = untrusted_pool();
    let back_end = BackEnd::listen();
    let device = Device::open(&back_end.address(), &pool).unwrap();
    let mut batch = Batch::atomic(&pool, FRAMES).unwrap();
    let rx = receive_all(&device, &mut batch);
    back_end.write_on();
    until_written(&back_end);
    let mut seen = [0_u64; 2];
    let mut look = |rounds: u32| {
        for _ in 0..rounds {
            let copy: Vec<u8> = batch[FRAMES - 1][14..].iter().map(|byte| byte.load(Relaxed)).collect();
            assert_eq!(copy.len(), FRAME_LEN - 14);
            match std::str::from_utf8(&copy) {
                Ok(text) => {
                    assert_eq!(text.chars().count(), copy.len());
                    seen[0] += 1;
                }
                Err(error) => {
                    assert_eq!(
                        (error.valid_up_to(), copy[copy.len() - 1]),
                        (copy.len() - 1, FIRST_OF_FOUR)
                    );
                    seen[1] += 1;
                }
            }
        }
    };
    look(20_000);
    drop(rx);
    device.close().unwrap();
    until_written(&back_end); // it keeps the memory that it has mapped
    look(20_000);
    assert!(
        seen[0] > 0 && seen[1] > 0,
        "the byte did not change while it was looked at: {seen:?}"
    );
    assert!(batch
        .iter()
        .take(FRAMES - 1)
        .flatten()
        .all(|byte| byte.load(Relaxed) == LETTER));
    drop(batch);
    drop(back_end);
    assert_nothing_leaked(pool);
    mark(
        SAFE,
        COLUMN,
        "contained",
        "a pool for untrusted devices: packets are &[AtomicU8], a copy of them does not change",
    );
}

#[test]
fn a_back_end_that_is_vouched_for_gives_slices() {
    let pool = Pool::open().unwrap();
    let back_end = BackEnd::listen();
    let address = back_end.address();
    let builder = Device::builder(&address).pool(&pool);
    // SAFETY: the back end is this test's, and is not told to write on.
    let device = unsafe { builder.trust_device() }.open().unwrap();
    let mut batch = Batch::new(&pool, FRAMES).unwrap();
    let _rx = receive_all(&device, &mut batch);
    for packet in &batch {
        assert_eq!(
            (packet.len(), std::str::from_utf8(packet)),
            (FRAME_LEN, Ok("A".repeat(FRAME_LEN).as_str()))
        );
    }
    // Another one that nobody vouches for gets another pool, or none.
    let other = BackEnd::listen();
    let refused = Device::open(&other.address(), &pool);
    assert_error(refused, ErrorKind::Address, "IXY_E_ADDRESS", "untrusted_devices");
    let apart = untrusted_pool();
    let second = Device::open(&other.address(), &apart).unwrap();
    let mut atomics = Batch::atomic(&apart, FRAMES).unwrap();
    let mut rx = receive_all(&second, &mut atomics);
    assert_error(rx.receive(&mut batch), ErrorKind::Argument, "IXY_E_ARGUMENT", "pool");
    other.write_on();
    until_written(&other);
    assert!(batch.iter().flatten().all(|&byte| byte == LETTER));
    drop(other); // before the pool that it writes into
}

#[test]
fn raw_bytes_change() {
    let raw = Raw::new();
    let back_end = BackEnd::listen();
    let address = back_end.address();
    let builder = Device::builder(&address).pool(&raw.pool);
    // SAFETY: no slice is made of this pool.
    let device = unsafe { builder.trust_device() }.open().unwrap();
    let mut batch = Batch::atomic(&raw.pool, FRAMES).unwrap();
    let _rx = receive_all(&device, &mut batch);
    let frame = batch.pop().unwrap();
    back_end.write_on();
    let (last, end) = (frame.as_raw().offset + FRAME_LEN as u32 - 1, Instant::now() + PATIENCE);
    let mut seen = [false; 2];
    while seen != [true; 2] {
        assert!(Instant::now() < end, "the byte does not change");
        seen[usize::from(raw.get(last) == FIRST_OF_FOUR)] = true;
    }
    drop(back_end);
    mark(
        RAW,
        COLUMN,
        "not caught",
        "unsafe: bytes change under a pointer, and under a slice that was made of it, which is undefined",
    );
}

/// Why slices of an emulated device's packets need nobody's word: it writes into none that it has given up, whatever it
/// tells its driver, also where it runs on a thread of its own.
#[test]
fn emulated_devices_do_not_write_on() {
    for what in [
        "82599",
        "x550",
        "virtio",
        "virtio,ring=packed",
        "virtio,inorder=on",
        "virtio,mrg=on",
    ] {
        for timing in ["inline", "threaded"] {
            let started = (0..8).filter(|seed| {
                let address = format!("emu:{what},wire=gen,timing={timing},hostile=all,every=64,seed={seed}");
                hold_packets(&address, 64)
            });
            assert!(started.count() > 2, "emu:{what},timing={timing}");
        }
    }
}

/// Whether the device could be started.
fn hold_packets(address: &str, count: usize) -> bool {
    let pool = untrusted_pool();
    // It may lie here as well, which ends it.
    let device = match Device::open(address, &pool).and_then(|device| device.start().map(|()| device)) {
        Ok(device) => device,
        Err(_) => return false,
    };
    let mut rx = device.rx_queue(0).unwrap();
    let mut held = Batch::atomic(&pool, count).unwrap();
    let mut batch = Batch::atomic(&pool, 8).unwrap();
    for round in 0..2_000 {
        if rx.receive(&mut batch).is_err() {
            let _ = device.reset();
        }
        while let Some(packet) = batch.pop() {
            if held.len() == count {
                let kept = held.remove(0);
                assert!(
                    kept.iter().all(|byte| byte.load(Relaxed) == 0x5a),
                    "{address}: round {round}: a packet changed while the program held it"
                );
            }
            packet.iter().for_each(|byte| byte.store(0x5a, Relaxed));
            held.push(packet).unwrap();
        }
    }
    true
}
