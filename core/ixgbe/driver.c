/* The driver as core/device/device.h wants it: which devices it knows, open, start, stop, close. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/device/error.h"
#include "core/ixgbe/ixgbe.h"

static const struct ixgbe_product {
    uint16_t device_id;
    enum ixgbe_mac_type mac_type;
    const char *name;
} ixgbe_products[] = {
    {0x10F7, IXGBE_82599, "Intel 82599 KX4"},   {0x10F8, IXGBE_82599, "Intel 82599 backplane"},
    {0x10FB, IXGBE_82599, "Intel 82599"},       {0x10FC, IXGBE_82599, "Intel 82599 XAUI"},
    {0x154D, IXGBE_82599, "Intel 82599 SFP+"},  {0x1557, IXGBE_82599, "Intel 82599EN SFP+"},
    {0x1558, IXGBE_82599, "Intel 82599 QSFP+"}, {0x1528, IXGBE_X540, "Intel X540"},
    {0x1560, IXGBE_X540, "Intel X540"},         {0x1563, IXGBE_X550, "Intel X550"},
    {0x15D1, IXGBE_X550, "Intel X550"},
};

static const struct ixgbe_product *ixgbe_find_product(uint16_t device_id)
{
    for (size_t i = 0; i < sizeof(ixgbe_products) / sizeof(ixgbe_products[0]); i++)
        if (ixgbe_products[i].device_id == device_id)
            return &ixgbe_products[i];
    return NULL;
}

static const char *ixgbe_product(uint16_t vendor, uint16_t device_id)
{
    const struct ixgbe_product *product = vendor == 0x8086 ? ixgbe_find_product(device_id) : NULL;
    return product != NULL ? product->name : NULL;
}

static void ixgbe_close(struct device *device)
{
    struct ixgbe_device *ixgbe = (struct ixgbe_device *)device;
    for (uint32_t i = 0; i < DEVICE_QUEUES_MAX; i++) {
        if (ixgbe->rx[i] != NULL)
            ixgbe_rx_free(ixgbe, ixgbe->rx[i]);
        if (ixgbe->tx[i] != NULL)
            ixgbe_tx_free(ixgbe, ixgbe->tx[i]);
    }
    if (ixgbe->pool_mapped)
        bus_unmap(device->bus, &device->config.pool->memory);
    free(ixgbe);
}

/* Maps the pool and allocates the rings; ixgbe_close frees what was got. */
static int32_t ixgbe_allocate(struct ixgbe_device *ixgbe)
{
    struct device *device = &ixgbe->device;
    struct bus *bus = device->bus;
    int32_t code = bus_map_pool(bus, device->config.pool, &ixgbe->pool_address);
    ixgbe->pool_mapped = code >= 0;
    for (uint32_t i = 0; i < device->config.rx_queues && code >= 0; i++)
        code = ixgbe_rx_allocate(ixgbe, i);
    for (uint32_t i = 0; i < device->config.tx_queues && code >= 0; i++)
        code = ixgbe_tx_allocate(ixgbe, i);
    return code;
}

static int32_t ixgbe_open(struct bus *bus, const struct device_config *config, struct device **device)
{
    const struct ixgbe_product *product = ixgbe_find_product(bus->device_id);
    struct ixgbe_device *ixgbe = calloc(1, sizeof(*ixgbe));
    if (ixgbe == NULL)
        return error_set(IXY_E_NO_MEMORY, "%s: no memory", bus->address);
    ixgbe->device.driver = &ixgbe_driver;
    ixgbe->device.bus = bus;
    ixgbe->device.config = *config;
    ixgbe->device.promiscuous = true;
    ixgbe->device.tx_len_min = IXGBE_TX_LENGTH_MIN;
    ixgbe->mac_type = product->mac_type;
    ixgbe->device.capabilities |= DEVICE_CAN_QUEUE_STATS | ixgbe_capabilities(ixgbe);
    ixgbe->device.frame_len_limit = IXGBE_FRAME_LIMIT - IXGBE_FRAME_CHECKSUM - IXGBE_FRAME_TAG;
    ixgbe->device.tx_len_max = config->frame_len_max;
    ixgbe->device.rx_len_max = ixgbe_rx_length_max(ixgbe);
    ixgbe->device.rx_frames_max = 1;
    if (ixgbe_is_jumbo(ixgbe) && config->pool != NULL)
        ixgbe->device.rx_frames_max =
            (ixgbe->device.rx_len_max + config->pool->buffer_size - 1) / config->pool->buffer_size;
    snprintf(ixgbe->device.name, sizeof(ixgbe->device.name), "%s", product->name);

    int32_t code = 0;
    if (bus_read32(bus, IXGBE_STATUS) == 0xFFFFFFFFu)
        code = error_set(IXY_E_DEVICE, "%s: STATUS reads as ones: no device answers there", bus->address);
    if (code >= 0)
        code = device_check_capabilities(&ixgbe->device);
    if (code >= 0)
        code = ixgbe_reset_hardware(ixgbe);
    if (code >= 0 && config->pool != NULL)
        code = ixgbe_allocate(ixgbe);
    if (code < 0) {
        ixgbe_close(&ixgbe->device);
        return code;
    }
    *device = &ixgbe->device;
    return 0;
}

static void ixgbe_stop(struct device *device)
{
    struct ixgbe_device *ixgbe = (struct ixgbe_device *)device;
    /* Stopping cannot fail; what it could not wait for must not hide why it was called. */
    char text[ERROR_TEXT_SIZE];
    error_save(text);
    ixgbe_receive_stop(ixgbe);
    for (uint32_t i = 0; i < device->config.rx_queues; i++)
        ixgbe_rx_stop(ixgbe, ixgbe->rx[i]);
    for (uint32_t i = 0; i < device->config.tx_queues; i++)
        ixgbe_tx_stop(ixgbe, ixgbe->tx[i]);
    error_restore(text);
}

static int32_t ixgbe_start(struct device *device)
{
    struct ixgbe_device *ixgbe = (struct ixgbe_device *)device;
    int32_t code = 0;
    ixgbe_interrupts_initialize(ixgbe);
    for (uint32_t i = 0; i < device->config.tx_queues && code >= 0; i++)
        code = ixgbe_tx_start(ixgbe, ixgbe->tx[i]);
    for (uint32_t i = 0; i < device->config.rx_queues && code >= 0; i++)
        code = ixgbe_rx_start(ixgbe, ixgbe->rx[i]);
    if (code >= 0)
        code = ixgbe_receive_go(ixgbe);
    if (code < 0)
        ixgbe_stop(device);
    return code;
}

static int32_t ixgbe_reset(struct device *device)
{
    bus_mended(device->bus);
    return ixgbe_reset_hardware((struct ixgbe_device *)device);
}

const struct driver ixgbe_driver = {
    .name = "ixgbe",
    .product = ixgbe_product,
    .open = ixgbe_open,
    .start = ixgbe_start,
    .stop = ixgbe_stop,
    .reset = ixgbe_reset,
    .close = ixgbe_close,
    .rx_batch = ixgbe_rx_batch,
    .tx_batch = ixgbe_tx_batch,
    .rx_batch_owned = ixgbe_rx_batch_owned,
    .tx_batch_owned = ixgbe_tx_batch_owned,
    .rx_ready = ixgbe_rx_ready,
    .rx_interrupt = ixgbe_rx_interrupt,
    .stats = ixgbe_stats,
    .queue_stats = ixgbe_queue_stats,
    .link = ixgbe_link,
    .mac_set = ixgbe_mac_set,
    .promiscuous_set = ixgbe_promiscuous_set,
};
