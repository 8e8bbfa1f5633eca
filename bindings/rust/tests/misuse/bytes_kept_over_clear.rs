//! Bytes of a batch's packet cannot be kept when the batch frees it.
// safety: use after free
use libixy::{Batch, Pool};

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let mut batch = Batch::new(&pool, 1)?;
    batch.alloc(1, 60)?;
    let bytes = &batch[0];
    batch.clear(); //~ E0502
    println!("{}", bytes[0]);
    Ok(())
}
