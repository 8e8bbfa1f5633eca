#include "abi/gate.h"

#include "core/bus/bus.h"

int32_t gate_enter_from(struct device_slot *slot, struct queue_gate *gate, uint64_t device, uint32_t was)
{
    if (was == GATE_TAKEN)
        return gate_is_of(device) ? IXY_E_BUSY : IXY_E_HANDLE;
    int32_t code = gate_check(gate, device);
    if (code < 0) {
        gate_leave(gate, was);
        return code;
    }
    slot->driver->rx_interrupt(gate->queue, false);
    if (__atomic_load_n(&gate->waiting, __ATOMIC_RELAXED) != 0)
        bus_event_signal(gate->bus, (uint32_t)(gate - slot->rx));
    return 0;
}
