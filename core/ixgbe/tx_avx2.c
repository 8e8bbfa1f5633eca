/* Transmit with the ownership table, four frames at a time.
 *
 * What a frame is checked for costs as much as writing its descriptor. Places and lengths of four frames are checked
 * together, and their descriptors written, by AVX2; the ownership table is asked frame by frame, in order, so that the
 * same buffer twice in a batch is caught here too. Descriptors past the first refused frame are written but not
 * posted.
 */
#include "core/ixgbe/tx_run.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* The four frames as two vectors, in the order 0, 2, 1, 3: unpacking works in halves. */
struct ixgbe_tx_four {
    __m256i token, place;
};

__attribute__((target("avx2"), always_inline)) static inline struct ixgbe_tx_four
ixgbe_tx_load_four(const struct frame *frame)
{
    __m256i first = _mm256_loadu_si256((const __m256i *)(const void *)frame);
    __m256i second = _mm256_loadu_si256((const __m256i *)(const void *)(frame + 2));
    return (struct ixgbe_tx_four){_mm256_unpacklo_epi64(first, second), _mm256_unpackhi_epi64(first, second)};
}

/* Whether all four lie in the buffers that their tokens name and can be sent, as ownership_take_back has it. Each
 * condition is a difference that is negative if it does not hold. */
__attribute__((target("avx2"), always_inline)) static inline bool ixgbe_tx_four_fit(struct ixgbe_tx_four four,
                                                                                    __m256i stride)
{
    const __m256i low = _mm256_set1_epi64x(0xFFFFFFFF);
    __m256i index = _mm256_and_si256(four.token, _mm256_set1_epi64x(FRAME_INDEX_MASK));
    __m256i length = _mm256_srli_epi64(four.place, 32);
    __m256i into = _mm256_sub_epi64(_mm256_and_si256(four.place, low), _mm256_mul_epu32(index, stride));
    __m256i left = _mm256_sub_epi64(stride, _mm256_add_epi64(into, length));
    __m256i longer = _mm256_sub_epi64(length, _mm256_set1_epi64x(IXGBE_TX_LENGTH_MIN));
    __m256i shorter = _mm256_sub_epi64(_mm256_set1_epi64x(FRAME_LENGTH_MAX), length);
    __m256i none = _mm256_cmpeq_epi64(four.token, _mm256_setzero_si256());
    __m256i wrong =
        _mm256_or_si256(_mm256_or_si256(_mm256_or_si256(into, left), _mm256_or_si256(longer, shorter)), none);
    return _mm256_movemask_pd(_mm256_castsi256_pd(wrong)) == 0;
}

__attribute__((target("avx2"), always_inline)) static inline void
ixgbe_tx_store_four(struct ixgbe_tx_four four, struct ixgbe_tx_descriptor *descriptor, uint64_t *buffer,
                    __m256i pool_address)
{
    const __m256i low = _mm256_set1_epi64x(0xFFFFFFFF);
    __m256i length = _mm256_srli_epi64(four.place, 32);
    __m256i address = _mm256_add_epi64(pool_address, _mm256_and_si256(four.place, low));
    __m256i command = _mm256_add_epi64(_mm256_add_epi64(length, _mm256_slli_epi64(length, 32 + IXGBE_TX_PAYLEN_SHIFT)),
                                       _mm256_set1_epi64x(IXGBE_TX_COMMAND));
    _mm256_storeu_si256((__m256i *)(void *)descriptor, _mm256_unpacklo_epi64(address, command));
    _mm256_storeu_si256((__m256i *)(void *)(descriptor + 2), _mm256_unpackhi_epi64(address, command));
    __m256i next =
        _mm256_and_si256(_mm256_add_epi64(four.token, _mm256_set1_epi64x((int64_t)1 << OWNERSHIP_GENERATION_SHIFT)),
                         _mm256_set1_epi64x(OWNERSHIP_TOKEN_MASK));
    _mm256_storeu_si256((__m256i *)(void *)buffer, _mm256_permute4x64_epi64(next, _MM_SHUFFLE(3, 1, 2, 0)));
}

__attribute__((target("avx2"))) uint32_t ixgbe_tx_run_avx2(struct ixgbe_tx_queue *queue, uint32_t slot,
                                                           const struct frame *frames, uint32_t count, int32_t *code)
{
    uint64_t *owner = queue->ownership->owner;
    const __m256i stride = _mm256_set1_epi64x(queue->ownership->stride);
    const __m256i pool_address = _mm256_set1_epi64x((int64_t)queue->pool_address);
    struct ixgbe_tx_descriptor *descriptor = queue->ring + slot;
    uint64_t *buffer = queue->buffer + slot;
    uint32_t done = 0;
    for (; done + 4 <= count; done += 4) {
        struct ixgbe_tx_four four = ixgbe_tx_load_four(frames + done);
        if (!ixgbe_tx_four_fit(four, stride))
            break;
        ixgbe_tx_store_four(four, descriptor + done, buffer + done, pool_address);
        for (uint32_t i = done; i < done + 4; i++) {
            uint64_t token = frames[i].buf;
            uint64_t *entry = owner + ownership_index(token);
            if (__atomic_load_n(entry, __ATOMIC_RELAXED) != token) {
                *code = IXY_E_HANDLE;
                return i;
            }
            __atomic_store_n(entry, 0, __ATOMIC_RELAXED);
        }
    }
    return done + ixgbe_tx_run(queue, slot + done, frames + done, count - done, true, code);
}

#endif
