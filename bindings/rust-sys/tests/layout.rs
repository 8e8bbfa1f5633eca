//! The declarations have the layout that the C compiler gives the header's structs: each size and offset is asserted by
//! the C compiler, over the header that this build used.

use std::io::Write;
use std::mem::{size_of, MaybeUninit};
use std::process::{Command, Stdio};
use std::ptr::addr_of;

use ixy_sys::*;

macro_rules! layout {
    ($asserts:ident: $($name:ident { $($member:ident),* })*) => {$(
        let bytes = size_of::<$name>();
        $asserts.push_str(&format!("_Static_assert(sizeof({0}) == {bytes}, \"{0}\");\n", stringify!($name)));
        let space = MaybeUninit::<$name>::uninit();
        let start = space.as_ptr();
        let mut sum = 0;
        $(
            // SAFETY: the pointer lies in space; it is not read.
            let member = unsafe { addr_of!((*start).$member) };
            let offset = member as usize - start as usize;
            let size = size_of_pointee(member);
            sum += size;
            $asserts.push_str(&format!(
                "_Static_assert(offsetof({0}, {1}) == {offset} && sizeof((({0} *)0)->{1}) == {size}, \"{0}.{1}\");\n",
                stringify!($name),
                stringify!($member)
            ));
        )*
        assert_eq!(sum, bytes, "{}: a member is missing here, or there is padding", stringify!($name));
    )*};
}

fn size_of_pointee<T>(_: *const T) -> usize {
    size_of::<T>()
}

#[test]
fn structs_are_laid_out_as_in_c() {
    let mut asserts = String::from("#include <stddef.h>\n#include <ixy.h>\n");
    layout! { asserts:
        ixy_frame { buf, offset, len, flags }
        ixy_metadata { timestamp, flags, vlan_tci, l2_len, l3_len }
        ixy_pool_config { struct_size, buffer_count, buffer_size, reserved }
        ixy_view {
            struct_size, buffer_count, buffer_size, buffer_stride, headroom, index_mask, view, size, base, owner,
            metadata
        }
        ixy_device_config {
            struct_size, rx_queues, tx_queues, rx_ring_size, tx_ring_size, reserved, pool, offloads, frame_len_max
        }
        ixy_info {
            struct_size, vendor, device_id, rx_queues, tx_queues, rx_ring_size, tx_ring_size, tx_len_min, tx_len_max,
            emulated, driver, name, address, capabilities, offloads, rx_len_max, rx_frames_max
        }
        ixy_link { struct_size, up, speed_mbps, reserved }
        ixy_stats {
            struct_size, reserved, rx_packets, rx_bytes, tx_packets, tx_bytes, rx_missed, rx_errors, rx_dropped, rx_starved
        }
        ixy_queue_stats {
            struct_size, reserved, rx_packets, rx_bytes, rx_missed, rx_dropped, rx_starved, tx_packets, tx_bytes
        }
        ixy_found { struct_size, vendor, device_id, usable, address, name, driver, missing }
        ixy_emu_counters {
            struct_size, violations, generated, verified, damaged, repeated, reordered, foreign, wire_dropped
        }
        ixy_emu_meter { struct_size, bracket_cycles, cycles, nanoseconds, model_cycles, steps, idle_steps }
    }
    let mut compiler = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .args(["-std=c11", "-fsyntax-only", "-x", "c"])
        .args(option_env!("IXY_SYS_INCLUDE").map(|folder| format!("-I{folder}")))
        .arg("-")
        .stdin(Stdio::piped())
        .spawn()
        .expect("a C compiler");
    compiler.stdin.take().unwrap().write_all(asserts.as_bytes()).unwrap();
    assert!(compiler.wait().unwrap().success(), "{asserts}");
}

#[test]
fn the_library_is_the_one_declared() {
    // SAFETY: the call has no preconditions.
    assert_eq!(i64::from(unsafe { ixy_abi_version() }), i64::from(IXY_ABI_VERSION));
}
