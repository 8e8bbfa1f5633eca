/* The VirtIO-net driver, by VirtIO 1.3 (sections 2 and 5.1), with the legacy interface of 0.9.5 where a device knows no
 * other.
 *
 * The device owns its queues; a queue owns its part of the rings' memory, the list of buffers that the device holds,
 * and a cache of the pool. Each buffer takes one descriptor (two for a legacy device without ANY_LAYOUT): the header
 * lies in the pool's memory right before the frame, so that header and frame start share a cache line.
 *
 * What the device writes is input. It never becomes an index or a length before it was checked, each word is read once,
 * and nothing that the driver put into a ring is ever read back: which buffer belongs to which descriptor is private
 * state. A device that names a buffer which it does not hold has failed (bus_fail); a frame that cannot be is dropped
 * and counted.
 *
 * Control functions want one caller at a time, a queue one thread at a time.
 */
#ifndef CORE_VIRTIO_VIRTIO_H
#define CORE_VIRTIO_VIRTIO_H

#include <stdbool.h>
#include <stdint.h>

#include "core/device/device.h"
#include "core/virtio/spec.h"
#include "core/virtio/transport.h"

#define VIRTIO_TX_LENGTH_MIN 14    /* an Ethernet header */
#define VIRTIO_RX_LENGTH_MIN 14    /* no section of 5.1 asks the device to pad */
#define VIRTIO_RX_LENGTH_MAX 1518u /* with a VLAN tag */
#define VIRTIO_VLAN_TAG 4u
/* The longest jumbo frame where the device names no MTU: as long as those of other devices. */
#define VIRTIO_FRAME_LENGTH_LIMIT 9710u

/* The most buffers that a received packet takes: the longest there is, in the smallest buffers. */
#define VIRTIO_BUFFER_SIZE_MIN 1024u
#define VIRTIO_RX_FRAMES_MAX                                                                                           \
    ((UINT16_MAX + VIRTIO_VLAN_TAG + VIRTIO_NET_HDR_SIZE + VIRTIO_BUFFER_SIZE_MIN - 1) / VIRTIO_BUFFER_SIZE_MIN)

/* Buffers that are missing in a receive queue before new ones are posted, as each posting costs a full barrier. */
#define VIRTIO_RX_POST 32

struct virtio_chains;

/* A virtqueue of frames. Positions count up without wrapping; position & mask is the slot.
 *   [taken, posted)  the device's, with buffers
 *   [posted, taken + capacity)  free
 * `id` says which descriptor (split: its head; packed: which Buffer ID) stands for each slot. A device may return
 * buffers in another order than that of the slots: then two slots change places, so that what the device holds is
 * always at [taken, posted), and the common case, all in order, has nothing to keep. */
struct virtio_queue {
    struct virtq_desc *desc; /* split */
    struct virtq_avail *avail;
    struct virtq_used *used;
    struct virtq_packed_desc *ring; /* packed */
    struct virtq_event_suppress *device_event;
    struct virtq_event_suppress *driver_event;

    uint64_t *buffer; /* by slot: token of the buffer */
    uint16_t *id;     /* by slot */
    uint16_t *slot;   /* by id >> id_shift */
    uint32_t posted;
    uint32_t taken;
    uint32_t mask;      /* positions - 1 */
    uint32_t limit;     /* buffers that the device may hold: as many as there are positions, or were asked for */
    uint32_t ring_mask; /* descriptors - 1 */
    uint32_t size_bits; /* log2 of descriptors */
    uint32_t id_mask;   /* the ids that exist have no bit outside */
    uint32_t id_shift;  /* 1 where each buffer takes two descriptors */
    uint16_t notified;  /* position up to which the device was told, or needed not be */
    bool packed;
    bool in_order;
    bool event_idx;
    bool mergeable;
    bool avx2;     /* the processor has it */
    bool careful;  /* receive: packets may be marked, or span buffers (packet.h) */
    bool checksum; /* receive: GUEST_CSUM, transmit: CSUM was agreed upon */

    uint32_t header;       /* bytes before each frame */
    uint32_t stride;       /* bytes from buffer to buffer in the pool */
    uint32_t room;         /* receive: bytes of a posted buffer, header included */
    uint32_t length_max;   /* longest packet, without header */
    uint32_t frames_max;   /* receive: most buffers that a packet takes */
    uint8_t *pool_base;    /* the pool's memory, as this process sees it */
    uint64_t pool_address; /* and as the device does */
    const struct ownership *ownership;
    struct metadata *metadata;    /* of the pool */
    struct virtio_chains *chains; /* transmit for jumbo frames, else NULL (chain.c) */
    struct bus *bus;
    struct bus *step;                          /* the bus if its model wants to be stepped, else NULL */
    uint32_t idle;                             /* polls that found nothing, or no room, see bus_idle */
    uint64_t packets, bytes, dropped, starved; /* see struct device_stats; written by the queue's thread only */
    uint32_t number;                           /* the virtqueue's, 5.1.2 */
    uint32_t size;                             /* descriptors */
    uint32_t allocated;                        /* descriptors that there is memory for */
    uint32_t wanted;                           /* descriptors that were asked for */
    uint64_t ring_offset;                      /* of its areas in the rings' memory */
    struct pool_cache cache;
};

/* The control queue: one command at a time. */
struct virtio_control {
    uint32_t size;
    uint32_t allocated; /* descriptors that there is memory for */
    uint32_t next;      /* descriptors used so far, counting without wrapping */
    uint32_t sent;      /* commands */
    uint64_t ring_offset;
    uint64_t device_offset;  /* of the device area */
    uint64_t command_offset; /* of command, data and answer in the rings' memory */
};

struct virtio_device {
    struct device device;
    const struct virtio_transport *transport;
    uint32_t status;   /* the device status as this driver has set it; what the device says of it is never stored */
    bool known;        /* features, lengths, pairs and address were learned: no later negotiation changes them */
    uint64_t features; /* negotiated */
    uint32_t pairs;    /* in use */
    uint32_t pairs_max;
    bool jumbo;              /* frames over several buffers were asked for, and are possible */
    bool mac_chosen;         /* somebody set another address than device.mac was at first */
    struct dma_memory rings; /* of all queues: one piece, as vhost-user carries few */
    uint64_t rings_address;
    uint64_t pool_address;
    bool pool_mapped;
    struct virtio_control control;
    struct virtio_queue *rx[DEVICE_QUEUES_MAX];
    struct virtio_queue *tx[DEVICE_QUEUES_MAX];
};

extern const struct driver virtio_driver;

static inline bool virtio_has(const struct virtio_device *virtio, uint32_t feature)
{
    return (virtio->features >> feature & 1) != 0;
}

/* negotiate.c: reset, then features up to FEATURES_OK, then what the configuration says. Each is learned once, when the
 * device is opened: later the device must offer the same features at least, and is not asked for the rest. */
int32_t virtio_negotiate(struct virtio_device *virtio);
/* Resets the device. Returns 0, or an error with its text; the next negotiation begins anew all the same. */
int32_t virtio_status_reset(struct virtio_device *virtio);
const char *virtio_feature(const struct device *device, uint32_t index);
/* Returns 0, or IXY_E_DEVICE with its text if the device has failed or asks for a reset (2.1.2). */
int32_t virtio_check(struct virtio_device *virtio);
/* Asks the device for its status, as a queue's thread; the device has failed if it is gone or asks for a reset. */
void virtio_watch(struct bus *bus) __attribute__((cold));
/* Sets a bit of the device status, beside those that this driver has set. */
int32_t virtio_status_add(struct virtio_device *virtio, uint32_t bit);

/* queue.c: memory of all queues; free lets go of what there is. */
int32_t virtio_queues_allocate(struct virtio_device *virtio);
void virtio_queues_free(struct virtio_device *virtio);
/* Prepares a queue for what was negotiated and tells the device where it is, and the vector of its interrupt, which is
 * off. */
int32_t virtio_queue_start(struct virtio_device *virtio, struct virtio_queue *queue, uint32_t vector);
/* Gives all buffers that the device held back to the pool. The device was reset. */
void virtio_queue_stop(struct virtio_queue *queue);
int32_t virtio_control_start(struct virtio_device *virtio);

/* control.c: the control queue, 5.1.6.5 */
int32_t virtio_mac_set(struct device *device, const uint8_t mac[6]);
int32_t virtio_promiscuous_set(struct device *device, bool on);
/* Queue pairs, address and filter, after DRIVER_OK. */
int32_t virtio_control_apply(struct virtio_device *virtio);

/* interrupt.c: waiting for received frames */
bool virtio_rx_ready(void *queue);
void virtio_rx_interrupt(void *queue, bool on);

/* rx.c, tx.c: the packet path */
void virtio_rx_post(struct virtio_queue *queue);
uint32_t virtio_rx_batch(void *queue, struct frame *frames, uint32_t count);
uint32_t virtio_rx_batch_owned(void *queue, struct frame *frames, uint32_t count);
uint32_t virtio_tx_batch(void *queue, const struct frame *frames, uint32_t count);
uint32_t virtio_tx_batch_owned(void *queue, const struct frame *frames, uint32_t count, int32_t *code);

#endif
