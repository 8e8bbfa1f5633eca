/* Transmit (VirtIO 1.3, 5.1.6.2): each frame and the header before it are one buffer. */
#include <string.h>

#include "core/virtio/notify.h"
#include "core/virtio/used.h"

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

/* Takes back what the used entries name, up to count of them; for a packed ring, up to the first that is not used. */
static inline __attribute__((always_inline)) bool virtio_tx_return(struct virtio_queue *queue, uint32_t count,
                                                                   bool packed)
{
    uint64_t tokens[VIRTIO_TX_PIECE];
    bool good = true, more = true;
    while (more && count > 0) {
        uint32_t piece = count < VIRTIO_TX_PIECE ? count : VIRTIO_TX_PIECE;
        uint32_t got = 0;
        for (; got < piece; got++) {
            uint32_t id;
            if (packed) {
                uint64_t word = virtio_packed_word(queue, queue->taken);
                more = virtio_packed_is_used(queue, word, queue->taken);
                if (!more)
                    break;
                id = (uint32_t)(word >> 32) & 0xFFFF;
            } else {
                id = (uint32_t)virtio_split_entry(queue, queue->taken);
            }
            if ((id & ~queue->id_mask) != 0 || queue->buffer[id >> queue->id_shift] == VIRTIO_NO_BUFFER) {
                virtio_fail_id(queue, id);
                good = more = false;
                break;
            }
            tokens[got] = queue->buffer[id >> queue->id_shift];
            queue->buffer[id >> queue->id_shift] = VIRTIO_NO_BUFFER;
            queue->id[queue->taken & queue->mask] = (uint16_t)id;
            queue->taken++;
        }
        pool_cache_give(&queue->cache, tokens, got);
        count -= got;
    }
    return good;
}

/* In order, a packed entry names the last buffer of a batch that begins where the entry lies (2.8.8). */
static void virtio_tx_return_batches(struct virtio_queue *queue)
{
    while (queue->taken != queue->posted) {
        uint64_t word = virtio_packed_word(queue, queue->taken);
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

/* A header that asks for nothing, 5.1.6.2. */
static inline void virtio_tx_header(uint8_t *header, uint32_t size)
{
    memset(header, 0, 8);
    memset(header + 8, 0, size == VIRTIO_NET_HDR_SIZE ? 4 : 2);
}

/* Fills the ring from queue->posted on. With the ownership table it ends at the first frame that may not be sent. */
static inline __attribute__((always_inline)) uint32_t virtio_tx_run(struct virtio_queue *queue,
                                                                    const struct frame *frames, uint32_t count,
                                                                    bool packed, bool owned, int32_t *code)
{
    const struct ownership ownership = owned ? *queue->ownership : (struct ownership){0};
    uint64_t *const buffer = queue->buffer;
    const uint16_t *const ids = queue->id;
    uint8_t *const pool_base = queue->pool_base;
    const uint64_t pool_address = queue->pool_address;
    const uint32_t mask = queue->mask, ring_mask = queue->ring_mask, id_shift = queue->id_shift;
    const uint32_t header = queue->header, longest = queue->length_max + header;
    struct virtq_desc *const table = queue->desc;
    struct virtq_packed_desc *const ring = queue->ring;
    uint16_t *const available = queue->avail->ring;
    uint32_t position = queue->posted;
    uint64_t first_word = 0, bytes = 0;
    const struct frame *frame = frames;
    for (; frame != frames + count; frame++, position++) {
        uint64_t token = frame->buf;
        uint64_t place = frame_place(frame);
        uint32_t start = (uint32_t)place - header; /* wraps past every buffer if there is no room for the header */
        uint64_t with_header = ((place >> 32) + header) << 32 | start;
        if (owned) {
            int32_t refused =
                ownership_take_back(&ownership, token, with_header, header + VIRTIO_TX_LENGTH_MIN, longest);
            if (refused < 0) {
                *code = refused;
                break;
            }
        }
        uint32_t len = (uint32_t)(with_header >> 32);
        uint32_t id = ids[position & mask];
        virtio_tx_header(pool_base + start, header);
        buffer[id >> id_shift] = owned ? ownership_next(token) : token;
        bytes += len;
        if (packed) {
            struct virtq_packed_desc *desc = &ring[position & ring_mask];
            uint32_t flags = virtio_wrap(queue, position) != 0 ? VIRTQ_PACKED_DESC_F_AVAIL : VIRTQ_PACKED_DESC_F_USED;
            uint64_t word = (uint64_t)flags << 48 | (uint64_t)id << 32 | len;
            desc->addr = pool_address + start;
            if (frame == frames)
                first_word = word; /* the device waits for it: it is stored last, when the whole run is there */
            else
                __atomic_store_n((uint64_t *)(void *)&desc->len, word, __ATOMIC_RELEASE);
            continue;
        }
        struct virtq_desc *desc = &table[id];
        if (id_shift != 0) { /* header and frame in descriptors of their own, 2.7.4.3 */
            desc[1] = (struct virtq_desc){pool_address + start + header, len - header, 0, 0};
            *desc = (struct virtq_desc){pool_address + start, header, VIRTQ_DESC_F_NEXT, (uint16_t)(id + 1)};
        } else {
            *desc = (struct virtq_desc){pool_address + start, len, 0, 0};
        }
        available[position & ring_mask] = (uint16_t)id;
    }
    uint32_t sent = (uint32_t)(frame - frames);
    if (sent == 0)
        return 0;
    /* The device sees headers, frames and descriptors before what hands them over (2.7.13.3.1, 2.8.21.1.1). */
    virtio_store_barrier();
    if (packed)
        __atomic_store_n((uint64_t *)(void *)&ring[queue->posted & ring_mask].len, first_word, __ATOMIC_RELEASE);
    else
        __atomic_store_n(&queue->avail->idx, (uint16_t)position, __ATOMIC_RELEASE);
    queue->posted = position;
    virtio_count(&queue->packets, sent);
    virtio_count(&queue->bytes, bytes - (uint64_t)sent * header + (uint64_t)sent * 4);
    return sent;
}

static inline __attribute__((always_inline)) uint32_t
virtio_tx_send(struct virtio_queue *queue, const struct frame *frames, uint32_t count, bool owned, int32_t *code)
{
    uint32_t room = bus_has_failed(queue->bus) ? 0 : virtio_tx_room(queue, count);
    uint32_t sent = queue->packed ? virtio_tx_run(queue, frames, room, true, owned, code)
                                  : virtio_tx_run(queue, frames, room, false, owned, code);
    if (sent > 0)
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
