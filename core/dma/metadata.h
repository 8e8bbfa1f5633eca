/* What is known of a packet beside its bytes: one record for each buffer of a pool, in plain memory that no device
 * reaches. Laid out as the ABI's ixy_metadata (asserted there).
 *
 * The owner of a buffer is the owner of its record. A receive queue with offloads writes it and sets FRAME_METADATA in
 * the frame; a transmit queue with offloads reads it where that flag is set. Queues without offloads touch no record. A
 * packet over several buffers uses the record of its first.
 */
#ifndef CORE_DMA_METADATA_H
#define CORE_DMA_METADATA_H

#include <stdint.h>
#include <string.h>

#define METADATA_TIMESTAMP 1u
#define METADATA_VLAN 2u
#define METADATA_RX_IP_GOOD 4u
#define METADATA_RX_IP_BAD 8u
#define METADATA_RX_L4_GOOD 16u
#define METADATA_RX_L4_BAD 32u
#define METADATA_TX_IP_CHECKSUM 64u
#define METADATA_TX_TCP_CHECKSUM 128u
#define METADATA_TX_UDP_CHECKSUM 256u
#define METADATA_FLAGS 511u /* all there are */

struct metadata {
    uint64_t timestamp; /* nanoseconds of the device's clock */
    uint32_t flags;
    uint16_t vlan_tci;
    uint8_t l2_len; /* bytes before the IP header */
    uint8_t l3_len; /* bytes of the IP header */
};

/* A copy of a record that the caller may write to at any time: each of its two words is read once. */
static inline struct metadata metadata_copy(const struct metadata *record)
{
    typedef uint64_t __attribute__((may_alias)) metadata_word;
    const metadata_word *from = (const metadata_word *)(const void *)record;
    uint64_t words[2] = {__atomic_load_n(from, __ATOMIC_RELAXED), __atomic_load_n(from + 1, __ATOMIC_RELAXED)};
    struct metadata copy;
    memcpy(&copy, words, sizeof(copy));
    return copy;
}

_Static_assert(sizeof(struct metadata) == 16, "a record is two words");

#endif
