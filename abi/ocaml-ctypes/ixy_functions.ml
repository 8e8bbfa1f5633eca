(* Made from ixy_abi.h by abi/ffi/describe. *)

open Ctypes
open Ixy_types

module Make (F : FOREIGN) = struct
  open F

  let ixy_abi_version = foreign "ixy_abi_version" (void @-> returning uint32_t)

  let ixy_version = foreign "ixy_version" (void @-> returning (ptr (typedef char "const char")))

  let ixy_strerror = foreign "ixy_strerror" (int32_t @-> returning (ptr (typedef char "const char")))

  let ixy_error_name = foreign "ixy_error_name" (int32_t @-> returning (ptr (typedef char "const char")))

  let ixy_last_error = foreign "ixy_last_error" (void @-> returning (ptr (typedef char "const char")))

  let ixy_pool_open = foreign "ixy_pool_open" ((ptr ixy_pool_config) @-> (ptr uint64_t) @-> returning int32_t)

  let ixy_pool_close = foreign "ixy_pool_close" (uint64_t @-> returning int32_t)

  let ixy_pool_free_count = foreign "ixy_pool_free_count" (uint64_t @-> returning int32_t)

  let ixy_pool_view = foreign "ixy_pool_view" (uint64_t @-> (ptr ixy_view) @-> returning int32_t)

  let ixy_pool_view_release = foreign "ixy_pool_view_release" (uint64_t @-> returning int32_t)

  let ixy_buf_alloc = foreign "ixy_buf_alloc" (uint64_t @-> (ptr ixy_frame) @-> uint32_t @-> returning int32_t)

  let ixy_buf_free = foreign "ixy_buf_free" (uint64_t @-> (ptr ixy_frame) @-> uint32_t @-> returning int32_t)

  let ixy_buf_read = foreign "ixy_buf_read" (uint64_t @-> (ptr ixy_frame) @-> uint32_t @-> (ptr void) @-> uint32_t @-> returning int32_t)

  let ixy_buf_write = foreign "ixy_buf_write" (uint64_t @-> (ptr ixy_frame) @-> uint32_t @-> (ptr void) @-> uint32_t @-> returning int32_t)

  let ixy_buf_metadata = foreign "ixy_buf_metadata" (uint64_t @-> (ptr ixy_frame) @-> (ptr ixy_metadata) @-> returning int32_t)

  let ixy_buf_metadata_set = foreign "ixy_buf_metadata_set" (uint64_t @-> (ptr ixy_frame) @-> (ptr ixy_metadata) @-> returning int32_t)

  let ixy_device_find = foreign "ixy_device_find" (uint32_t @-> (ptr ixy_found) @-> returning int32_t)

  let ixy_device_open = foreign "ixy_device_open" ((ptr char) @-> (ptr ixy_device_config) @-> (ptr uint64_t) @-> returning int32_t)

  let ixy_device_start = foreign "ixy_device_start" (uint64_t @-> returning int32_t)

  let ixy_device_reset = foreign "ixy_device_reset" (uint64_t @-> returning int32_t)

  let ixy_device_close = foreign "ixy_device_close" (uint64_t @-> returning int32_t)

  let ixy_device_info = foreign "ixy_device_info" (uint64_t @-> (ptr ixy_info) @-> returning int32_t)

  let ixy_device_link = foreign "ixy_device_link" (uint64_t @-> (ptr ixy_link) @-> returning int32_t)

  let ixy_device_stats = foreign "ixy_device_stats" (uint64_t @-> (ptr ixy_stats) @-> returning int32_t)

  let ixy_device_queue_stats = foreign "ixy_device_queue_stats" (uint64_t @-> uint32_t @-> (ptr ixy_queue_stats) @-> returning int32_t)

  let ixy_device_feature = foreign "ixy_device_feature" (uint64_t @-> uint32_t @-> (ptr char) @-> uint32_t @-> returning int32_t)

  let ixy_device_mac = foreign "ixy_device_mac" (uint64_t @-> (ptr uint8_t) @-> returning int32_t)

  let ixy_device_mac_set = foreign "ixy_device_mac_set" (uint64_t @-> (ptr uint8_t) @-> returning int32_t)

  let ixy_device_promiscuous_set = foreign "ixy_device_promiscuous_set" (uint64_t @-> uint32_t @-> returning int32_t)

  let ixy_rx_batch = foreign "ixy_rx_batch" (uint64_t @-> uint32_t @-> (ptr ixy_frame) @-> uint32_t @-> returning int32_t)

  let ixy_tx_batch = foreign "ixy_tx_batch" (uint64_t @-> uint32_t @-> (ptr ixy_frame) @-> uint32_t @-> returning int32_t)

  let ixy_rx_fd = foreign "ixy_rx_fd" (uint64_t @-> uint32_t @-> returning int32_t)

  let ixy_rx_arm = foreign "ixy_rx_arm" (uint64_t @-> uint32_t @-> returning int32_t)

  let ixy_rx_wait = foreign "ixy_rx_wait" (uint64_t @-> uint32_t @-> int32_t @-> returning int32_t)

  let ixy_rx_wake = foreign "ixy_rx_wake" (uint64_t @-> uint32_t @-> returning int32_t)

  let ixy_emu_counters_get = foreign "ixy_emu_counters_get" (uint64_t @-> (ptr ixy_emu_counters) @-> returning int32_t)

  let ixy_emu_meter_get = foreign "ixy_emu_meter_get" (uint64_t @-> (ptr ixy_emu_meter) @-> returning int32_t)

  let ixy_emu_violation = foreign "ixy_emu_violation" (uint64_t @-> uint32_t @-> (ptr char) @-> uint32_t @-> returning int32_t)
end
