/* Misuse of what is not a handle: null pointers, queues that are not there, counts, calls out of their order, struct
 * sizes, reserved bytes, a pool closed too early. (docs/abi.md, "Misuse", a and n to t.) */
#include "tests/c/abi_support.h"

#include <stdbool.h>
#include <stdlib.h>

static void expect(int32_t code, int32_t right, const char *part)
{
    if (code != right || strstr(ixy_last_error(), part) == NULL)
        fail_msg("%s, \"%s\"; right is %s and a text with \"%s\"", ixy_error_name(code), ixy_last_error(),
                 ixy_error_name(right), part);
}

static uint64_t open_unstarted(const char *address, uint64_t pool)
{
    ixy_device_config config = {.struct_size = sizeof(config), .pool = pool, .rx_queues = 2, .tx_queues = 2};
    uint64_t device = 0;
    expect(ixy_device_open(address, &config, &device), 0, "");
    return device;
}

static void test_null_pointers(void **state)
{
    (void)state;
    uint64_t pool = test_pool(8192), device = open_unstarted("emu:82599,timing=inline", pool);
    ixy_frame frame = test_frame(pool);
    ixy_metadata metadata = {0};
    expect(ixy_pool_open(NULL, NULL), IXY_E_ARGUMENT, "pool is NULL");
    expect(ixy_pool_view(pool, NULL), IXY_E_ARGUMENT, "ixy_view is NULL");
    expect(ixy_device_open(NULL, NULL, &device), IXY_E_ARGUMENT, "address is NULL");
    expect(ixy_device_open(INLINE_LOOP, NULL, NULL), IXY_E_ARGUMENT, "device is NULL");
    expect(ixy_device_find(0, NULL), IXY_E_ARGUMENT, "ixy_found is NULL");
    expect(ixy_device_info(device, NULL), IXY_E_ARGUMENT, "ixy_info is NULL");
    expect(ixy_device_link(device, NULL), IXY_E_ARGUMENT, "ixy_link is NULL");
    expect(ixy_device_stats(device, NULL), IXY_E_ARGUMENT, "ixy_stats is NULL");
    expect(ixy_device_queue_stats(device, 0, NULL), IXY_E_ARGUMENT, "ixy_queue_stats is NULL");
    expect(ixy_device_feature(device, 0, NULL, 1), IXY_E_ARGUMENT, "text is NULL");
    expect(ixy_device_mac(device, NULL), IXY_E_ARGUMENT, "mac is NULL");
    expect(ixy_device_mac_set(device, NULL), IXY_E_ARGUMENT, "mac is NULL");
    expect(ixy_emu_counters_get(device, NULL), IXY_E_ARGUMENT, "ixy_emu_counters is NULL");
    expect(ixy_emu_meter_get(device, NULL), IXY_E_ARGUMENT, "ixy_emu_meter is NULL");
    expect(ixy_emu_violation(device, 0, NULL, 1), IXY_E_ARGUMENT, "text is NULL");
    assert_int_equal(ixy_buf_alloc(pool, NULL, 1), IXY_E_ARGUMENT);
    assert_int_equal(ixy_buf_free(pool, NULL, 1), IXY_E_ARGUMENT);
    assert_int_equal(ixy_buf_read(pool, NULL, 0, &frame, 1), IXY_E_ARGUMENT);
    assert_int_equal(ixy_buf_read(pool, &frame, 0, NULL, 1), IXY_E_ARGUMENT);
    assert_int_equal(ixy_buf_write(pool, NULL, 0, &frame, 1), IXY_E_ARGUMENT);
    assert_int_equal(ixy_buf_write(pool, &frame, 0, NULL, 1), IXY_E_ARGUMENT);
    assert_int_equal(ixy_buf_metadata(pool, NULL, &metadata), IXY_E_ARGUMENT);
    assert_int_equal(ixy_buf_metadata(pool, &frame, NULL), IXY_E_ARGUMENT);
    assert_int_equal(ixy_buf_metadata_set(pool, NULL, &metadata), IXY_E_ARGUMENT);
    assert_int_equal(ixy_buf_metadata_set(pool, &frame, NULL), IXY_E_ARGUMENT);
    assert_int_equal(ixy_rx_batch(device, 0, NULL, 1), IXY_E_ARGUMENT);
    assert_int_equal(ixy_tx_batch(device, 0, NULL, 1), IXY_E_ARGUMENT);
    assert_int_equal(ixy_buf_free(pool, &frame, 1), 1);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), 8192);
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void test_queues(void **state)
{
    (void)state;
    static const uint32_t wrong[] = {2, 3, IXY_QUEUES_MAX - 1, IXY_QUEUES_MAX, 64, INT32_MAX, UINT32_MAX};
    uint64_t pool = test_pool(8192), device = open_unstarted("emu:82599", pool);
    assert_int_equal(ixy_device_start(device), 0);
    ixy_frame frame = test_frame(pool);
    ixy_queue_stats stats = {.struct_size = sizeof(stats)};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(ixy_rx_batch(device, wrong[i], &frame, 1), IXY_E_RANGE);
        assert_int_equal(ixy_tx_batch(device, wrong[i], &frame, 1), IXY_E_RANGE);
        assert_int_equal(ixy_rx_arm(device, wrong[i]), IXY_E_RANGE);
        expect(ixy_rx_fd(device, wrong[i]), IXY_E_RANGE, "2 receive queues");
        expect(ixy_rx_wait(device, wrong[i], -1), IXY_E_RANGE, "2 receive queues");
        assert_int_equal(ixy_rx_wake(device, wrong[i]), IXY_E_RANGE);
        expect(ixy_device_queue_stats(device, wrong[i], &stats), IXY_E_RANGE, "2 receive and 2 transmit queues");
    }
    assert_int_equal(ixy_tx_batch(device, 1, &frame, 1), 1); /* the frame is whole */
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), 8192);
    assert_int_equal(ixy_pool_close(pool), 0);
}

/* The numbers that other calls than alloc, free, rx and tx take; of those abi_pool_test.c and abi_device_test.c tell.
 */
static void test_numbers(void **state)
{
    (void)state;
    static const uint32_t numbers[] = {0, 1, INT32_MAX, (uint32_t)INT32_MAX + 1, UINT32_MAX};
    uint64_t pool = test_pool(8192), device = open_unstarted("emu:virtio,queues=2,timing=inline", pool);
    char text[4] = "xxx";
    int32_t features = ixy_device_feature(device, 0, NULL, 0);
    ixy_found found = {.struct_size = sizeof(found)};
    int32_t cards = ixy_device_find(0, &found);
    assert_true(features > 0 && cards >= 0);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        assert_int_equal(ixy_device_feature(device, numbers[i], text, sizeof(text)), features);
        assert_int_equal(ixy_emu_violation(device, numbers[i], text, sizeof(text)), 0);
        assert_string_equal(text, "");
        assert_int_equal(ixy_device_find(numbers[i], &found), cards);
        assert_true((found.address[0] != '\0') == (numbers[i] < (uint32_t)cards));
        if (numbers[i] > 1)
            expect(ixy_device_promiscuous_set(device, numbers[i]), IXY_E_ARGUMENT, "right is 0 or 1");
    }
    expect(ixy_rx_wait(device, 0, -2), IXY_E_ARGUMENT, "timeout_ms = -2");
    expect(ixy_rx_wait(device, 0, INT32_MIN), IXY_E_ARGUMENT, "timeout_ms = -2147483648");
    ixy_frame frame = test_frame(pool);
    static const uint32_t not_flags[] = {512, (uint32_t)INT32_MAX + 1, UINT32_MAX};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ixy_buf_metadata_set(pool, &frame, &(ixy_metadata){.flags = not_flags[i]}), IXY_E_ARGUMENT);
        assert_int_equal(frame.flags, 0);
    }
    static const uint8_t wrong_mac[2][6] = {{0}, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}};
    expect(ixy_device_mac_set(device, wrong_mac[0]), IXY_E_ARGUMENT, "00:00:00:00:00:00");
    expect(ixy_device_mac_set(device, wrong_mac[1]), IXY_E_ARGUMENT, "ff:ff:ff:ff:ff:ff");
    assert_int_equal(ixy_buf_free(pool, &frame, 1), 1);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void out_of_order(const char *address)
{
    uint64_t pool = test_pool(8192), device = open_unstarted(address, pool);
    bool waits = strstr(address, "inline") == NULL;
    ixy_frame frame = test_frame(pool), received;
    for (uint32_t round = 0; round < 2; round++) { /* before start, and after a reset of what was never started */
        assert_int_equal(ixy_tx_batch(device, 0, &frame, 1), IXY_E_STATE);
        assert_int_equal(ixy_rx_batch(device, 1, &received, 1), IXY_E_STATE);
        assert_int_equal(ixy_rx_arm(device, 0), IXY_E_STATE);
        assert_int_equal(ixy_rx_wait(device, 0, -1), IXY_E_STATE);
        assert_int_equal(ixy_device_reset(device), 0);
    }
    assert_int_equal(ixy_device_start(device), 0);
    expect(ixy_device_start(device), IXY_E_STATE, "started before");
    assert_int_equal(ixy_tx_batch(device, 0, &frame, 1), 1);
    int32_t got = 0;
    while (got == 0)
        for (uint32_t queue = 0; queue < 2 && got == 0; queue++)
            got = ixy_rx_batch(device, queue, &received, 1);
    assert_int_equal(got, 1);
    assert_int_equal(ixy_rx_arm(device, 0), waits ? 0 : IXY_E_UNSUPPORTED);
    assert_int_equal(ixy_buf_free(pool, &received, 1), 1);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), 8192);

    ixy_device_config none = {.struct_size = sizeof(none)};
    assert_int_equal(ixy_device_open(address, &none, &device), 0);
    expect(ixy_device_start(device), IXY_E_STATE, "name a pool");
    assert_int_equal(ixy_rx_batch(device, 0, &received, 1), IXY_E_STATE);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void test_order(void **state)
{
    (void)state;
    static const char *const addresses[] = {"emu:82599,timing=inline", "emu:82599", "emu:virtio,queues=2,timing=inline",
                                            "emu:virtio,ring=packed,queues=2"};
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
        out_of_order(addresses[i]);
}

/* ---- structs ---- */

static uint64_t struct_pool, struct_device;

static int32_t get_view(void *at)
{
    ixy_view *view = at;
    int32_t code = ixy_pool_view(struct_pool, view);
    return code < 0 ? code : ixy_pool_view_release(view->view);
}

static int32_t get_info(void *at)
{
    return ixy_device_info(struct_device, at);
}

static int32_t get_link(void *at)
{
    return ixy_device_link(struct_device, at);
}

static int32_t get_stats(void *at)
{
    return ixy_device_stats(struct_device, at);
}

static int32_t get_queue_stats(void *at)
{
    return ixy_device_queue_stats(struct_device, 0, at);
}

static int32_t get_found(void *at)
{
    int32_t count = ixy_device_find(0, at);
    return count < 0 ? count : 0;
}

static int32_t get_counters(void *at)
{
    return ixy_emu_counters_get(struct_device, at);
}

static int32_t get_meter(void *at)
{
    return ixy_emu_meter_get(struct_device, at);
}

static int32_t give_pool_config(void *at)
{
    uint64_t pool = 0;
    int32_t code = ixy_pool_open(at, &pool);
    return code < 0 ? code : ixy_pool_close(pool);
}

static int32_t give_device_config(void *at)
{
    uint64_t device = 0;
    int32_t code = ixy_device_open(INLINE_LOOP, at, &device);
    return code < 0 ? code : ixy_device_close(device);
}

/* first: what the struct had in the first release, the least that is taken. */
static const struct described {
    const char *name;
    uint32_t size, first, reserved;
    bool result;
    int32_t (*use)(void *at);
} described[] = {
    {"ixy_pool_config", sizeof(ixy_pool_config), 16, offsetof(ixy_pool_config, reserved), false, give_pool_config},
    {"ixy_device_config", sizeof(ixy_device_config), 32, offsetof(ixy_device_config, reserved), false,
     give_device_config},
    {"ixy_view", sizeof(ixy_view), offsetof(ixy_view, metadata), 0, true, get_view},
    {"ixy_info", sizeof(ixy_info), offsetof(ixy_info, capabilities), 0, true, get_info},
    {"ixy_link", sizeof(ixy_link), sizeof(ixy_link), offsetof(ixy_link, reserved), true, get_link},
    {"ixy_stats", sizeof(ixy_stats), sizeof(ixy_stats), offsetof(ixy_stats, reserved), true, get_stats},
    {"ixy_queue_stats", sizeof(ixy_queue_stats), sizeof(ixy_queue_stats), offsetof(ixy_queue_stats, reserved), true,
     get_queue_stats},
    {"ixy_found", sizeof(ixy_found), sizeof(ixy_found), 0, true, get_found},
    {"ixy_emu_counters", sizeof(ixy_emu_counters), sizeof(ixy_emu_counters), 0, true, get_counters},
    {"ixy_emu_meter", sizeof(ixy_emu_meter), sizeof(ixy_emu_meter), 0, true, get_meter},
};

#define ROOM 4096

/* Results are written, all that was asked for and not a byte more; a refused struct stays as it is. */
static void use_with_size(const struct described *one, uint32_t size, bool right)
{
    static uint8_t room[ROOM + 64], before[ROOM + 64];
    memset(room, one->result ? 0xEE : 0, sizeof(room));
    memcpy(room, &size, sizeof(size));
    memcpy(before, room, sizeof(room));
    int32_t code = one->use(room);
    if (!right) {
        expect(code, IXY_E_STRUCT, one->name);
        assert_memory_equal(room, before, sizeof(room));
        return;
    }
    assert_int_equal(code, 0);
    assert_memory_equal(room + size, before + size, sizeof(room) - size);
    assert_memory_equal(room, &size, sizeof(size));
    for (uint32_t i = one->size; i < size && one->result; i++)
        assert_int_equal(room[i], 0); /* what this library does not know */
    uint32_t reserved = 0;
    if (one->reserved != 0)
        memcpy(&reserved, room + one->reserved, sizeof(reserved));
    assert_int_equal(reserved, 0);
}

static void refuse_byte(const struct described *one, uint32_t size, uint32_t at)
{
    static uint8_t room[ROOM];
    memset(room, 0, sizeof(room));
    memcpy(room, &size, sizeof(size));
    room[at] = 1;
    expect(one->use(room), IXY_E_STRUCT, one->name);
}

static void test_structs(void **state)
{
    (void)state;
    struct_pool = test_pool(4096);
    struct_device = test_device(INLINE_LOOP, struct_pool);
    for (size_t i = 0; i < sizeof(described) / sizeof(described[0]); i++) {
        const struct described *one = &described[i];
        const uint32_t wrong[] = {0, 1, 4, one->first - 4, one->first - 1, ROOM + 1, INT32_MAX, UINT32_MAX};
        for (size_t k = 0; k < sizeof(wrong) / sizeof(wrong[0]); k++)
            use_with_size(one, wrong[k], false);
        use_with_size(one, one->first, true); /* an old header on this library */
        use_with_size(one, one->size, true);
        use_with_size(one, one->size + 8, true); /* a new header on this library, which is then the old one */
        use_with_size(one, ROOM, true);
        if (one->result)
            continue;
        for (uint32_t k = 0; k < 4; k++)
            refuse_byte(one, one->size, one->reserved + k);
        refuse_byte(one, one->size + 8, one->size); /* asks for what this library does not know */
        refuse_byte(one, one->size + 8, one->size + 7);
        refuse_byte(one, ROOM, ROOM - 1);
    }
    assert_int_equal(ixy_device_close(struct_device), 0);
    assert_int_equal(ixy_pool_free_count(struct_pool), 4096);
    assert_int_equal(ixy_pool_close(struct_pool), 0);
}

/* A pool that a device uses does not close; buffers that its caller holds are no obstacle, and name nothing after. */
static void test_pool_closed_too_early(void **state)
{
    (void)state;
    uint64_t pool = test_pool(8192), device = open_unstarted("emu:82599,timing=inline", pool), next;
    ixy_frame held = test_frame(pool), received;
    expect(ixy_pool_close(pool), IXY_E_BUSY, "emu:82599,timing=inline; close the device first");
    assert_int_equal(ixy_device_start(device), 0);
    ixy_frame sent = test_frame(pool);
    assert_int_equal(ixy_tx_batch(device, 0, &sent, 1), 1);
    expect(ixy_pool_close(pool), IXY_E_BUSY, "close the device first");
    assert_int_equal(ixy_rx_batch(device, 0, &received, 1), 1); /* nothing has happened to it */
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), 8192 - 2);
    assert_int_equal(ixy_pool_close(pool), 0);
    next = test_pool(8192);
    assert_int_equal(ixy_buf_free(pool, &held, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_buf_free(next, &held, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_buf_free(next, &received, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_pool_free_count(next), 8192);
    assert_int_equal(ixy_pool_close(next), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_null_pointers), cmocka_unit_test(test_queues),
        cmocka_unit_test(test_numbers),       cmocka_unit_test(test_order),
        cmocka_unit_test(test_structs),       cmocka_unit_test(test_pool_closed_too_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
