/* What is missing before a function can be opened, told with the command that mends it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/bus/pci.h"
#include "core/device/error.h"
#include "core/dma/huge.h"
#include "core/virtio/spec.h"

/* Locked memory that VFIO needs for a device with a standard pool (8192 buffers of 2240 bytes) and its rings. */
#define PCI_LOCKED_WANTED ((uint64_t)20 << 20)

/* Drivers beside which VFIO uses a group: they leave the device alone (vfio_dev_viable in Linux's drivers/vfio). */
static bool pci_driver_is_quiet(const char *driver)
{
    return driver[0] == '\0' || strcmp(driver, "vfio-pci") == 0 || strcmp(driver, "pci-stub") == 0 ||
           strcmp(driver, "pcieport") == 0;
}

static bool pci_may(const char *path, int how)
{
    return faccessat(AT_FDCWD, path, how, AT_EACCESS) == 0;
}

/* The other functions of a group whose drivers VFIO does not suffer beside it. */
static int32_t pci_missing_neighbours(const char *name, const char *group)
{
    char path[PCI_PATH_SIZE], driver[PCI_LINK_SIZE], list[96] = "";
    size_t length = 0;
    pci_path(path, name, "iommu_group/devices");
    DIR *folder = opendir(path);
    if (folder == NULL)
        return errno == ENOENT ? 0 : error_set_errno("%s: %s", name, path);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.' || strlen(entry->d_name) >= PCI_NAME_SIZE || strcmp(entry->d_name, name) == 0)
            continue;
        pci_read_link(entry->d_name, "driver", driver);
        if (!pci_driver_is_quiet(driver) && length < sizeof(list))
            length +=
                (size_t)snprintf(list + length, sizeof(list) - length, "%s%s", length == 0 ? "" : " ", entry->d_name);
    }
    closedir(folder);
    if (length == 0)
        return 0;
    return error_set(IXY_E_STATE,
                     "%s: shares IOMMU group %s with devices of kernel drivers, so all move together: as root: "
                     "ixy bind %s %s --user NAME --group",
                     name, group, name, list);
}

static int32_t pci_missing_vfio(const char *name)
{
    char group[PCI_LINK_SIZE], path[PCI_PATH_SIZE], kind[32];
    if (!pci_read_link(name, "iommu_group", group))
        return error_set(
            IXY_E_UNSUPPORTED,
            "%s: bound to vfio-pci, but in no IOMMU group: switch the IOMMU on (firmware, and intel_iommu=on "
            "or amd_iommu=on for the kernel), or `ixy unbind %s` and run as root with huge pages",
            name, name);
    pci_path(path, name, "iommu_group/name");
    bool named = pci_read_line(path, kind, sizeof(kind));
    if (!named && errno != ENOENT)
        return error_set_errno("%s: %s", name, path);
    if (named && strcmp(kind, "vfio-noiommu") == 0)
        return error_set(
            IXY_E_UNSUPPORTED,
            "%s: bound to vfio-pci in no-IOMMU mode, which protects nothing: `ixy unbind %s` and run as root "
            "with huge pages, or switch the IOMMU on",
            name, name);
    int32_t code = pci_missing_neighbours(name, group);
    if (code < 0)
        return code;
    snprintf(path, sizeof(path), "/dev/vfio/%s", group);
    if (!pci_may(path, F_OK))
        return error_set(IXY_E_NOT_FOUND, "%s: there is no %s: load the module: modprobe vfio-pci", name, path);
    if (!pci_may(path, R_OK | W_OK))
        return error_set(IXY_E_PERMISSION,
                         "%s: this user may not open %s: chown NAME %s as root, or ixy bind %s --user NAME", name, path,
                         path, name);
    if (!pci_may("/dev/vfio/vfio", R_OK | W_OK))
        return error_set(IXY_E_PERMISSION,
                         "%s: this user may not open /dev/vfio/vfio: as root: modprobe vfio-pci; chmod 666 "
                         "/dev/vfio/vfio",
                         name);
    return 0;
}

int32_t pci_translated(const char *name, bool *translated)
{
    char path[PCI_PATH_SIZE], type[16];
    pci_path(path, name, "iommu_group/type");
    bool read = pci_read_line(path, type, sizeof(type));
    *translated = read && strncmp(type, "DMA", 3) == 0;
    return read || errno == ENOENT ? 0 : error_set_errno("%s: %s", name, path);
}

static int32_t pci_missing_sysfs(const char *name, uint16_t vendor)
{
    char group[PCI_LINK_SIZE], path[PCI_PATH_SIZE];
    bool grouped = pci_read_link(name, "iommu_group", group);
    pci_path(path, name, "config");
    if (geteuid() != 0 || !pci_may(path, R_OK | W_OK)) {
        if (grouped)
            return error_set(IXY_E_PERMISSION,
                             "%s: not bound to vfio-pci, and only root drives it as it is: as root, once: ixy bind %s "
                             "--user NAME",
                             name, name);
        return error_set(IXY_E_PERMISSION,
                         "%s: has no IOMMU (no iommu_group), so only root can drive it, with huge pages: sudo; or "
                         "switch the IOMMU on (firmware, intel_iommu=on) and ixy bind %s --user NAME",
                         name, name);
    }
    /* A VirtIO device may go past the IOMMU; negotiation tells (VIRTIO_F_ACCESS_PLATFORM). */
    bool translated = false;
    int32_t code = vendor != VIRTIO_PCI_VENDOR ? pci_translated(name, &translated) : 0;
    if (code < 0)
        return code;
    if (translated)
        return error_set(
            IXY_E_STATE,
            "%s: behind an IOMMU that translates (its group %s), so it sees no physical addresses: bind it "
            "to vfio-pci: ixy bind %s --user NAME",
            name, group, name);
    return 0;
}

int32_t pci_missing(const char *name, uint16_t vendor, enum pci_way *way)
{
    char driver[PCI_LINK_SIZE], group[PCI_LINK_SIZE];
    pci_read_link(name, "driver", driver);
    *way = strcmp(driver, "vfio-pci") == 0 ? PCI_VFIO : PCI_SYSFS;
    if (*way == PCI_VFIO)
        return pci_missing_vfio(name);
    /* uio_pci_generic, igb_uio: drivers that exist to leave the device to a program. */
    if (driver[0] == '\0' || strstr(driver, "uio") != NULL)
        return pci_missing_sysfs(name, vendor);
    /* `ixy bind` refuses a device without an IOMMU. */
    if (!pci_read_link(name, "iommu_group", group))
        return error_set(IXY_E_BUSY,
                         "%s: bound to the kernel driver %.20s, and has no IOMMU (no iommu_group): as root, with huge "
                         "pages: echo %s > " PCI_DEVICES "/%s/driver/unbind; or switch the IOMMU on (intel_iommu=on)",
                         name, driver, name, name);
    return error_set(
        IXY_E_BUSY,
        "%s: bound to the kernel driver %.20s; as root: ixy bind %s --user NAME (for VFIO), or echo %s > " PCI_DEVICES
        "/%s/driver/unbind",
        name, driver, name, name, name);
}

int32_t pci_missing_memory(const char *name, enum pci_way way)
{
    if (way == PCI_SYSFS) {
        uint64_t count;
        int32_t code = dma_huge_free(name, &count);
        return code < 0 || count > 0 ? code : dma_huge_none(name, 16);
    }
    struct rlimit limit;
    if (geteuid() == 0 || getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur >= PCI_LOCKED_WANTED)
        return 0;
    return pci_locked_error(name, PCI_LOCKED_WANTED);
}
