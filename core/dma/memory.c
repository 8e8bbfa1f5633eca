#include "core/dma/memory.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "core/device/error.h"

#define DMA_MEMORY_HUGE ((uint64_t)2 << 20)

static uint64_t dma_memory_round(uint64_t size)
{
    uint64_t unit = size >= DMA_MEMORY_HUGE ? DMA_MEMORY_HUGE : 4096;
    return (size + unit - 1) & ~(unit - 1);
}

int32_t dma_memory_allocate(struct dma_memory *memory, uint64_t size, const char *name)
{
    uint64_t rounded = dma_memory_round(size);
    /* To align a large piece, map more than needed and unmap what is left over at both ends. */
    uint64_t slack = rounded >= DMA_MEMORY_HUGE ? DMA_MEMORY_HUGE : 0;
    uint8_t *mapped =
        mmap(NULL, rounded + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED)
        return error_set(IXY_E_NO_MEMORY, "%s: no memory for %llu bytes", name, (unsigned long long)size);
    uint8_t *base = mapped;
    if (slack != 0) {
        base += -(uintptr_t)mapped & (DMA_MEMORY_HUGE - 1);
        if (base != mapped)
            munmap(mapped, (size_t)(base - mapped));
        uint8_t *end = base + rounded;
        if (end != mapped + rounded + slack)
            munmap(end, (size_t)(mapped + rounded + slack - end));
        /* Transparent huge pages spare TLB misses; where there are none, nothing is lost. */
        madvise(base, rounded, MADV_HUGEPAGE);
    }
    if (madvise(base, rounded, MADV_WIPEONFORK) != 0) {
        munmap(base, rounded);
        return error_set(IXY_E_NO_MEMORY, "%s: the kernel cannot wipe pages on fork (Linux 4.14 can)", name);
    }
    *memory = (struct dma_memory){.base = base, .size = size, .name = name};
    return 0;
}

void dma_memory_free(struct dma_memory *memory)
{
    if (memory->base != NULL)
        munmap(memory->base, dma_memory_round(memory->size));
    memory->base = NULL;
}
