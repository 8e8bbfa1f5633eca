//! Bytes do not outlive their packet.
// safety: use after free
use libixy::Pool;

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let other = pool.alloc(60)?;
    let mut bytes: &[u8] = &other;
    {
        let packet = pool.alloc(60)?;
        println!("{}", packet[0]);
        bytes = &packet; //~ E0597
    }
    println!("{}", bytes[0]);
    bytes = &other;
    println!("{}", bytes[0]);
    Ok(())
}
