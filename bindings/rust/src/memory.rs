//! The one place where frames become slices of packet memory.

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use ixy_sys::{ixy_frame, ixy_view};

use crate::byte::Byte;

/// A pool's packet memory and ownership table, as a view shows them. Plain numbers, copied into iterators so that the
/// compiler keeps them in registers while packet bytes are written.
///
/// # Ownership
///
/// Whoever holds a frame in a [`Packet`](crate::Packet) or [`Batch`](crate::Batch) is the only one to reach its
/// buffer in this process: the library gives each buffer to one owner at a time, frames are never copied out of those
/// types without ending them, and both keep the pool (and so this mapping) alive. Nor does an emulated device write into
/// a buffer that it does not hold, a hostile one neither: after a lie about what it holds it leaves the queue alone. Who
/// is outside of the process may write at any time; how that is kept from slices of u8 stands in pool.rs. Other languages find out by asking the table, packet
/// by packet; here the types know, so walking through a batch asks for nothing but the bounds. What they do not know is
/// fork(): in a child the table is empty. So a walk asks the table once, and access to a single packet, which is not on
/// the hot path, asks each time.
#[derive(Clone, Copy)]
pub(crate) struct Memory<'a> {
    base: NonNull<u8>,
    owner: *const AtomicU64,
    index_mask: u64,
    stride: u64,
    size: u64,
    pool: PhantomData<&'a ixy_view>,
}

impl<'a> Memory<'a> {
    /// The memory that a view shows.
    ///
    /// # Safety
    ///
    /// The view is held as long as 'a lasts.
    #[inline]
    pub(crate) unsafe fn new(view: &'a ixy_view) -> Self {
        Memory {
            // SAFETY: a view that was opened has its memory mapped.
            base: unsafe { NonNull::new_unchecked(view.base) },
            owner: view.owner.cast(),
            index_mask: u64::from(view.index_mask),
            stride: u64::from(view.buffer_stride),
            size: view.size,
            pool: PhantomData,
        }
    }

    /// Panics unless the table says that the frame's buffer is the caller's.
    #[inline]
    pub(crate) fn assert_owned(self, frame: &ixy_frame) {
        let index = frame.buf & self.index_mask;
        // SAFETY: the table has index_mask + 1 entries and is mapped while 'a lasts; the library changes entries, so
        // they are read as atomics.
        let owner = unsafe { &*self.owner.add(index as usize) };
        if owner.load(Ordering::Relaxed) != frame.buf {
            not_ours();
        }
    }

    /// Panics if frames, all of one owner, were inherited over fork(), which takes all of them from him: the first tells.
    #[inline]
    pub(crate) fn assert_not_inherited(self, frames: &[ixy_frame]) {
        if let Some(first) = frames.first() {
            self.assert_owned(first);
        }
    }

    /// Where the packet's bytes lie. The pool's bounds are checked; that the bytes also lie in the frame's own buffer
    /// holds by construction: the library gives frames that do, and resize is the only way to change one.
    ///
    /// # Panics
    ///
    /// If the frame leaves the pool.
    #[inline]
    fn place(self, frame: &ixy_frame) -> (*mut u8, usize) {
        if u64::from(frame.offset) + u64::from(frame.len) > self.size {
            not_ours();
        }
        // SAFETY: the frame lies in the pool's memory, which begins at base and has size bytes.
        let first = unsafe { self.base.as_ptr().add(frame.offset as usize) };
        (first, usize::from(frame.len))
    }

    /// The packet's bytes.
    ///
    /// # Safety
    ///
    /// If they are `u8`: nobody changes the frame's buffer for as long as the slice is used.
    #[inline]
    pub(crate) unsafe fn bytes<B: Byte>(self, frame: &ixy_frame) -> &'a [B] {
        let (first, len) = self.place(frame);
        // SAFETY: the bytes lie in the pool's memory, which is mapped while 'a lasts and initialised, and each of them is
        // a B. Nobody changes them, as the caller promises, or they are atomics, which anybody may change.
        unsafe { std::slice::from_raw_parts(first.cast(), len) }
    }

    /// The packet's bytes to change.
    ///
    /// # Safety
    ///
    /// The caller has the frame's buffer to itself for as long as it uses the slice.
    #[inline]
    pub(crate) unsafe fn bytes_mut(self, frame: &ixy_frame) -> &'a mut [u8] {
        let (first, len) = self.place(frame);
        // SAFETY: as in bytes; nobody else reads or changes them, as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(first, len) }
    }

    /// Sets the frame's length, if its buffer has the room.
    ///
    /// # Panics
    ///
    /// If the caller does not own the buffer.
    pub(crate) fn resize(self, frame: &mut ixy_frame, len: usize) -> crate::Result<()> {
        self.assert_owned(frame);
        let end_of_buffer = ((frame.buf & self.index_mask) + 1) * self.stride;
        let room = end_of_buffer.saturating_sub(frame.offset.into());
        match u16::try_from(len) {
            Ok(short) if u64::from(short) <= room => {
                frame.len = short;
                Ok(())
            }
            _ => Err(crate::Error::new(
                ixy_sys::IXY_E_FRAME,
                format!("length {len}: this packet's buffer has room for {room} bytes"),
            )),
        }
    }
}

#[cold]
#[inline(never)]
pub(crate) fn not_ours() -> ! {
    panic!(
        "libixy: this packet's buffer is not the caller's: inherited over fork(), or moved through raw calls of ixy-sys"
    )
}
