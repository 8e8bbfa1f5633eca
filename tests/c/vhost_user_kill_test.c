/* A back end in a process of its own, killed by SIGKILL in mid traffic and started again, twenty times in a row: an
 * error at once, traffic after each reset, no buffer and no descriptor lost. And one that is only stopped meanwhile. */
#include "tests/c/vhost_user_support.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define KILL_LIVES 20
#define KILL_PAIRS 2

/* This program again, as the back end: a fork alone would inherit what other threads held at that moment. */
static pid_t kill_start(const struct backend *backend)
{
    unlink(backend->path);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* if the test fails */
        execl("/proc/self/exe", "vhost_user_kill_test", backend->path, NULL);
        _exit(127);
    }
    return child;
}

static struct backend kill_backend;

static void kill_deafen(int signal_number)
{
    (void)signal_number;
    __atomic_store_n(&kill_backend.deaf, 1, __ATOMIC_RELEASE);
}

static void kill_serve(const char *path)
{
    kill_backend = backend_right("kill");
    snprintf(kill_backend.path, sizeof(kill_backend.path), "%s", path);
    signal(SIGUSR1, kill_deafen);
    backend_start(&kill_backend);
    for (;;)
        pause();
}

/* Traffic on all queues that does not end before the device fails; both directions then say so. */
static void kill_in_mid_traffic(uint64_t device, uint64_t pool, pid_t child)
{
    double end = vhost_test_now() + 5;
    int32_t received = 0, sent = 0;
    bool killed = false;
    for (uint32_t moved = 0; received >= 0 && sent >= 0; moved++) {
        assert_true(vhost_test_now() < end);
        ixy_frame frames[8];
        uint32_t queue = moved % KILL_PAIRS;
        int32_t count = ixy_buf_alloc(pool, frames, 8);
        for (int32_t i = 0; i < count; i++)
            frames[i].len = 60;
        if (count > 0) {
            sent = ixy_tx_batch(device, queue, frames, (uint32_t)count);
            uint32_t taken = sent > 0 ? (uint32_t)sent : 0;
            if (taken < (uint32_t)count)
                assert_int_equal(ixy_buf_free(pool, frames + taken, (uint32_t)count - taken), (uint32_t)count - taken);
        }
        received = ixy_rx_batch(device, queue, frames, 8);
        if (received > 0)
            assert_int_equal(ixy_buf_free(pool, frames, (uint32_t)received), received);
        if (moved == 200 && !killed) {
            killed = true;
            assert_int_equal(kill(child, SIGKILL), 0);
            end = vhost_test_now() + 2;
        }
    }
    assert_true(killed);
    assert_true(received == IXY_E_DEVICE || sent == IXY_E_DEVICE);
    ixy_frame frame;
    assert_int_equal(ixy_rx_batch(device, 0, &frame, 1), IXY_E_DEVICE);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void kill_and_start(const char *options)
{
    struct backend backend = backend_right("kill");
    pid_t child = kill_start(&backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device = vhost_test_device(&backend, options, KILL_PAIRS, pool);
    uint32_t descriptors = vhost_test_descriptors();
    for (uint32_t life = 0; life < KILL_LIVES; life++) {
        kill_in_mid_traffic(device, pool, child);
        child = kill_start(&backend);
        int32_t code = ixy_device_reset(device);
        if (code < 0)
            fail_msg("life %u: %s", life, ixy_last_error());
        vhost_test_traffic(device, pool, KILL_PAIRS, 50);
        assert_int_equal(vhost_test_descriptors(), descriptors);
    }
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    assert_int_equal(ixy_pool_close(pool), 0);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    unlink(backend.path);
}

static void test_killed_with_packed_rings(void **state)
{
    (void)state;
    kill_and_start(",ring=packed");
}

static void test_killed_with_split_rings(void **state)
{
    (void)state;
    kill_and_start(",ring=split");
}

static void kill_halt(pid_t child)
{
    int status;
    assert_int_equal(kill(child, SIGSTOP), 0);
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
}

/* A back end that is stopped while the device is reset, and wakes when another one serves it. It has the last session's
 * rings still, and goes on to serve them: it must not find the new session's buffers there. */
static void stop_and_wake(const char *options)
{
    struct backend backend = backend_right("kill");
    pid_t old = kill_start(&backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device = vhost_test_device(&backend, options, KILL_PAIRS, pool);
    uint32_t descriptors = vhost_test_descriptors();
    vhost_test_traffic(device, pool, KILL_PAIRS,
                       128); /* rings have 64: two laps, then it is where a new session begins */
    assert_int_equal(kill(old, SIGUSR1), 0);
    usleep(50000); /* its thread is in no request */
    kill_halt(old);
    pid_t new = kill_start(&backend);
    assert_int_equal(ixy_device_reset(device), 0);
    assert_int_equal(kill(old, SIGCONT), 0);
    kill_halt(new); /* so whatever came back now would be from the old one */
    ixy_frame frame = test_frame(pool);
    assert_int_equal(ixy_tx_batch(device, 0, &frame, 1), 1);
    usleep(50000);
    assert_int_equal(ixy_rx_batch(device, 0, &frame, 1), 0);
    assert_int_equal(kill(new, SIGCONT), 0);
    double end = vhost_test_now() + 5;
    while (ixy_rx_batch(device, 0, &frame, 1) == 0)
        assert_true(vhost_test_now() < end);
    assert_int_equal(ixy_buf_free(pool, &frame, 1), 1);
    for (uint32_t i = 0; i < 20; i++) {
        vhost_test_traffic(device, pool, KILL_PAIRS, 100);
        usleep(5000);
    }
    assert_int_equal(vhost_test_descriptors(), descriptors);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    assert_int_equal(ixy_pool_close(pool), 0);
    pid_t children[] = {old, new};
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(waitpid(children[i], NULL, WNOHANG), 0); /* it served all the time */
        assert_int_equal(kill(children[i], SIGKILL), 0);
        assert_int_equal(waitpid(children[i], NULL, 0), children[i]);
    }
    unlink(backend.path);
}

static void test_stopped_with_packed_rings(void **state)
{
    (void)state;
    stop_and_wake(",ring=packed");
}

static void test_stopped_with_split_rings(void **state)
{
    (void)state;
    stop_and_wake(",ring=split");
}

int main(int argc, char **argv)
{
    if (argc == 2)
        kill_serve(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_with_packed_rings),
        cmocka_unit_test(test_killed_with_split_rings),
        cmocka_unit_test(test_stopped_with_packed_rings),
        cmocka_unit_test(test_stopped_with_split_rings),
    };
    return cmocka_run_group_tests(tests, NULL, backend_remove_sockets);
}
