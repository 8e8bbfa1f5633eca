/* The ownership of four frames at a time, on processors with AVX2: what ownership_take_back checks of a frame by
 * arithmetic, for four together. The table itself is asked frame by frame, in order, so that the same buffer twice in a
 * batch is caught here too. */
#ifndef CORE_DMA_OWNERSHIP_FOUR_H
#define CORE_DMA_OWNERSHIP_FOUR_H

#if defined(__x86_64__)

#include <immintrin.h>

#include "core/dma/ownership.h"

/* Four frames as two vectors, in the order 0, 2, 1, 3: unpacking works in halves. */
struct ownership_four {
    __m256i token, place;
};

/* What frames have to keep to, four times over. least and most are those of a place: its lower half is where the frame
 * begins in its buffer, its upper half the length; most of the lower half lacks the length. */
struct ownership_four_limits {
    __m256i stride, least, most;
};

__attribute__((target("avx2"), always_inline)) static inline struct ownership_four_limits
ownership_four_limits(uint32_t stride, struct ownership_limits limits)
{
    uint32_t room = stride - limits.before;
    uint32_t longest = limits.longest < room ? limits.longest : room;
    uint64_t least = (uint64_t)limits.shortest << 32 | limits.before;
    uint64_t most = (uint64_t)(longest - limits.shortest) << 32 | room;
    return (struct ownership_four_limits){_mm256_set1_epi64x(stride), _mm256_set1_epi64x((int64_t)least),
                                          _mm256_set1_epi64x((int64_t)most)};
}

/* Reads four frames of the caller, once: what looks at them one by one finds them in copy. */
__attribute__((target("avx2"), always_inline)) static inline struct ownership_four
ownership_four_load(const struct frame *frame, struct frame *copy)
{
    __m256i first = _mm256_loadu_si256((const __m256i *)(const void *)frame);
    __m256i second = _mm256_loadu_si256((const __m256i *)(const void *)(frame + 2));
    __asm__ volatile("" : "+x"(first), "+x"(second)); /* the compiler does not load them a second time */
    _mm256_storeu_si256((__m256i *)(void *)copy, first);
    _mm256_storeu_si256((__m256i *)(void *)(copy + 2), second);
    return (struct ownership_four){_mm256_unpacklo_epi64(first, second), _mm256_unpackhi_epi64(first, second)};
}

/* Whether all four lie in the buffers that their tokens name and can be sent, as ownership_take_back has it: less the
 * least that they may be, the halves of a place are at most `most`, without sign. With flags a length is over 16 bits.
 */
__attribute__((target("avx2"), always_inline)) static inline bool
ownership_four_fit(struct ownership_four four, const struct ownership_four_limits *limits)
{
    if (!check_is_made(CHECK_PLACE))
        return true;
    __m256i index = _mm256_and_si256(four.token, _mm256_set1_epi64x(FRAME_INDEX_MASK));
    __m256i begin = _mm256_mul_epu32(index, limits->stride); /* of the buffer: under 2^32 in every pool */
    __m256i above = _mm256_sub_epi32(_mm256_sub_epi32(four.place, limits->least), begin);
    __m256i most = _mm256_sub_epi32(limits->most, _mm256_srli_epi64(four.place, 32));
    __m256i fits = _mm256_cmpeq_epi32(_mm256_min_epu32(above, most), above);
    __m256i none = _mm256_cmpeq_epi64(four.token, _mm256_setzero_si256());
    return _mm256_movemask_epi8(_mm256_andnot_si256(none, fits)) == -1;
}

/* The next tokens of four buffers, in order. */
__attribute__((target("avx2"), always_inline)) static inline void ownership_four_next(struct ownership_four four,
                                                                                      uint64_t *next)
{
    __m256i tokens = four.token;
    if (check_is_made(CHECK_OWNER)) {
        tokens = _mm256_add_epi64(tokens, _mm256_set1_epi64x((int64_t)1 << OWNERSHIP_GENERATION_SHIFT));
        tokens = _mm256_and_si256(tokens, _mm256_set1_epi64x(OWNERSHIP_TOKEN_MASK));
    }
    _mm256_storeu_si256((__m256i *)(void *)next, _mm256_permute4x64_epi64(tokens, _MM_SHUFFLE(3, 1, 2, 0)));
}

/* Whether a buffer's entry is that token: one instruction, where compilers make three of an atomic load, a packet each
 * (71.0 and 72.0 instructions a packet on the 82599). Sanitizers see the load. */
static inline bool ownership_four_is(const uint64_t *entry, uint64_t token)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return __atomic_load_n(entry, __ATOMIC_RELAXED) == token;
#else
    bool same;
    __asm__ volatile("cmpq %2, %1" : "=@cce"(same) : "m"(*entry), "r"(token));
    return same;
#endif
}

/* Ends the caller's ownership of frames that fit, by their copies; returns how many, fewer at the first that the caller
 * does not own. */
static inline uint32_t ownership_four_take_back(const struct ownership *ownership, const struct frame *copy,
                                                uint32_t count)
{
    if (!check_is_made(CHECK_OWNER))
        return count;
    uint64_t *const owner = ownership->owner;
#pragma GCC unroll 4
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t token = copy[i].buf, index = ownership_index(token);
        if (__builtin_expect(!ownership_four_is(owner + index, token), 0))
            return i;
        __atomic_store_n(owner + index, 0, __ATOMIC_RELAXED);
    }
    return count;
}

#endif

#endif
