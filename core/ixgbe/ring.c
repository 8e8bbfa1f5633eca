/* Descriptor rings: memory that the device can reach. */
#include "core/ixgbe/ixgbe.h"

int32_t ixgbe_ring_open(struct ixgbe_device *ixgbe, uint64_t size, const char *name, struct dma_memory *memory,
                        uint64_t *device_address)
{
    struct bus *bus = ixgbe->device.bus;
    int32_t code = dma_memory_allocate(memory, size, name);
    if (code < 0)
        return code;
    code = bus_map(bus, memory, device_address);
    if (code < 0)
        dma_memory_free(memory);
    return code;
}

void ixgbe_ring_close(struct ixgbe_device *ixgbe, struct dma_memory *memory)
{
    struct bus *bus = ixgbe->device.bus;
    bus_unmap(bus, memory);
    dma_memory_free(memory);
}
