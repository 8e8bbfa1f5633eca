//! What is known of a packet beside its bytes.

use ixy_sys::ixy_metadata;

/// What is known of a packet beside its bytes: what the device told when it was received, and what it shall do when the
/// packet is sent. Each needs one of the [`Capabilities`](crate::Capabilities) that the device was opened with; sending a
/// packet that wants another is `Unsupported`.
///
/// A packet that is received and sent on keeps it, so its VLAN tag goes with it.
///
/// ```
/// use libixy::{Batch, Capabilities, Checksum, Device, Metadata, Pool, L4};
///
/// let pool = Pool::open()?;
/// let device = Device::builder("emu:82599,timing=inline")
///     .pool(&pool)
///     .offloads(Capabilities::VLAN_INSERT | Capabilities::VLAN_STRIP)
///     .open()?;
/// device.start()?;
///
/// let mut packet = pool.alloc(60)?;
/// packet.fill(0);
/// let mut metadata = Metadata::default();
/// metadata.vlan = Some(5);
/// packet.set_metadata(&metadata);
///
/// let mut batch = Batch::new(&pool, 1)?;
/// batch.push(packet).unwrap();
/// device.tx_queue(0)?.transmit(&mut batch)?;
/// device.rx_queue(0)?.receive(&mut batch)?;
/// assert_eq!(batch.metadata(0).unwrap().vlan, Some(5)); // put in, sent, and taken out again
///
/// metadata.checksum = Some(Checksum { l4: Some(L4::Udp), ..Checksum::default() });
/// batch.set_metadata(0, &metadata)?;
/// let error = device.tx_queue(0)?.transmit(&mut batch).unwrap_err(); // TX_CHECKSUM was not asked for
/// assert_eq!(error.kind(), libixy::ErrorKind::Unsupported);
/// # Ok::<(), libixy::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// When it was received: nanoseconds of the device's clock, which begins at the device's start.
    pub timestamp: Option<u64>,
    /// The VLAN tag that the packet has, but not among its bytes: tag control information, the id in the lower 12 bits
    /// and the priority in the upper 3.
    pub vlan: Option<u16>,
    /// Whether the device found the IPv4 header's checksum right. None: it did not look.
    pub ip_good: Option<bool>,
    /// Whether the device found the TCP or UDP checksum right. None: it did not look.
    pub l4_good: Option<bool>,
    /// To send: checksums that the device shall fill in.
    pub checksum: Option<Checksum>,
}

/// Checksums to fill in: by default that of an IPv4 header of 20 bytes right after an Ethernet header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// The IPv4 header's.
    pub ip: bool,
    /// That of the header behind it.
    pub l4: Option<L4>,
    /// Bytes before the IP header: 14, or 18 with a VLAN tag among the bytes.
    pub l2_len: u8,
    /// Bytes of the IP header, with options or extensions.
    pub l3_len: u8,
}

/// The protocol behind IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum L4 {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Default for Checksum {
    fn default() -> Self {
        Checksum {
            ip: true,
            l4: None,
            l2_len: 14,
            l3_len: 20,
        }
    }
}

const TIMESTAMP: u32 = ixy_sys::IXY_META_TIMESTAMP as u32;
const VLAN: u32 = ixy_sys::IXY_META_VLAN as u32;
const IP_GOOD: u32 = ixy_sys::IXY_META_RX_IP_GOOD as u32;
const IP_BAD: u32 = ixy_sys::IXY_META_RX_IP_BAD as u32;
const L4_GOOD: u32 = ixy_sys::IXY_META_RX_L4_GOOD as u32;
const L4_BAD: u32 = ixy_sys::IXY_META_RX_L4_BAD as u32;
const IP_CHECKSUM: u32 = ixy_sys::IXY_META_TX_IP_CHECKSUM as u32;
const TCP_CHECKSUM: u32 = ixy_sys::IXY_META_TX_TCP_CHECKSUM as u32;
const UDP_CHECKSUM: u32 = ixy_sys::IXY_META_TX_UDP_CHECKSUM as u32;

/// A record that says nothing.
pub(crate) const NO_METADATA: ixy_metadata = ixy_metadata {
    timestamp: 0,
    flags: 0,
    vlan_tci: 0,
    l2_len: 0,
    l3_len: 0,
};

fn flag(good: Option<bool>, right: u32, wrong: u32) -> u32 {
    good.map_or(0, |good| if good { right } else { wrong })
}

impl From<&Metadata> for ixy_metadata {
    fn from(metadata: &Metadata) -> Self {
        let mut raw = NO_METADATA;
        raw.flags |= flag(metadata.ip_good, IP_GOOD, IP_BAD) | flag(metadata.l4_good, L4_GOOD, L4_BAD);
        if let Some(timestamp) = metadata.timestamp {
            raw.flags |= TIMESTAMP;
            raw.timestamp = timestamp;
        }
        if let Some(tci) = metadata.vlan {
            raw.flags |= VLAN;
            raw.vlan_tci = tci;
        }
        if let Some(checksum) = metadata.checksum {
            raw.flags |= if checksum.ip { IP_CHECKSUM } else { 0 };
            raw.flags |= match checksum.l4 {
                Some(L4::Tcp) => TCP_CHECKSUM,
                Some(L4::Udp) => UDP_CHECKSUM,
                None => 0,
            };
            raw.l2_len = checksum.l2_len;
            raw.l3_len = checksum.l3_len;
        }
        raw
    }
}

impl From<ixy_metadata> for Metadata {
    fn from(raw: ixy_metadata) -> Self {
        let has = |flag: u32| raw.flags & flag != 0;
        let found = |right, wrong| (has(right | wrong)).then(|| !has(wrong));
        let l4 = if has(TCP_CHECKSUM) {
            Some(L4::Tcp)
        } else {
            has(UDP_CHECKSUM).then_some(L4::Udp)
        };
        Metadata {
            timestamp: has(TIMESTAMP).then_some(raw.timestamp),
            vlan: has(VLAN).then_some(raw.vlan_tci),
            ip_good: found(IP_GOOD, IP_BAD),
            l4_good: found(L4_GOOD, L4_BAD),
            checksum: has(IP_CHECKSUM | TCP_CHECKSUM | UDP_CHECKSUM).then_some(Checksum {
                ip: has(IP_CHECKSUM),
                l4,
                l2_len: raw.l2_len,
                l3_len: raw.l3_len,
            }),
        }
    }
}
