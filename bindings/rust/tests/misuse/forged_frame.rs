//! What a batch holds cannot be forged.
// safety: forged handle
use libixy::{Batch, Pool};

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let mut batch = Batch::new(&pool, 4)?;
    batch.alloc(4, 60)?;
    batch.frames[0] = batch.frames[1]; //~ E0616
    batch.len = 4096; //~ E0616
    Ok(())
}
