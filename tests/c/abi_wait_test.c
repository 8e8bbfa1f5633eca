/* Waiting: fd, arm, wait, on devices that run by themselves. */
#include "tests/c/abi_support.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
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

static uint64_t open_queues(const char *address, uint32_t queues, uint64_t pool)
{
    ixy_device_config config = {.struct_size = sizeof(config), .pool = pool, .rx_queues = queues, .tx_queues = queues};
    uint64_t device = 0;
    int32_t code = ixy_device_open(address, &config, &device);
    if (code < 0)
        fail_msg("%s: %s", address, ixy_last_error());
    return device;
}

/* Each queue has an event of its own, which its own frames signal. */
static void test_queues(void **state)
{
    (void)state;
    static const char *const addresses[] = {"emu:82599,wire=gen,rate=2000,flows=64,touch=0",
                                            "emu:virtio,queues=4,wire=gen,rate=2000,flows=64,touch=0",
                                            "emu:virtio,ring=packed,queues=4,wire=gen,rate=2000,flows=64,touch=0"};
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        uint64_t pool = test_pool(16384), device = open_queues(addresses[i], 4, pool);
        assert_int_equal(ixy_device_start(device), 0);
        for (uint32_t queue = 0; queue < 4; queue++)
            for (uint32_t other = 0; other < queue; other++)
                assert_true(ixy_rx_fd(device, queue) != ixy_rx_fd(device, other));
        for (uint32_t round = 0; round < 40; round++) {
            uint32_t queue = round % 4;
            ixy_frame frames[256];
            int32_t got;
            while ((got = ixy_rx_batch(device, queue, frames, 256)) > 0)
                assert_int_equal(ixy_buf_free(pool, frames, (uint32_t)got), got);
            assert_int_equal(ixy_rx_wait(device, queue, 5000), 1);
        }
        close_all(device, pool, 16384);
    }
}

static void expect(int32_t code, int32_t right, const char *part)
{
    if (code != right || strstr(ixy_last_error(), part) == NULL)
        fail_msg("%s, \"%s\"; right is %s and a text with \"%s\"", ixy_error_name(code), ixy_last_error(),
                 ixy_error_name(right), part);
}

static uint32_t capabilities(uint64_t device)
{
    ixy_info info = {.struct_size = sizeof(info)};
    assert_int_equal(ixy_device_info(device, &info), 0);
    return info.capabilities;
}

static void test_misuse(void **state)
{
    (void)state;
    uint64_t pool = test_pool(8192), device = open_queues("emu:82599", 1, pool);
    assert_true((capabilities(device) & IXY_CAN_RX_WAIT) != 0);
    int32_t fd = ixy_rx_fd(device, 0);
    assert_true(fd >= 0);
    expect(ixy_rx_wait(device, 0, 0), IXY_E_STATE, "not started");
    assert_int_equal(ixy_rx_arm(device, 0), IXY_E_STATE);
    assert_int_equal(ixy_device_start(device), 0);
    expect(ixy_rx_fd(device, 1), IXY_E_RANGE, "1 receive queues");
    expect(ixy_rx_wait(device, 1, 0), IXY_E_RANGE, "1 receive queues");
    assert_int_equal(ixy_rx_arm(device, 1), IXY_E_RANGE);
    expect(ixy_rx_wait(device, 0, -2), IXY_E_ARGUMENT, "right is -1");
    expect(ixy_rx_fd(device + 1, 0), IXY_E_HANDLE, "device handle");
    expect(ixy_rx_wait(pool, 0, 0), IXY_E_HANDLE, "device handle");
    assert_int_equal(ixy_rx_arm(0, 0), IXY_E_HANDLE);
    assert_int_equal(ixy_device_reset(device), 0);
    assert_int_equal(ixy_rx_fd(device, 0), fd);
    close_all(device, pool, 8192);
    expect(ixy_rx_fd(device, 0), IXY_E_HANDLE, "closed");
    expect(ixy_rx_wait(device, 0, -1), IXY_E_HANDLE, "closed");
    assert_int_equal(ixy_rx_arm(device, 0), IXY_E_HANDLE);
}

/* An inline device does nothing while its driver sleeps. */
static void test_inline(void **state)
{
    (void)state;
    uint64_t pool = test_pool(8192), device = test_device(INLINE_LOOP, pool);
    assert_int_equal(capabilities(device) & IXY_CAN_RX_WAIT, 0);
    expect(ixy_rx_fd(device, 0), IXY_E_UNSUPPORTED, "timing=threaded");
    expect(ixy_rx_wait(device, 0, -1), IXY_E_UNSUPPORTED, "timing=threaded");
    assert_int_equal(ixy_rx_arm(device, 0), IXY_E_UNSUPPORTED);
    close_all(device, pool, 8192);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void on_alarm(int number)
{
    (void)number;
}

/* A time-out is not shorter than asked for; a signal ends a wait. */
static void test_time_out_and_signal(void **state)
{
    (void)state;
    uint64_t pool = test_pool(8192), device = test_device("emu:virtio", pool);
    double begin = now();
    assert_int_equal(ixy_rx_wait(device, 0, 30), 0);
    assert_true(now() - begin >= 0.03);
    struct sigaction action = {.sa_handler = on_alarm}, before;
    struct itimerval timer = {.it_value = {.tv_usec = 30000}};
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    begin = now();
    assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
    assert_int_equal(ixy_rx_wait(device, 0, -1), 0);
    assert_true(now() - begin >= 0.02);
    sigaction(SIGALRM, &before, NULL);
    /* The queue is as it was. */
    send_one(device, pool);
    assert_int_equal(ixy_rx_wait(device, 0, 5000), 1);
    drain(device, pool);
    close_all(device, pool, 8192);
}

/* A failure makes the event readable and is told by both; a reset brings all back, on the same descriptor. */
static void test_failure(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAIT_FAMILIES; i++) {
        uint64_t pool = test_pool(8192), device = test_device(wait_families[i], pool);
        int fd = ixy_rx_fd(device, 0);
        struct bus *bus = device_slot_find(device)->device->bus;
        for (uint32_t round = 0; round < 3; round++) {
            int32_t armed;
            while ((armed = ixy_rx_arm(device, 0)) == 1)
                drain(device, pool);
            assert_int_equal(armed, 0);
            bus_fail(bus, "round %u", round);
            assert_true(readable(fd, 0));
            assert_int_equal(ixy_rx_arm(device, 0), IXY_E_DEVICE);
            expect(ixy_rx_wait(device, 0, -1), IXY_E_DEVICE, "ixy_device_link");
            assert_int_equal(ixy_device_reset(device), 0);
            assert_int_equal(ixy_rx_fd(device, 0), fd);
            send_one(device, pool);
            assert_int_equal(ixy_rx_wait(device, 0, 5000), 1);
            drain(device, pool);
        }
        close_all(device, pool, 8192);
    }
}

/* An event that is readable for no reason ends no wait, and harms nothing. */
static void test_event_without_cause(void **state)
{
    (void)state;
    uint64_t pool = test_pool(8192), device = test_device("emu:82599", pool);
    int fd = ixy_rx_fd(device, 0);
    uint64_t many = 1000000;
    assert_int_equal(write(fd, &many, sizeof(many)), sizeof(many));
    double begin = now();
    assert_int_equal(ixy_rx_wait(device, 0, 20), 0);
    assert_true(now() - begin >= 0.02);
    assert_false(readable(fd, 0));
    assert_int_equal(write(fd, &many, sizeof(many)), sizeof(many));
    assert_int_equal(ixy_rx_arm(device, 0), 0);
    assert_false(readable(fd, 0));
    close_all(device, pool, 8192);
}

static void poll_rounds(uint64_t device, uint64_t pool)
{
    for (uint32_t round = 0; round < 20; round++) {
        ixy_frame frame;
        send_one(device, pool);
        while (ixy_rx_batch(device, 0, &frame, 1) == 0)
            ;
        assert_int_equal(ixy_buf_free(pool, &frame, 1), 1);
    }
}

/* Whoever receives on an armed queue switches its interrupt off: a loop that polls is interrupted once at most. */
static void test_polling_disarms(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAIT_FAMILIES; i++) {
        uint64_t pool = test_pool(8192), device = test_device(wait_families[i], pool);
        int fd = ixy_rx_fd(device, 0);
        ixy_frame frame;
        assert_int_equal(ixy_rx_arm(device, 0), 0);
        assert_int_equal(device_slot_find(device)->rx[0].state, GATE_ARMED);
        assert_int_equal(ixy_rx_batch(device, 0, &frame, 1), 0);
        assert_int_equal(device_slot_find(device)->rx[0].state, GATE_FREE);
        uint64_t count = 0;
        poll_rounds(device, pool);
        assert_true(read(fd, &count, sizeof(count)) < 0 || count == 1);
        poll_rounds(device, pool);
        assert_false(readable(fd, 0));
        close_all(device, pool, 8192);
    }
}

static int fork_child(uint64_t device, int fd)
{
    if (ixy_rx_fd(device, 0) != IXY_E_FORK || ixy_rx_arm(device, 0) != IXY_E_FORK)
        return 1;
    if (ixy_rx_wait(device, 0, -1) != IXY_E_FORK || strstr(ixy_last_error(), "parent") == NULL)
        return 2;
    return fcntl(fd, F_GETFD) >= 0 ? 3 : 0; /* the child's copy is closed */
}

static void test_fork(void **state)
{
    (void)state;
    uint64_t pool = test_pool(8192), device = test_device("emu:virtio", pool);
    int fd = ixy_rx_fd(device, 0), status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(fork_child(device, fd));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    send_one(device, pool);
    assert_int_equal(ixy_rx_wait(device, 0, 5000), 1);
    drain(device, pool);
    close_all(device, pool, 8192);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arm_rounds),      cmocka_unit_test(test_wait_rounds),
        cmocka_unit_test(test_queues),          cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_inline),          cmocka_unit_test(test_time_out_and_signal),
        cmocka_unit_test(test_failure),         cmocka_unit_test(test_event_without_cause),
        cmocka_unit_test(test_polling_disarms), cmocka_unit_test(test_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
