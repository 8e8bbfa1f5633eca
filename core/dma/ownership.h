/* Ownership: which token, if any, names each buffer of a pool at this moment.
 *
 * A pool may keep such a table. Then the caller knows a buffer by a 64-bit token: its index in the low bits, above it
 * what all tokens of the pool share, above that a generation. Entry i of `owner` is the caller's token while the
 * caller owns buffer i, else 0. A generation is counted on each time that a buffer is handed out, so no earlier token
 * of the buffer equals the entry again, until 2^28 moves of that one buffer have gone by. (The ABI's buffer handles are
 * these tokens.)
 *
 * The packet loops of drivers hand out and take back as they go, because a second pass over the batch would cost as
 * much again as the first. A frame that comes back as it was handed out, which is the rule, is known to lie in its
 * buffer by one comparison with its record.
 *
 * The table catches misuse by one thread at a time. Two threads that race with one token may both pass the check;
 * memory stays safe (the pool's stack is bounded), but the buffer is then in two places.
 */
#ifndef CORE_DMA_OWNERSHIP_H
#define CORE_DMA_OWNERSHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/include/ixy_errors.h"
#include "core/dma/frame.h"

#define OWNERSHIP_INDEX_MASK FRAME_INDEX_MASK
#define OWNERSHIP_GENERATION_SHIFT 25
#define OWNERSHIP_GENERATION_STEP ((uint64_t)1 << OWNERSHIP_GENERATION_SHIFT)
#define OWNERSHIP_TOKEN_MASK (((uint64_t)1 << 53) - 1)

struct ownership_record {
    uint64_t next;  /* the token for the next time that the buffer is handed out */
    uint64_t place; /* a place (see frame.h) in this buffer that every device may send */
};

struct ownership {
    uint64_t *owner; /* index_mask + 1 entries, a power of two; those past the last buffer are always 0 */
    struct ownership_record *record;
    uint32_t index_mask;
    uint32_t stride; /* bytes from buffer to buffer */
};

/* Makes the caller the owner of a buffer of the pool; place must be sendable. Returns the token. */
static inline uint64_t ownership_hand_out(const struct ownership *ownership, uint32_t index, uint64_t place)
{
    struct ownership_record *record = &ownership->record[index];
    uint64_t token = record->next;
    record->next = (token + OWNERSHIP_GENERATION_STEP) & OWNERSHIP_TOKEN_MASK;
    record->place = place;
    __atomic_store_n(&ownership->owner[index], token, __ATOMIC_RELAXED);
    return token;
}

/* Whether the caller owns the buffer that token names. Any value may be asked about. */
static inline bool ownership_holds(const struct ownership *ownership, uint64_t token)
{
    uint64_t entry = __atomic_load_n(&ownership->owner[token & ownership->index_mask], __ATOMIC_RELAXED);
    return entry == token && token != 0;
}

/* Whether a frame's place lies in the buffer that its token names. */
static inline bool ownership_within(const struct ownership *ownership, const struct frame *frame)
{
    uint32_t index = (uint32_t)frame->buf & ownership->index_mask;
    uint32_t into = frame->offset - index * ownership->stride;
    return (uint64_t)into + frame->len <= ownership->stride;
}

/* Whether a frame may be sent by a device that takes lengths from shortest to longest. */
static inline bool ownership_sendable(const struct ownership *ownership, const struct frame *frame, uint32_t shortest,
                                      uint32_t longest)
{
    return ownership_within(ownership, frame) && frame->len >= shortest && frame->len <= longest && frame->flags == 0;
}

/* Ends the caller's ownership of a frame's buffer; at once, so that the same buffer later in a batch is caught.
 * Returns 0, IXY_E_HANDLE or IXY_E_FRAME; on an error nothing has changed. */
static inline int32_t ownership_take_back(const struct ownership *ownership, const struct frame *frame,
                                          uint32_t shortest, uint32_t longest)
{
    if (!ownership_holds(ownership, frame->buf))
        return IXY_E_HANDLE;
    uint32_t index = (uint32_t)frame->buf & ownership->index_mask;
    if (__builtin_expect(frame_place(frame) != ownership->record[index].place, 0) &&
        !ownership_sendable(ownership, frame, shortest, longest))
        return IXY_E_FRAME;
    __atomic_store_n(&ownership->owner[index], 0, __ATOMIC_RELAXED);
    return 0;
}

#endif
