/* The vhost-user bus: options, memory, open and close. */
#include "core/bus/vhost_user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bus/vhost_user_device.h"
#include "core/bus/virtio_options.h"
#include "core/device/error.h"
#include "core/device/station.h"
#include "core/virtio/spec.h"

#define VHOST_USER_OPTIONS "ring=auto|split|packed, mrg=on|off, inorder=on|off, queues=N, mac=xx:xx:xx:xx:xx:xx"

/* ---- memory ---- */

static int32_t vhost_user_dma_map(struct bus *bus, const struct dma_memory *memory, uint64_t *device_address)
{
    struct vhost_user_device *vhost = vhost_user_of(bus);
    if (!memory->shared)
        return error_set(IXY_E_STATE, "%s: share it before a vhost-user device maps it", memory->name);
    if ((vhost->status & VIRTIO_STATUS_DRIVER_OK) != 0)
        return error_set(IXY_E_STATE, "%.90s: %s: memory is mapped before the device runs", bus->address, memory->name);
    if (vhost->region_count == VHOST_USER_REGIONS_MAX)
        return error_set(IXY_E_LIMIT, "%.90s: %s: a vhost-user back end maps at most %d memories", bus->address,
                         memory->name, VHOST_USER_REGIONS_MAX);
    uint32_t region = vhost->region_count++;
    vhost->region[region] = (struct vhost_user_region){
        .guest_address = (uintptr_t)memory->base,
        .user_address = (uintptr_t)memory->base,
        .size = (memory->size + 4095) & ~(uint64_t)4095,
    };
    vhost->region_memory[region] = memory;
    *device_address = (uintptr_t)memory->base;
    return 0;
}

static void vhost_user_dma_unmap(struct bus *bus, const struct dma_memory *memory)
{
    struct vhost_user_device *vhost = vhost_user_of(bus);
    for (uint32_t i = 0; i < vhost->region_count; i++) {
        if (vhost->region[i].user_address != (uintptr_t)memory->base)
            continue;
        vhost->region_count--;
        vhost->region[i] = vhost->region[vhost->region_count];
        vhost->region_memory[i] = vhost->region_memory[vhost->region_count];
        return;
    }
}

/* A back end gets the events themselves: they are the ring's call eventfds from the next start on. */
static int32_t vhost_user_interrupts_set(struct bus *bus, const int *events, uint32_t count)
{
    struct vhost_user_device *vhost = vhost_user_of(bus);
    if (count > BUS_EVENTS_MAX)
        return error_set(IXY_E_RANGE, "%.90s: %u events; right is at most %d", bus->address, count, BUS_EVENTS_MAX);
    for (uint32_t i = 0; i < count; i++)
        vhost->events[i] = events[i];
    vhost->event_count = count;
    return 0;
}

/* ---- options ---- */

static int vhost_user_hexadecimal(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* Six bytes of two digits, ':' between them, that are a station's address: not a group's, not zero. */
static bool vhost_user_parse_mac(const char *text, uint8_t mac[6])
{
    if (strlen(text) != 17)
        return false;
    for (uint32_t i = 0; i < 6; i++) {
        int high = vhost_user_hexadecimal(text[3 * i]), low = vhost_user_hexadecimal(text[3 * i + 1]);
        if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':'))
            return false;
        mac[i] = (uint8_t)(high << 4 | low);
    }
    return station_is_valid(mac);
}

static int32_t vhost_user_option_mac(struct address *address, uint8_t mac[6])
{
    const char *value = address_take(address, "mac");
    if (value == NULL || vhost_user_parse_mac(value, mac))
        return 0;
    return error_set(IXY_E_ADDRESS, "address \"%s\": mac=%s; right is a station address such as mac=02:00:00:00:00:01",
                     address->text, value);
}

static int32_t vhost_user_options(struct address *address, struct vhost_user_device *vhost)
{
    uint64_t pairs = VHOST_USER_PAIRS_MAX;
    if (strlen(address->what) >= sizeof(vhost->path))
        return error_set(IXY_E_ADDRESS, "address \"%.90s...\": a socket's path has at most %zu characters",
                         address->text, sizeof(vhost->path) - 1);
    memcpy(vhost->path, address->what, strlen(address->what));
    int32_t code = virtio_option_ring(address, &vhost->unwanted, &vhost->demand_packed);
    if (code >= 0)
        code = virtio_option_on(address, "mrg", VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF), &vhost->unwanted);
    if (code >= 0)
        code = virtio_option_on(address, "inorder", VIRTIO_FEATURE(VIRTIO_F_IN_ORDER), &vhost->unwanted);
    if (code >= 0)
        code = address_take_number(address, "queues", 1, VHOST_USER_PAIRS_MAX, &pairs);
    if (code >= 0)
        code = vhost_user_option_mac(address, vhost->mac);
    vhost->pairs_wanted = (uint32_t)pairs;
    return code >= 0 ? address_finish(address, VHOST_USER_OPTIONS) : code;
}

/* ---- open and close ---- */

static void vhost_user_close(struct bus *bus)
{
    struct vhost_user_device *vhost = vhost_user_of(bus);
    char text[ERROR_TEXT_SIZE];
    error_save(text); /* closing cannot fail, and must not hide why it was called */
    vhost_user_end(vhost);
    error_restore(text);
    free(vhost);
}

static const struct bus_ops vhost_user_bus_ops = {
    .dma_map = vhost_user_dma_map,
    .dma_unmap = vhost_user_dma_unmap,
    .interrupts_set = vhost_user_interrupts_set,
    .delay = bus_sleep,
    .close = vhost_user_close,
};

static int32_t vhost_user_open(struct address *address, struct bus **bus)
{
    struct vhost_user_device *vhost = calloc(1, sizeof(*vhost));
    if (vhost == NULL)
        return error_set(IXY_E_NO_MEMORY, "%s: no memory", address->text);
    int32_t code = vhost_user_options(address, vhost);
    if (code < 0) {
        free(vhost);
        return code;
    }
    vhost->bus.ops = &vhost_user_bus_ops;
    vhost->bus.virtio = &vhost_user_transport;
    vhost->bus.shares_memory = true;
    vhost->bus.vectors = VHOST_USER_PAIRS_MAX; /* eventfds that this process makes */
    vhost->bus.vendor = VIRTIO_PCI_VENDOR;
    vhost->bus.device_id = VIRTIO_PCI_DEVICE_NET;
    snprintf(vhost->bus.address, sizeof(vhost->bus.address), "%s", address->text);
    vhost->socket = -1;
    for (uint32_t i = 0; i < VHOST_USER_RINGS_MAX; i++)
        vhost->ring[i].kick = vhost->ring[i].call = -1;
    *bus = &vhost->bus;
    return 0;
}

const struct bus_scheme vhost_user_bus_scheme = {.scheme = "vhost-user", .open = vhost_user_open};
