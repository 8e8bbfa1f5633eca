#include "core/bus/event.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/device/cancel.h"
#include "core/device/error.h"
#include "core/device/fork.h"

int32_t event_open(int *event, const char *name)
{
    fork_lock();
    *event = fork_record(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    fork_unlock();
    return *event < 0 ? error_set_errno("%.90s: eventfd", name) : 0;
}

void event_close(int *event)
{
    fork_close(event);
}

/* The flag alone does not ensure anything: who else has the eventfd may clear it again. */
static void event_unblock(int event)
{
    int flags = fcntl(event, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) == 0)
        fcntl(event, F_SETFL, flags | O_NONBLOCK);
}

static int32_t event_join_add(int joined, int event)
{
    struct epoll_event wanted = {.events = EPOLLIN};
    return epoll_ctl(joined, EPOLL_CTL_ADD, event, &wanted);
}

int32_t event_join(int *joined, int first, int second, const char *name)
{
    fork_lock();
    *joined = fork_record(epoll_create1(EPOLL_CLOEXEC));
    fork_unlock();
    if (*joined < 0)
        return error_set_errno("%.90s: epoll", name);
    if (event_join_add(*joined, first) == 0 && event_join_add(*joined, second) == 0 &&
        fcntl(*joined, F_SETFL, O_NONBLOCK) == 0)
        return 0;
    int32_t code = error_set_errno("%.90s: epoll", name);
    event_close(joined);
    return code;
}

/* A counter that is not 0 is readable already, and only one that is full could make the write wait. */
void event_signal(int event)
{
    int cancel = cancel_off();
    struct pollfd entry = {.fd = event, .events = POLLIN};
    if (poll(&entry, 1, 0) <= 0) {
        event_unblock(event);
        eventfd_write(event, 1);
    }
    cancel_restore(cancel);
}

void event_empty(int event)
{
    uint64_t count;
    struct iovec part = {.iov_base = &count, .iov_len = sizeof(count)};
    int cancel = cancel_off();
    event_unblock(event);
    if (preadv2(event, &part, 1, -1, RWF_NOWAIT) < 0 && errno == EOPNOTSUPP) /* before Linux 5.8 */
        (void)!read(event, &count, sizeof(count));
    cancel_restore(cancel);
}
