(* Made from ixy_abi.h by abi/ffi/describe. *)

open Ctypes

type ixy_frame

let ixy_frame : ixy_frame structure typ = structure "ixy_frame"
let frame_buf = field ixy_frame "buf" uint64_t
let frame_offset = field ixy_frame "offset" uint32_t
let frame_len = field ixy_frame "len" uint16_t
let frame_flags = field ixy_frame "flags" uint16_t
let () = seal ixy_frame

type ixy_metadata

let ixy_metadata : ixy_metadata structure typ = structure "ixy_metadata"
let metadata_timestamp = field ixy_metadata "timestamp" uint64_t
let metadata_flags = field ixy_metadata "flags" uint32_t
let metadata_vlan_tci = field ixy_metadata "vlan_tci" uint16_t
let metadata_l2_len = field ixy_metadata "l2_len" uint8_t
let metadata_l3_len = field ixy_metadata "l3_len" uint8_t
let () = seal ixy_metadata

type ixy_pool_config

let ixy_pool_config : ixy_pool_config structure typ = structure "ixy_pool_config"
let pool_config_struct_size = field ixy_pool_config "struct_size" uint32_t
let pool_config_buffer_count = field ixy_pool_config "buffer_count" uint32_t
let pool_config_buffer_size = field ixy_pool_config "buffer_size" uint32_t
let pool_config_reserved = field ixy_pool_config "reserved" uint32_t
let () = seal ixy_pool_config

type ixy_view

let ixy_view : ixy_view structure typ = structure "ixy_view"
let view_struct_size = field ixy_view "struct_size" uint32_t
let view_buffer_count = field ixy_view "buffer_count" uint32_t
let view_buffer_size = field ixy_view "buffer_size" uint32_t
let view_buffer_stride = field ixy_view "buffer_stride" uint32_t
let view_headroom = field ixy_view "headroom" uint32_t
let view_index_mask = field ixy_view "index_mask" uint32_t
let view_view = field ixy_view "view" uint64_t
let view_size = field ixy_view "size" uint64_t
let view_base = field ixy_view "base" (ptr uint8_t)
let view_owner = field ixy_view "owner" (ptr uint64_t)
let view_metadata = field ixy_view "metadata" (ptr ixy_metadata)
let () = seal ixy_view

type ixy_device_config

let ixy_device_config : ixy_device_config structure typ = structure "ixy_device_config"
let device_config_struct_size = field ixy_device_config "struct_size" uint32_t
let device_config_rx_queues = field ixy_device_config "rx_queues" uint32_t
let device_config_tx_queues = field ixy_device_config "tx_queues" uint32_t
let device_config_rx_ring_size = field ixy_device_config "rx_ring_size" uint32_t
let device_config_tx_ring_size = field ixy_device_config "tx_ring_size" uint32_t
let device_config_reserved = field ixy_device_config "reserved" uint32_t
let device_config_pool = field ixy_device_config "pool" uint64_t
let device_config_offloads = field ixy_device_config "offloads" uint32_t
let device_config_frame_len_max = field ixy_device_config "frame_len_max" uint32_t
let () = seal ixy_device_config

type ixy_info

let ixy_info : ixy_info structure typ = structure "ixy_info"
let info_struct_size = field ixy_info "struct_size" uint32_t
let info_vendor = field ixy_info "vendor" uint32_t
let info_device_id = field ixy_info "device_id" uint32_t
let info_rx_queues = field ixy_info "rx_queues" uint32_t
let info_tx_queues = field ixy_info "tx_queues" uint32_t
let info_rx_ring_size = field ixy_info "rx_ring_size" uint32_t
let info_tx_ring_size = field ixy_info "tx_ring_size" uint32_t
let info_tx_len_min = field ixy_info "tx_len_min" uint32_t
let info_tx_len_max = field ixy_info "tx_len_max" uint32_t
let info_emulated = field ixy_info "emulated" uint32_t
let info_driver = field ixy_info "driver" (array 16 char)
let info_name = field ixy_info "name" (array 32 char)
let info_address = field ixy_info "address" (array 256 char)
let info_capabilities = field ixy_info "capabilities" uint32_t
let info_offloads = field ixy_info "offloads" uint32_t
let info_rx_len_max = field ixy_info "rx_len_max" uint32_t
let info_rx_frames_max = field ixy_info "rx_frames_max" uint32_t
let () = seal ixy_info

type ixy_link

let ixy_link : ixy_link structure typ = structure "ixy_link"
let link_struct_size = field ixy_link "struct_size" uint32_t
let link_up = field ixy_link "up" uint32_t
let link_speed_mbps = field ixy_link "speed_mbps" uint32_t
let link_reserved = field ixy_link "reserved" uint32_t
let () = seal ixy_link

type ixy_stats

let ixy_stats : ixy_stats structure typ = structure "ixy_stats"
let stats_struct_size = field ixy_stats "struct_size" uint32_t
let stats_reserved = field ixy_stats "reserved" uint32_t
let stats_rx_packets = field ixy_stats "rx_packets" uint64_t
let stats_rx_bytes = field ixy_stats "rx_bytes" uint64_t
let stats_tx_packets = field ixy_stats "tx_packets" uint64_t
let stats_tx_bytes = field ixy_stats "tx_bytes" uint64_t
let stats_rx_missed = field ixy_stats "rx_missed" uint64_t
let stats_rx_errors = field ixy_stats "rx_errors" uint64_t
let stats_rx_dropped = field ixy_stats "rx_dropped" uint64_t
let stats_rx_starved = field ixy_stats "rx_starved" uint64_t
let () = seal ixy_stats

type ixy_queue_stats

let ixy_queue_stats : ixy_queue_stats structure typ = structure "ixy_queue_stats"
let queue_stats_struct_size = field ixy_queue_stats "struct_size" uint32_t
let queue_stats_reserved = field ixy_queue_stats "reserved" uint32_t
let queue_stats_rx_packets = field ixy_queue_stats "rx_packets" uint64_t
let queue_stats_rx_bytes = field ixy_queue_stats "rx_bytes" uint64_t
let queue_stats_rx_missed = field ixy_queue_stats "rx_missed" uint64_t
let queue_stats_rx_dropped = field ixy_queue_stats "rx_dropped" uint64_t
let queue_stats_rx_starved = field ixy_queue_stats "rx_starved" uint64_t
let queue_stats_tx_packets = field ixy_queue_stats "tx_packets" uint64_t
let queue_stats_tx_bytes = field ixy_queue_stats "tx_bytes" uint64_t
let () = seal ixy_queue_stats

type ixy_found

let ixy_found : ixy_found structure typ = structure "ixy_found"
let found_struct_size = field ixy_found "struct_size" uint32_t
let found_vendor = field ixy_found "vendor" uint32_t
let found_device_id = field ixy_found "device_id" uint32_t
let found_usable = field ixy_found "usable" uint32_t
let found_address = field ixy_found "address" (array 32 char)
let found_name = field ixy_found "name" (array 32 char)
let found_driver = field ixy_found "driver" (array 32 char)
let found_missing = field ixy_found "missing" (array 256 char)
let () = seal ixy_found

type ixy_emu_counters

let ixy_emu_counters : ixy_emu_counters structure typ = structure "ixy_emu_counters"
let emu_counters_struct_size = field ixy_emu_counters "struct_size" uint32_t
let emu_counters_violations = field ixy_emu_counters "violations" uint32_t
let emu_counters_generated = field ixy_emu_counters "generated" uint64_t
let emu_counters_verified = field ixy_emu_counters "verified" uint64_t
let emu_counters_damaged = field ixy_emu_counters "damaged" uint64_t
let emu_counters_repeated = field ixy_emu_counters "repeated" uint64_t
let emu_counters_reordered = field ixy_emu_counters "reordered" uint64_t
let emu_counters_foreign = field ixy_emu_counters "foreign" uint64_t
let emu_counters_wire_dropped = field ixy_emu_counters "wire_dropped" uint64_t
let () = seal ixy_emu_counters

type ixy_emu_meter

let ixy_emu_meter : ixy_emu_meter structure typ = structure "ixy_emu_meter"
let emu_meter_struct_size = field ixy_emu_meter "struct_size" uint32_t
let emu_meter_bracket_cycles = field ixy_emu_meter "bracket_cycles" uint32_t
let emu_meter_cycles = field ixy_emu_meter "cycles" uint64_t
let emu_meter_nanoseconds = field ixy_emu_meter "nanoseconds" uint64_t
let emu_meter_model_cycles = field ixy_emu_meter "model_cycles" uint64_t
let emu_meter_steps = field ixy_emu_meter "steps" uint64_t
let emu_meter_idle_steps = field ixy_emu_meter "idle_steps" uint64_t
let () = seal ixy_emu_meter

(* Each struct's size, and where its members lie and how long they are. *)
let sizes = [
  ("ixy_frame", sizeof ixy_frame);
  ("ixy_metadata", sizeof ixy_metadata);
  ("ixy_pool_config", sizeof ixy_pool_config);
  ("ixy_view", sizeof ixy_view);
  ("ixy_device_config", sizeof ixy_device_config);
  ("ixy_info", sizeof ixy_info);
  ("ixy_link", sizeof ixy_link);
  ("ixy_stats", sizeof ixy_stats);
  ("ixy_queue_stats", sizeof ixy_queue_stats);
  ("ixy_found", sizeof ixy_found);
  ("ixy_emu_counters", sizeof ixy_emu_counters);
  ("ixy_emu_meter", sizeof ixy_emu_meter);
]

let members = [
  ("ixy_frame", "buf", offsetof frame_buf, sizeof (field_type frame_buf));
  ("ixy_frame", "offset", offsetof frame_offset, sizeof (field_type frame_offset));
  ("ixy_frame", "len", offsetof frame_len, sizeof (field_type frame_len));
  ("ixy_frame", "flags", offsetof frame_flags, sizeof (field_type frame_flags));
  ("ixy_metadata", "timestamp", offsetof metadata_timestamp, sizeof (field_type metadata_timestamp));
  ("ixy_metadata", "flags", offsetof metadata_flags, sizeof (field_type metadata_flags));
  ("ixy_metadata", "vlan_tci", offsetof metadata_vlan_tci, sizeof (field_type metadata_vlan_tci));
  ("ixy_metadata", "l2_len", offsetof metadata_l2_len, sizeof (field_type metadata_l2_len));
  ("ixy_metadata", "l3_len", offsetof metadata_l3_len, sizeof (field_type metadata_l3_len));
  ("ixy_pool_config", "struct_size", offsetof pool_config_struct_size, sizeof (field_type pool_config_struct_size));
  ("ixy_pool_config", "buffer_count", offsetof pool_config_buffer_count, sizeof (field_type pool_config_buffer_count));
  ("ixy_pool_config", "buffer_size", offsetof pool_config_buffer_size, sizeof (field_type pool_config_buffer_size));
  ("ixy_pool_config", "reserved", offsetof pool_config_reserved, sizeof (field_type pool_config_reserved));
  ("ixy_view", "struct_size", offsetof view_struct_size, sizeof (field_type view_struct_size));
  ("ixy_view", "buffer_count", offsetof view_buffer_count, sizeof (field_type view_buffer_count));
  ("ixy_view", "buffer_size", offsetof view_buffer_size, sizeof (field_type view_buffer_size));
  ("ixy_view", "buffer_stride", offsetof view_buffer_stride, sizeof (field_type view_buffer_stride));
  ("ixy_view", "headroom", offsetof view_headroom, sizeof (field_type view_headroom));
  ("ixy_view", "index_mask", offsetof view_index_mask, sizeof (field_type view_index_mask));
  ("ixy_view", "view", offsetof view_view, sizeof (field_type view_view));
  ("ixy_view", "size", offsetof view_size, sizeof (field_type view_size));
  ("ixy_view", "base", offsetof view_base, sizeof (field_type view_base));
  ("ixy_view", "owner", offsetof view_owner, sizeof (field_type view_owner));
  ("ixy_view", "metadata", offsetof view_metadata, sizeof (field_type view_metadata));
  ("ixy_device_config", "struct_size", offsetof device_config_struct_size, sizeof (field_type device_config_struct_size));
  ("ixy_device_config", "rx_queues", offsetof device_config_rx_queues, sizeof (field_type device_config_rx_queues));
  ("ixy_device_config", "tx_queues", offsetof device_config_tx_queues, sizeof (field_type device_config_tx_queues));
  ("ixy_device_config", "rx_ring_size", offsetof device_config_rx_ring_size, sizeof (field_type device_config_rx_ring_size));
  ("ixy_device_config", "tx_ring_size", offsetof device_config_tx_ring_size, sizeof (field_type device_config_tx_ring_size));
  ("ixy_device_config", "reserved", offsetof device_config_reserved, sizeof (field_type device_config_reserved));
  ("ixy_device_config", "pool", offsetof device_config_pool, sizeof (field_type device_config_pool));
  ("ixy_device_config", "offloads", offsetof device_config_offloads, sizeof (field_type device_config_offloads));
  ("ixy_device_config", "frame_len_max", offsetof device_config_frame_len_max, sizeof (field_type device_config_frame_len_max));
  ("ixy_info", "struct_size", offsetof info_struct_size, sizeof (field_type info_struct_size));
  ("ixy_info", "vendor", offsetof info_vendor, sizeof (field_type info_vendor));
  ("ixy_info", "device_id", offsetof info_device_id, sizeof (field_type info_device_id));
  ("ixy_info", "rx_queues", offsetof info_rx_queues, sizeof (field_type info_rx_queues));
  ("ixy_info", "tx_queues", offsetof info_tx_queues, sizeof (field_type info_tx_queues));
  ("ixy_info", "rx_ring_size", offsetof info_rx_ring_size, sizeof (field_type info_rx_ring_size));
  ("ixy_info", "tx_ring_size", offsetof info_tx_ring_size, sizeof (field_type info_tx_ring_size));
  ("ixy_info", "tx_len_min", offsetof info_tx_len_min, sizeof (field_type info_tx_len_min));
  ("ixy_info", "tx_len_max", offsetof info_tx_len_max, sizeof (field_type info_tx_len_max));
  ("ixy_info", "emulated", offsetof info_emulated, sizeof (field_type info_emulated));
  ("ixy_info", "driver", offsetof info_driver, sizeof (field_type info_driver));
  ("ixy_info", "name", offsetof info_name, sizeof (field_type info_name));
  ("ixy_info", "address", offsetof info_address, sizeof (field_type info_address));
  ("ixy_info", "capabilities", offsetof info_capabilities, sizeof (field_type info_capabilities));
  ("ixy_info", "offloads", offsetof info_offloads, sizeof (field_type info_offloads));
  ("ixy_info", "rx_len_max", offsetof info_rx_len_max, sizeof (field_type info_rx_len_max));
  ("ixy_info", "rx_frames_max", offsetof info_rx_frames_max, sizeof (field_type info_rx_frames_max));
  ("ixy_link", "struct_size", offsetof link_struct_size, sizeof (field_type link_struct_size));
  ("ixy_link", "up", offsetof link_up, sizeof (field_type link_up));
  ("ixy_link", "speed_mbps", offsetof link_speed_mbps, sizeof (field_type link_speed_mbps));
  ("ixy_link", "reserved", offsetof link_reserved, sizeof (field_type link_reserved));
  ("ixy_stats", "struct_size", offsetof stats_struct_size, sizeof (field_type stats_struct_size));
  ("ixy_stats", "reserved", offsetof stats_reserved, sizeof (field_type stats_reserved));
  ("ixy_stats", "rx_packets", offsetof stats_rx_packets, sizeof (field_type stats_rx_packets));
  ("ixy_stats", "rx_bytes", offsetof stats_rx_bytes, sizeof (field_type stats_rx_bytes));
  ("ixy_stats", "tx_packets", offsetof stats_tx_packets, sizeof (field_type stats_tx_packets));
  ("ixy_stats", "tx_bytes", offsetof stats_tx_bytes, sizeof (field_type stats_tx_bytes));
  ("ixy_stats", "rx_missed", offsetof stats_rx_missed, sizeof (field_type stats_rx_missed));
  ("ixy_stats", "rx_errors", offsetof stats_rx_errors, sizeof (field_type stats_rx_errors));
  ("ixy_stats", "rx_dropped", offsetof stats_rx_dropped, sizeof (field_type stats_rx_dropped));
  ("ixy_stats", "rx_starved", offsetof stats_rx_starved, sizeof (field_type stats_rx_starved));
  ("ixy_queue_stats", "struct_size", offsetof queue_stats_struct_size, sizeof (field_type queue_stats_struct_size));
  ("ixy_queue_stats", "reserved", offsetof queue_stats_reserved, sizeof (field_type queue_stats_reserved));
  ("ixy_queue_stats", "rx_packets", offsetof queue_stats_rx_packets, sizeof (field_type queue_stats_rx_packets));
  ("ixy_queue_stats", "rx_bytes", offsetof queue_stats_rx_bytes, sizeof (field_type queue_stats_rx_bytes));
  ("ixy_queue_stats", "rx_missed", offsetof queue_stats_rx_missed, sizeof (field_type queue_stats_rx_missed));
  ("ixy_queue_stats", "rx_dropped", offsetof queue_stats_rx_dropped, sizeof (field_type queue_stats_rx_dropped));
  ("ixy_queue_stats", "rx_starved", offsetof queue_stats_rx_starved, sizeof (field_type queue_stats_rx_starved));
  ("ixy_queue_stats", "tx_packets", offsetof queue_stats_tx_packets, sizeof (field_type queue_stats_tx_packets));
  ("ixy_queue_stats", "tx_bytes", offsetof queue_stats_tx_bytes, sizeof (field_type queue_stats_tx_bytes));
  ("ixy_found", "struct_size", offsetof found_struct_size, sizeof (field_type found_struct_size));
  ("ixy_found", "vendor", offsetof found_vendor, sizeof (field_type found_vendor));
  ("ixy_found", "device_id", offsetof found_device_id, sizeof (field_type found_device_id));
  ("ixy_found", "usable", offsetof found_usable, sizeof (field_type found_usable));
  ("ixy_found", "address", offsetof found_address, sizeof (field_type found_address));
  ("ixy_found", "name", offsetof found_name, sizeof (field_type found_name));
  ("ixy_found", "driver", offsetof found_driver, sizeof (field_type found_driver));
  ("ixy_found", "missing", offsetof found_missing, sizeof (field_type found_missing));
  ("ixy_emu_counters", "struct_size", offsetof emu_counters_struct_size, sizeof (field_type emu_counters_struct_size));
  ("ixy_emu_counters", "violations", offsetof emu_counters_violations, sizeof (field_type emu_counters_violations));
  ("ixy_emu_counters", "generated", offsetof emu_counters_generated, sizeof (field_type emu_counters_generated));
  ("ixy_emu_counters", "verified", offsetof emu_counters_verified, sizeof (field_type emu_counters_verified));
  ("ixy_emu_counters", "damaged", offsetof emu_counters_damaged, sizeof (field_type emu_counters_damaged));
  ("ixy_emu_counters", "repeated", offsetof emu_counters_repeated, sizeof (field_type emu_counters_repeated));
  ("ixy_emu_counters", "reordered", offsetof emu_counters_reordered, sizeof (field_type emu_counters_reordered));
  ("ixy_emu_counters", "foreign", offsetof emu_counters_foreign, sizeof (field_type emu_counters_foreign));
  ("ixy_emu_counters", "wire_dropped", offsetof emu_counters_wire_dropped, sizeof (field_type emu_counters_wire_dropped));
  ("ixy_emu_meter", "struct_size", offsetof emu_meter_struct_size, sizeof (field_type emu_meter_struct_size));
  ("ixy_emu_meter", "bracket_cycles", offsetof emu_meter_bracket_cycles, sizeof (field_type emu_meter_bracket_cycles));
  ("ixy_emu_meter", "cycles", offsetof emu_meter_cycles, sizeof (field_type emu_meter_cycles));
  ("ixy_emu_meter", "nanoseconds", offsetof emu_meter_nanoseconds, sizeof (field_type emu_meter_nanoseconds));
  ("ixy_emu_meter", "model_cycles", offsetof emu_meter_model_cycles, sizeof (field_type emu_meter_model_cycles));
  ("ixy_emu_meter", "steps", offsetof emu_meter_steps, sizeof (field_type emu_meter_steps));
  ("ixy_emu_meter", "idle_steps", offsetof emu_meter_idle_steps, sizeof (field_type emu_meter_idle_steps));
]
