/* Threads: one queue refuses a second one, distinct queues run side by side, close waits. Runs under TSan too. */
#include "tests/c/abi_support.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "abi/objects.h"
#include "core/bus/bus.h"

struct worker {
    uint64_t pool, device;
    uint32_t queue;
    uint64_t moved, busy;
    int32_t ended_with;
    const int *stop; /* atomic */
};

/* Forwards what arrives on a queue back to the wire until told to stop or an error that is not BUSY comes. */
static void *worker_run(void *argument)
{
    struct worker *worker = argument;
    ixy_frame frames[32];
    while (!__atomic_load_n(worker->stop, __ATOMIC_RELAXED)) {
        int32_t got = ixy_rx_batch(worker->device, worker->queue, frames, 32);
        if (got == IXY_E_BUSY) {
            worker->busy++;
            sched_yield();
            continue;
        }
        if (got < 0) {
            worker->ended_with = got;
            break;
        }
        int32_t sent = 0;
        do {
            sent = ixy_tx_batch(worker->device, worker->queue, frames, (uint32_t)got);
        } while (sent == IXY_E_BUSY);
        if (sent < 0) {
            worker->ended_with = sent;
            sent = 0;
        }
        if (sent < got)
            ixy_buf_free(worker->pool, frames + sent, (uint32_t)(got - sent));
        worker->moved += (uint64_t)sent;
    }
    return NULL;
}

static uint64_t open_gen(uint64_t pool, uint32_t queues, const char *family, const char *timing)
{
    char address[128];
    snprintf(address, sizeof(address), "%s,wire=gen,flows=64,touch=0,timing=%s", family, timing);
    ixy_device_config config = {.struct_size = sizeof(config), .pool = pool, .rx_queues = queues, .tx_queues = queues};
    uint64_t device;
    assert_int_equal(ixy_device_open(address, &config, &device), 0);
    assert_int_equal(ixy_device_start(device), 0);
    return device;
}

static void run_workers(const char *family, const char *timing, bool same_queue)
{
    uint64_t pool = test_pool(16384), device = open_gen(pool, 2, family, timing);
    int stop = 0;
    struct worker workers[2];
    pthread_t threads[2];
    for (uint32_t i = 0; i < 2; i++) {
        workers[i] = (struct worker){.pool = pool, .device = device, .queue = same_queue ? 0 : i, .stop = &stop};
        assert_int_equal(pthread_create(&threads[i], NULL, worker_run, &workers[i]), 0);
    }
    struct timespec pause = {.tv_nsec = 200000000};
    nanosleep(&pause, NULL);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].ended_with, 0);
    }
    assert_true(workers[0].moved + workers[1].moved > 0);
    if (!same_queue) {
        assert_true(workers[0].moved > 0 && workers[1].moved > 0);
        assert_int_equal(workers[0].busy + workers[1].busy, 0);
    }
    ixy_emu_counters counters = {.struct_size = sizeof(counters)};
    assert_int_equal(ixy_emu_counters_get(device, &counters), 0);
    assert_int_equal(counters.damaged + counters.repeated + counters.foreign + counters.violations, 0);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), 16384);
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void test_distinct_queues_inline(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_FAMILIES; i++)
        run_workers(test_families[i], "inline", false);
}

static void test_distinct_queues_threaded(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_FAMILIES; i++)
        run_workers(test_families[i], "threaded", false);
}

static void test_one_queue(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_FAMILIES; i++)
        run_workers(test_families[i], "inline", true);
}

/* Close in the middle of traffic: the workers end with IXY_E_HANDLE, no buffer is lost. */
static void close_races(const char *timing)
{
    for (uint32_t round = 0; round < 24; round++) {
        uint64_t pool = test_pool(16384), device = open_gen(pool, 2, test_families[round % TEST_FAMILIES], timing);
        int stop = 0;
        struct worker workers[2];
        pthread_t threads[2];
        for (uint32_t i = 0; i < 2; i++) {
            workers[i] = (struct worker){.pool = pool, .device = device, .queue = i, .stop = &stop};
            assert_int_equal(pthread_create(&threads[i], NULL, worker_run, &workers[i]), 0);
        }
        struct timespec pause = {.tv_nsec = 2000000};
        nanosleep(&pause, NULL);
        assert_int_equal(ixy_device_close(device), 0);
        for (uint32_t i = 0; i < 2; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(workers[i].ended_with, IXY_E_HANDLE);
        }
        assert_int_equal(ixy_pool_free_count(pool), 16384);
        assert_int_equal(ixy_pool_close(pool), 0);
    }
}

static void test_close_races_inline(void **state)
{
    (void)state;
    close_races("inline");
}

static void test_close_races_threaded(void **state)
{
    (void)state;
    close_races("threaded");
}

/* A device that fails in the middle of traffic: each worker gets IXY_E_DEVICE and nothing else, a reset starts the
 * device again for all, and no buffer is lost. */
static void fails(const char *family, const char *timing)
{
    uint64_t pool = test_pool(16384), device = open_gen(pool, 2, family, timing);
    for (uint32_t round = 0; round < 4; round++) {
        int stop = 0;
        struct worker workers[2];
        pthread_t threads[2];
        for (uint32_t i = 0; i < 2; i++) {
            workers[i] = (struct worker){.pool = pool, .device = device, .queue = i, .stop = &stop};
            assert_int_equal(pthread_create(&threads[i], NULL, worker_run, &workers[i]), 0);
        }
        struct timespec pause = {.tv_nsec = 2000000};
        nanosleep(&pause, NULL);
        bus_fail(device_slot_find(device)->device->bus, "round %u", round);
        for (uint32_t i = 0; i < 2; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(workers[i].ended_with, IXY_E_DEVICE);
        }
        assert_int_equal(ixy_device_reset(device), 0);
    }
    ixy_emu_counters counters = {.struct_size = sizeof(counters)};
    assert_int_equal(ixy_emu_counters_get(device, &counters), 0);
    assert_int_equal(counters.violations, 0);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), 16384);
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void test_fails_in_traffic(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_FAMILIES; i++) {
        fails(test_families[i], "inline");
        fails(test_families[i], "threaded");
    }
}

static void *allocate_and_free(void *argument)
{
    struct worker *worker = argument;
    while (worker->ended_with == 0) {
        ixy_frame frames[32];
        int32_t got = ixy_buf_alloc(worker->pool, frames, 32);
        if (got == IXY_E_NO_BUFFERS)
            continue;
        int32_t freed = got > 0 ? ixy_buf_free(worker->pool, frames, (uint32_t)got) : got;
        if (freed < 0)
            worker->ended_with = freed;
        worker->moved++;
    }
    return NULL;
}

static void test_pool_from_threads_and_closed_under_them(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 20; round++) {
        uint64_t pool = test_pool(256);
        struct worker workers[2] = {{.pool = pool}, {.pool = pool}};
        pthread_t threads[2];
        for (uint32_t i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, allocate_and_free, &workers[i]), 0);
        struct timespec pause = {.tv_nsec = 2000000};
        nanosleep(&pause, NULL);
        assert_int_equal(ixy_pool_close(pool), 0);
        for (uint32_t i = 0; i < 2; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(workers[i].ended_with, IXY_E_HANDLE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distinct_queues_inline),
        cmocka_unit_test(test_distinct_queues_threaded),
        cmocka_unit_test(test_one_queue),
        cmocka_unit_test(test_close_races_inline),
        cmocka_unit_test(test_close_races_threaded),
        cmocka_unit_test(test_fails_in_traffic),
        cmocka_unit_test(test_pool_from_threads_and_closed_under_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
