//! A packet is changed by one at a time.
use libixy::Pool;

fn write(one: &mut [u8]) {
    one[0] = 1;
}

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let mut packet = pool.alloc(60)?;
    let one = &mut packet[..30];
    write(&mut packet[..]); //~ E0499
    write(one);
    Ok(())
}
