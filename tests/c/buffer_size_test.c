/* Buffers and the frames that they have to hold: a device is refused when it opens, with what would do, or each frame
 * that ixy_info promises arrives whole; nothing is dropped, and nothing is against the specification. */
#include "tests/c/abi_support.h"

#include <stdio.h>
#include <stdlib.h>

#define BUFFERS 1024
#define RING 64
#define PIECES 16

static const char *const kinds[] = {
    "emu:82599",
    "emu:x540",
    "emu:x550",
    "emu:virtio",
    "emu:virtio,ring=packed",
    "emu:virtio,mrg=on",
    "emu:virtio,ring=packed,mrg=on,inorder=on",
    "emu:virtio,mtu=1500",
    "emu:virtio,mtu=9000",
    "emu:virtio,mtu=9000,mrg=on",
    "emu:virtio,ring=packed,mtu=9000,mrg=on,csum=on",
    "emu:virtio,legacy=on",
    "emu:virtio,legacy=on,layout=header,mrg=on",
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
static const uint32_t sizes[] = {1024, 2048, 3072, 4096, 10240};
static const uint32_t lengths[] = {0, 1515, 3000, 9000};

static uint64_t pool_of(uint32_t buffer_size)
{
    uint64_t pool;
    ixy_pool_config config = {.struct_size = sizeof(config), .buffer_count = BUFFERS, .buffer_size = buffer_size};
    assert_int_equal(ixy_pool_open(&config, &pool), 0);
    return pool;
}

/* The other end of its cable, pair=sizes, is a card that can send any frame. */
static int32_t end_open(const char *kind, const char *wire, uint64_t pool, uint32_t frame_len_max, uint64_t *device)
{
    char address[128];
    snprintf(address, sizeof(address), "%s,timing=inline,%s", kind, wire);
    ixy_device_config config = {.struct_size = sizeof(config),
                                .rx_ring_size = RING,
                                .tx_ring_size = RING,
                                .pool = pool,
                                .frame_len_max = frame_len_max};
    return ixy_device_open(address, &config, device);
}

static void end_close(uint64_t device)
{
    char text[IXY_TEXT_MAX] = "";
    int32_t violations = ixy_emu_violation(device, 0, text, sizeof(text));
    if (violations != 0)
        fail_msg("%d violations, the first: %s", violations, text);
    assert_int_equal(ixy_device_close(device), 0);
}

/* A frame with a VLAN tag, which may be 4 bytes longer than others, and bytes that tell their places. */
static uint8_t byte_of(uint32_t length, uint32_t at)
{
    static const uint8_t start[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 5, 0x88, 0xB5};
    return at < sizeof(start) ? start[at] : (uint8_t)(length + at * 3 + (at >> 8));
}

static void send_one(uint64_t device, uint64_t pool, const ixy_view *view, uint32_t length)
{
    ixy_frame frame;
    assert_int_equal(ixy_buf_alloc(pool, &frame, 1), 1);
    frame.len = (uint16_t)length;
    for (uint32_t at = 0; at < length; at++)
        view->base[frame.offset + at] = byte_of(length, at);
    assert_int_equal(ixy_tx_batch(device, 0, &frame, 1), 1);
}

static void receive_one(uint64_t device, uint64_t pool, const ixy_view *view, const ixy_info *info, uint32_t length)
{
    ixy_frame frames[PIECES];
    int32_t got = 0;
    for (uint32_t polls = 0; polls < 10 && got == 0; polls++)
        got = ixy_rx_batch(device, 0, frames, PIECES);
    assert_in_range(got, 1, info->rx_frames_max);
    uint32_t at = 0;
    for (int32_t i = 0; i < got; i++) {
        assert_int_equal((frames[i].flags & IXY_FRAME_MORE) != 0, i + 1 < got);
        for (uint32_t byte = 0; byte < frames[i].len; byte++, at++)
            if (view->base[frames[i].offset + byte] != byte_of(length, at))
                fail_msg("byte %u of %u", at, length);
    }
    assert_int_equal(at, length);
    assert_int_equal(ixy_buf_free(pool, frames, (uint32_t)got), got);
}

/* What does not open says why, and with the buffers that it names it opens. */
static void refused(const char *kind, int32_t code, uint32_t size, uint32_t frame_len_max)
{
    const char *text = strstr(ixy_last_error(), "buffer_size = ");
    uint64_t pool, device;
    if (code == IXY_E_RANGE || code == IXY_E_UNSUPPORTED) {
        assert_true(frame_len_max > 1514);
        return;
    }
    assert_int_equal(code, IXY_E_POOL_SIZE);
    assert_int_equal(size, 1024);
    assert_non_null(text);
    pool = pool_of((uint32_t)strtoul(text + strlen("buffer_size = "), NULL, 10));
    assert_int_equal(end_open(kind, "pair=sizes", pool, 0, &device), 0);
    end_close(device);
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void accepted(uint64_t device, uint64_t pool, uint32_t frame_len_max)
{
    uint64_t far_pool = pool_of(15360), far;
    ixy_view view = test_view(pool), far_view = test_view(far_pool);
    ixy_info info = {.struct_size = sizeof(info)};
    ixy_stats stats = {.struct_size = sizeof(stats)};
    assert_int_equal(end_open("emu:82599", "pair=sizes", far_pool, 15360, &far), 0);
    assert_int_equal(ixy_device_start(device), 0);
    assert_int_equal(ixy_device_start(far), 0);
    assert_int_equal(ixy_device_info(device, &info), 0);
    assert_true(info.rx_len_max >= (frame_len_max == 0 ? 1514 : frame_len_max));
    const uint32_t all[] = {64, 1012, 1013, 1024, 1025, 1514, info.rx_len_max - 5, info.rx_len_max};
    for (uint32_t i = 0; i < 4 * sizeof(all) / sizeof(all[0]); i++) {
        ixy_frame none[PIECES];
        send_one(far, far_pool, &far_view, all[i / 4]);
        assert_int_equal(ixy_rx_batch(far, 0, none, PIECES), 0); /* it is stepped, and sends */
        receive_one(device, pool, &view, &info, all[i / 4]);
    }
    assert_int_equal(ixy_device_stats(device, &stats), 0);
    assert_int_equal(stats.rx_dropped + stats.rx_missed + stats.rx_errors, 0);
    end_close(far);
    assert_int_equal(ixy_pool_view_release(far_view.view), 0);
    assert_int_equal(ixy_pool_view_release(view.view), 0);
    assert_int_equal(ixy_pool_close(far_pool), 0);
}

static void what_is_promised_arrives(void **state)
{
    uint32_t opened = 0, small = 0;
    (void)state;
    for (uint32_t i = 0; i < KINDS * 20; i++) {
        const char *kind = kinds[i / 20];
        uint32_t size = sizes[i % 20 / 4], frame_len_max = lengths[i % 4];
        uint64_t device, pool = pool_of(size);
        int32_t code = end_open(kind, "pair=sizes", pool, frame_len_max, &device);
        print_message("%s, %u bytes, frame_len_max %u: %s\n", kind, size, frame_len_max,
                      code < 0 ? ixy_last_error() : "opens");
        if (code < 0) {
            small += code == IXY_E_POOL_SIZE;
            refused(kind, code, size, frame_len_max);
        } else {
            opened++;
            accepted(device, pool, frame_len_max);
            end_close(device);
        }
        assert_int_equal(ixy_pool_free_count(pool), BUFFERS);
        assert_int_equal(ixy_pool_close(pool), 0);
    }
    assert_true(small >= KINDS); /* each refuses 1024 bytes, unless frames over several buffers are asked for */
    assert_true(opened >= 8 * KINDS);
}

/* What a device says of its frames to send holds too, whether it names an MTU or not. */
static void what_is_promised_is_sent(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < KINDS * 4; i++) {
        uint64_t device, pool = pool_of(10240);
        if (end_open(kinds[i / 4], "wire=loop", pool, lengths[i % 4], &device) < 0) {
            assert_int_equal(ixy_pool_close(pool), 0);
            continue;
        }
        ixy_view view = test_view(pool);
        ixy_info info = {.struct_size = sizeof(info)};
        assert_int_equal(ixy_device_start(device), 0);
        assert_int_equal(ixy_device_info(device, &info), 0);
        assert_true(info.tx_len_max >= (lengths[i % 4] == 0 ? 1514 : lengths[i % 4]));
        for (uint32_t length = info.tx_len_max; length > 60; length /= 2) {
            send_one(device, pool, &view, length);
            receive_one(device, pool, &view, &info, length);
        }
        end_close(device);
        assert_int_equal(ixy_pool_view_release(view.view), 0);
        assert_int_equal(ixy_pool_free_count(pool), BUFFERS);
        assert_int_equal(ixy_pool_close(pool), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_promised_arrives),
        cmocka_unit_test(what_is_promised_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
