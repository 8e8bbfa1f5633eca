/* Transmit with the ownership table, four frames at a time.
 *
 * What a frame is checked for costs as much as writing its descriptor. Places and lengths of four frames are checked
 * together (core/dma/ownership_four.h), and their descriptors written, by AVX2. Descriptors past the first refused
 * frame are written but not posted.
 */
#include "core/ixgbe/tx_run.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "core/dma/ownership_four.h"

__attribute__((target("avx2"), always_inline)) static inline void
ixgbe_tx_store_four(struct ownership_four four, struct ixgbe_tx_descriptor *descriptor, uint64_t *buffer,
                    __m256i pool_address)
{
    const __m256i low = _mm256_set1_epi64x(0xFFFFFFFF);
    __m256i length = _mm256_srli_epi64(four.place, 32);
    __m256i address = _mm256_add_epi64(pool_address, _mm256_and_si256(four.place, low));
    __m256i command = _mm256_add_epi64(_mm256_add_epi64(length, _mm256_slli_epi64(length, 32 + IXGBE_TX_PAYLEN_SHIFT)),
                                       _mm256_set1_epi64x(IXGBE_TX_COMMAND));
    _mm256_storeu_si256((__m256i *)(void *)descriptor, _mm256_unpacklo_epi64(address, command));
    _mm256_storeu_si256((__m256i *)(void *)(descriptor + 2), _mm256_unpackhi_epi64(address, command));
    ownership_four_next(four, buffer);
}

__attribute__((target("avx2"))) uint32_t ixgbe_tx_run_avx2(struct ixgbe_tx_queue *queue, uint32_t slot,
                                                           const struct frame *frames, uint32_t count, int32_t *code)
{
    const struct ownership ownership = *queue->ownership;
    const struct ownership_four_limits limits = ownership_four_limits(
        ownership.stride, (struct ownership_limits){.shortest = IXGBE_TX_LENGTH_MIN, .longest = FRAME_LENGTH_MAX});
    const __m256i pool_address = _mm256_set1_epi64x((int64_t)queue->pool_address);
    struct ixgbe_tx_descriptor *descriptor = queue->ring + slot;
    uint64_t *buffer = queue->buffer + slot;
    uint32_t done = 0;
    for (; done + 4 <= count; done += 4) {
        struct frame copy[4] __attribute__((aligned(64)));
        struct ownership_four four = ownership_four_load(frames + done, copy);
        if (!ownership_four_fit(four, &limits))
            break;
        ixgbe_tx_store_four(four, descriptor + done, buffer + done, pool_address);
        uint32_t taken = ownership_four_take_back(&ownership, copy, 4);
        if (taken < 4) {
            *code = IXY_E_HANDLE;
            return done + taken;
        }
    }
    return done + ixgbe_tx_run(queue, slot + done, frames + done, count - done, true, code);
}

#endif
