//! The pool: packet memory, alive as long as anything uses it.

use std::fmt;
use std::sync::Arc;

use ixy_sys::{ixy_frame, ixy_pool_config, ixy_view};

use crate::error::{check, Error, Result};
use crate::memory::{not_ours, Memory};
use crate::metadata::{Metadata, NO_METADATA};
use crate::packet::Packet;

/// Packet memory cut into buffers, from which devices and programs take what they need.
///
/// A `Pool` is a counted reference: clones are the same pool. Devices, batches and packets hold it too, and it closes
/// when the last of them is dropped, so no packet outlives its memory. Any thread may use it.
///
/// ```
/// use libixy::Pool;
///
/// let pool = Pool::builder().buffers(64).buffer_size(2048).open()?;
/// let mut packet = pool.alloc(60)?;
/// packet[0] = 0xff;
/// assert_eq!(pool.free_count()?, 63);
/// drop(packet);
/// assert_eq!(pool.free_count()?, 64);
/// # Ok::<(), libixy::Error>(())
/// ```
#[derive(Clone)]
pub struct Pool {
    inner: Arc<Inner>,
}

struct Inner {
    handle: u64,
    view: ixy_view,
}

// SAFETY: the view's pointers reach memory that the pool's owner keeps mapped until Inner is dropped. What lies there is
// only reached through packets, each of which has its buffer to itself, and through atomics; the library's pool calls
// may be made by any thread.
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

/// How a [`Pool`] is made; see [`Pool::builder`].
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "a builder does nothing until open()"]
pub struct PoolBuilder {
    buffers: u32,
    buffer_size: u32,
}

impl PoolBuilder {
    /// How many buffers, 1 to [`BUFFERS_MAX`](crate::BUFFERS_MAX). 0 is the default, 8192.
    pub fn buffers(mut self, count: u32) -> Self {
        self.buffers = count;
        self
    }

    /// Packet bytes that each buffer holds at least, a multiple of 1024 up to 15360. 0 is the default, 2048.
    /// 1024 serves only devices that receive a frame in several buffers, which `frame_len_max` asks for.
    pub fn buffer_size(mut self, bytes: u32) -> Self {
        self.buffer_size = bytes;
        self
    }

    /// Makes the pool.
    ///
    /// # Errors
    ///
    /// `Argument` for values outside of the above, `NoMemory`, `Io`, `Limit` when there are too many pools.
    pub fn open(self) -> Result<Pool> {
        check_abi()?;
        let mut config = ixy_pool_config::sized();
        config.buffer_count = self.buffers;
        config.buffer_size = self.buffer_size;
        let mut handle = 0;
        // SAFETY: both pointers are valid for the call, and struct_size says how long config is.
        check(unsafe { ixy_sys::ixy_pool_open(&config, &mut handle) })?;
        let mut view = ixy_view::sized();
        // SAFETY: as above.
        if let Err(error) = check(unsafe { ixy_sys::ixy_pool_view(handle, &mut view) }) {
            // SAFETY: the call takes any handle. Nothing uses the pool yet.
            unsafe { ixy_sys::ixy_pool_close(handle) };
            return Err(error);
        }
        Ok(Pool {
            inner: Arc::new(Inner { handle, view }),
        })
    }
}

impl Pool {
    /// A pool of the default size, 8192 buffers for packets up to 2048 bytes.
    ///
    /// # Errors
    ///
    /// As [`PoolBuilder::open`].
    pub fn open() -> Result<Pool> {
        Pool::builder().open()
    }

    /// Says how large a pool is to be.
    pub fn builder() -> PoolBuilder {
        PoolBuilder::default()
    }

    /// Takes a buffer, as a packet of `len` bytes. They are whatever the buffer held before.
    ///
    /// # Errors
    ///
    /// `NoBuffers` when none is free; `Frame` when a buffer has no room for `len` bytes.
    pub fn alloc(&self, len: usize) -> Result<Packet> {
        let mut frame = [NO_FRAME];
        self.alloc_frames(&mut frame)?;
        let mut packet = Packet::new(self.clone(), frame[0]);
        packet.resize(len)?;
        Ok(packet)
    }

    /// Buffers that are free now. Those in rings, in the caches of queues and in the program are not counted.
    ///
    /// # Errors
    ///
    /// `Fork` in a child process.
    pub fn free_count(&self) -> Result<usize> {
        // SAFETY: the call takes any handle.
        check(unsafe { ixy_sys::ixy_pool_free_count(self.inner.handle) }).map(|count| count as usize)
    }

    /// Buffers that the pool has.
    #[must_use]
    pub fn buffers(&self) -> u32 {
        self.inner.view.buffer_count
    }

    /// Packet bytes that a buffer fresh from the pool has room for.
    #[must_use]
    pub fn buffer_size(&self) -> u32 {
        self.inner.view.buffer_size
    }

    /// The library's handle of this pool, for calls of `ixy-sys`.
    #[must_use]
    pub fn as_raw(&self) -> u64 {
        self.inner.handle
    }

    pub(crate) fn is(&self, other: &Pool) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    #[inline]
    pub(crate) fn memory(&self) -> Memory<'_> {
        // SAFETY: the view is released when Inner is dropped, which the borrow of self rules out.
        unsafe { Memory::new(&self.inner.view) }
    }

    /// Fills as many frames of the array as the pool has buffers, at least one.
    pub(crate) fn alloc_frames(&self, frames: &mut [ixy_frame]) -> Result<usize> {
        let count = u32::try_from(frames.len()).unwrap_or(u32::MAX);
        // SAFETY: the array holds count frames.
        let got = unsafe { ixy_sys::ixy_buf_alloc(self.inner.handle, frames.as_mut_ptr(), count) };
        usize::try_from(got).map_err(|_| Error::hot(got))
    }

    /// Gives buffers back. It cannot fail while the frames are the caller's; in a forked child there is nothing to do.
    pub(crate) fn free_frames(&self, frames: &[ixy_frame]) {
        if !frames.is_empty() {
            // SAFETY: the array holds that many frames, at most IXY_BATCH_MAX.
            unsafe { ixy_sys::ixy_buf_free(self.inner.handle, frames.as_ptr(), frames.len() as u32) };
        }
    }

    /// What is known of the packet of a frame that is the caller's.
    ///
    /// # Panics
    ///
    /// If it is not the caller's.
    pub(crate) fn metadata(&self, frame: &ixy_frame) -> Metadata {
        let mut raw = NO_METADATA;
        // SAFETY: both pointers are valid for the call, which checks the frame.
        if unsafe { ixy_sys::ixy_buf_metadata(self.inner.handle, frame, &mut raw) } < 0 {
            not_ours();
        }
        raw.into()
    }

    /// Says what is to be known of it. Panics as metadata.
    pub(crate) fn set_metadata(&self, frame: &mut ixy_frame, metadata: &Metadata) {
        let raw = metadata.into();
        // SAFETY: as above.
        if unsafe { ixy_sys::ixy_buf_metadata_set(self.inner.handle, frame, &raw) } < 0 {
            not_ours();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: this was the last reference, so no device, batch or packet uses the pool or its memory. Neither call
        // can fail in a way that matters here: devices close before their reference goes.
        unsafe {
            ixy_sys::ixy_pool_close(self.handle);
            ixy_sys::ixy_pool_view_release(self.view.view);
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("handle", &format_args!("{:#x}", self.inner.handle))
            .field("buffers", &self.buffers())
            .field("buffer_size", &self.buffer_size())
            .finish()
    }
}

/// A frame that names no buffer.
pub(crate) const NO_FRAME: ixy_frame = ixy_frame {
    buf: 0,
    offset: 0,
    len: 0,
    flags: 0,
};

/// Refuses a library with another ABI than the one these declarations were made for.
pub(crate) fn check_abi() -> Result<()> {
    // SAFETY: the call has no preconditions.
    let loaded = unsafe { ixy_sys::ixy_abi_version() };
    if i64::from(loaded) == i64::from(ixy_sys::IXY_ABI_VERSION) {
        return Ok(());
    }
    Err(Error::new(
        ixy_sys::IXY_E_UNSUPPORTED,
        format!(
            "the loaded libixy {} has ABI version {loaded}, this program was built for {}",
            crate::version(),
            ixy_sys::IXY_ABI_VERSION
        ),
    ))
}
