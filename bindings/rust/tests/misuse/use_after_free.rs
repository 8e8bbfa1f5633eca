//! A freed packet is gone.
// safety: use after free
use libixy::Pool;

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let packet = pool.alloc(60)?;
    drop(packet);
    println!("{}", packet[0]); //~ E0382
    Ok(())
}
