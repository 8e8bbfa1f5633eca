/* Devices: control calls. */
#include "stubs.h"

#include <string.h>

#include <caml/alloc.h>
#include <caml/bigarray.h>
#include <caml/memory.h>
#include <caml/signals.h>

/* Ixy.Device.found list. */
value ixy_ocaml_device_find(value unit)
{
    CAMLparam0();
    CAMLlocal4(list, last, record, text);
    list = Val_emptylist;
    for (uint32_t i = 0;; i++) {
        ixy_found found = {.struct_size = sizeof(found)};
        int32_t count = ixy_device_find(i, &found);
        if (count < 0) {
            CAMLreturn(ixy_stubs_failed(count));
        }
        if (i >= (uint32_t)count) {
            break;
        }
        const char *texts[] = {found.address, found.name, found.driver, found.missing};
        record = caml_alloc(7, 0);
        for (uint32_t member = 0; member < 4; member++) {
            text = caml_copy_string(texts[member]);
            Store_field(record, member, text);
        }
        Store_field(record, 4, Val_long(found.vendor));
        Store_field(record, 5, Val_long(found.device_id));
        Store_field(record, 6, Val_bool(found.usable));
        value cell = caml_alloc(2, 0);
        Store_field(cell, 0, record);
        Store_field(cell, 1, Val_emptylist);
        if (list == Val_emptylist) {
            list = cell;
        } else {
            Store_field(last, 1, cell);
        }
        last = cell;
    }
    CAMLreturn(ixy_stubs_ok(list));
}

/* The address is copied into a Bigarray, whose memory does not move and which the collector frees whatever happens:
 * entering a blocking section may run a signal's handler, which may raise. */
value ixy_ocaml_device_open(value kept, value address, value rx_queues, value tx_queues, value rx_ring_size,
                            value tx_ring_size, value offloads, value frame_len_max, value pool)
{
    CAMLparam2(kept, address);
    CAMLlocal1(copy);
    ixy_device_config config = {.struct_size = sizeof(config),
                                .rx_queues = stubs_uint32(Long_val(rx_queues)),
                                .tx_queues = stubs_uint32(Long_val(tx_queues)),
                                .rx_ring_size = stubs_uint32(Long_val(rx_ring_size)),
                                .tx_ring_size = stubs_uint32(Long_val(tx_ring_size)),
                                .pool = (uint64_t)Long_val(pool),
                                .offloads = ixy_stubs_bits_of(offloads),
                                .frame_len_max = stubs_uint32(Long_val(frame_len_max))};
    uint64_t device = 0;
    int32_t code;
    intnat size = (intnat)caml_string_length(address) + 1; /* with its NUL */
    copy = caml_ba_alloc(CAML_BA_CHAR | CAML_BA_C_LAYOUT, 1, NULL, &size);
    char *text = Caml_ba_data_val(copy);
    memcpy(text, String_val(address), (size_t)size);
    caml_enter_blocking_section();
    code = ixy_device_open(text, &config, &device);
    caml_leave_blocking_section();
    if (code < 0) {
        CAMLreturn(ixy_stubs_failed(code));
    }
    ixy_stubs_opened(kept, device);
    CAMLreturn(ixy_stubs_ok(Val_long(device)));
}

value ixy_ocaml_device_open_byte(value *arguments, int count)
{
    return ixy_ocaml_device_open(arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5],
                                 arguments[6], arguments[7], arguments[8]);
}

/* kept stays reachable meanwhile, so the device is not closed because nobody else knows it. */
static value stubs_device_control(int32_t (*control)(uint64_t device), value kept)
{
    CAMLparam1(kept);
    uint64_t handle = ixy_stubs_handle(kept);
    int32_t code;
    caml_enter_blocking_section();
    code = control(handle);
    caml_leave_blocking_section();
    CAMLreturn(ixy_stubs_unit_or_failed(code));
}

value ixy_ocaml_device_start(value kept)
{
    return stubs_device_control(ixy_device_start, kept);
}

value ixy_ocaml_device_reset(value kept)
{
    return stubs_device_control(ixy_device_reset, kept);
}

value ixy_ocaml_device_close(value kept)
{
    return stubs_device_control(ixy_device_close, kept);
}

value ixy_ocaml_device_info(value device)
{
    CAMLparam0();
    CAMLlocal3(record, text, list);
    ixy_info info = {.struct_size = sizeof(info)};
    int32_t code = ixy_device_info((uint64_t)Long_val(device), &info);
    if (code < 0) {
        CAMLreturn(ixy_stubs_failed(code));
    }
    const char *texts[] = {info.driver, info.name, info.address};
    uint32_t numbers[] = {info.vendor,       info.device_id,    info.rx_queues,  info.tx_queues,
                          info.rx_ring_size, info.tx_ring_size, info.tx_len_min, info.tx_len_max};
    record = caml_alloc(16, 0);
    for (uint32_t i = 0; i < 3; i++) {
        text = caml_copy_string(texts[i]);
        Store_field(record, i, text);
    }
    for (uint32_t i = 0; i < 8; i++) {
        Store_field(record, 3 + i, Val_long(numbers[i]));
    }
    Store_field(record, 11, Val_bool(info.emulated));
    list = ixy_stubs_bits(info.capabilities, 8);
    Store_field(record, 12, list);
    list = ixy_stubs_bits(info.offloads, 8);
    Store_field(record, 13, list);
    Store_field(record, 14, Val_long(info.rx_len_max));
    Store_field(record, 15, Val_long(info.rx_frames_max));
    CAMLreturn(ixy_stubs_ok(record));
}

value ixy_ocaml_device_link(value device)
{
    CAMLparam0();
    CAMLlocal1(record);
    ixy_link link = {.struct_size = sizeof(link)};
    int32_t code = ixy_device_link((uint64_t)Long_val(device), &link);
    if (code < 0) {
        CAMLreturn(ixy_stubs_failed(code));
    }
    record = caml_alloc(2, 0);
    Store_field(record, 0, Val_bool(link.up));
    Store_field(record, 1, Val_long(link.speed_mbps));
    CAMLreturn(ixy_stubs_ok(record));
}

value ixy_ocaml_device_stats(value device)
{
    ixy_stats stats = {.struct_size = sizeof(stats)};
    int32_t code = ixy_device_stats((uint64_t)Long_val(device), &stats);
    if (code < 0) {
        return ixy_stubs_failed(code);
    }
    uint64_t members[] = {stats.rx_packets, stats.rx_bytes,  stats.tx_packets, stats.tx_bytes,
                          stats.rx_missed,  stats.rx_errors, stats.rx_dropped, stats.rx_starved};
    return ixy_stubs_ok(ixy_stubs_ints(members, 8));
}

value ixy_ocaml_device_queue_stats(value device, value queue)
{
    ixy_queue_stats stats = {.struct_size = sizeof(stats)};
    int32_t code = ixy_device_queue_stats((uint64_t)Long_val(device), stubs_uint32(Long_val(queue)), &stats);
    if (code < 0) {
        return ixy_stubs_failed(code);
    }
    uint64_t members[] = {stats.rx_packets, stats.rx_bytes,   stats.tx_packets, stats.tx_bytes,
                          stats.rx_missed,  stats.rx_dropped, stats.rx_starved};
    return ixy_stubs_ok(ixy_stubs_ints(members, 7));
}

value ixy_ocaml_device_mac(value device)
{
    uint8_t mac[6];
    int32_t code = ixy_device_mac((uint64_t)Long_val(device), mac);
    return code < 0 ? ixy_stubs_failed(code)
                    : ixy_stubs_ok(caml_alloc_initialized_string(sizeof(mac), (const char *)mac));
}

value ixy_ocaml_device_mac_set(value device, value mac)
{
    uint8_t copy[6];
    if (caml_string_length(mac) != sizeof(copy)) {
        return ixy_stubs_result(1, ixy_stubs_error(IXY_E_ARGUMENT, ""));
    }
    memcpy(copy, String_val(mac), sizeof(copy));
    return ixy_stubs_unit_or_failed(ixy_device_mac_set((uint64_t)Long_val(device), copy));
}

value ixy_ocaml_device_promiscuous_set(value device, value on)
{
    return ixy_stubs_unit_or_failed(ixy_device_promiscuous_set((uint64_t)Long_val(device), (uint32_t)Bool_val(on)));
}

value ixy_ocaml_device_features(value device)
{
    return ixy_stubs_texts((uint64_t)Long_val(device), ixy_device_feature);
}
