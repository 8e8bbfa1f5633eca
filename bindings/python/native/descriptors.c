/* A file descriptor of a receive queue, for the one who sleeps until a packet comes.
 *
 * It is a duplicate: the number that ixy_rx_fd tells may be another file's once another thread has closed the device,
 * while a duplicate stays the queue's event, and is readable then. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
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
