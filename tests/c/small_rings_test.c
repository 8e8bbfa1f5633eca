/* Rings smaller than what the models look at in one go: the driver does nothing wrong, and the model says so. */
#include "tests/c/abi_support.h"

#include <stdio.h>

static void forward_a_while(const char *address)
{
    uint64_t pool = test_pool(2048), device = test_device(address, pool);
    ixy_frame frames[64];
    uint32_t received = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        int32_t count = ixy_buf_alloc(pool, frames, 1 + i % 32);
        for (int32_t f = 0; f < count; f++)
            frames[f].len = 60;
        int32_t sent = ixy_tx_batch(device, 0, frames, (uint32_t)count);
        assert_true(sent >= 0);
        assert_int_equal(ixy_buf_free(pool, frames + sent, (uint32_t)(count - sent)), count - sent);
        int32_t got = ixy_rx_batch(device, 0, frames, 64);
        assert_true(got >= 0);
        assert_int_equal(ixy_buf_free(pool, frames, (uint32_t)got), got);
        received += (uint32_t)got;
    }
    char text[IXY_TEXT_MAX] = "";
    if (ixy_emu_violation(device, 0, text, sizeof(text)) != 0)
        fail_msg("%s: %s", address, text);
    assert_true(received > 1000);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void test_rings(void **state)
{
    static const char *const options[] = {"ring=packed", "ring=packed,events=on", "ring=packed,inorder=on",
                                          "ring=split"};
    (void)state;
    for (uint32_t size = 4; size <= 128; size = size < 64 ? size + 3 : size * 2) {
        for (uint32_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
            char address[128];
            if (i == 3 && (size & (size - 1)) != 0)
                continue; /* a split ring's size is a power of two */
            snprintf(address, sizeof(address), "emu:virtio,timing=inline,%s,ring_size=%u", options[i], size);
            forward_a_while(address);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
