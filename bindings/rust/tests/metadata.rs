//! What is known of packets beside their bytes, what devices do for them, and which devices there are.

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::{assert_error, looped, receive};
use libixy::{Batch, Capabilities, Checksum, Device, ErrorKind, Metadata, Pool, L4};

const INTEL: [&str; 3] = [
    "emu:82599,timing=inline",
    "emu:x540,timing=inline",
    "emu:x550,timing=inline",
];

fn with(address: &str, pool: &Pool, offloads: Capabilities, frame_len_max: u32) -> libixy::Result<Device> {
    let device = Device::builder(address)
        .pool(pool)
        .offloads(offloads)
        .frame_len_max(frame_len_max)
        .open()?;
    device.start()?;
    Ok(device)
}

#[test]
fn a_device_tells_what_it_can() {
    let pool = Pool::open().unwrap();
    for address in INTEL {
        let info = with(address, &pool, Capabilities::empty(), 0).unwrap().info().unwrap();
        let all = Capabilities::RX_CHECKSUM
            | Capabilities::TX_CHECKSUM
            | Capabilities::VLAN_STRIP
            | Capabilities::VLAN_INSERT
            | Capabilities::JUMBO;
        assert!(info.capabilities.contains(all), "{:?}", info.capabilities);
        assert_eq!(
            info.capabilities.contains(Capabilities::RX_TIMESTAMP),
            address.contains("x550")
        );
        assert_eq!(
            (info.offloads, info.rx_frames_max, info.tx_len_max),
            (Capabilities::empty(), 1, 1514)
        );
        let offloads = Capabilities::TX_CHECKSUM | Capabilities::VLAN_STRIP;
        let info = with(address, &pool, offloads, 9000).unwrap().info().unwrap();
        assert_eq!((info.offloads, info.tx_len_max), (offloads, 9000));
        assert!(info.rx_len_max >= 9000 && info.rx_frames_max > 1);
    }
    let refused = |offloads, bytes| with(INTEL[0], &pool, offloads, bytes);
    let none = Capabilities::empty();
    assert_error(
        refused(Capabilities::RX_TIMESTAMP, 0),
        ErrorKind::Unsupported,
        "IXY_E_UNSUPPORTED",
        "RX_TIMESTAMP",
    );
    assert_error(
        refused(Capabilities::JUMBO, 0),
        ErrorKind::Argument,
        "IXY_E_ARGUMENT",
        "",
    );
    assert_error(refused(none, 100_000), ErrorKind::Range, "IXY_E_RANGE", "frame_len_max");
    assert_error(refused(none, 1000), ErrorKind::Range, "IXY_E_RANGE", "frame_len_max");
}

#[test]
fn capabilities_are_a_set() {
    let mut set = Capabilities::empty();
    assert!(set.is_empty() && set.contains(Capabilities::empty()));
    assert_eq!(format!("{set:?}"), "none");
    set |= Capabilities::RX_WAIT;
    assert!(set.contains(Capabilities::RX_WAIT) && !set.contains(Capabilities::RX_WAIT | Capabilities::JUMBO));
    assert_eq!(set & Capabilities::JUMBO, Capabilities::empty());
    assert_eq!(set.bits(), 128);
}

#[test]
fn what_is_set_is_read() {
    let pool = Pool::open().unwrap();
    let mut packet = pool.alloc(60).unwrap();
    assert_eq!(packet.metadata(), Metadata::default());
    let mut metadata = Metadata::default();
    for checksum in [
        None,
        Some(Checksum::default()),
        Some(Checksum {
            ip: false,
            l4: Some(L4::Tcp),
            l2_len: 18,
            l3_len: 60,
        }),
        Some(Checksum {
            l4: Some(L4::Udp),
            ..Checksum::default()
        }),
    ] {
        for (vlan, timestamp, good) in [(None, None, None), (Some(0xffff), Some(u64::MAX), Some(false))] {
            metadata.vlan = vlan;
            metadata.timestamp = timestamp;
            metadata.ip_good = good;
            metadata.l4_good = good.map(|good| !good);
            metadata.checksum = checksum;
            packet.set_metadata(&metadata);
            assert_eq!(packet.metadata(), metadata);
        }
    }
    packet.set_more(true);
    assert!(packet.more());
    assert_eq!(packet.metadata(), metadata);
    packet.set_more(false);
    assert!(!packet.more());

    let mut batch = Batch::new(&pool, 2).unwrap();
    batch.push(packet).unwrap();
    assert_eq!((batch.metadata(0), batch.metadata(1)), (Some(metadata), None));
    assert_eq!((batch.more(0), batch.more(1)), (Some(false), None));
    batch.set_more(0, true).unwrap();
    assert_eq!(batch.more(0), Some(true));
    assert_error(batch.set_more(1, true), ErrorKind::Range, "IXY_E_RANGE", "packet 1");
    assert_error(
        batch.set_metadata(1, &metadata),
        ErrorKind::Range,
        "IXY_E_RANGE",
        "packet 1",
    );
    batch.clear();
    batch.alloc(1, 60).unwrap();
    assert_eq!(batch.metadata(0), Some(Metadata::default()), "another packet");
}

#[test]
fn a_tag_goes_with_its_packet() {
    let pool = Pool::open().unwrap();
    for address in INTEL {
        let device = with(address, &pool, Capabilities::VLAN_INSERT | Capabilities::VLAN_STRIP, 0).unwrap();
        let (mut rx, mut tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
        let mut batch = Batch::new(&pool, 4).unwrap();
        batch.alloc(2, 60).unwrap();
        batch.iter_mut().for_each(|packet| packet.fill(2));
        let mut metadata = Metadata::default();
        metadata.vlan = Some(5);
        batch.set_metadata(1, &metadata).unwrap();
        for _ in 0..3 {
            assert_eq!(tx.transmit(&mut batch).unwrap(), 2);
            receive(&mut rx, &mut batch, 2);
            let tags = [0, 1].map(|index| batch.metadata(index).unwrap().vlan);
            assert_eq!(tags, [None, Some(5)]);
            assert_eq!((batch[1].len(), batch[1][13]), (60, 2));
        }
        assert_eq!(device.emu_counters().unwrap().violations, 0);
    }
    // Not asked for.
    let device = looped(&pool);
    let mut batch = Batch::new(&pool, 1).unwrap();
    batch.alloc(1, 60).unwrap();
    let mut metadata = Metadata::default();
    metadata.vlan = Some(5);
    batch.set_metadata(0, &metadata).unwrap();
    let sent = device.tx_queue(0).unwrap().transmit(&mut batch);
    assert_error(sent, ErrorKind::Unsupported, "IXY_E_UNSUPPORTED", "");
    assert_eq!(batch.len(), 1);
}

#[test]
fn checksums_are_filled_in_and_verified() {
    // A UDP packet over IPv4 with the bytes 0 to 17, its checksums 0; computed by hand they are these.
    let bytes: Vec<u8> = [
        &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0][..],
        &[0x45, 0, 0, 46, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2],
        &[3, 0xe8, 7, 0xd0, 0, 26, 0, 0],
        &(0..18).collect::<Vec<u8>>(),
    ]
    .concat();
    let sum = |words: &[u8], start: u32| {
        let total = words.chunks(2).fold(start, |sum, word| {
            sum + u32::from(word[0]) * 256 + u32::from(*word.get(1).unwrap_or(&0))
        });
        !((total & 0xffff) + (total >> 16)) as u16
    };
    let ip = sum(&bytes[14..34], 0).to_be_bytes();
    let udp = sum(&bytes[26..], 17 + 26).to_be_bytes();

    let pool = Pool::open().unwrap();
    let offloads = Capabilities::TX_CHECKSUM | Capabilities::RX_CHECKSUM;
    for address in INTEL {
        let device = with(address, &pool, offloads, 0).unwrap();
        let (mut rx, mut tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
        let mut batch = Batch::new(&pool, 2).unwrap();
        batch.alloc(2, bytes.len()).unwrap();
        batch.iter_mut().for_each(|packet| packet.copy_from_slice(&bytes));
        let mut metadata = Metadata::default();
        metadata.checksum = Some(Checksum {
            l4: Some(L4::Udp),
            ..Checksum::default()
        });
        batch.set_metadata(0, &metadata).unwrap();
        assert_eq!(tx.transmit(&mut batch).unwrap(), 2);
        receive(&mut rx, &mut batch, 2);
        assert_eq!((&batch[0][24..26], &batch[0][40..42]), (&ip[..], &udp[..]));
        let known = batch.metadata(0).unwrap();
        assert_eq!((known.ip_good, known.l4_good), (Some(true), Some(true)));
        // The other was sent without: its IP checksum is wrong, and a UDP checksum of 0 is none.
        assert_eq!(batch.metadata(1).unwrap().ip_good, Some(false));
        assert_eq!(batch[1], bytes[..]);

        metadata.checksum = Some(Checksum {
            l4: Some(L4::Tcp),
            ..Checksum::default()
        });
        batch.set_metadata(0, &metadata).unwrap();
        assert_error(tx.transmit(&mut batch), ErrorKind::Frame, "IXY_E_FRAME", "");
        assert_eq!(device.emu_counters().unwrap().violations, 0);
    }
}

#[test]
fn time_stamps_do_not_go_back() {
    let pool = Pool::open().unwrap();
    let device = with("emu:x550,timing=inline", &pool, Capabilities::RX_TIMESTAMP, 0).unwrap();
    let (mut rx, mut tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
    let mut batch = Batch::new(&pool, 4).unwrap();
    let mut last = 0;
    for _ in 0..3 {
        batch.alloc(4, 60).unwrap();
        batch.iter_mut().for_each(|packet| packet.fill(2));
        tx.transmit(&mut batch).unwrap();
        receive(&mut rx, &mut batch, 4);
        for index in 0..4 {
            let stamp = batch.metadata(index).unwrap().timestamp.unwrap();
            assert!(stamp >= last);
            last = stamp;
        }
        batch.clear();
    }
}

#[test]
fn jumbo_frames_are_several_packets_of_a_batch() {
    let pool = Pool::open().unwrap();
    for address in INTEL {
        let device = with(address, &pool, Capabilities::empty(), 9000).unwrap();
        let (mut rx, mut tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
        let mut batch = Batch::new(&pool, 32).unwrap();
        batch.alloc(3, 2000).unwrap();
        for (packet, byte) in batch.iter_mut().zip(1..) {
            packet.fill(byte);
        }
        batch.set_more(0, true).unwrap();
        batch.set_more(1, true).unwrap();
        let sent: Vec<u8> = batch.iter().flatten().copied().collect();
        for _ in 0..2 {
            let parts = batch.len();
            assert_eq!(tx.transmit(&mut batch).unwrap(), parts);
            receive(&mut rx, &mut batch, 1);
            let more: Vec<bool> = (0..batch.len()).map(|index| batch.more(index).unwrap()).collect();
            assert!(more.len() > 1 && more.iter().rev().skip(1).all(|more| *more) && !more[more.len() - 1]);
            assert_eq!(batch.iter().flatten().copied().collect::<Vec<u8>>(), sent);
        }
        // Room for fewer than one packet may take.
        let mut small = Batch::new(&pool, 2).unwrap();
        assert_error(rx.receive(&mut small), ErrorKind::Range, "IXY_E_RANGE", "");
        batch.truncate(1);
        assert_error(tx.transmit(&mut batch), ErrorKind::Frame, "IXY_E_FRAME", "");
    }
}

#[test]
fn queues_are_counted_apart() {
    let pool = Pool::open().unwrap();
    let device = Device::builder(INTEL[0]).pool(&pool).tx_queues(2).open().unwrap();
    device.start().unwrap();
    let mut batch = Batch::new(&pool, 8).unwrap();
    batch.alloc(5, 60).unwrap();
    batch.iter_mut().for_each(|packet| packet.fill(2));
    device.tx_queue(1).unwrap().transmit(&mut batch).unwrap();
    receive(&mut device.rx_queue(0).unwrap(), &mut batch, 5);
    let stats = [0, 1].map(|index| device.queue_stats(index).unwrap());
    assert_eq!(stats.map(|one| one.tx_packets), [0, 5]);
    assert_eq!(stats.map(|one| one.rx_packets), [5, 0]);
    assert_eq!(stats[1].tx_bytes, 5 * 64);
    assert_error(device.queue_stats(2), ErrorKind::Range, "IXY_E_RANGE", "queue 2");
}

#[test]
fn the_machines_devices_are_found() {
    const INTEL: [u32; 11] = [
        0x10f7, 0x10f8, 0x10fb, 0x10fc, 0x154d, 0x1557, 0x1558, 0x1528, 0x1560, 0x1563, 0x15d1,
    ];
    let mut expected = BTreeMap::new();
    for function in fs::read_dir("/sys/bus/pci/devices").into_iter().flatten() {
        let path = function.unwrap().path();
        let number = |name| {
            let text = fs::read_to_string(path.join(name)).unwrap();
            u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).unwrap()
        };
        let (vendor, device) = (number("vendor"), number("device"));
        if (vendor == 0x8086 && INTEL.contains(&device)) || (vendor == 0x1af4 && [0x1000, 0x1041].contains(&device)) {
            expected.insert(
                format!("pci:{}", path.file_name().unwrap().to_str().unwrap()),
                (vendor, device),
            );
        }
    }
    let found = libixy::devices().unwrap();
    let told: Vec<_> = found
        .iter()
        .map(|one| (one.address.clone(), (one.vendor, one.device_id)))
        .collect();
    assert_eq!(told, expected.into_iter().collect::<Vec<_>>());
    assert!(found
        .iter()
        .all(|one| !one.name.is_empty() && one.usable == one.missing.is_empty()));
}
