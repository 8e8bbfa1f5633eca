/* Checksums of TCP and UDP over IPv4 and IPv6, and of IPv4's header: verified in what is received (section 7.1.11). */
#include "emu/ixgbe/checksum.h"

#define MODEL_PROTOCOL_TCP 6
#define MODEL_PROTOCOL_UDP 17

#define CHECKSUM_L4I ((uint64_t)1 << 5)
#define CHECKSUM_IPCS ((uint64_t)1 << 6)
#define CHECKSUM_L4E ((uint64_t)1 << 30)
#define CHECKSUM_IPE ((uint64_t)1 << 31)

uint32_t model_sum(uint32_t sum, const uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        sum += (i & 1) == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
    while (sum >> 16 != 0)
        sum = (sum & 0xFFFF) + (sum >> 16);
    return sum;
}

uint32_t model_sum_pseudo(const uint8_t *ip, uint32_t protocol, uint32_t size)
{
    bool ipv4 = ip[0] >> 4 == 4;
    uint32_t sum = model_sum(0, ip + (ipv4 ? 12 : 8), ipv4 ? 8 : 32);
    return sum + protocol + (size >> 16) + (size & 0xFFFF);
}

/* TCP or UDP in size bytes at `at`. An 82599 takes a UDP packet without checksum for a wrong one (specification
 * update); the others do not verify it. */
static uint64_t checksum_transport(const uint8_t *ip, uint8_t protocol, const uint8_t *at, uint32_t size, bool zero_bad)
{
    if ((protocol != MODEL_PROTOCOL_TCP || size < 20) && (protocol != MODEL_PROTOCOL_UDP || size < 8))
        return 0;
    if (protocol == MODEL_PROTOCOL_UDP && ip[0] >> 4 == 4 && at[6] == 0 && at[7] == 0)
        return zero_bad ? CHECKSUM_L4I | CHECKSUM_L4E : 0;
    bool right = model_sum(model_sum_pseudo(ip, protocol, size), at, size) == 0xFFFF;
    return right ? CHECKSUM_L4I : CHECKSUM_L4I | CHECKSUM_L4E;
}

static uint64_t checksum_ipv4(const uint8_t *ip, uint32_t left, bool zero_bad)
{
    uint32_t header = left != 0 ? (ip[0] & 15u) * 4 : 0;
    if (header < 20 || header > left || ip[0] >> 4 != 4)
        return 0;
    uint64_t status = model_sum(0, ip, header) == 0xFFFF ? CHECKSUM_IPCS : CHECKSUM_IPCS | CHECKSUM_IPE;
    uint32_t length = (uint32_t)ip[2] << 8 | ip[3];
    bool fragment = (ip[6] & 0x3F) != 0 || ip[7] != 0;
    if (fragment || length < header || length > left)
        return status;
    return status | checksum_transport(ip, ip[9], ip + header, length - header, zero_bad);
}

/* Behind extension headers nothing is verified here. */
static uint64_t checksum_ipv6(const uint8_t *ip, uint32_t left)
{
    if (left < 40 || ip[0] >> 4 != 6)
        return 0;
    uint32_t length = (uint32_t)ip[4] << 8 | ip[5];
    return length > left - 40 ? 0 : checksum_transport(ip, ip[6], ip + 40, length, false);
}

uint64_t ixgbe_model_verify(const struct ixgbe_model *model, const uint8_t *frame, uint32_t len, bool tagged)
{
    uint32_t at = tagged ? 18 : 14;
    uint32_t type = (uint32_t)frame[at - 2] << 8 | frame[at - 1];
    if (type == 0x0800)
        return checksum_ipv4(frame + at, len - at, model->kind == MODEL_82599);
    return type == 0x86DD ? checksum_ipv6(frame + at, len - at) : 0;
}
