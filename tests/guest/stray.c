/* stray receive|transmit ADDRESS: a driver with one mistake, to see what an IOMMU is for. It is our own, but told wrong
 * addresses for packet memory: those that its bus gives, and a terabyte more, where nothing is mapped.
 *
 * QEMU's card can put one page of its own, of zeroes, in the place of memory that it cannot reach, not two: a receive
 * buffer longer than a page breaks it (DEVICE_NEEDS_RESET), and receive must say so; a frame is sent as zeroes. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/bus/pci.h"
#include "core/device/device.h"
#include "core/device/error.h"

enum { STRAY = 40, PACKETS_SIZE = 4 << 20, BUFFER = 8192, FRAME = 60, PATIENCE_SECONDS = 3, EXIT_DEVICE = 3 };

static struct bus_ops stray_ops;
static int32_t (*right_map)(struct bus *bus, const struct dma_memory *memory, uint64_t *device_address);

/* Rings stay right: they are smaller than any pool. */
static int32_t stray_map(struct bus *bus, const struct dma_memory *memory, uint64_t *device_address)
{
    int32_t code = right_map(bus, memory, device_address);
    if (code >= 0 && memory->size >= PACKETS_SIZE)
        *device_address += UINT64_C(1) << STRAY;
    return code;
}

static int32_t stray_open(struct address *address, struct bus **bus)
{
    int32_t code = pci_bus_scheme.open(address, bus);
    if (code < 0)
        return code;
    stray_ops = *(*bus)->ops;
    right_map = stray_ops.dma_map;
    stray_ops.dma_map = stray_map;
    (*bus)->ops = &stray_ops;
    return 0;
}

static const struct bus_scheme stray_scheme = {.scheme = "stray", .open = stray_open};

static bool stray_transmit(struct device *device, struct pool *pool)
{
    uint64_t buffer;
    if (pool_take(pool, &buffer, 1) != 1)
        return false;
    uint32_t offset = (uint32_t)(buffer & FRAME_INDEX_MASK) * pool->stride + POOL_HEADROOM;
    memset(pool->memory.base + offset, 0x5A, FRAME);
    struct frame frame;
    frame_set(&frame, buffer, frame_place_of(offset, FRAME));
    return device_tx_batch(device, 0, &frame, 1) == 1;
}

/* Receives until that finds that the device failed. Returns the error, or 0 if it never did. */
static int32_t stray_receive(struct device *device)
{
    struct frame frames[8];
    int32_t code = 0;
    for (time_t end = time(NULL) + PATIENCE_SECONDS; code >= 0 && time(NULL) <= end;) {
        uint32_t received = device_rx_batch(device, 0, frames, 8);
        if (received > 0)
            printf("received %u frames\n", received);
        code = bus_check(device->bus);
    }
    return code;
}

static int stray_fail(const char *text)
{
    printf("%s\n", text);
    return 1;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 3)
        return stray_fail("stray receive|transmit ADDRESS");
    device_register_bus(&stray_scheme);
    struct pool *pool;
    struct device *device;
    struct device_config config = {0};
    if (pool_open(2048, BUFFER, 0, &pool) < 0)
        return stray_fail(error_text());
    config.pool = pool;
    if (device_open(argv[2], &config, &device) < 0 || device_start(device) < 0)
        return stray_fail(error_text());
    printf("started\n");
    if (strcmp(argv[1], "transmit") == 0 && !stray_transmit(device, pool))
        return stray_fail("no frame was sent");
    int32_t code = stray_receive(device);
    printf("%s\n", code < 0 ? error_text() : "the device works");
    device_close(device);
    pool_close(pool);
    printf("closed cleanly\n");
    return code == IXY_E_DEVICE ? EXIT_DEVICE : 0;
}
