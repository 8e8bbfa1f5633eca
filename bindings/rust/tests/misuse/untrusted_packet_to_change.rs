//! Nobody has packets to himself that an untrusted device may write into: there is no &mut of them.
// safety: device writes on
use libixy::{Batch, Pool};

fn main() -> libixy::Result<()> {
    let pool = Pool::builder().untrusted_devices().open()?;
    let mut batch = Batch::atomic(&pool, 1)?;
    batch.alloc(1, 60)?;
    batch.iter_mut(); //~ E0599
    batch.get_mut(0); //~ E0599
    Ok(())
}
