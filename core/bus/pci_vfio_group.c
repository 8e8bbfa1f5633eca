/* IOMMU groups and their containers. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/bus/pci_vfio.h"
#include "core/device/error.h"
#include "core/device/fork.h"

pthread_mutex_t pci_vfio_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct pci_vfio_group *pci_vfio_groups;

static int32_t pci_vfio_group_viable(const char *name, const struct pci_vfio_group *group)
{
    struct vfio_group_status status = {.argsz = sizeof(status)};
    if (ioctl(group->file, VFIO_GROUP_GET_STATUS, &status) != 0)
        return error_set_errno("%s: status of IOMMU group %s", name, group->number);
    if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) != 0)
        return 0;
    return error_set(IXY_E_STATE,
                     "%s: IOMMU group %s is not viable: another device of it has a kernel driver: bind all that `ls "
                     "/sys/kernel/iommu_groups/%s/devices` lists",
                     name, group->number, group->number);
}

static int32_t pci_vfio_container(const char *name, struct pci_vfio_group *group)
{
    fork_lock();
    group->container = fork_record(open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC));
    fork_unlock();
    if (group->container < 0)
        return error_set_errno("%s: /dev/vfio/vfio", name);
    if (ioctl(group->container, VFIO_GET_API_VERSION) != VFIO_API_VERSION ||
        ioctl(group->container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) != 1)
        return error_set(IXY_E_UNSUPPORTED, "%s: the kernel's VFIO has no type 1 IOMMU: modprobe vfio_iommu_type1",
                         name);
    if (ioctl(group->file, VFIO_GROUP_SET_CONTAINER, &group->container) != 0)
        return error_set_errno("%s: container of IOMMU group %s", name, group->number);
    if (ioctl(group->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) == 0)
        return 0;
    if (errno == EPERM) /* type 1 wants the device's interrupts kept apart, too */
        return error_set(IXY_E_PERMISSION,
                         "%s: the IOMMU does not remap interrupts: switch that on, or as root: echo 1 > "
                         "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts",
                         name);
    return error_set_errno("%s: IOMMU of group %s", name, group->number);
}

static void pci_vfio_group_close(struct pci_vfio_group *group)
{
    fork_close_slow(&group->container);
    fork_close_slow(&group->file); /* the group leaves its container, which unpins what is mapped still */
    free(group);
}

static int32_t pci_vfio_group_open(const char *name, struct pci_vfio_group *group)
{
    char path[PCI_PATH_SIZE];
    snprintf(path, sizeof(path), "/dev/vfio/%s", group->number);
    fork_lock();
    group->file = fork_record(open(path, O_RDWR | O_CLOEXEC));
    fork_unlock();
    if (group->file < 0 && errno == EBUSY)
        return error_set(IXY_E_BUSY, "%s: another process has IOMMU group %s open; `fuser %s` tells which", name,
                         group->number, path);
    if (group->file < 0)
        return error_set_errno("%s: %s", name, path);
    int32_t code = pci_vfio_group_viable(name, group);
    if (code >= 0)
        code = pci_vfio_container(name, group);
    return code >= 0 ? pci_vfio_ranges(name, group) : code;
}

int32_t pci_vfio_group_hold(const char *name, struct pci_vfio_group **group)
{
    char number[PCI_LINK_SIZE];
    pci_read_link(name, "iommu_group", number);
    for (struct pci_vfio_group *known = pci_vfio_groups; known != NULL; known = known->next) {
        if (strcmp(known->number, number) == 0) {
            known->users++;
            *group = known;
            return 0;
        }
    }
    struct pci_vfio_group *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return error_set(IXY_E_NO_MEMORY, "%s: no memory", name);
    made->file = made->container = -1;
    memcpy(made->number, number, sizeof(number));
    int32_t code = pci_vfio_group_open(name, made);
    if (code < 0) {
        pci_vfio_group_close(made);
        return code;
    }
    made->users = 1;
    made->next = pci_vfio_groups;
    pci_vfio_groups = made;
    *group = made;
    return 0;
}

void pci_vfio_group_drop(struct pci_vfio_group *group)
{
    if (--group->users > 0)
        return;
    struct pci_vfio_group **at = &pci_vfio_groups;
    while (*at != group)
        at = &(*at)->next;
    *at = group->next;
    pci_vfio_group_close(group);
}

void pci_vfio_groups_after_fork_in_child(void)
{
    pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
    memcpy(&pci_vfio_mutex, &fresh, sizeof(fresh)); /* a thread that the child has not may have held it */
    /* Not freed: that thread may have been changing the list. */
    pci_vfio_groups = NULL;
}
