//! The queues of a device: where packets come in and go out.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

use crate::batch::Batch;
use crate::device::Inner;
use crate::error::{Error, Result};
use crate::pool::Pool;

/// One receive queue of a device, taken by [`Device::rx_queue`](crate::Device::rx_queue).
///
/// It can go to another thread, but two threads cannot be in it: receiving borrows it mutably.
pub struct RxQueue {
    device: Arc<Inner>,
    pool: Pool,
    handle: u64,
    index: u32,
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
    pub(crate) fn new(device: Arc<Inner>, pool: Pool, index: u32) -> Self {
        let handle = device.handle();
        RxQueue {
            device,
            pool,
            handle,
            index,
        }
    }

    /// Appends the frames that have arrived to the batch, as many as it has room for. Returns how many: 0 when none is
    /// there (or the batch is full). Never blocks.
    ///
    /// # Errors
    ///
    /// `State` before the device was started, `Handle` after it was closed, `Argument` when the batch is of another
    /// pool than the device's.
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
