/* A VirtIO device made by hand: a test takes available buffers and returns used ones as it likes, in any order and of
 * any length. It checks nothing; the strict device is emu:virtio.
 *
 * The scheme "fake" opens it; device addresses are addresses of this process. One at a time.
 */
#ifndef TESTS_C_VIRTIO_FAKE_H
#define TESTS_C_VIRTIO_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/device/device.h"
#include "core/virtio/spec.h"
#include "core/virtio/transport.h"

#define FAKE_QUEUES 8

struct fake_queue {
    struct virtio_queue_setup setup;
    uint32_t seen;     /* available buffers taken so far */
    uint32_t returned; /* ring positions of used entries so far */
};

struct fake_device {
    struct bus bus;
    uint64_t offered, accepted;
    uint32_t status;
    uint32_t queue_size; /* of every queue */
    bool refuse;         /* FEATURES_OK does not stay */
    uint32_t notified[FAKE_QUEUES];
    uint8_t config[VIRTIO_NET_CONFIG_SIZE];
    struct fake_queue queue[FAKE_QUEUES];
};

/* The device that the next open uses; made anew by fake_device_new. */
extern struct fake_device fake_device;

/* Registers the scheme and makes a device that offers these features. */
void fake_device_new(uint64_t offered);

struct fake_buffer {
    uint16_t id;
    uint64_t address; /* of the first descriptor with room for a frame: the last of a chain */
    uint32_t len;     /* of that descriptor */
    uint64_t header;  /* address of the chain's first descriptor */
    uint32_t header_len;
    uint32_t parts; /* descriptors */
};

/* Takes the next available buffer. */
bool fake_take(uint32_t queue, struct fake_buffer *buffer);

/* Returns a buffer; skip: ring entries that it stands for (1; more for a batch in order). */
void fake_return(uint32_t queue, uint16_t id, uint32_t len, uint32_t skip);

#endif
