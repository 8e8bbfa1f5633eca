/* Statistics registers, section 8.2.3.23: derived when they are read from totals that the engines keep, and cleared
 * by remembering where the total stood. */
#include <stddef.h>
#include <string.h>

#include "emu/ixgbe/model.h"

struct statistics_row {
    uint32_t offset;
    size_t total; /* where in the model, a uint64_t */
};

static const struct statistics_row statistics_rows[] = {
    {0x03FA0, offsetof(struct ixgbe_model, missed)}, /* RXMPC[0] */
    {0x0405C, offsetof(struct ixgbe_model, received.sizes[0])},
    {0x04060, offsetof(struct ixgbe_model, received.sizes[1])},
    {0x04064, offsetof(struct ixgbe_model, received.sizes[2])},
    {0x04068, offsetof(struct ixgbe_model, received.sizes[3])},
    {0x0406C, offsetof(struct ixgbe_model, received.sizes[4])},
    {0x04070, offsetof(struct ixgbe_model, received.sizes[5])},
    {0x04074, offsetof(struct ixgbe_model, received.packets)},
    {0x04078, offsetof(struct ixgbe_model, received.broadcast)},
    {0x0407C, offsetof(struct ixgbe_model, received.multicast)},
    {0x04080, offsetof(struct ixgbe_model, sent.packets)},
    {0x040A4, offsetof(struct ixgbe_model, undersized)},
    {0x040AC, offsetof(struct ixgbe_model, oversized)},
    {0x040D0, offsetof(struct ixgbe_model, received_all)},
    {0x040D4, offsetof(struct ixgbe_model, sent.packets)},
    {0x040D8, offsetof(struct ixgbe_model, sent.sizes[0])},
    {0x040DC, offsetof(struct ixgbe_model, sent.sizes[1])},
    {0x040E0, offsetof(struct ixgbe_model, sent.sizes[2])},
    {0x040E4, offsetof(struct ixgbe_model, sent.sizes[3])},
    {0x040E8, offsetof(struct ixgbe_model, sent.sizes[4])},
    {0x040EC, offsetof(struct ixgbe_model, sent.sizes[5])},
    {0x040F0, offsetof(struct ixgbe_model, sent.multicast)},
    {0x040F4, offsetof(struct ixgbe_model, sent.broadcast)},
};

/* Places in cleared[] after those of the rows, and in high[]. */
enum statistics_place {
    STATISTICS_GORC = 32,
    STATISTICS_GOTC,
    STATISTICS_TOR,
    STATISTICS_QPRC = 36,
    STATISTICS_QBRC = 52,
    STATISTICS_QPRDC = 68,
    STATISTICS_QPTC = 84,
    STATISTICS_QBTC = 100,
};

_Static_assert(STATISTICS_QBTC + 16 <= MODEL_COUNTERS, "each counter has its place");
_Static_assert(sizeof(statistics_rows) / sizeof(statistics_rows[0]) <= STATISTICS_GORC, "each counter has its place");

static uint64_t statistics_take(struct ixgbe_model *model, uint32_t place, uint64_t total)
{
    uint64_t value = total > model->cleared[place] ? total - model->cleared[place] : 0;
    model->cleared[place] = total;
    return value;
}

/* A 36-bit counter in two registers: reading the lower latches the upper. */
static uint32_t statistics_low(struct ixgbe_model *model, uint32_t place, uint64_t total)
{
    uint64_t value = statistics_take(model, place, total);
    model->high[place] = (uint32_t)(value >> 32) & 0xF;
    return (uint32_t)value;
}

static uint32_t statistics_high(struct ixgbe_model *model, uint32_t place)
{
    uint32_t value = model->high[place];
    model->high[place] = 0;
    return value;
}

/* Which of the 16 queue counters a queue counts in: RQSMR, TQSM. */
static bool statistics_maps(const struct ixgbe_model *model, uint32_t map, uint32_t queue, uint32_t counter)
{
    return (model->registers[map / 4 + queue / 4] >> 8 * (queue % 4) & 0xF) == counter;
}

static uint64_t statistics_queues(const struct ixgbe_model *model, enum statistics_place place, uint32_t counter)
{
    uint64_t total = 0;
    for (uint32_t queue = 0; queue < MODEL_QUEUES; queue++) {
        const struct model_rx_ring *rx = &model->rx[queue];
        const struct model_tx_ring *tx = &model->tx[queue];
        if (place == STATISTICS_QPTC || place == STATISTICS_QBTC) {
            if (statistics_maps(model, MODEL_TQSM, queue, counter))
                total += place == STATISTICS_QPTC ? tx->packets : tx->bytes;
        } else if (statistics_maps(model, MODEL_RQSMR, queue, counter)) {
            total += place == STATISTICS_QPRC ? rx->packets : place == STATISTICS_QBRC ? rx->bytes : rx->dropped;
        }
    }
    return total;
}

static uint32_t statistics_queue(struct ixgbe_model *model, uint32_t offset)
{
    if (offset >= 0x08680 && offset < 0x086C0) {
        uint32_t counter = (offset - 0x08680) / 4;
        return (uint32_t)statistics_take(model, STATISTICS_QPTC + counter,
                                         statistics_queues(model, STATISTICS_QPTC, counter));
    }
    if (offset >= 0x08700 && offset < 0x08780) {
        uint32_t counter = (offset - 0x08700) / 8;
        if ((offset & 4) != 0)
            return statistics_high(model, STATISTICS_QBTC + counter);
        return statistics_low(model, STATISTICS_QBTC + counter, statistics_queues(model, STATISTICS_QBTC, counter));
    }
    if (offset >= 0x01430 && offset < 0x01830 && (offset & 0x3F) == 0x30) {
        uint32_t counter = (offset - 0x01430) / 0x40;
        return (uint32_t)statistics_take(model, STATISTICS_QPRDC + counter,
                                         statistics_queues(model, STATISTICS_QPRDC, counter));
    }
    if (offset >= 0x01030 && offset < 0x01430) {
        uint32_t counter = (offset - 0x01030) / 0x40;
        if ((offset & 0x3F) == 0x30)
            return (uint32_t)statistics_take(model, STATISTICS_QPRC + counter,
                                             statistics_queues(model, STATISTICS_QPRC, counter));
        if ((offset & 0x3F) == 0x34)
            return statistics_low(model, STATISTICS_QBRC + counter, statistics_queues(model, STATISTICS_QBRC, counter));
        return statistics_high(model, STATISTICS_QBRC + counter);
    }
    return 0; /* a counter of what the model never does */
}

uint32_t ixgbe_model_statistic(struct ixgbe_model *model, uint32_t offset)
{
    for (uint32_t i = 0; i < sizeof(statistics_rows) / sizeof(statistics_rows[0]); i++) {
        if (statistics_rows[i].offset == offset) {
            uint64_t total;
            memcpy(&total, (const uint8_t *)model + statistics_rows[i].total, sizeof(total));
            return (uint32_t)statistics_take(model, i, total);
        }
    }
    switch (offset) {
    case 0x04088:
        return statistics_low(model, STATISTICS_GORC, model->received.bytes);
    case 0x0408C:
        return statistics_high(model, STATISTICS_GORC);
    case 0x04090:
        return statistics_low(model, STATISTICS_GOTC, model->sent.bytes);
    case 0x04094:
        return statistics_high(model, STATISTICS_GOTC);
    case 0x040C0:
        return statistics_low(model, STATISTICS_TOR, model->received_all_bytes);
    case 0x040C4:
        return statistics_high(model, STATISTICS_TOR);
    default:
        return statistics_queue(model, offset);
    }
}

void ixgbe_model_statistics_clear(struct ixgbe_model *model)
{
    memset(&model->received, 0, sizeof(model->received));
    memset(&model->sent, 0, sizeof(model->sent));
    memset(model->cleared, 0, sizeof(model->cleared));
    memset(model->high, 0, sizeof(model->high));
    model->missed = model->undersized = model->oversized = 0;
    model->received_all = model->received_all_bytes = 0;
    for (uint32_t queue = 0; queue < MODEL_QUEUES; queue++) {
        model->rx[queue].packets = model->rx[queue].bytes = model->rx[queue].dropped = 0;
        model->tx[queue].packets = model->tx[queue].bytes = 0;
    }
}
