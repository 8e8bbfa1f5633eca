/* The transmit engine: from descriptors to the wire (5.1.6.2). */
#include <inttypes.h>
#include <string.h>

#include "emu/virtio/ring.h"

/* With IN_ORDER one used entry tells of a whole batch, by the id of its last buffer (2.7.9, 2.8.8). */
struct vmodel_tx_batch {
    bool merged;          /* so it is done here */
    uint32_t descriptors; /* merged: how many so far */
    uint32_t buffers;
    uint16_t last; /* and the id of the last buffer */
    struct vmodel_packed_batch packed;
    uint32_t marks;
    bool *mark[VMODEL_BATCH];  /* of the buffers that the fast way sent; the driver's when the batch is done */
    uint16_t id[VMODEL_BATCH]; /* their ids */
    uint32_t listed;           /* of these, how many are in queue->held */
};

/* A whole frame, without its header, as it is: nothing in 5.1 asks the device to pad. */
static void vmodel_tx_send(struct virtio_model *model, const uint8_t *frame, uint32_t len)
{
    if (model->device.gen != NULL)
        gen_verify(model->device.gen, frame, len);
    else
        model->device.wire->ops->transmit(model->device.wire, frame, len);
}

/* What is wrong with a buffer's descriptors. A frame that is longer than a wire carries, without an MTU that would
 * forbid it, is no mistake: it is lost there. */
static bool vmodel_tx_judge(struct virtio_model *model, const struct vmodel_queue *queue,
                            const struct vmodel_chain *chain)
{
    char place[VMODEL_PLACE_SIZE];
    uint64_t size;
    if (!vmodel_chain_judge(model, queue, chain, &size))
        return false;
    if (size < model->header + 14) {
        sanitizer_report(&model->device.sanitizer,
                         "%s: %" PRIu64 " bytes; a header (%" PRIu32 ") and a frame of 14 or more are right (5.1.6.2)",
                         vmodel_place(queue, chain->position, place), size, model->header);
        return false;
    }
    if (size <= model->header + model->frame_max)
        return true;
    if (vmodel_has(model, VIRTIO_NET_F_MTU))
        sanitizer_report(&model->device.sanitizer,
                         "%s: %" PRIu64 " bytes; a header (%" PRIu32 ") and a frame of 14 to %" PRIu32
                         " are right: its MTU was negotiated (5.1.4.2)",
                         vmodel_place(queue, chain->position, place), size, model->header, model->frame_max);
    else
        model->device.missed++;
    return false;
}

/* NEEDS_CSUM of a frame behind its header: completes the checksum, and judges what it was made of (5.1.6.2.1). */
static void vmodel_tx_checksum(struct virtio_model *model, const char *place, const struct virtio_net_hdr *header,
                               uint8_t *frame, uint32_t len)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    struct vmodel_checksum_place right;
    uint32_t start = header->csum_start, offset = header->csum_offset;
    if (start < 14 || start + offset + 2 > len) {
        sanitizer_report(sanitizer,
                         "%s: csum_start is %" PRIu32 ", csum_offset %" PRIu32 ", of a frame of %" PRIu32
                         " bytes; the checksum lies in the frame (5.1.6.2.1)",
                         place, start, offset, len);
        return;
    }
    vmodel_checksum_fill(frame, len, start, offset);
    if (vmodel_checksum_verify(frame, len, &right) == VMODEL_CHECKSUM_BAD || right.start != start ||
        right.offset != offset)
        sanitizer_report(sanitizer,
                         "%s: the checksum at csum_start %" PRIu32 " + csum_offset %" PRIu32
                         " is not right when it is completed: the field is to hold the pseudo header's sum, and"
                         " csum_start is where TCP or UDP begins (5.1.6.2.1)",
                         place, start, offset);
}

/* What is wrong with a header, and what it asks for (5.1.6.2.1). size: of the header and the frame behind it. */
static void vmodel_tx_header(struct virtio_model *model, const struct vmodel_queue *queue, uint32_t position,
                             uint8_t *bytes, uint32_t size)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    struct virtio_net_hdr header = {0};
    char place[VMODEL_PLACE_SIZE];
    memcpy(&header, bytes, model->header);
    if (header.flags == 0 && header.gso_type == 0 && header.num_buffers == 0)
        return;
    vmodel_place(queue, position, place);
    if (model->fills && header.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM)
        vmodel_tx_checksum(model, place, &header, bytes + model->header, size - model->header);
    else if (model->fills && header.flags != 0)
        sanitizer_report(sanitizer, "%s: header flags are %" PRIX8 "h; right is NEEDS_CSUM or 0 (5.1.6.2.1)", place,
                         header.flags);
    else if (header.flags != 0)
        sanitizer_report(sanitizer, "%s: header flags are %" PRIX8 "h; without CSUM they are 0 (5.1.6.2.1)", place,
                         header.flags);
    if (header.gso_type != VIRTIO_NET_HDR_GSO_NONE)
        sanitizer_report(sanitizer,
                         "%s: header gso_type is %" PRIu8 "; no segmentation was negotiated, it is 0 (5.1.6.2.1)",
                         place, header.gso_type);
    if (header.num_buffers != 0)
        sanitizer_report(sanitizer, "%s: header num_buffers is %" PRIu16 "; in transmit it is 0 (5.1.6.2.1)", place,
                         header.num_buffers);
}

/* The bytes of a buffer's descriptors, into the scratch. */
static uint32_t vmodel_tx_gather(struct virtio_model *model, const struct vmodel_chain *chain)
{
    uint32_t size = 0;
    for (uint32_t i = 0; i < chain->count; i++) {
        const struct vmodel_slot *slot = &chain->slot[i];
        const uint8_t *from =
            model->device.dma.regions[slot->address >> EMU_DMA_SHIFT].base + (slot->address & EMU_DMA_OFFSET_MASK);
        memcpy(model->scratch + size, from, slot->len);
        size += slot->len;
    }
    return size;
}

static void vmodel_tx_hold(struct vmodel_queue *queue, uint16_t id, uint64_t address)
{
    if (queue->fetched - queue->head > queue->slot_mask)
        return;
    queue->slots[queue->fetched++ & queue->slot_mask] = (struct vmodel_slot){.address = address, .id = id};
    queue->held[id] = true;
}

/* What the fast way has sent is held until the batch is done. Said only where somebody asks. */
static void vmodel_tx_list(struct vmodel_queue *queue, struct vmodel_tx_batch *batch)
{
    for (; batch->listed < batch->marks; batch->listed++)
        vmodel_tx_hold(queue, batch->id[batch->listed], 0);
}

static void vmodel_tx_merge(struct vmodel_tx_batch *batch, uint16_t id, uint32_t buffers, uint32_t descriptors)
{
    batch->last = id;
    batch->buffers += buffers;
    batch->descriptors += descriptors;
}

/* A buffer that is not plainly right: several descriptors, a strange header, or a wrong one. False if there is none,
 * or the ring broke. */
static __attribute__((noinline)) bool vmodel_tx_other(struct virtio_model *model, struct vmodel_queue *queue,
                                                      struct vmodel_tx_batch *batch)
{
    struct vmodel_chain chain;
    vmodel_tx_list(queue, batch);
    if (!vmodel_read(model, queue, &chain))
        return false;
    bool good = !chain.bad && vmodel_tx_judge(model, queue, &chain) && vmodel_chain_claim(model, queue, &chain);
    if (good) {
        uint32_t size = vmodel_tx_gather(model, &chain);
        vmodel_tx_header(model, queue, chain.position, model->scratch, size);
        vmodel_tx_send(model, model->scratch + model->header, size - model->header);
    }
    for (uint32_t i = 0; i < chain.count; i++)
        vmodel_tx_hold(queue, model->packed ? chain.id : model->chain_index[i], good ? chain.slot[i].address : 0);
    if (batch->merged)
        vmodel_tx_merge(batch, chain.id, 1, chain.count);
    else
        vmodel_complete(model, queue, &batch->packed, chain.id, chain.count, 0);
    return true;
}

/* Whether a header is as a driver writes it that negotiated no offload. */
static inline bool vmodel_tx_header_plain(uint32_t header, const uint8_t *bytes)
{
    uint64_t first;
    uint16_t csum_offset, num_buffers = 0;
    memcpy(&first, bytes, 8);
    memcpy(&csum_offset, bytes + 8, 2);
    if (__builtin_expect(header == VIRTIO_NET_HDR_SIZE, 1))
        memcpy(&num_buffers, bytes + 10, 2);
    return (first | csum_offset | num_buffers) == 0;
}

/* Frames of one descriptor each. Returns how many were plainly right; the next one is not, or there is none. */
static inline __attribute__((always_inline)) uint32_t vmodel_tx_plain(struct virtio_model *model,
                                                                      struct vmodel_queue *queue, uint32_t count,
                                                                      struct vmodel_tx_batch *batch, const bool packed)
{
    const uint32_t header = model->header, size = queue->size;
    const uint32_t lengths = model->frame_max - 14 + 1;
    const bool in_order = !packed && model->in_order;
    struct gen *gen = model->device.gen;
    struct emu_dma_window window = {.size = 0};
    bool **const mark = batch->mark + batch->marks;
    uint16_t *const ids = batch->id + batch->marks;
    bool *const held = queue->held;
    uint32_t next = queue->next, order = queue->order, done = 0;
    bool wrap = queue->wrap;
    /* A driver that races on, over descriptors which are not used yet, gets no further than once around. */
    if (packed && count > size - queue->outstanding)
        count = size - queue->outstanding;
    for (; done < count; done++) {
        uint64_t address, word;
        uint32_t id;
        if (packed) {
            const struct virtq_packed_desc *descriptor = &queue->ring[next];
            word = __atomic_load_n((const uint64_t *)vmodel_second(descriptor), __ATOMIC_ACQUIRE);
            address = vmodel_load(&descriptor->addr);
            id = (uint32_t)(word >> 32) & 0xFFFF;
            if (__builtin_expect(word >> 48 != vmodel_packed_available(wrap), 0) || __builtin_expect(held[id], 0))
                break;
        } else {
            id = vmodel_split_head(queue, next);
            if (__builtin_expect(id >= size || (in_order && id != order), 0))
                break;
            word = vmodel_load(vmodel_second(&queue->desc[id]));
            address = vmodel_load(&queue->desc[id].addr);
            if (__builtin_expect((word >> 32 & 0xFFFF) != 0, 0))
                break;
        }
        uint32_t len = (uint32_t)word - header;
        if (__builtin_expect(len - 14 >= lengths, 0))
            break;
        if (done == 0)
            window = emu_device_window(&model->device, address);
        bool *claimed = emu_dma_claim(&window, address, len + header);
        if (__builtin_expect(claimed == NULL, 0))
            break;
        const uint8_t *data = window.base + (address - window.first);
        if (__builtin_expect(!vmodel_tx_header_plain(header, data), 0)) {
            *claimed = false;
            break;
        }
        ids[done] = (uint16_t)id;
        mark[done] = claimed;
        if (__builtin_expect(gen != NULL, 1))
            gen_verify(gen, data + header, len);
        else
            vmodel_tx_send(model, data + header, len);
        if (packed) {
            held[id] = true;
            vmodel_packed_advance(queue, &next, &wrap, 1);
        } else {
            next = (uint16_t)(next + 1);
            order = (id + 1) & (size - 1);
        }
    }
    queue->next = next;
    queue->order = order;
    queue->wrap = wrap;
    batch->marks += done;
    if (packed)
        queue->outstanding += done;
    if (batch->merged) {
        if (done != 0)
            vmodel_tx_merge(batch, ids[done - 1], done, done);
    } else if (packed) {
        vmodel_packed_complete_run(queue, &batch->packed, ids, done, 0);
    } else {
        vmodel_split_complete_run(queue, ids, done, 0);
    }
    return done;
}

/* Up to count buffers. Returns how many there were. */
static uint32_t vmodel_tx_batch(struct virtio_model *model, struct vmodel_queue *queue, uint32_t count)
{
    struct vmodel_tx_batch batch;
    batch.packed.first = NULL;
    batch.marks = batch.listed = batch.buffers = batch.descriptors = 0;
    batch.merged = model->in_order && !hostile_is(&model->device.hostile);
    uint32_t done = 0;
    while (done < count) {
        if (!model->header_alone) {
            done += model->packed ? vmodel_tx_plain(model, queue, count - done, &batch, true)
                                  : vmodel_tx_plain(model, queue, count - done, &batch, false);
            if (done == count)
                break;
        }
        if (!vmodel_tx_other(model, queue, &batch))
            break;
        done++;
    }
    for (uint32_t i = 0; i < batch.marks; i++)
        *batch.mark[i] = false;
    if (model->packed)
        for (uint32_t i = 0; i < batch.marks; i++)
            queue->held[batch.id[i]] = false;
    for (; queue->head != queue->fetched; queue->head++) {
        struct vmodel_slot *slot = &queue->slots[queue->head & queue->slot_mask];
        struct emu_dma_region *region = &model->device.dma.regions[slot->address >> EMU_DMA_SHIFT];
        queue->held[slot->id] = false;
        if (region->stride != 0)
            region->marks[emu_dma_index(region, slot->address & EMU_DMA_OFFSET_MASK)] = false;
    }
    if (batch.buffers != 0) {
        vmodel_complete(model, queue, &batch.packed, batch.last, batch.descriptors, 0);
        if (!model->packed)
            queue->used_next += batch.buffers - 1;
    }
    if (done != 0)
        vmodel_publish(model, queue, &batch.packed);
    return done;
}

/* A threaded model finds available ring, descriptors and packets in its driver's core, one behind the other. */
static void vmodel_tx_prefetch_split(const struct virtio_model *model, const struct vmodel_queue *queue, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        emu_prefetch(&queue->desc[vmodel_split_head(queue, queue->next + i) & (queue->size - 1)]);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t head = vmodel_split_head(queue, queue->next + i) & (queue->size - 1);
        uint64_t address = vmodel_load(&queue->desc[head].addr);
        emu_prefetch(emu_dma_hint(&model->device.dma, address));
        emu_prefetch(emu_dma_hint(&model->device.dma, address + 64));
        if (i % 8 == 0)
            emu_prefetch_write(&queue->used->ring[(queue->used_next + i) & (queue->size - 1)]);
    }
}

static void vmodel_tx_prefetch_packed(const struct virtio_model *model, const struct vmodel_queue *queue,
                                      uint32_t count)
{
    uint32_t position = queue->next;
    bool wrap = queue->wrap;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t word = vmodel_load(vmodel_second(&queue->ring[position]));
        if ((word >> 48 & VMODEL_PACKED_BITS) != vmodel_packed_available(wrap))
            break;
        uint64_t address = vmodel_load(&queue->ring[position].addr);
        emu_prefetch(emu_dma_hint(&model->device.dma, address));
        emu_prefetch(emu_dma_hint(&model->device.dma, address + 64));
        vmodel_packed_advance(queue, &position, &wrap, 1);
    }
}

static uint32_t vmodel_tx_queue(struct virtio_model *model, struct vmodel_queue *queue, uint32_t most)
{
    uint32_t posted = most, sent = 0;
    if (!vmodel_looks(model, queue))
        return 0;
    if (!model->packed) {
        posted = vmodel_split_posted(model, queue);
        posted = posted < most ? posted : most;
    }
    while (sent < posted) {
        uint32_t batch = posted - sent < VMODEL_BATCH ? posted - sent : VMODEL_BATCH;
        if (!model->device.timing_inline) {
            if (model->packed)
                vmodel_tx_prefetch_packed(model, queue, batch);
            else
                vmodel_tx_prefetch_split(model, queue, batch);
        }
        uint32_t done = vmodel_tx_batch(model, queue, batch);
        sent += done;
        if (done < batch || queue->lies_end)
            break;
    }
    if (sent != 0 && model->packed)
        vmodel_packed_event(model, queue);
    vmodel_looked(model, queue);
    return sent;
}

/* A queue pair that VQ_PAIRS_SET did not enable: nothing may be posted there. */
static void vmodel_tx_inactive(struct virtio_model *model, struct vmodel_queue *queue)
{
    char name[VMODEL_PLACE_SIZE];
    bool posted;
    if (model->packed) {
        uint64_t word = vmodel_load(vmodel_second(&queue->ring[queue->next]));
        posted = (word >> 48 & VMODEL_PACKED_BITS) == vmodel_packed_available(queue->wrap);
    } else {
        posted = vmodel_split_posted(model, queue) != 0;
    }
    if (!posted || !queue->live)
        return;
    sanitizer_report(&model->device.sanitizer,
                     "%s: a frame is posted, but VQ_PAIRS_SET allows %" PRIu32 " queue pairs (5.1.6.5.6.1)",
                     vmodel_queue_name(queue, name), model->active);
    vmodel_break(model, queue);
}

uint32_t vmodel_transmit(struct virtio_model *model, uint32_t most)
{
    uint32_t frames = 0;
    for (uint32_t pair = 0; pair < model->pairs; pair++) {
        struct vmodel_queue *queue = &model->queues[VIRTIO_NET_TRANSMITQ(pair)];
        if (!queue->live || queue->direction != VMODEL_TRANSMIT)
            continue;
        if (pair < model->active)
            frames += vmodel_tx_queue(model, queue, most);
        else
            vmodel_tx_inactive(model, queue);
    }
    return frames;
}
