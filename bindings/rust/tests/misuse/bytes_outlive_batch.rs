//! Bytes do not outlive their batch.
use libixy::{Batch, Pool};

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let mut batch = Batch::new(&pool, 1)?;
    batch.alloc(1, 60)?;
    let bytes = batch.iter().next().unwrap();
    drop(batch); //~ E0505
    println!("{}", bytes[0]);
    Ok(())
}
