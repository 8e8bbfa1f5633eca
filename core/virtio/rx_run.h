/* What the fast loops of receive share: which frames they take, and the vectors' loop beside that of rx.c. */
#ifndef CORE_VIRTIO_RX_RUN_H
#define CORE_VIRTIO_RX_RUN_H

#include "core/virtio/entry.h"

/* The header of a frame that asks for nothing which was not negotiated: no checksum to fill in (NEEDS_CSUM), no
 * segments (gso_type), one buffer. Other flags are to be ignored, 5.1.6.4.2. Each word is read once. */
static inline bool virtio_header_is_plain(const uint8_t *header, bool mergeable)
{
    if (!check_is_made(CHECK_DEVICE))
        return true;
    const uint64_t asks = VIRTIO_NET_HDR_F_NEEDS_CSUM | 0xFF00;
    uint64_t first = __atomic_load_n((const uint64_t *)(const void *)header, __ATOMIC_RELAXED);
    if ((first & asks) != 0)
        return false;
    return !mergeable || __atomic_load_n((const uint16_t *)(const void *)(header + 10), __ATOMIC_RELAXED) == 1;
}

static inline uint32_t virtio_rx_length_max(const struct virtio_queue *queue)
{
    uint32_t room = queue->room - queue->header;
    return room < queue->length_max ? room : queue->length_max;
}

/* Counts frames that a loop took out of consecutive slots; bytes: with their headers. */
static inline void virtio_rx_took(struct virtio_queue *queue, uint32_t received, uint64_t bytes)
{
    queue->taken += received;
    virtio_count(&queue->packets, received);
    virtio_count(&queue->bytes, bytes - (uint64_t)received * queue->header + (uint64_t)received * 4);
}

#if defined(__x86_64__)
/* rx_avx2.c: as virtio_rx_run with the ownership table, four frames at a time, on processors with AVX2; ends at four
 * that are not all regular, or where fewer are left, which is virtio_rx_run's to look at. */
uint32_t virtio_rx_run_avx2_split(struct virtio_queue *queue, struct frame *frames, uint32_t count);
uint32_t virtio_rx_run_avx2_packed(struct virtio_queue *queue, struct frame *frames, uint32_t count);
#endif

#endif
