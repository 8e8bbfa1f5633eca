/* The bus: how a driver reaches its device.
 *
 * A bus is opened for one device and belongs to that device's driver, which closes it last. Control registers go
 * through functions, because an emulated device must see each access (clear-on-read, write-1-to-clear). Doorbells
 * (tail registers) are plain memory that the driver stores to with release order, in hardware and in the model alike,
 * so that the packet path is the same machine code on both.
 *
 * An inline model does its work when it is stepped: by every control register access, and on the packet path by
 * `step`, which the driver calls at the start of each receive batch and when a transmit ring is full. It is NULL for
 * hardware and for models that run by themselves.
 */
#ifndef CORE_BUS_BUS_H
#define CORE_BUS_BUS_H

#include <stdint.h>

#include "core/device/address.h"
#include "core/dma/memory.h"

struct bus;

struct bus_ops {
    /* 32-bit access to a control register, by its offset in the register space. */
    uint32_t (*read32)(struct bus *bus, uint32_t reg);
    void (*write32)(struct bus *bus, uint32_t reg, uint32_t value);

    /* Where to store a tail register. Valid until close. */
    uint32_t *(*doorbell)(struct bus *bus, uint32_t reg);

    /* Lets the device reach a piece of memory; device_address receives the address of its first byte as the device
     * sees it, the rest follows without gaps. Returns 0 or an error. The owner unmaps before it frees. */
    int32_t (*dma_map)(struct bus *bus, const struct dma_memory *memory, uint64_t *device_address);
    void (*dma_unmap)(struct bus *bus, const struct dma_memory *memory);

    /* Lets at least that much of the device's time pass. */
    void (*delay)(struct bus *bus, uint32_t microseconds);

    void (*close)(struct bus *bus);
};

struct bus {
    const struct bus_ops *ops;
    void (*step)(struct bus *bus);
    uint16_t vendor;
    uint16_t device_id;
    char address[ADDRESS_TEXT_SIZE];
};

/* One way of reaching devices, chosen by an address's scheme. */
struct bus_scheme {
    const char *scheme;
    /* Opens the device that the address names. Returns 0 or an error with its text. */
    int32_t (*open)(struct address *address, struct bus **bus);
};

static inline uint32_t bus_read32(struct bus *bus, uint32_t reg)
{
    return bus->ops->read32(bus, reg);
}

static inline void bus_write32(struct bus *bus, uint32_t reg, uint32_t value)
{
    bus->ops->write32(bus, reg, value);
}

#endif
