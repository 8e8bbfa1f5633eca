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
        totals->rx_missed += bus_read32(bus, IXGBE_QPRDC(i));
}

void ixgbe_stats_clear(struct ixgbe_device *ixgbe)
{
    ixgbe_stats_collect(ixgbe);
    memset(&ixgbe->totals, 0, sizeof(ixgbe->totals));
    for (uint32_t i = 0; i < DEVICE_QUEUES_MAX; i++)
        if (ixgbe->rx[i] != NULL)
            ixgbe->rx[i]->dropped = ixgbe->rx[i]->starved = 0;
}

int32_t ixgbe_stats(struct device *device, struct device_stats *stats)
{
    struct ixgbe_device *ixgbe = (struct ixgbe_device *)device;
    if (bus_read32(device->bus, IXGBE_STATUS) == 0xFFFFFFFFu)
        return ixgbe_gone(ixgbe, "STATUS reads");
    ixgbe_stats_collect(ixgbe);
    *stats = ixgbe->totals;
    for (uint32_t i = 0; i < DEVICE_QUEUES_MAX; i++) {
        if (ixgbe->rx[i] != NULL) {
            /* The queue's own thread counts these on. */
            stats->rx_dropped += __atomic_load_n(&ixgbe->rx[i]->dropped, __ATOMIC_RELAXED);
            stats->rx_starved += __atomic_load_n(&ixgbe->rx[i]->starved, __ATOMIC_RELAXED);
        }
    }
    return 0;
}
