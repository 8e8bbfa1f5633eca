#include "tests/c/virtio_fake.h"

#include <stdio.h>
#include <string.h>

struct fake_device fake_device;

static int32_t fake_features(struct bus *bus, uint64_t *offered)
{
    (void)bus;
    *offered = fake_device.offered;
    return 0;
}

static int32_t fake_features_accept(struct bus *bus, uint64_t features)
{
    (void)bus;
    fake_device.accepted = features;
    return 0;
}

static int32_t fake_status(struct bus *bus, uint32_t *status)
{
    (void)bus;
    *status = fake_device.status;
    return 0;
}

static int32_t fake_status_set(struct bus *bus, uint32_t status)
{
    (void)bus;
    fake_device.status = fake_device.refuse ? status & ~VIRTIO_STATUS_FEATURES_OK : status;
    if (status == 0)
        memset(fake_device.queue, 0, sizeof(fake_device.queue));
    return 0;
}

static int32_t fake_config_read(struct bus *bus, uint32_t offset, void *bytes, uint32_t size)
{
    (void)bus;
    memcpy(bytes, fake_device.config + offset, size);
    return 0;
}

static int32_t fake_config_write(struct bus *bus, uint32_t offset, const void *bytes, uint32_t size)
{
    (void)bus;
    memcpy(fake_device.config + offset, bytes, size);
    return 0;
}

static int32_t fake_queue_size_max(struct bus *bus, uint32_t queue, uint32_t *size)
{
    (void)bus;
    *size = queue < FAKE_QUEUES ? fake_device.queue_size : 0;
    return 0;
}

static int32_t fake_queue_enable(struct bus *bus, uint32_t queue, const struct virtio_queue_setup *setup)
{
    (void)bus;
    fake_device.queue[queue] = (struct fake_queue){.setup = *setup};
    return 0;
}

static void fake_notify(struct bus *bus, uint32_t queue)
{
    (void)bus;
    fake_device.notified[queue]++;
}

static const struct virtio_transport fake_transport = {
    .features = fake_features,
    .features_accept = fake_features_accept,
    .status = fake_status,
    .status_set = fake_status_set,
    .config_read = fake_config_read,
    .config_write = fake_config_write,
    .queue_size_max = fake_queue_size_max,
    .queue_enable = fake_queue_enable,
    .notify = fake_notify,
};

static int32_t fake_dma_map(struct bus *bus, const struct dma_memory *memory, uint64_t *device_address)
{
    (void)bus;
    *device_address = (uintptr_t)memory->base;
    return 0;
}

static void fake_dma_unmap(struct bus *bus, const struct dma_memory *memory)
{
    (void)bus;
    (void)memory;
}

static void fake_delay(struct bus *bus, uint32_t microseconds)
{
    (void)bus;
    (void)microseconds;
}

static void fake_close(struct bus *bus)
{
    (void)bus;
}

static const struct bus_ops fake_ops = {
    .dma_map = fake_dma_map, .dma_unmap = fake_dma_unmap, .delay = fake_delay, .close = fake_close};

static int32_t fake_open(struct address *address, struct bus **bus)
{
    fake_device.bus.ops = &fake_ops;
    fake_device.bus.virtio = &fake_transport;
    fake_device.bus.vendor = VIRTIO_PCI_VENDOR;
    fake_device.bus.device_id = VIRTIO_PCI_DEVICE_NET;
    snprintf(fake_device.bus.address, sizeof(fake_device.bus.address), "%s", address->text);
    *bus = &fake_device.bus;
    return address_finish(address, "none");
}

void fake_device_new(uint64_t offered)
{
    static const struct bus_scheme scheme = {"fake", fake_open};
    static const uint8_t mac[6] = {0x02, 0xFA, 0xCE, 0, 0, 1};
    device_register_bus(&scheme);
    memset(&fake_device, 0, sizeof(fake_device));
    fake_device.offered = offered;
    fake_device.queue_size = 256;
    memcpy(fake_device.config + VIRTIO_NET_CONFIG_MAC, mac, sizeof(mac));
}

static bool fake_is_packed(void)
{
    return (fake_device.accepted >> VIRTIO_F_RING_PACKED & 1) != 0;
}

static bool fake_take_packed(struct fake_queue *queue, struct fake_buffer *buffer)
{
    struct virtq_packed_desc *ring = (struct virtq_packed_desc *)(uintptr_t)queue->setup.descriptor_area;
    struct virtq_packed_desc *desc = &ring[queue->seen % queue->setup.size];
    bool wrap = queue->seen / queue->setup.size % 2 == 0;
    uint16_t flags = __atomic_load_n(&desc->flags, __ATOMIC_ACQUIRE);
    if (((flags & VIRTQ_PACKED_DESC_F_AVAIL) != 0) != wrap || ((flags & VIRTQ_PACKED_DESC_F_USED) != 0) == wrap)
        return false;
    *buffer = (struct fake_buffer){desc->id, desc->addr, desc->len, desc->addr, desc->len, 1};
    queue->seen++;
    return true;
}

bool fake_take(uint32_t number, struct fake_buffer *buffer)
{
    struct fake_queue *queue = &fake_device.queue[number];
    if (fake_is_packed())
        return fake_take_packed(queue, buffer);
    const struct virtq_avail *avail = (const struct virtq_avail *)(uintptr_t)queue->setup.driver_area;
    const struct virtq_desc *table = (const struct virtq_desc *)(uintptr_t)queue->setup.descriptor_area;
    if (__atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE) == (uint16_t)queue->seen)
        return false;
    uint16_t id = avail->ring[queue->seen++ % queue->setup.size];
    const struct virtq_desc *desc = &table[id];
    *buffer = (struct fake_buffer){id, desc->addr, desc->len, desc->addr, desc->len, 1};
    while ((desc->flags & VIRTQ_DESC_F_NEXT) != 0) {
        desc = &table[desc->next];
        buffer->address = desc->addr;
        buffer->len = desc->len;
        buffer->parts++;
    }
    return true;
}

void fake_return(uint32_t number, uint16_t id, uint32_t len, uint32_t skip)
{
    struct fake_queue *queue = &fake_device.queue[number];
    uint32_t slot = queue->returned % queue->setup.size;
    bool wrap = queue->returned / queue->setup.size % 2 == 0;
    queue->returned += skip;
    if (fake_is_packed()) {
        struct virtq_packed_desc *desc = (struct virtq_packed_desc *)(uintptr_t)queue->setup.descriptor_area + slot;
        desc->id = id;
        desc->len = len;
        uint16_t used = VIRTQ_PACKED_DESC_F_AVAIL | VIRTQ_PACKED_DESC_F_USED;
        __atomic_store_n(&desc->flags, wrap ? used : (uint16_t)0, __ATOMIC_RELEASE);
        return;
    }
    struct virtq_used *used = (struct virtq_used *)(uintptr_t)queue->setup.device_area;
    used->ring[slot] = (struct virtq_used_elem){id, len};
    __atomic_store_n(&used->idx, (uint16_t)queue->returned, __ATOMIC_RELEASE);
}
