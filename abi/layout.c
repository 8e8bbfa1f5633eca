/* Where each member of the ABI's structs lies, pinned: programs and bindings that were built before have these numbers
 * compiled in. A struct may grow at its end (its size here is then a new one, and the new members get lines of their
 * own); a line that stands here never changes. For machines with 64-bit pointers. */
#include "abi/include/ixy.h"

#define LAYOUT_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " has another size than before")
#define LAYOUT_PLACE(type, member, bytes)                                                                              \
    _Static_assert(offsetof(type, member) == (bytes), #type "." #member " has moved")

#if UINTPTR_MAX == UINT64_MAX

LAYOUT_SIZE(ixy_frame, 16);
LAYOUT_PLACE(ixy_frame, buf, 0);
LAYOUT_PLACE(ixy_frame, offset, 8);
LAYOUT_PLACE(ixy_frame, len, 12);
LAYOUT_PLACE(ixy_frame, flags, 14);

LAYOUT_SIZE(ixy_metadata, 16);
LAYOUT_PLACE(ixy_metadata, timestamp, 0);
LAYOUT_PLACE(ixy_metadata, flags, 8);
LAYOUT_PLACE(ixy_metadata, vlan_tci, 12);
LAYOUT_PLACE(ixy_metadata, l2_len, 14);
LAYOUT_PLACE(ixy_metadata, l3_len, 15);

LAYOUT_SIZE(ixy_pool_config, 16);
LAYOUT_PLACE(ixy_pool_config, struct_size, 0);
LAYOUT_PLACE(ixy_pool_config, buffer_count, 4);
LAYOUT_PLACE(ixy_pool_config, buffer_size, 8);
LAYOUT_PLACE(ixy_pool_config, reserved, 12);

LAYOUT_SIZE(ixy_view, 64);
LAYOUT_PLACE(ixy_view, struct_size, 0);
LAYOUT_PLACE(ixy_view, buffer_count, 4);
LAYOUT_PLACE(ixy_view, buffer_size, 8);
LAYOUT_PLACE(ixy_view, buffer_stride, 12);
LAYOUT_PLACE(ixy_view, headroom, 16);
LAYOUT_PLACE(ixy_view, index_mask, 20);
LAYOUT_PLACE(ixy_view, view, 24);
LAYOUT_PLACE(ixy_view, size, 32);
LAYOUT_PLACE(ixy_view, base, 40);
LAYOUT_PLACE(ixy_view, owner, 48);
LAYOUT_PLACE(ixy_view, metadata, 56);

LAYOUT_SIZE(ixy_device_config, 40);
LAYOUT_PLACE(ixy_device_config, struct_size, 0);
LAYOUT_PLACE(ixy_device_config, rx_queues, 4);
LAYOUT_PLACE(ixy_device_config, tx_queues, 8);
LAYOUT_PLACE(ixy_device_config, rx_ring_size, 12);
LAYOUT_PLACE(ixy_device_config, tx_ring_size, 16);
LAYOUT_PLACE(ixy_device_config, reserved, 20);
LAYOUT_PLACE(ixy_device_config, pool, 24);
LAYOUT_PLACE(ixy_device_config, offloads, 32);
LAYOUT_PLACE(ixy_device_config, frame_len_max, 36);

LAYOUT_SIZE(ixy_info, 360);
LAYOUT_PLACE(ixy_info, struct_size, 0);
LAYOUT_PLACE(ixy_info, vendor, 4);
LAYOUT_PLACE(ixy_info, device_id, 8);
LAYOUT_PLACE(ixy_info, rx_queues, 12);
LAYOUT_PLACE(ixy_info, tx_queues, 16);
LAYOUT_PLACE(ixy_info, rx_ring_size, 20);
LAYOUT_PLACE(ixy_info, tx_ring_size, 24);
LAYOUT_PLACE(ixy_info, tx_len_min, 28);
LAYOUT_PLACE(ixy_info, tx_len_max, 32);
LAYOUT_PLACE(ixy_info, emulated, 36);
LAYOUT_PLACE(ixy_info, driver, 40);
LAYOUT_PLACE(ixy_info, name, 56);
LAYOUT_PLACE(ixy_info, address, 88);
LAYOUT_PLACE(ixy_info, capabilities, 344);
LAYOUT_PLACE(ixy_info, offloads, 348);
LAYOUT_PLACE(ixy_info, rx_len_max, 352);
LAYOUT_PLACE(ixy_info, rx_frames_max, 356);

LAYOUT_SIZE(ixy_link, 16);
LAYOUT_PLACE(ixy_link, struct_size, 0);
LAYOUT_PLACE(ixy_link, up, 4);
LAYOUT_PLACE(ixy_link, speed_mbps, 8);
LAYOUT_PLACE(ixy_link, reserved, 12);

LAYOUT_SIZE(ixy_stats, 72);
LAYOUT_PLACE(ixy_stats, struct_size, 0);
LAYOUT_PLACE(ixy_stats, reserved, 4);
LAYOUT_PLACE(ixy_stats, rx_packets, 8);
LAYOUT_PLACE(ixy_stats, rx_bytes, 16);
LAYOUT_PLACE(ixy_stats, tx_packets, 24);
LAYOUT_PLACE(ixy_stats, tx_bytes, 32);
LAYOUT_PLACE(ixy_stats, rx_missed, 40);
LAYOUT_PLACE(ixy_stats, rx_errors, 48);
LAYOUT_PLACE(ixy_stats, rx_dropped, 56);
LAYOUT_PLACE(ixy_stats, rx_starved, 64);

LAYOUT_SIZE(ixy_queue_stats, 64);
LAYOUT_PLACE(ixy_queue_stats, struct_size, 0);
LAYOUT_PLACE(ixy_queue_stats, reserved, 4);
LAYOUT_PLACE(ixy_queue_stats, rx_packets, 8);
LAYOUT_PLACE(ixy_queue_stats, rx_bytes, 16);
LAYOUT_PLACE(ixy_queue_stats, rx_missed, 24);
LAYOUT_PLACE(ixy_queue_stats, rx_dropped, 32);
LAYOUT_PLACE(ixy_queue_stats, rx_starved, 40);
LAYOUT_PLACE(ixy_queue_stats, tx_packets, 48);
LAYOUT_PLACE(ixy_queue_stats, tx_bytes, 56);

LAYOUT_SIZE(ixy_found, 368);
LAYOUT_PLACE(ixy_found, struct_size, 0);
LAYOUT_PLACE(ixy_found, vendor, 4);
LAYOUT_PLACE(ixy_found, device_id, 8);
LAYOUT_PLACE(ixy_found, usable, 12);
LAYOUT_PLACE(ixy_found, address, 16);
LAYOUT_PLACE(ixy_found, name, 48);
LAYOUT_PLACE(ixy_found, driver, 80);
LAYOUT_PLACE(ixy_found, missing, 112);

LAYOUT_SIZE(ixy_emu_counters, 64);
LAYOUT_PLACE(ixy_emu_counters, struct_size, 0);
LAYOUT_PLACE(ixy_emu_counters, violations, 4);
LAYOUT_PLACE(ixy_emu_counters, generated, 8);
LAYOUT_PLACE(ixy_emu_counters, verified, 16);
LAYOUT_PLACE(ixy_emu_counters, damaged, 24);
LAYOUT_PLACE(ixy_emu_counters, repeated, 32);
LAYOUT_PLACE(ixy_emu_counters, reordered, 40);
LAYOUT_PLACE(ixy_emu_counters, foreign, 48);
LAYOUT_PLACE(ixy_emu_counters, wire_dropped, 56);

LAYOUT_SIZE(ixy_emu_meter, 48);
LAYOUT_PLACE(ixy_emu_meter, struct_size, 0);
LAYOUT_PLACE(ixy_emu_meter, bracket_cycles, 4);
LAYOUT_PLACE(ixy_emu_meter, cycles, 8);
LAYOUT_PLACE(ixy_emu_meter, nanoseconds, 16);
LAYOUT_PLACE(ixy_emu_meter, model_cycles, 24);
LAYOUT_PLACE(ixy_emu_meter, steps, 32);
LAYOUT_PLACE(ixy_emu_meter, idle_steps, 40);

#endif

#undef LAYOUT_SIZE
#undef LAYOUT_PLACE
