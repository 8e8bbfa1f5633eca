//! A closed device is gone.
// safety: use after device close
use libixy::{Device, Pool};

fn main() -> libixy::Result<()> {
    let pool = Pool::open()?;
    let device = Device::open("emu:82599", &pool)?;
    device.close()?;
    device.start()?; //~ E0382
    Ok(())
}
