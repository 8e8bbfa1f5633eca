/* The emulated 82599's engines: what is sent comes back on a loop wire as the registers say it should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "emu/ixgbe/model.h"
#include "tests/c/emu_support.h"

#define LOOP "emu:82599,timing=inline"

static void fill(uint8_t *frame, uint32_t len)
{
    static const uint8_t head[14] = {0x02, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0x02, 0, 0, 0, 0, 1, 0x88, 0xB5};
    for (uint32_t i = 0; i < len; i++)
        frame[i] = i < 14 ? head[i] : (uint8_t)(i * 7 + len);
}

static void give_back(struct emu_test *test, const struct emu_test_frame *frame)
{
    test->pool->owner[frame->buffer] = 0;
    test->pool->free[test->pool->free_count++] = frame->buffer;
}

/* Sends bytes; true if they come back on the queue. */
static bool loop(struct emu_test *test, uint32_t queue, const uint8_t *bytes, uint32_t len,
                 struct emu_test_frame *frame)
{
    emu_test_send_bytes(test, bytes, len);
    emu_test_step(test->bus);
    emu_test_clean(test, 0);
    if (!emu_test_receive(test, queue, frame))
        return false;
    give_back(test, frame);
    return true;
}

static void test_lengths_and_statistics(void **state)
{
    (void)state;
    struct emu_test test;
    struct emu_test_pool pool;
    struct emu_test_frame frame;
    uint8_t bytes[1514];
    emu_test_pool_open(&pool);
    emu_test_open(&test, LOOP, &pool, &emu_test_plain);
    struct bus *bus = test.bus;
    uint64_t octets = 0;
    uint32_t frames = 0, sizes[6] = {0};
    for (uint32_t len = 17; len <= 1514; len += len < 70 ? 1 : 13) {
        fill(bytes, len);
        assert_true(loop(&test, 0, bytes, len, &frame));
        uint32_t padded = len < 60 ? 60 : len;
        assert_int_equal(frame.len, padded);
        assert_memory_equal(frame.data, bytes, len);
        for (uint32_t i = len; i < padded; i++)
            assert_int_equal(frame.data[i], 0);
        octets += padded + 4;
        frames++;
        uint32_t wire = padded + 4;
        sizes[wire <= 64 ? 0 : wire <= 127 ? 1 : wire <= 255 ? 2 : wire <= 511 ? 3 : wire <= 1023 ? 4 : 5]++;
    }
    assert_int_equal(bus_read32(bus, 0x04074), frames); /* GPRC */
    assert_int_equal(bus_read32(bus, 0x04074), 0);      /* cleared by reading */
    assert_int_equal(bus_read32(bus, 0x04080), frames); /* GPTC */
    assert_int_equal(bus_read32(bus, 0x04088), octets); /* GORCL, GORCH */
    assert_int_equal(bus_read32(bus, 0x0408C), 0);
    assert_int_equal(bus_read32(bus, 0x04090), octets);              /* GOTCL */
    assert_int_equal(bus_read32(bus, 0x040D0), frames);              /* TPR */
    assert_int_equal(bus_read32(bus, 0x01030), frames);              /* QPRC[0] */
    assert_int_equal(bus_read32(bus, 0x06030), frames);              /* QPTC[0] */
    assert_int_equal(bus_read32(bus, 0x01034), octets - 4 * frames); /* QBRC_L[0]: as the host has them */
    assert_int_equal(bus_read32(bus, 0x08700), octets);              /* QBTC_L[0] */
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(bus_read32(bus, 0x0405C + 4 * i), sizes[i]); /* PRC64 ... */
        assert_int_equal(bus_read32(bus, 0x040D8 + 4 * i), sizes[i]); /* PTC64 ... */
        assert_int_equal(bus_read32(bus, 0x040D8 + 4 * i), 0);
    }
    assert_int_equal(bus_read32(bus, 0x01010), frames % EMU_TEST_RING); /* RDH */
    assert_int_equal(bus_read32(bus, 0x06010), frames % EMU_TEST_RING); /* TDH */
    emu_test_close(&test, 0);
    emu_test_pool_close(&pool);
}

static void test_checksum_kept(void **state)
{
    (void)state;
    struct emu_test test;
    struct emu_test_pool pool;
    struct emu_test_frame frame;
    struct emu_test_choice choice = emu_test_plain;
    uint8_t bytes[100];
    assert_int_equal(ixgbe_model_checksum((const uint8_t *)"123456789", 9), 0xCBF43926);
    choice.strip = false;
    emu_test_pool_open(&pool);
    emu_test_open(&test, LOOP, &pool, &choice);
    fill(bytes, 100);
    assert_true(loop(&test, 0, bytes, 100, &frame));
    assert_int_equal(frame.len, 104);
    uint32_t checksum = ixgbe_model_checksum(bytes, 100);
    assert_memory_equal(frame.data, bytes, 100);
    assert_memory_equal(frame.data + 100, &checksum, 4);
    emu_test_close(&test, 0);
    emu_test_pool_close(&pool);
}

static void test_several_descriptors(void **state)
{
    (void)state;
    struct emu_test test;
    struct emu_test_pool pool;
    struct emu_test_frame first, second;
    struct emu_test_choice choice = emu_test_plain;
    uint8_t bytes[1514];
    choice.kilobytes = 1;
    emu_test_pool_open(&pool);
    emu_test_open(&test, LOOP, &pool, &choice);
    /* received in two */
    fill(bytes, 1514);
    for (uint32_t round = 0; round < 100; round++) {
        assert_true(loop(&test, 0, bytes, 1514, &first));
        assert_true(emu_test_receive(&test, 0, &second));
        give_back(&test, &second);
        assert_int_equal(first.len, 1024 | 1u << 31);
        assert_int_equal(second.len, 490);
        assert_memory_equal(first.data, bytes, 1024);
        assert_memory_equal(second.data, bytes + 1024, 490);
    }
    /* sent in three, posted one by one: nothing goes out before the last */
    struct emu_test_queue *queue = &test.tx[0];
    static const uint32_t lens[3] = {14, 1, 85};
    uint32_t done = 0;
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t slot = (queue->free_at + i) % EMU_TEST_RING;
        uint32_t buffer = pool.free[pool.free_count - 1 - i];
        memcpy(emu_test_data(&pool, buffer), bytes + done, lens[i]);
        queue->ring[2 * slot] = test.pool_address + buffer * (uint64_t)EMU_TEST_STRIDE + EMU_TEST_HEADROOM;
        queue->ring[2 * slot + 1] = (uint64_t)100 << 46 | (i == 2 ? 0x2B300000u : 0x22300000u) | lens[i];
        done += lens[i];
        assert_false(emu_test_receive(&test, 0, &first));
        __atomic_store_n(queue->tail, (slot + 1) % EMU_TEST_RING, __ATOMIC_RELEASE);
        emu_test_step(test.bus);
    }
    queue->free_at = queue->next = (queue->free_at + 3) % EMU_TEST_RING;
    assert_true(emu_test_receive(&test, 0, &first));
    give_back(&test, &first);
    assert_int_equal(first.len, 100);
    assert_memory_equal(first.data, bytes, 100);
    emu_test_close(&test, 0);
    emu_test_pool_close(&pool);
}

static void test_head_write_back(void **state)
{
    (void)state;
    struct emu_test test;
    struct emu_test_pool pool;
    struct emu_test_frame frame;
    struct dma_memory memory = {0};
    uint64_t address;
    uint8_t bytes[60];
    emu_test_pool_open(&pool);
    emu_test_open(&test, LOOP, &pool, &emu_test_plain);
    struct bus *bus = test.bus;
    assert_int_equal(dma_memory_allocate(&memory, 4096, "head"), 0);
    assert_int_equal(bus->ops->dma_map(bus, &memory, &address), 0);
    bus_write32(bus, 0x06028, bus_read32(bus, 0x06028) & ~(1u << 25));
    emu_test_wait(bus, 0x06028, 1u << 25, 0);
    bus_write32(bus, 0x06038, (uint32_t)address + 8 + 1);
    bus_write32(bus, 0x0603C, (uint32_t)(address >> 32));
    bus_write32(bus, 0x06028, bus_read32(bus, 0x06028) | 1u << 25);
    emu_test_wait(bus, 0x06028, 1u << 25, 1u << 25);
    const uint32_t *head = (const uint32_t *)(const void *)(memory.base + 8);
    fill(bytes, 60);
    for (uint32_t i = 1; i < 3 * EMU_TEST_RING; i++) {
        assert_true(loop(&test, 0, bytes, 60, &frame));
        assert_int_equal(__atomic_load_n(head, __ATOMIC_ACQUIRE), i % EMU_TEST_RING);
        struct emu_test_queue *queue = &test.tx[0];
        assert_int_equal(queue->ring[2 * queue->next + 1] >> 32 & 1, 0); /* no DD */
        pool.free[pool.free_count++] = queue->buffer[queue->next];
        queue->next = (queue->next + 1) % EMU_TEST_RING;
    }
    emu_test_close(&test, 0);
    struct emu_test_pool *same = &pool;
    dma_memory_free(&memory);
    emu_test_pool_close(same);
}

/* An Ethernet frame with an IP packet in it, 60 bytes or more. */
static uint32_t packet(uint8_t *frame, bool ipv6, uint8_t protocol, const uint8_t *source, const uint8_t *destination,
                       uint16_t from, uint16_t to)
{
    memset(frame, 0, 100);
    fill(frame, 14);
    frame[12] = ipv6 ? 0x86 : 0x08;
    frame[13] = ipv6 ? 0xDD : 0x00;
    uint8_t *ip = frame + 14, *ports;
    if (ipv6) {
        ip[0] = 0x60;
        ip[6] = protocol;
        memcpy(ip + 8, source, 16);
        memcpy(ip + 24, destination, 16);
        ports = ip + 40;
    } else {
        ip[0] = 0x45;
        ip[9] = protocol;
        memcpy(ip + 12, source, 4);
        memcpy(ip + 16, destination, 4);
        ports = ip + 20;
    }
    ports[0] = (uint8_t)(from >> 8);
    ports[1] = (uint8_t)from;
    ports[2] = (uint8_t)(to >> 8);
    ports[3] = (uint8_t)to;
    return ipv6 ? 74 : 60;
}

/* The key and the results that Microsoft publishes for verifying an implementation of the hash. */
static const uint8_t rss_key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
                                    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
                                    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

struct rss_case {
    bool ipv6;
    uint8_t protocol;
    uint8_t source[16], destination[16];
    uint16_t from, to;
    uint32_t fields; /* MRQC */
    uint32_t hash, type, packet_type;
};

static const struct rss_case rss_cases[] = {
    {false, 6, {66, 9, 149, 187}, {161, 142, 100, 80}, 2794, 1766, 0x30000, 0x51ccc178, 1, 0x110},
    {false, 6, {66, 9, 149, 187}, {161, 142, 100, 80}, 2794, 1766, 0x20000, 0x323e8fc2, 2, 0x110},
    {false, 17, {199, 92, 111, 2}, {65, 69, 140, 83}, 14230, 4739, 0x420000, 0xc626b0ea, 7, 0x210},
    {false, 1, {199, 92, 111, 2}, {65, 69, 140, 83}, 14230, 4739, 0x430000, 0xd718262a, 2, 0x010},
    {false, 17, {199, 92, 111, 2}, {65, 69, 140, 83}, 14230, 4739, 0x010000, 0, 0, 0x210},
    {true,
     6,
     {0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff, 0, 0, 0, 0, 0, 0, 0, 7},
     {0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x00, 0x03, 0, 0, 0, 0, 0, 0, 0, 1},
     2794,
     1766,
     0x300000,
     0x40207d3d,
     3,
     0x140},
    {true,
     17,
     {0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff, 0, 0, 0, 0, 0, 0, 0, 7},
     {0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x00, 0x03, 0, 0, 0, 0, 0, 0, 0, 1},
     2794,
     1766,
     0x100000,
     0x2cc18cd5,
     5,
     0x240},
};

static void test_rss(void **state)
{
    (void)state;
    struct emu_test test;
    struct emu_test_pool pool;
    struct emu_test_frame frame;
    uint8_t bytes[100];
    struct emu_test_choice choice = emu_test_plain;
    choice.queues = 4;
    choice.rxcsum = 1u << 13;
    for (uint32_t i = 0; i < sizeof(rss_cases) / sizeof(rss_cases[0]); i++) {
        const struct rss_case *it = &rss_cases[i];
        choice.mrqc = it->fields | 1;
        emu_test_pool_open(&pool);
        emu_test_open(&test, LOOP, &pool, &choice);
        for (uint32_t word = 0; word < 10; word++)
            bus_write32(test.bus, 0x05C80 + 4 * word,
                        (uint32_t)rss_key[4 * word] | (uint32_t)rss_key[4 * word + 1] << 8 |
                            (uint32_t)rss_key[4 * word + 2] << 16 | (uint32_t)rss_key[4 * word + 3] << 24);
        for (uint32_t word = 0; word < 32; word++)
            bus_write32(test.bus, 0x05C00 + 4 * word, 0x03020100); /* entry n: queue n % 4 */
        uint32_t len = packet(bytes, it->ipv6, it->protocol, it->source, it->destination, it->from, it->to);
        assert_true(loop(&test, it->hash & 3, bytes, len, &frame));
        assert_int_equal(frame.info & 0xF, it->type);
        assert_int_equal(frame.info & 0x1FFF0, it->packet_type);
        assert_int_equal(frame.info >> 32, it->hash);
        emu_test_close(&test, 0);
        emu_test_pool_close(&pool);
    }
}

struct filter_case {
    uint8_t destination[6]; /* all zero: the device's own */
    uint32_t fctrl;
    bool table; /* the multicast table has the address */
    bool taken;
};

static const struct filter_case filter_cases[] = {
    {{0}, 0, false, true},
    {{0x02, 1, 2, 3, 4, 5}, 0, false, false},
    {{0x02, 1, 2, 3, 4, 5}, 0x200, false, true},
    {{0x02, 1, 2, 3, 4, 5}, 0x500, false, false},
    {{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, 0, false, false},
    {{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, 0x400, false, true},
    {{0x01, 0, 0x5E, 1, 2, 3}, 0x600, false, false},
    {{0x01, 0, 0x5E, 1, 2, 3}, 0x100, false, true},
    {{0x01, 0, 0x5E, 1, 2, 3}, 0, true, true},
    {{0x01, 0, 0x5E, 1, 2, 0x53}, 0, true, false},
};

static void test_filters(void **state)
{
    (void)state;
    struct emu_test test;
    struct emu_test_pool pool;
    struct emu_test_frame frame;
    uint8_t bytes[60];
    for (uint32_t i = 0; i < sizeof(filter_cases) / sizeof(filter_cases[0]); i++) {
        const struct filter_case *it = &filter_cases[i];
        struct emu_test_choice choice = emu_test_plain;
        choice.fctrl = it->fctrl;
        emu_test_pool_open(&pool);
        emu_test_open(&test, LOOP, &pool, &choice);
        fill(bytes, 60);
        uint32_t low = bus_read32(test.bus, 0x05400), high = bus_read32(test.bus, 0x05404);
        uint8_t own[6] = {(uint8_t)low,         (uint8_t)(low >> 8), (uint8_t)(low >> 16),
                          (uint8_t)(low >> 24), (uint8_t)high,       (uint8_t)(high >> 8)};
        static const uint8_t none[6];
        memcpy(bytes, memcmp(it->destination, none, 6) == 0 ? own : it->destination, 6);
        if (it->table) { /* bits 47:36 of 01:00:5E:01:02:03 are 030h */
            bus_write32(test.bus, 0x05200 + 4 * (0x030 / 32), 1u << 0x030 % 32);
            bus_write32(test.bus, 0x05090, 4);
        }
        assert_int_equal(loop(&test, 0, bytes, 60, &frame), it->taken);
        assert_int_equal(bus_read32(test.bus, 0x04074), it->taken); /* GPRC counts what passes the filters */
        assert_int_equal(bus_read32(test.bus, 0x040D0), 1);         /* TPR counts all */
        bool multicast = it->taken && (bytes[0] & 1) != 0 && bytes[1] != 0xFF;
        assert_int_equal(bus_read32(test.bus, 0x0407C), multicast);
        assert_int_equal(bus_read32(test.bus, 0x04078), it->taken && bytes[1] == 0xFF);
        assert_int_equal(bus_read32(test.bus, 0x040F4), bytes[1] == 0xFF && bytes[0] == 0xFF); /* BPTC */
        emu_test_close(&test, 0);
        emu_test_pool_close(&pool);
    }
}

/* Frames for which there is no descriptor are dropped and counted: where, DROP_EN decides. */
static void test_missed(void **state)
{
    (void)state;
    struct emu_test test;
    struct emu_test_pool pool;
    struct emu_test_frame frame;
    uint8_t bytes[60];
    fill(bytes, 60);
    for (uint32_t drop = 0; drop < 2; drop++) {
        struct emu_test_choice choice = emu_test_plain;
        choice.drop = drop != 0;
        emu_test_pool_open(&pool);
        emu_test_open(&test, LOOP, &pool, &choice);
        const uint32_t sent = 3 * EMU_TEST_RING;
        for (uint32_t i = 0; i < sent; i++) {
            emu_test_send_bytes(&test, bytes, 60);
            emu_test_step(test.bus);
            emu_test_clean(&test, 0);
        }
        uint32_t received = 0;
        while (emu_test_receive(&test, 0, &frame)) {
            give_back(&test, &frame);
            received++;
        }
        assert_int_equal(received, EMU_TEST_RING - 1);
        assert_int_equal(bus_read32(test.bus, 0x03FA0), drop != 0 ? 0 : sent - received); /* RXMPC[0] */
        assert_int_equal(bus_read32(test.bus, 0x01430), drop != 0 ? sent - received : 0); /* QPRDC[0] */
        assert_int_equal(bus_read32(test.bus, 0x04074), sent);                            /* GPRC */
        emu_test_close(&test, 0);
        emu_test_pool_close(&pool);
    }
}

/* Without JUMBOEN a frame ends at 1518 bytes, with it at MAXFRS. */
static void test_longest(void **state)
{
    (void)state;
    struct emu_test test;
    struct emu_test_pool pool;
    struct emu_test_frame frame;
    struct emu_test_choice choice = emu_test_plain;
    uint8_t bytes[2048];
    choice.jumbo = true;
    choice.maxfrs = 2000;
    emu_test_pool_open(&pool);
    emu_test_open(&test, LOOP, &pool, &choice);
    fill(bytes, 1996);
    assert_true(loop(&test, 0, bytes, 1996, &frame));
    assert_int_equal(frame.len, 1996);
    assert_memory_equal(frame.data, bytes, 1996);
    emu_test_violations(test.bus, 0);
    assert_false(loop(&test, 0, bytes, 1997, &frame)); /* refused when it is sent */
    emu_test_close(&test, 1);
    emu_test_pool_close(&pool);
}

/* A generator's frames, forwarded between two devices on one thread: all arrive. */
static void test_forward(void **state)
{
    (void)state;
    static const char *const wires[] = {
        "emu:82599,timing=inline,wire=gen,limit=5000,burst=40",
        "emu:x550,timing=inline,wire=gen,limit=5000,size=1500",
        "emu:x540,timing=inline,wire=gen,limit=5000,flows=64,size=100",
    };
    for (uint32_t i = 0; i < 3; i++) {
        struct emu_test devices[2];
        struct emu_test_pool pool;
        struct emu_test_frame frame;
        struct emu_test_choice choice = emu_test_plain;
        choice.queues = 2;
        choice.mrqc = i == 2 ? 1u << 22 | 1 : 0;
        emu_test_pool_open(&pool);
        for (uint32_t d = 0; d < 2; d++) {
            emu_test_open(&devices[d], wires[i], &pool, &choice);
            for (uint32_t word = 0; word < 10; word++)
                bus_write32(devices[d].bus, 0x05C80 + 4 * word, 0x6D5A56DA + word);
            for (uint32_t word = 0; word < 32; word++)
                bus_write32(devices[d].bus, 0x05C00 + 4 * word, 0x01000100);
        }
        uint32_t received[2] = {0, 0};
        for (uint32_t idle = 0; idle < 10;) {
            idle++;
            for (uint32_t q = 0; q < 4; q++) { /* device q / 2, its queue q % 2 */
                while (emu_test_receive(&devices[q / 2], q % 2, &frame)) {
                    idle = 0;
                    received[q % 2]++;
                    frame.data[48]++;
                    assert_true(emu_test_send(&devices[1 - q / 2], q % 2, frame.buffer, frame.len));
                    emu_test_clean(&devices[1 - q / 2], q % 2);
                }
            }
        }
        assert_int_equal(received[0] + received[1], 10000);
        if (i == 2)
            assert_in_range(received[1], 2000, 8000); /* RSS spreads the flows */
        else
            assert_int_equal(received[1], 0);
        for (uint32_t d = 0; d < 2; d++) {
            struct emu_counters counters;
            emu_counters(devices[d].bus, &counters);
            assert_int_equal(counters.generated, 5000);
            assert_int_equal(counters.verified, 5000);
            assert_int_equal(counters.damaged + counters.repeated + counters.foreign, 0);
            emu_test_close(&devices[d], 0);
        }
        emu_test_pool_close(&pool);
    }
}

static void test_meter(void **state)
{
    (void)state;
    struct emu_meter before, after;
    struct bus *bus = emu_test_bus(LOOP);
    emu_meter(bus, &before);
    for (uint32_t i = 0; i < 100; i++)
        bus->step(bus);
    emu_meter(bus, &after);
    assert_int_equal(after.steps - before.steps, 100);
    assert_int_equal(after.idle_steps - before.idle_steps, 100);
    assert_true(after.model_cycles > before.model_cycles);
    assert_true(after.cycles - before.cycles > after.model_cycles - before.model_cycles);
    assert_true(after.nanoseconds > before.nanoseconds);
    bus->ops->close(bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths_and_statistics),
        cmocka_unit_test(test_checksum_kept),
        cmocka_unit_test(test_several_descriptors),
        cmocka_unit_test(test_head_write_back),
        cmocka_unit_test(test_rss),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_missed),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_forward),
        cmocka_unit_test(test_meter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
