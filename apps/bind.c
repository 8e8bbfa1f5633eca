/* ixy bind: the one step that needs root. It has the kernel hand a device over to vfio-pci and gives the device's IOMMU
 * group to a user, whose programs then drive it without any rights.
 *
 * Everything is checked before anything is changed, for all devices; what is done is printed, a line each. If a step
 * fails, those before it are undone. Nothing is kept but what the kernel keeps, until the machine restarts or `ixy
 * unbind`.
 */
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/bind.h"
#include "apps/memlock.h"

/* Whether libixy has a driver for it. */
static bool bind_is_known(const char *address)
{
    ixy_found found = {.struct_size = sizeof(found)};
    int32_t count = 1;
    for (int32_t i = 0; i < count; i++) {
        count = ixy_device_find((uint32_t)i, &found);
        if (count < 0) {
            print_error("bind", count, ixy_last_error());
            return false;
        }
        if (i < count && strcmp(found.address + strlen("pci:"), address) == 0)
            return true;
    }
    return sysfs_complain(address, "no network device that libixy has a driver for; `ixy devices` lists those");
}

/* The first line of a network interface's file; false if there is none. */
static bool bind_read(const char *folder, const char *name, const char *file, char *line, int size)
{
    char path[2 * SYSFS_PATH_MAX + 256];
    snprintf(path, sizeof(path), "%s/%s/%s", folder, name, file);
    FILE *stream = fopen(path, "re");
    bool read = stream != NULL && fgets(line, size, stream) != NULL;
    if (stream != NULL)
        fclose(stream);
    return read;
}

/* Complains of an interface in that folder which is up: somebody may be using it. */
static bool bind_interfaces_are_down(const char *address, const char *folder)
{
    bool down = true;
    DIR *stream = opendir(folder);
    if (stream == NULL)
        return true;
    for (struct dirent *entry; down && (entry = readdir(stream)) != NULL;) {
        char flags[32];
        if (entry->d_name[0] == '.' || !bind_read(folder, entry->d_name, "flags", flags, sizeof(flags)))
            continue;
        if ((strtoul(flags, NULL, 16) & 1) != 0) /* IFF_UP */
            down = sysfs_complain(address,
                                  "its network interface %s is up, and would disappear; first: ip link set "
                                  "%s down",
                                  entry->d_name, entry->d_name);
    }
    closedir(stream);
    return down;
}

static bool bind_is_unused(const char *address)
{
    char path[SYSFS_PATH_MAX], folder[SYSFS_PATH_MAX + 300];
    snprintf(path, sizeof(path), SYSFS_DEVICES "/%s/net", address);
    if (!bind_interfaces_are_down(address, path))
        return false;
    snprintf(path, sizeof(path), SYSFS_DEVICES "/%s", address);
    bool unused = true;
    DIR *stream = opendir(path);
    if (stream == NULL)
        return sysfs_complain(address, "%s: %s", path, strerror(errno));
    for (struct dirent *entry; unused && (entry = readdir(stream)) != NULL;) {
        if (strncmp(entry->d_name, "virtio", strlen("virtio")) != 0) /* a VirtIO device's interface is there */
            continue;
        snprintf(folder, sizeof(folder), "%s/%s/net", path, entry->d_name);
        unused = bind_interfaces_are_down(address, folder);
    }
    closedir(stream);
    return unused;
}

static bool bind_has_iommu(struct binding *device)
{
    char folder[SYSFS_PATH_MAX], name[32];
    sysfs_link(device->address, "iommu_group", device->group);
    if (device->group[0] == '\0')
        return sysfs_complain(device->address,
                              "has no iommu_group: the IOMMU is off, and without one only root can use the device.\n"
                              "Right is to switch it on, in the firmware and for the kernel by intel_iommu=on or "
                              "amd_iommu=on.\n"
                              "As it is, as root: echo %s > " SYSFS_DEVICES "/%s/driver/unbind, and give the machine "
                              "huge pages",
                              device->address, device->address);
    snprintf(folder, sizeof(folder), SYSFS_DEVICES "/%s", device->address);
    if (bind_read(folder, "iommu_group", "name", name, sizeof(name)) && strcmp(name, "vfio-noiommu\n") == 0)
        return sysfs_complain(device->address,
                              "is bound to vfio-pci without an IOMMU, which protects nothing; right is to switch the "
                              "IOMMU on, by intel_iommu=on or amd_iommu=on for the kernel");
    return true;
}

static bool bind_check(const struct bindings *all, struct binding *device)
{
    sysfs_link(device->address, "driver", device->driver);
    sysfs_override(device->address, device->override);
    if (!bind_is_known(device->address) || !bind_has_iommu(device))
        return false;
    if (access(SYSFS_VFIO_DRIVER, F_OK) != 0)
        return sysfs_complain(device->address, "the kernel has no driver vfio-pci; right is: modprobe vfio-pci");
    return bind_is_unused(device->address) && bind_group_check(all, device);
}

/* What a device would be undone to is what it was before the first step, so each is bound once. */
static bool bind_is_named_once(const struct bindings *all, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (strcmp(all->device[i].address, all->device[index].address) == 0)
            return sysfs_complain(all->device[index].address, "named twice; right is to name each device once");
    return true;
}

/* All of it, or nothing: what was changed before a step failed is undone. Signals that would end the program in the
 * middle wait until it is through. */
static bool bind_change(struct bindings *all)
{
    sigset_t ending, before;
    bool good = true;
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGHUP);
    sigaddset(&ending, SIGQUIT);
    sigaddset(&ending, SIGPIPE);
    sigprocmask(SIG_BLOCK, &ending, &before);
    for (uint32_t i = 0; i < all->count && good; i++)
        good = bind_driver(&all->device[i]);
    for (uint32_t i = 0; i < all->count && good; i++)
        good = !bind_group_is_first(all, &all->device[i]) || bind_group_give(all, &all->device[i]);
    /* First no user has a group any more: a kernel driver must not get a device whose group is still a user's. */
    for (uint32_t i = all->count; i-- > 0 && !good;)
        bind_group_undo(&all->device[i]);
    for (uint32_t i = all->count; i-- > 0 && !good;)
        bind_driver_undo(&all->device[i]);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return good;
}

int command_bind(const struct options *options)
{
    struct bindings all = {.count = options->operand_count, .whole = options->group};
    bool good = true;
    if (geteuid() != 0)
        good = sysfs_complain("bind", "only root may bind devices; right is: sudo ixy bind ...");
    else if (options->user != NULL && (all.user = getpwnam(options->user)) == NULL)
        good = sysfs_complain("bind", "--user %s: there is no such user", options->user);
    for (uint32_t i = 0; i < all.count && good; i++)
        good = sysfs_address(options->operands[i], all.device[i].address) && bind_is_named_once(&all, i);
    for (uint32_t i = 0; i < all.count && good; i++)
        good = bind_check(&all, &all.device[i]);
    good = good && bind_change(&all);
    if (good && all.user != NULL)
        memlock_print(all.user);
    return good ? 0 : 1;
}
