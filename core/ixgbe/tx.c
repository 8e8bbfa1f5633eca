/* Transmit: the descriptor ring (data sheet 331520, section 7.2.3) and one queue's set-up (4.6.8). */
#include <stdlib.h>

#include "core/device/error.h"
#include "core/ixgbe/tx_run.h"

/* Buffers in flight from which on sent ones are taken back, though the ring has room: the fewer buffers go round, the
 * more of what belongs to them is still in the cache. Fewer than this would look for reports that are not there yet. */
#define IXGBE_TX_IN_FLIGHT 128

/* Takes back the batches that were sent, oldest first. */
static void ixgbe_tx_clean(struct ixgbe_tx_queue *queue)
{
    const uint32_t mask = queue->mask;
    while (queue->report_first != queue->report_next) {
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
        queue->cleaned = end;
        if (__builtin_expect(queue->contexts, 0)) {
            ixgbe_tx_give(queue, end - sent, sent);
            continue;
        }
        pool_cache_give(&queue->cache, queue->buffer + slot, piece);
        if (piece < sent)
            pool_cache_give(&queue->cache, queue->buffer, sent - piece);
    }
}

/* One descriptor stays empty: head == tail is an empty ring, 7.2.3.4. */
uint32_t ixgbe_tx_room(struct ixgbe_tx_queue *queue, uint32_t count, bool step)
{
    const uint32_t mask = queue->mask;
    uint32_t in_flight = queue->posted - queue->cleaned;
    if (in_flight >= IXGBE_TX_IN_FLIGHT || mask - in_flight < count) {
        ixgbe_tx_clean(queue);
        in_flight = queue->posted - queue->cleaned;
        if (mask - in_flight < count && step && queue->step != NULL) {
            queue->step->step(queue->step);
            ixgbe_tx_clean(queue);
            in_flight = queue->posted - queue->cleaned;
        }
    }
    return count < mask - in_flight ? count : mask - in_flight;
}

static inline __attribute__((always_inline)) uint32_t ixgbe_tx_run_best(struct ixgbe_tx_queue *queue, uint32_t slot,
                                                                        const struct frame *frames, uint32_t count,
                                                                        bool owned, int32_t *code)
{
#if defined(__x86_64__)
    if (owned && queue->avx2)
        return ixgbe_tx_run_avx2(queue, slot, frames, count, code);
#endif
    return ixgbe_tx_run(queue, slot, frames, count, owned, code);
}

static inline __attribute__((always_inline)) uint32_t
ixgbe_tx_send(struct ixgbe_tx_queue *queue, const struct frame *frames, uint32_t count, bool owned, int32_t *code)
{
    uint32_t room = ixgbe_tx_room(queue, count, true);
    uint32_t slot = queue->posted & queue->mask;
    uint32_t to_end = queue->mask + 1 - slot;
    uint32_t run = room < to_end ? room : to_end;
    uint32_t sent = ixgbe_tx_run_best(queue, slot, frames, run, owned, code);
    if (sent == to_end && sent < room)
        sent += ixgbe_tx_run_best(queue, 0, frames + sent, room - sent, owned, code);
    if (sent == 0) {
        if (room == 0 && bus_idle(&queue->idle))
            ixgbe_watch(queue->bus);
        return 0;
    }
    queue->posted += sent;
    ixgbe_tx_hand_over(queue);
    return sent;
}

uint32_t ixgbe_tx_batch(void *queue, const struct frame *frames, uint32_t count)
{
    int32_t code = 0;
    if (__builtin_expect(((struct ixgbe_tx_queue *)queue)->careful, 0))
        return ixgbe_tx_packets(queue, frames, count, false, &code);
    return ixgbe_tx_send(queue, frames, count, false, &code);
}

uint32_t ixgbe_tx_batch_owned(void *queue, const struct frame *frames, uint32_t count, int32_t *code)
{
    uint32_t sent = ixgbe_tx_send(queue, frames, count, true, code);
    /* What ended the run is perhaps a packet of another kind, which the rest of the batch goes behind. */
    if (__builtin_expect(*code == IXY_E_FRAME, 0))
        sent += ixgbe_tx_packets(queue, frames + sent, count - sent, true, code);
    if (sent == 0 && bus_has_failed(((struct ixgbe_tx_queue *)queue)->bus))
        *code = IXY_E_DEVICE;
    return sent;
}

int32_t ixgbe_tx_allocate(struct ixgbe_device *ixgbe, uint32_t index)
{
    const struct device_config *config = &ixgbe->device.config;
    struct ixgbe_tx_queue *queue = calloc(1, sizeof(*queue));
    if (queue == NULL)
        return error_set(IXY_E_NO_MEMORY, "transmit queue %u: no memory", index);
    queue->buffer = calloc(config->tx_ring_size, sizeof(*queue->buffer));
    queue->report = calloc(config->tx_ring_size, sizeof(*queue->report));
    int32_t code = queue->buffer == NULL || queue->report == NULL
                       ? error_set(IXY_E_NO_MEMORY, "transmit queue %u: no memory", index)
                       : ixgbe_ring_open(ixgbe, config->tx_ring_size * sizeof(*queue->ring), "transmit ring",
                                         &queue->memory, &queue->ring_address);
    if (code < 0) {
        free(queue->report);
        free(queue->buffer);
        free(queue);
        return code;
    }
    struct bus *bus = ixgbe->device.bus;
    queue->ring = (struct ixgbe_tx_descriptor *)(void *)queue->memory.base;
    queue->mask = config->tx_ring_size - 1;
    queue->pool_address = ixgbe->pool_address;
    queue->ownership = config->pool->ownership;
    queue->offloads = config->offloads;
    queue->contexts = (config->offloads & (DEVICE_CAN_TX_CHECKSUM | DEVICE_CAN_VLAN_INSERT)) != 0;
    queue->careful = config->offloads != 0 || ixgbe_is_jumbo(ixgbe);
    queue->length_max = config->frame_len_max;
    queue->pool_memory = config->pool->memory.base;
    queue->metadata = config->pool->metadata;
#if defined(__x86_64__)
    queue->avx2 = __builtin_cpu_supports("avx2") != 0;
#endif
    queue->tail = bus->ops->doorbell(bus, IXGBE_TDT(index));
    queue->bus = bus;
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
    queue->context_known = false;
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
    ixgbe_tx_give(queue, queue->cleaned, queue->posted - queue->cleaned);
    queue->cleaned = queue->posted;
    pool_cache_flush(&queue->cache);
}

void ixgbe_tx_free(struct ixgbe_device *ixgbe, struct ixgbe_tx_queue *queue)
{
    ixgbe_ring_close(ixgbe, &queue->memory);
    free(queue->report);
    free(queue->buffer);
    free(queue);
}
