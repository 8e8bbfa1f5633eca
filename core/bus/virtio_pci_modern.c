/* The transport of a modern VirtIO device on PCI (VirtIO 1.3, 4.1.4 and 4.1.5).
 *
 * A read of ones tells that the device is gone, where a register can hold no such value; where it can, the device
 * status is asked.
 */
#include <string.h>

#include "core/bus/virtio_pci_device.h"
#include "core/device/error.h"
#include "core/virtio/spec.h"

#define VIRTIO_PCI_CONFIG_TRIES 1000 /* a device that changes its configuration that often does not end */

static struct virtio_pci_modern *modern_of(struct bus *bus)
{
    return virtio_pci_function(bus)->transport;
}

/* Registers at their own width, 4.1.3.1. */
static uint8_t modern_read8(const uint8_t *memory, uint32_t offset)
{
    return *(const volatile uint8_t *)(memory + offset);
}

static uint16_t modern_read16(const uint8_t *memory, uint32_t offset)
{
    return *(const volatile uint16_t *)(const volatile void *)(memory + offset);
}

static uint32_t modern_read32(const uint8_t *memory, uint32_t offset)
{
    return *(const volatile uint32_t *)(const volatile void *)(memory + offset);
}

static void modern_write8(uint8_t *memory, uint32_t offset, uint8_t value)
{
    *(volatile uint8_t *)(memory + offset) = value;
}

static void modern_write16(uint8_t *memory, uint32_t offset, uint16_t value)
{
    *(volatile uint16_t *)(volatile void *)(memory + offset) = value;
}

static void modern_write32(uint8_t *memory, uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)(volatile void *)(memory + offset) = value;
}

static void modern_write64(uint8_t *memory, uint32_t offset, uint64_t value)
{
    modern_write32(memory, offset, (uint32_t)value);
    modern_write32(memory, offset + 4, (uint32_t)(value >> 32));
}

static uint32_t modern_status_peek(struct bus *bus)
{
    return modern_read8(modern_of(bus)->common.memory, VIRTIO_PCI_DEVICE_STATUS);
}

static int32_t modern_status(struct bus *bus, uint32_t *status)
{
    *status = modern_status_peek(bus);
    return *status == VIRTIO_STATUS_GONE ? virtio_pci_gone(bus) : 0;
}

static int32_t modern_check(struct bus *bus)
{
    uint32_t status;
    return modern_status(bus, &status);
}

static int32_t modern_status_set(struct bus *bus, uint32_t status)
{
    modern_write8(modern_of(bus)->common.memory, VIRTIO_PCI_DEVICE_STATUS, (uint8_t)status);
    return status == 0 ? virtio_pci_reset_wait(bus, modern_status) : modern_check(bus);
}

static int32_t modern_features(struct bus *bus, uint64_t *offered)
{
    uint8_t *common = modern_of(bus)->common.memory;
    modern_write32(common, VIRTIO_PCI_DEVICE_FEATURE_SELECT, 0);
    uint64_t low = modern_read32(common, VIRTIO_PCI_DEVICE_FEATURE);
    modern_write32(common, VIRTIO_PCI_DEVICE_FEATURE_SELECT, 1);
    *offered = low | (uint64_t)modern_read32(common, VIRTIO_PCI_DEVICE_FEATURE) << 32;
    int32_t code = modern_check(bus);
    if (code < 0)
        return code;
    if ((*offered & VIRTIO_FEATURE(VIRTIO_F_VERSION_1)) == 0)
        return error_set(IXY_E_DEVICE, "%.90s: it has VirtIO 1 capabilities and does not offer VIRTIO_F_VERSION_1",
                         bus->address);
    return virtio_pci_features(virtio_pci_function(bus), offered);
}

static int32_t modern_features_accept(struct bus *bus, uint64_t features)
{
    uint8_t *common = modern_of(bus)->common.memory;
    modern_write32(common, VIRTIO_PCI_DRIVER_FEATURE_SELECT, 0);
    modern_write32(common, VIRTIO_PCI_DRIVER_FEATURE, (uint32_t)features);
    modern_write32(common, VIRTIO_PCI_DRIVER_FEATURE_SELECT, 1);
    modern_write32(common, VIRTIO_PCI_DRIVER_FEATURE, (uint32_t)(features >> 32));
    return 0;
}

/* Whether the bytes lie in the device configuration. */
static int32_t modern_config_check(struct bus *bus, uint32_t offset, uint32_t size)
{
    uint32_t has = modern_of(bus)->config.size;
    if (offset <= has && size <= has - offset)
        return 0;
    return error_set(IXY_E_DEVICE, "%.90s: the device configuration has %u bytes; bytes %u to %u are wanted (5.1.4)",
                     bus->address, has, offset, offset + size - 1);
}

/* A field of 16 or 32 bits in one access, an array of bytes in as many. */
static void modern_config_copy(const uint8_t *config, uint32_t offset, uint8_t *bytes, uint32_t size)
{
    if (size == sizeof(uint16_t) && offset % size == 0) {
        uint16_t value = modern_read16(config, offset);
        memcpy(bytes, &value, size);
    } else if (size == sizeof(uint32_t) && offset % size == 0) {
        uint32_t value = modern_read32(config, offset);
        memcpy(bytes, &value, size);
    } else {
        for (uint32_t i = 0; i < size; i++)
            bytes[i] = modern_read8(config, offset + i);
    }
}

static int32_t modern_config_read(struct bus *bus, uint32_t offset, void *bytes, uint32_t size)
{
    const struct virtio_pci_modern *modern = modern_of(bus);
    int32_t code = modern_config_check(bus, offset, size);
    for (uint32_t tries = 0; code >= 0 && tries < VIRTIO_PCI_CONFIG_TRIES; tries++) {
        uint8_t before = modern_read8(modern->common.memory, VIRTIO_PCI_CONFIG_GENERATION);
        modern_config_copy(modern->config.memory, offset, bytes, size);
        uint8_t after = modern_read8(modern->common.memory, VIRTIO_PCI_CONFIG_GENERATION);
        if (before == after) /* else what was read may be of two configurations, 2.5.1 */
            return modern_check(bus);
        code = modern_check(bus);
    }
    if (code < 0)
        return code;
    return error_set(IXY_E_TIMEOUT, "%.90s: config_generation changed in each of %d readings of the configuration",
                     bus->address, VIRTIO_PCI_CONFIG_TRIES);
}

static int32_t modern_config_write(struct bus *bus, uint32_t offset, const void *bytes, uint32_t size)
{
    const uint8_t *from = bytes;
    int32_t code = modern_config_check(bus, offset, size);
    for (uint32_t i = 0; code >= 0 && i < size; i++)
        modern_write8(modern_of(bus)->config.memory, offset + i, from[i]);
    return code;
}

static int32_t modern_queue_size_max(struct bus *bus, uint32_t queue, uint32_t *size)
{
    uint8_t *common = modern_of(bus)->common.memory;
    if (queue >= modern_read16(common, VIRTIO_PCI_NUM_QUEUES)) {
        *size = 0;
        return modern_check(bus);
    }
    modern_write16(common, VIRTIO_PCI_QUEUE_SELECT, (uint16_t)queue);
    *size = modern_read16(common, VIRTIO_PCI_QUEUE_SIZE);
    return modern_check(bus);
}

/* Finds out where the selected queue is notified. */
static int32_t modern_notify_place(struct bus *bus, uint32_t queue)
{
    struct virtio_pci_modern *modern = modern_of(bus);
    uint16_t off = modern_read16(modern->common.memory, VIRTIO_PCI_QUEUE_NOTIFY_OFF);
    uint64_t place = (uint64_t)off * modern->notify_multiplier;
    if (place + sizeof(uint16_t) > modern->notify.size)
        return error_set(IXY_E_DEVICE,
                         "%.90s: virtqueue %u: queue_notify_off %u times notify_off_multiplier %u leaves the %u bytes "
                         "of notifications",
                         bus->address, queue, off, modern->notify_multiplier, modern->notify.size);
    modern->notify_at[queue < VIRTIO_PCI_NOTIFIED ? queue : VIRTIO_PCI_NOTIFIED] =
        (uint16_t *)(void *)(modern->notify.memory + place);
    return 0;
}

static int32_t modern_vector(struct bus *bus, uint32_t queue, uint32_t vector)
{
    uint8_t *common = modern_of(bus)->common.memory;
    modern_write16(common, VIRTIO_PCI_QUEUE_MSIX_VECTOR, (uint16_t)vector);
    uint16_t now = modern_read16(common, VIRTIO_PCI_QUEUE_MSIX_VECTOR);
    if (now == vector) /* a device that could not answers with VIRTIO_VECTOR_NONE, 4.1.5.1.2 */
        return 0;
    return error_set(IXY_E_DEVICE, "%.90s: virtqueue %u: the device did not take interrupt vector %u: it answers %#x",
                     bus->address, queue, vector, now);
}

static int32_t modern_queue_enable(struct bus *bus, uint32_t queue, const struct virtio_queue_setup *setup)
{
    uint8_t *common = modern_of(bus)->common.memory;
    modern_write16(common, VIRTIO_PCI_QUEUE_SELECT, (uint16_t)queue);
    int32_t code = modern_notify_place(bus, queue);
    if (code >= 0 && setup->vector != VIRTIO_VECTOR_NONE)
        code = modern_vector(bus, queue, setup->vector);
    if (code >= 0)
        code = modern_check(bus);
    if (code < 0)
        return code;
    modern_write16(common, VIRTIO_PCI_QUEUE_SIZE, (uint16_t)setup->size);
    modern_write64(common, VIRTIO_PCI_QUEUE_DESC, setup->descriptor_area);
    modern_write64(common, VIRTIO_PCI_QUEUE_DRIVER, setup->driver_area);
    modern_write64(common, VIRTIO_PCI_QUEUE_DEVICE, setup->device_area);
    modern_write16(common, VIRTIO_PCI_QUEUE_ENABLE, 1);
    return 0;
}

static void modern_notify(struct bus *bus, uint32_t queue)
{
    struct virtio_pci_modern *modern = modern_of(bus);
    uint16_t *place = modern->notify_at[queue < VIRTIO_PCI_NOTIFIED ? queue : VIRTIO_PCI_NOTIFIED];
    *(volatile uint16_t *)place = (uint16_t)queue; /* 4.1.5.2; what it tells of was made visible before */
}

const struct virtio_transport virtio_pci_modern_transport = {
    .features = modern_features,
    .features_accept = modern_features_accept,
    .status = modern_status,
    .status_set = modern_status_set,
    .status_peek = modern_status_peek,
    .config_read = modern_config_read,
    .config_write = modern_config_write,
    .queue_size_max = modern_queue_size_max,
    .queue_enable = modern_queue_enable,
    .notify = modern_notify,
};
