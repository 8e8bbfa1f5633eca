//! A batch keeps its packets while it is walked through.
use libixy::{Batch, Pool};

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let mut batch = Batch::new(&pool, 4)?;
    batch.alloc(4, 60)?;
    for packet in &mut batch {
        batch.pop(); //~ E0499
        packet[0] = 1;
    }
    Ok(())
}
