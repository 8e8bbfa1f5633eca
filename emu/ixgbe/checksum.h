/* Checksums as the engines need them: the Internet checksum's sum (RFC 1071), and what a received frame's status says.
 */
#ifndef EMU_IXGBE_CHECKSUM_H
#define EMU_IXGBE_CHECKSUM_H

#include "emu/ixgbe/model.h"

/* Adds size bytes to a sum, as big-endian words, the last filled up with a zero; folded to 16 bits. FFFFh over bytes
 * that hold their own checksum: it is right. */
uint32_t model_sum(uint32_t sum, const uint8_t *bytes, uint32_t size);

/* Of the pseudo header of size bytes of TCP or UDP under an IPv4 or IPv6 header; not folded. */
uint32_t model_sum_pseudo(const uint8_t *ip, uint32_t protocol, uint32_t size);

/* IPCS, IPE, L4I and L4E of a frame of 60 bytes or more, section 7.1.6.2. */
uint64_t ixgbe_model_verify(const struct ixgbe_model *model, const uint8_t *frame, uint32_t len, bool tagged);

#endif
