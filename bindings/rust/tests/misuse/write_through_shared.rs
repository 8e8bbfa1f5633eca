//! A shared packet can only be read.
use libixy::Packet;

fn look(packet: &Packet) {
    println!("{}", packet[0]);
    packet[0] = 1; //~ E0596
}

fn main() -> libixy::Result<()> {
    look(&libixy::Pool::open()?.alloc(60)?);
    Ok(())
}
