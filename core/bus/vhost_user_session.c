/* A session with a back end: the handshake, and rings started and stopped ("Starting and stopping rings" in the
 * protocol's text). */
#include <string.h>

#include "core/bus/event.h"
#include "core/bus/vhost_user_device.h"
#include "core/device/error.h"
#include "core/virtio/spec.h"

/* SET_VRING_BASE of a packed ring: both indices 0, both wrap counters 1 (bits 15 and 31) */
#define VHOST_USER_PACKED_BASE 0x80008000u

static const uint64_t vhost_user_protocol_wanted = (uint64_t)1 << VHOST_USER_PROTOCOL_F_MQ |
                                                   (uint64_t)1 << VHOST_USER_PROTOCOL_F_REPLY_ACK |
                                                   (uint64_t)1 << VHOST_USER_PROTOCOL_F_STATUS;

static bool vhost_user_has_protocol(const struct vhost_user_device *vhost)
{
    return (vhost->offered & VIRTIO_FEATURE(VHOST_USER_F_PROTOCOL_FEATURES)) != 0;
}

static int32_t vhost_user_learn_pairs(struct vhost_user_device *vhost)
{
    uint64_t pairs = 0;
    int32_t code = vhost_user_ask_number(vhost, VHOST_USER_GET_QUEUE_NUM, &pairs);
    if (code < 0)
        return code;
    if (pairs < 1 || pairs > VIRTIO_NET_PAIRS_MAX)
        return error_set(IXY_E_DEVICE, "%.90s: the back end answered GET_QUEUE_NUM with %llu; right is 1 to %u",
                         vhost->bus.address, (unsigned long long)pairs, VIRTIO_NET_PAIRS_MAX);
    vhost->pairs = pairs < vhost->pairs_wanted ? (uint32_t)pairs : vhost->pairs_wanted;
    return 0;
}

static int32_t vhost_user_learn_protocol(struct vhost_user_device *vhost)
{
    uint64_t offered = 0;
    int32_t code = vhost_user_ask_number(vhost, VHOST_USER_GET_PROTOCOL_FEATURES, &offered);
    uint64_t agreed = offered & vhost_user_protocol_wanted;
    if (code >= 0)
        code = vhost_user_tell_number(vhost, VHOST_USER_SET_PROTOCOL_FEATURES, agreed);
    if (code < 0)
        return code;
    vhost->protocol = agreed;
    return vhost_user_agreed(vhost, VHOST_USER_PROTOCOL_F_MQ) ? vhost_user_learn_pairs(vhost) : 0;
}

static int32_t vhost_user_learn(struct vhost_user_device *vhost)
{
    struct vhost_user_message owner = {.request = VHOST_USER_SET_OWNER};
    int32_t code = vhost_user_tell(vhost, &owner, NULL, 0);
    if (code >= 0) /* once a session: a second answer, which could differ, is used for nothing */
        code = vhost_user_ask_number(vhost, VHOST_USER_GET_FEATURES, &vhost->offered);
    if (code >= 0 && vhost_user_has_protocol(vhost))
        code = vhost_user_learn_protocol(vhost);
    return code;
}

/* A back end that was stopped (SIGSTOP) or is overloaded has the rings of the last session mapped still, and would
 * serve those of the next if they had the same pages. Of the pool it keeps what it has: buffers move on. */
static int32_t vhost_user_renew_rings(struct vhost_user_device *vhost)
{
    int32_t code = 0;
    for (uint32_t i = 0; i < vhost->region_count && code >= 0; i++)
        if (vhost->region_memory[i]->stride == 0) /* rings */
            code = dma_memory_renew(vhost->region_memory[i]);
    vhost->rings_known = code < 0;
    return code;
}

int32_t vhost_user_begin(struct vhost_user_device *vhost)
{
    if (vhost->socket >= 0)
        return 0;
    if (vhost->status != 0)
        return vhost_user_no_session(vhost);
    if (vhost->rings_known) {
        int32_t renewed = vhost_user_renew_rings(vhost);
        if (renewed < 0)
            return renewed;
    }
    vhost->offered = vhost->protocol = 0;
    vhost->pairs = 1;
    vhost->deadline = vhost_user_within(VHOST_USER_BEGIN_MS, " for the whole handshake");
    int32_t code = vhost_user_connect(vhost);
    if (code >= 0)
        code = vhost_user_learn(vhost);
    if (code < 0)
        vhost_user_disconnect(vhost);
    return code;
}

static int32_t vhost_user_give_memory(struct vhost_user_device *vhost)
{
    struct vhost_user_message message = {.request = VHOST_USER_SET_MEM_TABLE,
                                         .size = 8 + vhost->region_count * (uint32_t)sizeof(vhost->region[0]),
                                         .memory.count = vhost->region_count};
    int files[VHOST_USER_REGIONS_MAX];
    for (uint32_t i = 0; i < vhost->region_count; i++)
        files[i] = vhost->region_memory[i]->file;
    memcpy(message.memory.region, vhost->region, sizeof(message.memory.region));
    vhost->rings_known = true;
    return vhost_user_tell(vhost, &message, files, vhost->region_count);
}

static int32_t vhost_user_tell_state(struct vhost_user_device *vhost, uint32_t request, uint32_t ring, uint32_t number)
{
    struct vhost_user_message message = {
        .request = request, .size = sizeof(message.state), .state = {.index = ring, .number = number}};
    return vhost_user_tell(vhost, &message, NULL, 0);
}

/* Gives an eventfd to the back end; the ring's index is the number's low byte. */
static int32_t vhost_user_give_event(struct vhost_user_device *vhost, uint32_t request, uint32_t ring, int event)
{
    struct vhost_user_message message = {.request = request, .size = sizeof(message.number), .number = ring};
    return vhost_user_tell(vhost, &message, &event, 1);
}

/* A ring's call is the event of its vector; one that has none has an eventfd that nobody looks at. */
static int32_t vhost_user_give_call(struct vhost_user_device *vhost, uint32_t index)
{
    struct vhost_user_ring *ring = &vhost->ring[index];
    if (ring->setup.vector < vhost->event_count)
        return vhost_user_give_event(vhost, VHOST_USER_SET_VRING_CALL, index, vhost->events[ring->setup.vector]);
    int32_t code = event_open(&ring->call, vhost->bus.address);
    return code < 0 ? code : vhost_user_give_event(vhost, VHOST_USER_SET_VRING_CALL, index, ring->call);
}

static int32_t vhost_user_give_ring(struct vhost_user_device *vhost, uint32_t index)
{
    struct vhost_user_ring *ring = &vhost->ring[index];
    bool packed = (vhost->accepted & VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)) != 0;
    struct vhost_user_message message = {.request = VHOST_USER_SET_VRING_ADDR,
                                         .size = sizeof(message.address),
                                         .address = {.index = index,
                                                     .descriptor = ring->setup.descriptor_area,
                                                     .available = ring->setup.driver_area,
                                                     .used = ring->setup.device_area}};
    ring->started = true; /* a kick starts it, but it must be stopped whatever the back end got to see */
    int32_t code = vhost_user_tell_state(vhost, VHOST_USER_SET_VRING_NUM, index, ring->setup.size);
    if (code >= 0)
        code = vhost_user_tell_state(vhost, VHOST_USER_SET_VRING_BASE, index, packed ? VHOST_USER_PACKED_BASE : 0);
    if (code >= 0)
        code = vhost_user_tell(vhost, &message, NULL, 0);
    if (code >= 0)
        code = event_open(&ring->kick, vhost->bus.address);
    if (code >= 0)
        code = vhost_user_give_event(vhost, VHOST_USER_SET_VRING_KICK, index, ring->kick);
    if (code >= 0)
        code = vhost_user_give_call(vhost, index);
    return code;
}

/* Without protocol features a ring is enabled from its start. */
static int32_t vhost_user_enable(struct vhost_user_device *vhost, uint32_t ring, uint32_t on)
{
    return vhost_user_has_protocol(vhost) ? vhost_user_tell_state(vhost, VHOST_USER_SET_VRING_ENABLE, ring, on) : 0;
}

int32_t vhost_user_run(struct vhost_user_device *vhost)
{
    vhost->deadline = vhost_user_within(VHOST_USER_RUN_MS, " for starting all rings");
    int32_t code = vhost_user_give_memory(vhost);
    for (uint32_t i = 0; i < VHOST_USER_RINGS_MAX && code >= 0; i++)
        if (vhost->ring[i].chosen)
            code = vhost_user_give_ring(vhost, i);
    for (uint32_t i = 0; i < VHOST_USER_RINGS_MAX && code >= 0; i++)
        if (vhost->ring[i].chosen)
            code = vhost_user_enable(vhost, i, 1);
    /* Requests without an acknowledgement may wait in the socket still: an answer says that all were seen. */
    uint64_t offered;
    if (code >= 0 && !vhost_user_agreed(vhost, VHOST_USER_PROTOCOL_F_REPLY_ACK))
        code = vhost_user_ask_number(vhost, VHOST_USER_GET_FEATURES, &offered); /* those of the handshake count */
    return code;
}

/* The answer to GET_VRING_BASE says that the back end uses the ring no more. Where it stopped is of no interest: what
 * was in the ring goes back to the driver. */
static int32_t vhost_user_stop_ring(struct vhost_user_device *vhost, uint32_t ring)
{
    int32_t code = vhost_user_enable(vhost, ring, 0);
    struct vhost_user_message message = {
        .request = VHOST_USER_GET_VRING_BASE, .size = sizeof(message.state), .state = {.index = ring}};
    if (code >= 0)
        code = vhost_user_ask(vhost, &message, NULL, 0, sizeof(message.state));
    if (code >= 0 && message.state.index != ring)
        code = error_set(IXY_E_DEVICE, "%.90s: the back end answered GET_VRING_BASE of ring %u with ring %u",
                         vhost->bus.address, ring, message.state.index);
    return code;
}

static void vhost_user_close_ring(struct vhost_user_ring *ring)
{
    event_close(&ring->kick);
    event_close(&ring->call);
    *ring = (struct vhost_user_ring){.kick = -1, .call = -1};
}

int32_t vhost_user_end(struct vhost_user_device *vhost)
{
    int32_t code = 0;
    vhost_user_watch_stop(vhost);
    bool answers = vhost_user_connected(vhost);
    vhost->deadline = vhost_user_within(VHOST_USER_END_MS, " for stopping all rings");
    for (uint32_t i = 0; i < VHOST_USER_RINGS_MAX && answers && code >= 0; i++)
        if (vhost->ring[i].started)
            code = vhost_user_stop_ring(vhost, i);
    vhost->deadline.at = 0;
    if (answers && code >= 0)
        vhost->rings_known = false;
    if (vhost->gone)
        code = 0; /* it touches nothing any more, which is what was asked for */
    vhost_user_disconnect(vhost);
    for (uint32_t i = 0; i < VHOST_USER_RINGS_MAX; i++)
        vhost_user_close_ring(&vhost->ring[i]);
    vhost->status = 0;
    vhost->accepted = 0;
    return code;
}
