/* What a device is: a driver's state behind one interface.
 *
 * device_open finds the bus that the address names, the driver that knows the device there, and has it reset and
 * identified; device_start fills the rings; device_close gives every buffer of the rings back to the pool and frees
 * all the rest. Control functions want one caller at a time; a queue wants one thread at a time; queues are
 * independent. The caller (the ABI, or a program linked statically) sees to both.
 */
#ifndef CORE_DEVICE_DEVICE_H
#define CORE_DEVICE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bus/bus.h"
#include "core/dma/frame.h"
#include "core/dma/pool.h"

#define DEVICE_QUEUES_MAX 16
#define DEVICE_RING_MIN 64
#define DEVICE_RING_MAX 4096

/* What a device and its driver may be able to do. Those of DEVICE_OFFLOADS are done only when asked for. */
#define DEVICE_CAN_RX_CHECKSUM 1u
#define DEVICE_CAN_TX_CHECKSUM 2u
#define DEVICE_CAN_VLAN_STRIP 4u
#define DEVICE_CAN_VLAN_INSERT 8u
#define DEVICE_CAN_RX_TIMESTAMP 16u
#define DEVICE_CAN_JUMBO 32u
#define DEVICE_CAN_QUEUE_STATS 64u
#define DEVICE_CAN_RX_WAIT 128u
#define DEVICE_OFFLOADS 31u

struct device_config {
    uint32_t rx_queues;
    uint32_t tx_queues;
    uint32_t rx_ring_size;
    uint32_t tx_ring_size;
    struct pool *pool;      /* NULL: the device can be queried but not started */
    uint32_t offloads;      /* DEVICE_CAN_* of DEVICE_OFFLOADS */
    uint32_t frame_len_max; /* bytes, without checksum */
};

struct device_stats {
    uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
    uint64_t rx_missed, rx_errors, rx_dropped, rx_starved;
};

struct device_queue_stats {
    uint64_t rx_packets, rx_bytes, rx_missed, rx_dropped, rx_starved, tx_packets, tx_bytes;
};

struct device_link {
    bool up;
    uint32_t speed_mbps;
};

struct device;

struct driver {
    const char *name;
    /* What a device with these PCI ids is called; NULL if this driver does not know it. */
    const char *(*product)(uint16_t vendor, uint16_t device_id);
    /* Resets and identifies the device; on success the device owns the bus. */
    int32_t (*open)(struct bus *bus, const struct device_config *config, struct device **device);

    int32_t (*start)(struct device *device);
    /* Stops all queues; the buffers of the rings go back to the pool. */
    void (*stop)(struct device *device);
    /* Resets the hardware of a stopped device to the state after open. */
    int32_t (*reset)(struct device *device);
    /* Frees the device, not its bus. */
    void (*close)(struct device *device);

    /* The packet path; queue is rx[i] or tx[i] of the device. Both return how many frames they moved.
     * The plain ones work on buffer indices and trust the caller's frames. The owned ones keep the pool's ownership
     * table: what is received is handed out; what is sent is checked and taken back, and the first frame that may not
     * be sent ends the batch, with why in *code. */
    uint32_t (*rx_batch)(void *queue, struct frame *frames, uint32_t count);
    uint32_t (*tx_batch)(void *queue, const struct frame *frames, uint32_t count);
    uint32_t (*rx_batch_owned)(void *queue, struct frame *frames, uint32_t count);
    uint32_t (*tx_batch_owned)(void *queue, const struct frame *frames, uint32_t count, int32_t *code);

    /* Waiting: whether a receive would find something or tell that the device failed; and the queue's interrupt, which
     * signals the event that bus_ops.interrupts_set connected to the vector of the queue's number. Switched off,
     * it may come once more; after that it is off until it is switched on again. Called as rx_batch is. */
    bool (*rx_ready)(void *queue);
    void (*rx_interrupt)(void *queue, bool on);

    int32_t (*stats)(struct device *device, struct device_stats *stats);
    /* What receive and transmit queue number `queue` did, if there are such; NULL without DEVICE_CAN_QUEUE_STATS. */
    int32_t (*queue_stats)(struct device *device, uint32_t queue, struct device_queue_stats *stats);
    int32_t (*link)(struct device *device, struct device_link *link);
    int32_t (*mac_set)(struct device *device, const uint8_t mac[6]);
    int32_t (*promiscuous_set)(struct device *device, bool on);
    /* The name of the index-th feature that driver and device agreed upon, NULL past the last. */
    const char *(*feature)(const struct device *device, uint32_t index);
};

struct device {
    const struct driver *driver;
    struct bus *bus;
    struct device_config config;
    uint32_t committed; /* buffers reserved in the pool */
    bool started;
    bool restarts; /* was started once: a reset starts it again, if need be at the second attempt */
    bool promiscuous;
    uint8_t mac[6];
    char name[32]; /* "Intel 82599" */
    uint32_t tx_len_min, tx_len_max;
    uint32_t rx_len_max, rx_frames_max; /* of one packet: bytes, and buffers that it takes at most */
    uint32_t rx_header;                 /* bytes that the device writes before each packet */
    uint32_t capabilities;              /* DEVICE_CAN_*; set by the driver's open, RX_WAIT by device_open */
    uint32_t frame_len_limit;           /* longest frame_len_max with DEVICE_CAN_JUMBO; set by the driver's open */
    bool frame_len_by_buffer;           /* and larger buffers would allow more */
    void *rx[DEVICE_QUEUES_MAX];
    void *tx[DEVICE_QUEUES_MAX];
};

/* Makes a bus known by its scheme; the table belongs to the caller and stays. At most 8. */
void device_register_bus(const struct bus_scheme *scheme);

/* What a device with these PCI ids is called; NULL if no driver knows it. */
const char *device_product(uint16_t vendor, uint16_t device_id);
/* The error of a device that no driver knows. */
int32_t device_no_driver(const char *address, uint16_t vendor, uint16_t device_id);

/* config: zeroes are replaced by defaults. Errors: those of ixy_device_open. */
int32_t device_open(const char *address, const struct device_config *config, struct device **device);
int32_t device_start(struct device *device);

/* Whether the device can do what its configuration asks for, by capabilities, frame_len_limit and what a buffer of the
 * pool must hold. device_open asks when the driver has opened it; a driver that knows earlier asks then. Returns 0,
 * IXY_E_UNSUPPORTED, IXY_E_RANGE or IXY_E_POOL_SIZE. */
int32_t device_check_capabilities(const struct device *device);
int32_t device_reset(struct device *device);
void device_close(struct device *device);

static inline uint32_t device_rx_batch(struct device *device, uint32_t queue, struct frame *frames, uint32_t count)
{
    return device->driver->rx_batch(device->rx[queue], frames, count);
}

static inline uint32_t device_tx_batch(struct device *device, uint32_t queue, const struct frame *frames,
                                       uint32_t count)
{
    return device->driver->tx_batch(device->tx[queue], frames, count);
}

#endif
