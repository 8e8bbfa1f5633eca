//! A packet is not changed while it is read.
use libixy::Pool;

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let mut packet = pool.alloc(60)?;
    let header = &packet[..14];
    packet[0] = 1; //~ E0502
    println!("{:?}", header);
    packet[0] = 1;
    Ok(())
}
