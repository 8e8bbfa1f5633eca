/* The emulated VirtIO device's engines: what is sent comes back on a loop wire as was negotiated, in both rings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/c/virtio_model_support.h"

static const char *const vengine_rings[] = {"", ",ring=packed"};

/* Options after those of each ring. */
static void vengine_open(struct vtest *test, uint32_t ring, const char *options)
{
    char text[128];
    snprintf(text, sizeof(text), "%s%s", vengine_rings[ring], options);
    vtest_open(test, text);
}

static uint32_t vengine_buffers_of(const struct vtest *test, uint64_t address)
{
    const uint8_t *header = vtest_bytes(test, address);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(header[i], 0);
    return test->header == 12 ? header[10] | (uint32_t)header[11] << 8 : 1;
}

/* One frame through a device whose queues are 0 and 1. */
static void vengine_one(struct vtest *test, uint32_t len, uint32_t number)
{
    uint8_t frame[1514];
    uint32_t id, used;
    vtest_frame(frame, len, 1, number);
    test->taken = 0;
    uint64_t into = vtest_post_receive(test, 0);
    vtest_send(test, 1, frame, len);
    vtest_step(test);
    assert_true(vtest_used(test, 1, &id, &used));
    assert_int_equal(used, 0);
    assert_true(vtest_used(test, 0, &id, &used));
    assert_int_equal(used, test->header + len);
    assert_int_equal(vengine_buffers_of(test, into), 1);
    assert_memory_equal(vtest_bytes(test, into) + test->header, frame, len);
    assert_false(vtest_used(test, 0, &id, &used));
    assert_false(vtest_used(test, 1, &id, &used));
}

/* More frames than the ring has descriptors, of all lengths. */
static void vengine_many(const char *options)
{
    struct vtest test;
    vtest_open(&test, options);
    vtest_start(&test, 2);
    for (uint32_t i = 0; i < 5 * VTEST_SIZE; i++)
        vengine_one(&test, 14 + i * 379 % 1501, i);
    vtest_close(&test, 0);
}

static void test_frames(void **state)
{
    (void)state;
    vengine_many("");
    vengine_many(",ring=packed");
    vengine_many(",mrg=on,platform=on");
    vengine_many(",ring=packed,mrg=on,events=on");
    vengine_many(",inorder=on,events=on");
    vengine_many(",ring=packed,inorder=on");
    vengine_many(",legacy=on");
    vengine_many(",legacy=on,mrg=on");
    vengine_many(",legacy=on,layout=header");
    vengine_many(",legacy=on,mrg=on,layout=header");
    vengine_many(",ring=packed,ring_size=7");
}

/* A batch larger than the model's own, of one descriptor and of several in turn. */
static void vengine_batch(uint32_t ring)
{
    struct vtest test;
    uint8_t frame[200];
    uint64_t into[VTEST_SIZE];
    uint32_t id, len;
    vengine_open(&test, ring, "");
    vtest_start(&test, 2);
    for (uint32_t i = 0; i < VTEST_SIZE; i++)
        into[i] = vtest_post_receive(&test, 0);
    uint32_t sent = 0;
    for (uint32_t descriptors = 0; descriptors + 3 <= VTEST_SIZE; sent++) {
        vtest_frame(frame, sizeof(frame), 1, sent);
        if (sent % 3 != 0) {
            vtest_send(&test, 1, frame, sizeof(frame));
            descriptors++;
            continue;
        }
        uint64_t from = vtest_take(&test), rest = vtest_take(&test);
        memset(vtest_bytes(&test, from), 0, 12);
        memcpy(vtest_bytes(&test, from) + 12, frame, 20);
        memcpy(vtest_bytes(&test, from) + 100, frame + 20, 80);
        memcpy(vtest_bytes(&test, rest), frame + 100, 100);
        const struct vtest_part parts[3] = {{from, 32, 0}, {from + 100, 80, 0}, {rest, 100, 0}};
        vtest_post(&test, 1, parts, 3);
        descriptors += 3;
    }
    vtest_step(&test);
    for (uint32_t i = 0; i < sent; i++) {
        assert_true(vtest_used(&test, 1, &id, &len));
        assert_true(vtest_used(&test, 0, &id, &len));
        assert_int_equal(len, 12 + sizeof(frame));
        vtest_frame(frame, sizeof(frame), 1, i);
        assert_memory_equal(vtest_bytes(&test, into[i]) + 12, frame, sizeof(frame));
    }
    assert_false(vtest_used(&test, 1, &id, &len));
    assert_false(vtest_used(&test, 0, &id, &len));
    vtest_close(&test, 0);
}

static void test_batch(void **state)
{
    (void)state;
    vengine_batch(0);
    vengine_batch(1);
}

/* With IN_ORDER one used entry tells of all that was sent, by the last id. */
static void test_merged(void **state)
{
    (void)state;
    for (uint32_t ring = 0; ring < 2; ring++) {
        struct vtest test;
        uint8_t frame[60];
        uint32_t id, len;
        vengine_open(&test, ring, ",inorder=on");
        vtest_start(&test, 2);
        vtest_frame(frame, sizeof(frame), 1, 1);
        for (uint32_t round = 0; round < 30; round++) {
            test.taken = 0;
            for (uint32_t i = 0; i < 5; i++)
                vtest_send(&test, 1, frame, sizeof(frame));
            vtest_step(&test);
            assert_true(vtest_used(&test, 1, &id, &len));
            assert_int_equal(id, (round * 5 + 4) % VTEST_SIZE);
            assert_int_equal(len, 0);
            if (ring == 0) /* the others' entries were skipped, their index was not */
                for (uint32_t i = 0; i < 4; i++)
                    assert_true(vtest_used(&test, 1, &id, &len));
            assert_false(vtest_used(&test, 1, &id, &len));
        }
        vtest_close(&test, 0);
    }
}

/* Mergeable buffers: at most span bytes of each are used, and num_buffers in the first says how many. */
static void vengine_span(uint32_t ring)
{
    struct vtest test;
    uint8_t frame[1514], whole[1600];
    uint64_t into[32];
    uint32_t id, len, buffers = 0, total = 0;
    vengine_open(&test, ring, ",mrg=on,span=100");
    vtest_start(&test, 2);
    vtest_frame(frame, sizeof(frame), 1, 5);
    for (uint32_t i = 0; i < 32; i++)
        into[i] = vtest_post_receive(&test, 0);
    vtest_send(&test, 1, frame, sizeof(frame));
    vtest_step(&test);
    while (vtest_used(&test, 0, &id, &len)) {
        assert_true(len <= 100);
        memcpy(whole + total, vtest_bytes(&test, into[buffers]), len);
        total += len;
        buffers++;
    }
    assert_int_equal(total, 12 + sizeof(frame));
    assert_int_equal(buffers, (12 + sizeof(frame) + 99) / 100);
    assert_int_equal(vengine_buffers_of(&test, into[0]), buffers);
    assert_memory_equal(whole + 12, frame, sizeof(frame));
    vtest_close(&test, 0);
}

static void test_span(void **state)
{
    (void)state;
    vengine_span(0);
    vengine_span(1);
}

/* A wire that does not wait: frames without a buffer are counted, and none is delivered in part. */
static void test_missed(void **state)
{
    (void)state;
    for (uint32_t ring = 0; ring < 2; ring++) {
        struct vtest test;
        struct emu_counters counters;
        uint8_t frame[1514];
        uint32_t id, len;
        vengine_open(&test, ring, ",mrg=on,span=1000");
        vtest_start(&test, 2);
        for (uint32_t i = 0; i < 3; i++) { /* two for the first frame, one, of two that it needs, for the second */
            vtest_post_receive(&test, 0);
            vtest_frame(frame, sizeof(frame), 1, i);
            vtest_send(&test, 1, frame, sizeof(frame));
        }
        vtest_step(&test);
        assert_true(vtest_used(&test, 0, &id, &len));
        assert_true(vtest_used(&test, 0, &id, &len));
        assert_false(vtest_used(&test, 0, &id, &len));
        emu_counters(test.bus, &counters);
        assert_int_equal(counters.wire_dropped, 2);
        vtest_close(&test, 0);
    }
}

/* notify=on: a ring is looked at only after a notification; and the device says that it wants them. */
static void test_notifications(void **state)
{
    (void)state;
    for (uint32_t ring = 0; ring < 2; ring++) {
        for (uint32_t events = 0; events < 2; events++) {
            struct vtest test;
            uint8_t frame[60];
            uint32_t id, len;
            vengine_open(&test, ring, events != 0 ? ",notify=on,events=on" : ",notify=on");
            vtest_start(&test, 2);
            vtest_frame(frame, sizeof(frame), 1, 1);
            for (uint32_t i = 0; i < 3; i++) {
                const uint16_t *event = (const uint16_t *)(const void *)test.queue[1].area[2];
                if (ring == 1 && events != 0) {
                    assert_int_equal(event[0], i | 1u << 15);
                    assert_int_equal(event[1], VIRTQ_RING_EVENT_FLAGS_DESC);
                } else if (ring == 1) {
                    assert_int_equal(event[1], VIRTQ_RING_EVENT_FLAGS_ENABLE);
                } else {
                    assert_int_equal(event[0], 0);
                    if (events != 0) /* avail_event, behind the used ring */
                        assert_int_equal(event[2 + 4 * VTEST_SIZE], i);
                }
                vtest_send(&test, 1, frame, sizeof(frame));
                vtest_step(&test);
                assert_false(vtest_used(&test, 1, &id, &len));
                vtest_notify(&test, 1);
                vtest_step(&test);
                assert_true(vtest_used(&test, 1, &id, &len));
            }
            vtest_close(&test, 0);
        }
    }
}

/* notify=off: the device polls, and says that it need not be told. */
static void test_suppression(void **state)
{
    (void)state;
    struct vtest test;
    vtest_open(&test, "");
    vtest_start(&test, 2);
    assert_int_equal(((const uint16_t *)(const void *)test.queue[1].area[2])[0], VIRTQ_USED_F_NO_NOTIFY);
    assert_int_equal(((const uint16_t *)(const void *)test.queue[2].area[2])[0], 0); /* control */
    vtest_close(&test, 0);
    vtest_open(&test, ",ring=packed");
    vtest_start(&test, 2);
    assert_int_equal(((const uint16_t *)(const void *)test.queue[1].area[2])[1], VIRTQ_RING_EVENT_FLAGS_DISABLE);
    assert_int_equal(((const uint16_t *)(const void *)test.queue[2].area[2])[1], VIRTQ_RING_EVENT_FLAGS_ENABLE);
    vtest_close(&test, 0);
}

/* The control queue: station address and promiscuous mode decide what comes in. */
static void vengine_filter(uint32_t ring)
{
    static const uint8_t other[6] = {2, 0, 0, 0, 0, 9}, group[6] = {3, 0, 0, 0, 0, 9};
    struct vtest test;
    uint8_t frame[60], mac[6], on = 1;
    uint32_t id, len;
    vengine_open(&test, ring, "");
    vtest_start(&test, 2);
    assert_int_equal(test.bus->virtio->config_read(test.bus, VIRTIO_NET_CONFIG_MAC, mac, 6), 0);
    assert_int_equal(mac[1], 0x1A);
    assert_int_equal(mac[2], 0xF4);
    vtest_frame(frame, sizeof(frame), 1, 1);
    for (uint32_t i = 0; i < 4; i++)
        vtest_post_receive(&test, 0);
    memcpy(frame, mac, 6);
    vtest_send(&test, 1, frame, sizeof(frame));
    memcpy(frame, other, 6);
    vtest_send(&test, 1, frame, sizeof(frame)); /* not ours: refused */
    vtest_step(&test);
    assert_true(vtest_used(&test, 0, &id, &len));
    assert_false(vtest_used(&test, 0, &id, &len));
    assert_int_equal(vtest_command(&test, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, group, 6), VIRTIO_NET_ERR);
    assert_int_equal(vtest_command(&test, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, other, 6), VIRTIO_NET_OK);
    vtest_send(&test, 1, frame, sizeof(frame));
    vtest_step(&test);
    assert_true(vtest_used(&test, 0, &id, &len));
    memcpy(frame, mac, 6);
    vtest_send(&test, 1, frame, sizeof(frame));
    vtest_step(&test);
    assert_false(vtest_used(&test, 0, &id, &len));
    for (uint32_t i = 0; i < 3 * VTEST_SIZE; i++) /* several laps of the ring, in all alignments of three descriptors */
        assert_int_equal(vtest_command(&test, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &on, 1), VIRTIO_NET_OK);
    vtest_send(&test, 1, frame, sizeof(frame));
    vtest_step(&test);
    assert_true(vtest_used(&test, 0, &id, &len));
    vtest_close(&test, 0);
}

static void test_filter(void **state)
{
    (void)state;
    vengine_filter(0);
    vengine_filter(1);
}

/* Queue pairs: nothing but the first before VQ_PAIRS_SET; then flows are spread, and each keeps to its queue. */
static void vengine_pairs(uint32_t ring)
{
    struct vtest test;
    uint8_t frame[60];
    uint32_t id, len, got[4] = {0}, queue_of[8];
    const uint16_t pairs = 4;
    vengine_open(&test, ring, ",queues=4");
    vtest_start(&test, 8);
    for (uint32_t i = 0; i < 16; i++)
        for (uint32_t queue = 0; queue < 4; queue++)
            vtest_post_receive(&test, 2 * queue);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t flow = 0; flow < 8; flow++) {
            vtest_frame(frame, sizeof(frame), 5000 + flow, flow);
            vtest_send(&test, round == 0 ? 1 : 2 * (flow % 4) + 1, frame, sizeof(frame));
            vtest_step(&test);
            uint32_t queue = 0;
            while (queue < 4 && !vtest_used(&test, 2 * queue, &id, &len))
                queue++;
            assert_true(queue < 4);
            got[queue]++;
            if (round == 0)
                assert_int_equal(queue, 0);
            else if (round == 1)
                queue_of[flow] = queue;
            else
                assert_int_equal(queue, queue_of[flow]);
        }
        if (round == 0)
            assert_int_equal(vtest_command(&test, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &pairs, 2),
                             VIRTIO_NET_OK);
    }
    assert_true((got[1] != 0) + (got[2] != 0) + (got[3] != 0) >= 2);
    vtest_close(&test, 0);
}

/* VQ_PAIRS_SET without anything that steps the device before it. */
static void vengine_pairs_set(struct vtest *test, uint8_t pairs)
{
    uint64_t at = vtest_take(test);
    uint8_t *bytes = vtest_bytes(test, at);
    const uint8_t command[5] = {VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, pairs, 0, 0x55};
    const struct vtest_part parts[3] = {{at, 2, 0}, {at + 2, 2, 0}, {at + 4, 1, VIRTQ_DESC_F_WRITE}};
    uint32_t id, len;
    memcpy(bytes, command, sizeof(command));
    vtest_post(test, 4, parts, 3);
    vtest_notify(test, 4);
    vtest_step(test);
    assert_true(vtest_used(test, 4, &id, &len));
    assert_int_equal(len, 1);
    assert_int_equal(bytes[4], VIRTIO_NET_OK);
}

/* Frames that were queued before VQ_PAIRS_SET took their queue away are sent, those of several descriptors, too. */
static void vengine_pairs_lowered(const char *options)
{
    struct vtest test;
    uint8_t frame[60];
    uint32_t id, len;
    vtest_open(&test, options);
    vtest_start(&test, 4);
    for (uint32_t round = 0; round < VTEST_SIZE; round++) {
        test.taken = 0;
        vengine_pairs_set(&test, 2);
        for (uint32_t i = 0; i < 2; i++)
            vtest_post_receive(&test, 0);
        vtest_frame(frame, sizeof(frame), 1, round);
        vtest_send(&test, 3, frame, sizeof(frame));
        uint64_t from = vtest_take(&test);
        memset(vtest_bytes(&test, from), 0, 12);
        memcpy(vtest_bytes(&test, from) + 12, frame, sizeof(frame));
        const struct vtest_part parts[4] = {{from, 12, 0}, {from + 12, 20, 0}, {from + 32, 20, 0}, {from + 52, 20, 0}};
        vtest_post(&test, 3, parts, 4);
        vengine_pairs_set(&test, 1);
        for (uint32_t i = 0; i < 2; i++) {
            assert_true(vtest_used(&test, 3, &id, &len));
            assert_true(vtest_used(&test, 0, &id, &len)); /* there was one pair left when they came back */
            assert_int_equal(len, 12 + sizeof(frame));
        }
        assert_false(vtest_used(&test, 3, &id, &len));
    }
    vtest_close(&test, 0);
}

static void test_pairs(void **state)
{
    (void)state;
    vengine_pairs(0);
    vengine_pairs(1);
    vengine_pairs_lowered(",queues=2");
    vengine_pairs_lowered(",queues=2,ring=packed");
}

/* A reset in the middle: the device lets go of its buffers, and works again. */
static void test_reset(void **state)
{
    (void)state;
    for (uint32_t ring = 0; ring < 2; ring++) {
        struct vtest test;
        vengine_open(&test, ring, "");
        for (uint32_t round = 0; round < 3; round++) {
            vtest_start(&test, 2);
            for (uint32_t i = 0; i < 10; i++)
                vengine_one(&test, 100, i);
            test.taken = 0;
            for (uint32_t i = 0; i < 20; i++)
                vtest_post_receive(&test, 0);
            vtest_step(&test);
            assert_int_equal(test.bus->virtio->status_set(test.bus, 0), 0);
            assert_int_equal(vtest_status(&test), 0);
        }
        vtest_close(&test, 0);
    }
}

/* Generated frames: the short way, into plain buffers, and the long one. */
static void vengine_generated(const char *options)
{
    struct vtest test;
    struct emu_counters counters;
    uint32_t id, len, got = 0;
    const uint8_t on = 1;
    vtest_open(&test, options);
    vtest_start(&test, 2);
    assert_int_equal(vtest_command(&test, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &on, 1), VIRTIO_NET_OK);
    for (uint32_t round = 0; round < 20; round++) {
        uint64_t into[VTEST_SIZE / 2];
        test.taken = 0;
        for (uint32_t i = 0; i < VTEST_SIZE / 2; i++)
            into[i] = vtest_post_receive(&test, 0);
        vtest_step(&test);
        uint32_t came = 0;
        for (; vtest_used(&test, 0, &id, &len); came++) {
            assert_int_equal(len, test.header + 60);
            assert_int_equal(vengine_buffers_of(&test, into[came]), 1);
            uint8_t *frame = vtest_bytes(&test, into[came]) + test.header;
            frame[48]++; /* what a forwarder does */
            vtest_send(&test, 1, frame, 60);
        }
        assert_int_equal(came, VTEST_SIZE / 2);
        got += came;
        vtest_step(&test);
        while (vtest_used(&test, 1, &id, &len))
            assert_int_equal(len, 0);
    }
    emu_counters(test.bus, &counters);
    assert_int_equal(counters.generated, got);
    assert_int_equal(counters.verified, got);
    assert_int_equal(counters.damaged + counters.repeated + counters.reordered + counters.foreign, 0);
    vtest_close(&test, 0);
}

static void test_generated(void **state)
{
    (void)state;
    vengine_generated(",wire=gen");
    vengine_generated(",wire=gen,ring=packed");
    vengine_generated(",wire=gen,ring=packed,inorder=on,flows=3");
    vengine_generated(",wire=gen,mrg=on,inorder=on");
    vengine_generated(",wire=gen,legacy=on");
    vengine_generated(",wire=gen,legacy=on,layout=header,ring_size=64");
}

/* Generated frames that take two descriptors each, behind a lap of plain buffers: as many as were posted, and none of
 * the lap before. */
static void vengine_generated_pairs(const char *options, bool chained)
{
    struct vtest test;
    uint32_t id, len;
    const uint8_t on = 1;
    vtest_open(&test, options);
    vtest_start(&test, 2);
    assert_int_equal(vtest_command(&test, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &on, 1), VIRTIO_NET_OK);
    for (uint32_t i = 0; i < VTEST_SIZE; i++)
        vtest_post_receive(&test, 0);
    vtest_step(&test);
    for (uint32_t i = 0; i < VTEST_SIZE; i++)
        assert_true(vtest_used(&test, 0, &id, &len));
    assert_false(vtest_used(&test, 0, &id, &len));
    for (uint32_t i = 0; i < 10; i++) {
        const struct vtest_part parts[2] = {{vtest_take(&test), chained ? 12 : 40, VIRTQ_DESC_F_WRITE},
                                            {vtest_take(&test), chained ? 1600 : 40, VIRTQ_DESC_F_WRITE}};
        if (chained) {
            vtest_post(&test, 0, parts, 2);
        } else {
            vtest_post(&test, 0, &parts[0], 1);
            vtest_post(&test, 0, &parts[1], 1);
        }
    }
    vtest_step(&test);
    vtest_step(&test);
    for (uint32_t i = 0; i < (chained ? 10 : 20); i++) {
        assert_true(vtest_used(&test, 0, &id, &len));
        assert_int_equal(len, chained ? 72 : i % 2 == 0 ? 40 : 32);
    }
    assert_false(vtest_used(&test, 0, &id, &len));
    vtest_close(&test, 0);
}

static void test_generated_pairs(void **state)
{
    (void)state;
    vengine_generated_pairs(",wire=gen", true);
    vengine_generated_pairs(",wire=gen,ring=packed", true);
    vengine_generated_pairs(",wire=gen,mrg=on", false);
    vengine_generated_pairs(",wire=gen,mrg=on,ring=packed", false);
}

/* A device that offers an MTU keeps to it (5.1.4.2): frames that are longer are dropped. */
static void vengine_mtu(const char *options, uint32_t size, bool accept, bool passes)
{
    char text[128];
    struct vtest test;
    struct emu_counters counters;
    uint32_t id, len;
    const uint8_t on = 1;
    snprintf(text, sizeof(text), ",wire=gen,mtu=1000,size=%u,limit=10%s", size, options);
    vtest_open(&test, text);
    vtest_negotiate(&test, vtest_offered(&test) & ~(accept ? 0 : VIRTIO_FEATURE(VIRTIO_NET_F_MTU)));
    for (uint32_t queue = 0; queue < 3; queue++)
        vtest_enable(&test, queue);
    vtest_status_add(&test, VIRTIO_STATUS_DRIVER_OK);
    assert_int_equal(vtest_command(&test, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &on, 1), VIRTIO_NET_OK);
    for (uint32_t i = 0; i < 20; i++)
        vtest_post_receive(&test, 0);
    vtest_step(&test);
    for (uint32_t i = 0; passes && i < 10; i++) {
        assert_true(vtest_used(&test, 0, &id, &len));
        assert_int_equal(len, 12 + size);
    }
    assert_false(vtest_used(&test, 0, &id, &len));
    emu_counters(test.bus, &counters);
    assert_int_equal(counters.generated, 10);
    assert_int_equal(counters.wire_dropped, passes ? 0 : 10);
    vtest_close(&test, 0);
}

static void test_mtu(void **state)
{
    static const char *const vengine_options[] = {"", ",ring=packed", ",mrg=on,span=300"};
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        vengine_mtu(vengine_options[i], 1014, true, true);
        vengine_mtu(vengine_options[i], 1015, true, false);
        vengine_mtu(vengine_options[i], 1015, false, true);
    }
    vengine_mtu(vengine_options[2], 1015, true, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),      cmocka_unit_test(test_batch),     cmocka_unit_test(test_span),
        cmocka_unit_test(test_merged),      cmocka_unit_test(test_missed),    cmocka_unit_test(test_notifications),
        cmocka_unit_test(test_suppression), cmocka_unit_test(test_filter),    cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_reset),       cmocka_unit_test(test_generated), cmocka_unit_test(test_generated_pairs),
        cmocka_unit_test(test_mtu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
