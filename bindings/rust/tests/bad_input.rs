//! Each kind of bad input gives its documented error; what the types rule out is in tests/misuse.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use common::{assert_error, assert_nothing_leaked, looped};
use libixy::{Batch, Device, ErrorKind, Pool, BATCH_MAX, BUFFERS_MAX, QUEUES_MAX};

#[test]
fn wrong_addresses() {
    let pool = Pool::open().unwrap();
    for (address, word) in [
        ("", ""),
        ("emu", "emu"),
        ("emu:", ""),
        ("emu:12345", "12345"),
        ("nothing:82599", "nothing"),
        ("emu:82599,colour=red", "colour"),
        ("emu:82599,wire=string", "string"),
        ("emu:82599,timing=sometimes", "sometimes"),
        ("emu:82599,wire=gen,limit=many", "many"),
        ("emu:82599,wire=gen,size=1", "size"),
        ("emu:\082599", "byte 4"),
    ] {
        let error = assert_error(Device::open(address, &pool), ErrorKind::Address, "IXY_E_ADDRESS", word);
        assert!(error.to_string().ends_with("(IXY_E_ADDRESS)"));
    }
    assert_nothing_leaked(pool);
}

#[test]
fn wrong_counts() {
    let pool = Pool::open().unwrap();
    assert_error(Batch::new(&pool, 0), ErrorKind::Range, "IXY_E_RANGE", "0");
    assert_error(
        Batch::new(&pool, BATCH_MAX + 1),
        ErrorKind::Range,
        "IXY_E_RANGE",
        "4097",
    );
    let open = |buffers| Pool::builder().buffers(buffers).open();
    assert_error(open(BUFFERS_MAX + 1), ErrorKind::Argument, "IXY_E_ARGUMENT", "262145");
    let open = |size| Pool::builder().buffer_size(size).open();
    assert_error(open(1000), ErrorKind::Argument, "IXY_E_ARGUMENT", "1000");
    let open = |queues| Device::builder("emu:82599").rx_queues(queues).open();
    assert_error(open(QUEUES_MAX + 1), ErrorKind::Range, "IXY_E_RANGE", "17");
    let open = |size| Device::builder("emu:82599").tx_ring_size(size).open();
    assert_error(open(100), ErrorKind::Range, "IXY_E_RANGE", "100");
    let small = Pool::builder().buffers(16).open().unwrap();
    assert_error(
        Device::open("emu:82599", &small),
        ErrorKind::PoolSize,
        "IXY_E_POOL_SIZE",
        "16",
    );
}

#[test]
fn queues_that_are_not_there() {
    let pool = Pool::open().unwrap();
    let device = looped(&pool);
    for index in [1, 15, 16, 32, u32::MAX] {
        assert_error(device.rx_queue(index), ErrorKind::Range, "IXY_E_RANGE", "receive queue");
        assert_error(
            device.tx_queue(index),
            ErrorKind::Range,
            "IXY_E_RANGE",
            "transmit queue",
        );
    }
}

#[test]
fn wrong_states() {
    let pool = Pool::open().unwrap();
    let device = Device::open("emu:82599", &pool).unwrap();
    let mut batch = Batch::new(&pool, 2).unwrap();
    let (mut rx, mut tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
    assert_error(rx.receive(&mut batch), ErrorKind::State, "IXY_E_STATE", "");
    batch.alloc(1, 60).unwrap();
    assert_error(tx.transmit(&mut batch), ErrorKind::State, "IXY_E_STATE", "");
    device.start().unwrap();
    assert_error(device.start(), ErrorKind::State, "IXY_E_STATE", "");

    let without = Device::builder("emu:82599").open().unwrap();
    assert_error(without.start(), ErrorKind::State, "IXY_E_STATE", "pool");
    assert_error(without.rx_queue(0), ErrorKind::State, "IXY_E_STATE", "pool");
    assert_error(without.tx_queue(0), ErrorKind::State, "IXY_E_STATE", "pool");
}

#[test]
fn a_frame_past_its_buffer() {
    let pool = Pool::open().unwrap();
    for len in [3000, 65_535, 65_536, usize::MAX] {
        assert_error(pool.alloc(len), ErrorKind::Frame, "IXY_E_FRAME", &len.to_string());
    }
    let mut packet = pool.alloc(60).unwrap();
    assert_error(packet.resize(3000), ErrorKind::Frame, "IXY_E_FRAME", "3000");
    assert_eq!(packet.len(), 60);
    let mut batch = Batch::new(&pool, 1).unwrap();
    batch.push(packet).unwrap();
    assert_error(batch.resize(0, 3000), ErrorKind::Frame, "IXY_E_FRAME", "3000");
    assert_error(batch.resize(1, 60), ErrorKind::Range, "IXY_E_RANGE", "packet 1");
    drop(batch);
    assert_nothing_leaked(pool);
}

#[test]
fn foreign_packets() {
    let (pool, other) = (Pool::open().unwrap(), Pool::open().unwrap());
    let device = looped(&pool);
    let mut batch = Batch::new(&other, 2).unwrap();
    assert_error(
        device.rx_queue(0).unwrap().receive(&mut batch),
        ErrorKind::Argument,
        "IXY_E_ARGUMENT",
        "pool",
    );
    batch.alloc(2, 60).unwrap();
    assert_error(
        device.tx_queue(0).unwrap().transmit(&mut batch),
        ErrorKind::Handle,
        "IXY_E_HANDLE",
        "",
    );
    assert_eq!(batch.len(), 2);
    drop(batch);
    assert_nothing_leaked(other);
}

/// A stale or forged handle cannot be had without unsafe; behind it the accessors still notice.
#[test]
fn a_buffer_moved_by_raw_calls_is_noticed() {
    let pool = Pool::open().unwrap();
    let packet = pool.alloc(60).unwrap();
    // SAFETY: this is the misuse: the packet's buffer is freed behind its back.
    let freed = unsafe { ixy_sys::ixy_buf_free(pool.as_raw(), &packet.as_raw(), 1) };
    assert_eq!(freed, 1);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| packet[0]));
    assert!(result.is_err());
    drop(packet);
    assert_nothing_leaked(pool);
}

/// What no safe program can pass, through ixy-sys: null pointers, structs of a wrong size, reserved bits.
#[test]
fn what_only_raw_calls_can_pass() {
    use ixy_sys::{ixy_device_config, ixy_pool_config, ixy_stats, IXY_E_ARGUMENT, IXY_E_STRUCT};
    use std::ptr::{null, null_mut};
    let pool = Pool::open().unwrap();
    let device = looped(&pool);
    let (pool_handle, device_handle) = (pool.as_raw(), device.as_raw());
    let mut handle = 0;
    // SAFETY: null is what these calls refuse, before they would use it; the other pointers are valid.
    unsafe {
        for code in [
            ixy_sys::ixy_pool_open(null(), null_mut()),
            ixy_sys::ixy_pool_view(pool_handle, null_mut()),
            ixy_sys::ixy_buf_alloc(pool_handle, null_mut(), 1),
            ixy_sys::ixy_buf_free(pool_handle, null(), 1),
            ixy_sys::ixy_rx_batch(device_handle, 0, null_mut(), 1),
            ixy_sys::ixy_tx_batch(device_handle, 0, null(), 1),
            ixy_sys::ixy_device_open(null(), null(), &mut handle),
            ixy_sys::ixy_device_stats(device_handle, null_mut()),
            ixy_sys::ixy_device_mac(device_handle, null_mut()),
        ] {
            assert_eq!(code, IXY_E_ARGUMENT);
        }
        for struct_size in [0, 1, 7] {
            let config = ixy_pool_config {
                struct_size,
                ..ixy_pool_config::sized()
            };
            assert_eq!(ixy_sys::ixy_pool_open(&config, &mut handle), IXY_E_STRUCT);
            let config = ixy_device_config {
                struct_size,
                ..ixy_device_config::sized()
            };
            let address = b"emu:82599\0".as_ptr().cast();
            assert_eq!(ixy_sys::ixy_device_open(address, &config, &mut handle), IXY_E_STRUCT);
            let mut stats = ixy_stats {
                struct_size,
                ..ixy_stats::sized()
            };
            assert_eq!(ixy_sys::ixy_device_stats(device_handle, &mut stats), IXY_E_STRUCT);
        }
        let config = ixy_pool_config {
            reserved: 1,
            ..ixy_pool_config::sized()
        };
        assert!(ixy_sys::ixy_pool_open(&config, &mut handle) < 0);
    }
    assert_eq!(handle, 0);
    drop(device);
    assert_nothing_leaked(pool);
}

/// A panic drops what was held on its way: no buffer and no queue is lost.
#[test]
fn a_panic_loses_nothing() {
    let pool = Pool::open().unwrap();
    let device = looped(&pool);
    let free = pool.free_count().unwrap();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let (_rx, _tx) = (device.rx_queue(0).unwrap(), device.tx_queue(0).unwrap());
        let mut batch = Batch::new(&pool, 8).unwrap();
        batch.alloc(8, 60).unwrap();
        let packet = pool.alloc(60).unwrap();
        packet[60]
    }));
    assert!(result.is_err());
    assert_eq!(pool.free_count().unwrap(), free);
    device.rx_queue(0).unwrap();
    device.tx_queue(0).unwrap();
}

#[test]
fn a_missing_pcap_file() {
    let pool = Pool::open().unwrap();
    let address = "emu:82599,wire=pcap,in=/nonexistent/in.pcap";
    assert_error(
        Device::open(address, &pool),
        ErrorKind::NotFound,
        "IXY_E_NOT_FOUND",
        "/nonexistent/in.pcap",
    );
}

/// Run by itself as a user without rights, by the test below.
#[test]
#[ignore = "run by a_tap_without_permission, as another user"]
fn a_tap_as_this_user() {
    let pool = Pool::open().unwrap();
    let kind = if Path::new("/dev/net/tun").exists() {
        ErrorKind::Permission
    } else {
        ErrorKind::NotFound
    };
    let error = Device::open("emu:82599,tap=ixyrust0", &pool).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.text().contains("tap") || error.text().contains("tun"), "{error}");
    assert_nothing_leaked(pool);
}

#[test]
fn a_tap_without_permission() {
    // A copy of this test where any user reaches it.
    let folder = std::env::temp_dir().join(format!("libixy-tap-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let copy = folder.join("bad_input");
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    copy_shared_library(&folder);
    for path in [&folder, &copy] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new(&copy);
    command
        .args(["--exact", "--ignored", "--nocapture", "a_tap_as_this_user"])
        .current_dir("/");
    command.env("LD_LIBRARY_PATH", &folder);
    if is_root() {
        command.uid(65534).gid(65534);
    }
    let output = command.output().unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Puts the libixy.so that this process runs on, if any, into a folder, under each of the names that it may go by:
/// libixy.so, libixy.so.0, libixy.so.0.1, ...
fn copy_shared_library(folder: &Path) {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let loaded = maps
        .lines()
        .find_map(|line| Some(Path::new(&line[line.find('/')?..])).filter(|path| is_libixy(path)));
    if let Some(path) = loaded {
        let name = path.file_name().unwrap().to_str().unwrap();
        let ends = name.match_indices('.').map(|(at, _)| at).skip(1).chain([name.len()]);
        for end in ends {
            fs::copy(path, folder.join(&name[..end])).unwrap();
        }
    }
}

fn is_libixy(path: &Path) -> bool {
    path.file_name()
        .map_or(false, |name| name.to_string_lossy().starts_with("libixy.so"))
}

/// Whether this process runs as root: it owns its entry in /proc.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").unwrap().uid() == 0
}
