// Made by bindings/rust-sys/check-bindings --write from abi/include/ixy.h. Do not edit.

pub const IXY_OK: i32 = 0;
pub const IXY_E_HANDLE: i32 = -1;
pub const IXY_E_ARGUMENT: i32 = -2;
pub const IXY_E_RANGE: i32 = -3;
pub const IXY_E_FRAME: i32 = -4;
pub const IXY_E_BUSY: i32 = -5;
pub const IXY_E_STATE: i32 = -6;
pub const IXY_E_NO_MEMORY: i32 = -7;
pub const IXY_E_NO_BUFFERS: i32 = -8;
pub const IXY_E_POOL_SIZE: i32 = -9;
pub const IXY_E_TIMEOUT: i32 = -10;
pub const IXY_E_ADDRESS: i32 = -11;
pub const IXY_E_NOT_FOUND: i32 = -12;
pub const IXY_E_PERMISSION: i32 = -13;
pub const IXY_E_UNSUPPORTED: i32 = -14;
pub const IXY_E_STRUCT: i32 = -15;
pub const IXY_E_FORK: i32 = -16;
pub const IXY_E_DEVICE: i32 = -17;
pub const IXY_E_IO: i32 = -18;
pub const IXY_E_LIMIT: i32 = -19;
pub const IXY_ABI_VERSION: i32 = 1;
pub const IXY_BATCH_MAX: i32 = 4096;
pub const IXY_QUEUES_MAX: i32 = 16;
pub const IXY_POOLS_MAX: i32 = 64;
pub const IXY_DEVICES_MAX: i32 = 64;
pub const IXY_BUFFERS_MAX: i32 = 262144;
pub const IXY_TEXT_MAX: i32 = 256;
pub const IXY_FRAME_MORE: i32 = 1;
pub const IXY_FRAME_METADATA: i32 = 2;
pub const IXY_CAN_RX_CHECKSUM: i32 = 1;
pub const IXY_CAN_TX_CHECKSUM: i32 = 2;
pub const IXY_CAN_VLAN_STRIP: i32 = 4;
pub const IXY_CAN_VLAN_INSERT: i32 = 8;
pub const IXY_CAN_RX_TIMESTAMP: i32 = 16;
pub const IXY_CAN_JUMBO: i32 = 32;
pub const IXY_CAN_QUEUE_STATS: i32 = 64;
pub const IXY_CAN_RX_WAIT: i32 = 128;
pub const IXY_META_TIMESTAMP: i32 = 1;
pub const IXY_META_VLAN: i32 = 2;
pub const IXY_META_RX_IP_GOOD: i32 = 4;
pub const IXY_META_RX_IP_BAD: i32 = 8;
pub const IXY_META_RX_L4_GOOD: i32 = 16;
pub const IXY_META_RX_L4_BAD: i32 = 32;
pub const IXY_META_TX_IP_CHECKSUM: i32 = 64;
pub const IXY_META_TX_TCP_CHECKSUM: i32 = 128;
pub const IXY_META_TX_UDP_CHECKSUM: i32 = 256;
#[doc = " Where a packet lies: plain data that the caller may copy and change.\n offset counts bytes from ixy_view.base; [offset, offset + len) must lie in the buffer that buf names."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ixy_frame {
    #[doc = " handle of the buffer"]
    pub buf: u64,
    #[doc = " first byte of the packet, from the start of the pool's memory"]
    pub offset: u32,
    #[doc = " bytes, without the Ethernet checksum"]
    pub len: u16,
    #[doc = " IXY_FRAME_*"]
    pub flags: u16,
}
#[doc = " What is known of a packet beside its bytes. Each buffer has one record; that of a packet's first buffer counts, and\n only while IXY_FRAME_METADATA is set in that frame. A received packet that is sent on keeps its record: its VLAN tag\n goes with it, what concerns receiving is ignored."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ixy_metadata {
    #[doc = " received: nanoseconds of the device's clock, which begins at the device's start"]
    pub timestamp: u64,
    #[doc = " IXY_META_*"]
    pub flags: u32,
    #[doc = " tag control information: priority, DEI, VLAN id"]
    pub vlan_tci: u16,
    #[doc = " to send with a checksum: bytes before the IP header, 14, or 18 with a tag among the bytes"]
    pub l2_len: u8,
    #[doc = " to send with a checksum: bytes of the IP header, with options or extensions"]
    pub l3_len: u8,
}
extern "C" {
    #[doc = " The ABI's version, IXY_ABI_VERSION of the library that was loaded. A binding compares it with its own when it\n loads and goes no further if they differ. Any thread."]
    pub fn ixy_abi_version() -> u32;
}
extern "C" {
    #[doc = " The library's version, \"0.3.0\". Static text. Any thread."]
    pub fn ixy_version() -> *const ::std::os::raw::c_char;
}
extern "C" {
    #[doc = " What code means, one sentence; for an unknown code too. Static text. Any thread."]
    pub fn ixy_strerror(code: i32) -> *const ::std::os::raw::c_char;
}
extern "C" {
    #[doc = " The name of code, \"IXY_E_HANDLE\"; \"IXY_E_UNKNOWN\" for an unknown one. Static text. Any thread."]
    pub fn ixy_error_name(code: i32) -> *const ::std::os::raw::c_char;
}
extern "C" {
    #[doc = " What went wrong in this thread's last failed control call, with names and values, and what would be right; \"\"\n before the first failure. Control calls that succeed and hot calls leave it as it is, so it may be fetched after\n closing what was half made. Never NULL, at most IXY_TEXT_MAX bytes with its NUL. The text belongs to the thread and\n stands until its next control call that fails: copy it. Any thread."]
    pub fn ixy_last_error() -> *const ::std::os::raw::c_char;
}
#[doc = " How a pool is made. Zero means the default."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ixy_pool_config {
    #[doc = " sizeof(ixy_pool_config)"]
    pub struct_size: u32,
    #[doc = " buffers, 1 to IXY_BUFFERS_MAX; default 8192"]
    pub buffer_count: u32,
    #[doc = " packet bytes a buffer holds at least, a multiple of 1024 up to 15360; default 2048;\n1024 is too small but for devices that receive a frame in several, see\nixy_device_config.frame_len_max"]
    pub buffer_size: u32,
    #[doc = " 0"]
    pub reserved: u32,
}
#[doc = " What a binding needs to reach packet memory by itself. All members are constant while the view is held.\n Buffer i occupies [i * buffer_stride, (i + 1) * buffer_stride) of the memory; strides are odd multiples of 64 bytes,\n so that the buffers' first lines spread over all cache sets."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ixy_view {
    #[doc = " in: sizeof(ixy_view)"]
    pub struct_size: u32,
    #[doc = " buffers"]
    pub buffer_count: u32,
    #[doc = " packet bytes a fresh buffer holds from its headroom on"]
    pub buffer_size: u32,
    #[doc = " bytes from one buffer to the next"]
    pub buffer_stride: u32,
    #[doc = " bytes before a fresh packet in its buffer"]
    pub headroom: u32,
    #[doc = " buf & index_mask is the buffer's entry in owner"]
    pub index_mask: u32,
    #[doc = " handle for ixy_pool_view_release"]
    pub view: u64,
    #[doc = " bytes at base, buffer_count * buffer_stride"]
    pub size: u64,
    #[doc = " packet memory, readable and writable"]
    pub base: *mut u8,
    #[doc = " ownership table, index_mask + 1 entries, read-only; read entries as relaxed atomics"]
    pub owner: *const u64,
    #[doc = " metadata records, index_mask + 1 entries, readable and writable"]
    pub metadata: *mut ixy_metadata,
}
extern "C" {
    #[doc = " Makes a pool. config: NULL for the defaults. pool: receives the handle, which is the caller's to close.\n Returns 0. Errors: IXY_E_ARGUMENT (also over 4 GiB in all), IXY_E_STRUCT, IXY_E_NO_MEMORY, IXY_E_PERMISSION,\n IXY_E_IO (memfd_create was refused, or no file descriptor is left), IXY_E_LIMIT, IXY_E_FORK (in a child where no fork\n handler ran). Control call."]
    pub fn ixy_pool_open(config: *const ixy_pool_config, pool: *mut u64) -> i32;
}
extern "C" {
    #[doc = " Ends a pool: every buffer handle is stale at once, its memory reads as zeroes in views that are still held.\n Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_BUSY (a device is open on it; the text names the device; or is\n being opened or closed).\n Control call."]
    pub fn ixy_pool_close(pool: u64) -> i32;
}
extern "C" {
    #[doc = " Counts the buffers that are free in the pool now; buffers held by queue caches, rings or the caller are not among\n them.\n Returns how many. Errors: IXY_E_HANDLE, IXY_E_FORK. Control call."]
    pub fn ixy_pool_free_count(pool: u64) -> i32;
}
extern "C" {
    #[doc = " Opens a view of the pool's memory. view: its struct_size is read, the rest is written. The addresses stay mapped\n until ixy_pool_view_release(view->view), whatever becomes of the pool; one view a pool serves a whole program.\n Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT, IXY_E_STRUCT, IXY_E_LIMIT (1024 views are held).\n Control call."]
    pub fn ixy_pool_view(pool: u64, view: *mut ixy_view) -> i32;
}
extern "C" {
    #[doc = " Ends a view. view: ixy_view.view. After the last view of a closed pool its addresses are unmapped: nothing may\n point there any more.\n Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK. Control call."]
    pub fn ixy_pool_view_release(view: u64) -> i32;
}
extern "C" {
    #[doc = " Takes up to count buffers out of the pool; they are the caller's, who sends or frees them. frames: receives count\n frames at most, each with a new handle, an offset that leaves the headroom, len 0 and flags 0. What the memory\n holds is left over from earlier packets.\n Returns how many, fewer than count if no more are free. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT (frames\n is NULL and count is not 0), IXY_E_RANGE (count over IXY_BATCH_MAX), IXY_E_NO_BUFFERS (none is free). Hot call,\n any thread."]
    pub fn ixy_buf_alloc(pool: u64, frames: *mut ixy_frame, count: u32) -> i32;
}
extern "C" {
    #[doc = " Gives buffers back to their pool; their handles are stale. frames: count of them, of which buf alone is read.\n Returns how many. Errors: IXY_E_HANDLE (pool, or the first frame's buffer is not the caller's), IXY_E_FORK,\n IXY_E_ARGUMENT (frames is NULL and count is not 0), IXY_E_RANGE (count over IXY_BATCH_MAX). Hot call, any thread."]
    pub fn ixy_buf_free(pool: u64, frames: *const ixy_frame, count: u32) -> i32;
}
extern "C" {
    #[doc = " Copies size bytes of frame's packet, from its byte `from` on, to `to`. For languages that cannot view foreign\n memory.\n Returns size. Errors: IXY_E_HANDLE (pool, or the frame's buffer is not the caller's), IXY_E_FORK, IXY_E_ARGUMENT\n (frame is NULL, or `to` is NULL and size is not 0), IXY_E_FRAME (the frame leaves its buffer), IXY_E_RANGE (the\n bytes leave the frame). Hot call, any thread."]
    pub fn ixy_buf_read(
        pool: u64,
        frame: *const ixy_frame,
        from: u32,
        to: *mut ::std::os::raw::c_void,
        size: u32,
    ) -> i32;
}
extern "C" {
    #[doc = " Copies size bytes from `bytes` into frame's packet, to its byte `to` on; the frame's length stays.\n Returns size. Errors: IXY_E_HANDLE (pool, or the frame's buffer is not the caller's), IXY_E_FORK, IXY_E_ARGUMENT\n (frame is NULL, or `bytes` is NULL and size is not 0), IXY_E_FRAME (the frame leaves its buffer), IXY_E_RANGE (the\n bytes leave the frame). Hot call, any thread."]
    pub fn ixy_buf_write(
        pool: u64,
        frame: *const ixy_frame,
        to: u32,
        bytes: *const ::std::os::raw::c_void,
        size: u32,
    ) -> i32;
}
extern "C" {
    #[doc = " Reads the metadata record of a frame's buffer into metadata; all zeroes if frame has no IXY_FRAME_METADATA.\n Returns 0. Errors: IXY_E_HANDLE (pool, or the frame's buffer is not the caller's), IXY_E_FORK, IXY_E_ARGUMENT. Hot\n call, any thread. Since 0.2."]
    pub fn ixy_buf_metadata(pool: u64, frame: *const ixy_frame, metadata: *mut ixy_metadata) -> i32;
}
extern "C" {
    #[doc = " Writes metadata to the record of a frame's buffer and sets IXY_FRAME_METADATA in frame->flags. What a device\n cannot do is found when the frame is sent.\n Returns 0. Errors: IXY_E_HANDLE (pool, or the frame's buffer is not the caller's), IXY_E_FORK, IXY_E_ARGUMENT\n (also flags that are not of IXY_META_*). Hot call, any thread. Since 0.2."]
    pub fn ixy_buf_metadata_set(pool: u64, frame: *mut ixy_frame, metadata: *const ixy_metadata) -> i32;
}
#[doc = " How a device is opened. Zero means the default."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ixy_device_config {
    #[doc = " sizeof(ixy_device_config)"]
    pub struct_size: u32,
    #[doc = " receive queues, 1 to IXY_QUEUES_MAX; default 1"]
    pub rx_queues: u32,
    #[doc = " transmit queues, 1 to IXY_QUEUES_MAX; default 1; VirtIO: as many as rx_queues"]
    pub tx_queues: u32,
    #[doc = " descriptors a receive queue, a power of two, 64 to 4096; default 512"]
    pub rx_ring_size: u32,
    #[doc = " descriptors a transmit queue, a power of two, 64 to 4096; default 512"]
    pub tx_ring_size: u32,
    #[doc = " 0"]
    pub reserved: u32,
    #[doc = " where buffers come from; 0: the device can be queried but not started"]
    pub pool: u64,
    #[doc = " IXY_CAN_* that the device shall do, up to IXY_CAN_RX_TIMESTAMP; default none"]
    pub offloads: u32,
    #[doc = " longest frame, bytes without checksum; default 1514; more wants IXY_CAN_JUMBO"]
    pub frame_len_max: u32,
}
#[doc = " What a device is, as it is in use now. Texts end with NUL."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ixy_info {
    #[doc = " in: sizeof(ixy_info)"]
    pub struct_size: u32,
    #[doc = " PCI vendor id"]
    pub vendor: u32,
    #[doc = " PCI device id"]
    pub device_id: u32,
    #[doc = " receive queues as opened"]
    pub rx_queues: u32,
    #[doc = " transmit queues as opened"]
    pub tx_queues: u32,
    #[doc = " descriptors a receive queue in use; fewer than asked where the device has no more"]
    pub rx_ring_size: u32,
    #[doc = " descriptors a transmit queue in use; likewise"]
    pub tx_ring_size: u32,
    #[doc = " shortest frame that ixy_tx_batch takes, bytes"]
    pub tx_len_min: u32,
    #[doc = " longest frame, bytes"]
    pub tx_len_max: u32,
    #[doc = " 1: an emulated device"]
    pub emulated: u32,
    #[doc = " \"ixgbe\", \"virtio\""]
    pub driver: [::std::os::raw::c_char; 16usize],
    #[doc = " \"Intel 82599\""]
    pub name: [::std::os::raw::c_char; 32usize],
    #[doc = " as given to ixy_device_open"]
    pub address: [::std::os::raw::c_char; 256usize],
    #[doc = " IXY_CAN_*: what the device and its driver can do"]
    pub capabilities: u32,
    #[doc = " those that were asked for"]
    pub offloads: u32,
    #[doc = " longest frame that is received, bytes"]
    pub rx_len_max: u32,
    #[doc = " most frames (buffers) that one received packet takes"]
    pub rx_frames_max: u32,
}
#[doc = " How a link is."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ixy_link {
    #[doc = " in: sizeof(ixy_link)"]
    pub struct_size: u32,
    #[doc = " 1: the link is up"]
    pub up: u32,
    #[doc = " megabits a second, 0 while down or where the device does not tell"]
    pub speed_mbps: u32,
    #[doc = " 0"]
    pub reserved: u32,
}
#[doc = " Totals since the device was opened or reset. An Intel device counts them itself. A VirtIO device tells no counters,\n so its driver counts: rx_packets are the frames that ixy_rx_batch gave out and those it dropped, tx_packets those\n that ixy_tx_batch took; bytes are with 4 for each checksum too, but without padding and dropped frames."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ixy_stats {
    #[doc = " in: sizeof(ixy_stats)"]
    pub struct_size: u32,
    #[doc = " 0"]
    pub reserved: u32,
    #[doc = " frames that the device received well, with those it then had to drop"]
    pub rx_packets: u64,
    #[doc = " their bytes, with the 4 of each checksum"]
    pub rx_bytes: u64,
    #[doc = " frames that the device sent"]
    pub tx_packets: u64,
    #[doc = " their bytes, padding and checksum included"]
    pub tx_bytes: u64,
    #[doc = " dropped by the device: no descriptor or no room for them; VirtIO: not known, 0"]
    pub rx_missed: u64,
    #[doc = " dropped by the device: checksum, length or other link errors; VirtIO: not known, 0"]
    pub rx_errors: u64,
    #[doc = " dropped by the driver: completions that no correct device writes"]
    pub rx_dropped: u64,
    #[doc = " receive calls that could not repost every buffer because the pool was empty"]
    pub rx_starved: u64,
}
#[doc = " What one pair of queues did since the device was opened or reset; members of a queue that is not there are 0. All\n queues together are the whole device but for what an Intel device dropped before it chose a queue, which ixy_stats\n alone counts, and the bytes of what it dropped after."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ixy_queue_stats {
    #[doc = " in: sizeof(ixy_queue_stats)"]
    pub struct_size: u32,
    #[doc = " 0"]
    pub reserved: u32,
    #[doc = " as in ixy_stats, for this queue: frames for it, with those it had to drop"]
    pub rx_packets: u64,
    #[doc = " bytes of those that were not missed, with the 4 of each checksum"]
    pub rx_bytes: u64,
    #[doc = " dropped by the device: no descriptor in this queue"]
    pub rx_missed: u64,
    pub rx_dropped: u64,
    pub rx_starved: u64,
    pub tx_packets: u64,
    pub tx_bytes: u64,
}
#[doc = " A network device of this machine that libixy has a driver for, and whether this process could open it."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ixy_found {
    #[doc = " in: sizeof(ixy_found)"]
    pub struct_size: u32,
    #[doc = " PCI vendor id"]
    pub vendor: u32,
    #[doc = " PCI device id"]
    pub device_id: u32,
    #[doc = " 1: nothing is missing"]
    pub usable: u32,
    #[doc = " for ixy_device_open: \"pci:0000:03:00.0\""]
    pub address: [::std::os::raw::c_char; 32usize],
    #[doc = " \"Intel 82599\""]
    pub name: [::std::os::raw::c_char; 32usize],
    #[doc = " kernel driver that it is bound to, \"\" if none"]
    pub driver: [::std::os::raw::c_char; 32usize],
    #[doc = " \"\" or what has to be done first, and by which command"]
    pub missing: [::std::os::raw::c_char; 256usize],
}
extern "C" {
    #[doc = " Finds the devices on this machine's PCI bus and fills in the index-th (0 is the first, in the order of their\n addresses); past the last all members are empty. found: its struct_size is read, the rest is written. Nothing is\n opened.\n Returns how many there are. Errors: IXY_E_ARGUMENT, IXY_E_STRUCT, IXY_E_NO_MEMORY, IXY_E_PERMISSION, IXY_E_IO (the\n list of PCI devices cannot be read). Control call. Experimental: may still change."]
    pub fn ixy_device_find(index: u32, found: *mut ixy_found) -> i32;
}
extern "C" {
    #[doc = " Opens a device. address: \"emu:82599\", \"emu:virtio,wire=gen,timing=inline\", see docs/addresses.md. It is found,\n reset and identified; no packet moves before ixy_device_start. config: NULL for the defaults. device: receives the\n handle, which is the caller's to close.\n Returns 0. Errors: IXY_E_ADDRESS, IXY_E_NOT_FOUND, IXY_E_PERMISSION, IXY_E_BUSY (what the address names is in use:\n a card that has a kernel driver, both ends of a pair, a tap), IXY_E_IO (also a capture file that is damaged),\n IXY_E_TIMEOUT, IXY_E_DEVICE, IXY_E_UNSUPPORTED (no driver for it; an offload, frame_len_max or an option that it\n cannot do; VFIO without an IOMMU), IXY_E_ARGUMENT, IXY_E_STRUCT, IXY_E_RANGE (queues, ring sizes, frame_len_max;\n also rx_queues other than tx_queues on a VirtIO device, or more than it has), IXY_E_HANDLE (config->pool),\n IXY_E_FORK (config->pool; also in a child where no fork handler ran), IXY_E_STATE (the pool has buffers in use, and\n this device needs other pages under them, as vhost-user devices and cards without IOMMU do: open it first; or the\n card's IOMMU group is not all VFIO's), IXY_E_POOL_SIZE (too few buffers, or too small ones for a frame that this\n device receives; the text says what would do), IXY_E_NO_MEMORY (also more locked memory than the user may have),\n IXY_E_LIMIT. Control call."]
    pub fn ixy_device_open(
        address: *const ::std::os::raw::c_char,
        config: *const ixy_device_config,
        device: *mut u64,
    ) -> i32;
}
extern "C" {
    #[doc = " Starts all queues: rings filled, link requested.\n Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_STATE (started before, or opened without a pool),\n IXY_E_TIMEOUT, IXY_E_DEVICE, IXY_E_IO, IXY_E_NO_BUFFERS (none to fill a receive ring with), IXY_E_NO_MEMORY,\n IXY_E_UNSUPPORTED (a legacy VirtIO device does not reach its rings' addresses), IXY_E_NOT_FOUND, IXY_E_PERMISSION,\n IXY_E_RANGE (these three after a start or reset that failed, as the device is then found and identified anew).\n Control call."]
    pub fn ixy_device_start(device: u64) -> i32;
}
extern "C" {
    #[doc = " Resets the device and starts it again if it was started. Buffers in its rings go back to the pool; statistics\n begin at zero; a MAC address and promiscuous mode that were set stay. This also brings back a device that failed\n (IXY_E_DEVICE), if it answers again. After an error the device has failed; it may be reset again.\n Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_TIMEOUT, IXY_E_DEVICE, IXY_E_IO, IXY_E_NOT_FOUND (a vhost-user\n back end that does not come back), IXY_E_PERMISSION, IXY_E_UNSUPPORTED, IXY_E_RANGE (it has fewer queues now),\n IXY_E_NO_BUFFERS (none to fill a receive ring with), IXY_E_NO_MEMORY. Control call."]
    pub fn ixy_device_reset(device: u64) -> i32;
}
extern "C" {
    #[doc = " Stops the device, gives the buffers of its rings back to the pool and frees all it held. The caller's own buffers\n stay the caller's.\n Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK. Control call."]
    pub fn ixy_device_close(device: u64) -> i32;
}
extern "C" {
    #[doc = " Fills in what the device is. info: its struct_size is read, the rest is written.\n Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT, IXY_E_STRUCT. Control call."]
    pub fn ixy_device_info(device: u64, info: *mut ixy_info) -> i32;
}
extern "C" {
    #[doc = " Asks the device for its link. link: its struct_size is read, the rest is written.\n Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT, IXY_E_STRUCT, IXY_E_DEVICE (the device failed; the\n text tells why), IXY_E_TIMEOUT, IXY_E_IO (it did not answer). Control call."]
    pub fn ixy_device_link(device: u64, link: *mut ixy_link) -> i32;
}
extern "C" {
    #[doc = " Fills in what the device counted. stats: its struct_size is read, the rest is written.\n Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT, IXY_E_STRUCT, IXY_E_DEVICE (an Intel device that is\n gone). Control call."]
    pub fn ixy_device_stats(device: u64, stats: *mut ixy_stats) -> i32;
}
extern "C" {
    #[doc = " Fills in what receive queue and transmit queue number `queue` did. stats: its struct_size is read, the rest is\n written.\n Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT, IXY_E_STRUCT, IXY_E_RANGE (neither a receive nor a\n transmit queue), IXY_E_UNSUPPORTED (no IXY_CAN_QUEUE_STATS), IXY_E_DEVICE (an Intel device that is gone). Control\n call. Since 0.2."]
    pub fn ixy_device_queue_stats(device: u64, queue: u32, stats: *mut ixy_queue_stats) -> i32;
}
extern "C" {
    #[doc = " Copies the name of feature `index` (0 is the first) of those that driver and device agreed upon to text, at most\n text_size bytes with its NUL: \"VERSION_1\", \"RING_PACKED\", as the VirtIO specification calls them; \"\" past the\n last.\n Returns how many there are, 0 for a device that negotiates nothing. Errors: IXY_E_HANDLE, IXY_E_FORK,\n IXY_E_ARGUMENT (text is NULL and text_size is not 0). Control call."]
    pub fn ixy_device_feature(device: u64, index: u32, text: *mut ::std::os::raw::c_char, text_size: u32) -> i32;
}
extern "C" {
    #[doc = " Copies the station address, 6 bytes, to mac.\n Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT. Control call."]
    pub fn ixy_device_mac(device: u64, mac: *mut u8) -> i32;
}
extern "C" {
    #[doc = " Sets the station address to the 6 bytes at mac; it stays over a reset.\n Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT (also a multicast or all-zero address),\n IXY_E_UNSUPPORTED (a VirtIO device may not offer it), IXY_E_DEVICE, IXY_E_TIMEOUT, IXY_E_IO. Control call."]
    pub fn ixy_device_mac_set(device: u64, mac: *const u8) -> i32;
}
extern "C" {
    #[doc = " Sets promiscuous mode. on: 1 receives every frame (the state after open), 0 only broadcast and the station\n address. It stays over a reset.\n Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT (another value), IXY_E_UNSUPPORTED (0 on a VirtIO\n device that cannot filter), IXY_E_DEVICE, IXY_E_TIMEOUT, IXY_E_IO. Control call."]
    pub fn ixy_device_promiscuous_set(device: u64, on: u32) -> i32;
}
extern "C" {
    #[doc = " Receives up to count frames from a queue into frames; the caller owns their buffers, and sends or frees them. A\n packet longer than a buffer comes as several frames, all but the last with IXY_FRAME_MORE, always within one\n batch.\n Returns how many, 0 when none is there. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT (frames is NULL and count\n is not 0), IXY_E_RANGE (queue; count over IXY_BATCH_MAX, or under ixy_info.rx_frames_max where that is over 1),\n IXY_E_BUSY, IXY_E_STATE (not started), IXY_E_DEVICE (the device failed: it is gone, or told what no device may\n tell; ixy_device_link says why, ixy_device_reset starts it again). Hot call, one thread a queue at a time."]
    pub fn ixy_rx_batch(device: u64, queue: u32, frames: *mut ixy_frame, count: u32) -> i32;
}
extern "C" {
    #[doc = " Hands up to count frames to a queue; the device owns the buffers of those counted, and their handles are stale;\n the rest stay the caller's. A frame's buffer must come from the device's own pool. A VirtIO device wants 12 bytes\n between the start of the buffer and the packet, for the header that its driver writes there; a received frame and\n a fresh one with its headroom have them. A packet over several frames (IXY_FRAME_MORE) goes or stays as a whole.\n Returns how many, 0 when the ring is full. Errors: IXY_E_HANDLE (device, or the first packet has a buffer that is\n not the caller's), IXY_E_FORK, IXY_E_ARGUMENT (frames is NULL and count is not 0), IXY_E_RANGE (queue, or count\n over IXY_BATCH_MAX), IXY_E_BUSY, IXY_E_STATE (not started), IXY_E_DEVICE (the device failed, as for ixy_rx_batch),\n IXY_E_FRAME (the first packet leaves its buffer, lacks those 12 bytes, cannot be sent at its length, has no last\n frame in the array, or its metadata's lengths do not fit its headers), IXY_E_UNSUPPORTED (the first packet's\n metadata wants what was not in ixy_device_config.offloads). Hot call, one thread a queue at a time."]
    pub fn ixy_tx_batch(device: u64, queue: u32, frames: *const ixy_frame, count: u32) -> i32;
}
extern "C" {
    #[doc = " Tells the queue's file descriptor, which stays the library's. The first call makes it; so does one after the program\n closed it, perhaps under another number.\n Returns it. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_RANGE (queue), IXY_E_UNSUPPORTED, IXY_E_IO (no descriptor is\n left), IXY_E_NO_MEMORY. Control call. Since 0.2."]
    pub fn ixy_rx_fd(device: u64, queue: u32) -> i32;
}
extern "C" {
    #[doc = " Makes the descriptor unreadable, switches the queue's interrupt on and looks at the queue again.\n Returns 1 if there is something to receive already (the interrupt is off again), 0 if not: the descriptor becomes\n readable with the next packet, or when the device fails. Errors: IXY_E_HANDLE, IXY_E_FORK,\n IXY_E_RANGE (queue), IXY_E_BUSY (also while a thread is in ixy_rx_wait), IXY_E_STATE (not started), IXY_E_DEVICE,\n IXY_E_UNSUPPORTED. Hot call, one thread a queue at a time, as ixy_rx_batch. Since 0.2."]
    pub fn ixy_rx_arm(device: u64, queue: u32) -> i32;
}
extern "C" {
    #[doc = " Waits until there is something to receive from queue, at most timeout_ms milliseconds; 0 only looks, -1 waits\n without end. Other calls may be made on the device while a thread waits.\n Returns 1 if there is, 0 if the time is over, a signal handler ran or ixy_rx_wake came. Errors: IXY_E_ARGUMENT\n (another negative timeout), IXY_E_HANDLE (also when another thread closes the device meanwhile), IXY_E_FORK, IXY_E_RANGE (queue),\n IXY_E_BUSY (another thread waits for this queue, or is in it), IXY_E_STATE (not started), IXY_E_DEVICE,\n IXY_E_UNSUPPORTED. Blocks, and holds up no control call; leaves a text as they do. One thread a queue at a\n time. Since 0.2."]
    pub fn ixy_rx_wait(device: u64, queue: u32, timeout_ms: i32) -> i32;
}
extern "C" {
    #[doc = " Ends the wait of the thread that is in ixy_rx_wait for queue: it returns 0 at once. Where nobody waits, the next wait\n that finds nothing to receive does so instead of sleeping, so that a wake just before a wait is not lost. One wake\n ends one wait, several before it count as one, and a wait with a timeout_ms of 0 ends none. The queue's descriptor\n becomes readable too; ixy_rx_arm, which empties it, does not look for wakes. For languages that cancel threads.\n Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_RANGE (queue), IXY_E_UNSUPPORTED. Hot call, any thread, but not\n from a signal handler. Since 0.3."]
    pub fn ixy_rx_wake(device: u64, queue: u32) -> i32;
}
#[doc = " What an emulated device's wire did. A generator (wire=gen) sends numbered, time-stamped, checked frames; its sink\n verifies every frame that comes back and knows it by its stream, which is the sending generator's."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ixy_emu_counters {
    #[doc = " in: sizeof(ixy_emu_counters)"]
    pub struct_size: u32,
    #[doc = " things the driver did that the data sheet forbids; 0 for a correct driver"]
    pub violations: u32,
    #[doc = " frames that the generator put on the wire and the device took in"]
    pub generated: u64,
    #[doc = " frames that came to the sink right, each once"]
    pub verified: u64,
    #[doc = " frames with a wrong byte"]
    pub damaged: u64,
    #[doc = " frames that came again"]
    pub repeated: u64,
    #[doc = " frames that came after a later one of their stream; they are among the verified"]
    pub reordered: u64,
    #[doc = " frames at the sink that no generator sent"]
    pub foreign: u64,
    #[doc = " frames that the wire had no room for (pair, tap), or a VirtIO device no buffer"]
    pub wire_dropped: u64,
}
#[doc = " A reading of the clock and of the model's own time, for measurements. Differences of two readings count."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ixy_emu_meter {
    #[doc = " in: sizeof(ixy_emu_meter)"]
    pub struct_size: u32,
    #[doc = " cost of one empty time bracket outside its own stamps, cycles, calibrated"]
    pub bracket_cycles: u32,
    #[doc = " time-stamp counter now, fenced"]
    pub cycles: u64,
    #[doc = " monotonic clock now"]
    pub nanoseconds: u64,
    #[doc = " cycles spent in the model of this device so far"]
    pub model_cycles: u64,
    #[doc = " times that the model was stepped"]
    pub steps: u64,
    #[doc = " steps that found nothing to do"]
    pub idle_steps: u64,
}
extern "C" {
    #[doc = " Steps an inline device, then fills in its counters. counters: its struct_size is read, the rest is written.\n Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT, IXY_E_STRUCT, IXY_E_UNSUPPORTED (not an emulated\n device). Control call."]
    pub fn ixy_emu_counters_get(device: u64, counters: *mut ixy_emu_counters) -> i32;
}
extern "C" {
    #[doc = " Fills in a reading; the device is not stepped. meter: its struct_size is read, the rest is written.\n Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT, IXY_E_STRUCT, IXY_E_UNSUPPORTED (not an emulated\n device). Control call."]
    pub fn ixy_emu_meter_get(device: u64, meter: *mut ixy_emu_meter) -> i32;
}
extern "C" {
    #[doc = " Copies the text of violation `index` (0 is the first; the first 64 are kept) to text, at most text_size bytes with\n its NUL; IXY_TEXT_MAX bytes hold any. \"\" where there is none.\n Returns the number of violations so far. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT (text is NULL and\n text_size is not 0), IXY_E_UNSUPPORTED (not an emulated device). Control call."]
    pub fn ixy_emu_violation(device: u64, index: u32, text: *mut ::std::os::raw::c_char, text_size: u32) -> i32;
}
