/* The transport of a legacy VirtIO device on PCI (VirtIO 0.9.5; VirtIO 1.3, 4.1.4.10 and the legacy interfaces of other
 * sections): registers in I/O BAR 0, in the byte order of the guest, which is little-endian here.
 *
 * Each access is a call into the kernel, a notification too: an I/O BAR cannot be mapped. The device fixes each queue's
 * size, and is told one page number for all three areas of a queue.
 */
#include "core/bus/pci_capability.h"
#include "core/bus/virtio_pci_device.h"
#include "core/device/error.h"
#include "core/virtio/spec.h"

#define LEGACY_PAGE_BITS 12
#define LEGACY_ADDRESS_BITS (32 + LEGACY_PAGE_BITS)
#define LEGACY_MSIX_CONTROL 2 /* in the MSI-X capability (PCI Local Bus 3.0, 6.8.2.3) */
#define LEGACY_MSIX_ENABLE 0x8000

static int32_t legacy_read(struct bus *bus, uint32_t offset, void *bytes, uint32_t size)
{
    struct pci_function *pci = virtio_pci_function(bus);
    return pci->access->io_read(pci, 0, offset, bytes, size);
}

static int32_t legacy_write(struct bus *bus, uint32_t offset, const void *bytes, uint32_t size)
{
    struct pci_function *pci = virtio_pci_function(bus);
    return pci->access->io_write(pci, 0, offset, bytes, size);
}

static int32_t legacy_write16(struct bus *bus, uint32_t offset, uint16_t value)
{
    return legacy_write(bus, offset, &value, sizeof(value));
}

static int32_t legacy_write32(struct bus *bus, uint32_t offset, uint32_t value)
{
    return legacy_write(bus, offset, &value, sizeof(value));
}

static int32_t legacy_status(struct bus *bus, uint32_t *status)
{
    uint8_t now = 0;
    int32_t code = legacy_read(bus, VIRTIO_LEGACY_DEVICE_STATUS, &now, sizeof(now));
    *status = now;
    return code >= 0 && now == VIRTIO_STATUS_GONE ? virtio_pci_gone(bus) : code;
}

/* One that cannot be read is gone too. */
static uint32_t legacy_status_peek(struct bus *bus)
{
    char text[ERROR_TEXT_SIZE];
    uint8_t now;
    error_save(text); /* a packet call leaves the thread's text alone */
    int32_t code = legacy_read(bus, VIRTIO_LEGACY_DEVICE_STATUS, &now, sizeof(now));
    error_restore(text);
    return code < 0 ? VIRTIO_STATUS_GONE : now;
}

static int32_t legacy_check(struct bus *bus)
{
    uint32_t status;
    return legacy_status(bus, &status);
}

static int32_t legacy_status_set(struct bus *bus, uint32_t status)
{
    uint8_t value = (uint8_t)status;
    int32_t code = legacy_write(bus, VIRTIO_LEGACY_DEVICE_STATUS, &value, sizeof(value));
    if (code < 0)
        return code;
    return status == 0 ? virtio_pci_reset_wait(bus, legacy_status) : legacy_check(bus);
}

static int32_t legacy_features(struct bus *bus, uint64_t *offered)
{
    uint32_t features = 0;
    int32_t code = legacy_read(bus, VIRTIO_LEGACY_DEVICE_FEATURES, &features, sizeof(features));
    if (code >= 0)
        code = legacy_check(bus);
    *offered = features;
    return code < 0 ? code : virtio_pci_features(virtio_pci_function(bus), offered);
}

static int32_t legacy_features_accept(struct bus *bus, uint64_t features)
{
    return legacy_write32(bus, VIRTIO_LEGACY_DRIVER_FEATURES, (uint32_t)features);
}

/* Whether MSI-X is on: then two registers more stand before the configuration. */
static int32_t legacy_msix_is_on(struct bus *bus, bool *on)
{
    struct pci_function *pci = virtio_pci_function(bus);
    const struct virtio_pci_legacy *legacy = pci->transport;
    uint16_t control = 0;
    int32_t code = 0;
    if (legacy->msix != 0)
        code = pci->access->config_read(pci, legacy->msix + LEGACY_MSIX_CONTROL, &control, sizeof(control));
    *on = (control & LEGACY_MSIX_ENABLE) != 0;
    return code;
}

/* Where byte `offset` of the device configuration lies. */
static int32_t legacy_config_place(struct bus *bus, uint32_t offset, uint32_t size, uint32_t *place)
{
    bool msix = false;
    int32_t code = legacy_msix_is_on(bus, &msix);
    if (code < 0)
        return code;
    uint64_t has = virtio_pci_function(bus)->bar[0].size;
    *place = offset + (msix ? VIRTIO_LEGACY_CONFIG_MSIX : VIRTIO_LEGACY_CONFIG);
    if (*place <= has && size <= has - *place)
        return 0;
    return error_set(IXY_E_DEVICE,
                     "%.90s: BAR 0 has %llu bytes; bytes %u to %u are wanted of it, of the configuration (5.1.4)",
                     bus->address, (unsigned long long)has, *place, *place + size - 1);
}

static int32_t legacy_config_read(struct bus *bus, uint32_t offset, void *bytes, uint32_t size)
{
    uint8_t *to = bytes;
    uint32_t place = 0;
    int32_t code = legacy_config_place(bus, offset, size, &place);
    bool field = (size == 2 || size == 4) && place % size == 0; /* in one access, else byte by byte */
    if (code >= 0 && field)
        code = legacy_read(bus, place, bytes, size);
    for (uint32_t i = 0; code >= 0 && !field && i < size; i++)
        code = legacy_read(bus, place + i, to + i, 1);
    return code < 0 ? code : legacy_check(bus);
}

static int32_t legacy_config_write(struct bus *bus, uint32_t offset, const void *bytes, uint32_t size)
{
    const uint8_t *from = bytes;
    uint32_t place = 0;
    int32_t code = legacy_config_place(bus, offset, size, &place);
    for (uint32_t i = 0; code >= 0 && i < size; i++)
        code = legacy_write(bus, place + i, from + i, 1);
    return code;
}

static int32_t legacy_queue_size(struct bus *bus, uint32_t queue, uint32_t *size)
{
    uint16_t has = 0;
    int32_t code = legacy_write16(bus, VIRTIO_LEGACY_QUEUE_SELECT, (uint16_t)queue);
    if (code >= 0)
        code = legacy_read(bus, VIRTIO_LEGACY_QUEUE_SIZE, &has, sizeof(has));
    *size = has;
    return code < 0 ? code : legacy_check(bus);
}

/* The selected queue's interrupt, if MSI-X is on; else there is no register for it. */
static int32_t legacy_vector(struct bus *bus, uint32_t queue, uint16_t vector)
{
    bool msix = false;
    uint16_t now = vector;
    int32_t code = legacy_msix_is_on(bus, &msix);
    if (code >= 0 && !msix)
        return error_set(IXY_E_STATE, "%.90s: virtqueue %u: interrupt vector %u while MSI-X is off", bus->address,
                         queue, vector);
    if (code >= 0)
        code = legacy_write16(bus, VIRTIO_LEGACY_QUEUE_VECTOR, vector);
    if (code >= 0)
        code = legacy_read(bus, VIRTIO_LEGACY_QUEUE_VECTOR, &now, sizeof(now));
    if (code >= 0 && now != vector)
        code =
            error_set(IXY_E_DEVICE, "%.90s: virtqueue %u: the device did not take interrupt vector %u: it answers %#x",
                      bus->address, queue, vector, now);
    return code;
}

static int32_t legacy_queue_enable(struct bus *bus, uint32_t queue, const struct virtio_queue_setup *setup)
{
    uint64_t end = setup->device_area + VIRTQ_LEGACY_ALIGN;
    if (setup->descriptor_area % VIRTQ_LEGACY_ALIGN != 0 || end >> LEGACY_ADDRESS_BITS != 0)
        return error_set(IXY_E_UNSUPPORTED,
                         "%.90s: virtqueue %u lies at %#llx for the device; a legacy device reaches multiples of %u "
                         "below 2^%d",
                         bus->address, queue, (unsigned long long)setup->descriptor_area, VIRTQ_LEGACY_ALIGN,
                         LEGACY_ADDRESS_BITS);
    int32_t code = legacy_write16(bus, VIRTIO_LEGACY_QUEUE_SELECT, (uint16_t)queue);
    if (code >= 0 && setup->vector != VIRTIO_VECTOR_NONE)
        code = legacy_vector(bus, queue, (uint16_t)setup->vector);
    if (code >= 0)
        code = legacy_write32(bus, VIRTIO_LEGACY_QUEUE_ADDRESS, (uint32_t)(setup->descriptor_area >> LEGACY_PAGE_BITS));
    return code < 0 ? code : legacy_check(bus);
}

static void legacy_notify(struct bus *bus, uint32_t queue)
{
    char text[ERROR_TEXT_SIZE];
    error_save(text); /* a packet call leaves the thread's text alone */
    if (legacy_write16(bus, VIRTIO_LEGACY_QUEUE_NOTIFY, (uint16_t)queue) >= 0)
        return;
    bus_fail(bus, "virtqueue %u cannot be notified: %.100s", queue, error_text());
    error_restore(text);
}

const struct virtio_transport virtio_pci_legacy_transport = {
    .fixed_layout = true,
    .features = legacy_features,
    .features_accept = legacy_features_accept,
    .status = legacy_status,
    .status_set = legacy_status_set,
    .status_peek = legacy_status_peek,
    .config_read = legacy_config_read,
    .config_write = legacy_config_write,
    .queue_size_max = legacy_queue_size,
    .queue_enable = legacy_queue_enable,
    .notify = legacy_notify,
};
