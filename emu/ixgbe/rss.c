/* What a frame is, for the descriptor, and which queue it belongs to: packet types (section 7.1.6.2) and receive side
 * scaling (7.1.2.8), the Toeplitz hash over addresses and ports. */
#include <stdlib.h>
#include <string.h>

#include "emu/ixgbe/model.h"

enum rss_packet_type {
    RSS_PACKET_IPV4 = 1u << 4,
    RSS_PACKET_IPV4_OPTIONS = 1u << 5,
    RSS_PACKET_IPV6 = 1u << 6,
    RSS_PACKET_IPV6_EXTENSIONS = 1u << 7,
    RSS_PACKET_TCP = 1u << 8,
    RSS_PACKET_UDP = 1u << 9,
    RSS_PACKET_SCTP = 1u << 10,
};

/* What was found in a frame: its types, and the bytes that are hashed. */
struct rss_frame {
    uint32_t type;
    bool ipv6;
    const uint8_t *addresses; /* NULL: not IP */
    const uint8_t *ports;     /* NULL: neither TCP nor UDP, or a fragment */
};

static void rss_transport(struct rss_frame *found, uint8_t protocol, const uint8_t *at, const uint8_t *end)
{
    if (protocol == 132)
        found->type |= RSS_PACKET_SCTP;
    if (protocol != 6 && protocol != 17)
        return;
    found->type |= protocol == 6 ? RSS_PACKET_TCP : RSS_PACKET_UDP;
    if (end - at >= 4)
        found->ports = at;
}

static void rss_ipv4(struct rss_frame *found, const uint8_t *ip, const uint8_t *end)
{
    if (end - ip < 20 || ip[0] >> 4 != 4)
        return;
    uint32_t header = (ip[0] & 0xFu) * 4;
    if (header < 20 || (size_t)(end - ip) < header)
        return;
    found->type = header == 20 ? RSS_PACKET_IPV4 : RSS_PACKET_IPV4 | RSS_PACKET_IPV4_OPTIONS;
    found->addresses = ip + 12;
    bool fragment = (ip[6] & 0x3F) != 0 || ip[7] != 0; /* more fragments, or an offset */
    if (!fragment)
        rss_transport(found, ip[9], ip + header, end);
}

static void rss_ipv6(struct rss_frame *found, const uint8_t *ip, const uint8_t *end)
{
    if (end - ip < 40 || ip[0] >> 4 != 6)
        return;
    found->type = RSS_PACKET_IPV6;
    found->ipv6 = true;
    found->addresses = ip + 8;
    uint8_t next = ip[6];
    if (next == 0 || next == 43 || next == 44 || next == 60)
        found->type |= RSS_PACKET_IPV6_EXTENSIONS;
    rss_transport(found, next, ip + 40, end);
}

static struct rss_frame rss_parse(const uint8_t *frame, uint32_t len)
{
    struct rss_frame found = {0, false, NULL, NULL};
    const uint8_t *end = frame + len;
    uint32_t at = 12;
    if (len >= 18 && frame[12] == 0x81 && frame[13] == 0x00)
        at = 16;
    if (len < at + 2)
        return found;
    if (frame[at] == 0x08 && frame[at + 1] == 0x00)
        rss_ipv4(&found, frame + at + 2, end);
    else if (frame[at] == 0x86 && frame[at + 1] == 0xDD)
        rss_ipv6(&found, frame + at + 2, end);
    return found;
}

/* 32 bits of the key from a bit on, most significant first. Byte i of the key is byte i % 4 of RSSRK[i / 4]. */
static uint32_t rss_key_bits(const struct ixgbe_model *model, uint32_t bit)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t byte = bit / 8 + i;
        uint32_t word = byte < 40 ? model->registers[MODEL_RSSRK / 4 + byte / 4] : 0;
        bits = bits << 8 | (word >> 8 * (byte % 4) & 0xFF);
    }
    return (uint32_t)(bits >> (8 - bit % 8));
}

/* What each value of each nibble of the input adds to the hash. */
static void rss_table_make(struct ixgbe_model *model)
{
    for (uint32_t nibble = 0; nibble < MODEL_RSS_NIBBLES; nibble++) {
        for (uint32_t value = 0; value < 16; value++) {
            uint32_t hash = 0;
            for (uint32_t bit = 0; bit < 4; bit++)
                if ((value & 8u >> bit) != 0)
                    hash ^= rss_key_bits(model, nibble * 4 + bit);
            model->rss_table[nibble * 16 + value] = hash;
        }
    }
    model->rss_stale = false;
}

static uint32_t rss_hash(const uint32_t *table, const uint8_t *bytes, uint32_t count)
{
    uint32_t hash = 0;
    for (uint32_t i = 0; i < count; i++, table += 32)
        hash ^= table[bytes[i] >> 4] ^ table[16 + (bytes[i] & 0xF)];
    return hash;
}

/* The most specific kind of hash that MRQC enables for this frame, as the descriptor's RSS type; 0: none. */
static uint32_t rss_type(uint32_t mrqc, const struct rss_frame *found)
{
    if (found->addresses == NULL)
        return 0;
    bool tcp = found->ports != NULL && (found->type & RSS_PACKET_TCP) != 0;
    bool udp = found->ports != NULL && (found->type & RSS_PACKET_UDP) != 0;
    if (!found->ipv6) {
        if (tcp && (mrqc & 1u << 16) != 0)
            return 1;
        if (udp && (mrqc & 1u << 22) != 0)
            return 7;
        return (mrqc & 1u << 17) != 0 ? 2 : 0;
    }
    if (tcp && (mrqc & 1u << 21) != 0)
        return 3;
    if (udp && (mrqc & 1u << 23) != 0)
        return 8;
    return (mrqc & 1u << 20) != 0 ? 5 : 0;
}

uint64_t ixgbe_model_classify(struct ixgbe_model *model, const uint8_t *frame, uint32_t len, uint32_t *queue)
{
    struct rss_frame found = rss_parse(frame, len);
    *queue = 0;
    if (!model->rss)
        return found.type;
    if (model->rss_stale)
        rss_table_make(model);
    uint32_t type = rss_type(model->registers[MODEL_MRQC / 4], &found);
    if (type == 0)
        return found.type;
    uint8_t input[36];
    uint32_t size = found.ipv6 ? 32 : 8;
    memcpy(input, found.addresses, size);
    if (type != 2 && type != 5) {
        memcpy(input + size, found.ports, 4);
        size += 4;
    }
    uint32_t hash = rss_hash(model->rss_table, input, size);
    uint32_t entry = model->registers[MODEL_RETA / 4 + (hash & 127) / 4] >> 8 * (hash & 3);
    *queue = entry & (model->kind == MODEL_X550 ? 0x3F : 0xF);
    /* The place of the hash is the fragment checksum's unless RXCSUM.PCSD says otherwise, 8.2.3.7.5. */
    if ((model->registers[MODEL_RXCSUM / 4] & MODEL_RXCSUM_PCSD) == 0)
        return found.type;
    return (uint64_t)hash << 32 | found.type | type;
}
