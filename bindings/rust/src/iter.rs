//! Walking through a batch: its packets as slices of bytes.

use std::fmt;
use std::iter::FusedIterator;
use std::slice;

use ixy_sys::ixy_frame;

use crate::batch::Batch;
use crate::memory::Memory;

/// The packets of a [`Batch`]: [`Batch::iter`].
#[derive(Clone)]
pub struct Iter<'a> {
    frames: slice::Iter<'a, ixy_frame>,
    memory: Memory<'a>,
}

/// The packets of a [`Batch`] to change: [`Batch::iter_mut`].
pub struct IterMut<'a> {
    frames: slice::IterMut<'a, ixy_frame>,
    memory: Memory<'a>,
}

impl<'a> Iter<'a> {
    #[inline]
    pub(crate) fn new(frames: &'a [ixy_frame], memory: Memory<'a>) -> Self {
        Iter {
            frames: frames.iter(),
            memory,
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
unsafe impl Send for Iter<'_> {}
// SAFETY: as above.
unsafe impl Sync for Iter<'_> {}
// SAFETY: as above.
unsafe impl Send for IterMut<'_> {}
// SAFETY: as above.
unsafe impl Sync for IterMut<'_> {}

macro_rules! iterator {
    ($name:ident, $item:ty, $bytes:ident) => {
        impl<'a> Iterator for $name<'a> {
            type Item = $item;

            #[inline]
            fn next(&mut self) -> Option<Self::Item> {
                let frame = self.frames.next()?;
                // SAFETY: the iterator borrows the batch, which has its packets' buffers to itself, and gives each
                // packet once (Iter: only to read).
                Some(unsafe { self.memory.$bytes(frame) })
            }

            #[inline]
            fn size_hint(&self) -> (usize, Option<usize>) {
                self.frames.size_hint()
            }
        }

        impl DoubleEndedIterator for $name<'_> {
            #[inline]
            fn next_back(&mut self) -> Option<Self::Item> {
                let frame = self.frames.next_back()?;
                // SAFETY: as in next.
                Some(unsafe { self.memory.$bytes(frame) })
            }
        }

        impl ExactSizeIterator for $name<'_> {}

        impl FusedIterator for $name<'_> {}

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} packets)"), self.frames.len())
            }
        }
    };
}

iterator!(Iter, &'a [u8], bytes);
iterator!(IterMut, &'a mut [u8], bytes_mut);

impl<'a> IntoIterator for &'a Batch {
    type Item = &'a [u8];
    type IntoIter = Iter<'a>;

    #[inline]
    fn into_iter(self) -> Iter<'a> {
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
