//! Packets and batches: owned, moved, freed.

mod common;

use common::{assert_error, assert_nothing_leaked, looped, receive};
use libixy::{Batch, ErrorKind, Packet, Pool, BATCH_MAX};

fn small_pool() -> Pool {
    Pool::builder().buffers(2048).open().unwrap()
}

#[test]
fn a_packet_is_a_slice_and_is_freed_on_drop() {
    let pool = small_pool();
    let mut packet = pool.alloc(60).unwrap();
    assert_eq!(pool.free_count().unwrap(), 2047);
    packet.fill(7);
    packet[59] = 8;
    assert_eq!((packet.len(), packet[0], packet[59]), (60, 7, 8));
    assert_eq!(packet.get(60), None);
    packet.resize(61).unwrap();
    assert_eq!((packet.len(), packet[59]), (61, 8));
    drop(packet);
    assert_nothing_leaked(pool);
}

#[test]
fn an_index_past_the_packet_panics() {
    let pool = small_pool();
    let packet = pool.alloc(60).unwrap();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| packet[60]));
    assert!(result.is_err());
    drop(packet);
    assert_nothing_leaked(pool);
}

#[test]
fn a_packet_keeps_its_pool_open() {
    let mut packet = small_pool().alloc(60).unwrap();
    packet.fill(3);
    assert!(packet.iter().all(|&byte| byte == 3));
    assert_eq!(packet.pool().free_count().unwrap(), 2047);
}

#[test]
fn packets_have_the_room_that_the_pool_says() {
    let pool = Pool::builder().buffers(4).buffer_size(3072).open().unwrap();
    assert!(pool.buffer_size() >= 3072);
    let mut packets: Vec<Packet> = (0..4)
        .map(|_| pool.alloc(pool.buffer_size() as usize).unwrap())
        .collect();
    for (packet, value) in packets.iter_mut().zip(0..) {
        packet.fill(value);
    }
    for (packet, value) in packets.iter().zip(0..) {
        assert!(packet.iter().all(|&byte| byte == value), "packets overlap");
    }
    let error = pool.alloc(1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoBuffers);
    packets.clear();
    assert_nothing_leaked(pool);
}

#[test]
fn a_batch_owns_its_packets() {
    let pool = small_pool();
    let mut batch = Batch::new(&pool, 8).unwrap();
    assert!(batch.is_empty());
    assert_eq!(batch.alloc(100, 60).unwrap(), 8);
    assert_eq!(batch.alloc(1, 60).unwrap(), 0);
    for (packet, value) in batch.iter_mut().zip(0..) {
        packet.fill(value);
    }
    let firsts: Vec<u8> = batch.iter().map(|packet| packet[0]).collect();
    assert_eq!(firsts, [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(batch.iter_mut().rev().map(|packet| packet[59]).next(), Some(7));

    let third = batch.remove(2);
    let last = batch.pop().unwrap();
    assert_eq!((third[0], last[0], batch.len()), (2, 7, 6));
    let firsts: Vec<u8> = batch.iter().map(|packet| packet[0]).collect();
    assert_eq!(firsts, [0, 1, 3, 4, 5, 6]);

    batch.push(third).unwrap();
    assert_eq!(batch[6][0], 2);
    batch[6][0] = 9;
    assert_eq!((batch.get(6).unwrap()[0], batch.get(7)), (9, None));
    batch.truncate(2);
    assert_eq!(pool.free_count().unwrap(), 2048 - 3);
    batch.resize(1, 64).unwrap();
    assert_eq!((batch[0].len(), batch[1].len()), (60, 64));
    drop(batch);
    assert_eq!(pool.free_count().unwrap(), 2047);
    drop(last);
    assert_nothing_leaked(pool);
}

#[test]
fn a_full_or_foreign_batch_gives_the_packet_back() {
    let (pool, other) = (small_pool(), small_pool());
    let mut batch = Batch::new(&pool, 1).unwrap();
    let foreign = batch.push(other.alloc(60).unwrap()).unwrap_err();
    batch.push(pool.alloc(60).unwrap()).unwrap();
    let refused = batch.push(pool.alloc(61).unwrap()).unwrap_err();
    assert_eq!((refused.len(), batch.len()), (61, 1));
    drop((foreign, refused, batch));
    assert_nothing_leaked(pool);
    assert_nothing_leaked(other);
}

#[test]
fn a_batch_takes_what_the_pool_has() {
    let pool = Pool::builder().buffers(10).open().unwrap();
    let mut batch = Batch::new(&pool, 16).unwrap();
    assert_eq!(batch.alloc(16, 60).unwrap(), 10);
    let error = batch.alloc(1, 60).unwrap_err();
    assert_eq!((error.kind(), batch.len()), (ErrorKind::NoBuffers, 10));
    batch.clear();
    assert_error(batch.alloc(3, 60_000), ErrorKind::Frame, "IXY_E_FRAME", "60000");
    assert!(batch.is_empty());
    drop(batch);
    assert_nothing_leaked(pool);
}

#[test]
fn what_is_sent_comes_back_unchanged_over_a_loop() {
    let pool = small_pool();
    let device = looped(&pool);
    let (mut rx, mut tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
    let mut out = Batch::new(&pool, 40).unwrap();
    let mut back = Batch::new(&pool, 40).unwrap();
    for round in 0..50u8 {
        out.alloc(40, 60).unwrap();
        for (packet, index) in out.iter_mut().zip(0..) {
            packet.fill(round);
            packet[1] = index;
        }
        out.resize(39, 1514).unwrap();
        out[39][60..].fill(round);
        assert_eq!(tx.transmit(&mut out).unwrap(), 40);
        assert!(out.is_empty());
        receive(&mut rx, &mut back, 40);
        for (packet, index) in back.iter().zip(0u8..) {
            assert_eq!(packet.len(), if index == 39 { 1514 } else { 60 });
            assert_eq!((packet[0], packet[1]), (round, index));
            assert!(packet[2..].iter().all(|&byte| byte == round));
        }
        back.clear();
    }
    assert_eq!(device.emu_violations().unwrap(), Vec::<String>::new());
    drop((rx, tx, out, back));
    device.close().unwrap();
    assert_nothing_leaked(pool);
}

#[test]
fn receive_appends_and_stops_at_the_capacity() {
    let pool = small_pool();
    let device = looped(&pool);
    let (mut rx, mut tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
    let mut out = Batch::new(&pool, 20).unwrap();
    out.alloc(20, 60).unwrap();
    out.iter_mut().zip(0..).for_each(|(packet, index)| packet[0] = index);
    assert_eq!(tx.transmit(&mut out).unwrap(), 20);
    let mut back = Batch::new(&pool, 12).unwrap();
    back.push(pool.alloc(99).unwrap()).unwrap();
    receive(&mut rx, &mut back, 12);
    assert_eq!(rx.receive(&mut back).unwrap(), 0);
    assert_eq!((back[0].len(), back[1][0], back[11][0]), (99, 0, 10));
    back.clear();
    receive(&mut rx, &mut back, 9);
    assert_eq!((back[0][0], back[8][0]), (11, 19));
}

#[test]
fn a_full_ring_leaves_the_rest_in_the_batch() {
    let pool = small_pool();
    let device = libixy::Device::builder("emu:82599,wire=loop,timing=inline")
        .pool(&pool)
        .tx_ring_size(64)
        .rx_ring_size(64)
        .open()
        .unwrap();
    device.start().unwrap();
    let mut tx = device.tx_queue(0).unwrap();
    let mut out = Batch::new(&pool, 256).unwrap();
    out.alloc(256, 60).unwrap();
    out.iter_mut()
        .zip(0..=255)
        .for_each(|(packet, index)| packet[0] = index);
    let sent = tx.transmit(&mut out).unwrap();
    assert!((1..256).contains(&sent), "{sent} packets went into a ring of 64");
    assert_eq!(out.len(), 256 - sent);
    assert_eq!(usize::from(out[0][0]), sent);
    assert_eq!(usize::from(out[out.len() - 1][0]), 255);
    drop((tx, out));
    device.close().unwrap();
    assert_nothing_leaked(pool);
}

#[test]
fn a_packet_that_cannot_be_sent_stops_the_batch_there() {
    let pool = small_pool();
    let device = looped(&pool);
    let mut tx = device.tx_queue(0).unwrap();
    let mut out = Batch::new(&pool, 4).unwrap();
    out.alloc(4, 60).unwrap();
    out.resize(2, 0).unwrap();
    assert_eq!(tx.transmit(&mut out).unwrap(), 2);
    let error = tx.transmit(&mut out).unwrap_err();
    assert_eq!((error.name(), out.len()), ("IXY_E_FRAME", 2));
    assert_eq!(out.remove(0).len(), 0);
    assert_eq!(tx.transmit(&mut out).unwrap(), 1);
}

#[test]
fn the_largest_batch_is_the_librarys() {
    let pool = Pool::open().unwrap();
    let mut batch = Batch::new(&pool, BATCH_MAX).unwrap();
    assert_eq!(batch.alloc(BATCH_MAX, 60).unwrap(), BATCH_MAX);
    batch
        .iter_mut()
        .zip(0u32..)
        .for_each(|(packet, index)| packet[..4].copy_from_slice(&index.to_le_bytes()));
    assert!(batch
        .iter()
        .zip(0u32..)
        .all(|(packet, index)| packet[..4] == index.to_le_bytes()));
    drop(batch);
    assert_nothing_leaked(pool);
}
