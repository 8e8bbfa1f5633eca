/* fork() when the child has no memory for pages of its own: each N-th call of the library's in the child fails. What is
 * the parent's must be zeroes or out of reach there all the same, and the parent goes on. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/c/vhost_user_backend.h"
#include "tests/failing/scenario.h"

struct parent {
    uint64_t pool, device;
    ixy_view view;
    ixy_frame frame;
    int pipe[2];
};

/* Whether a byte is not 0 and can be read. The kernel looks, so that nobody dies of a page that is none. */
static bool child_sees(const struct parent *parent, const void *at)
{
    uint8_t byte = 0;
    return write(parent->pipe[1], at, 1) == 1 && read(parent->pipe[0], &byte, 1) == 1 && byte != 0;
}

/* The number of the first check that failed, or 0; 100: nothing failed to come. */
static int child_checks(const struct parent *parent, uint32_t at)
{
    bool through = failing_calls() < at;
    failing_end();
    ixy_frame frame;
    const uint64_t *owner = &parent->view.owner[parent->frame.buf & parent->view.index_mask];
    for (uint32_t i = 0; i < sizeof(*owner); i++)
        if (child_sees(parent, (const uint8_t *)owner + i))
            return 1;
    if (child_sees(parent, parent->view.base + parent->frame.offset))
        return 2;
    if (ixy_buf_alloc(parent->pool, &frame, 1) != IXY_E_FORK ||
        ixy_rx_batch(parent->device, 0, &frame, 1) != IXY_E_FORK)
        return 3;
    uint64_t pool;
    if (ixy_pool_open(NULL, &pool) != 0 || ixy_buf_alloc(pool, &frame, 1) != 1 || ixy_pool_close(pool) != 0)
        return 4;
    return through ? 100 : 0;
}

static bool fork_once(struct parent *parent, uint32_t at, bool lasting)
{
    failing_begin(at, lasting);
    pid_t child = fork();
    if (child == 0)
        _exit(child_checks(parent, at));
    failing_end();
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 100))
        fail_msg("call %u%s in the child: it ended with %x", at, lasting ? " and all after it" : "", status);
    uint8_t byte = 0;
    assert_int_equal(ixy_buf_read(parent->pool, &parent->frame, 0, &byte, 1), 1);
    assert_int_equal(byte, 0x42);
    return WEXITSTATUS(status) != 100;
}

static void fork_fails(const char *address, uint32_t calls_min)
{
    struct parent parent = {.pool = test_pool(4096)};
    parent.view = test_view(parent.pool);
    parent.device = test_device(address, parent.pool);
    parent.frame = test_frame(parent.pool);
    parent.view.base[parent.frame.offset] = 0x42;
    assert_int_equal(pipe(parent.pipe), 0);
    for (uint32_t lasting = 0; lasting < 2; lasting++) {
        uint32_t at = 1;
        while (fork_once(&parent, at, lasting != 0))
            at++;
        assert_true(at > calls_min);
    }
    close(parent.pipe[0]);
    close(parent.pipe[1]);
    assert_int_equal(ixy_buf_free(parent.pool, &parent.frame, 1), 1);
    assert_int_equal(ixy_device_close(parent.device), 0);
    assert_int_equal(ixy_pool_free_count(parent.pool), 4096);
    assert_int_equal(ixy_pool_close(parent.pool), 0);
    assert_int_equal(ixy_pool_view_release(parent.view.view), 0);
}

static void test_emulated(void **state)
{
    (void)state;
    fork_fails("emu:82599,timing=inline", 2); /* the table, twice; the pool's pages are wiped by the kernel */
}

static void test_shared(void **state)
{
    (void)state;
    struct backend backend = backend_right("failing-fork");
    char address[160];
    backend_start(&backend);
    snprintf(address, sizeof(address), "vhost-user:%s", backend.path);
    usleep(100000);         /* its thread sleeps: fork() leaves an allocator as other threads hold it */
    fork_fails(address, 4); /* the pool and the rings too */
    backend_stop(&backend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_emulated), cmocka_unit_test(test_shared)};
    return cmocka_run_group_tests(tests, NULL, backend_remove_sockets);
}
