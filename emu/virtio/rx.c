/* The receive engine: from the wire into posted buffers (5.1.6.3, 5.1.6.4). */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "emu/virtio/ring.h"

/* Most frames that one step looks at when nothing else bounds it: a wire never runs dry at a loop. */
#define VMODEL_RX_BOUND 4096

/* The least room that a buffer has: without MRG_RXBUF a whole frame (5.1.6.3.1). */
static uint32_t vmodel_rx_room(const struct virtio_model *model)
{
    return model->mergeable ? model->header : model->header + FRAME_LENGTH_MAX;
}

/* ---- what the driver posted ---- */

/* What is wrong with a posted buffer. */
static bool vmodel_rx_judge(struct virtio_model *model, const struct vmodel_queue *queue,
                            const struct vmodel_chain *chain)
{
    char place[VMODEL_PLACE_SIZE];
    uint64_t room;
    if (!vmodel_chain_judge(model, queue, chain, &room))
        return false;
    if (room < vmodel_rx_room(model)) {
        sanitizer_report(&model->device.sanitizer,
                         "%s: a receive buffer of %" PRIu64 " bytes; %s MRG_RXBUF it has %" PRIu32
                         " or more (5.1.6.3.1)",
                         vmodel_place(queue, chain->position, place), room, model->mergeable ? "with" : "without",
                         vmodel_rx_room(model));
        return false;
    }
    return true;
}

/* A buffer that is not plainly right: several descriptors, or a wrong one, which is used at once with nothing in it.
 * False if there is none, or the ring broke. */
static __attribute__((noinline)) bool vmodel_rx_fetch_other(struct virtio_model *model, struct vmodel_queue *queue)
{
    struct vmodel_chain chain;
    if (!vmodel_read(model, queue, &chain))
        return false;
    if (chain.bad || !vmodel_rx_judge(model, queue, &chain) || !vmodel_chain_claim(model, queue, &chain)) {
        struct vmodel_packed_batch batch = {.first = NULL};
        for (uint32_t i = 0; i < chain.count; i++)
            queue->held[model->packed ? chain.id : model->chain_index[i]] = false;
        vmodel_complete(model, queue, &batch, chain.id, chain.count, 0);
        vmodel_publish(model, queue, &batch);
        return true;
    }
    for (uint32_t i = 0; i < chain.count; i++) {
        struct vmodel_slot *slot = &queue->slots[queue->fetched++ & queue->slot_mask];
        *slot = chain.slot[i];
        if (!model->packed)
            slot->id = model->chain_index[i]; /* the first is the head */
    }
    return true;
}

/* Buffers of one descriptor each. Returns how many were plainly right; the next one is not, or there is none. */
static inline __attribute__((always_inline)) uint32_t
vmodel_rx_fetch_plain(struct virtio_model *model, struct vmodel_queue *queue, uint32_t count, const bool packed)
{
    const uint32_t room = vmodel_rx_room(model), size = queue->size, slot_mask = queue->slot_mask;
    const bool in_order = !packed && model->in_order;
    struct vmodel_slot *const slots = queue->slots;
    bool *const held = queue->held;
    struct emu_dma_window window = {.size = 0};
    uint32_t next = queue->next, fetched = queue->fetched, order = queue->order, done = 0;
    bool wrap = queue->wrap;
    for (; done < count; done++) {
        uint64_t address, word;
        uint32_t id;
        if (packed) {
            const struct virtq_packed_desc *descriptor = &queue->ring[next];
            word = __atomic_load_n((const uint64_t *)vmodel_second(descriptor), __ATOMIC_ACQUIRE);
            address = vmodel_load(&descriptor->addr);
            id = (uint32_t)(word >> 32) & 0xFFFF;
            if (__builtin_expect(word >> 48 != (vmodel_packed_available(wrap) | VIRTQ_DESC_F_WRITE), 0))
                break;
        } else {
            id = vmodel_split_head(queue, next);
            if (__builtin_expect(id >= size || (in_order && id != order), 0))
                break;
            word = vmodel_load(vmodel_second(&queue->desc[id]));
            address = vmodel_load(&queue->desc[id].addr);
            if (__builtin_expect((word >> 32 & 0xFFFF) != VIRTQ_DESC_F_WRITE, 0))
                break;
        }
        uint32_t len = (uint32_t)word;
        if (__builtin_expect(len < room || held[id], 0))
            break;
        if (done == 0)
            window = emu_device_window(&model->device, address);
        if (__builtin_expect(emu_dma_claim(&window, address, len) == NULL, 0))
            break;
        held[id] = true;
        slots[fetched++ & slot_mask] = (struct vmodel_slot){
            .address = address, .len = len, .id = (uint16_t)id, .flags = VMODEL_SLOT_WRITE | VMODEL_SLOT_LAST};
        if (packed) {
            vmodel_packed_advance(queue, &next, &wrap, 1);
        } else {
            next = (uint16_t)(next + 1);
            order = (id + 1) & (size - 1);
        }
    }
    queue->next = next;
    queue->fetched = fetched;
    queue->order = order;
    queue->wrap = wrap;
    if (packed)
        queue->outstanding += done;
    return done;
}

static void vmodel_rx_fetch_split(struct virtio_model *model, struct vmodel_queue *queue)
{
    uint32_t posted = vmodel_split_posted(model, queue);
    if (!model->device.timing_inline)
        for (uint32_t i = 0; i < posted; i++) /* a threaded model finds the descriptors in its driver's core */
            emu_prefetch(&queue->desc[vmodel_split_head(queue, queue->next + i) & (queue->size - 1)]);
    while (posted != 0) {
        if (!model->header_alone)
            posted -= vmodel_rx_fetch_plain(model, queue, posted, false);
        if (posted == 0 || !vmodel_rx_fetch_other(model, queue))
            break;
        posted--;
    }
}

static void vmodel_rx_fetch_packed(struct virtio_model *model, struct vmodel_queue *queue)
{
    /* Once round the ring at most: a driver on another thread may post wrong buffers as fast as they are refused. */
    for (uint32_t i = 0; i < queue->size; i++) {
        vmodel_rx_fetch_plain(model, queue, queue->size - queue->outstanding, true);
        if (!vmodel_rx_fetch_other(model, queue))
            break;
    }
    vmodel_packed_event(model, queue);
}

void vmodel_receive_fetch(struct virtio_model *model, struct vmodel_queue *queue)
{
    if (queue->lies_end || !vmodel_looks(model, queue))
        return;
    if (model->packed)
        vmodel_rx_fetch_packed(model, queue);
    else
        vmodel_rx_fetch_split(model, queue);
    vmodel_looked(model, queue);
}

/* ---- frames ---- */

/* Room of the buffer whose descriptors begin at a position, and how many it has. */
static uint32_t vmodel_rx_buffer(const struct virtio_model *model, const struct vmodel_queue *queue, uint32_t position,
                                 uint32_t *descriptors)
{
    uint64_t room = 0;
    const struct vmodel_slot *slot;
    uint32_t from = position;
    do {
        slot = &queue->slots[position++ & queue->slot_mask];
        room += slot->len;
    } while ((slot->flags & VMODEL_SLOT_LAST) == 0);
    *descriptors = position - from;
    return room < model->span ? (uint32_t)room : model->span;
}

/* Writes one buffer's part of header and frame; false if DMA must not happen. */
static bool vmodel_rx_fill(struct virtio_model *model, struct vmodel_queue *queue, uint32_t descriptors,
                           const uint8_t *bytes, uint32_t len)
{
    bool whole = true;
    for (uint32_t i = 0; i < descriptors; i++) {
        const struct vmodel_slot *slot = &queue->slots[queue->head++ & queue->slot_mask];
        uint32_t piece = len < slot->len ? len : slot->len;
        uint8_t *buffer = vmodel_buffer_release(model, queue, slot);
        queue->held[slot->id] = false;
        if (buffer == NULL)
            whole = false;
        else
            memcpy(buffer, bytes, piece);
        bytes += piece;
        len -= piece;
    }
    return whole;
}

/* The driver sees what is there; of a lie it may have any buffer from then on, so none is written to any more. */
static inline void vmodel_rx_publish(struct virtio_model *model, struct vmodel_queue *queue,
                                     struct vmodel_packed_batch *batch)
{
    vmodel_publish(model, queue, batch);
    if (__builtin_expect(queue->lies_end, 0))
        vmodel_lie_leave(model, queue);
}

/* What the header says of the checksum of a frame, which stands in the scratch behind it (5.1.6.4.1). */
static void vmodel_rx_checksum(struct virtio_model *model, uint32_t len)
{
    uint8_t *frame = model->scratch + model->header;
    struct vmodel_checksum_place place;
    if (vmodel_checksum_verify(frame, len, &place) != VMODEL_CHECKSUM_GOOD)
        return;
    if (!model->partial || !vmodel_checksum_undo(frame, len, &place)) {
        model->scratch[0] = VIRTIO_NET_HDR_F_DATA_VALID;
        return;
    }
    const uint16_t start = (uint16_t)place.start, offset = (uint16_t)place.offset;
    model->scratch[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    memcpy(model->scratch + offsetof(struct virtio_net_hdr, csum_start), &start, sizeof(start));
    memcpy(model->scratch + offsetof(struct virtio_net_hdr, csum_offset), &offset, sizeof(offset));
}

/* Puts a frame into as many buffers as it needs. False if there are too few. */
static bool vmodel_rx_deliver(struct virtio_model *model, struct vmodel_queue *queue, const uint8_t *frame,
                              uint32_t len)
{
    const uint32_t size = model->header + len;
    uint32_t buffers = 0, descriptors, room = 0;
    for (uint32_t position = queue->head; room < size; position += descriptors, buffers++) {
        if (position == queue->fetched)
            return false;
        room += vmodel_rx_buffer(model, queue, position, &descriptors);
    }
    if (buffers > 1 && !model->mergeable) { /* the driver's buffer is too small for a jumbo frame, 5.1.6.4.1 */
        model->device.missed++;
        return true;
    }
    vmodel_header_write(model, model->scratch, buffers);
    memcpy(model->scratch + model->header, frame, len);
    if (model->verifies)
        vmodel_rx_checksum(model, len);
    struct vmodel_packed_batch batch = {.first = NULL};
    bool whole = true;
    for (uint32_t done = 0; done < size;) {
        room = vmodel_rx_buffer(model, queue, queue->head, &descriptors);
        uint16_t id = queue->slots[queue->head & queue->slot_mask].id;
        uint32_t piece = size - done < room ? size - done : room;
        whole = vmodel_rx_fill(model, queue, descriptors, model->scratch + done, piece) && whole;
        vmodel_complete(model, queue, &batch, id, descriptors, piece);
        done += piece;
    }
    vmodel_rx_publish(model, queue, &batch);
    if (!whole)
        model->device.missed++;
    return true;
}

/* One frame; false leaves it on the wire. */
static bool vmodel_rx_frame(struct virtio_model *model, const uint8_t *frame, uint32_t len)
{
    if (len < 14 || !vmodel_accepts(model, frame))
        return true;
    /* 5.1.4.2: no longer than the MTU and an Ethernet header, to which a VLAN tag belongs, if that was negotiated. */
    uint32_t tag = frame[12] == 0x81 && frame[13] == 0 ? 4 : 0;
    if (len > model->frame_max + tag) {
        model->device.missed++;
        return true;
    }
    struct vmodel_queue *queue = &model->queues[VIRTIO_NET_RECEIVEQ(vmodel_steer(model, frame, len))];
    if (queue->live) {
        if (vmodel_rx_deliver(model, queue, frame, len))
            return true;
        vmodel_receive_fetch(model, queue);
        if (queue->live && vmodel_rx_deliver(model, queue, frame, len))
            return true;
        if (queue->live && model->device.wire->waits)
            return false;
    }
    model->device.missed++;
    return true;
}

/* ---- generated frames, straight into plain buffers ---- */

/* A threaded model finds buffers and used ring in its driver's core: those of the next batch are called in early. */
static void vmodel_rx_prefetch(const struct virtio_model *model, const struct vmodel_queue *queue, uint32_t count)
{
    for (uint32_t i = 0; i < count && queue->head + i != queue->fetched; i++) {
        uint64_t address = queue->slots[(queue->head + i) & queue->slot_mask].address;
        emu_prefetch_write(emu_dma_hint(&model->device.dma, address));
        emu_prefetch_write(emu_dma_hint(&model->device.dma, address + 64));
        if (model->packed && i % 4 == 0)
            emu_prefetch_write(&queue->ring[(queue->used_next + i) % queue->size]);
        else if (!model->packed && i % 8 == 0)
            emu_prefetch_write(&queue->used->ring[(queue->used_next + i) & (queue->size - 1)]);
    }
}

/* Frames for buffers that lie one behind the other, at most VMODEL_BATCH. All frames first, then all that the driver
 * looks at. Returns for how many buffers; the next one is not plain. */
static uint32_t vmodel_rx_generate_straight(struct virtio_model *model, struct vmodel_queue *queue, struct gen *gen,
                                            uint32_t count)
{
    const struct vmodel_slot *slot = &queue->slots[queue->head & queue->slot_mask];
    const uint32_t header = model->header, size = header + gen->size;
    const struct emu_dma_window window = emu_device_window(&model->device, slot->address);
    bool *const held = queue->held;
    uint16_t id[VMODEL_BATCH];
    uint32_t done = 0;
    for (; done < count; done++) {
        uint64_t offset = slot[done].address - window.first;
        if (__builtin_expect(offset >= window.size || slot[done].len < size, 0) ||
            __builtin_expect(slot[done].flags != (VMODEL_SLOT_WRITE | VMODEL_SLOT_LAST), 0))
            break;
        uint64_t index = (uint64_t)(((emu_dma_wide)offset * window.reciprocal) >> 64);
        if (window.owner != NULL && __builtin_expect(__atomic_load_n(window.owner + index, __ATOMIC_RELAXED) != 0, 0))
            break;
        window.marks[index] = false;
        held[slot[done].id] = false;
        id[done] = slot[done].id;
        uint8_t *buffer = window.base + offset;
        vmodel_header_write(model, buffer, 1);
        gen_write(gen, buffer + header);
    }
    struct vmodel_packed_batch batch = {.first = NULL};
    if (model->packed)
        vmodel_packed_complete_run(queue, &batch, id, done, size);
    else
        vmodel_split_complete_run(queue, id, done, size);
    queue->head += done;
    vmodel_rx_publish(model, queue, &batch);
    return done;
}

static uint32_t vmodel_rx_generate(struct virtio_model *model, uint32_t most)
{
    struct vmodel_queue *queue = &model->queues[VIRTIO_NET_RECEIVEQ(0)];
    struct gen *gen = model->device.gen;
    bool ahead = !model->device.timing_inline;
    if (!queue->live)
        return 0;
    /* A threaded model looks at what the driver writes only when there is too little to go on with. */
    if (!ahead || queue->fetched - queue->head < most)
        vmodel_receive_fetch(model, queue);
    uint32_t available = queue->fetched - queue->head; /* descriptors */
    uint32_t ready = available == 0 ? 0 : gen_ready(gen, available < most ? available : most);
    uint32_t left = ready;
    while (left != 0) {
        uint32_t straight = queue->slot_mask + 1 - (queue->head & queue->slot_mask);
        uint32_t batch = left < VMODEL_BATCH ? left : VMODEL_BATCH;
        batch = batch < straight ? batch : straight;
        /* A frame may take several descriptors: behind fetched lie those of the lap before. */
        uint32_t held = queue->fetched - queue->head;
        batch = batch < held ? batch : held;
        if (batch == 0)
            break;
        uint32_t done = vmodel_rx_generate_straight(model, queue, gen, batch);
        left -= done;
        if (done == batch)
            continue;
        uint8_t frame[GEN_SIZE_MAX];
        gen_build(gen, frame);
        if (!vmodel_rx_deliver(model, queue, frame, gen->size))
            break;
        gen_advance(gen);
        left--;
    }
    if (ahead)
        vmodel_rx_prefetch(model, queue, ready - left);
    return ready - left;
}

uint32_t vmodel_receive(struct virtio_model *model, uint32_t most)
{
    if (model->direct)
        return vmodel_rx_generate(model, most);
    struct wire *wire = model->device.wire;
    struct vmodel_queue *first = &model->queues[VIRTIO_NET_RECEIVEQ(0)];
    uint32_t frames = 0;
    /* An inline model shares its driver's core: it looks at what was posted at once, and sees what is wrong with it. */
    for (uint32_t pair = 0; model->device.timing_inline && pair < model->active; pair++)
        if (model->queues[VIRTIO_NET_RECEIVEQ(pair)].live)
            vmodel_receive_fetch(model, &model->queues[VIRTIO_NET_RECEIVEQ(pair)]);
    if (wire->waits && first->head == first->fetched) {
        if (first->live)
            vmodel_receive_fetch(model, first);
        if (first->head == first->fetched)
            return 0; /* frames wait for a buffer before anything is decided about them */
    }
    uint32_t bound = most < VMODEL_RX_BOUND ? most : VMODEL_RX_BOUND;
    for (; frames < bound; frames++) {
        uint32_t len;
        const uint8_t *frame = wire->ops->peek(wire, &len);
        if (frame == NULL || !vmodel_rx_frame(model, frame, len))
            break;
        wire->ops->consume(wire);
    }
    return frames;
}
