/* The VirtIO driver and its emulated device on threads of their own: a thread for each queue pair forwards what a
 * generator sends, while another uses the control functions. No frame is lost, repeated or damaged, and nothing is a
 * violation. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "tests/c/abi_support.h"

#define VTHREAD_PAIRS 2
#define VTHREAD_FRAMES 6000
#define VTHREAD_BATCH 32

struct vthread {
    uint64_t device;
    uint32_t queue;
    uint64_t forwarded;
    uint32_t stop;
    const ixy_view *view;
    char error[256]; /* of the control functions */
};

static void *vthread_forward(void *argument)
{
    struct vthread *thread = argument;
    ixy_frame frames[VTHREAD_BATCH];
    while (__atomic_load_n(&thread->stop, __ATOMIC_ACQUIRE) == 0) {
        int32_t count = ixy_rx_batch(thread->device, thread->queue, frames, VTHREAD_BATCH);
        for (int32_t i = 0; i < count; i++)
            thread->view->base[frames[i].offset + 48]++;
        for (int32_t sent = 0; sent < count && __atomic_load_n(&thread->stop, __ATOMIC_ACQUIRE) == 0;) {
            int32_t taken = ixy_tx_batch(thread->device, thread->queue, frames + sent, (uint32_t)(count - sent));
            if (taken < 0)
                return NULL; /* the frames that are missing fail the test */
            sent += taken;
        }
        if (count > 0)
            __atomic_fetch_add(&thread->forwarded, (uint64_t)count, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void *vthread_control(void *argument)
{
    static const uint8_t vthread_mac[6] = {2, 0, 0, 0, 0, 7};
    struct vthread *thread = argument;
    ixy_link link = {.struct_size = sizeof(link)};
    while (__atomic_load_n(&thread->stop, __ATOMIC_ACQUIRE) == 0) {
        if (ixy_device_promiscuous_set(thread->device, 1) < 0 || ixy_device_mac_set(thread->device, vthread_mac) < 0 ||
            ixy_device_link(thread->device, &link) < 0) {
            snprintf(thread->error, sizeof(thread->error), "%s", ixy_last_error());
            return NULL;
        }
    }
    return NULL;
}

static void vthread_run(const char *options)
{
    char address[160], text[256] = "";
    ixy_emu_counters counters = {.struct_size = sizeof(counters)};
    ixy_device_config config = {.struct_size = sizeof(config), .rx_queues = VTHREAD_PAIRS, .tx_queues = VTHREAD_PAIRS};
    struct vthread threads[VTHREAD_PAIRS + 1];
    pthread_t ids[VTHREAD_PAIRS + 1];
    snprintf(address, sizeof(address), "emu:virtio,wire=gen,limit=%d,flows=16,queues=%d%s", VTHREAD_FRAMES,
             VTHREAD_PAIRS, options);
    uint64_t pool = test_pool(4096), device = 0;
    ixy_view view = test_view(pool);
    config.pool = pool;
    assert_int_equal(ixy_device_open(address, &config, &device), 0);
    assert_int_equal(ixy_device_start(device), 0);
    for (uint32_t i = 0; i <= VTHREAD_PAIRS; i++) {
        threads[i] = (struct vthread){.device = device, .queue = i, .view = &view};
        assert_int_equal(
            pthread_create(&ids[i], NULL, i < VTHREAD_PAIRS ? vthread_forward : vthread_control, &threads[i]), 0);
    }
    time_t end = time(NULL) + 60;
    do {
        assert_int_equal(ixy_emu_counters_get(device, &counters), 0);
    } while (counters.verified < VTHREAD_FRAMES && counters.violations == 0 && time(NULL) < end);
    for (uint32_t i = 0; i <= VTHREAD_PAIRS; i++)
        __atomic_store_n(&threads[i].stop, 1, __ATOMIC_RELEASE);
    for (uint32_t i = 0; i <= VTHREAD_PAIRS; i++) {
        assert_int_equal(pthread_join(ids[i], NULL), 0);
        if (threads[i].error[0] != '\0')
            fail_msg("%s: %s", address, threads[i].error);
    }
    if (ixy_emu_violation(device, 0, text, sizeof(text)) != 0)
        fail_msg("%s: %s", address, text);
    assert_int_equal(counters.generated, VTHREAD_FRAMES);
    assert_int_equal(counters.verified, VTHREAD_FRAMES);
    assert_int_equal(counters.damaged + counters.repeated + counters.foreign + counters.wire_dropped, 0);
    for (uint32_t i = 0; i < VTHREAD_PAIRS; i++)
        assert_true(threads[i].forwarded != 0); /* flows were spread */
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), 4096);
    assert_int_equal(ixy_pool_view_release(view.view), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void test_split(void **state)
{
    (void)state;
    vthread_run("");
    vthread_run(",mrg=on,span=64,events=on,notify=on");
    vthread_run(",inorder=on,notify=on");
}

static void test_packed(void **state)
{
    (void)state;
    vthread_run(",ring=packed");
    vthread_run(",ring=packed,mrg=on,span=64,events=on,notify=on");
    vthread_run(",ring=packed,inorder=on,notify=on");
}

static void test_legacy(void **state)
{
    (void)state;
    vthread_run(",legacy=on");
    vthread_run(",legacy=on,layout=header,notify=on");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_packed),
        cmocka_unit_test(test_legacy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
