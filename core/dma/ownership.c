#include "core/dma/ownership_four.h"

#if defined(__x86_64__)
__attribute__((target("avx2"))) static uint32_t
ownership_take_back_fours(const struct ownership *table, const struct frame *frames, uint32_t count,
                          struct ownership_limits limits, struct frame *copy, uint64_t *next, int32_t *code)
{
    const struct ownership ownership = *table;
    const struct ownership_four_limits four = ownership_four_limits(ownership.stride, limits);
    uint32_t done = 0;
    while (done + 4 <= count) {
        struct ownership_four frame = ownership_four_load(frames + done, copy + done);
        if (!ownership_four_fit(frame, &four))
            break;
        ownership_four_next(frame, next + done);
        uint32_t taken = ownership_four_take_back(&ownership, copy + done);
        done += taken;
        if (taken < 4) {
            *code = IXY_E_HANDLE;
            break;
        }
    }
    return done;
}
#endif

uint32_t ownership_take_back_batch(const struct ownership *ownership, const struct frame *frames, uint32_t count,
                                   struct ownership_limits limits, bool avx2, struct frame *copy, uint64_t *next,
                                   int32_t *code)
{
    uint32_t done = 0;
    *code = 0;
#if defined(__x86_64__)
    if (avx2)
        done = ownership_take_back_fours(ownership, frames, count, limits, copy, next, code);
#else
    (void)avx2;
#endif
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
