//! How a device is opened.

use std::ffi::CString;

use ixy_sys::ixy_device_config;

use crate::capabilities::Capabilities;
use crate::device::Device;
use crate::error::{check, Error, Result};
use crate::pool::{check_abi, Pool};

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
    offloads: Capabilities,
    frame_len_max: u32,
    trusted: bool,
}

impl<'a> DeviceBuilder<'a> {
    pub(crate) fn new(address: &'a str) -> Self {
        DeviceBuilder {
            address,
            pool: None,
            rx_queues: 0,
            tx_queues: 0,
            rx_ring_size: 0,
            tx_ring_size: 0,
            offloads: Capabilities::empty(),
            frame_len_max: 0,
            trusted: false,
        }
    }

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

    /// What the device shall do for packets, of [`Capabilities::RX_CHECKSUM`] to [`Capabilities::RX_TIMESTAMP`]. Each is
    /// `Unsupported` where the device does not have it. The default is none.
    pub fn offloads(mut self, offloads: Capabilities) -> Self {
        self.offloads = offloads;
        self
    }

    /// The longest frame that is sent and received, bytes without checksum. More than 1514 wants
    /// [`Capabilities::JUMBO`]. 0 is the default, 1514.
    pub fn frame_len_max(mut self, bytes: u32) -> Self {
        self.frame_len_max = bytes;
        self
    }

    /// Vouches for what is at the other end of the address, so that a device outside of this process may be opened with a
    /// pool whose packets are slices of `u8`. The crate's documentation says [what that is
    /// about](crate#devices-that-are-not-trusted). Emulated devices need no vouching.
    ///
    /// ```no_run
    /// use libixy::{Device, Pool};
    ///
    /// let pool = Pool::open()?;
    /// let builder = Device::builder("0000:03:00.0").pool(&pool);
    /// // SAFETY: the card is ours, and writes nothing but received packets into buffers that it was given for them.
    /// let device = unsafe { builder.trust_device() }.open()?;
    /// # Ok::<(), libixy::Error>(())
    /// ```
    ///
    /// # Safety
    ///
    /// The other end (the process that serves a vhost-user socket and every process that it hands the memory to; the card
    /// with its firmware, and the others of its IOMMU group) writes into a buffer of the pool only while it holds it:
    /// from when the driver gives the buffer to the device until the device gives it back. That has to hold for as long
    /// as the pool exists, also after the device was closed: a back end keeps the memory that it has mapped.
    pub unsafe fn trust_device(mut self) -> Self {
        self.trusted = true;
        self
    }

    /// Opens the device: it is found, reset and identified. No packet moves before [`Device::start`].
    ///
    /// # Errors
    ///
    /// `Address` for a malformed one, and for any but `emu:...` when neither the pool is for
    /// [`untrusted_devices`](crate::PoolBuilder::untrusted_devices) nor [`DeviceBuilder::trust_device`] vouches for it;
    /// `NotFound`, `Permission`, `Busy`, `Io`, `Timeout`, `Device`, `Unsupported`,
    /// `Argument` and `Range` for values outside of the above, or other than the device can have, `State` for a
    /// vhost-user device on a pool whose buffers are in use, `PoolSize` when the pool has too few buffers, or too small ones,
    /// `NoMemory`, `Limit`.
    pub fn open(self) -> Result<Device> {
        check_abi()?;
        self.check_trust()?;
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
        config.offloads = self.offloads.bits();
        config.frame_len_max = self.frame_len_max;
        config.pool = self.pool.map_or(0, Pool::as_raw);
        let mut handle = 0;
        // SAFETY: address is a text with its NUL, the pointers are valid for the call, and struct_size says how long
        // config is.
        check(unsafe { ixy_sys::ixy_device_open(address.as_ptr(), &config, &mut handle) })?;
        Device::adopt(handle, self.address, self.pool)
    }

    /// Refuses a device that could write into packets while the program reads them as slices of u8. It is refused before
    /// it is opened, as a back end keeps the memory that it was given. Anything is outside of this process but what the
    /// library says is emulated.
    fn check_trust(&self) -> Result<()> {
        let reaches_slices = self.pool.map_or(false, |pool| !pool.admits_untrusted_devices());
        if !reaches_slices || self.trusted || self.address.starts_with("emu:") {
            return Ok(());
        }
        Err(Error::new(
            ixy_sys::IXY_E_ADDRESS,
            format!(
                "{:?}: expected an emulated device (emu:...): one outside of this process (pci:..., vhost-user:...) could \
                 write into packets while they are read as slices of u8; make the pool with \
                 PoolBuilder::untrusted_devices, or vouch for the device with DeviceBuilder::trust_device",
                self.address
            ),
        ))
    }
}
