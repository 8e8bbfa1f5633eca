/* What the ABI's tests share: cmocka with its prerequisites, and the usual set-up of a pool and a device. */
#ifndef TESTS_C_ABI_SUPPORT_H
#define TESTS_C_ABI_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "abi/include/ixy.h"

#define INLINE_LOOP "emu:82599,timing=inline"

/* One device of each kind of ring, with two queues or more of each kind. */
static const char *const test_families[] = {"emu:82599", "emu:virtio,queues=2", "emu:virtio,ring=packed,queues=2"};
#define TEST_FAMILIES (sizeof(test_families) / sizeof(test_families[0]))

static inline uint64_t test_pool(uint32_t buffers)
{
    ixy_pool_config config = {.struct_size = sizeof(config), .buffer_count = buffers};
    uint64_t pool = 0;
    assert_int_equal(ixy_pool_open(&config, &pool), 0);
    assert_true(pool != 0 && pool < (uint64_t)1 << 53);
    return pool;
}

static inline uint64_t test_device(const char *address, uint64_t pool)
{
    ixy_device_config config = {.struct_size = sizeof(config), .pool = pool};
    uint64_t device = 0;
    int32_t code = ixy_device_open(address, &config, &device);
    if (code < 0)
        fail_msg("%s: %s: %s", address, ixy_error_name(code), ixy_last_error());
    assert_int_equal(ixy_device_start(device), 0);
    return device;
}

static inline ixy_view test_view(uint64_t pool)
{
    ixy_view view = {.struct_size = sizeof(view)};
    assert_int_equal(ixy_pool_view(pool, &view), 0);
    return view;
}

/* One buffer of 60 bytes in the caller's hands. */
static inline ixy_frame test_frame(uint64_t pool)
{
    ixy_frame frame;
    assert_int_equal(ixy_buf_alloc(pool, &frame, 1), 1);
    frame.len = 60;
    return frame;
}

#endif
