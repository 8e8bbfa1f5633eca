//! A packet has one owner: neither it nor a batch can be cloned.
// safety: object copied
use libixy::{Batch, Pool};

fn second<T: Clone>(_: &T) {}

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    second(&pool);
    second(&pool.alloc(60)?); //~ E0277
    second(&Batch::new(&pool, 1)?); //~ E0277
    Ok(())
}
