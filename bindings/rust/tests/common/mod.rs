//! What several tests share.
#![allow(dead_code)]

pub mod back_end;

use std::time::{Duration, Instant};

use libixy::{Batch, Device, Error, ErrorKind, Pool, RxQueue};

/// Checks an error's kind and name, and that its text names what was wrong.
pub fn assert_error<T: std::fmt::Debug>(result: libixy::Result<T>, kind: ErrorKind, name: &str, word: &str) -> Error {
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.name()), (kind, name), "{error}");
    assert!(error.code() < 0);
    assert!(error.text().contains(word), "{error}: does not speak of {word}");
    error
}

/// Receives until the batch has `count` packets; fails after 5 seconds.
pub fn receive(rx: &mut RxQueue, batch: &mut Batch, count: usize) {
    let end = Instant::now() + Duration::from_secs(5);
    while batch.len() < count {
        assert!(Instant::now() < end, "{} of {count} packets came", batch.len());
        rx.receive(batch).unwrap();
    }
}

/// A started device whose wire is a loop, stepped by its calls.
pub fn looped(pool: &Pool) -> Device {
    let device = Device::open("emu:82599,wire=loop,timing=inline", pool).unwrap();
    device.start().unwrap();
    device
}

/// Closes what is left and checks that every buffer came back.
pub fn assert_nothing_leaked(pool: Pool) {
    assert_eq!(pool.free_count().unwrap(), pool.buffers() as usize);
}

/// Tells a mark of the safety table, once it was asserted. Not by println!, whose lines a test that passes keeps to itself.
pub fn mark(row: &str, column: &str, word: &str, detail: &str) {
    use std::io::Write;
    let mut out = std::io::stdout();
    writeln!(out, "safety: Rust/{row} | {column} | {word} | {detail}").unwrap();
}
