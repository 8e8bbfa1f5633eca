//! What a device tells about itself.

use std::os::raw::c_char;

use ixy_sys::{ixy_emu_counters, ixy_emu_meter, ixy_found, ixy_info, ixy_link, ixy_queue_stats, ixy_stats};

use crate::capabilities::Capabilities;

/// What a device is: [`Device::info`](crate::Device::info).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// PCI vendor id.
    pub vendor: u32,
    /// PCI device id.
    pub device_id: u32,
    /// Receive queues as opened.
    pub rx_queues: u32,
    /// Transmit queues as opened.
    pub tx_queues: u32,
    /// Descriptors a receive queue.
    pub rx_ring_size: u32,
    /// Descriptors a transmit queue.
    pub tx_ring_size: u32,
    /// Shortest frame that transmit takes, bytes without checksum.
    pub tx_len_min: u32,
    /// Longest frame that transmit takes, bytes without checksum.
    pub tx_len_max: u32,
    /// Whether the device is emulated in this process.
    pub emulated: bool,
    /// The driver, such as "ixgbe".
    pub driver: String,
    /// The device, such as "Intel 82599".
    pub name: String,
    /// The address as it was given.
    pub address: String,
    /// What the device and its driver can do.
    pub capabilities: Capabilities,
    /// What it was asked to do for packets.
    pub offloads: Capabilities,
    /// Longest frame that is received, bytes without checksum.
    pub rx_len_max: u32,
    /// Most packets of a batch, each a buffer, that one received frame takes.
    pub rx_frames_max: u32,
}

/// A network device of this machine that libixy has a driver for: [`devices`](crate::devices).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// For [`Device::open`](crate::Device::open), such as "pci:0000:03:00.0".
    pub address: String,
    /// The device, such as "Intel 82599".
    pub name: String,
    /// The kernel driver that it is bound to, "" if none.
    pub driver: String,
    /// PCI vendor id.
    pub vendor: u32,
    /// PCI device id.
    pub device_id: u32,
    /// Whether this process could open it now.
    pub usable: bool,
    /// What has to be done first, and by which command; "" if it is usable.
    pub missing: String,
}

/// State of a device's link: [`Device::link`](crate::Device::link).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// Whether the link is up.
    pub up: bool,
    /// Megabits a second, 0 while it is down.
    pub speed_mbps: u32,
}

/// Totals since a device was opened or reset: [`Device::stats`](crate::Device::stats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Frames that the device received well, with those it then had to drop.
    pub rx_packets: u64,
    /// Their bytes, with the 4 of each checksum.
    pub rx_bytes: u64,
    /// Frames that the device sent.
    pub tx_packets: u64,
    /// Their bytes, padding and checksum included.
    pub tx_bytes: u64,
    /// Dropped by the device: no descriptor or no room for them.
    pub rx_missed: u64,
    /// Dropped by the device: checksum, length or other link errors.
    pub rx_errors: u64,
    /// Dropped by the driver: completions that no correct device writes.
    pub rx_dropped: u64,
    /// Receive calls that could not repost every buffer because the pool was empty.
    pub rx_starved: u64,
}

/// What one receive queue and the transmit queue of its number did: [`Device::queue_stats`](crate::Device::queue_stats).
/// Members of a queue that is not there are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStats {
    /// Frames for this queue, with those it had to drop.
    pub rx_packets: u64,
    /// Bytes of those that were not missed, with the 4 of each checksum.
    pub rx_bytes: u64,
    /// Dropped by the device: no descriptor in this queue.
    pub rx_missed: u64,
    /// Dropped by the driver: completions that no correct device writes.
    pub rx_dropped: u64,
    /// Receive calls that could not repost every buffer because the pool was empty.
    pub rx_starved: u64,
    /// Frames that the device sent from this queue.
    pub tx_packets: u64,
    /// Their bytes, padding and checksum included.
    pub tx_bytes: u64,
}

/// What the wire of an emulated device did: [`Device::emu_counters`](crate::Device::emu_counters).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmuCounters {
    /// Things the driver did that the data sheet forbids; 0 for a correct driver.
    pub violations: u32,
    /// Frames that the generator put on the wire and the device took in.
    pub generated: u64,
    /// Frames that came to the sink right, each once.
    pub verified: u64,
    /// Frames with a wrong byte.
    pub damaged: u64,
    /// Frames that came again.
    pub repeated: u64,
    /// Frames that came after a later one of their stream; they are among the verified.
    pub reordered: u64,
    /// Frames at the sink that no generator sent.
    pub foreign: u64,
    /// Frames that the wire itself had no room for (pair, tap).
    pub wire_dropped: u64,
}

/// A reading of the clock and of an emulated device's own time: [`Device::emu_meter`](crate::Device::emu_meter).
/// Differences of two readings count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmuMeter {
    /// Cost of one empty time bracket outside its own stamps, in cycles, calibrated.
    pub bracket_cycles: u32,
    /// Time-stamp counter, fenced.
    pub cycles: u64,
    /// Monotonic clock.
    pub nanoseconds: u64,
    /// Cycles spent in the model of this device so far.
    pub model_cycles: u64,
    /// Times that the model was stepped.
    pub steps: u64,
    /// Steps that found nothing to do.
    pub idle_steps: u64,
}

/// The text in a member of a struct, up to its NUL.
pub(crate) fn text(member: &[c_char]) -> String {
    let bytes: Vec<u8> = member.iter().take_while(|&&c| c != 0).map(|&c| c as u8).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

impl From<ixy_info> for Info {
    fn from(raw: ixy_info) -> Self {
        Info {
            vendor: raw.vendor,
            device_id: raw.device_id,
            rx_queues: raw.rx_queues,
            tx_queues: raw.tx_queues,
            rx_ring_size: raw.rx_ring_size,
            tx_ring_size: raw.tx_ring_size,
            tx_len_min: raw.tx_len_min,
            tx_len_max: raw.tx_len_max,
            emulated: raw.emulated != 0,
            driver: text(&raw.driver),
            name: text(&raw.name),
            address: text(&raw.address),
            capabilities: Capabilities::from_bits(raw.capabilities),
            offloads: Capabilities::from_bits(raw.offloads),
            rx_len_max: raw.rx_len_max,
            rx_frames_max: raw.rx_frames_max,
        }
    }
}

impl From<ixy_found> for Found {
    fn from(raw: ixy_found) -> Self {
        Found {
            address: text(&raw.address),
            name: text(&raw.name),
            driver: text(&raw.driver),
            vendor: raw.vendor,
            device_id: raw.device_id,
            usable: raw.usable != 0,
            missing: text(&raw.missing),
        }
    }
}

impl From<ixy_link> for Link {
    fn from(raw: ixy_link) -> Self {
        Link {
            up: raw.up != 0,
            speed_mbps: raw.speed_mbps,
        }
    }
}

impl From<ixy_stats> for Stats {
    fn from(raw: ixy_stats) -> Self {
        Stats {
            rx_packets: raw.rx_packets,
            rx_bytes: raw.rx_bytes,
            tx_packets: raw.tx_packets,
            tx_bytes: raw.tx_bytes,
            rx_missed: raw.rx_missed,
            rx_errors: raw.rx_errors,
            rx_dropped: raw.rx_dropped,
            rx_starved: raw.rx_starved,
        }
    }
}

impl From<ixy_queue_stats> for QueueStats {
    fn from(raw: ixy_queue_stats) -> Self {
        QueueStats {
            rx_packets: raw.rx_packets,
            rx_bytes: raw.rx_bytes,
            rx_missed: raw.rx_missed,
            rx_dropped: raw.rx_dropped,
            rx_starved: raw.rx_starved,
            tx_packets: raw.tx_packets,
            tx_bytes: raw.tx_bytes,
        }
    }
}

impl From<ixy_emu_counters> for EmuCounters {
    fn from(raw: ixy_emu_counters) -> Self {
        EmuCounters {
            violations: raw.violations,
            generated: raw.generated,
            verified: raw.verified,
            damaged: raw.damaged,
            repeated: raw.repeated,
            reordered: raw.reordered,
            foreign: raw.foreign,
            wire_dropped: raw.wire_dropped,
        }
    }
}

impl From<ixy_emu_meter> for EmuMeter {
    fn from(raw: ixy_emu_meter) -> Self {
        EmuMeter {
            bracket_cycles: raw.bracket_cycles,
            cycles: raw.cycles,
            nanoseconds: raw.nanoseconds,
            model_cycles: raw.model_cycles,
            steps: raw.steps,
            idle_steps: raw.idle_steps,
        }
    }
}
