/* What the malicious back end writes where the front end reads. */
#include <fcntl.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/virtio/spec.h"
#include "tests/c/vhost_user_hostile.h"

#define SCRIBBLE_BURST 64
#define SCRIBBLE_HAMMER 2000

static uint64_t scribble_number(struct hostile_backend *hostile, uint64_t below)
{
    return hostile_number(&hostile->scribble_random, below);
}

/* Of 0, small, like a length, or anything. */
static uint64_t scribble_value(struct hostile_backend *hostile)
{
    static const uint64_t below[] = {1, 16, 2048, 65536, UINT64_MAX};
    return scribble_number(hostile, below[scribble_number(hostile, 5)]);
}

/* A word of 1, 2, 4 or 8 bytes somewhere in that many, aligned. */
static void scribble_word(struct hostile_backend *hostile, uint8_t *bytes, uint64_t size)
{
    uint64_t width = (uint64_t)1 << scribble_number(hostile, 4), value = scribble_value(hostile);
    if (size < width)
        return;
    uint8_t *at = bytes + scribble_number(hostile, size / width) * width;
    if (width == 8)
        __atomic_store_n((uint64_t *)(void *)at, value, __ATOMIC_RELAXED);
    else if (width == 4)
        __atomic_store_n((uint32_t *)(void *)at, (uint32_t)value, __ATOMIC_RELAXED);
    else if (width == 2)
        __atomic_store_n((uint16_t *)(void *)at, (uint16_t)value, __ATOMIC_RELAXED);
    else
        __atomic_store_n(at, (uint8_t)value, __ATOMIC_RELAXED);
}

static bool scribble_packed(const struct hostile_backend *hostile)
{
    return (hostile->backend.accepted & VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)) != 0;
}

/* Returns a buffer, or what is none. */
static void scribble_used(struct hostile_backend *hostile, struct backend_ring *ring)
{
    uint32_t id = (uint32_t)scribble_number(hostile, ring->size + scribble_number(hostile, 2));
    uint32_t len = (uint32_t)scribble_number(hostile, 2300);
    if (scribble_packed(hostile)) {
        struct virtq_packed_desc *desc =
            (struct virtq_packed_desc *)(void *)ring->descriptor + scribble_number(hostile, ring->size);
        uint64_t flags = scribble_number(hostile, 2) != 0 ? VIRTQ_PACKED_DESC_F_AVAIL | VIRTQ_PACKED_DESC_F_USED : 0;
        __atomic_store_n((uint64_t *)(void *)&desc->len, flags << 48 | (uint64_t)id << 32 | len, __ATOMIC_RELEASE);
        return;
    }
    struct virtq_used *used = (void *)ring->used;
    uint16_t index = __atomic_load_n(&used->idx, __ATOMIC_RELAXED);
    used->ring[index % ring->size] = (struct virtq_used_elem){id, len};
    __atomic_store_n(&used->idx, (uint16_t)(index + 1), __ATOMIC_RELEASE);
}

/* The memory of a descriptor: a buffer that the driver posted, with its header. */
static void scribble_posted(struct hostile_backend *hostile, struct backend_ring *ring, bool header)
{
    uint32_t slot = (uint32_t)scribble_number(hostile, ring->size);
    uint64_t address = *(const uint64_t *)(const void *)(ring->descriptor + (uint64_t)slot * sizeof(struct virtq_desc));
    uint64_t size = header ? VIRTIO_NET_HDR_SIZE : 1514;
    uint8_t *bytes = backend_translate(&hostile->backend, address & ~(uint64_t)7, size);
    if (bytes != NULL)
        scribble_word(hostile, bytes, size);
}

static void scribble_memory(struct hostile_backend *hostile)
{
    const struct backend *backend = &hostile->backend;
    if (backend->region_count == 0)
        return;
    uint64_t region = scribble_number(hostile, backend->region_count);
    scribble_word(hostile, backend->mapped[region], backend->region[region].size);
}

/* The flag that says whether a write or a read waits belongs to both sides, and so does the counter. */
static void scribble_event(struct hostile_backend *hostile, int event)
{
    eventfd_t count;
    if (event < 0)
        return;
    switch (scribble_number(hostile, 4)) {
    case 0:
        (void)fcntl(event, F_SETFL, O_NONBLOCK);
        (void)eventfd_read(event, &count);
        break;
    case 1:
        (void)fcntl(event, F_SETFL, O_NONBLOCK);
        (void)eventfd_write(event, 1);
        break;
    case 2:
        (void)fcntl(event, F_SETFL, O_NONBLOCK);
        (void)eventfd_read(event, &count);
        (void)eventfd_write(event, UINT64_MAX - 1);
        (void)fcntl(event, F_SETFL, 0);
        break;
    default:
        (void)fcntl(event, F_SETFL, 0);
        break;
    }
}

static void scribble_once(struct hostile_backend *hostile)
{
    struct backend_ring *ring = &hostile->backend.ring[scribble_number(hostile, BACKEND_RINGS)];
    uint32_t what = (uint32_t)scribble_number(hostile, SCRIBBLES);
    if ((hostile->scribbles >> what & 1) == 0 || !ring->addressed)
        return;
    hostile->written++;
    switch (what) {
    case SCRIBBLE_DESCRIPTORS:
        if (!scribble_packed(hostile) || (hostile->scribbles >> SCRIBBLE_DEVICE & 1) != 0) /* one area, there */
            scribble_word(hostile, ring->descriptor, backend_area_size(ring, 0));
        break;
    case SCRIBBLE_DRIVER:
        scribble_word(hostile, ring->available, scribble_packed(hostile) ? 4 : backend_area_size(ring, 1));
        break;
    case SCRIBBLE_DEVICE:
        scribble_word(hostile, ring->used, scribble_packed(hostile) ? 4 : backend_area_size(ring, 2));
        break;
    case SCRIBBLE_USED:
        scribble_used(hostile, ring);
        break;
    case SCRIBBLE_HEADERS:
    case SCRIBBLE_PACKETS:
        scribble_posted(hostile, ring, what == SCRIBBLE_HEADERS);
        break;
    case SCRIBBLE_MEMORY:
        scribble_memory(hostile);
        break;
    case SCRIBBLE_CALLS:
        scribble_event(hostile, ring->call);
        break;
    default:
        scribble_event(hostile, ring->kick);
        break;
    }
}

/* Fills a counter again as soon as somebody has emptied it, and has whoever writes to it wait. empties: it does that
 * itself, too. */
static void scribble_hammer(struct hostile_backend *hostile, int event, bool empties)
{
    eventfd_t count;
    for (uint32_t i = 0; i < SCRIBBLE_HAMMER && event >= 0; i++) {
        (void)fcntl(event, F_SETFL, O_NONBLOCK);
        if (empties)
            (void)eventfd_read(event, &count);
        (void)eventfd_write(event, UINT64_MAX - 1);
        (void)fcntl(event, F_SETFL, 0);
        hostile->written++;
    }
}

static void scribble_burst(struct hostile_backend *hostile)
{
    for (uint32_t i = 0; i < BACKEND_RINGS && hostile->hammers_calls; i++)
        scribble_hammer(hostile, hostile->backend.ring[i].call, true);
    for (uint32_t i = 0; i < 20 && hostile->hammers_kicks; i++) /* the first transmit queue's */
        scribble_hammer(hostile, hostile->backend.ring[1].kick, false);
    for (uint32_t i = 0; i < SCRIBBLE_BURST; i++)
        scribble_once(hostile);
}

void *hostile_scribble(void *argument)
{
    struct hostile_backend *hostile = argument;
    while (__atomic_load_n(&hostile->ends, __ATOMIC_ACQUIRE) == 0) {
        pthread_mutex_lock(&hostile->backend.lock);
        scribble_burst(hostile);
        pthread_mutex_unlock(&hostile->backend.lock);
        usleep(1 + hostile->pause_us); /* and not sched_yield: the thread that serves would never get the lock */
    }
    return NULL;
}
