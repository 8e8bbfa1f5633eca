/* Receive with the ownership table, four frames at a time, on processors with AVX2: what the device wrote into its ring
 * is checked, and frames are written, by vectors. */
#include "core/virtio/rx_run.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* What a ring's entries have to keep to, four times over: less `least` and the id, the halves of an entry are at most
 * `most`, without sign. */
struct virtio_rx_limits {
    __m256i least, most;
};

/* The halves of vectors change places as unpacking, which works in halves, wants it: 0, 2, 1, 3. */
__attribute__((target("avx2"), always_inline)) static inline __m256i virtio_rx_order(__m256i four)
{
    return _mm256_permute4x64_epi64(four, _MM_SHUFFLE(3, 1, 2, 0));
}

__attribute__((target("avx2"), always_inline)) static inline __m256i virtio_rx_ids(const uint16_t *id)
{
    return _mm256_cvtepu16_epi64(_mm_loadl_epi64((const __m128i *)(const void *)id));
}

__attribute__((target("avx2"), always_inline)) static inline bool virtio_rx_fits(__m256i entry, __m256i id,
                                                                                 const struct virtio_rx_limits *limits)
{
    __m256i above = _mm256_sub_epi32(_mm256_sub_epi32(entry, limits->least), id);
    __m256i most = limits->most;
    if (!check_is_made(CHECK_DEVICE)) /* which buffer came back is no check: the id, and a packed ring's flags */
        most = _mm256_or_si256(most, _mm256_cmpgt_epi32(most, _mm256_setzero_si256()));
    __m256i fits = _mm256_cmpeq_epi32(_mm256_min_epu32(above, most), above);
    return _mm256_movemask_epi8(fits) == -1;
}

/* Reads four used entries, each once. *length: receives the lengths in the upper halves, in the order 0, 2, 1, 3. */
__attribute__((target("avx2"), always_inline)) static inline bool
virtio_rx_four_split(const struct virtq_used_elem *element, const uint16_t *id, const struct virtio_rx_limits *limits,
                     __m256i *length)
{
    __m256i entry = _mm256_loadu_si256((const __m256i *)(const void *)element);
    __atomic_signal_fence(__ATOMIC_ACQUIRE); /* used once, and the frames after it: x86 keeps the order of loads */
    *length = virtio_rx_order(_mm256_and_si256(entry, _mm256_set1_epi64x((int64_t)0xFFFFFFFF00000000)));
    return virtio_rx_fits(entry, virtio_rx_ids(id), limits);
}

/* The same of four packed descriptors: the word with len, id and flags of each. */
__attribute__((target("avx2"), always_inline)) static inline bool
virtio_rx_four_packed(const struct virtq_packed_desc *desc, const uint16_t *id, const struct virtio_rx_limits *limits,
                      __m256i *length)
{
    const __m256i looked_at = _mm256_set1_epi64x((int64_t)(VIRTIO_PACKED_USED | VIRTIO_PACKED_ID | UINT32_MAX));
    __m256i first = _mm256_loadu_si256((const __m256i *)(const void *)desc);
    __m256i second = _mm256_loadu_si256((const __m256i *)(const void *)(desc + 2));
    __atomic_signal_fence(__ATOMIC_ACQUIRE);
    __m256i word = _mm256_unpackhi_epi64(first, second);
    *length = _mm256_slli_epi64(word, 32);
    return virtio_rx_fits(_mm256_and_si256(word, looked_at), _mm256_slli_epi64(virtio_rx_order(virtio_rx_ids(id)), 32),
                          limits);
}

__attribute__((target("avx2"), always_inline)) static inline struct virtio_rx_limits
virtio_rx_limits(const struct virtio_queue *queue, bool packed)
{
    uint64_t shortest = queue->header + VIRTIO_RX_LENGTH_MIN;
    uint64_t span = virtio_rx_length_max(queue) - VIRTIO_RX_LENGTH_MIN;
    uint64_t least = packed ? virtio_packed_used_flags(queue, queue->taken) | shortest : shortest << 32;
    return (struct virtio_rx_limits){_mm256_set1_epi64x((int64_t)least),
                                     _mm256_set1_epi64x((int64_t)(packed ? span : span << 32))};
}

__attribute__((target("avx2"), always_inline)) static inline uint32_t
virtio_rx_run_four(struct virtio_queue *queue, struct frame *frames, uint32_t count, bool packed)
{
    const struct ownership ownership = *queue->ownership;
    const struct virtq_used_elem *element = queue->used->ring + (queue->taken & queue->ring_mask);
    const struct virtq_packed_desc *desc = queue->ring + (queue->taken & queue->ring_mask);
    const uint16_t *id = queue->id + (queue->taken & queue->mask);
    const uint64_t *buffer = queue->buffer + (queue->taken & queue->mask);
    const uint8_t *const packets = queue->pool_base + POOL_HEADROOM;
    const uint64_t stride = queue->stride;
    const uint64_t header = queue->header;
    const bool mergeable = queue->mergeable;
    const struct virtio_rx_limits limits = virtio_rx_limits(queue, packed);
    const __m256i before = _mm256_set1_epi64x((int64_t)(POOL_HEADROOM + header - (header << 32)));
    __m256i bytes = _mm256_setzero_si256();
    uint32_t done = 0;
    for (; done + 4 <= count; done += 4) {
        __m256i length;
        if (!(packed ? virtio_rx_four_packed(desc + done, id + done, &limits, &length)
                     : virtio_rx_four_split(element + done, id + done, &limits, &length)))
            break;
        bool plain = true;
#pragma GCC unroll 4
        for (uint32_t i = 0; i < 4; i++)
            plain = plain && virtio_header_is_plain(packets + ownership_index(buffer[done + i]) * stride, mergeable);
        if (!plain)
            break;
        __m256i token = virtio_rx_order(_mm256_loadu_si256((const __m256i *)(const void *)(buffer + done)));
        __m256i index = _mm256_and_si256(token, _mm256_set1_epi64x(FRAME_INDEX_MASK));
        __m256i start = _mm256_mul_epu32(index, _mm256_set1_epi64x((int64_t)stride));
        __m256i place = _mm256_add_epi64(_mm256_add_epi64(length, start), before);
        __m256i *frame = (__m256i *)(void *)(frames + done);
        _mm256_storeu_si256(frame, _mm256_unpacklo_epi64(token, place));
        _mm256_storeu_si256(frame + 1, _mm256_unpackhi_epi64(token, place));
        bytes = _mm256_add_epi64(bytes, _mm256_srli_epi64(length, 32));
#pragma GCC unroll 4
        for (uint32_t i = 0; i < 4; i++)
            ownership_hand_out(&ownership, buffer[done + i]);
    }
    uint64_t sum[4];
    _mm256_storeu_si256((__m256i *)(void *)sum, bytes);
    virtio_rx_took(queue, done, sum[0] + sum[1] + sum[2] + sum[3]);
    return done;
}

__attribute__((target("avx2"))) uint32_t virtio_rx_run_avx2_split(struct virtio_queue *queue, struct frame *frames,
                                                                  uint32_t count)
{
    return virtio_rx_run_four(queue, frames, count, false);
}

__attribute__((target("avx2"))) uint32_t virtio_rx_run_avx2_packed(struct virtio_queue *queue, struct frame *frames,
                                                                   uint32_t count)
{
    return virtio_rx_run_four(queue, frames, count, true);
}

#endif
