/* Transmit (VirtIO 1.3, 5.1.6.2): each frame and the header before it are one buffer. */
#include <string.h>

#include "core/virtio/notify.h"
#include "core/virtio/entry.h"

/* Buffers in flight from which on sent ones are taken back, though the ring has room: the fewer buffers go round, the
 * more of what belongs to them is still in the cache. */
#define VIRTIO_TX_IN_FLIGHT 128

#define VIRTIO_TX_PIECE 64

/* In order, a count tells which buffers were sent: what the device wrote into its entries is not looked at. */
static void virtio_tx_return_in_order(struct virtio_queue *queue, uint32_t count)
{
    while (count > 0) {
        uint32_t slot = queue->taken & queue->mask;
        uint32_t to_end = queue->mask + 1 - slot;
        uint32_t piece = count < to_end ? count : to_end;
        pool_cache_give(&queue->cache, queue->buffer + slot, piece);
        for (uint32_t i = 0; i < piece; i++)
            queue->buffer[slot + i] = VIRTIO_NO_BUFFER;
        queue->taken += piece;
        count -= piece;
    }
}

/* Takes back the buffers of `count` used entries; of a packed ring, up to the first that is not used. */
static inline __attribute__((always_inline)) void virtio_tx_return(struct virtio_queue *queue, uint32_t count,
                                                                   bool packed)
{
    uint64_t tokens[VIRTIO_TX_PIECE];
    uint32_t got = 0;
    while (count > 0) {
        uint32_t slot = queue->taken & queue->mask;
        uint32_t to_end = queue->mask + 1 - slot;
        uint32_t run = count < to_end ? count : to_end;
        run = run < VIRTIO_TX_PIECE ? run : VIRTIO_TX_PIECE;
        const struct virtq_used_elem *element = queue->used->ring + (queue->taken & queue->ring_mask);
        const struct virtq_packed_desc *desc = queue->ring + slot;
        const uint64_t used_flags = virtio_packed_used_flags(queue, queue->taken);
        const uint32_t id_shift = queue->id_shift;
        /* Buffers that come back in the order in which they were posted */
        for (got = 0; got < run; got++) {
            uint32_t id = queue->id[slot + got];
            uint64_t entry = packed ? virtio_packed_word(desc + got) : virtio_split_entry(element + got);
            if (packed ? (entry & (VIRTIO_PACKED_USED | VIRTIO_PACKED_ID)) != (used_flags | (uint64_t)id << 32)
                       : (uint32_t)entry != id)
                break;
            tokens[got] = queue->buffer[id >> id_shift];
            if (tokens[got] == VIRTIO_NO_BUFFER)
                break;
            queue->buffer[id >> id_shift] = VIRTIO_NO_BUFFER;
        }
        queue->taken += got;
        count -= got;
        struct virtio_used other;
        if (got < run) { /* out of order, or nothing more */
            if (virtio_used_pop(queue, &other) != VIRTIO_POP_ONE)
                count = 0;
            else {
                pool_cache_give(&queue->cache, &other.token, 1);
                count--;
            }
        }
        pool_cache_give(&queue->cache, tokens, got);
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
        virtio_tx_return_in_order(queue, batch);
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
    if (queue->in_order)
        virtio_tx_return_in_order(queue, ready);
    else
        virtio_tx_return(queue, ready, false);
}

/* How many of count frames the ring has room for. */
static inline uint32_t virtio_tx_room(struct virtio_queue *queue, uint32_t count)
{
    const uint32_t capacity = queue->mask + 1;
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

/* A header that asks for nothing, 5.1.6.2: 10 or 12 bytes, as two words that overlap. */
static inline void virtio_tx_header(uint8_t *header, uint32_t size)
{
    const uint64_t nothing = 0;
    memcpy(header, &nothing, sizeof(nothing));
    memcpy(header + size - sizeof(nothing), &nothing, sizeof(nothing));
}

enum virtio_tx_layout { VIRTIO_TX_SPLIT, VIRTIO_TX_SPLIT_PAIRS, VIRTIO_TX_PACKED };

/* Fills consecutive places of the ring from queue->posted + done on with frames that may be sent. Returns what hands
 * over the first of a packed batch, for the caller to store. */
static inline __attribute__((always_inline)) uint64_t virtio_tx_run(struct virtio_queue *queue, uint32_t done,
                                                                    const struct frame *frames, uint32_t count,
                                                                    enum virtio_tx_layout layout, bool owned)
{
    const uint32_t position = queue->posted + done;
    uint64_t *const buffer = queue->buffer;
    const uint16_t *id = queue->id + (position & queue->mask);
    uint16_t *available = queue->avail->ring + (position & queue->ring_mask);
    struct virtq_packed_desc *packed = queue->ring + (position & queue->ring_mask);
    const uint64_t packed_flags = virtio_packed_available(queue, position);
    struct virtq_desc *const table = queue->desc;
    uint8_t *const pool_base = queue->pool_base;
    const uint64_t pool_address = queue->pool_address;
    const uint32_t header = queue->header;
    uint64_t first = 0, bytes = 0;
    const struct frame *end = frames + count;
    for (const struct frame *frame = frames; frame != end; frame++, id++, available++, packed++) {
        uint64_t place = frame_place(frame);
        uint64_t kept = owned ? ownership_next(frame->buf) : frame->buf;
        uint32_t start = (uint32_t)place - header;
        uint64_t len = (place >> 32) + header;
        uint64_t address = pool_address + start;
        virtio_tx_header(pool_base + start, header);
        bytes += len;
        if (layout == VIRTIO_TX_PACKED) {
            uint64_t word = packed_flags | (uint64_t)*id << 32 | len;
            buffer[*id] = kept;
            __atomic_store_n(&packed->addr, address, __ATOMIC_RELAXED);
            if (done == 0 && frame == frames)
                first = word; /* the device waits for it: it is stored last, when the whole batch is there */
            else
                __atomic_store_n((uint64_t *)(void *)&packed->len, word, __ATOMIC_RELEASE);
        } else if (layout == VIRTIO_TX_SPLIT) {
            buffer[*id] = kept;
            virtio_desc_set(table + *id, address, (uint32_t)len, 0, 0);
            *available = *id;
        } else { /* header and frame in descriptors of their own, 2.7.4.3 */
            buffer[*id / 2] = kept;
            virtio_desc_set(table + *id, address, header, VIRTQ_DESC_F_NEXT, *id + 1u);
            virtio_desc_set(table + *id + 1, address + header, (uint32_t)len - header, 0, 0);
            *available = *id;
        }
    }
    virtio_count(&queue->packets, count);
    virtio_count(&queue->bytes, bytes - (uint64_t)count * header + (uint64_t)count * 4);
    return first;
}

static inline __attribute__((always_inline)) void virtio_tx_ring(struct virtio_queue *queue, const struct frame *frames,
                                                                 uint32_t count, enum virtio_tx_layout layout,
                                                                 bool owned)
{
    uint32_t to_end = queue->mask + 1 - (queue->posted & queue->mask);
    uint32_t run = count < to_end ? count : to_end;
    uint64_t first = virtio_tx_run(queue, 0, frames, run, layout, owned);
    if (run < count)
        (void)virtio_tx_run(queue, run, frames + run, count - run, layout, owned);
    /* The device sees headers, frames and descriptors before what hands them over (2.7.13.3.1, 2.8.21.1.1). */
    virtio_store_barrier();
    if (layout == VIRTIO_TX_PACKED)
        __atomic_store_n((uint64_t *)(void *)&queue->ring[queue->posted & queue->ring_mask].len, first,
                         __ATOMIC_RELEASE);
    else
        __atomic_store_n(&queue->avail->idx, (uint16_t)(queue->posted + count), __ATOMIC_RELEASE);
    queue->posted += count;
}

static inline __attribute__((always_inline)) uint32_t
virtio_tx_send(struct virtio_queue *queue, const struct frame *frames, uint32_t count, bool owned, int32_t *code)
{
    uint32_t sent = bus_has_failed(queue->bus) ? 0 : virtio_tx_room(queue, count);
    if (owned && sent > 0)
        sent = ownership_take_back_batch(
            queue->ownership, frames, sent,
            (struct ownership_limits){queue->header, VIRTIO_TX_LENGTH_MIN, queue->length_max}, queue->avx2, code);
    if (sent == 0)
        return 0;
    if (queue->packed)
        virtio_tx_ring(queue, frames, sent, VIRTIO_TX_PACKED, owned);
    else if (queue->id_shift == 0)
        virtio_tx_ring(queue, frames, sent, VIRTIO_TX_SPLIT, owned);
    else
        virtio_tx_ring(queue, frames, sent, VIRTIO_TX_SPLIT_PAIRS, owned);
    virtio_notify(queue);
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
