/* The VirtIO transport over vhost-user: what the protocol carries goes to the back end; the configuration space and, if
 * the back end keeps none, the device status are kept here. */
#include <string.h>
#include <sys/eventfd.h>

#include "core/bus/vhost_user_device.h"
#include "core/bus/virtio_options.h"
#include "core/device/cancel.h"
#include "core/device/error.h"
#include "core/device/station.h"
#include "core/virtio/spec.h"

/* Nothing carries their configuration, control queue or address translation, or this transport does not do it. */
static const uint64_t vhost_user_not_carried =
    (uint64_t)1 << 2 /* CTRL_GUEST_OFFLOADS */ | VIRTIO_FEATURE(VIRTIO_NET_F_MTU) | VIRTIO_FEATURE(VIRTIO_NET_F_MAC) |
    VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_VQ) | VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_RX) | (uint64_t)1 << 19 /* CTRL_VLAN */ |
    (uint64_t)1 << 20 /* CTRL_RX_EXTRA */ | (uint64_t)1 << 21 /* GUEST_ANNOUNCE */ |
    VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_MAC_ADDR) | (uint64_t)1 << 26 /* VHOST_F_LOG_ALL */ |
    VIRTIO_FEATURE(VHOST_USER_F_PROTOCOL_FEATURES) | VIRTIO_FEATURE(VIRTIO_F_ACCESS_PLATFORM) |
    (uint64_t)1 << 37 /* SR_IOV */ | (uint64_t)1 << 38 /* NOTIFICATION_DATA */ |
    (uint64_t)1 << 39 /* NOTIF_CONFIG_DATA */ | (uint64_t)1 << 40 /* RING_RESET */ |
    VIRTIO_FEATURE(VIRTIO_NET_F_SPEED_DUPLEX);

/* Answered here, whatever the back end offers. Without mac= the driver makes an address. */
static uint64_t vhost_user_own(const struct vhost_user_device *vhost)
{
    return VIRTIO_FEATURE(VIRTIO_NET_F_STATUS) | (station_is_valid(vhost->mac) ? VIRTIO_FEATURE(VIRTIO_NET_F_MAC) : 0);
}

static uint64_t vhost_user_shown(const struct vhost_user_device *vhost)
{
    uint64_t shown = (vhost->offered & ~vhost_user_not_carried & ~vhost->unwanted) | vhost_user_own(vhost);
    if (vhost->pairs < 2)
        shown &= ~VIRTIO_FEATURE(VIRTIO_NET_F_MQ);
    if ((shown & VIRTIO_FEATURE(VIRTIO_F_VERSION_1)) == 0)
        shown &= VIRTIO_FEATURE(32) - 1; /* a legacy device has no more */
    return shown;
}

static int32_t vhost_user_features(struct bus *bus, uint64_t *offered)
{
    struct vhost_user_device *vhost = vhost_user_of(bus);
    int32_t code = vhost_user_begin(vhost);
    if (code < 0)
        return code;
    uint64_t shown = vhost_user_shown(vhost);
    code = virtio_options_check(bus, shown, vhost->demand_packed);
    if (code < 0)
        return code;
    *offered = shown;
    return 0;
}

static int32_t vhost_user_features_accept(struct bus *bus, uint64_t features)
{
    struct vhost_user_device *vhost = vhost_user_of(bus);
    uint64_t protocol = VIRTIO_FEATURE(VHOST_USER_F_PROTOCOL_FEATURES);
    if ((features & ~vhost_user_shown(vhost)) != 0)
        return error_set(IXY_E_ARGUMENT, "%.90s: features %#llx are not offered", bus->address,
                         (unsigned long long)(features & ~vhost_user_shown(vhost)));
    vhost->accepted = features;
    int32_t code = vhost_user_tell_number(vhost, VHOST_USER_SET_FEATURES, (features | protocol) & vhost->offered);
    if ((features & VIRTIO_FEATURE(VIRTIO_F_VERSION_1)) == 0) /* legacy: no FEATURES_OK follows */
        vhost->deadline.at = 0;
    return code;
}

/* What of a back end's status is heard: that it asks for a reset and, while that is asked, that it took the features.
 * All other bits are the front end's own, whatever it answers. */
static uint32_t vhost_user_status_heard(const struct vhost_user_device *vhost)
{
    bool negotiates =
        (vhost->status & (VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK)) == VIRTIO_STATUS_FEATURES_OK;
    return VIRTIO_STATUS_DEVICE_NEEDS_RESET | (negotiates ? VIRTIO_STATUS_FEATURES_OK : 0);
}

static int32_t vhost_user_status(struct bus *bus, uint32_t *status)
{
    struct vhost_user_device *vhost = vhost_user_of(bus);
    uint64_t read = vhost->status;
    int32_t code = bus_check(bus);
    if (code >= 0 && vhost->status != 0 && vhost_user_agreed(vhost, VHOST_USER_PROTOCOL_F_STATUS))
        code = vhost_user_ask_number(vhost, VHOST_USER_GET_STATUS, &read);
    vhost->deadline.at = 0; /* the question after FEATURES_OK ends the handshake */
    if (code < 0)
        return code;
    if (read > 0xFF)
        return error_set(IXY_E_DEVICE, "%.90s: the back end answered GET_STATUS with %#llx; a status has 8 bits",
                         bus->address, (unsigned long long)read);
    uint32_t heard = vhost_user_status_heard(vhost);
    *status = (vhost->status & ~heard) | ((uint32_t)read & heard);
    return 0;
}

static int32_t vhost_user_status_set(struct bus *bus, uint32_t status)
{
    struct vhost_user_device *vhost = vhost_user_of(bus);
    if (status == 0)
        return vhost_user_end(vhost);
    if ((vhost->status & ~status) != 0)
        return error_set(IXY_E_STATE, "%.90s: device status %#x after %#x: only a reset takes bits back (2.1.1)",
                         bus->address, status, vhost->status);
    int32_t code = vhost_user_begin(vhost);
    bool runs = (status & ~vhost->status & VIRTIO_STATUS_DRIVER_OK) != 0;
    if (code >= 0 && runs)
        code = vhost_user_run(vhost);
    if (code >= 0 && vhost_user_agreed(vhost, VHOST_USER_PROTOCOL_F_STATUS))
        code = vhost_user_tell_number(vhost, VHOST_USER_SET_STATUS, status);
    if (code >= 0 && runs)
        code = vhost_user_watch_start(vhost);
    if (runs)
        vhost->deadline.at = 0;
    if (code >= 0)
        vhost->status = status;
    return code;
}

static int32_t vhost_user_config_read(struct bus *bus, uint32_t offset, void *bytes, uint32_t size)
{
    struct vhost_user_device *vhost = vhost_user_of(bus);
    uint8_t config[VIRTIO_NET_CONFIG_SIZE] = {0};
    uint16_t link = vhost_user_connected(vhost) ? VIRTIO_NET_S_LINK_UP : 0;
    uint16_t pairs = (uint16_t)vhost->pairs;
    if (offset > sizeof(config) || size > sizeof(config) - offset)
        return error_set(IXY_E_RANGE, "%.90s: the configuration space has %zu bytes", bus->address, sizeof(config));
    memcpy(config + VIRTIO_NET_CONFIG_MAC, vhost->mac, sizeof(vhost->mac));
    memcpy(config + VIRTIO_NET_CONFIG_STATUS, &link, sizeof(link));
    memcpy(config + VIRTIO_NET_CONFIG_MAX_VIRTQUEUE_PAIRS, &pairs, sizeof(pairs));
    memcpy(bytes, config + offset, size);
    return 0;
}

static int32_t vhost_user_config_write(struct bus *bus, uint32_t offset, const void *bytes, uint32_t size)
{
    (void)offset;
    (void)bytes;
    (void)size;
    return error_set(IXY_E_UNSUPPORTED, "%.90s: a vhost-user back end cannot be told a configuration", bus->address);
}

static int32_t vhost_user_queue_size_max(struct bus *bus, uint32_t queue, uint32_t *size)
{
    struct vhost_user_device *vhost = vhost_user_of(bus);
    if (vhost->socket < 0)
        return vhost_user_no_session(vhost);
    /* The protocol has no question for it. */
    *size = queue < 2 * vhost->pairs ? VIRTQ_SIZE_MAX : 0;
    return 0;
}

static int32_t vhost_user_queue_enable(struct bus *bus, uint32_t queue, const struct virtio_queue_setup *setup)
{
    struct vhost_user_device *vhost = vhost_user_of(bus);
    if (vhost->socket < 0)
        return vhost_user_no_session(vhost);
    if (queue >= 2 * vhost->pairs)
        return error_set(IXY_E_RANGE, "%.90s: no queue %u: there are %u pairs of queues", bus->address, queue,
                         vhost->pairs);
    vhost->ring[queue].setup = *setup;
    vhost->ring[queue].chosen = true;
    return 0;
}

static void vhost_user_notify(struct bus *bus, uint32_t queue)
{
    struct vhost_user_ring *ring = &vhost_user_of(bus)->ring[queue];
    /* A full counter (EAGAIN) is a notification that the back end has yet to read. If it made the write wait, the
     * watcher sees by `kicks` that it goes on, and ends it. */
    uint32_t kicks = ring->kicks; /* only this queue's thread writes it */
    __atomic_store_n(&ring->kicks, kicks + 1, __ATOMIC_RELEASE);
    int cancel = cancel_off();
    eventfd_write(ring->kick, 1);
    cancel_restore(cancel);
    __atomic_store_n(&ring->kicks, kicks + 2, __ATOMIC_RELEASE);
}

const struct virtio_transport vhost_user_transport = {
    .pairs_without_control = true,
    .features = vhost_user_features,
    .features_accept = vhost_user_features_accept,
    .status = vhost_user_status,
    .status_set = vhost_user_status_set,
    .config_read = vhost_user_config_read,
    .config_write = vhost_user_config_write,
    .queue_size_max = vhost_user_queue_size_max,
    .queue_enable = vhost_user_queue_enable,
    .notify = vhost_user_notify,
};
