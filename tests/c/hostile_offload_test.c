/* Hostile VirtIO devices, where their driver looks closer: marked packets, packets over several buffers, chains. The
 * cases are those of docs/hostile.md. */
#include "tests/c/hostile_support.h"

#include <stdio.h>

#define RING 64
#define BATCH 64
#define JUMBO 9014
#define PARTS 3

static const char *const checked[] = {"emu:virtio,csum=on", "emu:virtio,csum=partial,ring=packed",
                                      "emu:virtio,csum=partial,mrg=on,inorder=on",
                                      "emu:virtio,csum=on,mrg=on,ring=packed"};
static const char *const jumbo[] = {"emu:virtio,mrg=on,mtu=9000", "emu:virtio,mrg=on,mtu=9000,ring=packed",
                                    "emu:virtio,mrg=on,mtu=9000,csum=partial",
                                    "emu:virtio,mrg=on,mtu=9000,csum=on,ring=packed"};

static void open_checked(struct hostile_test *test, uint32_t which, const char *lies)
{
    print_message("%s, %s\n", checked[which], lies);
    hostile_test_pool(test);
    test->offloads = IXY_CAN_RX_CHECKSUM;
    hostile_test_open_on(test, checked[which], lies, RING);
}

static void open_jumbo(struct hostile_test *test, uint32_t which, const char *lies)
{
    print_message("%s, %s\n", jumbo[which], lies);
    hostile_test_pool(test);
    test->offloads = which >= 2 ? IXY_CAN_RX_CHECKSUM : 0;
    test->frame_len_max = JUMBO;
    hostile_test_open_on(test, jumbo[which], lies, RING);
}

/* Sends one packet of so many parts. Returns what ixy_tx_batch did; what it refused is given back. */
static int32_t send_packet(struct hostile_test *test, uint32_t parts, uint32_t len, uint32_t number)
{
    ixy_frame frames[PARTS];
    assert_in_range(parts, 1, PARTS);
    for (uint32_t i = 0; i < parts; i++) {
        hostile_make(test, &frames[i], len, number);
        frames[i].flags = i + 1 < parts ? IXY_FRAME_MORE : 0;
    }
    int32_t sent = hostile_transmit(test, frames, parts);
    assert_true(sent <= 0 || sent == (int32_t)parts);
    if (sent <= 0)
        hostile_free(test, frames, parts);
    return sent;
}

/* Receives what there is: only whole packets, none longer than any can be. Returns how many. */
static uint32_t receive_packets(struct hostile_test *test, uint32_t room, uint32_t longest)
{
    uint32_t packets = 0;
    for (uint32_t polls = 0; polls < 3; polls++) {
        ixy_frame frames[BATCH];
        int32_t came = hostile_receive(test, frames, room);
        if (came < 0)
            return packets;
        uint32_t length = 0;
        for (int32_t i = 0; i < came; i++) {
            length += frames[i].len;
            if ((frames[i].flags & IXY_FRAME_MORE) != 0)
                continue;
            assert_in_range(length, 14, longest);
            length = 0;
            packets++;
        }
        assert_int_equal(length, 0);
        hostile_free(test, frames, (uint32_t)came);
    }
    return packets;
}

/* A lie about each of many packets: all are dropped. */
static void all_dropped(struct hostile_test *test, enum hostile_lie lie, uint32_t parts, uint32_t len)
{
    hostile_wake(test);
    for (uint32_t i = 0; i < 200; i++) {
        assert_int_equal(send_packet(test, parts, len, i), parts);
        assert_int_equal(receive_packets(test, BATCH, JUMBO), 0);
    }
    assert_true(hostile_told(test, lie) >= 200);
    assert_int_equal(hostile_dropped(test), 200);
    hostile_recover(test);
    hostile_test_close(test);
}

static void case_4_length_beyond_buffer(void **state)
{
    (void)state;
    struct hostile_test test;
    for (uint32_t i = 0; i < 4; i++) {
        open_checked(&test, i, "length-beyond");
        all_dropped(&test, HOSTILE_LENGTH_BEYOND, 1, 200);
    }
    for (uint32_t i = 0; i < 4; i++) { /* a whole buffer can be a packet here */
        uint32_t came = 0;
        open_jumbo(&test, i, "length-beyond");
        hostile_wake(&test);
        for (uint32_t n = 0; n < 200; n++) {
            assert_int_equal(send_packet(&test, 1, 200, n), 1);
            came += receive_packets(&test, BATCH, 2048 - 12);
        }
        assert_int_equal(hostile_told(&test, HOSTILE_LENGTH_BEYOND), 200);
        assert_int_equal(hostile_dropped(&test) + came, 200);
        assert_in_range(came, 10, 80);
        hostile_recover(&test);
        hostile_test_close(&test);
    }
}

static void case_5_length_short_of_header(void **state)
{
    (void)state;
    struct hostile_test test;
    for (uint32_t i = 0; i < 8; i++) {
        if (i < 4)
            open_checked(&test, i, "length-short");
        else
            open_jumbo(&test, i - 4, "length-short");
        all_dropped(&test, HOSTILE_LENGTH_SHORT, 1, 200);
    }
}

/* Parts without a byte, longer than their buffer, or as long, so that the whole is longer than any packet. */
static void case_6_length_of_spanning_packet(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        struct hostile_test test;
        uint32_t came = 0;
        open_jumbo(&test, i, "length-span");
        hostile_wake(&test);
        for (uint32_t n = 0; n < 400; n++) {
            ixy_frame frames[6];
            for (uint32_t part = 0; part < 6; part++) {
                hostile_make(&test, &frames[part], 1500, n);
                frames[part].flags = part < 5 ? IXY_FRAME_MORE : 0;
            }
            assert_int_equal(hostile_transmit(&test, frames, 6), 6);
            came += receive_packets(&test, BATCH, JUMBO + 4);
        }
        assert_true(hostile_told(&test, HOSTILE_LENGTH_SPANNING) >= 400);
        /* Of a packet whose first part has no header nobody knows how many parts it has. */
        assert_true(hostile_dropped(&test) + came >= 400);
        assert_true(hostile_dropped(&test) > 300);
        hostile_recover(&test);
        hostile_test_close(&test);
    }
}

static void case_10_number_of_buffers(void **state)
{
    (void)state;
    struct hostile_test test;
    for (uint32_t i = 2; i < 4; i++) {
        open_checked(&test, i, "num-buffers");
        all_dropped(&test, HOSTILE_NUM_BUFFERS, 1, 200);
    }
    for (uint32_t i = 0; i < 4; i++) {
        open_jumbo(&test, i, "num-buffers");
        all_dropped(&test, HOSTILE_NUM_BUFFERS, 1, 1000);
        /* Where there are others behind it, they are taken for its parts, no more than a packet has. */
        open_jumbo(&test, i, "num-buffers");
        hostile_wake(&test);
        for (uint32_t round = 0; round < 100; round++) {
            for (uint32_t n = 0; n < 20; n++)
                assert_int_equal(send_packet(&test, 1, 100, n), 1);
            receive_packets(&test, 5, JUMBO + 4);
            receive_packets(&test, BATCH, JUMBO + 4);
        }
        assert_true(hostile_dropped(&test) > 100);
        hostile_recover(&test);
        hostile_test_close(&test);
    }
}

static void case_11_checksum_past_the_packet(void **state)
{
    (void)state;
    struct hostile_test test;
    for (uint32_t i = 0; i < 8; i++) {
        if (i < 4)
            open_checked(&test, i, "checksum");
        else
            open_jumbo(&test, i - 4, "checksum");
        all_dropped(&test, HOSTILE_CHECKSUM_START, 1, 1000);
    }
}

static void case_12_segmentation_not_negotiated(void **state)
{
    (void)state;
    struct hostile_test test;
    for (uint32_t i = 0; i < 8; i++) {
        if (i < 4)
            open_checked(&test, i, "gso");
        else
            open_jumbo(&test, i - 4, "gso");
        all_dropped(&test, HOSTILE_GSO, 1, 300);
    }
}

/* Ids of chains: past the ring, not held, told twice. The device has failed, and no buffer is lost. */
static void ids_of_chains(const char *lies, enum hostile_lie lie)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct hostile_test test;
        uint32_t failed = 0;
        open_jumbo(&test, i, lies);
        for (uint32_t round = 0; round < 60; round++) {
            int32_t code = 0;
            hostile_wake(&test);
            for (uint32_t n = 0; n < 400 && code >= 0; n++) /* nobody receives: all lies are told to transmit */
                code = send_packet(&test, 1 + n % PARTS, 60, n);
            failed += code == IXY_E_DEVICE;
            hostile_sleep(&test);
            assert_int_equal(ixy_device_reset(test.device), 0);
        }
        assert_true(hostile_told(&test, lie) >= 60);
        assert_in_range(failed, 40, 60); /* an id of another packet that is held cannot be told from a right one */
        hostile_recover(&test);
        hostile_test_close(&test);
    }
}

static void case_1_id_past_the_ring(void **state)
{
    (void)state;
    ids_of_chains("id-range", HOSTILE_ID_RANGE);
}

static void case_2_id_not_held(void **state)
{
    (void)state;
    ids_of_chains("id-idle", HOSTILE_ID_IDLE);
}

static void case_3_id_twice(void **state)
{
    (void)state;
    ids_of_chains("id-twice", HOSTILE_ID_TWICE);
}

/* All at once, for a while: nothing is lost, nothing is written where it must not be. */
static void everything_at_once(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 8; i++) {
        struct hostile_test test;
        uint32_t resets = 0;
        if (i < 4)
            open_checked(&test, i, "all");
        else
            open_jumbo(&test, i - 4, "all");
        for (uint32_t n = 0; n < 4000; n++) {
            test.hostile->every = 1 + n % 40;
            int32_t code = send_packet(&test, i < 4 ? 1 : 1 + n % PARTS, 60 + n % 1400, n);
            receive_packets(&test, n % 3 == 0 ? 5 : BATCH, JUMBO + 4);
            ixy_link link = {.struct_size = sizeof(link)};
            if (code == IXY_E_DEVICE || n % 100 == 99 || ixy_device_link(test.device, &link) < 0) {
                hostile_sleep(&test);
                assert_int_equal(ixy_device_reset(test.device), 0);
                resets++;
            }
        }
        assert_true(resets > 40);
        hostile_test_close(&test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_1_id_past_the_ring),
        cmocka_unit_test(case_2_id_not_held),
        cmocka_unit_test(case_3_id_twice),
        cmocka_unit_test(case_4_length_beyond_buffer),
        cmocka_unit_test(case_5_length_short_of_header),
        cmocka_unit_test(case_6_length_of_spanning_packet),
        cmocka_unit_test(case_10_number_of_buffers),
        cmocka_unit_test(case_11_checksum_past_the_packet),
        cmocka_unit_test(case_12_segmentation_not_negotiated),
        cmocka_unit_test(everything_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
