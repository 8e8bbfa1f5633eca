/* Ownership: which handle, if any, names each buffer of a pool at this moment.
 *
 * Entry i of `owner` is the caller's handle while the caller owns buffer i, else 0. The library writes the table
 * through one mapping; bindings read it through another, read-only one. A generation is counted on each time that a
 * buffer is handed to the caller, so no earlier handle of the buffer equals the entry again.
 *
 * The table catches misuse by one thread at a time. Two threads that race with the same handle both may pass the
 * check; memory stays safe (the pool's stack is bounded), but the buffer is then in two places.
 */
#ifndef ABI_OWNERSHIP_H
#define ABI_OWNERSHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/handle.h"
#include "abi/include/ixy.h"

struct ownership {
    uint64_t *owner;
    uint32_t *generation; /* of buffer i, in the upper 28 bits, so that it wraps by itself */
    uint64_t base;        /* what all handles of this pool share */
    uint32_t index_mask;  /* owner has index_mask + 1 entries, those past the last buffer always 0 */
    uint32_t stride;
};

#define OWNERSHIP_GENERATION_STEP 16u
#define OWNERSHIP_GENERATION_SHIFT (HANDLE_GENERATION_SHIFT - 4)

/* Makes the caller the owner of the buffers whose indices stand in frames[].buf, and puts their handles there. */
static inline void ownership_hand_out(struct ownership *ownership, ixy_frame *frames, uint32_t count)
{
    uint64_t *owner = ownership->owner;
    uint32_t *generation = ownership->generation;
    const uint64_t base = ownership->base;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = (uint32_t)frames[i].buf;
        uint32_t next = generation[index] + OWNERSHIP_GENERATION_STEP;
        uint64_t handle = base | index | (uint64_t)next << OWNERSHIP_GENERATION_SHIFT;
        generation[index] = next;
        __atomic_store_n(&owner[index], handle, __ATOMIC_RELAXED);
        frames[i].buf = handle;
    }
}

/* Whether the caller owns the buffer that handle names. Any value of handle may be asked about. */
static inline bool ownership_holds(const struct ownership *ownership, uint64_t handle)
{
    uint64_t entry = __atomic_load_n(&ownership->owner[handle & ownership->index_mask], __ATOMIC_RELAXED);
    return entry == handle && handle != 0;
}

/* Whether [offset, offset + len) lies in the buffer that buf names. */
static inline bool ownership_within(const struct ownership *ownership, const ixy_frame *frame)
{
    uint32_t index = (uint32_t)frame->buf & ownership->index_mask;
    uint32_t into = frame->offset - index * ownership->stride;
    return (uint64_t)into + frame->len <= ownership->stride;
}

#endif
