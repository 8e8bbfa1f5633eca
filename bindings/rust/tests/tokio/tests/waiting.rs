//! tokio waits for receive queues.

use std::process::Command;
use std::time::Duration;

use libixy::{Batch, Device, ErrorKind, Pool, RxQueue, TxQueue};
use tokio::io::unix::AsyncFd;
use tokio::io::Interest;
use tokio::time::{sleep, timeout};

const LONG: Duration = Duration::from_secs(20);
const SOON: Duration = Duration::from_millis(50);

#[test]
fn the_program_of_the_readme() {
    let readme = include_str!("../../../README.md");
    assert!(readme.contains(include_str!("../src/main.rs")));
    let done = Command::new(env!("CARGO_BIN_EXE_libixy-tokio")).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert_eq!(
        (done.status.code(), said.as_ref()),
        (Some(0), "1000 frames forwarded and verified\n")
    );
}

fn looped(pool: &Pool) -> (Device, AsyncFd<RxQueue>, TxQueue) {
    let device = Device::open("emu:82599", pool).unwrap();
    device.start().unwrap();
    // SAFETY: the queue has its descriptor until it is dropped.
    let rx = unsafe { AsyncFd::register_with_interest(device.rx_queue(0).unwrap(), Interest::READABLE) }.unwrap();
    let tx = device.tx_queue(0).unwrap();
    (device, rx, tx)
}

/// Receives at least one packet.
async fn receive(rx: &mut AsyncFd<RxQueue>, batch: &mut Batch) -> libixy::Result<usize> {
    loop {
        let received = rx.get_mut().receive(batch)?;
        if received > 0 {
            return Ok(received);
        }
        if !rx.get_mut().arm()? {
            rx.readable_mut().await.unwrap().clear_ready();
        }
    }
}

fn send(tx: &mut TxQueue) {
    let mut batch = Batch::new(&tx.pool().clone(), 1).unwrap();
    batch.alloc(1, 60).unwrap();
    assert_eq!(tx.transmit(&mut batch).unwrap(), 1);
}

#[tokio::test]
async fn a_time_out_leaves_nothing_behind() {
    let pool = Pool::open().unwrap();
    let (_device, mut rx, mut tx) = looped(&pool);
    let mut batch = Batch::new(&pool, 8).unwrap();
    for _ in 0..3 {
        assert!(timeout(SOON, receive(&mut rx, &mut batch)).await.is_err());
        send(&mut tx);
        let received = timeout(LONG, receive(&mut rx, &mut batch)).await;
        assert_eq!(received.expect("in time").unwrap(), 1);
        batch.clear();
    }
}

#[tokio::test]
async fn a_packet_that_comes_later_wakes() {
    let pool = Pool::open().unwrap();
    let (_device, mut rx, mut tx) = looped(&pool);
    let mut batch = Batch::new(&pool, 8).unwrap();
    let ((), received) = tokio::join!(
        async {
            sleep(SOON).await;
            send(&mut tx);
        },
        timeout(LONG, receive(&mut rx, &mut batch)),
    );
    assert_eq!(received.expect("in time").unwrap(), 1);
}

#[tokio::test]
async fn closing_wakes() {
    let pool = Pool::open().unwrap();
    let (device, mut rx, _tx) = looped(&pool);
    let mut batch = Batch::new(&pool, 8).unwrap();
    let ((), received) = tokio::join!(
        async {
            sleep(SOON).await;
            device.close().unwrap();
        },
        timeout(LONG, receive(&mut rx, &mut batch)),
    );
    assert_eq!(received.expect("in time").unwrap_err().kind(), ErrorKind::Handle);
}
