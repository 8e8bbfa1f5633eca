#include "core/dma/ownership.h"

uint32_t ownership_take_back_batch(const struct ownership *ownership, const struct frame *frames, uint32_t count,
                                   struct ownership_limits limits, struct frame *copy, uint64_t *next, int32_t *code)
{
    uint32_t done = 0;
    *code = 0;
    for (; done < count && *code == 0; done++) {
        copy[done] = frame_copy(&frames[done]);
        uint64_t place = frame_place(&copy[done]);
        /* What must lie before the frame counts as part of it. If it begins before its buffer, the subtraction leads
         * out of the buffer or wraps past every one. */
        uint64_t whole = ((place >> 32) + limits.before) << 32 | (uint32_t)((uint32_t)place - limits.before);
        *code = ownership_take_back(ownership, copy[done].buf, whole, limits.shortest + limits.before,
                                    limits.longest + limits.before);
        if (*code < 0)
            break;
        next[done] = ownership_next(copy[done].buf);
    }
    return done;
}
