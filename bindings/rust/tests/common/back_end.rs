//! A vhost-user back end that delivers frames of text and then goes on writing into the last of them, as only a malicious
//! one does. It is a thread of this process: memory lies at the addresses that the front end names.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicU8, Ordering};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Frames that it delivers: an Ethernet header, then letters.
pub const FRAMES: usize = 8;
pub const FRAME_LEN: usize = 14 + TEXT_LEN;
const TEXT_LEN: usize = 1400;
const HEADER: usize = 12; // of VirtIO, before the frame

/// What the last byte of the last frame is, in turns: a letter, and the first byte of a character of four bytes.
pub const LETTER: u8 = b'A';
pub const FIRST_OF_FOUR: u8 = 0xF0;

const GET_FEATURES: u32 = 1;
const SET_VRING_ADDR: u32 = 9;
const GET_VRING_BASE: u32 = 11;
const SET_VRING_KICK: u32 = 12;
const REPLY: u32 = 5;
const VERSION_1: u64 = 1 << 32;

#[derive(Default)]
struct Shared {
    writes_on: AtomicBool,
    writes: AtomicU64,
    ends: AtomicBool,
}

/// A back end that listens. To be dropped before the pool of its device, whose memory it writes into.
pub struct BackEnd {
    path: PathBuf,
    shared: Arc<Shared>,
    server: Option<JoinHandle<()>>,
}

impl BackEnd {
    pub fn listen() -> BackEnd {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("libixy-back-end-{}-{number}", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        let shared = Arc::new(Shared::default());
        let served = shared.clone();
        let server = Some(thread::spawn(move || serve(&listener, &served)));
        BackEnd { path, shared, server }
    }

    pub fn address(&self) -> String {
        format!("vhost-user:{}", self.path.display())
    }

    /// Begins to write into the last frame, which the device has given up.
    pub fn write_on(&self) {
        self.shared.writes_on.store(true, Ordering::Relaxed);
    }

    /// How often it wrote there.
    pub fn writes(&self) -> u64 {
        self.shared.writes.load(Ordering::Relaxed)
    }
}

impl Drop for BackEnd {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        let ended = self.server.take().unwrap().join();
        let _ = std::fs::remove_file(&self.path);
        if !thread::panicking() {
            ended.unwrap();
        }
    }
}

fn serve(listener: &UnixListener, shared: &Arc<Shared>) {
    let mut writer: Option<JoinHandle<()>> = None;
    while !shared.ends.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, _)) => answer(stream, shared, &mut writer),
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
    if let Some(writer) = writer {
        writer.join().unwrap();
    }
}

/// Answers until the front end closes the connection or the back end ends. Files that come with messages are dropped by
/// who does not ask for them.
fn answer(mut stream: UnixStream, shared: &Arc<Shared>, writer: &mut Option<JoinHandle<()>>) {
    let word = |bytes: &[u8], at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
    let address = |bytes: &[u8], at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let mut ring = None;
    let mut header = [0; 12]; // messages are written at once, so there is all of it or nothing
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    while !shared.ends.load(Ordering::Relaxed) {
        match stream.read_exact(&mut header) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(_) => return,
        }
        let request = word(&header, 0);
        let mut payload = vec![0; word(&header, 8) as usize];
        stream.read_exact(&mut payload).unwrap();
        let reply = match request {
            GET_FEATURES => VERSION_1.to_ne_bytes().to_vec(),
            GET_VRING_BASE => payload,
            SET_VRING_ADDR if word(&payload, 0) == 0 => {
                ring = Some([8, 16, 24].map(|at| address(&payload, at)));
                continue;
            }
            SET_VRING_KICK if payload[0] == 0 => {
                let [descriptors, used, available] = ring.unwrap();
                let shared = shared.clone();
                *writer = Some(thread::spawn(move || deliver(descriptors, available, used, &shared)));
                continue;
            }
            _ => continue,
        };
        let length = (reply.len() as u32).to_ne_bytes();
        let message = [&header[..4], &REPLY.to_ne_bytes(), &length, &reply].concat();
        stream.write_all(&message).unwrap();
    }
}

/// A split ring's part at an address of this process.
fn at<T>(address: usize) -> &'static T {
    // SAFETY: the front end named the address, and this thread ends before its memory does; atomics and what they lie in
    // may be changed by anybody.
    unsafe { &*(address as *const T) }
}

/// Serves the first FRAMES buffers of a receive ring (VirtIO 1.3 section 2.7), then writes on.
fn deliver(descriptors: usize, available: usize, used: usize, shared: &Shared) {
    let ends = || shared.ends.load(Ordering::Relaxed);
    while at::<AtomicU16>(available + 2).load(Ordering::Acquire) < FRAMES as u16 {
        if ends() {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    let mut last = 0;
    for index in 0..FRAMES {
        let id = at::<AtomicU16>(available + 4 + 2 * index).load(Ordering::Relaxed);
        let buffer = at::<AtomicU64>(descriptors + 16 * usize::from(id)).load(Ordering::Relaxed) as usize;
        let len = HEADER + FRAME_LEN;
        for offset in 0..len {
            let byte = if offset < HEADER {
                u8::from(offset == 10)
            } else {
                LETTER
            }; // num_buffers is 1
            at::<AtomicU8>(buffer + offset).store(byte, Ordering::Relaxed);
        }
        let element = u64::from(id) | (len as u64) << 32;
        for (offset, half) in [(0, element as u16), (4, len as u16)] {
            at::<AtomicU16>(used + 4 + 8 * index + offset).store(half, Ordering::Relaxed);
        }
        last = buffer + len - 1;
    }
    at::<AtomicU16>(used + 2).store(FRAMES as u16, Ordering::Release);
    while !ends() {
        if shared.writes_on.load(Ordering::Relaxed) {
            for value in [FIRST_OF_FOUR, LETTER] {
                at::<AtomicU8>(last).store(value, Ordering::Relaxed);
            }
            shared.writes.fetch_add(2, Ordering::Relaxed);
        } else {
            thread::sleep(Duration::from_millis(1));
        }
    }
}
