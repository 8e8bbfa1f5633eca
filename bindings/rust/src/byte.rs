//! What a packet's bytes are, in a program's eyes.

use std::sync::atomic::AtomicU8;

/// What the bytes of a packet are: [`u8`], or [`AtomicU8`] where a device that is not trusted may change them at any
/// time. Nothing else can be.
///
/// It is what [`Packet`](crate::Packet), [`Batch`](crate::Batch) and [`Iter`](crate::Iter) are slices of. The crate's
/// documentation says [which to take](crate#devices-that-are-not-trusted).
pub trait Byte: sealed::Sealed + 'static {}

impl Byte for u8 {}
impl Byte for AtomicU8 {}

mod sealed {
    use std::sync::atomic::AtomicU8;

    /// Of one byte, aligned to one, and of any value: so packet memory may be seen as a slice of them.
    pub trait Sealed {}

    impl Sealed for u8 {}
    impl Sealed for AtomicU8 {}
}
