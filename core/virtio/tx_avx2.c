/* Transmit with the ownership table, four frames at a time, on processors with AVX2: frames are checked, and their
 * descriptors written, by vectors. Ends at four that may not all be sent, or where fewer are left: those are looked at
 * one by one (tx.c), so that it is told which may not. */
#include "core/virtio/tx_run.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "core/dma/ownership_four.h"

/* What the descriptors of four frames say, in the order 0, 2, 1, 3: unpacking works in halves. */
struct virtio_tx_descriptors {
    __m256i address, length; /* with their headers */
};

__attribute__((target("avx2"), always_inline)) static inline struct virtio_tx_descriptors
virtio_tx_describe_four(const struct frame *frames, __m256i pool_address, __m256i header)
{
    __m256i first = _mm256_load_si256((const __m256i *)(const void *)frames);
    __m256i second = _mm256_load_si256((const __m256i *)(const void *)(frames + 2));
    __m256i place = _mm256_unpackhi_epi64(first, second);
    __m256i start = _mm256_and_si256(place, _mm256_set1_epi64x(0xFFFFFFFF));
    return (struct virtio_tx_descriptors){_mm256_add_epi64(pool_address, _mm256_sub_epi64(start, header)),
                                          _mm256_add_epi64(_mm256_srli_epi64(place, 32), header)};
}

/* Writes four descriptors of a split ring's table. */
__attribute__((target("avx2"), always_inline)) static inline void
virtio_tx_store_split(struct virtq_desc *table, const uint16_t *id, struct virtio_tx_descriptors four)
{
    __m256i first = _mm256_unpacklo_epi64(four.address, four.length);
    __m256i second = _mm256_unpackhi_epi64(four.address, four.length);
    _mm_storeu_si128((__m128i *)(void *)(table + id[0]), _mm256_castsi256_si128(first));
    _mm_storeu_si128((__m128i *)(void *)(table + id[1]), _mm256_extracti128_si256(first, 1));
    _mm_storeu_si128((__m128i *)(void *)(table + id[2]), _mm256_castsi256_si128(second));
    _mm_storeu_si128((__m128i *)(void *)(table + id[3]), _mm256_extracti128_si256(second, 1));
}

/* Writes four descriptors of a packed ring. The device waits for the first of a batch, and looks at none behind it
 * before: so in whatever order these become visible, it is early enough. is_first: of the first, all but what hands it
 * over is written, which is returned. */
__attribute__((target("avx2"), always_inline)) static inline uint64_t
virtio_tx_store_packed(struct virtq_packed_desc *desc, const uint16_t *id, __m256i flags, bool is_first,
                       struct virtio_tx_descriptors four)
{
    __m256i ids = _mm256_cvtepu16_epi64(_mm_loadl_epi64((const __m128i *)(const void *)id));
    __m256i order = _mm256_permute4x64_epi64(_mm256_slli_epi64(ids, 32), _MM_SHUFFLE(3, 1, 2, 0));
    __m256i word = _mm256_or_si256(_mm256_or_si256(flags, order), four.length);
    __m256i first = _mm256_unpacklo_epi64(four.address, word);
    _mm256_storeu_si256((__m256i *)(void *)(desc + 2), _mm256_unpackhi_epi64(four.address, word));
    if (!is_first) {
        _mm256_storeu_si256((__m256i *)(void *)desc, first);
        return 0;
    }
    desc->addr = (uint64_t)_mm256_extract_epi64(first, 0);
    _mm_storeu_si128((__m128i *)(void *)(desc + 1), _mm256_extracti128_si256(first, 1));
    return (uint64_t)_mm256_extract_epi64(first, 1);
}

__attribute__((target("avx2"), always_inline)) static inline uint32_t
virtio_tx_run_four(struct virtio_queue *queue, uint32_t position, const struct frame *frames, uint32_t count,
                   uint64_t *handed_over, bool packed)
{
    const struct ownership ownership = *queue->ownership;
    const struct ownership_four_limits limits = ownership_four_limits(
        ownership.stride, (struct ownership_limits){queue->header, VIRTIO_TX_LENGTH_MIN, queue->length_max});
    const uint16_t *id = queue->id + (position & queue->mask);
    uint64_t *buffer = queue->buffer + (position & queue->mask);
    struct virtq_packed_desc *desc = queue->ring + (position & queue->ring_mask);
    struct virtq_desc *const table = queue->desc;
    const __m256i flags = _mm256_set1_epi64x((int64_t)virtio_packed_available(queue, position));
    const __m256i before = _mm256_set1_epi64x(queue->header);
    const __m256i pool_address = _mm256_set1_epi64x((int64_t)queue->pool_address);
    const uint32_t header = queue->header;
    __m256i bytes = _mm256_setzero_si256();
    uint32_t done = 0, fit, taken;
    do {
        struct frame copy[VIRTIO_TX_PIECE] __attribute__((aligned(64)));
        const uint32_t piece = count - done < VIRTIO_TX_PIECE ? count - done : VIRTIO_TX_PIECE;
        for (fit = 0; fit + 4 <= piece; fit += 4) {
            struct ownership_four four = ownership_four_load(frames + done + fit, copy + fit);
            if (!ownership_four_fit(four, &limits))
                break;
            ownership_four_next(four, buffer + done + fit);
        }
        taken = ownership_four_take_back(&ownership, copy, fit);
        while (taken % 4 != 0) /* those of a four that is not the caller's as a whole: one by one */
            ownership_hand_out(&ownership, copy[--taken].buf);
        for (uint32_t i = 0; i < taken; i += 4) {
            struct virtio_tx_descriptors four = virtio_tx_describe_four(copy + i, pool_address, before);
#pragma GCC unroll 4
            for (uint32_t f = i; f < i + 4; f++)
                virtio_tx_header(queue->pool_base + copy[f].offset - header, header);
            bytes = _mm256_add_epi64(bytes, four.length);
            if (!packed)
                virtio_tx_store_split(table, id + done + i, four);
            else if (position == queue->posted && done + i == 0)
                *handed_over = virtio_tx_store_packed(desc, id, flags, true, four);
            else
                virtio_tx_store_packed(desc + done + i, id + done + i, flags, false, four);
        }
        done += taken;
    } while (taken == VIRTIO_TX_PIECE);
    uint64_t sum[4];
    _mm256_storeu_si256((__m256i *)(void *)sum, bytes);
    virtio_tx_took(queue, done, sum[0] + sum[1] + sum[2] + sum[3]);
    return done;
}

__attribute__((target("avx2"))) uint32_t virtio_tx_run_avx2_split(struct virtio_queue *queue, uint32_t position,
                                                                  const struct frame *frames, uint32_t count)
{
    uint64_t none;
    return virtio_tx_run_four(queue, position, frames, count, &none, false);
}

__attribute__((target("avx2"))) uint32_t virtio_tx_run_avx2_packed(struct virtio_queue *queue, uint32_t position,
                                                                   const struct frame *frames, uint32_t count,
                                                                   uint64_t *handed_over)
{
    return virtio_tx_run_four(queue, position, frames, count, handed_over, true);
}

#endif
