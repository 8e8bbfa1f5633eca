/* The safety table in C: the ABI's frames with its checked copies, and the same with a raw view for the bytes. The
 * third row, the core without any check, is in safety_static.c; the columns of what happens around a call are in
 * safety_around.c. */
#include "tests/c/safety_support.h"

#include "abi/objects.h"

#define ABI "C/ABI"
#define RAW "C/raw view"

struct world {
    uint64_t pool, device;
    ixy_view view;
    ixy_frame frame; /* the caller's, 60 bytes of 0xA1 */
    ixy_frame next;  /* the caller's too, 60 bytes of 0xB2, in the buffer behind it */
};

static ixy_frame filled(struct world *world, uint8_t byte)
{
    uint8_t bytes[60];
    ixy_frame frame = test_frame(world->pool);
    memset(bytes, byte, sizeof(bytes));
    assert_int_equal(ixy_buf_write(world->pool, &frame, 0, bytes, sizeof(bytes)), sizeof(bytes));
    return frame;
}

static int set_up(void **state)
{
    static struct world made;
    made = (struct world){.pool = test_pool(SAFETY_BUFFERS)};
    made.view = test_view(made.pool);
    ixy_device_config config = {
        .struct_size = sizeof(config), .pool = made.pool, .rx_ring_size = 64, .tx_ring_size = 64};
    assert_int_equal(ixy_device_open(INLINE_LOOP, &config, &made.device), 0);
    assert_int_equal(ixy_device_start(made.device), 0);
    do {
        made.frame = filled(&made, 0xA1);
        made.next = filled(&made, 0xB2);
    } while (made.next.offset != made.frame.offset + made.view.buffer_stride);
    *state = &made;
    return 0;
}

/* Some tests closed something already. */
static int tear_down(void **state)
{
    struct world *world = *state;
    ixy_device_close(world->device);
    ixy_pool_close(world->pool);
    return ixy_pool_view_release(world->view.view);
}

static uint8_t *raw(const struct world *world, const ixy_frame *frame)
{
    return world->view.base + frame->offset;
}

/* ---- bytes ---- */

static const uint32_t far_away[] = {60, 61, 4096, 1u << 16, 1u << 31, UINT32_MAX}; /* UINT32_MAX: one before */

static void test_out_of_bounds_read(void **state)
{
    struct world *world = *state;
    uint8_t byte = 0x55;
    for (size_t i = 0; i < sizeof(far_away) / sizeof(far_away[0]); i++)
        assert_int_equal(ixy_buf_read(world->pool, &world->frame, far_away[i], &byte, 1), IXY_E_RANGE);
    ixy_frame longer = world->frame; /* frames are the caller's to change: the buffer's bounds hold all the same */
    longer.len = UINT16_MAX;
    assert_int_equal(ixy_buf_read(world->pool, &longer, 0, &byte, 1), IXY_E_FRAME);
    longer = world->frame;
    longer.offset = world->next.offset;
    assert_int_equal(ixy_buf_read(world->pool, &longer, 0, &byte, 1), IXY_E_FRAME);
    assert_int_equal(byte, 0x55);
    safety_mark(ABI, "out of bounds read", RUN_TIME, "IXY_E_RANGE, and IXY_E_FRAME of a frame that leaves its buffer");

    assert_int_equal(raw(world, &world->frame)[world->view.buffer_stride], 0xB2);
    safety_mark(RAW, "out of bounds read", NOT_CAUGHT, "a pointer has no end: the next packet is read");
}

static void test_out_of_bounds_write(void **state)
{
    struct world *world = *state;
    const uint8_t byte = 0x55;
    for (size_t i = 0; i < sizeof(far_away) / sizeof(far_away[0]); i++)
        assert_int_equal(ixy_buf_write(world->pool, &world->frame, far_away[i], &byte, 1), IXY_E_RANGE);
    ixy_frame longer = world->frame;
    longer.len = UINT16_MAX;
    assert_int_equal(ixy_buf_write(world->pool, &longer, 0, &byte, 1), IXY_E_FRAME);
    for (uint64_t i = 0; i < world->view.size; i++)
        assert_int_not_equal(world->view.base[i], 0x55);
    safety_mark(ABI, "out of bounds write", RUN_TIME, "IXY_E_RANGE, and IXY_E_FRAME of a frame that leaves its buffer");

    raw(world, &world->frame)[world->view.buffer_stride] = 0x55;
    assert_int_equal(raw(world, &world->next)[0], 0x55);
    safety_mark(RAW, "out of bounds write", NOT_CAUGHT, "a pointer has no end: the next packet is changed");
}

static void test_use_after_transmit(void **state)
{
    struct world *world = *state;
    uint8_t byte = 0x55;
    uint8_t *bytes = raw(world, &world->frame);
    assert_int_equal(ixy_tx_batch(world->device, 0, &world->frame, 1), 1);
    assert_int_equal(ixy_buf_read(world->pool, &world->frame, 0, &byte, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_buf_write(world->pool, &world->frame, 0, &byte, 1), IXY_E_HANDLE);
    ixy_metadata metadata = {0};
    assert_int_equal(ixy_buf_metadata(world->pool, &world->frame, &metadata), IXY_E_HANDLE);
    assert_int_equal(ixy_buf_metadata_set(world->pool, &world->frame, &metadata), IXY_E_HANDLE);
    assert_int_equal(byte, 0x55);
    assert_int_equal(bytes[0], 0xA1);
    safety_mark(ABI, "use after transmit", RUN_TIME, "IXY_E_HANDLE");

    bytes[0] = 0x55; /* as the device has it */
    assert_int_equal(bytes[0], 0x55);
    safety_mark(RAW, "use after transmit", NOT_CAUGHT,
                "the bytes of a packet that the device has are read and changed");
}

static void test_use_after_free(void **state)
{
    struct world *world = *state;
    uint8_t byte = 0x55, *bytes = raw(world, &world->frame);
    assert_int_equal(ixy_buf_free(world->pool, &world->frame, 1), 1);
    assert_int_equal(ixy_buf_read(world->pool, &world->frame, 0, &byte, 1), IXY_E_HANDLE);
    ixy_frame again = filled(world, 0xC3); /* the same buffer, for somebody else */
    assert_int_equal(again.offset, world->frame.offset);
    assert_int_equal(ixy_buf_read(world->pool, &world->frame, 0, &byte, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_buf_write(world->pool, &world->frame, 0, &byte, 1), IXY_E_HANDLE);
    assert_int_equal(byte, 0x55);
    assert_int_equal(bytes[0], 0xC3);
    safety_mark(ABI, "use after free", RUN_TIME, "IXY_E_HANDLE, also when the buffer was handed out again");

    bytes[0] = 0x55;
    assert_int_equal(ixy_buf_read(world->pool, &again, 0, &byte, 1), 1);
    assert_int_equal(byte, 0x55);
    safety_mark(RAW, "use after free", NOT_CAUGHT, "the buffer's next packet is changed");
}

/* ---- handles: a raw view's row makes the same calls ---- */

static void mark_both(const char *column, const char *detail)
{
    safety_mark(ABI, column, RUN_TIME, detail);
    safety_mark(RAW, column, RUN_TIME, detail);
}

static void test_double_free(void **state)
{
    struct world *world = *state;
    ixy_frame twice[2] = {world->frame, world->frame};
    int32_t before = ixy_pool_free_count(world->pool);
    assert_int_equal(ixy_buf_free(world->pool, twice, 2), 1);
    assert_int_equal(ixy_buf_free(world->pool, &world->frame, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_pool_free_count(world->pool), before + 1);
    mark_both("double free", "IXY_E_HANDLE, and in one batch the second is not counted");
}

static void test_double_transmit(void **state)
{
    struct world *world = *state;
    ixy_frame twice[2] = {world->next, world->next}, received[4];
    assert_int_equal(ixy_tx_batch(world->device, 0, &world->frame, 1), 1);
    assert_int_equal(ixy_tx_batch(world->device, 0, &world->frame, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_tx_batch(world->device, 0, twice, 2), 1);
    assert_int_equal(ixy_buf_free(world->pool, &world->next, 1), IXY_E_HANDLE); /* it is in flight */
    assert_int_equal(ixy_rx_batch(world->device, 0, received, 4), 2);
    assert_int_equal(ixy_emu_violation(world->device, 0, NULL, 0), 0);
    mark_both("double transmit", "IXY_E_HANDLE, and in one batch the second is not counted");
}

static void test_foreign_handle(void **state)
{
    struct world *world = *state;
    uint64_t other = test_pool(SAFETY_BUFFERS);
    ixy_frame foreign = test_frame(other);
    uint8_t byte = 0x55;
    assert_int_equal(ixy_buf_read(world->pool, &foreign, 0, &byte, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_buf_write(world->pool, &foreign, 0, &byte, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_buf_free(world->pool, &foreign, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_tx_batch(world->device, 0, &foreign, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_buf_free(other, &world->frame, 1), IXY_E_HANDLE);
    assert_int_equal(byte, 0x55);
    assert_int_equal(ixy_buf_free(other, &foreign, 1), 1);
    assert_int_equal(ixy_pool_close(other), 0);
    mark_both("foreign handle", "IXY_E_HANDLE");
}

static void test_forged_handle(void **state)
{
    struct world *world = *state;
    const uint64_t forged[] = {0,
                               1,
                               UINT64_MAX,
                               world->frame.buf & world->view.index_mask,
                               world->frame.buf + ((uint64_t)1 << 25),
                               world->frame.buf ^ (uint64_t)1 << 40,
                               world->frame.buf | (uint64_t)1 << 63};
    uint8_t byte = 0x55;
    for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
        ixy_frame frame = world->frame;
        frame.buf = forged[i];
        assert_int_equal(ixy_buf_write(world->pool, &frame, 0, &byte, 1), IXY_E_HANDLE);
        assert_int_equal(ixy_buf_free(world->pool, &frame, 1), IXY_E_HANDLE);
        assert_int_equal(ixy_tx_batch(world->device, 0, &frame, 1), IXY_E_HANDLE);
        assert_int_equal(ixy_buf_alloc(forged[i], &frame, 1), IXY_E_HANDLE);
        assert_int_equal(ixy_rx_batch(forged[i], 0, &frame, 1), IXY_E_HANDLE);
        assert_int_equal(ixy_device_close(forged[i]), IXY_E_HANDLE);
        assert_int_equal(ixy_pool_close(forged[i]), IXY_E_HANDLE);
    }
    assert_int_equal(ixy_rx_batch(world->pool, 0, &world->frame, 1), IXY_E_HANDLE); /* of another kind */
    assert_int_equal(raw(world, &world->frame)[0], 0xA1);
    mark_both("forged handle", "IXY_E_HANDLE");
}

static void test_use_after_device_close(void **state)
{
    struct world *world = *state;
    ixy_stats stats = {.struct_size = sizeof(stats)};
    ixy_frame received;
    assert_int_equal(ixy_device_close(world->device), 0);
    assert_int_equal(ixy_rx_batch(world->device, 0, &received, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_tx_batch(world->device, 0, &world->frame, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_device_stats(world->device, &stats), IXY_E_HANDLE);
    assert_int_equal(ixy_device_reset(world->device), IXY_E_HANDLE);
    assert_int_equal(ixy_rx_wait(world->device, 0, 0), IXY_E_HANDLE);
    assert_int_equal(ixy_device_close(world->device), IXY_E_HANDLE);
    uint64_t next = test_device(INLINE_LOOP, world->pool); /* in its slot */
    assert_int_equal(ixy_rx_batch(world->device, 0, &received, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_device_close(next), 0);
    mark_both("use after device close", "IXY_E_HANDLE, also when another device took its place");
}

static void test_integer_overflow(void **state)
{
    struct world *world = *state;
    static const uint32_t numbers[] = {1u << 16, 1u << 31, UINT32_MAX, UINT32_MAX - 59};
    uint8_t bytes[60] = {0};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        ixy_frame frame = world->frame;
        assert_int_equal(ixy_buf_read(world->pool, &frame, numbers[i], bytes, 60), IXY_E_RANGE);
        assert_int_equal(ixy_buf_read(world->pool, &frame, 60, bytes, numbers[i]), IXY_E_RANGE);
        assert_int_equal(ixy_buf_write(world->pool, &frame, numbers[i], bytes, 60), IXY_E_RANGE);
        assert_int_equal(ixy_buf_alloc(world->pool, &frame, numbers[i]), IXY_E_RANGE);
        assert_int_equal(ixy_buf_free(world->pool, &frame, numbers[i]), IXY_E_RANGE);
        assert_int_equal(ixy_rx_batch(world->device, 0, &frame, numbers[i]), IXY_E_RANGE);
        assert_int_equal(ixy_tx_batch(world->device, 0, &frame, numbers[i]), IXY_E_RANGE);
        assert_int_equal(ixy_tx_batch(world->device, numbers[i], &frame, 1), IXY_E_RANGE);
        frame.offset = numbers[i];
        assert_int_equal(ixy_buf_read(world->pool, &frame, 0, bytes, 1), IXY_E_FRAME);
        assert_int_equal(ixy_tx_batch(world->device, 0, &frame, 1), IXY_E_FRAME);
    }
    safety_mark(ABI, "integer overflow", RUN_TIME, "IXY_E_RANGE, IXY_E_FRAME");

    uint32_t wrapping = world->frame.offset + (UINT32_MAX - world->frame.offset) + 1 + world->next.offset;
    assert_int_equal(world->view.base[wrapping], 0xB2);
    safety_mark(RAW, "integer overflow", NOT_CAUGHT, "an offset that wraps is an offset: another packet is read");
}

static int32_t receive_as_second(void *argument)
{
    ixy_frame frame;
    return ixy_rx_batch(*(uint64_t *)argument, 0, &frame, 1);
}

static void test_two_threads_on_one_queue(void **state)
{
    struct world *world = *state;
    ixy_frame received;
    assert_int_equal(ixy_tx_batch(world->device, 0, &world->frame, 1), 1);
    safety_let_second_in(device_slot_find(world->device)->device->bus, receive_as_second, &world->device);
    assert_int_equal(ixy_rx_batch(world->device, 0, &received, 1), 1); /* the first one's call goes on */
    assert_int_equal(safety_second.result, IXY_E_BUSY);
    mark_both("two threads on one queue", "IXY_E_BUSY");
}

static void test_view_after_pool_close(void **state)
{
    struct world *world = *state;
    uint8_t byte = 0x55;
    assert_int_equal(ixy_device_close(world->device), 0);
    assert_int_equal(ixy_pool_close(world->pool), 0);
    assert_int_equal(ixy_buf_read(world->pool, &world->frame, 0, &byte, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_buf_write(world->pool, &world->frame, 0, &byte, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_buf_free(world->pool, &world->frame, 1), IXY_E_HANDLE);
    assert_int_equal(byte, 0x55);
    safety_mark(ABI, "view after pool close", RUN_TIME, "IXY_E_HANDLE");

    assert_int_equal(raw(world, &world->frame)[0], 0);
    raw(world, &world->frame)[0] = 0x55; /* nobody else has this page */
    assert_int_equal(world->view.owner[world->frame.buf & world->view.index_mask], 0);
    safety_mark(RAW, "view after pool close", NOT_CAUGHT,
                "zeroes are read, and what is written reaches nobody, until the view is released");
}

static int child_uses_handles(void *argument)
{
    struct world *world = argument;
    ixy_frame frame;
    ixy_link link = {.struct_size = sizeof(link)};
    uint8_t byte = 0;
    if (ixy_buf_read(world->pool, &world->frame, 0, &byte, 1) != IXY_E_FORK ||
        ixy_buf_free(world->pool, &world->frame, 1) != IXY_E_FORK || ixy_pool_close(world->pool) != IXY_E_FORK)
        return 1;
    if (ixy_rx_batch(world->device, 0, &frame, 1) != IXY_E_FORK ||
        ixy_tx_batch(world->device, 0, &world->frame, 1) != IXY_E_FORK ||
        ixy_device_link(world->device, &link) != IXY_E_FORK)
        return 2;
    if (raw(world, &world->frame)[0] != 0)
        return 3;
    raw(world, &world->frame)[0] = 0x55;
    return 0;
}

static void test_handle_after_fork(void **state)
{
    struct world *world = *state;
    uint8_t byte = 0;
    safety_in_child(child_uses_handles, world);
    assert_int_equal(ixy_buf_read(world->pool, &world->frame, 0, &byte, 1), 1);
    assert_int_equal(byte, 0xA1); /* not the child's 0x55 */
    safety_mark(ABI, "handle after fork", RUN_TIME, "IXY_E_FORK");
    safety_mark(RAW, "handle after fork", NOT_CAUGHT, "zeroes of the child's own are read; the parent's bytes stay");
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_out_of_bounds_read),
        IN_WORLD(test_out_of_bounds_write),
        IN_WORLD(test_use_after_transmit),
        IN_WORLD(test_use_after_free),
        IN_WORLD(test_double_free),
        IN_WORLD(test_double_transmit),
        IN_WORLD(test_foreign_handle),
        IN_WORLD(test_forged_handle),
        IN_WORLD(test_use_after_device_close),
        IN_WORLD(test_integer_overflow),
        IN_WORLD(test_two_threads_on_one_queue),
        IN_WORLD(test_view_after_pool_close),
        IN_WORLD(test_handle_after_fork),
        cmocka_unit_test(safety_around),
        cmocka_unit_test(safety_static),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
