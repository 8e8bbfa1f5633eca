//! Numbers at the ends of their types, given to every public function that takes one: refused, or as documented.

mod common;

use std::fs;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::Path;
use std::thread;
use std::time::Duration;

use common::{assert_error, assert_nothing_leaked, looped};
use libixy::{Batch, Capabilities, Device, DeviceBuilder, ErrorKind, Metadata, Pool};

/// 2^31, 2^32 and the like: cut to 32 or 16 bits they would be small numbers, or negative ones.
const WIDE: [usize; 8] = [
    1 << 16,
    (1 << 16) + 1,
    1 << 31,
    (1 << 32) - 1,
    1 << 32,
    (1 << 32) + 1,
    usize::MAX - 1,
    usize::MAX,
];
const U32: [u32; 4] = [1 << 16, 1 << 31, u32::MAX - 1, u32::MAX];

fn panics<T>(act: impl FnOnce() -> T) -> bool {
    catch_unwind(AssertUnwindSafe(act)).is_err()
}

#[test]
fn of_pools() {
    for number in U32 {
        let pool = Pool::builder().buffers(number).open();
        if number <= libixy::BUFFERS_MAX {
            assert_eq!(pool.unwrap().buffers(), number);
        } else {
            assert_error(pool, ErrorKind::Argument, "IXY_E_ARGUMENT", "buffer");
        }
        let pool = Pool::builder().buffer_size(number).open();
        assert_error(pool, ErrorKind::Argument, "IXY_E_ARGUMENT", "buffer");
    }
    let pool = Pool::open().unwrap();
    for len in WIDE {
        assert_error(pool.alloc(len), ErrorKind::Frame, "IXY_E_FRAME", &len.to_string());
        assert_error(
            pool.alloc_atomic(len),
            ErrorKind::Frame,
            "IXY_E_FRAME",
            &len.to_string(),
        );
    }
    assert_nothing_leaked(pool);
}

fn assert_refused<'a>(pool: &'a Pool, what: &str, ask: fn(DeviceBuilder<'a>, u32) -> DeviceBuilder<'a>) {
    for address in ["emu:82599", "emu:virtio"] {
        for number in U32 {
            let opened = ask(Device::builder(address).pool(pool), number).open();
            assert_error(opened, ErrorKind::Range, "IXY_E_RANGE", what);
        }
    }
}

#[test]
fn of_devices() {
    let pool = Pool::open().unwrap();
    assert_refused(&pool, "rx_queues", DeviceBuilder::rx_queues);
    assert_refused(&pool, "tx_queues", DeviceBuilder::tx_queues);
    assert_refused(&pool, "rx_ring_size", DeviceBuilder::rx_ring_size);
    assert_refused(&pool, "tx_ring_size", DeviceBuilder::tx_ring_size);
    assert_refused(&pool, "frame_len_max", DeviceBuilder::frame_len_max);
    let device = looped(&pool);
    for index in U32 {
        assert_error(device.rx_queue(index), ErrorKind::Range, "IXY_E_RANGE", "queue");
        assert_error(device.tx_queue(index), ErrorKind::Range, "IXY_E_RANGE", "queue");
        assert_error(device.queue_stats(index), ErrorKind::Range, "IXY_E_RANGE", "queue");
        assert_error(device.rx_wake(index), ErrorKind::Range, "IXY_E_RANGE", "");
    }
    device.close().unwrap();
    assert_nothing_leaked(pool);
}

#[test]
fn of_batches() {
    let pool = Pool::open().unwrap();
    let mut batch = Batch::new(&pool, 4).unwrap();
    batch.alloc(2, 60).unwrap();
    let metadata = Metadata::default();
    let range = (ErrorKind::Range, "IXY_E_RANGE");
    for number in WIDE {
        assert_error(Batch::new(&pool, number), range.0, range.1, &number.to_string());
        assert_error(Batch::atomic(&pool, number), range.0, range.1, &number.to_string());
        assert_error(
            batch.alloc(1, number),
            ErrorKind::Frame,
            "IXY_E_FRAME",
            &number.to_string(),
        );
        assert_error(batch.resize(0, number), ErrorKind::Frame, "IXY_E_FRAME", "");
        assert_error(batch.resize(number, 60), range.0, range.1, "packet");
        assert_error(batch.set_metadata(number, &metadata), range.0, range.1, "packet");
        assert_error(batch.set_more(number, true), range.0, range.1, "packet");
        assert!(batch.get(number).is_none() && batch.get_mut(number).is_none());
        assert!(batch.metadata(number).is_none() && batch.more(number).is_none());
        assert!(panics(|| batch[number].len()) && panics(|| batch[number].fill(1)));
        assert!(panics(|| batch.remove(number)));
        assert!(panics(|| batch[0][number]) && panics(|| batch[0][number] = 1));
        assert!(batch.iter().nth(number).is_none() && batch.iter_mut().nth(number).is_none());
        batch.truncate(number);
        assert_eq!((batch.len(), batch[0].len(), batch[1].len()), (2, 60, 60));
        // As many as there is room for.
        assert_eq!(batch.alloc(number, 60).unwrap(), 2);
        batch.truncate(2);
        let mut packet = batch.pop().unwrap();
        assert_error(packet.resize(number), ErrorKind::Frame, "IXY_E_FRAME", "");
        batch.push(packet).unwrap();
    }
    drop(batch);
    assert_nothing_leaked(pool);
}

/// A time-out that was cut to 32 bits would be over at once.
#[test]
fn of_waits() {
    let pool = Pool::open().unwrap();
    let device = Device::open("emu:82599", &pool).unwrap();
    device.start().unwrap();
    let (mut rx, mut tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
    for timeout in [
        Duration::from_millis(i32::MAX as u64),
        Duration::from_millis(1 << 31),
        Duration::from_millis(1 << 32),
        Duration::from_millis((1 << 32) + 1),
        Duration::from_secs(u64::MAX),
        Duration::MAX,
    ] {
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(20));
                let mut batch = Batch::new(&pool, 1).unwrap();
                batch.alloc(1, 60).unwrap();
                assert_eq!(tx.transmit(&mut batch).unwrap(), 1);
            });
            assert!(rx.wait(Some(timeout)).unwrap(), "{timeout:?}");
        });
        assert_eq!(rx.receive(&mut Batch::new(&pool, 1).unwrap()).unwrap(), 1);
    }
}

/// The tests above name every public function that takes a number, as the sources have them.
#[test]
fn of_every_function() {
    let here = include_str!("numbers.rs");
    let mut functions = 0;
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap() {
        let source = fs::read_to_string(file.unwrap().path()).unwrap();
        for (at, _) in source.match_indices("    pub fn ") {
            let signature = source[at..].split(" {\n").next().unwrap();
            let (name, rest) = signature["    pub fn ".len()..].split_once('(').unwrap();
            let name = name.split('<').next().unwrap();
            let arguments = rest.split(") -> ").next().unwrap();
            if ["usize", "u32", "u64", "Duration"]
                .iter()
                .any(|kind| arguments.contains(kind))
            {
                assert!(
                    here.contains(&format!(".{name}(")) || here.contains(&format!("::{name}")),
                    "no test gives {name} numbers at their ends"
                );
                functions += 1;
            }
        }
    }
    assert!(functions >= 20, "only {functions} functions were found");
    assert_eq!(Capabilities::empty().bits(), 0); // the one number that goes out and cannot come in
}
