/* A VirtIO network device behind the registers of PCI, modern or legacy, made by hand. It answers register accesses and
 * notes which width each had; its rings are those of virtio_fake.h, by which tests take and return buffers.
 *
 * The scheme "fakepci" opens it. Device addresses are addresses of this process without their upper bits: so they fit
 * what a legacy device can be told. One at a time. */
#ifndef TESTS_C_VIRTIO_PCI_FAKE_H
#define TESTS_C_VIRTIO_PCI_FAKE_H

#include "tests/c/hostile_pci.h"
#include "tests/c/virtio_fake.h"

#define PCI_FAKE_REGISTERS 0x38
#define PCI_FAKE_EVENTS 64

struct pci_fake_queue {
    uint16_t size, vector, enabled;
    uint64_t desc, driver, device;
};

struct pci_fake {
    uint64_t offered, accepted;
    uint32_t offered_select, accepted_select;
    uint32_t status, generation, select;
    uint16_t queues;
    struct pci_fake_queue queue[FAKE_QUEUES];
    uint8_t net[VIRTIO_NET_CONFIG_SIZE];

    /* What it does wrong. */
    uint32_t slow_reset;  /* readings of the status after a reset that do not yet give 0 */
    uint32_t status_adds; /* bits that a status which is not 0 reads with */
    uint32_t restless;    /* readings of the generation that give another one each */
    bool refuses_vectors; /* answers with VIRTIO_VECTOR_NONE */
    bool gone;            /* every register reads as ones */

    /* What was done to it. */
    uint32_t wrong;                                   /* accesses of a wrong width, or where nothing is */
    uint32_t status_count, statuses[PCI_FAKE_EVENTS]; /* written */
    uint32_t notified[FAKE_QUEUES];                   /* legacy */
    uint32_t generation_reads;
    uint64_t beyond; /* upper bits of this process's addresses, which the device does not see */
};

extern struct pci_fake pci_fake;

/* Registers the scheme and makes a device; modern ones want register_trap_works(). */
void pci_fake_modern(uint64_t offered);
void pci_fake_legacy(uint64_t offered, uint16_t size);
void pci_fake_free(void);

#endif
