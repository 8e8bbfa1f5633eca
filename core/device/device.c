#include "core/device/device.h"

#include <stdio.h>
#include <string.h>

#include "core/device/error.h"
#include "core/ixgbe/ixgbe.h"
#include "core/virtio/virtio.h"

#define DEVICE_SCHEMES_MAX 8

static const struct driver *const device_drivers[] = {&ixgbe_driver, &virtio_driver};
static const struct bus_scheme *device_schemes[DEVICE_SCHEMES_MAX];
static uint32_t device_scheme_count;

void device_register_bus(const struct bus_scheme *scheme)
{
    for (uint32_t i = 0; i < device_scheme_count; i++)
        if (device_schemes[i] == scheme)
            return;
    if (device_scheme_count < DEVICE_SCHEMES_MAX)
        device_schemes[device_scheme_count++] = scheme;
}

static const struct bus_scheme *device_find_scheme(const char *scheme)
{
    for (uint32_t i = 0; i < device_scheme_count; i++)
        if (strcmp(device_schemes[i]->scheme, scheme) == 0)
            return device_schemes[i];
    return NULL;
}

static int32_t device_unknown_scheme(const struct address *address)
{
    char known[64] = "";
    size_t length = 0;
    for (uint32_t i = 0; i < device_scheme_count && length < sizeof(known); i++)
        length += (size_t)snprintf(known + length, sizeof(known) - length, "%s%s:", i == 0 ? "" : ", ",
                                   device_schemes[i]->scheme);
    return error_set(IXY_E_ADDRESS, "address \"%s\": unknown scheme \"%s:\"; known: %s", address->text, address->scheme,
                     known);
}

static int32_t device_check_number(const char *name, uint32_t *value, uint32_t standard, uint32_t low, uint32_t high)
{
    if (*value == 0)
        *value = standard;
    if (*value < low || *value > high)
        return error_set(IXY_E_RANGE, "%s = %u; right is %u to %u", name, *value, low, high);
    return 0;
}

static int32_t device_check_ring(const char *name, uint32_t *value)
{
    int32_t code = device_check_number(name, value, 512, DEVICE_RING_MIN, DEVICE_RING_MAX);
    if (code >= 0 && (*value & (*value - 1)) != 0)
        return error_set(IXY_E_RANGE, "%s = %u; right is a power of two from %d to %d", name, *value, DEVICE_RING_MIN,
                         DEVICE_RING_MAX);
    return code;
}

static int32_t device_check_config(struct device_config *config)
{
    int32_t code = device_check_number("rx_queues", &config->rx_queues, 1, 1, DEVICE_QUEUES_MAX);
    if (code >= 0)
        code = device_check_number("tx_queues", &config->tx_queues, 1, 1, DEVICE_QUEUES_MAX);
    if (code >= 0)
        code = device_check_ring("rx_ring_size", &config->rx_ring_size);
    if (code >= 0)
        code = device_check_ring("tx_ring_size", &config->tx_ring_size);
    if (code >= 0 && config->frame_len_max == 0)
        config->frame_len_max = FRAME_LENGTH_MAX;
    if (code >= 0 && config->frame_len_max < FRAME_LENGTH_MAX)
        return error_set(IXY_E_RANGE, "frame_len_max = %u; right is 0 for %u, or more", config->frame_len_max,
                         FRAME_LENGTH_MAX);
    if (code >= 0 && (config->offloads & ~DEVICE_OFFLOADS) != 0)
        return error_set(IXY_E_ARGUMENT, "offloads = %Xh; right are bits of %Xh", config->offloads, DEVICE_OFFLOADS);
    if (code >= 0 && config->offloads != 0 && config->pool != NULL && config->pool->metadata == NULL)
        return error_set(IXY_E_ARGUMENT, "offloads = %Xh with a pool that keeps no metadata", config->offloads);
    return code;
}

/* Who gets each packet in one buffer needs buffers that hold the longest: what did not fit would be lost. */
static int32_t device_check_buffers(const struct device *device)
{
    const struct pool *pool = device->config.pool;
    uint32_t needed = device->rx_len_max + device->rx_header;
    if (pool == NULL || device->rx_frames_max > 1 || pool->buffer_size >= needed)
        return 0;
    return error_set(IXY_E_POOL_SIZE,
                     "%.100s: the pool's buffers hold %u bytes, and a frame that the device receives takes up to %u: "
                     "open the pool with buffer_size = %u",
                     device->bus->address, pool->buffer_size, needed, (needed + 1023) / 1024 * 1024);
}

int32_t device_check_capabilities(const struct device *device)
{
    static const char *const names[] = {"RX_CHECKSUM", "TX_CHECKSUM", "VLAN_STRIP", "VLAN_INSERT", "RX_TIMESTAMP"};
    const struct device_config *config = &device->config;
    uint32_t missing = config->offloads & ~device->capabilities;
    for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if ((missing >> i & 1) != 0)
            return error_set(IXY_E_UNSUPPORTED, "%.100s: a %s has no %s; ixy_info.capabilities tells what it has",
                             device->bus->address, device->name, names[i]);
    if (config->frame_len_max > FRAME_LENGTH_MAX && (device->capabilities & DEVICE_CAN_JUMBO) == 0)
        return error_set(IXY_E_UNSUPPORTED,
                         "%.100s: frame_len_max = %u, and a %s has no JUMBO; right is at most %u bytes",
                         device->bus->address, config->frame_len_max, device->name, FRAME_LENGTH_MAX);
    if (config->frame_len_max > FRAME_LENGTH_MAX && config->frame_len_max > device->frame_len_limit)
        return error_set(IXY_E_RANGE, "%.100s: frame_len_max = %u; a %s takes at most %u bytes%s", device->bus->address,
                         config->frame_len_max, device->name, device->frame_len_limit,
                         device->frame_len_by_buffer ? ", as it wants a whole frame in each of the pool's buffers: "
                                                       "open the pool with a larger buffer_size"
                                                     : "");
    return device_check_buffers(device);
}

static uint32_t device_buffers_needed(const struct device_config *config)
{
    return config->rx_queues * (config->rx_ring_size + pool_cache_limit(config->rx_ring_size)) +
           config->tx_queues * (config->tx_ring_size + pool_cache_limit(config->tx_ring_size));
}

const char *device_product(uint16_t vendor, uint16_t device_id)
{
    const char *name = NULL;
    for (size_t i = 0; i < sizeof(device_drivers) / sizeof(device_drivers[0]) && name == NULL; i++)
        name = device_drivers[i]->product(vendor, device_id);
    return name;
}

int32_t device_no_driver(const char *address, uint16_t vendor, uint16_t device_id)
{
    return error_set(
        IXY_E_UNSUPPORTED,
        "%s: no driver for device %04x:%04x; Intel 82599, X540 and X550 and VirtIO network devices are known", address,
        vendor, device_id);
}

static int32_t device_open_on_bus(struct bus *bus, const struct device_config *config, struct device **device)
{
    for (size_t i = 0; i < sizeof(device_drivers) / sizeof(device_drivers[0]); i++)
        if (device_drivers[i]->product(bus->vendor, bus->device_id) != NULL)
            return device_drivers[i]->open(bus, config, device);
    return device_no_driver(bus->address, bus->vendor, bus->device_id);
}

_Static_assert(DEVICE_QUEUES_MAX == BUS_EVENTS_MAX, "each receive queue has an event");

/* Makes an event for each receive queue, which the interrupt vector of the queue's number signals. A device with fewer
 * vectors than queues can be polled only, as one without. */
static int32_t device_events_open(struct device *device)
{
    struct bus *bus = device->bus;
    const uint32_t count = device->config.rx_queues;
    if (bus->ops->interrupts_set == NULL || bus->vectors < count)
        return 0;
    int calls[BUS_EVENTS_MAX];
    int32_t code = bus_events_open(bus, count);
    for (uint32_t i = 0; i < bus->event_count; i++)
        calls[i] = bus->events[i].call;
    if (code >= 0)
        code = bus->ops->interrupts_set(bus, calls, count);
    if (code >= 0 && bus->step == NULL) /* an inline model does nothing while its driver sleeps */
        device->capabilities |= DEVICE_CAN_RX_WAIT;
    return code;
}

/* The bus, then its events: until it is closed it may signal them. */
static void device_close_bus(struct bus *bus)
{
    struct bus events = {.event_count = bus->event_count};
    memcpy(events.events, bus->events, sizeof(events.events));
    if (bus->event_count > 0)
        (void)bus->ops->interrupts_set(bus, NULL, 0);
    bus->ops->close(bus);
    bus_events_close(&events);
}

int32_t device_open(const char *text, const struct device_config *wanted, struct device **device)
{
    struct device_config config = *wanted;
    int32_t code = device_check_config(&config);
    if (code < 0)
        return code;
    struct address address;
    code = address_parse(text, &address);
    if (code < 0)
        return code;
    const struct bus_scheme *scheme = device_find_scheme(address.scheme);
    if (scheme == NULL)
        return device_unknown_scheme(&address);
    uint32_t needed = config.pool != NULL ? device_buffers_needed(&config) : 0;
    if (config.pool != NULL) {
        code = pool_commit(config.pool, needed);
        if (code < 0)
            return code;
    }
    struct bus *bus;
    code = scheme->open(&address, &bus);
    if (code >= 0) {
        code = device_open_on_bus(bus, &config, device);
        if (code >= 0) {
            code = device_check_capabilities(*device);
            if (code >= 0)
                code = device_events_open(*device);
            if (code < 0)
                (*device)->driver->close(*device);
        }
        if (code < 0)
            device_close_bus(bus);
    }
    if (code < 0) {
        if (config.pool != NULL)
            pool_release(config.pool, needed);
        return code;
    }
    (*device)->committed = needed;
    return 0;
}

int32_t device_start(struct device *device)
{
    if (device->started)
        return error_set(IXY_E_STATE, "%s: started before; a device starts once after open or reset",
                         device->bus->address);
    if (device->config.pool == NULL)
        return error_set(IXY_E_STATE, "%s: opened without a pool, so it can be queried only; name a pool when opening",
                         device->bus->address);
    int32_t code = bus_check(device->bus);
    if (code >= 0)
        code = device->driver->start(device);
    device->started = code >= 0;
    device->restarts = device->restarts || device->started;
    return code;
}

int32_t device_reset(struct device *device)
{
    if (device->started)
        device->driver->stop(device);
    device->started = false;
    int32_t code = device->driver->reset(device);
    if (code >= 0 && device->restarts)
        code = device_start(device);
    if (code < 0)
        bus_fail(device->bus, "the last reset did not succeed: %s", error_text());
    return code;
}

void device_close(struct device *device)
{
    struct bus *bus = device->bus;
    struct pool *pool = device->config.pool;
    uint32_t committed = device->committed;
    if (device->started)
        device->driver->stop(device);
    device->driver->close(device);
    device_close_bus(bus);
    if (pool != NULL)
        pool_release(pool, committed);
}
