//! A device has one owner: it cannot be cloned.
// safety: object copied
use libixy::{Device, Pool};

fn second<T: Clone>(_: &T) {}
fn copy<T: Copy>(_: &T) {}

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    second(&pool); // counts a reference
    copy(&pool); //~ E0277
    second(&Device::open("emu:82599", &pool)?); //~ E0277
    copy(&pool.buffers());
    Ok(())
}
