/* VirtIO over PCI (VirtIO 1.3, section 4.1): modern devices by their capabilities, older ones by the legacy registers
 * of their I/O BAR. */
#ifndef CORE_BUS_VIRTIO_PCI_H
#define CORE_BUS_VIRTIO_PCI_H

#include "core/bus/pci.h"

/* Finds the transport of a VirtIO function whose configuration space can be read: sets bus.virtio and pci->transport.
 * Returns 0 or an error with its text, after which nothing is held. */
int32_t virtio_pci_open(struct pci_function *pci);

/* Frees what open made. The device was reset. */
void virtio_pci_close(struct pci_function *pci);

#endif
