//! The device: what is opened by an address, started, asked and closed.

use std::fmt;
use std::os::raw::c_char;
use std::sync::Arc;

use ixy_sys::{ixy_found, ixy_info, ixy_link, ixy_queue_stats, ixy_stats};

use crate::builder::DeviceBuilder;
use crate::error::{check, Error, Result};
use crate::pool::{check_abi, Pool};
use crate::queue::{QueueSet, RxQueue, TxQueue};
use crate::status::{self, Found, Info, Link, QueueStats, Stats};

/// A network device, opened by its address.
///
/// The device itself is for control, by any thread. Packets move through its queues, [`RxQueue`] and [`TxQueue`], each
/// of which one owner has at a time and may take to a thread of its own. The device closes when it and its queues are
/// dropped, or at once by [`Device::close`].
///
/// ```
/// use libixy::{Batch, Device, Pool};
///
/// let pool = Pool::open()?;
/// let device = Device::open("emu:82599,wire=gen,limit=100,timing=inline", &pool)?;
/// device.start()?;
/// let mut rx = device.rx_queue(0)?;
/// let mut batch = Batch::new(&pool, 32)?;
/// let mut received = 0;
/// while received < 100 {
///     received += rx.receive(&mut batch)?;
///     batch.clear();
/// }
/// assert_eq!(device.emu_counters()?.generated, 100);
/// # Ok::<(), libixy::Error>(())
/// ```
pub struct Device {
    inner: Arc<Inner>,
}

/// What a device and its queues share.
pub(crate) struct Inner {
    handle: u64,
    address: String,
    pool: Option<Pool>,
    rx: QueueSet,
    tx: QueueSet,
}

impl Inner {
    pub(crate) fn handle(&self) -> u64 {
        self.handle
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn rx(&self) -> &QueueSet {
        &self.rx
    }

    pub(crate) fn tx(&self) -> &QueueSet {
        &self.tx
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: the call takes any handle; after Device::close it is stale, which changes nothing. The pool is still
        // held.
        unsafe { ixy_sys::ixy_device_close(self.handle) };
    }
}

impl Device {
    /// Opens a device with one receive and one transmit queue, such as "emu:82599".
    ///
    /// # Errors
    ///
    /// As [`DeviceBuilder::open`].
    pub fn open(address: &str, pool: &Pool) -> Result<Device> {
        Device::builder(address).pool(pool).open()
    }

    /// The device of a handle that was just opened, which it closes from now on.
    pub(crate) fn adopt(handle: u64, address: &str, pool: Option<&Pool>) -> Result<Device> {
        let info = info(handle).map_err(|error| {
            // SAFETY: the call takes any handle.
            unsafe { ixy_sys::ixy_device_close(handle) };
            error
        })?;
        let inner = Inner {
            handle,
            address: address.to_owned(),
            pool: pool.cloned(),
            rx: QueueSet::new("receive", info.rx_queues),
            tx: QueueSet::new("transmit", info.tx_queues),
        };
        Ok(Device { inner: Arc::new(inner) })
    }

    /// Says how a device is to be opened.
    pub fn builder(address: &str) -> DeviceBuilder<'_> {
        DeviceBuilder::new(address)
    }

    /// Starts all queues.
    ///
    /// # Errors
    ///
    /// `State` when it was started before or opened without a pool; `Timeout`, `Device`, `NoBuffers`.
    pub fn start(&self) -> Result<()> {
        // SAFETY: the call takes any handle.
        check(unsafe { ixy_sys::ixy_device_start(self.inner.handle) }).map(drop)
    }

    /// Resets the device and starts it again if it was started. Packets in its rings are lost and their buffers go back
    /// to the pool; statistics begin at zero; the MAC address and promiscuous mode stay.
    ///
    /// # Errors
    ///
    /// As [`Device::start`] and [`DeviceBuilder::open`].
    pub fn reset(&self) -> Result<()> {
        // SAFETY: the call takes any handle.
        check(unsafe { ixy_sys::ixy_device_reset(self.inner.handle) }).map(drop)
    }

    /// Ends the [`RxQueue::wait`](crate::RxQueue::wait) of the thread that is in it for receive queue `queue`, which
    /// returns false; or else the next one that would sleep, so that a wake just before a wait is not lost.
    ///
    /// ```
    /// use libixy::{Device, Pool};
    ///
    /// let pool = Pool::open()?;
    /// let device = Device::open("emu:82599", &pool)?;
    /// device.start()?;
    /// let mut rx = device.rx_queue(0)?;
    /// let waiter = std::thread::spawn(move || rx.wait(None));
    /// device.rx_wake(0)?;
    /// assert!(!waiter.join().unwrap()?);
    /// # Ok::<(), libixy::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Range` for a queue that is not there; `Unsupported` without
    /// [`Capabilities::RX_WAIT`](crate::Capabilities::RX_WAIT); `Handle`, `Fork`.
    pub fn rx_wake(&self, queue: u32) -> Result<()> {
        // SAFETY: the call takes any handle and queue.
        match unsafe { ixy_sys::ixy_rx_wake(self.inner.handle, queue) } {
            0 => Ok(()),
            code => Err(Error::hot(code)),
        }
    }

    /// Closes the device now, even while its queues have owners: they get `Handle` errors from then on.
    ///
    /// # Errors
    ///
    /// `Fork` in a child process.
    pub fn close(self) -> Result<()> {
        // SAFETY: the call takes any handle, and waits for hot calls that are under way.
        check(unsafe { ixy_sys::ixy_device_close(self.inner.handle) }).map(drop)
    }

    /// Takes receive queue `index` (from 0), until the returned value is dropped.
    ///
    /// # Errors
    ///
    /// `Range` when there are not so many; `Busy` while it has another owner; `State` when the device was opened without
    /// a pool.
    pub fn rx_queue(&self, index: u32) -> Result<RxQueue> {
        let pool = self.pool()?;
        self.inner.rx.take(index, &self.inner.address)?;
        RxQueue::open(self.inner.clone(), pool, index)
    }

    /// Takes transmit queue `index` (from 0), until the returned value is dropped.
    ///
    /// # Errors
    ///
    /// As [`Device::rx_queue`].
    pub fn tx_queue(&self, index: u32) -> Result<TxQueue> {
        let pool = self.pool()?;
        self.inner.tx.take(index, &self.inner.address)?;
        Ok(TxQueue::new(self.inner.clone(), pool, index))
    }

    /// What the device is.
    ///
    /// # Errors
    ///
    /// `Fork` in a child process.
    pub fn info(&self) -> Result<Info> {
        info(self.inner.handle)
    }

    /// What driver and device agreed upon, by the VirtIO specification's names: "VERSION_1", "RING_PACKED". Empty for a
    /// device that negotiates nothing, as Intel's.
    ///
    /// # Errors
    ///
    /// `Fork` in a child process.
    pub fn features(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let mut buffer = [0 as c_char; ixy_sys::IXY_TEXT_MAX as usize];
        for index in 0.. {
            // SAFETY: the call writes at most as many bytes as it is told that the buffer has.
            let count = check(unsafe {
                ixy_sys::ixy_device_feature(self.inner.handle, index, buffer.as_mut_ptr(), buffer.len() as u32)
            })?;
            if index >= count {
                break;
            }
            names.push(status::text(&buffer));
        }
        Ok(names)
    }

    /// State of the link.
    ///
    /// # Errors
    ///
    /// `Device` when it failed, with the reason; [`Device::reset`] starts it again. `Fork` in a child process.
    pub fn link(&self) -> Result<Link> {
        let mut raw = ixy_link::sized();
        // SAFETY: the struct is valid for the call, and struct_size says how long it is.
        check(unsafe { ixy_sys::ixy_device_link(self.inner.handle, &mut raw) })?;
        Ok(raw.into())
    }

    /// Totals since the device was opened or reset.
    ///
    /// # Errors
    ///
    /// `Fork` in a child process.
    pub fn stats(&self) -> Result<Stats> {
        let mut raw = ixy_stats::sized();
        // SAFETY: as in link.
        check(unsafe { ixy_sys::ixy_device_stats(self.inner.handle, &mut raw) })?;
        Ok(raw.into())
    }

    /// What receive queue and transmit queue number `index` did since the device was opened or reset.
    ///
    /// # Errors
    ///
    /// `Range` when there is neither such a receive nor such a transmit queue; `Unsupported` without
    /// [`Capabilities::QUEUE_STATS`](crate::Capabilities::QUEUE_STATS); `Device`; `Fork` in a child process.
    pub fn queue_stats(&self, index: u32) -> Result<QueueStats> {
        let mut raw = ixy_queue_stats::sized();
        // SAFETY: as in link.
        check(unsafe { ixy_sys::ixy_device_queue_stats(self.inner.handle, index, &mut raw) })?;
        Ok(raw.into())
    }

    /// The station address.
    ///
    /// # Errors
    ///
    /// `Fork` in a child process.
    pub fn mac(&self) -> Result<[u8; 6]> {
        let mut mac = [0; 6];
        // SAFETY: the call writes 6 bytes.
        check(unsafe { ixy_sys::ixy_device_mac(self.inner.handle, mac.as_mut_ptr()) })?;
        Ok(mac)
    }

    /// Sets the station address.
    ///
    /// # Errors
    ///
    /// `Argument` for a multicast or all-zero address; `Unsupported` where a VirtIO device cannot; `Device`, `Timeout`.
    pub fn set_mac(&self, mac: [u8; 6]) -> Result<()> {
        // SAFETY: the call reads 6 bytes.
        check(unsafe { ixy_sys::ixy_device_mac_set(self.inner.handle, mac.as_ptr()) }).map(drop)
    }

    /// Promiscuous mode: whether the device receives every frame (as after open), or only broadcast and its own address.
    ///
    /// # Errors
    ///
    /// `Unsupported` where a VirtIO device cannot filter; `Device`, `Timeout`; `Fork` in a child process.
    pub fn set_promiscuous(&self, on: bool) -> Result<()> {
        // SAFETY: the call takes any handle.
        check(unsafe { ixy_sys::ixy_device_promiscuous_set(self.inner.handle, on.into()) }).map(drop)
    }

    /// The library's handle of this device, for calls of `ixy-sys`.
    #[must_use]
    pub fn as_raw(&self) -> u64 {
        self.inner.handle
    }

    fn pool(&self) -> Result<Pool> {
        self.inner.pool.clone().ok_or_else(|| {
            Error::new(
                ixy_sys::IXY_E_STATE,
                format!(
                    "{}: opened without a pool, so no packets move; open it with DeviceBuilder::pool",
                    self.inner.address
                ),
            )
        })
    }
}

/// The network devices on this machine's PCI bus that libixy has a driver for, by address, and what each needs before it
/// can be opened. None of them is.
///
/// # Errors
///
/// `Io` when the operating system does not tell.
///
/// ```no_run
/// for device in libixy::devices()? {
///     println!("{} {} {}", device.address, device.name, device.missing);
/// }
/// # Ok::<(), libixy::Error>(())
/// ```
pub fn devices() -> Result<Vec<Found>> {
    check_abi()?;
    let mut found = Vec::new();
    for index in 0.. {
        let mut raw = ixy_found::sized();
        // SAFETY: the struct is valid for the call, and struct_size says how long it is.
        let count = check(unsafe { ixy_sys::ixy_device_find(index, &mut raw) })?;
        if index >= count {
            break;
        }
        found.push(raw.into());
    }
    Ok(found)
}

fn info(handle: u64) -> Result<Info> {
    let mut raw = ixy_info::sized();
    // SAFETY: the struct is valid for the call, and struct_size says how long it is.
    check(unsafe { ixy_sys::ixy_device_info(handle, &mut raw) })?;
    Ok(raw.into())
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("handle", &format_args!("{:#x}", self.inner.handle))
            .field("address", &self.inner.address)
            .finish()
    }
}
