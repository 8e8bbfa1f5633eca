#include "tests/c/vhost_user_hostile.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/virtio/spec.h"

/* Bytes of a session, about, that are worth ending it at. */
#define HOSTILE_HEARD 1500
#define HOSTILE_SAID 800

uint64_t hostile_number(uint64_t *random, uint64_t below)
{
    uint64_t x = *random; /* xorshift64*, by Vigna */
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *random = x;
    return (x * 0x2545F4914F6CDD1Dull >> 11) % below;
}

static struct hostile_backend *hostile_of(struct backend *backend)
{
    return (struct hostile_backend *)backend;
}

/* One in so many; 0: never. */
static bool hostile_chance(struct hostile_backend *hostile, uint32_t every)
{
    return every != 0 && hostile_number(&hostile->random, every) == 0;
}

static uint64_t hostile_any(struct hostile_backend *hostile)
{
    uint64_t bits = hostile_number(&hostile->random, UINT64_MAX);
    return hostile_number(&hostile->random, 2) != 0 ? bits : bits << hostile_number(&hostile->random, 40);
}

/* ---- values ---- */

/* Early, taken back, gone, asking for a reset, no status at all. */
static uint64_t hostile_status(struct hostile_backend *hostile)
{
    const uint64_t now = hostile->backend.status;
    const uint64_t lies[] = {
        now | VIRTIO_STATUS_DRIVER_OK,
        now | VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_FEATURES_OK,
        now & ~(uint64_t)VIRTIO_STATUS_DRIVER_OK,
        now & hostile_any(hostile),
        0,
        now | VIRTIO_STATUS_FAILED,
        now | VIRTIO_STATUS_DEVICE_NEEDS_RESET,
        VIRTIO_STATUS_GONE,
        hostile_any(hostile),
    };
    const uint64_t early_and_back = 3; /* as often as all others together */
    return lies[hostile_number(&hostile->random, hostile_chance(hostile, 2) ? early_and_back : sizeof(lies) / 8)];
}

static void hostile_value(struct hostile_backend *hostile, struct vhost_user_message *message)
{
    switch (message->request) {
    case VHOST_USER_GET_STATUS:
        if (hostile_chance(hostile, hostile->status_every))
            message->number = hostile_status(hostile);
        break;
    case VHOST_USER_GET_FEATURES: /* also of the second question in a session */
    case VHOST_USER_GET_PROTOCOL_FEATURES:
        if (hostile_chance(hostile, hostile->features_every))
            message->number ^= (uint64_t)1 << hostile_number(&hostile->random, 40);
        break;
    case VHOST_USER_GET_QUEUE_NUM:
        if (hostile_chance(hostile, hostile->features_every))
            message->number = hostile_number(&hostile->random, 20);
        break;
    case VHOST_USER_GET_VRING_BASE:
        message->state.number = (uint32_t)hostile_any(hostile); /* of no interest to anybody */
        break;
    default:
        break;
    }
}

/* ---- forms ---- */

/* Returns false to hang up. */
static bool hostile_form(struct hostile_backend *hostile, struct vhost_user_message *message, uint32_t length)
{
    struct backend *backend = &hostile->backend;
    uint64_t *random = &hostile->random;
    switch (hostile_number(random, 14)) {
    case 0:
        message->number = hostile_any(hostile);
        break;
    case 1: /* that of the last request */
        if (hostile->stale_size > 0)
            backend_send(backend, &hostile->stale, hostile->stale_size, 0, -1, false);
        return true;
    case 2:
        backend_send(backend, message, length, 0, -1, false);
        break;
    case 3: /* cut, and then the end, or nothing more */
        backend_send(backend, message, 1 + (uint32_t)hostile_number(random, length - 1), 0, -1, false);
        return hostile_number(random, 4) == 0; /* mostly the end */
    case 4:                                    /* longer than it says, or saying so */
        message->size += hostile_number(random, 2) != 0 ? 8 : 0;
        backend_send(backend, message, length + 8, 0, -1, false);
        return true;
    case 5:
        message->size = (uint32_t)hostile_any(hostile);
        break;
    case 6:
        message->request = (uint32_t)hostile_number(random, 45);
        break;
    case 7:
        message->flags = (uint32_t)hostile_number(random, 32);
        break;
    case 8:
    case 9: /* refused by the kernel, or not */
        backend_send(backend, message, length, 1 + (uint32_t)hostile_number(random, 20), backend->stop,
                     hostile_number(random, 2) != 0);
        return true;
    case 10:
        poll(NULL, 0, (int)hostile_number(random, 100));
        break;
    case 11: /* byte by byte */
        for (uint32_t i = 0; i < length; i++)
            if (backend_send(backend, (uint8_t *)message + i, 1, 0, -1, false) == 0)
                return false;
        return true;
    case 12:
        return hostile_number(random, 4) != 0; /* silent, mostly */
    default:
        return false;
    }
    backend_send(backend, message, length, 0, -1, false);
    return true;
}

static bool hostile_answer(struct backend *backend, struct vhost_user_message *message, uint32_t size)
{
    struct hostile_backend *hostile = hostile_of(backend);
    uint32_t length = VHOST_USER_HEADER_SIZE + size;
    message->flags = VHOST_USER_VERSION | VHOST_USER_REPLY;
    message->size = size;
    hostile->answers++;
    hostile_value(hostile, message);
    if (hostile_chance(hostile, hostile->lies_every)) {
        hostile->lies++;
        return hostile_form(hostile, message, length);
    }
    memcpy(&hostile->stale, message, length);
    hostile->stale_size = length;
    return backend_send(backend, message, length, 0, -1, false) == length;
}

/* ---- sessions ---- */

static void hostile_accepted(struct backend *backend)
{
    struct hostile_backend *hostile = hostile_of(backend);
    backend->hears = backend->says = 0;
    if (hostile_chance(hostile, hostile->cuts_every)) {
        if (hostile_number(&hostile->random, 2) != 0)
            backend->hears = 1 + (uint32_t)hostile_number(&hostile->random, HOSTILE_HEARD);
        else
            backend->says = 1 + (uint32_t)hostile_number(&hostile->random, HOSTILE_SAID);
    }
    backend->features = hostile->offered;
    backend->queue_num = hostile->queues;
    if (hostile_chance(hostile, hostile->features_every)) {
        backend->features &= ~((uint64_t)1 << hostile_number(&hostile->random, 40));
        backend->features |= (uint64_t)1 << hostile_number(&hostile->random, 40);
        backend->queue_num = hostile_number(&hostile->random, 6);
    }
}

static bool hostile_idle(struct backend *backend)
{
    struct hostile_backend *hostile = hostile_of(backend);
    if (!hostile_chance(hostile, hostile->ends_every))
        return true;
    if (hostile_number(&hostile->random, 2) != 0 && hostile->stale_size > 0) /* which nobody asked for */
        return backend_send(backend, &hostile->stale, hostile->stale_size, 0, -1, false) != 0;
    return false;
}

static const struct backend_hostile hostile_ways = {
    .answer = hostile_answer, .accepted = hostile_accepted, .idle = hostile_idle};

/* Of some numbers, each as often as the others. */
static uint32_t hostile_one_of(struct hostile_backend *hostile, const uint32_t *numbers, uint32_t count)
{
    return numbers[hostile_number(&hostile->random, count)];
}

static uint64_t hostile_offer(struct hostile_backend *hostile)
{
    static const uint32_t optional[] = {
        VIRTIO_F_RING_PACKED,    VIRTIO_F_IN_ORDER,  VIRTIO_NET_F_MRG_RXBUF,    VIRTIO_NET_F_MQ,     VIRTIO_NET_F_CSUM,
        VIRTIO_NET_F_GUEST_CSUM, VIRTIO_F_EVENT_IDX, VIRTIO_NET_F_SPEED_DUPLEX, VIRTIO_F_ANY_LAYOUT,
    };
    uint64_t offer = VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VHOST_USER_F_PROTOCOL_FEATURES);
    for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
        offer |= hostile_number(&hostile->random, 4) != 0 ? VIRTIO_FEATURE(optional[i]) : 0;
    if (hostile_chance(hostile, 16)) /* legacy */
        offer &= ~VIRTIO_FEATURE(VIRTIO_F_VERSION_1);
    if (hostile_chance(hostile, 16))
        offer &= ~VIRTIO_FEATURE(VHOST_USER_F_PROTOCOL_FEATURES);
    return offer;
}

void hostile_backend_tame(struct hostile_backend *hostile, const char *name)
{
    memset(hostile, 0, sizeof(*hostile));
    hostile->random = hostile->scribble_random = 1;
    hostile->backend = backend_right(name);
    hostile->backend.hostile = &hostile_ways;
    hostile->offered = hostile->backend.features;
    hostile->queues = hostile->backend.queue_num;
}

/* Those that do one thing. */
static void hostile_specialize(struct hostile_backend *hostile, uint32_t number)
{
    if (number >= 4)
        return;
    hostile->lies_every = number == 1 ? 30 : 0;
    hostile->status_every = number == 0 ? 2 : 0;
    hostile->features_every = hostile->cuts_every = number == 2 ? 2 : 0;
    hostile->ends_every = 0;
    hostile->scribbles = number == 3 ? (1u << SCRIBBLE_KICKS) - 1 : 0;
    hostile->pause_us = 100;
    if (number == 0)
        hostile->backend.protocol |= 1u << VHOST_USER_PROTOCOL_F_STATUS;
}

void hostile_backend_start(struct hostile_backend *hostile, const char *name, uint64_t seed, uint32_t number)
{
    static const uint32_t lies[] = {0, 400, 100, 30}, status[] = {0, 8, 2}, features[] = {0, 8, 3}, cuts[] = {0, 6, 2},
                          ends[] = {0, 3000, 500}, pauses[] = {0, 100, 2000, 20000};
    hostile_backend_tame(hostile, name);
    hostile->random = (seed << 20 | number) * 2 + 1;
    for (uint32_t i = 0; i < 8; i++)
        (void)hostile_any(hostile);
    hostile->offered = hostile_offer(hostile);
    hostile->queues = 1 + hostile_number(&hostile->random, BACKEND_RINGS / 2);
    hostile->backend.protocol |= hostile_any(hostile);
    hostile->backend.protocol ^= hostile_chance(hostile, 3) ? hostile_number(&hostile->random, 1 << 17) : 0;
    hostile->lies_every = hostile_one_of(hostile, lies, 4);
    hostile->status_every = hostile_one_of(hostile, status, 3);
    hostile->features_every = hostile_one_of(hostile, features, 3);
    hostile->cuts_every = hostile_one_of(hostile, cuts, 3);
    hostile->ends_every = hostile_one_of(hostile, ends, 3);
    hostile->pause_us = hostile_one_of(hostile, pauses, 4);
    hostile->scribbles = (uint32_t)hostile_number(&hostile->random, 1 << SCRIBBLES);
    if (hostile_number(&hostile->random, 4) != 0)
        hostile->scribbles &= ~(1u << SCRIBBLE_KICKS); /* each costs a packet call half a second */
    hostile_specialize(hostile, number);
    hostile->scribble_random = hostile->random ^ 0x9E3779B97F4A7C15ull;
}

void hostile_backend_run(struct hostile_backend *hostile)
{
    backend_start(&hostile->backend);
    pthread_create(&hostile->scribbler, NULL, hostile_scribble, hostile);
}

void hostile_backend_stop(struct hostile_backend *hostile)
{
    __atomic_store_n(&hostile->ends, 1, __ATOMIC_RELEASE);
    pthread_join(hostile->scribbler, NULL);
    backend_kill(&hostile->backend);
    unlink(hostile->backend.path);
}
