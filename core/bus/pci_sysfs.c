/* A function without an IOMMU, through the kernel's files of it. Root only: it sees physical addresses, so it can reach
 * all memory. There are no interrupts on this way. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/bus/pci.h"
#include "core/bus/virtio_pci.h"
#include "core/device/error.h"
#include "core/device/fork.h"

struct pci_sysfs {
    struct pci_function pci;
    int config;
    int resource[PCI_BARS]; /* I/O BARs' files, -1: not open */
};

static int32_t pci_sysfs_part(const struct pci_function *pci, ssize_t done, uint32_t size, const char *what)
{
    if (done == (ssize_t)size)
        return 0;
    return done < 0 ? error_set_errno("%s: %s", pci->name, what)
                    : error_set(IXY_E_IO, "%s: %s ends before %u bytes", pci->name, what, size);
}

static int32_t pci_sysfs_config_read(struct pci_function *pci, uint32_t offset, void *bytes, uint32_t size)
{
    return pci_sysfs_part(pci, pread(((struct pci_sysfs *)pci)->config, bytes, size, (off_t)offset), size, "config");
}

static int32_t pci_sysfs_config_write(struct pci_function *pci, uint32_t offset, const void *bytes, uint32_t size)
{
    return pci_sysfs_part(pci, pwrite(((struct pci_sysfs *)pci)->config, bytes, size, (off_t)offset), size, "config");
}

static int32_t pci_sysfs_bar_map(struct pci_function *pci, uint32_t bar, int file, uint64_t size)
{
    fork_lock();
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    /* A child shall not reach its parent's device. */
    bool hidden = memory == MAP_FAILED || madvise(memory, size, MADV_DONTFORK) == 0;
    fork_unlock();
    if (memory == MAP_FAILED && errno == EINVAL)
        return error_set(IXY_E_BUSY, "%s: resource%u cannot be mapped: a kernel driver has claimed it", pci->name, bar);
    if (memory == MAP_FAILED)
        return error_set_errno("%s: resource%u cannot be mapped", pci->name, bar);
    if (!hidden) {
        int32_t code = error_set_errno("%s: resource%u cannot be kept from a forked child", pci->name, bar);
        munmap(memory, size);
        return code;
    }
    pci->bar[bar].memory = memory;
    return 0;
}

static int32_t pci_sysfs_bar_open(struct pci_function *pci, uint32_t bar)
{
    char path[PCI_PATH_SIZE], file_name[16];
    struct stat status;
    uint32_t word;
    if (pci->bar[bar].size != 0)
        return 0;
    int32_t code = pci_sysfs_config_read(pci, PCI_CONFIG_BAR(bar), &word, sizeof(word));
    if (code < 0)
        return code;
    snprintf(file_name, sizeof(file_name), "resource%u", bar);
    pci_path(path, pci->name, file_name);
    fork_lock();
    int file = fork_record(open(path, O_RDWR | O_CLOEXEC));
    fork_unlock();
    if (file < 0)
        return errno == ENOENT ? 0 : error_set_errno("%s", path);
    pci->bar[bar].io = (word & PCI_BAR_IO) != 0;
    if (fstat(file, &status) != 0)
        code = error_set_errno("%s", path);
    else if (!pci->bar[bar].io && status.st_size > 0)
        code = pci_sysfs_bar_map(pci, bar, file, (uint64_t)status.st_size);
    if (code < 0 || !pci->bar[bar].io)
        fork_close(&file);
    else
        ((struct pci_sysfs *)pci)->resource[bar] = file;
    if (code >= 0)
        pci->bar[bar].size = (uint64_t)status.st_size;
    return code;
}

static int32_t pci_sysfs_io_read(struct pci_function *pci, uint32_t bar, uint32_t offset, void *bytes, uint32_t size)
{
    int file = ((struct pci_sysfs *)pci)->resource[bar];
    return pci_sysfs_part(pci, pread(file, bytes, size, (off_t)offset), size, "I/O BAR");
}

static int32_t pci_sysfs_io_write(struct pci_function *pci, uint32_t bar, uint32_t offset, const void *bytes,
                                  uint32_t size)
{
    int file = ((struct pci_sysfs *)pci)->resource[bar];
    return pci_sysfs_part(pci, pwrite(file, bytes, size, (off_t)offset), size, "I/O BAR");
}

static const struct pci_access pci_sysfs_access = {
    .config_read = pci_sysfs_config_read,
    .config_write = pci_sysfs_config_write,
    .bar_open = pci_sysfs_bar_open,
    .io_read = pci_sysfs_io_read,
    .io_write = pci_sysfs_io_write,
};

/* ---- memory ---- */

static int32_t pci_sysfs_dma_map(struct bus *bus, const struct dma_memory *memory, uint64_t *device_address)
{
    if (memory->physical == 0)
        return error_set(IXY_E_STATE, "%s: pin it before a device without IOMMU maps it", memory->name);
    *device_address = memory->physical;
    return pci_master(pci_of(bus));
}

static void pci_sysfs_dma_unmap(struct bus *bus, const struct dma_memory *memory)
{
    (void)bus;
    (void)memory;
}

/* ---- open and close ---- */

static void pci_sysfs_free(struct pci_sysfs *sysfs)
{
    for (uint32_t i = 0; i < PCI_BARS; i++) {
        if (sysfs->pci.bar[i].memory != NULL)
            munmap(sysfs->pci.bar[i].memory, sysfs->pci.bar[i].size);
        fork_close(&sysfs->resource[i]);
    }
    fork_close(&sysfs->config);
    free(sysfs);
}

static void pci_sysfs_close(struct bus *bus)
{
    struct pci_sysfs *sysfs = (struct pci_sysfs *)bus;
    char text[ERROR_TEXT_SIZE];
    error_save(text); /* closing cannot fail, and must not hide why it was called */
    if (sysfs->pci.transport != NULL)
        virtio_pci_close(&sysfs->pci);
    pci_decode_restore(&sysfs->pci);
    pci_sysfs_free(sysfs);
    error_restore(text);
}

static const struct bus_ops pci_sysfs_bus_ops = {
    .read32 = pci_read32,
    .write32 = pci_write32,
    .doorbell = pci_doorbell,
    .dma_map = pci_sysfs_dma_map,
    .dma_unmap = pci_sysfs_dma_unmap,
    .delay = bus_sleep,
    .close = pci_sysfs_close,
};

/* One process at a time: the kernel would not mind two. */
static int32_t pci_sysfs_config_open(struct pci_sysfs *sysfs)
{
    char path[PCI_PATH_SIZE];
    pci_path(path, sysfs->pci.name, "config");
    fork_lock();
    sysfs->config = fork_record(open(path, O_RDWR | O_CLOEXEC));
    fork_unlock();
    if (sysfs->config < 0)
        return error_set_errno("%s", path);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(sysfs->config, F_OFD_SETLK, &lock) != 0) {
        if (errno != EAGAIN && errno != EACCES)
            return error_set_errno("%s: locking it", path);
        return error_set(IXY_E_BUSY, "%s: another program that uses libixy, or this one, has it open", sysfs->pci.name);
    }
    int32_t code = pci_translated(sysfs->pci.name, &sysfs->pci.bus.iommu);
    return code < 0 ? code : pci_decode(&sysfs->pci);
}

int32_t pci_sysfs_open(const char *name, struct pci_function **pci)
{
    struct pci_sysfs *sysfs = calloc(1, sizeof(*sysfs));
    if (sysfs == NULL)
        return error_set(IXY_E_NO_MEMORY, "%s: no memory", name);
    sysfs->pci.bus.ops = &pci_sysfs_bus_ops;
    sysfs->pci.bus.wants_physical = true;
    sysfs->pci.access = &pci_sysfs_access;
    snprintf(sysfs->pci.name, sizeof(sysfs->pci.name), "%s", name);
    for (uint32_t i = 0; i < PCI_BARS; i++)
        sysfs->resource[i] = -1;
    int32_t code = pci_sysfs_config_open(sysfs);
    if (code < 0) {
        pci_sysfs_free(sysfs);
        return code;
    }
    *pci = &sysfs->pci;
    return 0;
}
