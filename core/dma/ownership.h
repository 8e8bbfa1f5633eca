/* Ownership: which token, if any, names each buffer of a pool at this moment.
 *
 * A token is a buffer's name: its index in the low bits, above it what all tokens of the pool share, above that a
 * generation. While nobody outside uses a buffer, its next token lies wherever the buffer waits: on the pool's stack,
 * in a queue's cache, in a ring. It is handed out with the buffer, and when the buffer is taken back the generation
 * counts on. So no earlier token of a buffer equals the present one, until 2^28 moves of that one buffer have gone by.
 *
 * A pool may keep an ownership table: entry i of `owner` is the caller's token while the caller owns buffer i, else 0.
 * (The ABI's buffer handles are these tokens.) Without a table tokens are bare indices, and callers are trusted.
 *
 * The packet loops of drivers hand out and take back as they go, because a second pass over the batch would cost as
 * much again as the first.
 *
 * The table catches misuse by one thread at a time. Two threads that race with one token may both pass the check;
 * memory stays safe (the pool's stack is bounded), but the buffer is then in two places.
 */
#ifndef CORE_DMA_OWNERSHIP_H
#define CORE_DMA_OWNERSHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/include/ixy_errors.h"
#include "core/device/checks.h"
#include "core/dma/frame.h"

#define OWNERSHIP_ENTRIES (FRAME_INDEX_MASK + 1u)
#define OWNERSHIP_GENERATION_SHIFT 25
#define OWNERSHIP_TOKEN_MASK (((uint64_t)1 << 53) - 1)

struct ownership {
    uint64_t *owner; /* OWNERSHIP_ENTRIES, so that any token at all may be looked up; 0 past the last buffer */
    uint32_t stride; /* bytes from buffer to buffer */
};

static inline uint32_t ownership_index(uint64_t token)
{
    return (uint32_t)token & FRAME_INDEX_MASK;
}

/* The token of the same buffer for its next owner. */
static inline uint64_t ownership_next(uint64_t token)
{
    if (!check_is_made(CHECK_OWNER))
        return token;
    return (token + ((uint64_t)1 << OWNERSHIP_GENERATION_SHIFT)) & OWNERSHIP_TOKEN_MASK;
}

/* Makes the caller the owner of the buffer that token names. */
static inline void ownership_hand_out(const struct ownership *ownership, uint64_t token)
{
    if (check_is_made(CHECK_HAND_OUT))
        __atomic_store_n(&ownership->owner[ownership_index(token)], token, __ATOMIC_RELAXED);
}

/* Has the cache fetch the table's entry of a buffer that will soon be handed out: the table of many buffers lies in the
 * second level, where each store would wait for it. */
static inline void ownership_expect(const struct ownership *ownership, uint64_t token)
{
    if (check_is_made(CHECK_HAND_OUT))
        __builtin_prefetch(&ownership->owner[ownership_index(token)], 1);
}

/* Whether the caller owns the buffer that token names. Any value may be asked about. */
static inline bool ownership_holds(const struct ownership *ownership, uint64_t token)
{
    if (!check_is_made(CHECK_OWNER))
        return true;
    uint64_t entry = __atomic_load_n(&ownership->owner[ownership_index(token)], __ATOMIC_RELAXED);
    return entry == token && token != 0;
}

/* Whether a place lies in the buffer that token names. */
static inline bool ownership_within(const struct ownership *ownership, uint64_t token, uint64_t place)
{
    if (!check_is_made(CHECK_PLACE))
        return true;
    uint32_t into = (uint32_t)place - ownership_index(token) * ownership->stride;
    return into + (place >> 32) <= ownership->stride;
}

/* Whether a device can send a frame of that length. With flags the upper half of place is over 16 bits, longer than any
 * frame. */
static inline bool ownership_can_be_sent(uint64_t place, uint32_t shortest, uint32_t longest)
{
    return !check_is_made(CHECK_PLACE) || (place >> 32 >= shortest && place >> 32 <= longest);
}

/* Ends the caller's ownership of a frame's buffer; at once, so that the same buffer later in a batch is caught. The
 * device sends lengths from shortest to longest. Returns 0, IXY_E_HANDLE or IXY_E_FRAME; on an error nothing has
 * changed. */
static inline int32_t ownership_take_back(const struct ownership *ownership, uint64_t token, uint64_t place,
                                          uint32_t shortest, uint32_t longest)
{
    if (!ownership_holds(ownership, token))
        return IXY_E_HANDLE;
    if (!ownership_within(ownership, token, place) || !ownership_can_be_sent(place, shortest, longest))
        return IXY_E_FRAME;
    if (check_is_made(CHECK_OWNER))
        __atomic_store_n(&ownership->owner[ownership_index(token)], 0, __ATOMIC_RELAXED);
    return 0;
}

/* What frames have to keep to. */
struct ownership_limits {
    uint32_t before;   /* bytes before the frame that must lie in its buffer, too */
    uint32_t shortest; /* lengths */
    uint32_t longest;
};

/* Ends the caller's ownership of frames in their order, up to the first that may not be sent: why is then in *code.
 * Returns how many. copy: receives the frames as they were checked, as the caller's array is read once; next: the
 * tokens of their buffers' next owner; both for count frames at most. */
uint32_t ownership_take_back_batch(const struct ownership *ownership, const struct frame *frames, uint32_t count,
                                   struct ownership_limits limits, struct frame *copy, uint64_t *next, int32_t *code);

#endif
