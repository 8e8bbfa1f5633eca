/* Checksums of TCP and UDP over IPv4 and IPv6, as a device verifies and fills them in (5.1.6.2, 5.1.6.4). Written apart
 * from the driver's, which it judges. */
#include "emu/virtio/model.h"

#define VMODEL_TCP 6
#define VMODEL_UDP 17

/* Sum of big-endian words, the last one padded, folded to 16 bits. */
static uint32_t vmodel_sum(const uint8_t *bytes, uint32_t len)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < len; i++)
        sum += i % 2 == 0 ? (uint64_t)bytes[i] << 8 : bytes[i];
    while (sum > 0xFFFF)
        sum = (sum & 0xFFFF) + (sum >> 16);
    return (uint32_t)sum;
}

static uint32_t vmodel_word(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

static void vmodel_word_set(uint8_t *bytes, uint32_t word)
{
    bytes[0] = (uint8_t)(word >> 8);
    bytes[1] = (uint8_t)word;
}

/* Where TCP or UDP begins and ends, and what its pseudo header sums to. False: there is none. */
struct vmodel_segment {
    uint32_t start, len, protocol, pseudo;
};

static bool vmodel_segment_find(const uint8_t *frame, uint32_t len, struct vmodel_segment *segment)
{
    uint32_t ip = 14, sum;
    if (len >= 18 && vmodel_word(frame + 12) == 0x8100)
        ip = 18;
    if (len < ip + 20)
        return false;
    if (vmodel_word(frame + ip - 2) == 0x0800 && frame[ip] >> 4 == 4) {
        uint32_t header = (frame[ip] & 15u) * 4, total = vmodel_word(frame + ip + 2);
        if (header < 20 || total < header || ip + total > len || (vmodel_word(frame + ip + 6) & 0x3FFF) != 0)
            return false;
        *segment = (struct vmodel_segment){ip + header, total - header, frame[ip + 9], 0};
        sum = vmodel_sum(frame + ip + 12, 8);
    } else if (vmodel_word(frame + ip - 2) == 0x86DD && frame[ip] >> 4 == 6 && len >= ip + 40) {
        uint32_t payload = vmodel_word(frame + ip + 4);
        if (ip + 40 + payload > len)
            return false;
        *segment = (struct vmodel_segment){ip + 40, payload, frame[ip + 6], 0};
        sum = vmodel_sum(frame + ip + 8, 32);
    } else {
        return false;
    }
    sum += segment->protocol + segment->len;
    segment->pseudo = (sum & 0xFFFF) + (sum >> 16);
    return (segment->protocol == VMODEL_TCP && segment->len >= 20) ||
           (segment->protocol == VMODEL_UDP && segment->len >= 8);
}

enum vmodel_checksum vmodel_checksum_verify(const uint8_t *frame, uint32_t len, struct vmodel_checksum_place *place)
{
    struct vmodel_segment segment;
    if (!vmodel_segment_find(frame, len, &segment))
        return VMODEL_CHECKSUM_NONE;
    *place = (struct vmodel_checksum_place){segment.start, segment.protocol == VMODEL_TCP ? 16 : 6};
    if (segment.protocol == VMODEL_UDP && vmodel_word(frame + place->start + place->offset) == 0)
        return VMODEL_CHECKSUM_NONE; /* sent without */
    uint32_t sum = segment.pseudo + vmodel_sum(frame + segment.start, segment.len);
    sum = (sum & 0xFFFF) + (sum >> 16);
    return sum == 0xFFFF ? VMODEL_CHECKSUM_GOOD : VMODEL_CHECKSUM_BAD;
}

void vmodel_checksum_fill(uint8_t *frame, uint32_t len, uint32_t start, uint32_t offset)
{
    uint32_t checksum = ~vmodel_sum(frame + start, len - start) & 0xFFFF;
    vmodel_word_set(frame + start + offset, checksum == 0 ? 0xFFFF : checksum);
}

bool vmodel_checksum_undo(uint8_t *frame, uint32_t len, const struct vmodel_checksum_place *place)
{
    struct vmodel_segment segment;
    if (!vmodel_segment_find(frame, len, &segment))
        return false;
    for (uint32_t i = segment.start + segment.len; i < len; i++)
        if (frame[i] != 0)
            return false;
    vmodel_word_set(frame + place->start + place->offset, segment.pseudo);
    return true;
}
