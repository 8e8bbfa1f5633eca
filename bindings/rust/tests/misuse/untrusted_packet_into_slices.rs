//! A packet that is atomics does not become a slice of u8 by going into another batch.
// safety: device writes on
use libixy::{Batch, Pool};

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let mut batch = Batch::new(&pool, 1)?;
    let _ = batch.push(pool.alloc_atomic(60)?); //~ E0308
    let _ = batch.push(pool.alloc(60)?);
    Ok(())
}
