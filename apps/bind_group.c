/* A device's IOMMU group: its devices, whose it is, and giving it away. What is asked is asked of the kernel each time:
 * nothing is written down. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apps/bind.h"

#define GROUP_BRIDGE 0x0604 /* class of PCI bridges, which vfio-pci does not take: nobody gets them */

/* Another device of the group, one at a time. */
struct group_walk {
    DIR *folder;
    char address[SYSFS_ADDRESS_MAX];
    char driver[SYSFS_NAME_MAX];
};

static bool group_walk_open(struct group_walk *walk, const struct binding *device)
{
    char path[SYSFS_PATH_MAX];
    snprintf(path, sizeof(path), SYSFS_DEVICES "/%s/iommu_group/devices", device->address);
    walk->folder = opendir(path);
    return walk->folder != NULL || sysfs_complain(device->address, "%s: %s", path, strerror(errno));
}

/* The next one that is no bridge; false after the last, and the walk is over. */
static bool group_walk_next(struct group_walk *walk)
{
    char class[32];
    for (struct dirent *entry; (entry = readdir(walk->folder)) != NULL;) {
        if (entry->d_name[0] == '.' || strlen(entry->d_name) >= sizeof(walk->address))
            continue;
        memcpy(walk->address, entry->d_name, strlen(entry->d_name) + 1);
        sysfs_read_own(walk->address, "class", class);
        if (strtoul(class, NULL, 16) >> 8 == GROUP_BRIDGE)
            continue;
        sysfs_link(walk->address, "driver", walk->driver);
        return true;
    }
    closedir(walk->folder);
    return false;
}

static bool group_is_named(const struct bindings *all, const char *address)
{
    for (uint32_t i = 0; i < all->count; i++)
        if (strcmp(all->device[i].address, address) == 0)
            return true;
    return false;
}

/* Drivers beside which VFIO lets a group be used: they leave their devices alone (Linux, vfio_dev_viable). */
static bool group_is_quiet(const char *driver)
{
    return driver[0] == '\0' || strcmp(driver, "vfio-pci") == 0 || strcmp(driver, "pci-stub") == 0;
}

static void group_print_command(const struct bindings *all, const char *more)
{
    fputs("    ixy bind", stderr);
    for (uint32_t i = 0; i < all->count; i++)
        fprintf(stderr, " %s", all->device[i].address);
    fprintf(stderr, "%s%s%s --group\n", more, all->user != NULL ? " --user " : "",
            all->user != NULL ? all->user->pw_name : "");
}

/* Complains of devices that kernel drivers have. count: receives how many devices the group has. */
static bool group_is_quiet_all(const struct bindings *all, const struct binding *device, uint32_t *count)
{
    struct group_walk walk;
    char more[512] = "";
    size_t length = 0;
    *count = 0;
    if (!group_walk_open(&walk, device))
        return false;
    while (group_walk_next(&walk)) {
        ++*count;
        if (!group_is_quiet(walk.driver) && !group_is_named(all, walk.address) && length < sizeof(more))
            length += (size_t)snprintf(more + length, sizeof(more) - length, " %s", walk.address);
    }
    if (length == 0)
        return true;
    sysfs_complain(device->address,
                   "the IOMMU cannot tell it from other devices of group %s, which kernel drivers have:%s; right is to "
                   "bind them too:",
                   device->group, more);
    group_print_command(all, more);
    return false;
}

static const char *group_user_name(uid_t user, char text[32])
{
    const struct passwd *entry = getpwuid(user);
    snprintf(text, 32, "%u", (unsigned)user);
    return entry != NULL ? entry->pw_name : text;
}

/* Whose a file in /dev/vfio is: root's too if there is none. */
static uid_t group_owner(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_uid : 0;
}

/* Whether a file is root's, or already that of the user who shall get the group; complains if not. */
static bool group_file_is_free(const struct bindings *all, const char *address, const char *path)
{
    char text[32];
    uid_t owner = group_owner(path), wanted = all->user != NULL ? all->user->pw_uid : owner;
    if (owner == 0 || owner == wanted)
        return true;
    /* The name is copied: getpwuid and getpwnam may share a place. */
    char name[64];
    snprintf(name, sizeof(name), "%s", group_user_name(owner, text));
    return sysfs_complain(address,
                          "%s belongs to %s, whose programs may be using it; right is, when they are done: "
                          "ixy unbind %s",
                          path, name, address);
}

/* Whether nobody else has the group, or one of its devices by a file of its own (/dev/vfio/devices). */
static bool group_is_free(const struct bindings *all, const struct binding *device)
{
    struct group_walk walk;
    char path[SYSFS_PATH_MAX + 256];
    bool good;
    snprintf(path, sizeof(path), "/dev/vfio/%s", device->group);
    good = group_file_is_free(all, device->address, path);
    if (!good || !group_walk_open(&walk, device))
        return false;
    while (group_walk_next(&walk)) {
        snprintf(path, sizeof(path), SYSFS_DEVICES "/%s/vfio-dev", walk.address);
        DIR *folder = opendir(path);
        for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
            snprintf(path, sizeof(path), "/dev/vfio/devices/%s", entry->d_name);
            if (entry->d_name[0] != '.')
                good = good && group_file_is_free(all, walk.address, path);
        }
        if (folder != NULL)
            closedir(folder);
    }
    return good;
}

/* Complains of a group of several devices: who gets it gets them all, which has to be meant. */
static bool group_ask(const struct bindings *all, const struct binding *device, const char *name, uint32_t count)
{
    struct group_walk walk;
    sysfs_complain(device->address, "IOMMU group %s has %u devices, and %s gets them all:", device->group, count, name);
    if (!group_walk_open(&walk, device))
        return false;
    while (group_walk_next(&walk))
        fprintf(stderr, "    %s, driver %s\n", walk.address, walk.driver[0] != '\0' ? walk.driver : "none");
    fputs("right is, if that is meant:\n", stderr);
    group_print_command(all, "");
    return false;
}

bool bind_group_check(const struct bindings *all, const struct binding *device)
{
    char path[SYSFS_PATH_MAX], text[32], name[64] = "";
    uint32_t count;
    if (!group_is_quiet_all(all, device, &count) || !group_is_free(all, device))
        return false;
    snprintf(path, sizeof(path), "/dev/vfio/%s", device->group);
    uid_t owner = all->user != NULL ? all->user->pw_uid : group_owner(path);
    snprintf(name, sizeof(name), "%s", group_user_name(owner, text));
    return count == 1 || owner == 0 || all->whole || group_ask(all, device, name, count);
}

bool bind_group_is_first(const struct bindings *all, const struct binding *device)
{
    for (uint32_t i = 0; i < all->count; i++)
        if (strcmp(all->device[i].group, device->group) == 0)
            return &all->device[i] == device;
    return false;
}

bool bind_group_give(const struct bindings *all, struct binding *device)
{
    struct group_walk walk;
    char path[SYSFS_PATH_MAX];
    snprintf(path, sizeof(path), "/dev/vfio/%s", device->group);
    if (all->user == NULL) {
        printf("%s: %s stays as it is; --user NAME gives it to somebody\n", device->address, path);
        return true;
    }
    if (!group_file_is_free(all, device->address, path)) /* it may have changed hands meanwhile */
        return false;
    device->owner = group_owner(path);
    device->given = true;
    if (chown(path, all->user->pw_uid, (gid_t)-1) != 0)
        return sysfs_complain(device->address, "giving %s to %s: %s", path, all->user->pw_name, strerror(errno));
    printf("%s: %s belongs to %s\n", device->address, path, all->user->pw_name);
    if (!group_walk_open(&walk, device))
        return false;
    while (group_walk_next(&walk))
        if (!group_is_named(all, walk.address))
            printf("%s: goes to %s too: it is in the same group, driver %s\n", walk.address, all->user->pw_name,
                   walk.driver[0] != '\0' ? walk.driver : "none");
    return true;
}

void bind_group_undo(struct binding *device)
{
    char path[SYSFS_PATH_MAX];
    if (!device->given)
        return;
    snprintf(path, sizeof(path), "/dev/vfio/%s", device->group);
    if (chown(path, device->owner, (gid_t)-1) != 0)
        device->stuck = !sysfs_complain(device->address, "giving %s back: %s", path, strerror(errno));
}
