//! The safety table (docs/safety.md): each mistake that compiles is made, what comes of it asserted, and then told.
//! Mistakes that do not compile are in misuse.rs, a child process in fork.rs.

#[path = "../common/mod.rs"]
mod common;
mod copied;
mod interrupted;
mod untrusted;

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{assert_error, assert_nothing_leaked, looped, mark};
use ixy_sys::{ixy_frame, ixy_view, IXY_E_BUSY, IXY_E_FRAME, IXY_E_HANDLE, IXY_E_RANGE};
use libixy::{Batch, Device, ErrorKind, Pool};

const SAFE: &str = "safe";
const RAW: &str = "raw";

/// Offsets that are not in a packet of 60 bytes.
const OUTSIDE: [usize; 6] = [60, 61, 2048, 1 << 32, usize::MAX - 1, usize::MAX];

/// Whether it panics; its message is not shown.
fn panics<T>(act: impl FnOnce() -> T) -> bool {
    catch_unwind(AssertUnwindSafe(act)).is_err()
}

/// A pool through the C interface alone: its memory, and packets in it.
struct Raw {
    pool: Pool,
    view: ixy_view,
}

impl Raw {
    fn new() -> Raw {
        let pool = Pool::open().unwrap();
        let mut view = ixy_view::sized();
        // SAFETY: the struct is valid for the call.
        assert_eq!(unsafe { ixy_sys::ixy_pool_view(pool.as_raw(), &mut view) }, 0);
        Raw { pool, view }
    }

    fn alloc(&self) -> ixy_frame {
        let mut frame = ixy_frame {
            buf: 0,
            offset: 0,
            len: 0,
            flags: 0,
        };
        // SAFETY: the array has one frame.
        assert_eq!(unsafe { ixy_sys::ixy_buf_alloc(self.pool.as_raw(), &mut frame, 1) }, 1);
        frame.len = 60;
        frame
    }

    fn free(&self, frame: &ixy_frame) -> i32 {
        // SAFETY: the array has one frame.
        unsafe { ixy_sys::ixy_buf_free(self.pool.as_raw(), frame, 1) }
    }

    /// The address of a byte of the pool's memory.
    fn at(&self, offset: u32) -> *mut u8 {
        assert!(u64::from(offset) < self.view.size);
        // SAFETY: the byte lies in the memory.
        unsafe { self.view.base.add(offset as usize) }
    }

    fn get(&self, offset: u32) -> u8 {
        // SAFETY: the memory is mapped while the view is held. Volatile, as others may write it.
        unsafe { self.at(offset).read_volatile() }
    }

    fn set(&self, offset: u32, value: u8) {
        // SAFETY: as above.
        unsafe { self.at(offset).write_volatile(value) }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: the call takes any handle; nothing points into the view any more.
        assert_eq!(unsafe { ixy_sys::ixy_pool_view_release(self.view.view) }, 0);
    }
}

fn transmit(device: u64, frames: &[ixy_frame]) -> i32 {
    // SAFETY: the array has that many frames.
    unsafe { ixy_sys::ixy_tx_batch(device, 0, frames.as_ptr(), frames.len() as u32) }
}

fn receive(device: u64, frame: &mut ixy_frame) -> i32 {
    // SAFETY: the array has one frame.
    unsafe { ixy_sys::ixy_rx_batch(device, 0, frame, 1) }
}

#[test]
fn bounds() {
    let pool = Pool::open().unwrap();
    let mut packet = pool.alloc(60).unwrap();
    packet.fill(7);
    let mut batch = Batch::new(&pool, 2).unwrap();
    batch.alloc(1, 60).unwrap();
    for at in OUTSIDE {
        assert!(panics(|| packet[at]) && panics(|| batch[0][at]));
        assert!(panics(|| packet[at..].len()) || at == 60);
        assert!(packet.get(at).is_none() && batch[0].get(at).is_none());
    }
    for index in [1, 2, usize::MAX] {
        assert!(batch.get(index).is_none() && panics(|| batch[index][0]));
    }
    mark(
        SAFE,
        "out of bounds read",
        "run time",
        "panic: index out of bounds; None from get",
    );
    for at in OUTSIDE {
        assert!(panics(|| packet[at] = 1) && panics(|| batch[0][at] = 1));
        assert!(panics(|| packet[at - 1..at + 1].fill(1)));
    }
    assert!(packet.iter().all(|&byte| byte == 7));
    mark(
        SAFE,
        "out of bounds write",
        "run time",
        "panic: index out of bounds; None from get_mut",
    );
}

#[test]
fn raw_bounds() {
    let raw = Raw::new();
    let (one, two) = (raw.alloc(), raw.alloc());
    let past = one.offset + u32::from(one.len); // after the packet
    let far = two.offset.wrapping_sub(one.offset); // from the first packet's start to the other's
    raw.set(two.offset, 1);
    assert_eq!(raw.get(one.offset.wrapping_add(far)), 1);
    mark(
        RAW,
        "out of bounds read",
        "not caught",
        "unsafe: pointers have no bounds",
    );
    raw.set(past, 42);
    assert_eq!(raw.get(past), 42);
    mark(
        RAW,
        "out of bounds write",
        "not caught",
        "unsafe: pointers have no bounds",
    );
    let mut byte = 0_u8;
    // SAFETY: the call copies at most one byte.
    let read = unsafe { ixy_sys::ixy_buf_read(raw.pool.as_raw(), &one, 60, (&mut byte as *mut u8).cast(), 1) };
    assert_eq!(read, IXY_E_RANGE);
    assert_eq!((raw.free(&one), raw.free(&two)), (1, 1));
}

#[test]
fn raw_use_after_transmit() {
    let raw = Raw::new();
    let device = looped(&raw.pool);
    let frame = raw.alloc();
    raw.set(frame.offset, 42);
    assert_eq!(transmit(device.as_raw(), &[frame, frame]), 1);
    assert_eq!(raw.get(frame.offset), 42);
    mark(
        RAW,
        "use after transmit",
        "not caught",
        "unsafe: a pointer shows what the buffer holds",
    );
    assert_eq!(transmit(device.as_raw(), &[frame]), IXY_E_HANDLE);
    mark(
        RAW,
        "double transmit",
        "run time",
        "IXY_E_HANDLE; twice in one call: it ends at the second",
    );
}

#[test]
fn raw_use_after_free() {
    let raw = Raw::new();
    let frame = raw.alloc();
    assert_eq!(raw.free(&frame), 1);
    raw.set(frame.offset, 42);
    assert_eq!(raw.get(frame.offset), 42);
    mark(
        RAW,
        "use after free",
        "not caught",
        "unsafe: a pointer reads and changes what the buffer holds",
    );
    assert_eq!(raw.free(&frame), IXY_E_HANDLE);
    mark(RAW, "double free", "run time", "IXY_E_HANDLE");
}

#[test]
fn foreign_handles() {
    let (raw, other) = (Raw::new(), Pool::open().unwrap());
    let device = looped(&raw.pool);
    let mut batch = Batch::new(&other, 2).unwrap();
    let foreign = raw.pool.alloc(60).unwrap();
    let back = batch.push(foreign).unwrap_err(); // the packet comes back
    assert_eq!(back.len(), 60);
    batch.alloc(1, 60).unwrap();
    let (mut rx, mut tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
    assert_error(tx.transmit(&mut batch), ErrorKind::Handle, "IXY_E_HANDLE", "");
    assert_error(rx.receive(&mut batch), ErrorKind::Argument, "IXY_E_ARGUMENT", "pool");
    assert_eq!(batch.len(), 1);
    drop(batch);
    assert_nothing_leaked(other);
    mark(
        SAFE,
        "foreign handle",
        "run time",
        "Err(ErrorKind::Handle), receiving Err(ErrorKind::Argument), Batch::push gives the packet back",
    );
    let other = Raw::new();
    let frame = other.alloc();
    assert_eq!(transmit(device.as_raw(), &[frame]), IXY_E_HANDLE);
    assert_eq!(raw.free(&frame), IXY_E_HANDLE);
    // SAFETY: the call takes any handle.
    assert_eq!(unsafe { ixy_sys::ixy_pool_close(device.as_raw()) }, IXY_E_HANDLE);
    assert_eq!(other.free(&frame), 1);
    mark(
        RAW,
        "foreign handle",
        "run time",
        "IXY_E_HANDLE, also for a handle of another kind",
    );
}

#[test]
fn raw_forged_handles() {
    let raw = Raw::new();
    let device = looped(&raw.pool);
    let frame = raw.alloc();
    for buf in [
        0,
        1,
        frame.buf ^ 1 << 30,
        frame.buf ^ 1 << 18,
        (1 << 53) - 1,
        1 << 63,
        u64::MAX,
    ] {
        let mut forged = ixy_frame { buf, ..frame };
        assert_eq!(transmit(device.as_raw(), &[forged]), IXY_E_HANDLE);
        assert_eq!(raw.free(&forged), IXY_E_HANDLE);
        assert_eq!(receive(buf, &mut forged), IXY_E_HANDLE);
        // SAFETY: the call takes any handle.
        assert_eq!(unsafe { ixy_sys::ixy_device_close(buf) }, IXY_E_HANDLE);
    }
    assert_eq!(raw.free(&frame), 1);
    mark(RAW, "forged handle", "run time", "IXY_E_HANDLE");
}

#[test]
fn closed_devices() {
    let raw = Raw::new();
    let device = looped(&raw.pool);
    let handle = device.as_raw();
    let (mut rx, mut tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
    let mut batch = Batch::new(&raw.pool, 2).unwrap();
    batch.alloc(1, 60).unwrap();
    device.close().unwrap();
    let next = looped(&raw.pool); // takes the slot again
    assert_error(rx.receive(&mut batch), ErrorKind::Handle, "IXY_E_HANDLE", "");
    assert_error(tx.transmit(&mut batch), ErrorKind::Handle, "IXY_E_HANDLE", "");
    assert_eq!(batch.len(), 1);
    mark(
        SAFE,
        "use after device close",
        "run time",
        "a queue that is still held: Err(ErrorKind::Handle)",
    );
    let mut frame = raw.alloc();
    assert_eq!(transmit(handle, &[frame]), IXY_E_HANDLE);
    assert_eq!(receive(handle, &mut frame), IXY_E_HANDLE);
    assert_eq!(raw.free(&frame), 1);
    drop(next);
    mark(RAW, "use after device close", "run time", "IXY_E_HANDLE");
}

#[test]
fn numbers() {
    let pool = Pool::open().unwrap();
    let device = looped(&pool);
    let mut packet = pool.alloc(60).unwrap();
    for len in [1 << 16, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 32) + 60, usize::MAX] {
        assert_error(pool.alloc(len), ErrorKind::Frame, "IXY_E_FRAME", "");
        assert_error(packet.resize(len), ErrorKind::Frame, "IXY_E_FRAME", "");
        assert_error(Batch::new(&pool, len), ErrorKind::Range, "IXY_E_RANGE", "");
        assert!(packet.get(len..).is_none() && packet.get(..len).is_none());
    }
    for queue in [1, 1 << 31, u32::MAX] {
        assert_error(device.rx_queue(queue), ErrorKind::Range, "IXY_E_RANGE", "");
    }
    assert_eq!(packet.len(), 60);
    mark(
        SAFE,
        "integer overflow",
        "run time",
        "Err(ErrorKind::Frame), Err(ErrorKind::Range), a panic for an index; negative numbers do not compile",
    );
}

#[test]
fn raw_numbers() {
    let raw = Raw::new();
    let device = looped(&raw.pool);
    let frame = raw.alloc();
    let mut bytes = [0_u8; 64];
    for (from, size) in [(59, 2), (60, 1), (u32::MAX, 1), (1, u32::MAX)] {
        // SAFETY: the call copies nothing that is not in the packet, which is shorter than the array.
        let got = unsafe { ixy_sys::ixy_buf_read(raw.pool.as_raw(), &frame, from, bytes.as_mut_ptr().cast(), size) };
        assert_eq!(got, IXY_E_RANGE);
    }
    for bad in [
        ixy_frame {
            offset: u32::MAX,
            ..frame
        },
        ixy_frame {
            offset: frame.offset.wrapping_sub(4096),
            ..frame
        },
        ixy_frame { len: u16::MAX, ..frame },
    ] {
        assert_eq!(transmit(device.as_raw(), &[bad]), IXY_E_FRAME);
    }
    // SAFETY: so many frames are refused before the array is looked at.
    let sent = unsafe { ixy_sys::ixy_tx_batch(device.as_raw(), 0, &frame, u32::MAX) };
    assert_eq!(sent, IXY_E_RANGE);
    assert_eq!(raw.free(&frame), 1);
    mark(RAW, "integer overflow", "run time", "IXY_E_RANGE, IXY_E_FRAME");
}

#[test]
fn raw_one_queue() {
    let pool = Pool::open().unwrap();
    let device = Device::open("emu:82599,timing=inline,wire=gen", &pool).unwrap();
    device.start().unwrap();
    let busy = AtomicBool::new(false);
    let end = Instant::now() + Duration::from_secs(30);
    let work = || {
        let mut frames = [ixy_frame {
            buf: 0,
            offset: 0,
            len: 0,
            flags: 0,
        }; 256];
        while !busy.load(Ordering::Relaxed) && Instant::now() < end {
            // SAFETY: the array has 256 frames.
            let got = unsafe { ixy_sys::ixy_rx_batch(device.as_raw(), 0, frames.as_mut_ptr(), 256) };
            if got == IXY_E_BUSY {
                busy.store(true, Ordering::Relaxed);
                break;
            }
            assert!(got >= 0);
            // SAFETY: as above.
            assert_eq!(
                unsafe { ixy_sys::ixy_buf_free(pool.as_raw(), frames.as_ptr(), got as u32) },
                got
            );
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    assert!(busy.load(Ordering::Relaxed), "neither thread was told");
    mark(RAW, "two threads on one queue", "run time", "IXY_E_BUSY");
}

#[test]
fn raw_view_of_a_closed_pool() {
    let raw = Raw::new();
    let frame = raw.alloc();
    raw.set(frame.offset, 42);
    // SAFETY: the misuse: the pool ends behind its owner's back, whose own close then fails harmlessly.
    assert_eq!(unsafe { ixy_sys::ixy_pool_close(raw.pool.as_raw()) }, 0);
    assert_eq!(raw.get(frame.offset), 0);
    raw.set(frame.offset, 1);
    assert_eq!(raw.free(&frame), IXY_E_HANDLE);
    mark(
        RAW,
        "view after pool close",
        "not caught",
        "unsafe: reads zeroes, writes reach nobody, until the view is released; a fault after that",
    );
}
