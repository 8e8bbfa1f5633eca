/* The OCaml stubs of libixy.
 *
 * Handles use 53 bits, so they travel as plain OCaml ints. Hot calls are untagged and noalloc: they neither allocate,
 * raise nor release the runtime lock, and return the ABI's int32_t as it is. Control calls build OCaml's own result,
 * Ok or Error, here: the text of ixy_last_error belongs to the thread and its last control call, so it is copied
 * before anything else can run. Those that may wait for a device release the runtime lock.
 */
#define CAML_NAME_SPACE

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <caml/alloc.h>
#include <caml/bigarray.h>
#include <caml/custom.h>
#include <caml/memory.h>
#include <caml/mlvalues.h>
#include <caml/signals.h>
#include <caml/version.h>

#include "ixy.h"

/* ---- results ---- */

/* Values outside 32 bits become the largest, which every call refuses. */
static uint32_t stubs_uint32(intnat number)
{
    return number < 0 || number > (intnat)UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

/* Ixy.code: the constant constructors stand in the order of the codes -1, -2, ...; others are Unknown of int. */
static value stubs_code(int32_t code)
{
    if (code < 0 && code >= IXY_E_LIMIT) {
        return Val_int(-code - 1);
    }
    value unknown = caml_alloc(1, 0);
    Store_field(unknown, 0, Val_int(code));
    return unknown;
}

/* Ixy.error; text is copied before it can change. */
static value stubs_error(int32_t code, const char *text)
{
    CAMLparam0();
    CAMLlocal4(error, kind, name, copy);
    char kept[IXY_TEXT_MAX] = "";
    if (text[0] == '\0') {
        text = ixy_strerror(code);
    }
    strncpy(kept, text, sizeof(kept) - 1);
    copy = caml_copy_string(kept);
    name = caml_copy_string(ixy_error_name(code));
    kind = stubs_code(code);
    error = caml_alloc(3, 0);
    Store_field(error, 0, kind);
    Store_field(error, 1, name);
    Store_field(error, 2, copy);
    CAMLreturn(error);
}

static value stubs_result(int tag, value content)
{
    CAMLparam1(content);
    value result = caml_alloc(1, tag);
    Store_field(result, 0, content);
    CAMLreturn(result);
}

static value stubs_ok(value content)
{
    return stubs_result(0, content);
}

/* Error with the text of the control call that just failed in this thread. */
static value stubs_failed(int32_t code)
{
    return stubs_result(1, stubs_error(code, ixy_last_error()));
}

static value stubs_unit_or_failed(int32_t code)
{
    return code < 0 ? stubs_failed(code) : stubs_ok(Val_unit);
}

value ixy_ocaml_error(value code)
{
    return stubs_error(Int_val(code), "");
}

value ixy_ocaml_abi_version(value unit)
{
    return Val_long(ixy_abi_version());
}

value ixy_ocaml_version(value unit)
{
    return caml_copy_string(ixy_version());
}

/* ---- views ----
 *
 * A pool's memory and its ownership table are two Bigarrays over one ixy_view. The view is released when the last
 * Bigarray on either, part arrays included, is collected: only then are the addresses unmapped. OCaml counts the
 * arrays that share one address range in a proxy for every Bigarray that is not EXTERNAL, and a part array inherits
 * the custom operations, so a MAPPED_FILE array with a finaliser of our own does it (as the runtime's own map_file).
 */

struct stubs_view {
    struct stubs_view *next;
    ixy_view view;
    int references; /* Bigarrays (or families of them) left: 2, 1 */
};

static struct stubs_view *stubs_views;
static atomic_flag stubs_views_busy = ATOMIC_FLAG_INIT;

/* Held for a few instructions; finalisers of several domains may meet here. */
static void stubs_views_lock(void)
{
    while (atomic_flag_test_and_set_explicit(&stubs_views_busy, memory_order_acquire)) {
    }
}

static void stubs_views_unlock(void)
{
    atomic_flag_clear_explicit(&stubs_views_busy, memory_order_release);
}

static void stubs_view_unreference(const void *data)
{
    struct stubs_view *found = NULL;
    stubs_views_lock();
    for (struct stubs_view **link = &stubs_views; *link != NULL; link = &(*link)->next) {
        struct stubs_view *node = *link;
        if ((const void *)node->view.base == data || (const void *)node->view.owner == data) {
            if (--node->references == 0) {
                *link = node->next;
                found = node;
            }
            break;
        }
    }
    stubs_views_unlock();
    if (found != NULL) {
        ixy_pool_view_release(found->view.view);
        free(found);
    }
}

static void stubs_bigarray_finalize(value array)
{
    struct caml_ba_array *b = Caml_ba_array_val(array);
    if (b->proxy == NULL) {
        stubs_view_unreference(b->data);
        return;
    }
#if OCAML_VERSION_MAJOR >= 5
    bool last = atomic_fetch_sub(&b->proxy->refcount, 1) == 1;
#else
    bool last = --b->proxy->refcount == 0;
#endif
    if (last) {
        stubs_view_unreference(b->proxy->data);
        free(b->proxy);
    }
}

static struct custom_operations stubs_bigarray_operations;

static value stubs_bigarray(int kind, void *data, uint64_t size)
{
    intnat dimensions[1] = {(intnat)size};
    value array = caml_ba_alloc(kind | CAML_BA_C_LAYOUT | CAML_BA_MAPPED_FILE, 1, data, dimensions);
    Custom_ops_val(array) = &stubs_bigarray_operations;
    return array;
}

/* Called once, when the module is initialised. */
value ixy_ocaml_initialize(value unit)
{
    intnat dimensions[1] = {1};
    value array = caml_ba_alloc(CAML_BA_CHAR | CAML_BA_C_LAYOUT, 1, NULL, dimensions);
    stubs_bigarray_operations = *Custom_ops_val(array);
    stubs_bigarray_operations.finalize = stubs_bigarray_finalize;
    return Val_unit;
}

/* ---- pools ---- */

/* Opens a pool and a view of it. Ixy.opened: handle, memory, owner, index_mask, buffer_count, buffer_size, stride,
 * headroom. */
value ixy_ocaml_pool_open(value buffer_count, value buffer_size)
{
    CAMLparam0();
    CAMLlocal3(opened, memory, owner);
    ixy_pool_config config = {.struct_size = sizeof(config),
                              .buffer_count = stubs_uint32(Long_val(buffer_count)),
                              .buffer_size = stubs_uint32(Long_val(buffer_size))};
    uint64_t pool = 0;
    int32_t code;
    struct stubs_view *node = calloc(1, sizeof(*node));
    if (node == NULL) {
        CAMLreturn(stubs_result(1, stubs_error(IXY_E_NO_MEMORY, "")));
    }
    node->view.struct_size = sizeof(node->view);

    caml_enter_blocking_section();
    code = ixy_pool_open(&config, &pool);
    caml_leave_blocking_section();
    if (code < 0) {
        free(node);
        CAMLreturn(stubs_failed(code));
    }
    code = ixy_pool_view(pool, &node->view);
    if (code < 0) {
        opened = stubs_failed(code);
        ixy_pool_close(pool);
        free(node);
        CAMLreturn(opened);
    }
    node->references = 2;
    stubs_views_lock();
    node->next = stubs_views;
    stubs_views = node;
    stubs_views_unlock();

    /* From here on the arrays own the node. caml_ba_alloc may raise Out_of_memory and leak it: nothing better is left
     * to do then. */
    ixy_view view = node->view;
    memory = stubs_bigarray(CAML_BA_CHAR, view.base, view.size);
    owner = stubs_bigarray(CAML_BA_CAML_INT, (void *)(uintptr_t)view.owner, (uint64_t)view.index_mask + 1);
    opened = caml_alloc(8, 0);
    Store_field(opened, 0, Val_long(pool));
    Store_field(opened, 1, memory);
    Store_field(opened, 2, owner);
    Store_field(opened, 3, Val_long(view.index_mask));
    Store_field(opened, 4, Val_long(view.buffer_count));
    Store_field(opened, 5, Val_long(view.buffer_size));
    Store_field(opened, 6, Val_long(view.buffer_stride));
    Store_field(opened, 7, Val_long(view.headroom));
    CAMLreturn(stubs_ok(opened));
}

value ixy_ocaml_pool_close(value pool)
{
    int32_t code;
    caml_enter_blocking_section();
    code = ixy_pool_close((uint64_t)Long_val(pool));
    caml_leave_blocking_section();
    return stubs_unit_or_failed(code);
}

value ixy_ocaml_pool_free_count(value pool)
{
    int32_t count = ixy_pool_free_count((uint64_t)Long_val(pool));
    return count < 0 ? stubs_failed(count) : stubs_ok(Val_int(count));
}

/* ---- frames: the hot calls ----
 *
 * A frame array is a Bigarray of OCaml ints, two a frame: the handle, and offset | len << 32 | flags << 48. The callers
 * in ixy.ml have checked that it holds position + count frames.
 */

static ixy_frame *stubs_frames(value frames, intnat position)
{
    return (ixy_frame *)Caml_ba_data_val(frames) + position;
}

intnat ixy_ocaml_buf_alloc(intnat pool, value frames, intnat position, intnat count)
{
    return ixy_buf_alloc((uint64_t)pool, stubs_frames(frames, position), stubs_uint32(count));
}

value ixy_ocaml_buf_alloc_byte(value pool, value frames, value position, value count)
{
    return Val_long(ixy_ocaml_buf_alloc(Long_val(pool), frames, Long_val(position), Long_val(count)));
}

intnat ixy_ocaml_buf_free(intnat pool, value frames, intnat position, intnat count)
{
    return ixy_buf_free((uint64_t)pool, stubs_frames(frames, position), stubs_uint32(count));
}

value ixy_ocaml_buf_free_byte(value pool, value frames, value position, value count)
{
    return Val_long(ixy_ocaml_buf_free(Long_val(pool), frames, Long_val(position), Long_val(count)));
}

intnat ixy_ocaml_rx_batch(intnat device, intnat queue, value frames, intnat position, intnat count)
{
    return ixy_rx_batch((uint64_t)device, stubs_uint32(queue), stubs_frames(frames, position), stubs_uint32(count));
}

value ixy_ocaml_rx_batch_byte(value device, value queue, value frames, value position, value count)
{
    return Val_long(ixy_ocaml_rx_batch(Long_val(device), Long_val(queue), frames, Long_val(position), Long_val(count)));
}

intnat ixy_ocaml_tx_batch(intnat device, intnat queue, value frames, intnat position, intnat count)
{
    return ixy_tx_batch((uint64_t)device, stubs_uint32(queue), stubs_frames(frames, position), stubs_uint32(count));
}

value ixy_ocaml_tx_batch_byte(value device, value queue, value frames, value position, value count)
{
    return Val_long(ixy_ocaml_tx_batch(Long_val(device), Long_val(queue), frames, Long_val(position), Long_val(count)));
}

/* Copies between packet memory and OCaml bytes; the caller has checked both ranges. */
value ixy_ocaml_copy_to_bytes(value memory, value from, value bytes, value to, value size)
{
    memcpy(Bytes_val(bytes) + Long_val(to), (uint8_t *)Caml_ba_data_val(memory) + Long_val(from),
           (size_t)Long_val(size));
    return Val_unit;
}

value ixy_ocaml_copy_of_bytes(value bytes, value from, value memory, value to, value size)
{
    memcpy((uint8_t *)Caml_ba_data_val(memory) + Long_val(to), Bytes_val(bytes) + Long_val(from),
           (size_t)Long_val(size));
    return Val_unit;
}

/* ixy_buf_read and ixy_buf_write of a frame that need not be a right one; bytes holds what is copied. */
value ixy_ocaml_buf_read(value pool, value frames, value position, value from, value bytes)
{
    return Val_int(ixy_buf_read((uint64_t)Long_val(pool), stubs_frames(frames, Long_val(position)),
                                stubs_uint32(Long_val(from)), Bytes_val(bytes),
                                stubs_uint32((intnat)caml_string_length(bytes))));
}

value ixy_ocaml_buf_write(value pool, value frames, value position, value to, value bytes)
{
    return Val_int(ixy_buf_write((uint64_t)Long_val(pool), stubs_frames(frames, Long_val(position)),
                                 stubs_uint32(Long_val(to)), Bytes_val(bytes),
                                 stubs_uint32((intnat)caml_string_length(bytes))));
}

/* ---- devices ---- */

value ixy_ocaml_device_open(value address, value rx_queues, value tx_queues, value rx_ring_size, value tx_ring_size,
                            value pool)
{
    ixy_device_config config = {.struct_size = sizeof(config),
                                .rx_queues = stubs_uint32(Long_val(rx_queues)),
                                .tx_queues = stubs_uint32(Long_val(tx_queues)),
                                .rx_ring_size = stubs_uint32(Long_val(rx_ring_size)),
                                .tx_ring_size = stubs_uint32(Long_val(tx_ring_size)),
                                .pool = (uint64_t)Long_val(pool)};
    uint64_t device = 0;
    int32_t code;
    char *copy = caml_stat_strdup(String_val(address));
    caml_enter_blocking_section();
    code = ixy_device_open(copy, &config, &device);
    caml_leave_blocking_section();
    caml_stat_free(copy);
    return code < 0 ? stubs_failed(code) : stubs_ok(Val_long(device));
}

value ixy_ocaml_device_open_byte(value *arguments, int count)
{
    return ixy_ocaml_device_open(arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

static value stubs_device_control(int32_t (*control)(uint64_t device), value device)
{
    uint64_t handle = (uint64_t)Long_val(device);
    int32_t code;
    caml_enter_blocking_section();
    code = control(handle);
    caml_leave_blocking_section();
    return stubs_unit_or_failed(code);
}

value ixy_ocaml_device_start(value device)
{
    return stubs_device_control(ixy_device_start, device);
}

value ixy_ocaml_device_reset(value device)
{
    return stubs_device_control(ixy_device_reset, device);
}

value ixy_ocaml_device_close(value device)
{
    return stubs_device_control(ixy_device_close, device);
}

/* A record of ints. */
static value stubs_ints(const uint64_t *members, uint32_t count)
{
    value record = caml_alloc(count, 0);
    for (uint32_t i = 0; i < count; i++) {
        Store_field(record, i, Val_long(members[i]));
    }
    return record;
}

value ixy_ocaml_device_info(value device)
{
    CAMLparam0();
    CAMLlocal2(record, text);
    ixy_info info = {.struct_size = sizeof(info)};
    int32_t code = ixy_device_info((uint64_t)Long_val(device), &info);
    if (code < 0) {
        CAMLreturn(stubs_failed(code));
    }
    const char *texts[] = {info.driver, info.name, info.address};
    uint32_t numbers[] = {info.vendor,       info.device_id,    info.rx_queues,  info.tx_queues,
                          info.rx_ring_size, info.tx_ring_size, info.tx_len_min, info.tx_len_max};
    record = caml_alloc(12, 0);
    for (uint32_t i = 0; i < 3; i++) {
        text = caml_copy_string(texts[i]);
        Store_field(record, i, text);
    }
    for (uint32_t i = 0; i < 8; i++) {
        Store_field(record, 3 + i, Val_long(numbers[i]));
    }
    Store_field(record, 11, Val_bool(info.emulated));
    CAMLreturn(stubs_ok(record));
}

value ixy_ocaml_device_link(value device)
{
    CAMLparam0();
    CAMLlocal1(record);
    ixy_link link = {.struct_size = sizeof(link)};
    int32_t code = ixy_device_link((uint64_t)Long_val(device), &link);
    if (code < 0) {
        CAMLreturn(stubs_failed(code));
    }
    record = caml_alloc(2, 0);
    Store_field(record, 0, Val_bool(link.up));
    Store_field(record, 1, Val_long(link.speed_mbps));
    CAMLreturn(stubs_ok(record));
}

value ixy_ocaml_device_stats(value device)
{
    ixy_stats stats = {.struct_size = sizeof(stats)};
    int32_t code = ixy_device_stats((uint64_t)Long_val(device), &stats);
    if (code < 0) {
        return stubs_failed(code);
    }
    uint64_t members[] = {stats.rx_packets, stats.rx_bytes,  stats.tx_packets, stats.tx_bytes,
                          stats.rx_missed,  stats.rx_errors, stats.rx_dropped, stats.rx_starved};
    return stubs_ok(stubs_ints(members, 8));
}

value ixy_ocaml_device_mac(value device)
{
    uint8_t mac[6];
    int32_t code = ixy_device_mac((uint64_t)Long_val(device), mac);
    return code < 0 ? stubs_failed(code) : stubs_ok(caml_alloc_initialized_string(sizeof(mac), (const char *)mac));
}

/* mac: a string of 6 bytes, checked by the caller. */
value ixy_ocaml_device_mac_set(value device, value mac)
{
    uint8_t copy[6];
    memcpy(copy, String_val(mac), sizeof(copy));
    return stubs_unit_or_failed(ixy_device_mac_set((uint64_t)Long_val(device), copy));
}

value ixy_ocaml_device_promiscuous_set(value device, value on)
{
    return stubs_unit_or_failed(ixy_device_promiscuous_set((uint64_t)Long_val(device), (uint32_t)Bool_val(on)));
}

/* ---- emulated devices ---- */

value ixy_ocaml_emu_counters(value device)
{
    ixy_emu_counters counters = {.struct_size = sizeof(counters)};
    int32_t code = ixy_emu_counters_get((uint64_t)Long_val(device), &counters);
    if (code < 0) {
        return stubs_failed(code);
    }
    uint64_t members[] = {counters.violations, counters.generated, counters.verified, counters.damaged,
                          counters.repeated,   counters.reordered, counters.foreign,  counters.wire_dropped};
    return stubs_ok(stubs_ints(members, 8));
}

value ixy_ocaml_emu_meter(value device)
{
    ixy_emu_meter meter = {.struct_size = sizeof(meter)};
    int32_t code = ixy_emu_meter_get((uint64_t)Long_val(device), &meter);
    if (code < 0) {
        return stubs_failed(code);
    }
    uint64_t members[] = {meter.bracket_cycles, meter.cycles, meter.nanoseconds,
                          meter.model_cycles,   meter.steps,  meter.idle_steps};
    return stubs_ok(stubs_ints(members, 6));
}

/* The texts that one of the library's calls gives by their index, 64 at most; it returns how many there are. */
static value stubs_texts(uint64_t device, int32_t (*call)(uint64_t, uint32_t, char *, uint32_t))
{
    CAMLparam0();
    CAMLlocal3(list, cell, text);
    char texts[64][IXY_TEXT_MAX];
    int32_t kept = 0;
    for (int32_t i = 0; i < 64; i++) {
        int32_t count = call(device, (uint32_t)i, texts[i], IXY_TEXT_MAX);
        if (count < 0) {
            CAMLreturn(stubs_failed(count));
        }
        if (count <= i) {
            break;
        }
        kept = i + 1;
    }
    list = Val_emptylist;
    for (int32_t i = kept - 1; i >= 0; i--) {
        text = caml_copy_string(texts[i]);
        cell = caml_alloc(2, 0);
        Store_field(cell, 0, text);
        Store_field(cell, 1, list);
        list = cell;
    }
    CAMLreturn(stubs_ok(list));
}

value ixy_ocaml_device_features(value device)
{
    return stubs_texts((uint64_t)Long_val(device), ixy_device_feature);
}

/* The texts of the violations that the library kept, in their order. */
value ixy_ocaml_emu_violations(value device)
{
    return stubs_texts((uint64_t)Long_val(device), ixy_emu_violation);
}
