#include "emu/dma.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/device/error.h"

int32_t emu_dma_map(struct emu_dma *dma, const struct dma_memory *memory, uint64_t *device_address)
{
    const char *name = memory->name != NULL ? memory->name : "memory";
    if (memory->base == NULL || memory->size == 0 || memory->size > (uint64_t)1 << 32 ||
        ((uintptr_t)memory->base & 127) != 0 || memory->stride > (1u << 30) ||
        (memory->stride != 0 && memory->stride < 64))
        return error_set(IXY_E_ARGUMENT,
                         "%s: a device maps 1 byte to 4 GiB at a multiple of 128, buffers of 64 bytes or more", name);
    if (emu_dma_find(dma, memory) != 0)
        return error_set(IXY_E_STATE, "%s: this device has it mapped already", name);
    for (uint32_t i = 0; i < EMU_DMA_SLOTS; i++) {
        uint32_t slot = dma->next % EMU_DMA_SLOTS + 1;
        dma->next++;
        struct emu_dma_region *region = &dma->regions[slot];
        if (region->size != 0)
            continue;
        if (memory->stride != 0) {
            region->count = (uint32_t)(memory->size / memory->stride);
            region->marks = calloc(region->count + 1u, sizeof(*region->marks));
            if (region->marks == NULL)
                return error_set(IXY_E_NO_MEMORY, "%s: no memory for its %" PRIu32 " marks", name, region->count);
            region->reciprocal = UINT64_MAX / memory->stride + 1;
        }
        region->base = memory->base;
        region->stride = memory->stride;
        region->owner = memory->stride != 0 ? memory->owner : NULL;
        region->size = memory->stride != 0 ? (uint64_t)region->count * memory->stride : memory->size;
        snprintf(region->name, sizeof(region->name), "%s", name);
        *device_address = (uint64_t)slot << EMU_DMA_SHIFT;
        return 0;
    }
    return error_set(IXY_E_LIMIT, "%s: an emulated device maps at most %d memories", name, EMU_DMA_SLOTS);
}

uint32_t emu_dma_find(const struct emu_dma *dma, const struct dma_memory *memory)
{
    for (uint32_t slot = 1; slot <= EMU_DMA_SLOTS; slot++)
        if (dma->regions[slot].size != 0 && dma->regions[slot].base == memory->base)
            return slot;
    return 0;
}

void emu_dma_unmap(struct emu_dma *dma, uint32_t slot)
{
    free(dma->regions[slot].marks);
    memset(&dma->regions[slot], 0, sizeof(dma->regions[slot]));
}

void emu_dma_free(struct emu_dma *dma)
{
    for (uint32_t slot = 1; slot <= EMU_DMA_SLOTS; slot++)
        emu_dma_unmap(dma, slot);
}
