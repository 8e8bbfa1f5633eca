//! Nor is there a &mut of one byte of them, which would be the byte's only reference.
// safety: device writes on
use libixy::Pool;

fn main() -> libixy::Result<()> {
    let pool = Pool::builder().untrusted_devices().open()?;
    let mut packet = pool.alloc_atomic(60)?;
    *packet[0].get_mut() = 1; //~ E0596
    packet.resize(64)
}
