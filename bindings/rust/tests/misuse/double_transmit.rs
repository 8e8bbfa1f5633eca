//! A packet is in a batch once.
// safety: double transmit
use libixy::{Batch, Pool};

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let mut batch = Batch::new(&pool, 2)?;
    let packet = pool.alloc(60)?;
    batch.push(packet).unwrap();
    batch.push(packet).unwrap(); //~ E0382
    Ok(())
}
