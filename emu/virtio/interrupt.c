/* Interrupts of receive queues: the device has returned buffers, then looks whether the driver wants to hear of them
 * (2.7.7, 2.7.10, 2.8.10).
 *
 * What it looks at lies in the driver's core. A threaded model therefore looks when a step has returned nothing more,
 * or at the latest after a few steps: a driver that sleeps does not notice, one that polls keeps its lines. An inline
 * one looks after each step.
 */
#include "emu/virtio/ring.h"

#define VMODEL_QUIET_STEPS 4

/* Adds what this step returned to what the driver was not told of. Returns whether it was anything. */
static bool vmodel_count_returned(const struct virtio_model *model, struct vmodel_queue *queue)
{
    if (queue->counted == queue->used_next && queue->counted_wrap == queue->used_wrap)
        return false;
    if (!model->packed)
        queue->untold += (uint16_t)(queue->used_next - queue->counted);
    else if (queue->counted_wrap == queue->used_wrap)
        queue->untold += queue->used_next - queue->counted;
    else
        queue->untold += queue->size + queue->used_next - queue->counted;
    queue->counted = queue->used_next;
    queue->counted_wrap = queue->used_wrap;
    return true;
}

static bool vmodel_split_wants(const struct virtio_model *model, const struct vmodel_queue *queue)
{
    if (!model->event_idx)
        return (__atomic_load_n(&queue->avail->flags, __ATOMIC_RELAXED) & VIRTQ_AVAIL_F_NO_INTERRUPT) == 0;
    uint16_t event = __atomic_load_n(&queue->avail->ring[queue->size], __ATOMIC_RELAXED); /* used_event */
    return (uint16_t)(event - queue->told) < queue->untold;
}

static bool vmodel_packed_wants(const struct virtio_model *model, const struct vmodel_queue *queue)
{
    uint32_t word = __atomic_load_n((const uint32_t *)(const void *)queue->driver_event, __ATOMIC_RELAXED);
    uint32_t flags = word >> 16 & 3, place = word & 0x7FFF;
    if (flags != VIRTQ_RING_EVENT_FLAGS_DESC || !model->event_idx)
        return flags == VIRTQ_RING_EVENT_FLAGS_ENABLE;
    if (place >= queue->size)
        return false; /* there is no such descriptor */
    /* How many descriptors after the first of those the driver was not told of. */
    bool wrap = (word >> 15 & 1) != 0;
    uint32_t distance = wrap == queue->told_wrap ? place - queue->told : place + queue->size - queue->told;
    return distance < queue->untold;
}

static void vmodel_interrupt(struct virtio_model *model, struct vmodel_queue *queue)
{
    bool more = vmodel_count_returned(model, queue);
    if (queue->untold == 0 || queue->vector >= model->device.event_count)
        return;
    if (more && !model->device.timing_inline && ++queue->quiet < VMODEL_QUIET_STEPS)
        return;
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the used ring is written, then this is read (2.7.10, 2.8.10) */
    bool wants = model->packed ? vmodel_packed_wants(model, queue) : vmodel_split_wants(model, queue);
    queue->told = queue->used_next;
    queue->told_wrap = queue->used_wrap;
    queue->untold = queue->quiet = 0;
    if (wants)
        emu_device_interrupt(&model->device, queue->vector);
}

void vmodel_interrupts(struct virtio_model *model)
{
    for (uint32_t pair = 0; pair < model->active; pair++) {
        struct vmodel_queue *queue = &model->queues[VIRTIO_NET_RECEIVEQ(pair)];
        if (queue->live)
            vmodel_interrupt(model, queue);
    }
}
