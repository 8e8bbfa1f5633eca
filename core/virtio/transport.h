/* The transport: how the VirtIO driver reaches its device's status, features, configuration and queues (VirtIO 1.3,
 * section 4). PCI, vhost-user and the emulated device each implement it; the rings themselves are plain memory.
 *
 * All functions are control calls under one caller at a time, but status_peek and notify, which each queue's thread
 * calls.
 */
#ifndef CORE_VIRTIO_TRANSPORT_H
#define CORE_VIRTIO_TRANSPORT_H

#include <stdint.h>

#include "core/bus/bus.h"

/* Where a virtqueue lies: device addresses of its three areas (2.6 and 2.8, which call them Descriptor Area, Driver
 * Area and Device Area). For a split queue that is descriptor table, available ring, used ring; for a packed one
 * descriptor ring, driver event suppression, device event suppression. */
struct virtio_queue_setup {
    uint32_t size; /* descriptors */
    uint64_t descriptor_area;
    uint64_t driver_area;
    uint64_t device_area;
    uint32_t vector; /* interrupt vector that tells of used buffers, or VIRTIO_VECTOR_NONE */
};

#define VIRTIO_VECTOR_NONE 0xFFFFu /* VIRTIO_MSI_NO_VECTOR, 4.1.5.1.2 */

struct virtio_transport {
    /* Queue pairs are in use once they are enabled, without a command of the control queue. */
    bool pairs_without_control;
    /* Each queue has exactly the size that the device says, and its areas lie as 2.7.2 wants it: both are fixed in the
     * legacy PCI interface, which is told one address. */
    bool fixed_layout;

    /* The features that the device offers. Returns 0 or an error with its text. */
    int32_t (*features)(struct bus *bus, uint64_t *offered);
    /* Tells the device which of them the driver wants; FEATURES_OK in the status then says whether it agrees. */
    int32_t (*features_accept)(struct bus *bus, uint64_t features);

    /* The device status (2.1). What `status` tells is the device's word: it may say that the device asks for a reset,
     * is gone, or took the features, and is never written back, as the driver's own bits are the driver's. Writing 0
     * resets: when status_set returns 0, the device reads 0 there and touches no memory any more; a device that does
     * not get there in about a second is IXY_E_TIMEOUT. */
    int32_t (*status)(struct bus *bus, uint32_t *status);
    int32_t (*status_set)(struct bus *bus, uint32_t status);
    /* The device status as any queue's thread may ask for it at any time, by one cheap read; VIRTIO_STATUS_GONE: nobody
     * answers. NULL: the transport itself notices when its device is gone. */
    uint32_t (*status_peek)(struct bus *bus);

    /* The device's configuration space (5.1.4), little-endian as in VirtIO 1. */
    int32_t (*config_read)(struct bus *bus, uint32_t offset, void *bytes, uint32_t size);
    int32_t (*config_write)(struct bus *bus, uint32_t offset, const void *bytes, uint32_t size);

    /* The most descriptors that a queue can have; 0: there is no such queue. */
    int32_t (*queue_size_max)(struct bus *bus, uint32_t queue, uint32_t *size);
    /* Tells the device where a queue lies and enables it; the device uses it from DRIVER_OK on. */
    int32_t (*queue_enable)(struct bus *bus, uint32_t queue, const struct virtio_queue_setup *setup);

    /* Tells the device that a queue has new buffers. Does not wait; a vhost-user back end that makes it wait all the
     * same has failed within about a second, and the call then returns. */
    void (*notify)(struct bus *bus, uint32_t queue);
};

#endif
