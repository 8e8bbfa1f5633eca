/* Receive (VirtIO 1.3, 5.1.6.3 and 5.1.6.4): runs of regular frames by a loop for each ring, the rest one by one. */
#include <string.h>

#include "core/virtio/notify.h"
#include "core/virtio/packet.h"
#include "core/virtio/rx_run.h"

/* Makes the buffers of consecutive slots available. */
static void virtio_split_post(struct virtio_queue *queue, uint32_t count)
{
    const uint32_t slot = queue->posted & queue->mask;
    const uint16_t *ids = queue->id + slot;
    const uint64_t *buffer = queue->buffer + slot;
    struct virtq_desc *const table = queue->desc;
    const uint64_t first_address = queue->pool_address + POOL_HEADROOM, stride = queue->stride;
    const uint32_t room = queue->room, header = queue->header;
    for (uint32_t i = 0; i < count && queue->id_shift == 0; i++)
        virtio_desc_set(table + ids[i], first_address + ownership_index(buffer[i]) * stride, room, VIRTQ_DESC_F_WRITE,
                        0);
    for (uint32_t i = 0; i < count && queue->id_shift != 0; i++) { /* the header in a descriptor of its own, 2.7.4.3 */
        uint64_t address = first_address + ownership_index(buffer[i]) * stride;
        virtio_desc_set(table + ids[i], address, header, VIRTQ_DESC_F_WRITE | VIRTQ_DESC_F_NEXT, ids[i] + 1u);
        virtio_desc_set(table + ids[i] + 1, address + header, room - header, VIRTQ_DESC_F_WRITE, 0);
    }
    queue->posted += count;
    virtio_store_barrier(); /* the device sees descriptors and ring before the index, 2.7.13.3.1 */
    __atomic_store_n(&queue->avail->idx, (uint16_t)queue->posted, __ATOMIC_RELEASE);
}

static void virtio_packed_post(struct virtio_queue *queue, uint32_t count)
{
    const uint32_t slot = queue->posted & queue->mask;
    const uint16_t *ids = queue->id + slot;
    const uint64_t *buffer = queue->buffer + slot;
    struct virtq_packed_desc *const ring = queue->ring + slot;
    const uint64_t first_address = queue->pool_address + POOL_HEADROOM, stride = queue->stride;
    const uint64_t rest =
        virtio_packed_available(queue, queue->posted) | (uint64_t)VIRTQ_DESC_F_WRITE << 48 | queue->room;
    /* From the last to the first, whose flags the device waits for: then it finds all of them. */
    for (uint32_t i = count; i-- > 0;) {
        uint64_t address = first_address + ownership_index(buffer[i]) * stride;
        __atomic_store_n(&ring[i].addr, address, __ATOMIC_RELAXED);
        virtio_store_barrier(); /* the device sees the address before the flags, 2.8.21.1.1 */
        __atomic_store_n((uint64_t *)(void *)&ring[i].len, rest | (uint64_t)ids[i] << 32, __ATOMIC_RELEASE);
    }
    queue->posted += count;
}

void virtio_rx_post(struct virtio_queue *queue)
{
    const uint32_t capacity = queue->mask + 1;
    uint32_t wanted = queue->taken + queue->limit - queue->posted;
    bool posted = false;
    while (wanted > 0) {
        uint32_t slot = queue->posted & queue->mask;
        uint32_t most = wanted < capacity - slot ? wanted : capacity - slot;
        uint32_t got = pool_cache_take(&queue->cache, queue->buffer + slot, most);
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

/* Regular frames of used entries at consecutive places of the ring: buffers that come back in the order in which they
 * were posted, each with one whole frame. Ends at the first entry that is not; in a packed ring that may be one which
 * the device still has. The queue's members are copied, as the compiler must take the caller's frames for anything. */
static inline __attribute__((always_inline)) uint32_t virtio_rx_run(struct virtio_queue *queue, struct frame *frames,
                                                                    uint32_t count, bool packed, bool owned)
{
    const struct ownership ownership = owned ? *queue->ownership : (struct ownership){0};
    const struct virtq_used_elem *element = queue->used->ring + (queue->taken & queue->ring_mask);
    const struct virtq_packed_desc *desc = queue->ring + (queue->taken & queue->ring_mask);
    const uint64_t used_flags = virtio_packed_used_flags(queue, queue->taken);
    const uint16_t *expected = queue->id + (queue->taken & queue->mask);
    const uint64_t *buffer = queue->buffer + (queue->taken & queue->mask);
    const uint8_t *const packets = queue->pool_base + POOL_HEADROOM;
    const uint64_t stride = queue->stride;
    const uint32_t header = queue->header;
    const uint32_t shortest = header + VIRTIO_RX_LENGTH_MIN;
    const uint32_t span = virtio_rx_length_max(queue) - VIRTIO_RX_LENGTH_MIN;
    const bool mergeable = queue->mergeable;
    uint64_t bytes = 0;
    const struct frame *end = frames + count;
    struct frame *frame = frames;
    for (; frame != end; frame++, buffer++, expected++, element++, desc++) {
        uint32_t id = *expected;
        uint64_t len;
        if (packed) {
            uint64_t word = virtio_packed_word(desc);
            if ((word & (VIRTIO_PACKED_USED | VIRTIO_PACKED_ID)) != (used_flags | (uint64_t)id << 32))
                break;
            len = (uint32_t)word;
        } else {
            if (virtio_used_id(element) != id)
                break;
            len = virtio_used_len(element);
        }
        if (check_is_made(CHECK_DEVICE) && len - shortest > span)
            break;
        uint64_t token = *buffer;
        uint64_t start = ownership_index(token) * stride;
        if (!virtio_header_is_plain(packets + start, mergeable))
            break;
        frame_set(frame, token, ((len << 32) + start) + (POOL_HEADROOM + header - ((uint64_t)header << 32)));
        bytes += len;
        if (owned)
            ownership_hand_out(&ownership, token);
    }
    uint32_t received = (uint32_t)(frame - frames);
    virtio_rx_took(queue, received, bytes);
    return received;
}

/* As virtio_rx_run, by what is fastest here. */
static inline __attribute__((always_inline)) uint32_t
virtio_rx_run_best(struct virtio_queue *queue, struct frame *frames, uint32_t count, bool packed, bool owned)
{
    uint32_t done = 0;
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) /* which does not see what vectors read */
    if (owned && queue->avx2)
        done =
            packed ? virtio_rx_run_avx2_packed(queue, frames, count) : virtio_rx_run_avx2_split(queue, frames, count);
    if (owned && done == count)
        return done;
#endif
    return done + virtio_rx_run(queue, frames + done, count - done, packed, owned);
}

static inline uint8_t *virtio_rx_packet(const struct virtio_queue *queue, uint64_t token)
{
    return queue->pool_base + (uint64_t)ownership_index(token) * queue->stride + POOL_HEADROOM;
}

/* Packets that span buffers (MRG_RXBUF), 5.1.6.4. */
bool virtio_rx_gather(struct virtio_queue *queue, struct virtio_used *first, uint32_t parts)
{
    const uint32_t whole = virtio_rx_length_max(queue) + queue->header;
    bool good = true;
    for (; parts > 1; parts--) {
        struct virtio_used part;
        if (virtio_used_pop(queue, &part) != VIRTIO_POP_ONE)
            return false;
        good = good && part.skipped == 0 && (uint64_t)first->len + part.len <= whole;
        if (good) {
            memcpy(virtio_rx_packet(queue, first->token) + first->len, virtio_rx_packet(queue, part.token), part.len);
            first->len += part.len;
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
    const uint8_t *header = virtio_rx_packet(queue, used.token);
    bool good = used.len >= queue->header && used.len <= queue->room && virtio_header_is_plain(header, false);
    if (queue->mergeable && used.skipped > 0)
        good = false; /* what was skipped may be the beginning of this frame */
    else if (queue->mergeable && used.len >= queue->header) {
        /* Also of a frame that is not good: its other parts are no frames of their own. */
        uint32_t parts = __atomic_load_n((const uint16_t *)(const void *)(header + 10), __ATOMIC_RELAXED);
        good = virtio_rx_gather(queue, &used, parts) && good && parts != 0;
    }
    uint32_t len = used.len - queue->header;
    if (!good || len < VIRTIO_RX_LENGTH_MIN || len > virtio_rx_length_max(queue)) {
        pool_cache_give(&queue->cache, &used.token, 1);
        virtio_count(&queue->dropped, 1);
        return 0;
    }
    uint32_t offset = ownership_index(used.token) * queue->stride + POOL_HEADROOM;
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
    if (__builtin_expect(queue->careful, 0))
        received = virtio_rx_packets(queue, frames, count, owned);
    while (received < count && !queue->careful) {
        uint32_t run = packed ? queue->posted - queue->taken : virtio_split_ready(queue);
        if (run == 0 || run == UINT32_MAX)
            break;
        uint32_t to_end = queue->mask + 1 - (queue->taken & queue->mask);
        run = run < to_end ? run : to_end;
        run = run < count - received ? run : count - received;
        uint32_t good = virtio_rx_run_best(queue, frames + received, run, packed, owned);
        received += good;
        if (good == run)
            continue;
        if (packed && !virtio_packed_is_used(queue, virtio_packed_at(queue, queue->taken), queue->taken))
            break;
        int32_t one = virtio_rx_one(queue, frames + received, owned);
        if (one < 0)
            break;
        received += (uint32_t)one;
    }
    uint32_t missing = queue->limit - (queue->posted - queue->taken);
    if (missing >= VIRTIO_RX_POST || missing >= queue->limit / 4)
        virtio_rx_post(queue);
    if (received == 0 && bus_idle(&queue->idle))
        virtio_watch(queue->bus);
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
