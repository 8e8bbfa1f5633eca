use libixy::{Batch, Device, Pool};
use tokio::io::unix::AsyncFd;
use tokio::io::Interest;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = Pool::open()?;
    let device = Device::open("emu:82599,wire=gen,limit=1000", &pool)?;
    device.start()?;
    // SAFETY: the queue of a device that can be waited for has its descriptor until it is dropped.
    let mut rx = unsafe { AsyncFd::register_with_interest(device.rx_queue(0)?, Interest::READABLE)? };
    let mut tx = device.tx_queue(0)?;

    let mut batch = Batch::new(&pool, 32)?;
    let mut forwarded = 0;
    while forwarded < 1000 {
        if rx.get_mut().receive(&mut batch)? == 0 && !rx.get_mut().arm()? {
            rx.readable_mut().await?.clear_ready(); // asleep until the device has something
        }
        for packet in &mut batch {
            packet[48] = packet[48].wrapping_add(1);
        }
        while !batch.is_empty() {
            forwarded += tx.transmit(&mut batch)?;
        }
    }

    while device.emu_counters()?.verified < 1000 {
        tokio::task::yield_now().await;
    }
    println!("{forwarded} frames forwarded and verified");
    Ok(())
}
