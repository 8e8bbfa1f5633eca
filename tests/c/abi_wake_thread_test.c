/* ixy_rx_wake: ends a wait, now or the next one; beside close, reset and packets. Runs under TSan too. */
#include "tests/c/abi_support.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#define LOST_MS 20000 /* a wait that takes so long has lost its wake */
#define PROMPT 5.0    /* seconds; a wait without end that was woken is over long before, on a busy machine too */

static const char *const wake_families[] = {"emu:82599", "emu:virtio", "emu:virtio,events=on", "emu:virtio,ring=packed",
                                            "emu:virtio,ring=packed,events=on"};
#define WAKE_FAMILIES (sizeof(wake_families) / sizeof(wake_families[0]))

struct side {
    uint64_t pool, device;
    uint32_t cancelled; /* atomic: what a program's own wish to stop would be */
    uint32_t rounds;    /* atomic */
    int32_t ended_with;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void pause_for(long nanoseconds)
{
    struct timespec time = {.tv_nsec = nanoseconds};
    nanosleep(&time, NULL);
}

static struct side side_open(const char *address)
{
    struct side side = {.pool = test_pool(4096)};
    side.device = test_device(address, side.pool);
    return side;
}

static void side_close(const struct side *side)
{
    assert_int_equal(ixy_device_close(side->device), 0);
    assert_int_equal(ixy_pool_free_count(side->pool), 4096);
    assert_int_equal(ixy_pool_close(side->pool), 0);
}

static void send_one(const struct side *side)
{
    ixy_frame frame = test_frame(side->pool);
    assert_int_equal(ixy_tx_batch(side->device, 0, &frame, 1), 1);
}

static void drain(const struct side *side)
{
    ixy_frame frames[64];
    int32_t got;
    while ((got = ixy_rx_batch(side->device, 0, frames, 64)) > 0)
        assert_int_equal(ixy_buf_free(side->pool, frames, (uint32_t)got), got);
    assert_int_equal(got, 0);
}

/* A wake before a wait ends that one and no other; several are one; a look neither sees nor uses it up. */
static void test_remembered(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAKE_FAMILIES; i++) {
        struct side side = side_open(wake_families[i]);
        assert_int_equal(ixy_rx_wake(side.device, 0), 0);
        assert_int_equal(ixy_rx_wake(side.device, 0), 0);
        assert_int_equal(ixy_rx_wait(side.device, 0, 0), 0);
        double begin = now();
        assert_int_equal(ixy_rx_wait(side.device, 0, -1), 0);
        assert_true(now() - begin < PROMPT);
        begin = now();
        assert_int_equal(ixy_rx_wait(side.device, 0, 30), 0);
        assert_true(now() - begin >= 0.03);
        /* What is there to receive is told first, and the wake stays. */
        send_one(&side);
        assert_int_equal(ixy_rx_wait(side.device, 0, LOST_MS), 1);
        assert_int_equal(ixy_rx_wake(side.device, 0), 0);
        assert_int_equal(ixy_rx_wait(side.device, 0, -1), 1);
        drain(&side);
        assert_int_equal(ixy_rx_wait(side.device, 0, -1), 0);
        /* A reset keeps it, a device that is opened in the same place begins without. */
        assert_int_equal(ixy_rx_wake(side.device, 0), 0);
        assert_int_equal(ixy_device_reset(side.device), 0);
        assert_int_equal(ixy_rx_wait(side.device, 0, -1), 0);
        assert_int_equal(ixy_rx_wake(side.device, 0), 0);
        side_close(&side);
        side = side_open(wake_families[i]);
        begin = now();
        assert_int_equal(ixy_rx_wait(side.device, 0, 30), 0);
        assert_true(now() - begin >= 0.03);
        side_close(&side);
    }
}

static uint64_t open_stopped(const char *address, uint32_t queues, uint64_t pool)
{
    ixy_device_config config = {.struct_size = sizeof(config), .pool = pool, .rx_queues = queues, .tx_queues = queues};
    uint64_t device = 0;
    assert_int_equal(ixy_device_open(address, &config, &device), 0);
    return device;
}

/* Which devices and queues can be woken; the event of one queue is not another's. */
static void test_where(void **state)
{
    (void)state;
    uint64_t pool = test_pool(8192), device = open_stopped(INLINE_LOOP, 1, pool);
    assert_int_equal(ixy_rx_wake(device, 0), IXY_E_UNSUPPORTED);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_rx_wake(device, 0), IXY_E_HANDLE);
    device = open_stopped("emu:82599", 2, pool);
    assert_int_equal(ixy_rx_wake(device, 1), 0); /* before it was started */
    assert_int_equal(ixy_rx_wake(device, 2), IXY_E_RANGE);
    assert_int_equal(ixy_device_start(device), 0);
    assert_int_equal(ixy_rx_wait(device, 0, 10), 0);
    assert_int_equal(ixy_rx_wait(device, 1, -1), 0);
    struct pollfd entry = {.fd = ixy_rx_fd(device, 0), .events = POLLIN};
    assert_int_equal(ixy_rx_arm(device, 0), 0);
    assert_int_equal(poll(&entry, 1, 0), 0);
    assert_int_equal(ixy_rx_wake(device, 0), 0); /* whoever polls is woken, too */
    assert_int_equal(poll(&entry, 1, LOST_MS), 1);
    assert_int_equal(ixy_rx_arm(device, 0), 0); /* nothing to receive */
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
}

/* What a run time does that cancels threads: the wish is looked at, then the thread waits without end. */
static void *wait_until_cancelled(void *argument)
{
    struct side *side = argument;
    while (__atomic_load_n(&side->cancelled, __ATOMIC_ACQUIRE) == 0) {
        __atomic_fetch_add(&side->rounds, 1, __ATOMIC_RELEASE);
        int32_t code = ixy_rx_wait(side->device, 0, -1);
        if (code < 0) {
            side->ended_with = code;
            break;
        }
        ixy_frame frame;
        while (code == 1 && ixy_rx_batch(side->device, 0, &frame, 1) == 1)
            ixy_buf_free(side->pool, &frame, 1);
    }
    return NULL;
}

/* Into every moment of a thread that looks, arms, is about to sleep, or sleeps. One that loses the wake hangs here. */
static void test_none_lost(void **state)
{
    (void)state;
    struct side sides[WAKE_FAMILIES];
    for (size_t i = 0; i < WAKE_FAMILIES; i++)
        sides[i] = side_open(wake_families[i]);
    for (uint32_t round = 0; round < 400; round++) {
        struct side *side = &sides[round % WAKE_FAMILIES];
        pthread_t thread;
        side->cancelled = side->rounds = 0;
        assert_int_equal(pthread_create(&thread, NULL, wait_until_cancelled, side), 0);
        while (round % 3 != 0 && __atomic_load_n(&side->rounds, __ATOMIC_ACQUIRE) == 0)
            sched_yield();
        if (round % 4 == 0)
            pause_for((long)round * 2000);
        if (round % 7 == 0)
            send_one(side);
        __atomic_store_n(&side->cancelled, 1, __ATOMIC_RELEASE);
        assert_int_equal(ixy_rx_wake(side->device, 0), 0);
        pthread_join(thread, NULL);
        assert_int_equal(side->ended_with, 0);
        drain(side);
    }
    for (size_t i = 0; i < WAKE_FAMILIES; i++)
        side_close(&sides[i]);
}

static void *wake_until_closed(void *argument)
{
    struct side *side = argument;
    int32_t code;
    do {
        code = ixy_rx_wake(side->device, 0);
        __atomic_fetch_add(&side->rounds, 1, __ATOMIC_RELEASE);
    } while (code == 0);
    side->ended_with = code;
    return NULL;
}

/* Close waits for a thread that signals: another file could have the event's number by then. Resets do not disturb. */
static void test_close_and_reset(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 40; round++) {
        struct side side = side_open(wake_families[round % WAKE_FAMILIES]);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, wake_until_closed, &side), 0);
        while (__atomic_load_n(&side.rounds, __ATOMIC_ACQUIRE) == 0)
            sched_yield();
        assert_int_equal(ixy_device_reset(side.device), 0);
        pause_for((long)round * 10000);
        uint64_t device = side.device;
        assert_int_equal(ixy_device_close(device), 0);
        pthread_join(thread, NULL);
        assert_int_equal(side.ended_with, IXY_E_HANDLE);
        assert_int_equal(ixy_pool_close(side.pool), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remembered),
        cmocka_unit_test(test_where),
        cmocka_unit_test(test_none_lost),
        cmocka_unit_test(test_close_and_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
