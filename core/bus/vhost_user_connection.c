/* The connection to the back end: a Unix socket that the back end listens at. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/bus/vhost_user_device.h"
#include "core/device/error.h"
#include "core/device/fork.h"

#define VHOST_USER_RETRY_MS 20
#define VHOST_USER_SO_PASSRIGHTS 83 /* SO_PASSRIGHTS of Linux 6.16 (asm-generic/socket.h), which older headers lack */

uint64_t vhost_user_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct vhost_user_deadline vhost_user_within(uint32_t milliseconds, const char *what)
{
    return (struct vhost_user_deadline){vhost_user_milliseconds() + milliseconds, milliseconds, what};
}

/* A file that comes with an answer is let go of by whoever receives or closes the connection, and letting go of a TCP
 * socket whose owner chose to linger waits for as long as its owner likes. So nobody may send any, where the kernel can
 * be told so (Linux 6.16); docs/hostile.md has the limit of an older one. */
static void vhost_user_take_no_files(int descriptor)
{
    int off = 0;
    (void)setsockopt(descriptor, SOL_SOCKET, VHOST_USER_SO_PASSRIGHTS, &off, sizeof(off));
}

static int vhost_user_try_connect(const struct vhost_user_device *vhost)
{
    fork_lock();
    int descriptor = fork_record(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    fork_unlock();
    if (descriptor < 0)
        return -1;
    vhost_user_take_no_files(descriptor);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, vhost->path, sizeof(address.sun_path));
    if (connect(descriptor, (struct sockaddr *)&address, sizeof(address)) == 0)
        return descriptor;
    int why = errno;
    fork_close_slow(&descriptor);
    errno = why;
    return -1;
}

int32_t vhost_user_connect(struct vhost_user_device *vhost)
{
    uint64_t end = vhost_user_milliseconds() + VHOST_USER_CONNECT_MS;
    for (;;) {
        vhost->socket = vhost_user_try_connect(vhost);
        if (vhost->socket >= 0) {
            vhost->gone = false;
            return 0;
        }
        /* Not there, nobody listens, or too many wait to be accepted: a back end that is being started. */
        bool later = errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN || errno == EINTR;
        if (!later)
            return error_set_errno("%.90s: connecting to %s", vhost->bus.address, vhost->path);
        if (vhost_user_milliseconds() >= end) {
            bool stale = errno == ECONNREFUSED; /* the socket's file is there, but who bound it is gone */
            int32_t code = error_set_errno("no vhost-user back end listens at %s (waited %d s)", vhost->path,
                                           VHOST_USER_CONNECT_MS / 1000);
            return stale ? IXY_E_NOT_FOUND : code;
        }
        poll(NULL, 0, VHOST_USER_RETRY_MS);
    }
}

void vhost_user_disconnect(struct vhost_user_device *vhost)
{
    vhost->deadline.at = 0;
    if (vhost->socket < 0)
        return;
    /* A forked child of ours that did not exec may have a copy: the back end shall see the end all the same. */
    shutdown(vhost->socket, SHUT_RDWR);
    if (!vhost->watched) /* else when the watcher has ended: until then the number may mean no other file */
        fork_close_slow(&vhost->socket); /* files that came with answers may linger */
    vhost->socket = -1;
}

int32_t vhost_user_no_session(const struct vhost_user_device *vhost)
{
    return error_set(IXY_E_DEVICE, "%.90s: the connection to the back end has ended; reset the device",
                     vhost->bus.address);
}
