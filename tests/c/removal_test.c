/* Surprise removal: a device goes away in mid traffic, without a word. Whoever only receives, or only sends, gets an
 * error within a bounded number of calls and at once from then on; all buffers are accounted for, and closing does not
 * wait for what will not come. On each family and each timing. */
#include "tests/c/hostile_support.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "abi/objects.h"
#include "emu/virtio/model.h"

#define RING 64
#define BATCH 16
#define KEPT 8
#define THREADED_WAIT 20.0 /* seconds for a thread to be given time on a busy machine */
#define CLOSE_MAX 1.0      /* seconds; a wait that runs into its end for each of 32 queues takes longer on hardware */

/* Also those whose queues have loops of their own, for offloads and jumbo frames. */
static const struct family {
    const char *address;
    uint32_t offloads, frame_len_max;
} families[] = {{"emu:82599", 0, 0},
                {"emu:x540", 0, 0},
                {"emu:x550", 0, 0},
                {"emu:82599", IXY_CAN_RX_CHECKSUM, 0},
                {"emu:82599", 0, 9000},
                {"emu:virtio", 0, 0},
                {"emu:virtio,mrg=on,events=on", 0, 0},
                {"emu:virtio,ring=packed", 0, 0},
                {"emu:virtio,ring=packed,inorder=on", 0, 0},
                {"emu:virtio,legacy=on,layout=header", 0, 0},
                {"emu:virtio,csum=on", IXY_CAN_RX_CHECKSUM | IXY_CAN_TX_CHECKSUM, 0},
                {"emu:virtio,mrg=on,mtu=9000", 0, 9000},
                {"emu:virtio,mrg=on,mtu=9000,ring=packed", 0, 9000}};
#define FAMILIES (sizeof(families) / sizeof(families[0]))

struct removal {
    uint64_t pool, device;
    struct emu_device *emulated;
    ixy_frame kept[KEPT];
    bool threaded;
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void removal_gone(struct removal *removal, bool gone)
{
    emu_device_lock(removal->emulated);
    removal->emulated->hostile.every = gone ? 1 : UINT32_MAX;
    emu_device_unlock(removal->emulated);
}

/* Opens a device through which frames go round. */
static void removal_open(struct removal *removal, const struct family *family, bool threaded)
{
    char address[128];
    snprintf(address, sizeof(address), "%s,timing=%s,hostile=gone,every=%u", family->address,
             threaded ? "threaded" : "inline", UINT32_MAX);
    memset(removal, 0, sizeof(*removal));
    removal->threaded = threaded;
    removal->pool = test_pool(1024);
    ixy_device_config config = {
        .struct_size = sizeof(config), .rx_ring_size = RING, .tx_ring_size = RING, .pool = removal->pool};
    config.offloads = family->offloads;
    config.frame_len_max = family->frame_len_max;
    print_message("%s, %s\n", address, threaded ? "threaded" : "inline");
    assert_int_equal(ixy_device_open(address, &config, &removal->device), 0);
    removal->emulated = (struct emu_device *)device_slot_find(removal->device)->device->bus;
    assert_int_equal(ixy_device_start(removal->device), 0);
}

/* Sends and receives until KEPT frames have come round; keeps them. */
static void removal_traffic(struct removal *removal)
{
    uint32_t kept = 0;
    for (double end = seconds() + THREADED_WAIT; kept < KEPT;) {
        assert_true(seconds() < end);
        ixy_frame frame = test_frame(removal->pool);
        assert_int_equal(ixy_buf_write(removal->pool, &frame, 14, &kept, sizeof(kept)), sizeof(kept));
        if (ixy_tx_batch(removal->device, 0, &frame, 1) != 1)
            assert_int_equal(ixy_buf_free(removal->pool, &frame, 1), 1);
        ixy_frame frames[BATCH];
        int32_t came = ixy_rx_batch(removal->device, 0, frames, BATCH);
        assert_true(came >= 0);
        for (int32_t i = 0; i < came; i++) {
            if (kept < KEPT)
                removal->kept[kept++] = frames[i];
            else
                assert_int_equal(ixy_buf_free(removal->pool, &frames[i], 1), 1);
        }
    }
}

/* What holds of a device that is known to be gone; closes it. */
static void removal_close(struct removal *removal)
{
    ixy_frame frame = test_frame(removal->pool);
    ixy_link link = {.struct_size = sizeof(link)};
    ixy_emu_counters counters = {.struct_size = sizeof(counters)};
    uint8_t byte;
    ixy_frame none[BATCH];
    assert_int_equal(ixy_rx_batch(removal->device, 0, none, BATCH), IXY_E_DEVICE);
    assert_int_equal(ixy_tx_batch(removal->device, 0, &frame, 1), IXY_E_DEVICE);
    assert_int_equal(ixy_device_link(removal->device, &link), IXY_E_DEVICE);
    assert_non_null(strstr(ixy_last_error(), "the device is gone"));
    assert_int_equal(ixy_buf_free(removal->pool, &frame, 1), 1);
    for (uint32_t i = 0; i < KEPT && removal->kept[i].buf != 0; i++) /* what was received stays the caller's */
        assert_int_equal(ixy_buf_read(removal->pool, &removal->kept[i], 0, &byte, 1), 1);
    if (removal->kept[0].buf != 0)
        assert_int_equal(ixy_buf_free(removal->pool, removal->kept, KEPT), KEPT);
    assert_int_equal(ixy_emu_counters_get(removal->device, &counters), 0);
    assert_int_equal(counters.violations, 0);
    double start = seconds();
    assert_int_equal(ixy_device_close(removal->device), 0);
    assert_true(seconds() - start < CLOSE_MAX);
    assert_int_equal(ixy_pool_free_count(removal->pool), 1024);
    assert_int_equal(ixy_pool_close(removal->pool), 0);
}

/* Polls until a call fails. Returns its error; what came before is freed. */
static int32_t removal_receive(struct removal *removal)
{
    ixy_frame frames[BATCH];
    int32_t code = 0;
    double end = seconds() + THREADED_WAIT;
    for (uint32_t polls = 0; code >= 0; polls++) {
        if (removal->threaded ? polls % 256 == 0 && seconds() > end : polls > 2 * BUS_IDLE_POLLS)
            return 0;
        code = ixy_rx_batch(removal->device, 0, frames, BATCH);
        if (code > 0)
            assert_int_equal(ixy_buf_free(removal->pool, frames, (uint32_t)code), code);
    }
    return code;
}

static void who_receives_is_told(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 2 * FAMILIES; i++) {
        struct removal removal;
        removal_open(&removal, &families[i / 2], i % 2 != 0);
        removal_traffic(&removal);
        removal_gone(&removal, true);
        assert_int_equal(removal_receive(&removal), IXY_E_DEVICE);
        removal_close(&removal);
    }
}

static void who_sends_is_told(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 2 * FAMILIES; i++) {
        struct removal removal;
        ixy_frame frame;
        int32_t code = 0;
        removal_open(&removal, &families[i / 2], i % 2 != 0);
        removal_traffic(&removal);
        removal_gone(&removal, true);
        double end = seconds() + THREADED_WAIT;
        for (uint32_t calls = 0; code >= 0; calls++) {
            assert_true(removal.threaded ? calls % 256 != 0 || seconds() < end : calls < 2 * BUS_IDLE_POLLS);
            frame = test_frame(removal.pool);
            code = ixy_tx_batch(removal.device, 0, &frame, 1);
            if (code <= 0)
                assert_int_equal(ixy_buf_free(removal.pool, &frame, 1), 1);
        }
        assert_int_equal(code, IXY_E_DEVICE);
        removal_close(&removal);
    }
}

static void one_that_comes_back_works_again(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < FAMILIES; i++) {
        struct removal removal;
        removal_open(&removal, &families[i], false);
        for (uint32_t round = 0; round < 3; round++) {
            removal_traffic(&removal);
            assert_int_equal(ixy_buf_free(removal.pool, removal.kept, KEPT), KEPT);
            removal_gone(&removal, true);
            assert_int_equal(removal_receive(&removal), IXY_E_DEVICE);
            assert_int_equal(ixy_device_reset(removal.device), IXY_E_DEVICE);
            removal_gone(&removal, false);
            assert_int_equal(ixy_device_reset(removal.device), 0);
        }
        removal_traffic(&removal);
        removal_gone(&removal, true);
        assert_int_equal(removal_receive(&removal), IXY_E_DEVICE);
        removal_close(&removal);
    }
}

/* A device that gives up says so in its status, and nowhere else that a driver without interrupts would look. */
static void one_that_asks_for_a_reset_is_heard(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < FAMILIES; i++) {
        struct removal removal;
        ixy_link link = {.struct_size = sizeof(link)};
        if (strncmp(families[i].address, "emu:virtio", 10) != 0)
            continue;
        removal_open(&removal, &families[i], false);
        removal_traffic(&removal);
        emu_device_lock(removal.emulated);
        vmodel_of(removal.emulated)->status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
        emu_device_unlock(removal.emulated);
        assert_int_equal(removal_receive(&removal), IXY_E_DEVICE);
        assert_int_equal(ixy_device_link(removal.device, &link), IXY_E_DEVICE);
        assert_non_null(strstr(ixy_last_error(), "DEVICE_NEEDS_RESET"));
        assert_int_equal(ixy_buf_free(removal.pool, removal.kept, KEPT), KEPT);
        assert_int_equal(ixy_device_reset(removal.device), 0);
        removal_traffic(&removal);
        removal_gone(&removal, true);
        assert_int_equal(removal_receive(&removal), IXY_E_DEVICE);
        removal_close(&removal);
    }
}

/* A device that is there is polled in peace, however long it has nothing to say. */
static void an_idle_device_is_no_failure(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < FAMILIES; i++) {
        struct removal removal;
        removal_open(&removal, &families[i], false);
        removal_traffic(&removal);
        removal_receive(&removal); /* what is still under way */
        assert_int_equal(removal_receive(&removal), 0);
        assert_int_equal(removal_receive(&removal), 0);
        removal_gone(&removal, true);
        assert_int_equal(removal_receive(&removal), IXY_E_DEVICE);
        removal_close(&removal);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_receives_is_told),
        cmocka_unit_test(who_sends_is_told),
        cmocka_unit_test(one_that_comes_back_works_again),
        cmocka_unit_test(one_that_asks_for_a_reset_is_heard),
        cmocka_unit_test(an_idle_device_is_no_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
