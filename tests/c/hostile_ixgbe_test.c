/* The cases of docs/hostile.md that an 82599 can tell, each alone. What is asserted of every frame, and of every buffer
 * at the end, stands in hostile_support.c. */
#include "tests/c/hostile_support.h"

#include <stdio.h>

#include "abi/objects.h"
#include "core/ixgbe/ixgbe.h"
#include "tests/c/hostile_trap.h"

#define RING 64

static void open_lying(struct hostile_test *test, const char *lies)
{
    hostile_test_open(test, "emu:82599", lies, RING);
}

/* Frames that are lied about are dropped and counted; those after them arrive. */
static void case_lengths(const char *name, enum hostile_lie lie, uint32_t count)
{
    struct hostile_test test;
    open_lying(&test, name);
    hostile_send(&test, 3, 60, 100);
    hostile_expect(&test, 3, 60, 100);
    hostile_wake(&test);
    for (uint32_t i = 0; i < count; i++) {
        hostile_send(&test, 1, 1514, i);
        assert_int_equal(hostile_drain(&test), 0);
    }
    assert_int_equal(hostile_told(&test, lie), count);
    assert_int_equal(hostile_dropped(&test), count);
    hostile_sleep(&test);
    hostile_send(&test, 5, 1514, 200);
    hostile_expect(&test, 5, 1514, 200);
    hostile_test_close(&test);
}

static void case_22_length_beyond_buffer(void **state)
{
    (void)state;
    case_lengths("rx-length-beyond", HOSTILE_RX_LENGTH_BEYOND, 200);
}

static void case_23_implausible_length(void **state)
{
    (void)state;
    case_lengths("rx-length-implausible", HOSTILE_RX_LENGTH_IMPLAUSIBLE, 200);
}

/* The descriptor says that the frame goes on, at a place past the ring: the driver goes by its own order, and what ends
 * the frame is dropped with it. */
static void case_24_coalesced_past_the_ring(void **state)
{
    (void)state;
    struct hostile_test test;
    open_lying(&test, "rx-rsc");
    hostile_wake(&test);
    hostile_send(&test, 1, 60, 0);
    assert_int_equal(hostile_drain(&test), 0);
    assert_int_equal(hostile_told(&test, HOSTILE_RX_RSC), 1);
    hostile_sleep(&test);
    hostile_send(&test, 4, 60, 1); /* 1 ends what 0 began */
    hostile_expect(&test, 3, 60, 2);
    assert_int_equal(hostile_dropped(&test), 1);
    hostile_test_close(&test);
}

/* ---- with offloads and jumbo frames, which have a receive loop of their own ---- */

#define EVERYTHING (IXY_CAN_RX_CHECKSUM | IXY_CAN_VLAN_STRIP | IXY_CAN_RX_TIMESTAMP)

static void open_lying_packets(struct hostile_test *test, const char *device, const char *lies)
{
    hostile_test_pool_small(test, strcmp(device, "emu:x550") == 0 ? EVERYTHING : 0, 3000);
    hostile_test_open_on(test, device, lies, RING);
}

/* Sends a packet of two buffers that holds number; receives one. */
static void send_two(struct hostile_test *test, uint32_t number)
{
    ixy_frame frames[2];
    hostile_make(test, &frames[0], 1000, number);
    hostile_make(test, &frames[1], 500, number);
    frames[0].flags = IXY_FRAME_MORE;
    assert_int_equal(hostile_transmit(test, frames, 2), 2);
}

static void expect_two(struct hostile_test *test, uint32_t count, uint32_t first)
{
    for (uint32_t next = first; next != first + count; next++) {
        ixy_frame frames[3];
        int32_t received = 0;
        for (uint32_t polls = 0; polls < HOSTILE_POLLS && received == 0; polls++)
            received = hostile_receive(test, frames, 3);
        assert_int_equal(received, 2);
        assert_int_equal(frames[0].len, 1024);
        assert_int_equal(frames[1].len, 476);
        uint32_t number = 0;
        assert_int_equal(ixy_buf_read(test->pool, &frames[0], 14, &number, sizeof(number)), sizeof(number));
        assert_int_equal(number, next);
        hostile_free(test, frames, 2);
    }
}

static void case_packets(const char *device, const char *name, enum hostile_lie lie, uint32_t count)
{
    struct hostile_test test;
    open_lying_packets(&test, device, name);
    send_two(&test, 1);
    expect_two(&test, 1, 1);
    hostile_wake(&test);
    for (uint32_t i = 0; i < count; i++) {
        send_two(&test, i);
        assert_int_equal(hostile_drain(&test), 0);
    }
    assert_true(hostile_told(&test, lie) >= count);
    assert_int_equal(hostile_dropped(&test), count);
    hostile_sleep(&test);
    send_two(&test, 200);
    send_two(&test, 201);
    expect_two(&test, 2, 200);
    hostile_test_close(&test);
}

static void case_6_pieces_of_other_lengths(void **state)
{
    (void)state;
    case_packets("emu:82599", "rx-pieces", HOSTILE_RX_PIECES, 200);
    case_packets("emu:x550", "rx-pieces", HOSTILE_RX_PIECES, 200);
}

/* Of frames in one buffer: some of the lengths would be right for a packet over several. */
static void case_22_packet_length_beyond_buffer(void **state)
{
    (void)state;
    struct hostile_test test;
    open_lying_packets(&test, "emu:82599", "rx-length-beyond");
    hostile_wake(&test);
    for (uint32_t i = 0; i < 600; i++) {
        hostile_send(&test, 1, 1000, i);
        assert_int_equal(hostile_drain(&test), 0);
    }
    assert_int_equal(hostile_told(&test, HOSTILE_RX_LENGTH_BEYOND), 600);
    assert_int_equal(hostile_dropped(&test), 600);
    hostile_sleep(&test);
    send_two(&test, 200);
    expect_two(&test, 1, 200);
    hostile_test_close(&test);
}

/* Frames in one buffer, short of a time stamp or of a frame before it. */
static void case_23_short_of_a_stamp(void **state)
{
    (void)state;
    struct hostile_test test;
    open_lying_packets(&test, "emu:x550", "rx-short");
    hostile_send(&test, 3, 60, 100);
    hostile_expect(&test, 3, 60, 100);
    hostile_wake(&test);
    for (uint32_t i = 0; i < 300; i++) {
        hostile_send(&test, 1, 1000, i);
        assert_int_equal(hostile_drain(&test), 0);
    }
    assert_int_equal(hostile_told(&test, HOSTILE_RX_SHORT), 300);
    assert_int_equal(hostile_dropped(&test), 300);
    hostile_sleep(&test);
    hostile_send(&test, 5, 1000, 200);
    hostile_expect(&test, 5, 1000, 200);
    hostile_test_close(&test);
}

/* A stamp that is no time: the packet comes, without one. */
static void case_23_no_time(void **state)
{
    (void)state;
    struct hostile_test test;
    open_lying_packets(&test, "emu:x550", "rx-stamp");
    for (uint32_t lying = 0; lying < 2; lying++) {
        for (uint32_t i = 0; i < 50; i++) {
            ixy_frame frame[3];
            ixy_metadata metadata;
            hostile_send(&test, 1, 60, i);
            assert_int_equal(hostile_receive(&test, frame, 3), 1);
            assert_int_equal(ixy_buf_metadata(test.pool, frame, &metadata), 0);
            assert_int_equal(metadata.flags, lying == 0 ? IXY_META_TIMESTAMP : 0);
            hostile_free(&test, frame, 1);
        }
        hostile_wake(&test);
    }
    assert_int_equal(hostile_told(&test, HOSTILE_RX_STAMP), 50);
    hostile_test_close(&test);
}

static void case_25_packets_without_end(void **state)
{
    (void)state;
    struct hostile_test test;
    open_lying_packets(&test, "emu:82599", "rx-no-eop");
    hostile_wake(&test);
    for (uint32_t i = 0; i < 399; i++) { /* three at a time, so that none is left that 999 could belong to */
        hostile_send(&test, 1, 1000, i);
        assert_int_equal(hostile_drain(&test), 0);
    }
    assert_int_equal(hostile_told(&test, HOSTILE_RX_NO_EOP), 399);
    assert_int_equal(hostile_dropped(&test), (399 + 15) / 16);
    hostile_sleep(&test);
    hostile_send(&test, 1, 60, 999); /* ends what the last one began */
    hostile_send(&test, 4, 60, 1000);
    hostile_expect(&test, 4, 60, 1000);
    hostile_test_close(&test);
}

/* The descriptor behind those that were posted is no packet. */
static void case_26_packet_that_was_not_posted(void **state)
{
    (void)state;
    struct hostile_test test;
    uint32_t received = 0;
    hostile_test_pool_small(&test, 0, 3000);
    hostile_test_open_on(&test, "emu:82599,wire=gen,limit=1000,size=1000", "rx-unposted", RING);
    hostile_wake(&test);
    for (uint32_t i = 0; i < HOSTILE_POLLS; i++) {
        ixy_frame frames[4 * RING];
        int32_t came = hostile_receive(&test, frames, 4 * RING);
        assert_in_range(came, 0, RING - 1);
        received += (uint32_t)came;
        hostile_free(&test, frames, (uint32_t)came);
    }
    assert_int_equal(received, 1000);
    assert_int_equal(hostile_dropped(&test), 0);
    assert_true(hostile_told(&test, HOSTILE_RX_UNPOSTED) >= HOSTILE_POLLS);
    hostile_test_close(&test);
}

/* Found by polls alone, and by a full ring. */
static void case_28_gone_with_offloads(void **state)
{
    (void)state;
    for (uint32_t sends = 0; sends < 2; sends++) {
        struct hostile_test test;
        open_lying_packets(&test, "emu:x550", "gone");
        hostile_wake(&test);
        int32_t code = 0;
        for (uint32_t polls = 0; polls < 10000 && code >= 0; polls++) {
            ixy_frame frames[3];
            if (sends == 0) {
                code = hostile_receive(&test, frames, 3);
                continue;
            }
            hostile_make(&test, &frames[0], 60, 0);
            hostile_make(&test, &frames[1], 60, 0);
            frames[0].flags = IXY_FRAME_MORE;
            code = hostile_transmit(&test, frames, 2);
            if (code <= 0)
                hostile_free(&test, frames, 2);
        }
        assert_int_equal(code, IXY_E_DEVICE);
        hostile_test_close(&test);
    }
}

static void case_25_frames_without_end(void **state)
{
    (void)state;
    struct hostile_test test;
    open_lying(&test, "rx-no-eop");
    hostile_wake(&test);
    for (uint32_t i = 0; i < 400; i++) { /* several times round the ring */
        hostile_send(&test, 1, 60, i);
        assert_int_equal(hostile_drain(&test), 0);
    }
    assert_int_equal(hostile_told(&test, HOSTILE_RX_NO_EOP), 400);
    assert_int_equal(hostile_dropped(&test), 400 / 16);
    hostile_sleep(&test);
    hostile_send(&test, 4, 60, 1000);
    hostile_expect(&test, 3, 60, 1001);
    hostile_test_close(&test);
}

/* A generator that never runs dry, and a caller who asks for more than the ring has: each call ends, though all that
 * the ring holds is dropped. */
static void case_25_without_end_for_ever(void **state)
{
    (void)state;
    struct hostile_test test;
    hostile_test_open(&test, "emu:82599,wire=gen", "rx-no-eop", RING);
    ixy_frame frames[RING];
    hostile_wake(&test);
    int32_t before = hostile_receive(&test, frames, RING); /* what was completed at the start */
    assert_in_range(before, 0, RING - 1);
    hostile_free(&test, frames, (uint32_t)before);
    for (uint32_t i = 0; i < HOSTILE_POLLS; i++) {
        ixy_frame none[IXY_BATCH_MAX];
        assert_int_equal(hostile_receive(&test, none, IXY_BATCH_MAX), 0);
    }
    assert_true(hostile_told(&test, HOSTILE_RX_NO_EOP) >= HOSTILE_POLLS * (RING - 1));
    assert_true(hostile_dropped(&test) >= HOSTILE_POLLS * (RING - 1) / 16);
    hostile_test_close(&test);
}

/* The descriptor at the tail has no buffer; the device completes it like the others. */
static void case_26_receive_that_was_not_posted(void **state)
{
    (void)state;
    struct hostile_test test;
    ixy_frame frames[4 * RING];
    uint32_t received = 0;
    hostile_test_open(&test, "emu:82599,wire=gen,limit=1000", "rx-unposted", RING);
    hostile_wake(&test);
    for (uint32_t i = 0; i < HOSTILE_POLLS; i++) {
        int32_t came = hostile_receive(&test, frames, 4 * RING);
        assert_in_range(came, 0, RING - 1);
        hostile_free(&test, frames, (uint32_t)came);
        received += (uint32_t)came;
    }
    assert_int_equal(received, 1000);
    assert_int_equal(hostile_dropped(&test), 0);
    assert_true(hostile_told(&test, HOSTILE_RX_UNPOSTED) >= HOSTILE_POLLS);
    hostile_test_close(&test);
}

static void case_26_transmit_that_was_not_posted(void **state)
{
    (void)state;
    struct hostile_test test;
    open_lying(&test, "tx-done-all");
    hostile_wake(&test);
    for (uint32_t i = 0; i < 40; i++) {
        hostile_send(&test, RING - 1, 60, i * RING); /* the next one wants room, and looks at what is done */
        hostile_expect(&test, RING - 1, 60, i * RING);
    }
    assert_true(hostile_told(&test, HOSTILE_TX_DONE_ALL) >= 40);
    hostile_test_close(&test);
}

/* Packets of three buffers. Those of the first batch wait in the ring; the second fits but for the context that its
 * last packet may need. A device that worked then, and lied about the whole ring, would write over what the driver has
 * written, and the driver would be blamed. */
static void case_26_not_posted_in_mid_batch(void **state)
{
    (void)state;
    enum { FIRST = 33, SECOND = RING - 1 - FIRST };
    struct hostile_test test;
    uint32_t seen = 0;
    open_lying_packets(&test, "emu:82599", "tx-done-all");
    hostile_wake(&test);
    for (uint32_t i = 0; i < 20; i++) {
        ixy_frame frames[FIRST + SECOND];
        uint32_t sent = FIRST;
        for (uint32_t n = 0; n < FIRST + SECOND; n++) {
            hostile_make(&test, &frames[n], 60 + n, i);
            frames[n].flags = n % 3 < 2 ? IXY_FRAME_MORE : 0;
        }
        assert_int_equal(hostile_transmit(&test, frames, FIRST), FIRST);
        while (sent < FIRST + SECOND) {
            int32_t more = hostile_transmit(&test, frames + sent, FIRST + SECOND - sent);
            assert_true(more > 0);
            sent += (uint32_t)more;
        }
        seen += hostile_drain(&test);
    }
    assert_true(hostile_told(&test, HOSTILE_TX_DONE_ALL) >= 20);
    assert_true(seen > 0);
    hostile_test_close(&test);
}

/* The driver cannot know; but it loses no buffer, and goes on. */
static void case_26_done_but_never_sent(void **state)
{
    (void)state;
    struct hostile_test test;
    open_lying(&test, "tx-unsent");
    hostile_wake(&test);
    for (uint32_t i = 0; i < 10 * RING; i++) {
        hostile_send(&test, 1, 60, i);
        assert_int_equal(hostile_drain(&test), 0);
    }
    assert_int_equal(hostile_told(&test, HOSTILE_TX_UNSENT), 10 * RING);
    hostile_sleep(&test);
    hostile_send(&test, 3, 60, 0);
    hostile_expect(&test, 3, 60, 0);
    hostile_test_close(&test);
}

static void send_tagged(struct hostile_test *test, uint32_t number)
{
    const ixy_metadata tag = {.flags = IXY_META_VLAN, .vlan_tci = 5};
    ixy_frame frame;
    hostile_make(test, &frame, 60, number);
    assert_int_equal(ixy_buf_metadata_set(test->pool, &frame, &tag), 0);
    assert_int_equal(hostile_transmit(test, &frame, 1), 1);
}

/* The context is among what is never sent. The driver has told it all the same, and tells it no second time. */
static void case_26_context_never_sent(void **state)
{
    (void)state;
    struct hostile_test test;
    hostile_test_pool_small(&test, IXY_CAN_VLAN_INSERT, 3000);
    hostile_test_open_on(&test, "emu:82599", "tx-unsent", RING);
    hostile_wake(&test);
    send_tagged(&test, 1);
    assert_int_equal(hostile_drain(&test), 0);
    assert_int_equal(hostile_told(&test, HOSTILE_TX_UNSENT), 1);
    hostile_sleep(&test);
    send_tagged(&test, 2);
    assert_int_equal(hostile_drain(&test), 1);
    hostile_test_close(&test);
}

/* DD everywhere in the ring and bytes in buffers that are free again: nothing was received. */
static void case_27_write_back_after_disable(void **state)
{
    (void)state;
    struct hostile_test test;
    open_lying(&test, "rx-late");
    for (uint32_t lap = 0; lap < 3; lap++) {
        hostile_send(&test, RING / 2, 60, 0);
        hostile_expect(&test, RING / 2, 60, 0);
    }
    for (uint32_t again = 0; again < 5; again++) {
        hostile_wake(&test);
        assert_int_equal(ixy_device_reset(test.device), 0);
        hostile_sleep(&test);
        assert_int_equal(hostile_drain(&test), 0);
        assert_int_equal(hostile_dropped(&test), 0);
        hostile_send(&test, RING / 2, 60, 7);
        hostile_expect(&test, RING / 2, 60, 7);
    }
    assert_int_equal(hostile_told(&test, HOSTILE_RX_LATE), 10);
    hostile_test_close(&test);
}

static void case_28_gone_in_mid_run(void **state)
{
    (void)state;
    struct hostile_test test;
    ixy_frame frames[RING];
    ixy_stats stats = {.struct_size = sizeof(stats)};
    ixy_link link = {.struct_size = sizeof(link)};
    hostile_test_open(&test, "emu:82599,wire=gen", "gone", RING);
    for (uint32_t i = 0; i < 20; i++) {
        int32_t came = hostile_receive(&test, frames, 8);
        assert_int_equal(hostile_transmit(&test, frames, (uint32_t)came), came);
    }
    int32_t kept = hostile_receive(&test, frames, 8);
    assert_int_equal(kept, 8);
    hostile_wake(&test);
    ixy_frame none[RING];
    hostile_receive(&test, none, 0); /* the device lives by the driver's calls; now it dies */
    assert_int_equal(hostile_told(&test, HOSTILE_GONE), 1);
    hostile_expect_error(ixy_device_stats(test.device, &stats), IXY_E_DEVICE, "gone");
    assert_int_equal(hostile_receive(&test, none, RING), IXY_E_DEVICE);
    assert_int_equal(hostile_transmit(&test, frames, 8), IXY_E_DEVICE);
    hostile_expect_error(ixy_device_link(test.device, &link), IXY_E_DEVICE, "gone");
    hostile_expect_error(ixy_device_reset(test.device), IXY_E_DEVICE, "gone");
    assert_int_equal(hostile_receive(&test, none, RING), IXY_E_DEVICE);
    hostile_sleep(&test); /* it was plugged in again */
    assert_int_equal(ixy_device_reset(test.device), 0);
    assert_int_equal(hostile_transmit(&test, frames, 8), 8);
    assert_true(hostile_receive(&test, none, 8) > 0);
    hostile_free(&test, none, 8);
    hostile_test_close(&test);
}

static void case_28_closed_while_gone(void **state)
{
    (void)state;
    struct hostile_test test;
    ixy_frame frames[RING];
    hostile_test_open(&test, "emu:82599,wire=gen", "gone", RING);
    int32_t came = hostile_receive(&test, frames, 8);
    assert_int_equal(hostile_transmit(&test, frames, (uint32_t)came), came);
    hostile_wake(&test);
    assert_in_range(hostile_receive(&test, frames, RING), 0, RING);
    for (uint32_t i = 0; i < HOSTILE_POLLS; i++) { /* nobody has asked a register yet */
        came = hostile_receive(&test, frames, RING);
        assert_in_range(came, 0, RING);
        hostile_free(&test, frames, (uint32_t)came);
    }
    hostile_test_close(&test);
}

/* Half of all that a driver waits for does not come: each such bit is named, at open, at start and at reset. */
static void case_29_ready_bits_that_never_change(void **state)
{
    (void)state;
    static const char *const names[] = {"CTRL.RST",      "EEC.Auto_RD",  "RDRXCTL.DMAIDONE", "SECRXSTAT.SECRX_RDY",
                                        "RXDCTL.ENABLE", "TXDCTL.ENABLE"};
    bool seen[sizeof(names) / sizeof(names[0])] = {false};
    struct hostile_test test;
    hostile_test_pool(&test);
    for (uint32_t seed = 0; seed < 200; seed++) {
        char address[128];
        snprintf(address, sizeof(address), "emu:82599,timing=inline,hostile=not-ready,every=4,seed=%u", seed);
        ixy_device_config config = {.struct_size = sizeof(config), .pool = test.pool};
        int32_t code = ixy_device_open(address, &config, &test.device);
        bool opened = code == 0;
        if (opened)
            code = ixy_device_start(test.device);
        if (code == 0)
            code = ixy_device_reset(test.device);
        if (code != 0) {
            uint32_t name = 0;
            assert_int_equal(code, IXY_E_TIMEOUT);
            while (name < sizeof(names) / sizeof(names[0]) && strstr(ixy_last_error(), names[name]) == NULL)
                name++;
            if (name == sizeof(names) / sizeof(names[0]))
                fail_msg("\"%s\" names no bit", ixy_last_error());
            seen[name] = true;
        }
        if (opened)
            assert_int_equal(ixy_device_close(test.device), 0);
        assert_int_equal(ixy_pool_free_count(test.pool), HOSTILE_BUFFERS);
    }
    test.device = 0;
    for (uint32_t name = 0; name < sizeof(names) / sizeof(names[0]); name++)
        if (!seen[name])
            fail_msg("%s was never waited for in vain", names[name]);
    hostile_test_close(&test);
}

static void case_29_never_done(void **state)
{
    (void)state;
    struct hostile_test test;
    ixy_frame frame;
    open_lying(&test, "tx-done-never");
    hostile_wake(&test);
    hostile_send(&test, RING - 1, 60, 0);
    assert_int_equal(ixy_buf_alloc(test.pool, &frame, 1), 1);
    frame.len = 60;
    test.holds[frame.buf & test.view.index_mask] = true;
    test.held++;
    for (uint32_t i = 0; i < HOSTILE_POLLS; i++)
        assert_int_equal(hostile_transmit(&test, &frame, 1), 0);
    assert_int_equal(hostile_drain(&test), RING - 1); /* they were sent */
    assert_true(hostile_told(&test, HOSTILE_TX_DONE_NEVER) > 0);
    hostile_sleep(&test);
    assert_int_equal(ixy_device_reset(test.device), 0);
    assert_int_equal(hostile_transmit(&test, &frame, 1), 1);
    hostile_test_close(&test);
}

/* A queue that is still said to be enabled, long after it was disabled, does not keep the driver: it gives up. */
static void case_29_never_stops(void **state)
{
    (void)state;
    struct hostile_test test;
    open_lying(&test, "not-ready");
    hostile_send(&test, 5, 60, 0);
    hostile_expect(&test, 5, 60, 0);
    hostile_wake(&test);
    assert_int_equal(ixy_device_close(test.device), 0);
    test.device = 0;
    hostile_test_close(&test);
}

static void case_31_no_station_address(void **state)
{
    (void)state;
    struct hostile_test test;
    hostile_test_pool(&test);
    for (uint32_t seed = 0; seed < 20; seed++) { /* none, multicast, broadcast */
        char address[128];
        snprintf(address, sizeof(address), "emu:82599,timing=inline,hostile=station-address,every=1,seed=%u", seed);
        ixy_device_config config = {.struct_size = sizeof(config), .pool = test.pool};
        hostile_expect_error(ixy_device_open(address, &config, &test.device), IXY_E_DEVICE, "station address");
        assert_int_equal(test.device, 0);
        assert_int_equal(ixy_pool_free_count(test.pool), HOSTILE_BUFFERS);
    }
    hostile_test_close(&test);
}

/* Status and length are one word, which the driver reads once: what it checked is what it uses. */
static void case_8_descriptor_changes_between_reads(void **state)
{
    (void)state;
    if (!hostile_trap_works()) {
        print_message("needs x86-64\n");
        skip();
    }
    struct hostile_test test;
    hostile_test_open(&test, "emu:82599", NULL, RING);
    struct ixgbe_rx_queue *queue = device_slot_find(test.device)->device->rx[0];
    struct bus *step = queue->step;
    queue->step = NULL; /* the page is the driver's alone */
    const uint64_t good = (uint64_t)60 << 32 | IXGBE_RX_EOP | IXGBE_RX_DD;
    static const uint64_t lies[] = {(uint64_t)0xFFFF << 32 | IXGBE_RX_EOP | IXGBE_RX_DD, (uint64_t)9000 << 32 | 1, 0};
    for (uint32_t lie = 0; lie < sizeof(lies) / sizeof(lies[0]); lie++) {
        uint64_t *word = &queue->ring[queue->taken & queue->mask].header_address;
        ixy_frame frame;
        *word = good;
        hostile_trap_set(word, sizeof(*word), &lies[lie], 1);
        int32_t received = ixy_rx_batch(test.device, 0, &frame, 1);
        uint32_t reads = hostile_trap_clear();
        assert_true(reads >= 1);
        assert_int_equal(received, 1);
        assert_int_equal(frame.len, 60);
        assert_int_equal(ixy_buf_free(test.pool, &frame, 1), 1);
    }
    /* A completion that was refused at the first read, and is good at the second: it comes at once or later, whole. */
    uint64_t *word = &queue->ring[queue->taken & queue->mask].header_address;
    ixy_frame frame;
    *word = 0;
    hostile_trap_set(word, sizeof(*word), &good, 1);
    int32_t received = ixy_rx_batch(test.device, 0, &frame, 1);
    assert_true(hostile_trap_clear() >= 1);
    if (received == 0)
        received = ixy_rx_batch(test.device, 0, &frame, 1);
    assert_int_equal(received, 1);
    assert_int_equal(frame.len, 60);
    assert_int_equal(ixy_buf_free(test.pool, &frame, 1), 1);
    queue->step = step;
    assert_int_equal(ixy_device_close(test.device), 0); /* the model knows nothing of what was completed here */
    test.device = 0;
    hostile_test_close(&test);
}

/* Completed descriptors change until they are taken: what arrives still lies in its buffer. */
static void case_8_descriptor_changes_before_it_is_taken(void **state)
{
    (void)state;
    struct hostile_test test;
    ixy_frame frames[4];
    hostile_test_open(&test, "emu:82599,wire=gen", "rx-rewrite", RING);
    hostile_wake(&test);
    for (uint32_t i = 0; i < 20000; i++) {
        int32_t came = hostile_receive(&test, frames, 4); /* most wait, and change */
        assert_in_range(came, 0, 4);
        hostile_free(&test, frames, (uint32_t)came);
    }
    assert_true(hostile_told(&test, HOSTILE_RX_REWRITE) > 10000);
    assert_true(hostile_dropped(&test) > 0);
    hostile_test_close(&test);
}

static void options_that_are_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *options, *part;
    } wrong[] = {{"hostile=rx-rcs", "rx-length-beyond"}, {"hostile=", "no value"},       {"hostile=all+", "gone"},
                 {"hostile=id-range", "not-ready"},      {"every=0", "1 to 4294967295"}, {"seed=x", "a number"}};
    for (uint32_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char address[128];
        uint64_t device = 0;
        snprintf(address, sizeof(address), "emu:82599,%s", wrong[i].options);
        hostile_expect_error(ixy_device_open(address, NULL, &device), IXY_E_ADDRESS, wrong[i].part);
    }
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_8_descriptor_changes_between_reads),
        cmocka_unit_test(case_8_descriptor_changes_before_it_is_taken),
        cmocka_unit_test(case_6_pieces_of_other_lengths),
        cmocka_unit_test(case_22_length_beyond_buffer),
        cmocka_unit_test(case_22_packet_length_beyond_buffer),
        cmocka_unit_test(case_23_short_of_a_stamp),
        cmocka_unit_test(case_23_no_time),
        cmocka_unit_test(case_25_packets_without_end),
        cmocka_unit_test(case_26_packet_that_was_not_posted),
        cmocka_unit_test(case_28_gone_with_offloads),
        cmocka_unit_test(case_23_implausible_length),
        cmocka_unit_test(case_24_coalesced_past_the_ring),
        cmocka_unit_test(case_25_frames_without_end),
        cmocka_unit_test(case_25_without_end_for_ever),
        cmocka_unit_test(case_26_receive_that_was_not_posted),
        cmocka_unit_test(case_26_transmit_that_was_not_posted),
        cmocka_unit_test(case_26_not_posted_in_mid_batch),
        cmocka_unit_test(case_26_done_but_never_sent),
        cmocka_unit_test(case_26_context_never_sent),
        cmocka_unit_test(case_27_write_back_after_disable),
        cmocka_unit_test(case_28_gone_in_mid_run),
        cmocka_unit_test(case_28_closed_while_gone),
        cmocka_unit_test(case_29_ready_bits_that_never_change),
        cmocka_unit_test(case_29_never_done),
        cmocka_unit_test(case_29_never_stops),
        cmocka_unit_test(case_31_no_station_address),
        cmocka_unit_test(options_that_are_wrong),
    };
    if (count > 1)
        cmocka_set_test_filter(arguments[1]); /* tests/hostile/run wants one */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
