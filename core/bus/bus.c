#include "core/bus/bus.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "core/bus/event.h"
#include "core/device/error.h"

void bus_fail(struct bus *bus, const char *format, ...)
{
    uint32_t works = BUS_WORKS;
    if (!__atomic_compare_exchange_n(&bus->failed, &works, BUS_FAILING, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(bus->failure, sizeof(bus->failure), format, arguments);
    va_end(arguments);
    __atomic_store_n(&bus->failed, BUS_FAILED, __ATOMIC_RELEASE);
    bus_wake(bus); /* from here on: who empties an event and sees no failure then has not emptied this */
}

int32_t bus_events_open(struct bus *bus, uint32_t count)
{
    int32_t code = 0;
    while (bus->event_count < count && code >= 0) {
        code = event_open(&bus->events[bus->event_count], bus->address);
        bus->event_count += code >= 0 ? 1 : 0;
    }
    return code;
}

void bus_events_close(struct bus *bus)
{
    while (bus->event_count > 0)
        close(bus->events[--bus->event_count]);
}

void bus_wake(const struct bus *bus)
{
    for (uint32_t i = 0; i < bus->event_count; i++)
        event_signal(bus->events[i]);
}

int32_t bus_check(const struct bus *bus)
{
    if (!bus_has_failed(bus))
        return 0;
    return error_set(IXY_E_DEVICE, "%.90s: %s; ixy_device_reset starts it again", bus->address, bus->failure);
}

void bus_mended(struct bus *bus)
{
    __atomic_store_n(&bus->failed, BUS_WORKS, __ATOMIC_RELEASE);
}
