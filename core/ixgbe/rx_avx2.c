/* Receive, four descriptors at a time, on processors with AVX2. With the ownership table what they say is checked, and
 * their frames written, by vectors. Ends at four that are not all whole: ixgbe_rx_run finds out which is not. */
#include "core/ixgbe/ixgbe.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* What was written back to four descriptors, in the order 0, 2, 1, 3: unpacking works in halves. Each is read once. */
__attribute__((target("avx2"), always_inline)) static inline __m256i
ixgbe_rx_load_four(const struct ixgbe_rx_descriptor *descriptor)
{
    __m256i first = _mm256_loadu_si256((const __m256i *)(const void *)descriptor);
    __m256i second = _mm256_loadu_si256((const __m256i *)(const void *)(descriptor + 2));
    /* The frames are read after DD was seen: x86 keeps the order of loads, the compiler does with this. */
    __atomic_signal_fence(__ATOMIC_ACQUIRE);
    return _mm256_unpackhi_epi64(first, second);
}

/* Whether all four are as ixgbe_rx_is_whole has it: the lower halves, status, must be IXGBE_RX_WHOLE, the upper ones a
 * length; less the least that they may be, both are at most `span`, without sign. */
__attribute__((target("avx2"), always_inline)) static inline bool ixgbe_rx_four_are_whole(__m256i written_back,
                                                                                          __m256i span)
{
    if (!check_is_made(CHECK_DEVICE)) {
        __m256i done = _mm256_slli_epi64(written_back, 63); /* DD */
        return _mm256_movemask_pd(_mm256_castsi256_pd(done)) == 0xF;
    }
    const __m256i looked_at = _mm256_set1_epi64x((int64_t)(IXGBE_RX_WHOLE | IXGBE_RX_RXE | IXGBE_RX_LENGTH));
    const __m256i least = _mm256_set1_epi64x((int64_t)(IXGBE_RX_WHOLE | (uint64_t)FRAME_LENGTH_MIN << 32));
    __m256i above = _mm256_sub_epi32(_mm256_and_si256(written_back, looked_at), least);
    __m256i fits = _mm256_cmpeq_epi32(_mm256_min_epu32(above, span), above);
    return _mm256_movemask_epi8(fits) == -1;
}

__attribute__((target("avx2"))) uint32_t ixgbe_rx_run_avx2(const struct ixgbe_rx_queue *queue, uint32_t slot,
                                                           struct frame *frames, uint32_t count)
{
    const struct ownership ownership = *queue->ownership;
    const struct ixgbe_rx_descriptor *descriptor = queue->ring + slot;
    const uint64_t *buffer = queue->buffer + slot;
    const __m256i span = _mm256_set1_epi64x((int64_t)ixgbe_rx_span(queue));
    const __m256i stride = _mm256_set1_epi64x(queue->stride);
    uint32_t done = 0;
    for (; done + 4 <= count; done += 4) {
        __m256i written_back = ixgbe_rx_load_four(descriptor + done);
        if (!ixgbe_rx_four_are_whole(written_back, span))
            break;
        __m256i token = _mm256_permute4x64_epi64(_mm256_loadu_si256((const __m256i *)(const void *)(buffer + done)),
                                                 _MM_SHUFFLE(3, 1, 2, 0));
        __m256i index = _mm256_and_si256(token, _mm256_set1_epi64x(FRAME_INDEX_MASK));
        __m256i offset = _mm256_add_epi64(_mm256_mul_epu32(index, stride), _mm256_set1_epi64x(POOL_HEADROOM));
        __m256i length = _mm256_and_si256(written_back, _mm256_set1_epi64x((int64_t)IXGBE_RX_LENGTH));
        __m256i place = _mm256_or_si256(offset, length);
        __m256i *frame = (__m256i *)(void *)(frames + done);
        _mm256_storeu_si256(frame, _mm256_unpacklo_epi64(token, place));
        _mm256_storeu_si256(frame + 1, _mm256_unpackhi_epi64(token, place));
        ownership_expect(&ownership, buffer[done + 8 < count ? done + 8 : done]);
#pragma GCC unroll 4
        for (uint32_t i = 0; i < 4; i++)
            ownership_hand_out(&ownership, buffer[done + i]);
    }
    return done;
}

__attribute__((target("avx2"))) uint32_t ixgbe_rx_post_avx2(const struct ixgbe_rx_queue *queue, uint32_t slot,
                                                            uint32_t count)
{
    const uint64_t *buffer = queue->buffer + slot;
    struct ixgbe_rx_descriptor *descriptor = queue->ring + slot;
    const __m256i packets = _mm256_set1_epi64x((int64_t)queue->packet_address);
    const __m256i stride = _mm256_set1_epi64x(queue->stride);
    const __m256i none = _mm256_setzero_si256(); /* the header's address; clears DD too */
    uint32_t done = 0;
    for (; done + 4 <= count; done += 4) {
        __m256i token = _mm256_loadu_si256((const __m256i *)(const void *)(buffer + done));
        __m256i index = _mm256_and_si256(token, _mm256_set1_epi64x(FRAME_INDEX_MASK));
        __m256i address = _mm256_add_epi64(packets, _mm256_mul_epu32(index, stride));
        address = _mm256_permute4x64_epi64(address, _MM_SHUFFLE(3, 1, 2, 0)); /* unpacking works in halves */
        __m256i *four = (__m256i *)(void *)(descriptor + done);
        _mm256_storeu_si256(four, _mm256_unpacklo_epi64(address, none));
        _mm256_storeu_si256(four + 1, _mm256_unpackhi_epi64(address, none));
    }
    return done;
}

#endif
