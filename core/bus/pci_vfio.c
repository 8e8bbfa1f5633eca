/* A function behind the IOMMU: its file, regions, interrupts, open and close. Nothing here needs root. */
#include "core/bus/pci_vfio.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/bus/virtio_pci.h"
#include "core/device/error.h"
#include "core/device/fork.h"

/* ---- regions ---- */

static int32_t pci_vfio_region(const struct pci_vfio *vfio, uint32_t index, struct vfio_region_info *info)
{
    *info = (struct vfio_region_info){.argsz = sizeof(*info), .index = index};
    if (ioctl(vfio->file, VFIO_DEVICE_GET_REGION_INFO, info) != 0)
        return error_set_errno("%s: region %u", vfio->pci.name, index);
    return 0;
}

static int32_t pci_vfio_read(struct pci_function *pci, uint64_t at, void *bytes, uint32_t size, const char *what)
{
    ssize_t done = pread(((struct pci_vfio *)pci)->file, bytes, size, (off_t)at);
    if (done == (ssize_t)size)
        return 0;
    return done < 0 ? error_set_errno("%s: %s", pci->name, what)
                    : error_set(IXY_E_IO, "%s: %s ends before %u bytes", pci->name, what, size);
}

static int32_t pci_vfio_write(struct pci_function *pci, uint64_t at, const void *bytes, uint32_t size, const char *what)
{
    ssize_t done = pwrite(((struct pci_vfio *)pci)->file, bytes, size, (off_t)at);
    if (done == (ssize_t)size)
        return 0;
    return done < 0 ? error_set_errno("%s: %s", pci->name, what)
                    : error_set(IXY_E_IO, "%s: %s ends before %u bytes", pci->name, what, size);
}

static int32_t pci_vfio_config_read(struct pci_function *pci, uint32_t offset, void *bytes, uint32_t size)
{
    return pci_vfio_read(pci, ((struct pci_vfio *)pci)->region_config + offset, bytes, size, "configuration space");
}

static int32_t pci_vfio_config_write(struct pci_function *pci, uint32_t offset, const void *bytes, uint32_t size)
{
    return pci_vfio_write(pci, ((struct pci_vfio *)pci)->region_config + offset, bytes, size, "configuration space");
}

static int32_t pci_vfio_bar_map(struct pci_vfio *vfio, uint32_t bar, const struct vfio_region_info *info)
{
    if ((info->flags & VFIO_REGION_INFO_FLAG_MMAP) == 0)
        return error_set(IXY_E_UNSUPPORTED, "%s: VFIO does not let BAR %u, of %llu bytes, be mapped", vfio->pci.name,
                         bar, (unsigned long long)info->size);
    fork_lock();
    void *memory = mmap(NULL, info->size, PROT_READ | PROT_WRITE, MAP_SHARED, vfio->file, (off_t)info->offset);
    /* A child shall not reach its parent's device. */
    bool hidden = memory == MAP_FAILED || madvise(memory, info->size, MADV_DONTFORK) == 0;
    fork_unlock();
    if (memory == MAP_FAILED)
        return error_set_errno("%s: BAR %u cannot be mapped", vfio->pci.name, bar);
    if (!hidden) {
        int32_t code = error_set_errno("%s: BAR %u cannot be kept from a forked child", vfio->pci.name, bar);
        munmap(memory, info->size);
        return code;
    }
    vfio->pci.bar[bar].memory = memory;
    return 0;
}

static int32_t pci_vfio_bar_open(struct pci_function *pci, uint32_t bar)
{
    struct pci_vfio *vfio = (struct pci_vfio *)pci;
    struct vfio_region_info info;
    uint32_t word;
    if (pci->bar[bar].size != 0)
        return 0;
    int32_t code = pci_vfio_region(vfio, VFIO_PCI_BAR0_REGION_INDEX + bar, &info);
    if (code >= 0)
        code = pci_vfio_config_read(pci, PCI_CONFIG_BAR(bar), &word, sizeof(word));
    if (code < 0 || info.size == 0)
        return code;
    pci->bar[bar].io = (word & PCI_BAR_IO) != 0;
    vfio->region[bar] = info.offset;
    code = pci->bar[bar].io ? 0 : pci_vfio_bar_map(vfio, bar, &info);
    if (code >= 0)
        pci->bar[bar].size = info.size;
    return code;
}

static int32_t pci_vfio_io_read(struct pci_function *pci, uint32_t bar, uint32_t offset, void *bytes, uint32_t size)
{
    return pci_vfio_read(pci, ((struct pci_vfio *)pci)->region[bar] + offset, bytes, size, "I/O BAR");
}

static int32_t pci_vfio_io_write(struct pci_function *pci, uint32_t bar, uint32_t offset, const void *bytes,
                                 uint32_t size)
{
    return pci_vfio_write(pci, ((struct pci_vfio *)pci)->region[bar] + offset, bytes, size, "I/O BAR");
}

static const struct pci_access pci_vfio_access = {
    .config_read = pci_vfio_config_read,
    .config_write = pci_vfio_config_write,
    .bar_open = pci_vfio_bar_open,
    .io_read = pci_vfio_io_read,
    .io_write = pci_vfio_io_write,
};

/* ---- interrupts ---- */

/* The kernel enables MSI-X with the first vectors that it is given and cannot take more later, so all are given in one
 * call, after those before were taken away. */
static int32_t pci_vfio_interrupts_set(struct bus *bus, const int *events, uint32_t count)
{
    struct pci_vfio *vfio = pci_vfio_of(bus);
    union {
        struct vfio_irq_set request;
        uint8_t bytes[sizeof(struct vfio_irq_set) + PCI_VFIO_VECTORS_MAX * sizeof(int32_t)];
    } set = {.request = {.argsz = sizeof(set.request),
                         .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
                         .index = VFIO_PCI_MSIX_IRQ_INDEX}};
    if (count > bus->vectors)
        return error_set(IXY_E_RANGE, "%s: %u interrupt vectors are wanted, the device has %u", vfio->pci.name, count,
                         bus->vectors);
    if (vfio->interrupts && ioctl(vfio->file, VFIO_DEVICE_SET_IRQS, &set) != 0)
        return error_set_errno("%s: MSI-X cannot be switched off", vfio->pci.name);
    vfio->interrupts = false;
    if (count == 0)
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        int32_t event = events[i];
        memcpy(set.bytes + sizeof(struct vfio_irq_set) + i * sizeof(event), &event, sizeof(event));
    }
    set.request.argsz = (uint32_t)(sizeof(struct vfio_irq_set) + count * sizeof(int32_t));
    set.request.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
    set.request.count = count;
    int given = ioctl(vfio->file, VFIO_DEVICE_SET_IRQS, &set);
    if (given != 0)
        return given < 0 ? error_set_errno("%s: %u MSI-X vectors", vfio->pci.name, count)
                         : error_set(IXY_E_LIMIT, "%s: the machine has %d MSI-X vectors left of %u", vfio->pci.name,
                                     given, count);
    vfio->interrupts = true;
    return 0;
}

static void pci_vfio_vectors(struct pci_vfio *vfio)
{
    struct vfio_irq_info info = {.argsz = sizeof(info), .index = VFIO_PCI_MSIX_IRQ_INDEX};
    if (ioctl(vfio->file, VFIO_DEVICE_GET_IRQ_INFO, &info) != 0 || (info.flags & VFIO_IRQ_INFO_EVENTFD) == 0)
        return;
    vfio->pci.bus.vectors = info.count < PCI_VFIO_VECTORS_MAX ? info.count : PCI_VFIO_VECTORS_MAX;
}

/* ---- open and close ---- */

static void pci_vfio_free(struct pci_vfio *vfio)
{
    for (uint32_t i = 0; i < PCI_BARS; i++)
        if (vfio->pci.bar[i].memory != NULL)
            munmap(vfio->pci.bar[i].memory, vfio->pci.bar[i].size);
    pci_vfio_watch_stop(vfio);
    /* The kernel resets the function, and takes it off the bus if somebody asked for that. */
    fork_close_slow(&vfio->file);
    pthread_mutex_lock(&pci_vfio_mutex);
    if (vfio->group != NULL)
        pci_vfio_group_drop(vfio->group);
    pthread_mutex_unlock(&pci_vfio_mutex);
    free(vfio);
}

static void pci_vfio_close(struct bus *bus)
{
    struct pci_vfio *vfio = pci_vfio_of(bus);
    char text[ERROR_TEXT_SIZE];
    error_save(text); /* closing cannot fail, and must not hide why it was called */
    if (vfio->pci.transport != NULL)
        virtio_pci_close(&vfio->pci);
    (void)pci_vfio_interrupts_set(bus, NULL, 0);
    pci_decode_restore(&vfio->pci);
    pci_vfio_free(vfio);
    error_restore(text);
}

static const struct bus_ops pci_vfio_bus_ops = {
    .read32 = pci_read32,
    .write32 = pci_write32,
    .doorbell = pci_doorbell,
    .dma_map = pci_vfio_dma_map,
    .dma_unmap = pci_vfio_dma_unmap,
    .interrupts_set = pci_vfio_interrupts_set,
    .delay = bus_sleep,
    .close = pci_vfio_close,
};

/* What an earlier driver left behind goes before anything of ours is within its reach. */
static int32_t pci_vfio_reset(struct pci_vfio *vfio)
{
    struct vfio_device_info info = {.argsz = sizeof(info)};
    if (ioctl(vfio->file, VFIO_DEVICE_GET_INFO, &info) != 0)
        return error_set_errno("%s: what VFIO says of it", vfio->pci.name);
    if ((info.flags & VFIO_DEVICE_FLAGS_RESET) != 0 && ioctl(vfio->file, VFIO_DEVICE_RESET) != 0)
        return error_set_errno("%s: VFIO_DEVICE_RESET", vfio->pci.name);
    return 0;
}

static int32_t pci_vfio_device(struct pci_vfio *vfio)
{
    struct vfio_region_info config;
    int file = ioctl(vfio->group->file, VFIO_GROUP_GET_DEVICE_FD, vfio->pci.name);
    if (file < 0 && errno == EBUSY)
        return error_set(IXY_E_BUSY, "%s: is open already", vfio->pci.name);
    if (file < 0)
        return error_set_errno("%s: VFIO gives no file of it", vfio->pci.name);
    /* Not under the lock: the kernel resets the function first, and fork() shall not wait for that. A child that is
     * forked just before the next line holds the function until it ends or executes another program. */
    fork_lock();
    vfio->file = fork_record(file);
    fork_unlock();
    if (vfio->file < 0)
        return error_set_errno("%s: its file", vfio->pci.name);
    int32_t code = pci_vfio_region(vfio, VFIO_PCI_CONFIG_REGION_INDEX, &config);
    if (code < 0)
        return code;
    vfio->region_config = config.offset;
    code = pci_vfio_reset(vfio);
    if (code >= 0)
        code = pci_decode(&vfio->pci);
    if (code >= 0)
        code = pci_vfio_watch_start(vfio);
    pci_vfio_vectors(vfio);
    return code;
}

int32_t pci_vfio_open(const char *name, struct pci_function **pci)
{
    struct pci_vfio *vfio = calloc(1, sizeof(*vfio));
    if (vfio == NULL)
        return error_set(IXY_E_NO_MEMORY, "%s: no memory", name);
    vfio->pci.bus.ops = &pci_vfio_bus_ops;
    vfio->pci.bus.iommu = true;
    vfio->pci.access = &pci_vfio_access;
    snprintf(vfio->pci.name, sizeof(vfio->pci.name), "%s", name);
    vfio->file = vfio->watch_request = vfio->watch_stop = -1;
    pthread_mutex_lock(&pci_vfio_mutex);
    int32_t code = pci_vfio_group_hold(name, &vfio->group);
    pthread_mutex_unlock(&pci_vfio_mutex);
    if (code >= 0)
        code = pci_vfio_device(vfio);
    if (code < 0) {
        pci_vfio_free(vfio);
        return code;
    }
    *pci = &vfio->pci;
    return 0;
}
