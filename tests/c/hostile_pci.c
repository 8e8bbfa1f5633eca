#include "tests/c/hostile_pci.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/device/error.h"
#include "core/virtio/spec.h"

struct fake_pci fake_pci;

static int32_t fake_pci_config_read(struct pci_function *pci, uint32_t offset, void *bytes, uint32_t size)
{
    (void)pci;
    if (fake_pci.config_code < 0)
        return error_set(fake_pci.config_code, "the configuration space cannot be read");
    if (offset + size > sizeof(fake_pci.config))
        abort();
    memcpy(bytes, fake_pci.config + offset, size);
    return 0;
}

static int32_t fake_pci_config_write(struct pci_function *pci, uint32_t offset, const void *bytes, uint32_t size)
{
    (void)pci, (void)offset, (void)bytes, (void)size;
    abort(); /* a transport has nothing to write there */
}

static int32_t fake_pci_bar_open(struct pci_function *pci, uint32_t number)
{
    if (number >= PCI_BARS)
        abort();
    if (number == FAKE_PCI_BAR)
        pci->bar[number] = (struct pci_bar){.memory = fake_pci.memory, .size = FAKE_PCI_BAR_SIZE};
    else if (number == 0)
        pci->bar[number] = (struct pci_bar){.size = fake_pci.io_size, .io = fake_pci.io_size != 0};
    return 0;
}

static int32_t fake_pci_io_read(struct pci_function *pci, uint32_t bar, uint32_t offset, void *bytes, uint32_t size)
{
    if (bar != 0 || offset % size != 0 || offset + size > pci->bar[0].size)
        abort();
    return fake_pci.io(offset, bytes, size, false);
}

static int32_t fake_pci_io_write(struct pci_function *pci, uint32_t bar, uint32_t offset, const void *bytes,
                                 uint32_t size)
{
    uint32_t value = 0;
    if (bar != 0 || offset % size != 0 || offset + size > pci->bar[0].size)
        abort();
    memcpy(&value, bytes, size);
    return fake_pci.io(offset, &value, size, true);
}

static const struct pci_access fake_pci_access = {
    .config_read = fake_pci_config_read,
    .config_write = fake_pci_config_write,
    .bar_open = fake_pci_bar_open,
    .io_read = fake_pci_io_read,
    .io_write = fake_pci_io_write,
};

static void fake_pci_delay(struct bus *bus, uint32_t microseconds)
{
    (void)bus, (void)microseconds;
    fake_pci.delays++;
}

void fake_pci_new(uint16_t device_id)
{
    static const struct bus_ops ops = {.delay = fake_pci_delay};
    memset(&fake_pci, 0, sizeof(fake_pci));
    struct bus *bus = &fake_pci.function.bus;
    fake_pci.function.access = &fake_pci_access;
    bus->ops = &ops;
    bus->vendor = VIRTIO_PCI_VENDOR;
    bus->device_id = device_id;
    snprintf(bus->address, sizeof(bus->address), "pci:fake");
    fake_pci.memory = mmap(NULL, FAKE_PCI_BAR_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fake_pci.memory == MAP_FAILED)
        abort();
    memcpy(fake_pci.config, &bus->vendor, 2);
    memcpy(fake_pci.config + 2, &bus->device_id, 2);
}

void fake_pci_free(void)
{
    virtio_pci_close(&fake_pci.function);
    munmap(fake_pci.memory, FAKE_PCI_BAR_SIZE);
}

void fake_pci_capability(uint8_t position, uint8_t type, uint8_t bar, uint32_t offset, uint32_t length)
{
    uint8_t *capability = fake_pci.config + position;
    uint8_t size = type == 2 ? 20 : 16;
    memset(capability, 0, size);
    capability[0] = 0x09;
    capability[1] = fake_pci.config[0x34];
    capability[2] = size;
    capability[3] = type;
    capability[4] = bar;
    memcpy(capability + 8, &offset, sizeof(offset));
    memcpy(capability + 12, &length, sizeof(length));
    fake_pci.config[0x34] = position;
    fake_pci.config[0x06] = 0x10; /* there is a list */
}

void fake_pci_modern(uint32_t multiplier)
{
    fake_pci_capability(0x60, 4, FAKE_PCI_BAR, FAKE_PCI_CONFIG, 0x1000);
    fake_pci_capability(0x50, 1, FAKE_PCI_BAR, FAKE_PCI_COMMON, 0x1000);
    fake_pci_capability(0x70, 2, FAKE_PCI_BAR, FAKE_PCI_NOTIFY, 0x1000);
    memcpy(fake_pci.config + 0x70 + 16, &multiplier, sizeof(multiplier));
}
