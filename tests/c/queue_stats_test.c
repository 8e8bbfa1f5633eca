/* Statistics of each queue: what a test sends and receives on each one is what is counted there, and all queues
 * together are the device. */
#include "tests/c/abi_support.h"

#include <stdio.h>

#define QUEUES 4
#define FLOWS 64
#define RING 64
#define BATCH 32

static const char *const families[] = {"emu:82599", "emu:x540", "emu:x550", "emu:virtio,queues=4",
                                       "emu:virtio,ring=packed,mrg=on,queues=4"};
#define FAMILIES (sizeof(families) / sizeof(families[0]))

struct counted {
    uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
};

static uint64_t open_device(const char *family, uint64_t pool, uint32_t rx_queues, uint32_t tx_queues)
{
    char address[128];
    uint64_t device;
    snprintf(address, sizeof(address), "%s,timing=inline", family);
    ixy_device_config config = {.struct_size = sizeof(config),
                                .rx_queues = rx_queues,
                                .tx_queues = tx_queues,
                                .rx_ring_size = RING,
                                .tx_ring_size = RING,
                                .pool = pool};
    assert_int_equal(ixy_device_open(address, &config, &device), 0);
    assert_int_equal(ixy_device_start(device), 0);
    return device;
}

/* A UDP frame of one of many flows, which spread over the receive queues. */
static ixy_frame flow_frame(uint64_t pool, uint32_t flow, uint16_t len)
{
    uint8_t bytes[42] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45};
    ixy_frame frame;
    assert_int_equal(ixy_buf_alloc(pool, &frame, 1), 1);
    frame.len = len;
    bytes[17] = (uint8_t)(len - 14);
    bytes[22] = 64;
    bytes[23] = 17;
    bytes[26] = bytes[30] = 10;
    bytes[33] = 1;
    bytes[34] = (uint8_t)(flow * 37);
    bytes[35] = (uint8_t)flow;
    bytes[37] = 9;
    bytes[39] = (uint8_t)(len - 34);
    assert_int_equal(ixy_buf_write(pool, &frame, 0, bytes, sizeof(bytes)), sizeof(bytes));
    return frame;
}

static void receive_all(uint64_t device, uint64_t pool, struct counted *counted)
{
    ixy_frame frames[BATCH];
    for (uint32_t queue = 0; queue < QUEUES; queue++) {
        int32_t came;
        while ((came = ixy_rx_batch(device, queue, frames, BATCH)) > 0) {
            for (int32_t i = 0; i < came; i++)
                counted[queue].rx_bytes += frames[i].len + 4u;
            counted[queue].rx_packets += (uint32_t)came;
            assert_int_equal(ixy_buf_free(pool, frames, (uint32_t)came), came);
        }
        assert_int_equal(came, 0);
    }
}

static void send_one(uint64_t device, uint64_t pool, uint32_t number, struct counted *counted)
{
    uint32_t queue = number % 7 % QUEUES; /* unevenly */
    uint16_t len = (uint16_t)(60 + number % 90);
    ixy_frame frame = flow_frame(pool, number % FLOWS, len);
    assert_int_equal(ixy_tx_batch(device, queue, &frame, 1), 1);
    counted[queue].tx_packets++;
    counted[queue].tx_bytes += len + 4u;
}

static ixy_queue_stats queue_stats(uint64_t device, uint32_t queue)
{
    ixy_queue_stats stats = {.struct_size = sizeof(stats)};
    assert_int_equal(ixy_device_queue_stats(device, queue, &stats), 0);
    return stats;
}

/* Of all queues, and that their sums are the device's. */
static void compare(uint64_t device, const struct counted *counted, uint64_t *missed)
{
    ixy_queue_stats sum = {0};
    ixy_stats all = {.struct_size = sizeof(all)};
    *missed = 0;
    for (uint32_t i = 0; i < QUEUES; i++) {
        ixy_queue_stats stats = queue_stats(device, i);
        assert_int_equal(stats.tx_packets, counted[i].tx_packets);
        assert_int_equal(stats.tx_bytes, counted[i].tx_bytes);
        assert_int_equal(stats.rx_packets - stats.rx_missed, counted[i].rx_packets);
        assert_int_equal(stats.rx_bytes, counted[i].rx_bytes);
        sum.tx_packets += stats.tx_packets;
        sum.tx_bytes += stats.tx_bytes;
        sum.rx_packets += stats.rx_packets;
        sum.rx_bytes += stats.rx_bytes;
        sum.rx_dropped += stats.rx_dropped;
        sum.rx_starved += stats.rx_starved;
        *missed += stats.rx_missed;
    }
    assert_int_equal(ixy_device_stats(device, &all), 0);
    assert_int_equal(sum.tx_packets, all.tx_packets);
    assert_int_equal(sum.tx_bytes, all.tx_bytes);
    assert_int_equal(sum.rx_packets, all.rx_packets);
    assert_int_equal(*missed, all.rx_missed);
    if (*missed == 0)
        assert_int_equal(sum.rx_bytes, all.rx_bytes);
    assert_int_equal(sum.rx_dropped, all.rx_dropped);
    assert_int_equal(sum.rx_starved, all.rx_starved);
}

static void queues_make_up_the_device(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < FAMILIES; i++) {
        struct counted counted[QUEUES] = {{0}};
        uint64_t missed, pool = test_pool(2048), device = open_device(families[i], pool, QUEUES, QUEUES);
        ixy_info info = {.struct_size = sizeof(info)};
        print_message("%s\n", families[i]);
        assert_int_equal(ixy_device_info(device, &info), 0);
        assert_true((info.capabilities & IXY_CAN_QUEUE_STATS) != 0);
        for (uint32_t number = 0; number < 1000; number++) {
            send_one(device, pool, number, counted);
            receive_all(device, pool, counted);
            if (number % 100 == 0)
                compare(device, counted, &missed); /* totals go on over readings */
        }
        compare(device, counted, &missed);
        assert_int_equal(missed, 0);
        uint32_t used = 0;
        for (uint32_t queue = 0; queue < QUEUES; queue++)
            used += counted[queue].rx_packets > 0 && counted[queue].tx_packets > 0;
        assert_true(used >= 2);
        assert_int_equal(ixy_device_reset(device), 0);
        memset(counted, 0, sizeof(counted));
        compare(device, counted, &missed);
        assert_int_equal(ixy_device_close(device), 0);
        assert_int_equal(ixy_pool_close(pool), 0);
    }
}

/* Nobody receives: each queue of an Intel device counts what it had no descriptor for. */
static void each_queue_misses_its_own(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        struct counted counted[QUEUES] = {{0}};
        ixy_frame none[1];
        uint64_t missed, pool = test_pool(2048), device = open_device(families[i], pool, QUEUES, QUEUES);
        for (uint32_t number = 0; number < 1000; number++) {
            send_one(device, pool, number, counted);
            for (uint32_t queue = 0; queue < QUEUES; queue++) /* the device works, nothing is taken */
                assert_int_equal(ixy_rx_batch(device, queue, none, 0), 0);
        }
        receive_all(device, pool, counted);
        compare(device, counted, &missed);
        assert_true(missed > 0);
        for (uint32_t queue = 0; queue < QUEUES; queue++) {
            ixy_queue_stats stats = queue_stats(device, queue);
            assert_true(stats.rx_missed == 0 || counted[queue].rx_packets >= RING - 1);
        }
        assert_int_equal(ixy_device_close(device), 0);
        assert_int_equal(ixy_pool_close(pool), 0);
    }
}

static void queues_that_are_not_there(void **state)
{
    (void)state;
    uint64_t pool = test_pool(2048), device = open_device("emu:82599", pool, 1, 3);
    ixy_queue_stats stats = {.struct_size = sizeof(stats)};
    ixy_frame frame = test_frame(pool), came[BATCH];
    assert_int_equal(ixy_tx_batch(device, 2, &frame, 1), 1);
    assert_int_equal(ixy_rx_batch(device, 0, came, BATCH), 1);
    stats = queue_stats(device, 2);
    assert_int_equal(stats.tx_packets, 1);
    assert_int_equal(stats.rx_packets, 0);
    assert_int_equal(ixy_device_queue_stats(device, 3, &stats), IXY_E_RANGE);
    assert_non_null(strstr(ixy_last_error(), "1 receive and 3 transmit queues"));
    assert_int_equal(ixy_device_queue_stats(device, 0, NULL), IXY_E_ARGUMENT);
    stats.struct_size = 4;
    assert_int_equal(ixy_device_queue_stats(device, 0, &stats), IXY_E_STRUCT);
    assert_int_equal(ixy_device_close(device), 0);
    stats.struct_size = sizeof(stats);
    assert_int_equal(ixy_device_queue_stats(device, 0, &stats), IXY_E_HANDLE);
    /* A device that can only be queried has moved nothing. */
    for (uint32_t i = 0; i < FAMILIES; i++) {
        ixy_device_config config = {.struct_size = sizeof(config)};
        assert_int_equal(ixy_device_open(families[i], &config, &device), 0);
        assert_int_equal(queue_stats(device, 0).tx_packets, 0);
        assert_int_equal(ixy_device_close(device), 0);
    }
    assert_int_equal(ixy_pool_close(pool), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queues_make_up_the_device),
        cmocka_unit_test(each_queue_misses_its_own),
        cmocka_unit_test(queues_that_are_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
