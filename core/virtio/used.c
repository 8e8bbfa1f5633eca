/* Used entries one by one: the careful way, for all that the fast loops leave alone. */
#include "core/virtio/entry.h"

void virtio_fail_id(struct virtio_queue *queue, uint32_t id)
{
    bus_fail(queue->bus, "virtqueue %u: the device returned id %u as number %u, which it does not hold%s",
             queue->number, id, queue->taken, queue->in_order ? " next (IN_ORDER)" : "");
}

/* Reads the next entry without taking it. ready: how many the device may have returned. */
static enum virtio_pop virtio_used_peek(struct virtio_queue *queue, uint32_t *id, uint32_t *len, uint32_t *ready)
{
    *ready = queue->posted - queue->taken;
    if (*ready == 0)
        return VIRTIO_POP_NONE;
    if (queue->packed) {
        uint64_t word = virtio_packed_at(queue, queue->taken);
        if (!virtio_packed_is_used(queue, word, queue->taken))
            return VIRTIO_POP_NONE;
        *id = (uint32_t)(word >> 32) & 0xFFFF;
        *len = (uint32_t)word;
        return VIRTIO_POP_ONE;
    }
    *ready = virtio_split_ready(queue);
    if (*ready == 0)
        return VIRTIO_POP_NONE;
    if (*ready == UINT32_MAX)
        return VIRTIO_POP_FAILED;
    const struct virtq_used_elem *element = &queue->used->ring[queue->taken & queue->ring_mask];
    *id = virtio_used_id(element);
    *len = virtio_used_len(element);
    return VIRTIO_POP_ONE;
}

/* Whether the device holds the buffer of an id, and how many it holds that were posted before. */
static bool virtio_used_find(const struct virtio_queue *queue, uint32_t id, uint32_t *before)
{
    if ((id & ~queue->id_mask) != 0)
        return false;
    *before = (queue->slot[id >> queue->id_shift] - queue->taken) & queue->mask;
    return *before < queue->posted - queue->taken;
}

/* In order, one entry may stand for a batch that ends with its id (2.7.9, 2.8.8). Of the buffers before that one the
 * device says nothing but that it used all of them: no frame has that length, so they are dropped. */
static void virtio_used_skip(struct virtio_queue *queue, uint32_t count)
{
    for (; count > 0; count--, queue->taken++) {
        pool_cache_give(&queue->cache, queue->buffer + (queue->taken & queue->mask), 1);
        virtio_count(&queue->dropped, 1);
    }
}

/* Out of order: the next slot and the one of the buffer that came back change places. The device has taken both from
 * the available ring: it returned the later one. */
static void virtio_used_swap(struct virtio_queue *queue, uint32_t before)
{
    uint32_t next = queue->taken & queue->mask, other = (queue->taken + before) & queue->mask;
    uint16_t id = queue->id[next];
    uint64_t token = queue->buffer[next];
    queue->id[next] = queue->id[other];
    queue->buffer[next] = queue->buffer[other];
    queue->id[other] = id;
    queue->buffer[other] = token;
    queue->slot[queue->id[next] >> queue->id_shift] = (uint16_t)next;
    queue->slot[id >> queue->id_shift] = (uint16_t)other;
    if (!queue->packed) {
        virtio_split_offer(queue, next);
        virtio_split_offer(queue, other);
    }
}

enum virtio_pop virtio_used_pop(struct virtio_queue *queue, struct virtio_used *used)
{
    uint32_t id, len, ready, before;
    enum virtio_pop found = virtio_used_peek(queue, &id, &len, &ready);
    if (found != VIRTIO_POP_ONE)
        return found;
    if (!virtio_used_find(queue, id, &before) || (queue->in_order && before >= ready)) {
        virtio_fail_id(queue, id);
        return VIRTIO_POP_FAILED;
    }
    if (queue->in_order)
        virtio_used_skip(queue, before);
    else if (before != 0)
        virtio_used_swap(queue, before);
    used->token = queue->buffer[queue->taken++ & queue->mask];
    used->len = len;
    used->skipped = queue->in_order ? before : 0;
    return VIRTIO_POP_ONE;
}
