/* A VirtIO device whose configuration cannot be, or that never gets where it should: an error with a text, and no
 * buffer lost. (What an 82599 says at probe is in hostile_ixgbe_test.c.) */
#include "tests/c/hostile_support.h"

#include <stdio.h>

static const char *const rings[] = {"emu:virtio", "emu:virtio,ring=packed"};

/* Opens and starts a device that lies from the beginning. Returns the first error. */
static int32_t lying(struct hostile_test *test, const char *prefix, const char *lie, uint32_t every, uint32_t seed,
                     uint32_t pairs)
{
    char address[192];
    snprintf(address, sizeof(address), "%s,timing=inline,hostile=%s,every=%u,seed=%u", prefix, lie, every, seed);
    ixy_device_config config = {.struct_size = sizeof(config),
                                .pool = test->pool,
                                .rx_queues = pairs,
                                .tx_queues = pairs,
                                .rx_ring_size = 64,
                                .tx_ring_size = 64};
    test->device = 0;
    int32_t code = ixy_device_open(address, &config, &test->device);
    if (code < 0) {
        assert_int_equal(test->device, 0);
        return code;
    }
    return ixy_device_start(test->device);
}

/* The text of the failed call must be asked for before. */
static void gone_without_a_trace(struct hostile_test *test)
{
    if (test->device != 0) {
        assert_int_equal(ixy_emu_violation(test->device, 0, NULL, 0), 0);
        assert_int_equal(ixy_device_close(test->device), 0);
    }
    test->device = 0;
    assert_int_equal(ixy_pool_free_count(test->pool), HOSTILE_BUFFERS);
}

static void every_ring_refused(const char *options, const char *lie, uint32_t pairs, int32_t code, const char *part)
{
    for (uint32_t ring = 0; ring < 2; ring++) {
        struct hostile_test test;
        char prefix[96];
        snprintf(prefix, sizeof(prefix), "%s%s", rings[ring], options);
        hostile_test_pool(&test);
        for (uint32_t seed = 0; seed < 30; seed++) {
            hostile_expect_error(lying(&test, prefix, lie, 1, seed, pairs), code, part);
            gone_without_a_trace(&test);
        }
        hostile_test_close(&test);
    }
}

/* Zero, no power of two where it must be one, more than the specification has, too few for anything: each is named. */
static void case_21_queue_size(void **state)
{
    (void)state;
    static const char *const sizes[2][8] = {
        {"size 0:", "size 1;", "size 2;", "size 32769;", "size 65536;", "size 4294967295;", "size 100;", "size 255;"},
        {"size 0:", "size 1;", "size 2;", "size 32769;", "size 65536;", "size 4294967295;"}};
    for (uint32_t ring = 0; ring < 2; ring++) {
        struct hostile_test test;
        bool seen[8] = {false};
        hostile_test_pool(&test);
        for (uint32_t seed = 0; seed < 100; seed++) {
            uint32_t size = 0;
            hostile_expect_error(lying(&test, rings[ring], "config-queue", 1, seed, 1), IXY_E_DEVICE, "virtqueue 0");
            while (size < 8 && (sizes[ring][size] == NULL || strstr(ixy_last_error(), sizes[ring][size]) == NULL))
                size++;
            if (size == 8)
                fail_msg("\"%s\" names no size", ixy_last_error());
            seen[size] = true;
            gone_without_a_trace(&test);
        }
        for (uint32_t size = 0; size < 8; size++)
            if (sizes[ring][size] != NULL && !seen[size])
                fail_msg("%s never came", sizes[ring][size]);
        hostile_test_close(&test);
    }
}

/* A size that is right for split rings only is no error for the other, and one that is smaller than asked is taken. */
static void case_21_queue_pairs(void **state)
{
    (void)state;
    every_ring_refused(",queues=2", "config-pairs", 2, IXY_E_DEVICE, "max_virtqueue_pairs");
}

static void case_31_station_address(void **state)
{
    (void)state;
    every_ring_refused("", "config-mac", 1, IXY_E_DEVICE, "no station address");
}

static void case_31_mtu(void **state)
{
    (void)state;
    every_ring_refused(",mtu=1400", "config-mtu", 1, IXY_E_DEVICE, "mtu is");
}

static void case_29_features_refused(void **state)
{
    (void)state;
    every_ring_refused("", "features", 1, IXY_E_UNSUPPORTED, "FEATURES_OK");
}

/* A reset that does not end, a command that is not answered. */
static void case_29_never_ready(void **state)
{
    (void)state;
    for (uint32_t ring = 0; ring < 2; ring++) {
        struct hostile_test test;
        bool status = false, control = false;
        hostile_test_pool(&test);
        for (uint32_t seed = 0; seed < 60; seed++) {
            int32_t code = lying(&test, rings[ring], "not-ready", 2, seed, 1);
            if (code != 0) {
                assert_int_equal(code, IXY_E_TIMEOUT);
                bool command = strstr(ixy_last_error(), "control queue") != NULL;
                if (!command && strstr(ixy_last_error(), "device status") == NULL)
                    fail_msg("\"%s\" says not what did not come", ixy_last_error());
                status = status || !command;
                control = control || command;
            }
            gone_without_a_trace(&test);
        }
        assert_true(status && control);
        hostile_test_close(&test);
    }
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_21_queue_size),       cmocka_unit_test(case_21_queue_pairs),
        cmocka_unit_test(case_31_station_address),  cmocka_unit_test(case_31_mtu),
        cmocka_unit_test(case_29_features_refused), cmocka_unit_test(case_29_never_ready),
    };
    if (count > 1)
        cmocka_set_test_filter(arguments[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
