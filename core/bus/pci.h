/* The PCI bus: a function of a card in this machine, reached through VFIO if it is bound to vfio-pci, through sysfs
 * otherwise.
 *
 * Both ways offer the same: configuration space, BARs, interrupts, DMA. What a driver finds there is register access
 * for an Intel device (bus_ops.read32 and so on, on BAR 0) and a transport for a VirtIO one (virtio_pci.h). Which of
 * both ways opened a function matters to nothing above this file.
 *
 * The function's owner is the bus: bus_ops.close resets it, unmaps its BARs and closes its files.
 */
#ifndef CORE_BUS_PCI_H
#define CORE_BUS_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bus/bus.h"

#define PCI_BARS 6
#define PCI_CONFIG_SIZE 4096 /* at most; 256 without extended configuration space */
#define PCI_NAME_SIZE 16     /* "0000:03:00.0" */

struct pci_function;

/* A memory BAR in this process, or an I/O BAR, which is reached by io_read and io_write. */
struct pci_bar {
    uint8_t *memory; /* NULL: not mapped */
    uint64_t size;   /* 0: there is no such BAR */
    bool io;
};

/* How a function is reached: one table for VFIO, one for sysfs. All return 0 or an error with its text. */
struct pci_access {
    int32_t (*config_read)(struct pci_function *pci, uint32_t offset, void *bytes, uint32_t size);
    int32_t (*config_write)(struct pci_function *pci, uint32_t offset, const void *bytes, uint32_t size);
    /* Fills in pci->bar[bar]; a memory BAR is mapped. Doing so twice does nothing. */
    int32_t (*bar_open)(struct pci_function *pci, uint32_t bar);
    /* 1, 2 or 4 bytes of an I/O BAR at their natural alignment. */
    int32_t (*io_read)(struct pci_function *pci, uint32_t bar, uint32_t offset, void *bytes, uint32_t size);
    int32_t (*io_write)(struct pci_function *pci, uint32_t bar, uint32_t offset, const void *bytes, uint32_t size);
};

struct pci_function {
    struct bus bus; /* first: a bus opened here is its function */
    const struct pci_access *access;
    char name[PCI_NAME_SIZE];
    struct pci_bar bar[PCI_BARS];
    void *transport;    /* the VirtIO transport's own state; NULL for other devices */
    uint64_t unwanted;  /* features of a VirtIO device that the address masks */
    bool demand_packed; /* virtio_options_check of what the transport then shows */
};

extern const struct bus_scheme pci_bus_scheme;

#endif
