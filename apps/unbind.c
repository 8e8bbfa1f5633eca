/* ixy unbind: takes back what `ixy bind` did, however far that came and whatever was done since; the kernel's own
 * driver gets the device. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apps/ixy.h"
#include "apps/sysfs.h"

/* The group's file becomes root's, before anything else, so that nobody opens the device anew meanwhile. It goes away
 * with the group's last device; one that stays is no use to its user beside a kernel driver. */
static bool unbind_group(const char *address)
{
    char group[SYSFS_NAME_MAX], path[SYSFS_PATH_MAX];
    struct stat status;
    sysfs_link(address, "iommu_group", group);
    snprintf(path, sizeof(path), "/dev/vfio/%s", group);
    if (group[0] == '\0' || stat(path, &status) != 0 || status.st_uid == 0)
        return true;
    if (chown(path, 0, (gid_t)-1) != 0)
        return sysfs_complain(address, "giving %s back to root: %s", path, strerror(errno));
    printf("%s: %s belongs to root\n", address, path);
    return true;
}

/* Only what `ixy bind` writes there. */
static bool unbind_override(const char *address)
{
    char override[SYSFS_NAME_MAX];
    sysfs_override(address, override);
    if (override[0] != '\0' && strcmp(override, "vfio-pci") != 0) {
        printf("%s: driver_override is %s, and stays\n", address, override);
        return true;
    }
    if (override[0] != '\0' && !sysfs_write_own(address, "driver_override", "\n"))
        return false;
    printf("%s: driver_override is empty\n", address);
    return true;
}

static bool unbind_driver(const char *address)
{
    char driver[SYSFS_NAME_MAX];
    sysfs_link(address, "driver", driver);
    if (driver[0] != '\0' && strcmp(driver, "vfio-pci") != 0) {
        printf("%s: is bound to %s, which keeps it\n", address, driver);
        return true;
    }
    if (driver[0] != '\0') {
        if (!sysfs_unbind(address)) /* waits until programs that use the device have closed it */
            return false;
        printf("%s: unbound from vfio-pci\n", address);
    }
    if (!sysfs_probe(address))
        return false;
    sysfs_link(address, "driver", driver);
    if (driver[0] != '\0')
        printf("%s: bound to %s\n", address, driver);
    else
        printf("%s: no driver of the kernel took it: none is loaded that knows it\n", address);
    return true;
}

static bool unbind_device(const char *operand)
{
    char address[SYSFS_ADDRESS_MAX];
    if (!sysfs_address(operand, address))
        return false;
    bool taken = unbind_group(address);
    return unbind_override(address) && unbind_driver(address) && taken;
}

int command_unbind(const struct options *options)
{
    if (geteuid() != 0) {
        sysfs_complain("unbind", "only root may unbind devices; right is: sudo ixy unbind ...");
        return 1;
    }
    bool good = true;
    for (uint32_t i = 0; i < options->operand_count; i++)
        good = unbind_device(options->operands[i]) && good;
    return good ? 0 : 1;
}
