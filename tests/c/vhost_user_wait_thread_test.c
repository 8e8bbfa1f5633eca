/* Waiting on a vhost-user device: the back end's call is the queue's event. */
#include "tests/c/vhost_user_support.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>

static const char *const ways[] = {",ring=packed", ",ring=split", ",ring=packed,inorder=off,mrg=off"};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void send_one(uint64_t device, uint64_t pool)
{
    ixy_frame frame = test_frame(pool);
    assert_int_equal(ixy_tx_batch(device, 0, &frame, 1), 1);
}

static void receive_one(uint64_t device, uint64_t pool)
{
    ixy_frame frame;
    assert_int_equal(ixy_rx_batch(device, 0, &frame, 1), 1);
    assert_int_equal(ixy_buf_free(pool, &frame, 1), 1);
}

static bool readable(int fd, int milliseconds)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    return poll(&entry, 1, milliseconds) == 1;
}

static void wait_and_arm(const char *options)
{
    struct backend backend = backend_right("wait");
    backend_start(&backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device = vhost_test_device(&backend, options, 2, pool);
    int fd = ixy_rx_fd(device, 0);
    assert_true(fd >= 0 && ixy_rx_fd(device, 1) != fd);
    for (uint32_t round = 0; round < 200; round++) {
        send_one(device, pool);
        assert_int_equal(ixy_rx_wait(device, 0, 10000), 1);
        receive_one(device, pool);
        assert_int_equal(ixy_rx_arm(device, 0), 0);
        send_one(device, pool);
        assert_true(readable(fd, 10000));
        receive_one(device, pool);
    }
    assert_int_equal(ixy_rx_wait(device, 0, 5), 0);
    assert_true(backend_read(&backend.calls) >= 200);
    assert_int_equal(ixy_device_reset(device), 0); /* another session, the same event */
    assert_int_equal(ixy_rx_fd(device, 0), fd);
    assert_int_equal(ixy_rx_arm(device, 0), 0);
    send_one(device, pool);
    assert_true(readable(fd, 10000));
    receive_one(device, pool);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    assert_int_equal(ixy_pool_close(pool), 0);
    backend_stop(&backend);
}

static void test_wait_and_arm(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++)
        wait_and_arm(ways[i]);
}

/* Who only polls is never interrupted. */
static void test_polling_asks_for_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++) {
        struct backend backend = backend_right("poll");
        backend_start(&backend);
        uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device = vhost_test_device(&backend, ways[i], 2, pool);
        vhost_test_traffic(device, pool, 2, 200);
        assert_int_equal(backend_read(&backend.calls), 0);
        assert_int_equal(ixy_device_close(device), 0);
        assert_int_equal(ixy_pool_close(pool), 0);
        backend_stop(&backend);
    }
}

struct waiter {
    uint64_t device;
    uint32_t waits; /* atomic */
    int32_t ended_with;
};

static void *wait_for_ever(void *argument)
{
    struct waiter *waiter = argument;
    do {
        __atomic_fetch_add(&waiter->waits, 1, __ATOMIC_RELEASE);
        waiter->ended_with = ixy_rx_wait(waiter->device, 0, -1);
    } while (waiter->ended_with >= 0);
    return NULL;
}

/* A back end that dies wakes who sleeps; when another listens a reset brings all back. */
static void test_a_back_end_that_dies(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++) {
        struct backend backend = backend_right("dies");
        backend_start(&backend);
        uint64_t pool = test_pool(VHOST_TEST_BUFFERS);
        struct waiter waiter = {.device = vhost_test_device(&backend, ways[i], 1, pool)};
        int fd = ixy_rx_fd(waiter.device, 0);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, wait_for_ever, &waiter), 0);
        while (backend_read(&waiter.waits) == 0)
            sched_yield();
        poll(NULL, 0, 5);
        backend_kill(&backend);
        pthread_join(thread, NULL);
        assert_int_equal(waiter.ended_with, IXY_E_DEVICE);
        backend_start(&backend);
        assert_int_equal(ixy_device_reset(waiter.device), 0);
        assert_int_equal(ixy_rx_fd(waiter.device, 0), fd);
        send_one(waiter.device, pool);
        assert_int_equal(ixy_rx_wait(waiter.device, 0, 10000), 1);
        receive_one(waiter.device, pool);
        assert_int_equal(ixy_device_close(waiter.device), 0);
        assert_int_equal(ixy_pool_close(pool), 0);
        backend_stop(&backend);
    }
}

/* A back end that fills the event and clears the flag which keeps it from blocking: no call waits for it. */
static void test_a_back_end_cannot_block_waiting(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++) {
        struct backend backend = backend_right("block");
        backend_start(&backend);
        uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device = vhost_test_device(&backend, ways[i], 1, pool);
        double begin = vhost_test_now();
        for (uint32_t round = 0; round < 3; round++) {
            __atomic_store_n(&backend.clog_calls, 1, __ATOMIC_RELEASE);
            while (backend_read(&backend.clog_calls) != 0)
                sched_yield();
            if (round == 0) {
                assert_int_equal(ixy_rx_arm(device, 0), 0);
                assert_int_equal(ixy_rx_arm(device, 0), 0);
            } else if (round == 1) {
                assert_int_equal(ixy_rx_wait(device, 0, 10), 0);
            } else {
                __atomic_store_n(&backend.cut, 1, __ATOMIC_RELEASE); /* the failure is told by the event, too */
                assert_int_equal(ixy_rx_wait(device, 0, 10000), IXY_E_DEVICE);
            }
        }
        assert_true(vhost_test_now() - begin < 5);
        assert_int_equal(ixy_device_close(device), 0);
        assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
        assert_int_equal(ixy_pool_close(pool), 0);
        backend_stop(&backend);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wait_and_arm),
        cmocka_unit_test(test_polling_asks_for_nothing),
        cmocka_unit_test(test_a_back_end_that_dies),
        cmocka_unit_test(test_a_back_end_cannot_block_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, backend_remove_sockets);
}
