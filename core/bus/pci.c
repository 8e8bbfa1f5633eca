/* The PCI bus: addresses, which way to go, and what both ways do alike. */
#include "core/bus/pci.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/bus/pci_vfio.h"
#include "core/bus/virtio_options.h"
#include "core/bus/virtio_pci.h"
#include "core/device/device.h"
#include "core/device/error.h"
#include "core/virtio/spec.h"

#define PCI_FORM "DDDD:BB:DD.F in hexadecimal, as in pci:0000:03:00.0"
#define PCI_REGISTERS_MIN 0x20000u /* 82599 data sheet 331520, 8.1.1: 128 KiB of registers */

/* ---- address ---- */

/* Reads digits hexadecimal digits that end at the character `end`; *text moves behind it. */
static bool pci_parse_part(const char **text, uint32_t digits_min, uint32_t digits_max, char end, uint32_t *number)
{
    uint32_t digits = 0;
    *number = 0;
    for (; isxdigit((unsigned char)**text) && digits < digits_max; digits++, ++*text) {
        uint32_t digit = (uint32_t)(isdigit((unsigned char)**text) ? **text - '0' : (**text | 0x20) - 'a' + 10);
        *number = *number << 4 | digit;
    }
    if (digits < digits_min || **text != end)
        return false;
    if (end != '\0')
        ++*text;
    return true;
}

static int32_t pci_parse(const struct address *address, char name[PCI_NAME_SIZE])
{
    uint32_t domain = 0, bus, device, function;
    const char *text = address->what;
    /* Two colons: the domain stands first. */
    const char *colon = strchr(text, ':');
    bool good = true;
    if (colon != NULL && strchr(colon + 1, ':') != NULL)
        good = pci_parse_part(&text, 4, 6, ':', &domain);
    good = good && pci_parse_part(&text, 2, 2, ':', &bus) && pci_parse_part(&text, 2, 2, '.', &device) &&
           pci_parse_part(&text, 1, 1, '\0', &function);
    if (!good)
        return error_set(IXY_E_ADDRESS, "address \"%.100s\": at character %td: \"%.20s\"; right is " PCI_FORM,
                         address->text, text - address->parts + 1, text);
    if (device > 0x1F || function > 7)
        return error_set(IXY_E_ADDRESS,
                         "address \"%.100s\": device %02x, function %x; right are devices up to 1f, functions up to 7",
                         address->text, device, function);
    snprintf(name, PCI_NAME_SIZE, "%04x:%02x:%02x.%x", domain, bus, device, function);
    return 0;
}

static int32_t pci_options(struct address *address, bool virtio, uint64_t *unwanted, bool *demand_packed)
{
    if (!virtio)
        return address_finish(address, "no options of this device");
    int32_t code = virtio_option_ring(address, unwanted, demand_packed);
    if (code >= 0)
        code = virtio_option_on(address, "mrg", VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF), unwanted);
    return code >= 0 ? address_finish(address, "ring=auto|split|packed, mrg=on|off") : code;
}

/* ---- command register ---- */

static int32_t pci_command(struct pci_function *pci, uint16_t clear, uint16_t set)
{
    uint16_t command;
    int32_t code = pci->access->config_read(pci, PCI_CONFIG_COMMAND, &command, sizeof(command));
    if (code < 0)
        return code;
    if (command == 0xFFFF)
        return error_set(IXY_E_DEVICE, "%s: the configuration space reads as ones: no device answers there", pci->name);
    command = (uint16_t)((command & ~clear) | set);
    return pci->access->config_write(pci, PCI_CONFIG_COMMAND, &command, sizeof(command));
}

int32_t pci_decode(struct pci_function *pci)
{
    int32_t code = pci->access->config_read(pci, PCI_CONFIG_COMMAND, &pci->command, sizeof(pci->command));
    if (code < 0)
        return code;
    /* The function's interrupt line may be shared, and nobody here answers it: what it says is said by messages. */
    return pci_command(pci, PCI_COMMAND_MASTER, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
}

void pci_decode_restore(struct pci_function *pci)
{
    /* Never mastering: who had left it on is not there any more, nor is the memory. */
    uint16_t command = (uint16_t)(pci->command & ~PCI_COMMAND_MASTER);
    (void)pci->access->config_write(pci, PCI_CONFIG_COMMAND, &command, sizeof(command));
}

int32_t pci_master(struct pci_function *pci)
{
    if (pci->masters)
        return 0;
    int32_t code = pci_command(pci, 0, PCI_COMMAND_MASTER);
    pci->masters = code >= 0;
    return code;
}

/* ---- registers of BAR 0, little-endian as the host is ---- */

uint32_t pci_read32(struct bus *bus, uint32_t reg)
{
    return *(volatile uint32_t *)(void *)(pci_of(bus)->bar[0].memory + reg);
}

void pci_write32(struct bus *bus, uint32_t reg, uint32_t value)
{
    *(volatile uint32_t *)(void *)(pci_of(bus)->bar[0].memory + reg) = value;
}

uint32_t *pci_doorbell(struct bus *bus, uint32_t reg)
{
    return (uint32_t *)(void *)(pci_of(bus)->bar[0].memory + reg);
}

static int32_t pci_registers(struct pci_function *pci)
{
    int32_t code = pci->access->bar_open(pci, 0);
    if (code >= 0 && (pci->bar[0].memory == NULL || pci->bar[0].size < PCI_REGISTERS_MIN))
        code = error_set(IXY_E_DEVICE, "%s: BAR 0 has %llu bytes of %s; right are %u or more of memory: its registers",
                         pci->name, (unsigned long long)pci->bar[0].size, pci->bar[0].io ? "I/O space" : "memory",
                         PCI_REGISTERS_MIN);
    return code;
}

/* ---- open ---- */

static int32_t pci_open(struct address *address, struct bus **bus)
{
    char name[PCI_NAME_SIZE];
    uint16_t vendor = 0, device_id = 0;
    uint64_t unwanted = 0;
    bool demand_packed = false;
    enum pci_way way;
    int32_t code = pci_parse(address, name);
    if (code < 0)
        return code;
    code = pci_read_id(name, "vendor", &vendor);
    if (code >= 0)
        code = pci_read_id(name, "device", &device_id);
    if (code == IXY_E_NOT_FOUND)
        return error_set(code, "%s: no such PCI device here; `lspci -D` lists those that there are", name);
    if (code >= 0 && device_product(vendor, device_id) == NULL)
        code = device_no_driver(name, vendor, device_id);
    bool virtio = vendor == VIRTIO_PCI_VENDOR;
    if (code >= 0)
        code = pci_options(address, virtio, &unwanted, &demand_packed);
    if (code >= 0)
        code = pci_missing(name, vendor, &way);
    if (code < 0)
        return code;
    struct pci_function *pci;
    code = way == PCI_VFIO ? pci_vfio_open(name, &pci) : pci_sysfs_open(name, &pci);
    if (code < 0)
        return code;
    pci->bus.vendor = vendor;
    pci->bus.device_id = device_id;
    pci->unwanted = unwanted;
    pci->demand_packed = demand_packed;
    snprintf(pci->bus.address, sizeof(pci->bus.address), "%s", address->text);
    code = virtio ? virtio_pci_open(pci) : pci_registers(pci);
    if (code < 0) {
        pci->bus.ops->close(&pci->bus);
        return code;
    }
    *bus = &pci->bus;
    return 0;
}

void pci_after_fork_in_child(void)
{
    pci_vfio_groups_after_fork_in_child();
}

const struct bus_scheme pci_bus_scheme = {.scheme = "pci", .open = pci_open};
