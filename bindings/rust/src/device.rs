//! The device: what is opened by an address, started, asked and closed.

use std::ffi::CString;
use std::fmt;
use std::os::raw::c_char;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

use ixy_sys::{ixy_device_config, ixy_emu_counters, ixy_emu_meter, ixy_info, ixy_link, ixy_stats};

use crate::error::{check, Error, Result};
use crate::pool::{check_abi, Pool};
use crate::queue::{RxQueue, TxQueue};
use crate::status::{self, EmuCounters, EmuMeter, Info, Link, Stats};

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

/// The queues of one direction, and which of them have an owner.
pub(crate) struct QueueSet {
    direction: &'static str,
    count: u32,
    taken: AtomicU32,
}

impl QueueSet {
    fn new(direction: &'static str, count: u32) -> Self {
        QueueSet {
            direction,
            count,
            taken: AtomicU32::new(0),
        }
    }

    fn take(&self, index: u32, address: &str) -> Result<()> {
        if index >= self.count {
            return Err(Error::new(
                ixy_sys::IXY_E_RANGE,
                format!(
                    "{address}: {} queue {index}: it was opened with {}, counted from 0",
                    self.direction, self.count
                ),
            ));
        }
        // Acquire and release: what the former owner did with the queue comes before what the next one does.
        if self.taken.fetch_or(1 << index, Ordering::Acquire) & (1 << index) != 0 {
            return Err(Error::new(
                ixy_sys::IXY_E_BUSY,
                format!(
                    "{address}: {} queue {index} has an owner; it can be taken again when that is dropped",
                    self.direction
                ),
            ));
        }
        Ok(())
    }

    pub(crate) fn give(&self, index: u32) {
        self.taken.fetch_and(!(1 << index), Ordering::Release);
    }
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

/// How a [`Device`] is opened; see [`Device::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until open()"]
pub struct DeviceBuilder<'a> {
    address: &'a str,
    pool: Option<&'a Pool>,
    rx_queues: u32,
    tx_queues: u32,
    rx_ring_size: u32,
    tx_ring_size: u32,
}

impl<'a> DeviceBuilder<'a> {
    /// Where buffers come from. Without a pool the device can be asked about but not started.
    pub fn pool(mut self, pool: &'a Pool) -> Self {
        self.pool = Some(pool);
        self
    }

    /// Receive queues, 1 to [`QUEUES_MAX`](crate::QUEUES_MAX). 0 is the default, 1.
    pub fn rx_queues(mut self, count: u32) -> Self {
        self.rx_queues = count;
        self
    }

    /// Transmit queues, 1 to [`QUEUES_MAX`](crate::QUEUES_MAX). 0 is the default, 1.
    pub fn tx_queues(mut self, count: u32) -> Self {
        self.tx_queues = count;
        self
    }

    /// Descriptors a receive queue, a power of two, 64 to 4096. 0 is the default, 512.
    pub fn rx_ring_size(mut self, descriptors: u32) -> Self {
        self.rx_ring_size = descriptors;
        self
    }

    /// Descriptors a transmit queue, a power of two, 64 to 4096. 0 is the default, 512.
    pub fn tx_ring_size(mut self, descriptors: u32) -> Self {
        self.tx_ring_size = descriptors;
        self
    }

    /// Opens the device: it is found, reset and identified. No packet moves before [`Device::start`].
    ///
    /// # Errors
    ///
    /// `Address` for a malformed one, `NotFound`, `Permission`, `Timeout`, `Device`, `Unsupported`, `Argument` and
    /// `Range` for values outside of the above, `PoolSize` when the pool is smaller than the rings need, `NoMemory`,
    /// `Limit`.
    pub fn open(self) -> Result<Device> {
        check_abi()?;
        let address = CString::new(self.address).map_err(|nul| {
            Error::new(
                ixy_sys::IXY_E_ADDRESS,
                format!("{:?}: byte {} is NUL", self.address, nul.nul_position()),
            )
        })?;
        let mut config = ixy_device_config::sized();
        config.rx_queues = self.rx_queues;
        config.tx_queues = self.tx_queues;
        config.rx_ring_size = self.rx_ring_size;
        config.tx_ring_size = self.tx_ring_size;
        config.pool = self.pool.map_or(0, Pool::as_raw);
        let mut handle = 0;
        // SAFETY: address is a text with its NUL, the pointers are valid for the call, and struct_size says how long
        // config is.
        check(unsafe { ixy_sys::ixy_device_open(address.as_ptr(), &config, &mut handle) })?;
        // From here on Inner closes the device, whatever happens.
        let mut inner = Inner {
            handle,
            address: self.address.to_owned(),
            pool: self.pool.cloned(),
            rx: QueueSet::new("receive", 0),
            tx: QueueSet::new("transmit", 0),
        };
        let info = info(handle)?;
        inner.rx.count = info.rx_queues;
        inner.tx.count = info.tx_queues;
        Ok(Device { inner: Arc::new(inner) })
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

    /// Says how a device is to be opened.
    pub fn builder(address: &str) -> DeviceBuilder<'_> {
        DeviceBuilder {
            address,
            pool: None,
            rx_queues: 0,
            tx_queues: 0,
            rx_ring_size: 0,
            tx_ring_size: 0,
        }
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
        Ok(RxQueue::new(self.inner.clone(), pool, index))
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

    /// State of the link.
    ///
    /// # Errors
    ///
    /// `Fork` in a child process.
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
    /// `Argument` for a multicast or all-zero address.
    pub fn set_mac(&self, mac: [u8; 6]) -> Result<()> {
        // SAFETY: the call reads 6 bytes.
        check(unsafe { ixy_sys::ixy_device_mac_set(self.inner.handle, mac.as_ptr()) }).map(drop)
    }

    /// Promiscuous mode: whether the device receives every frame (as after open), or only broadcast and its own address.
    ///
    /// # Errors
    ///
    /// `Fork` in a child process.
    pub fn set_promiscuous(&self, on: bool) -> Result<()> {
        // SAFETY: the call takes any handle.
        check(unsafe { ixy_sys::ixy_device_promiscuous_set(self.inner.handle, on.into()) }).map(drop)
    }

    /// Emulated devices: steps one with timing=inline, then tells what its wire did.
    ///
    /// # Errors
    ///
    /// `Unsupported` when the device is not emulated.
    pub fn emu_counters(&self) -> Result<EmuCounters> {
        let mut raw = ixy_emu_counters::sized();
        // SAFETY: as in link.
        check(unsafe { ixy_sys::ixy_emu_counters_get(self.inner.handle, &mut raw) })?;
        Ok(raw.into())
    }

    /// Emulated devices: a reading of the clock and of the model's own time, for measurements.
    ///
    /// # Errors
    ///
    /// `Unsupported` when the device is not emulated.
    pub fn emu_meter(&self) -> Result<EmuMeter> {
        let mut raw = ixy_emu_meter::sized();
        // SAFETY: as in link.
        check(unsafe { ixy_sys::ixy_emu_meter_get(self.inner.handle, &mut raw) })?;
        Ok(raw.into())
    }

    /// Emulated devices: what the driver did that the data sheet forbids, the first 64 of it. Empty for a correct driver.
    ///
    /// # Errors
    ///
    /// `Unsupported` when the device is not emulated.
    pub fn emu_violations(&self) -> Result<Vec<String>> {
        let mut texts = Vec::new();
        let mut buffer = [0 as c_char; ixy_sys::IXY_TEXT_MAX as usize];
        for index in 0.. {
            buffer[0] = 0;
            // SAFETY: the call writes at most as many bytes as it is told that the buffer has.
            let count = check(unsafe {
                ixy_sys::ixy_emu_violation(self.inner.handle, index, buffer.as_mut_ptr(), buffer.len() as u32)
            })?;
            if index >= count || buffer[0] == 0 {
                break;
            }
            texts.push(status::text(&buffer));
        }
        Ok(texts)
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
