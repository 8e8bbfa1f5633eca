/* The cases of docs/hostile.md that a VirtIO device with packed rings can tell. */
#include "tests/c/hostile_ring.h"

#define PACKED "emu:virtio,ring=packed"
#define MERGED "emu:virtio,ring=packed,mrg=on"
#define IN_ORDER "emu:virtio,ring=packed,inorder=on"

static void case_15_id_past_the_queue(void **state)
{
    (void)state;
    hostile_ring_receive_id(PACKED, "id-range", HOSTILE_ID_RANGE);
    hostile_ring_transmit_id(PACKED, "id-range", HOSTILE_ID_RANGE);
    hostile_ring_receive_id(IN_ORDER, "id-range", HOSTILE_ID_RANGE);
    hostile_ring_transmit_id(IN_ORDER, "id-range", HOSTILE_ID_RANGE);
}

/* A used descriptor with the flags of the other lap is none; what the device then does not do it cannot be made to. */
static void case_16_wrong_wrap_bit(void **state)
{
    (void)state;
    struct hostile_test test;
    hostile_test_open(&test, PACKED, "wrap", HOSTILE_RING);
    for (uint32_t round = 0; round < 2 * HOSTILE_RING; round++) {
        hostile_send(&test, round % HOSTILE_RING / 2, 60, 0); /* at every place of the ring, in either lap */
        hostile_expect(&test, round % HOSTILE_RING / 2, 60, 0);
        hostile_wake(&test);
        hostile_send(&test, 1, 60, 0);
        assert_int_equal(hostile_drain(&test), 0);
        assert_int_equal(hostile_dropped(&test), 0);
        hostile_recover(&test);
    }
    assert_true(hostile_told(&test, HOSTILE_WRAP) >= 2 * HOSTILE_RING);
    hostile_test_close(&test);
}

static void case_17_id_not_outstanding(void **state)
{
    (void)state;
    hostile_ring_receive_id(PACKED, "id-idle", HOSTILE_ID_IDLE);
    hostile_ring_transmit_id(PACKED, "id-idle", HOSTILE_ID_IDLE);
}

static void case_17_id_repeated(void **state)
{
    (void)state;
    hostile_ring_receive_id(PACKED, "id-twice", HOSTILE_ID_TWICE);
    hostile_ring_transmit_id(PACKED, "id-twice", HOSTILE_ID_TWICE);
    hostile_ring_receive_id(IN_ORDER, "id-twice", HOSTILE_ID_TWICE);
}

static void case_17_id_repeated_in_its_place(void **state)
{
    (void)state;
    hostile_ring_id_in_place(PACKED);
}

/* With IN_ORDER agreed, an id that is outstanding ends a batch (2.8.8); others are impossible. */
static void case_17_out_of_order(void **state)
{
    (void)state;
    struct hostile_test test;
    hostile_ring_receive_id(IN_ORDER, "id-idle", HOSTILE_ID_IDLE);
    hostile_test_open(&test, IN_ORDER, "order", HOSTILE_RING);
    uint32_t failed = 0;
    for (uint32_t round = 0; round < 40; round++) {
        ixy_frame frames[HOSTILE_RING];
        const uint32_t many = HOSTILE_RING - 4; /* more than there is room for until the others are taken back */
        hostile_send(&test, 8, 60, 0);
        hostile_wake(&test);
        assert_int_equal(hostile_receive(&test, frames, 0), 0); /* the device completes all eight, with a lie */
        for (uint32_t i = 0; i < many; i++)
            hostile_make(&test, &frames[i], 60, i);
        int32_t sent = hostile_transmit(&test, frames, many);
        assert_true(sent >= 0 || sent == IXY_E_DEVICE);
        hostile_free(&test, frames + (sent > 0 ? sent : 0), many - (uint32_t)(sent > 0 ? sent : 0));
        if (ixy_tx_batch(test.device, 0, frames, 0) == IXY_E_DEVICE) {
            hostile_expect_failed(&test, "(IN_ORDER)");
            failed++;
        }
        hostile_recover(&test);
    }
    assert_in_range(failed, 30, 40);
    assert_true(hostile_told(&test, HOSTILE_ORDER) >= 40);
    hostile_test_close(&test);
}

/* What the driver posted still stands where length and id will be: that is no frame's length. */
static void case_18_flags_before_length(void **state)
{
    (void)state;
    hostile_ring_dropped(PACKED, "flags-early", HOSTILE_FLAGS_EARLY);
}

static void case_4_length_beyond_buffer(void **state)
{
    (void)state;
    hostile_ring_dropped(PACKED, "length-beyond", HOSTILE_LENGTH_BEYOND);
    hostile_ring_dropped(MERGED, "length-beyond", HOSTILE_LENGTH_BEYOND);
}

static void case_5_length_short_of_header(void **state)
{
    (void)state;
    hostile_ring_dropped(PACKED, "length-short", HOSTILE_LENGTH_SHORT);
    hostile_ring_dropped(MERGED, "length-short", HOSTILE_LENGTH_SHORT);
}

static void case_6_length_of_spanning_frame(void **state)
{
    (void)state;
    hostile_ring_spanning(PACKED);
}

static void case_8_descriptor_changes_between_reads(void **state)
{
    (void)state;
    hostile_ring_second_read(PACKED);
}

static void case_8_header_changes_between_reads(void **state)
{
    (void)state;
    hostile_ring_second_header(PACKED);
}

static void case_8_descriptor_changes_before_it_is_taken(void **state)
{
    (void)state;
    hostile_ring_rewritten(PACKED);
}

static void case_9_descriptor_ring_rewritten(void **state)
{
    (void)state;
    hostile_ring_harmless(PACKED, "table", HOSTILE_TABLE_REWRITE);
}

static void case_10_number_of_buffers(void **state)
{
    (void)state;
    hostile_ring_dropped(MERGED, "num-buffers", HOSTILE_NUM_BUFFERS);
}

static void case_11_checksum_past_the_frame(void **state)
{
    (void)state;
    hostile_ring_dropped(PACKED, "checksum", HOSTILE_CHECKSUM_START);
}

static void case_12_segmentation_not_negotiated(void **state)
{
    (void)state;
    hostile_ring_dropped(PACKED, "gso", HOSTILE_GSO);
}

static void case_14_garbage_event_suppression(void **state)
{
    (void)state;
    hostile_ring_harmless(PACKED, "event-index", HOSTILE_EVENT_INDEX);
    hostile_ring_harmless("emu:virtio,ring=packed,events=on", "event-index", HOSTILE_EVENT_INDEX);
}

static void case_28_gone_in_mid_run(void **state)
{
    (void)state;
    hostile_ring_gone(PACKED);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_4_length_beyond_buffer),
        cmocka_unit_test(case_5_length_short_of_header),
        cmocka_unit_test(case_6_length_of_spanning_frame),
        cmocka_unit_test(case_8_descriptor_changes_between_reads),
        cmocka_unit_test(case_8_header_changes_between_reads),
        cmocka_unit_test(case_8_descriptor_changes_before_it_is_taken),
        cmocka_unit_test(case_9_descriptor_ring_rewritten),
        cmocka_unit_test(case_10_number_of_buffers),
        cmocka_unit_test(case_11_checksum_past_the_frame),
        cmocka_unit_test(case_12_segmentation_not_negotiated),
        cmocka_unit_test(case_14_garbage_event_suppression),
        cmocka_unit_test(case_15_id_past_the_queue),
        cmocka_unit_test(case_16_wrong_wrap_bit),
        cmocka_unit_test(case_17_id_not_outstanding),
        cmocka_unit_test(case_17_id_repeated),
        cmocka_unit_test(case_17_id_repeated_in_its_place),
        cmocka_unit_test(case_17_out_of_order),
        cmocka_unit_test(case_18_flags_before_length),
        cmocka_unit_test(case_28_gone_in_mid_run),
    };
    if (count > 1)
        cmocka_set_test_filter(arguments[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
