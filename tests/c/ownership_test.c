/* The two ways of checking a batch that is to be sent, frame by frame and four at a time, say the same of any frames.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/dma/ownership_four.h"

#define BUFFERS 64u
#define STRIDE 2240u
#define BATCH 12u
#define BASE ((uint64_t)5 << OWNERSHIP_GENERATION_SHIFT | (uint64_t)1 << 24)

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % bound;
}

/* A frame that may be sent, or, one in eight, is wrong in one way, by as little as can be or by much. */
static struct frame make_frame(struct ownership_limits limits, uint32_t index)
{
    uint32_t len = limits.shortest + random_below(limits.longest - limits.shortest + 1);
    uint32_t room = STRIDE - limits.before - len;
    uint32_t into = limits.before + (random_below(2) != 0 ? random_below(room + 1) : random_below(2) * room);
    struct frame frame = {.buf = BASE | index, .offset = index * STRIDE + into, .len = (uint16_t)len};
    switch (random_below(64)) {
    case 0:
        frame.buf ^= (uint64_t)1 << random_below(64);
        break;
    case 1:
        frame.buf = 0;
        break;
    case 2:
        frame.offset = index * STRIDE + STRIDE - len + 1;
        break;
    case 3:
        frame.offset = index * STRIDE + limits.before - 1;
        break;
    case 4:
        frame.len = (uint16_t)(limits.shortest - 1);
        break;
    case 5:
        frame.len = (uint16_t)(limits.longest + 1);
        break;
    case 6:
        frame.flags = (uint16_t)(1u << random_below(16));
        break;
    case 7:
        frame.offset = random_below(UINT32_MAX);
        break;
    default:
        break;
    }
    return frame;
}

/* As drivers have it: four at a time while four may be sent, the rest one by one. */
#if defined(__x86_64__)
__attribute__((target("avx2"))) static uint32_t take_back_fours(const struct ownership *ownership,
                                                                const struct frame *frames,
                                                                struct ownership_limits limits, struct frame *copy,
                                                                uint64_t *next, int32_t *code)
{
    const struct ownership_four_limits four = ownership_four_limits(ownership->stride, limits);
    uint32_t done = 0;
    for (; done + 4 <= BATCH; done += 4) {
        struct ownership_four frame = ownership_four_load(frames + done, copy + done);
        if (!ownership_four_fit(frame, &four))
            break;
        ownership_four_next(frame, next + done);
        uint32_t taken = ownership_four_take_back(ownership, copy + done, 4);
        if (taken < 4) {
            *code = IXY_E_HANDLE;
            return done + taken;
        }
    }
    return done +
           ownership_take_back_batch(ownership, frames + done, BATCH - done, limits, copy + done, next + done, code);
}

static void same(struct ownership_limits limits)
{
    static uint64_t one[OWNERSHIP_ENTRIES], four[OWNERSHIP_ENTRIES];
    const struct ownership by_one = {one, STRIDE}, by_four = {four, STRIDE};
    uint32_t whole = 0, refused = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        for (uint32_t index = 0; index < BUFFERS; index++)
            one[index] = four[index] = random_below(128) == 0 ? 0 : BASE | index;
        struct frame frames[BATCH];
        for (uint32_t f = 0; f < BATCH; f++)
            frames[f] = make_frame(limits, random_below(64) == 0 ? f / 2 : f * 5); /* seldom one twice */
        struct frame copy_one[BATCH], copy_four[BATCH];
        uint64_t next_one[BATCH], next_four[BATCH];
        int32_t code_one, code_four;
        uint32_t done_one = ownership_take_back_batch(&by_one, frames, BATCH, limits, copy_one, next_one, &code_one);
        uint32_t done_four = take_back_fours(&by_four, frames, limits, copy_four, next_four, &code_four);
        assert_int_equal(done_four, done_one);
        assert_int_equal(code_four, code_one);
        assert_memory_equal(next_four, next_one, done_one * sizeof(*next_one));
        assert_memory_equal(copy_one, frames, done_one * sizeof(*frames));
        assert_memory_equal(copy_four, frames, done_one * sizeof(*frames));
        assert_memory_equal(four, one, BUFFERS * sizeof(*one));
        whole += done_one == BATCH;
        refused += done_one < BATCH;
    }
    assert_true(whole > 500);
    assert_true(refused > 500);
}

#endif

static void four_at_a_time_as_one_by_one(void **state)
{
    (void)state;
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("avx2"))
        skip();
    same((struct ownership_limits){.shortest = 60, .longest = 1514});
    same((struct ownership_limits){.before = 12, .shortest = 14, .longest = 1518});
    same((struct ownership_limits){.before = 10, .shortest = 14, .longest = 2230});
#else
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(four_at_a_time_as_one_by_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
