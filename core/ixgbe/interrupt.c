/* Interrupts of receive queues (data sheet 331520, sections 7.3 and 8.2.3.5). X540 and X550 do the same.
 *
 * MSI-X vector n belongs to receive queue n; transmit and all else have none. A vector is masked but while somebody
 * waits. When it has sent its message it clears its cause (EIAC) and masks itself (EIAM), so that one switch-on gives
 * one interrupt, and the driver accesses no register when it comes. It does not switch off either: a vector that is
 * left on interrupts once. A cause that arises while the vector is masked
 * stays in EICR and interrupts as soon as it is unmasked: so nothing is missed, and a wait that follows after polling
 * may end once for packets that were taken before.
 */
#include "core/ixgbe/ixgbe.h"

/* 8 * 2.048 us from one interrupt of a vector to the next. As each masks itself the interval only matters to a driver
 * that handles a packet and waits again in less: then it gathers what comes meanwhile, and no more than 61 000
 * interrupts a second are sent. Whoever has more packets does not wait, but polls (core/device/moderation.h). */
#define IXGBE_INTERVAL IXGBE_EITR_INTERVAL(8)

void ixgbe_interrupts_disable(struct bus *bus)
{
    /* 4.6.3.1 */
    bus_write32(bus, IXGBE_EIMC, IXGBE_EIMC_ALL);
    bus_write32(bus, IXGBE_EIMC_EX(0), 0xFFFFFFFFu);
    bus_write32(bus, IXGBE_EIMC_EX(1), 0xFFFFFFFFu);
    (void)bus_read32(bus, IXGBE_EICR);
}

void ixgbe_interrupts_initialize(struct ixgbe_device *ixgbe)
{
    struct bus *bus = ixgbe->device.bus;
    const uint32_t count = bus->event_count;
    const uint32_t vectors = (1u << count) - 1;
    if (count == 0)
        return;
    bus_write32(bus, IXGBE_GPIE, IXGBE_GPIE_MULTIPLE_MSIX | IXGBE_GPIE_EIAME | IXGBE_GPIE_PBA_SUPPORT);
    for (uint32_t i = 0; i < count; i += 2)
        bus_write32(bus, IXGBE_IVAR(i / 2), IXGBE_IVAR_RX(i, i) | (i + 1 < count ? IXGBE_IVAR_RX(i + 1, i + 1) : 0));
    for (uint32_t i = 0; i < count; i++)
        bus_write32(bus, IXGBE_EITR(i), IXGBE_INTERVAL | IXGBE_EITR_CNT_WDIS);
    bus_write32(bus, IXGBE_EIAC, vectors);
    bus_write32(bus, IXGBE_EIAM_EX(0), vectors);
}

void ixgbe_rx_interrupt(void *opaque, bool on)
{
    struct ixgbe_rx_queue *queue = opaque;
    if (!on)
        return;
    if (queue->posted - queue->taken != queue->mask) /* without buffers it would wait for ever */
        ixgbe_rx_post(queue);
    bus_write32(queue->bus, IXGBE_EIMS_EX(0), 1u << queue->index);
}

bool ixgbe_rx_ready(void *opaque)
{
    struct ixgbe_rx_queue *queue = opaque;
    if (queue->step != NULL)
        queue->step->step(queue->step);
    if (bus_has_failed(queue->bus))
        return true;
    if (queue->careful)
        return ixgbe_rx_packets_ready(queue);
    uint64_t written_back = __atomic_load_n(&queue->ring[queue->taken & queue->mask].header_address, __ATOMIC_ACQUIRE);
    return queue->taken != queue->posted && (written_back & IXGBE_RX_DD) != 0;
}
