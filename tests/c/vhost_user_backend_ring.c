/* The rings of the scripted back end, in the simplest manner: one frame at a time, one buffer a frame. */
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>

#include "core/virtio/spec.h"
#include "tests/c/vhost_user_backend.h"

#define BACKEND_FRAME_MAX 4096

struct backend_piece {
    uint64_t address;
    uint32_t len;
    bool writable;
};

/* A chain of descriptors that the driver made available. */
struct backend_chain {
    struct backend_piece piece[4];
    uint32_t count;
    uint16_t id;
    uint16_t descriptors;
};

uint8_t *backend_translate(const struct backend *backend, uint64_t user_address, uint64_t size)
{
    for (uint32_t i = 0; i < backend->region_count; i++) {
        uint64_t offset = user_address - backend->region[i].user_address;
        if (offset < backend->region[i].size && size <= backend->region[i].size - offset)
            return backend->mapped[i] + offset;
    }
    return NULL;
}

static bool backend_packed(const struct backend *backend)
{
    return (backend->accepted & VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)) != 0;
}

static bool backend_split_peek(const struct backend_ring *ring, struct backend_chain *chain)
{
    const struct virtq_avail *avail = (const void *)ring->available;
    const struct virtq_desc *table = (const void *)ring->descriptor;
    if (__atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE) == ring->next)
        return false;
    uint16_t at = avail->ring[ring->next % ring->size];
    chain->id = at;
    chain->count = 0;
    for (;;) {
        const struct virtq_desc *desc = &table[at % ring->size];
        chain->piece[chain->count++] =
            (struct backend_piece){desc->addr, desc->len, (desc->flags & VIRTQ_DESC_F_WRITE) != 0};
        if ((desc->flags & VIRTQ_DESC_F_NEXT) == 0 || chain->count == 4)
            return true;
        at = desc->next;
    }
}

static bool backend_packed_peek(const struct backend_ring *ring, struct backend_chain *chain)
{
    struct virtq_packed_desc *table = (void *)ring->descriptor;
    uint16_t at = ring->next;
    bool wrap = ring->wrap;
    chain->count = 0;
    for (;;) {
        uint16_t flags = __atomic_load_n(&table[at].flags, __ATOMIC_ACQUIRE);
        bool available = (flags & VIRTQ_PACKED_DESC_F_AVAIL) != 0, used = (flags & VIRTQ_PACKED_DESC_F_USED) != 0;
        if (chain->count == 0 && (available != wrap || used == wrap))
            return false;
        chain->piece[chain->count++] =
            (struct backend_piece){table[at].addr, table[at].len, (flags & VIRTQ_DESC_F_WRITE) != 0};
        chain->id = table[at].id;
        if ((flags & VIRTQ_DESC_F_NEXT) == 0 || chain->count == 4)
            break;
        at = (uint16_t)((at + 1) % ring->size);
        wrap = at == 0 ? !wrap : wrap;
    }
    chain->descriptors = (uint16_t)chain->count;
    return true;
}

static bool backend_peek(const struct backend *backend, const struct backend_ring *ring, struct backend_chain *chain)
{
    return backend_packed(backend) ? backend_packed_peek(ring, chain) : backend_split_peek(ring, chain);
}

/* Whether the driver wants to hear of used buffers; without EVENT_IDX, which this back end does not offer. */
static bool backend_wanted(const struct backend *backend, const struct backend_ring *ring)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* used buffers first, then this: 2.7.7.2, 2.8.14 */
    if (!backend_packed(backend)) {
        const struct virtq_avail *avail = (const void *)ring->available;
        return (__atomic_load_n(&avail->flags, __ATOMIC_RELAXED) & VIRTQ_AVAIL_F_NO_INTERRUPT) == 0;
    }
    const struct virtq_event_suppress *event = (const void *)ring->available; /* the driver area */
    return __atomic_load_n(&event->flags, __ATOMIC_RELAXED) == VIRTQ_RING_EVENT_FLAGS_ENABLE;
}

/* A malicious one fills the counter itself, and makes writing wait. */
static bool backend_call_has_room(const struct backend_ring *ring)
{
    struct pollfd entry = {.fd = ring->call, .events = POLLOUT};
    return poll(&entry, 1, 0) == 1;
}

/* Hands a chain back; len is what was written. */
static void backend_push(struct backend *backend, struct backend_ring *ring, const struct backend_chain *chain,
                         uint32_t len)
{
    if (backend_packed(backend)) {
        struct virtq_packed_desc *desc = (struct virtq_packed_desc *)(void *)ring->descriptor + ring->next;
        desc->id = chain->id;
        desc->len = len;
        uint16_t flags = ring->wrap ? VIRTQ_PACKED_DESC_F_AVAIL | VIRTQ_PACKED_DESC_F_USED : 0;
        __atomic_store_n(&desc->flags, flags, __ATOMIC_RELEASE);
        uint32_t next = ring->next + (uint32_t)chain->descriptors;
        ring->wrap = next >= ring->size ? !ring->wrap : ring->wrap;
        ring->next = (uint16_t)(next % ring->size);
    } else {
        struct virtq_used *used = (void *)ring->used;
        used->ring[ring->next_used % ring->size] = (struct virtq_used_elem){chain->id, len};
        ring->next++;
        ring->next_used++;
        __atomic_store_n(&used->idx, ring->next_used, __ATOMIC_RELEASE);
    }
    if (ring->call >= 0 && backend_wanted(backend, ring) && backend_call_has_room(ring)) {
        eventfd_write(ring->call, 1);
        __atomic_fetch_add(&backend->calls, 1, __ATOMIC_RELEASE);
    }
}

static uint32_t backend_gather(struct backend *backend, const struct backend_chain *chain, uint8_t *bytes)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < chain->count; i++) {
        uint32_t len = chain->piece[i].len;
        const uint8_t *from = backend_translate(backend, chain->piece[i].address, len);
        if (from == NULL || chain->piece[i].writable || len > BACKEND_FRAME_MAX - total)
            return 0;
        memcpy(bytes + total, from, len);
        total += len;
    }
    return total;
}

static bool backend_scatter(struct backend *backend, const struct backend_chain *chain, const uint8_t *bytes,
                            uint32_t len)
{
    uint32_t done = 0;
    for (uint32_t i = 0; i < chain->count && done < len; i++) {
        uint32_t part = len - done < chain->piece[i].len ? len - done : chain->piece[i].len;
        uint8_t *to = backend_translate(backend, chain->piece[i].address, part);
        if (to == NULL || !chain->piece[i].writable)
            return false;
        memcpy(to, bytes + done, part);
        done += part;
    }
    return done == len;
}

static bool backend_ready(const struct backend_ring *ring)
{
    return ring->addressed && ring->enabled && ring->kick >= 0;
}

static bool backend_echo_one(struct backend *backend, struct backend_ring *transmit, struct backend_ring *receive)
{
    struct backend_chain from, to;
    uint8_t bytes[BACKEND_FRAME_MAX];
    uint64_t long_header = VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF);
    uint32_t header = (backend->accepted & long_header) != 0 ? VIRTIO_NET_HDR_SIZE : VIRTIO_NET_HDR_SIZE_LEGACY;
    if (!backend_peek(backend, transmit, &from) || !backend_peek(backend, receive, &to))
        return false;
    uint32_t len = backend_gather(backend, &from, bytes);
    if (len <= header) {
        __atomic_fetch_add(&backend->refused, 1, __ATOMIC_RELEASE);
        len = 0;
    } else {
        struct virtio_net_hdr written = {.num_buffers = 1};
        memcpy(bytes, &written, header);
        if (!backend_scatter(backend, &to, bytes, len))
            __atomic_fetch_add(&backend->refused, 1, __ATOMIC_RELEASE);
    }
    backend_push(backend, transmit, &from, 0);
    if (len > 0) {
        backend_push(backend, receive, &to, len);
        __atomic_fetch_add(&backend->frames, 1, __ATOMIC_RELEASE);
    }
    return true;
}

uint32_t backend_echo(struct backend *backend)
{
    uint32_t moved = 0;
    for (uint32_t i = 0; i + 1 < BACKEND_RINGS; i += 2) {
        struct backend_ring *receive = &backend->ring[i], *transmit = &backend->ring[i + 1];
        if (!backend_ready(receive) || !backend_ready(transmit))
            continue;
        while (moved < 64 && backend_echo_one(backend, transmit, receive))
            moved++;
    }
    return moved;
}
