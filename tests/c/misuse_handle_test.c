/* Misuse of handles, each case with every function that takes one: 0, closed twice, closed, closed and its slot used
 * again, of another kind, forged. (docs/abi.md, "Misuse", a to f.) */
#include "tests/c/misuse_calls.h"

#include <stdio.h>

struct world {
    uint64_t pool, device;
    ixy_view view;
    ixy_frame frame;
};

static struct world world_open(void)
{
    struct world world = {.pool = test_pool(4096)};
    world.view = test_view(world.pool);
    world.device = test_device(INLINE_LOOP, world.pool);
    world.frame = test_frame(world.pool);
    return world;
}

static void world_close(const struct world *world)
{
    assert_int_equal(ixy_buf_free(world->pool, &world->frame, 1), 1);
    assert_int_equal(ixy_device_close(world->device), 0);
    assert_int_equal(ixy_pool_free_count(world->pool), 4096);
    assert_int_equal(ixy_pool_close(world->pool), 0);
    assert_int_equal(ixy_pool_view_release(world->view.view), 0);
}

/* All there is works. */
static void world_check(const struct world *world)
{
    ixy_frame sent = test_frame(world->pool), received;
    assert_int_equal(ixy_tx_batch(world->device, 0, &sent, 1), 1);
    assert_int_equal(ixy_rx_batch(world->device, 0, &received, 1), 1);
    assert_int_equal(ixy_buf_free(world->pool, &received, 1), 1);
    assert_int_equal(world->view.owner[world->frame.buf & world->view.index_mask], world->frame.buf);
}

static void refuse(uint64_t handle, int32_t code, int kinds)
{
    const char *wrong = misuse_refused(handle, code, kinds);
    if (wrong != NULL)
        fail_msg("%s", wrong);
}

static void test_no_handle(void **state)
{
    (void)state;
    struct world world = world_open();
    refuse(0, IXY_E_HANDLE, MISUSE_ALL);
    world_check(&world);
    world_close(&world);
    refuse(0, IXY_E_HANDLE, MISUSE_ALL); /* nor when nothing is open */
}

/* The first close counts; the second one, and whatever else, is an error. */
static void test_closed(void **state)
{
    (void)state;
    struct world world = world_open();
    world_close(&world);
    refuse(world.device, IXY_E_HANDLE, MISUSE_ALL);
    refuse(world.pool, IXY_E_HANDLE, MISUSE_ALL);
    refuse(world.view.view, IXY_E_HANDLE, MISUSE_ALL);
}

static void test_stale(void **state)
{
    (void)state;
    struct world before[20], now;
    for (uint32_t i = 0; i < 20; i++) {
        before[i] = world_open();
        world_close(&before[i]);
    }
    now = world_open(); /* in the same slots */
    assert_int_equal(now.device & 0x3FFFF, before[0].device & 0x3FFFF);
    for (uint32_t i = 0; i < 20; i++) {
        refuse(before[i].device, IXY_E_HANDLE, MISUSE_ALL);
        refuse(before[i].pool, IXY_E_HANDLE, MISUSE_ALL);
        refuse(before[i].view.view, IXY_E_HANDLE, MISUSE_ALL);
        assert_int_equal(ixy_buf_free(now.pool, &before[i].frame, 1), IXY_E_HANDLE);
    }
    world_check(&now);
    world_close(&now);
}

static void test_other_kind(void **state)
{
    (void)state;
    struct world world = world_open();
    refuse(world.device, IXY_E_HANDLE, MISUSE_POOLS | MISUSE_VIEWS);
    refuse(world.pool, IXY_E_HANDLE, MISUSE_DEVICES | MISUSE_VIEWS);
    refuse(world.view.view, IXY_E_HANDLE, MISUSE_POOLS | MISUSE_DEVICES);
    refuse(world.frame.buf, IXY_E_HANDLE, MISUSE_ALL);
    const uint64_t others[] = {world.device, world.pool, world.view.view};
    for (uint32_t i = 0; i < 3; i++) {
        ixy_frame frame = world.frame;
        frame.buf = others[i];
        assert_int_equal(ixy_buf_free(world.pool, &frame, 1), IXY_E_HANDLE);
        assert_int_equal(ixy_tx_batch(world.device, 0, &frame, 1), IXY_E_HANDLE);
    }
    world_check(&world);
    world_close(&world);
}

/* Each handle with each of its 64 bits the other way, and numbers that nobody would think of. */
static void test_forged(void **state)
{
    (void)state;
    struct world world = world_open();
    const uint64_t right[] = {world.device, world.pool, world.view.view, world.frame.buf};
    static const uint64_t odd[] = {1, INT32_MAX, UINT32_MAX, (uint64_t)1 << 63, UINT64_MAX, 0x5555555555555555};
    for (uint32_t i = 0; i < 4; i++)
        for (uint32_t bit = 0; bit < 64; bit++) {
            uint64_t forged = right[i] ^ (uint64_t)1 << bit;
            if (forged != world.device && forged != world.pool && forged != world.view.view) /* kinds differ in a bit */
                refuse(forged, IXY_E_HANDLE, MISUSE_ALL);
        }
    for (uint32_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        refuse(odd[i], IXY_E_HANDLE, MISUSE_ALL);
    world_check(&world);
    world_close(&world);
}

/* A text stands until the next failure: calls that succeed leave it, and so do hot calls that fail. */
static void text_stands(const char *address)
{
    char text[IXY_TEXT_MAX];
    assert_int_equal(ixy_device_open("emu:nothing", NULL, &(uint64_t){0}), IXY_E_ADDRESS);
    strcpy(text, ixy_last_error());
    uint64_t pool = test_pool(4096), device = test_device(address, pool);
    ixy_view view = test_view(pool);
    assert_int_equal(ixy_rx_batch(device, 99, NULL, 0), IXY_E_RANGE);
    assert_int_equal(ixy_buf_alloc(0, NULL, 0), IXY_E_HANDLE);
    assert_string_equal(ixy_last_error(), text);
    const uint64_t right[] = {[MISUSE_POOL] = pool, [MISUSE_DEVICE] = device, [MISUSE_VIEW] = view.view};
    uint32_t succeeded = 0;
    for (uint32_t i = 0; i < misuse_call_count; i++) {
        const struct misuse_call *call = &misuse_calls[i];
        if (strcmp(call->name, "ixy_rx_wait") == 0 || strcmp(call->name, "ixy_pool_view") == 0 ||
            strcmp(call->name, "ixy_pool_close") == 0 || strcmp(call->name, "ixy_device_open") == 0)
            continue; /* it waits without end; these leave something open, or close too early */
        if (call->call(right[call->kind]) >= 0) {
            succeeded++;
            assert_string_equal(ixy_last_error(), text);
        } else if (call->tells) { /* started twice, no interrupts: a text of its own */
            assert_string_not_equal(ixy_last_error(), text);
            assert_int_equal(ixy_device_open("emu:nothing", NULL, &(uint64_t){0}), IXY_E_ADDRESS);
        }
    }
    assert_true(succeeded >= 14);
    assert_int_equal(ixy_pool_close(pool), 0);
    assert_string_equal(ixy_last_error(), text);
}

static void test_text_stands(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < TEST_FAMILIES; i++)
        text_stands(test_families[i]);
    text_stands(INLINE_LOOP);
    text_stands("emu:virtio,timing=inline,wire=gen,csum=on");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_handle),  cmocka_unit_test(test_closed), cmocka_unit_test(test_stale),
        cmocka_unit_test(test_other_kind), cmocka_unit_test(test_forged), cmocka_unit_test(test_text_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
