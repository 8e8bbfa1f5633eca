/* Receive (VirtIO 1.3, 5.1.6.3 and 5.1.6.4): runs of regular frames by a loop for each ring, the rest one by one. */
#include <string.h>

#include "core/virtio/notify.h"
#include "core/virtio/used.h"

/* Device address of the header in a posted buffer. */
static inline uint64_t virtio_rx_address(const struct virtio_queue *queue, uint64_t token)
{
    return queue->pool_address + (uint64_t)ownership_index(token) * queue->stride + POOL_HEADROOM;
}

static void virtio_split_post(struct virtio_queue *queue, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t position = queue->posted + i;
        uint16_t id = queue->id[position & queue->mask];
        uint64_t address = virtio_rx_address(queue, queue->buffer[id >> queue->id_shift]);
        struct virtq_desc *desc = &queue->desc[id];
        if (queue->id_shift != 0) { /* header and frame in descriptors of their own, 2.7.4.3 */
            desc[1] = (struct virtq_desc){address + queue->header, queue->room - queue->header, VIRTQ_DESC_F_WRITE, 0};
            *desc =
                (struct virtq_desc){address, queue->header, VIRTQ_DESC_F_WRITE | VIRTQ_DESC_F_NEXT, (uint16_t)(id + 1)};
        } else {
            *desc = (struct virtq_desc){address, queue->room, VIRTQ_DESC_F_WRITE, 0};
        }
        queue->avail->ring[position & queue->ring_mask] = id;
    }
    queue->posted += count;
    virtio_store_barrier(); /* the device sees descriptors and ring before the index, 2.7.13.3.1 */
    __atomic_store_n(&queue->avail->idx, (uint16_t)queue->posted, __ATOMIC_RELEASE);
}

/* The word of len, id and flags that makes a packed descriptor available, 2.8.1 and 2.8.13. */
static inline uint64_t virtio_packed_available(const struct virtio_queue *queue, uint32_t position, uint32_t len,
                                               uint32_t id, uint32_t flags)
{
    flags |= virtio_wrap(queue, position) != 0 ? VIRTQ_PACKED_DESC_F_AVAIL : VIRTQ_PACKED_DESC_F_USED;
    return (uint64_t)flags << 48 | (uint64_t)id << 32 | len;
}

static void virtio_packed_post(struct virtio_queue *queue, uint32_t count)
{
    /* From the last to the first, whose flags the device waits for: then it finds all of them. */
    for (uint32_t i = count; i-- > 0;) {
        uint32_t position = queue->posted + i;
        uint16_t id = queue->id[position & queue->mask];
        struct virtq_packed_desc *desc = &queue->ring[position & queue->ring_mask];
        uint64_t word = virtio_packed_available(queue, position, queue->room, id, VIRTQ_DESC_F_WRITE);
        desc->addr = virtio_rx_address(queue, queue->buffer[id]);
        virtio_store_barrier(); /* the device sees the address before the flags, 2.8.21.1.1 */
        __atomic_store_n((uint64_t *)(void *)&desc->len, word, __ATOMIC_RELEASE);
    }
    queue->posted += count;
}

void virtio_rx_post(struct virtio_queue *queue)
{
    const uint32_t capacity = queue->mask + 1;
    uint32_t wanted = queue->taken + capacity - queue->posted;
    uint64_t tokens[64];
    bool posted = false;
    while (wanted > 0) {
        uint32_t most = wanted < 64 ? wanted : 64;
        uint32_t got = pool_cache_take(&queue->cache, tokens, most);
        for (uint32_t i = 0; i < got; i++)
            queue->buffer[queue->id[(queue->posted + i) & queue->mask] >> queue->id_shift] = tokens[i];
        if (got > 0 && queue->packed)
            virtio_packed_post(queue, got);
        else if (got > 0)
            virtio_split_post(queue, got);
        posted = posted || got > 0;
        wanted -= got;
        if (got < most) {
            virtio_count(&queue->starved, 1);
            break;
        }
    }
    if (posted)
        virtio_notify(queue);
}

/* The header of a frame that asks for nothing which was not negotiated: no checksum to fill in (NEEDS_CSUM), no
 * segments (gso_type), one buffer. Other flags are to be ignored, 5.1.6.4.2. Each word is read once. */
static inline bool virtio_header_is_plain(const uint8_t *header, bool mergeable)
{
    const uint64_t asks = VIRTIO_NET_HDR_F_NEEDS_CSUM | 0xFF00;
    uint64_t first = __atomic_load_n((const uint64_t *)(const void *)header, __ATOMIC_RELAXED);
    if ((first & asks) != 0)
        return false;
    return !mergeable || __atomic_load_n((const uint16_t *)(const void *)(header + 10), __ATOMIC_RELAXED) == 1;
}

static inline uint32_t virtio_rx_length_max(const struct virtio_queue *queue)
{
    uint32_t room = queue->room - queue->header;
    return room < VIRTIO_RX_LENGTH_MAX ? room : VIRTIO_RX_LENGTH_MAX;
}

/* Frames of consecutive used entries that are regular; ends at the first that is not. In a packed ring that may be one
 * which the device still has. The queue's members are copied, as the compiler must take the caller's frames for
 * anything. */
static inline __attribute__((always_inline)) uint32_t virtio_rx_run(struct virtio_queue *queue, struct frame *frames,
                                                                    uint32_t count, bool packed, bool owned)
{
    const struct ownership ownership = owned ? *queue->ownership : (struct ownership){0};
    uint64_t *const buffer = queue->buffer;
    uint16_t *const ids = queue->id;
    const uint8_t *const pool_base = queue->pool_base;
    const uint64_t stride = queue->stride;
    const uint32_t mask = queue->mask, id_mask = queue->id_mask, id_shift = queue->id_shift;
    const uint32_t header = queue->header;
    const uint32_t shortest = header + VIRTIO_RX_LENGTH_MIN;
    const uint32_t span = virtio_rx_length_max(queue) - VIRTIO_RX_LENGTH_MIN;
    const bool mergeable = queue->mergeable, in_order = queue->in_order;
    uint32_t position = queue->taken;
    uint64_t bytes = 0;
    struct frame *frame = frames;
    for (; frame != frames + count; frame++, position++) {
        uint32_t id, len;
        if (packed) {
            uint64_t word = virtio_packed_word(queue, position);
            if (!virtio_packed_is_used(queue, word, position))
                break;
            id = (uint32_t)(word >> 32) & 0xFFFF;
            len = (uint32_t)word;
        } else {
            uint64_t entry = virtio_split_entry(queue, position);
            id = (uint32_t)entry;
            len = (uint32_t)(entry >> 32);
        }
        if ((id & ~id_mask) != 0 || len - shortest > span)
            break;
        uint64_t token = buffer[id >> id_shift];
        uint16_t *expected = &ids[position & mask];
        if (token == VIRTIO_NO_BUFFER || (in_order && *expected != id))
            break;
        uint32_t offset = (uint32_t)(ownership_index(token) * stride) + POOL_HEADROOM;
        if (!virtio_header_is_plain(pool_base + offset, mergeable))
            break;
        buffer[id >> id_shift] = VIRTIO_NO_BUFFER;
        *expected = (uint16_t)id;
        frame_set(frame, token, frame_place_of(offset + header, len - header));
        bytes += len;
        if (owned)
            ownership_hand_out(&ownership, token);
    }
    uint32_t received = (uint32_t)(frame - frames);
    queue->taken = position;
    virtio_count(&queue->packets, received);
    virtio_count(&queue->bytes, bytes - (uint64_t)received * header + (uint64_t)received * 4);
    return received;
}

/* Copies the rest of a frame that spans buffers (MRG_RXBUF, 5.1.6.4) behind its first part and gives the other buffers
 * back. False if a part is missing, or the whole does not fit into one buffer: then all its parts are gone. */
static bool virtio_rx_gather(struct virtio_queue *queue, uint64_t token, uint32_t *len, uint32_t parts)
{
    const uint32_t whole = virtio_rx_length_max(queue) + queue->header;
    uint8_t *first = queue->pool_base + (uint64_t)ownership_index(token) * queue->stride + POOL_HEADROOM;
    bool good = *len <= queue->room;
    for (; parts > 1; parts--) {
        struct virtio_used part;
        if (virtio_used_pop(queue, &part) != VIRTIO_POP_ONE)
            return false;
        good = good && part.len <= queue->room && part.len <= whole && *len <= whole - part.len;
        if (good) {
            memcpy(first + *len,
                   queue->pool_base + (uint64_t)ownership_index(part.token) * queue->stride + POOL_HEADROOM, part.len);
            *len += part.len;
        }
        pool_cache_give(&queue->cache, &part.token, 1);
    }
    return good;
}

/* The next used entry, whatever it is. Returns 1 with a frame, 0 if it was dropped, -1 if there is none, or the device
 * has failed. */
static int32_t virtio_rx_one(struct virtio_queue *queue, struct frame *frame, bool owned)
{
    struct virtio_used used;
    if (virtio_used_pop(queue, &used) != VIRTIO_POP_ONE)
        return -1;
    uint32_t offset = ownership_index(used.token) * queue->stride + POOL_HEADROOM;
    const uint8_t *header = queue->pool_base + offset;
    bool good = used.len >= queue->header && used.len <= queue->room && virtio_header_is_plain(header, false);
    if (good && queue->mergeable) {
        uint32_t parts = __atomic_load_n((const uint16_t *)(const void *)(header + 10), __ATOMIC_RELAXED);
        good = parts != 0 && virtio_rx_gather(queue, used.token, &used.len, parts);
    }
    uint32_t len = used.len - queue->header;
    if (!good || len < VIRTIO_RX_LENGTH_MIN || len > virtio_rx_length_max(queue)) {
        pool_cache_give(&queue->cache, &used.token, 1);
        virtio_count(&queue->dropped, 1);
        return 0;
    }
    frame_set(frame, used.token, frame_place_of(offset + queue->header, len));
    if (owned)
        ownership_hand_out(queue->ownership, used.token);
    virtio_count(&queue->packets, 1);
    virtio_count(&queue->bytes, len + 4);
    return 1;
}

static inline __attribute__((always_inline)) uint32_t virtio_rx_ring(struct virtio_queue *queue, struct frame *frames,
                                                                     uint32_t count, bool packed, bool owned)
{
    uint32_t received = 0;
    while (received < count) {
        uint32_t run = packed ? queue->posted - queue->taken : virtio_split_ready(queue);
        if (run == 0 || run == UINT32_MAX)
            break;
        if (run > count - received)
            run = count - received;
        uint32_t good = virtio_rx_run(queue, frames + received, run, packed, owned);
        received += good;
        if (good == run)
            continue;
        if (packed && !virtio_packed_is_used(queue, virtio_packed_word(queue, queue->taken), queue->taken))
            break;
        int32_t one = virtio_rx_one(queue, frames + received, owned);
        if (one < 0)
            break;
        received += (uint32_t)one;
    }
    uint32_t missing = queue->mask + 1 - (queue->posted - queue->taken);
    if (missing >= VIRTIO_RX_POST || missing > queue->mask / 4)
        virtio_rx_post(queue);
    return received;
}

static inline __attribute__((always_inline)) uint32_t virtio_rx_take(struct virtio_queue *queue, struct frame *frames,
                                                                     uint32_t count, bool owned)
{
    if (queue->step != NULL)
        queue->step->step(queue->step);
    if (bus_has_failed(queue->bus))
        return 0;
    return queue->packed ? virtio_rx_ring(queue, frames, count, true, owned)
                         : virtio_rx_ring(queue, frames, count, false, owned);
}

uint32_t virtio_rx_batch(void *queue, struct frame *frames, uint32_t count)
{
    return virtio_rx_take(queue, frames, count, false);
}

uint32_t virtio_rx_batch_owned(void *queue, struct frame *frames, uint32_t count)
{
    return virtio_rx_take(queue, frames, count, true);
}
