/* Used entries one by one: the careful way, for all that the fast loops leave alone. */
#include "core/virtio/entry.h"

void virtio_fail_id(struct virtio_queue *queue, uint32_t id)
{
    bus_fail(queue->bus, "virtqueue %u: the device returned id %u as number %u, which it does not hold%s",
             queue->number, id, queue->taken, queue->in_order ? " next (IN_ORDER)" : "");
}

/* Reads the next entry without taking it. */
static enum virtio_pop virtio_used_peek(struct virtio_queue *queue, uint32_t *id, uint32_t *len)
{
    if (queue->taken == queue->posted)
        return VIRTIO_POP_NONE;
    if (queue->packed) {
        uint64_t word = virtio_packed_at(queue, queue->taken);
        if (!virtio_packed_is_used(queue, word, queue->taken))
            return VIRTIO_POP_NONE;
        *id = (uint32_t)(word >> 32) & 0xFFFF;
        *len = (uint32_t)word;
        return VIRTIO_POP_ONE;
    }
    uint32_t ready = virtio_split_ready(queue);
    if (ready == 0)
        return VIRTIO_POP_NONE;
    if (ready == UINT32_MAX)
        return VIRTIO_POP_FAILED;
    uint64_t entry = virtio_split_entry(&queue->used->ring[queue->taken & queue->ring_mask]);
    *id = (uint32_t)entry;
    *len = (uint32_t)(entry >> 32);
    return VIRTIO_POP_ONE;
}

/* Takes the buffer of an id that exists at the next position. */
static uint64_t virtio_used_take(struct virtio_queue *queue, uint32_t id)
{
    uint64_t token = queue->buffer[id >> queue->id_shift];
    queue->buffer[id >> queue->id_shift] = VIRTIO_NO_BUFFER;
    queue->id[queue->taken & queue->mask] = (uint16_t)id;
    queue->taken++;
    return token;
}

/* In order, one entry may stand for a batch that ends with its id (2.7.9, 2.8.8). Of the buffers before that one the
 * device says nothing but that it used all of them: no frame has that length, so they are dropped. */
static bool virtio_used_skip(struct virtio_queue *queue, uint32_t id)
{
    uint32_t last = id >> queue->id_shift;
    uint32_t skipped = (last - queue->taken) & queue->mask;
    uint32_t held = queue->packed ? queue->posted - queue->taken : virtio_split_ready(queue);
    if (held == UINT32_MAX || skipped >= held)
        return false;
    for (; skipped > 0; skipped--) {
        uint64_t token = virtio_used_take(queue, queue->id[queue->taken & queue->mask]);
        pool_cache_give(&queue->cache, &token, 1);
        virtio_count(&queue->dropped, 1);
    }
    return true;
}

enum virtio_pop virtio_used_pop(struct virtio_queue *queue, struct virtio_used *used)
{
    uint32_t id, len;
    enum virtio_pop found = virtio_used_peek(queue, &id, &len);
    if (found != VIRTIO_POP_ONE)
        return found;
    if ((id & ~queue->id_mask) != 0 || queue->buffer[id >> queue->id_shift] == VIRTIO_NO_BUFFER ||
        (queue->in_order && !virtio_used_skip(queue, id))) {
        virtio_fail_id(queue, id);
        return VIRTIO_POP_FAILED;
    }
    used->token = virtio_used_take(queue, id);
    used->len = len;
    return VIRTIO_POP_ONE;
}
