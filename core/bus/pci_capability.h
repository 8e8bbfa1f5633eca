/* The capability list of a PCI function (PCI Local Bus 3.0, section 6.7): read once, walked with a bound, so that no
 * device makes it endless or leads out of the configuration space. */
#ifndef CORE_BUS_PCI_CAPABILITY_H
#define CORE_BUS_PCI_CAPABILITY_H

#include "core/bus/pci.h"

#define PCI_CAPABILITY_SPACE 256 /* where capabilities lie; what is beyond has another format */
#define PCI_CAPABILITIES_MAX 48  /* one each four bytes after the 64 of the header */

#define PCI_CAPABILITY_VENDOR 0x09
#define PCI_CAPABILITY_MSIX 0x11

struct pci_capabilities {
    uint8_t bytes[PCI_CAPABILITY_SPACE]; /* the configuration space as it was */
    uint32_t count;
    uint8_t position[PCI_CAPABILITIES_MAX]; /* of each capability, in the order of the list */
};

/* Reads the list. Returns 0 or an error with its text: a list that cannot be, a device that is gone. */
int32_t pci_capabilities_read(struct pci_function *pci, struct pci_capabilities *list);

/* Where the first capability with this id lies; 0: there is none. */
uint32_t pci_capability_find(const struct pci_capabilities *list, uint8_t id);

#endif
