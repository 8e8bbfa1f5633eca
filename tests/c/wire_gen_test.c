/* The generator and its verifying sink. */
#include "tests/c/wire_support.h"

#include <stdlib.h>

#include "emu/wire/gen.h"

static struct gen *open_gen(const char *options)
{
    struct gen *gen = gen_of(wire_test_open(options));
    assert_non_null(gen);
    gen->wire.now = 123456789012345u;
    assert_int_equal(gen_ready(gen, 1), 1);
    return gen;
}

static void close_gen(struct gen *gen)
{
    gen->wire.ops->close(&gen->wire);
}

/* In memory of exactly its size, so that AddressSanitizer sees a byte too many; touched as a forwarder does it. */
static uint8_t *make_frame(struct gen *gen)
{
    uint8_t *frame = malloc(gen->size);
    assert_non_null(frame);
    assert_int_equal(gen_write(gen, frame), gen->size);
    frame[48]++;
    return frame;
}

static void assert_counts(const struct gen *gen, uint64_t verified, uint64_t damaged, uint64_t repeated,
                          uint64_t reordered, uint64_t foreign)
{
    struct emu_counters counters = wire_test_counters(&gen->wire);
    assert_int_equal(counters.verified, verified);
    assert_int_equal(counters.damaged, damaged);
    assert_int_equal(counters.repeated, repeated);
    assert_int_equal(counters.reordered, reordered);
    assert_int_equal(counters.foreign, foreign);
    assert_int_equal(counters.wire_dropped, 0);
}

static uint32_t ones_sum(const uint8_t *bytes, int count)
{
    uint32_t sum = 0;
    for (int i = 0; i < count; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    return (sum & 0xffff) + (sum >> 16);
}

static void test_frame_is_valid_udp(void **state)
{
    (void)state;
    static const char *const options[] = {"wire=gen", "wire=gen,size=61,stream=7", "wire=gen,size=1514,flows=3"};
    for (size_t i = 0; i < 3; i++) {
        struct gen *gen = open_gen(options[i]);
        uint8_t frame[GEN_SIZE_MAX];
        for (int n = 0; n < 5; n++) {
            uint32_t len = gen_write(gen, frame);
            assert_int_equal(frame[0] & 1, 0); /* unicast */
            assert_int_equal(frame[6] & 1, 0);
            assert_memory_equal(frame + 12, "\x08\x00\x45", 3);
            assert_int_equal((uint32_t)frame[16] << 8 | frame[17], len - 14);
            assert_int_equal(ones_sum(frame + 14, 20), 0xffff);
            assert_int_equal(frame[23], 17);
            assert_int_equal((uint32_t)frame[34] << 8 | frame[35], 49152 + (i == 2 ? n % 3 : 0));
            assert_int_equal((uint32_t)frame[38] << 8 | frame[39], len - 34);
            assert_int_equal(frame[48], 0);
        }
        close_gen(gen);
    }
}

static void test_in_order(void **state)
{
    (void)state;
    static const char *const options[] = {"wire=gen", "wire=gen,size=61", "wire=gen,size=1514,flows=5",
                                          "wire=gen,flows=16384"};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        struct gen *gen = open_gen(options[i]), *sink = open_gen("wire=gen");
        for (uint64_t n = 0; n < 40000; n++) {
            gen->wire.now += 12345;
            if (n % 64 == 0)
                gen_ready(gen, 64);
            uint8_t *frame = make_frame(gen);
            gen_verify(sink, frame, gen->size);
            free(frame);
        }
        assert_counts(sink, 40000, 0, 0, 0, 0);
        assert_int_equal(wire_test_counters(&gen->wire).generated, 40000);
        assert_counts(gen, 0, 0, 0, 0, 0);
        close_gen(gen);
        close_gen(sink);
    }
}

/* Each bit of each byte, at a sink that knows the stream and at one that never saw it; none is taken for right, and
 * the right frame is right afterwards. */
static void test_damage_of_every_bit(void **state)
{
    (void)state;
    static const char *const options[] = {"wire=gen", "wire=gen,flows=3,size=100"};
    for (size_t i = 0; i < 2; i++) {
        struct gen *gen = open_gen(options[i]), *sink = open_gen("wire=gen"), *fresh = open_gen("wire=gen");
        uint64_t verified = 0, damaged = 0;
        for (uint32_t at = 0; at < gen->size; at++) {
            uint8_t *frame = make_frame(gen);
            for (uint32_t bits = 1; bits < 256; bits++) {
                frame[at] ^= (uint8_t)bits;
                gen_verify(sink, frame, gen->size);
                gen_verify(fresh, frame, gen->size);
                frame[at] ^= (uint8_t)bits;
                damaged++;
            }
            assert_counts(sink, verified, damaged, 0, 0, 0);
            assert_counts(fresh, 0, damaged, 0, 0, 0);
            gen_verify(sink, frame, gen->size);
            verified++;
            assert_counts(sink, verified, damaged, 0, 0, 0);
            free(frame);
        }
        close_gen(gen);
        close_gen(sink);
        close_gen(fresh);
    }
}

/* Two wrong bytes at once, anywhere: as a frame that was mixed from two. */
static void test_mixed_frames(void **state)
{
    (void)state;
    struct gen *gen = open_gen("wire=gen,flows=2"), *sink = open_gen("wire=gen");
    uint8_t *first = make_frame(gen), *second = make_frame(gen), mixed[60];
    gen_verify(sink, first, 60);
    gen_verify(sink, second, 60);
    uint64_t damaged = 0;
    for (uint32_t cut = 36; cut < 60; cut++) {
        memcpy(mixed, first, 60);
        memcpy(mixed + cut, second + cut, 60 - cut);
        if (memcmp(mixed, first, 60) == 0 || memcmp(mixed, second, 60) == 0)
            continue;
        gen_verify(sink, mixed, 60);
        damaged++;
    }
    assert_true(damaged > 10);
    assert_counts(sink, 2, damaged, 0, 0, 0);
    free(first);
    free(second);
    close_gen(gen);
    close_gen(sink);
}

static void test_touch(void **state)
{
    (void)state;
    struct gen *gen = open_gen("wire=gen"), *one = open_gen("wire=gen"), *none = open_gen("wire=gen,touch=0"),
               *most = open_gen("wire=gen,touch=255");
    uint8_t *frame = make_frame(gen);
    static const uint8_t touched[] = {0, 1, 2, 254, 255};
    for (size_t i = 0; i < sizeof touched; i++) {
        frame[48] = touched[i];
        gen_verify(one, frame, 60);
        gen_verify(none, frame, 60);
        gen_verify(most, frame, 60);
    }
    assert_counts(one, 1, 4, 0, 0, 0);
    assert_counts(none, 1, 4, 0, 0, 0);
    assert_counts(most, 1, 4, 0, 0, 0);
    free(frame);
    close_gen(gen);
    close_gen(one);
    close_gen(none);
    close_gen(most);
}

/* A right frame of every length, cut or lengthened to another. */
static void test_lengths(void **state)
{
    (void)state;
    struct gen *gen = open_gen("wire=gen,size=200"), *sink = open_gen("wire=gen");
    uint8_t *frame = make_frame(gen);
    gen_verify(sink, frame, 200);
    for (uint32_t len = 0; len <= 2000; len++) {
        if (len == 200)
            continue;
        uint8_t *other = calloc(1, len + (len == 0));
        assert_non_null(other);
        memcpy(other, frame, len < 200 ? len : 200);
        gen_verify(sink, other, len);
        free(other);
    }
    assert_counts(sink, 1, 1956, 0, 0, 44);
    free(frame);
    close_gen(gen);
    close_gen(sink);
}

static void test_foreign(void **state)
{
    (void)state;
    struct gen *gen = open_gen("wire=gen"), *sink = open_gen("wire=gen");
    uint8_t *frame = make_frame(gen);
    gen_verify(sink, frame, 60);
    static const uint8_t arp[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 1, 2, 3, 8, 6, 0, 1, 8, 0, 6, 4};
    static const uint8_t dns[60] = {0x52, 0x54, 0,    0x11, 0x22, 0x33, 0x52, 0x54, 0,    1,    2, 3, 8, 0,  0x45, 0, 0,
                                    46,   0x12, 0x34, 0x40, 0,    0x40, 0x11, 0x5a, 0x5a, 10,   0, 0, 1, 10, 0,    0, 2,
                                    0xd0, 0x01, 0,    53,   0,    26,   0x77, 0x88, 0xab, 0xcd, 1, 0, 0, 1};
    gen_verify(sink, arp, 60);
    gen_verify(sink, dns, 60);
    assert_counts(sink, 1, 0, 0, 0, 2);
    uint32_t random = 1;
    for (int n = 0; n < 20000; n++) {
        uint8_t noise[100];
        for (size_t i = 0; i < sizeof noise; i++) {
            random = random * 1664525 + 1013904223;
            noise[i] = (uint8_t)(random >> 24);
        }
        gen_verify(sink, noise, n % 2 == 0 ? 60 : random % 100);
    }
    assert_counts(sink, 1, 0, 0, 0, 20002);
    free(frame);
    close_gen(gen);
    close_gen(sink);
}

/* Everything that a network can do to the order, beside a model that remembers each frame. */
static void play(struct gen *sink, struct gen *gen, const uint32_t *order, uint32_t count)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < count; i++)
        most = order[i] > most ? order[i] : most;
    uint8_t *frames = malloc((size_t)(most + 1) * 60), *seen = calloc(most + 1, 1);
    assert_non_null(frames);
    assert_non_null(seen);
    for (uint32_t i = 0; i <= most; i++) {
        gen_write(gen, frames + (size_t)i * 60);
        frames[(size_t)i * 60 + 48]++;
    }
    uint64_t verified = 0, repeated = 0, reordered = 0;
    uint32_t next = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t n = order[i];
        gen_verify(sink, frames + (size_t)n * 60, 60);
        if (seen[n] != 0) {
            repeated++;
            continue;
        }
        seen[n] = 1;
        verified++;
        reordered += n < next;
        next = n >= next ? n + 1 : next;
    }
    assert_counts(sink, verified, 0, repeated, reordered, 0);
    free(frames);
    free(seen);
}

static void test_order_at_random(void **state)
{
    (void)state;
    static const uint32_t reach[] = {2, 3, 64, 65, 1000, 15000};
    for (size_t k = 0; k < sizeof reach / sizeof reach[0]; k++) {
        /* Numbers that go astray now and then: gone, twice, or up to `reach` early; also where 32 bits end. */
        struct gen *gen = open_gen("wire=gen"), *sink = open_gen("wire=gen");
        gen->sequence = k % 2 == 0 ? 0 : 0xffffffffu - 100000;
        static uint32_t order[200000];
        uint32_t random = 7 + (uint32_t)k, count = 0;
        for (uint32_t n = 0; n < 190000; n++) {
            random = random * 1664525 + 1013904223;
            uint32_t roll = random >> 20;
            if (roll < 10)
                continue;
            order[count++] = n;
            if (roll < 30)
                order[count++] = n;
        }
        for (uint32_t i = 0; i < count / 4; i++) {
            random = random * 1664525 + 1013904223;
            uint32_t a = (random >> 8) % count, b = a + (random >> 3) % reach[k];
            if (b < count) {
                uint32_t kept = order[a];
                order[a] = order[b];
                order[b] = kept;
            }
        }
        play(sink, gen, order, count);
        close_gen(gen);
        close_gen(sink);
    }
}

static void test_order_by_hand(void **state)
{
    (void)state;
    static const struct {
        uint32_t count, order[8];
        uint64_t verified, repeated, reordered;
    } cases[] = {
        {3, {0, 1, 2}, 3, 0, 0},
        {3, {0, 0, 0}, 1, 2, 0},
        {4, {0, 1, 0, 1}, 2, 2, 0},
        {4, {3, 2, 1, 0}, 4, 0, 3},
        {3, {5, 70, 6}, 3, 0, 1},
        {4, {0, 63, 64, 63}, 3, 1, 0},
        {3, {0, 100000, 50000}, 3, 0, 1},
        {4, {0, 65536, 1, 0}, 3, 1, 1},
        {4, {1, 131007, 1, 0}, 3, 1, 1},      /* within the window */
        {4, {0, 131072, 131072, 1}, 2, 2, 0}, /* 1 is too old to be known from a repeated one */
        {5, {0, 400000, 399999, 200000, 400000}, 3, 2, 1},
        {5, {64, 127, 131135, 131200, 65}, 4, 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gen *gen = open_gen("wire=gen"), *sink = open_gen("wire=gen");
        for (uint32_t n = 0; n < cases[i].count; n++) {
            gen->sequence = cases[i].order[n];
            uint8_t *frame = make_frame(gen);
            gen_verify(sink, frame, 60);
            free(frame);
        }
        assert_counts(sink, cases[i].verified, 0, cases[i].repeated, cases[i].reordered, 0);
        close_gen(gen);
        close_gen(sink);
    }
}

/* A long run in order, then every frame of the window again, then loss by the counters alone. */
static void test_repeats_and_loss(void **state)
{
    (void)state;
    struct gen *gen = open_gen("wire=gen"), *sink = open_gen("wire=gen");
    uint8_t *frame;
    for (uint32_t n = 0; n < 300000; n++) {
        frame = make_frame(gen);
        if (n % 1000 != 999) /* lost */
            gen_verify(sink, frame, 60);
        free(frame);
    }
    assert_counts(sink, 299700, 0, 0, 0, 0);
    for (uint32_t n = 300000 - 65536; n < 300000; n++) {
        gen->sequence = n;
        frame = make_frame(gen);
        if (n % 1000 != 999)
            gen_verify(sink, frame, 60);
        free(frame);
    }
    assert_counts(sink, 299700, 0, 65536 - 66, 0, 0);
    close_gen(gen);
    close_gen(sink);
}

static void test_streams(void **state)
{
    (void)state;
    struct gen *sink = open_gen("wire=gen"), *gens[GEN_STREAMS_KEPT + 1];
    for (uint32_t i = 0; i <= GEN_STREAMS_KEPT; i++) {
        char options[40];
        snprintf(options, sizeof options, "wire=gen,stream=%u,size=%u", i * 300, 60 + i % 3);
        gens[i] = open_gen(options);
    }
    for (uint32_t round = 0; round < 10; round++) {
        for (uint32_t i = 0; i <= GEN_STREAMS_KEPT; i++) {
            uint8_t *frame = make_frame(gens[i]);
            gen_verify(sink, frame, gens[i]->size);
            if (round == 5 && i < GEN_STREAMS_KEPT)
                gen_verify(sink, frame, gens[i]->size);
            free(frame);
        }
    }
    /* one stream more than a sink follows: it says so, rather than verify what it cannot */
    assert_counts(sink, 10 * GEN_STREAMS_KEPT, 0, GEN_STREAMS_KEPT, 0, 10);
    for (uint32_t i = 0; i <= GEN_STREAMS_KEPT; i++)
        close_gen(gens[i]);
    close_gen(sink);
}

static void test_streams_by_default_differ(void **state)
{
    (void)state;
    struct gen *a = open_gen("wire=gen"), *b = open_gen("wire=gen"), *given = open_gen("wire=gen,stream=32767");
    assert_int_not_equal(a->stream, b->stream);
    assert_true(a->stream > 32767 && b->stream > 32767);
    assert_int_equal(given->stream, 32767);
    close_gen(a);
    close_gen(b);
    close_gen(given);
}

static void test_limit_and_burst(void **state)
{
    (void)state;
    struct gen *gen = open_gen("wire=gen,limit=100,burst=48");
    uint8_t frame[GEN_SIZE_MAX];
    assert_true(gen->wire.waits);
    assert_int_equal(gen_ready(gen, 1000), 48);
    assert_int_equal(gen_ready(gen, 7), 7);
    assert_int_equal(gen_ready(gen, 0), 0);
    for (int i = 0; i < 90; i++)
        gen_write(gen, frame);
    assert_int_equal(gen_ready(gen, 1000), 10);
    for (int i = 0; i < 10; i++)
        gen_write(gen, frame);
    assert_int_equal(gen_ready(gen, 1000), 0);
    assert_int_equal(wire_test_counters(&gen->wire).generated, 100);
    close_gen(gen);

    gen = open_gen("wire=gen"); /* endless, bursts of 64 */
    gen->sequence = (uint64_t)1 << 40;
    assert_int_equal(gen_ready(gen, 1000), 64);
    close_gen(gen);
}

/* At any rate and any step, a second brings rate frames. */
static void test_rate(void **state)
{
    (void)state;
    static const uint64_t rates[] = {1, 7, 1000, 1000000, 14880952}, steps[] = {1, 1000, 999999, 30000001};
    for (size_t r = 0; r < 5; r++) {
        for (size_t s = 0; s < 4; s++) {
            if (steps[s] == 1)
                continue;
            char options[60];
            snprintf(options, sizeof options, "wire=gen,burst=4096,rate=%llu", (unsigned long long)rates[r]);
            struct gen *gen = gen_of(wire_test_open(options));
            assert_false(gen->wire.waits);
            uint64_t begin = 987654321000u, end = begin + 2500000000u, sent = 0;
            for (gen->wire.now = begin; gen->wire.now <= end;
                 gen->wire.now += steps[s] * (steps[s] == 1000 ? 100 : 1)) {
                uint32_t n;
                while ((n = gen_ready(gen, 4096)) > 0) {
                    for (; n > 0; n--, sent++)
                        gen_advance(gen);
                }
                assert_int_equal(sent,
                                 (__extension__(unsigned __int128)(gen->wire.now - begin)) * rates[r] / 1000000000u);
            }
            assert_true(sent > 0);
            close_gen(gen);
        }
    }
}

static void test_options_refused(void **state)
{
    (void)state;
    static const struct {
        const char *options, *key, *range;
    } cases[] = {
        {"wire=gen,rate=-1", "rate", "1000000000"},   {"wire=gen,rate=1000000001", "rate", "1000000000"},
        {"wire=gen,rate=fast", "rate", "1000000000"}, {"wire=gen,size=59", "size", "60"},
        {"wire=gen,size=1515", "size", "1514"},       {"wire=gen,size=sixty", "size", "1514"},
        {"wire=gen,limit=x", "limit", "0"},           {"wire=gen,burst=0", "burst", "4096"},
        {"wire=gen,burst=4097", "burst", "4096"},     {"wire=gen,flows=0", "flows", "16384"},
        {"wire=gen,flows=16385", "flows", "16384"},   {"wire=gen,stream=32768", "stream", "32767"},
        {"wire=gen,touch=256", "touch", "255"},       {"rate=5", "rate", "unknown option"},
        {"wire=loop,size=60", "size", "unknown"},     {"wire=gen,in=x", "in", "unknown option"},
        {"wire=yarn", "wire=yarn", "wire=loop"},      {"wire=gen2", "wire=gen2", "wire=loop"},
        {"wire=gen,pair=a", "one of", "pair="},       {"pair=a,tap=b", "one of", "tap="},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        wire_test_refused(cases[i].options, IXY_E_ADDRESS, cases[i].key, cases[i].range);
}

/* wire_ops give the same frames as the inline functions, and an end to a model that takes all there is. */
static void test_generic(void **state)
{
    (void)state;
    struct gen *direct = open_gen("wire=gen,stream=9,flows=2,limit=10"), *sink = open_gen("wire=gen,touch=0");
    struct wire *wire = wire_test_open("wire=gen,stream=9,flows=2,limit=10,burst=4");
    wire->now = direct->wire.now;
    static const int bursts[] = {4, 4, 2, 0};
    for (size_t i = 0; i < 4; i++) {
        int taken = 0;
        uint32_t len = 0;
        const uint8_t *frame;
        while ((frame = wire->ops->peek(wire, &len)) != NULL) {
            uint8_t expected[GEN_SIZE_MAX];
            assert_int_equal(gen_write(direct, expected), len);
            assert_memory_equal(frame, expected, 60);
            assert_ptr_equal(wire->ops->peek(wire, &len), frame); /* stays until consume */
            assert_memory_equal(frame, expected, 60);
            sink->wire.ops->transmit(&sink->wire, frame, len);
            wire->ops->consume(wire);
            taken++;
        }
        assert_int_equal(taken, bursts[i]);
    }
    assert_int_equal(wire_test_counters(wire).generated, 10);
    assert_counts(sink, 10, 0, 0, 0, 0);
    wire->ops->close(wire);
    close_gen(direct);
    close_gen(sink);
    wire = wire_test_open("wire=loop");
    assert_null(gen_of(wire));
    wire->ops->close(wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame_is_valid_udp),
        cmocka_unit_test(test_in_order),
        cmocka_unit_test(test_damage_of_every_bit),
        cmocka_unit_test(test_mixed_frames),
        cmocka_unit_test(test_touch),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_order_at_random),
        cmocka_unit_test(test_order_by_hand),
        cmocka_unit_test(test_repeats_and_loss),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_streams_by_default_differ),
        cmocka_unit_test(test_limit_and_burst),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_options_refused),
        cmocka_unit_test(test_generic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
