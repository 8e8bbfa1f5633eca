//! One packet, owned.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use ixy_sys::ixy_frame;

use crate::byte::Byte;
use crate::error::Result;
use crate::memory::Memory;
use crate::metadata::Metadata;
use crate::pool::Pool;

/// A packet by itself: it owns its buffer, reads and writes as a slice of bytes, and goes back to its pool when dropped.
///
/// Packets come from [`Pool::alloc`] and out of batches ([`Batch::pop`](crate::Batch::pop),
/// [`Batch::remove`](crate::Batch::remove)); [`Batch::push`](crate::Batch::push) puts one into a batch to transmit it.
/// Each packet counts a reference to its pool, so a program that moves millions of them stays with whole batches.
///
/// A `Packet<AtomicU8>` is a slice of atomics, of a pool for [devices that are not
/// trusted](crate#devices-that-are-not-trusted): [`Pool::alloc_atomic`].
///
/// ```
/// let pool = libixy::Pool::open()?;
/// let mut packet = pool.alloc(64)?;
/// packet.fill(0);
/// packet[..6].copy_from_slice(&[0xff; 6]);
/// packet.resize(1514)?;
/// assert_eq!(packet.len(), 1514);
/// # Ok::<(), libixy::Error>(())
/// ```
pub struct Packet<B = u8> {
    pool: Pool,
    frame: ixy_frame,
    bytes: PhantomData<B>,
}

impl<B> Packet<B> {
    /// The packet of a frame whose buffer is the caller's, and now the packet's alone. Where an untrusted device reaches
    /// the pool its bytes are not u8.
    pub(crate) fn new(pool: Pool, frame: ixy_frame) -> Self {
        Packet {
            pool,
            frame,
            bytes: PhantomData,
        }
    }

    /// Makes the packet longer or shorter. Bytes that come to it are whatever the buffer held there.
    ///
    /// # Errors
    ///
    /// `Frame` when its buffer has no room for `len` bytes; the packet is unchanged.
    pub fn resize(&mut self, len: usize) -> Result<()> {
        self.pool.memory().resize(&mut self.frame, len)
    }

    /// What is known of the packet beside its bytes; the default when nothing is.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        self.pool.metadata(&self.frame)
    }

    /// Says what is to be known of the packet, and done when it is sent.
    pub fn set_metadata(&mut self, metadata: &Metadata) {
        self.pool.set_metadata(&mut self.frame, metadata);
    }

    /// Whether the packet goes on in the next of its batch: one longer than a buffer is several of these.
    #[must_use]
    pub fn more(&self) -> bool {
        more(&self.frame)
    }

    /// Says whether the packet goes on in the next of its batch.
    pub fn set_more(&mut self, on: bool) {
        set_more(&mut self.frame, on);
    }

    /// The pool to which the buffer belongs.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The library's frame of this packet, for calls of `ixy-sys`.
    #[must_use]
    pub fn as_raw(&self) -> ixy_frame {
        self.frame
    }

    /// The pool's memory, after asking whether the buffer is still the packet's.
    fn memory(&self) -> Memory<'_> {
        let memory = self.pool.memory();
        memory.assert_owned(&self.frame);
        memory
    }

    /// Ends the packet without freeing its buffer.
    pub(crate) fn into_frame(self) -> ixy_frame {
        let frame = self.frame;
        let mut ended = std::mem::ManuallyDrop::new(self);
        // SAFETY: ended is never used again and does not run its own drop.
        unsafe { std::ptr::drop_in_place(&mut ended.pool) };
        frame
    }
}

/// Whether a frame's packet goes on in the next frame.
pub(crate) fn more(frame: &ixy_frame) -> bool {
    frame.flags & MORE != 0
}

pub(crate) fn set_more(frame: &mut ixy_frame, on: bool) {
    frame.flags = frame.flags & !MORE | if on { MORE } else { 0 };
}

const MORE: u16 = ixy_sys::IXY_FRAME_MORE as u16;

impl<B> Drop for Packet<B> {
    fn drop(&mut self) {
        self.pool.free_frames(std::slice::from_ref(&self.frame));
    }
}

impl<B: Byte> Deref for Packet<B> {
    type Target = [B];

    fn deref(&self) -> &[B] {
        // SAFETY: the packet has its buffer to itself, unless its bytes are atomics, and self is borrowed.
        unsafe { self.memory().bytes(&self.frame) }
    }
}

impl DerefMut for Packet {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: the packet has its buffer to itself, and self is borrowed mutably.
        unsafe { self.memory().bytes_mut(&self.frame) }
    }
}

impl<B: Byte> AsRef<[B]> for Packet<B> {
    fn as_ref(&self) -> &[B] {
        self
    }
}

impl AsMut<[u8]> for Packet {
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl<B> fmt::Debug for Packet<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packet")
            .field("buf", &format_args!("{:#x}", self.frame.buf))
            .field("len", &self.frame.len)
            .finish()
    }
}
