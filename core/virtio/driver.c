/* The driver as core/device/device.h wants it: which devices it knows, open, start, stop, close. */
#include <stdio.h>
#include <stdlib.h>

#include "core/device/error.h"
#include "core/virtio/virtio.h"

static const char *virtio_product(uint16_t vendor, uint16_t device_id)
{
    bool known = vendor == VIRTIO_PCI_VENDOR &&
                 (device_id == VIRTIO_PCI_DEVICE_NET || device_id == VIRTIO_PCI_DEVICE_NET_LEGACY);
    return known ? "VirtIO network device" : NULL;
}

/* Resets a device that nobody will use; it may be the one that did not answer. */
static void virtio_quiet(struct virtio_device *virtio)
{
    char text[ERROR_TEXT_SIZE];
    error_save(text);
    (void)virtio_status_reset(virtio);
    error_restore(text);
}

static void virtio_close(struct device *device)
{
    struct virtio_device *virtio = (struct virtio_device *)device;
    virtio_quiet(virtio);
    virtio_queues_free(virtio);
    free(virtio);
}

static int32_t virtio_open(struct bus *bus, const struct device_config *config, struct device **device)
{
    if (config->rx_queues != config->tx_queues)
        return error_set(IXY_E_RANGE,
                         "%s: %u receive and %u transmit queues; VirtIO queues come in pairs: right is as many of one "
                         "as of the other",
                         bus->address, config->rx_queues, config->tx_queues);
    struct virtio_device *virtio = calloc(1, sizeof(*virtio));
    if (virtio == NULL)
        return error_set(IXY_E_NO_MEMORY, "%s: no memory", bus->address);
    virtio->transport = bus->virtio;
    virtio->pairs = config->rx_queues;
    virtio->device.driver = &virtio_driver;
    virtio->device.bus = bus;
    virtio->device.config = *config;
    virtio->device.promiscuous = true;
    virtio->device.tx_len_min = VIRTIO_TX_LENGTH_MIN;
    snprintf(virtio->device.name, sizeof(virtio->device.name), "%s", virtio_product(bus->vendor, bus->device_id));
    int32_t code = virtio_negotiate(virtio);
    if (code >= 0 && config->pool != NULL)
        code = virtio_queues_allocate(virtio);
    if (code < 0) {
        virtio_close(&virtio->device);
        return code;
    }
    *device = &virtio->device;
    return 0;
}

static void virtio_stop(struct device *device)
{
    struct virtio_device *virtio = (struct virtio_device *)device;
    /* After the reset the device touches no memory (2.4.1); one that is gone does not either. */
    virtio_quiet(virtio);
    for (uint32_t i = 0; i < virtio->pairs; i++) {
        virtio_queue_stop(virtio->rx[i]);
        virtio_queue_stop(virtio->tx[i]);
    }
}

/* Queues, then DRIVER_OK, then commands and buffers: a device may take none before (3.1.1). */
static int32_t virtio_go(struct virtio_device *virtio)
{
    struct device *device = &virtio->device;
    int32_t code = 0;
    for (uint32_t i = 0; i < virtio->pairs && code >= 0; i++) {
        code = virtio_queue_start(virtio, virtio->rx[i], i < device->bus->event_count ? i : VIRTIO_VECTOR_NONE);
        if (code >= 0)
            code = virtio_queue_start(virtio, virtio->tx[i], VIRTIO_VECTOR_NONE);
    }
    if (code >= 0 && virtio_has(virtio, VIRTIO_NET_F_CTRL_VQ))
        code = virtio_control_start(virtio);
    if (code >= 0)
        code = virtio_status_add(virtio, VIRTIO_STATUS_DRIVER_OK);
    if (code >= 0) /* before there are buffers: what arrives until then would meet filters that nobody chose */
        code = virtio_control_apply(virtio);
    if (code < 0)
        return code;
    /* Where the device fixes a size, it may be more than was asked for; no more buffers are posted. */
    device->config.rx_ring_size =
        virtio->rx[0]->size < virtio->rx[0]->wanted ? virtio->rx[0]->size : virtio->rx[0]->wanted;
    device->config.tx_ring_size =
        virtio->tx[0]->size < virtio->tx[0]->wanted ? virtio->tx[0]->size : virtio->tx[0]->wanted;
    for (uint32_t i = 0; i < virtio->pairs; i++) {
        virtio_rx_post(virtio->rx[i]);
        if (virtio->rx[i]->posted == 0)
            return error_set(IXY_E_NO_BUFFERS, "receive queue %u: the pool has no free buffer; give some back first",
                             i);
    }
    return 0;
}

static int32_t virtio_start(struct device *device)
{
    struct virtio_device *virtio = (struct virtio_device *)device;
    int32_t code = virtio->status == 0 ? virtio_negotiate(virtio) : 0; /* a start that failed has reset the device */
    if (code >= 0)
        code = virtio_go(virtio);
    if (code < 0)
        virtio_stop(device);
    return code;
}

static int32_t virtio_reset(struct device *device)
{
    struct virtio_device *virtio = (struct virtio_device *)device;
    bus_mended(device->bus);
    int32_t code = virtio_negotiate(virtio);
    if (code < 0 && virtio->status != 0)
        virtio_quiet(virtio); /* it shall not stay in the middle of the negotiation */
    return code;
}

/* VirtIO devices count nothing, so the queues' threads do. */
static int32_t virtio_queue_stats(struct device *device, uint32_t queue, struct device_queue_stats *stats)
{
    struct virtio_device *virtio = (struct virtio_device *)device;
    const struct virtio_queue *rx = virtio->rx[queue];
    const struct virtio_queue *tx = virtio->tx[queue];
    if (rx == NULL) /* without a pool */
        return 0;
    stats->rx_dropped = __atomic_load_n(&rx->dropped, __ATOMIC_RELAXED);
    stats->rx_packets = __atomic_load_n(&rx->packets, __ATOMIC_RELAXED) + stats->rx_dropped; /* as an Intel device's */
    stats->rx_bytes = __atomic_load_n(&rx->bytes, __ATOMIC_RELAXED);
    stats->rx_starved = __atomic_load_n(&rx->starved, __ATOMIC_RELAXED);
    stats->tx_packets = __atomic_load_n(&tx->packets, __ATOMIC_RELAXED);
    stats->tx_bytes = __atomic_load_n(&tx->bytes, __ATOMIC_RELAXED);
    return 0;
}

static int32_t virtio_stats(struct device *device, struct device_stats *stats)
{
    for (uint32_t i = 0; i < device->config.rx_queues; i++) {
        struct device_queue_stats queue = {0};
        (void)virtio_queue_stats(device, i, &queue);
        stats->rx_packets += queue.rx_packets;
        stats->rx_bytes += queue.rx_bytes;
        stats->rx_dropped += queue.rx_dropped;
        stats->rx_starved += queue.rx_starved;
        stats->tx_packets += queue.tx_packets;
        stats->tx_bytes += queue.tx_bytes;
    }
    return 0;
}

static int32_t virtio_link(struct device *device, struct device_link *link)
{
    struct virtio_device *virtio = (struct virtio_device *)device;
    uint16_t status = VIRTIO_NET_S_LINK_UP; /* without STATUS the link counts as up, 5.1.4.2 */
    int32_t code = virtio_check(virtio);
    if (code >= 0 && virtio_has(virtio, VIRTIO_NET_F_STATUS))
        code = virtio->transport->config_read(device->bus, VIRTIO_NET_CONFIG_STATUS, &status, sizeof(status));
    if (code < 0)
        return code;
    link->up = (status & VIRTIO_NET_S_LINK_UP) != 0;
    uint32_t speed = 0; /* not known */
    if (link->up && virtio_has(virtio, VIRTIO_NET_F_SPEED_DUPLEX))
        code = virtio->transport->config_read(device->bus, VIRTIO_NET_CONFIG_SPEED, &speed, sizeof(speed));
    link->speed_mbps = speed <= INT32_MAX ? speed : 0; /* 0xFFFFFFFF: unknown, 5.1.4 */
    return code;
}

const struct driver virtio_driver = {
    .name = "virtio",
    .product = virtio_product,
    .open = virtio_open,
    .start = virtio_start,
    .stop = virtio_stop,
    .reset = virtio_reset,
    .close = virtio_close,
    .rx_batch = virtio_rx_batch,
    .tx_batch = virtio_tx_batch,
    .rx_batch_owned = virtio_rx_batch_owned,
    .tx_batch_owned = virtio_tx_batch_owned,
    .rx_ready = virtio_rx_ready,
    .rx_interrupt = virtio_rx_interrupt,
    .stats = virtio_stats,
    .queue_stats = virtio_queue_stats,
    .link = virtio_link,
    .mac_set = virtio_mac_set,
    .promiscuous_set = virtio_promiscuous_set,
    .feature = virtio_feature,
};
