/* Frames: where a packet lies in its pool's memory. Plain data in arrays of the caller.
 *
 * Laid out as the ABI's ixy_frame (asserted there), whose arrays drivers work on directly; hence may_alias. buf is
 * the buffer's token (ownership.h).
 *
 * The caller's array is foreign memory, as the device's is: another thread may write to it at any time, and it may lie
 * in packet memory, which the driver itself writes to. So each frame is copied once (frame_copy), the copy is checked,
 * and the copy is used. What was written to the array is never read back.
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

/* A copy of a frame of the caller: each of its two words is read once. */
static inline struct frame frame_copy(const struct frame *frame)
{
    typedef uint64_t __attribute__((may_alias)) frame_word;
    const frame_word *words = (const frame_word *)(const void *)frame;
    struct frame copy;
    frame_set(&copy, __atomic_load_n(words, __ATOMIC_RELAXED), __atomic_load_n(words + 1, __ATOMIC_RELAXED));
    return copy;
}

_Static_assert(sizeof(struct frame) == 16, "a frame is two words");

/* The place of len bytes at an offset, without flags. */
static inline uint64_t frame_place_of(uint32_t offset, uint32_t len)
{
    return (uint64_t)len << 32 | offset;
}

#endif
