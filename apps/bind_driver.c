/* One device: from its driver to vfio-pci, and all the way back when something fails. */
#include <stdio.h>
#include <string.h>

#include "apps/bind.h"

bool bind_driver(struct binding *device)
{
    const char *address = device->address;
    char driver[SYSFS_NAME_MAX];
    if (strcmp(device->driver, "vfio-pci") == 0) {
        printf("%s: is bound to vfio-pci already\n", address);
        return true;
    }
    if (strcmp(device->override, "vfio-pci") != 0) {
        device->overridden = true; /* even if the write fails: nobody knows how far it came */
        if (!sysfs_write_own(address, "driver_override", "vfio-pci\n"))
            return false;
    }
    printf("%s: driver_override is vfio-pci\n", address);
    if (device->driver[0] != '\0') {
        device->unbound = true;
        if (!sysfs_unbind(address))
            return false;
        printf("%s: unbound from %s\n", address, device->driver);
    }
    device->bound = true;
    if (!sysfs_probe(address))
        return false;
    sysfs_link(address, "driver", driver);
    if (strcmp(driver, "vfio-pci") != 0)
        return sysfs_complain(address,
                              "vfio-pci did not take it, its driver is %s; the kernel's log (dmesg) may tell why",
                              driver[0] != '\0' ? driver : "none");
    printf("%s: bound to vfio-pci\n", address);
    return true;
}

/* The device has the driver that it had. */
static bool undo_driver(const struct binding *device)
{
    char driver[SYSFS_NAME_MAX];
    sysfs_link(device->address, "driver", driver);
    if (strcmp(driver, device->driver) == 0)
        return true;
    if (driver[0] != '\0' && !sysfs_unbind(device->address))
        return false;
    return device->driver[0] == '\0' || sysfs_bind(device->address, device->driver);
}

void bind_driver_undo(struct binding *device)
{
    const char *address = device->address;
    char text[SYSFS_NAME_MAX + 1];
    bool good = !device->stuck;
    if (device->overridden) {
        snprintf(text, sizeof(text), "%.63s\n", device->override);
        good = sysfs_write_own(address, "driver_override", text) && good;
    }
    if (device->bound || device->unbound)
        good = undo_driver(device) && good;
    if (!good)
        sysfs_complain(address, "not all could be undone; right is: ixy unbind %s", address);
    else if (device->given || device->overridden || device->unbound || device->bound)
        printf("%s: undone, as before\n", address);
}
