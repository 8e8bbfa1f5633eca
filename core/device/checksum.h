/* Checksums that a device fills in begin in software: it sums the payload up to the end of the packet, and starts from
 * what stands in the checksum field, which must be the sum over the pseudo header (RFC 9293 section 3.1, RFC 768, RFC
 * 8200 section 8.1). Both ixgbe (data sheet 331520, section 7.2.5) and VirtIO (5.1.6.2) want it so. */
#ifndef CORE_DEVICE_CHECKSUM_H
#define CORE_DEVICE_CHECKSUM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/dma/metadata.h"

struct checksum_place {
    uint32_t start;  /* of what is summed: the TCP or UDP header, bytes from the packet's first */
    uint32_t offset; /* of the checksum field, bytes from start */
    bool ipv4;
};

/* Looks at what the metadata says of a packet, sets its IPv4 checksum to 0 if that is to be filled in, and writes the
 * pseudo header's sum into its TCP or UDP checksum field. packet: its first `size` bytes, which must hold all the
 * headers; length: of the whole packet. What lies behind the IP packet, such as padding, is taken off the sum, as the
 * device will add it. False, with nothing written, if the headers do not lie as l2_len and l3_len say: no IPv4 or IPv6
 * header of that length there, another protocol, a header cut short, an IP packet longer than all, or shorter while its
 * end is not among the first `size` bytes. */
bool checksum_prepare(uint8_t *packet, uint32_t size, uint32_t length, const struct metadata *metadata,
                      struct checksum_place *place);

#endif
