#![doc = include_str!("../README.md")]
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]
#![warn(missing_debug_implementations)]

mod batch;
mod builder;
mod byte;
mod capabilities;
mod device;
mod emulated;
mod error;
mod iter;
mod memory;
mod metadata;
mod packet;
mod pool;
mod queue;
mod status;

pub use batch::Batch;
pub use builder::DeviceBuilder;
pub use byte::Byte;
pub use capabilities::Capabilities;
pub use device::{devices, Device};
pub use error::{Error, ErrorKind, Result};
pub use iter::{Iter, IterMut};
pub use metadata::{Checksum, Metadata, L4};
pub use packet::Packet;
pub use pool::{Pool, PoolBuilder};
pub use queue::{RxQueue, TxQueue};
pub use status::{EmuCounters, EmuMeter, Found, Info, Link, QueueStats, Stats};

/// Most frames that a [`Batch`] holds.
pub const BATCH_MAX: usize = ixy_sys::IXY_BATCH_MAX as usize;
/// Most receive or transmit queues of a [`Device`].
pub const QUEUES_MAX: u32 = ixy_sys::IXY_QUEUES_MAX as u32;
/// Most buffers of a [`Pool`].
pub const BUFFERS_MAX: u32 = ixy_sys::IXY_BUFFERS_MAX as u32;

/// The version of the C library that runs, such as "0.3.0".
#[must_use]
pub fn version() -> &'static str {
    // SAFETY: the call has no preconditions.
    error::static_text(unsafe { ixy_sys::ixy_version() })
}
