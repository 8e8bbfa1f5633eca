/* Transmit of jumbo frames: each packet is a chain of descriptors (VirtIO 1.3, 2.7.5.2, 2.8.7), one for each of its
 * frames. In such a ring packets and descriptors do not keep step, so it has bookkeeping of its own:
 *   split:  posted and taken count packets, as the indices of the rings do
 *   packed: they count descriptors
 * Ids are descriptors of a split queue's table, and Buffer IDs of a packed one. They wait in a queue and are used in
 * the order in which they came back, which is the table's own order with IN_ORDER, as that wants it (2.7.5.1).
 */
#include <stdlib.h>

#include "core/device/error.h"
#include "core/virtio/notify.h"
#include "core/virtio/packet.h"

/* Descriptors in flight from which on sent packets are taken back, as in tx.c. */
#define VIRTIO_CHAIN_IN_FLIGHT 128

#define VIRTIO_CHAIN_HEADER UINT64_MAX /* no token: a descriptor of the header alone */

struct virtio_chains {
    uint64_t *token;      /* by id: the buffer of that part */
    uint16_t *next;       /* by id: the next part's */
    uint16_t *parts;      /* by id of a packet: how many it has; 0: the device holds no such packet */
    uint16_t *order;      /* in order: ids of the packets in flight */
    uint16_t *idle;       /* ids that are free, from idle_first to idle_last, counting without wrapping */
    struct frame *packet; /* a copy of the frames of the packet that is sent */
    uint32_t idle_first, idle_last;
    uint32_t count; /* ids in use: what was asked for, where the device fixes a larger ring */
    uint32_t order_first, order_last;
};

int32_t virtio_chains_allocate(struct virtio_queue *queue)
{
    const uint32_t size = queue->allocated;
    struct virtio_chains *chains = calloc(1, sizeof(*chains));
    if (chains == NULL)
        return IXY_E_NO_MEMORY;
    queue->chains = chains;
    chains->token = calloc(size, sizeof(*chains->token));
    chains->next = calloc(size, sizeof(*chains->next));
    chains->parts = calloc(size, sizeof(*chains->parts));
    chains->order = calloc(size, sizeof(*chains->order));
    chains->idle = calloc(size, sizeof(*chains->idle));
    chains->packet = calloc(size, sizeof(*chains->packet));
    bool all = chains->token != NULL && chains->next != NULL && chains->parts != NULL && chains->order != NULL &&
               chains->idle != NULL && chains->packet != NULL;
    return all ? 0 : IXY_E_NO_MEMORY;
}

void virtio_chains_free(struct virtio_queue *queue)
{
    struct virtio_chains *chains = queue->chains;
    if (chains == NULL)
        return;
    free(chains->token);
    free(chains->next);
    free(chains->parts);
    free(chains->order);
    free(chains->idle);
    free(chains->packet);
    free(chains);
    queue->chains = NULL;
}

void virtio_chains_start(struct virtio_queue *queue)
{
    struct virtio_chains *chains = queue->chains;
    chains->idle_first = chains->order_first = chains->order_last = 0;
    chains->count = queue->size < queue->wanted ? queue->size : queue->wanted;
    chains->idle_last = chains->count;
    for (uint32_t id = 0; id < queue->size; id++) {
        chains->idle[id] = (uint16_t)id;
        chains->parts[id] = 0;
    }
}

/* Whether the device holds a packet of that id. */
static bool virtio_chain_is_held(const struct virtio_queue *queue, uint32_t id)
{
    return id < queue->size && queue->chains->parts[id] != 0;
}

/* The packet's buffers and ids are free. Returns how many descriptors it had. */
static uint32_t virtio_chain_release(struct virtio_queue *queue, uint32_t id)
{
    struct virtio_chains *chains = queue->chains;
    uint32_t parts = chains->parts[id];
    chains->parts[id] = 0;
    for (uint32_t i = 0; i < parts; i++, id = chains->next[id]) {
        if (chains->token[id] != VIRTIO_CHAIN_HEADER)
            pool_cache_give(&queue->cache, &chains->token[id], 1);
        chains->idle[chains->idle_last++ & queue->ring_mask] = (uint16_t)id;
    }
    return parts;
}

void virtio_chains_stop(struct virtio_queue *queue)
{
    for (uint32_t id = 0; id < queue->size; id++)
        if (virtio_chain_is_held(queue, id))
            virtio_chain_release(queue, id);
    queue->taken = queue->posted;
}

static uint32_t virtio_chain_next(struct virtio_queue *queue)
{
    return queue->chains->order[queue->chains->order_first++ & queue->ring_mask];
}

static void virtio_chain_clean_split(struct virtio_queue *queue)
{
    uint32_t ready = virtio_split_ready(queue);
    if (ready == UINT32_MAX)
        return;
    for (; ready > 0; ready--, queue->taken++) {
        /* In order a count tells which; what the device wrote into its entries is not looked at. */
        uint32_t id = queue->in_order ? virtio_chain_next(queue)
                                      : virtio_used_id(&queue->used->ring[queue->taken & queue->ring_mask]);
        if (!virtio_chain_is_held(queue, id)) {
            virtio_fail_id(queue, id);
            return;
        }
        virtio_chain_release(queue, id);
    }
}

/* A used descriptor stands where its packet began; in order, where a batch began that ends with its packet. */
static void virtio_chain_clean_packed(struct virtio_queue *queue)
{
    while (queue->taken != queue->posted) {
        uint64_t word = virtio_packed_at(queue, queue->taken);
        if (!virtio_packed_is_used(queue, word, queue->taken))
            return;
        uint32_t id = (uint32_t)(word >> 32) & 0xFFFF;
        if (!virtio_chain_is_held(queue, id)) {
            virtio_fail_id(queue, id);
            return;
        }
        for (bool last = false; !last;) {
            uint32_t done = queue->in_order ? virtio_chain_next(queue) : id;
            queue->taken += virtio_chain_release(queue, done);
            last = done == id;
        }
    }
}

/* Takes back what was sent. */
static void virtio_chain_clean(struct virtio_queue *queue)
{
    if (queue->packed)
        virtio_chain_clean_packed(queue);
    else
        virtio_chain_clean_split(queue);
}

/* Whether so many descriptors are free. */
static bool virtio_chain_room(struct virtio_queue *queue, uint32_t parts)
{
    const struct virtio_chains *chains = queue->chains;
    if (chains->idle_last - chains->idle_first < parts)
        virtio_chain_clean(queue);
    if (chains->idle_last - chains->idle_first < parts && queue->step != NULL) {
        queue->step->step(queue->step);
        virtio_chain_clean(queue);
    }
    return chains->idle_last - chains->idle_first >= parts && !bus_has_failed(queue->bus);
}

/* What the device reads for one descriptor of a packet. */
struct virtio_piece {
    uint64_t token, address;
    uint32_t len;
};

/* Descriptor number i. The header is part of the first, unless it has one of its own (2.7.4.3). */
static struct virtio_piece virtio_chain_piece(const struct virtio_queue *queue, const struct frame *frames, uint32_t i,
                                              bool owned)
{
    const uint32_t alone = queue->id_shift, header = queue->header;
    const struct frame *frame = &frames[i < alone ? 0 : i - alone];
    struct virtio_piece piece = {.token = owned ? ownership_next(frame->buf) : frame->buf,
                                 .address = queue->pool_address + frame->offset,
                                 .len = frame->len};
    if (i == 0) {
        piece.address -= header;
        piece.len = alone != 0 ? header : piece.len + header;
        piece.token = alone != 0 ? VIRTIO_CHAIN_HEADER : piece.token;
    }
    return piece;
}

/* Posts a packet; there is room. */
static void virtio_chain_post(struct virtio_queue *queue, uint32_t parts, bool owned)
{
    struct virtio_chains *chains = queue->chains;
    const struct frame *frames = chains->packet;
    const uint32_t mask = queue->ring_mask, head = chains->idle[chains->idle_first & mask];
    uint64_t first = 0;
    for (uint32_t i = 0; i < parts; i++) {
        const struct virtio_piece piece = virtio_chain_piece(queue, frames, i, owned);
        const uint32_t id = chains->idle[chains->idle_first++ & mask];
        const uint32_t next = i + 1 < parts ? chains->idle[chains->idle_first & mask] : 0;
        const uint32_t flags = i + 1 < parts ? VIRTQ_DESC_F_NEXT : 0;
        chains->token[id] = piece.token;
        chains->next[id] = (uint16_t)next;
        if (!queue->packed) {
            virtio_desc_set(queue->desc + id, piece.address, piece.len, flags, next);
            continue;
        }
        struct virtq_packed_desc *desc = &queue->ring[(queue->posted + i) & mask];
        uint64_t word = virtio_packed_available(queue, queue->posted + i) | (uint64_t)flags << 48 |
                        (uint64_t)head << 32 | piece.len;
        __atomic_store_n(&desc->addr, piece.address, __ATOMIC_RELAXED);
        if (i == 0)
            first = word; /* the head's flags hand over the whole chain */
        else
            __atomic_store_n((uint64_t *)(void *)&desc->len, word, __ATOMIC_RELAXED);
    }
    chains->parts[head] = (uint16_t)parts;
    chains->order[chains->order_last++ & mask] = (uint16_t)head;
    if (!queue->packed)
        queue->avail->ring[queue->posted & mask] = (uint16_t)head;
    virtio_store_barrier(); /* the device sees headers, frames and descriptors first (2.7.13.3.1, 2.8.21.1.1) */
    if (queue->packed) {
        __atomic_store_n((uint64_t *)(void *)&queue->ring[queue->posted & mask].len, first, __ATOMIC_RELEASE);
        queue->posted += parts;
    } else {
        queue->posted++;
        __atomic_store_n(&queue->avail->idx, (uint16_t)queue->posted, __ATOMIC_RELEASE);
    }
}

/* Copies the first packet's frames. Returns how many it has; 0 if its last is not there, or the ring has not as many
 * descriptors. */
static uint32_t virtio_chain_copy(struct virtio_queue *queue, const struct frame *frames, uint32_t count)
{
    struct virtio_chains *chains = queue->chains;
    const uint32_t most = chains->count > queue->id_shift ? chains->count - queue->id_shift : 0;
    for (uint32_t i = 0; i < count && i < most; i++) {
        chains->packet[i] = frame_copy(&frames[i]);
        if ((chains->packet[i].flags & FRAME_MORE) == 0)
            return i + 1;
    }
    return 0;
}

uint32_t virtio_chains_send(struct virtio_queue *queue, const struct frame *frames, uint32_t count, bool owned,
                            int32_t *code)
{
    const struct virtio_chains *chains = queue->chains;
    uint32_t sent = 0, packets = 0;
    uint64_t all = 0;
    if (bus_has_failed(queue->bus))
        return 0;
    if (chains->count - (chains->idle_last - chains->idle_first) >= VIRTIO_CHAIN_IN_FLIGHT)
        virtio_chain_clean(queue);
    while (sent < count) {
        uint32_t bytes, frames_of = virtio_chain_copy(queue, frames + sent, count - sent);
        uint32_t parts = frames_of + queue->id_shift;
        *code = frames_of == 0 ? IXY_E_FRAME : 0;
        if (*code < 0 || !virtio_chain_room(queue, parts))
            break;
        *code = virtio_packet_take(queue, chains->packet, frames_of, owned, &bytes);
        if (*code < 0)
            break;
        virtio_chain_post(queue, parts, owned);
        sent += frames_of;
        packets++;
        all += bytes + 4;
    }
    if (sent != 0) {
        virtio_count(&queue->packets, packets);
        virtio_count(&queue->bytes, all);
        virtio_notify(queue);
    }
    return sent;
}
