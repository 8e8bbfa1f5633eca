/* Devices: open, start, reset, close, and what can be asked of them. */
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "abi/descriptor.h"
#include "abi/gate.h"
#include "abi/structs.h"
#include "core/device/cancel.h"
#include "core/device/error.h"
#include "core/device/station.h"
#include "emu/emu.h"

/* Waits until no thread is in a queue and keeps the gates shut; hot calls meanwhile get IXY_E_BUSY. */
static void device_gates_shut(struct device_slot *slot)
{
    for (uint32_t i = 0; i < IXY_QUEUES_MAX; i++) {
        while (__atomic_exchange_n(&slot->rx[i].state, GATE_TAKEN, __ATOMIC_ACQUIRE) == GATE_TAKEN)
            sched_yield();
        while (__atomic_exchange_n(&slot->tx[i].state, GATE_TAKEN, __ATOMIC_ACQUIRE) == GATE_TAKEN)
            sched_yield();
    }
}

static void device_gates_open(struct device_slot *slot)
{
    bool started = slot->device != NULL && slot->device->started;
    for (uint32_t i = 0; i < IXY_QUEUES_MAX; i++) {
        slot->rx[i].queue = started ? slot->device->rx[i] : NULL;
        slot->tx[i].queue = started ? slot->device->tx[i] : NULL;
        slot->rx[i].bus = slot->tx[i].bus = slot->device != NULL ? slot->device->bus : NULL;
        slot->rx[i].moderation = (struct moderation){0};
        gate_leave(&slot->rx[i], GATE_FREE);
        gate_leave(&slot->tx[i], GATE_FREE);
    }
}

/* Waits until no thread is in ixy_rx_wait or ixy_rx_wake. The handle is 0 and the gates are shut, so that all of them
 * wake, find that and go. */
static void device_waiters_out(struct device_slot *slot)
{
    bus_wake(slot->device->bus);
    for (uint32_t i = 0; i < IXY_QUEUES_MAX; i++) {
        struct queue_gate *gate = &slot->rx[i];
        while (__atomic_load_n(&gate->waiting, __ATOMIC_SEQ_CST) != 0 ||
               __atomic_load_n(&gate->waking, __ATOMIC_SEQ_CST) != 0) {
            bus_wake(slot->device->bus); /* again: the program may have read the event that it was given */
            sched_yield();
        }
        __atomic_store_n(&gate->woken, 0, __ATOMIC_RELAXED); /* the next device in this slot was not woken */
    }
}

_Static_assert(DEVICE_CAN_RX_CHECKSUM == IXY_CAN_RX_CHECKSUM && DEVICE_CAN_TX_CHECKSUM == IXY_CAN_TX_CHECKSUM &&
                   DEVICE_CAN_VLAN_STRIP == IXY_CAN_VLAN_STRIP && DEVICE_CAN_VLAN_INSERT == IXY_CAN_VLAN_INSERT &&
                   DEVICE_CAN_RX_TIMESTAMP == IXY_CAN_RX_TIMESTAMP && DEVICE_CAN_JUMBO == IXY_CAN_JUMBO &&
                   DEVICE_CAN_QUEUE_STATS == IXY_CAN_QUEUE_STATS && DEVICE_CAN_RX_WAIT == IXY_CAN_RX_WAIT,
               "capabilities of drivers are those of the ABI");

/* The pool stays a handle: it is looked up when a slot is taken. */
static int32_t device_read_config(const ixy_device_config *given, struct device_config *config, uint64_t *pool)
{
    ixy_device_config read = {.struct_size = sizeof(read)};
    int32_t code = given == NULL ? 0 : struct_read(&read, sizeof(read), 32, given, "ixy_device_config");
    if (code < 0)
        return code;
    if (read.reserved != 0)
        return error_set(IXY_E_STRUCT, "ixy_device_config.reserved is %u; right is 0", read.reserved);
    if ((read.offloads & ~DEVICE_OFFLOADS) != 0)
        return error_set(IXY_E_ARGUMENT, "ixy_device_config.offloads is %Xh; right are IXY_CAN_* bits of %Xh",
                         read.offloads, DEVICE_OFFLOADS);
    *pool = read.pool;
    *config = (struct device_config){.rx_queues = read.rx_queues,
                                     .tx_queues = read.tx_queues,
                                     .rx_ring_size = read.rx_ring_size,
                                     .tx_ring_size = read.tx_ring_size,
                                     .offloads = read.offloads,
                                     .frame_len_max = read.frame_len_max};
    return 0;
}

/* Takes a slot, and keeps the pool from being closed from here on. */
static int32_t device_slot_take(uint64_t pool, uint32_t *number)
{
    objects_lock();
    struct pool_slot *used = pool_slot_find(pool);
    int32_t code = pool != 0 && used == NULL ? handle_error_text(pool, "pool") : objects_take(HANDLE_DEVICE, number);
    if (code >= 0) {
        object_devices[*number].pool = used;
        if (used != NULL)
            used->devices++;
    }
    objects_unlock();
    return code;
}

static void device_slot_give_back(uint32_t number)
{
    struct device_slot *slot = &object_devices[number];
    objects_lock();
    if (slot->pool != NULL)
        slot->pool->devices--;
    slot->pool = NULL;
    objects_give_back(HANDLE_DEVICE, number);
    objects_unlock();
}

/* Makes the opened device one that callers reach; returns its handle. Who guesses it waits until all is set. */
static uint64_t device_slot_show(uint32_t number)
{
    struct device_slot *slot = &object_devices[number];
    const struct device *device = slot->device;
    slot->driver = device->driver;
    slot->can_wait = (device->capabilities & DEVICE_CAN_RX_WAIT) != 0;
    __atomic_store_n(&slot->rx_queues, device->config.rx_queues, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->tx_queues, device->config.tx_queues, __ATOMIC_RELAXED);
    uint32_t frames_max = device->rx_frames_max;
    __atomic_store_n(&slot->rx_count_min, frames_max > 1 ? frames_max : 0, __ATOMIC_RELAXED);
    pthread_mutex_lock(&slot->control);
    device_gates_shut(slot);
    objects_lock();
    uint64_t handle = objects_publish(HANDLE_DEVICE, number);
    objects_unlock();
    device_gates_open(slot);
    pthread_mutex_unlock(&slot->control);
    return handle;
}

static int32_t device_slot_open(const char *address, const ixy_device_config *given, uint64_t *handle)
{
    struct device_config config;
    uint64_t pool = 0;
    uint32_t number = 0;
    int32_t code = device_read_config(given, &config, &pool);
    /* Before anything is made ready, so that a child's error names the parent's pool; looked at again under the lock.
     */
    if (code >= 0 && pool != 0 && pool_slot_find(pool) == NULL)
        code = handle_error_text(pool, "pool");
    if (code >= 0)
        code = objects_ready();
    if (code >= 0)
        code = device_slot_take(pool, &number);
    if (code < 0)
        return code;
    struct device_slot *slot = &object_devices[number];
    config.pool = slot->pool != NULL ? slot->pool->pool : NULL;
    code = device_open(address, &config, &slot->device);
    if (code >= 0)
        *handle = device_slot_show(number);
    else
        device_slot_give_back(number);
    return code;
}

int32_t ixy_device_open(const char *address, const ixy_device_config *config, uint64_t *device)
{
    if (address == NULL || device == NULL)
        return error_set(IXY_E_ARGUMENT, "%s is NULL; right is %s", address == NULL ? "address" : "device",
                         address == NULL ? "a text such as emu:82599" : "where the handle shall go");
    int cancel = cancel_off();
    uint64_t handle = 0;
    int32_t code = device_slot_open(address, config, &handle);
    if (code >= 0)
        *device = handle;
    cancel_restore(cancel);
    return code;
}

/* What takes a device from one state to another while no thread is in its queues. */
static int32_t device_change(uint64_t device, int32_t (*change)(struct device *device))
{
    int32_t code = 0;
    struct device_slot *slot = device_slot_enter(device, &code);
    if (slot == NULL)
        return code;
    device_gates_shut(slot);
    code = change(slot->device);
    device_gates_open(slot);
    bus_wake(slot->device->bus); /* who waits has to switch his queue's interrupt on anew */
    device_slot_leave(slot);
    return code;
}

int32_t ixy_device_start(uint64_t device)
{
    return device_change(device, device_start);
}

int32_t ixy_device_reset(uint64_t device)
{
    return device_change(device, device_reset);
}

int32_t ixy_device_close(uint64_t device)
{
    int32_t code = 0;
    uint32_t number = handle_slot(device);
    struct device_slot *slot = device_slot_enter(device, &code);
    if (slot == NULL)
        return code;
    objects_lock();
    objects_withdraw(HANDLE_DEVICE, number);
    descriptors_close(slot);
    objects_unlock();
    device_gates_shut(slot);
    device_waiters_out(slot);
    device_close(slot->device);
    slot->device = NULL;
    device_gates_open(slot);
    device_slot_give_back(number);
    device_slot_leave(slot);
    return code;
}

int32_t ixy_device_info(uint64_t device, ixy_info *info)
{
    struct struct_result result;
    int32_t code = struct_check(info, offsetof(ixy_info, capabilities), "ixy_info", &result);
    if (code < 0)
        return code;
    struct device_slot *slot = device_slot_enter(device, &code);
    if (slot == NULL)
        return code;
    const struct device *opened = slot->device;
    ixy_info filled = {.vendor = opened->bus->vendor,
                       .device_id = opened->bus->device_id,
                       .rx_queues = opened->config.rx_queues,
                       .tx_queues = opened->config.tx_queues,
                       .rx_ring_size = opened->config.rx_ring_size,
                       .tx_ring_size = opened->config.tx_ring_size,
                       .tx_len_min = opened->tx_len_min,
                       .tx_len_max = opened->tx_len_max,
                       .emulated = emu_is_emulated(opened->bus) ? 1 : 0,
                       .capabilities = opened->capabilities,
                       .offloads = opened->config.offloads,
                       .rx_len_max = opened->rx_len_max,
                       .rx_frames_max = opened->rx_frames_max};
    snprintf(filled.driver, sizeof(filled.driver), "%s", opened->driver->name);
    snprintf(filled.name, sizeof(filled.name), "%s", opened->name);
    snprintf(filled.address, sizeof(filled.address), "%s", opened->bus->address);
    struct_write(&result, &filled, sizeof(filled));
    device_slot_leave(slot);
    return code;
}

int32_t ixy_device_link(uint64_t device, ixy_link *link)
{
    struct struct_result result;
    int32_t code = struct_check(link, sizeof(ixy_link), "ixy_link", &result);
    if (code < 0)
        return code;
    struct device_slot *slot = device_slot_enter(device, &code);
    if (slot == NULL)
        return code;
    struct device_link read = {0};
    code = bus_check(slot->device->bus);
    if (code >= 0)
        code = slot->driver->link(slot->device, &read);
    if (code >= 0) {
        ixy_link filled = {.up = read.up, .speed_mbps = read.speed_mbps};
        struct_write(&result, &filled, sizeof(filled));
    }
    device_slot_leave(slot);
    return code;
}

int32_t ixy_device_stats(uint64_t device, ixy_stats *stats)
{
    struct struct_result result;
    int32_t code = struct_check(stats, sizeof(ixy_stats), "ixy_stats", &result);
    if (code < 0)
        return code;
    struct device_slot *slot = device_slot_enter(device, &code);
    if (slot == NULL)
        return code;
    struct device_stats read = {0};
    code = slot->driver->stats(slot->device, &read);
    if (code >= 0) {
        ixy_stats filled = {.rx_packets = read.rx_packets,
                            .rx_bytes = read.rx_bytes,
                            .tx_packets = read.tx_packets,
                            .tx_bytes = read.tx_bytes,
                            .rx_missed = read.rx_missed,
                            .rx_errors = read.rx_errors,
                            .rx_dropped = read.rx_dropped,
                            .rx_starved = read.rx_starved};
        struct_write(&result, &filled, sizeof(filled));
    }
    device_slot_leave(slot);
    return code;
}

int32_t ixy_device_queue_stats(uint64_t device, uint32_t queue, ixy_queue_stats *stats)
{
    struct struct_result result;
    int32_t code = struct_check(stats, sizeof(ixy_queue_stats), "ixy_queue_stats", &result);
    if (code < 0)
        return code;
    struct device_slot *slot = device_slot_enter(device, &code);
    if (slot == NULL)
        return code;
    const struct device_config *config = &slot->device->config;
    struct device_queue_stats read = {0};
    if (queue >= config->rx_queues && queue >= config->tx_queues)
        code = error_set(IXY_E_RANGE, "queue %u; the device has %u receive and %u transmit queues", queue,
                         config->rx_queues, config->tx_queues);
    else if (slot->driver->queue_stats == NULL || (slot->device->capabilities & DEVICE_CAN_QUEUE_STATS) == 0)
        code = error_set(IXY_E_UNSUPPORTED, "a %s counts nothing by queue (QUEUE_STATS)", slot->device->name);
    else
        code = slot->driver->queue_stats(slot->device, queue, &read);
    if (code >= 0) {
        ixy_queue_stats filled = {.rx_packets = read.rx_packets,
                                  .rx_bytes = read.rx_bytes,
                                  .rx_missed = read.rx_missed,
                                  .rx_dropped = read.rx_dropped,
                                  .rx_starved = read.rx_starved,
                                  .tx_packets = read.tx_packets,
                                  .tx_bytes = read.tx_bytes};
        struct_write(&result, &filled, sizeof(filled));
    }
    device_slot_leave(slot);
    return code;
}

int32_t ixy_device_feature(uint64_t device, uint32_t index, char *text, uint32_t text_size)
{
    if (text == NULL && text_size > 0)
        return error_set(IXY_E_ARGUMENT, "text is NULL; right is room for %u bytes", text_size);
    int32_t code = 0;
    struct device_slot *slot = device_slot_enter(device, &code);
    if (slot == NULL)
        return code;
    const char *name = "", *found;
    if (slot->driver->feature != NULL) {
        while ((found = slot->driver->feature(slot->device, (uint32_t)code)) != NULL) {
            if ((uint32_t)code == index)
                name = found;
            code++;
        }
    }
    if (text_size > 0)
        snprintf(text, text_size, "%s", name);
    device_slot_leave(slot);
    return code;
}

int32_t ixy_device_mac(uint64_t device, uint8_t *mac)
{
    if (mac == NULL)
        return error_set(IXY_E_ARGUMENT, "mac is NULL; right is room for 6 bytes");
    int32_t code = 0;
    struct device_slot *slot = device_slot_enter(device, &code);
    if (slot == NULL)
        return code;
    memcpy(mac, slot->device->mac, sizeof(slot->device->mac));
    device_slot_leave(slot);
    return code;
}

int32_t ixy_device_mac_set(uint64_t device, const uint8_t *given)
{
    if (given == NULL)
        return error_set(IXY_E_ARGUMENT, "mac is NULL; right is 6 bytes");
    uint8_t mac[6]; /* a copy, as it is looked at more than once */
    memcpy(mac, given, sizeof(mac));
    if (!station_is_valid(mac))
        return error_set(IXY_E_ARGUMENT,
                         "%02x:%02x:%02x:%02x:%02x:%02x is no station address; right is one that is "
                         "neither multicast nor all zero",
                         mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    int32_t code = 0;
    struct device_slot *slot = device_slot_enter(device, &code);
    if (slot == NULL)
        return code;
    code = slot->driver->mac_set(slot->device, mac);
    device_slot_leave(slot);
    return code;
}

int32_t ixy_device_promiscuous_set(uint64_t device, uint32_t on)
{
    if (on > 1)
        return error_set(IXY_E_ARGUMENT, "promiscuous mode %u; right is 0 or 1", on);
    int32_t code = 0;
    struct device_slot *slot = device_slot_enter(device, &code);
    if (slot == NULL)
        return code;
    code = slot->driver->promiscuous_set(slot->device, on == 1);
    device_slot_leave(slot);
    return code;
}
