/* The packet path: receive and transmit through a queue's gate. */
#include "abi/gate.h"

_Static_assert(sizeof(struct frame) == sizeof(ixy_frame) &&
                   offsetof(struct frame, offset) == offsetof(ixy_frame, offset) &&
                   offsetof(struct frame, len) == offsetof(ixy_frame, len) &&
                   offsetof(struct frame, flags) == offsetof(ixy_frame, flags),
               "drivers receive into the caller's array");

/* Enters a queue. The handle is looked at again inside, because close clears it before it waits for the gate; and at
 * a gate that is shut, because close may be what shut it. */
static inline int32_t packets_enter(struct device_slot *slot, struct queue_gate *gate, uint64_t device)
{
    if (!check_is_made(CHECK_ENTRY))
        return 0;
    uint32_t was = __atomic_exchange_n(&gate->state, GATE_TAKEN, __ATOMIC_ACQUIRE);
    if (__builtin_expect(was != GATE_FREE, 0))
        return gate_enter_from(slot, gate, device, was);
    int32_t code = gate_check(gate, device);
    if (code < 0)
        gate_leave(gate, GATE_FREE);
    return code;
}

static inline void packets_leave(struct queue_gate *gate)
{
    if (check_is_made(CHECK_ENTRY))
        gate_leave(gate, GATE_FREE);
}

static inline struct device_slot *packets_device(uint64_t device)
{
    return check_is_made(CHECK_ENTRY) ? device_slot_find(device) : &object_devices[handle_slot(device)];
}

/* An array without frames: to drivers NULL + 0 would be undefined behaviour. */
static ixy_frame packets_none[1];

int32_t ixy_rx_batch(uint64_t device, uint32_t queue, ixy_frame *frames, uint32_t count)
{
    struct device_slot *slot = packets_device(device);
    if (check_is_made(CHECK_ENTRY) && slot == NULL)
        return handle_error(device);
    if (check_is_made(CHECK_ENTRY) &&
        (queue >= __atomic_load_n(&slot->rx_queues, __ATOMIC_RELAXED) || count > IXY_BATCH_MAX ||
         count < __atomic_load_n(&slot->rx_count_min, __ATOMIC_RELAXED)))
        return IXY_E_RANGE;
    if (check_is_made(CHECK_ENTRY) && frames == NULL) {
        if (count > 0)
            return IXY_E_ARGUMENT;
        frames = packets_none;
    }
    struct queue_gate *gate = &slot->rx[queue];
    int32_t code = packets_enter(slot, gate, device);
    if (code < 0)
        return code;
    uint32_t received = slot->driver->rx_batch_owned(gate->queue, (struct frame *)frames, count);
    if (received == 0 && bus_has_failed(gate->bus)) /* this call found out */
        code = IXY_E_DEVICE;
    packets_leave(gate);
    return received == 0 ? code : (int32_t)received;
}

int32_t ixy_tx_batch(uint64_t device, uint32_t queue, const ixy_frame *frames, uint32_t count)
{
    struct device_slot *slot = packets_device(device);
    if (check_is_made(CHECK_ENTRY) && slot == NULL)
        return handle_error(device);
    if (check_is_made(CHECK_ENTRY) &&
        (queue >= __atomic_load_n(&slot->tx_queues, __ATOMIC_RELAXED) || count > IXY_BATCH_MAX))
        return IXY_E_RANGE;
    if (check_is_made(CHECK_ENTRY) && frames == NULL) {
        if (count > 0)
            return IXY_E_ARGUMENT;
        frames = packets_none;
    }
    struct queue_gate *gate = &slot->tx[queue];
    int32_t code = packets_enter(slot, gate, device);
    if (code < 0)
        return code;
    uint32_t sent = slot->driver->tx_batch_owned(gate->queue, (const struct frame *)frames, count, &code);
    packets_leave(gate);
    return sent == 0 ? code : (int32_t)sent;
}
