/* Frames: the hot calls.
 *
 * A frame array is a Bigarray of OCaml ints, two a frame: the handle, and offset | len << 32 | flags << 48. The callers
 * in ixy.ml have checked that it holds position + count frames.
 */
#include "stubs.h"

#include <string.h>

#include <caml/alloc.h>
#include <caml/bigarray.h>
#include <caml/memory.h>

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

/* ---- metadata: plain calls, as they make or read a list ---- */

/* Ixy.Metadata.t, or Error. */
value ixy_ocaml_buf_metadata(value pool, value frames, value position)
{
    CAMLparam0();
    CAMLlocal2(record, flags);
    ixy_metadata metadata;
    int32_t code = ixy_buf_metadata((uint64_t)Long_val(pool), stubs_frames(frames, Long_val(position)), &metadata);
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

/* metadata: an Ixy.Metadata.t, whose numbers the caller has checked. */
value ixy_ocaml_buf_metadata_set(value pool, value frames, value position, value metadata)
{
    ixy_metadata record = {.flags = ixy_stubs_bits_of(Field(metadata, 0)),
                           .timestamp = (uint64_t)Long_val(Field(metadata, 1)),
                           .vlan_tci = (uint16_t)Long_val(Field(metadata, 2)),
                           .l2_len = (uint8_t)Long_val(Field(metadata, 3)),
                           .l3_len = (uint8_t)Long_val(Field(metadata, 4))};
    return Val_int(ixy_buf_metadata_set((uint64_t)Long_val(pool), stubs_frames(frames, Long_val(position)), &record));
}
