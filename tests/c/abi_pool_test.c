/* Pools, views and buffers through the ABI: what is right works, what is wrong is its own error. */
#include "tests/c/abi_support.h"

#include <stdlib.h>

#include "abi/objects.h"

static void test_view_describes_pool(void **state)
{
    (void)state;
    uint64_t pool = test_pool(100);
    ixy_view view = test_view(pool);
    assert_int_equal(view.buffer_count, 100);
    assert_int_equal(view.buffer_size, 2048);
    assert_int_equal(view.index_mask, IXY_BUFFERS_MAX - 1);
    assert_int_equal(view.size, (uint64_t)view.buffer_stride * 100);
    assert_int_equal(view.buffer_stride % 128, 64); /* an odd number of cache lines */
    assert_true(view.buffer_stride >= view.headroom + view.buffer_size);
    ixy_frame frame = test_frame(pool);
    uint32_t index = (uint32_t)frame.buf & view.index_mask;
    assert_int_equal(frame.offset, index * view.buffer_stride + view.headroom);
    assert_int_equal(view.owner[index], frame.buf);
    assert_int_equal(ixy_buf_free(pool, &frame, 1), 1);
    assert_int_equal(view.owner[index], 0);
    assert_int_equal(ixy_pool_view_release(view.view), 0);
    assert_int_equal(ixy_pool_view_release(view.view), IXY_E_HANDLE);
    assert_int_equal(ixy_pool_close(pool), 0);
    assert_int_equal(ixy_pool_close(pool), IXY_E_HANDLE);
}

static void test_config_is_checked(void **state)
{
    (void)state;
    uint64_t pool = 0;
    ixy_pool_config config = {.struct_size = sizeof(config)};
    assert_int_equal(ixy_pool_open(NULL, NULL), IXY_E_ARGUMENT);
    config.struct_size = 0;
    assert_int_equal(ixy_pool_open(&config, &pool), IXY_E_STRUCT);
    config.struct_size = sizeof(config) - 1;
    assert_int_equal(ixy_pool_open(&config, &pool), IXY_E_STRUCT);
    config = (ixy_pool_config){.struct_size = sizeof(config), .reserved = 1};
    assert_int_equal(ixy_pool_open(&config, &pool), IXY_E_STRUCT);
    config = (ixy_pool_config){.struct_size = sizeof(config), .buffer_count = IXY_BUFFERS_MAX + 1};
    assert_int_equal(ixy_pool_open(&config, &pool), IXY_E_ARGUMENT);
    assert_non_null(strstr(ixy_last_error(), "262145"));
    config = (ixy_pool_config){.struct_size = sizeof(config), .buffer_size = 1025};
    assert_int_equal(ixy_pool_open(&config, &pool), IXY_E_ARGUMENT);
    /* A newer program on this library: a longer struct is taken while what we do not know is 0. */
    struct {
        ixy_pool_config config;
        uint32_t unknown;
    } longer = {.config = {.struct_size = sizeof(longer), .buffer_count = 8}};
    assert_int_equal(ixy_pool_open(&longer.config, &pool), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
    longer.unknown = 1;
    assert_int_equal(ixy_pool_open(&longer.config, &pool), IXY_E_STRUCT);
}

static void test_counts(void **state)
{
    (void)state;
    uint64_t pool = test_pool(8);
    ixy_frame frames[16];
    assert_int_equal(ixy_buf_alloc(pool, NULL, 0), 0);
    assert_int_equal(ixy_buf_alloc(pool, NULL, 1), IXY_E_ARGUMENT);
    assert_int_equal(ixy_buf_alloc(pool, frames, INT32_MAX), IXY_E_RANGE);
    assert_int_equal(ixy_buf_alloc(pool, frames, UINT32_MAX), IXY_E_RANGE);
    assert_int_equal(ixy_buf_free(pool, frames, UINT32_MAX), IXY_E_RANGE);
    assert_int_equal(ixy_buf_alloc(pool, frames, 16), 8);
    assert_int_equal(ixy_buf_alloc(pool, frames + 8, 1), IXY_E_NO_BUFFERS);
    assert_int_equal(ixy_pool_free_count(pool), 0);
    assert_int_equal(ixy_buf_free(pool, frames, 0), 0);
    assert_int_equal(ixy_buf_free(pool, frames, 8), 8);
    assert_int_equal(ixy_pool_free_count(pool), 8);
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void test_read_and_write(void **state)
{
    (void)state;
    uint64_t pool = test_pool(4);
    ixy_frame frame = test_frame(pool);
    uint8_t bytes[4] = {1, 2, 3, 4}, back[4] = {0};
    assert_int_equal(ixy_buf_write(pool, &frame, 56, bytes, 4), 4);
    assert_int_equal(ixy_buf_read(pool, &frame, 56, back, 4), 4);
    assert_memory_equal(back, bytes, 4);
    assert_int_equal(ixy_buf_read(pool, &frame, 57, back, 4), IXY_E_RANGE);
    assert_int_equal(ixy_buf_read(pool, &frame, UINT32_MAX, back, 4), IXY_E_RANGE);
    assert_int_equal(ixy_buf_read(pool, &frame, 4, back, UINT32_MAX), IXY_E_RANGE);
    assert_int_equal(ixy_buf_read(pool, NULL, 0, back, 1), IXY_E_ARGUMENT);
    assert_int_equal(ixy_buf_read(pool, &frame, 0, NULL, 1), IXY_E_ARGUMENT);
    assert_int_equal(ixy_buf_read(pool, &frame, 60, NULL, 0), 0);
    ixy_frame wild = frame;
    wild.offset = UINT32_MAX;
    assert_int_equal(ixy_buf_write(pool, &wild, 0, bytes, 1), IXY_E_FRAME);
    assert_int_equal(ixy_buf_free(pool, &frame, 1), 1);
    assert_int_equal(ixy_buf_write(pool, &frame, 0, bytes, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_pool_close(pool), 0);
    assert_int_equal(ixy_buf_write(pool, &frame, 0, bytes, 1), IXY_E_HANDLE);
}

/* More pools and views than there may be at once. */
static void test_many_pools(void **state)
{
    (void)state;
    for (int i = 0; i < 3000; i++) {
        uint64_t pool = test_pool(16);
        ixy_view view = test_view(pool);
        assert_int_equal(ixy_pool_close(pool), 0);
        assert_int_equal(ixy_pool_view_release(view.view), 0);
    }
}

static void test_view_outlives_pool(void **state)
{
    (void)state;
    uint64_t pool = test_pool(64);
    ixy_view view = test_view(pool);
    ixy_frame frame = test_frame(pool);
    memset(view.base, 0xA5, view.size);
    assert_int_equal(ixy_pool_close(pool), 0);
    for (uint64_t i = 0; i < view.size; i++)
        assert_int_equal(view.base[i], 0);
    for (uint32_t i = 0; i <= view.index_mask; i++)
        assert_int_equal(view.owner[i], 0);
    view.base[frame.offset] = 1; /* harmless: nobody else sees these pages */
    uint64_t next = test_pool(64);
    ixy_view other = test_view(next);
    assert_ptr_not_equal(other.base, view.base);
    assert_int_equal(ixy_buf_free(next, &frame, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_pool_view_release(view.view), 0);
    assert_int_equal(ixy_pool_view_release(other.view), 0);
    assert_int_equal(ixy_pool_close(next), 0);
}

static void test_handles_do_not_repeat_across_pools(void **state)
{
    (void)state;
    uint64_t seen[64];
    for (uint32_t round = 0; round < 8; round++) {
        uint64_t pool = test_pool(1);
        for (uint32_t i = 0; i < 8; i++) {
            ixy_frame frame = test_frame(pool);
            for (uint32_t k = 0; k < round * 8 + i; k++)
                assert_true(seen[k] != frame.buf);
            seen[round * 8 + i] = frame.buf;
            assert_int_equal(ixy_buf_free(pool, &frame, 1), 1);
        }
        assert_int_equal(ixy_pool_close(pool), 0);
    }
}

/* The documented limit: after 2^28 moves of one buffer its handles repeat, and nothing else goes wrong. */
static void test_generation_wraps(void **state)
{
    (void)state;
    uint64_t pool = test_pool(1);
    ixy_frame first = test_frame(pool);
    assert_int_equal(ixy_buf_free(pool, &first, 1), 1);
    uint64_t *next = &object_pools[handle_slot(pool)].pool->free[0];
    *next = (*next - ((uint64_t)2 << OWNERSHIP_GENERATION_SHIFT)) & OWNERSHIP_TOKEN_MASK; /* 2^28 - 2 moves later */
    ixy_frame before = test_frame(pool);
    assert_true(before.buf != first.buf && before.buf < (uint64_t)1 << 53);
    assert_int_equal(ixy_buf_free(pool, &before, 1), 1);
    ixy_frame again = test_frame(pool);
    assert_true(again.buf == first.buf);
    assert_int_equal(ixy_buf_free(pool, &again, 1), 1);
    assert_int_equal(ixy_pool_close(pool), 0);
}

/* Any 64 bits may be passed as any handle. */
static void test_random_handles(void **state)
{
    (void)state;
    uint64_t pool = test_pool(64);
    ixy_frame frame = test_frame(pool);
    uint64_t random = 0x9E3779B97F4A7C15u;
    uint8_t byte;
    for (uint32_t i = 0; i < 200000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        uint64_t handle = i % 2 == 0 ? random : frame.buf ^ (uint64_t)1 << random % 64;
        ixy_frame forged = frame;
        forged.buf = handle;
        if (handle == frame.buf || handle == pool)
            continue;
        assert_int_equal(ixy_buf_free(pool, &forged, 1), IXY_E_HANDLE);
        assert_int_equal(ixy_buf_read(pool, &forged, 0, &byte, 1), IXY_E_HANDLE);
        assert_int_equal(ixy_buf_alloc(handle, &forged, 1), IXY_E_HANDLE);
        assert_int_equal(ixy_rx_batch(handle, 0, &forged, 1), IXY_E_HANDLE);
        assert_int_equal(ixy_pool_view_release(handle), IXY_E_HANDLE);
        assert_int_equal(ixy_pool_close(handle), IXY_E_HANDLE);
        assert_int_equal(ixy_device_close(handle), IXY_E_HANDLE);
    }
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void test_limits(void **state)
{
    (void)state;
    uint64_t pools[IXY_POOLS_MAX], one_more;
    ixy_pool_config config = {.struct_size = sizeof(config), .buffer_count = 1};
    for (uint32_t i = 0; i < IXY_POOLS_MAX; i++)
        assert_int_equal(ixy_pool_open(&config, &pools[i]), 0);
    assert_int_equal(ixy_pool_open(&config, &one_more), IXY_E_LIMIT);
    for (uint32_t i = 0; i < IXY_POOLS_MAX; i++)
        assert_int_equal(ixy_pool_close(pools[i]), 0);
}

static void test_every_code_has_a_text(void **state)
{
    (void)state;
    for (int32_t code = IXY_E_LIMIT; code <= IXY_OK; code++) {
        assert_string_not_equal(ixy_error_name(code), "IXY_E_UNKNOWN");
        assert_true(strlen(ixy_strerror(code)) > 5);
    }
    assert_string_equal(ixy_error_name(-1000), "IXY_E_UNKNOWN");
    assert_string_equal(ixy_error_name(IXY_E_HANDLE), "IXY_E_HANDLE");
    assert_int_equal(ixy_abi_version(), IXY_ABI_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view_describes_pool),
        cmocka_unit_test(test_config_is_checked),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_read_and_write),
        cmocka_unit_test(test_many_pools),
        cmocka_unit_test(test_view_outlives_pool),
        cmocka_unit_test(test_handles_do_not_repeat_across_pools),
        cmocka_unit_test(test_generation_wraps),
        cmocka_unit_test(test_random_handles),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_every_code_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
