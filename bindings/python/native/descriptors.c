/* File descriptors of receive queues, for those who sleep until a packet comes.
 *
 * The library's own descriptor is told to nobody. A program that closes it by accident would have the library write to,
 * read from and close whatever file gets the number next. What is given out is a duplicate: it becomes readable with
 * the library's, also when the device is closed, and the library does not need it.
 *
 * Event loops want the same number of a file object each time, so fileno() makes one duplicate a queue and keeps it
 * until the object is collected. Before it is told again or closed, it is asked whether the number is still that file:
 * epoll knows a file by its number and by what the number stood for when it was added. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "objects.h"

static int32_t system_failed(const char *what, uint32_t queue, char text[IXY_TEXT_MAX])
{
    snprintf(text, IXY_TEXT_MAX, "%s for receive queue %u: %s", what, (unsigned)queue, strerror(errno));
    return IXY_E_IO;
}

/* A duplicate of a queue's event, or a code, and then text says why. Runs without the GIL. */
static int32_t event_duplicate(uint64_t device, uint32_t queue, char text[IXY_TEXT_MAX])
{
    int32_t number = ixy_rx_fd(device, queue);
    int32_t descriptor = number;
    if (number >= 0) {
        descriptor = fcntl(number, F_DUPFD_CLOEXEC, 0);
        int failed = errno;
        /* Another thread may have closed the device before the duplicate was made, and the number be another file's.
         * It was not if the device is open still: then the number was the event's all the time. */
        number = ixy_rx_fd(device, queue);
        if (number >= 0 && descriptor < 0) {
            errno = failed;
            return system_failed("duplicating the file descriptor", queue, text);
        }
    }
    if (number >= 0)
        return descriptor;
    snprintf(text, IXY_TEXT_MAX, "%s", ixy_last_error());
    if (descriptor >= 0)
        close(descriptor);
    return number;
}

int device_duplicate(struct device *self, uint32_t queue)
{
    char text[IXY_TEXT_MAX];
    int32_t descriptor;
    Py_BEGIN_ALLOW_THREADS descriptor = event_duplicate(self->handle, queue, text);
    Py_END_ALLOW_THREADS if (descriptor >= 0) return descriptor;
    raise_text(descriptor, text);
    return -1;
}

/* epoll_ctl on what fileno() gave out: it is never waited for, so no event is asked for. */
static int descriptor_known(const struct device *self, int operation, int descriptor)
{
    struct epoll_event none = {.events = 0};
    return descriptor >= 0 && (epoll_ctl(self->known, operation, descriptor, &none) == 0 ||
                               (operation == EPOLL_CTL_ADD && errno == EEXIST)); /* given out before, and closed */
}

/* Keeps a descriptor that is to be given out. Returns 0, or -1 with an exception set, and then it is closed. */
static int descriptor_keep(struct device *self, uint32_t queue, int descriptor)
{
    if (self->known < 0)
        self->known = epoll_create1(EPOLL_CLOEXEC);
    if (self->known >= 0 && descriptor_known(self, EPOLL_CTL_ADD, descriptor)) {
        self->descriptors[queue] = descriptor;
        return 0;
    }
    char text[IXY_TEXT_MAX];
    raise_text(system_failed("epoll", queue, text), text);
    close(descriptor);
    return -1;
}

PyObject *device_fileno(PyObject *object, PyObject *argument)
{
    struct device *self = (struct device *)object;
    uint64_t queue;
    if (argument_number(argument, "queue", 0, IXY_QUEUES_MAX - 1, &queue) < 0)
        return NULL;
    int descriptor = device_duplicate(self, (uint32_t)queue); /* also: the queue is there, and the device open */
    if (descriptor < 0)
        return NULL;
    int given = self->descriptors[queue];
    if (descriptor != given) { /* the number would come again if the program had closed it */
        if (descriptor_known(self, EPOLL_CTL_MOD, given))
            close(descriptor);
        else if (descriptor_keep(self, (uint32_t)queue, descriptor) < 0)
            return NULL;
    }
    return PyLong_FromLong(self->descriptors[queue]);
}

void device_close_descriptors(struct device *self)
{
    for (uint32_t queue = 0; queue < IXY_QUEUES_MAX; queue++) {
        if (descriptor_known(self, EPOLL_CTL_MOD, self->descriptors[queue]))
            close(self->descriptors[queue]);
        self->descriptors[queue] = -1;
    }
    if (self->known >= 0)
        close(self->known);
    self->known = -1;
}
