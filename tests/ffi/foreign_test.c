/* libixy through libffi, from its description alone: every function that is described is called once and does what it
 * should, and a description that is wrong says where.
 *
 * FOREIGN_LIBRARY and FOREIGN_DESCRIPTION are paths; nothing here includes a header of libixy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "abi/ffi/foreign.h"

#define FUNCTIONS_MAX 64
#define FRAMES 8
#define ARRAY(...) ((union foreign_value[]){__VA_ARGS__})

static struct foreign *libixy;
static bool called[FUNCTIONS_MAX];

/* Calls and notes that it was. */
static union foreign_value call(const char *name, union foreign_value *arguments, uint32_t count)
{
    uint32_t index = 0;
    while (foreign_function_name(libixy, index) != NULL && strcmp(foreign_function_name(libixy, index), name) != 0)
        index++;
    assert_non_null(foreign_function_name(libixy, index));
    assert_true(index < FUNCTIONS_MAX);
    called[index] = true;
    union foreign_value result = {.uint64 = 0};
    assert_true(foreign_call(foreign_function(libixy, name), arguments, count, &result));
    return result;
}

#define CALL(name, ...) call(name, ARRAY(__VA_ARGS__), sizeof(ARRAY(__VA_ARGS__)) / sizeof(union foreign_value))

static union foreign_value u32(uint32_t value)
{
    return (union foreign_value){.uint32 = value};
}

static union foreign_value u64(uint64_t value)
{
    return (union foreign_value){.uint64 = value};
}

static union foreign_value pointer(void *value)
{
    return (union foreign_value){.pointer = value};
}

static union foreign_value i32(int32_t value)
{
    return (union foreign_value){.int32 = value};
}

static struct foreign_member member(const char *structure, const char *name)
{
    struct foreign_member found = {0};
    assert_true(foreign_member(libixy, structure, name, &found));
    return found;
}

static uint64_t get(void *record, const char *structure, const char *name)
{
    return foreign_get(record, member(structure, name));
}

static void set(void *record, const char *structure, const char *name, uint64_t value)
{
    assert_true(foreign_set(record, member(structure, name), value));
}

/* A struct that says how large it is; 512 bytes are room for each. */
static void *record(void *room, const char *structure)
{
    uint32_t size = foreign_struct_size(libixy, structure);
    assert_in_range(size, 16, 512);
    memset(room, 0, 512);
    set(room, structure, "struct_size", size);
    return room;
}

static uint64_t pool, device;
static _Alignas(8) uint8_t frames[FRAMES * 16], room[512];

static void test_library(void **state)
{
    (void)state;
    assert_int_equal(call("ixy_abi_version", NULL, 0).uint32, 1);
    const char *version = call("ixy_version", NULL, 0).pointer;
    assert_true(version[0] >= '0' && version[0] <= '9');
    assert_string_equal(CALL("ixy_error_name", i32(INT32_MIN)).pointer, "IXY_E_UNKNOWN");
    assert_non_null(CALL("ixy_strerror", i32(-1)).pointer);
    assert_non_null(call("ixy_last_error", NULL, 0).pointer);
}

static void test_open(void **state)
{
    (void)state;
    uint64_t small = 0;
    record(room, "ixy_pool_config");
    set(room, "ixy_pool_config", "buffer_count", 16);
    assert_int_equal(CALL("ixy_pool_open", pointer(room), pointer(&small)).int32, 0);
    assert_int_equal(CALL("ixy_pool_free_count", u64(small)).int32, 16);
    assert_int_equal(CALL("ixy_pool_close", u64(small)).int32, 0);
    assert_true(CALL("ixy_pool_close", u64(small)).int32 < 0);
    assert_string_not_equal(call("ixy_last_error", NULL, 0).pointer, "");

    assert_int_equal(CALL("ixy_pool_open", pointer(NULL), pointer(&pool)).int32, 0);
    record(room, "ixy_device_config");
    set(room, "ixy_device_config", "pool", pool);
    char address[] = "emu:82599,wire=loop";
    assert_int_equal(CALL("ixy_device_open", pointer(address), pointer(room), pointer(&device)).int32, 0);
    assert_int_equal(CALL("ixy_device_start", u64(device)).int32, 0);
    assert_int_equal(CALL("ixy_device_reset", u64(device)).int32, 0);
    assert_true(CALL("ixy_device_find", u32(0), pointer(record(room, "ixy_found"))).int32 >= 0);
}

/* Numbers are not cut down to the member that they are for. */
static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t most;
    } members[] = {{"l2_len", UINT8_MAX}, {"vlan_tci", UINT16_MAX}, {"flags", UINT32_MAX}, {"timestamp", UINT64_MAX}};
    memset(room, 0, sizeof(room));
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        struct foreign_member found = member("ixy_metadata", members[i].name);
        assert_true(foreign_set(room, found, members[i].most));
        assert_int_equal(foreign_get(room, found), members[i].most);
        if (members[i].most < UINT64_MAX) {
            assert_false(foreign_set(room, found, members[i].most + 1));
            assert_false(foreign_set(room, found, UINT64_MAX));
            assert_int_equal(foreign_get(room, found), members[i].most);
        }
    }
    assert_false(foreign_set(room, member("ixy_info", "driver"), 0)); /* a text */
}

/* Views are counted, pools too: nothing of one that was closed stays. */
static void test_many_pools(void **state)
{
    (void)state;
    for (int i = 0; i < 3000; i++) {
        uint64_t many = 0;
        set(record(room, "ixy_pool_config"), "ixy_pool_config", "buffer_count", 16);
        assert_int_equal(CALL("ixy_pool_open", pointer(room), pointer(&many)).int32, 0);
        assert_int_equal(CALL("ixy_pool_view", u64(many), pointer(record(room, "ixy_view"))).int32, 0);
        assert_int_equal(CALL("ixy_pool_close", u64(many)).int32, 0);
        assert_int_equal(CALL("ixy_pool_view_release", u64(get(room, "ixy_view", "view"))).int32, 0);
    }
}

static void test_device(void **state)
{
    (void)state;
    assert_int_equal(CALL("ixy_device_info", u64(device), pointer(record(room, "ixy_info"))).int32, 0);
    assert_int_equal(get(room, "ixy_info", "vendor"), 0x8086);
    assert_string_equal((char *)room + member("ixy_info", "driver").offset, "ixgbe");
    for (int tries = 0; tries < 5000; tries++) { /* the link comes up by itself */
        assert_int_equal(CALL("ixy_device_link", u64(device), pointer(record(room, "ixy_link"))).int32, 0);
        if (get(room, "ixy_link", "up") == 1)
            break;
        usleep(1000);
    }
    assert_int_equal(get(room, "ixy_link", "up"), 1);
    assert_int_equal(CALL("ixy_device_promiscuous_set", u64(device), u32(1)).int32, 0);
    uint8_t mac[6] = {2, 1, 2, 3, 4, 5}, read[6] = {0};
    assert_int_equal(CALL("ixy_device_mac_set", u64(device), pointer(mac)).int32, 0);
    assert_int_equal(CALL("ixy_device_mac", u64(device), pointer(read)).int32, 0);
    assert_memory_equal(mac, read, 6);
    char text[32] = "x";
    assert_int_equal(CALL("ixy_device_feature", u64(device), u32(0), pointer(text), u32(sizeof(text))).int32, 0);
    assert_string_equal(text, "");
}

/* Eight frames out of the pool, over the wire and back. */
static void test_packets(void **state)
{
    (void)state;
    assert_int_equal(foreign_struct_size(libixy, "ixy_frame"), 16);
    assert_int_equal(CALL("ixy_buf_alloc", u64(pool), pointer(frames), u32(FRAMES)).int32, FRAMES);
    uint8_t bytes[60];
    for (uint32_t i = 0; i < FRAMES; i++) {
        uint8_t *frame = frames + 16 * i;
        set(frame, "ixy_frame", "len", sizeof(bytes));
        memset(bytes, (int)i + 1, sizeof(bytes));
        assert_int_equal(
            CALL("ixy_buf_write", u64(pool), pointer(frame), u32(0), pointer(bytes), u32(sizeof(bytes))).int32,
            sizeof(bytes));
    }
    uint8_t metadata[16] = {0}, again[16] = {0};
    set(metadata, "ixy_metadata", "flags", 2); /* IXY_META_VLAN */
    set(metadata, "ixy_metadata", "vlan_tci", 5);
    assert_int_equal(CALL("ixy_buf_metadata_set", u64(pool), pointer(frames), pointer(metadata)).int32, 0);
    assert_int_equal(CALL("ixy_buf_metadata", u64(pool), pointer(frames), pointer(again)).int32, 0);
    assert_memory_equal(metadata, again, sizeof(metadata));
    set(frames, "ixy_frame", "flags", 0); /* the device cannot insert a tag: it was not asked to */

    int32_t fd = CALL("ixy_rx_fd", u64(device), u32(0)).int32;
    assert_true(fd >= 0);
    assert_int_equal(CALL("ixy_rx_arm", u64(device), u32(0)).int32, 0);
    assert_int_equal(CALL("ixy_tx_batch", u64(device), u32(0), pointer(frames), u32(FRAMES)).int32, FRAMES);
    uint32_t received = 0;
    while (received < FRAMES) {
        assert_int_equal(CALL("ixy_rx_wait", u64(device), u32(0), i32(5000)).int32, 1);
        int32_t got =
            CALL("ixy_rx_batch", u64(device), u32(0), pointer(frames + 16 * received), u32(FRAMES - received)).int32;
        assert_true(got >= 0);
        received += (uint32_t)got;
    }
    assert_int_equal(CALL("ixy_rx_wake", u64(device), u32(0)).int32, 0);
    assert_int_equal(CALL("ixy_rx_wait", u64(device), u32(0), i32(-1)).int32, 0);
    uint8_t *view = record(room, "ixy_view");
    assert_int_equal(CALL("ixy_pool_view", u64(pool), pointer(view)).int32, 0);
    const uint8_t *memory = (const uint8_t *)(uintptr_t)get(view, "ixy_view", "base");
    for (uint32_t i = 0; i < FRAMES; i++) {
        uint8_t *frame = frames + 16 * i;
        assert_int_equal(get(frame, "ixy_frame", "len"), sizeof(bytes));
        assert_int_equal(CALL("ixy_buf_read", u64(pool), pointer(frame), u32(59), pointer(bytes), u32(1)).int32, 1);
        assert_int_equal(bytes[0], i + 1);
        assert_int_equal(memory[get(frame, "ixy_frame", "offset") + 59], i + 1);
    }
    assert_int_equal(CALL("ixy_buf_free", u64(pool), pointer(frames), u32(FRAMES)).int32, FRAMES);
    assert_int_equal(CALL("ixy_pool_view_release", u64(get(view, "ixy_view", "view"))).int32, 0);
}

static void test_counters(void **state)
{
    (void)state;
    assert_int_equal(CALL("ixy_device_stats", u64(device), pointer(record(room, "ixy_stats"))).int32, 0);
    assert_int_equal(get(room, "ixy_stats", "rx_packets"), FRAMES);
    assert_int_equal(
        CALL("ixy_device_queue_stats", u64(device), u32(0), pointer(record(room, "ixy_queue_stats"))).int32, 0);
    assert_int_equal(get(room, "ixy_queue_stats", "tx_packets"), FRAMES);
    assert_int_equal(CALL("ixy_emu_counters_get", u64(device), pointer(record(room, "ixy_emu_counters"))).int32, 0);
    assert_int_equal(get(room, "ixy_emu_counters", "violations"), 0);
    assert_int_equal(CALL("ixy_emu_meter_get", u64(device), pointer(record(room, "ixy_emu_meter"))).int32, 0);
    assert_true(get(room, "ixy_emu_meter", "cycles") > 0);
    char text[256] = "x";
    assert_int_equal(CALL("ixy_emu_violation", u64(device), u32(0), pointer(text), u32(sizeof(text))).int32, 0);
    assert_int_equal(CALL("ixy_device_close", u64(device)).int32, 0);
    assert_int_equal(CALL("ixy_pool_close", u64(pool)).int32, 0);
}

static void test_every_function_was_called(void **state)
{
    (void)state;
    uint32_t count = 0;
    for (const char *name; (name = foreign_function_name(libixy, count)) != NULL; count++) {
        if (!called[count])
            fail_msg("%s is described, but nothing here calls it", name);
    }
    assert_true(count > 30);
}

static void test_what_is_not_there(void **state)
{
    (void)state;
    union foreign_value result;
    struct foreign_member found;
    assert_null(foreign_function(libixy, "ixy_nothing"));
    assert_int_equal(foreign_struct_size(libixy, "ixy_nothing"), 0);
    assert_false(foreign_member(libixy, "ixy_frame", "colour", &found));
    assert_false(foreign_member(libixy, "ixy_frame", "", &found));
    assert_false(foreign_call(foreign_function(libixy, "ixy_rx_batch"), ARRAY(u64(1)), 1, &result));
}

/* What opening a description of this text says. */
static const char *refusal(const char *description)
{
    static char error[256];
    char name[] = "/tmp/foreign-XXXXXX";
    int file = mkstemp(name);
    assert_true(file >= 0);
    assert_int_equal(write(file, description, strlen(description)), strlen(description));
    close(file);
    struct foreign *opened = foreign_open(FOREIGN_LIBRARY, name, error, sizeof(error));
    unlink(name);
    assert_null(opened);
    return error + strlen(name);
}

static void test_wrong_descriptions(void **state)
{
    (void)state;
    assert_string_equal(refusal("# a comment\n\nfunction ixy_version text\n"),
                        ":3: no type \"text\"; right is int32, uint32, uint64 or pointer");
    assert_string_equal(refusal("function ixy_nothing int32\n"), ":1: the library has no function ixy_nothing");
    assert_string_equal(refusal("member buf uint64 0 8\n"), ":1: member buf has no struct before it");
    assert_string_equal(refusal("struct ixy_frame many\n"), ":1: \"many\" is not a number of 32 bits");
    assert_string_equal(refusal("struct ixy_frame 5000000000\n"), ":1: \"5000000000\" is not a number of 32 bits");
    assert_string_equal(refusal("function ixy_tx_batch int32 int32 int32 int32 int32 int32 int32 int32 int32 int32\n"),
                        ":1: a function has at most 8 arguments");
    assert_string_equal(refusal("procedure ixy_version\n"),
                        ":1: right is: function NAME RESULT ARGUMENT..., struct NAME SIZE, or member NAME TYPE OFFSET "
                        "SIZE");
    assert_non_null(strstr(refusal("struct ixy_a_name_that_is_much_longer_than_any_name_of_this_library_may_be 8\n"),
                           "is longer than 47 bytes"));
    char error[256];
    assert_null(foreign_open("libnothing.so.1", FOREIGN_DESCRIPTION, error, sizeof(error)));
    assert_non_null(strstr(error, "libnothing.so.1"));
    assert_null(foreign_open(FOREIGN_LIBRARY, "/nowhere/description", error, sizeof(error)));
    assert_string_equal(error, "/nowhere/description:0: No such file or directory");
}

int main(void)
{
    char error[256];
    libixy = foreign_open(FOREIGN_LIBRARY, FOREIGN_DESCRIPTION, error, sizeof(error));
    if (libixy == NULL) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_library),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_many_pools),
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_device),
        cmocka_unit_test(test_packets),
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_every_function_was_called),
        cmocka_unit_test(test_what_is_not_there),
        cmocka_unit_test(test_wrong_descriptions),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    foreign_close(libixy);
    return failed;
}
