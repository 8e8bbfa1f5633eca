//! What a device may be able to do.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign};

/// A set of what a device may be able to do: what it can ([`Info::capabilities`](crate::Info::capabilities)), and what it
/// is asked to do ([`DeviceBuilder::offloads`](crate::DeviceBuilder::offloads)).
///
/// ```
/// use libixy::Capabilities;
///
/// let wanted = Capabilities::RX_CHECKSUM | Capabilities::VLAN_STRIP;
/// assert!(wanted.contains(Capabilities::VLAN_STRIP));
/// assert!(!wanted.contains(Capabilities::JUMBO));
/// assert_eq!(format!("{wanted:?}"), "RX_CHECKSUM | VLAN_STRIP");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Capabilities(u32);

macro_rules! capabilities {
    ($($(#[$doc:meta])* $name:ident = $bit:ident,)*) => {
        impl Capabilities {
            $($(#[$doc])* pub const $name: Capabilities = Capabilities(ixy_sys::$bit as u32);)*

            const NAMES: &'static [(&'static str, Capabilities)] = &[$((stringify!($name), Capabilities::$name),)*];
        }
    };
}

capabilities! {
    /// Verifies IPv4, TCP and UDP checksums of received packets.
    RX_CHECKSUM = IXY_CAN_RX_CHECKSUM,
    /// Fills in IPv4, TCP and UDP checksums of sent packets.
    TX_CHECKSUM = IXY_CAN_TX_CHECKSUM,
    /// Takes the VLAN tag out of received packets, into their [`Metadata`](crate::Metadata).
    VLAN_STRIP = IXY_CAN_VLAN_STRIP,
    /// Puts the VLAN tag of the [`Metadata`](crate::Metadata) into sent packets.
    VLAN_INSERT = IXY_CAN_VLAN_INSERT,
    /// Stamps received packets with the device's clock.
    RX_TIMESTAMP = IXY_CAN_RX_TIMESTAMP,
    /// Frames longer than 1514 bytes: [`DeviceBuilder::frame_len_max`](crate::DeviceBuilder::frame_len_max). Not to be
    /// asked for as an offload.
    JUMBO = IXY_CAN_JUMBO,
    /// Counts by queue: [`Device::queue_stats`](crate::Device::queue_stats). Needs no asking.
    QUEUE_STATS = IXY_CAN_QUEUE_STATS,
    /// Can be waited for: [`RxQueue::wait`](crate::RxQueue::wait). Needs no asking.
    RX_WAIT = IXY_CAN_RX_WAIT,
}

impl Capabilities {
    /// None.
    #[must_use]
    pub const fn empty() -> Self {
        Capabilities(0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` are among these.
    #[must_use]
    pub const fn contains(self, other: Capabilities) -> bool {
        self.0 & other.0 == other.0
    }

    /// The library's bits, `IXY_CAN_*`.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u32) -> Self {
        Capabilities(bits)
    }
}

impl BitOr for Capabilities {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Capabilities(self.0 | other.0)
    }
}

impl BitOrAssign for Capabilities {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl BitAnd for Capabilities {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Capabilities(self.0 & other.0)
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<String> = Capabilities::NAMES
            .iter()
            .filter(|(_, one)| self.contains(*one))
            .map(|(name, _)| (*name).to_owned())
            .collect();
        let known = Capabilities::NAMES.iter().fold(0, |bits, (_, one)| bits | one.0);
        if self.0 & !known != 0 {
            names.push(format!("{:#x}", self.0 & !known));
        }
        f.write_str(
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(" | ")
            }
            .as_str(),
        )
    }
}
