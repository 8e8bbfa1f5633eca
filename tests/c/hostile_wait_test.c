/* Devices that interrupt when nobody asked for it: before they were started, and for nothing. */
#include "tests/c/hostile_support.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>

static const char *const families[] = {"emu:82599", "emu:virtio", "emu:virtio,events=on", "emu:virtio,ring=packed",
                                       "emu:virtio,ring=packed,events=on"};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void interrupts_before_start(uint64_t device)
{
    struct pollfd entry = {.fd = ixy_rx_fd(device, 0), .events = POLLIN};
    assert_int_equal(poll(&entry, 1, 5000), 1);
    hostile_expect_error(ixy_rx_wait(device, 0, -1), IXY_E_STATE, "not started");
    assert_int_equal(ixy_rx_arm(device, 0), IXY_E_STATE);
}

static void interrupts_for_nothing(uint64_t device)
{
    for (uint32_t round = 0; round < 5; round++) {
        double begin = now();
        assert_int_equal(ixy_rx_wait(device, 0, 20), 0);
        assert_true(now() - begin >= 0.02);
    }
}

/* What comes is found all the same, and nothing else. */
static void interrupts_among_frames(uint64_t device, uint64_t pool)
{
    for (uint32_t round = 0; round < 50; round++) {
        ixy_frame frame = test_frame(pool);
        assert_int_equal(ixy_tx_batch(device, 0, &frame, 1), 1);
        assert_int_equal(ixy_rx_wait(device, 0, 5000), 1);
        assert_int_equal(ixy_rx_batch(device, 0, &frame, 1), 1);
        assert_int_equal(ixy_buf_free(pool, &frame, 1), 1);
        assert_int_equal(ixy_rx_wait(device, 0, 0), 0);
    }
}

static void case_13_interrupt_without_cause(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        char address[128];
        snprintf(address, sizeof(address), "%s,hostile=interrupt,every=1", families[i]);
        uint64_t pool = test_pool(HOSTILE_BUFFERS), device = 0;
        ixy_device_config config = {.struct_size = sizeof(config), .pool = pool};
        assert_int_equal(ixy_device_open(address, &config, &device), 0);
        interrupts_before_start(device);
        for (uint32_t round = 0; round < 2; round++) {
            assert_int_equal(round == 0 ? ixy_device_start(device) : ixy_device_reset(device), 0);
            interrupts_for_nothing(device);
            interrupts_among_frames(device, pool);
        }
        ixy_emu_counters counters = {.struct_size = sizeof(counters)};
        assert_int_equal(ixy_emu_counters_get(device, &counters), 0);
        assert_int_equal(counters.violations, 0);
        assert_int_equal(ixy_device_close(device), 0);
        assert_int_equal(ixy_pool_free_count(pool), HOSTILE_BUFFERS);
        assert_int_equal(ixy_pool_close(pool), 0);
    }
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_13_interrupt_without_cause),
    };
    if (count > 1)
        cmocka_set_test_filter(arguments[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
