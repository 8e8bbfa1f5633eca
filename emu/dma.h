/* What a device can reach: from the addresses that a driver gives it to this process's memory.
 *
 * Each mapped memory has a slot, and slot s stands at device address (s + 1) << 33: translation is a shift and a
 * comparison, and a wrong address almost never hits another memory. Slots are handed out in turn, so that the address
 * of an unmapped memory stays wrong for long.
 *
 * Pool memory has a mark for each buffer, set while the device holds a descriptor with that buffer; so the sanitizer
 * sees a buffer that is posted twice or unmapped while posted. A pool with handles also has the ownership table of
 * the ABI: DMA to a buffer that the caller owns is a violation. All under the device's lock; the table is read as
 * atomics, because its owner writes it at any time.
 */
#ifndef EMU_DMA_H
#define EMU_DMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/dma/memory.h"
#include "emu/sanitizer.h"

#define EMU_DMA_SLOTS 512
#define EMU_DMA_SHIFT 33
#define EMU_DMA_OFFSET_MASK (((uint64_t)1 << EMU_DMA_SHIFT) - 1)
#define EMU_DMA_NAME_SIZE 32

__extension__ typedef unsigned __int128 emu_dma_wide;

struct emu_dma_region {
    uint8_t *base;       /* NULL: not mapped */
    uint64_t size;       /* 0: not mapped */
    uint64_t reciprocal; /* of stride, see emu_dma_index */
    uint32_t stride;     /* 0: not cut into buffers, nothing to mark */
    uint32_t count;      /* buffers */
    bool *marks;         /* count entries: a descriptor of this device holds the buffer (bool: char would alias all) */
    const uint64_t *owner;
    char name[EMU_DMA_NAME_SIZE];
};

struct emu_dma {
    struct emu_dma_region regions[EMU_DMA_SLOTS + 1]; /* region 0 is never mapped, so that address 0 reaches nothing */
    uint32_t next;
};

/* Returns 0 or an error with its text. */
int32_t emu_dma_map(struct emu_dma *dma, const struct dma_memory *memory, uint64_t *device_address);

/* The slot of a mapped memory, 0 if there is none. */
uint32_t emu_dma_find(const struct emu_dma *dma, const struct dma_memory *memory);

void emu_dma_unmap(struct emu_dma *dma, uint32_t slot);
void emu_dma_free(struct emu_dma *dma);

/* offset / stride without a division: exact because offset < 2^33 and stride < 2^31. */
static inline uint32_t emu_dma_index(const struct emu_dma_region *region, uint64_t offset)
{
    return (uint32_t)(((emu_dma_wide)offset * region->reciprocal) >> 64);
}

/* The region that [address, address + len) lies in, or NULL if any byte of it is not mapped. */
static inline struct emu_dma_region *emu_dma_region_of(struct emu_dma *dma, uint64_t address, uint64_t len)
{
    uint64_t slot = address >> EMU_DMA_SHIFT;
    if (slot > EMU_DMA_SLOTS)
        return NULL;
    struct emu_dma_region *region = &dma->regions[slot];
    uint64_t offset = address & EMU_DMA_OFFSET_MASK;
    if (len > region->size || offset > region->size - len)
        return NULL;
    return region->size == 0 ? NULL : region;
}

/* Whether the caller owns buffer index (an ABI handle to it is valid). */
static inline bool emu_dma_owned_by_caller(const struct emu_dma_region *region, uint32_t index)
{
    return region->owner != NULL && __atomic_load_n(&region->owner[index], __ATOMIC_RELAXED) != 0;
}

/* Where an address may lie in this process: for prefetching, which takes any pointer, and nothing else. */
static inline const void *emu_dma_hint(const struct emu_dma *dma, uint64_t address)
{
    uint64_t slot = address >> EMU_DMA_SHIFT;
    uintptr_t base = (uintptr_t)dma->regions[slot <= EMU_DMA_SLOTS ? slot : 0].base;
    return (const void *)(base + (uintptr_t)(address & EMU_DMA_OFFSET_MASK));
}

/* A copy of what claiming buffers of one region takes, for loops over many of them. */
struct emu_dma_window {
    uint64_t first; /* device address of buffer 0 */
    uint64_t size;  /* 0: the region is not mapped, or not cut into buffers */
    uint64_t reciprocal;
    uint64_t stride;
    uint8_t *base;
    bool *marks;
    const uint64_t *owner;
};

static inline struct emu_dma_window emu_dma_window(const struct emu_dma *dma, uint64_t address)
{
    uint64_t slot = address >> EMU_DMA_SHIFT;
    const struct emu_dma_region *region = &dma->regions[slot <= EMU_DMA_SLOTS ? slot : 0];
    return (struct emu_dma_window){.first = slot << EMU_DMA_SHIFT,
                                   .size = region->stride != 0 ? region->size : 0,
                                   .reciprocal = region->reciprocal,
                                   .stride = region->stride,
                                   .base = region->base,
                                   .marks = region->marks,
                                   .owner = region->owner};
}

/* Marks a buffer as the device's if [address, address + len) lies in it, no descriptor holds it and the caller does
 * not own it. Returns its mark, or NULL: then slower code finds out what is wrong, if anything is. */
static inline bool *emu_dma_claim(const struct emu_dma_window *window, uint64_t address, uint32_t len)
{
    uint64_t offset = address - window->first;
    if (__builtin_expect(offset >= window->size, 0))
        return NULL;
    uint64_t index = (uint64_t)(((emu_dma_wide)offset * window->reciprocal) >> 64);
    if (__builtin_expect(offset - index * window->stride + len > window->stride, 0))
        return NULL;
    bool *mark = window->marks + index;
    if (__builtin_expect(*mark, 0))
        return NULL;
    if (window->owner != NULL && __builtin_expect(__atomic_load_n(window->owner + index, __ATOMIC_RELAXED) != 0, 0))
        return NULL;
    *mark = true;
    return mark;
}

#endif
