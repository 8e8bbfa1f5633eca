//! A number of another type is not cut, wrapped or rounded: it is refused.
// safety: number of another type
use libixy::{Batch, Device, Pool};

fn main() -> libixy::Result<()> {
    let (byte, wide, fraction): (u8, u64, f64) = (64, 1 << 32, 0.5);
    let pool = Pool::open()?;
    let mut batch = Batch::new(&pool, 4)?;
    batch.alloc(4, 60)?;
    batch.resize(0, byte)?; //~ E0308
    batch.resize(0, wide)?; //~ E0308
    batch.alloc(1, fraction)?; //~ E0308
    println!("{}", batch[0][byte]); //~ E0277
    println!("{:?}", batch.get(-1)); //~ E0600
    Pool::builder().buffers(wide); //~ E0308
    Device::builder("emu:82599").rx_queues(batch.len()); //~ E0308
    batch.resize(0, usize::from(byte))?;
    println!("{}", fraction + wide as f64);
    Ok(())
}
