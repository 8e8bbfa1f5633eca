/* Devices through the ABI: bad input, states, statistics; the packets themselves are in the shared vectors. */
#include "tests/c/abi_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void test_open_arguments(void **state)
{
    (void)state;
    uint64_t device = 0, pool = test_pool(4096);
    assert_int_equal(ixy_device_open(NULL, NULL, &device), IXY_E_ARGUMENT);
    assert_int_equal(ixy_device_open(INLINE_LOOP, NULL, NULL), IXY_E_ARGUMENT);
    ixy_device_config config = {.struct_size = 4};
    assert_int_equal(ixy_device_open(INLINE_LOOP, &config, &device), IXY_E_STRUCT);
    config = (ixy_device_config){.struct_size = sizeof(config), .reserved = 7};
    assert_int_equal(ixy_device_open(INLINE_LOOP, &config, &device), IXY_E_STRUCT);
    config = (ixy_device_config){.struct_size = sizeof(config), .pool = pool + 1};
    assert_int_equal(ixy_device_open(INLINE_LOOP, &config, &device), IXY_E_HANDLE);
    config = (ixy_device_config){.struct_size = sizeof(config), .rx_queues = UINT32_MAX};
    assert_int_equal(ixy_device_open(INLINE_LOOP, &config, &device), IXY_E_RANGE);
    assert_non_null(strstr(ixy_last_error(), "1 to 16"));
    assert_int_equal(ixy_device_open("emu:82599,colour=blue", NULL, &device), IXY_E_ADDRESS);
    assert_non_null(strstr(ixy_last_error(), "colour"));
    assert_non_null(strstr(ixy_last_error(), "timing"));
    char longest[600];
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(ixy_device_open(longest, NULL, &device), IXY_E_ADDRESS);
    assert_int_equal(device, 0);
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void test_result_structs(void **state)
{
    (void)state;
    uint64_t pool = test_pool(4096), device = test_device(INLINE_LOOP, pool);
    assert_int_equal(ixy_device_info(device, NULL), IXY_E_ARGUMENT);
    assert_int_equal(ixy_device_link(device, NULL), IXY_E_ARGUMENT);
    assert_int_equal(ixy_device_stats(device, NULL), IXY_E_ARGUMENT);
    assert_int_equal(ixy_device_mac(device, NULL), IXY_E_ARGUMENT);
    assert_int_equal(ixy_device_mac_set(device, NULL), IXY_E_ARGUMENT);
    assert_int_equal(ixy_device_promiscuous_set(device, 2), IXY_E_ARGUMENT);
    assert_int_equal(ixy_emu_counters_get(device, NULL), IXY_E_ARGUMENT);
    assert_int_equal(ixy_emu_meter_get(device, NULL), IXY_E_ARGUMENT);
    assert_int_equal(ixy_emu_violation(device, 0, NULL, 10), IXY_E_ARGUMENT);
    assert_int_equal(ixy_emu_violation(device, 0, NULL, 0), 0);
    ixy_stats stats = {.struct_size = sizeof(stats) - 8};
    assert_int_equal(ixy_device_stats(device, &stats), IXY_E_STRUCT);
    /* A newer program on this library: what we do not know reads 0. */
    struct {
        ixy_stats stats;
        uint64_t unknown;
    } longer = {.stats = {.struct_size = sizeof(longer)}, .unknown = 5};
    assert_int_equal(ixy_device_stats(device, &longer.stats), 0);
    assert_int_equal(longer.unknown, 0);
    assert_int_equal(longer.stats.struct_size, sizeof(longer));
    ixy_info info = {.struct_size = sizeof(info)};
    assert_int_equal(ixy_device_info(device, &info), 0);
    assert_string_equal(info.driver, "ixgbe");
    assert_int_equal(info.device_id, 0x10FB);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_device_close(device), IXY_E_HANDLE);
    assert_int_equal(ixy_device_info(device, &info), IXY_E_HANDLE);
    assert_int_equal(ixy_emu_violation(device, 0, NULL, 0), IXY_E_HANDLE);
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void test_batch_arguments(void **state)
{
    (void)state;
    static const uint32_t counts[] = {IXY_BATCH_MAX + 1, INT32_MAX, UINT32_MAX};
    uint64_t pool = test_pool(4096), device = test_device(INLINE_LOOP, pool);
    ixy_frame frame = test_frame(pool), received;
    assert_int_equal(ixy_rx_batch(device, 0, NULL, 0), 0);
    assert_int_equal(ixy_tx_batch(device, 0, NULL, 0), 0);
    assert_int_equal(ixy_rx_batch(device, 0, NULL, 1), IXY_E_ARGUMENT);
    assert_int_equal(ixy_tx_batch(device, 0, NULL, 1), IXY_E_ARGUMENT);
    for (uint32_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        assert_int_equal(ixy_rx_batch(device, 0, &received, counts[i]), IXY_E_RANGE);
        assert_int_equal(ixy_tx_batch(device, 0, &frame, counts[i]), IXY_E_RANGE);
    }
    assert_int_equal(ixy_rx_batch(device, 1, &received, 1), IXY_E_RANGE);
    assert_int_equal(ixy_tx_batch(device, UINT32_MAX, &frame, 1), IXY_E_RANGE);
    assert_int_equal(ixy_rx_batch(pool, 0, &received, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_rx_batch(0, 0, &received, 1), IXY_E_HANDLE);
    frame.flags = 1;
    assert_int_equal(ixy_tx_batch(device, 0, &frame, 1), IXY_E_FRAME);
    frame.flags = 0;
    assert_int_equal(ixy_tx_batch(device, 0, &frame, 1), 1);
    assert_int_equal(ixy_rx_batch(device, 0, &received, 1), 1);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_buf_free(pool, &received, 1), 1);
    assert_int_equal(ixy_pool_free_count(pool), 4096);
    assert_int_equal(ixy_pool_close(pool), 0);
}

/* A ring that nobody drains: the device counts what it had no descriptor for, the driver loses nothing. */
static void test_overload_is_counted(void **state)
{
    (void)state;
    uint64_t pool = test_pool(4096), device = test_device(INLINE_LOOP, pool);
    ixy_frame frames[512];
    uint64_t sent = 0, received = 0;
    for (uint32_t round = 0; round < 4; round++) {
        int32_t count = ixy_buf_alloc(pool, frames, 300);
        assert_int_equal(count, 300);
        for (int32_t i = 0; i < count; i++)
            frames[i].len = 60;
        int32_t taken = ixy_tx_batch(device, 0, frames, 300);
        assert_true(taken > 0);
        sent += (uint64_t)taken;
        if (taken < 300)
            assert_int_equal(ixy_buf_free(pool, frames + taken, 300 - (uint32_t)taken), 300 - taken);
    }
    int32_t got;
    while ((got = ixy_rx_batch(device, 0, frames, 512)) > 0) {
        received += (uint64_t)got;
        assert_int_equal(ixy_buf_free(pool, frames, (uint32_t)got), got);
    }
    ixy_stats stats = {.struct_size = sizeof(stats)};
    ixy_emu_counters counters = {.struct_size = sizeof(counters)};
    assert_int_equal(ixy_device_stats(device, &stats), 0);
    assert_int_equal(ixy_emu_counters_get(device, &counters), 0);
    assert_int_equal(stats.tx_packets, sent);
    assert_int_equal(received + stats.rx_missed + counters.wire_dropped, sent);
    assert_int_equal(counters.violations, 0);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), 4096);
    assert_int_equal(ixy_pool_close(pool), 0);
}

/* A caller that keeps every packet starves the queue, which goes on when buffers come back. */
static void test_starved_queue_recovers(void **state)
{
    (void)state;
    ixy_pool_config pool_config = {.struct_size = sizeof(pool_config), .buffer_count = 512};
    uint64_t pool, device;
    assert_int_equal(ixy_pool_open(&pool_config, &pool), 0);
    ixy_device_config config = {.struct_size = sizeof(config), .pool = pool, .rx_ring_size = 64, .tx_ring_size = 64};
    assert_int_equal(ixy_device_open("emu:82599,timing=inline,wire=gen", &config, &device), 0);
    assert_int_equal(ixy_device_start(device), 0);
    static ixy_frame kept[512];
    uint32_t count = 0;
    for (uint32_t round = 0; round < 100; round++) {
        int32_t got = ixy_rx_batch(device, 0, kept + count, 512 - count < 32 ? 512 - count : 32);
        assert_true(got >= 0);
        count += (uint32_t)got;
    }
    assert_true(count >= 400);
    assert_int_equal(ixy_rx_batch(device, 0, kept + count, 1), 0);
    ixy_stats stats = {.struct_size = sizeof(stats)};
    assert_int_equal(ixy_device_stats(device, &stats), 0);
    assert_true(stats.rx_starved > 0);
    assert_int_equal(ixy_buf_free(pool, kept, count), (int32_t)count);
    uint32_t more = 0;
    for (uint32_t round = 0; round < 10; round++) {
        int32_t got = ixy_rx_batch(device, 0, kept, 32);
        assert_int_equal(ixy_buf_free(pool, kept, (uint32_t)got), got);
        more += (uint32_t)got;
    }
    assert_true(more >= 200);
    assert_int_equal(ixy_emu_violation(device, 0, NULL, 0), 0);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), 512);
    assert_int_equal(ixy_pool_close(pool), 0);
}

/* RSS: flows spread over the queues, and every frame arrives once, wherever. */
static void test_rss_spreads_flows(void **state)
{
    (void)state;
    uint64_t pool = test_pool(IXY_BUFFERS_MAX / 8), device;
    ixy_device_config config = {.struct_size = sizeof(config), .pool = pool, .rx_queues = 8, .tx_queues = 8};
    assert_int_equal(ixy_device_open("emu:82599,timing=inline,wire=gen,limit=4096,flows=256,touch=0", &config, &device),
                     0);
    assert_int_equal(ixy_device_start(device), 0);
    uint32_t per_queue[8] = {0}, total = 0;
    for (uint32_t round = 0; round < 4096 && total < 4096; round++) {
        uint32_t queue = round % 8;
        ixy_frame frames[64];
        int32_t got = ixy_rx_batch(device, queue, frames, 64);
        assert_true(got >= 0);
        assert_int_equal(ixy_tx_batch(device, queue, frames, (uint32_t)got), got);
        per_queue[queue] += (uint32_t)got;
        total += (uint32_t)got;
    }
    assert_int_equal(total, 4096);
    for (uint32_t queue = 0; queue < 8; queue++)
        assert_in_range(per_queue[queue], 4096 / 8 / 4, 4096 / 8 * 4);
    ixy_emu_counters counters = {.struct_size = sizeof(counters)};
    assert_int_equal(ixy_emu_counters_get(device, &counters), 0);
    assert_int_equal(counters.verified, 4096);
    assert_int_equal(counters.damaged + counters.repeated + counters.foreign + counters.violations, 0);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
}

/* What was handed to a device is sent before it closes, though its thread may be asleep at that moment. */
static void test_close_sends_what_was_posted(void **state)
{
    (void)state;
    char path[] = "/tmp/ixy-close-XXXXXX", address[128];
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    snprintf(address, sizeof(address), "emu:82599,wire=pcap,out=%s", path);
    uint64_t pool = test_pool(4096), device = test_device(address, pool);
    ixy_link link = {.struct_size = sizeof(link)};
    for (int tries = 0; tries < 1000 && link.up == 0; tries++)
        assert_int_equal(ixy_device_link(device, &link), 0);
    usleep(50000); /* the thread naps by now */
    ixy_frame frames[200];
    assert_int_equal(ixy_buf_alloc(pool, frames, 200), 200);
    for (uint32_t i = 0; i < 200; i++)
        frames[i].len = 60;
    assert_int_equal(ixy_tx_batch(device, 0, frames, 200), 200);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), 4096);
    assert_int_equal(ixy_pool_close(pool), 0);
    assert_int_equal(lseek(descriptor, 0, SEEK_END), 24 + 200 * (16 + 60)); /* file header, then records */
    close(descriptor);
    unlink(path);
}

static void test_device_limit(void **state)
{
    (void)state;
    uint64_t devices[IXY_DEVICES_MAX], one_more;
    for (uint32_t i = 0; i < IXY_DEVICES_MAX; i++)
        assert_int_equal(ixy_device_open(INLINE_LOOP, NULL, &devices[i]), 0);
    assert_int_equal(ixy_device_open(INLINE_LOOP, NULL, &one_more), IXY_E_LIMIT);
    for (uint32_t i = 0; i < IXY_DEVICES_MAX; i++)
        assert_int_equal(ixy_device_close(devices[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_arguments),
        cmocka_unit_test(test_result_structs),
        cmocka_unit_test(test_batch_arguments),
        cmocka_unit_test(test_overload_is_counted),
        cmocka_unit_test(test_starved_queue_recovers),
        cmocka_unit_test(test_rss_spreads_flows),
        cmocka_unit_test(test_close_sends_what_was_posted),
        cmocka_unit_test(test_device_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
