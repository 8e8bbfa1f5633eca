/* The bus: how a driver reaches its device.
 *
 * A bus is opened for one device and belongs to that device's driver, which closes it last. Control registers go
 * through functions, because an emulated device must see each access (clear-on-read, write-1-to-clear). Doorbells
 * (tail registers) are plain memory that the driver stores to with release order, in hardware and in the model alike,
 * so that the packet path is the same machine code on both.
 *
 * An inline model does its work when it is stepped: by every control register access, and on the packet path by
 * `step`, which the driver calls at the start of each receive batch and when a transmit ring is full. It is NULL for
 * hardware and for models that run by themselves.
 *
 * A VirtIO device has no registers of its own kind: its driver goes through `virtio` (core/virtio/transport.h), which
 * PCI, vhost-user and the emulated device each implement; read32, write32 and doorbell may then be NULL.
 */
#ifndef CORE_BUS_BUS_H
#define CORE_BUS_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/device/address.h"
#include "core/device/checks.h"
#include "core/dma/memory.h"

struct bus;
struct pool;
struct virtio_transport;

struct bus_ops {
    /* 32-bit access to a control register, by its offset in the register space. */
    uint32_t (*read32)(struct bus *bus, uint32_t reg);
    void (*write32)(struct bus *bus, uint32_t reg, uint32_t value);

    /* Where to store a tail register. Valid until close. */
    uint32_t *(*doorbell)(struct bus *bus, uint32_t reg);

    /* Lets the device reach a piece of memory; device_address receives the address of its first byte as the device
     * sees it, the rest follows without gaps. Returns 0 or an error. The owner unmaps before it frees. */
    int32_t (*dma_map)(struct bus *bus, const struct dma_memory *memory, uint64_t *device_address);
    void (*dma_unmap)(struct bus *bus, const struct dma_memory *memory);

    /* Has interrupt vector i signal events[i], an eventfd, for i < count; count 0: none any more. The device's vectors
     * may be fewer (bus.vectors). Returns 0 or an error with its text. NULL: this bus has no interrupts. */
    int32_t (*interrupts_set)(struct bus *bus, const int *events, uint32_t count);

    /* Lets at least that much of the device's time pass. */
    void (*delay)(struct bus *bus, uint32_t microseconds);

    void (*close)(struct bus *bus);
};

#define BUS_FAILURE_SIZE 160
#define BUS_EVENTS_MAX 16 /* receive queues of a device */

/* The event of a receive queue (event.h). Where no other process has its files, all three are one eventfd. */
struct bus_event {
    int fd;   /* what is polled */
    int own;  /* what this process signals */
    int call; /* what the device signals, by its interrupt vector */
};

struct bus {
    const struct bus_ops *ops;
    void (*step)(struct bus *bus);
    const struct virtio_transport *virtio; /* NULL: the device is no VirtIO device */
    bool shares_memory;  /* memory is given to the device by file descriptor: it is shared (memory.h) before dma_map */
    bool wants_physical; /* the device sees physical addresses: memory is pinned (memory.h) before dma_map */
    bool iommu;          /* the device reaches memory through an IOMMU, by addresses that the bus chooses */
    uint32_t failed;     /* atomic, enum bus_health */
    bool leaving;        /* atomic; the device is being taken away: no reset brings it back */
    char failure[BUS_FAILURE_SIZE];
    uint32_t vectors; /* interrupt vectors that there are */
    uint32_t event_count;
    struct bus_event events[BUS_EVENTS_MAX]; /* one for each receive queue, from device_open to device_close */
    uint16_t vendor;
    uint16_t device_id;
    char address[ADDRESS_TEXT_SIZE];
};

/* Nothing can be expected any more of a device that failed: it is gone, or it told its driver what no device may tell.
 * Receive and transmit then return IXY_E_DEVICE at once; a reset clears it. */
enum bus_health { BUS_WORKS, BUS_FAILING, BUS_FAILED };

/* A device that is gone says nothing: its rings stay as they are. So a queue that found nothing to receive, or no room
 * to send, so many times asks the device whether it is still there. A register read takes about a microsecond over
 * PCIe, an idle poll some 10 ns: an idle thread spends a tenth of its time on asking, a busy one nothing. */
#define BUS_IDLE_POLLS 1024u

/* Counts such a poll; true: ask now. */
static inline bool bus_idle(uint32_t *polls)
{
    return ++*polls % BUS_IDLE_POLLS == 0;
}

/* Records that the device failed, and why; the first reason stays. Whoever waits for an event wakes. Any thread. */
void bus_fail(struct bus *bus, const char *format, ...) __attribute__((format(printf, 2, 3), cold));

/* The same for a device that is being taken away. */
void bus_leave(struct bus *bus, const char *reason);

/* Sets the error's text to why the device failed. Returns IXY_E_DEVICE, or 0 if it works. */
int32_t bus_check(const struct bus *bus);

/* Forgets a failure: the device was reset. No queue is in use. That a device is leaving is not forgotten. */
void bus_mended(struct bus *bus);

/* Makes all events readable: whoever waits looks at his queue, and at whether the device failed. Any thread. */
void bus_wake(const struct bus *bus);

/* Makes count events. Returns 0 or an error with its text; close lets go of what there is. */
int32_t bus_events_open(struct bus *bus, uint32_t count);
void bus_events_close(struct bus *bus);

/* Makes the event of a queue readable, or unreadable. */
void bus_event_signal(const struct bus *bus, uint32_t queue);
void bus_event_empty(const struct bus *bus, uint32_t queue);

static inline bool bus_has_failed(const struct bus *bus)
{
    return check_is_made(CHECK_DEVICE) && __atomic_load_n(&bus->failed, __ATOMIC_ACQUIRE) == BUS_FAILED;
}

/* Gives memory that nobody uses yet the pages that this bus's device needs, and lets the device reach it (dma_map). A
 * ring's addresses may change. Returns 0 or an error with its text. */
int32_t bus_map(struct bus *bus, struct dma_memory *memory, uint64_t *device_address);
/* The same for a pool, whose addresses stay; other devices may have it already, or be mapping it at the same time. */
int32_t bus_map_pool(struct bus *bus, struct pool *pool, uint64_t *device_address);
void bus_unmap(struct bus *bus, struct dma_memory *memory);

/* bus_ops.delay of a device whose time is that of the machine. */
void bus_sleep(struct bus *bus, uint32_t microseconds);

/* One way of reaching devices, chosen by an address's scheme. */
struct bus_scheme {
    const char *scheme;
    /* Opens the device that the address names. Returns 0 or an error with its text. */
    int32_t (*open)(struct address *address, struct bus **bus);
};

static inline uint32_t bus_read32(struct bus *bus, uint32_t reg)
{
    return bus->ops->read32(bus, reg);
}

static inline void bus_write32(struct bus *bus, uint32_t reg, uint32_t value)
{
    bus->ops->write32(bus, reg, value);
}

#endif
