/* After fork() the child's handles are IXY_E_FORK and its views do not reach the parent's memory. */
#include "tests/c/abi_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child asserts would run the parent's tests on: the number of the first check that failed goes to exit. */
static int child_checks(const char *address, uint64_t pool, uint64_t device, const ixy_frame *frame,
                        const ixy_view *view)
{
    ixy_frame frames[4];
    uint8_t byte = 0;
    ixy_stats stats = {.struct_size = sizeof(stats)};
    if (ixy_rx_batch(device, 0, frames, 4) != IXY_E_FORK || ixy_tx_batch(device, 0, frame, 1) != IXY_E_FORK)
        return 1;
    if (ixy_buf_alloc(pool, frames, 1) != IXY_E_FORK || ixy_buf_free(pool, frame, 1) != IXY_E_FORK)
        return 2;
    if (ixy_buf_read(pool, frame, 0, &byte, 1) != IXY_E_FORK)
        return 3;
    if (ixy_device_close(device) != IXY_E_FORK || ixy_pool_close(pool) != IXY_E_FORK)
        return 4;
    if (ixy_device_stats(device, &stats) != IXY_E_FORK || strstr(ixy_last_error(), "parent") == NULL)
        return 5;
    if (ixy_pool_view_release(view->view) != IXY_E_FORK)
        return 6;
    if (view->base[frame->offset] != 0 || view->owner[frame->buf & view->index_mask] != 0)
        return 7;
    view->base[frame->offset] = 0x77; /* must not be seen by the parent */
    /* A child may have objects of its own. */
    uint64_t own_pool, own_device;
    ixy_device_config config = {.struct_size = sizeof(config)};
    if (ixy_pool_open(NULL, &own_pool) < 0)
        return 8;
    config.pool = own_pool;
    if (ixy_device_open(address, &config, &own_device) < 0 || ixy_device_start(own_device) < 0)
        return 9;
    ixy_frame own;
    if (ixy_buf_alloc(own_pool, &own, 1) != 1)
        return 10;
    /* What the parent holds is nothing here, though the child's pool took the place of the parent's. */
    if (own.buf == frame->buf || ixy_buf_free(own_pool, frame, 1) != IXY_E_HANDLE)
        return 15;
    own.len = 60;
    if (ixy_tx_batch(own_device, 0, &own, 1) != 1)
        return 11;
    int32_t received = 0;
    for (int i = 0; i < 1000 && received == 0; i++) {
        received = ixy_rx_batch(own_device, 0, frames, 4);
        usleep(1000);
    }
    if (received != 1)
        return 12;
    if (ixy_device_close(own_device) != 0 || ixy_pool_close(own_pool) != 0)
        return 13;
    return ixy_rx_batch(device, 0, frames, 4) == IXY_E_FORK ? 0 : 14;
}

static void fork_with(const char *address)
{
    uint64_t pool = test_pool(4096), device = test_device(address, pool);
    ixy_view view = test_view(pool);
    ixy_frame frame = test_frame(pool);
    uint8_t byte = 0x42;
    assert_int_equal(ixy_buf_write(pool, &frame, 0, &byte, 1), 1);
    pid_t child = fork();
    if (child == 0)
        _exit(child_checks(address, pool, device, &frame, &view));
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    /* The parent goes on as if nothing had happened. */
    assert_int_equal(ixy_buf_read(pool, &frame, 0, &byte, 1), 1);
    assert_int_equal(byte, 0x42);
    assert_int_equal(ixy_tx_batch(device, 0, &frame, 1), 1);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_view_release(view.view), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void test_fork_inline(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_FAMILIES; i++) {
        char address[64];
        snprintf(address, sizeof(address), "%s,timing=inline", test_families[i]);
        fork_with(address);
    }
}

static void test_fork_threaded(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_FAMILIES; i++)
        fork_with(test_families[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fork_inline),
        cmocka_unit_test(test_fork_threaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
