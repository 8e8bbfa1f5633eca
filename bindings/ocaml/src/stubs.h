/* The OCaml stubs of libixy: what they share.
 *
 * Handles use 53 bits, so they travel as plain OCaml ints. Hot calls are untagged and noalloc: they neither allocate,
 * raise nor release the runtime lock, and return the ABI's int32_t as it is. Control calls build OCaml's own result,
 * Ok or Error, here: the text of ixy_last_error belongs to the thread and its last control call, so it is copied
 * before anything else can run. Those that may wait for a device release the runtime lock.
 */
#ifndef IXY_OCAML_STUBS_H
#define IXY_OCAML_STUBS_H

#define CAML_NAME_SPACE

#include <stdint.h>

#include <caml/mlvalues.h>

#include "ixy.h"

/* Values outside 32 bits become the largest, which every call refuses. */
static inline uint32_t stubs_uint32(intnat number)
{
    return number < 0 || number > (intnat)UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

/* Handle.t, the custom block that closes what was opened: ixy_stubs_opened gives it its handle, at once after the call
 * that opened. */
void ixy_stubs_opened(value block, uint64_t handle);
uint64_t ixy_stubs_handle(value block);
value ixy_ocaml_handle_close(value block);

/* Ixy.error; text is copied before it can change. */
value ixy_stubs_error(int32_t code, const char *text);

/* Ok (tag 0) or Error (tag 1). */
value ixy_stubs_result(int tag, value content);
value ixy_stubs_ok(value content);

/* Error with the text of the control call that just failed in this thread. */
value ixy_stubs_failed(int32_t code);
value ixy_stubs_unit_or_failed(int32_t code);

/* A record of ints. */
value ixy_stubs_ints(const uint64_t *members, uint32_t count);

/* Sets of bits are lists of constant constructors, which stand in the order of the bits. Making one leaves out what is
 * not among the first `count`, as a newer library may know it. */
value ixy_stubs_bits(uint32_t bits, int count);
uint32_t ixy_stubs_bits_of(value list);

/* The texts that one of the library's calls gives by their index, 64 at most, as a result; the call returns how many
 * there are. */
value ixy_stubs_texts(uint64_t device, int32_t (*call)(uint64_t, uint32_t, char *, uint32_t));

#endif
