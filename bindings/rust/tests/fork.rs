//! A child process of fork, which Rust knows only as a foreign function. One test: other threads would not be in the child.

mod common;

use std::os::raw::c_int;
use std::panic::{catch_unwind, AssertUnwindSafe};

use common::{looped, mark};
use libixy::{Batch, ErrorKind, Pool, Result};

extern "C" {
    fn fork() -> c_int;
    fn waitpid(process: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn _exit(code: c_int) -> !;
}

/// What a child process exits with: the number that `act` returns there, 99 if it panics.
fn in_child(act: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: this process has one thread that does anything, the caller.
    let child = unsafe { fork() };
    if child == 0 {
        std::panic::set_hook(Box::new(|_| {}));
        let code = catch_unwind(AssertUnwindSafe(act)).unwrap_or(99);
        // SAFETY: ends the child without the parent's destructors.
        unsafe { _exit(code) }
    }
    assert!(child > 0);
    let mut status = 0;
    // SAFETY: status is valid for the call.
    assert_eq!(unsafe { waitpid(child, &mut status, 0) }, child);
    assert_eq!(status & 0x7f, 0, "the child died of a signal");
    status >> 8 & 0xff
}

fn is_fork<T>(result: Result<T>) -> bool {
    result.map_or_else(|error| error.kind() == ErrorKind::Fork, |_| false)
}

#[test]
fn handles_of_the_parent() {
    let pool = Pool::open().unwrap();
    let device = looped(&pool);
    let (mut rx, mut tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
    let mut packet = pool.alloc(60).unwrap();
    packet.fill(7);
    let mut batch = Batch::new(&pool, 2).unwrap();
    batch.alloc(1, 60).unwrap();
    batch[0].fill(7);
    let mut empty = Batch::new(&pool, 2).unwrap();
    let wrong = in_child(|| {
        let told = [
            is_fork(rx.receive(&mut empty)),
            is_fork(tx.transmit(&mut batch)),
            is_fork(device.stats()),
            is_fork(pool.free_count()),
            is_fork(pool.alloc(60)),
            is_fork(device.start()),
            catch_unwind(AssertUnwindSafe(|| packet[0])).is_err(),
            catch_unwind(AssertUnwindSafe(|| packet[0] = 1)).is_err(),
            catch_unwind(AssertUnwindSafe(|| batch[0][0])).is_err(),
            catch_unwind(AssertUnwindSafe(|| batch[0][0] = 1)).is_err(),
            catch_unwind(AssertUnwindSafe(|| batch.iter().count())).is_err(),
            catch_unwind(AssertUnwindSafe(|| batch.iter_mut().count())).is_err(),
            empty.iter().count() == 0,
            Pool::open().and_then(|own| own.alloc(60)).is_ok(),
        ];
        told.iter().filter(|right| !**right).count() as c_int
    });
    assert_eq!(wrong, 0, "answers that are not a fork's");
    mark(
        "safe",
        "handle after fork",
        "run time",
        "Err(ErrorKind::Fork); access to bytes panics",
    );
    // SAFETY: the call takes any handle; the array has one frame.
    let code = in_child(|| unsafe { -ixy_sys::ixy_buf_free(pool.as_raw(), &packet.as_raw(), 1) });
    assert_eq!(code, -ixy_sys::IXY_E_FORK);
    mark("raw", "handle after fork", "run time", "IXY_E_FORK");
    let address = packet.as_ptr();
    // SAFETY: the pool keeps the byte mapped, in the child too.
    assert_eq!(in_child(|| unsafe { address.read_volatile() }.into()), 0);
    mark(
        "raw",
        "handle after fork",
        "not caught",
        "unsafe: memory reads zeroes of the child's own, never the parent's",
    );
    assert!(
        packet.iter().chain(&batch[0]).all(|&byte| byte == 7),
        "the parent goes on"
    );
    assert_eq!(tx.transmit(&mut batch).unwrap(), 1);
}
