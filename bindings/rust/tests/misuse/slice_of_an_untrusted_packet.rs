//! Packets that an untrusted device may write into at any time are no slices of u8.
// safety: device writes on
use libixy::{Batch, Pool};

fn main() -> libixy::Result<()> {
    let pool = Pool::builder().untrusted_devices().open()?;
    let mut batch = Batch::atomic(&pool, 1)?;
    batch.alloc(1, 60)?;
    println!("{:?}", std::str::from_utf8(&batch[0])); //~ E0308
    let packet = pool.alloc_atomic(60)?;
    println!("{:?}", std::str::from_utf8(&packet)); //~ E0308
    println!("{}", batch[0].len() + packet.len());
    Ok(())
}
