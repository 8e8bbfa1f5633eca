/* Control calls of many threads on many devices at once: two vhost-user back ends, both ends of a cable, inline
 * devices, all of them on one pool, which moves into a file when the first vhost-user device opens; and fork(), all the
 * time. Runs under TSan too. */
#include "tests/c/vhost_user_support.h"

#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>

#define BUFFERS 16384
#define WORKERS 8
#define ROUNDS 12

static pthread_barrier_t together;

struct worker {
    char address[160];
    uint64_t pool;
    bool shares;    /* its device may be the first that shares the pool, which it may not while buffers are in use */
    bool allocates; /* is no device: takes buffers and gives them back */
    bool forks;     /* nor is this one */
    ixy_view view;
    uint32_t opened;
    const char *wrong;
};

static const char *worker_says(const struct worker *worker, const char *call)
{
    static _Thread_local char text[512];
    snprintf(text, sizeof(text), "%s: %s: %.200s", worker->address, call, ixy_last_error());
    return text;
}

/* Asked all there is to ask, reset, closed. */
static const char *worker_uses(const struct worker *worker, uint64_t device)
{
    ixy_info info = {.struct_size = sizeof(info)};
    ixy_stats stats = {.struct_size = sizeof(stats)};
    ixy_emu_counters counters = {.struct_size = sizeof(counters)};
    ixy_frame frame;
    if (ixy_device_start(device) != 0)
        return worker_says(worker, "start");
    if (ixy_device_info(device, &info) != 0 || ixy_device_stats(device, &stats) != 0 ||
        ixy_pool_free_count(worker->pool) < 0)
        return worker_says(worker, "info");
    if (ixy_buf_alloc(worker->pool, &frame, 1) != 1)
        return worker_says(worker, "alloc");
    frame.len = 60;
    if (ixy_tx_batch(device, 0, &frame, 1) != 1)
        return worker_says(worker, "send");
    if (ixy_rx_batch(device, 0, &frame, 1) == 1 && ixy_buf_free(worker->pool, &frame, 1) != 1)
        return worker_says(worker, "free");
    if (ixy_device_reset(device) != 0)
        return worker_says(worker, "reset");
    if (info.emulated && (ixy_emu_counters_get(device, &counters) != 0 || counters.violations != 0))
        return worker_says(worker, "counters");
    return ixy_device_close(device) == 0 ? NULL : worker_says(worker, "close");
}

static const char *worker_round(struct worker *worker)
{
    uint64_t device = 0;
    ixy_view view = {.struct_size = sizeof(view)};
    ixy_device_config config = {
        .struct_size = sizeof(config), .pool = worker->pool, .rx_ring_size = 64, .tx_ring_size = 64};
    if (ixy_pool_view(worker->pool, &view) != 0 || ixy_pool_view_release(view.view) != 0)
        return worker_says(worker, "view");
    int32_t code = ixy_device_open(worker->address, &config, &device);
    if (code == IXY_E_STATE && worker->shares && strstr(ixy_last_error(), "are in use") != NULL)
        return NULL;
    if (code != 0)
        return worker_says(worker, "open");
    worker->opened++;
    return worker_uses(worker, device);
}

static const char *worker_allocates(const struct worker *worker)
{
    ixy_frame frames[32];
    for (uint32_t i = 0; i < 200; i++) {
        if (ixy_buf_alloc(worker->pool, frames, 32) != 32 || ixy_buf_free(worker->pool, frames, 32) != 32)
            return "buffers were lost";
        sched_yield();
    }
    return NULL;
}

/* In the child, which asks for no memory: a sanitizer's allocator is left by fork() as another thread holds it. */
static int child_checks(const struct worker *worker, uint8_t *last)
{
    ixy_frame frame;
    if (ixy_pool_free_count(worker->pool) != IXY_E_FORK || ixy_buf_alloc(worker->pool, &frame, 1) != IXY_E_FORK)
        return 1;
    if (ixy_pool_view_release(worker->view.view) != IXY_E_FORK)
        return 2;
    for (uint32_t i = 0; i < BUFFERS; i++)
        if (worker->view.owner[i] != 0)
            return 3;
    if (*last != 0)
        return 4;
    *last = 0x77; /* not to be seen by the parent */
    return 0;
}

/* Whatever the others are doing to the pool, a child sees nothing of it. The last buffer is never handed out. */
static const char *worker_forks(const struct worker *worker)
{
    uint8_t *last = worker->view.base + worker->view.size - 1;
    for (uint32_t i = 0; i < 8; i++) {
        int status = 0;
        *(volatile uint8_t *)last = 0x42; /* lost, should the pool move now */
        pid_t child = fork();
        if (child == 0)
            _exit(child_checks(worker, last));
        if (waitpid(child, &status, 0) != child || status != 0 || *(volatile uint8_t *)last == 0x77)
            return "a child found what it should not, or changed it";
    }
    return NULL;
}

static const char *worker_turn(struct worker *worker)
{
    if (worker->forks)
        return worker_forks(worker);
    return worker->allocates ? worker_allocates(worker) : worker_round(worker);
}

static void *worker_run(void *argument)
{
    struct worker *worker = argument;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&together);
        if (worker->wrong == NULL)
            worker->wrong = worker_turn(worker);
    }
    if (worker->wrong != NULL) /* the text is this thread's */
        print_error("%s\n", worker->wrong);
    return NULL;
}

/* shared: the pool is in a file before the others begin, so that no vhost-user device may be refused it. */
static void many_on(struct backend *first, struct backend *second, bool shared)
{
    struct worker workers[WORKERS] = {
        {.shares = !shared},
        {.shares = !shared},
        {.address = "emu:82599,pair=many"},
        {.address = "emu:virtio,pair=many"},
        {.address = "emu:x550,timing=inline"},
        {.address = "emu:virtio,ring=packed,timing=inline"},
        {.allocates = true},
        {.forks = true},
    };
    pthread_t threads[WORKERS];
    uint64_t pool = test_pool(BUFFERS);
    if (shared)
        assert_int_equal(ixy_device_close(vhost_test_device(first, "", 1, pool)), 0);
    snprintf(workers[0].address, sizeof(workers[0].address), "vhost-user:%s", first->path);
    snprintf(workers[1].address, sizeof(workers[1].address), "vhost-user:%s", second->path);
    ixy_view view = test_view(pool);
    for (uint32_t i = 0; i < WORKERS; i++) {
        workers[i].pool = pool;
        workers[i].view = view;
        assert_int_equal(pthread_create(&threads[i], NULL, worker_run, &workers[i]), 0);
    }
    for (uint32_t i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_null(workers[i].wrong);
        assert_true(workers[i].opened == ROUNDS || workers[i].address[0] == '\0' || workers[i].shares);
    }
    assert_int_equal(ixy_pool_free_count(pool), BUFFERS);
    /* Whoever shared it, it is a pool as any other. */
    uint64_t device = vhost_test_device(first, "", 1, pool);
    vhost_test_traffic(device, pool, 1, 50);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), BUFFERS);
    assert_int_equal(ixy_pool_close(pool), 0);
    assert_int_equal(ixy_pool_view_release(view.view), 0);
}

static void test_many_devices(void **state)
{
    (void)state;
    struct backend first = backend_right("many-1"), second = backend_right("many-2");
    uint32_t descriptors = vhost_test_descriptors();
    assert_int_equal(pthread_barrier_init(&together, NULL, WORKERS), 0);
    backend_start(&first);
    backend_start(&second);
    many_on(&first, &second, false);
    many_on(&first, &second, true);
    backend_stop(&first);
    backend_stop(&second);
    pthread_barrier_destroy(&together);
    assert_int_equal(vhost_test_descriptors(), descriptors);
}

/* ---- more than there are slots for ---- */

static void *open_for_slots(void *argument)
{
    struct worker *worker = argument;
    uint64_t pools[IXY_POOLS_MAX];
    uint32_t count = 0;
    int32_t code = 0;
    pthread_barrier_wait(&together);
    while (count < IXY_POOLS_MAX && code == 0) {
        ixy_pool_config config = {.struct_size = sizeof(config), .buffer_count = 16};
        code = ixy_pool_open(&config, &pools[count]);
        count += code == 0 ? 1 : 0;
    }
    if (code != 0 && code != IXY_E_LIMIT)
        worker->wrong = "a pool cannot be opened, and not for want of a slot";
    pthread_barrier_wait(&together); /* all have what there was */
    worker->opened = count;
    while (count > 0)
        if (ixy_pool_close(pools[--count]) != 0)
            worker->wrong = "a pool cannot be closed";
    return NULL;
}

/* All slots are given out, each of them once. */
static void test_slots(void **state)
{
    (void)state;
    struct worker workers[4] = {{.opened = 0}};
    pthread_t threads[4];
    assert_int_equal(pthread_barrier_init(&together, NULL, 4), 0);
    for (uint32_t round = 0; round < 10; round++) {
        uint32_t opened = 0;
        for (uint32_t i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, open_for_slots, &workers[i]), 0);
        for (uint32_t i = 0; i < 4; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_null(workers[i].wrong);
            opened += workers[i].opened;
        }
        assert_int_equal(opened, IXY_POOLS_MAX);
    }
    pthread_barrier_destroy(&together);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_many_devices), cmocka_unit_test(test_slots)};
    return cmocka_run_group_tests(tests, NULL, backend_remove_sockets);
}
