/* The machine's own network stack as a wire, through a tap interface. What the device sends arrives at the interface,
 * and what the stack sends there arrives at the device. The interface is made if it does not exist, and is gone with
 * the device then; bringing it up and giving it an address is the user's (ip link set NAME up). */
#include "emu/wire/wires.h"

#include <string.h>

#include "core/device/cancel.h"
#include "core/device/error.h"
#include "core/device/fork.h"

#if defined(__linux__)

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TAP_DEVICE "/dev/net/tun"
#define TAP_PAD 60 /* the stack hands over frames as a driver gets them; a sender pads them to this */

struct tap {
    struct wire wire;
    int fd;
    uint32_t len; /* of the frame in `frame`, 0: none */
    uint64_t dropped;
    uint8_t frame[WIRE_FRAME_MAX + 1]; /* one more, to tell a frame that is too long */
};

static void tap_transmit(struct wire *wire, const uint8_t *frame, uint32_t len)
{
    struct tap *tap = (struct tap *)wire;
    int cancel = cancel_off();
    if (write(tap->fd, frame, len) != (ssize_t)len)
        tap->dropped++;
    cancel_restore(cancel);
}

static const uint8_t *tap_peek(struct wire *wire, uint32_t *len)
{
    struct tap *tap = (struct tap *)wire;
    if (tap->len == 0) {
        int cancel = cancel_off();
        ssize_t n = read(tap->fd, tap->frame, sizeof tap->frame);
        cancel_restore(cancel);
        if (n <= 0)
            return NULL;
        if (n > WIRE_FRAME_MAX) {
            tap->dropped++;
            return NULL;
        }
        if (n < TAP_PAD) {
            memset(tap->frame + n, 0, (size_t)(TAP_PAD - n));
            n = TAP_PAD;
        }
        tap->len = (uint32_t)n;
    }
    *len = tap->len;
    return tap->frame;
}

static void tap_consume(struct wire *wire)
{
    ((struct tap *)wire)->len = 0;
}

static void tap_counters(const struct wire *wire, struct emu_counters *counters)
{
    counters->wire_dropped += ((const struct tap *)wire)->dropped;
}

static int tap_descriptor(const struct wire *wire)
{
    return ((const struct tap *)wire)->fd;
}

static void tap_close(struct wire *wire)
{
    fork_close_slow(&((struct tap *)wire)->fd);
    free(wire);
}

static const struct wire_ops tap_ops = {
    .transmit = tap_transmit,
    .peek = tap_peek,
    .consume = tap_consume,
    .counters = tap_counters,
    .close = tap_close,
    .descriptor = tap_descriptor,
};

static int32_t tap_refused(const char *name, const char *what)
{
    return error_set(IXY_E_PERMISSION,
                     "tap=%s: %s is not permitted; run as root or with CAP_NET_ADMIN, or have root make it beforehand: "
                     "ip tuntap add %s mode tap user USER",
                     name, what, name);
}

/* Returns a file descriptor or an error with its text. */
static int32_t tap_attach(const char *name, int *fd)
{
    fork_lock();
    *fd = fork_record(open(TAP_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK));
    fork_unlock();
    if (*fd < 0) {
        if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
            return error_set(IXY_E_NOT_FOUND, "tap=%s: there is no " TAP_DEVICE "; load the kernel's module tun", name);
        if (errno == EACCES || errno == EPERM)
            return tap_refused(name, "opening " TAP_DEVICE);
        return error_set_errno("tap=%s: cannot open " TAP_DEVICE, name);
    }
    struct ifreq request = {0};
    memcpy(request.ifr_name, name, strlen(name));
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (ioctl(*fd, TUNSETIFF, &request) == 0)
        return 0;
    int32_t result;
    if (errno == EPERM || errno == EACCES)
        result = tap_refused(name, "making or taking this interface");
    else if (errno == EBUSY)
        result = error_set(IXY_E_BUSY, "tap=%s is in use by another device or program", name);
    else if (errno == EINVAL)
        result =
            error_set(IXY_E_ADDRESS, "tap=%s: an interface of this name is there and is no single-queue tap", name);
    else
        result = error_set_errno("tap=%s: the kernel refused it (TUNSETIFF)", name);
    fork_close_slow(fd);
    return result;
}

int32_t tap_open(const char *name, struct wire **wire)
{
    size_t size = strlen(name);
    if (size == 0 || size >= IFNAMSIZ || strpbrk(name, "/% \t") != NULL || strcmp(name, ".") == 0 ||
        strcmp(name, "..") == 0)
        return error_set(IXY_E_ADDRESS,
                         "tap=%s: an interface name has 1 to %d characters, without '/', '%%' and blanks", name,
                         IFNAMSIZ - 1);
    int fd;
    int32_t result = tap_attach(name, &fd);
    if (result != 0)
        return result;
    struct tap *tap = calloc(1, sizeof *tap);
    if (tap == NULL) {
        fork_close_slow(&fd);
        return error_set(IXY_E_NO_MEMORY, "tap=%s: no memory", name);
    }
    tap->wire.ops = &tap_ops;
    tap->fd = fd;
    *wire = &tap->wire;
    return 0;
}

#else

int32_t tap_open(const char *name, struct wire **wire)
{
    (void)wire;
    return error_set(IXY_E_UNSUPPORTED, "tap=%s: taps are a thing of Linux; pair=NAME and wire=pcap work here", name);
}

#endif
