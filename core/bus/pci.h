/* The PCI bus: a function of a card in this machine, reached through VFIO if it is bound to vfio-pci, through sysfs
 * otherwise.
 *
 * Both ways offer the same: configuration space, BARs, interrupts, DMA. What a driver finds there is register access
 * for an Intel device (bus_ops.read32 and so on, on BAR 0) and a transport for a VirtIO one (virtio_pci.h). Which of
 * both ways opened a function matters to nothing above this file.
 *
 * The function's owner is the bus: bus_ops.close unmaps its BARs and closes its files. The function masters the bus
 * from its first dma_map on, when its driver has reset it: what an earlier driver left there reaches no memory of ours.
 */
#ifndef CORE_BUS_PCI_H
#define CORE_BUS_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bus/bus.h"

#define PCI_BARS 6
#define PCI_CONFIG_SIZE 4096 /* at most; 256 without extended configuration space */
#define PCI_NAME_SIZE 16     /* "0000:03:00.0" */

/* Configuration space, PCI Local Bus 3.0, section 6.2 */
#define PCI_CONFIG_COMMAND 0x04
#define PCI_CONFIG_BAR(n) (0x10 + 4 * (n))
#define PCI_COMMAND_IO 1u
#define PCI_COMMAND_MEMORY 2u
#define PCI_COMMAND_MASTER 4u
#define PCI_COMMAND_INTX_DISABLE 0x400u
#define PCI_BAR_IO 1u

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
    uint16_t command;   /* the command register as it was found */
    bool masters;       /* bus mastering is on */
    void *transport;    /* the VirtIO transport's own state; NULL for other devices */
    uint64_t unwanted;  /* features of a VirtIO device that the address masks */
    bool demand_packed; /* virtio_options_check of what the transport then shows */
};

extern const struct bus_scheme pci_bus_scheme;

/* After fork(), in the child: forgets the parent's IOMMU groups, of which the child opens its own. */
void pci_after_fork_in_child(void);

/* ---- pci_missing.c ---- */

enum pci_way { PCI_SYSFS, PCI_VFIO };

/* Which way leads to a function that a driver knows, and whether this process may go it. Nothing is opened. Returns 0,
 * or the error that opening would give, whose text names the command that mends it. */
int32_t pci_missing(const char *name, uint16_t vendor, enum pci_way *way);

/* Whether the kernel has the function's IOMMU group go through page tables: it then sees no physical addresses. Returns
 * 0 or, if that cannot be read, an error with its text. */
int32_t pci_translated(const char *name, bool *translated);

/* What would be missing once the function is open: huge pages, or a limit on locked memory that the standard pool
 * fits in. Returns 0 or an error with its text. */
int32_t pci_missing_memory(const char *name, enum pci_way way);

/* ---- pci_files.c: what the kernel tells of a function under /sys/bus/pci/devices ---- */

#define PCI_DEVICES "/sys/bus/pci/devices"
#define PCI_PATH_SIZE 128
#define PCI_LINK_SIZE 64

void pci_path(char path[PCI_PATH_SIZE], const char *name, const char *file);
int32_t pci_read_id(const char *name, const char *file, uint16_t *id);
/* The last part of what a link points to ("driver", "iommu_group"); false and "": there is no such link. */
bool pci_read_link(const char *name, const char *link, char target[PCI_LINK_SIZE]);
/* The first line of a file, without its end; false and "": it cannot be read. */
bool pci_read_line(const char *path, char *line, uint32_t size);

/* ---- pci_list.c ---- */

/* The names of all functions, in the order of their addresses; the caller frees the array. No PCI bus: none.
 * Returns 0 or an error with its text. */
int32_t pci_list(char (**names)[PCI_NAME_SIZE], uint32_t *count);

/* ---- pci_locked.c ---- */

/* Bytes that this process has locked. */
uint64_t pci_locked(void);
/* The error of a limit that does not let it lock as many as are needed in all. */
int32_t pci_locked_error(const char *name, uint64_t needed);

/* ---- pci.c, for both ways ---- */

/* Lets BARs be reached, and the function reach nothing: it may go on with what a killed program gave it. The command
 * register as it was is kept for pci_decode_restore. */
int32_t pci_decode(struct pci_function *pci);
void pci_decode_restore(struct pci_function *pci);
/* Lets the function reach memory. */
int32_t pci_master(struct pci_function *pci);

uint32_t pci_read32(struct bus *bus, uint32_t reg);
void pci_write32(struct bus *bus, uint32_t reg, uint32_t value);
uint32_t *pci_doorbell(struct bus *bus, uint32_t reg);

/* Make a function of which pci.c then fills in what the device is. Nothing is held if they fail. */
int32_t pci_sysfs_open(const char *name, struct pci_function **pci);
int32_t pci_vfio_open(const char *name, struct pci_function **pci);

static inline struct pci_function *pci_of(struct bus *bus)
{
    return (struct pci_function *)bus;
}

#endif
