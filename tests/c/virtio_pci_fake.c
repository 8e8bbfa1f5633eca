#include "tests/c/virtio_pci_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bus/virtio_pci_device.h"
#include "tests/c/register_trap.h"

#define SEEN_BITS 42 /* of an address, that the device sees */

struct pci_fake pci_fake;

static uint64_t shown(uint64_t value, uint32_t select)
{
    return select > 1 ? 0 : (uint32_t)(value >> 32 * select);
}

static struct pci_fake_queue *selected(void)
{
    static struct pci_fake_queue none;
    return pci_fake.select < pci_fake.queues ? &pci_fake.queue[pci_fake.select % FAKE_QUEUES] : &none;
}

static uint32_t status_read(void)
{
    if (pci_fake.status == 0 && pci_fake.slow_reset > 0) {
        pci_fake.slow_reset--;
        return VIRTIO_STATUS_ACKNOWLEDGE;
    }
    return pci_fake.status == 0 ? 0 : pci_fake.status | pci_fake.status_adds;
}

static void status_write(uint32_t status)
{
    if (pci_fake.status_count < PCI_FAKE_EVENTS)
        pci_fake.statuses[pci_fake.status_count++] = status;
    pci_fake.status = status;
    if (status != 0)
        return;
    for (uint32_t i = 0; i < FAKE_QUEUES; i++)
        pci_fake.queue[i] = (struct pci_fake_queue){.size = pci_fake.queue[i].size, .vector = VIRTIO_VECTOR_NONE};
    memset(fake_device.queue, 0, sizeof(fake_device.queue));
    pci_fake.accepted = 0;
}

static void queue_enable(uint32_t number)
{
    const struct pci_fake_queue *queue = &pci_fake.queue[number % FAKE_QUEUES];
    fake_device.queue[number % FAKE_QUEUES] =
        (struct fake_queue){.setup = {.size = queue->size,
                                      .descriptor_area = queue->desc | pci_fake.beyond,
                                      .driver_area = queue->driver | pci_fake.beyond,
                                      .device_area = queue->device | pci_fake.beyond,
                                      .vector = queue->vector}};
    fake_device.accepted = pci_fake.accepted;
}

static void half_set(uint64_t *value, uint32_t upper, uint32_t half)
{
    uint64_t mask = (uint64_t)UINT32_MAX << 32 * upper;
    *value = (*value & ~mask) | (uint64_t)half << 32 * upper;
}

static uint64_t common_read(uint32_t offset)
{
    switch (offset) {
    case VIRTIO_PCI_DEVICE_FEATURE:
        return shown(pci_fake.offered, pci_fake.offered_select);
    case VIRTIO_PCI_NUM_QUEUES:
        return pci_fake.queues;
    case VIRTIO_PCI_DEVICE_STATUS:
        return status_read();
    case VIRTIO_PCI_CONFIG_GENERATION:
        pci_fake.generation_reads++;
        if (pci_fake.restless > 0) {
            pci_fake.restless--;
            pci_fake.generation++;
        }
        return pci_fake.generation & 0xFF;
    case VIRTIO_PCI_QUEUE_SIZE:
        return selected()->size;
    case VIRTIO_PCI_QUEUE_MSIX_VECTOR:
        return selected()->vector;
    case VIRTIO_PCI_QUEUE_NOTIFY_OFF:
        return pci_fake.select + 1;
    default:
        pci_fake.wrong++;
        return 0;
    }
}

static void common_write(uint32_t offset, uint32_t value)
{
    struct pci_fake_queue *queue = selected();
    switch (offset) {
    case VIRTIO_PCI_DEVICE_FEATURE_SELECT:
        pci_fake.offered_select = value;
        break;
    case VIRTIO_PCI_DRIVER_FEATURE_SELECT:
        pci_fake.accepted_select = value;
        break;
    case VIRTIO_PCI_DRIVER_FEATURE:
        half_set(&pci_fake.accepted, pci_fake.accepted_select & 1, value);
        break;
    case VIRTIO_PCI_DEVICE_STATUS:
        status_write(value);
        break;
    case VIRTIO_PCI_QUEUE_SELECT:
        pci_fake.select = value;
        break;
    case VIRTIO_PCI_QUEUE_SIZE:
        queue->size = (uint16_t)value;
        break;
    case VIRTIO_PCI_QUEUE_MSIX_VECTOR:
        queue->vector = pci_fake.refuses_vectors ? VIRTIO_VECTOR_NONE : (uint16_t)value;
        break;
    case VIRTIO_PCI_QUEUE_ENABLE:
        queue->enabled = (uint16_t)value;
        queue_enable(pci_fake.select);
        break;
    case VIRTIO_PCI_QUEUE_DESC:
    case VIRTIO_PCI_QUEUE_DESC + 4:
        half_set(&queue->desc, offset == VIRTIO_PCI_QUEUE_DESC + 4, value);
        break;
    case VIRTIO_PCI_QUEUE_DRIVER:
    case VIRTIO_PCI_QUEUE_DRIVER + 4:
        half_set(&queue->driver, offset == VIRTIO_PCI_QUEUE_DRIVER + 4, value);
        break;
    case VIRTIO_PCI_QUEUE_DEVICE:
    case VIRTIO_PCI_QUEUE_DEVICE + 4:
        half_set(&queue->device, offset == VIRTIO_PCI_QUEUE_DEVICE + 4, value);
        break;
    default:
        pci_fake.wrong++;
    }
}

/* The width of each register, 4.1.4.3; 64-bit ones are accessed as two of 32 bits, 4.1.3.1. */
static uint32_t common_width(uint32_t offset)
{
    if (offset == VIRTIO_PCI_DEVICE_STATUS || offset == VIRTIO_PCI_CONFIG_GENERATION)
        return 1;
    return offset < 0x10 || offset >= VIRTIO_PCI_QUEUE_DESC ? 4 : 2;
}

/* The width of each field of a network device's configuration, 5.1.4; the address is an array of bytes. */
static uint32_t net_width(uint32_t offset)
{
    return offset < VIRTIO_NET_CONFIG_STATUS ? 1 : offset < VIRTIO_NET_CONFIG_SPEED ? 2 : 4;
}

static void modern_access(uint32_t offset, uint32_t width, uint8_t *bytes, bool write)
{
    uint32_t value = 0;
    bool common = offset < FAKE_PCI_CONFIG;
    if (pci_fake.gone) {
        if (!write)
            memset(bytes, 0xFF, width);
        return;
    }
    if (!common && offset - FAKE_PCI_CONFIG + width > sizeof(pci_fake.net)) {
        pci_fake.wrong++;
        return;
    }
    pci_fake.wrong += width != (common ? common_width(offset) : net_width(offset - FAKE_PCI_CONFIG));
    if (!common && write) {
        pci_fake.wrong++; /* read-only in a modern device */
    } else if (!common) {
        memcpy(bytes, pci_fake.net + offset - FAKE_PCI_CONFIG, width);
    } else if (write) {
        memcpy(&value, bytes, width);
        common_write(offset, value);
    } else {
        value = (uint32_t)common_read(offset);
        memcpy(bytes, &value, width);
    }
}

static void legacy_page(uint32_t page)
{
    struct pci_fake_queue *queue = selected();
    uint64_t align = VIRTQ_LEGACY_ALIGN - 1;
    queue->desc = (uint64_t)page << 12;
    queue->driver = queue->desc + 16u * queue->size; /* 2.7.2 */
    queue->device = (queue->driver + 4 + 2u * queue->size + 2 + align) & ~align;
    queue->enabled = page != 0;
    queue_enable(pci_fake.select);
}

static bool legacy_msix(void)
{
    return fake_pci.config[0x34] != 0 && (fake_pci.config[fake_pci.config[0x34] + 3] & 0x80) != 0;
}

static uint32_t legacy_read(uint32_t offset)
{
    switch (offset) {
    case VIRTIO_LEGACY_DEVICE_FEATURES:
        return (uint32_t)pci_fake.offered;
    case VIRTIO_LEGACY_QUEUE_SIZE:
        return selected()->size;
    case VIRTIO_LEGACY_DEVICE_STATUS:
        return status_read();
    case VIRTIO_LEGACY_QUEUE_VECTOR:
        return selected()->vector;
    default:
        pci_fake.wrong++;
        return 0;
    }
}

static void legacy_write(uint32_t offset, uint32_t value)
{
    switch (offset) {
    case VIRTIO_LEGACY_DRIVER_FEATURES:
        pci_fake.accepted = value;
        break;
    case VIRTIO_LEGACY_QUEUE_ADDRESS:
        legacy_page(value);
        break;
    case VIRTIO_LEGACY_QUEUE_SELECT:
        pci_fake.select = value;
        break;
    case VIRTIO_LEGACY_QUEUE_NOTIFY:
        pci_fake.notified[value % FAKE_QUEUES]++;
        break;
    case VIRTIO_LEGACY_DEVICE_STATUS:
        status_write(value);
        break;
    case VIRTIO_LEGACY_QUEUE_VECTOR:
        selected()->vector = pci_fake.refuses_vectors ? VIRTIO_VECTOR_NONE : (uint16_t)value;
        break;
    default:
        pci_fake.wrong++;
    }
}

static uint32_t legacy_width(uint32_t offset)
{
    return offset < VIRTIO_LEGACY_QUEUE_SIZE ? 4 : offset == VIRTIO_LEGACY_DEVICE_STATUS ? 1 : 2;
}

static int32_t legacy_access(uint32_t offset, void *bytes, uint32_t size, bool write)
{
    uint32_t value = 0, net = legacy_msix() ? 24 : 20;
    if (pci_fake.gone) {
        if (!write)
            memset(bytes, 0xFF, size);
        return 0;
    }
    if (offset >= net && offset - net + size <= sizeof(pci_fake.net)) {
        pci_fake.wrong += size != net_width(offset - net);
        if (write)
            memcpy(pci_fake.net + offset - net, bytes, size);
        else
            memcpy(bytes, pci_fake.net + offset - net, size);
        return 0;
    }
    pci_fake.wrong += size != legacy_width(offset) || offset >= net;
    if (write) {
        memcpy(&value, bytes, size);
        legacy_write(offset, value);
    } else {
        value = legacy_read(offset);
        memcpy(bytes, &value, size);
    }
    return 0;
}

static int32_t fake_map(struct bus *bus, const struct dma_memory *memory, uint64_t *device_address)
{
    uint64_t mask = ((uint64_t)1 << SEEN_BITS) - 1, first = (uintptr_t)memory->base;
    (void)bus;
    if (pci_fake.beyond == 0)
        pci_fake.beyond = first & ~mask;
    if ((first & ~mask) != pci_fake.beyond || ((first + memory->size) & ~mask) != pci_fake.beyond)
        abort(); /* memory is all over the address space */
    *device_address = first & mask;
    return 0;
}

static void fake_unmap(struct bus *bus, const struct dma_memory *memory)
{
    (void)bus, (void)memory;
}

static void fake_delay(struct bus *bus, uint32_t microseconds)
{
    (void)bus, (void)microseconds;
    fake_pci.delays++;
}

static void fake_close(struct bus *bus)
{
    virtio_pci_close((struct pci_function *)bus);
}

static int32_t fake_open(struct address *address, struct bus **bus)
{
    static const struct bus_ops ops = {
        .dma_map = fake_map, .dma_unmap = fake_unmap, .delay = fake_delay, .close = fake_close};
    fake_pci.function.bus.ops = &ops;
    *bus = &fake_pci.function.bus;
    int32_t code = address_finish(address, "none");
    return code < 0 ? code : virtio_pci_open(&fake_pci.function);
}

static void pci_fake_new(uint16_t device_id, uint64_t offered)
{
    static const struct bus_scheme scheme = {"fakepci", fake_open};
    static const uint8_t mac[6] = {0x02, 0xFA, 0xCE, 0, 0, 2};
    device_register_bus(&scheme);
    fake_device_new(offered);
    fake_pci_new(device_id);
    memset(&pci_fake, 0, sizeof(pci_fake));
    pci_fake.offered = offered;
    pci_fake.queues = 3;
    for (uint32_t i = 0; i < FAKE_QUEUES; i++)
        pci_fake.queue[i] = (struct pci_fake_queue){.size = 256, .vector = VIRTIO_VECTOR_NONE};
    memcpy(pci_fake.net, mac, sizeof(mac));
}

void pci_fake_modern(uint64_t offered)
{
    pci_fake_new(VIRTIO_PCI_DEVICE_NET, offered);
    fake_pci_modern(4);
    register_trap_set(fake_pci.memory, FAKE_PCI_NOTIFY, modern_access);
}

void pci_fake_legacy(uint64_t offered, uint16_t size)
{
    pci_fake_new(VIRTIO_PCI_DEVICE_NET_LEGACY, offered);
    for (uint32_t i = 0; i < FAKE_QUEUES; i++)
        pci_fake.queue[i].size = size;
    fake_pci.io_size = 64;
    fake_pci.io = legacy_access;
}

void pci_fake_free(void)
{
    if (fake_pci.function.bus.device_id == VIRTIO_PCI_DEVICE_NET)
        register_trap_clear();
    fake_pci_free();
}
