#include "core/bus/bus.h"

#include <stdarg.h>
#include <stdio.h>

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
