#include "core/bus/bus.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "core/bus/event.h"
#include "core/device/error.h"
#include "core/dma/pool.h"

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

static void bus_event_close(struct bus_event *event)
{
    if (event->fd != event->own)
        event_close(&event->fd);
    if (event->call != event->own)
        event_close(&event->call);
    event_close(&event->own);
}

static int32_t bus_event_open(const struct bus *bus, struct bus_event *event)
{
    *event = (struct bus_event){-1, -1, -1};
    int32_t code = event_open(&event->own, bus->address);
    event->fd = event->call = event->own;
    if (code >= 0 && bus->shares_memory) { /* with another process, which is to have the call */
        event->fd = -1;
        code = event_open(&event->call, bus->address);
        if (code >= 0)
            code = event_join(&event->fd, event->own, event->call, bus->address);
    }
    if (code < 0)
        bus_event_close(event);
    return code;
}

int32_t bus_events_open(struct bus *bus, uint32_t count)
{
    int32_t code = 0;
    while (bus->event_count < count && code >= 0) {
        code = bus_event_open(bus, &bus->events[bus->event_count]);
        bus->event_count += code >= 0 ? 1 : 0;
    }
    return code;
}

void bus_events_close(struct bus *bus)
{
    while (bus->event_count > 0)
        bus_event_close(&bus->events[--bus->event_count]);
}

void bus_event_signal(const struct bus *bus, uint32_t queue)
{
    event_signal(bus->events[queue].own);
}

void bus_event_empty(const struct bus *bus, uint32_t queue)
{
    event_empty(bus->events[queue].own);
    if (bus->events[queue].call != bus->events[queue].own)
        event_empty(bus->events[queue].call);
}

void bus_wake(const struct bus *bus)
{
    for (uint32_t i = 0; i < bus->event_count; i++)
        bus_event_signal(bus, i);
}

int32_t bus_check(const struct bus *bus)
{
    if (!bus_has_failed(bus))
        return 0;
    if (__atomic_load_n(&bus->leaving, __ATOMIC_ACQUIRE))
        return error_set(IXY_E_DEVICE, "%.90s: %s", bus->address, bus->failure);
    return error_set(IXY_E_DEVICE, "%.90s: %s; ixy_device_reset starts it again", bus->address, bus->failure);
}

void bus_leave(struct bus *bus, const char *reason)
{
    __atomic_store_n(&bus->leaving, true, __ATOMIC_RELEASE);
    bus_fail(bus, "%s", reason);
}

void bus_mended(struct bus *bus)
{
    if (__atomic_load_n(&bus->leaving, __ATOMIC_ACQUIRE))
        return;
    __atomic_store_n(&bus->failed, BUS_WORKS, __ATOMIC_RELEASE);
}

static int32_t bus_map_prepared(struct bus *bus, struct dma_memory *memory, uint64_t *device_address)
{
    int32_t code = bus->ops->dma_map(bus, memory, device_address);
    if (code >= 0 && bus->iommu && !bus->wants_physical)
        __atomic_fetch_add(&memory->held, 1, __ATOMIC_RELAXED);
    return code;
}

int32_t bus_map(struct bus *bus, struct dma_memory *memory, uint64_t *device_address)
{
    int32_t code = bus->shares_memory ? dma_memory_share(memory) : bus->wants_physical ? dma_memory_pin(memory) : 0;
    return code < 0 ? code : bus_map_prepared(bus, memory, device_address);
}

int32_t bus_map_pool(struct bus *bus, struct pool *pool, uint64_t *device_address)
{
    pthread_mutex_lock(&pool->mapping);
    int32_t code = bus->shares_memory ? pool_share(pool) : bus->wants_physical ? pool_pin(pool) : 0;
    if (code >= 0)
        code = bus_map_prepared(bus, &pool->memory, device_address);
    pthread_mutex_unlock(&pool->mapping);
    return code;
}

void bus_unmap(struct bus *bus, struct dma_memory *memory)
{
    bus->ops->dma_unmap(bus, memory);
    if (bus->iommu && !bus->wants_physical)
        __atomic_fetch_sub(&memory->held, 1, __ATOMIC_RELAXED);
}

void bus_sleep(struct bus *bus, uint32_t microseconds)
{
    (void)bus;
    struct timespec time = {microseconds / 1000000, (long)(microseconds % 1000000) * 1000};
    nanosleep(&time, NULL);
}
