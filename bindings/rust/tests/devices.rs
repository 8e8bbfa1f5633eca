//! Devices: what they tell, their queues, reset and close, several threads.

mod common;

use std::collections::HashSet;
use std::thread;

use common::{assert_error, assert_nothing_leaked, looped, receive};
use libixy::{Batch, Device, ErrorKind, Pool};

#[test]
fn a_device_tells_what_it_is() {
    for (what, device_id) in [("82599", 0x10fb), ("x540", 0x1528), ("x550", 0x1563)] {
        let address = format!("emu:{what},timing=inline");
        let device = Device::builder(&address)
            .rx_queues(2)
            .tx_queues(3)
            .rx_ring_size(128)
            .open()
            .unwrap();
        let info = device.info().unwrap();
        assert_eq!((info.vendor, info.device_id), (0x8086, device_id));
        assert_eq!((info.rx_queues, info.tx_queues), (2, 3));
        assert_eq!((info.rx_ring_size, info.tx_ring_size), (128, 512));
        assert!(info.emulated && info.tx_len_max >= 1514);
        assert_eq!(
            (info.driver.as_str(), info.address.as_str()),
            ("ixgbe", address.as_str())
        );
        assert!(info.name.to_lowercase().contains(what), "{}", info.name);
    }
}

#[test]
fn features_have_names() {
    let features = |address: &str| Device::builder(address).open().unwrap().features().unwrap();
    assert_eq!(features("emu:82599,timing=inline"), Vec::<String>::new());
    let split = features("emu:virtio,timing=inline");
    assert!(split.contains(&"VERSION_1".to_owned()) && !split.contains(&"RING_PACKED".to_owned()));
    let packed = features("emu:virtio,ring=packed,timing=inline");
    let more: Vec<&String> = packed.iter().filter(|name| !split.contains(name)).collect();
    assert_eq!(more, ["RING_PACKED"]);
    assert_eq!(packed.len(), split.len() + 1);
}

#[test]
fn link_mac_and_promiscuous_mode() {
    let pool = Pool::open().unwrap();
    let device = looped(&pool);
    let link = device.link().unwrap();
    assert_eq!((link.up, link.speed_mbps), (true, 10_000));
    let mac = [2, 0, 0, 0, 0, 9];
    device.set_mac(mac).unwrap();
    assert_eq!(device.mac().unwrap(), mac);
    assert_error(device.set_mac([0; 6]), ErrorKind::Argument, "IXY_E_ARGUMENT", "");
    assert_error(device.set_mac([0xff; 6]), ErrorKind::Argument, "IXY_E_ARGUMENT", "");
    assert_eq!(device.mac().unwrap(), mac);

    // Only what is for the device comes in once promiscuous mode is off.
    device.set_promiscuous(false).unwrap();
    let (mut rx, mut tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
    let mut batch = Batch::new(&pool, 8).unwrap();
    batch.alloc(3, 60).unwrap();
    for (packet, last) in batch.iter_mut().zip([9, 8, 9]) {
        packet.fill(0);
        packet[..6].copy_from_slice(&[2, 0, 0, 0, 0, last]);
    }
    assert_eq!(tx.transmit(&mut batch).unwrap(), 3);
    receive(&mut rx, &mut batch, 2);
    assert!(batch.iter().all(|packet| packet[5] == 9));
    assert_eq!(rx.receive(&mut batch).unwrap(), 0);
}

#[test]
fn statistics_count_and_a_reset_clears_them() {
    let pool = Pool::open().unwrap();
    let device = looped(&pool);
    let (mut rx, mut tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
    let mut batch = Batch::new(&pool, 16).unwrap();
    for _ in 0..2 {
        batch.alloc(16, 60).unwrap();
        batch.iter_mut().for_each(|packet| packet.fill(1));
        assert_eq!(tx.transmit(&mut batch).unwrap(), 16);
        receive(&mut rx, &mut batch, 16);
        batch.clear();
        let stats = device.stats().unwrap();
        assert_eq!((stats.tx_packets, stats.tx_bytes), (16, 16 * 64));
        assert_eq!((stats.rx_packets, stats.rx_bytes), (16, 16 * 64));
        assert_eq!((stats.rx_missed, stats.rx_errors, stats.rx_dropped), (0, 0, 0));
        device.reset().unwrap();
        assert_eq!(device.stats().unwrap(), libixy::Stats::default());
    }
    drop((rx, tx, batch));
    device.close().unwrap();
    assert_nothing_leaked(pool);
}

#[test]
fn a_queue_has_one_owner() {
    let pool = Pool::open().unwrap();
    let device = looped(&pool);
    let rx = device.rx_queue(0).unwrap();
    assert_error(device.rx_queue(0), ErrorKind::Busy, "IXY_E_BUSY", "receive queue 0");
    let tx = device.tx_queue(0).unwrap();
    assert_error(device.tx_queue(0), ErrorKind::Busy, "IXY_E_BUSY", "transmit queue 0");
    assert_eq!((rx.index(), tx.index()), (0, 0));
    drop((rx, tx));
    device.rx_queue(0).unwrap();
    device.tx_queue(0).unwrap();
}

#[test]
fn queues_keep_their_device_open_until_it_is_closed() {
    let pool = Pool::open().unwrap();
    let mut batch = Batch::new(&pool, 4).unwrap();
    let mut rx = looped(&pool).rx_queue(0).unwrap();
    assert_eq!(rx.receive(&mut batch).unwrap(), 0);
    drop(rx);

    let device = looped(&pool);
    let (mut rx, mut tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
    device.close().unwrap();
    assert_error(rx.receive(&mut batch), ErrorKind::Handle, "IXY_E_HANDLE", "");
    batch.alloc(4, 60).unwrap();
    assert_error(tx.transmit(&mut batch), ErrorKind::Handle, "IXY_E_HANDLE", "");
    assert_eq!(batch.len(), 4);
    drop(batch);
    drop((rx, tx));
    assert_nothing_leaked(pool);
}

/// The receiver sees packets, then a Handle error, and its packets stay its own.
#[test]
fn closing_while_another_thread_receives() {
    for _ in 0..20 {
        let pool = Pool::open().unwrap();
        let device = Device::open("emu:82599,wire=gen", &pool).unwrap();
        device.start().unwrap();
        let mut rx = device.rx_queue(0).unwrap();
        let mut batch = Batch::new(&pool, 32).unwrap();
        receive(&mut rx, &mut batch, 1);
        thread::scope(|scope| {
            let receiver = scope.spawn(move || loop {
                batch.clear();
                match rx.receive(&mut batch) {
                    Err(error) if error.kind() == ErrorKind::Busy => {} // close is in the queue
                    Err(error) => return error,
                    Ok(_) => batch.iter_mut().for_each(|packet| packet[48] = 1),
                }
            });
            thread::sleep(std::time::Duration::from_millis(2));
            device.close().unwrap();
            assert_eq!(receiver.join().unwrap().kind(), ErrorKind::Handle);
        });
        assert_nothing_leaked(pool);
    }
}

#[test]
fn a_generators_frames_are_verified() {
    let pool = Pool::open().unwrap();
    let device = Device::open("emu:82599,wire=gen,limit=500,timing=inline", &pool).unwrap();
    device.start().unwrap();
    let (mut rx, mut tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
    let mut batch = Batch::new(&pool, 32).unwrap();
    let start = device.emu_meter().unwrap();
    let mut sent = 0;
    for _ in 0..10_000 {
        rx.receive(&mut batch).unwrap();
        batch
            .iter_mut()
            .for_each(|packet| packet[48] = packet[48].wrapping_add(1));
        sent += tx.transmit(&mut batch).unwrap();
        if sent == 500 {
            break;
        }
    }
    let end = device.emu_meter().unwrap();
    let counters = device.emu_counters().unwrap();
    assert_eq!((counters.generated, counters.verified), (500, 500));
    assert_eq!(
        (
            counters.damaged,
            counters.repeated,
            counters.foreign,
            counters.violations
        ),
        (0, 0, 0, 0)
    );
    assert!(end.cycles > start.cycles && end.nanoseconds > start.nanoseconds);
    assert!(end.model_cycles > start.model_cycles && end.steps > start.steps && end.steps > end.idle_steps);
    // A frame that was not touched is damaged at the sink.
    drop((rx, tx, batch));
    device.close().unwrap();
    assert_nothing_leaked(pool);
}

#[test]
fn an_untouched_frame_is_damaged_at_the_sink() {
    let pool = Pool::open().unwrap();
    let device = Device::open("emu:82599,wire=gen,limit=1,timing=inline", &pool).unwrap();
    device.start().unwrap();
    let mut batch = Batch::new(&pool, 1).unwrap();
    receive(&mut device.rx_queue(0).unwrap(), &mut batch, 1);
    assert_eq!(device.tx_queue(0).unwrap().transmit(&mut batch).unwrap(), 1);
    let counters = device.emu_counters().unwrap();
    assert_eq!((counters.verified, counters.damaged), (0, 1));
}

#[test]
fn queues_run_in_threads_of_their_own() {
    const QUEUES: u32 = 4;
    const FRAMES: u64 = 20_000;
    let pool = Pool::open().unwrap();
    let device = Device::builder(&format!("emu:82599,wire=gen,limit={FRAMES},flows=64,rate=2000000"))
        .pool(&pool)
        .rx_queues(QUEUES)
        .tx_queues(QUEUES)
        .open()
        .unwrap();
    device.start().unwrap();
    let sent: u64 = thread::scope(|scope| {
        let threads: Vec<_> = (0..QUEUES)
            .map(|index| {
                let (mut rx, mut tx) = (device.rx_queue(index).unwrap(), device.tx_queue(index).unwrap());
                let mut batch = Batch::new(&pool, 32).unwrap();
                let device = &device;
                scope.spawn(move || {
                    let mut sent = 0;
                    let mut idle = 0;
                    while idle < 200 {
                        if rx.receive(&mut batch).unwrap() == 0 && batch.is_empty() {
                            let counters = device.emu_counters().unwrap();
                            idle += u32::from(counters.generated >= FRAMES);
                            thread::sleep(std::time::Duration::from_micros(200));
                            continue;
                        }
                        batch
                            .iter_mut()
                            .for_each(|packet| packet[48] = packet[48].wrapping_add(1));
                        while !batch.is_empty() {
                            sent += tx.transmit(&mut batch).unwrap() as u64;
                        }
                    }
                    assert!(sent > 0, "queue {index} got no frame of 64 flows");
                    sent
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let end = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while device.emu_counters().unwrap().verified < sent && std::time::Instant::now() < end {
        thread::yield_now();
    }
    let (counters, stats) = (device.emu_counters().unwrap(), device.stats().unwrap());
    assert_eq!(counters.generated, sent + stats.rx_missed);
    assert_eq!((counters.verified, counters.damaged, counters.repeated), (sent, 0, 0));
    device.close().unwrap();
    assert_nothing_leaked(pool);
}

#[test]
fn handles_differ_and_debug_shows_them() {
    let pool = Pool::open().unwrap();
    let devices: Vec<Device> = (0..3).map(|_| Device::open("emu:82599", &pool).unwrap()).collect();
    let handles: HashSet<u64> = devices.iter().map(Device::as_raw).collect();
    assert_eq!(handles.len(), 3);
    let text = format!("{:?} {:?} {:?}", pool, devices[0], devices[0].rx_queue(0).unwrap());
    assert!(
        text.contains("8192") && text.contains("RxQueue(emu:82599, 0)"),
        "{text}"
    );
}
