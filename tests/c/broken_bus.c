#include "tests/c/broken_bus.h"

#include <stdlib.h>
#include <string.h>

#include "core/device/error.h"

static const struct broken_mistake *broken_next_mistake;
static struct broken_record *broken_next_record;
static uint32_t broken_next_kept;

void broken_prepare(const struct broken_mistake *mistake, uint32_t kept, struct broken_record *record)
{
    broken_next_mistake = mistake;
    broken_next_kept = kept;
    broken_next_record = record;
    memset(record, 0, sizeof(*record));
}

static struct broken *broken_of(struct bus *bus)
{
    return (struct broken *)bus;
}

/* Passes on what the driver stored to its doorbells. */
static void broken_sync_rx(struct broken *broken)
{
    struct broken_ring *ring = &broken->rx;
    uint32_t value = __atomic_load_n(&ring->shadow, __ATOMIC_ACQUIRE);
    if (ring->tail == NULL || value == ring->seen)
        return;
    struct ixgbe_rx_descriptor *descriptors = (struct ixgbe_rx_descriptor *)(void *)ring->descriptors;
    for (; ring->seen != value; ring->seen = (ring->seen + 1) % ring->size, ring->posted++)
        if (broken->mistake->rx != NULL)
            broken->mistake->rx(broken, &descriptors[ring->seen], ring->posted);
    if (broken->mistake->rx_tail != NULL)
        value = broken->mistake->rx_tail(broken, value);
    __atomic_store_n(ring->tail, value, __ATOMIC_RELEASE);
}

static void broken_sync_tx(struct broken *broken)
{
    struct broken_ring *ring = &broken->tx;
    uint32_t value = __atomic_load_n(&ring->shadow, __ATOMIC_ACQUIRE);
    if (ring->tail == NULL || value == ring->seen)
        return;
    struct ixgbe_tx_descriptor *descriptors = (struct ixgbe_tx_descriptor *)(void *)ring->descriptors;
    for (; ring->seen != value; ring->seen = (ring->seen + 1) % ring->size, ring->posted++)
        if (broken->mistake->tx != NULL)
            broken->mistake->tx(broken, &descriptors[ring->seen], ring->posted);
    if (broken->mistake->tx_tail != NULL)
        value = broken->mistake->tx_tail(broken, value);
    __atomic_store_n(ring->tail, value, __ATOMIC_RELEASE);
}

static void broken_sync(struct broken *broken)
{
    broken_sync_tx(broken);
    broken_sync_rx(broken);
}

static uint32_t broken_read32(struct bus *bus, uint32_t reg)
{
    struct broken *broken = broken_of(bus);
    uint32_t value;
    broken_sync(broken);
    if (broken->mistake->read != NULL && broken->mistake->read(broken, reg, &value))
        return value;
    return bus_read32(broken->real, reg);
}

static void broken_write32(struct bus *bus, uint32_t reg, uint32_t value)
{
    struct broken *broken = broken_of(bus);
    broken_sync(broken);
    if (reg == IXGBE_RDT(0))
        broken->rx.shadow = broken->rx.seen = value;
    if (reg == IXGBE_TDT(0))
        broken->tx.shadow = broken->tx.seen = value;
    if (broken->mistake->write == NULL || broken->mistake->write(broken, reg, &value))
        bus_write32(broken->real, reg, value);
}

static uint32_t *broken_doorbell(struct bus *bus, uint32_t reg)
{
    struct broken *broken = broken_of(bus);
    struct broken_ring *ring = reg == IXGBE_RDT(0) ? &broken->rx : &broken->tx;
    ring->tail = broken->real->ops->doorbell(broken->real, reg);
    return &ring->shadow;
}

static int32_t broken_map(struct bus *bus, const struct dma_memory *memory, uint64_t *address)
{
    struct broken *broken = broken_of(bus);
    struct broken_ring *ring = strcmp(memory->name, "receive ring") == 0 ? &broken->rx : &broken->tx;
    int32_t code = broken->mistake->map != NULL ? broken->mistake->map(broken, memory, address)
                                                : broken->real->ops->dma_map(broken->real, memory, address);
    if (code < 0)
        return code;
    if (memory->stride != 0) {
        broken->pool = memory;
        broken->pool_address = *address;
    } else {
        ring->descriptors = memory->base;
        ring->size = (uint32_t)memory->size / 16;
    }
    return 0;
}

static void broken_unmap(struct bus *bus, const struct dma_memory *memory)
{
    struct broken *broken = broken_of(bus);
    broken_sync(broken);
    if (memory->stride == 0) /* the driver frees the ring's memory next */
        (memory->base == broken->rx.descriptors ? &broken->rx : &broken->tx)->tail = NULL;
    if (broken->mistake->unmap == NULL || broken->mistake->unmap(broken, memory))
        broken->real->ops->dma_unmap(broken->real, memory);
}

static void broken_delay(struct bus *bus, uint32_t microseconds)
{
    struct broken *broken = broken_of(bus);
    broken_sync(broken);
    if (broken->mistake->delay == NULL || broken->mistake->delay(broken))
        broken->real->ops->delay(broken->real, microseconds);
}

static void broken_step(struct bus *bus)
{
    struct broken *broken = broken_of(bus);
    broken_sync(broken);
    broken->real->step(broken->real);
}

static void broken_close(struct bus *bus)
{
    struct broken *broken = broken_of(bus);
    struct broken_record *record = broken_next_record;
    emu_counters(broken->real, &record->counters);
    record->violations = emu_violations(broken->real, 0, NULL, 0);
    for (uint32_t i = 0; i < EMU_VIOLATIONS_KEPT; i++)
        emu_violations(broken->real, i, record->text[i], sizeof(record->text[i]));
    broken->real->ops->close(broken->real);
    free(broken);
}

static const struct bus_ops broken_bus_ops = {
    .read32 = broken_read32,
    .write32 = broken_write32,
    .doorbell = broken_doorbell,
    .dma_map = broken_map,
    .dma_unmap = broken_unmap,
    .delay = broken_delay,
    .close = broken_close,
};

static int32_t broken_open(struct address *address, struct bus **bus)
{
    struct broken *broken = calloc(1, sizeof(*broken));
    if (broken == NULL)
        return error_set(IXY_E_NO_MEMORY, "%s: no memory", address->text);
    int32_t code = emu_bus_scheme.open(address, &broken->real);
    if (code < 0) {
        free(broken);
        return code;
    }
    broken->bus = *broken->real;
    broken->bus.ops = &broken_bus_ops;
    broken->bus.step = broken->real->step != NULL ? broken_step : NULL;
    broken->mistake = broken_next_mistake;
    broken->kept = broken_next_kept;
    *bus = &broken->bus;
    return 0;
}

const struct bus_scheme broken_bus_scheme = {.scheme = "broken", .open = broken_open};
