#include "tests/c/hostile_support.h"

#include <stdio.h>
#include <stdlib.h>

#include "abi/objects.h"

#define BATCH 64
#define CANARY 0xC5
#define CANARY_SIZE 100 /* of a buffer's headroom: where nobody writes, but an overrun of the buffer before */

void hostile_test_pool_of(struct hostile_test *test, uint32_t buffer_size)
{
    ixy_pool_config config = {
        .struct_size = sizeof(config), .buffer_count = HOSTILE_BUFFERS, .buffer_size = buffer_size};
    memset(test, 0, sizeof(*test));
    assert_int_equal(ixy_pool_open(&config, &test->pool), 0);
    test->view = test_view(test->pool);
    for (uint32_t i = 0; i < HOSTILE_BUFFERS; i++)
        memset(test->view.base + (uint64_t)i * test->view.buffer_stride, CANARY, CANARY_SIZE);
}

void hostile_test_pool(struct hostile_test *test)
{
    hostile_test_pool_of(test, 2048);
}

void hostile_test_pool_small(struct hostile_test *test, uint32_t offloads, uint32_t frame_len_max)
{
    hostile_test_pool_of(test, 1024);
    test->offloads = offloads;
    test->frame_len_max = frame_len_max;
}

static void hostile_canaries(const struct hostile_test *test)
{
    for (uint32_t i = 0; i < HOSTILE_BUFFERS; i++)
        for (uint32_t byte = 0; byte < CANARY_SIZE; byte++)
            if (test->view.base[(uint64_t)i * test->view.buffer_stride + byte] != CANARY)
                fail_msg("buffer %u: byte %u was written over", i, byte);
}

static void hostile_test_find(struct hostile_test *test)
{
    struct device_slot *slot = device_slot_find(test->device);
    assert_non_null(slot);
    test->hostile = &((struct emu_device *)slot->device->bus)->hostile;
}

void hostile_test_open(struct hostile_test *test, const char *prefix, const char *lies, uint32_t ring)
{
    hostile_test_pool(test);
    hostile_test_open_on(test, prefix, lies, ring);
}

void hostile_test_open_on(struct hostile_test *test, const char *prefix, const char *lies, uint32_t ring)
{
    char address[256];
    snprintf(address, sizeof(address), "%s,timing=inline,every=%u%s%s", prefix, UINT32_MAX,
             lies != NULL ? ",hostile=" : "", lies != NULL ? lies : "");
    ixy_device_config config = {
        .struct_size = sizeof(config), .rx_ring_size = ring, .tx_ring_size = ring, .pool = test->pool};
    config.offloads = test->offloads;
    config.frame_len_max = test->frame_len_max;
    int32_t code = ixy_device_open(address, &config, &test->device);
    if (code < 0)
        fail_msg("%s: %s: %s", address, ixy_error_name(code), ixy_last_error());
    hostile_test_find(test);
    hostile_sleep(test);
    assert_int_equal(ixy_device_start(test->device), 0);
}

void hostile_sleep(struct hostile_test *test)
{
    test->hostile->every = UINT32_MAX;
}

void hostile_wake(struct hostile_test *test)
{
    test->hostile->every = 1;
}

uint64_t hostile_told(const struct hostile_test *test, enum hostile_lie lie)
{
    return test->hostile->told[lie];
}

static void hostile_no_violations(const struct hostile_test *test)
{
    char text[256];
    int32_t count = ixy_emu_violation(test->device, 0, text, sizeof(text));
    if (count != 0)
        fail_msg("%d violations, the first: %s", count, text);
}

static void hostile_device_close(struct hostile_test *test)
{
    hostile_no_violations(test);
    assert_int_equal(ixy_device_close(test->device), 0);
    test->device = 0;
    test->hostile = NULL;
    assert_int_equal((uint32_t)ixy_pool_free_count(test->pool) + test->held, HOSTILE_BUFFERS);
}

void hostile_test_close(struct hostile_test *test)
{
    if (test->device != 0)
        hostile_device_close(test);
    assert_int_equal((uint32_t)ixy_pool_free_count(test->pool) + test->held, HOSTILE_BUFFERS);
    hostile_canaries(test);
    assert_int_equal(ixy_pool_view_release(test->view.view), 0);
    assert_int_equal(ixy_pool_close(test->pool), 0);
}

static void hostile_check_frame(struct hostile_test *test, const ixy_frame *frame)
{
    uint32_t index = (uint32_t)frame->buf & test->view.index_mask;
    assert_in_range(index, 0, HOSTILE_BUFFERS - 1);
    assert_false(test->holds[index]);
    assert_true(test->view.owner[index] == frame->buf);
    uint32_t begin = index * test->view.buffer_stride;
    assert_in_range(frame->offset, begin, begin + test->view.buffer_stride);
    assert_in_range(frame->len, test->frame_len_max != 0 ? 1 : 14, test->view.buffer_size);
    assert_in_range(frame->offset + frame->len, begin, begin + test->view.buffer_stride);
    uint16_t flags =
        (uint16_t)((test->offloads != 0 ? IXY_FRAME_METADATA : 0) | (test->frame_len_max != 0 ? IXY_FRAME_MORE : 0));
    assert_int_equal(frame->flags & ~flags, 0);
    test->holds[index] = true;
    test->held++;
    test->digest = (test->digest ^ ((uint64_t)frame->offset << 16 | frame->len)) * 0x100000001B3u;
}

int32_t hostile_receive(struct hostile_test *test, ixy_frame *frames, uint32_t count)
{
    int32_t received = ixy_rx_batch(test->device, test->queue, frames, count);
    assert_true(received <= (int32_t)count);
    for (int32_t i = 0; i < received; i++)
        hostile_check_frame(test, &frames[i]);
    assert_true(received <= 0 || (frames[received - 1].flags & IXY_FRAME_MORE) == 0);
    return received;
}

static void hostile_let_go(struct hostile_test *test, const ixy_frame *frames, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = (uint32_t)frames[i].buf & test->view.index_mask;
        assert_true(test->holds[index]);
        test->holds[index] = false;
        test->held--;
    }
}

void hostile_free(struct hostile_test *test, const ixy_frame *frames, uint32_t count)
{
    if (count == 0)
        return;
    hostile_let_go(test, frames, count);
    assert_int_equal(ixy_buf_free(test->pool, frames, count), count);
}

uint32_t hostile_drain(struct hostile_test *test)
{
    ixy_frame frames[BATCH];
    uint32_t all = 0;
    for (uint32_t idle = 0; idle < HOSTILE_POLLS; idle++) {
        int32_t received = hostile_receive(test, frames, BATCH);
        assert_true(received >= 0);
        hostile_free(test, frames, (uint32_t)received);
        all += (uint32_t)received;
        assert_in_range(all, 0, 100000); /* a wire that never runs dry is not for draining */
        idle = received > 0 ? 0 : idle;
    }
    return all;
}

int32_t hostile_transmit(struct hostile_test *test, const ixy_frame *frames, uint32_t count)
{
    int32_t sent = ixy_tx_batch(test->device, test->queue, frames, count);
    if (sent > 0)
        hostile_let_go(test, frames, (uint32_t)sent);
    return sent;
}

void hostile_make(struct hostile_test *test, ixy_frame *frame, uint32_t len, uint32_t number)
{
    uint8_t bytes[1514] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xB5};
    memcpy(bytes + 14, &number, sizeof(number));
    assert_int_equal(ixy_buf_alloc(test->pool, frame, 1), 1);
    frame->len = (uint16_t)len;
    assert_int_equal(ixy_buf_write(test->pool, frame, 0, bytes, len), len);
    test->holds[frame->buf & test->view.index_mask] = true;
    test->held++;
}

void hostile_send(struct hostile_test *test, uint32_t count, uint32_t len, uint32_t first)
{
    for (uint32_t i = 0; i < count; i++) {
        ixy_frame frame;
        hostile_make(test, &frame, len, first + i);
        assert_int_equal(hostile_transmit(test, &frame, 1), 1);
    }
}

void hostile_expect(struct hostile_test *test, uint32_t count, uint32_t len, uint32_t first)
{
    uint32_t next = first;
    for (uint32_t polls = 0; polls < HOSTILE_POLLS; polls++) {
        ixy_frame frames[BATCH];
        int32_t received = hostile_receive(test, frames, BATCH);
        assert_true(received >= 0);
        for (int32_t i = 0; i < received; i++) {
            uint32_t number = 0;
            assert_int_equal(ixy_buf_read(test->pool, &frames[i], 14, &number, sizeof(number)), sizeof(number));
            assert_int_equal(number, next++);
            assert_int_equal(frames[i].len, len);
        }
        hostile_free(test, frames, (uint32_t)received);
    }
    assert_int_equal(next - first, count);
}

uint64_t hostile_dropped(struct hostile_test *test)
{
    ixy_stats stats = {.struct_size = sizeof(stats)};
    assert_int_equal(ixy_device_stats(test->device, &stats), 0);
    return stats.rx_dropped;
}

void hostile_expect_error(int32_t code, int32_t right, const char *part)
{
    assert_int_equal(code, right);
    if (strstr(ixy_last_error(), part) == NULL)
        fail_msg("\"%s\" does not name %s", ixy_last_error(), part);
}

static void hostile_expect_reason(struct hostile_test *test, const char *part)
{
    ixy_link link = {.struct_size = sizeof(link)};
    ixy_frame frame;
    hostile_expect_error(ixy_device_link(test->device, &link), IXY_E_DEVICE, part != NULL ? part : "");
    assert_int_equal(ixy_rx_batch(test->device, 0, &frame, 1), IXY_E_DEVICE);
    assert_int_equal(ixy_tx_batch(test->device, 0, &frame, 0), IXY_E_DEVICE);
}

uint32_t hostile_expect_failed(struct hostile_test *test, const char *part)
{
    ixy_frame frames[BATCH];
    uint32_t all = 0;
    int32_t received = 0;
    /* One that is gone says nothing: its driver asks now and then. */
    for (uint32_t polls = 0; polls < HOSTILE_POLLS + BUS_IDLE_POLLS && received >= 0; polls++) {
        received = hostile_receive(test, frames, BATCH);
        hostile_free(test, frames, received > 0 ? (uint32_t)received : 0);
        all += received > 0 ? (uint32_t)received : 0;
    }
    assert_int_equal(received, IXY_E_DEVICE);
    hostile_expect_reason(test, part);
    return all;
}

void hostile_recover(struct hostile_test *test)
{
    hostile_sleep(test);
    assert_int_equal(ixy_device_reset(test->device), 0);
    hostile_send(test, 5, 60, 500);
    hostile_expect(test, 5, 60, 500);
}

void hostile_transmit_until_failed(struct hostile_test *test, const char *part)
{
    ixy_frame frames[BATCH];
    uint32_t have = 0;
    int32_t sent = 0;
    for (uint32_t batches = 0; batches < HOSTILE_POLLS && sent >= 0; batches++) {
        uint32_t want = 1 + batches * 29 % (BATCH - 4);
        while (have < want)
            hostile_make(test, &frames[have++], 60, batches);
        sent = hostile_transmit(test, frames, want);
        if (sent > 0) {
            have -= (uint32_t)sent;
            memmove(frames, frames + sent, have * sizeof(*frames));
        }
    }
    assert_int_equal(sent, IXY_E_DEVICE);
    hostile_free(test, frames, have);
    hostile_expect_reason(test, part);
}
