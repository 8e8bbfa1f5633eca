/* Interrupts of receive queues: asking the device for one, and looking whether there is need to wait for it
 * (VirtIO 1.3, 2.7.7, 2.7.10, 2.8.10). The device sends them to the vector that the queue was set up with; transmit and
 * control queues have none.
 *
 * Whoever waits switches the interrupt on, then looks at the ring: the device fills the ring, then looks whether it is
 * to interrupt. With a full barrier between the two on either side one of them sees the other (2.7.13.4.1, 2.8.21.3.1).
 */
#include "core/virtio/entry.h"

/* Without EVENT_IDX a flag; with it the flag stays 0 (2.7.7.1), and the device interrupts when it returns the buffer at
 * position used_event. That one is the next, or one that was taken before: then it is off, but for one interrupt in
 * 65536 buffers, as the number means a later position, too. */
static void virtio_split_interrupt(struct virtio_queue *queue, bool on)
{
    if (!queue->event_idx) {
        __atomic_store_n(&queue->avail->flags, on ? 0 : VIRTQ_AVAIL_F_NO_INTERRUPT, __ATOMIC_RELAXED);
        return;
    }
    uint16_t event = (uint16_t)(on ? queue->taken : queue->taken - 1);
    __atomic_store_n(&queue->avail->ring[queue->size], event, __ATOMIC_RELAXED); /* used_event follows the ring */
}

/* With EVENT_IDX for the next descriptor only, by its place and wrap counter: then it is off by itself. One store:
 * place and flags belong together. */
static void virtio_packed_interrupt(struct virtio_queue *queue, bool on)
{
    uint32_t word = VIRTQ_RING_EVENT_FLAGS_DISABLE << 16;
    if (on && queue->event_idx)
        word = (uint32_t)VIRTQ_RING_EVENT_FLAGS_DESC << 16 | virtio_wrap(queue, queue->taken) << 15 |
               (queue->taken & queue->ring_mask);
    else if (on)
        word = VIRTQ_RING_EVENT_FLAGS_ENABLE << 16;
    __atomic_store_n((uint32_t *)(void *)queue->driver_event, word, __ATOMIC_RELAXED);
}

void virtio_rx_interrupt(void *opaque, bool on)
{
    struct virtio_queue *queue = opaque;
    if (on && queue->posted - queue->taken != queue->mask + 1) /* without buffers it would wait for ever */
        virtio_rx_post(queue);
    if (queue->packed)
        virtio_packed_interrupt(queue, on);
    else
        virtio_split_interrupt(queue, on);
    if (on)
        virtio_full_barrier();
}

bool virtio_rx_ready(void *opaque)
{
    struct virtio_queue *queue = opaque;
    if (queue->step != NULL)
        queue->step->step(queue->step);
    if (bus_has_failed(queue->bus))
        return true;
    if (queue->packed)
        return queue->posted != queue->taken &&
               virtio_packed_is_used(queue, virtio_packed_at(queue, queue->taken), queue->taken);
    return virtio_split_ready(queue) != 0; /* also if it finds that the device has failed */
}
