/* The thread that sleeps on the socket of a device that runs, and tells the packet path through bus_fail.
 *
 * It wakes twice a second to look after notifications, too. Whether a write to a kick's eventfd waits is said by a flag
 * of the open file, which the back end has as well: it can clear the flag and fill the counter, and a queue's thread
 * would sleep in its write for ever. Reading the counter empty lets it go. */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>

#include "core/bus/event.h"
#include "core/bus/vhost_user_device.h"
#include "core/device/error.h"
#include "core/device/fork.h"

#define VHOST_USER_ENDED (POLLRDHUP | POLLHUP | POLLERR)
#define VHOST_USER_WATCH_MS 500
#define VHOST_USER_RESCUE_MS 1 /* the back end may fill the counter again before the thread that waits has written */

bool vhost_user_connected(const struct vhost_user_device *vhost)
{
    struct pollfd entry = {.fd = vhost->socket, .events = POLLRDHUP};
    return vhost->socket >= 0 && poll(&entry, 1, 0) >= 0 && (entry.revents & VHOST_USER_ENDED) == 0;
}

/* Whether a ring's notification goes on since `seen` because the counter is full; a thread that was not run for that
 * long is no fault of the back end's. */
static bool vhost_user_stuck(const struct vhost_user_ring *ring, uint32_t seen)
{
    if ((seen & 1) == 0 || __atomic_load_n(&ring->kicks, __ATOMIC_ACQUIRE) != seen)
        return false;
    struct pollfd entry = {.fd = ring->kick, .events = POLLOUT};
    return poll(&entry, 1, 0) == 0;
}

/* Frees the notifications that go on since seen[] was taken. Returns whether there are any. */
static bool vhost_user_rescue(struct vhost_user_device *vhost, const uint32_t seen[VHOST_USER_RINGS_MAX])
{
    bool any = false;
    for (uint32_t i = 0; i < VHOST_USER_RINGS_MAX; i++) {
        if (!vhost_user_stuck(&vhost->ring[i], seen[i]))
            continue;
        bus_fail(&vhost->bus, "the back end blocks notifications: a write to the eventfd of ring %u did not end", i);
        event_empty(vhost->ring[i].kick);
        any = true;
    }
    return any;
}

static void vhost_user_look(const struct vhost_user_device *vhost, uint32_t seen[VHOST_USER_RINGS_MAX])
{
    for (uint32_t i = 0; i < VHOST_USER_RINGS_MAX; i++)
        seen[i] = __atomic_load_n(&vhost->ring[i].kicks, __ATOMIC_ACQUIRE);
}

static void *vhost_user_watch(void *device)
{
    struct vhost_user_device *vhost = device;
    struct pollfd entries[] = {{.fd = vhost->watch_socket, .events = POLLRDHUP},
                               {.fd = vhost->watch_stop, .events = POLLIN}};
    uint32_t seen[VHOST_USER_RINGS_MAX];
    bool rescuing = false;
    for (;;) {
        if (!rescuing)
            vhost_user_look(vhost, seen);
        entries[0].revents = entries[1].revents = 0;
        int ready = poll(entries, 2, rescuing ? VHOST_USER_RESCUE_MS : VHOST_USER_WATCH_MS);
        if (ready < 0)
            continue;
        if (entries[1].revents != 0)
            return NULL;
        if ((entries[0].revents & VHOST_USER_ENDED) != 0) {
            bus_fail(&vhost->bus, "the back end closed the connection");
            entries[0].fd = -1;
            vhost_user_look(vhost, seen); /* nobody will read the counters, so none that goes on needs half a second */
        }
        rescuing = vhost_user_rescue(vhost, seen);
    }
}

int32_t vhost_user_watch_start(struct vhost_user_device *vhost)
{
    if (vhost->watched)
        return error_set(IXY_E_STATE, "%.90s: its watcher runs already", vhost->bus.address);
    int32_t code = event_open(&vhost->watch_stop, vhost->bus.address);
    if (code < 0)
        return code;
    vhost->watch_socket = vhost->socket;
    /* Signals are the program's: none is to be handled on this thread. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&vhost->watcher, NULL, vhost_user_watch, vhost);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed != 0) {
        event_close(&vhost->watch_stop);
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
    event_close(&vhost->watch_stop);
    if (vhost->socket < 0)
        fork_close_slow(&vhost->watch_socket);
    vhost->watched = false;
}
