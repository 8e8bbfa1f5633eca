/* The packed ring (2.8), device's side: what ring.h does not do at once. */
#include <inttypes.h>

#include "emu/virtio/ring.h"

void vmodel_packed_event(struct virtio_model *model, struct vmodel_queue *queue)
{
    char name[VMODEL_PLACE_SIZE];
    uint16_t flags = __atomic_load_n(&queue->driver_event->flags, __ATOMIC_RELAXED);
    uint32_t most = model->event_idx ? VIRTQ_RING_EVENT_FLAGS_DESC : VIRTQ_RING_EVENT_FLAGS_DISABLE;
    if (flags <= most || queue->suppressed)
        return;
    queue->suppressed = true;
    sanitizer_report(&model->device.sanitizer,
                     "%s: driver event suppression flags are %" PRIX16 "h, right is 0 to %" PRIu32 " %s EVENT_IDX"
                     " (2.8.14)",
                     vmodel_queue_name(queue, name), flags, most, model->event_idx ? "with" : "without");
}

/* What a descriptor that is not available looks like: one that was used in the round before, or never. */
static bool packed_idle(uint64_t word, bool wrap)
{
    return ((uint32_t)(word >> 48) & VMODEL_PACKED_BITS) == (wrap ? 0 : VMODEL_PACKED_BITS);
}

static bool packed_is_available(uint64_t word, bool wrap)
{
    return ((uint32_t)(word >> 48) & VMODEL_PACKED_BITS) == vmodel_packed_available(wrap);
}

static uint64_t packed_second(const struct vmodel_queue *queue, uint32_t position)
{
    return __atomic_load_n((const uint64_t *)vmodel_second(&queue->ring[position]), __ATOMIC_ACQUIRE);
}

/* Whether there is a next buffer. */
static bool packed_may_begin(struct virtio_model *model, struct vmodel_queue *queue, uint64_t word)
{
    char place[VMODEL_PLACE_SIZE];
    if (queue->outstanding == queue->size || &queue->ring[queue->next] == queue->withheld) {
        /* The device holds all descriptors, or has not shown yet that it returns this one: it has the flags of the
         * round before, in which it was posted. */
        if (packed_is_available(word, !queue->wrap))
            return false;
        sanitizer_report(&model->device.sanitizer, "%s: flags %" PRIX32 "h: changed while the device holds it (2.8.16)",
                         vmodel_place(queue, queue->next, place), (uint32_t)(word >> 48));
    } else {
        if (packed_is_available(word, queue->wrap))
            return true;
        if (packed_idle(word, queue->wrap))
            return false;
        /* What the device skipped is as it was posted in the round before (2.8.6, 2.8.8). */
        if (queue->skips && packed_is_available(word, !queue->wrap))
            return false;
        sanitizer_report(&model->device.sanitizer,
                         "%s: flags %" PRIX32 "h: neither available (AVAIL %d, USED %d, by the wrap counter) nor as the"
                         " device left it (2.8.1)",
                         vmodel_place(queue, queue->next, place), (uint32_t)(word >> 48), queue->wrap, !queue->wrap);
    }
    vmodel_break(model, queue);
    return false;
}

static void packed_add(struct virtio_model *model, struct vmodel_queue *queue, struct vmodel_chain *chain,
                       uint32_t position, uint64_t word)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    char place[VMODEL_PLACE_SIZE];
    uint32_t flags = (uint32_t)(word >> 48) & ~VMODEL_PACKED_BITS;
    struct vmodel_slot *slot = &chain->slot[chain->count++];
    *slot = (struct vmodel_slot){.address = vmodel_load(&queue->ring[position].addr), .len = (uint32_t)word};
    if ((flags & VIRTQ_DESC_F_WRITE) != 0)
        slot->flags |= VMODEL_SLOT_WRITE;
    if ((flags & VIRTQ_DESC_F_INDIRECT) != 0) {
        sanitizer_report(sanitizer, "%s: flag INDIRECT, but INDIRECT_DESC was not negotiated (2.8.19)",
                         vmodel_place(queue, position, place));
        chain->bad = true;
    } else if ((flags & ~(VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE)) != 0) {
        sanitizer_report(sanitizer, "%s: unknown flags %" PRIX32 "h; there are NEXT, WRITE, AVAIL and USED (2.8.13)",
                         vmodel_place(queue, position, place), flags);
        chain->bad = true;
    }
    chain->id = (uint16_t)(word >> 32); /* that of the last descriptor counts, 2.8.6 */
}

bool vmodel_packed_read(struct virtio_model *model, struct vmodel_queue *queue, struct vmodel_chain *chain)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    char place[VMODEL_PLACE_SIZE];
    uint32_t position = queue->next;
    bool wrap = queue->wrap;
    uint64_t word = packed_second(queue, position);
    *chain = (struct vmodel_chain){.slot = model->chain, .position = position};
    if (!packed_may_begin(model, queue, word))
        return false;
    for (;;) {
        packed_add(model, queue, chain, position, word);
        vmodel_packed_advance(queue, &position, &wrap, 1);
        if ((word >> 48 & VIRTQ_DESC_F_NEXT) == 0)
            break;
        if (queue->outstanding + chain->count == queue->size) {
            sanitizer_report(
                sanitizer,
                "%s: its list goes on into descriptors that the device holds: it has more than the %" PRIu32
                " that were free (2.8.17)",
                vmodel_place(queue, chain->position, place), chain->count);
            vmodel_break(model, queue);
            return false;
        }
        word = packed_second(queue, position);
        if (!packed_is_available(word, wrap)) {
            sanitizer_report(sanitizer,
                             "%s: flags %" PRIX32 "h: a list goes on here whose first descriptor is available, and this"
                             " one is not (2.8.6, 2.8.21.1)",
                             vmodel_place(queue, position, place), (uint32_t)(word >> 48));
            vmodel_break(model, queue);
            return false;
        }
    }
    if (queue->held[chain->id]) {
        sanitizer_report(sanitizer, "%s: Buffer ID %" PRIu16 " is that of a buffer which the device holds (2.8.21.1)",
                         vmodel_place(queue, chain->position, place), chain->id);
        vmodel_break(model, queue);
        return false;
    }
    queue->held[chain->id] = true;
    for (uint32_t i = 0; i < chain->count; i++)
        chain->slot[i].id = chain->id;
    chain->slot[chain->count - 1].flags |= VMODEL_SLOT_LAST;
    queue->next = position;
    queue->wrap = wrap;
    queue->outstanding += chain->count;
    return true;
}
