/* What the two kinds of VirtIO over PCI keep, and where their registers are (VirtIO 1.3, 4.1.4).
 *
 * A modern device has its structures in memory BARs, wherever its capabilities say; each register is accessed at its
 * own width (4.1.3.1), 64-bit ones as two of 32. A legacy device has a few registers at fixed places of I/O BAR 0.
 */
#ifndef CORE_BUS_VIRTIO_PCI_DEVICE_H
#define CORE_BUS_VIRTIO_PCI_DEVICE_H

#include "core/bus/pci.h"
#include "core/device/device.h"
#include "core/virtio/transport.h"

/* Common configuration, 4.1.4.3 */
#define VIRTIO_PCI_DEVICE_FEATURE_SELECT 0x00
#define VIRTIO_PCI_DEVICE_FEATURE 0x04
#define VIRTIO_PCI_DRIVER_FEATURE_SELECT 0x08
#define VIRTIO_PCI_DRIVER_FEATURE 0x0C
#define VIRTIO_PCI_NUM_QUEUES 0x12
#define VIRTIO_PCI_DEVICE_STATUS 0x14
#define VIRTIO_PCI_CONFIG_GENERATION 0x15
#define VIRTIO_PCI_QUEUE_SELECT 0x16
#define VIRTIO_PCI_QUEUE_SIZE 0x18
#define VIRTIO_PCI_QUEUE_MSIX_VECTOR 0x1A
#define VIRTIO_PCI_QUEUE_ENABLE 0x1C
#define VIRTIO_PCI_QUEUE_NOTIFY_OFF 0x1E
#define VIRTIO_PCI_QUEUE_DESC 0x20
#define VIRTIO_PCI_QUEUE_DRIVER 0x28
#define VIRTIO_PCI_QUEUE_DEVICE 0x30
#define VIRTIO_PCI_COMMON_SIZE 0x38 /* what comes after belongs to features that the driver does not know */

/* Legacy registers, 4.1.4.10 */
#define VIRTIO_LEGACY_DEVICE_FEATURES 0x00
#define VIRTIO_LEGACY_DRIVER_FEATURES 0x04
#define VIRTIO_LEGACY_QUEUE_ADDRESS 0x08
#define VIRTIO_LEGACY_QUEUE_SIZE 0x0C
#define VIRTIO_LEGACY_QUEUE_SELECT 0x0E
#define VIRTIO_LEGACY_QUEUE_NOTIFY 0x10
#define VIRTIO_LEGACY_DEVICE_STATUS 0x12
#define VIRTIO_LEGACY_CONFIG 0x14       /* while MSI-X is off */
#define VIRTIO_LEGACY_QUEUE_VECTOR 0x16 /* while it is on */
#define VIRTIO_LEGACY_CONFIG_MSIX 0x18

/* A structure of a modern device. */
struct virtio_pci_part {
    uint8_t *memory; /* NULL: not found */
    uint32_t size;
};

#define VIRTIO_PCI_NOTIFIED (2 * DEVICE_QUEUES_MAX)

struct virtio_pci_modern {
    struct virtio_pci_part common, notify, config;
    uint32_t notify_multiplier;
    /* Where each queue is notified, by its number; the last is the control queue's if its number is larger. */
    uint16_t *notify_at[VIRTIO_PCI_NOTIFIED + 1];
};

struct virtio_pci_legacy {
    uint32_t msix; /* where the MSI-X capability lies; 0: there is none */
};

extern const struct virtio_transport virtio_pci_modern_transport;
extern const struct virtio_transport virtio_pci_legacy_transport;

struct pci_capabilities;

/* virtio_pci_structures.c: finds the structures of a modern device. *found: there are any. Returns 0 or an error with
 * its text. */
int32_t virtio_pci_structures(struct pci_function *pci, const struct pci_capabilities *list,
                              struct virtio_pci_modern *modern, bool *found);

/* virtio_pci.c: what both kinds have in common. */

/* The features that the driver shall see of those that a device offers. Returns 0 or an error with its text. */
int32_t virtio_pci_features(struct pci_function *pci, uint64_t *offered);
/* Waits for the status to be 0 after a reset, by the transport's own status. */
int32_t virtio_pci_reset_wait(struct bus *bus, int32_t (*status)(struct bus *bus, uint32_t *status));
/* A status of ones: records that the device is gone. Returns IXY_E_DEVICE. */
int32_t virtio_pci_gone(struct bus *bus);

static inline struct pci_function *virtio_pci_function(struct bus *bus)
{
    return (struct pci_function *)bus; /* its first member */
}

#endif
