//! The C interface's numbers are as wide as C's: another width is refused, not cut.
// safety raw: number of another type
use ixy_sys::{ixy_frame, ixy_rx_batch, ixy_rx_wait};

fn main() {
    let (count, fraction): (usize, f64) = (1 << 32, 0.5);
    let mut frame = ixy_frame { buf: 0, offset: 0, len: 0, flags: 0 };
    unsafe {
        ixy_rx_batch(0, 0, &mut frame, count); //~ E0308
        ixy_rx_batch(0, fraction, &mut frame, 1); //~ E0308
        ixy_rx_wait(0, 0, 1_i64 << 32); //~ E0308
        frame.len = 1_u32 << 16; //~ E0308
        ixy_rx_batch(0, 0, &mut frame, 1);
    }
    println!("{count} {fraction} {}", frame.len);
}
