/* What the model of the 82599, X540 and X550 does for offloads, and what it reports that a driver must not ask for. The
 * descriptors are written by hand, by the data sheet (331520, sections 7.2.3.2.3 and 7.2.3.2.4). */
#include "tests/c/emu_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH 70
#define DATA 0x22300000u   /* DEXT, IFCS, data */
#define EOP_RS 0x09000000u /* EOP and RS */
#define VLE 0x40000000u
#define TSE 0x80000000u
#define IXSM (1u << 8)
#define TXSM (1u << 9)
#define CONTEXT 0x20200000u /* DEXT, context */
#define IPV4 (1u << 10)
#define TCP (1u << 11)

static struct emu_test_pool pool;
static struct emu_test test;

/* A UDP packet over IPv4 whose checksums are prepared as 7.2.5 wants: 0, and the pseudo header's sum. */
static void packet_make(uint8_t *bytes)
{
    static const uint8_t head[42] = {2,    0, 0,  0,           0, 2, 2,    0,    0,    0,    0, 1,          8,  0,
                                     0x45, 0, 0,  LENGTH - 14, 0, 1, 0,    0,    9,    17,   0, 0,          10, 0,
                                     0,    1, 10, 0,           0, 2, 0x10, 0x20, 0x30, 0x40, 0, LENGTH - 34};
    memcpy(bytes, head, sizeof(head));
    for (uint32_t i = 42; i < LENGTH; i++)
        bytes[i] = (uint8_t)(i * 5);
    uint32_t sum = 0x0A00 + 0x0001 + 0x0A00 + 0x0002 + 17 + LENGTH - 34;
    bytes[40] = (uint8_t)(sum >> 8);
    bytes[41] = (uint8_t)sum;
}

static void open_one(const char *kind)
{
    char address[64];
    snprintf(address, sizeof(address), "emu:%s,timing=inline", kind);
    emu_test_pool_open(&pool);
    emu_test_open(&test, address, &pool, &emu_test_plain);
}

static uint32_t post(uint64_t first, uint64_t second)
{
    struct emu_test_queue *queue = &test.tx[0];
    uint32_t slot = queue->free_at;
    queue->ring[2 * slot] = first;
    queue->ring[2 * slot + 1] = second;
    queue->free_at = (slot + 1) % EMU_TEST_RING;
    return slot;
}

static void go(void)
{
    __atomic_store_n(test.tx[0].tail, test.tx[0].free_at, __ATOMIC_RELEASE);
    emu_test_step(test.bus);
}

static void post_context(uint32_t vlan, uint32_t maclen, uint32_t iplen, uint32_t tucmd)
{
    post((uint64_t)vlan << 16 | maclen << 9 | iplen, CONTEXT | tucmd);
}

/* Of buffers that no receive ring comes to, in turn. */
static uint8_t *post_data(uint32_t from, uint32_t length, uint32_t command, uint32_t status)
{
    static uint32_t next;
    uint32_t buffer = 1000 + next++ % 8;
    uint8_t *bytes = emu_test_data(&pool, buffer);
    packet_make(bytes);
    post(test.pool_address + (uint64_t)buffer * EMU_TEST_STRIDE + EMU_TEST_HEADROOM + from,
         (uint64_t)status << 32 | DATA | command | length);
    return bytes;
}

static uint8_t *post_packet(uint32_t command, uint32_t status)
{
    return post_data(0, LENGTH, EOP_RS | command, (uint32_t)LENGTH << 14 | status);
}

/* Expects one more violation, of that text, and says whether a frame came. */
static uint32_t violations;

static bool came(struct emu_test_frame *frame)
{
    return emu_test_receive(&test, 0, frame);
}

static void expect(const char *part, bool arrives)
{
    char text[256];
    struct emu_test_frame frame;
    go();
    violations++;
    emu_test_violations(test.bus, violations);
    emu_violations(test.bus, violations - 1, text, sizeof(text));
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", text, part);
    assert_int_equal(came(&frame), arrives);
}

static void test_right_ones(void **state)
{
    (void)state;
    static const char *const kinds[] = {"82599", "x540", "x550"};
    for (uint32_t i = 0; i < 3; i++) {
        struct emu_test_frame frame;
        open_one(kinds[i]);
        post_context(0xB123, 14, 20, IPV4);
        post_packet(VLE, IXSM | TXSM);
        post_packet(0, IXSM | TXSM); /* by the same context */
        post_packet(VLE, 0);
        go();
        uint8_t first[LENGTH + 4];
        assert_true(came(&frame));
        assert_int_equal(frame.len, LENGTH + 4);
        memcpy(first, frame.data, sizeof(first));
        static const uint8_t tag[4] = {0x81, 0x00, 0xB1, 0x23};
        assert_memory_equal(first + 12, tag, 4);
        assert_true(came(&frame));
        assert_int_equal(frame.len, LENGTH);
        assert_memory_equal(frame.data, first, 12);
        assert_memory_equal(frame.data + 12, first + 16, LENGTH - 12);
        static const uint8_t ip_checksum[2] = {0x9D, 0xB2}; /* of the header above, by hand */
        assert_memory_equal(frame.data + 24, ip_checksum, 2);
        assert_true(came(&frame));
        assert_int_equal(frame.len, LENGTH + 4);
        assert_memory_equal(frame.data + 28, "\0\0", 2);
        emu_test_close(&test, 0);
        emu_test_pool_close(&pool);
    }
}

/* The status of what is received: by Intel's names VP, UDPCS and L4CS, IPCS, TCPE, IPE. */
static uint32_t status_of(uint32_t slot)
{
    return (uint32_t)test.rx[0].ring[2 * slot + 1];
}

static void test_status(void **state)
{
    (void)state;
    static const char *const kinds[] = {"82599", "x540", "x550"};
    for (uint32_t i = 0; i < 3; i++) {
        open_one(kinds[i]);
        post_context(5, 14, 20, IPV4);
        post_packet(0, IXSM | TXSM);
        post_packet(0, TXSM);
        post_packet(0, IXSM);
        post_packet(VLE, IXSM | TXSM);
        uint8_t *none = post_packet(0, IXSM);
        none[40] = none[41] = 0;
        uint8_t *fragment = post_packet(0, IXSM);
        fragment[20] = 0x20;
        go();
        const uint32_t mask = 0xC0000068;
        assert_int_equal(status_of(0) & mask, 0x60);
        assert_int_equal(status_of(1) & mask, 0x80000060); /* IPE */
        assert_int_equal(status_of(2) & mask, 0x40000060); /* L4E */
        assert_int_equal(status_of(3) & mask, 0x68);
        assert_int_equal(status_of(4) & mask, i == 0 ? 0x40000060 : 0x40); /* UDP without checksum: an erratum */
        assert_int_equal(status_of(5) & mask, 0x40);
        emu_test_close(&test, 0);
        emu_test_pool_close(&pool);
    }
}

static void test_violations(void **state)
{
    (void)state;
    open_one("82599");
    violations = 0;
    post_packet(0, TXSM);
    expect("context 0, which the queue has not", false);
    post_packet(VLE, 0);
    expect("context 0, which the queue has not", false);
    post(14 << 9 | 20, (uint64_t)2 << 36 | CONTEXT | IPV4);
    expect("IDX is 2", false);
    post((uint64_t)1 << 40 | 14 << 9 | 20, CONTEXT | IPV4);
    expect("sets reserved bits", false);
    post(14 << 9 | 20, CONTEXT | IPV4 | 1u << 13);
    expect("sets reserved bits", false);
    post(14 << 9 | 20, CONTEXT | IPV4 | 1u << 27); /* RS is a data descriptor's */
    expect("sets reserved bits", false);
    post_context(0, 14, 20, IPV4 | 3u << 11);
    expect("L4T is 11b", false);
    post_packet(0, TXSM);
    expect("does TCP and UDP", false);
    post_context(0, 13, 20, IPV4);
    post_packet(0, IXSM);
    expect("MACLEN 13", false);
    post_context(0, 14, 16, IPV4);
    post_packet(0, IXSM);
    expect("IPLEN 16", false);
    post_context(0, 14, 60, IPV4);
    post_packet(0, IXSM);
    expect("within its 70 bytes", false);
    post_context(0, 14, 40, 0);
    post_packet(0, IXSM);
    expect("IPv6 has no checksum", false);
    post_context(0, 14, 40, 0);
    post_packet(0, TXSM);
    expect("the packet has another", false);
    post_context(0, 14, 24, IPV4);
    post_packet(0, IXSM);
    expect("the packet has another", false);
    post_context(0, 18, 20, IPV4);
    post_packet(0, IXSM);
    expect("the packet has another", false);
    post_context(0, 14, 20, IPV4 | TCP);
    post_packet(0, TXSM);
    expect("the packet has another", false);
    post_context(0, 14, 20, IPV4);
    post_packet(0, IXSM)[24] = 1;
    expect("IPv4 checksum was not 0", true);
    post_packet(0, TXSM)[41] ^= 1;
    expect("pseudo header's sum", true);
    post_packet(TSE, 0);
    expect("does not do", true);
    post_packet(0, 1u << 10);
    expect("does not do", true);
    /* A context between the descriptors of one packet. */
    post_data(0, 20, 0, (uint32_t)LENGTH << 14);
    post_context(0, 14, 20, IPV4);
    post_data(20, LENGTH - 20, EOP_RS, 0);
    expect("in the middle of a packet", true);
    emu_test_close(&test, violations);
    emu_test_pool_close(&pool);
}

/* A queue that was disabled has no contexts any more. */
static void test_forgotten_contexts(void **state)
{
    (void)state;
    open_one("x540");
    struct bus *bus = test.bus;
    post_context(0, 14, 20, IPV4);
    go();
    bus_write32(bus, 0x06028, bus_read32(bus, 0x06028) & ~(1u << 25));
    emu_test_wait(bus, 0x06028, 1u << 25, 0);
    bus_write32(bus, 0x06028, bus_read32(bus, 0x06028) | 1u << 25);
    emu_test_wait(bus, 0x06028, 1u << 25, 1u << 25);
    violations = 0;
    post_packet(0, IXSM);
    expect("context 0, which the queue has not", false);
    emu_test_close(&test, violations);
    emu_test_pool_close(&pool);
}

/* Stamps: an X550's clock runs while it is not disabled, and is what was written; an 82599 has no stamps in packets. */
static void test_stamps(void **state)
{
    (void)state;
    open_one("x550");
    struct bus *bus = test.bus;
    assert_int_equal(bus_read32(bus, 0x08C20), 0x80000000);
    bus_write32(bus, 0x08C10, 41);
    bus_write32(bus, 0x08C0C, 999999999);
    assert_int_equal(bus_read32(bus, 0x08C0C), 999999999);
    bus_write32(bus, 0x08C20, 0);
    bus_write32(bus, 0x05188, 1u << 23 | 1u << 4 | 4u << 1);
    for (uint32_t i = 0; i < 3; i++) {
        struct emu_test_frame frame;
        post_packet(0, 0);
        go();
        assert_true((status_of(i) & 1u << 15) != 0);
        assert_true(came(&frame));
        assert_int_equal(frame.len, LENGTH + 8);
        uint32_t stamp[2];
        memcpy(stamp, frame.data + LENGTH, sizeof(stamp));
        assert_in_range(stamp[1], 41, 60);
        assert_in_range(stamp[0], 0, 999999999);
    }
    bus_write32(bus, 0x05188, 0);
    struct emu_test_frame frame;
    post_packet(0, 0);
    go();
    assert_true(came(&frame));
    assert_int_equal(frame.len, LENGTH);
    emu_test_close(&test, 0);
    emu_test_pool_close(&pool);

    open_one("82599");
    bus_write32(test.bus, 0x05188, 1u << 23 | 1u << 4 | 4u << 1);
    violations = 1;
    emu_test_violations(test.bus, violations);
    post_packet(0, 0);
    go();
    assert_true(came(&frame));
    assert_int_equal(frame.len, LENGTH);
    emu_test_close(&test, violations);
    emu_test_pool_close(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_ones),         cmocka_unit_test(test_status), cmocka_unit_test(test_violations),
        cmocka_unit_test(test_forgotten_contexts), cmocka_unit_test(test_stamps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
