/* The packet path: receive and transmit through a queue's gate. */
#include "abi/objects.h"

_Static_assert(sizeof(struct frame) == sizeof(ixy_frame) &&
                   offsetof(struct frame, offset) == offsetof(ixy_frame, offset) &&
                   offsetof(struct frame, len) == offsetof(ixy_frame, len) &&
                   offsetof(struct frame, flags) == offsetof(ixy_frame, flags),
               "drivers receive into the caller's array");

/* Enters a queue. The handle is looked at again inside, because close clears it before it waits for the gate. */
static inline int32_t packets_enter(struct device_slot *slot, struct queue_gate *gate, uint64_t device)
{
    if (__atomic_exchange_n(&gate->busy, 1, __ATOMIC_ACQUIRE) != 0)
        return IXY_E_BUSY;
    int32_t code = 0;
    if (__atomic_load_n(&slot->handle, __ATOMIC_RELAXED) != device)
        code = IXY_E_HANDLE;
    else if (gate->queue == NULL)
        code = IXY_E_STATE;
    if (code < 0)
        __atomic_store_n(&gate->busy, 0, __ATOMIC_RELEASE);
    return code;
}

static inline void packets_leave(struct queue_gate *gate)
{
    __atomic_store_n(&gate->busy, 0, __ATOMIC_RELEASE);
}

int32_t ixy_rx_batch(uint64_t device, uint32_t queue, ixy_frame *frames, uint32_t count)
{
    struct device_slot *slot = device_slot_find(device);
    if (slot == NULL)
        return handle_error(device);
    if (queue >= __atomic_load_n(&slot->rx_queues, __ATOMIC_RELAXED) || count > IXY_BATCH_MAX)
        return IXY_E_RANGE;
    if (frames == NULL && count > 0)
        return IXY_E_ARGUMENT;
    struct queue_gate *gate = &slot->rx[queue];
    int32_t code = packets_enter(slot, gate, device);
    if (code < 0)
        return code;
    uint32_t received = slot->driver->rx_batch(gate->queue, (struct frame *)frames, count);
    ownership_hand_out(&slot->pool->ownership, frames, received);
    packets_leave(gate);
    return (int32_t)received;
}

/* Takes frames from the caller until one is wrong; returns how many, and why the next one was refused. */
static inline uint32_t packets_take_back(struct device_slot *slot, const ixy_frame *frames, uint32_t count,
                                         int32_t *code)
{
    const struct ownership *ownership = &slot->pool->ownership;
    uint64_t *owner = ownership->owner;
    const uint32_t shortest = slot->tx_len_min;
    const uint32_t span = slot->tx_len_max - shortest;
    for (uint32_t i = 0; i < count; i++) {
        if (!ownership_holds(ownership, frames[i].buf)) {
            *code = IXY_E_HANDLE;
            return i;
        }
        if (!ownership_within(ownership, &frames[i]) || (uint32_t)frames[i].len - shortest > span ||
            frames[i].flags != 0) {
            *code = IXY_E_FRAME;
            return i;
        }
        /* At once, so that the same buffer later in this batch is caught. */
        __atomic_store_n(&owner[frames[i].buf & ownership->index_mask], 0, __ATOMIC_RELAXED);
    }
    return count;
}

int32_t ixy_tx_batch(uint64_t device, uint32_t queue, const ixy_frame *frames, uint32_t count)
{
    struct device_slot *slot = device_slot_find(device);
    if (slot == NULL)
        return handle_error(device);
    if (queue >= __atomic_load_n(&slot->tx_queues, __ATOMIC_RELAXED) || count > IXY_BATCH_MAX)
        return IXY_E_RANGE;
    if (frames == NULL && count > 0)
        return IXY_E_ARGUMENT;
    struct queue_gate *gate = &slot->tx[queue];
    int32_t code = packets_enter(slot, gate, device);
    if (code < 0)
        return code;
    uint32_t room = slot->driver->tx_room(gate->queue, count);
    uint32_t sent = packets_take_back(slot, frames, room, &code);
    slot->driver->tx_post(gate->queue, (const struct frame *)frames, sent);
    packets_leave(gate);
    return sent == 0 ? code : (int32_t)sent;
}
