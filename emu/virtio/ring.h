/* The rings as the device sees them: looking for what the driver has made available, and giving it back.
 *
 * Used buffers are written in one place for each ring (vmodel_split_complete, vmodel_packed_complete) and become
 * visible to the driver in one (vmodel_split_publish, vmodel_packed_publish), once a batch. The header before a frame
 * is written in one place too. */
#ifndef EMU_VIRTIO_RING_H
#define EMU_VIRTIO_RING_H

#include <string.h>

#include "emu/virtio/model.h"

#define VMODEL_PACKED_BITS (VIRTQ_PACKED_DESC_F_AVAIL | VIRTQ_PACKED_DESC_F_USED)

static inline uint64_t vmodel_load(const void *word)
{
    return __atomic_load_n((const uint64_t *)word, __ATOMIC_RELAXED);
}

/* The second word of a descriptor. Split: len, flags, next; packed: len, id, flags. */
static inline const void *vmodel_second(const void *descriptor)
{
    return (const uint8_t *)descriptor + 8;
}

/* ---- split, 2.7 ---- */

/* How many buffers the driver has made available that the device has not looked at (2.7.6). */
static inline uint32_t vmodel_split_posted(struct virtio_model *model, struct vmodel_queue *queue)
{
    uint16_t idx = __atomic_load_n(&queue->avail->idx, __ATOMIC_ACQUIRE);
    uint32_t posted = (uint16_t)(idx - queue->next);
    if (posted == 0)
        return 0;
    uint16_t flags = __atomic_load_n(&queue->avail->flags, __ATOMIC_RELAXED);
    if (__builtin_expect(flags > (model->event_idx ? 0 : VIRTQ_AVAIL_F_NO_INTERRUPT), 0))
        vmodel_split_flags(model, queue, flags);
    if (__builtin_expect(posted + (uint16_t)(queue->next - queue->used_next) > queue->size, 0)) {
        vmodel_split_jumped(model, queue, idx);
        return 0;
    }
    return posted;
}

static inline uint32_t vmodel_split_head(const struct vmodel_queue *queue, uint32_t index)
{
    return __atomic_load_n(&queue->avail->ring[index & (queue->size - 1)], __ATOMIC_RELAXED);
}

/* One used element, which the driver does not see before publish (2.7.8). */
static inline void vmodel_split_complete(struct vmodel_queue *queue, uint32_t id, uint32_t len)
{
    struct virtq_used_elem *element = &queue->used->ring[queue->used_next & (queue->size - 1)];
    element->id = id;
    element->len = len;
    queue->used_next++;
}

static inline void vmodel_split_publish(struct vmodel_queue *queue)
{
    __atomic_store_n(&queue->used->idx, (uint16_t)queue->used_next, __ATOMIC_RELEASE);
}

/* ---- packed, 2.8 ---- */

/* AVAIL and USED as they are in a descriptor that the driver has made available (2.8.1). */
static inline uint32_t vmodel_packed_available(bool wrap)
{
    return wrap ? VIRTQ_PACKED_DESC_F_AVAIL : VIRTQ_PACKED_DESC_F_USED;
}

static inline void vmodel_packed_advance(const struct vmodel_queue *queue, uint32_t *position, bool *wrap,
                                         uint32_t count)
{
    *position += count;
    if (*position >= queue->size) {
        *position -= queue->size;
        *wrap = !*wrap;
    }
}

/* Used descriptors of a batch: all but the first are written at once; the first, which the driver looks at before it
 * looks at the others, when the batch is complete. So the driver takes each line of the ring away once. */
struct vmodel_packed_batch {
    struct virtq_packed_desc *first; /* NULL: none yet */
    uint64_t word;
};

static inline void vmodel_packed_complete(struct vmodel_queue *queue, struct vmodel_packed_batch *batch, uint32_t id,
                                          uint32_t count, uint32_t len)
{
    struct virtq_packed_desc *descriptor = &queue->ring[queue->used_next];
    uint32_t flags = queue->used_wrap ? VMODEL_PACKED_BITS : 0;
    if (len != 0)
        flags |= VIRTQ_DESC_F_WRITE; /* 2.8.3: the device wrote into the buffer */
    uint64_t word = (uint64_t)flags << 48 | (uint64_t)id << 32 | len;
    if (batch->first == NULL) {
        batch->first = queue->withheld = descriptor;
        batch->word = word;
    } else {
        __atomic_store_n((uint64_t *)(void *)&descriptor->len, word, __ATOMIC_RELAXED);
    }
    if (count > 1)
        queue->skips = true;
    vmodel_packed_advance(queue, &queue->used_next, &queue->used_wrap, count);
    queue->outstanding -= count;
}

static inline void vmodel_packed_publish(struct vmodel_queue *queue, struct vmodel_packed_batch *batch)
{
    if (batch->first != NULL)
        __atomic_store_n((uint64_t *)(void *)&batch->first->len, batch->word, __ATOMIC_RELEASE);
    batch->first = queue->withheld = NULL;
}

/* The same for buffers of one descriptor each, one behind the other: what the fast ways use. */
static inline void vmodel_split_complete_run(struct vmodel_queue *queue, const uint16_t *id, uint32_t count,
                                             uint32_t len)
{
    struct virtq_used_elem *const ring = queue->used->ring;
    const uint32_t mask = queue->size - 1, first = queue->used_next;
    for (uint32_t i = 0; i < count; i++)
        ring[(first + i) & mask] = (struct virtq_used_elem){.id = id[i], .len = len};
    queue->used_next = first + count;
}

static inline void vmodel_packed_complete_run(struct vmodel_queue *queue, struct vmodel_packed_batch *batch,
                                              const uint16_t *id, uint32_t count, uint32_t len)
{
    while (count != 0) {
        /* The first of a batch, and the last before the ring's end, go the long way. */
        vmodel_packed_complete(queue, batch, *id++, 1, len);
        count--;
        uint32_t straight = queue->size - 1 - queue->used_next;
        straight = straight < count ? straight : count;
        struct virtq_packed_desc *descriptor = &queue->ring[queue->used_next];
        const uint64_t rest =
            (uint64_t)((queue->used_wrap ? VMODEL_PACKED_BITS : 0) | (len != 0 ? VIRTQ_DESC_F_WRITE : 0)) << 48 | len;
        for (uint32_t i = 0; i < straight; i++)
            __atomic_store_n((uint64_t *)(void *)&descriptor[i].len, rest | (uint64_t)id[i] << 32, __ATOMIC_RELAXED);
        queue->used_next += straight;
        queue->outstanding -= straight;
        id += straight;
        count -= straight;
    }
}

/* ---- both ---- */

static inline void vmodel_complete(struct virtio_model *model, struct vmodel_queue *queue,
                                   struct vmodel_packed_batch *batch, uint32_t id, uint32_t count, uint32_t len)
{
    if (model->packed)
        vmodel_packed_complete(queue, batch, id, count, len);
    else
        vmodel_split_complete(queue, id, len);
}

static inline void vmodel_publish(struct virtio_model *model, struct vmodel_queue *queue,
                                  struct vmodel_packed_batch *batch)
{
    if (hostile_is(&model->device.hostile)) {
        vmodel_lie_publish(model, queue, batch);
        if (!model->packed) {
            __atomic_store_n(&queue->used->idx, (uint16_t)vmodel_lie_index(model, queue), __ATOMIC_RELEASE);
            return;
        }
    }
    if (model->packed)
        vmodel_packed_publish(queue, batch);
    else
        vmodel_split_publish(queue);
}

static inline bool vmodel_read(struct virtio_model *model, struct vmodel_queue *queue, struct vmodel_chain *chain)
{
    return model->packed ? vmodel_packed_read(model, queue, chain) : vmodel_split_read(model, queue, chain);
}

/* The header of a received frame (5.1.6.4.1) of which nothing is said: all but num_buffers is 0. */
static inline void vmodel_header_write(const struct virtio_model *model, uint8_t *restrict to, uint32_t buffers)
{
    memset(to, 0, VIRTIO_NET_HDR_SIZE_LEGACY);
    if (__builtin_expect(model->header == VIRTIO_NET_HDR_SIZE, 1)) {
        uint16_t num_buffers = (uint16_t)buffers;
        memcpy(to + VIRTIO_NET_HDR_SIZE_LEGACY, &num_buffers, sizeof(num_buffers));
    }
}

/* Whether the device looks at a ring now; when it has, vmodel_looked. */
static inline bool vmodel_looks(const struct virtio_model *model, struct vmodel_queue *queue)
{
    if (__builtin_expect(!model->notify, 1))
        return true;
    return __atomic_exchange_n(&queue->kicked, 0, __ATOMIC_ACQUIRE) != 0;
}

static inline void vmodel_looked(struct virtio_model *model, struct vmodel_queue *queue)
{
    if (__builtin_expect(!queue->live || !(model->notify || model->event_idx), 1))
        return;
    vmodel_notifications(model, queue);
    if (!model->notify)
        return;
    /* What the driver posted before it could read that comes without a notification (2.7.10, 2.8.10). */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    bool more;
    if (model->packed)
        more = (vmodel_load(vmodel_second(&queue->ring[queue->next])) >> 48 & VMODEL_PACKED_BITS) ==
                   vmodel_packed_available(queue->wrap) &&
               queue->outstanding < queue->size;
    else
        more = __atomic_load_n(&queue->avail->idx, __ATOMIC_RELAXED) != (uint16_t)queue->next;
    if (more)
        __atomic_store_n(&queue->kicked, 1, __ATOMIC_RELAXED);
}

#endif
