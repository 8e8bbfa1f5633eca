//! Bytes do not outlive the last that holds their pool.
// safety: view after pool close
use libixy::Pool;

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let packet = pool.alloc(60)?;
    let bytes = &packet[..];
    drop(pool);
    drop(packet); //~ E0505
    println!("{}", bytes[0]);
    Ok(())
}
