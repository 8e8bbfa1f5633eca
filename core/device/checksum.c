#include "core/device/checksum.h"

#define CHECKSUM_IPV4_MIN 20u
#define CHECKSUM_IPV6_MIN 40u
#define CHECKSUM_TCP 6u
#define CHECKSUM_UDP 17u

/* Adds size bytes, an even number, as big-endian words. */
static uint32_t checksum_add(uint32_t sum, const uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0; i + 1 < size; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    return sum;
}

/* The payload's protocol, and what the pseudo header has besides it. 0: no header of that length. */
static uint32_t checksum_ip(const uint8_t *ip, const struct metadata *metadata, bool *ipv4, uint32_t *sum)
{
    uint32_t version = ip[0] >> 4;
    *ipv4 = version == 4;
    if (version == 4 && metadata->l3_len >= CHECKSUM_IPV4_MIN && (ip[0] & 15u) * 4u == metadata->l3_len) {
        *sum = checksum_add(0, ip + 12, 8);
        return ip[9];
    }
    if (version == 6 && metadata->l3_len >= CHECKSUM_IPV6_MIN) {
        *sum = checksum_add(0, ip + 8, 32);
        /* With extension headers the caller, who knows l3_len, has followed them: what comes last he names by his flag.
         */
        if (metadata->l3_len > CHECKSUM_IPV6_MIN)
            return (metadata->flags & METADATA_TX_TCP_CHECKSUM) != 0 ? CHECKSUM_TCP : CHECKSUM_UDP;
        return ip[6];
    }
    return 0;
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
    uint32_t sum = 0;
    uint32_t protocol = checksum_ip(packet + metadata->l2_len, metadata, &place->ipv4, &sum);
    if (protocol == 0 || (tcp && protocol != CHECKSUM_TCP) || (udp && protocol != CHECKSUM_UDP))
        return false;
    if (!place->ipv4 && (metadata->flags & METADATA_TX_IP_CHECKSUM) != 0)
        return false; /* IPv6 has no checksum of its own */
    place->start = start;
    place->offset = tcp ? 16 : 6;
    if (tcp || udp) {
        uint32_t payload = length - start;
        sum += protocol + (payload >> 16) + (payload & 0xFFFF);
        while (sum >> 16 != 0)
            sum = (sum & 0xFFFF) + (sum >> 16);
        packet[start + place->offset] = (uint8_t)(sum >> 8);
        packet[start + place->offset + 1] = (uint8_t)sum;
    }
    return true;
}
