/* Transmit (VirtIO 1.3, 5.1.6.2): each frame and the header before it are one buffer. */
#include <string.h>

#include "core/virtio/notify.h"
#include "core/virtio/packet.h"
#include "core/virtio/tx_run.h"

/* Buffers in flight from which on sent ones are taken back, though the ring has room: the fewer buffers go round, the
 * more of what belongs to them is still in the cache. */
#define VIRTIO_TX_IN_FLIGHT 128

/* Gives the buffers of the next slots back to the pool. */
static void virtio_tx_give(struct virtio_queue *queue, uint32_t count)
{
    while (count > 0) {
        uint32_t slot = queue->taken & queue->mask;
        uint32_t to_end = queue->mask + 1 - slot;
        uint32_t piece = count < to_end ? count : to_end;
        pool_cache_give(&queue->cache, queue->buffer + slot, piece);
        queue->taken += piece;
        count -= piece;
    }
}

/* How many used entries at consecutive places of the ring, at most `most`, return buffers in the order in which they
 * were posted. */
static inline __attribute__((always_inline)) uint32_t virtio_tx_in_order(const struct virtio_queue *queue,
                                                                         uint32_t most, bool packed)
{
    const struct virtq_used_elem *element = queue->used->ring + (queue->taken & queue->ring_mask);
    const struct virtq_packed_desc *desc = queue->ring + (queue->taken & queue->ring_mask);
    const uint64_t used_flags = virtio_packed_used_flags(queue, queue->taken);
    const uint16_t *ids = queue->id + (queue->taken & queue->mask);
    uint32_t count = 0;
    for (; count < most; count++) {
        if (packed ? (virtio_packed_word(desc + count) & (VIRTIO_PACKED_USED | VIRTIO_PACKED_ID)) !=
                         (used_flags | (uint64_t)ids[count] << 32)
                   : virtio_used_id(element + count) != ids[count])
            break;
    }
    return count;
}

/* Takes back the buffers of `count` used entries; of a packed ring, up to the first that is not used. */
static inline __attribute__((always_inline)) void virtio_tx_return(struct virtio_queue *queue, uint32_t count,
                                                                   bool packed)
{
    while (count > 0) {
        uint32_t to_end = queue->mask + 1 - (queue->taken & queue->mask);
        uint32_t run = count < to_end ? count : to_end;
        uint32_t got = virtio_tx_in_order(queue, run, packed);
        virtio_tx_give(queue, got);
        count -= got;
        if (got == run)
            continue;
        struct virtio_used other; /* out of order, or nothing more */
        if (virtio_used_pop(queue, &other) != VIRTIO_POP_ONE)
            return;
        pool_cache_give(&queue->cache, &other.token, 1);
        count--;
    }
}

/* In order, a packed entry names the last buffer of a batch that begins where the entry lies (2.8.8). */
static void virtio_tx_return_batches(struct virtio_queue *queue)
{
    while (queue->taken != queue->posted) {
        uint64_t word = virtio_packed_at(queue, queue->taken);
        if (!virtio_packed_is_used(queue, word, queue->taken))
            return;
        uint32_t id = (uint32_t)(word >> 32) & 0xFFFF;
        uint32_t batch = ((id - queue->taken) & queue->mask) + 1;
        if (id > queue->mask || batch > queue->posted - queue->taken) {
            virtio_fail_id(queue, id);
            return;
        }
        virtio_tx_give(queue, batch);
    }
}

/* Takes back the buffers that were sent. */
static void virtio_tx_clean(struct virtio_queue *queue)
{
    if (queue->packed) {
        if (queue->in_order)
            virtio_tx_return_batches(queue);
        else
            virtio_tx_return(queue, queue->posted - queue->taken, true);
        return;
    }
    uint32_t ready = virtio_split_ready(queue);
    if (ready == UINT32_MAX)
        return;
    if (queue->in_order) /* a count tells which; what the device wrote into its entries is not looked at */
        virtio_tx_give(queue, ready);
    else
        virtio_tx_return(queue, ready, false);
}

/* How many of count frames the ring has room for. */
static inline uint32_t virtio_tx_room(struct virtio_queue *queue, uint32_t count)
{
    const uint32_t capacity = queue->limit;
    uint32_t in_flight = queue->posted - queue->taken;
    if (in_flight >= VIRTIO_TX_IN_FLIGHT || capacity - in_flight < count) {
        virtio_tx_clean(queue);
        if (capacity - (queue->posted - queue->taken) < count && queue->step != NULL) {
            queue->step->step(queue->step);
            virtio_tx_clean(queue);
        }
        in_flight = queue->posted - queue->taken;
    }
    return count < capacity - in_flight ? count : capacity - in_flight;
}

enum virtio_tx_layout { VIRTIO_TX_SPLIT, VIRTIO_TX_SPLIT_PAIRS, VIRTIO_TX_PACKED };

/* Fills consecutive slots from a position on with frames that may be sent. Returns what hands over the first of a
 * packed batch, which is the caller's to store. */
static inline __attribute__((always_inline)) uint64_t virtio_tx_fill(struct virtio_queue *queue, uint32_t position,
                                                                     const struct frame *frames, uint32_t count,
                                                                     enum virtio_tx_layout layout)
{
    const uint16_t *id = queue->id + (position & queue->mask);
    struct virtq_packed_desc *packed = queue->ring + (position & queue->ring_mask);
    const uint64_t packed_flags = virtio_packed_available(queue, position);
    struct virtq_desc *const table = queue->desc;
    uint8_t *const pool_base = queue->pool_base;
    const uint64_t pool_address = queue->pool_address;
    const uint32_t header = queue->header;
    const bool begins = position == queue->posted;
    uint64_t first = 0, bytes = 0;
    const struct frame *end = frames + count;
    for (const struct frame *frame = frames; frame != end; frame++, id++, packed++) {
        uint64_t place = frame_place(frame);
        uint32_t start = (uint32_t)place - header;
        uint32_t len = (uint32_t)(place >> 32) + header;
        uint64_t address = pool_address + start;
        virtio_tx_header(pool_base + start, header);
        bytes += len;
        if (layout == VIRTIO_TX_PACKED) {
            uint64_t word = packed_flags | (uint64_t)*id << 32 | len;
            __atomic_store_n(&packed->addr, address, __ATOMIC_RELAXED);
            if (begins && frame == frames)
                first = word; /* the device waits for it: it is stored when the whole batch is there */
            else
                __atomic_store_n((uint64_t *)(void *)&packed->len, word, __ATOMIC_RELEASE);
        } else if (layout == VIRTIO_TX_SPLIT) {
            virtio_desc_set(table + *id, address, len, 0, 0);
        } else { /* the header in a descriptor of its own, 2.7.4.3 */
            virtio_desc_set(table + *id, address, header, VIRTQ_DESC_F_NEXT, *id + 1u);
            virtio_desc_set(table + *id + 1, address + header, len - header, 0, 0);
        }
    }
    virtio_tx_took(queue, count, bytes);
    return first;
}

/* Takes frames into consecutive slots; returns how many may be sent. The array of a caller who is checked is read here
 * and nowhere else: headers are written next, and it may lie where they do. */
static inline __attribute__((always_inline)) uint32_t virtio_tx_take(struct virtio_queue *queue, uint64_t *buffer,
                                                                     const struct frame *frames, uint32_t count,
                                                                     bool owned, struct frame *copy, int32_t *code)
{
    const struct ownership_limits limits = {queue->header, VIRTIO_TX_LENGTH_MIN, queue->length_max};
    if (owned)
        return ownership_take_back_batch(queue->ownership, frames, count, limits, copy, buffer, code);
    for (uint32_t i = 0; i < count; i++)
        buffer[i] = frames[i].buf;
    return count;
}

static inline __attribute__((always_inline)) uint32_t virtio_tx_ring(struct virtio_queue *queue,
                                                                     const struct frame *frames, uint32_t count,
                                                                     enum virtio_tx_layout layout, bool owned,
                                                                     int32_t *code)
{
    uint32_t position = queue->posted;
    uint64_t first = 0;
    for (uint32_t left = count; left > 0;) { /* a piece at a time, which ends at the ring's end */
        struct frame copy[VIRTIO_TX_PIECE];
        uint32_t to_end = queue->mask + 1 - (position & queue->mask);
        uint32_t run = left < to_end ? left : to_end;
        uint32_t taken = 0;
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) /* which does not see what vectors read */
        if (owned && queue->avx2 && layout == VIRTIO_TX_SPLIT)
            taken = virtio_tx_run_avx2_split(queue, position, frames, run);
        else if (owned && queue->avx2 && layout == VIRTIO_TX_PACKED)
            taken = virtio_tx_run_avx2_packed(queue, position, frames, run, &first);
#endif
        position += taken;
        frames += taken;
        left -= taken;
        run -= taken;
        if (run == 0)
            continue;
        run = owned && run > VIRTIO_TX_PIECE ? VIRTIO_TX_PIECE : run;
        taken = virtio_tx_take(queue, queue->buffer + (position & queue->mask), frames, run, owned, copy, code);
        uint64_t word = virtio_tx_fill(queue, position, owned ? copy : frames, taken, layout);
        first = position == queue->posted ? word : first;
        position += taken;
        frames += taken;
        left = taken == run ? left - taken : 0;
    }
    uint32_t sent = position - queue->posted;
    if (sent == 0)
        return 0;
    /* The device sees headers, frames and descriptors before what hands them over (2.7.13.3.1, 2.8.21.1.1). */
    virtio_store_barrier();
    if (layout == VIRTIO_TX_PACKED)
        __atomic_store_n((uint64_t *)(void *)&queue->ring[queue->posted & queue->ring_mask].len, first,
                         __ATOMIC_RELEASE);
    else
        __atomic_store_n(&queue->avail->idx, (uint16_t)position, __ATOMIC_RELEASE);
    queue->posted = position;
    virtio_notify(queue);
    return sent;
}

static inline __attribute__((always_inline)) uint32_t
virtio_tx_send(struct virtio_queue *queue, const struct frame *frames, uint32_t count, bool owned, int32_t *code)
{
    if (__builtin_expect(queue->chains != NULL, 0)) {
        uint32_t sent = virtio_chains_send(queue, frames, count, owned, code);
        if (sent == 0 && count != 0 && *code == 0 && bus_idle(&queue->idle))
            virtio_watch(queue->bus);
        return sent;
    }
    uint32_t room = bus_has_failed(queue->bus) ? 0 : virtio_tx_room(queue, count);
    if (room == 0 && count != 0 && bus_idle(&queue->idle))
        virtio_watch(queue->bus);
    uint32_t sent;
    if (queue->packed)
        sent = virtio_tx_ring(queue, frames, room, VIRTIO_TX_PACKED, owned, code);
    else if (queue->id_shift == 0)
        sent = virtio_tx_ring(queue, frames, room, VIRTIO_TX_SPLIT, owned, code);
    else
        sent = virtio_tx_ring(queue, frames, room, VIRTIO_TX_SPLIT_PAIRS, owned, code);
    /* What ended the run is perhaps a flagged frame, which the rest of the batch goes behind. */
    if (__builtin_expect(*code == IXY_E_FRAME, 0))
        sent += virtio_tx_packets(queue, frames + sent, room - sent, owned, code);
    return sent;
}

uint32_t virtio_tx_batch(void *queue, const struct frame *frames, uint32_t count)
{
    int32_t code = 0;
    return virtio_tx_send(queue, frames, count, false, &code);
}

uint32_t virtio_tx_batch_owned(void *queue, const struct frame *frames, uint32_t count, int32_t *code)
{
    uint32_t sent = virtio_tx_send(queue, frames, count, true, code);
    if (sent == 0 && bus_has_failed(((struct virtio_queue *)queue)->bus))
        *code = IXY_E_DEVICE;
    return sent;
}
