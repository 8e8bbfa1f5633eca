/* The split ring (2.7), device's side: what ring.h does not do at once. */
#include <inttypes.h>

#include "emu/virtio/ring.h"

void vmodel_split_jumped(struct virtio_model *model, struct vmodel_queue *queue, uint16_t idx)
{
    char name[VMODEL_PLACE_SIZE];
    sanitizer_report(&model->device.sanitizer,
                     "%s: available idx is %" PRIu16 " after %" PRIu16 ", with %" PRIu32
                     " buffers outstanding: it went back, or there are more than the queue's %" PRIu32
                     " descriptors (2.7.6.1)",
                     vmodel_queue_name(queue, name), idx, (uint16_t)queue->next,
                     (uint32_t)(uint16_t)(queue->next - queue->used_next), queue->size);
    vmodel_break(model, queue);
}

void vmodel_split_flags(struct virtio_model *model, struct vmodel_queue *queue, uint16_t flags)
{
    char name[VMODEL_PLACE_SIZE];
    if (queue->suppressed)
        return;
    queue->suppressed = true;
    sanitizer_report(&model->device.sanitizer, "%s: available flags are %" PRIX16 "h, right is %s (2.7.7.1)",
                     vmodel_queue_name(queue, name), flags, model->event_idx ? "0 with EVENT_IDX" : "0 or 1");
}

/* Adds one descriptor of the table to the chain. Returns whether it goes on; what must not go on is broken. */
static bool split_add(struct virtio_model *model, struct vmodel_queue *queue, struct vmodel_chain *chain,
                      uint32_t index, uint32_t *next)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    char place[VMODEL_PLACE_SIZE];
    const struct virtq_desc *descriptor = &queue->desc[index];
    uint64_t address = vmodel_load(&descriptor->addr);
    uint64_t word = vmodel_load(vmodel_second(descriptor));
    uint32_t flags = (uint32_t)(word >> 32) & 0xFFFF;
    model->chain_index[chain->count] = (uint16_t)index;
    struct vmodel_slot *slot = &chain->slot[chain->count++];
    *next = (uint32_t)(word >> 48);
    *slot = (struct vmodel_slot){.address = address, .len = (uint32_t)word, .id = chain->id};
    if ((flags & VIRTQ_DESC_F_WRITE) != 0)
        slot->flags |= VMODEL_SLOT_WRITE;
    if ((flags & VIRTQ_DESC_F_INDIRECT) != 0) {
        sanitizer_report(sanitizer, "%s: flag INDIRECT, but INDIRECT_DESC was not negotiated (2.7.5.3.1)",
                         vmodel_place(queue, index, place));
        chain->bad = true;
    } else if ((flags & ~(VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE)) != 0) {
        sanitizer_report(sanitizer, "%s: unknown flags %" PRIX32 "h; there are NEXT and WRITE (2.7.5)",
                         vmodel_place(queue, index, place), flags);
        chain->bad = true;
    }
    queue->held[index] = true;
    return (flags & VIRTQ_DESC_F_NEXT) != 0;
}

/* Whether a descriptor may be the next one of a chain; if not, nobody knows what the driver meant. */
static bool split_may_follow(struct virtio_model *model, struct vmodel_queue *queue, const struct vmodel_chain *chain,
                             uint32_t index, uint32_t next)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    char place[VMODEL_PLACE_SIZE];
    if (next >= queue->size) {
        sanitizer_report(sanitizer, "%s: next is %" PRIu32 ", the queue has %" PRIu32 " descriptors (2.7.5)",
                         vmodel_place(queue, index, place), next, queue->size);
        return false;
    }
    for (uint32_t i = 0; i < chain->count && queue->held[next]; i++) {
        if (model->chain_index[i] == next) {
            sanitizer_report(sanitizer,
                             "%s: its chain loops: next is %" PRIu32 ", which the chain has already (2.7.5.2)",
                             vmodel_place(queue, index, place), next);
            return false;
        }
    }
    if (queue->held[next]) {
        sanitizer_report(sanitizer, "%s: next is %" PRIu32 ", a descriptor that the device holds already (2.7.13)",
                         vmodel_place(queue, index, place), next);
        return false;
    }
    if (model->in_order && next != ((index + 1) & (queue->size - 1))) {
        sanitizer_report(sanitizer,
                         "%s: next is %" PRIu32 "; with IN_ORDER descriptors are used in ring order (2.7.9, 2.7.5.2)",
                         vmodel_place(queue, index, place), next);
        return false;
    }
    return true;
}

static bool split_may_begin(struct virtio_model *model, struct vmodel_queue *queue, uint32_t head)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    char name[VMODEL_PLACE_SIZE];
    vmodel_queue_name(queue, name);
    if (head >= queue->size) {
        sanitizer_report(sanitizer,
                         "%s: entry %" PRIu32 " of the available ring is %" PRIu32 ", the queue has %" PRIu32
                         " descriptors (2.7.6)",
                         name, queue->next & (queue->size - 1), head, queue->size);
        return false;
    }
    if (queue->held[head]) {
        sanitizer_report(sanitizer, "%s: descriptor %" PRIu32 " made available while the device holds it (2.7.13)",
                         name, head);
        return false;
    }
    if (model->in_order && head != queue->order) {
        sanitizer_report(sanitizer,
                         "%s: descriptor %" PRIu32 " made available where %" PRIu32
                         " was next; with IN_ORDER descriptors are used in ring order (2.7.9)",
                         name, head, queue->order);
        return false;
    }
    return true;
}

bool vmodel_split_read(struct virtio_model *model, struct vmodel_queue *queue, struct vmodel_chain *chain)
{
    uint32_t index = vmodel_split_head(queue, queue->next), next;
    *chain = (struct vmodel_chain){.slot = model->chain, .position = index, .id = (uint16_t)index};
    if (!split_may_begin(model, queue, index)) {
        vmodel_break(model, queue);
        return false;
    }
    while (split_add(model, queue, chain, index, &next)) {
        if (!split_may_follow(model, queue, chain, index, next)) {
            vmodel_break(model, queue);
            return false;
        }
        index = next;
    }
    chain->slot[chain->count - 1].flags |= VMODEL_SLOT_LAST;
    queue->order = (index + 1) & (queue->size - 1);
    queue->next = (uint16_t)(queue->next + 1);
    return true;
}
