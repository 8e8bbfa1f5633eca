//! Values that are copied, and frames that change while a call uses them.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use ixy_sys::{ixy_frame, IXY_E_HANDLE};
use libixy::{Device, Pool};

use crate::common::{assert_nothing_leaked, looped, mark};
use crate::{transmit, Raw, RAW, SAFE};

#[test]
fn a_clone_of_a_pool_is_the_pool() {
    let pool = Pool::open().unwrap();
    let mut packet = pool.clone().alloc(60).unwrap();
    assert_eq!(pool.as_raw(), packet.pool().as_raw());
    assert_eq!(pool.free_count().unwrap(), pool.buffers() as usize - 1);
    packet.fill(7);
    drop(pool); // the packet's clone holds it
    assert!(packet.iter().all(|&byte| byte == 7));
    let pool = packet.pool().clone();
    drop(packet);
    assert_nothing_leaked(pool);
    mark(
        SAFE,
        "object copied",
        "contained",
        "Pool::clone counts a reference to the same pool",
    );
}

#[test]
fn raw_copies_of_a_frame() {
    let raw = Raw::new();
    let device = looped(&raw.pool);
    let (sent, freed) = (raw.alloc(), raw.alloc());
    let copies = (sent, freed);
    assert_eq!(transmit(device.as_raw(), &[sent]), 1);
    assert_eq!(raw.free(&freed), 1);
    assert_eq!(transmit(device.as_raw(), &[copies.0]), IXY_E_HANDLE);
    assert_eq!((raw.free(&copies.0), raw.free(&copies.1)), (IXY_E_HANDLE, IXY_E_HANDLE));
    mark(
        RAW,
        "object copied",
        "run time",
        "IXY_E_HANDLE once any copy of a frame was sent or freed",
    );
}

/// Frames of a call.
const FRAMES: usize = 8;

/// The device and its wire take what they like of the frames; then every buffer is the pool's or the caller's, once.
fn assert_all_accounted_for(raw: &Raw, device: Device) {
    device.close().unwrap();
    let mut frames = Vec::new();
    let mut given = std::collections::HashSet::new();
    while raw.pool.free_count().unwrap() > 0 {
        let frame = raw.alloc();
        assert!(
            u64::from(frame.offset) < raw.view.size && given.insert(frame.offset),
            "{frame:?}"
        );
        frames.push(frame);
    }
    assert_eq!(frames.len(), raw.pool.buffers() as usize);
    frames.iter().for_each(|frame| assert_eq!(raw.free(frame), 1));
}

/// Frames that another thread rewrites all the time, and that lie in packet memory, while they are transmitted.
#[test]
fn raw_frames_that_change() {
    for address in ["emu:82599", "emu:virtio", "emu:virtio,ring=packed"] {
        change_frames(&format!("{address},timing=inline"));
    }
    mark(
        RAW,
        "changed during a call",
        "contained",
        "each frame is read once, and checked as it was read",
    );
}

fn change_frames(address: &str) {
    let raw = Raw::new();
    let device = Device::open(address, &raw.pool).unwrap();
    device.start().unwrap();
    let place = raw.alloc(); // the array lies in this packet
    let array = raw.at(place.offset).cast::<ixy_frame>();
    let done = AtomicBool::new(false);
    let address = array as usize;
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut value = 0_u64;
            while !done.load(Relaxed) {
                value = value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let word = (address as *mut u64).wrapping_add(value as usize >> 8 & (2 * FRAMES - 1));
                // SAFETY: the word lies in the array, which is mapped while the view is held.
                unsafe {
                    word.write_volatile(if value & 1 << 40 == 0 {
                        word.read_volatile() ^ 1 << 16
                    } else {
                        value
                    })
                };
            }
        });
        for _ in 0..20_000 {
            let mut frames = [raw.alloc(); FRAMES];
            frames[1..].iter_mut().for_each(|frame| *frame = raw.alloc());
            // SAFETY: the packet has room for the array; volatile, as the other thread writes it as well.
            unsafe { array.cast::<[ixy_frame; FRAMES]>().write_volatile(frames) };
            // SAFETY: the array has that many frames.
            let sent = unsafe { ixy_sys::ixy_tx_batch(device.as_raw(), 0, array, FRAMES as u32) };
            assert!(sent <= FRAMES as i32);
            for frame in &frames {
                raw.free(frame); // those that were sent are refused
            }
            receive_all(&raw, &device);
        }
        done.store(true, Relaxed);
    });
    raw.free(&place);
    assert_all_accounted_for(&raw, device);
}

fn receive_all(raw: &Raw, device: &Device) {
    let mut frames = [ixy_frame {
        buf: 0,
        offset: 0,
        len: 0,
        flags: 0,
    }; 32];
    loop {
        // SAFETY: the array has 32 frames.
        let got = unsafe { ixy_sys::ixy_rx_batch(device.as_raw(), 0, frames.as_mut_ptr(), 32) };
        if got <= 0 {
            return;
        }
        frames[..got as usize]
            .iter()
            .for_each(|frame| assert_eq!(raw.free(frame), 1));
    }
}
