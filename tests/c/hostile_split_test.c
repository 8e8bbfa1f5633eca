/* The cases of docs/hostile.md that a VirtIO device with split rings can tell. */
#include "tests/c/hostile_ring.h"

#define SPLIT "emu:virtio"
#define MERGED "emu:virtio,mrg=on"

static void case_1_id_past_the_queue(void **state)
{
    (void)state;
    hostile_ring_receive_id(SPLIT, "id-range", HOSTILE_ID_RANGE);
    hostile_ring_transmit_id(SPLIT, "id-range", HOSTILE_ID_RANGE);
}

static void case_2_id_not_outstanding(void **state)
{
    (void)state;
    hostile_ring_receive_id(SPLIT, "id-idle", HOSTILE_ID_IDLE);
    hostile_ring_transmit_id(SPLIT, "id-idle", HOSTILE_ID_IDLE);
}

/* Chains of two: an odd id is a descriptor in the middle of a chain. */
static void case_2_id_not_a_chain_head(void **state)
{
    (void)state;
    hostile_ring_receive_id("emu:virtio,legacy=on,layout=header", "id-idle", HOSTILE_ID_IDLE);
    hostile_ring_transmit_id("emu:virtio,legacy=on,layout=header", "id-idle", HOSTILE_ID_IDLE);
}

static void case_3_id_returned_twice(void **state)
{
    (void)state;
    hostile_ring_receive_id(SPLIT, "id-twice", HOSTILE_ID_TWICE);
    hostile_ring_transmit_id(SPLIT, "id-twice", HOSTILE_ID_TWICE);
}

static void case_3_id_returned_in_its_place(void **state)
{
    (void)state;
    hostile_ring_id_in_place(SPLIT);
}

static void case_4_length_beyond_buffer(void **state)
{
    (void)state;
    hostile_ring_dropped(SPLIT, "length-beyond", HOSTILE_LENGTH_BEYOND);
    hostile_ring_dropped(MERGED, "length-beyond", HOSTILE_LENGTH_BEYOND);
}

static void case_5_length_short_of_header(void **state)
{
    (void)state;
    hostile_ring_dropped(SPLIT, "length-short", HOSTILE_LENGTH_SHORT);
    hostile_ring_dropped(MERGED, "length-short", HOSTILE_LENGTH_SHORT);
}

static void case_6_length_of_spanning_frame(void **state)
{
    (void)state;
    hostile_ring_spanning(SPLIT);
}

/* Within what is outstanding a jump cannot be told from completions; beyond, the device has failed. */
static void case_7_index_jumps(void **state)
{
    (void)state;
    struct hostile_test test;
    uint32_t failed = 0, named = 0;
    hostile_test_open(&test, SPLIT, "index-jump", HOSTILE_RING);
    for (uint32_t round = 0; round < 60; round++) {
        ixy_frame frames[HOSTILE_RING];
        ixy_link link = {.struct_size = sizeof(link)};
        hostile_wake(&test);
        hostile_send(&test, 1, 60, 0);
        for (uint32_t polls = 0; polls < 20; polls++) {
            int32_t came = hostile_receive(&test, frames, HOSTILE_RING);
            hostile_free(&test, frames, came > 0 ? (uint32_t)came : 0);
        }
        if (ixy_device_link(test.device, &link) == IXY_E_DEVICE) {
            failed++;
            named += strstr(ixy_last_error(), "used idx went from") != NULL;
        }
        hostile_recover(&test);
    }
    assert_true(hostile_told(&test, HOSTILE_INDEX_JUMP) >= 60);
    assert_in_range(failed, 40, 60);
    assert_in_range(named, 30, 60);
    hostile_test_close(&test);
}

static void case_8_entry_changes_between_reads(void **state)
{
    (void)state;
    hostile_ring_second_read(SPLIT);
}

static void case_8_header_changes_between_reads(void **state)
{
    (void)state;
    hostile_ring_second_header(SPLIT);
}

static void case_8_entry_changes_before_it_is_taken(void **state)
{
    (void)state;
    hostile_ring_rewritten(SPLIT);
}

static void case_9_descriptor_table_rewritten(void **state)
{
    (void)state;
    hostile_ring_harmless(SPLIT, "table", HOSTILE_TABLE_REWRITE);
    hostile_ring_harmless("emu:virtio,legacy=on,layout=header", "table", HOSTILE_TABLE_REWRITE);
}

static void case_10_number_of_buffers(void **state)
{
    (void)state;
    hostile_ring_dropped(MERGED, "num-buffers", HOSTILE_NUM_BUFFERS);
}

static void case_11_checksum_past_the_frame(void **state)
{
    (void)state;
    hostile_ring_dropped(SPLIT, "checksum", HOSTILE_CHECKSUM_START);
    hostile_ring_dropped(MERGED, "checksum", HOSTILE_CHECKSUM_START);
}

static void case_12_segmentation_not_negotiated(void **state)
{
    (void)state;
    hostile_ring_dropped(SPLIT, "gso", HOSTILE_GSO);
    hostile_ring_dropped(MERGED, "gso", HOSTILE_GSO);
}

static void case_14_garbage_event_index(void **state)
{
    (void)state;
    hostile_ring_harmless(SPLIT, "event-index", HOSTILE_EVENT_INDEX);
    hostile_ring_harmless("emu:virtio,events=on", "event-index", HOSTILE_EVENT_INDEX);
}

/* With IN_ORDER agreed, a split ring's used index says how many were sent: transmit looks at no id. */
static void case_17_out_of_order(void **state)
{
    (void)state;
    hostile_ring_receive_id("emu:virtio,inorder=on", "order", HOSTILE_ORDER);
    hostile_ring_receive_id("emu:virtio,inorder=on", "id-range", HOSTILE_ID_RANGE);
}

static void case_28_gone_in_mid_run(void **state)
{
    (void)state;
    hostile_ring_gone(SPLIT);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_1_id_past_the_queue),
        cmocka_unit_test(case_2_id_not_outstanding),
        cmocka_unit_test(case_2_id_not_a_chain_head),
        cmocka_unit_test(case_3_id_returned_twice),
        cmocka_unit_test(case_3_id_returned_in_its_place),
        cmocka_unit_test(case_4_length_beyond_buffer),
        cmocka_unit_test(case_5_length_short_of_header),
        cmocka_unit_test(case_6_length_of_spanning_frame),
        cmocka_unit_test(case_7_index_jumps),
        cmocka_unit_test(case_8_entry_changes_between_reads),
        cmocka_unit_test(case_8_header_changes_between_reads),
        cmocka_unit_test(case_8_entry_changes_before_it_is_taken),
        cmocka_unit_test(case_9_descriptor_table_rewritten),
        cmocka_unit_test(case_10_number_of_buffers),
        cmocka_unit_test(case_11_checksum_past_the_frame),
        cmocka_unit_test(case_12_segmentation_not_negotiated),
        cmocka_unit_test(case_14_garbage_event_index),
        cmocka_unit_test(case_17_out_of_order),
        cmocka_unit_test(case_28_gone_in_mid_run),
    };
    if (count > 1)
        cmocka_set_test_filter(arguments[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
