/* Statistics: the device's counters clear themselves when they are read (data sheet 331520, section 8.2.3.23), so the
 * driver keeps the totals. */
#include <string.h>

#include "core/device/error.h"
#include "core/ixgbe/ixgbe.h"

/* 36-bit byte counters: the low half is read first and latches the high one. */
static uint64_t ixgbe_stats_read36(struct bus *bus, uint32_t low)
{
    uint64_t value = bus_read32(bus, low);
    return value | (uint64_t)(bus_read32(bus, low + 4) & 0xF) << 32;
}

static void ixgbe_stats_collect(struct ixgbe_device *ixgbe)
{
    static const uint32_t errors[] = {IXGBE_CRCERRS, IXGBE_ILLERRC, IXGBE_ERRBC, IXGBE_RLEC,
                                      IXGBE_RUC,     IXGBE_RFC,     IXGBE_ROC,   IXGBE_RJC};
    struct bus *bus = ixgbe->device.bus;
    struct device_stats *totals = &ixgbe->totals;
    totals->rx_packets += bus_read32(bus, IXGBE_GPRC);
    totals->rx_bytes += ixgbe_stats_read36(bus, IXGBE_GORCL);
    totals->tx_packets += bus_read32(bus, IXGBE_GPTC);
    totals->tx_bytes += ixgbe_stats_read36(bus, IXGBE_GOTCL);
    for (uint32_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        totals->rx_errors += bus_read32(bus, errors[i]);
    for (uint32_t i = 0; i < 8; i++)
        totals->rx_missed += bus_read32(bus, IXGBE_RXMPC(i));
    for (uint32_t i = 0; i < DEVICE_QUEUES_MAX; i++)
        ixgbe->queue_totals[i].rx_missed += bus_read32(bus, IXGBE_QPRDC(i));
}

/* A frame that a queue had to drop counts as received, as it does for the whole device. The bytes received are counted
 * as they lie in memory: the checksum, which the device takes off, is added again. */
static void ixgbe_queue_collect(struct ixgbe_device *ixgbe, uint32_t queue)
{
    struct bus *bus = ixgbe->device.bus;
    struct device_queue_stats *totals = &ixgbe->queue_totals[queue];
    uint32_t received = bus_read32(bus, IXGBE_QPRC(queue));
    totals->rx_packets += received;
    totals->rx_bytes += ixgbe_stats_read36(bus, IXGBE_QBRCL(queue)) + (uint64_t)received * 4;
    totals->rx_missed += bus_read32(bus, IXGBE_QPRDC(queue));
    totals->tx_packets += bus_read32(bus, IXGBE_QPTC(queue));
    totals->tx_bytes += ixgbe_stats_read36(bus, IXGBE_QBTCL(queue));
}

void ixgbe_stats_clear(struct ixgbe_device *ixgbe)
{
    ixgbe_stats_collect(ixgbe);
    for (uint32_t i = 0; i < DEVICE_QUEUES_MAX; i++) {
        ixgbe_queue_collect(ixgbe, i);
        if (ixgbe->rx[i] != NULL)
            ixgbe->rx[i]->dropped = ixgbe->rx[i]->starved = 0;
    }
    memset(&ixgbe->totals, 0, sizeof(ixgbe->totals));
    memset(ixgbe->queue_totals, 0, sizeof(ixgbe->queue_totals));
}

int32_t ixgbe_stats(struct device *device, struct device_stats *stats)
{
    struct ixgbe_device *ixgbe = (struct ixgbe_device *)device;
    if (bus_read32(device->bus, IXGBE_STATUS) == 0xFFFFFFFFu)
        return ixgbe_gone(ixgbe, "STATUS reads");
    ixgbe_stats_collect(ixgbe);
    *stats = ixgbe->totals;
    for (uint32_t i = 0; i < DEVICE_QUEUES_MAX; i++) {
        stats->rx_missed += ixgbe->queue_totals[i].rx_missed;
        if (ixgbe->rx[i] != NULL) {
            /* The queue's own thread counts these on. */
            stats->rx_dropped += __atomic_load_n(&ixgbe->rx[i]->dropped, __ATOMIC_RELAXED);
            stats->rx_starved += __atomic_load_n(&ixgbe->rx[i]->starved, __ATOMIC_RELAXED);
        }
    }
    return 0;
}

int32_t ixgbe_queue_stats(struct device *device, uint32_t queue, struct device_queue_stats *stats)
{
    struct ixgbe_device *ixgbe = (struct ixgbe_device *)device;
    if (bus_read32(device->bus, IXGBE_STATUS) == 0xFFFFFFFFu)
        return ixgbe_gone(ixgbe, "STATUS reads");
    ixgbe_queue_collect(ixgbe, queue);
    *stats = ixgbe->queue_totals[queue];
    stats->rx_packets += stats->rx_missed;
    const struct ixgbe_rx_queue *rx = ixgbe->rx[queue];
    if (rx != NULL) {
        stats->rx_dropped = __atomic_load_n(&rx->dropped, __ATOMIC_RELAXED);
        stats->rx_starved = __atomic_load_n(&rx->starved, __ATOMIC_RELAXED);
    }
    return 0;
}
