//! A packet is freed once.
use libixy::Pool;

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let packet = pool.alloc(60)?;
    drop(packet);
    drop(packet); //~ E0382
    Ok(())
}
