/* A queue's gate: how a call gets into a queue, and out. */
#ifndef ABI_GATE_H
#define ABI_GATE_H

#include "abi/objects.h"

/* Whether the device is the one still whose slot was found by this handle. */
static inline bool gate_is_of(uint64_t device)
{
    return __atomic_load_n(&object_handles.device[handle_slot(device)], __ATOMIC_RELAXED) == device;
}

/* Inside a gate: whether the caller may use the queue. The handle is looked at again inside, because close clears it
 * before it waits for the gate. */
static inline int32_t gate_check(const struct queue_gate *gate, uint64_t device)
{
    if (!gate_is_of(device))
        return IXY_E_HANDLE;
    if (bus_has_failed(gate->bus)) /* before the state: a reset that failed leaves the device stopped */
        return IXY_E_DEVICE;
    return gate->queue == NULL ? IXY_E_STATE : 0;
}

static inline void gate_leave(struct queue_gate *gate, enum gate_state state)
{
    __atomic_store_n(&gate->state, state, __ATOMIC_RELEASE);
}

/* What the packet path does at a gate that it did not find free; `was` is how it was found. At a gate that is shut the
 * handle is looked at, because close may be what shut it. An armed one is the caller's: the interrupt is switched off,
 * and a thread that sleeps on it is told, which has to switch it on again. gate.c */
int32_t gate_enter_from(struct device_slot *slot, struct queue_gate *gate, uint64_t device, uint32_t was);

#endif
