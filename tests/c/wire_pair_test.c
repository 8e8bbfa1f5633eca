/* The queue of frames, and the wires made of it: loop and pair. */
#include "tests/c/wire_support.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emu/wire/queue.h"

static void fill(uint8_t *frame, uint32_t len, uint32_t number)
{
    for (uint32_t i = 0; i < len; i++)
        frame[i] = (uint8_t)(number * 31 + i);
}

static void assert_frame(const uint8_t *frame, uint32_t len, uint32_t wanted, uint32_t number)
{
    static uint8_t expected[WIRE_FRAME_MAX];
    assert_non_null(frame);
    assert_int_equal(len, wanted);
    fill(expected, len, number);
    assert_memory_equal(frame, expected, len);
}

/* Lengths of every kind come out as they went in, at every fill level, around the ring's end. */
static void test_queue_keeps_order(void **state)
{
    (void)state;
    static uint8_t frame[WIRE_FRAME_MAX];
    static uint32_t lengths[WIRE_QUEUE_FRAMES];
    struct wire_queue queue;
    assert_int_equal(wire_queue_init(&queue), 0);
    uint32_t random = 1, pushed = 0, popped = 0, full = 0, most = 0;
    while (pushed < 40000) {
        random = random * 1664525 + 1013904223;
        bool filling = pushed / 3000 % 2 == 0;
        if ((random >> 16) % 16 < (filling ? 11 : 5)) {
            uint32_t kind = (random >> 8) % 8, len = random >> 20;
            len = kind < 5 ? 60 : kind < 7 ? len % 1515 : len * 4 % (WIRE_FRAME_MAX + 1);
            fill(frame, len, pushed);
            if (wire_queue_push(&queue, frame, len))
                lengths[pushed++ % WIRE_QUEUE_FRAMES] = len;
            else
                full++;
        } else {
            uint32_t len = 0;
            const uint8_t *front = wire_queue_front(&queue, &len);
            if (pushed == popped) {
                assert_null(front);
            } else {
                assert_frame(front, len, lengths[popped % WIRE_QUEUE_FRAMES], popped);
                popped++;
            }
            wire_queue_pop(&queue);
        }
        most = pushed - popped > most ? pushed - popped : most;
        assert_int_equal(queue.count, pushed - popped);
    }
    assert_true(full > 0 && most > 700);
    wire_queue_free(&queue);
}

static void test_queue_is_bounded(void **state)
{
    (void)state;
    static uint8_t frame[WIRE_FRAME_MAX + 1];
    struct wire_queue queue;
    assert_int_equal(wire_queue_init(&queue), 0);
    for (int i = 0; i < WIRE_QUEUE_FRAMES; i++)
        assert_true(wire_queue_push(&queue, frame, 1518));
    assert_false(wire_queue_push(&queue, frame, 60));
    wire_queue_pop(&queue);
    assert_true(wire_queue_push(&queue, frame, 60));
    wire_queue_free(&queue);

    assert_int_equal(wire_queue_init(&queue), 0);
    assert_false(wire_queue_push(&queue, frame, WIRE_FRAME_MAX + 1));
    uint32_t jumbos = 0;
    while (wire_queue_push(&queue, frame, WIRE_FRAME_MAX))
        jumbos++;
    assert_true(jumbos > 100 && jumbos <= WIRE_QUEUE_BYTES / WIRE_FRAME_MAX);
    wire_queue_free(&queue);
}

/* Filled to the last byte, on both sides of the ring's end: nothing that waits is overwritten. */
static void test_queue_is_exact(void **state)
{
    (void)state;
    static uint8_t frame[WIRE_FRAME_MAX];
    const uint32_t most = WIRE_QUEUE_BYTES / 16384;
    for (uint32_t gap = 0; gap <= 8; gap += 8) {
        struct wire_queue queue;
        uint32_t number = 0, len = 0;
        assert_int_equal(wire_queue_init(&queue), 0);
        for (; number < most; number++) { /* each takes 16384 bytes with its length, the last one gap fewer */
            len = 16376 - (number == most - 1 ? gap : 0);
            fill(frame, len, number);
            assert_true(wire_queue_push(&queue, frame, len));
        }
        assert_false(wire_queue_push(&queue, frame, 1));
        wire_queue_pop(&queue);
        assert_false(wire_queue_push(&queue, frame, WIRE_FRAME_MAX)); /* 8 bytes too many */
        fill(frame, 16376, number);
        assert_true(wire_queue_push(&queue, frame, 16376));
        assert_false(wire_queue_push(&queue, frame, 0));
        for (uint32_t n = 1; n <= number; n++) {
            const uint8_t *front = wire_queue_front(&queue, &len);
            assert_frame(front, len, 16376 - (n == most - 1 ? gap : 0), n);
            wire_queue_pop(&queue);
        }
        assert_int_equal(queue.count, 0);
        wire_queue_free(&queue);
    }
}

static void send(struct wire *wire, uint32_t number)
{
    uint8_t frame[100];
    fill(frame, sizeof frame, number);
    wire->ops->transmit(wire, frame, sizeof frame);
}

static void receive(struct wire *wire, uint32_t number)
{
    uint32_t len = 0;
    const uint8_t *frame = wire->ops->peek(wire, &len);
    assert_frame(frame, len, 100, number);
    assert_ptr_equal(wire->ops->peek(wire, &len), frame); /* stays until consume */
    wire->ops->consume(wire);
}

static void receive_none(struct wire *wire)
{
    uint32_t len;
    assert_null(wire->ops->peek(wire, &len));
}

static void test_loop(void **state)
{
    (void)state;
    struct wire *wire = wire_test_open("");
    assert_false(wire->waits);
    receive_none(wire);
    for (uint32_t i = 0; i < WIRE_QUEUE_FRAMES + 5; i++)
        send(wire, i);
    assert_int_equal(wire_test_counters(wire).wire_dropped, 5);
    for (uint32_t i = 0; i < WIRE_QUEUE_FRAMES; i++)
        receive(wire, i);
    receive_none(wire);
    send(wire, 77);
    receive(wire, 77);
    wire->ops->close(wire);
}

static void test_pair_carries_both_ways(void **state)
{
    (void)state;
    struct wire *a = wire_test_open("pair=x"), *b = wire_test_open("pair=x");
    assert_false(a->waits);
    for (uint32_t i = 0; i < WIRE_QUEUE_FRAMES + 3; i++)
        send(a, i);
    send(b, 5000);
    receive(a, 5000);
    receive_none(a);
    for (uint32_t i = 0; i < WIRE_QUEUE_FRAMES; i++)
        receive(b, i);
    receive_none(b);
    assert_int_equal(wire_test_counters(a).wire_dropped, 3);
    assert_int_equal(wire_test_counters(b).wire_dropped, 0);
    a->ops->close(a);
    b->ops->close(b);
}

static void test_pair_names(void **state)
{
    (void)state;
    struct wire *a = wire_test_open("pair=x"), *b = wire_test_open("pair=x"), *c = wire_test_open("pair=y"), *d;
    wire_test_refused("pair=x", IXY_E_BUSY, "pair=x", "two ends");
    send(a, 1);
    receive_none(c);
    receive(b, 1);
    assert_int_equal(wire_test_try("pair=y", false, &d), IXY_E_ADDRESS);
    assert_non_null(strstr(error_text(), "timing=inline"));
    a->ops->close(a);
    b->ops->close(b);
    c->ops->close(c);
    /* gone with its ends: the name may come back with the other timing */
    assert_int_equal(wire_test_try("pair=y", false, &d), 0);
    wire_test_refused("pair=y", IXY_E_ADDRESS, "pair=y", "timing=threaded");
    d->ops->close(d);
}

static void test_pair_with_one_end(void **state)
{
    (void)state;
    struct wire *a = wire_test_open("pair=x"), *b;
    send(a, 1);
    receive_none(a);
    assert_int_equal(wire_test_counters(a).wire_dropped, 1);
    b = wire_test_open("pair=x");
    receive_none(b);
    send(a, 2);
    send(b, 3);
    b->ops->close(b);
    receive(a, 3); /* was on the wire before its sender went */
    send(a, 4);
    assert_int_equal(wire_test_counters(a).wire_dropped, 2);
    b = wire_test_open("pair=x"); /* another device at the same cable, at the side that is free */
    receive_none(b);
    send(a, 5);
    receive(b, 5);
    a->ops->close(a);
    a = wire_test_open("pair=x");
    send(b, 6);
    receive(a, 6);
    a->ops->close(a);
    b->ops->close(b);
}

struct puller {
    struct wire *wire;
    uint32_t posted, pulls;
};

static void pull(void *model)
{
    struct puller *puller = model;
    puller->pulls++;
    for (; puller->posted > 0; puller->posted--)
        send(puller->wire, puller->posted);
}

static void test_pair_pulls_its_peer(void **state)
{
    (void)state;
    struct wire *a = wire_test_open("pair=x"), *b = wire_test_open("pair=x");
    struct puller puller = {.wire = b, .posted = 3};
    wire_attach(b, pull, &puller);
    receive(a, 3);
    receive(a, 2);
    receive(a, 1);
    assert_int_equal(puller.pulls, 1);
    receive_none(b); /* a has no model yet */
    receive_none(a);
    assert_int_equal(puller.pulls, 2);
    b->ops->close(b);
    receive_none(a);
    assert_int_equal(puller.pulls, 2);
    a->ops->close(a);

    /* threaded models run by themselves */
    assert_int_equal(wire_test_try("pair=x", false, &a), 0);
    assert_int_equal(wire_test_try("pair=x", false, &b), 0);
    wire_attach(b, pull, &puller);
    receive_none(a);
    assert_int_equal(puller.pulls, 2);
    a->ops->close(a);
    b->ops->close(b);
}

static void test_pair_after_fork(void **state)
{
    (void)state;
    struct wire *a = wire_test_open("pair=x"), *b = wire_test_open("pair=x");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct wire *c, *d;
        bool busy = wire_test_try("pair=x", true, &c) == IXY_E_BUSY;
        wire_after_fork_in_child();
        bool open = wire_test_try("pair=x", true, &c) == 0 && wire_test_try("pair=x", true, &d) == 0;
        _exit(busy && open ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    send(a, 1);
    receive(b, 1);
    a->ops->close(a);
    b->ops->close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_keeps_order),      cmocka_unit_test(test_queue_is_bounded),
        cmocka_unit_test(test_queue_is_exact),         cmocka_unit_test(test_loop),
        cmocka_unit_test(test_pair_carries_both_ways), cmocka_unit_test(test_pair_names),
        cmocka_unit_test(test_pair_with_one_end),      cmocka_unit_test(test_pair_pulls_its_peer),
        cmocka_unit_test(test_pair_after_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
