//! Thousands of pools and devices, opened and closed: no slot, descriptor, thread or mapping stays behind. One test, as what
//! is counted is the process's.

use std::fs;

use libixy::{Batch, Device, ErrorKind, Pool};

const POOLS: usize = 3000;

fn entries(folder: &str) -> usize {
    fs::read_dir(folder).unwrap().count()
}

fn counts() -> [usize; 3] {
    let maps = fs::read_to_string("/proc/self/maps").unwrap().lines().count();
    [entries("/proc/self/fd"), entries("/proc/self/task"), maps]
}

/// A pool with all that can be of it, dropped in one of several orders.
fn round(number: usize) {
    let mut builder = Pool::builder().buffers(2048);
    if number % 2 == 0 {
        builder = builder.untrusted_devices();
    }
    let pool = builder.open().unwrap();
    let timing = if number % 16 == 0 { "threaded" } else { "inline" };
    let what = ["82599", "virtio", "virtio,ring=packed"][number % 3];
    let device = Device::open(&format!("emu:{what},timing={timing}"), &pool).unwrap();
    device.start().unwrap();
    let (mut rx, tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
    let mut batch = Batch::atomic(&pool, 4).unwrap();
    batch.alloc(2, 60).unwrap();
    rx.receive(&mut batch).unwrap();
    let packet = batch.pop();
    match number % 4 {
        0 => drop((pool, device, rx, tx, batch, packet)),
        1 => drop((packet, batch, tx, rx, device, pool)),
        2 => drop((rx, pool, batch, device, packet, tx)),
        _ => {
            device.close().unwrap();
            assert_eq!(rx.receive(&mut batch).unwrap_err().kind(), ErrorKind::Handle);
        }
    }
}

#[test]
fn nothing_stays_behind() {
    (0..48).for_each(round); // what is allocated once
    let before = counts();
    (0..POOLS).for_each(round);
    let after = counts();
    assert_eq!(before[..2], after[..2], "descriptors, threads");
    assert!(after[2] <= before[2] + 16, "{before:?} mappings and then {after:?}");
    let pools: Vec<Pool> = (0..64).map_while(|_| Pool::open().ok()).collect();
    assert_eq!(pools.len(), 64, "all slots are free");
}
