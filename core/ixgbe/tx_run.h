/* Writing a run of consecutive transmit descriptors: the innermost loop of transmit. */
#ifndef CORE_IXGBE_TX_RUN_H
#define CORE_IXGBE_TX_RUN_H

#include "core/ixgbe/ixgbe.h"

#define IXGBE_TX_COMMAND ((uint64_t)(IXGBE_TX_DTYP_DATA | IXGBE_TX_EOP | IXGBE_TX_IFCS | IXGBE_TX_DEXT))

/* Writes consecutive descriptors. With the ownership table it ends at the first frame that may not be sent. */
static inline __attribute__((always_inline)) uint32_t ixgbe_tx_run(struct ixgbe_tx_queue *queue, uint32_t slot,
                                                                   const struct frame *frames, uint32_t count,
                                                                   bool owned, int32_t *code)
{
    const struct ownership ownership = owned ? *queue->ownership : (struct ownership){0};
    struct ixgbe_tx_descriptor *descriptor = queue->ring + slot;
    uint64_t *buffer = queue->buffer + slot;
    const uint64_t pool_address = queue->pool_address;
    const struct frame *end = frames + count;
    const struct frame *frame = frames;
    for (; frame != end; frame++, descriptor++, buffer++) {
        const struct frame copy = owned ? frame_copy(frame) : *frame; /* who sends without ownership is trusted */
        uint64_t token = copy.buf;
        uint64_t place = frame_place(&copy);
        if (owned) {
            int32_t refused = ownership_take_back(&ownership, token, place, IXGBE_TX_LENGTH_MIN, FRAME_LENGTH_MAX);
            if (refused < 0) {
                *code = refused;
                break;
            }
        }
        uint64_t length = place >> 32;
        descriptor->address = pool_address + (uint32_t)place;
        descriptor->command_status = IXGBE_TX_COMMAND + length * (1 + ((uint64_t)1 << (32 + IXGBE_TX_PAYLEN_SHIFT)));
        *buffer = owned ? ownership_next(token) : token;
    }
    return (uint32_t)(frame - frames);
}

/* Hands all that was written over to the device, with a report for its last descriptor. */
static inline void ixgbe_tx_hand_over(struct ixgbe_tx_queue *queue)
{
    queue->ring[(queue->posted - 1) & queue->mask].command |= IXGBE_TX_RS;
    queue->report[queue->report_next++ & queue->mask] = queue->posted;
    /* Release: the device must see frames and descriptors before the tail that hands them over. */
    __atomic_store_n(queue->tail, queue->posted & queue->mask, __ATOMIC_RELEASE);
}

#if defined(__x86_64__)
/* As ixgbe_tx_run with the ownership table, four frames at a time, on processors with AVX2. */
uint32_t ixgbe_tx_run_avx2(struct ixgbe_tx_queue *queue, uint32_t slot, const struct frame *frames, uint32_t count,
                           int32_t *code);
#endif

#endif
