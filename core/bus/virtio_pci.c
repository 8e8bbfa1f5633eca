/* Which kind of VirtIO device a PCI function is, and what both kinds have in common. */
#include "core/bus/virtio_pci.h"

#include <stdlib.h>

#include "core/bus/pci_capability.h"
#include "core/bus/virtio_options.h"
#include "core/bus/virtio_pci_device.h"
#include "core/device/error.h"
#include "core/virtio/spec.h"

#define VIRTIO_PCI_RESET_WAIT 1000000 /* microseconds */
#define VIRTIO_PCI_RESET_DELAY 100

int32_t virtio_pci_gone(struct bus *bus)
{
    bus_fail(bus, "the device status reads as ones: the device is gone");
    return error_set(IXY_E_DEVICE, "%.90s: the device status reads as ones: the device is gone", bus->address);
}

int32_t virtio_pci_reset_wait(struct bus *bus, int32_t (*status)(struct bus *bus, uint32_t *status))
{
    uint32_t now = 0;
    int32_t code = status(bus, &now);
    for (uint32_t waited = 0; code >= 0 && now != 0; waited += VIRTIO_PCI_RESET_DELAY) {
        if (waited >= VIRTIO_PCI_RESET_WAIT)
            return error_set(IXY_E_TIMEOUT,
                             "%.90s: the device status is still %#x a second after the reset; right is 0", bus->address,
                             now);
        bus->ops->delay(bus, VIRTIO_PCI_RESET_DELAY);
        code = status(bus, &now);
    }
    return code;
}

/* Without ACCESS_PLATFORM a device goes past an IOMMU, with it through it (6.1). Its addresses are those that we map
 * there, or physical ones: the other device would never find them. */
static int32_t virtio_pci_check_platform(const struct pci_function *pci, uint64_t offered)
{
    const struct bus *bus = &pci->bus;
    bool platform = (offered & VIRTIO_FEATURE(VIRTIO_F_ACCESS_PLATFORM)) != 0;
    if (!bus->iommu || platform != bus->wants_physical)
        return 0;
    if (platform)
        return error_set(IXY_E_STATE,
                         "%.90s: it is behind an IOMMU that translates (VIRTIO_F_ACCESS_PLATFORM), so it sees no "
                         "physical addresses: bind it to vfio-pci: ixy bind %s --user NAME",
                         bus->address, pci->name);
    return error_set(IXY_E_UNSUPPORTED,
                     "%.90s: it is behind an IOMMU and does not offer VIRTIO_F_ACCESS_PLATFORM, so it would pass "
                     "the IOMMU by; of QEMU's devices right is iommu_platform=on",
                     bus->address);
}

int32_t virtio_pci_features(struct pci_function *pci, uint64_t *offered)
{
    int32_t code = virtio_pci_check_platform(pci, *offered);
    if (code < 0)
        return code;
    *offered &= ~pci->unwanted;
    /* QEMU's card, when its wire was full and has room again, sends what the ring holds but leaves the event offset of
     * a packed ring where it was before (virtio_net_tx_complete, QEMU 7.2): it is told nothing of what is posted
     * from then on, and stops. Flags alone do not grow old; a split ring's event goes on with each buffer taken. */
    if ((*offered & VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)) != 0)
        *offered &= ~VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX);
    return virtio_options_check(&pci->bus, *offered, pci->demand_packed);
}

static int32_t virtio_pci_open_modern(struct pci_function *pci, const struct pci_capabilities *list, bool *found)
{
    struct virtio_pci_modern *modern = calloc(1, sizeof(*modern));
    if (modern == NULL)
        return error_set(IXY_E_NO_MEMORY, "%.90s: no memory", pci->bus.address);
    int32_t code = virtio_pci_structures(pci, list, modern, found);
    if (code < 0 || !*found) {
        free(modern);
        return code;
    }
    pci->transport = modern;
    pci->bus.virtio = &virtio_pci_modern_transport;
    return 0;
}

static int32_t virtio_pci_open_legacy(struct pci_function *pci, const struct pci_capabilities *list)
{
    int32_t code = pci->access->bar_open(pci, 0);
    if (code < 0)
        return code;
    if (!pci->bar[0].io || pci->bar[0].size < VIRTIO_LEGACY_CONFIG)
        return error_set(IXY_E_DEVICE,
                         "%.90s: a VirtIO device without VirtIO 1 capabilities, and BAR 0 is no I/O BAR of %u bytes "
                         "or more, so it is no legacy device either",
                         pci->bus.address, VIRTIO_LEGACY_CONFIG);
    struct virtio_pci_legacy *legacy = calloc(1, sizeof(*legacy));
    if (legacy == NULL)
        return error_set(IXY_E_NO_MEMORY, "%.90s: no memory", pci->bus.address);
    legacy->msix = pci_capability_find(list, PCI_CAPABILITY_MSIX);
    pci->transport = legacy;
    pci->bus.virtio = &virtio_pci_legacy_transport;
    return 0;
}

int32_t virtio_pci_open(struct pci_function *pci)
{
    struct pci_capabilities list;
    bool modern = false;
    int32_t code = pci_capabilities_read(pci, &list);
    if (code >= 0)
        code = virtio_pci_open_modern(pci, &list, &modern);
    if (code < 0 || modern)
        return code;
    if (pci->bus.device_id != VIRTIO_PCI_DEVICE_NET_LEGACY)
        return error_set(IXY_E_DEVICE,
                         "%.90s: device %04x:%04x has no VirtIO 1 capabilities; right is a common configuration, "
                         "notifications and a device configuration (VirtIO 1.3, 4.1.4)",
                         pci->bus.address, pci->bus.vendor, pci->bus.device_id);
    return virtio_pci_open_legacy(pci, &list);
}

void virtio_pci_close(struct pci_function *pci)
{
    free(pci->transport);
    pci->transport = NULL;
    pci->bus.virtio = NULL;
}
