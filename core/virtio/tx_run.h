/* What the fast loops of transmit share, and the vectors' loop beside that of tx.c. */
#ifndef CORE_VIRTIO_TX_RUN_H
#define CORE_VIRTIO_TX_RUN_H

#include "core/virtio/entry.h"

/* Frames that are checked and then posted together: their copies wait in between, in the first level of the cache. */
#define VIRTIO_TX_PIECE 64

/* A header that asks for nothing, 5.1.6.2: 10 or 12 bytes, as two words that overlap. */
static inline void virtio_tx_header(uint8_t *header, uint32_t size)
{
    const uint64_t nothing = 0;
    memcpy(header, &nothing, sizeof(nothing));
    memcpy(header + size - sizeof(nothing), &nothing, sizeof(nothing));
}

/* Counts frames that a loop posted; bytes: with their headers. */
static inline void virtio_tx_took(struct virtio_queue *queue, uint32_t count, uint64_t bytes)
{
    virtio_count(&queue->packets, count);
    virtio_count(&queue->bytes, bytes - (uint64_t)count * queue->header + (uint64_t)count * 4);
}

#if defined(__x86_64__)
/* tx_avx2.c: posts frames into consecutive slots from a position on, four at a time, on processors with AVX2, where
 * each frame takes one descriptor. Returns how many; those behind are tx.c's to look at. handed_over: receives what
 * hands over the first of a packed batch, if that is among them. */
uint32_t virtio_tx_run_avx2_split(struct virtio_queue *queue, uint32_t position, const struct frame *frames,
                                  uint32_t count);
uint32_t virtio_tx_run_avx2_packed(struct virtio_queue *queue, uint32_t position, const struct frame *frames,
                                   uint32_t count, uint64_t *handed_over);
#endif

#endif
