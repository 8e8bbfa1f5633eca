#include "tests/c/hostile_ring.h"

#include <stdio.h>

#include "abi/objects.h"
#include "core/virtio/virtio.h"
#include "tests/c/hostile_trap.h"

#define ROUNDS 40

void hostile_ring_receive_id(const char *prefix, const char *name, enum hostile_lie lie)
{
    struct hostile_test test;
    hostile_test_open(&test, prefix, name, HOSTILE_RING);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        hostile_send(&test, 4, 60, 0); /* their ids are nobody's now */
        hostile_expect(&test, 4, 60, 0);
        hostile_wake(&test);
        hostile_send(&test, 1, 60, 4);
        assert_int_equal(hostile_expect_failed(&test, "which it does not hold"), 0);
        hostile_recover(&test);
    }
    assert_true(hostile_told(&test, lie) >= ROUNDS);
    hostile_test_close(&test);
}

void hostile_ring_transmit_id(const char *prefix, const char *name, enum hostile_lie lie)
{
    struct hostile_test test;
    hostile_test_open(&test, prefix, name, HOSTILE_RING);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        hostile_wake(&test);
        hostile_transmit_until_failed(&test, "which it does not hold");
        hostile_recover(&test);
    }
    assert_true(hostile_told(&test, lie) >= ROUNDS);
    hostile_test_close(&test);
}

void hostile_ring_dropped(const char *prefix, const char *name, enum hostile_lie lie)
{
    struct hostile_test test;
    hostile_test_open(&test, prefix, name, HOSTILE_RING);
    hostile_send(&test, 3, 60, 0);
    hostile_expect(&test, 3, 60, 0);
    hostile_wake(&test);
    for (uint32_t i = 0; i < 5 * HOSTILE_RING; i++) {
        hostile_send(&test, 1, 1514, i);
        assert_int_equal(hostile_drain(&test), 0);
    }
    assert_int_equal(hostile_told(&test, lie), 5 * HOSTILE_RING);
    assert_int_equal(hostile_dropped(&test), 5 * HOSTILE_RING);
    hostile_sleep(&test);
    hostile_send(&test, 20, 1514, 0);
    hostile_expect(&test, 20, 1514, 0);
    hostile_test_close(&test);
}

/* That nothing beyond a buffer was written is seen when the test closes. */
void hostile_ring_spanning(const char *prefix)
{
    struct hostile_test test;
    char address[128];
    snprintf(address, sizeof(address), "%s,mrg=on,span=200", prefix);
    hostile_test_open(&test, address, "length-span", HOSTILE_RING);
    hostile_send(&test, 3, 1514, 0);
    hostile_expect(&test, 3, 1514, 0);
    hostile_wake(&test);
    for (uint32_t i = 0; i < 200; i++) {
        hostile_send(&test, 1, 1514, i);
        hostile_drain(&test);
    }
    assert_int_equal(hostile_told(&test, HOSTILE_LENGTH_SPANNING), 200 * 8);
    assert_true(hostile_dropped(&test) >= 200);
    /* Some parts are right, and the wrong one comes after them; without one of its parts a frame is still a frame. */
    test.hostile->every = 8;
    uint64_t dropped = hostile_dropped(&test);
    for (uint32_t i = 0; i < 400; i++) {
        uint64_t told = hostile_told(&test, HOSTILE_LENGTH_SPANNING);
        hostile_send(&test, 1, 1514, i);
        uint32_t came = hostile_drain(&test);
        assert_in_range(came, hostile_told(&test, HOSTILE_LENGTH_SPANNING) == told, 1);
    }
    assert_true(hostile_dropped(&test) >= dropped + 100);
    hostile_sleep(&test);
    hostile_send(&test, 5, 1514, 0);
    hostile_expect(&test, 5, 1514, 0);
    hostile_test_close(&test);
}

void hostile_ring_harmless(const char *prefix, const char *name, enum hostile_lie lie)
{
    struct hostile_test test;
    hostile_test_open(&test, prefix, name, HOSTILE_RING);
    hostile_wake(&test);
    for (uint32_t i = 0; i < 100; i++) {
        hostile_send(&test, 10, 60, 10 * i);
        hostile_expect(&test, 10, 60, 10 * i);
    }
    assert_true(hostile_told(&test, lie) >= 100);
    assert_int_equal(hostile_dropped(&test), 0);
    hostile_test_close(&test);
}

/* Most of what the generator sends waits, and changes. What was told may be right by chance, or never be looked at: the
 * device fails, or stays silent; nothing is delivered outside its buffer. */
void hostile_ring_rewritten(const char *prefix)
{
    struct hostile_test test;
    char address[128];
    ixy_frame frames[4];
    uint32_t failed = 0;
    snprintf(address, sizeof(address), "%s,wire=gen", prefix);
    hostile_test_open(&test, address, "rewrite", HOSTILE_RING);
    for (uint32_t round = 0; round < 200; round++) {
        for (uint32_t polls = 0; polls < 10; polls++) {
            int32_t came = hostile_receive(&test, frames, 1 + round % 4);
            failed += came == IXY_E_DEVICE;
            hostile_free(&test, frames, came > 0 ? (uint32_t)came : 0);
            hostile_wake(&test);
        }
        hostile_sleep(&test);
        assert_int_equal(ixy_device_reset(test.device), 0);
    }
    assert_true(hostile_told(&test, HOSTILE_REWRITE) >= 200);
    assert_true(failed > 0);
    hostile_test_close(&test);
}

void hostile_ring_gone(const char *prefix)
{
    struct hostile_test test;
    ixy_frame frames[HOSTILE_RING];
    char address[128];
    snprintf(address, sizeof(address), "%s,wire=gen", prefix);
    hostile_test_open(&test, address, "gone", HOSTILE_RING);
    for (uint32_t i = 0; i < 20; i++) {
        int32_t came = hostile_receive(&test, frames, 8);
        assert_int_equal(hostile_transmit(&test, frames, (uint32_t)came), came);
    }
    assert_int_equal(hostile_receive(&test, frames, 8), 8);
    hostile_wake(&test);
    hostile_expect_failed(&test, "gone");
    assert_int_equal(hostile_transmit(&test, frames, 8), IXY_E_DEVICE);
    hostile_expect_error(ixy_device_reset(test.device), IXY_E_DEVICE, "gone");
    hostile_expect_failed(&test, NULL);
    hostile_sleep(&test); /* it was plugged in again */
    assert_int_equal(ixy_device_reset(test.device), 0);
    assert_int_equal(hostile_transmit(&test, frames, 8), 8);
    assert_int_equal(hostile_receive(&test, frames, 8), 8);
    hostile_free(&test, frames, 8);
    hostile_wake(&test);
    hostile_expect_failed(&test, "gone"); /* and is closed while it is away */
    hostile_test_close(&test);
}

/* A device of which nothing moves, so that the test is the device. */
struct still {
    struct hostile_test test;
    struct virtio_queue *queue, *transmit;
    struct bus *step;
};

static void still_open(struct still *still, const char *prefix)
{
    hostile_test_open(&still->test, prefix, NULL, HOSTILE_RING);
    still->queue = device_slot_find(still->test.device)->device->rx[0];
    still->step = still->queue->step;
    still->transmit = device_slot_find(still->test.device)->device->tx[0];
    still->queue->step = still->transmit->step = NULL;
}

static void still_needs_trap(void)
{
    if (hostile_trap_works())
        return;
    print_message("needs x86-64\n");
    skip();
}

static void still_close(struct still *still)
{
    still->queue->step = still->transmit->step = still->step;
    assert_int_equal(ixy_device_close(still->test.device), 0); /* the model knows nothing of what was done here */
    still->test.device = 0;
    hostile_test_close(&still->test);
}

/* The word of a completion; in a used ring it is not aligned. */
static void *still_place(const struct virtio_queue *queue, uint32_t position)
{
    void *word = &queue->used->ring[position & queue->ring_mask];
    if (queue->packed)
        word = &queue->ring[position & queue->ring_mask].len;
    return word;
}

static void *still_word(const struct virtio_queue *queue)
{
    return still_place(queue, queue->taken);
}

/* What it holds when id and len are completed. */
static uint64_t still_entry(const struct virtio_queue *queue, uint32_t id, uint32_t len)
{
    if (!queue->packed)
        return (uint64_t)len << 32 | id;
    uint64_t flags = (queue->taken >> queue->size_bits & 1) == 0 ? 0x8080 : 0;
    return flags << 48 | (uint64_t)(id & 0xFFFF) << 32 | len;
}

static uint8_t *still_header(const struct virtio_queue *queue)
{
    uint32_t index = ownership_index(queue->buffer[queue->taken & queue->mask]);
    return queue->pool_base + (uint64_t)index * queue->stride + POOL_HEADROOM;
}

static void still_complete(const struct virtio_queue *queue, uint32_t frame)
{
    uint8_t *header = still_header(queue);
    memset(header, 0, VIRTIO_NET_HDR_SIZE);
    header[10] = 1;
    uint64_t word = still_entry(queue, queue->id[queue->taken & queue->mask], frame + VIRTIO_NET_HDR_SIZE);
    memcpy(still_word(queue), &word, sizeof(word));
    if (!queue->packed)
        queue->used->idx++;
}

static void still_receive(struct still *still, uint32_t least_reads)
{
    ixy_frame frame;
    int32_t received = ixy_rx_batch(still->test.device, 0, &frame, 1);
    uint32_t reads = hostile_trap_clear();
    assert_true(reads >= least_reads);
    assert_int_equal(received, 1);
    assert_int_equal(frame.len, 60);
    assert_int_equal(ixy_buf_free(still->test.pool, &frame, 1), 1);
}

/* The next two completions name the second buffer. */
static void still_complete_twice(const struct virtio_queue *queue, uint32_t len)
{
    const uint64_t word = still_entry(queue, queue->id[(queue->taken + 1) & queue->mask], len);
    memcpy(still_place(queue, queue->taken), &word, sizeof(word));
    memcpy(still_place(queue, queue->taken + 1), &word, sizeof(word));
    if (!queue->packed)
        queue->used->idx = (uint16_t)(queue->used->idx + 2);
}

void hostile_ring_id_in_place(const char *prefix)
{
    struct still still;
    ixy_frame frames[HOSTILE_RING];
    still_open(&still, prefix);
    still_complete_twice(still.queue, 72);
    int32_t received = hostile_receive(&still.test, frames, 8);
    assert_int_equal(received, 1);
    hostile_free(&still.test, frames, 1);
    hostile_expect_failed(&still.test, "which it does not hold");
    still_close(&still);

    still_open(&still, prefix);
    hostile_send(&still.test, 2, 60, 0);
    still_complete_twice(still.transmit, 0);
    for (uint32_t i = 0; i < HOSTILE_RING; i++) /* no room until the two are taken back */
        hostile_make(&still.test, &frames[i], 60, i);
    int32_t sent = hostile_transmit(&still.test, frames, HOSTILE_RING);
    hostile_free(&still.test, frames + (sent > 0 ? sent : 0), HOSTILE_RING - (uint32_t)(sent > 0 ? sent : 0));
    hostile_expect_failed(&still.test, "which it does not hold");
    still_close(&still);
}

/* After its first reading the next completion is another. The driver reads a used entry's id and len each by itself, a
 * packed descriptor's word at once. */
static void still_trap(const struct virtio_queue *queue, uint32_t round)
{
    const uint64_t id = queue->id[queue->taken & queue->mask];
    const uint64_t ids[] = {id, id ^ 1, 40000, id}, lengths[] = {60000, 72, 72, 3};
    const uint64_t lie_id = ids[round % 4], lie_length = lengths[round % 4];
    const uint64_t lie = still_entry(queue, (uint32_t)lie_id, (uint32_t)lie_length);
    uint8_t *word = still_word(queue);
    if (queue->packed)
        hostile_trap_set(word, sizeof(uint64_t), &lie, 1);
    else if (lie_id != id)
        hostile_trap_set(word, sizeof(uint32_t), &lie_id, 1);
    else
        hostile_trap_set(word + sizeof(uint32_t), sizeof(uint32_t), &lie_length, 1);
}

void hostile_ring_second_read(const char *prefix)
{
    struct still still;
    still_needs_trap();
    still_open(&still, prefix);
    struct virtio_queue *queue = still.queue;
    for (uint32_t round = 0; round < 3 * HOSTILE_RING; round++) {
        still_complete(queue, 60);
        still_trap(queue, round);
        still_receive(&still, 1);
    }
    if (!queue->packed) {
        for (uint32_t round = 0; round < HOSTILE_RING; round++) {
            still_complete(queue, 60);
            const uint64_t jump = (uint16_t)(queue->used->idx + 1000);
            hostile_trap_set(&queue->used->idx, sizeof(uint16_t), &jump, 1);
            const uint16_t right = (uint16_t)(queue->taken + 1);
            still_receive(&still, 1);
            queue->used->idx = right;
        }
    }
    still_close(&still);
}

void hostile_ring_second_header(const char *prefix)
{
    struct still still;
    char address[128];
    snprintf(address, sizeof(address), "%s,mrg=on", prefix);
    still_needs_trap();
    still_open(&still, address);
    for (uint32_t round = 0; round < HOSTILE_RING; round++) {
        const uint64_t parts[] = {0, 2, 65535}, asks = 0x0501;
        still_complete(still.queue, 60);
        uint8_t *header = still_header(still.queue);
        if (round % 4 == 3)
            hostile_trap_set(header, 2, &asks, 1); /* NEEDS_CSUM, some gso_type */
        else
            hostile_trap_set(header + 10, 2, &parts[round % 4], 1);
        still_receive(&still, 1);
    }
    still_close(&still);
}
