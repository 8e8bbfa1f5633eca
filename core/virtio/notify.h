/* Telling the device that buffers were posted, unless it said that it need not know. */
#ifndef CORE_VIRTIO_NOTIFY_H
#define CORE_VIRTIO_NOTIFY_H

#include "core/virtio/barrier.h"
#include "core/virtio/virtio.h"

/* Whether the step from `before` to `now` passes `event` (2.7.10.1): all count modulo 2^16, so any value that a device
 * writes gives an answer. */
static inline bool virtio_passes(uint16_t event, uint16_t now, uint16_t before)
{
    return (uint16_t)(now - event - 1) < (uint16_t)(now - before);
}

static inline bool virtio_split_wants(const struct virtio_queue *queue, uint16_t now)
{
    if (!queue->event_idx)
        return (__atomic_load_n(&queue->used->flags, __ATOMIC_RELAXED) & VIRTQ_USED_F_NO_NOTIFY) == 0;
    /* avail_event follows the used ring. */
    const struct virtq_used_elem *end = &queue->used->ring[queue->size];
    uint16_t event = __atomic_load_n((const uint16_t *)(const void *)end, __ATOMIC_RELAXED);
    return virtio_passes(event, now, queue->notified);
}

static inline bool virtio_packed_wants(const struct virtio_queue *queue, uint16_t now)
{
    /* One load: offset and flags belong together. */
    uint32_t word = __atomic_load_n((const uint32_t *)(const void *)queue->device_event, __ATOMIC_RELAXED);
    uint32_t flags = word >> 16 & 3;
    if (flags != VIRTQ_RING_EVENT_FLAGS_DESC || !queue->event_idx)
        return flags != VIRTQ_RING_EVENT_FLAGS_DISABLE;
    /* The offset as a position: of this lap of the ring if its wrap counter is that of the newest position, else of the
     * one before (2.8.10). */
    uint32_t lap = (uint32_t)now >> queue->size_bits;
    uint32_t event = (word & 0x7FFF) + (lap << queue->size_bits);
    if ((word >> 15 & 1) == (lap & 1)) /* the first lap's wrap counter is 1 */
        event -= queue->size;
    return virtio_passes((uint16_t)event, now, queue->notified);
}

/* Called when buffers up to position queue->posted were made available. */
static inline void virtio_notify(struct virtio_queue *queue)
{
    uint16_t now = (uint16_t)queue->posted;
    /* The device asks for notifications, then looks at the ring again; we fill the ring, then look whether it asks.
     * Both need the load after the store, or both could miss the other (2.7.13.4.1, 2.8.21.3.1). */
    virtio_full_barrier();
    bool wants = queue->packed ? virtio_packed_wants(queue, now) : virtio_split_wants(queue, now);
    queue->notified = now;
    if (wants)
        queue->bus->virtio->notify(queue->bus, queue->number);
}

#endif
