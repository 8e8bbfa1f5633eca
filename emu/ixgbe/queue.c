/* Enabling and disabling a queue: its registers become a ring that the engines know, and the other way round. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "emu/ixgbe/model.h"

static uint32_t *model_rx_block(struct ixgbe_model *model, uint32_t queue)
{
    uint32_t offset = queue < 64 ? MODEL_RDBAL + queue * 0x40 : MODEL_RX_QUEUES_HIGH + (queue - 64) * 0x40;
    return &model->registers[offset / 4];
}

static uint32_t *model_tx_block(struct ixgbe_model *model, uint32_t queue)
{
    return &model->registers[(MODEL_TX_QUEUES + queue * 0x40) / 4];
}

/* What a queue's block says of its ring: where it lies in this process, or NULL, which was reported. */
static uint8_t *model_ring(struct ixgbe_model *model, const uint32_t *block, const char *kind, uint32_t queue,
                           uint32_t *region)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    char letter = kind[0];
    uint64_t base = block[MODEL_QUEUE_BASE_LOW / 4] | (uint64_t)block[MODEL_QUEUE_BASE_HIGH / 4] << 32;
    uint32_t len = block[MODEL_QUEUE_LEN / 4];
    uint32_t head = block[MODEL_QUEUE_HEAD / 4];
    if (len == 0) {
        sanitizer_report(sanitizer,
                         "%cXDCTL[%" PRIu32 "].ENABLE set while %cDLEN is 0: the queue has no ring (4.6.7.1, 4.6.8.1)",
                         letter, queue, letter);
        return NULL;
    }
    if (head >= len / 16) {
        sanitizer_report(sanitizer,
                         "%cXDCTL[%" PRIu32 "].ENABLE set while %cDH is %" PRIu32 ", past a ring of %" PRIu32, letter,
                         queue, letter, head, len / 16);
        return NULL;
    }
    struct emu_dma_region *found = emu_dma_region_of(&model->device.dma, base, len);
    if (found == NULL) {
        sanitizer_report(sanitizer,
                         "%cXDCTL[%" PRIu32 "].ENABLE set while the ring (%" PRIX64 "h, %" PRIu32
                         " bytes) is not in memory that the driver mapped",
                         letter, queue, base, len);
        return NULL;
    }
    uint32_t tail = __atomic_load_n(&block[MODEL_QUEUE_TAIL / 4], __ATOMIC_ACQUIRE);
    if (tail != head)
        sanitizer_report(sanitizer,
                         "%cDT[%" PRIu32 "] moved to %" PRIu32 " before %cXDCTL.ENABLE reads as 1 (4.6.7.1, 4.6.8.1)",
                         letter, queue, tail, letter);
    *region = (uint32_t)(base >> EMU_DMA_SHIFT);
    return found->base + (base & EMU_DMA_OFFSET_MASK);
}

void ixgbe_model_rx_start(struct ixgbe_model *model, uint32_t queue)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    struct model_rx_ring *ring = &model->rx[queue];
    uint32_t *block = model_rx_block(model, queue);
    uint32_t srrctl = block[MODEL_QUEUE_SRRCTL / 4];
    uint32_t kilobytes = srrctl & 0x1F;
    if ((srrctl & MODEL_SRRCTL_DESCTYPE) != MODEL_SRRCTL_ADVANCED) {
        sanitizer_report(sanitizer,
                         "RXDCTL[%" PRIu32 "].ENABLE set while SRRCTL is %08" PRIX32
                         "h: this model receives with DESCTYPE 001b (advanced, one buffer) only (8.2.3.8.7)",
                         queue, srrctl);
        return;
    }
    if (kilobytes == 0 || kilobytes > 16) {
        sanitizer_report(sanitizer,
                         "RXDCTL[%" PRIu32 "].ENABLE set while SRRCTL is %08" PRIX32
                         "h: BSIZEPACKET is 1 to 16 KB (8.2.3.8.7)",
                         queue, srrctl);
        return;
    }
    uint32_t region;
    uint8_t *base = model_ring(model, block, "R", queue, &region);
    if (base == NULL)
        return;
    uint32_t size = block[MODEL_QUEUE_LEN / 4] / 16;
    uint64_t *slots = calloc(size, sizeof(*slots));
    if (slots == NULL)
        return; /* ENABLE stays clear: the driver sees a device that does not answer */
    ring->descriptors = (struct model_rx_descriptor *)(void *)base;
    ring->tail = &block[MODEL_QUEUE_TAIL / 4];
    ring->slots = slots;
    ring->size = size;
    ring->head = ring->fetched = block[MODEL_QUEUE_HEAD / 4];
    ring->tail_refused = UINT32_MAX;
    ring->buffer_size = kilobytes * 1024;
    ring->region = region;
    ring->drop = (srrctl & MODEL_SRRCTL_DROP_EN) != 0;
    if (hostile_is(&model->device.hostile))
        ixgbe_model_lie_rx_started(model, ring);
    block[MODEL_QUEUE_CONTROL / 4] |= MODEL_QUEUE_ENABLE;
    model->rx_running[queue / 64] |= (uint64_t)1 << queue % 64;
}

void ixgbe_model_rx_stop(struct ixgbe_model *model, uint32_t queue)
{
    struct model_rx_ring *ring = &model->rx[queue];
    uint32_t *block = model_rx_block(model, queue);
    if ((model->rx_running[queue / 64] >> queue % 64 & 1) == 0)
        return;
    if (hostile_is(&model->device.hostile))
        ixgbe_model_lie_rx_stopped(model, ring);
    /* What it held is the driver's again. */
    for (uint32_t i = ring->head; i != ring->fetched; i = i + 1 < ring->size ? i + 1 : 0) {
        struct emu_dma_region *region = &model->device.dma.regions[ring->slots[i] >> EMU_DMA_SHIFT];
        if (region->stride != 0)
            region->marks[emu_dma_index(region, ring->slots[i] & EMU_DMA_OFFSET_MASK)] = false;
    }
    model->rx_running[queue / 64] &= ~((uint64_t)1 << queue % 64);
    block[MODEL_QUEUE_HEAD / 4] = ring->head;
    block[MODEL_QUEUE_CONTROL / 4] &= ~MODEL_QUEUE_ENABLE;
    free(ring->slots);
    ring->slots = NULL;
    ring->descriptors = NULL;
}

void ixgbe_model_tx_start(struct ixgbe_model *model, uint32_t queue)
{
    struct model_tx_ring *ring = &model->tx[queue];
    uint32_t *block = model_tx_block(model, queue);
    uint32_t region;
    uint8_t *base = model_ring(model, block, "T", queue, &region);
    if (base == NULL)
        return;
    if (ring->partial == NULL)
        ring->partial = malloc(MODEL_FRAME_MAX + 4);
    if (ring->partial == NULL)
        return; /* ENABLE stays clear, as in ixgbe_model_rx_start */
    ring->descriptors = (struct model_tx_descriptor *)(void *)base;
    ring->tail = &block[MODEL_QUEUE_TAIL / 4];
    ring->size = block[MODEL_QUEUE_LEN / 4] / 16;
    ring->head = ring->primed = ring->listed = block[MODEL_QUEUE_HEAD / 4];
    ring->tail_refused = UINT32_MAX;
    ring->region = region;
    ring->report_missing = false;
    ring->head_write_back = 0;
    if ((block[MODEL_QUEUE_TDWBAL / 4] & 1) != 0) {
        if (ring->write_back_threshold)
            sanitizer_report(&model->device.sanitizer,
                             "TXDCTL[%" PRIu32 "].WTHRESH is not 0 while TDWBAL.Head_WB_En is 1 (7.2.3.5.2)", queue);
        ring->head_write_back = (block[MODEL_QUEUE_TDWBAL / 4] & ~(uint32_t)3) | (uint64_t)block[MODEL_QUEUE_TDWBAH / 4]
                                                                                     << 32;
    }
    ring->partial_len = ring->partial_count = 0;
    ring->partial_bad = false;
    memset(ring->context, 0, sizeof(ring->context));
    block[MODEL_QUEUE_CONTROL / 4] |= MODEL_QUEUE_ENABLE;
    model->tx_running[queue / 64] |= (uint64_t)1 << queue % 64;
}

void ixgbe_model_tx_stop(struct ixgbe_model *model, uint32_t queue)
{
    struct model_tx_ring *ring = &model->tx[queue];
    uint32_t *block = model_tx_block(model, queue);
    if ((model->tx_running[queue / 64] >> queue % 64 & 1) == 0)
        return;
    model->tx_running[queue / 64] &= ~((uint64_t)1 << queue % 64);
    block[MODEL_QUEUE_HEAD / 4] = ring->head;
    block[MODEL_QUEUE_CONTROL / 4] &= ~MODEL_QUEUE_ENABLE;
    ring->descriptors = NULL;
}
