/* Handles: what the ABI's opaque 64-bit values are made of.
 *
 *   bit 52        25 24 23        18 17           0
 *       generation   1   pool          buffer index     a buffer
 *       generation   0   kind          slot             a pool, device or view
 *
 * 53 bits, so a handle is exact in a double and fits OCaml's int; never 0, because a buffer has bit 24 set and kinds
 * begin at 1. The generation makes a handle of yesterday differ from today's for the same buffer or slot; it repeats
 * after 2^28 moves of that one buffer.
 *
 * Buffer handles are the tokens of core/dma/ownership.h. Slots are static: looking one up with any value whatever is
 * safe.
 */
#ifndef ABI_HANDLE_H
#define ABI_HANDLE_H

#include <stdint.h>

#include "core/dma/ownership.h"

#define HANDLE_KIND_SHIFT 18
#define HANDLE_KIND_MASK 0x3Fu
#define HANDLE_BUFFER ((uint64_t)1 << 24)
#define HANDLE_GENERATION_MASK 0xFFFFFFFu

enum handle_kind { HANDLE_POOL = 1, HANDLE_DEVICE = 2, HANDLE_VIEW = 3 };

static inline uint64_t handle_make(enum handle_kind kind, uint32_t slot, uint32_t generation)
{
    return (uint64_t)(generation & HANDLE_GENERATION_MASK) << OWNERSHIP_GENERATION_SHIFT |
           (uint64_t)kind << HANDLE_KIND_SHIFT | slot;
}

static inline uint32_t handle_slot(uint64_t handle)
{
    return (uint32_t)handle & FRAME_INDEX_MASK;
}

#endif
