/* Threads beyond abi_thread_test.c and abi_wait_thread_test.c: control calls from many at once, closed by many at once,
 * closed under readers, one pool under two devices and four queues, threads that are cancelled in the middle of a call.
 * Runs under TSan too. (docs/abi.md, "Misuse", h, i, k and u.) */
#include "tests/c/misuse_calls.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "abi/objects.h"

#define BUFFERS 16384

struct worker {
    uint64_t pool, device, other; /* devices: received from, sent to */
    uint32_t queue;
    ixy_frame frame;
    const int *stop; /* atomic */
    uint64_t moved;
    int32_t result;
};

static void pause_for(long nanoseconds)
{
    struct timespec time = {.tv_nsec = nanoseconds};
    nanosleep(&time, NULL);
}

static bool goes_on(const struct worker *worker)
{
    return __atomic_load_n(worker->stop, __ATOMIC_RELAXED) == 0;
}

static uint64_t open_device(const char *address, uint32_t queues, uint64_t pool)
{
    ixy_device_config config = {.struct_size = sizeof(config), .pool = pool, .rx_queues = queues, .tx_queues = queues};
    uint64_t device = 0;
    int32_t code = ixy_device_open(address, &config, &device);
    if (code < 0)
        fail_msg("%s: %s", address, ixy_last_error());
    assert_int_equal(ixy_device_start(device), 0);
    return device;
}

static void close_all(uint64_t pool, const uint64_t *devices, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        ixy_emu_counters counters = {.struct_size = sizeof(counters)};
        assert_int_equal(ixy_emu_counters_get(devices[i], &counters), 0);
        assert_int_equal(counters.violations, 0);
        assert_int_equal(ixy_device_close(devices[i]), 0);
    }
    assert_int_equal(ixy_pool_free_count(pool), BUFFERS);
    assert_int_equal(ixy_pool_close(pool), 0);
}

/* From a queue of one device to the same of another; what finds the queue busy tries again. */
static void *forward(void *argument)
{
    struct worker *worker = argument;
    while (worker->result == 0 && goes_on(worker)) {
        ixy_frame frames[32];
        int32_t got = ixy_rx_batch(worker->device, worker->queue, frames, 32), sent = 0;
        if (got <= 0) {
            worker->result = got == IXY_E_BUSY ? 0 : got;
            sched_yield();
            continue;
        }
        while ((sent = ixy_tx_batch(worker->other, worker->queue, frames, (uint32_t)got)) == IXY_E_BUSY)
            sched_yield();
        if (sent < 0)
            worker->result = sent;
        sent = sent < 0 ? 0 : sent;
        if (sent < got && ixy_buf_free(worker->pool, frames + sent, (uint32_t)(got - sent)) != got - sent)
            worker->result = -1000;
        worker->moved += (uint64_t)sent;
    }
    return NULL;
}

/* One pool under an 82599 and a VirtIO device, each with two queues, between which four threads forward. */
static void share_pool(const char *timing)
{
    char addresses[2][100];
    snprintf(addresses[0], sizeof(addresses[0]), "emu:82599,wire=gen,flows=64,touch=0,timing=%s", timing);
    snprintf(addresses[1], sizeof(addresses[1]), "emu:virtio,queues=2,wire=gen,flows=64,touch=0,timing=%s", timing);
    uint64_t pool = test_pool(BUFFERS);
    const uint64_t devices[2] = {open_device(addresses[0], 2, pool), open_device(addresses[1], 2, pool)};
    int stop = 0;
    struct worker workers[4];
    pthread_t threads[4];
    for (uint32_t i = 0; i < 4; i++) {
        workers[i] = (struct worker){
            .pool = pool, .device = devices[i / 2], .other = devices[1 - i / 2], .queue = i % 2, .stop = &stop};
        assert_int_equal(pthread_create(&threads[i], NULL, forward, &workers[i]), 0);
    }
    pause_for(250000000);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].result, 0);
        assert_true(workers[i].moved > 0);
    }
    close_all(pool, devices, 2);
}

static void test_pool_under_two_devices(void **state)
{
    (void)state;
    share_pool("inline");
    share_pool("threaded");
}

/* Each control call that does not close, round and round. The first one's device is reset by them all the time. */
static void *ask(void *argument)
{
    struct worker *worker = argument;
    while (worker->result == 0 && goes_on(worker)) {
        for (uint32_t i = 0; i < misuse_call_count && worker->result == 0; i++) {
            const struct misuse_call *call = &misuse_calls[(i + worker->queue * 7) % misuse_call_count];
            if (!call->tells || call->kind != MISUSE_DEVICE || strcmp(call->name, "ixy_device_close") == 0 ||
                strcmp(call->name, "ixy_rx_wait") == 0)
                continue;
            int32_t code = call->call(worker->device);
            bool refused = code == IXY_E_STATE && strstr(ixy_last_error(), "started before") != NULL;
            if (code < 0 && !refused)
                worker->result = code;
            worker->moved++;
        }
        if (ixy_pool_free_count(worker->pool) < 0)
            worker->result = -1000;
    }
    return NULL;
}

static void test_control_calls(void **state)
{
    (void)state;
    static const char *const addresses[] = {"emu:82599,wire=gen,touch=0", "emu:virtio,wire=gen,touch=0"};
    for (uint32_t k = 0; k < 2; k++) {
        uint64_t pool = test_pool(BUFFERS), device = open_device(addresses[k], 1, pool);
        int stop = 0;
        struct worker workers[5];
        pthread_t threads[5];
        for (uint32_t i = 0; i < 5; i++) {
            workers[i] = (struct worker){.pool = pool, .device = device, .other = device, .stop = &stop};
            workers[i].queue = i < 4 ? i : 0;
            assert_int_equal(pthread_create(&threads[i], NULL, i < 4 ? ask : forward, &workers[i]), 0);
        }
        pause_for(300000000);
        __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
        for (uint32_t i = 0; i < 5; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(workers[i].result, 0);
            assert_true(workers[i].moved > 0 || i == 4); /* whom resets leave little to forward */
        }
        close_all(pool, &device, 1);
    }
}

/* Opens and closes what is its own, all the time. */
static void *open_and_close(void *argument)
{
    struct worker *worker = argument;
    for (uint32_t round = 0; round < 15 && worker->result == 0; round++) {
        uint64_t pool = 0, device = 0;
        ixy_view view = {.struct_size = sizeof(view)};
        ixy_device_config config = {.struct_size = sizeof(config), .rx_ring_size = 64, .tx_ring_size = 64};
        ixy_frame frame;
        worker->result = ixy_pool_open(&(ixy_pool_config){sizeof(ixy_pool_config), 512, 0, 0}, &pool);
        config.pool = pool;
        if (worker->result == 0)
            worker->result = ixy_pool_view(pool, &view);
        if (worker->result == 0)
            worker->result = ixy_device_open(worker->queue % 2 == 0 ? "emu:82599" : "emu:virtio", &config, &device);
        if (worker->result == 0)
            worker->result = ixy_device_start(device);
        if (worker->result == 0 && ixy_buf_alloc(pool, &frame, 1) == 1)
            worker->moved++;
        if (worker->result == 0)
            worker->result = ixy_device_close(device);
        if (worker->result == 0)
            worker->result = ixy_pool_close(pool);
        if (worker->result == 0)
            worker->result = ixy_pool_view_release(view.view);
    }
    return NULL;
}

static void test_open_and_close(void **state)
{
    (void)state;
    struct worker workers[4];
    pthread_t threads[4];
    for (uint32_t i = 0; i < 4; i++) {
        workers[i] = (struct worker){.queue = i};
        assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, &workers[i]), 0);
    }
    for (uint32_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].result, 0);
        assert_int_equal(workers[i].moved, 15);
    }
}

/* ---- many do once what can be done once ---- */

static pthread_barrier_t together;

static void *close_device(void *argument)
{
    struct worker *worker = argument;
    pthread_barrier_wait(&together);
    worker->result = ixy_device_close(worker->device);
    return NULL;
}

static void *close_pool(void *argument)
{
    struct worker *worker = argument;
    pthread_barrier_wait(&together);
    worker->result = ixy_pool_close(worker->pool);
    return NULL;
}

static void *free_buffer(void *argument)
{
    struct worker *worker = argument;
    pthread_barrier_wait(&together);
    worker->result = ixy_buf_free(worker->pool, &worker->frame, 1);
    return NULL;
}

/* One succeeds, the others are told so. */
static void by_three(void *(*what)(void *), const struct worker *one, int32_t success)
{
    struct worker workers[3];
    pthread_t threads[3];
    uint32_t done = 0;
    for (uint32_t i = 0; i < 3; i++) {
        workers[i] = *one;
        assert_int_equal(pthread_create(&threads[i], NULL, what, &workers[i]), 0);
    }
    for (uint32_t i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        if (workers[i].result == success)
            done++;
        else
            assert_int_equal(workers[i].result, IXY_E_HANDLE);
    }
    assert_int_equal(done, 1);
}

static void test_closed_by_many(void **state)
{
    (void)state;
    assert_int_equal(pthread_barrier_init(&together, NULL, 3), 0);
    for (uint32_t round = 0; round < 20; round++) {
        struct worker one = {.pool = test_pool(4096)};
        one.device = test_device(round % 2 == 0 ? "emu:82599" : "emu:virtio", one.pool);
        by_three(close_device, &one, 0);
        for (uint32_t k = 0; k < 10; k++) {
            one.frame = test_frame(one.pool);
            by_three(free_buffer, &one, 1);
        }
        assert_int_equal(ixy_pool_free_count(one.pool), 4096);
        by_three(close_pool, &one, 0);
    }
    pthread_barrier_destroy(&together);
}

/* Reads, writes and marks one packet until its pool is closed. */
static void *use_bytes(void *argument)
{
    struct worker *worker = argument;
    ixy_metadata metadata = {.flags = IXY_META_VLAN};
    uint8_t bytes[60] = {0};
    while (worker->result >= 0) {
        worker->moved++;
        worker->result = ixy_buf_write(worker->pool, &worker->frame, 0, bytes, sizeof(bytes));
        if (worker->result >= 0)
            worker->result = ixy_buf_read(worker->pool, &worker->frame, 0, bytes, sizeof(bytes));
        if (worker->result >= 0)
            worker->result = ixy_buf_metadata_set(worker->pool, &worker->frame, &metadata);
        if (worker->result >= 0)
            worker->result = ixy_buf_metadata(worker->pool, &worker->frame, &metadata);
    }
    return NULL;
}

static void test_pool_closed_under_readers(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 20; round++) {
        uint64_t pool = test_pool(64);
        ixy_view view = test_view(pool);
        struct worker workers[2];
        pthread_t threads[2];
        for (uint32_t i = 0; i < 2; i++) {
            workers[i] = (struct worker){.pool = pool, .frame = test_frame(pool)};
            assert_int_equal(pthread_create(&threads[i], NULL, use_bytes, &workers[i]), 0);
        }
        pause_for(2000000);
        if (round % 2 == 0)
            assert_int_equal(ixy_pool_view_release(view.view), 0);
        assert_int_equal(ixy_pool_close(pool), 0);
        for (uint32_t i = 0; i < 2; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(workers[i].result, IXY_E_HANDLE);
            assert_true(workers[i].moved > 0);
            if (round % 2 == 1)
                assert_int_equal(view.base[workers[i].frame.offset], 0);
        }
        if (round % 2 == 1)
            assert_int_equal(ixy_pool_view_release(view.view), 0);
    }
}

/* ---- threads that are cancelled: what unwinds them must not leave a lock, a queue or a waiter behind ---- */

static void *wait_for_ever(void *argument)
{
    const struct worker *worker = argument;
    (void)ixy_rx_wait(worker->device, 0, -1);
    return NULL;
}

static void *send_and_receive(void *argument)
{
    const struct worker *worker = argument;
    for (;;) {
        ixy_frame frame;
        if (ixy_buf_alloc(worker->pool, &frame, 1) != 1)
            continue;
        frame.len = 60;
        if (ixy_tx_batch(worker->device, 0, &frame, 1) != 1)
            ixy_buf_free(worker->pool, &frame, 1);
        (void)ixy_rx_arm(worker->device, 0);
        if (ixy_rx_batch(worker->device, 0, &frame, 1) == 1)
            ixy_buf_free(worker->pool, &frame, 1);
        pthread_testcancel();
    }
    return NULL;
}

static void *call_control(void *argument)
{
    const struct worker *worker = argument;
    uint64_t device;
    for (;;) {
        ixy_stats stats = {.struct_size = sizeof(stats)};
        ixy_found found = {.struct_size = sizeof(found)};
        (void)ixy_device_reset(worker->device);
        (void)ixy_device_stats(worker->device, &stats);
        (void)ixy_device_find(0, &found);
        (void)ixy_device_open("emu:82599,wire=pcap,in=/dev/null", NULL, &device); /* opens a file, and refuses it */
        pthread_testcancel();
    }
    return NULL;
}

/* All works as before, and closes; a test that hangs here has lost a lock. */
static void cancel_in(void *(*what)(void *), const char *address)
{
    for (uint32_t round = 0; round < 12; round++) {
        struct worker worker = {.pool = test_pool(4096)};
        worker.device = test_device(address, worker.pool);
        ixy_stats stats = {.struct_size = sizeof(stats)};
        ixy_frame frame;
        pthread_t thread;
        void *end = NULL;
        assert_int_equal(pthread_create(&thread, NULL, what, &worker), 0);
        pause_for((long)round * 300000);
        assert_int_equal(pthread_cancel(thread), 0);
        pthread_join(thread, &end);
        assert_ptr_equal(end, PTHREAD_CANCELED);
        assert_int_equal(ixy_device_stats(worker.device, &stats), 0);
        assert_true(ixy_rx_batch(worker.device, 0, &frame, 1) >= 0);
        assert_true(ixy_rx_wait(worker.device, 0, 0) >= 0);
        assert_int_equal(ixy_device_reset(worker.device), 0);
        assert_int_equal(ixy_device_close(worker.device), 0);
        assert_int_equal(ixy_pool_close(worker.pool), 0);
    }
}

static void test_cancelled(void **state)
{
    (void)state;
    static const char *const addresses[] = {"emu:82599", "emu:virtio", "emu:virtio,ring=packed,events=on"};
    for (uint32_t i = 0; i < 3; i++) {
        cancel_in(wait_for_ever, addresses[i]);
        cancel_in(send_and_receive, addresses[i]);
        cancel_in(call_control, addresses[i]);
    }
}

/* A finaliser at a thread's end closes what the thread had opened, as run times do. */
static void finalise(void *argument)
{
    struct worker *worker = argument;
    worker->result = ixy_device_close(worker->device);
    if (worker->result == 0)
        worker->result = ixy_pool_close(worker->pool);
}

static pthread_key_t finaliser;

static void *open_for_finaliser(void *argument)
{
    struct worker *worker = argument;
    pthread_setspecific(finaliser, worker);
    worker->pool = test_pool(4096);
    worker->device = test_device("emu:82599", worker->pool);
    return NULL;
}

static void test_finaliser(void **state)
{
    (void)state;
    assert_int_equal(pthread_key_create(&finaliser, finalise), 0);
    struct worker workers[4] = {{.result = 1}, {.result = 1}, {.result = 1}, {.result = 1}};
    pthread_t threads[4];
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_for_finaliser, &workers[i]), 0);
    for (uint32_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].result, 0);
        assert_int_equal(ixy_device_close(workers[i].device), IXY_E_HANDLE);
    }
    pthread_key_delete(finaliser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_under_two_devices),
        cmocka_unit_test(test_control_calls),
        cmocka_unit_test(test_open_and_close),
        cmocka_unit_test(test_closed_by_many),
        cmocka_unit_test(test_pool_closed_under_readers),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_finaliser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
