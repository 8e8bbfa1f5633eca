/* Frames: the hot calls, and copies.
 *
 * A frame array is a Bigarray of OCaml ints, two a frame: the handle, and offset | len << 32 | flags << 48. Here is where
 * it is checked that the array holds position + count frames: against the array that C gets.
 */
#include "stubs.h"

#include <stdbool.h>
#include <string.h>

#include <caml/alloc.h>
#include <caml/bigarray.h>
#include <caml/memory.h>

/* Whether [from, from + size) is in an array of `length`. */
static bool stubs_within(uintnat length, intnat from, intnat size)
{
    return from >= 0 && size >= 0 && (uintnat)from <= length && (uintnat)size <= length - (uintnat)from;
}

/* The frames from position on, NULL if the array has not `count` there. */
static ixy_frame *stubs_frames(value frames, intnat position, intnat count)
{
    uintnat length = (uintnat)Caml_ba_array_val(frames)->dim[0] / 2;
    return stubs_within(length, position, count) ? (ixy_frame *)Caml_ba_data_val(frames) + position : NULL;
}

intnat ixy_ocaml_buf_alloc(intnat pool, value frames, intnat position, intnat count)
{
    ixy_frame *first = stubs_frames(frames, position, count);
    return first == NULL ? IXY_E_RANGE : ixy_buf_alloc((uint64_t)pool, first, stubs_uint32(count));
}

value ixy_ocaml_buf_alloc_byte(value pool, value frames, value position, value count)
{
    return Val_long(ixy_ocaml_buf_alloc(Long_val(pool), frames, Long_val(position), Long_val(count)));
}

intnat ixy_ocaml_buf_free(intnat pool, value frames, intnat position, intnat count)
{
    ixy_frame *first = stubs_frames(frames, position, count);
    return first == NULL ? IXY_E_RANGE : ixy_buf_free((uint64_t)pool, first, stubs_uint32(count));
}

value ixy_ocaml_buf_free_byte(value pool, value frames, value position, value count)
{
    return Val_long(ixy_ocaml_buf_free(Long_val(pool), frames, Long_val(position), Long_val(count)));
}

intnat ixy_ocaml_rx_batch(intnat device, intnat queue, value frames, intnat position, intnat count)
{
    ixy_frame *first = stubs_frames(frames, position, count);
    return first == NULL ? IXY_E_RANGE
                         : ixy_rx_batch((uint64_t)device, stubs_uint32(queue), first, stubs_uint32(count));
}

value ixy_ocaml_rx_batch_byte(value device, value queue, value frames, value position, value count)
{
    return Val_long(ixy_ocaml_rx_batch(Long_val(device), Long_val(queue), frames, Long_val(position), Long_val(count)));
}

intnat ixy_ocaml_tx_batch(intnat device, intnat queue, value frames, intnat position, intnat count)
{
    ixy_frame *first = stubs_frames(frames, position, count);
    return first == NULL ? IXY_E_RANGE
                         : ixy_tx_batch((uint64_t)device, stubs_uint32(queue), first, stubs_uint32(count));
}

value ixy_ocaml_tx_batch_byte(value device, value queue, value frames, value position, value count)
{
    return Val_long(ixy_ocaml_tx_batch(Long_val(device), Long_val(queue), frames, Long_val(position), Long_val(count)));
}

/* Moves the frames from `count` to `length` to the front, over the first `count`. What they leave is -1, which is no
 * handle. */
value ixy_ocaml_frames_drop(value frames, intnat length, intnat count)
{
    ixy_frame *first = stubs_frames(frames, 0, length);
    if (first != NULL && stubs_within((uintnat)length, 0, count)) {
        intnat left = length - count;
        memmove(first, first + count, (size_t)left * sizeof(*first));
        for (intnat i = left; i < length; i++) {
            first[i].buf = UINT64_MAX;
        }
    }
    return Val_unit;
}

value ixy_ocaml_frames_drop_byte(value frames, value length, value count)
{
    return ixy_ocaml_frames_drop(frames, Long_val(length), Long_val(count));
}

/* Copies between packet memory and OCaml bytes; false where either does not hold so many. */
static bool stubs_copy(value memory, value at, value bytes, value off, value size, bool to_bytes)
{
    if (!stubs_within((uintnat)Caml_ba_array_val(memory)->dim[0], Long_val(at), Long_val(size)) ||
        !stubs_within(caml_string_length(bytes), Long_val(off), Long_val(size))) {
        return false;
    }
    uint8_t *packet = (uint8_t *)Caml_ba_data_val(memory) + Long_val(at);
    uint8_t *copy = Bytes_val(bytes) + Long_val(off);
    memcpy(to_bytes ? copy : packet, to_bytes ? packet : copy, (size_t)Long_val(size));
    return true;
}

value ixy_ocaml_copy_to_bytes(value memory, value from, value bytes, value to, value size)
{
    return Val_bool(stubs_copy(memory, from, bytes, to, size, true));
}

value ixy_ocaml_copy_of_bytes(value bytes, value from, value memory, value to, value size)
{
    return Val_bool(stubs_copy(memory, to, bytes, from, size, false));
}

/* ixy_buf_read and ixy_buf_write of a frame that need not be a right one; bytes holds what is copied. */
value ixy_ocaml_buf_read(value pool, value frames, value position, value from, value bytes)
{
    const ixy_frame *frame = stubs_frames(frames, Long_val(position), 1);
    return Val_int(frame == NULL ? IXY_E_RANGE
                                 : ixy_buf_read((uint64_t)Long_val(pool), frame, stubs_uint32(Long_val(from)),
                                                Bytes_val(bytes), stubs_uint32((intnat)caml_string_length(bytes))));
}

value ixy_ocaml_buf_write(value pool, value frames, value position, value to, value bytes)
{
    const ixy_frame *frame = stubs_frames(frames, Long_val(position), 1);
    return Val_int(frame == NULL ? IXY_E_RANGE
                                 : ixy_buf_write((uint64_t)Long_val(pool), frame, stubs_uint32(Long_val(to)),
                                                 Bytes_val(bytes), stubs_uint32((intnat)caml_string_length(bytes))));
}

/* ---- metadata: plain calls, as they make or read a list ---- */

/* Ixy.Metadata.t, or Error. */
value ixy_ocaml_buf_metadata(value pool, value frames, value position)
{
    CAMLparam0();
    CAMLlocal2(record, flags);
    ixy_metadata metadata;
    const ixy_frame *frame = stubs_frames(frames, Long_val(position), 1);
    int32_t code = frame == NULL ? IXY_E_RANGE : ixy_buf_metadata((uint64_t)Long_val(pool), frame, &metadata);
    if (code < 0) {
        CAMLreturn(ixy_stubs_result(1, ixy_stubs_error(code, "")));
    }
    flags = ixy_stubs_bits(metadata.flags, 9);
    record = caml_alloc(5, 0);
    Store_field(record, 0, flags);
    Store_field(record, 1, Val_long(metadata.timestamp));
    Store_field(record, 2, Val_int(metadata.vlan_tci));
    Store_field(record, 3, Val_int(metadata.l2_len));
    Store_field(record, 4, Val_int(metadata.l3_len));
    CAMLreturn(ixy_stubs_ok(record));
}

/* metadata: an Ixy.Metadata.t, which does not change; the caller has checked its numbers. */
value ixy_ocaml_buf_metadata_set(value pool, value frames, value position, value metadata)
{
    ixy_frame *frame = stubs_frames(frames, Long_val(position), 1);
    if (frame == NULL) {
        return Val_int(IXY_E_RANGE);
    }
    ixy_metadata record = {.flags = ixy_stubs_bits_of(Field(metadata, 0)),
                           .timestamp = (uint64_t)Long_val(Field(metadata, 1)),
                           .vlan_tci = (uint16_t)Long_val(Field(metadata, 2)),
                           .l2_len = (uint8_t)Long_val(Field(metadata, 3)),
                           .l3_len = (uint8_t)Long_val(Field(metadata, 4))};
    return Val_int(ixy_buf_metadata_set((uint64_t)Long_val(pool), frame, &record));
}
