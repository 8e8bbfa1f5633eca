/* What the files of the VFIO way share (Linux, Documentation/driver-api/vfio.rst).
 *
 *   pci_vfio.c          a function: its file, regions, interrupts, open and close
 *   pci_vfio_group.c    IOMMU groups and their containers: what is opened once for all functions of a group
 *   pci_vfio_memory.c   memory that a container's functions reach, by addresses that we choose
 *   pci_vfio_watch.c    the thread that hears the kernel ask for the function back
 *
 * A group is opened by its first function and closed by its last. It has a container of its own, so that what one
 * group's functions reach is nothing to another's. Groups are found under one lock, memory is mapped under it too; no
 * function is waited for under it.
 */
#ifndef CORE_BUS_PCI_VFIO_H
#define CORE_BUS_PCI_VFIO_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/bus/pci.h"

#define PCI_VFIO_RANGES_MAX 16
#define PCI_VFIO_VECTORS_MAX 64 /* more than there are queues */

struct pci_vfio_range {
    uint64_t first, last;
};

/* A memory that functions of the group reach; two of them may use one pool. */
struct pci_vfio_map {
    struct pci_vfio_map *next;
    const uint8_t *base;
    uint64_t size; /* whole pages */
    uint64_t address;
    uint32_t users;
};

struct pci_vfio_group {
    struct pci_vfio_group *next;
    uint32_t users;
    int file;      /* /dev/vfio/N */
    int container; /* /dev/vfio/vfio */
    char number[PCI_LINK_SIZE];
    uint32_t range_count;
    struct pci_vfio_range range[PCI_VFIO_RANGES_MAX]; /* addresses that the IOMMU translates */
    struct pci_vfio_map *maps;
};

struct pci_vfio {
    struct pci_function pci;
    struct pci_vfio_group *group;
    int file; /* the device */
    bool interrupts;
    uint64_t region[PCI_BARS]; /* where in the file the BARs are */
    uint64_t region_config;
    pthread_t watcher;
    bool watched;
    int watch_request; /* eventfds, -1: not open */
    int watch_stop;
};

/* ---- pci_vfio_group.c ---- */

extern pthread_mutex_t pci_vfio_mutex;

/* Under the lock: the group of a function, opened if it is not. Returns 0 or an error with its text. */
int32_t pci_vfio_group_hold(const char *name, struct pci_vfio_group **group);
void pci_vfio_group_drop(struct pci_vfio_group *group);
void pci_vfio_groups_after_fork_in_child(void);

/* ---- pci_vfio_memory.c ---- */

/* Which addresses the IOMMU takes. Returns 0 or an error with its text. */
int32_t pci_vfio_ranges(const char *name, struct pci_vfio_group *group);

int32_t pci_vfio_dma_map(struct bus *bus, const struct dma_memory *memory, uint64_t *device_address);
void pci_vfio_dma_unmap(struct bus *bus, const struct dma_memory *memory);

/* ---- pci_vfio_watch.c ---- */

int32_t pci_vfio_watch_start(struct pci_vfio *vfio);
void pci_vfio_watch_stop(struct pci_vfio *vfio);

static inline struct pci_vfio *pci_vfio_of(struct bus *bus)
{
    return (struct pci_vfio *)bus;
}

#endif
