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

    /// Opens the device: it is found, reset and identified. No packet moves before [`Device::start`].
    ///
    /// # Errors
    ///
    /// `Address` for a malformed one, `NotFound`, `Permission`, `Busy`, `Io`, `Timeout`, `Device`, `Unsupported`,
    /// `Argument` and `Range` for values outside of the above, or other than the device can have, `State` for a
    /// vhost-user device on a pool whose buffers are in use, `PoolSize` when the pool has too few buffers, or too small ones,
    /// `NoMemory`, `Limit`.
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
        config.offloads = self.offloads.bits();
        config.frame_len_max = self.frame_len_max;
        config.pool = self.pool.map_or(0, Pool::as_raw);
        let mut handle = 0;
        // SAFETY: address is a text with its NUL, the pointers are valid for the call, and struct_size says how long
        // config is.
        check(unsafe { ixy_sys::ixy_device_open(address.as_ptr(), &config, &mut handle) })?;
        Device::adopt(handle, self.address, self.pool)
    }
}
