#include "abi/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/device/error.h"

#define DESCRIPTOR_MIN 3 /* not in the place of a closed standard stream, and 0 says that there is none */

/* Whether both numbers are one open file. Where the kernel has no kcmp, or a sandbox forbids it, files of the same kind
 * cannot be told apart: all events, timers and epolls share an inode. */
static bool descriptor_is_same(int handed, int event)
{
    pid_t self = getpid();
    long order = syscall(SYS_kcmp, self, self, KCMP_FILE, handed, event);
    if (order >= 0 || errno == EBADF)
        return order == 0;
    struct stat there, ours;
    return fstat(handed, &there) == 0 && fstat(event, &ours) == 0 && there.st_dev == ours.st_dev &&
           there.st_ino == ours.st_ino;
}

int32_t descriptor_hand_out(struct device_slot *slot, uint32_t queue)
{
    const struct bus *bus = slot->device->bus;
    int *handed = &slot->rx[queue].handed;
    if (*handed == 0 || !descriptor_is_same(*handed, bus->events[queue].fd)) {
        int made = fcntl(bus->events[queue].fd, F_DUPFD_CLOEXEC, DESCRIPTOR_MIN);
        if (made < 0)
            return error_set_errno("%.90s: descriptor of receive queue %u: fcntl(F_DUPFD_CLOEXEC)", bus->address,
                                   queue);
        *handed = made;
    }
    return *handed;
}

void descriptors_close(struct device_slot *slot)
{
    const struct bus *bus = slot->device->bus;
    for (uint32_t i = 0; i < bus->event_count; i++) {
        if (slot->rx[i].handed != 0 && descriptor_is_same(slot->rx[i].handed, bus->events[i].fd))
            close(slot->rx[i].handed);
        slot->rx[i].handed = 0;
    }
}
