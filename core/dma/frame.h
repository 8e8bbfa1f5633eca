/* Frames: where a packet lies in its pool's memory. Plain data in arrays of the caller.
 *
 * Laid out as the ABI's ixy_frame (asserted there), whose arrays drivers work on directly; hence may_alias. buf is
 * the buffer's token (ownership.h).
 */
#ifndef CORE_DMA_FRAME_H
#define CORE_DMA_FRAME_H

#include <stdint.h>
#include <string.h>

#define FRAME_INDEX_MASK 0x3FFFFu

#define FRAME_MORE 1u     /* the packet goes on in the next frame of the array */
#define FRAME_METADATA 2u /* metadata.h */

/* Lengths, without checksum, that every Ethernet device sends and receives. */
#define FRAME_LENGTH_MIN 60
#define FRAME_LENGTH_MAX 1514

struct __attribute__((may_alias)) frame {
    uint64_t buf;
    uint32_t offset;
    uint16_t len;
    uint16_t flags;
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "descriptors and frame places are little-endian words");

/* A frame's place: offset, len and flags as the one word that they are in memory. */
static inline uint64_t frame_place(const struct frame *frame)
{
    uint64_t place;
    memcpy(&place, (const uint8_t *)frame + sizeof(frame->buf), sizeof(place));
    return place;
}

static inline void frame_set(struct frame *frame, uint64_t buf, uint64_t place)
{
    frame->buf = buf;
    memcpy((uint8_t *)frame + sizeof(frame->buf), &place, sizeof(place));
}

/* The place of len bytes at an offset, without flags. */
static inline uint64_t frame_place_of(uint32_t offset, uint32_t len)
{
    return (uint64_t)len << 32 | offset;
}

#endif
