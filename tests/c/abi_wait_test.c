/* Waiting: fd, arm, wait, on devices that run by themselves. */
#include "tests/c/abi_support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "abi/objects.h"
#include "core/bus/bus.h"

/* Every kind of ring and of telling the device. */
static const char *const wait_families[] = {"emu:82599",
                                            "emu:x540",
                                            "emu:virtio",
                                            "emu:virtio,events=on",
                                            "emu:virtio,ring=packed",
                                            "emu:virtio,ring=packed,events=on",
                                            "emu:virtio,notify=on",
                                            "emu:virtio,legacy=on,layout=header"};
#define WAIT_FAMILIES (sizeof(wait_families) / sizeof(wait_families[0]))

static bool readable(int fd, int milliseconds)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    return poll(&entry, 1, milliseconds) == 1;
}

static void drain(uint64_t device, uint64_t pool)
{
    ixy_frame frames[64];
    int32_t got;
    while ((got = ixy_rx_batch(device, 0, frames, 64)) > 0)
        assert_int_equal(ixy_buf_free(pool, frames, (uint32_t)got), got);
    assert_int_equal(got, 0);
}

/* The library's way of saying that it sent: a loop wire brings a frame back. */
static void send_one(uint64_t device, uint64_t pool)
{
    ixy_frame frame = test_frame(pool);
    assert_int_equal(ixy_tx_batch(device, 0, &frame, 1), 1);
}

static void close_all(uint64_t device, uint64_t pool, uint32_t buffers)
{
    ixy_emu_counters counters = {.struct_size = sizeof(counters)};
    assert_int_equal(ixy_emu_counters_get(device, &counters), 0);
    if (counters.violations != 0) {
        char text[IXY_TEXT_MAX];
        ixy_emu_violation(device, 0, text, sizeof(text));
        fail_msg("%s", text);
    }
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), buffers);
    assert_int_equal(ixy_pool_close(pool), 0);
}

/* Arm, poll, receive: the loop of the header, one frame a round. A driver that loses an interrupt hangs in poll. */
static void arm_rounds(const char *address)
{
    uint64_t pool = test_pool(8192), device = test_device(address, pool);
    int fd = ixy_rx_fd(device, 0);
    assert_true(fd >= 0);
    assert_int_equal(ixy_rx_fd(device, 0), fd);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    for (uint32_t round = 0; round < 100; round++) {
        int32_t armed = ixy_rx_arm(device, 0);
        assert_int_equal(armed, 0); /* nothing was sent */
        send_one(device, pool);
        if (!readable(fd, 5000))
            fail_msg("%s: round %u: no interrupt", address, round);
        ixy_frame frame;
        int32_t got;
        /* An interrupt may come for what was taken before. */
        while ((got = ixy_rx_batch(device, 0, &frame, 1)) == 0) {
            armed = ixy_rx_arm(device, 0);
            assert_true(armed >= 0);
            if (armed == 0)
                assert_true(readable(fd, 5000));
        }
        assert_int_equal(got, 1);
        assert_int_equal(ixy_buf_free(pool, &frame, 1), 1);
    }
    close_all(device, pool, 8192);
}

static void test_arm_rounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAIT_FAMILIES; i++)
        arm_rounds(wait_families[i]);
}

static void wait_rounds(const char *address)
{
    uint64_t pool = test_pool(8192), device = test_device(address, pool);
    for (uint32_t round = 0; round < 300; round++) {
        send_one(device, pool);
        assert_int_equal(ixy_rx_wait(device, 0, 5000), 1);
        assert_int_equal(ixy_rx_wait(device, 0, 0), 1);
        drain(device, pool);
        assert_int_equal(ixy_rx_wait(device, 0, 0), 0);
    }
    assert_int_equal(ixy_rx_wait(device, 0, 20), 0);
    close_all(device, pool, 8192);
}

static void test_wait_rounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAIT_FAMILIES; i++)
        wait_rounds(wait_families[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arm_rounds),
        cmocka_unit_test(test_wait_rounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
