/* Receive: the descriptor ring (data sheet 331520, section 7.1.6 and 7.1.9) and one queue's set-up (4.6.7). */
#include <stdlib.h>

#include "core/device/error.h"
#include "core/ixgbe/ixgbe.h"

/* Writes the descriptors of the buffers of consecutive slots. */
static void ixgbe_rx_describe_buffers(const struct ixgbe_rx_queue *queue, uint32_t slot, uint32_t count)
{
    const uint64_t *buffer = queue->buffer + slot;
    struct ixgbe_rx_descriptor *descriptor = queue->ring + slot;
    const uint64_t packet_address = queue->packet_address;
    const uint32_t stride = queue->stride;
    uint32_t done = 0;
#if defined(__x86_64__)
    if (queue->avx2)
        done = ixgbe_rx_post_avx2(queue, slot, count);
#endif
    for (uint32_t i = done; i < count; i++) {
        descriptor[i].packet_address = packet_address + (uint64_t)ownership_index(buffer[i]) * stride;
        descriptor[i].header_address = 0; /* clears DD too */
    }
}

/* Fills the free part of the ring with buffers and tells the device. One descriptor stays empty, because head == tail
 * means an empty ring (7.1.9). */
void ixgbe_rx_post(struct ixgbe_rx_queue *queue)
{
    uint32_t position = queue->posted;
    uint32_t mask = queue->mask;
    uint32_t wanted = queue->taken + mask - position;
    while (wanted > 0) {
        uint32_t slot = position & mask;
        uint32_t to_end = mask + 1 - slot;
        uint32_t piece = wanted < to_end ? wanted : to_end;
        uint32_t got = pool_cache_take(&queue->cache, queue->buffer + slot, piece);
        ixgbe_rx_describe_buffers(queue, slot, got);
        position += got;
        wanted -= got;
        if (got < piece) {
            ixgbe_count(&queue->starved);
            break;
        }
    }
    if (position != queue->posted) {
        queue->posted = position;
        /* Release: the device must see the descriptors before the tail that hands them over. */
        __atomic_store_n(queue->tail, position & mask, __ATOMIC_RELEASE);
    }
}

/* Whether a descriptor was written back with one whole good frame, of a length that its buffer holds. */
static inline bool ixgbe_rx_is_whole(uint64_t written_back, uint64_t span)
{
    if (!check_is_made(CHECK_DEVICE))
        return (written_back & IXGBE_RX_DD) != 0;
    return (written_back & (IXGBE_RX_WHOLE | IXGBE_RX_RXE)) == IXGBE_RX_WHOLE &&
           (written_back & IXGBE_RX_LENGTH) - ((uint64_t)FRAME_LENGTH_MIN << 32) <= span;
}

/* Takes a descriptor whose frame is not delivered: over several descriptors, with a MAC error, or a completion that no
 * correct device writes. Its buffer goes back. A frame that never ends counts again and again, so that a device which
 * sends nothing else does not look like an idle one. */
void ixgbe_rx_drop(struct ixgbe_rx_queue *queue, uint32_t slot, uint64_t written_back)
{
    if (queue->discarded % IXGBE_RX_PIECES_MAX == 0)
        ixgbe_count(&queue->dropped);
    queue->discarded = (written_back & IXGBE_RX_EOP) != 0 ? 0 : queue->discarded % IXGBE_RX_PIECES_MAX + 1;
    pool_cache_give(&queue->cache, queue->buffer + slot, 1);
    queue->taken++;
}

/* Frames of consecutive descriptors that are whole and good; ends at the first that is not. The ownership table's
 * members are copied, as the compiler must take the caller's frames for anything. */
static inline __attribute__((always_inline)) uint32_t ixgbe_rx_run(const struct ixgbe_rx_queue *queue, uint32_t slot,
                                                                   struct frame *frames, uint32_t count, bool owned)
{
    const struct ownership ownership = owned ? *queue->ownership : (struct ownership){0};
    const struct ixgbe_rx_descriptor *descriptor = queue->ring + slot;
    const uint64_t *buffer = queue->buffer + slot;
    const uint64_t stride = queue->stride;
    const uint64_t span = ixgbe_rx_span(queue);
    const struct frame *end = frames + count;
    struct frame *frame = frames;
    for (; frame != end; frame++, descriptor++, buffer++) {
        /* Acquire: the frame and the rest of the descriptor are read after DD was seen. One load, because a device
         * could change length or status between two. */
        uint64_t written_back = __atomic_load_n(&descriptor->header_address, __ATOMIC_ACQUIRE);
        if (!ixgbe_rx_is_whole(written_back, span))
            break;
        uint64_t token = *buffer;
        uint64_t place = (written_back & IXGBE_RX_LENGTH) | (ownership_index(token) * stride + POOL_HEADROOM);
        frame_set(frame, token, place);
        if (owned)
            ownership_hand_out(&ownership, token);
    }
    return (uint32_t)(frame - frames);
}

/* As ixgbe_rx_run, by what is fastest here. */
static inline __attribute__((always_inline)) uint32_t
ixgbe_rx_run_best(const struct ixgbe_rx_queue *queue, uint32_t slot, struct frame *frames, uint32_t count, bool owned)
{
    uint32_t done = 0;
#if defined(__x86_64__)
    if (owned && queue->avx2)
        done = ixgbe_rx_run_avx2(queue, slot, frames, count);
    if (owned && done == count)
        return done;
#endif
    return done + ixgbe_rx_run(queue, slot + done, frames + done, count - done, owned);
}

static inline __attribute__((always_inline)) uint32_t ixgbe_rx_take(struct ixgbe_rx_queue *queue, struct frame *frames,
                                                                    uint32_t count, bool owned)
{
    if (queue->step != NULL)
        queue->step->step(queue->step);

    const uint32_t size = queue->mask + 1;
    uint32_t received = 0;
    /* Only descriptors that were posted count: one that waits for a buffer still shows its last DD. */
    while (received < count && queue->taken != queue->posted) {
        uint32_t slot = queue->taken & queue->mask;
        uint32_t run = count - received;
        if (run > queue->posted - queue->taken)
            run = queue->posted - queue->taken;
        if (run > size - slot)
            run = size - slot;
        uint32_t good = queue->discarded != 0 ? 0 : ixgbe_rx_run_best(queue, slot, frames + received, run, owned);
        received += good;
        queue->taken += good;
        if (good == run)
            continue;
        slot = queue->taken & queue->mask;
        uint64_t written_back = __atomic_load_n(&queue->ring[slot].header_address, __ATOMIC_ACQUIRE);
        if ((written_back & IXGBE_RX_DD) == 0)
            break;
        /* A good frame may have come since the run ended: the next run takes it. */
        if (queue->discarded != 0 || !ixgbe_rx_is_whole(written_back, ixgbe_rx_span(queue)))
            ixgbe_rx_drop(queue, slot, written_back);
    }
    if (queue->posted - queue->taken != queue->mask)
        ixgbe_rx_post(queue);
    if (received == 0 && bus_idle(&queue->idle))
        ixgbe_watch(queue->bus);
    return received;
}

uint32_t ixgbe_rx_batch(void *queue, struct frame *frames, uint32_t count)
{
    if (__builtin_expect(((struct ixgbe_rx_queue *)queue)->careful, 0))
        return ixgbe_rx_packets(queue, frames, count, false);
    return ixgbe_rx_take(queue, frames, count, false);
}

uint32_t ixgbe_rx_batch_owned(void *queue, struct frame *frames, uint32_t count)
{
    if (__builtin_expect(((struct ixgbe_rx_queue *)queue)->careful, 0))
        return ixgbe_rx_packets(queue, frames, count, true);
    return ixgbe_rx_take(queue, frames, count, true);
}

int32_t ixgbe_rx_allocate(struct ixgbe_device *ixgbe, uint32_t index)
{
    const struct device_config *config = &ixgbe->device.config;
    struct ixgbe_rx_queue *queue = calloc(1, sizeof(*queue));
    if (queue == NULL)
        return error_set(IXY_E_NO_MEMORY, "receive queue %u: no memory", index);
    queue->buffer = calloc(config->rx_ring_size, sizeof(*queue->buffer));
    int32_t code = queue->buffer == NULL ? error_set(IXY_E_NO_MEMORY, "receive queue %u: no memory", index)
                                         : ixgbe_ring_open(ixgbe, config->rx_ring_size * sizeof(*queue->ring),
                                                           "receive ring", &queue->memory, &queue->ring_address);
    if (code < 0) {
        free(queue->buffer);
        free(queue);
        return code;
    }
    struct bus *bus = ixgbe->device.bus;
    queue->ring = (struct ixgbe_rx_descriptor *)(void *)queue->memory.base;
    queue->mask = config->rx_ring_size - 1;
    queue->stride = config->pool->stride;
    queue->buffer_size = config->pool->buffer_size;
    queue->length_max = ixgbe_rx_length_max(ixgbe);
    if (!ixgbe_is_jumbo(ixgbe) && queue->length_max > queue->buffer_size)
        queue->length_max = queue->buffer_size;
    queue->offloads = config->offloads;
    queue->careful = config->offloads != 0 || ixgbe_is_jumbo(ixgbe);
    queue->udp_zero = ixgbe->mac_type == IXGBE_82599;
    queue->metadata = config->pool->metadata;
    queue->packet = (const uint8_t *)config->pool->memory.base + POOL_HEADROOM;
    queue->ownership = config->pool->ownership;
    queue->packet_address = ixgbe->pool_address + POOL_HEADROOM;
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) /* which does not see what vectors read */
    queue->avx2 = __builtin_cpu_supports("avx2") != 0;
#endif
    queue->tail = bus->ops->doorbell(bus, IXGBE_RDT(index));
    queue->bus = bus;
    queue->step = bus->step != NULL ? bus : NULL;
    queue->bus = bus;
    queue->index = index;
    queue->cache.pool = config->pool;
    queue->cache.limit = pool_cache_limit(config->rx_ring_size);
    ixgbe->rx[index] = queue;
    ixgbe->device.rx[index] = queue;
    return 0;
}

int32_t ixgbe_rx_start(struct ixgbe_device *ixgbe, struct ixgbe_rx_queue *queue)
{
    struct bus *bus = ixgbe->device.bus;
    uint32_t n = queue->index;
    queue->taken = queue->posted = 0;
    queue->discarded = 0;
    bus_write32(bus, IXGBE_RDBAL(n), (uint32_t)queue->ring_address);
    bus_write32(bus, IXGBE_RDBAH(n), (uint32_t)(queue->ring_address >> 32));
    bus_write32(bus, IXGBE_RDLEN(n), (uint32_t)queue->memory.size);
    bus_write32(bus, IXGBE_RDH(n), 0);
    bus_write32(bus, IXGBE_RDT(n), 0);
    uint32_t srrctl = bus_read32(bus, IXGBE_SRRCTL(n));
    srrctl &= ~(IXGBE_SRRCTL_BSIZEPACKET | IXGBE_SRRCTL_DESCTYPE);
    srrctl |= ixgbe->device.config.pool->buffer_size / 1024 | IXGBE_SRRCTL_DESCTYPE_ADVANCED;
    /* With several queues a full one must not hold up the others ("drop enable", 8.2.3.8.7). */
    if (ixgbe->device.config.rx_queues > 1)
        srrctl |= IXGBE_SRRCTL_DROP_EN;
    bus_write32(bus, IXGBE_SRRCTL(n), srrctl);
    /* Bit 12 of DCA_RXCTRL is to be cleared by software, 8.2.3.11.1. */
    bus_write32(bus, IXGBE_DCA_RXCTRL(n), bus_read32(bus, IXGBE_DCA_RXCTRL(n)) & ~IXGBE_DCA_RXCTRL_BIT12);
    uint32_t rxdctl = bus_read32(bus, IXGBE_RXDCTL(n)) & ~IXGBE_RXDCTL_VME;
    if ((queue->offloads & DEVICE_CAN_VLAN_STRIP) != 0)
        rxdctl |= IXGBE_RXDCTL_VME;
    bus_write32(bus, IXGBE_RXDCTL(n), rxdctl | IXGBE_RXDCTL_ENABLE);
    int32_t code = ixgbe_wait(ixgbe, IXGBE_RXDCTL(n), IXGBE_RXDCTL_ENABLE, IXGBE_RXDCTL_ENABLE, 10000, "RXDCTL.ENABLE");
    if (code < 0)
        return code;
    ixgbe_rx_post(queue);
    if (queue->posted == 0)
        return error_set(IXY_E_NO_BUFFERS, "receive queue %u: the pool has no free buffer; give some back first", n);
    return 0;
}

void ixgbe_rx_stop(struct ixgbe_device *ixgbe, struct ixgbe_rx_queue *queue)
{
    struct bus *bus = ixgbe->device.bus;
    uint32_t n = queue->index;
    /* 4.6.7.1.2: clear ENABLE, wait until it reads back cleared, then at least 100 us before the memory is reused. */
    bus_write32(bus, IXGBE_RXDCTL(n), bus_read32(bus, IXGBE_RXDCTL(n)) & ~IXGBE_RXDCTL_ENABLE);
    (void)ixgbe_wait(ixgbe, IXGBE_RXDCTL(n), IXGBE_RXDCTL_ENABLE, 0, 10000, "RXDCTL.ENABLE");
    bus->ops->delay(bus, 100);
    for (; queue->taken != queue->posted; queue->taken++)
        pool_cache_give(&queue->cache, queue->buffer + (queue->taken & queue->mask), 1);
    pool_cache_flush(&queue->cache);
}

void ixgbe_rx_free(struct ixgbe_device *ixgbe, struct ixgbe_rx_queue *queue)
{
    ixgbe_ring_close(ixgbe, &queue->memory);
    free(queue->buffer);
    free(queue);
}
