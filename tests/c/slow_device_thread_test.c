/* A back end that is slow, or silent, delays the calls on its own device and nothing else: no other device's control
 * calls, no pool's, no fork(). Runs under TSan too. (docs/abi.md, "Threads, fork, close") */
#include "tests/c/vhost_user_support.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

/* The slow call waits for SLOW_AT_LEAST seconds; each call of others, begun early in that time, takes less than half of
 * them, on a machine that has other work too. */
#define SLOW_AT_LEAST 1.5
#define OTHERS_AT_MOST 0.7
#define SLOW_BEGUN_MS 200 /* until then it waits for its back end */
#define BUFFERS 8192

struct slow {
    const char *name;
    int32_t (*call)(struct slow *slow);
    uint32_t request; /* that is not answered; 0: each answer comes late */
    bool opened;      /* and started, before the call */

    struct backend backend;
    uint64_t pool, device;
    int32_t result;
    double took;
};

static int32_t slow_open(struct slow *slow)
{
    char address[160];
    ixy_device_config config = {
        .struct_size = sizeof(config), .pool = slow->pool, .rx_ring_size = 64, .tx_ring_size = 64};
    snprintf(address, sizeof(address), "vhost-user:%s", slow->backend.path);
    return ixy_device_open(address, &config, &slow->device);
}

static int32_t slow_reset(struct slow *slow)
{
    return ixy_device_reset(slow->device);
}

static int32_t slow_close(struct slow *slow)
{
    return ixy_device_close(slow->device);
}

static int32_t slow_link(struct slow *slow)
{
    ixy_link link = {.struct_size = sizeof(link)};
    return ixy_device_link(slow->device, &link);
}

static void *slow_run(void *argument)
{
    struct slow *slow = argument;
    double begin = vhost_test_now();
    slow->result = slow->call(slow);
    slow->took = vhost_test_now() - begin;
    return NULL;
}

/* The back end is as it should be until all is ready for the slow call. */
static void slow_begin(struct slow *slow, pthread_t *thread)
{
    slow->backend = backend_right("slow");
    slow->backend.wrong_request = slow->request;
    slow->pool = test_pool(BUFFERS);
    backend_start(&slow->backend);
    if (slow->opened) {
        assert_int_equal(slow_open(slow), 0);
        assert_int_equal(ixy_device_start(slow->device), 0);
    }
    if (slow->request != 0)
        __atomic_store_n(&slow->backend.wrong, BACKEND_SILENT, __ATOMIC_RELEASE);
    else
        __atomic_store_n(&slow->backend.late_ms, 250, __ATOMIC_RELEASE);
    assert_int_equal(pthread_create(thread, NULL, slow_run, slow), 0);
    poll(NULL, 0, SLOW_BEGUN_MS);
}

static void slow_end(struct slow *slow, pthread_t thread)
{
    assert_int_equal(pthread_join(thread, NULL), 0);
    if (slow->took < SLOW_AT_LEAST)
        fail_msg("%s took %.2f s: its back end was not slow", slow->name, slow->took);
    __atomic_store_n(&slow->backend.wrong, BACKEND_RIGHT, __ATOMIC_RELEASE);
    __atomic_store_n(&slow->backend.late_ms, 0, __ATOMIC_RELEASE);
    if (slow->device != 0 && slow->call != slow_close) {
        assert_int_equal(ixy_device_reset(slow->device), 0); /* as good as ever */
        assert_int_equal(ixy_device_close(slow->device), 0);
    }
    assert_int_equal(ixy_pool_free_count(slow->pool), BUFFERS);
    assert_int_equal(ixy_pool_close(slow->pool), 0);
    backend_stop(&slow->backend);
}

/* ---- what the others do meanwhile ---- */

struct other {
    const struct slow *slow;
    const char *address;
    uint64_t pool, device;
    ixy_view view;
};

static bool other_opens_pool(struct other *other)
{
    return ixy_pool_open(NULL, &other->pool) == 0;
}

static bool other_views(struct other *other)
{
    other->view.struct_size = sizeof(other->view);
    return ixy_pool_view(other->pool, &other->view) == 0;
}

static bool other_opens(struct other *other)
{
    ixy_device_config config = {
        .struct_size = sizeof(config), .pool = other->pool, .rx_ring_size = 64, .tx_ring_size = 64};
    return ixy_device_open(other->address, &config, &other->device) == 0;
}

static bool other_starts(struct other *other)
{
    return ixy_device_start(other->device) == 0;
}

static bool other_asks(struct other *other)
{
    ixy_info info = {.struct_size = sizeof(info)};
    ixy_stats stats = {.struct_size = sizeof(stats)};
    ixy_link link = {.struct_size = sizeof(link)};
    return ixy_device_info(other->device, &info) == 0 && ixy_device_stats(other->device, &stats) == 0 &&
           ixy_device_link(other->device, &link) == 0 && ixy_rx_fd(other->device, 0) >= 0;
}

static bool other_receives(struct other *other)
{
    ixy_frame frame;
    return ixy_buf_alloc(other->pool, &frame, 1) == 1 && ixy_buf_free(other->pool, &frame, 1) == 1 &&
           ixy_rx_wait(other->device, 0, 0) == 0 && ixy_rx_batch(other->device, 0, &frame, 1) == 0;
}

static bool other_resets(struct other *other)
{
    return ixy_device_reset(other->device) == 0;
}

static bool other_closes(struct other *other)
{
    return ixy_device_close(other->device) == 0;
}

static bool other_closes_pool(struct other *other)
{
    return ixy_pool_close(other->pool) == 0;
}

static bool other_releases(struct other *other)
{
    return ixy_pool_view_release(other->view.view) == 0;
}

/* The pool of the slow device, which cannot be closed before it has opened, or while it closes. */
static bool other_asks_slow_pool(struct other *other)
{
    const uint64_t pool = other->slow->pool;
    ixy_view view = {.struct_size = sizeof(view)};
    return ixy_pool_free_count(pool) >= 0 && ixy_pool_view(pool, &view) == 0 && ixy_pool_view_release(view.view) == 0 &&
           ixy_pool_close(pool) == IXY_E_BUSY && strstr(ixy_last_error(), "the pool is used by") != NULL;
}

static bool other_finds(struct other *other)
{
    ixy_found found = {.struct_size = sizeof(found)};
    (void)other;
    return ixy_device_find(1000, &found) >= 0;
}

/* The child asks for no memory: fork() leaves a sanitizer's allocator as another thread holds it. */
static bool other_forks(struct other *other)
{
    const struct slow *slow = other->slow;
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        ixy_frame frame;
        ixy_stats stats = {.struct_size = sizeof(stats)};
        bool right = ixy_pool_free_count(slow->pool) == IXY_E_FORK &&
                     ixy_buf_alloc(slow->pool, &frame, 1) == IXY_E_FORK &&
                     ixy_device_stats(other->device, &stats) == IXY_E_FORK;
        /* One that is being closed is closed, one that is being opened was never given out. */
        if (slow->opened)
            right = right &&
                    ixy_device_stats(slow->device, &stats) == (slow->call == slow_close ? IXY_E_HANDLE : IXY_E_FORK);
        _exit(right ? 0 : 1);
    }
    return waitpid(child, &status, 0) == child && status == 0;
}

struct other_step {
    const char *name;
    bool (*step)(struct other *other);
};

/* Before all others: they may go on after the slow call has ended, this one may not. */
static const struct other_step other_first = {"asking the slow device's pool", other_asks_slow_pool};

static const struct other_step other_steps[] = {
    {"opening a pool", other_opens_pool},
    {"viewing a pool", other_views},
    {"opening a device", other_opens},
    {"starting a device", other_starts},
    {"asking a device", other_asks},
    {"receiving", other_receives},
    {"fork()", other_forks},
    {"resetting a device", other_resets},
    {"closing a device", other_closes},
    {"closing a pool", other_closes_pool},
    {"releasing a view", other_releases},
    {"finding devices", other_finds},
};

static void other_takes(struct other *other, const struct other_step *step)
{
    double begin = vhost_test_now();
    bool right = step->step(other);
    double took = vhost_test_now() - begin;
    if (took > OTHERS_AT_MOST)
        fail_msg("%s took %.2f s while %s was under way; right is less than %.1f", step->name, took, other->slow->name,
                 OTHERS_AT_MOST);
    if (!right)
        fail_msg("%s while %s was under way: \"%s\"", step->name, other->slow->name, ixy_last_error());
}

static void others_go_on(const struct slow *slow, const char *address)
{
    struct other other = {.slow = slow, .address = address};
    for (size_t i = 0; i < sizeof(other_steps) / sizeof(other_steps[0]); i++)
        other_takes(&other, &other_steps[i]);
}

static void slow_with_others(struct slow slow)
{
    pthread_t thread;
    slow_begin(&slow, &thread);
    other_takes(&(struct other){.slow = &slow}, &other_first);
    others_go_on(&slow, "emu:82599");
    others_go_on(&slow, "emu:virtio,ring=packed");
    slow_end(&slow, thread);
}

static void test_open_of_a_silent_one(void **state)
{
    (void)state;
    slow_with_others((struct slow){.name = "open", .call = slow_open, .request = VHOST_USER_GET_FEATURES});
}

static void test_open_of_a_slow_one(void **state)
{
    (void)state;
    slow_with_others((struct slow){.name = "a slow open", .call = slow_open});
}

static void test_reset(void **state)
{
    (void)state;
    slow_with_others((struct slow){.name = "reset", .call = slow_reset, .opened = true});
}

static void test_link(void **state)
{
    (void)state;
    slow_with_others(
        (struct slow){.name = "link", .call = slow_link, .opened = true, .request = VHOST_USER_GET_STATUS});
}

static void test_close(void **state)
{
    (void)state;
    slow_with_others(
        (struct slow){.name = "close", .call = slow_close, .opened = true, .request = VHOST_USER_GET_VRING_BASE});
}

/* ---- the slow device itself ---- */

/* Closed by another thread in the middle of its reset: close waits for that, and all other calls find it closed. */
static void test_closed_while_it_is_reset(void **state)
{
    (void)state;
    struct slow slow = {.name = "reset", .call = slow_reset, .opened = true};
    pthread_t thread;
    ixy_frame frame;
    slow_begin(&slow, &thread);
    assert_int_equal(ixy_rx_batch(slow.device, 0, &frame, 1), IXY_E_BUSY);
    assert_int_equal(ixy_rx_wait(slow.device, 0, 0), IXY_E_BUSY);
    assert_int_equal(ixy_device_close(slow.device), 0);
    assert_int_equal(ixy_device_close(slow.device), IXY_E_HANDLE);
    assert_int_equal(ixy_device_reset(slow.device), IXY_E_HANDLE);
    assert_int_equal(ixy_rx_batch(slow.device, 0, &frame, 1), IXY_E_HANDLE);
    slow.call = slow_close;
    slow_end(&slow, thread);
}

/* While it closes it is closed for all others, at once. */
static void test_used_while_it_is_closed(void **state)
{
    (void)state;
    struct slow slow = {.name = "close", .call = slow_close, .opened = true, .request = VHOST_USER_GET_VRING_BASE};
    pthread_t thread;
    ixy_frame frame;
    slow_begin(&slow, &thread);
    double begin = vhost_test_now();
    assert_int_equal(ixy_device_reset(slow.device), IXY_E_HANDLE);
    assert_int_equal(ixy_device_close(slow.device), IXY_E_HANDLE);
    assert_int_equal(ixy_rx_batch(slow.device, 0, &frame, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_rx_wait(slow.device, 0, -1), IXY_E_HANDLE);
    assert_true(vhost_test_now() - begin < OTHERS_AT_MOST);
    slow_end(&slow, thread);
    assert_int_equal(slow.result, 0);
}

/* The thread is cancelled in the middle of the call: it ends after it, and the device is as usable as before. */
static void test_cancelled_while_it_is_reset(void **state)
{
    (void)state;
    struct slow slow = {.name = "reset", .call = slow_reset, .opened = true};
    pthread_t thread;
    slow_begin(&slow, &thread);
    assert_int_equal(pthread_cancel(thread), 0);
    slow_end(&slow, thread);
}

/* ---- fork() while a device is being opened ---- */

/* Descriptors of this process, counted without memory. */
static uint32_t descriptors_open(void)
{
    uint32_t count = 0;
    for (int i = 0; i < 1024; i++)
        count += fcntl(i, F_GETFD) >= 0 ? 1 : 0;
    return count;
}

/* A child that lives on has none of the library's descriptors: neither the connection of the device that is being
 * opened, nor what an open one has. */
static void test_a_child_keeps_nothing(void **state)
{
    (void)state;
    struct slow slow = {.name = "open", .call = slow_open, .request = VHOST_USER_GET_FEATURES};
    uint32_t before = descriptors_open(), left = 0;
    int report[2];
    pthread_t thread;
    uint64_t pool = test_pool(BUFFERS), device = test_device("emu:82599", pool);
    assert_int_equal(pipe(report), 0);
    slow_begin(&slow, &thread);
    pid_t child = fork();
    if (child == 0) {
        left = descriptors_open();
        (void)!write(report[1], &left, sizeof(left));
        alarm(20); /* should the test fail */
        pause();
        _exit(0);
    }
    assert_int_equal(read(report[0], &left, sizeof(left)), sizeof(left));
    /* The pipe's two; the back end's listener, its end of the connection and its eventfd, which are the test's. */
    assert_int_equal(left, before + 2 + 3);
    slow_end(&slow, thread);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(report[0]);
    close(report[1]);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
    assert_int_equal(descriptors_open(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_of_a_silent_one),
        cmocka_unit_test(test_open_of_a_slow_one),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_link),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_closed_while_it_is_reset),
        cmocka_unit_test(test_used_while_it_is_closed),
        cmocka_unit_test(test_cancelled_while_it_is_reset),
        cmocka_unit_test(test_a_child_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, backend_remove_sockets);
}
