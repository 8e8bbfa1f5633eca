/* The thread that sleeps on the socket of a device that runs. It only ever reads the two descriptors that it is given,
 * and tells the packet path through bus_fail. */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/bus/vhost_user_device.h"
#include "core/device/error.h"

#define VHOST_USER_ENDED (POLLRDHUP | POLLHUP | POLLERR)

bool vhost_user_connected(const struct vhost_user_device *vhost)
{
    struct pollfd entry = {.fd = vhost->socket, .events = POLLRDHUP};
    return vhost->socket >= 0 && poll(&entry, 1, 0) >= 0 && (entry.revents & VHOST_USER_ENDED) == 0;
}

static void *vhost_user_watch(void *device)
{
    struct vhost_user_device *vhost = device;
    struct pollfd entries[] = {{.fd = vhost->socket, .events = POLLRDHUP}, {.fd = vhost->watch_stop, .events = POLLIN}};
    for (;;) {
        entries[0].revents = entries[1].revents = 0;
        if (poll(entries, 2, -1) < 0)
            continue;
        if (entries[1].revents != 0)
            return NULL;
        if ((entries[0].revents & VHOST_USER_ENDED) != 0) {
            bus_fail(&vhost->bus, "the back end closed the connection");
            return NULL;
        }
    }
}

int32_t vhost_user_watch_start(struct vhost_user_device *vhost)
{
    vhost->watch_stop = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (vhost->watch_stop < 0)
        return error_set_errno("%.90s: eventfd", vhost->bus.address);
    /* Signals are the program's: none is to be handled on this thread. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&vhost->watcher, NULL, vhost_user_watch, vhost);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed != 0) {
        close(vhost->watch_stop);
        return error_set(IXY_E_NO_MEMORY, "%.90s: no thread to watch the back end: %s", vhost->bus.address,
                         strerror(failed));
    }
    pthread_setname_np(vhost->watcher, "ixy-vhost");
    vhost->watched = true;
    return 0;
}

void vhost_user_watch_stop(struct vhost_user_device *vhost)
{
    if (!vhost->watched)
        return;
    eventfd_write(vhost->watch_stop, 1);
    pthread_join(vhost->watcher, NULL);
    close(vhost->watch_stop);
    vhost->watched = false;
}
