/* Loops that take four frames at a time: one of four is lied about, at each place; the other three arrive. */
#include "tests/c/hostile_support.h"

#define RING 64

static void one_of_four(const char *device, const char *name, enum hostile_lie lie)
{
    for (uint32_t place = 0; place < 4; place++) {
        struct hostile_test test;
        ixy_frame none[1];
        hostile_test_open(&test, device, name, RING);
        uint32_t good = 0;
        for (uint32_t i = 0; i < 4; i++) {
            if (i == place)
                hostile_wake(&test);
            hostile_send(&test, 1, 1514, i == place ? 99 : good++);
            assert_int_equal(hostile_receive(&test, none, 0), 0); /* the model looks at its rings */
            hostile_sleep(&test);
        }
        assert_int_equal(hostile_told(&test, lie), 1);
        hostile_expect(&test, 3, 1514, 0);
        assert_int_equal(hostile_dropped(&test), 1);
        hostile_test_close(&test);
    }
}

static void case_22_length_beyond_buffer(void **state)
{
    (void)state;
    one_of_four("emu:82599", "rx-length-beyond", HOSTILE_RX_LENGTH_BEYOND);
}

static void case_23_implausible_length(void **state)
{
    (void)state;
    one_of_four("emu:82599", "rx-length-implausible", HOSTILE_RX_LENGTH_IMPLAUSIBLE);
}

/* A frame that does not end in its descriptor takes the next one with it: of four at once, two are left. */
static void case_24_coalesced_past_the_ring(void **state)
{
    (void)state;
    struct hostile_test test;
    ixy_frame none[1];
    hostile_test_open(&test, "emu:82599", "rx-rsc", RING);
    hostile_wake(&test);
    hostile_send(&test, 1, 60, 99);
    assert_int_equal(hostile_receive(&test, none, 0), 0);
    hostile_sleep(&test);
    hostile_send(&test, 1, 60, 99);
    hostile_send(&test, 2, 60, 0);
    hostile_expect(&test, 2, 60, 0);
    assert_int_equal(hostile_dropped(&test), 1);
    hostile_test_close(&test);
}

static void case_4_split_length_beyond_buffer(void **state)
{
    (void)state;
    one_of_four("emu:virtio", "length-beyond", HOSTILE_LENGTH_BEYOND);
    one_of_four("emu:virtio,mrg=on", "length-beyond", HOSTILE_LENGTH_BEYOND);
}

static void case_4_packed_length_beyond_buffer(void **state)
{
    (void)state;
    one_of_four("emu:virtio,ring=packed", "length-beyond", HOSTILE_LENGTH_BEYOND);
    one_of_four("emu:virtio,ring=packed,mrg=on", "length-beyond", HOSTILE_LENGTH_BEYOND);
}

static void case_5_length_short_of_header(void **state)
{
    (void)state;
    one_of_four("emu:virtio", "length-short", HOSTILE_LENGTH_SHORT);
    one_of_four("emu:virtio,ring=packed", "length-short", HOSTILE_LENGTH_SHORT);
}

static void case_11_checksum_past_the_frame(void **state)
{
    (void)state;
    one_of_four("emu:virtio", "checksum", HOSTILE_CHECKSUM_START);
    one_of_four("emu:virtio,ring=packed", "checksum", HOSTILE_CHECKSUM_START);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_22_length_beyond_buffer),       cmocka_unit_test(case_23_implausible_length),
        cmocka_unit_test(case_24_coalesced_past_the_ring),    cmocka_unit_test(case_4_split_length_beyond_buffer),
        cmocka_unit_test(case_4_packed_length_beyond_buffer), cmocka_unit_test(case_5_length_short_of_header),
        cmocka_unit_test(case_11_checksum_past_the_frame),
    };
    if (count > 1)
        cmocka_set_test_filter(arguments[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
