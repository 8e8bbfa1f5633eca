//! The queues of a device: where packets come in and go out.

use std::fmt;
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;
use std::time::Duration;

use crate::batch::Batch;
use crate::device::Inner;
use crate::error::{check, Error, Result};
use crate::pool::Pool;

/// One receive queue of a device, taken by [`Device::rx_queue`](crate::Device::rx_queue).
///
/// It can go to another thread, but two threads cannot be in it: receiving borrows it mutably.
///
/// # Waiting
///
/// [`RxQueue::wait`] sleeps until there is something to receive. For event loops a queue is a file descriptor ([`AsFd`],
/// [`AsRawFd`]: tokio's `AsyncFd` takes the queue itself): receive until nothing is left, [`RxQueue::arm`], and sleep
/// on the descriptor only if that returns false. It becomes readable with the next packet, when the device fails, and
/// when it is closed; nobody reads it. It is the queue's own, open and the same until the queue is dropped.
///
/// Without [`Capabilities::RX_WAIT`](crate::Capabilities::RX_WAIT) the device has no interrupts and the queue no
/// descriptor: `wait` and `arm` are `Unsupported`, [`AsRawFd`] gives -1, [`AsFd`] panics.
pub struct RxQueue {
    device: Arc<Inner>,
    pool: Pool,
    handle: u64,
    index: u32,
    /// A duplicate of the queue's descriptor: it stays one when the device is closed, and readable then.
    descriptor: Option<OwnedFd>,
}

/// One transmit queue of a device, taken by [`Device::tx_queue`](crate::Device::tx_queue).
///
/// It can go to another thread, but two threads cannot be in it: transmitting borrows it mutably.
pub struct TxQueue {
    device: Arc<Inner>,
    pool: Pool,
    handle: u64,
    index: u32,
}

impl RxQueue {
    /// The queue, which was taken for it.
    pub(crate) fn open(device: Arc<Inner>, pool: Pool, index: u32) -> Result<Self> {
        let handle = device.handle();
        let mut queue = RxQueue {
            device,
            pool,
            handle,
            index,
            descriptor: None,
        };
        queue.descriptor = descriptor(handle, index)?;
        Ok(queue)
    }

    /// Appends the frames that have arrived to the batch, as many as it has room for. Returns how many: 0 when none is
    /// there (or the batch is full). Never blocks.
    ///
    /// # Errors
    ///
    /// `State` before the device was started, `Handle` after it was closed, `Device` when it failed, `Argument` when the
    /// batch is of another pool than the device's; for frames over several buffers also `Range`, when the batch has room
    /// for fewer packets than [`Info::rx_frames_max`](crate::Info::rx_frames_max).
    #[inline]
    pub fn receive(&mut self, batch: &mut Batch) -> Result<usize> {
        if !self.pool.is(batch.pool()) {
            return Err(other_pool());
        }
        let spare = batch.spare_mut();
        // SAFETY: the array has that many places, at most IXY_BATCH_MAX.
        let got = unsafe { ixy_sys::ixy_rx_batch(self.handle, self.index, spare.as_mut_ptr(), spare.len() as u32) };
        if got < 0 {
            return Err(Error::hot(got));
        }
        batch.grow(got as usize);
        Ok(got as usize)
    }

    /// Waits until there is something to receive, and returns true; or false when `timeout` is over, when a signal
    /// handler ran or [`Device::rx_wake`](crate::Device::rx_wake) came. None waits without end, zero only looks. Milliseconds count, rounded up, to at most 24 days.
    ///
    /// ```
    /// use std::time::Duration;
    /// use libixy::{Batch, Device, Pool};
    ///
    /// let pool = Pool::open()?;
    /// let device = Device::open("emu:82599,wire=gen,limit=100", &pool)?;
    /// device.start()?;
    /// let mut rx = device.rx_queue(0)?;
    /// let mut batch = Batch::new(&pool, 100)?;
    /// while batch.len() < 100 && rx.wait(Some(Duration::from_secs(10)))? {
    ///     rx.receive(&mut batch)?;
    /// }
    /// assert_eq!(batch.len(), 100);
    /// # Ok::<(), libixy::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Unsupported` without [`Capabilities::RX_WAIT`](crate::Capabilities::RX_WAIT); `State` before the device was
    /// started; `Handle` when it was closed, also meanwhile; `Device` when it failed.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool> {
        let milliseconds = timeout.map_or(-1, |timeout| {
            i32::try_from((timeout.as_nanos() + 999_999) / 1_000_000).unwrap_or(i32::MAX)
        });
        // SAFETY: the call takes any handle and queue.
        self.told(unsafe { ixy_sys::ixy_rx_wait(self.handle, self.index, milliseconds) })
    }

    /// Returns true if there is something to receive; if not, the queue's descriptor becomes readable when there is.
    ///
    /// # Errors
    ///
    /// As [`RxQueue::wait`].
    pub fn arm(&mut self) -> Result<bool> {
        // SAFETY: the call takes any handle and queue.
        self.told(unsafe { ixy_sys::ixy_rx_arm(self.handle, self.index) })
    }

    fn told(&self, code: i32) -> Result<bool> {
        if code >= 0 {
            return Ok(code > 0);
        }
        // A control call: where it fails too, its error has a text with names and values.
        // SAFETY: the call takes any handle and queue.
        check(unsafe { ixy_sys::ixy_rx_fd(self.handle, self.index) })?;
        Err(Error::hot(code))
    }

    /// The queue's index in its device.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The pool from which the queue's packets come.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }
}

impl TxQueue {
    pub(crate) fn new(device: Arc<Inner>, pool: Pool, index: u32) -> Self {
        let handle = device.handle();
        TxQueue {
            device,
            pool,
            handle,
            index,
        }
    }

    /// Hands packets to the device, from the batch's first on; those that it took are out of the batch, the rest stay.
    /// Returns how many it took: fewer than the batch has when the ring is full, or when a packet cannot be sent (which
    /// is the error of the next call, as the first). Never blocks.
    ///
    /// # Errors
    ///
    /// Of the first packet: `Frame` when its length cannot be sent, `Handle` when its batch is of another pool than the
    /// device's. `State` before the device was started, `Handle` after it was closed.
    #[inline]
    pub fn transmit(&mut self, batch: &mut Batch) -> Result<usize> {
        let frames = batch.frames();
        // SAFETY: the array has that many frames, at most IXY_BATCH_MAX.
        let sent = unsafe { ixy_sys::ixy_tx_batch(self.handle, self.index, frames.as_ptr(), frames.len() as u32) };
        if sent < 0 {
            return Err(Error::hot(sent));
        }
        batch.forget_front(sent as usize);
        Ok(sent as usize)
    }

    /// The queue's index in its device.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The pool of which packets can be sent.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }
}

/// A duplicate of a receive queue's descriptor; None where there is none.
fn descriptor(handle: u64, index: u32) -> Result<Option<OwnedFd>> {
    // SAFETY: the call takes any handle and queue.
    let number = unsafe { ixy_sys::ixy_rx_fd(handle, index) };
    if number == ixy_sys::IXY_E_UNSUPPORTED {
        return Ok(None);
    }
    check(number)?;
    // SAFETY: the descriptor is open as long as the device, which the caller holds.
    let own = unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned();
    own.map(Some).map_err(|error| {
        Error::new(
            ixy_sys::IXY_E_IO,
            format!("duplicating the file descriptor of receive queue {index}: {error}"),
        )
    })
}

impl AsRawFd for RxQueue {
    fn as_raw_fd(&self) -> RawFd {
        self.descriptor.as_ref().map_or(-1, AsRawFd::as_raw_fd)
    }
}

impl AsFd for RxQueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.descriptor {
            Some(descriptor) => descriptor.as_fd(),
            None => {
                panic!("{self:?} has no file descriptor: its device has no RX_WAIT, which Info::capabilities tells")
            }
        }
    }
}

#[cold]
fn other_pool() -> Error {
    Error::new(
        ixy_sys::IXY_E_ARGUMENT,
        "the batch is of another pool than the device's; make it from the pool that the device was opened with",
    )
}

impl Drop for RxQueue {
    fn drop(&mut self) {
        self.device.rx().give(self.index);
    }
}

impl Drop for TxQueue {
    fn drop(&mut self) {
        self.device.tx().give(self.index);
    }
}

impl fmt::Debug for RxQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RxQueue({}, {})", self.device.address(), self.index)
    }
}

impl fmt::Debug for TxQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TxQueue({}, {})", self.device.address(), self.index)
    }
}

/// The queues of one direction, and which of them have an owner.
pub(crate) struct QueueSet {
    direction: &'static str,
    count: u32,
    taken: AtomicU32,
}

impl QueueSet {
    pub(crate) fn new(direction: &'static str, count: u32) -> Self {
        QueueSet {
            direction,
            count,
            taken: AtomicU32::new(0),
        }
    }

    pub(crate) fn take(&self, index: u32, address: &str) -> Result<()> {
        if index >= self.count {
            return Err(Error::new(
                ixy_sys::IXY_E_RANGE,
                format!(
                    "{address}: {} queue {index}: it was opened with {}, counted from 0",
                    self.direction, self.count
                ),
            ));
        }
        // Acquire and release: what the former owner did with the queue comes before what the next one does.
        if self.taken.fetch_or(1 << index, Ordering::Acquire) & (1 << index) != 0 {
            return Err(Error::new(
                ixy_sys::IXY_E_BUSY,
                format!(
                    "{address}: {} queue {index} has an owner; it can be taken again when that is dropped",
                    self.direction
                ),
            ));
        }
        Ok(())
    }

    fn give(&self, index: u32) {
        self.taken.fetch_and(!(1 << index), Ordering::Release);
    }
}
