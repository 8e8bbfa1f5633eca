/* Where a modern device's structures lie: its vendor capabilities (VirtIO 1.3, 4.1.4), each checked against the
 * configuration space that it lies in and against the BAR that it names. */
#include <stdio.h>
#include <string.h>

#include "core/bus/pci_capability.h"
#include "core/bus/virtio_pci_device.h"
#include "core/device/error.h"

/* struct virtio_pci_cap and struct virtio_pci_notify_cap */
#define VIRTIO_CAP_LEN 2
#define VIRTIO_CAP_CFG_TYPE 3
#define VIRTIO_CAP_BAR 4
#define VIRTIO_CAP_OFFSET 8
#define VIRTIO_CAP_LENGTH 12
#define VIRTIO_CAP_NOTIFY_OFF_MULTIPLIER 16

#define VIRTIO_CAP_COMMON_CFG 1
#define VIRTIO_CAP_NOTIFY_CFG 2
#define VIRTIO_CAP_DEVICE_CFG 4

/* What is wanted of each kind of structure. */
struct virtio_pci_kind {
    const char *name;
    uint8_t capability_size;
    uint32_t size;  /* bytes that it has at least */
    uint32_t align; /* of its offset */
};

static const struct virtio_pci_kind *virtio_pci_kind_of(uint8_t type)
{
    static const struct virtio_pci_kind common = {"common configuration", 16, VIRTIO_PCI_COMMON_SIZE, 4};
    static const struct virtio_pci_kind notify = {"notifications", 20, 2, 2};
    static const struct virtio_pci_kind config = {"device configuration", 16, 1, 4};
    switch (type) {
    case VIRTIO_CAP_COMMON_CFG:
        return &common;
    case VIRTIO_CAP_NOTIFY_CFG:
        return &notify;
    case VIRTIO_CAP_DEVICE_CFG:
        return &config;
    default:
        return NULL; /* others are to be ignored, 4.1.4.1 */
    }
}

static uint32_t virtio_pci_word(const uint8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* What is being looked for, and the last reason why a structure cannot be used. */
struct virtio_pci_search {
    struct pci_function *pci;
    const struct pci_capabilities *list;
    struct virtio_pci_modern *modern;
    char unusable[128];
};

/* Maps the structure that the capability at `position` describes. part->memory stays NULL if it is where this driver
 * does not reach it, which is no error: another capability of its type may follow (4.1.4). */
static int32_t virtio_pci_part_open(struct virtio_pci_search *search, uint32_t position,
                                    const struct virtio_pci_kind *kind, struct virtio_pci_part *part)
{
    struct pci_function *pci = search->pci;
    const uint8_t *capability = search->list->bytes + position;
    uint8_t number = capability[VIRTIO_CAP_BAR];
    uint32_t offset = virtio_pci_word(capability + VIRTIO_CAP_OFFSET);
    uint32_t length = virtio_pci_word(capability + VIRTIO_CAP_LENGTH);
    if (number >= PCI_BARS) { /* reserved values are to be ignored, 4.1.4.1 */
        snprintf(search->unusable, sizeof(search->unusable), "the one at %#x names BAR %u, and right is 0 to %d",
                 position, number, PCI_BARS - 1);
        return 0;
    }
    int32_t code = pci->access->bar_open(pci, number);
    if (code < 0)
        return code;
    const struct pci_bar *bar = &pci->bar[number];
    if (bar->memory == NULL) {
        snprintf(search->unusable, sizeof(search->unusable), "the one at %#x names BAR %u, which is no memory BAR",
                 position, number);
        return 0;
    }
    if ((uint64_t)offset + length > bar->size)
        return error_set(IXY_E_DEVICE,
                         "%.90s: the capability at %#x (%s) has offset %#x and length %#x in BAR %u, which has %#llx "
                         "bytes",
                         pci->bus.address, position, kind->name, offset, length, number, (unsigned long long)bar->size);
    if (length < kind->size || offset % kind->align != 0)
        return error_set(IXY_E_DEVICE,
                         "%.90s: the capability at %#x (%s) has offset %#x and length %#x; right is a multiple of %u "
                         "and at least %u",
                         pci->bus.address, position, kind->name, offset, length, kind->align, kind->size);
    part->memory = bar->memory + offset;
    part->size = length;
    return 0;
}

static int32_t virtio_pci_multiplier(struct virtio_pci_search *search, const uint8_t *capability)
{
    uint32_t multiplier = virtio_pci_word(capability + VIRTIO_CAP_NOTIFY_OFF_MULTIPLIER);
    if ((multiplier & (multiplier - 1)) != 0 || multiplier == 1)
        return error_set(IXY_E_DEVICE,
                         "%.90s: notify_off_multiplier is %u; right is 0 or an even power of two (VirtIO 1.3, 4.1.4.4)",
                         search->pci->bus.address, multiplier);
    search->modern->notify_multiplier = multiplier;
    return 0;
}

static int32_t virtio_pci_capability(struct virtio_pci_search *search, uint32_t position, bool *found)
{
    const char *address = search->pci->bus.address;
    const uint8_t *capability = search->list->bytes + position;
    uint32_t room = PCI_CAPABILITY_SPACE - position; /* at least four bytes */
    uint8_t type = capability[VIRTIO_CAP_CFG_TYPE];
    uint8_t size = capability[VIRTIO_CAP_LEN];
    const struct virtio_pci_kind *kind = virtio_pci_kind_of(type);
    if (kind == NULL)
        return 0;
    if (size < kind->capability_size)
        return error_set(IXY_E_DEVICE, "%.90s: the capability at %#x (%s) has %u bytes; right is at least %u", address,
                         position, kind->name, size, kind->capability_size);
    if (size > room)
        return error_set(IXY_E_DEVICE,
                         "%.90s: the capability at %#x (%s) has %u bytes and leaves the configuration space; there is "
                         "room for %u",
                         address, position, kind->name, size, room);
    struct virtio_pci_modern *modern = search->modern;
    struct virtio_pci_part *part = type == VIRTIO_CAP_COMMON_CFG   ? &modern->common
                                   : type == VIRTIO_CAP_NOTIFY_CFG ? &modern->notify
                                                                   : &modern->config;
    *found = true;
    if (part->memory != NULL) /* the first of its type counts, 4.1.4 */
        return 0;
    int32_t code = virtio_pci_part_open(search, position, kind, part);
    if (code >= 0 && part == &modern->notify && part->memory != NULL)
        code = virtio_pci_multiplier(search, capability);
    return code;
}

int32_t virtio_pci_structures(struct pci_function *pci, const struct pci_capabilities *list,
                              struct virtio_pci_modern *modern, bool *found)
{
    struct virtio_pci_search search = {pci, list, modern, "there is no such capability"};
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->bytes[list->position[i]] != PCI_CAPABILITY_VENDOR)
            continue;
        int32_t code = virtio_pci_capability(&search, list->position[i], found);
        if (code < 0)
            return code;
    }
    if (!*found)
        return 0;
    const struct virtio_pci_part *parts[] = {&modern->common, &modern->notify, &modern->config};
    const uint8_t types[] = {VIRTIO_CAP_COMMON_CFG, VIRTIO_CAP_NOTIFY_CFG, VIRTIO_CAP_DEVICE_CFG};
    for (uint32_t i = 0; i < sizeof(types); i++)
        if (parts[i]->memory == NULL)
            return error_set(IXY_E_DEVICE, "%.90s: the VirtIO device has no %s that can be used: %s", pci->bus.address,
                             virtio_pci_kind_of(types[i])->name, search.unusable);
    return 0;
}
