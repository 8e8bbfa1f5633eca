//! Many packets, owned together: what receive fills and transmit empties.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};
use std::sync::atomic::AtomicU8;

use ixy_sys::ixy_frame;

use crate::byte::Byte;
use crate::error::{Error, Result};
use crate::iter::{Iter, IterMut};
use crate::metadata::Metadata;
use crate::packet::{self, Packet};
use crate::pool::{Pool, NO_FRAME};
use crate::BATCH_MAX;

/// Up to a fixed number of packets of one pool, in order. It owns their buffers and frees those it still holds when
/// dropped.
///
/// Made once and used again and again: [`RxQueue::receive`](crate::RxQueue::receive) appends to it,
/// [`TxQueue::transmit`](crate::TxQueue::transmit) takes what it sends out of it, from the front. Neither allocates.
///
/// A child process has no part in the packets that its parent held at fork(): there, access to their bytes panics.
///
/// Its packets are slices of `u8`, those of a `Batch<AtomicU8>` slices of atomics: [`Batch::atomic`].
///
/// ```
/// use libixy::{Batch, Pool};
///
/// let pool = Pool::open()?;
/// let mut batch = Batch::new(&pool, 32)?;
/// batch.alloc(4, 60)?;
/// for packet in &mut batch {
///     packet.fill(0);
///     packet[12] = 0x08;
/// }
/// batch.truncate(3);
/// let last = batch.pop().unwrap();
/// assert_eq!((batch.len(), last[12]), (2, 0x08));
/// # Ok::<(), libixy::Error>(())
/// ```
pub struct Batch<B = u8> {
    pool: Pool,
    frames: Box<[ixy_frame]>,
    len: usize,
    bytes: PhantomData<B>,
}

impl Batch {
    /// An empty batch for up to `capacity` packets of a pool.
    ///
    /// # Errors
    ///
    /// `Range` when the capacity is 0 or over [`BATCH_MAX`]; `Unsupported` when the pool is for devices that are not
    /// trusted.
    pub fn new(pool: &Pool, capacity: usize) -> Result<Self> {
        pool.gives_slices()?;
        Batch::with_capacity(pool, capacity)
    }

    /// The bytes of packet `index` to change, or None when there are not so many.
    #[inline]
    #[must_use]
    pub fn get_mut(&mut self, index: usize) -> Option<&mut [u8]> {
        let frame = self.frames().get(index)?;
        let memory = self.pool.memory();
        memory.assert_owned(frame);
        // SAFETY: the batch has its packets' buffers to itself, and self is borrowed mutably.
        Some(unsafe { memory.bytes_mut(frame) })
    }

    /// The packets' bytes to change, in order.
    #[inline]
    pub fn iter_mut(&mut self) -> IterMut<'_> {
        let memory = self.pool.memory();
        let frames = &mut self.frames[..self.len];
        memory.assert_not_inherited(frames);
        IterMut::new(frames, memory)
    }
}

impl Batch<AtomicU8> {
    /// An empty batch for up to `capacity` packets of a pool, whose bytes are atomics: of a pool for [devices that are
    /// not trusted](crate#devices-that-are-not-trusted), or of any other.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// use libixy::{Batch, Pool};
    ///
    /// let pool = Pool::builder().untrusted_devices().open()?;
    /// let mut batch = Batch::atomic(&pool, 32)?;
    /// batch.alloc(4, 60)?;
    /// for packet in &batch {
    ///     packet[12].store(0x08, Relaxed);
    /// }
    /// let copy: Vec<u8> = batch[3].iter().map(|byte| byte.load(Relaxed)).collect();
    /// assert_eq!((copy.len(), copy[12]), (60, 0x08));
    /// # Ok::<(), libixy::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Range` when the capacity is 0 or over [`BATCH_MAX`].
    pub fn atomic(pool: &Pool, capacity: usize) -> Result<Self> {
        Batch::with_capacity(pool, capacity)
    }
}

impl<B> Batch<B> {
    /// Where an untrusted device reaches the pool, its bytes are not u8.
    fn with_capacity(pool: &Pool, capacity: usize) -> Result<Self> {
        if capacity == 0 || capacity > BATCH_MAX {
            return Err(Error::new(
                ixy_sys::IXY_E_RANGE,
                format!("batch capacity {capacity}: it can be 1 to {BATCH_MAX}"),
            ));
        }
        Ok(Batch {
            pool: pool.clone(),
            frames: vec![NO_FRAME; capacity].into_boxed_slice(),
            len: 0,
            bytes: PhantomData,
        })
    }

    /// Packets in the batch.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no packet in the batch.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Most packets that the batch holds.
    #[inline]
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.frames.len()
    }

    /// The pool of the packets.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Appends up to `count` packets of `len` bytes each, fresh from the pool; as many as the batch has room and the
    /// pool has buffers for. Their bytes are whatever the buffers held before. Returns how many.
    ///
    /// # Errors
    ///
    /// `NoBuffers` when the pool had none; `Frame` when a buffer has no room for `len` bytes (nothing is appended).
    pub fn alloc(&mut self, count: usize, len: usize) -> Result<usize> {
        let room = self.capacity() - self.len;
        let wanted = count.min(room);
        if wanted == 0 {
            return Ok(0);
        }
        let before = self.len;
        let got = self.pool.alloc_frames(&mut self.frames[before..before + wanted])?;
        self.len += got.min(wanted);
        for frame in &mut self.frames[before..self.len] {
            if let Err(error) = self.pool.memory().resize(frame, len) {
                self.truncate(before);
                return Err(error);
            }
        }
        Ok(self.len - before)
    }

    /// Makes packet `index` longer or shorter, as [`Packet::resize`].
    ///
    /// # Errors
    ///
    /// `Range` when there are not so many packets; `Frame` when the buffer has no room for `len` bytes.
    pub fn resize(&mut self, index: usize, len: usize) -> Result<()> {
        let memory = self.pool.memory();
        memory.resize(frame_mut(&mut self.frames[..self.len], index)?, len)
    }

    /// What is known of packet `index` beside its bytes, or None when there are not so many packets.
    #[must_use]
    pub fn metadata(&self, index: usize) -> Option<Metadata> {
        self.frames().get(index).map(|frame| self.pool.metadata(frame))
    }

    /// Says what is to be known of packet `index`, and done when it is sent.
    ///
    /// # Errors
    ///
    /// `Range` when there are not so many packets.
    pub fn set_metadata(&mut self, index: usize, metadata: &Metadata) -> Result<()> {
        let frame = frame_mut(&mut self.frames[..self.len], index)?;
        self.pool.set_metadata(frame, metadata);
        Ok(())
    }

    /// Whether packet `index` goes on in the next: one longer than a buffer is several in the batch, all but the last
    /// with more. None when there are not so many packets.
    #[must_use]
    pub fn more(&self, index: usize) -> Option<bool> {
        self.frames().get(index).map(packet::more)
    }

    /// Says whether packet `index` goes on in the next.
    ///
    /// # Errors
    ///
    /// `Range` when there are not so many packets.
    pub fn set_more(&mut self, index: usize, on: bool) -> Result<()> {
        packet::set_more(frame_mut(&mut self.frames[..self.len], index)?, on);
        Ok(())
    }

    /// Appends a packet.
    ///
    /// # Errors
    ///
    /// Gives the packet back when the batch is full or of another pool.
    pub fn push(&mut self, packet: Packet<B>) -> std::result::Result<(), Packet<B>> {
        if self.len == self.capacity() || !self.pool.is(packet.pool()) {
            return Err(packet);
        }
        self.frames[self.len] = packet.into_frame();
        self.len += 1;
        Ok(())
    }

    /// Takes out the last packet.
    pub fn pop(&mut self) -> Option<Packet<B>> {
        let last = self.len.checked_sub(1)?;
        self.len = last;
        Some(Packet::new(self.pool.clone(), self.frames[last]))
    }

    /// Takes out packet `index`; those behind it move up.
    ///
    /// # Panics
    ///
    /// If there are not so many packets.
    pub fn remove(&mut self, index: usize) -> Packet<B> {
        assert!(index < self.len, "packet {index} of a batch of {}", self.len);
        let frame = self.frames[index];
        self.frames.copy_within(index + 1..self.len, index);
        self.len -= 1;
        Packet::new(self.pool.clone(), frame)
    }

    /// Frees the packets from `len` on.
    pub fn truncate(&mut self, len: usize) {
        if len < self.len {
            let end = std::mem::replace(&mut self.len, len);
            self.pool.free_frames(&self.frames[len..end]);
        }
    }

    /// Frees all packets.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    #[inline]
    pub(crate) fn frames(&self) -> &[ixy_frame] {
        &self.frames[..self.len]
    }

    /// The places behind the last packet.
    #[inline]
    pub(crate) fn spare_mut(&mut self) -> &mut [ixy_frame] {
        &mut self.frames[self.len..]
    }

    /// Says that the first `count` of the spare places now hold packets that are the caller's alone.
    #[inline]
    pub(crate) fn grow(&mut self, count: usize) {
        self.len = self.capacity().min(self.len + count);
    }

    /// Forgets the first `count` packets, whose buffers are somebody else's now.
    #[inline]
    pub(crate) fn forget_front(&mut self, count: usize) {
        let count = count.min(self.len);
        if count < self.len {
            self.frames.copy_within(count..self.len, 0);
        }
        self.len -= count;
    }
}

impl<B: Byte> Batch<B> {
    /// The bytes of packet `index`, or None when there are not so many.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&[B]> {
        let frame = self.frames().get(index)?;
        let memory = self.pool.memory();
        memory.assert_owned(frame);
        // SAFETY: the batch has its packets' buffers to itself, unless its bytes are atomics, and self is borrowed.
        Some(unsafe { memory.bytes(frame) })
    }

    /// The packets' bytes, in order.
    #[inline]
    pub fn iter(&self) -> Iter<'_, B> {
        let memory = self.pool.memory();
        memory.assert_not_inherited(self.frames());
        Iter::new(self.frames(), memory)
    }
}

fn frame_mut(frames: &mut [ixy_frame], index: usize) -> Result<&mut ixy_frame> {
    let packets = frames.len();
    frames
        .get_mut(index)
        .ok_or_else(|| Error::new(ixy_sys::IXY_E_RANGE, format!("packet {index} of a batch of {packets}")))
}

impl<B> Drop for Batch<B> {
    fn drop(&mut self) {
        self.clear();
    }
}

impl<B: Byte> Index<usize> for Batch<B> {
    type Output = [B];

    fn index(&self, index: usize) -> &[B] {
        match self.get(index) {
            Some(bytes) => bytes,
            None => panic!("packet {index} of a batch of {}", self.len),
        }
    }
}

impl IndexMut<usize> for Batch {
    fn index_mut(&mut self, index: usize) -> &mut [u8] {
        let packets = self.len;
        match self.get_mut(index) {
            Some(bytes) => bytes,
            None => panic!("packet {index} of a batch of {packets}"),
        }
    }
}

impl<B> fmt::Debug for Batch<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("len", &self.len)
            .field("capacity", &self.capacity())
            .field("pool", &self.pool)
            .finish()
    }
}
