/* Transmit: the descriptor ring (data sheet 331520, section 7.2.3) and one queue's set-up (4.6.8). */
#include <stdlib.h>

#include "core/device/error.h"
#include "core/ixgbe/ixgbe.h"

/* Takes back what was sent, a batch at a time, until there is room for count frames or the device is not done yet. */
static void ixgbe_tx_clean(struct ixgbe_tx_queue *queue, uint32_t count)
{
    const uint32_t mask = queue->mask;
    while (queue->report_first != queue->report_next && mask - (queue->posted - queue->cleaned) < count) {
        uint32_t end = queue->report[queue->report_first & mask];
        /* Acquire: the buffers are reused only after DD was seen. */
        uint32_t status = __atomic_load_n(&queue->ring[(end - 1) & mask].status, __ATOMIC_ACQUIRE);
        if ((status & IXGBE_TX_DD) == 0)
            return;
        queue->report_first++;
        uint32_t slot = queue->cleaned & mask;
        uint32_t sent = end - queue->cleaned;
        uint32_t to_end = mask + 1 - slot;
        uint32_t piece = sent < to_end ? sent : to_end;
        pool_cache_give(&queue->cache, queue->buffer + slot, piece);
        if (piece < sent)
            pool_cache_give(&queue->cache, queue->buffer, sent - piece);
        queue->cleaned = end;
    }
}

uint32_t ixgbe_tx_room(void *opaque, uint32_t count)
{
    struct ixgbe_tx_queue *queue = opaque;
    const uint32_t mask = queue->mask; /* one descriptor stays empty: head == tail is an empty ring, 7.2.3.4 */
    uint32_t room = mask - (queue->posted - queue->cleaned);
    if (room < count) {
        ixgbe_tx_clean(queue, count);
        room = mask - (queue->posted - queue->cleaned);
        if (room < count && queue->step != NULL) {
            queue->step->step(queue->step);
            ixgbe_tx_clean(queue, count);
            room = mask - (queue->posted - queue->cleaned);
        }
    }
    return count < room ? count : room;
}

void ixgbe_tx_post(void *opaque, const struct frame *frames, uint32_t count)
{
    struct ixgbe_tx_queue *queue = opaque;
    if (count == 0)
        return;
    struct ixgbe_tx_descriptor *ring = queue->ring;
    uint32_t *buffer = queue->buffer;
    const uint32_t mask = queue->mask;
    const uint64_t pool_address = queue->pool_address;
    const uint32_t command = IXGBE_TX_DTYP_DATA | IXGBE_TX_EOP | IXGBE_TX_IFCS | IXGBE_TX_DEXT;
    uint32_t position = queue->posted;
    uint32_t slot = 0;
    for (uint32_t i = 0; i < count; i++) {
        slot = position & mask;
        uint32_t length = frames[i].len;
        ring[slot].address = pool_address + frames[i].offset;
        ring[slot].command = command | length;
        ring[slot].status = length << IXGBE_TX_PAYLEN_SHIFT;
        buffer[slot] = (uint32_t)frames[i].buf & FRAME_INDEX_MASK;
        position++;
    }
    ring[slot].command |= IXGBE_TX_RS;
    queue->report[queue->report_next & mask] = position;
    queue->report_next++;
    queue->posted = position;
    /* Release: the device must see frames and descriptors before the tail that hands them over. */
    __atomic_store_n(queue->tail, position & mask, __ATOMIC_RELEASE);
}

int32_t ixgbe_tx_allocate(struct ixgbe_device *ixgbe, uint32_t index)
{
    const struct device_config *config = &ixgbe->device.config;
    struct ixgbe_tx_queue *queue = calloc(1, sizeof(*queue));
    if (queue == NULL)
        return error_set(IXY_E_NO_MEMORY, "transmit queue %u: no memory", index);
    queue->buffer = calloc(config->tx_ring_size, sizeof(*queue->buffer));
    queue->report = calloc(config->tx_ring_size, sizeof(*queue->report));
    int32_t code =
        queue->buffer == NULL || queue->report == NULL
            ? error_set(IXY_E_NO_MEMORY, "transmit queue %u: no memory", index)
            : dma_memory_allocate(&queue->memory, config->tx_ring_size * sizeof(*queue->ring), "transmit ring");
    struct bus *bus = ixgbe->device.bus;
    if (code >= 0) {
        code = bus->ops->dma_map(bus, &queue->memory, &queue->ring_address);
        if (code < 0)
            dma_memory_free(&queue->memory);
    }
    if (code < 0) {
        free(queue->report);
        free(queue->buffer);
        free(queue);
        return code;
    }
    queue->ring = (struct ixgbe_tx_descriptor *)(void *)queue->memory.base;
    queue->mask = config->tx_ring_size - 1;
    queue->pool_address = ixgbe->pool_address;
    queue->tail = bus->ops->doorbell(bus, IXGBE_TDT(index));
    queue->step = bus->step != NULL ? bus : NULL;
    queue->index = index;
    queue->cache.pool = config->pool;
    queue->cache.limit = pool_cache_limit(config->tx_ring_size);
    ixgbe->tx[index] = queue;
    ixgbe->device.tx[index] = queue;
    return 0;
}

int32_t ixgbe_tx_start(struct ixgbe_device *ixgbe, struct ixgbe_tx_queue *queue)
{
    struct bus *bus = ixgbe->device.bus;
    uint32_t n = queue->index;
    queue->posted = queue->cleaned = queue->report_first = queue->report_next = 0;
    bus_write32(bus, IXGBE_TDBAL(n), (uint32_t)queue->ring_address);
    bus_write32(bus, IXGBE_TDBAH(n), (uint32_t)(queue->ring_address >> 32));
    bus_write32(bus, IXGBE_TDLEN(n), (uint32_t)queue->memory.size);
    bus_write32(bus, IXGBE_TDH(n), 0);
    bus_write32(bus, IXGBE_TDT(n), 0);
    /* Prefetch thresholds as 7.2.3.4 recommends for few PCIe transactions. WTHRESH stays 0: with it descriptors
     * without RS must not exist, 7.2.3.5.2, and only the last one of a batch has RS here. */
    bus_write32(bus, IXGBE_TXDCTL(n), IXGBE_TXDCTL_PTHRESH(36) | IXGBE_TXDCTL_HTHRESH(8));
    bus_write32(bus, IXGBE_TXDCTL(n), IXGBE_TXDCTL_PTHRESH(36) | IXGBE_TXDCTL_HTHRESH(8) | IXGBE_TXDCTL_ENABLE);
    return ixgbe_wait(ixgbe, IXGBE_TXDCTL(n), IXGBE_TXDCTL_ENABLE, IXGBE_TXDCTL_ENABLE, 10000, "TXDCTL.ENABLE");
}

void ixgbe_tx_stop(struct ixgbe_device *ixgbe, struct ixgbe_tx_queue *queue)
{
    struct bus *bus = ixgbe->device.bus;
    uint32_t n = queue->index;
    /* 4.6.8.1: wait until the ring is empty, then disable it. A dead link must not keep us: at most 10 ms. */
    (void)ixgbe_wait(ixgbe, IXGBE_TDH(n), 0xFFFF, queue->posted & queue->mask, 10000, "TDH == TDT");
    bus_write32(bus, IXGBE_TXDCTL(n), bus_read32(bus, IXGBE_TXDCTL(n)) & ~IXGBE_TXDCTL_ENABLE);
    (void)ixgbe_wait(ixgbe, IXGBE_TXDCTL(n), IXGBE_TXDCTL_ENABLE, 0, 10000, "TXDCTL.ENABLE");
    for (; queue->cleaned != queue->posted; queue->cleaned++)
        pool_cache_give(&queue->cache, queue->buffer + (queue->cleaned & queue->mask), 1);
    pool_cache_flush(&queue->cache);
}

void ixgbe_tx_free(struct ixgbe_device *ixgbe, struct ixgbe_tx_queue *queue)
{
    struct bus *bus = ixgbe->device.bus;
    bus->ops->dma_unmap(bus, &queue->memory);
    dma_memory_free(&queue->memory);
    free(queue->report);
    free(queue->buffer);
    free(queue);
}
