#include "core/device/checksum.h"

#include <string.h>

#define CHECKSUM_IPV4_MIN 20u
#define CHECKSUM_IPV6_MIN 40u
#define CHECKSUM_IPV4_FIELD 10u
#define CHECKSUM_TCP 6u
#define CHECKSUM_UDP 17u

/* Adds size bytes, an even number, as big-endian words. */
static uint32_t checksum_add(uint32_t sum, const uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0; i + 1 < size; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    return sum;
}

/* What an IP header says: the payload's protocol, the packet's length from the header's first byte on, and the sum over
 * the pseudo header's addresses. */
struct checksum_ip {
    uint32_t length; /* 0: no header of that length */
    uint32_t protocol;
    uint32_t sum;
    bool ipv4;
};

static struct checksum_ip checksum_ip(const uint8_t *ip, const struct metadata *metadata)
{
    struct checksum_ip found = {.length = 0};
    uint8_t first = ip[0]; /* once: the caller may write to it at any time */
    found.ipv4 = first >> 4 == 4;
    if (found.ipv4 && metadata->l3_len >= CHECKSUM_IPV4_MIN && (first & 15u) * 4u == metadata->l3_len) {
        found.sum = checksum_add(0, ip + 12, 8);
        found.length = (uint32_t)ip[2] << 8 | ip[3];
        found.protocol = ip[9];
    }
    if (first >> 4 == 6 && metadata->l3_len >= CHECKSUM_IPV6_MIN) {
        found.sum = checksum_add(0, ip + 8, 32);
        found.length = CHECKSUM_IPV6_MIN + ((uint32_t)ip[4] << 8 | ip[5]);
        found.protocol = ip[6];
        /* With extension headers the caller, who knows l3_len, has followed them: what comes last he names by his flag.
         */
        if (metadata->l3_len > CHECKSUM_IPV6_MIN)
            found.protocol = (metadata->flags & METADATA_TX_TCP_CHECKSUM) != 0 ? CHECKSUM_TCP : CHECKSUM_UDP;
    }
    return found;
}

/* Bytes behind the IP packet, which the device sums too: what they add, as words from `start` on. */
static uint32_t checksum_behind(const uint8_t *packet, uint32_t start, uint32_t from, uint32_t to)
{
    uint32_t sum = 0;
    for (uint32_t i = from; i < to; i++)
        sum += (i - start) % 2 == 0 ? (uint32_t)packet[i] << 8 : packet[i];
    return sum;
}

static uint32_t checksum_fold(uint32_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xFFFF) + (sum >> 16);
    return sum;
}

bool checksum_prepare(uint8_t *packet, uint32_t size, uint32_t length, const struct metadata *metadata,
                      struct checksum_place *place)
{
    bool tcp = (metadata->flags & METADATA_TX_TCP_CHECKSUM) != 0;
    bool udp = (metadata->flags & METADATA_TX_UDP_CHECKSUM) != 0;
    uint32_t start = (uint32_t)metadata->l2_len + metadata->l3_len;
    uint32_t header = tcp ? 20 : udp ? 8 : 0;
    if ((tcp && udp) || metadata->l2_len < 14 || metadata->l3_len < CHECKSUM_IPV4_MIN || start + header > size ||
        size > length)
        return false;
    const uint8_t *ip = packet + metadata->l2_len;
    const struct checksum_ip found = checksum_ip(ip, metadata);
    uint32_t end = metadata->l2_len + found.length;
    if ((tcp && found.protocol != CHECKSUM_TCP) || (udp && found.protocol != CHECKSUM_UDP))
        return false;
    if (!found.ipv4 && (metadata->flags & METADATA_TX_IP_CHECKSUM) != 0)
        return false; /* IPv6 has no checksum of its own */
    if (end < start + header || end > length || (end < length && length > size))
        return false;
    place->ipv4 = found.ipv4;
    place->start = start;
    place->offset = tcp ? 16 : 6;
    if ((metadata->flags & METADATA_TX_IP_CHECKSUM) != 0)
        memset(packet + metadata->l2_len + CHECKSUM_IPV4_FIELD, 0, 2);
    if (tcp || udp) {
        uint32_t payload = end - start;
        uint32_t sum = found.sum + found.protocol + (payload >> 16) + (payload & 0xFFFF);
        sum = checksum_fold(sum + (checksum_fold(checksum_behind(packet, start, end, length)) ^ 0xFFFF));
        packet[start + place->offset] = (uint8_t)(sum >> 8);
        packet[start + place->offset + 1] = (uint8_t)sum;
    }
    return true;
}
