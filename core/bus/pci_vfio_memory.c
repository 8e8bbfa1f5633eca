/* Memory behind the IOMMU: a page table of our own, in which each memory gets the first free addresses. */
#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "core/bus/pci_vfio.h"
#include "core/device/error.h"

#define PCI_VFIO_FIRST ((uint64_t)256 << 20) /* a device that reads a null pointer shall meet nothing there */
#define PCI_VFIO_ALIGNMENT ((uint64_t)2 << 20)
/* Where the kernel tells no ranges: addresses that all IOMMUs have (39 bits are QEMU's), without the window that
 * interrupts are written to (FEE00000h, Intel SDM volume 3, 11.11.1). */
#define PCI_VFIO_INTERRUPTS ((uint64_t)0xFEE00000)
#define PCI_VFIO_INTERRUPTS_END ((uint64_t)0xFEF00000)
#define PCI_VFIO_LAST (((uint64_t)1 << 39) - 1)

/* ---- ranges ---- */

static void pci_vfio_ranges_copy(struct pci_vfio_group *group,
                                 const struct vfio_iommu_type1_info_cap_iova_range *capability)
{
    for (uint32_t i = 0; i < capability->nr_iovas && group->range_count < PCI_VFIO_RANGES_MAX; i++)
        group->range[group->range_count++] = (struct pci_vfio_range){
            .first = capability->iova_ranges[i].start,
            .last = capability->iova_ranges[i].end,
        };
}

static void pci_vfio_ranges_find(struct pci_vfio_group *group, const struct vfio_iommu_type1_info *info, uint32_t size)
{
    uint32_t offset = (info->flags & VFIO_IOMMU_INFO_CAPS) != 0 ? info->cap_offset : 0;
    while (offset != 0 && offset <= size - sizeof(struct vfio_info_cap_header)) {
        const struct vfio_info_cap_header *header = (const void *)((const uint8_t *)info + offset);
        if (header->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
            pci_vfio_ranges_copy(group, (const void *)header);
        offset = header->next > offset ? header->next : 0;
    }
}

int32_t pci_vfio_ranges(const char *name, struct pci_vfio_group *group)
{
    struct vfio_iommu_type1_info short_info = {.argsz = sizeof(short_info)};
    if (ioctl(group->container, VFIO_IOMMU_GET_INFO, &short_info) != 0)
        return error_set_errno("%s: what the IOMMU can", name);
    uint32_t size = short_info.argsz < sizeof(short_info) ? (uint32_t)sizeof(short_info) : short_info.argsz;
    struct vfio_iommu_type1_info *info = calloc(1, size);
    if (info == NULL)
        return error_set(IXY_E_NO_MEMORY, "%s: no memory", name);
    info->argsz = size;
    if (ioctl(group->container, VFIO_IOMMU_GET_INFO, info) == 0)
        pci_vfio_ranges_find(group, info, size);
    free(info);
    if (group->range_count == 0) {
        group->range[0] = (struct pci_vfio_range){0, PCI_VFIO_INTERRUPTS - 1};
        group->range[1] = (struct pci_vfio_range){PCI_VFIO_INTERRUPTS_END, PCI_VFIO_LAST};
        group->range_count = 2;
    }
    return 0;
}

static uint64_t pci_vfio_align(uint64_t address)
{
    return (address + PCI_VFIO_ALIGNMENT - 1) & ~(PCI_VFIO_ALIGNMENT - 1);
}

/* The map that has any of these addresses, or NULL. */
static const struct pci_vfio_map *pci_vfio_overlap(const struct pci_vfio_group *group, uint64_t address, uint64_t size)
{
    for (const struct pci_vfio_map *map = group->maps; map != NULL; map = map->next)
        if (address < map->address + map->size && map->address < address + size)
            return map;
    return NULL;
}

/* The first free addresses for size bytes, 0 if there are none. */
static uint64_t pci_vfio_choose(const struct pci_vfio_group *group, uint64_t size)
{
    for (uint32_t i = 0; i < group->range_count; i++) {
        const struct pci_vfio_range *range = &group->range[i];
        uint64_t address = pci_vfio_align(range->first > PCI_VFIO_FIRST ? range->first : PCI_VFIO_FIRST);
        while (address <= range->last && size - 1 <= range->last - address) {
            const struct pci_vfio_map *taken = pci_vfio_overlap(group, address, size);
            if (taken == NULL)
                return address;
            address = pci_vfio_align(taken->address + taken->size);
        }
    }
    return 0;
}

/* ---- map and unmap ---- */

static struct pci_vfio_map *pci_vfio_map_find(const struct pci_vfio_group *group, const struct dma_memory *memory)
{
    struct pci_vfio_map *map = group->maps;
    while (map != NULL && map->base != memory->base)
        map = map->next;
    return map;
}

/* VFIO locks the pages, and what a user may lock is limited. */
static int32_t pci_vfio_map_error(struct pci_function *pci, const struct dma_memory *memory, uint64_t size)
{
    if (errno == ENOMEM)
        return pci_locked_error(pci->name, pci_locked() + size);
    return error_set_errno("%s: %s: %llu bytes behind the IOMMU", pci->name, memory->name, (unsigned long long)size);
}

static int32_t pci_vfio_map_new(struct pci_vfio *vfio, const struct dma_memory *memory, struct pci_vfio_map **map)
{
    struct pci_vfio_group *group = vfio->group;
    uint64_t size = (memory->size + 4095) & ~(uint64_t)4095;
    uint64_t address = pci_vfio_choose(group, size);
    if (address == 0)
        return error_set(IXY_E_LIMIT, "%s: %s: the IOMMU has no room for %llu bytes", vfio->pci.name, memory->name,
                         (unsigned long long)size);
    struct pci_vfio_map *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return error_set(IXY_E_NO_MEMORY, "%s: no memory", vfio->pci.name);
    struct vfio_iommu_type1_dma_map request = {
        .argsz = sizeof(request),
        .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
        .vaddr = (uintptr_t)memory->base,
        .iova = address,
        .size = size,
    };
    if (ioctl(group->container, VFIO_IOMMU_MAP_DMA, &request) != 0) {
        free(made);
        return pci_vfio_map_error(&vfio->pci, memory, size);
    }
    *made = (struct pci_vfio_map){.next = group->maps, .base = memory->base, .size = size, .address = address};
    group->maps = made;
    *map = made;
    return 0;
}

int32_t pci_vfio_dma_map(struct bus *bus, const struct dma_memory *memory, uint64_t *device_address)
{
    struct pci_vfio *vfio = pci_vfio_of(bus);
    pthread_mutex_lock(&pci_vfio_mutex);
    struct pci_vfio_map *map = pci_vfio_map_find(vfio->group, memory);
    int32_t code = map == NULL ? pci_vfio_map_new(vfio, memory, &map) : 0;
    if (code >= 0) {
        map->users++;
        *device_address = map->address;
    }
    pthread_mutex_unlock(&pci_vfio_mutex);
    if (code < 0)
        return code;
    code = pci_master(&vfio->pci);
    if (code < 0)
        pci_vfio_dma_unmap(bus, memory);
    return code;
}

void pci_vfio_dma_unmap(struct bus *bus, const struct dma_memory *memory)
{
    struct pci_vfio_group *group = pci_vfio_of(bus)->group;
    pthread_mutex_lock(&pci_vfio_mutex);
    struct pci_vfio_map **at = &group->maps;
    while (*at != NULL && (*at)->base != memory->base)
        at = &(*at)->next;
    struct pci_vfio_map *map = *at;
    if (map != NULL && --map->users == 0) {
        struct vfio_iommu_type1_dma_unmap request = {.argsz = sizeof(request), .iova = map->address, .size = map->size};
        (void)ioctl(group->container, VFIO_IOMMU_UNMAP_DMA, &request);
        *at = map->next;
        free(map);
    }
    pthread_mutex_unlock(&pci_vfio_mutex);
}
