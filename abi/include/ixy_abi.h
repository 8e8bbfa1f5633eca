/* The libixy ABI: declarations and literal constants, nothing else.
 *
 * C programs include ixy.h, which wraps this file. cffi's cdef, SWIG and bindgen read this file as it is, so it holds
 * no #include, no conditional, no attribute and no computed constant.
 *
 * THE CONCEPT
 *
 * A pool is packet memory cut into buffers. A device is a NIC with its receive and transmit queues; it takes its
 * buffers from one pool. Pools, devices and views are named by opaque 64-bit handles (53 bits used, 0 is none).
 *
 * A buffer has one owner at each moment: the caller, the device or the pool. ixy_rx_batch and ixy_buf_alloc make the
 * caller the owner and name the buffer by a new handle; ixy_tx_batch and ixy_buf_free end that, and the handle is
 * stale from then on. Every call checks it. A stale, foreign or forged handle is IXY_E_HANDLE, never undefined
 * behaviour, until one buffer has moved 2^28 times and its handles repeat.
 *
 * The low bits of a buffer's handle (handle & ixy_view.index_mask) are its index in the pool's ownership table; the
 * caller owns the buffer exactly when the handle is not 0 and equals the table's entry. Nothing else in a handle is
 * for callers.
 *
 * PARAMETERS: pool and device are handles of ixy_pool_open and ixy_device_open, queue counts from 0. Pointers are read
 * and written during the call only; the library keeps none. What they point to is copied once, and the copy is checked
 * and used: it may change meanwhile, and lie in packet memory. Texts end with NUL. Lengths and offsets are in bytes.
 *
 * RETURN VALUES: int32_t, >= 0 is success or a count, < 0 is an IXY_E_* code of ixy_errors.h. Batch calls return how
 * many frames of the array were done; a bad frame at position k > 0 ends the batch there and returns k, and at
 * position 0 it is the error. Ownership of exactly the frames counted has moved. Each function lists every code that
 * it can return, with what it means there where that is more than ixy_errors.h says.
 *
 * THREADS: a control call may be made by any thread. It waits for another one on the same device, and on other devices and
 * pools for nothing that a device or back end can make long; a failed one leaves a text for its thread (ixy_last_error).
 * A hot call waits for neither, never calls back, never prints and leaves no text. It does not block, but for this: a
 * vhost-user back end that is hostile can make a notification wait, two seconds at most. Hot calls on distinct queues run in parallel; a second
 * thread in one queue gets IXY_E_BUSY. Close waits for calls that are under way. After fork() every handle of the
 * parent is IXY_E_FORK in the child; in one that _Fork() or clone() made nothing can be opened, either.
 *
 * SIGNALS: no function may be called in a signal handler, which could wait for ever for the call that it interrupts. A
 * handler writes to a pipe or sets a flag, or a thread takes the signal (signalfd, sigwait) and calls ixy_rx_wake.
 *
 * VERSIONS: what is here has been since 0.1 where nothing else is said. Structs that begin with struct_size may grow at
 * their end; a member that came later is zero for programs, and from libraries, that do not know it.
 */

#define IXY_ABI_VERSION 1

#define IXY_BATCH_MAX 4096     /* most frames that one batch call takes */
#define IXY_QUEUES_MAX 16      /* most receive or transmit queues of a device */
#define IXY_POOLS_MAX 64       /* most pools at once */
#define IXY_DEVICES_MAX 64     /* most devices at once */
#define IXY_BUFFERS_MAX 262144 /* most buffers of a pool */
#define IXY_TEXT_MAX 256       /* longest text that the library gives, with its NUL */

/* ixy_frame.flags */
#define IXY_FRAME_MORE 1     /* the packet goes on in the next frame of the array */
#define IXY_FRAME_METADATA 2 /* the buffer's metadata record tells something of this packet */

/* What a device may be able to do: bits of ixy_info.capabilities. Those up to IXY_CAN_RX_TIMESTAMP are asked for by
 * ixy_device_config.offloads; the rest needs no asking. */
#define IXY_CAN_RX_CHECKSUM 1   /* verifies IPv4, TCP and UDP checksums of received packets */
#define IXY_CAN_TX_CHECKSUM 2   /* fills in IPv4, TCP and UDP checksums of sent packets */
#define IXY_CAN_VLAN_STRIP 4    /* takes the VLAN tag out of received packets, into the metadata */
#define IXY_CAN_VLAN_INSERT 8   /* puts the metadata's VLAN tag into sent packets */
#define IXY_CAN_RX_TIMESTAMP 16 /* stamps received packets with the device's clock */
#define IXY_CAN_JUMBO 32        /* frames longer than 1514 bytes, over several buffers: ixy_device_config.frame_len_max */
#define IXY_CAN_QUEUE_STATS 64  /* ixy_device_queue_stats */
#define IXY_CAN_RX_WAIT 128     /* ixy_rx_wait, ixy_rx_wake, ixy_rx_arm, ixy_rx_fd */

/* ixy_metadata.flags */
#define IXY_META_TIMESTAMP 1          /* received: timestamp is set */
#define IXY_META_VLAN 2               /* the packet has the tag vlan_tci, which is not among its bytes: received with
                                         VLAN_STRIP, to be put in when it is sent with VLAN_INSERT */
#define IXY_META_RX_IP_GOOD 4         /* received: the IPv4 header's checksum is right */
#define IXY_META_RX_IP_BAD 8          /* received: it is wrong */
#define IXY_META_RX_L4_GOOD 16        /* received: the TCP or UDP checksum is right */
#define IXY_META_RX_L4_BAD 32         /* received: it is wrong */
#define IXY_META_TX_IP_CHECKSUM 64    /* to send: fill in the IPv4 header's checksum */
#define IXY_META_TX_TCP_CHECKSUM 128  /* to send: fill in the TCP checksum */
#define IXY_META_TX_UDP_CHECKSUM 256  /* to send: fill in the UDP checksum */

/* Where a packet lies: plain data that the caller may copy and change.
 * offset counts bytes from ixy_view.base; [offset, offset + len) must lie in the buffer that buf names. */
typedef struct ixy_frame {
    uint64_t buf;    /* handle of the buffer */
    uint32_t offset; /* first byte of the packet, from the start of the pool's memory */
    uint16_t len;    /* bytes, without the Ethernet checksum */
    uint16_t flags;  /* IXY_FRAME_* */
} ixy_frame;

/* What is known of a packet beside its bytes. Each buffer has one record; that of a packet's first buffer counts, and
 * only while IXY_FRAME_METADATA is set in that frame. A received packet that is sent on keeps its record: its VLAN tag
 * goes with it, what concerns receiving is ignored. */
typedef struct ixy_metadata {
    uint64_t timestamp; /* received: nanoseconds of the device's clock, which begins at the device's start */
    uint32_t flags;     /* IXY_META_* */
    uint16_t vlan_tci;  /* tag control information: priority, DEI, VLAN id */
    uint8_t l2_len;     /* to send with a checksum: bytes before the IP header, 14, or 18 with a tag among the bytes */
    uint8_t l3_len;     /* to send with a checksum: bytes of the IP header, with options or extensions */
} ixy_metadata;

/* ---- library ---- */

/* The ABI's version, IXY_ABI_VERSION of the library that was loaded. A binding compares it with its own when it
 * loads and goes no further if they differ. Any thread. */
uint32_t ixy_abi_version(void);

/* The library's version, "0.3.0". Static text. Any thread. */
const char *ixy_version(void);

/* What code means, one sentence; for an unknown code too. Static text. Any thread. */
const char *ixy_strerror(int32_t code);

/* The name of code, "IXY_E_HANDLE"; "IXY_E_UNKNOWN" for an unknown one. Static text. Any thread. */
const char *ixy_error_name(int32_t code);

/* What went wrong in this thread's last failed control call, with names and values, and what would be right; ""
 * before the first failure. Control calls that succeed and hot calls leave it as it is, so it may be fetched after
 * closing what was half made. Never NULL, at most IXY_TEXT_MAX bytes with its NUL. The text belongs to the thread and
 * stands until its next control call that fails: copy it. Any thread. */
const char *ixy_last_error(void);

/* ---- pools: packet memory ---- */

/* How a pool is made. Zero means the default. */
typedef struct ixy_pool_config {
    uint32_t struct_size;  /* sizeof(ixy_pool_config) */
    uint32_t buffer_count; /* buffers, 1 to IXY_BUFFERS_MAX; default 8192 */
    uint32_t buffer_size;  /* packet bytes a buffer holds at least, a multiple of 1024 up to 15360; default 2048;
                              1024 is too small but for devices that receive a frame in several, see
                              ixy_device_config.frame_len_max */
    uint32_t reserved;     /* 0 */
} ixy_pool_config;

/* What a binding needs to reach packet memory by itself. All members are constant while the view is held.
 * Buffer i occupies [i * buffer_stride, (i + 1) * buffer_stride) of the memory; strides are odd multiples of 64 bytes,
 * so that the buffers' first lines spread over all cache sets. */
typedef struct ixy_view {
    uint32_t struct_size;   /* in: sizeof(ixy_view) */
    uint32_t buffer_count;  /* buffers */
    uint32_t buffer_size;   /* packet bytes a fresh buffer holds from its headroom on */
    uint32_t buffer_stride; /* bytes from one buffer to the next */
    uint32_t headroom;      /* bytes before a fresh packet in its buffer */
    uint32_t index_mask;    /* buf & index_mask is the buffer's entry in owner */
    uint64_t view;          /* handle for ixy_pool_view_release */
    uint64_t size;          /* bytes at base, buffer_count * buffer_stride */
    uint8_t *base;          /* packet memory, readable and writable */
    const uint64_t *owner;  /* ownership table, index_mask + 1 entries, read-only; read entries as relaxed atomics */
    ixy_metadata *metadata; /* metadata records, index_mask + 1 entries, readable and writable */
} ixy_view;

/* Makes a pool. config: NULL for the defaults. pool: receives the handle, which is the caller's to close.
 * Returns 0. Errors: IXY_E_ARGUMENT (also over 4 GiB in all), IXY_E_STRUCT, IXY_E_NO_MEMORY, IXY_E_PERMISSION,
 * IXY_E_IO (memfd_create was refused, or no file descriptor is left), IXY_E_LIMIT, IXY_E_FORK (in a child where no fork
 * handler ran). Control call. */
int32_t ixy_pool_open(const ixy_pool_config *config, uint64_t *pool);

/* Ends a pool: every buffer handle is stale at once, its memory reads as zeroes in views that are still held.
 * Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_BUSY (a device is open on it; the text names the device; or is
 * being opened or closed).
 * Control call. */
int32_t ixy_pool_close(uint64_t pool);

/* Counts the buffers that are free in the pool now; buffers held by queue caches, rings or the caller are not among
 * them.
 * Returns how many. Errors: IXY_E_HANDLE, IXY_E_FORK. Control call. */
int32_t ixy_pool_free_count(uint64_t pool);

/* Opens a view of the pool's memory. view: its struct_size is read, the rest is written. The addresses stay mapped
 * until ixy_pool_view_release(view->view), whatever becomes of the pool; one view a pool serves a whole program.
 * Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT, IXY_E_STRUCT, IXY_E_LIMIT (1024 views are held).
 * Control call. */
int32_t ixy_pool_view(uint64_t pool, ixy_view *view);

/* Ends a view. view: ixy_view.view. After the last view of a closed pool its addresses are unmapped: nothing may
 * point there any more.
 * Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK. Control call. */
int32_t ixy_pool_view_release(uint64_t view);

/* ---- buffers ---- */

/* Takes up to count buffers out of the pool; they are the caller's, who sends or frees them. frames: receives count
 * frames at most, each with a new handle, an offset that leaves the headroom, len 0 and flags 0. What the memory
 * holds is left over from earlier packets.
 * Returns how many, fewer than count if no more are free. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT (frames
 * is NULL and count is not 0), IXY_E_RANGE (count over IXY_BATCH_MAX), IXY_E_NO_BUFFERS (none is free). Hot call,
 * any thread. */
int32_t ixy_buf_alloc(uint64_t pool, ixy_frame *frames, uint32_t count);

/* Gives buffers back to their pool; their handles are stale. frames: count of them, of which buf alone is read.
 * Returns how many. Errors: IXY_E_HANDLE (pool, or the first frame's buffer is not the caller's), IXY_E_FORK,
 * IXY_E_ARGUMENT (frames is NULL and count is not 0), IXY_E_RANGE (count over IXY_BATCH_MAX). Hot call, any thread. */
int32_t ixy_buf_free(uint64_t pool, const ixy_frame *frames, uint32_t count);

/* Copies size bytes of frame's packet, from its byte `from` on, to `to`. For languages that cannot view foreign
 * memory.
 * Returns size. Errors: IXY_E_HANDLE (pool, or the frame's buffer is not the caller's), IXY_E_FORK, IXY_E_ARGUMENT
 * (frame is NULL, or `to` is NULL and size is not 0), IXY_E_FRAME (the frame leaves its buffer), IXY_E_RANGE (the
 * bytes leave the frame). Hot call, any thread. */
int32_t ixy_buf_read(uint64_t pool, const ixy_frame *frame, uint32_t from, void *to, uint32_t size);

/* Copies size bytes from `bytes` into frame's packet, to its byte `to` on; the frame's length stays.
 * Returns size. Errors: IXY_E_HANDLE (pool, or the frame's buffer is not the caller's), IXY_E_FORK, IXY_E_ARGUMENT
 * (frame is NULL, or `bytes` is NULL and size is not 0), IXY_E_FRAME (the frame leaves its buffer), IXY_E_RANGE (the
 * bytes leave the frame). Hot call, any thread. */
int32_t ixy_buf_write(uint64_t pool, const ixy_frame *frame, uint32_t to, const void *bytes, uint32_t size);

/* Reads the metadata record of a frame's buffer into metadata; all zeroes if frame has no IXY_FRAME_METADATA.
 * Returns 0. Errors: IXY_E_HANDLE (pool, or the frame's buffer is not the caller's), IXY_E_FORK, IXY_E_ARGUMENT. Hot
 * call, any thread. Since 0.2. */
int32_t ixy_buf_metadata(uint64_t pool, const ixy_frame *frame, ixy_metadata *metadata);

/* Writes metadata to the record of a frame's buffer and sets IXY_FRAME_METADATA in frame->flags. What a device
 * cannot do is found when the frame is sent.
 * Returns 0. Errors: IXY_E_HANDLE (pool, or the frame's buffer is not the caller's), IXY_E_FORK, IXY_E_ARGUMENT
 * (also flags that are not of IXY_META_*). Hot call, any thread. Since 0.2. */
int32_t ixy_buf_metadata_set(uint64_t pool, ixy_frame *frame, const ixy_metadata *metadata);

/* ---- devices ---- */

/* How a device is opened. Zero means the default. */
typedef struct ixy_device_config {
    uint32_t struct_size;  /* sizeof(ixy_device_config) */
    uint32_t rx_queues;    /* receive queues, 1 to IXY_QUEUES_MAX; default 1 */
    uint32_t tx_queues;    /* transmit queues, 1 to IXY_QUEUES_MAX; default 1; VirtIO: as many as rx_queues */
    uint32_t rx_ring_size; /* descriptors a receive queue, a power of two, 64 to 4096; default 512 */
    uint32_t tx_ring_size; /* descriptors a transmit queue, a power of two, 64 to 4096; default 512 */
    uint32_t reserved;     /* 0 */
    uint64_t pool;         /* where buffers come from; 0: the device can be queried but not started */
    uint32_t offloads;     /* IXY_CAN_* that the device shall do, up to IXY_CAN_RX_TIMESTAMP; default none */
    uint32_t frame_len_max; /* longest frame, bytes without checksum; default 1514; more wants IXY_CAN_JUMBO */
} ixy_device_config;

/* What a device is, as it is in use now. Texts end with NUL. */
typedef struct ixy_info {
    uint32_t struct_size;  /* in: sizeof(ixy_info) */
    uint32_t vendor;       /* PCI vendor id */
    uint32_t device_id;    /* PCI device id */
    uint32_t rx_queues;    /* receive queues as opened */
    uint32_t tx_queues;    /* transmit queues as opened */
    uint32_t rx_ring_size; /* descriptors a receive queue in use; fewer than asked where the device has no more */
    uint32_t tx_ring_size; /* descriptors a transmit queue in use; likewise */
    uint32_t tx_len_min;   /* shortest frame that ixy_tx_batch takes, bytes */
    uint32_t tx_len_max;   /* longest frame, bytes */
    uint32_t emulated;     /* 1: an emulated device */
    char driver[16];       /* "ixgbe", "virtio" */
    char name[32];         /* "Intel 82599" */
    char address[256];     /* as given to ixy_device_open */
    uint32_t capabilities; /* IXY_CAN_*: what the device and its driver can do */
    uint32_t offloads;     /* those that were asked for */
    uint32_t rx_len_max;   /* longest frame that is received, bytes */
    uint32_t rx_frames_max; /* most frames (buffers) that one received packet takes */
} ixy_info;

/* How a link is. */
typedef struct ixy_link {
    uint32_t struct_size; /* in: sizeof(ixy_link) */
    uint32_t up;          /* 1: the link is up */
    uint32_t speed_mbps;  /* megabits a second, 0 while down or where the device does not tell */
    uint32_t reserved;    /* 0 */
} ixy_link;

/* Totals since the device was opened or reset. An Intel device counts them itself. A VirtIO device tells no counters,
 * so its driver counts: rx_packets are the frames that ixy_rx_batch gave out and those it dropped, tx_packets those
 * that ixy_tx_batch took; bytes are with 4 for each checksum too, but without padding and dropped frames. */
typedef struct ixy_stats {
    uint32_t struct_size; /* in: sizeof(ixy_stats) */
    uint32_t reserved;    /* 0 */
    uint64_t rx_packets;  /* frames that the device received well, with those it then had to drop */
    uint64_t rx_bytes;    /* their bytes, with the 4 of each checksum */
    uint64_t tx_packets;  /* frames that the device sent */
    uint64_t tx_bytes;    /* their bytes, padding and checksum included */
    uint64_t rx_missed;   /* dropped by the device: no descriptor or no room for them; VirtIO: not known, 0 */
    uint64_t rx_errors;   /* dropped by the device: checksum, length or other link errors; VirtIO: not known, 0 */
    uint64_t rx_dropped;  /* dropped by the driver: completions that no correct device writes */
    uint64_t rx_starved;  /* receive calls that could not repost every buffer because the pool was empty */
} ixy_stats;

/* What one pair of queues did since the device was opened or reset; members of a queue that is not there are 0. All
 * queues together are the whole device but for what an Intel device dropped before it chose a queue, which ixy_stats
 * alone counts, and the bytes of what it dropped after. */
typedef struct ixy_queue_stats {
    uint32_t struct_size; /* in: sizeof(ixy_queue_stats) */
    uint32_t reserved;    /* 0 */
    uint64_t rx_packets;  /* as in ixy_stats, for this queue: frames for it, with those it had to drop */
    uint64_t rx_bytes;    /* bytes of those that were not missed, with the 4 of each checksum */
    uint64_t rx_missed;   /* dropped by the device: no descriptor in this queue */
    uint64_t rx_dropped;
    uint64_t rx_starved;
    uint64_t tx_packets;
    uint64_t tx_bytes;
} ixy_queue_stats;

/* A network device of this machine that libixy has a driver for, and whether this process could open it. */
typedef struct ixy_found {
    uint32_t struct_size; /* in: sizeof(ixy_found) */
    uint32_t vendor;      /* PCI vendor id */
    uint32_t device_id;   /* PCI device id */
    uint32_t usable;      /* 1: nothing is missing */
    char address[32];     /* for ixy_device_open: "pci:0000:03:00.0" */
    char name[32];        /* "Intel 82599" */
    char driver[32];      /* kernel driver that it is bound to, "" if none */
    char missing[256];    /* "" or what has to be done first, and by which command */
} ixy_found;

/* Finds the devices on this machine's PCI bus and fills in the index-th (0 is the first, in the order of their
 * addresses); past the last all members are empty. found: its struct_size is read, the rest is written. Nothing is
 * opened.
 * Returns how many there are. Errors: IXY_E_ARGUMENT, IXY_E_STRUCT, IXY_E_NO_MEMORY, IXY_E_PERMISSION, IXY_E_IO (the
 * list of PCI devices cannot be read). Control call. Experimental: may still change. */
int32_t ixy_device_find(uint32_t index, ixy_found *found);

/* Opens a device. address: "emu:82599", "emu:virtio,wire=gen,timing=inline", see docs/addresses.md. It is found,
 * reset and identified; no packet moves before ixy_device_start. config: NULL for the defaults. device: receives the
 * handle, which is the caller's to close.
 * Returns 0. Errors: IXY_E_ADDRESS, IXY_E_NOT_FOUND, IXY_E_PERMISSION, IXY_E_BUSY (what the address names is in use:
 * a card that has a kernel driver, both ends of a pair, a tap), IXY_E_IO (also a capture file that is damaged),
 * IXY_E_TIMEOUT, IXY_E_DEVICE, IXY_E_UNSUPPORTED (no driver for it; an offload, frame_len_max or an option that it
 * cannot do; VFIO without an IOMMU), IXY_E_ARGUMENT, IXY_E_STRUCT, IXY_E_RANGE (queues, ring sizes, frame_len_max;
 * also rx_queues other than tx_queues on a VirtIO device, or more than it has), IXY_E_HANDLE (config->pool),
 * IXY_E_FORK (config->pool; also in a child where no fork handler ran), IXY_E_STATE (the pool has buffers in use, and
 * this device needs other pages under them, as vhost-user devices and cards without IOMMU do: open it first; or the
 * card's IOMMU group is not all VFIO's), IXY_E_POOL_SIZE (too few buffers, or too small ones for a frame that this
 * device receives; the text says what would do), IXY_E_NO_MEMORY (also more locked memory than the user may have),
 * IXY_E_LIMIT. Control call. */
int32_t ixy_device_open(const char *address, const ixy_device_config *config, uint64_t *device);

/* Starts all queues: rings filled, link requested.
 * Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_STATE (started before, or opened without a pool),
 * IXY_E_TIMEOUT, IXY_E_DEVICE, IXY_E_IO, IXY_E_NO_BUFFERS (none to fill a receive ring with), IXY_E_NO_MEMORY,
 * IXY_E_UNSUPPORTED (a legacy VirtIO device does not reach its rings' addresses), IXY_E_NOT_FOUND, IXY_E_PERMISSION,
 * IXY_E_RANGE (these three after a start or reset that failed, as the device is then found and identified anew).
 * Control call. */
int32_t ixy_device_start(uint64_t device);

/* Resets the device and starts it again if it was started. Buffers in its rings go back to the pool; statistics
 * begin at zero; a MAC address and promiscuous mode that were set stay. This also brings back a device that failed
 * (IXY_E_DEVICE), if it answers again. After an error the device has failed; it may be reset again.
 * Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_TIMEOUT, IXY_E_DEVICE, IXY_E_IO, IXY_E_NOT_FOUND (a vhost-user
 * back end that does not come back), IXY_E_PERMISSION, IXY_E_UNSUPPORTED, IXY_E_RANGE (it has fewer queues now),
 * IXY_E_NO_BUFFERS (none to fill a receive ring with), IXY_E_NO_MEMORY. Control call. */
int32_t ixy_device_reset(uint64_t device);

/* Stops the device, gives the buffers of its rings back to the pool and frees all it held. The caller's own buffers
 * stay the caller's.
 * Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK. Control call. */
int32_t ixy_device_close(uint64_t device);

/* Fills in what the device is. info: its struct_size is read, the rest is written.
 * Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT, IXY_E_STRUCT. Control call. */
int32_t ixy_device_info(uint64_t device, ixy_info *info);

/* Asks the device for its link. link: its struct_size is read, the rest is written.
 * Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT, IXY_E_STRUCT, IXY_E_DEVICE (the device failed; the
 * text tells why), IXY_E_TIMEOUT, IXY_E_IO (it did not answer). Control call. */
int32_t ixy_device_link(uint64_t device, ixy_link *link);

/* Fills in what the device counted. stats: its struct_size is read, the rest is written.
 * Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT, IXY_E_STRUCT, IXY_E_DEVICE (an Intel device that is
 * gone). Control call. */
int32_t ixy_device_stats(uint64_t device, ixy_stats *stats);

/* Fills in what receive queue and transmit queue number `queue` did. stats: its struct_size is read, the rest is
 * written.
 * Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT, IXY_E_STRUCT, IXY_E_RANGE (neither a receive nor a
 * transmit queue), IXY_E_UNSUPPORTED (no IXY_CAN_QUEUE_STATS), IXY_E_DEVICE (an Intel device that is gone). Control
 * call. Since 0.2. */
int32_t ixy_device_queue_stats(uint64_t device, uint32_t queue, ixy_queue_stats *stats);

/* Copies the name of feature `index` (0 is the first) of those that driver and device agreed upon to text, at most
 * text_size bytes with its NUL: "VERSION_1", "RING_PACKED", as the VirtIO specification calls them; "" past the
 * last.
 * Returns how many there are, 0 for a device that negotiates nothing. Errors: IXY_E_HANDLE, IXY_E_FORK,
 * IXY_E_ARGUMENT (text is NULL and text_size is not 0). Control call. */
int32_t ixy_device_feature(uint64_t device, uint32_t index, char *text, uint32_t text_size);

/* Copies the station address, 6 bytes, to mac.
 * Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT. Control call. */
int32_t ixy_device_mac(uint64_t device, uint8_t *mac);

/* Sets the station address to the 6 bytes at mac; it stays over a reset.
 * Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT (also a multicast or all-zero address),
 * IXY_E_UNSUPPORTED (a VirtIO device may not offer it), IXY_E_DEVICE, IXY_E_TIMEOUT, IXY_E_IO. Control call. */
int32_t ixy_device_mac_set(uint64_t device, const uint8_t *mac);

/* Sets promiscuous mode. on: 1 receives every frame (the state after open), 0 only broadcast and the station
 * address. It stays over a reset.
 * Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT (another value), IXY_E_UNSUPPORTED (0 on a VirtIO
 * device that cannot filter), IXY_E_DEVICE, IXY_E_TIMEOUT, IXY_E_IO. Control call. */
int32_t ixy_device_promiscuous_set(uint64_t device, uint32_t on);

/* ---- packets ---- */

/* Receives up to count frames from a queue into frames; the caller owns their buffers, and sends or frees them. A
 * packet longer than a buffer comes as several frames, all but the last with IXY_FRAME_MORE, always within one
 * batch.
 * Returns how many, 0 when none is there. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT (frames is NULL and count
 * is not 0), IXY_E_RANGE (queue; count over IXY_BATCH_MAX, or under ixy_info.rx_frames_max where that is over 1),
 * IXY_E_BUSY, IXY_E_STATE (not started), IXY_E_DEVICE (the device failed: it is gone, or told what no device may
 * tell; ixy_device_link says why, ixy_device_reset starts it again). Hot call, one thread a queue at a time. */
int32_t ixy_rx_batch(uint64_t device, uint32_t queue, ixy_frame *frames, uint32_t count);

/* Hands up to count frames to a queue; the device owns the buffers of those counted, and their handles are stale;
 * the rest stay the caller's. A frame's buffer must come from the device's own pool. A VirtIO device wants 12 bytes
 * between the start of the buffer and the packet, for the header that its driver writes there; a received frame and
 * a fresh one with its headroom have them. A packet over several frames (IXY_FRAME_MORE) goes or stays as a whole.
 * Returns how many, 0 when the ring is full. Errors: IXY_E_HANDLE (device, or the first packet has a buffer that is
 * not the caller's), IXY_E_FORK, IXY_E_ARGUMENT (frames is NULL and count is not 0), IXY_E_RANGE (queue, or count
 * over IXY_BATCH_MAX), IXY_E_BUSY, IXY_E_STATE (not started), IXY_E_DEVICE (the device failed, as for ixy_rx_batch),
 * IXY_E_FRAME (the first packet leaves its buffer, lacks those 12 bytes, cannot be sent at its length, has no last
 * frame in the array, or its metadata's lengths do not fit its headers), IXY_E_UNSUPPORTED (the first packet's
 * metadata wants what was not in ixy_device_config.offloads). Hot call, one thread a queue at a time. */
int32_t ixy_tx_batch(uint64_t device, uint32_t queue, const ixy_frame *frames, uint32_t count);

/* ---- waiting for packets ----
 *
 * A receive queue has one file descriptor, an event that its device's interrupt makes readable. It stays the same from
 * open to close, it never blocks, and it is for poll, epoll and the event loops built on them; nobody reads, writes or
 * closes it but the library. Who closes it all the same harms nobody else: the library itself uses another number, and
 * closes this one only while it is the queue's event. An event loop stops watching it before ixy_device_close, which
 * does not wake the loop, and after which the next file may get the number.
 *
 * The way to sleep on it: receive until nothing is left, ixy_rx_arm, and only if that returns 0 poll; when it is
 * readable, receive again, and arm again if there was nothing: it may be readable for no reason, and after a failure, a
 * start or a reset it always is. Receiving on an armed queue switches its interrupt off
 * (one may come yet), so a loop that finds packets all the time polls and is not interrupted. A queue of whose buffers
 * the caller holds all receives nothing: give some back before waiting. A forked child's copies are closed.
 *
 * ixy_rx_wait does this for programs without an event loop, and polls for a moment before it sleeps where packets have
 * been coming fast: docs/interrupts.md has the states and thresholds.
 *
 * All are IXY_E_UNSUPPORTED without IXY_CAN_RX_WAIT: on a bus that has no interrupts (PCI without VFIO), and on an
 * inline emulated device, which does nothing between its driver's calls. */

/* Tells the queue's file descriptor, which stays the library's. The first call makes it; so does one after the program
 * closed it, perhaps under another number.
 * Returns it. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_RANGE (queue), IXY_E_UNSUPPORTED, IXY_E_IO (no descriptor is
 * left), IXY_E_NO_MEMORY. Control call. Since 0.2. */
int32_t ixy_rx_fd(uint64_t device, uint32_t queue);

/* Makes the descriptor unreadable, switches the queue's interrupt on and looks at the queue again.
 * Returns 1 if there is something to receive already (the interrupt is off again), 0 if not: the descriptor becomes
 * readable with the next packet, or when the device fails. Errors: IXY_E_HANDLE, IXY_E_FORK,
 * IXY_E_RANGE (queue), IXY_E_BUSY (also while a thread is in ixy_rx_wait), IXY_E_STATE (not started), IXY_E_DEVICE,
 * IXY_E_UNSUPPORTED. Hot call, one thread a queue at a time, as ixy_rx_batch. Since 0.2. */
int32_t ixy_rx_arm(uint64_t device, uint32_t queue);

/* Waits until there is something to receive from queue, at most timeout_ms milliseconds; 0 only looks, -1 waits
 * without end. Other calls may be made on the device while a thread waits.
 * Returns 1 if there is, 0 if the time is over, a signal handler ran or ixy_rx_wake came. Errors: IXY_E_ARGUMENT
 * (another negative timeout), IXY_E_HANDLE (also when another thread closes the device meanwhile), IXY_E_FORK, IXY_E_RANGE (queue),
 * IXY_E_BUSY (another thread waits for this queue, or is in it), IXY_E_STATE (not started), IXY_E_DEVICE,
 * IXY_E_UNSUPPORTED. Blocks, and holds up no control call; leaves a text as they do. One thread a queue at a
 * time. Since 0.2. */
int32_t ixy_rx_wait(uint64_t device, uint32_t queue, int32_t timeout_ms);

/* Ends the wait of the thread that is in ixy_rx_wait for queue: it returns 0 at once. Where nobody waits, the next wait
 * that finds nothing to receive does so instead of sleeping, so that a wake just before a wait is not lost. One wake
 * ends one wait, several before it count as one, and a wait with a timeout_ms of 0 ends none. The queue's descriptor
 * becomes readable too; ixy_rx_arm, which empties it, does not look for wakes. For languages that cancel threads.
 * Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_RANGE (queue), IXY_E_UNSUPPORTED. Hot call, any thread, but not
 * from a signal handler. Since 0.3. */
int32_t ixy_rx_wake(uint64_t device, uint32_t queue);

/* ---- emulated devices ---- */

/* What an emulated device's wire did. A generator (wire=gen) sends numbered, time-stamped, checked frames; its sink
 * verifies every frame that comes back and knows it by its stream, which is the sending generator's. */
typedef struct ixy_emu_counters {
    uint32_t struct_size;  /* in: sizeof(ixy_emu_counters) */
    uint32_t violations;   /* things the driver did that the data sheet forbids; 0 for a correct driver */
    uint64_t generated;    /* frames that the generator put on the wire and the device took in */
    uint64_t verified;     /* frames that came to the sink right, each once */
    uint64_t damaged;      /* frames with a wrong byte */
    uint64_t repeated;     /* frames that came again */
    uint64_t reordered;    /* frames that came after a later one of their stream; they are among the verified */
    uint64_t foreign;      /* frames at the sink that no generator sent */
    uint64_t wire_dropped; /* frames that the wire had no room for (pair, tap), or a VirtIO device no buffer */
} ixy_emu_counters;

/* A reading of the clock and of the model's own time, for measurements. Differences of two readings count. */
typedef struct ixy_emu_meter {
    uint32_t struct_size;    /* in: sizeof(ixy_emu_meter) */
    uint32_t bracket_cycles; /* cost of one empty time bracket outside its own stamps, cycles, calibrated */
    uint64_t cycles;         /* time-stamp counter now, fenced */
    uint64_t nanoseconds;    /* monotonic clock now */
    uint64_t model_cycles;   /* cycles spent in the model of this device so far */
    uint64_t steps;          /* times that the model was stepped */
    uint64_t idle_steps;     /* steps that found nothing to do */
} ixy_emu_meter;

/* Steps an inline device, then fills in its counters. counters: its struct_size is read, the rest is written.
 * Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT, IXY_E_STRUCT, IXY_E_UNSUPPORTED (not an emulated
 * device). Control call. */
int32_t ixy_emu_counters_get(uint64_t device, ixy_emu_counters *counters);

/* Fills in a reading; the device is not stepped. meter: its struct_size is read, the rest is written.
 * Returns 0. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT, IXY_E_STRUCT, IXY_E_UNSUPPORTED (not an emulated
 * device). Control call. */
int32_t ixy_emu_meter_get(uint64_t device, ixy_emu_meter *meter);

/* Copies the text of violation `index` (0 is the first; the first 64 are kept) to text, at most text_size bytes with
 * its NUL; IXY_TEXT_MAX bytes hold any. "" where there is none.
 * Returns the number of violations so far. Errors: IXY_E_HANDLE, IXY_E_FORK, IXY_E_ARGUMENT (text is NULL and
 * text_size is not 0), IXY_E_UNSUPPORTED (not an emulated device). Control call. */
int32_t ixy_emu_violation(uint64_t device, uint32_t index, char *text, uint32_t text_size);
