/* Waiting beside other threads: no wake-up is lost; close, reset, failure and receiving by another thread meanwhile.
 * Runs under TSan too. */
#include "tests/c/abi_support.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <time.h>

#include "abi/objects.h"
#include "core/bus/bus.h"

#define FRAMES 1500
#define UNDER_WAY                                                                                                      \
    256 /* fewer than the ring holds: a device drops frames for which a receiver that is late has no room */
#define LOST_MS 20000 /* a wait that takes so long while frames are under way has lost its wake-up */

static const char *const wait_families[] = {"emu:82599", "emu:virtio", "emu:virtio,events=on", "emu:virtio,ring=packed",
                                            "emu:virtio,ring=packed,events=on"};
#define WAIT_FAMILIES (sizeof(wait_families) / sizeof(wait_families[0]))

struct side {
    uint64_t pool, device;
    bool events; /* arms and polls by itself */
    int32_t ended_with;
    uint32_t waits;    /* atomic */
    uint32_t received; /* atomic; of send_frames' */
};

static void pause_for(long nanoseconds)
{
    struct timespec time = {.tv_nsec = nanoseconds};
    nanosleep(&time, NULL);
}

/* Frames one by one, at once or after pauses of many lengths: into every moment of a receiver that is about to sleep.
 */
static void *send_frames(void *argument)
{
    struct side *side = argument;
    uint32_t random = 1;
    for (uint32_t sent = 0; sent < FRAMES;) {
        ixy_frame frame;
        if (sent - __atomic_load_n(&side->received, __ATOMIC_RELAXED) >= UNDER_WAY ||
            ixy_buf_alloc(side->pool, &frame, 1) != 1) {
            sched_yield();
            continue;
        }
        frame.len = 60;
        if (ixy_tx_batch(side->device, 0, &frame, 1) == 1)
            sent++;
        else
            ixy_buf_free(side->pool, &frame, 1);
        random = random * 1664525 + 1013904223;
        uint32_t kind = random >> 28;
        if (kind >= 8)
            pause_for((long)(random >> 12 & 0xFFFF) * (kind == 15 ? 40 : 2));
        else if (kind >= 4)
            for (uint32_t spin = random >> 20 & 0xFF; spin > 0; spin--)
                __asm__ volatile("" : : : "memory");
    }
    return NULL;
}

static int32_t wait_by_events(struct side *side)
{
    int32_t armed = ixy_rx_arm(side->device, 0);
    if (armed != 0)
        return armed;
    struct pollfd entry = {.fd = ixy_rx_fd(side->device, 0), .events = POLLIN};
    return poll(&entry, 1, LOST_MS);
}

static void nothing_lost(const char *address, bool events)
{
    struct side side = {.pool = test_pool(4096), .events = events};
    side.device = test_device(address, side.pool);
    pthread_t sender;
    assert_int_equal(pthread_create(&sender, NULL, send_frames, &side), 0);
    for (uint32_t received = 0; received < FRAMES;) {
        ixy_frame frames[32];
        int32_t got = ixy_rx_batch(side.device, 0, frames, 32);
        assert_true(got >= 0);
        if (got > 0) {
            assert_int_equal(ixy_buf_free(side.pool, frames, (uint32_t)got), got);
            received += (uint32_t)got;
            __atomic_store_n(&side.received, received, __ATOMIC_RELAXED);
            continue;
        }
        int32_t code = events ? wait_by_events(&side) : ixy_rx_wait(side.device, 0, LOST_MS);
        if (code != 1)
            fail_msg("%s: after %u frames: wait gave %d", address, received, code);
    }
    pthread_join(sender, NULL);
    ixy_emu_counters counters = {.struct_size = sizeof(counters)};
    assert_int_equal(ixy_emu_counters_get(side.device, &counters), 0);
    assert_int_equal(counters.violations, 0);
    assert_int_equal(ixy_device_close(side.device), 0);
    assert_int_equal(ixy_pool_free_count(side.pool), 4096);
    assert_int_equal(ixy_pool_close(side.pool), 0);
}

static void test_nothing_lost(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAIT_FAMILIES; i++) {
        nothing_lost(wait_families[i], false);
        nothing_lost(wait_families[i], true);
    }
}

/* Waits without end, again and again, until something but a packet or its absence comes. */
static void *wait_for_ever(void *argument)
{
    struct side *side = argument;
    int32_t code;
    do {
        __atomic_fetch_add(&side->waits, 1, __ATOMIC_RELEASE);
        code = ixy_rx_wait(side->device, 0, -1);
        ixy_frame frame;
        while (code == 1 && ixy_rx_batch(side->device, 0, &frame, 1) == 1)
            ixy_buf_free(side->pool, &frame, 1);
    } while (code >= 0);
    side->ended_with = code;
    return NULL;
}

static void begin(struct side *side, const char *address, pthread_t *thread, uint32_t round)
{
    *side = (struct side){.pool = test_pool(4096)};
    side->device = test_device(address, side->pool);
    assert_int_equal(pthread_create(thread, NULL, wait_for_ever, side), 0);
    while (__atomic_load_n(&side->waits, __ATOMIC_ACQUIRE) == 0)
        sched_yield();
    if (round % 2 == 0) /* about to sleep, else asleep */
        pause_for((long)round * 20000);
    else
        pause_for(3000000);
}

/* The descriptor is the sleeper's until it is out: a close that did not wait would let another file have its number. */
static void test_close_wakes(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 40; round++) {
        struct side side;
        pthread_t thread;
        begin(&side, wait_families[round % WAIT_FAMILIES], &thread, round);
        assert_int_equal(ixy_device_close(side.device), 0);
        pthread_join(thread, NULL);
        assert_int_equal(side.ended_with, IXY_E_HANDLE);
        assert_int_equal(ixy_pool_free_count(side.pool), 4096);
        assert_int_equal(ixy_pool_close(side.pool), 0);
    }
}

static void test_failure_wakes(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 20; round++) {
        struct side side;
        pthread_t thread;
        begin(&side, wait_families[round % WAIT_FAMILIES], &thread, round);
        bus_fail(device_slot_find(side.device)->device->bus, "round %u", round);
        pthread_join(thread, NULL);
        assert_int_equal(side.ended_with, IXY_E_DEVICE);
        assert_int_equal(ixy_device_close(side.device), 0);
        assert_int_equal(ixy_pool_free_count(side.pool), 4096);
        assert_int_equal(ixy_pool_close(side.pool), 0);
    }
}

static void send_one(const struct side *side)
{
    ixy_frame frame = test_frame(side->pool);
    int32_t sent;
    do {
        sent = ixy_tx_batch(side->device, 0, &frame, 1);
    } while (sent == IXY_E_BUSY);
    assert_int_equal(sent, 1);
}

static void expect_more_waits(struct side *side, uint32_t before)
{
    for (uint32_t i = 0; __atomic_load_n(&side->waits, __ATOMIC_ACQUIRE) == before; i++) {
        assert_true(i < LOST_MS);
        pause_for(1000000);
    }
}

/* A sleeper over whose head the device is reset is woken by the next packet all the same. */
static void test_reset_while_waiting(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAIT_FAMILIES; i++) {
        struct side side;
        pthread_t thread;
        begin(&side, wait_families[i], &thread, 1);
        for (uint32_t round = 0; round < 10; round++) {
            assert_int_equal(ixy_device_reset(side.device), 0);
            if (round % 2 == 0)
                pause_for(2000000);
            uint32_t waits = __atomic_load_n(&side.waits, __ATOMIC_ACQUIRE);
            send_one(&side);
            expect_more_waits(&side, waits);
        }
        assert_int_equal(ixy_device_close(side.device), 0);
        pthread_join(thread, NULL);
        assert_int_equal(side.ended_with, IXY_E_HANDLE);
        assert_int_equal(ixy_pool_close(side.pool), 0);
    }
}

/* Another thread that looks at the queue meanwhile switches the interrupt off; the sleeper must get it on again. That
 * thread may not wait or arm: the queue's event belongs to the sleeper. */
static void test_second_thread(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAIT_FAMILIES; i++) {
        struct side side;
        pthread_t thread;
        begin(&side, wait_families[i], &thread, 1);
        for (uint32_t round = 0; round < 20; round++) {
            ixy_frame frame;
            uint32_t waits = __atomic_load_n(&side.waits, __ATOMIC_ACQUIRE);
            assert_int_equal(ixy_rx_wait(side.device, 0, 0), IXY_E_BUSY);
            assert_int_equal(ixy_rx_arm(side.device, 0), IXY_E_BUSY);
            int32_t got = ixy_rx_batch(side.device, 0, &frame, 1);
            assert_true(got == 0 || got == IXY_E_BUSY);
            if (round % 2 == 0)
                pause_for(1000000);
            send_one(&side);
            expect_more_waits(&side, waits);
        }
        assert_int_equal(ixy_device_close(side.device), 0);
        pthread_join(thread, NULL);
        assert_int_equal(ixy_pool_close(side.pool), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_lost),  cmocka_unit_test(test_close_wakes),
        cmocka_unit_test(test_failure_wakes), cmocka_unit_test(test_reset_while_waiting),
        cmocka_unit_test(test_second_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
