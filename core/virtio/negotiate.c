/* Reset, feature negotiation and what the configuration says (VirtIO 1.3, 3.1.1, 5.1.3 to 5.1.5). */
#include <string.h>
#include <sys/random.h>

#include "core/device/error.h"
#include "core/device/station.h"
#include "core/virtio/virtio.h"

static const struct virtio_feature_name {
    uint32_t bit;
    const char *name;
} virtio_feature_names[] = {
    {VIRTIO_NET_F_CSUM, "CSUM"},
    {VIRTIO_NET_F_GUEST_CSUM, "GUEST_CSUM"},
    {VIRTIO_NET_F_MTU, "MTU"},
    {VIRTIO_NET_F_MAC, "MAC"},
    {VIRTIO_NET_F_MRG_RXBUF, "MRG_RXBUF"},
    {VIRTIO_NET_F_STATUS, "STATUS"},
    {VIRTIO_NET_F_CTRL_VQ, "CTRL_VQ"},
    {VIRTIO_NET_F_CTRL_RX, "CTRL_RX"},
    {VIRTIO_NET_F_MQ, "MQ"},
    {VIRTIO_NET_F_CTRL_MAC_ADDR, "CTRL_MAC_ADDR"},
    {VIRTIO_F_ANY_LAYOUT, "ANY_LAYOUT"},
    {VIRTIO_F_EVENT_IDX, "EVENT_IDX"},
    {VIRTIO_F_VERSION_1, "VERSION_1"},
    {VIRTIO_F_ACCESS_PLATFORM, "ACCESS_PLATFORM"},
    {VIRTIO_F_RING_PACKED, "RING_PACKED"},
    {VIRTIO_F_IN_ORDER, "IN_ORDER"},
    {VIRTIO_F_ORDER_PLATFORM, "ORDER_PLATFORM"},
    {VIRTIO_NET_F_SPEED_DUPLEX, "SPEED_DUPLEX"},
};

#define VIRTIO_FEATURE_NAMES (sizeof(virtio_feature_names) / sizeof(virtio_feature_names[0]))

const char *virtio_feature(const struct device *device, uint32_t index)
{
    const struct virtio_device *virtio = (const struct virtio_device *)device;
    for (size_t i = 0; i < VIRTIO_FEATURE_NAMES; i++)
        if (virtio_has(virtio, virtio_feature_names[i].bit) && index-- == 0)
            return virtio_feature_names[i].name;
    return NULL;
}

/* What a device status says of the device's health. */
static void virtio_judge(struct bus *bus, uint32_t status)
{
    if (status == VIRTIO_STATUS_GONE)
        bus_fail(bus, "its status reads as ones: the device is gone");
    else if ((status & VIRTIO_STATUS_DEVICE_NEEDS_RESET) != 0)
        bus_fail(bus, "the device asks for a reset (DEVICE_NEEDS_RESET)");
}

void virtio_watch(struct bus *bus)
{
    if (bus->virtio->status_peek != NULL)
        virtio_judge(bus, bus->virtio->status_peek(bus));
}

int32_t virtio_check(struct virtio_device *virtio)
{
    struct bus *bus = virtio->device.bus;
    uint32_t status = 0;
    int32_t code = bus_check(bus);
    if (code >= 0)
        code = virtio->transport->status(bus, &status);
    if (code < 0)
        return code;
    virtio_judge(bus, status);
    return bus_check(bus);
}

int32_t virtio_status_add(struct virtio_device *virtio, uint32_t bit)
{
    int32_t code = virtio->transport->status_set(virtio->device.bus, virtio->status | bit);
    virtio->status |= code >= 0 ? bit : 0;
    return code;
}

int32_t virtio_status_reset(struct virtio_device *virtio)
{
    virtio->status = 0;
    return virtio->transport->status_set(virtio->device.bus, 0);
}

/* What of the offer is wanted. Bits whose dependencies (5.1.3.1, 6.1) the offer lacks are left alone. */
static uint64_t virtio_choose(const struct virtio_device *virtio, uint64_t offered)
{
    uint64_t known = 0;
    for (size_t i = 0; i < VIRTIO_FEATURE_NAMES; i++)
        known |= VIRTIO_FEATURE(virtio_feature_names[i].bit);
    uint64_t chosen = offered & known;
    if ((chosen & VIRTIO_FEATURE(VIRTIO_F_VERSION_1)) == 0)
        chosen &= UINT32_MAX; /* a legacy device has no more words of features, 4.1.4.10 */
    else
        chosen &= ~VIRTIO_FEATURE(VIRTIO_F_ANY_LAYOUT); /* VERSION_1 implies it, 6.3 */
    bool control = (chosen & VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_VQ)) != 0;
    if (!control)
        chosen &= ~(VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_RX) | VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_MAC_ADDR));
    /* Work that nobody asked for is not given to the device. */
    if ((virtio->device.config.offloads & DEVICE_CAN_TX_CHECKSUM) == 0)
        chosen &= ~VIRTIO_FEATURE(VIRTIO_NET_F_CSUM);
    if ((virtio->device.config.offloads & DEVICE_CAN_RX_CHECKSUM) == 0)
        chosen &= ~VIRTIO_FEATURE(VIRTIO_NET_F_GUEST_CSUM);
    if (virtio->pairs == 1 || (!control && !virtio->transport->pairs_without_control))
        chosen &= ~VIRTIO_FEATURE(VIRTIO_NET_F_MQ);
    return chosen;
}

/* A 16-bit word of the configuration, which stands there if the feature was agreed upon; else *value stays. */
static int32_t virtio_read_word(struct virtio_device *virtio, uint32_t feature, uint32_t offset, uint16_t *value)
{
    if (!virtio_has(virtio, feature))
        return 0;
    return virtio->transport->config_read(virtio->device.bus, offset, value, sizeof(*value));
}

/* What device and driver could do together. */
static void virtio_capabilities(struct virtio_device *virtio, uint64_t offered, uint32_t limit)
{
    struct device *device = &virtio->device;
    const struct pool *pool = device->config.pool;
    bool mergeable = (offered >> VIRTIO_NET_F_MRG_RXBUF & 1) != 0;
    /* Without MRG_RXBUF each buffer must hold any packet. */
    uint32_t whole = pool != NULL ? pool->buffer_size - VIRTIO_NET_HDR_SIZE - VIRTIO_VLAN_TAG : 0;
    device->frame_len_by_buffer = !mergeable && whole < limit;
    device->frame_len_limit = device->frame_len_by_buffer ? whole : limit;
    device->capabilities |= DEVICE_CAN_QUEUE_STATS;
    if ((offered >> VIRTIO_NET_F_CSUM & 1) != 0)
        device->capabilities |= DEVICE_CAN_TX_CHECKSUM;
    if ((offered >> VIRTIO_NET_F_GUEST_CSUM & 1) != 0)
        device->capabilities |= DEVICE_CAN_RX_CHECKSUM;
    if (device->frame_len_limit > FRAME_LENGTH_MAX && (mergeable || whole > FRAME_LENGTH_MAX))
        device->capabilities |= DEVICE_CAN_JUMBO;
}

/* Lengths of packets, both ways. longest: what the device may bring, or take, without its VLAN tag. */
static void virtio_lengths(struct virtio_device *virtio, uint32_t longest)
{
    struct device *device = &virtio->device;
    const struct pool *pool = device->config.pool;
    uint32_t wanted = device->config.frame_len_max;
    device->tx_len_max = longest;
    device->rx_len_max = VIRTIO_RX_LENGTH_MAX;
    device->rx_frames_max = 1;
    device->rx_header = VIRTIO_NET_HDR_SIZE;
    if (!virtio->jumbo)
        return;
    device->tx_len_max = wanted < longest ? wanted : longest;
    device->rx_len_max = longest + VIRTIO_VLAN_TAG;
    if (pool != NULL && virtio_has(virtio, VIRTIO_NET_F_MRG_RXBUF))
        device->rx_frames_max = (device->rx_len_max + VIRTIO_NET_HDR_SIZE + pool->buffer_size - 1) / pool->buffer_size;
}

/* The device's MTU; 1500 if it names none. Who accepts the feature must be able to receive such frames (5.1.4.2), so
 * it is left alone if they do not fit. */
static int32_t virtio_read_mtu(struct virtio_device *virtio, uint64_t offered)
{
    struct bus *bus = virtio->device.bus;
    uint16_t mtu = 1500;
    int32_t code = virtio_read_word(virtio, VIRTIO_NET_F_MTU, VIRTIO_NET_CONFIG_MTU, &mtu);
    if (code < 0)
        return code;
    if (mtu < 68)
        return error_set(IXY_E_DEVICE, "%s: mtu is %u; right is 68 to 65535 (VirtIO 1.3, 5.1.4.1)", bus->address, mtu);
    bool named = virtio_has(virtio, VIRTIO_NET_F_MTU);
    uint32_t longest = mtu + 14u;
    uint32_t limit = named ? longest : VIRTIO_FRAME_LENGTH_LIMIT;
    virtio_capabilities(virtio, offered, limit < UINT16_MAX ? limit : UINT16_MAX);
    uint32_t wanted = virtio->device.config.frame_len_max;
    virtio->jumbo = wanted > FRAME_LENGTH_MAX && (virtio->device.capabilities & DEVICE_CAN_JUMBO) != 0;
    if (virtio->jumbo && !named)
        longest = wanted;
    if (longest > (virtio->jumbo ? virtio->device.frame_len_limit : FRAME_LENGTH_MAX)) {
        virtio->features &= ~VIRTIO_FEATURE(VIRTIO_NET_F_MTU);
        longest = virtio->jumbo ? virtio->device.frame_len_limit : FRAME_LENGTH_MAX;
    }
    virtio_lengths(virtio, longest);
    return 0;
}

/* The features of the first negotiation, once more: queues, chains of buffers and what callers know of lengths were
 * made for them. What a device offers beyond them (a back end of a newer version, say) is left alone. */
static int32_t virtio_choose_again(const struct virtio_device *virtio, uint64_t offered)
{
    uint64_t missing = virtio->features & ~offered;
    if (missing == 0)
        return 0;
    return error_set(
        IXY_E_DEVICE,
        "%.90s: the device offers features %#llx; right are those of when it was opened, of which %#llx are "
        "missing: close it and open it again",
        virtio->device.bus->address, (unsigned long long)offered, (unsigned long long)missing);
}

static int32_t virtio_choose_first(struct virtio_device *virtio, uint64_t offered)
{
    virtio->features = virtio_choose(virtio, offered);
    return virtio_read_mtu(virtio, offered);
}

static int32_t virtio_agree(struct virtio_device *virtio)
{
    struct bus *bus = virtio->device.bus;
    uint64_t offered;
    int32_t code = virtio->transport->features(bus, &offered);
    if (code < 0)
        return code;
    code = virtio->known ? virtio_choose_again(virtio, offered) : virtio_choose_first(virtio, offered);
    if (code >= 0)
        code = virtio->transport->features_accept(bus, virtio->features);
    if (code < 0 || !virtio_has(virtio, VIRTIO_F_VERSION_1))
        return code; /* legacy devices know no FEATURES_OK, 3.1.2 */
    code = virtio_status_add(virtio, VIRTIO_STATUS_FEATURES_OK);
    uint32_t status = 0;
    if (code >= 0)
        code = virtio->transport->status(bus, &status);
    if (code >= 0 && (status & VIRTIO_STATUS_FEATURES_OK) == 0)
        code = error_set(IXY_E_UNSUPPORTED,
                         "%s: the device refused features %#llx, of %#llx that it offered (FEATURES_OK stays clear)",
                         bus->address, (unsigned long long)virtio->features, (unsigned long long)offered);
    return code;
}

static int32_t virtio_read_mac(struct virtio_device *virtio)
{
    struct bus *bus = virtio->device.bus;
    uint8_t mac[6];
    if (!virtio_has(virtio, VIRTIO_NET_F_MAC)) {
        if (getrandom(mac, sizeof(mac), 0) != sizeof(mac))
            return error_set_errno("%.90s: no random numbers for a station address", bus->address);
        mac[0] = (uint8_t)((mac[0] & ~1) | 2); /* the device has none: a local one, 5.1.4.2 */
    } else {
        int32_t code = virtio->transport->config_read(bus, VIRTIO_NET_CONFIG_MAC, mac, sizeof(mac));
        if (code < 0)
            return code;
        if (!station_is_valid(mac))
            return error_set(IXY_E_DEVICE,
                             "%s: the device says that its address is %02x:%02x:%02x:%02x:%02x:%02x, which is no "
                             "station address",
                             bus->address, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    }
    memcpy(virtio->device.mac, mac, sizeof(mac));
    return 0;
}

static int32_t virtio_read_pairs(struct virtio_device *virtio)
{
    struct bus *bus = virtio->device.bus;
    uint16_t most = 1;
    int32_t code = virtio_read_word(virtio, VIRTIO_NET_F_MQ, VIRTIO_NET_CONFIG_MAX_VIRTQUEUE_PAIRS, &most);
    if (code < 0)
        return code;
    if (most == 0 || most > VIRTIO_NET_PAIRS_MAX)
        return error_set(IXY_E_DEVICE, "%s: max_virtqueue_pairs is %u; right is 1 to %u (VirtIO 1.3, 5.1.4.1)",
                         bus->address, most, VIRTIO_NET_PAIRS_MAX);
    if (virtio->pairs > most)
        return error_set(IXY_E_RANGE, "%s: %u queue pairs are wanted, the device has %u", bus->address, virtio->pairs,
                         most);
    virtio->pairs_max = most;
    return 0;
}

int32_t virtio_negotiate(struct virtio_device *virtio)
{
    int32_t code = virtio_status_reset(virtio);
    if (code >= 0)
        code = virtio_status_add(virtio, VIRTIO_STATUS_ACKNOWLEDGE);
    if (code >= 0)
        code = virtio_status_add(virtio, VIRTIO_STATUS_DRIVER);
    if (code >= 0)
        code = virtio_agree(virtio);
    if (code >= 0 && !virtio->known)
        code = virtio_read_pairs(virtio);
    if (code >= 0 && !virtio->known)
        code = virtio_read_mac(virtio);
    virtio->known = virtio->known || code >= 0;
    return code;
}
