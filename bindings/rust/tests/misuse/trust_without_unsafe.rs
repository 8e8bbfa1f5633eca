//! To vouch for a device is unsafe.
// safety: device writes on
use libixy::{Device, Pool};

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let builder = Device::builder("vhost-user:/run/switch").pool(&pool);
    let builder = builder.trust_device(); //~ E0133
    println!("{:?}", builder.open());
    Ok(())
}
