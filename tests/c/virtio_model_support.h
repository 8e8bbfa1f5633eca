/* A small driver over the bare transport and rings, for tests of the emulated VirtIO device: it does what the
 * specification asks, one step at a time, and leaves every choice to the test. */
#ifndef TESTS_C_VIRTIO_MODEL_SUPPORT_H
#define TESTS_C_VIRTIO_MODEL_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/virtio/spec.h"
#include "core/virtio/transport.h"
#include "tests/c/emu_support.h"

#define VTEST_SIZE 64 /* descriptors of a queue */
#define VTEST_QUEUES 9
#define VTEST_BUFFERS 256
#define VTEST_ROOM 2048 /* bytes of a buffer that tests use */

struct vtest_queue {
    uint64_t address[3]; /* device addresses of the three areas */
    uint8_t *area[3];
    uint32_t size;
    uint32_t next;  /* split: descriptors made available; packed: position */
    uint32_t avail; /* split: available index */
    uint32_t used;  /* split: used index; packed: position */
    bool wrap, used_wrap;
    uint16_t count[VTEST_SIZE]; /* packed: descriptors of the buffer with this id */
};

/* A descriptor as a test writes it: flags are NEXT, WRITE, INDIRECT and nonsense; AVAIL and USED are vtest_post's. */
struct vtest_part {
    uint64_t address;
    uint32_t len;
    uint32_t flags;
};

struct vtest {
    struct bus *bus;
    struct dma_memory pool, rings;
    uint64_t pool_address, rings_address;
    uint64_t owner[VTEST_BUFFERS];
    uint64_t accepted;
    bool packed;
    uint32_t header;
    uint32_t taken; /* buffers that tests have taken */
    struct vtest_queue queue[VTEST_QUEUES];
};

/* Opens emu:virtio with the options (which begin with a comma, or are empty) and maps pool and rings. */
void vtest_open(struct vtest *test, const char *options);
/* Resets the device, unmaps all, closes; and there must have been as many violations. */
void vtest_close(struct vtest *test, uint32_t violations);

uint32_t vtest_status(struct vtest *test);
void vtest_status_add(struct vtest *test, uint32_t bits);
uint64_t vtest_offered(struct vtest *test);
/* All up to FEATURES_OK. */
void vtest_negotiate(struct vtest *test, uint64_t features);
/* Where a queue's areas go; written by queue_enable, which vtest_enable calls. */
struct virtio_queue_setup vtest_setup(struct vtest *test, uint32_t queue, uint32_t size);
void vtest_enable(struct vtest *test, uint32_t queue);
/* All of it: every feature accepted, `queues` queues and the control queue if there is one, DRIVER_OK. */
void vtest_start(struct vtest *test, uint32_t queues);
uint32_t vtest_control(const struct vtest *test);

/* A new buffer of the pool: its device address and its bytes. */
uint64_t vtest_take(struct vtest *test);
uint8_t *vtest_bytes(const struct vtest *test, uint64_t address);

/* Writes the descriptors of one buffer and makes it available; split: from the next free descriptor on. Returns its
 * id. NEXT is set in all but the last. */
uint16_t vtest_post(struct vtest *test, uint32_t queue, const struct vtest_part *parts, uint32_t count);
/* The same with an id of the test's choice (split: where the descriptors begin). */
void vtest_post_id(struct vtest *test, uint32_t queue, const struct vtest_part *parts, uint32_t count, uint16_t id);
void vtest_notify(struct vtest *test, uint32_t queue);
void vtest_step(struct vtest *test);

/* The next used buffer, if there is one. */
bool vtest_used(struct vtest *test, uint32_t queue, uint32_t *id, uint32_t *len);

/* Posts one receive buffer; sends a frame behind an empty header. Both return the buffer's address. */
uint64_t vtest_post_receive(struct vtest *test, uint32_t queue);
uint64_t vtest_send(struct vtest *test, uint32_t queue, const uint8_t *frame, uint32_t len);
/* A broadcast frame of UDP over IPv4 whose ports tell its flow, and bytes that tell its number. */
void vtest_frame(uint8_t *frame, uint32_t len, uint32_t flow, uint32_t number);
/* Runs a control command; returns its answer. */
uint8_t vtest_command(struct vtest *test, uint8_t class, uint8_t command, const void *data, uint32_t size);

/* A mistake of a driver, and the violation that it is. */
struct vmistake {
    const char *name;
    const char *options;
    void (*make)(struct vtest *test);
    const char *violation; /* a part of the text of the first violation */
};

/* Makes each mistake on a device of its own, with the options of a ring before the mistake's. */
void vmistakes_run(const char *ring, const struct vmistake *mistakes, size_t count);

#endif
