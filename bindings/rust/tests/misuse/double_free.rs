//! A packet is freed once.
// safety: double free
use libixy::Pool;

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let packet = pool.alloc(60)?;
    drop(packet);
    drop(packet); //~ E0382
    Ok(())
}
