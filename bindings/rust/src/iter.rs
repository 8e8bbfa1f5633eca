//! Walking through a batch: its packets as slices of bytes.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::slice;

use ixy_sys::ixy_frame;

use crate::batch::Batch;
use crate::byte::Byte;
use crate::memory::Memory;

/// The packets of a [`Batch`]: [`Batch::iter`].
pub struct Iter<'a, B = u8> {
    frames: slice::Iter<'a, ixy_frame>,
    memory: Memory<'a>,
    bytes: PhantomData<&'a [B]>,
}

/// The packets of a [`Batch`] to change: [`Batch::iter_mut`].
pub struct IterMut<'a> {
    frames: slice::IterMut<'a, ixy_frame>,
    memory: Memory<'a>,
}

impl<'a, B> Iter<'a, B> {
    #[inline]
    pub(crate) fn new(frames: &'a [ixy_frame], memory: Memory<'a>) -> Self {
        Iter {
            frames: frames.iter(),
            memory,
            bytes: PhantomData,
        }
    }
}

impl<B> Clone for Iter<'_, B> {
    fn clone(&self) -> Self {
        Iter {
            frames: self.frames.clone(),
            ..*self
        }
    }
}

impl<'a> IterMut<'a> {
    #[inline]
    pub(crate) fn new(frames: &'a mut [ixy_frame], memory: Memory<'a>) -> Self {
        IterMut {
            frames: frames.iter_mut(),
            memory,
        }
    }
}

// SAFETY: an Iter is a &Batch, and an IterMut a &mut Batch: both may be sent, and shared, as slices of bytes may.
unsafe impl<B: Byte> Send for Iter<'_, B> {}
// SAFETY: as above.
unsafe impl<B: Byte> Sync for Iter<'_, B> {}
// SAFETY: as above.
unsafe impl Send for IterMut<'_> {}
// SAFETY: as above.
unsafe impl Sync for IterMut<'_> {}

macro_rules! iterator {
    ($name:ident [$($byte:ident)?], $item:ty, $bytes:ident) => {
        impl<'a $(, $byte: Byte)?> Iterator for $name<'a $(, $byte)?> {
            type Item = $item;

            #[inline]
            fn next(&mut self) -> Option<Self::Item> {
                let frame = self.frames.next()?;
                // SAFETY: the iterator borrows the batch, which has its packets' buffers to itself, and gives each
                // packet once (Iter: only to read, or as atomics).
                Some(unsafe { self.memory.$bytes(frame) })
            }

            #[inline]
            fn size_hint(&self) -> (usize, Option<usize>) {
                self.frames.size_hint()
            }
        }

        impl<'a $(, $byte: Byte)?> DoubleEndedIterator for $name<'a $(, $byte)?> {
            #[inline]
            fn next_back(&mut self) -> Option<Self::Item> {
                let frame = self.frames.next_back()?;
                // SAFETY: as in next.
                Some(unsafe { self.memory.$bytes(frame) })
            }
        }

        impl<'a $(, $byte: Byte)?> ExactSizeIterator for $name<'a $(, $byte)?> {}

        impl<'a $(, $byte: Byte)?> FusedIterator for $name<'a $(, $byte)?> {}

        impl<'a $(, $byte)?> fmt::Debug for $name<'a $(, $byte)?> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} packets)"), self.frames.len())
            }
        }
    };
}

iterator!(Iter[B], &'a [B], bytes);
iterator!(IterMut [], &'a mut [u8], bytes_mut);

impl<'a, B: Byte> IntoIterator for &'a Batch<B> {
    type Item = &'a [B];
    type IntoIter = Iter<'a, B>;

    #[inline]
    fn into_iter(self) -> Iter<'a, B> {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut Batch {
    type Item = &'a mut [u8];
    type IntoIter = IterMut<'a>;

    #[inline]
    fn into_iter(self) -> IterMut<'a> {
        self.iter_mut()
    }
}
