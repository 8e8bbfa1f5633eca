/* The guest tests' forwarder in C:  forward-c [--wait] FRAMES ADDRESS [ADDRESS]
 *
 * Frames that come from one device go out of the other one, or of the same one where there is one address, with one
 * added to byte 48. It ends after FRAMES frames. Between them it polls, or with --wait sleeps until an interrupt. A
 * device that fails is what some tests are about: its error is printed, all is closed, and the exit code is 3. */
#include <inttypes.h>
#include <ixy.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOUCHED_BYTE = 48, BATCH = 32, SLEEP_MS = 1000, EXIT_DEVICE = 3 };

static uint64_t pool;
static ixy_view view = {.struct_size = sizeof view};
static uint64_t devices[2];
static uint32_t ports;

static int fail(int32_t code, const char *text)
{
    printf("%s: %s\n", ixy_error_name(code), text);
    return code == IXY_E_DEVICE ? EXIT_DEVICE : 1;
}

/* The text of a failed control call. */
static int fail_control(int32_t code)
{
    return fail(code, ixy_last_error());
}

/* A packet call has no text of its own; of a device that failed, link tells why. */
static int fail_packets(int32_t code)
{
    ixy_link link = {.struct_size = sizeof link};
    for (uint32_t i = 0; code == IXY_E_DEVICE && i < ports; i++)
        if (ixy_device_link(devices[i], &link) == code)
            return fail_control(code);
    return fail(code, ixy_strerror(code));
}

static int32_t open_all(char **addresses)
{
    int32_t code = ixy_pool_open(NULL, &pool);
    if (code >= 0)
        code = ixy_pool_view(pool, &view);
    ixy_device_config config = {.struct_size = sizeof config, .pool = pool};
    for (; code >= 0 && addresses[ports] != NULL; ports++)
        if ((code = ixy_device_open(addresses[ports], &config, &devices[ports])) < 0)
            return code;
    for (uint32_t i = 0; code >= 0 && i < ports; i++)
        code = ixy_device_start(devices[i]);
    return code;
}

static int32_t close_all(void)
{
    int32_t code = 0;
    while (ports > 0 && code >= 0)
        code = ixy_device_close(devices[--ports]);
    if (code >= 0 && view.view != 0)
        code = ixy_pool_view_release(view.view);
    return code < 0 || pool == 0 ? code : ixy_pool_close(pool);
}

static int32_t forward(uint64_t from, uint64_t to)
{
    ixy_frame frames[BATCH];
    int32_t count = ixy_rx_batch(from, 0, frames, BATCH);
    for (int32_t i = 0; i < count; i++)
        view.base[frames[i].offset + TOUCHED_BYTE]++;
    int32_t sent = 0;
    while (sent < count) {
        int32_t more = ixy_tx_batch(to, 0, frames + sent, (uint32_t)(count - sent));
        if (more < 0)
            return more;
        sent += more;
    }
    return count;
}

/* Sleeps until there may be something to receive. One device is waited for by the library, two by poll. */
static int32_t sleep_until_frames(void)
{
    if (ports == 1)
        return ixy_rx_wait(devices[0], 0, SLEEP_MS);
    struct pollfd events[2];
    for (uint32_t i = 0; i < ports; i++) {
        int32_t ready = ixy_rx_arm(devices[i], 0);
        if (ready != 0)
            return ready;
        events[i] = (struct pollfd){.fd = ixy_rx_fd(devices[i], 0), .events = POLLIN};
    }
    poll(events, ports, SLEEP_MS);
    return 0;
}

static int run(uint64_t frames, bool wait, uint64_t *seen)
{
    while (*seen < frames) {
        int32_t moved = 0;
        for (uint32_t i = 0; i < ports; i++) {
            int32_t count = forward(devices[i], devices[ports - 1 - i]);
            if (count < 0)
                return fail_packets(count);
            moved += count;
        }
        *seen += (uint32_t)moved;
        if (wait && moved == 0) {
            int32_t code = sleep_until_frames();
            if (code < 0)
                return fail_packets(code);
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    bool wait = argc > 1 && strcmp(argv[1], "--wait") == 0;
    argv += wait;
    argc -= wait;
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "forward-c [--wait] FRAMES ADDRESS [ADDRESS]\n");
        return 2;
    }
    uint64_t seen = 0;
    int32_t code = open_all(argv + 2);
    int status = 0;
    if (code < 0) {
        status = fail_control(code);
    } else {
        printf("forwarding\n");
        status = run(strtoull(argv[1], NULL, 10), wait, &seen);
    }
    code = close_all();
    if (code < 0)
        return fail_control(code);
    printf("%" PRIu64 " frames\nclosed cleanly\n", seen);
    return status;
}
