#include "core/bus/pci_capability.h"

#include <string.h>

#include "core/device/error.h"

#define PCI_STATUS 0x06
#define PCI_STATUS_CAPABILITIES 0x10 /* bit 4: there is a list */
#define PCI_CAPABILITIES_FIRST 0x34
#define PCI_HEADER_SIZE 64

int32_t pci_capabilities_read(struct pci_function *pci, struct pci_capabilities *list)
{
    memset(list, 0, sizeof(*list));
    int32_t code = pci->access->config_read(pci, 0, list->bytes, sizeof(list->bytes));
    if (code < 0)
        return code;
    if (list->bytes[0] == 0xFF && list->bytes[1] == 0xFF) /* no vendor has this id */
        return error_set(IXY_E_DEVICE, "%.90s: its configuration space reads as ones: the device is gone",
                         pci->bus.address);
    if ((list->bytes[PCI_STATUS] & PCI_STATUS_CAPABILITIES) == 0)
        return 0;
    uint64_t seen = 0; /* a bit for each position */
    uint32_t position = list->bytes[PCI_CAPABILITIES_FIRST] & ~3u;
    for (; position != 0; position = list->bytes[position + 1] & ~3u) {
        if (position < PCI_HEADER_SIZE)
            return error_set(IXY_E_DEVICE,
                             "%.90s: the capability list goes on at %#x; right is %#x or more, after the header",
                             pci->bus.address, position, PCI_HEADER_SIZE);
        if ((seen >> position / 4 & 1) != 0)
            return error_set(IXY_E_DEVICE, "%.90s: the capability list comes to %#x again: it has no end",
                             pci->bus.address, position);
        seen |= (uint64_t)1 << position / 4;
        list->position[list->count++] = (uint8_t)position;
    }
    return 0;
}

uint32_t pci_capability_find(const struct pci_capabilities *list, uint8_t id)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (list->bytes[list->position[i]] == id)
            return list->position[i];
    return 0;
}
