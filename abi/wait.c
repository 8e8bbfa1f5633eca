/* Waiting for packets: each receive queue's event, armed and waited for. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "abi/descriptor.h"
#include "abi/gate.h"
#include "core/bus/bus.h"
#include "core/device/error.h"

#define WAIT_GATE_MS 1 /* between two looks at a gate that another thread has taken */

static int32_t wait_unsupported(const struct device *device)
{
    const struct bus *bus = device->bus;
    if (bus->step != NULL)
        return error_set(IXY_E_UNSUPPORTED,
                         "%.90s: an inline device does nothing between its driver's calls, so nobody can wait for it; "
                         "open it with timing=threaded",
                         bus->address);
    if (bus->ops->interrupts_set != NULL && bus->vectors > 0)
        return error_set(IXY_E_UNSUPPORTED,
                         "%.90s: the device has %u interrupt vectors, fewer than its %u receive queues; open it with "
                         "fewer, or poll",
                         bus->address, bus->vectors, device->config.rx_queues);
    return error_set(IXY_E_UNSUPPORTED, "%.90s: there are no interrupts on this bus; poll with ixy_rx_batch",
                     bus->address);
}

static int32_t wait_hand_out(struct device_slot *slot, uint32_t queue)
{
    objects_lock();
    int32_t code = descriptor_hand_out(slot, queue);
    objects_unlock();
    return code;
}

int32_t ixy_rx_fd(uint64_t device, uint32_t queue)
{
    int32_t code;
    struct device_slot *slot = device_slot_enter(device, &code);
    if (slot == NULL)
        return code;
    if (queue >= slot->rx_queues)
        code = error_set(IXY_E_RANGE, "queue %u; the device has %u receive queues", queue, slot->rx_queues);
    else if (!slot->can_wait)
        code = wait_unsupported(slot->device);
    else
        code = wait_hand_out(slot, queue);
    device_slot_leave(slot);
    return code;
}

/* Enters a queue, and leaves its interrupt as it is; *was tells whether it is on. */
static int32_t wait_enter(struct device_slot *slot, struct queue_gate *gate, uint64_t device, uint32_t *was)
{
    *was = __atomic_exchange_n(&gate->state, GATE_TAKEN, __ATOMIC_ACQUIRE);
    if (*was == GATE_TAKEN)
        return gate_is_of(device) ? IXY_E_BUSY : IXY_E_HANDLE;
    int32_t code = gate_check(gate, device);
    if (code == 0 && !slot->can_wait)
        code = IXY_E_UNSUPPORTED;
    if (code < 0)
        gate_leave(gate, *was);
    return code;
}

/* Inside the gate: arms the queue, or finds that there is something to receive, and leaves. Returns 1, 0 or an error.
 * What makes the event readable after it was emptied is seen by whoever polls it; what did so before, by this look. */
static int32_t wait_arm(struct device_slot *slot, struct queue_gate *gate)
{
    const struct driver *driver = slot->driver;
    bus_event_empty(gate->bus, (uint32_t)(gate - slot->rx));
    driver->rx_interrupt(gate->queue, true);
    bool ready = driver->rx_ready(gate->queue);
    if (bus_has_failed(gate->bus)) {
        gate_leave(gate, GATE_FREE);
        return IXY_E_DEVICE;
    }
    if (ready)
        driver->rx_interrupt(gate->queue, false);
    gate_leave(gate, ready ? GATE_FREE : GATE_ARMED);
    return ready ? 1 : 0;
}

int32_t ixy_rx_arm(uint64_t device, uint32_t queue)
{
    struct device_slot *slot = device_slot_find(device);
    if (slot == NULL)
        return handle_error(device);
    if (queue >= __atomic_load_n(&slot->rx_queues, __ATOMIC_RELAXED))
        return IXY_E_RANGE;
    struct queue_gate *gate = &slot->rx[queue];
    uint32_t was;
    int32_t code = wait_enter(slot, gate, device, &was);
    if (code < 0)
        return code;
    if (__atomic_load_n(&gate->waiting, __ATOMIC_RELAXED) != 0) { /* the event is that thread's to empty */
        gate_leave(gate, was);
        return IXY_E_BUSY;
    }
    return wait_arm(slot, gate);
}

/* ---- ixy_rx_wait ---- */

static uint64_t wait_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Inside the gate: whether there is something to receive, looking for as long as packets have been coming fast. */
static bool wait_poll(const struct device_slot *slot, struct queue_gate *gate, uint64_t begin, uint64_t end)
{
    uint64_t until = begin + moderation_poll(&gate->moderation, begin);
    until = until < end ? until : end;
    bool ready = slot->driver->rx_ready(gate->queue);
    while (!ready && wait_now() < until) {
        for (uint32_t i = 0; i < 16 && !ready; i++)
            ready = slot->driver->rx_ready(gate->queue);
    }
    return ready;
}

/* Milliseconds until then, for poll: -1 without end, else rounded up, so that a wait is not shorter than was asked. */
static int wait_milliseconds(uint64_t now, uint64_t end)
{
    if (end == UINT64_MAX)
        return -1;
    return end > now ? (int)((end - now + 999999) / 1000000) : 0;
}

/* One look, from a gate that was entered. Returns 1 or an error, or 0 with the gate left: armed, if the time is not
 * over. */
static int32_t wait_look(struct device_slot *slot, struct queue_gate *gate, uint32_t was, uint64_t now, uint64_t end)
{
    struct moderation *moderation = &gate->moderation;
    if (wait_poll(slot, gate, now, end)) {
        moderation_found(moderation, now);
        int32_t code = bus_has_failed(gate->bus) ? IXY_E_DEVICE : 1;
        if (was == GATE_ARMED && code == 1)
            slot->driver->rx_interrupt(gate->queue, false);
        gate_leave(gate, GATE_FREE);
        return code;
    }
    if (now >= end) {
        gate_leave(gate, was);
        return 0;
    }
    moderation_sleeps(moderation, now);
    return wait_arm(slot, gate);
}

/* Whether ixy_rx_wake came. It ends one wait, so this forgets it. */
static bool wait_is_woken(struct queue_gate *gate)
{
    return __atomic_exchange_n(&gate->woken, 0, __ATOMIC_SEQ_CST) != 0;
}

static int32_t wait_for(struct device_slot *slot, struct queue_gate *gate, uint64_t device, int32_t timeout_ms)
{
    uint64_t now = wait_now();
    const uint64_t end = timeout_ms < 0 ? UINT64_MAX : now + (uint64_t)timeout_ms * 1000000;
    uint32_t was;
    int32_t code = wait_enter(slot, gate, device, &was);
    if (code < 0)
        return code;
    struct pollfd entry = {.fd = gate->bus->events[gate - slot->rx].fd, .events = POLLIN};
    for (;;) {
        code = wait_look(slot, gate, was, now, end);
        if (code != 0 || now >= end)
            return code;
        now = wait_now();
        /* Arming has emptied the event: a wake that came before is found here, a later one makes the event readable.
         * poll fails when a signal handler ran. */
        if (wait_is_woken(gate) || poll(&entry, 1, wait_milliseconds(now, end)) < 0 || wait_is_woken(gate))
            return 0;
        now = wait_now();
        while ((code = wait_enter(slot, gate, device, &was)) == IXY_E_BUSY) {
            /* The device is being reset, or another thread receives. */
            poll(NULL, 0, WAIT_GATE_MS);
            now = wait_now();
            if (now >= end || wait_is_woken(gate))
                return 0;
        }
        if (code < 0)
            return code;
    }
}

/* The text of an error; the device may be closed already. */
static int32_t wait_error(int32_t code, uint64_t device, uint32_t queue)
{
    switch (code) {
    case IXY_E_HANDLE:
    case IXY_E_FORK:
        return handle_error_text(device, "device");
    case IXY_E_BUSY:
        return error_set(code, "receive queue %u: another thread is in it", queue);
    case IXY_E_STATE:
        return error_set(code, "the device is not started; ixy_device_start comes first");
    case IXY_E_DEVICE:
        return error_set(code, "the device failed; ixy_device_link tells why, ixy_device_reset starts it again");
    default:
        return ixy_rx_fd(device, queue); /* says why there are none */
    }
}

/* A thread that is cancelled in its sleep leaves as if its time were over. */
static void wait_leave(void *gate)
{
    __atomic_store_n(&((struct queue_gate *)gate)->waiting, 0, __ATOMIC_SEQ_CST);
}

int32_t ixy_rx_wait(uint64_t device, uint32_t queue, int32_t timeout_ms)
{
    if (timeout_ms < -1)
        return error_set(IXY_E_ARGUMENT, "timeout_ms = %d; right is -1 (without end) or more", timeout_ms);
    struct device_slot *slot = device_slot_find(device);
    if (slot == NULL)
        return handle_error_text(device, "device");
    uint32_t queues = __atomic_load_n(&slot->rx_queues, __ATOMIC_RELAXED);
    if (queue >= queues)
        return error_set(IXY_E_RANGE, "queue %u; the device has %u receive queues", queue, queues);
    struct queue_gate *gate = &slot->rx[queue];
    /* Close clears the handle, then waits for this; it is set, then the handle is looked at. Both sequentially
     * consistent, so that one sees the other. */
    int32_t code = IXY_E_BUSY;
    if (__atomic_exchange_n(&gate->waiting, 1, __ATOMIC_SEQ_CST) == 0) {
        code = IXY_E_HANDLE;
        pthread_cleanup_push(wait_leave, gate);
        if (__atomic_load_n(&object_handles.device[handle_slot(device)], __ATOMIC_SEQ_CST) == device)
            code = wait_for(slot, gate, device, timeout_ms);
        pthread_cleanup_pop(1);
    }
    return code < 0 ? wait_error(code, device, queue) : code;
}

/* Close clears the handle, then waits for this; it is counted, then the handle is looked at. As in ixy_rx_wait. */
int32_t ixy_rx_wake(uint64_t device, uint32_t queue)
{
    struct device_slot *slot = device_slot_find(device);
    if (slot == NULL)
        return handle_error(device);
    if (queue >= __atomic_load_n(&slot->rx_queues, __ATOMIC_RELAXED))
        return IXY_E_RANGE;
    struct queue_gate *gate = &slot->rx[queue];
    int32_t code = IXY_E_HANDLE;
    __atomic_fetch_add(&gate->waking, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&object_handles.device[handle_slot(device)], __ATOMIC_SEQ_CST) == device) {
        code = slot->can_wait ? 0 : IXY_E_UNSUPPORTED;
        if (code == 0) {
            __atomic_store_n(&gate->woken, 1, __ATOMIC_SEQ_CST);
            bus_event_signal(slot->device->bus, queue);
        }
    }
    __atomic_fetch_sub(&gate->waking, 1, __ATOMIC_SEQ_CST);
    return code;
}
