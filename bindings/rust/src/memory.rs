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

/// Where slices come from, without the C library: `cargo +nightly miri test --lib` finds a reference that is not allowed.
#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, AtomicU8, Ordering};
    use std::thread;

    use ixy_sys::{ixy_frame, ixy_view};

    use super::Memory;
    use crate::iter::{Iter, IterMut};

    const STRIDE: u32 = 64;
    const BUFFERS: u32 = 4;

    /// Memory of a pool and its ownership table, all of it the caller's.
    fn pool() -> (Vec<u8>, Vec<AtomicU64>) {
        let owner = (0..BUFFERS).map(|index| AtomicU64::new(token(index))).collect();
        (vec![0; (BUFFERS * STRIDE) as usize], owner)
    }

    fn token(index: u32) -> u64 {
        1 << 25 | u64::from(index)
    }

    fn view(bytes: &mut [u8], owner: &[AtomicU64]) -> ixy_view {
        let mut view = ixy_view::sized();
        view.base = bytes.as_mut_ptr();
        view.size = bytes.len() as u64;
        view.owner = owner.as_ptr().cast();
        view.index_mask = BUFFERS - 1;
        view.buffer_stride = STRIDE;
        view
    }

    fn frames() -> Vec<ixy_frame> {
        let frame = |index| ixy_frame {
            buf: token(index),
            offset: index * STRIDE + 4,
            len: 16,
            flags: 0,
        };
        (0..BUFFERS).map(frame).collect()
    }

    #[test]
    fn packets_to_change_are_apart() {
        let (mut bytes, owner) = pool();
        let (view, mut frames) = (view(&mut bytes, &owner), frames());
        // SAFETY: the view is held below.
        let memory = unsafe { Memory::new(&view) };
        let mut all: Vec<&mut [u8]> = IterMut::new(&mut frames, memory).collect();
        for (packet, value) in all.iter_mut().zip(1..) {
            packet.fill(value);
        }
        all.iter_mut().for_each(|packet| packet[15] += 1);
        drop(all);
        let ends: Vec<(u8, u8)> = Iter::<u8>::new(&frames, memory)
            .map(|packet| (packet[0], packet[15]))
            .collect();
        assert_eq!(ends, [(1, 2), (2, 3), (3, 4), (4, 5)]);
    }

    #[test]
    fn atomics_change_while_they_are_held() {
        let (mut bytes, owner) = pool();
        let (view, frames) = (view(&mut bytes, &owner), frames());
        // SAFETY: the view is held below.
        let memory = unsafe { Memory::new(&view) };
        let held: Vec<&[AtomicU8]> = Iter::<AtomicU8>::new(&frames, memory).collect();
        // SAFETY: the place lies in the memory.
        let place: &AtomicU8 = unsafe { &*view.base.add(19).cast() }; // the first packet's last byte, as a device has it
        thread::scope(|scope| {
            scope.spawn(|| (0..100).for_each(|value| place.store(value, Ordering::Relaxed)));
            for _ in 0..100 {
                let copy: Vec<u8> = held[0].iter().map(|byte| byte.load(Ordering::Relaxed)).collect();
                assert!(copy[15] < 100 && copy[..15] == [0; 15]);
            }
        });
        assert_eq!(held[0][15].load(Ordering::Relaxed), 99);
    }

    #[test]
    fn frames_past_the_pool_and_buffers_that_moved_panic() {
        let (mut bytes, owner) = pool();
        let (view, mut frames) = (view(&mut bytes, &owner), frames());
        // SAFETY: the view is held below.
        let memory = unsafe { Memory::new(&view) };
        let panics = |act: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(act)).is_err();
        for (offset, len) in [
            (BUFFERS * STRIDE - 15, 16),
            (u32::MAX, u16::MAX),
            (BUFFERS * STRIDE + 1, 0),
        ] {
            let frame = ixy_frame {
                offset,
                len,
                ..frames[0]
            };
            // SAFETY: nothing else has the memory.
            assert!(panics(&|| assert_eq!(unsafe { memory.bytes::<u8>(&frame) }.len(), 0)));
        }
        owner[1].store(0, Ordering::Relaxed);
        assert!(panics(&|| memory.assert_owned(&frames[1])) && !panics(&|| memory.assert_owned(&frames[0])));
        for len in [61, 1 << 16, 1 << 32, usize::MAX] {
            assert!(memory.resize(&mut frames[0], len).is_err());
        }
        memory.resize(&mut frames[0], 60).unwrap();
        assert_eq!(frames[0].len, 60);
    }
}
