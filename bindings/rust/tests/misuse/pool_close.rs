//! A pool has no close: it ends with the last that needs it.
// safety: view after pool close
use libixy::Pool;

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let packet = pool.alloc(60)?;
    pool.close(); //~ E0599
    drop(pool);
    println!("{}", packet[0]);
    Ok(())
}
