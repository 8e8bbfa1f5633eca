/* A device that failed: the packet path says so at once, the link says why, and a reset starts it again with every
 * buffer accounted for. And what driver and device agreed upon. */
#include "tests/c/abi_support.h"

#include "abi/objects.h"
#include "core/bus/bus.h"

#define RING_BUFFERS 2048

static const char *const failed_addresses[] = {"emu:82599,timing=inline", "emu:virtio,timing=inline",
                                               "emu:virtio,ring=packed,timing=inline"};

static struct bus *bus_of(uint64_t device)
{
    struct device_slot *slot = device_slot_find(device);
    assert_non_null(slot);
    return slot->device->bus;
}

static void send_and_receive(uint64_t pool, uint64_t device)
{
    ixy_frame frames[8] = {test_frame(pool)};
    uint8_t bytes[60];
    memset(bytes, 0xA5, sizeof(bytes));
    assert_int_equal(ixy_buf_write(pool, &frames[0], 0, bytes, sizeof(bytes)), sizeof(bytes));
    assert_int_equal(ixy_tx_batch(device, 0, frames, 1), 1);
    int32_t received = 0;
    for (int tries = 0; tries < 10 && received == 0; tries++)
        received = ixy_rx_batch(device, 0, frames, 8);
    assert_int_equal(received, 1);
    assert_int_equal(ixy_buf_free(pool, frames, 1), 1);
}

static void fail_and_reset(const char *address)
{
    uint64_t pool = test_pool(RING_BUFFERS), device = test_device(address, pool);
    ixy_link link = {.struct_size = sizeof(link)};
    send_and_receive(pool, device);
    ixy_frame kept = test_frame(pool), frames[8];

    bus_fail(bus_of(device), "the cat sat on %s", "the card");
    bus_fail(bus_of(device), "a later reason");
    for (int again = 0; again < 3; again++) {
        assert_int_equal(ixy_rx_batch(device, 0, frames, 8), IXY_E_DEVICE);
        assert_int_equal(ixy_tx_batch(device, 0, &kept, 1), IXY_E_DEVICE);
        assert_int_equal(ixy_tx_batch(device, 0, &kept, 0), IXY_E_DEVICE);
    }
    assert_int_equal(ixy_rx_batch(device, 1, frames, 8), IXY_E_RANGE);
    assert_int_equal(ixy_device_link(device, &link), IXY_E_DEVICE);
    assert_non_null(strstr(ixy_last_error(), address));
    assert_non_null(strstr(ixy_last_error(), "the cat sat on the card"));
    assert_non_null(strstr(ixy_last_error(), "ixy_device_reset"));

    assert_int_equal(ixy_device_reset(device), 0);
    assert_int_equal(ixy_device_link(device, &link), 0);
    send_and_receive(pool, device);
    assert_int_equal(ixy_buf_free(pool, &kept, 1), 1); /* the refused frame stayed the caller's */

    bus_fail(bus_of(device), "failed when it was closed");
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), RING_BUFFERS);
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void test_failed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(failed_addresses) / sizeof(failed_addresses[0]); i++)
        fail_and_reset(failed_addresses[i]);
}

static bool has_feature(uint64_t device, const char *wanted)
{
    char text[IXY_TEXT_MAX];
    int32_t count = ixy_device_feature(device, 0, NULL, 0);
    assert_true(count >= 0);
    bool found = false;
    for (int32_t i = 0; i < count; i++) {
        assert_int_equal(ixy_device_feature(device, (uint32_t)i, text, sizeof(text)), count);
        assert_true(text[0] != '\0');
        found = found || strcmp(text, wanted) == 0;
    }
    memset(text, 'x', sizeof(text));
    assert_int_equal(ixy_device_feature(device, (uint32_t)count, text, sizeof(text)), count);
    assert_string_equal(text, "");
    return found;
}

static void test_features(void **state)
{
    (void)state;
    uint64_t pool = test_pool(4 * RING_BUFFERS);
    uint64_t intel = test_device(failed_addresses[0], pool), split = test_device(failed_addresses[1], pool),
             packed = test_device(failed_addresses[2], pool);
    assert_int_equal(ixy_device_feature(intel, 0, NULL, 0), 0);
    assert_true(has_feature(split, "VERSION_1") && !has_feature(split, "RING_PACKED"));
    assert_true(has_feature(packed, "VERSION_1") && has_feature(packed, "RING_PACKED"));

    char text[4];
    memset(text, 'x', sizeof(text));
    assert_true(ixy_device_feature(packed, 0, text, sizeof(text) - 1) > 0);
    assert_int_equal(strlen(text), 2); /* cut, with its NUL */
    assert_int_equal(text[3], 'x');
    assert_int_equal(ixy_device_feature(packed, 0, NULL, 1), IXY_E_ARGUMENT);
    assert_int_equal(ixy_device_feature(packed + 1, 0, text, sizeof(text)), IXY_E_HANDLE);
    assert_int_equal(ixy_device_feature(pool, 0, text, sizeof(text)), IXY_E_HANDLE);

    assert_int_equal(ixy_device_close(intel), 0);
    assert_int_equal(ixy_device_close(split), 0);
    assert_int_equal(ixy_device_close(packed), 0);
    assert_int_equal(ixy_device_feature(packed, 0, text, sizeof(text)), IXY_E_HANDLE);
    assert_int_equal(ixy_pool_close(pool), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_failed), cmocka_unit_test(test_features)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
