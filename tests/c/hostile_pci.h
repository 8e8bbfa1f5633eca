/* A PCI function in memory: a configuration space that a test writes as it likes, memory BARs, and an I/O BAR whose
 * accesses a test answers. One at a time; device addresses are addresses of this process. */
#ifndef TESTS_C_HOSTILE_PCI_H
#define TESTS_C_HOSTILE_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bus/pci.h"
#include "core/bus/virtio_pci.h"

#define FAKE_PCI_BAR 4 /* the memory BAR, as QEMU has it */
#define FAKE_PCI_BAR_SIZE 0x4000u
#define FAKE_PCI_COMMON 0x0000u /* where the structures are in it: each in a page of its own */
#define FAKE_PCI_CONFIG 0x2000u
#define FAKE_PCI_NOTIFY 0x3000u

struct fake_pci {
    struct pci_function function; /* first */
    uint8_t config[256];
    int32_t config_code; /* what reading the configuration space returns */
    uint8_t *memory;     /* of the memory BAR */
    uint64_t io_size;    /* of BAR 0; 0: there is none */
    int32_t (*io)(uint32_t offset, void *bytes, uint32_t size, bool write);
    uint32_t delays;
};

extern struct fake_pci fake_pci;

/* Makes a function of these ids without capabilities. */
void fake_pci_new(uint16_t device_id);
void fake_pci_free(void);

/* Adds a capability of VirtIO's own at `position`, at the head of the list. */
void fake_pci_capability(uint8_t position, uint8_t type, uint8_t bar, uint32_t offset, uint32_t length);
/* The capabilities of a good device: notifications at 0x70, common configuration at 0x50, device configuration at 0x60,
 * with this notify_off_multiplier. */
void fake_pci_modern(uint32_t multiplier);

#endif
