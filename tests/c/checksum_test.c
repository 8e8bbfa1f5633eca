/* What a driver prepares for a device that fills in checksums (core/device/checksum.h): the device's own sum over the
 * prepared packet must be the right one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/device/checksum.h"

#define UDP METADATA_TX_UDP_CHECKSUM
#define TCP METADATA_TX_TCP_CHECKSUM
#define IPV4 METADATA_TX_IP_CHECKSUM

struct packet {
    uint8_t bytes[512];
    uint32_t length;
    struct metadata metadata;
};

/* Bit by bit as RFC 1071 has it, an odd last byte filled up. */
static uint32_t sum_of(uint32_t sum, const uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
    while (sum > 0xFFFF)
        sum = (sum & 0xFFFF) + (sum >> 16);
    return sum;
}

/* A packet of that IP version with l3_len bytes of header, payload bytes of data behind a TCP or UDP header, and behind
 * the IP packet `behind` bytes more. Garbage stands where checksums go. */
static struct packet make(uint32_t version, uint32_t l2_len, uint32_t l3_len, uint32_t flags, uint32_t payload,
                          uint32_t behind)
{
    struct packet packet = {.metadata = {.flags = flags, .l2_len = (uint8_t)l2_len, .l3_len = (uint8_t)l3_len}};
    uint8_t *ip = packet.bytes + l2_len;
    uint32_t segment = payload + ((flags & TCP) != 0 ? 20 : 8);
    uint8_t protocol = (flags & TCP) != 0 ? 6 : 17;
    for (uint32_t i = 0; i < sizeof(packet.bytes); i++)
        packet.bytes[i] = (uint8_t)(0x5A + 7 * i);
    if (version == 4) {
        ip[0] = (uint8_t)(0x40 | l3_len / 4);
        ip[2] = (uint8_t)((l3_len + segment) >> 8);
        ip[3] = (uint8_t)(l3_len + segment);
        ip[9] = protocol;
    } else {
        ip[0] = 0x60;
        ip[4] = (uint8_t)((l3_len - 40 + segment) >> 8);
        ip[5] = (uint8_t)(l3_len - 40 + segment);
        ip[6] = l3_len > 40 ? 0 : protocol;
    }
    packet.length = l2_len + l3_len + segment + behind;
    return packet;
}

/* What the device does then, and whether that is a right packet. */
static void fill_and_check(const struct packet *prepared, const struct checksum_place *place, uint32_t behind)
{
    struct packet packet = *prepared;
    uint8_t *ip = packet.bytes + packet.metadata.l2_len, *segment = packet.bytes + place->start;
    bool ipv4 = ip[0] >> 4 == 4;
    if ((packet.metadata.flags & IPV4) != 0) {
        uint32_t sum = sum_of(0, ip, packet.metadata.l3_len) ^ 0xFFFF;
        ip[10] = (uint8_t)(sum >> 8);
        ip[11] = (uint8_t)sum;
        assert_int_equal(sum_of(0, ip, packet.metadata.l3_len), 0xFFFF);
    }
    if ((packet.metadata.flags & (TCP | UDP)) == 0)
        return;
    uint32_t sum = sum_of(0, segment, packet.length - place->start) ^ 0xFFFF;
    segment[place->offset] = (uint8_t)(sum >> 8);
    segment[place->offset + 1] = (uint8_t)sum;
    uint32_t size = packet.length - behind - place->start;
    uint32_t pseudo =
        sum_of(0, ip + (ipv4 ? 12 : 8), ipv4 ? 8 : 32) + ((packet.metadata.flags & TCP) != 0 ? 6 : 17) + size;
    assert_int_equal(sum_of(pseudo, segment, size), 0xFFFF);
}

static void check(uint32_t version, uint32_t l2_len, uint32_t l3_len, uint32_t flags, uint32_t payload, uint32_t behind)
{
    struct packet packet = make(version, l2_len, l3_len, flags, payload, behind), before = packet;
    struct checksum_place place;
    assert_true(checksum_prepare(packet.bytes, packet.length, packet.length, &packet.metadata, &place));
    assert_int_equal(place.start, l2_len + l3_len);
    assert_int_equal(place.ipv4, version == 4);
    if ((flags & (TCP | UDP)) != 0)
        assert_int_equal(place.offset, (flags & TCP) != 0 ? 16 : 6);
    /* All else is as it was. */
    struct packet same = packet;
    if ((flags & IPV4) != 0)
        memcpy(same.bytes + l2_len + 10, before.bytes + l2_len + 10, 2);
    if ((flags & (TCP | UDP)) != 0)
        memcpy(same.bytes + place.start + place.offset, before.bytes + place.start + place.offset, 2);
    assert_memory_equal(same.bytes, before.bytes, sizeof(same.bytes));
    fill_and_check(&packet, &place, behind);
}

static void test_right_ones(void **state)
{
    (void)state;
    for (uint32_t payload = 0; payload < 40; payload++) {
        for (uint32_t l2_len = 14; l2_len <= 22; l2_len += 4) {
            for (uint32_t header = 20; header <= 60; header += 4) {
                check(4, l2_len, header, UDP, payload, 0);
                check(4, l2_len, header, TCP | IPV4, payload, 0);
                check(4, l2_len, header, IPV4, payload, 0);
            }
            for (uint32_t header = 40; header <= 88; header += 8) {
                check(6, l2_len, header, UDP, payload, 0);
                check(6, l2_len, header, TCP, payload, 0);
            }
        }
    }
}

/* Padding, or anything else behind the IP packet, is summed by the device and must not count; from an odd place too. */
static void test_bytes_behind(void **state)
{
    (void)state;
    for (uint32_t behind = 0; behind < 60; behind++) {
        for (uint32_t payload = 0; payload < 3; payload++) {
            check(4, 14, 20, UDP | IPV4, payload, behind);
            check(4, 14, 24, TCP, payload, behind);
            check(6, 14, 40, UDP, payload, behind);
            check(6, 18, 48, TCP, payload, behind);
        }
    }
}

/* Refused, and no byte is written. */
static void refuse(struct packet packet, uint32_t size, uint32_t length)
{
    struct packet before = packet;
    struct checksum_place place;
    assert_false(checksum_prepare(packet.bytes, size, length, &packet.metadata, &place));
    assert_memory_equal(packet.bytes, before.bytes, sizeof(packet.bytes));
}

static void refuse_whole(struct packet packet)
{
    refuse(packet, packet.length, packet.length);
}

static void test_wrong_lengths(void **state)
{
    (void)state;
    const struct packet udp = make(4, 14, 24, UDP | IPV4, 30, 0), tcp6 = make(6, 14, 40, TCP, 30, 0);
    for (uint32_t l3_len = 0; l3_len < 256; l3_len++) {
        struct packet packet = udp, other = tcp6;
        packet.metadata.l3_len = other.metadata.l3_len = (uint8_t)l3_len;
        if (l3_len != 24)
            refuse_whole(packet);
        if (l3_len < 40 || l3_len > 70)
            refuse_whole(other);
    }
    for (uint32_t l2_len = 0; l2_len < 256; l2_len++) {
        struct packet packet = udp;
        packet.metadata.l2_len = (uint8_t)l2_len;
        if (l2_len != 14)
            refuse_whole(packet);
    }
    for (uint32_t size = 0; size < 14 + 24 + 8; size++)
        refuse(udp, size, udp.length); /* a header cut short, or in two buffers */
    for (uint32_t length = 0; length < udp.length; length++)
        refuse(udp, length, length); /* the IP header promises more */
    refuse(udp, udp.length, udp.length - 1);
}

static void test_wrong_headers(void **state)
{
    (void)state;
    struct packet packet = make(4, 14, 20, UDP, 30, 0);
    packet.metadata.flags = TCP;
    refuse_whole(packet); /* another protocol */
    packet.metadata.flags = TCP | UDP;
    refuse_whole(packet);
    packet = make(6, 14, 40, UDP, 30, 0);
    packet.metadata.flags |= IPV4;
    refuse_whole(packet); /* IPv6 has no such checksum */
    packet.metadata.flags = TCP;
    refuse_whole(packet);
    for (uint32_t version = 0; version < 16; version++) {
        packet = make(4, 14, 20, UDP, 30, 0);
        packet.bytes[14] = (uint8_t)(version << 4 | 5);
        if (version != 4)
            refuse_whole(packet);
    }
    packet = make(4, 14, 20, UDP, 30, 0);
    packet.bytes[16] = 0;
    packet.bytes[17] = 20 + 7; /* no room for UDP in what IP says */
    refuse_whole(packet);
}

/* The first buffer ends before the packet: what lies behind the IP packet is not all there to be taken off. */
static void test_several_buffers(void **state)
{
    (void)state;
    struct checksum_place place;
    struct packet packet = make(4, 14, 20, UDP, 30, 0);
    uint32_t headers = 14 + 20 + 8;
    assert_true(checksum_prepare(packet.bytes, headers, packet.length, &packet.metadata, &place));
    fill_and_check(&packet, &place, 0);
    packet = make(4, 14, 20, UDP, 30, 5);
    refuse(packet, headers, packet.length);
}

/* Any bytes at all, in memory of exactly their size. */
static void test_any_bytes(void **state)
{
    (void)state;
    uint64_t random = 12345;
    uint32_t taken = 0;
    for (uint32_t round = 0; round < 200000; round++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t size = (uint32_t)(random >> 33) % 120 + 1;
        uint8_t *bytes = malloc(size);
        assert_non_null(bytes);
        for (uint32_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)(random >> (i % 7 * 8));
        if (size > 40 && round % 2 == 0) {
            bytes[14] = round % 4 == 0 ? 0x45 : 0x60;
            bytes[16] = bytes[18] = 0;
            bytes[17] = bytes[19] = (uint8_t)(size / 2);
            bytes[20] = bytes[23] = 17;
        }
        struct metadata metadata = {.flags = (uint32_t)(random >> 40) & METADATA_FLAGS,
                                    .l2_len = round % 3 == 0 ? (uint8_t)(random >> 20) : 14,
                                    .l3_len = round % 5 == 0   ? (uint8_t)(random >> 28)
                                              : round % 4 == 0 ? 20
                                                               : 40};
        struct checksum_place place;
        taken += checksum_prepare(bytes, size, size + round % 2, &metadata, &place);
        free(bytes);
    }
    assert_true(taken > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_ones),      cmocka_unit_test(test_bytes_behind),
        cmocka_unit_test(test_wrong_lengths),   cmocka_unit_test(test_wrong_headers),
        cmocka_unit_test(test_several_buffers), cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
