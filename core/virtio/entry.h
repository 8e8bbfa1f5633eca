/* Entries of both rings: how descriptors are written, how what the device returns is read, once, and checked. */
#ifndef CORE_VIRTIO_ENTRY_H
#define CORE_VIRTIO_ENTRY_H

#include <string.h>

#include "core/virtio/barrier.h"
#include "core/virtio/virtio.h"

/* Counts up in a counter that only its queue's thread writes, and others read. */
static inline void virtio_count(uint64_t *counter, uint64_t more)
{
    __atomic_store_n(counter, *counter + more, __ATOMIC_RELAXED);
}

/* The wrap counter of a position, as it stands in bits 0 (2.8.1: it begins as 1). */
static inline uint32_t virtio_wrap(const struct virtio_queue *queue, uint32_t position)
{
    return (position >> queue->size_bits & 1) ^ 1;
}

/* Writes a descriptor as two words. */
static inline void virtio_desc_set(struct virtq_desc *desc, uint64_t address, uint32_t len, uint32_t flags,
                                   uint32_t next)
{
    uint64_t rest = (uint64_t)next << 48 | (uint64_t)flags << 32 | len;
    desc->addr = address;
    memcpy(&desc->len, &rest, sizeof(rest));
}

/* Puts a slot's descriptor into the available ring, where it stays: posting moves the index on, 2.7.13. With two
 * descriptors a buffer the ring has two places for each slot. */
static inline void virtio_split_offer(struct virtio_queue *queue, uint32_t slot)
{
    queue->avail->ring[slot] = queue->id[slot];
    if (queue->id_shift != 0)
        queue->avail->ring[slot + queue->mask + 1] = queue->id[slot];
}

/* A split queue's used entry: each word is read once, because a device could change it between two readings. */
static inline uint32_t virtio_used_id(const struct virtq_used_elem *element)
{
    return __atomic_load_n(&element->id, __ATOMIC_RELAXED);
}

static inline uint32_t virtio_used_len(const struct virtq_used_elem *element)
{
    return __atomic_load_n(&element->len, __ATOMIC_RELAXED);
}

/* A packed descriptor's len, id and flags as one word: len in the lower half, then id, then flags. One load for all
 * three: the flags are not seen before the others, even if a device writes them in the wrong order. Acquire: what the
 * flags hand over is read after them (2.8.22). */
static inline uint64_t virtio_packed_word(const struct virtq_packed_desc *desc)
{
    uint64_t word = __atomic_load_n((const uint64_t *)(const void *)&desc->len, __ATOMIC_ACQUIRE);
    virtio_load_barrier();
    return word;
}

#define VIRTIO_PACKED_ID ((uint64_t)0xFFFF << 32)
#define VIRTIO_PACKED_USED ((uint64_t)(VIRTQ_PACKED_DESC_F_AVAIL | VIRTQ_PACKED_DESC_F_USED) << 48)

/* The flags of a used descriptor in the lap of that position, in such a word. */
static inline uint64_t virtio_packed_used_flags(const struct virtio_queue *queue, uint32_t position)
{
    return virtio_wrap(queue, position) != 0 ? VIRTIO_PACKED_USED : 0;
}

static inline uint64_t virtio_packed_at(const struct virtio_queue *queue, uint32_t position)
{
    return virtio_packed_word(&queue->ring[position & queue->ring_mask]);
}

static inline bool virtio_packed_is_used(const struct virtio_queue *queue, uint64_t word, uint32_t position)
{
    return (word & VIRTIO_PACKED_USED) == virtio_packed_used_flags(queue, position);
}

/* The flags that make a descriptor available in the lap of that position (2.8.1 and 2.8.13), in such a word. */
static inline uint64_t virtio_packed_available(const struct virtio_queue *queue, uint32_t position)
{
    uint32_t flags = virtio_wrap(queue, position) != 0 ? VIRTQ_PACKED_DESC_F_AVAIL : VIRTQ_PACKED_DESC_F_USED;
    return (uint64_t)flags << 48;
}

/* How many split entries the device has returned since `taken`, UINT32_MAX if it claims more than it had: then it has
 * failed. */
static inline uint32_t virtio_split_ready(struct virtio_queue *queue)
{
    /* Acquire: entries and frames are read after the index that covers them (2.7.14). */
    uint16_t index = __atomic_load_n(&queue->used->idx, __ATOMIC_ACQUIRE);
    virtio_load_barrier();
    uint32_t ready = (uint16_t)(index - (uint16_t)queue->taken);
    if (__builtin_expect(check_is_made(CHECK_DEVICE) && ready > queue->posted - queue->taken, 0)) {
        bus_fail(queue->bus,
                 "virtqueue %u: used idx went from %u to %u; right is at most %u, as the device has %u buffers",
                 queue->number, (uint16_t)queue->taken, index, (uint16_t)queue->posted, queue->posted - queue->taken);
        return UINT32_MAX;
    }
    return ready;
}

/* One buffer that the device returned. */
struct virtio_used {
    uint64_t token;
    uint32_t len;     /* bytes that the device says it wrote, header included */
    uint32_t skipped; /* in order: buffers before it that were dropped, as nothing is known of them */
};

enum virtio_pop { VIRTIO_POP_FAILED = -1, VIRTIO_POP_NONE, VIRTIO_POP_ONE };

/* Takes the next returned buffer out of the queue, whatever is irregular about it; for receive queues. used.c. */
enum virtio_pop virtio_used_pop(struct virtio_queue *queue, struct virtio_used *used);

/* The device named an id that it does not hold. */
void virtio_fail_id(struct virtio_queue *queue, uint32_t id) __attribute__((cold));

#endif
