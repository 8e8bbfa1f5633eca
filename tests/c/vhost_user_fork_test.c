/* A shared pool and fork(): the child reads zeroes, reaches nothing of the parent's, holds no connection open. And the
 * order in which a pool is shared, used and closed. */
#include "tests/c/vhost_user_support.h"

#include <signal.h>
#include <sys/wait.h>

struct fork_parent {
    uint64_t pool, device;
    ixy_view view, closed_view; /* of the pool, and of one that was closed meanwhile */
    ixy_frame frame;
    const struct backend *other;
};

/* In the child asserts would run the parent's tests on: the number of the first check that failed goes to exit. */
static int fork_child(const struct fork_parent *parent)
{
    ixy_frame frame;
    if (parent->view.base[parent->frame.offset] != 0 || parent->closed_view.base[parent->frame.offset] != 0)
        return 1;
    parent->view.base[parent->frame.offset] = 0x77; /* must not be seen by the parent, nor by its back end */
    for (uint64_t at = 0; at < parent->view.size; at += 4096)
        parent->view.base[at] = 0x77;
    if (ixy_rx_batch(parent->device, 0, &frame, 1) != IXY_E_FORK ||
        ixy_tx_batch(parent->device, 0, &parent->frame, 1) != IXY_E_FORK)
        return 2;
    if (ixy_device_close(parent->device) != IXY_E_FORK || ixy_pool_close(parent->pool) != IXY_E_FORK)
        return 3;
    uint64_t pool, device;
    if (ixy_pool_open(NULL, &pool) < 0 || vhost_test_open(parent->other, "", 1, pool, &device) < 0)
        return 4;
    if (ixy_device_start(device) < 0 || ixy_buf_alloc(pool, &frame, 1) != 1)
        return 5;
    frame.len = 60;
    if (ixy_tx_batch(device, 0, &frame, 1) != 1)
        return 6;
    int32_t received = 0;
    for (int i = 0; i < 2000 && received == 0; i++) {
        received = ixy_rx_batch(device, 0, &frame, 1);
        usleep(1000);
    }
    if (received != 1 || ixy_device_close(device) != 0 || ixy_pool_close(pool) != 0)
        return 7;
    return 0;
}

/* A sanitizer's allocator may not be left by fork() as another thread holds it: that thread shall sleep in its poll. */
static void fork_settle(void)
{
    usleep(100000);
}

static void test_fork(void **state)
{
    (void)state;
    struct backend backend = backend_right("parent"), other = backend_right("child");
    backend_start(&backend);
    backend_start(&other);
    struct fork_parent parent = {.other = &other};
    uint64_t closed = test_pool(VHOST_TEST_BUFFERS), device = vhost_test_device(&backend, "", 1, closed);
    parent.closed_view = test_view(closed);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_close(closed), 0);

    parent.pool = test_pool(VHOST_TEST_BUFFERS);
    parent.device = vhost_test_device(&backend, "", 1, parent.pool);
    parent.view = test_view(parent.pool);
    parent.frame = test_frame(parent.pool);
    uint8_t byte = 0x42;
    assert_int_equal(ixy_buf_write(parent.pool, &parent.frame, 0, &byte, 1), 1);
    fork_settle();
    pid_t child = fork();
    if (child == 0)
        _exit(fork_child(&parent));
    vhost_test_traffic(parent.device, parent.pool, 1, 300); /* while the child writes over its pages */
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(ixy_buf_read(parent.pool, &parent.frame, 0, &byte, 1), 1);
    assert_int_equal(byte, 0x42);
    assert_int_equal(ixy_buf_free(parent.pool, &parent.frame, 1), 1);
    assert_int_equal(ixy_device_close(parent.device), 0);
    assert_int_equal(ixy_pool_free_count(parent.pool), VHOST_TEST_BUFFERS);
    assert_int_equal(ixy_pool_view_release(parent.view.view), 0);
    assert_int_equal(ixy_pool_view_release(parent.closed_view.view), 0);
    assert_int_equal(ixy_pool_close(parent.pool), 0);
    backend_stop(&backend);
    backend_stop(&other);
}

/* A child that lives on must not keep the connection open when its parent closes the device. */
static void test_a_child_holds_no_connection(void **state)
{
    (void)state;
    struct backend backend = backend_right("hold");
    backend_start(&backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device = vhost_test_device(&backend, "", 1, pool);
    uint32_t descriptors = vhost_test_descriptors();
    int report[2];
    assert_int_equal(pipe(report), 0);
    fork_settle();
    pid_t child = fork();
    if (child == 0) {
        uint32_t left = vhost_test_descriptors();
        (void)!write(report[1], &left, sizeof(left));
        pause();
        _exit(0);
    }
    uint32_t left = 0;
    assert_int_equal(read(report[0], &left, sizeof(left)), sizeof(left));
    /* The pool's and the rings' files, two eventfds for each ring (one call belongs to the queue's event), the two
     * others of that event, the socket, the watcher's event: closed there. */
    assert_int_equal(left, descriptors + 2 - 10);
    assert_int_equal(ixy_device_close(device), 0);
    double end = vhost_test_now() + 5;
    while (backend_read(&backend.disconnections) == 0)
        assert_true(vhost_test_now() < end);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(report[0]);
    close(report[1]);
    assert_int_equal(ixy_pool_close(pool), 0);
    backend_stop(&backend);
}

static void test_a_pool_in_use_is_not_shared(void **state)
{
    (void)state;
    struct backend backend = backend_right("use");
    backend_start(&backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), emulated = 0, device = 0;
    ixy_device_config config = {.struct_size = sizeof(config), .pool = pool};
    ixy_frame frame = test_frame(pool);
    vhost_test_text(vhost_test_open(&backend, "", 1, pool, &device), IXY_E_STATE, "open such a device before");
    assert_int_equal(ixy_buf_free(pool, &frame, 1), 1);
    assert_int_equal(ixy_device_open(INLINE_LOOP, &config, &emulated), 0);
    assert_int_equal(ixy_device_start(emulated), 0);
    vhost_test_text(vhost_test_open(&backend, "", 1, pool, &device), IXY_E_STATE, "open such a device before");
    assert_int_equal(ixy_device_close(emulated), 0);
    /* An emulated device that is open but not started is no obstacle, and works on shared memory as well. */
    assert_int_equal(ixy_device_open(INLINE_LOOP, &config, &emulated), 0);
    assert_int_equal(vhost_test_open(&backend, "", 1, pool, &device), 0);
    assert_int_equal(ixy_device_start(emulated), 0);
    assert_int_equal(ixy_device_start(device), 0);
    vhost_test_traffic(device, pool, 1, 50);
    vhost_test_traffic(emulated, pool, 1, 50);
    assert_int_equal(ixy_device_close(emulated), 0);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    assert_int_equal(ixy_pool_close(pool), 0);
    backend_stop(&backend);
}

/* A view outlives its shared pool: it reads zeroes, and no descriptor stays. */
static void test_a_view_of_a_closed_pool(void **state)
{
    (void)state;
    uint32_t descriptors = vhost_test_descriptors();
    struct backend backend = backend_right("view");
    backend_start(&backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device = vhost_test_device(&backend, "", 1, pool);
    ixy_view view = test_view(pool);
    vhost_test_traffic(device, pool, 1, 50);
    memset(view.base, 0x42, view.size);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
    backend_stop(&backend);
    assert_int_equal(vhost_test_descriptors(), descriptors);
    for (uint64_t at = 0; at < view.size; at += 64)
        assert_int_equal(view.base[at], 0);
    assert_int_equal(ixy_pool_view_release(view.view), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_a_child_holds_no_connection),
        cmocka_unit_test(test_a_pool_in_use_is_not_shared),
        cmocka_unit_test(test_a_view_of_a_closed_pool),
    };
    return cmocka_run_group_tests(tests, NULL, backend_remove_sockets);
}
