/* What a hostile 82599 tells its driver (emu/hostile.h).
 *
 * The model's own state stays right while it lies, so that the sanitizer still judges the driver and only the driver.
 * Hence three lies are told by inline models only: a threaded one cannot know which descriptors the driver is about to
 * hand over, and would write over one of its own. What one lie says of many descriptors counts as one completion.
 */
#include <string.h>

#include "emu/ixgbe/model.h"

#define LIES_RX_DD ((uint64_t)1 << 0)
#define LIES_RX_EOP ((uint64_t)1 << 1)
#define LIES_RX_RSCCNT ((uint64_t)15 << 17) /* of the first word, 7.1.6.2 */
#define LIES_RX_NEXTP_SHIFT 4
#define LIES_TX_DD 1u
#define LIES_TX_TYPE ((uint64_t)0x20F00000) /* DEXT and DTYP, 7.2.3.2.2 */
#define LIES_TX_CONTEXT ((uint64_t)0x20200000)

void ixgbe_model_lie_received(struct ixgbe_model *model, const struct model_rx_ring *ring, uint64_t *info,
                              uint32_t *len, uint64_t *status)
{
    static const uint32_t implausible[] = {0, 1, 59, 1519, UINT16_MAX};
    struct hostile *hostile = &model->device.hostile;
    if (hostile_tells(hostile, HOSTILE_RX_LENGTH_BEYOND))
        *len = ring->buffer_size + 1 + (uint32_t)hostile_random(hostile, UINT16_MAX - ring->buffer_size);
    if (hostile_tells(hostile, HOSTILE_RX_LENGTH_IMPLAUSIBLE))
        *len = implausible[hostile_random(hostile, sizeof(implausible) / sizeof(implausible[0]))];
    if ((*status & LIES_RX_EOP) == 0 && hostile_tells(hostile, HOSTILE_RX_PIECES)) {
        static const uint32_t around[] = {0, 1, UINT16_MAX};
        uint32_t which = (uint32_t)hostile_random(hostile, 5);
        *len = which < 3 ? around[which] : which == 3 ? *len - 1 : *len + 1;
    }
    if (model->stamps && (*status & LIES_RX_EOP) != 0 && hostile_tells(hostile, HOSTILE_RX_SHORT))
        *len = (uint32_t)hostile_random(hostile, 56 + MODEL_STAMP_SIZE); /* 56: a frame whose tag was taken out */
    if (hostile_tells(hostile, HOSTILE_RX_RSC)) {
        *info |= LIES_RX_RSCCNT;
        *status &= ~LIES_RX_EOP;
        *status |= (ring->size + hostile_random(hostile, 0x10000 - ring->size)) << LIES_RX_NEXTP_SHIFT;
    }
    if (hostile_tells(hostile, HOSTILE_RX_NO_EOP))
        *status &= ~LIES_RX_EOP;
    hostile_completion(hostile);
}

void ixgbe_model_lie_stamp(struct ixgbe_model *model, uint8_t *stamp)
{
    struct hostile *hostile = &model->device.hostile;
    if (!hostile_tells(hostile, HOSTILE_RX_STAMP))
        return;
    uint32_t nanoseconds = 1000000000u + (uint32_t)hostile_random(hostile, UINT32_MAX - 1000000000u);
    memcpy(stamp, &nanoseconds, sizeof(nanoseconds));
}

static void lies_rx_store(struct model_rx_descriptor *descriptor, uint64_t status)
{
    __atomic_store_n(&descriptor->status, status, __ATOMIC_RELEASE);
}

/* The driver holds the descriptors from the tail on up to the head: the one at the tail has no buffer, those behind it
 * were completed, and unless the pool ran dry the driver has yet to take them. */
static void lies_rx_unowned(struct ixgbe_model *model, struct model_rx_ring *ring)
{
    struct hostile *hostile = &model->device.hostile;
    uint32_t tail = __atomic_load_n(ring->tail, __ATOMIC_ACQUIRE);
    if (tail >= ring->size)
        return;
    if (hostile_tells(hostile, HOSTILE_RX_UNPOSTED))
        lies_rx_store(&ring->descriptors[tail], (uint64_t)64 << 32 | LIES_RX_EOP | LIES_RX_DD);
    hostile_completion(hostile);
    uint32_t completed = (ring->head + ring->size - tail - 1) % ring->size;
    if (completed != 0 && hostile_tells(hostile, HOSTILE_RX_REWRITE)) {
        uint32_t position = (tail + 1 + (uint32_t)hostile_random(hostile, completed)) % ring->size;
        lies_rx_store(&ring->descriptors[position], hostile_random(hostile, UINT64_MAX) | LIES_RX_DD);
        hostile_completion(hostile);
    }
}

/* As if all registers and rings were those of a slot that nothing is in. */
static void lies_go(struct ixgbe_model *model)
{
    ixgbe_model_reset(model, true);
    ixgbe_model_ready(model);
    model->gone = true;
}

bool ixgbe_model_lie_step(struct ixgbe_model *model)
{
    struct emu_device *device = &model->device;
    if (model->gone)
        return true;
    if (hostile_tells(&device->hostile, HOSTILE_INTERRUPT))
        emu_device_interrupt(device, (uint32_t)hostile_random(&device->hostile, BUS_EVENTS_MAX));
    if ((model->rx_running[0] | model->rx_running[1]) == 0)
        return false;
    if (hostile_tells(&device->hostile, HOSTILE_GONE)) {
        lies_go(model);
        return true;
    }
    for (uint32_t half = 0; half < 2 && device->timing_inline; half++)
        for (uint64_t queues = model->rx_running[half]; queues != 0; queues &= queues - 1)
            lies_rx_unowned(model, &model->rx[half * 64 + (uint32_t)__builtin_ctzll(queues)]);
    return false;
}

bool ixgbe_model_lie_gone(struct ixgbe_model *model, uint32_t offset, bool write)
{
    if (!model->gone)
        return false;
    /* A reset brings it back, unless it stays away for good. */
    if (write && offset == MODEL_CTRL && !hostile_tells(&model->device.hostile, HOSTILE_GONE))
        model->gone = false;
    return true;
}

bool ixgbe_model_lie_silent(struct ixgbe_model *model)
{
    struct hostile *hostile = &model->device.hostile;
    return hostile_is(hostile) && hostile_tells(hostile, HOSTILE_NOT_READY);
}

void ixgbe_model_lie_enabled(struct ixgbe_model *model, uint32_t block)
{
    model->registers[(block + MODEL_QUEUE_CONTROL) / 4] |= MODEL_QUEUE_ENABLE;
}

void ixgbe_model_lie_station(struct ixgbe_model *model, uint8_t mac[6])
{
    struct hostile *hostile = &model->device.hostile;
    if (!hostile_tells(hostile, HOSTILE_STATION_ADDRESS))
        return;
    uint64_t which = hostile_random(hostile, 3);
    if (which == 0)
        mac[0] |= 1;
    else
        memset(mac, which == 1 ? 0 : 0xFF, 6);
}

void ixgbe_model_lie_rx_stopped(struct ixgbe_model *model, struct model_rx_ring *ring)
{
    if (!hostile_tells(&model->device.hostile, HOSTILE_RX_LATE))
        return;
    hostile_completion(&model->device.hostile);
    for (uint32_t i = ring->head; i != ring->fetched; i = i + 1 < ring->size ? i + 1 : 0) {
        uint64_t address = ring->slots[i];
        struct emu_dma_region *region = emu_dma_region_of(&model->device.dma, address, 60);
        if (region != NULL)
            memset(region->base + (address & EMU_DMA_OFFSET_MASK), 0xE1, 60);
        lies_rx_store(&ring->descriptors[i], (uint64_t)60 << 32 | LIES_RX_EOP | LIES_RX_DD);
    }
}

/* The write-backs of the queue that was disabled arrive when it is enabled anew. */
void ixgbe_model_lie_rx_started(struct ixgbe_model *model, struct model_rx_ring *ring)
{
    if (!hostile_tells(&model->device.hostile, HOSTILE_RX_LATE))
        return;
    hostile_completion(&model->device.hostile);
    for (uint32_t i = 0; i < ring->size; i++)
        lies_rx_store(&ring->descriptors[i], (uint64_t)60 << 32 | LIES_RX_EOP | LIES_RX_DD);
}

static void lies_tx_done(struct model_tx_descriptor *descriptor)
{
    uint8_t *status = (uint8_t *)descriptor + 12;
    __atomic_store_n((uint32_t *)(void *)status, LIES_TX_DD, __ATOMIC_RELEASE);
}

/* Nothing of what is skipped reaches the wire, but the driver goes by what it has told: the contexts among it are the
 * queue's from then on (7.2.3.2.3), and a packet that had begun is over. */
bool ixgbe_model_lie_unsent(struct ixgbe_model *model, uint32_t queue, uint32_t tail)
{
    struct model_tx_ring *ring = &model->tx[queue];
    if (!hostile_tells(&model->device.hostile, HOSTILE_TX_UNSENT))
        return false;
    hostile_completion(&model->device.hostile);
    ring->partial_count = 0;
    for (uint32_t i = ring->head; i != tail; i = i + 1 < ring->size ? i + 1 : 0) {
        struct model_tx_descriptor descriptor = {.address =
                                                     __atomic_load_n(&ring->descriptors[i].address, __ATOMIC_RELAXED),
                                                 .word = __atomic_load_n(&ring->descriptors[i].word, __ATOMIC_RELAXED)};
        if ((descriptor.word & LIES_TX_TYPE) == LIES_TX_CONTEXT)
            ixgbe_model_tx_context(model, queue, i, descriptor);
        lies_tx_done(&ring->descriptors[i]);
    }
    ring->head = ring->primed = ring->listed = tail;
    return true;
}

void ixgbe_model_lie_done(struct ixgbe_model *model, struct model_tx_ring *ring, uint32_t tail)
{
    if (!model->device.timing_inline || ring->head != tail ||
        !hostile_tells(&model->device.hostile, HOSTILE_TX_DONE_ALL))
        return;
    hostile_completion(&model->device.hostile);
    for (uint32_t i = 0; i < ring->size; i++)
        lies_tx_done(&ring->descriptors[i]);
}
