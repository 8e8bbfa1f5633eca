/* Memory goes away: what a running ring still refers to is a violation, and forgotten. */
#include <inttypes.h>

#include "emu/ixgbe/model.h"

/* How many descriptors that a running ring holds point into the memory. */
static uint32_t model_rx_forget(struct ixgbe_model *model, uint32_t queue, uint32_t slot)
{
    struct model_rx_ring *ring = &model->rx[queue];
    uint32_t held = 0;
    for (uint32_t i = ring->head; i != ring->fetched; i = i + 1 < ring->size ? i + 1 : 0) {
        if (ring->slots[i] >> EMU_DMA_SHIFT == slot) {
            ring->slots[i] = 0;
            held++;
        }
    }
    return held;
}

static uint32_t model_tx_held(struct ixgbe_model *model, uint32_t queue, uint32_t slot)
{
    struct model_tx_ring *ring = &model->tx[queue];
    uint32_t held = 0;
    uint32_t tail = __atomic_load_n(ring->tail, __ATOMIC_ACQUIRE);
    if (tail >= ring->size)
        return 0;
    for (uint32_t i = ring->head; i != tail; i = i + 1 < ring->size ? i + 1 : 0)
        if (__atomic_load_n(&ring->descriptors[i].address, __ATOMIC_RELAXED) >> EMU_DMA_SHIFT == slot)
            held++;
    return held;
}

void ixgbe_model_unmap(struct emu_device *device, uint32_t slot)
{
    struct ixgbe_model *model = ixgbe_model_of(device);
    struct sanitizer *sanitizer = &model->device.sanitizer;
    const char *name = model->device.dma.regions[slot].name;
    for (uint32_t queue = 0; queue < MODEL_QUEUES; queue++) {
        if ((model->rx_running[queue / 64] >> queue % 64 & 1) != 0) {
            if (model->rx[queue].region == slot) {
                sanitizer_report(sanitizer,
                                 "%s unmapped while RXDCTL[%" PRIu32
                                 "].ENABLE is 1: the device still uses the ring (4.6.7.1.2)",
                                 name, queue);
                ixgbe_model_rx_stop(model, queue);
            } else {
                ixgbe_model_rx_fetch(model, queue);
                uint32_t held = model_rx_forget(model, queue, slot);
                if (held != 0)
                    sanitizer_report(sanitizer,
                                     "%s unmapped while receive queue %" PRIu32 " is enabled and holds %" PRIu32
                                     " of its buffers (4.6.7.1.2)",
                                     name, queue, held);
            }
        }
        if ((model->tx_running[queue / 64] >> queue % 64 & 1) != 0) {
            if (model->tx[queue].region == slot) {
                sanitizer_report(sanitizer,
                                 "%s unmapped while TXDCTL[%" PRIu32
                                 "].ENABLE is 1: the device still uses the ring (4.6.8.1)",
                                 name, queue);
                ixgbe_model_tx_stop(model, queue);
            } else if (model_tx_held(model, queue, slot) != 0) {
                sanitizer_report(sanitizer,
                                 "%s unmapped while transmit queue %" PRIu32 " is enabled and has yet to send %" PRIu32
                                 " of its buffers (4.6.8.1)",
                                 name, queue, model_tx_held(model, queue, slot));
            }
        }
    }
}
