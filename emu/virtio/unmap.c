/* Memory goes away: what a running queue still refers to is a violation, and forgotten. */
#include <inttypes.h>

#include "emu/virtio/ring.h"

/* Buffers that the driver has posted and the device has yet to look at, in the memory. */
static uint32_t vmodel_posted_in(const struct virtio_model *model, const struct vmodel_queue *queue, uint32_t slot)
{
    uint32_t held = 0, position = queue->next;
    bool wrap = queue->wrap;
    uint32_t posted = queue->size;
    if (!model->packed)
        posted = (uint16_t)(__atomic_load_n(&queue->avail->idx, __ATOMIC_ACQUIRE) - queue->next);
    for (uint32_t i = 0; i < posted && i < queue->size; i++) {
        const void *address;
        if (model->packed) {
            uint64_t word = vmodel_load(vmodel_second(&queue->ring[position]));
            if ((word >> 48 & VMODEL_PACKED_BITS) != vmodel_packed_available(wrap))
                break;
            address = &queue->ring[position].addr;
            vmodel_packed_advance(queue, &position, &wrap, 1);
        } else {
            address = &queue->desc[vmodel_split_head(queue, queue->next + i) & (queue->size - 1)].addr;
        }
        held += vmodel_load(address) >> EMU_DMA_SHIFT == slot;
    }
    return held;
}

static void vmodel_queue_unmap(struct virtio_model *model, struct vmodel_queue *queue, uint32_t slot)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    const char *region = model->device.dma.regions[slot].name;
    char name[VMODEL_PLACE_SIZE];
    vmodel_queue_name(queue, name);
    if (queue->region[0] == slot || queue->region[1] == slot || queue->region[2] == slot) {
        sanitizer_report(sanitizer,
                         "%s unmapped while %s is enabled and lies in it: the device is reset before (2.4, 3.3.1)",
                         region, name);
        uint32_t number = queue->number;
        vmodel_queue_stop(model, queue);
        queue->number = number;
        return;
    }
    if (!queue->live)
        return;
    if (queue->direction == VMODEL_RECEIVE)
        vmodel_receive_fetch(model, queue);
    uint32_t held = 0;
    for (uint32_t i = queue->head; i != queue->fetched; i++) {
        struct vmodel_slot *held_slot = &queue->slots[i & queue->slot_mask];
        if (held_slot->address >> EMU_DMA_SHIFT == slot) {
            held_slot->address = 0;
            held++;
        }
    }
    if (queue->live)
        held += vmodel_posted_in(model, queue, slot);
    if (held != 0)
        sanitizer_report(sanitizer, "%s unmapped while %s is enabled and holds %" PRIu32 " of its buffers (3.3.1)",
                         region, name, held);
}

void vmodel_unmap(struct emu_device *device, uint32_t slot)
{
    struct virtio_model *model = vmodel_of(device);
    for (uint32_t number = 0; number < VMODEL_QUEUES; number++)
        if (model->queues[number].enabled)
            vmodel_queue_unmap(model, &model->queues[number], slot);
}
