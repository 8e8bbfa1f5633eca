/* A model of a VirtIO-net device: what the device does, written from the VirtIO 1.3 specification, whose section
 * numbers stand beside the code.
 *
 * Its driver comes through struct virtio_transport (transport.c) for status, features, configuration and queues, and
 * through the rings, plain memory, for the rest. Nothing that a driver writes makes the model touch memory which is
 * not mapped, or run without end: each descriptor is read once, checked, and translated into private state; DMA goes
 * by that state. What is wrong is a violation, which names the virtqueue, the descriptor, what is right, and where
 * that is written. A wrong buffer is used with nothing in it; a ring whose state is unknown stops (vmodel_break) until
 * the driver resets the device.
 */
#ifndef EMU_VIRTIO_MODEL_H
#define EMU_VIRTIO_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/dma/frame.h"
#include "core/virtio/spec.h"
#include "core/virtio/transport.h"
#include "emu/device.h"

#define VMODEL_PAIRS_MAX 16
#define VMODEL_QUEUES (2 * VMODEL_PAIRS_MAX + 1)
#define VMODEL_CONTROL_SIZE 64 /* of the control queue, at most */
#define VMODEL_PLACE_SIZE 80   /* of a text that names a descriptor */
#define VMODEL_MTU_MAX 9216
#define VMODEL_FRAME_MAX WIRE_FRAME_MAX /* where no MTU was negotiated: as long as wires carry */
#define VMODEL_BATCH 64                 /* frames between two looks at what the driver sees */

/* A descriptor that the device holds, or is about to use. */
struct vmodel_slot {
    uint64_t address; /* device address, checked; 0: the device must not touch it */
    uint32_t len;
    uint16_t id; /* of the buffer: split: its chain's head; packed: the Buffer ID */
    uint16_t flags;
};

#define VMODEL_SLOT_LAST 1u  /* of its buffer */
#define VMODEL_SLOT_WRITE 2u /* device-writable */

/* The descriptors of one buffer, in model->chain. */
struct vmodel_chain {
    struct vmodel_slot *slot;
    uint32_t count;
    uint32_t position; /* split: of its head in the descriptor table; packed: of its first descriptor */
    uint16_t id;
    bool bad;
};

struct vmodel_packed_batch;

enum vmodel_direction { VMODEL_RECEIVE, VMODEL_TRANSMIT, VMODEL_CONTROL };

struct vmodel_queue {
    const struct virtq_desc *desc; /* split */
    const struct virtq_avail *avail;
    struct virtq_used *used;
    struct virtq_packed_desc *ring;     /* packed */
    struct virtq_packed_desc *withheld; /* the first that the present batch returns; else NULL */
    const struct virtq_event_suppress *driver_event;
    struct virtq_event_suppress *device_event;

    uint32_t size;
    uint32_t next;      /* split: available index up to which the device has looked; packed: position */
    uint32_t used_next; /* split: used index, of which the driver may not know yet; packed: position */
    bool wrap, used_wrap;
    uint32_t outstanding; /* packed: descriptors from used_next to next */
    bool skips;           /* packed: one used descriptor has told of several */
    uint32_t order;       /* split, in order: the descriptor that the next chain begins with */

    bool live;       /* atomic: the device uses it */
    bool broken;     /* its state is unknown: reported, left alone until reset */
    bool suppressed; /* wrong event suppression flags were reported */
    uint32_t kicked; /* atomic: the driver notified the device */

    /* What the device holds, from head to fetched, by position & slot_mask; positions count without wrapping. Receive
     * queues hold what was posted; transmit queues, within a batch, what the fast way did not take. */
    struct vmodel_slot *slots;
    uint32_t slot_mask;
    uint32_t head, fetched;
    bool *held; /* split: descriptor n is the device's; packed: Buffer ID n is */

    /* Interrupts: what the device has returned since it last looked whether the driver wants one. */
    uint32_t vector;  /* or VIRTIO_VECTOR_NONE */
    uint32_t told;    /* used_next then */
    bool told_wrap;   /* packed: used_wrap then */
    uint32_t untold;  /* buffers; packed: descriptors */
    uint32_t quiet;   /* steps since then in which it returned some */
    uint32_t counted; /* used_next up to which `untold` counts */
    bool counted_wrap;

    /* hostile (lies.c): told up to this used index; one more than the last id; the device leaves it alone, a receive
     * queue at once, a transmit queue from its next step on */
    uint32_t lies_published, lies_before;
    bool lies_end;

    uint32_t number;
    enum vmodel_direction direction;
    uint32_t region[3]; /* slots of its areas' memory */
    uint64_t area_first[3], area_end[3];
    bool enabled;
};

struct virtio_model {
    struct emu_device device; /* first */

    /* options */
    uint64_t offered;
    uint32_t pairs, ring_size, span;
    uint16_t mtu;
    bool partial; /* leaves the checksums of received frames to the driver, as for frames that never were on a wire */
    bool gone;    /* hostile: nothing answers */
    bool notify;  /* wants to be notified, and looks at a ring only then */
    bool asleep;  /* wants to be notified, to be woken */

    /* what was negotiated */
    uint64_t accepted;
    uint32_t status;
    bool status_seen; /* read since FEATURES_OK was written */
    bool packed, in_order, event_idx, mergeable;
    bool fills;         /* CSUM: checksums of frames to send */
    bool verifies;      /* GUEST_CSUM: checksums of received frames */
    bool header_alone;  /* the header has a descriptor of its own, 5.1.6.6 */
    uint32_t header;    /* its size */
    uint32_t frame_max; /* longest, either way: the MTU's, or what the model can handle at all */

    uint32_t active; /* queue pairs */
    bool promiscuous;
    bool direct; /* generated frames go straight to receive queue 0, into buffers of one descriptor each */
    uint8_t mac[6], station[6]; /* in use; of the device after reset */

    /* the chain that is being read: room for as many descriptors as a queue can have */
    struct vmodel_slot *chain;
    uint16_t *chain_index; /* split: their places in the descriptor table */
    uint8_t scratch[VIRTIO_NET_HDR_SIZE + VMODEL_FRAME_MAX];
    struct vmodel_queue queues[VMODEL_QUEUES];
};

static inline struct virtio_model *vmodel_of(struct emu_device *device)
{
    return (struct virtio_model *)device;
}

static inline bool vmodel_has(const struct virtio_model *model, uint32_t feature)
{
    return (model->accepted >> feature & 1) != 0;
}

/* model.c: the bus knows the model by this table */
extern const struct emu_model_ops virtio_model_ops;
/* Recomputes whether generated frames can go the short way. */
void vmodel_direct_settle(struct virtio_model *model);
/* Back to where it was when powered on. */
void vmodel_reset(struct virtio_model *model);

/* transport.c */
extern const struct virtio_transport vmodel_transport;

/* features.c: false if the device cannot work with what the driver accepted, which is reported */
bool vmodel_features_check(struct virtio_model *model);
/* Fixes what the features mean for rings and headers. */
void vmodel_features_settle(struct virtio_model *model);

/* queue.c */
uint32_t vmodel_queue_count(const struct virtio_model *model);
uint32_t vmodel_queue_size_max(const struct virtio_model *model, uint32_t number);
int32_t vmodel_queue_enable(struct virtio_model *model, uint32_t number, const struct virtio_queue_setup *setup);
void vmodel_queue_start(struct virtio_model *model, struct vmodel_queue *queue);
void vmodel_queue_stop(struct virtio_model *model, struct vmodel_queue *queue);
/* The state of a queue's ring is unknown: the device stops looking at it and says that it needs a reset (2.1.2). */
void vmodel_break(struct virtio_model *model, struct vmodel_queue *queue);
/* "virtqueue 3 (transmit 1)" into text. */
const char *vmodel_queue_name(const struct vmodel_queue *queue, char *text);
/* unmap.c: memory is about to be unmapped */
void vmodel_unmap(struct emu_device *device, uint32_t slot);

/* split.c, packed.c: the rare ways of ring.h. read: the next buffer, false if there is none or the ring broke. */
bool vmodel_split_read(struct virtio_model *model, struct vmodel_queue *queue, struct vmodel_chain *chain);
void vmodel_split_jumped(struct virtio_model *model, struct vmodel_queue *queue, uint16_t idx);
void vmodel_split_flags(struct virtio_model *model, struct vmodel_queue *queue, uint16_t flags);
bool vmodel_packed_read(struct virtio_model *model, struct vmodel_queue *queue, struct vmodel_chain *chain);
void vmodel_packed_event(struct virtio_model *model, struct vmodel_queue *queue);
/* Tells the driver whether the device wants to hear of more buffers. */
void vmodel_notifications(struct virtio_model *model, struct vmodel_queue *queue);

/* buffer.c: whether the device may use a descriptor's memory. Claims it if it is a pool's; *mark is then its mark.
 * Returns where it lies, or NULL, reported. */
uint8_t *vmodel_buffer_claim(struct virtio_model *model, const struct vmodel_queue *queue, uint32_t position,
                             uint64_t address, uint32_t len, bool **mark);
/* The memory of a slot, whose buffer is the driver's again; NULL if DMA must not happen. */
uint8_t *vmodel_buffer_release(struct virtio_model *model, const struct vmodel_queue *queue,
                               const struct vmodel_slot *slot);
/* Whether a frame's descriptors are as those of its direction are, and how many bytes they have. */
bool vmodel_chain_judge(struct virtio_model *model, const struct vmodel_queue *queue, const struct vmodel_chain *chain,
                        uint64_t *size);
/* Claims all of a buffer's descriptors, which may lie in one buffer of a pool; false if one must not be used. */
bool vmodel_chain_claim(struct virtio_model *model, const struct vmodel_queue *queue, const struct vmodel_chain *chain);
/* Names a descriptor. */
const char *vmodel_place(const struct vmodel_queue *queue, uint32_t position, char *text);

/* interrupt.c: after a step: interrupts whoever waits for what it returned. */
void vmodel_interrupts(struct virtio_model *model);

/* rx.c, tx.c, control.c: the engines; how many frames they moved */
uint32_t vmodel_receive(struct virtio_model *model, uint32_t most);
void vmodel_receive_fetch(struct virtio_model *model, struct vmodel_queue *queue);
uint32_t vmodel_transmit(struct virtio_model *model, uint32_t most);
uint32_t vmodel_control(struct virtio_model *model);

/* checksum.c: of TCP and UDP (RFC 9293, RFC 768), without options of IPv6. Where a frame's checksum is to be found. */
enum vmodel_checksum { VMODEL_CHECKSUM_NONE, VMODEL_CHECKSUM_GOOD, VMODEL_CHECKSUM_BAD };
struct vmodel_checksum_place {
    uint32_t start, offset; /* as csum_start and csum_offset */
};
enum vmodel_checksum vmodel_checksum_verify(const uint8_t *frame, uint32_t len, struct vmodel_checksum_place *place);
/* Sums from start to the end of the frame and stores the complement at start + offset, which lies in it. */
void vmodel_checksum_fill(uint8_t *frame, uint32_t len, uint32_t start, uint32_t offset);
/* Puts the sum over the pseudo header where a checksum is; false, with nothing done, if what follows the IP packet
 * would change what the driver makes of it. */
bool vmodel_checksum_undo(uint8_t *frame, uint32_t len, const struct vmodel_checksum_place *place);

/* lies.c: a hostile device. Asked only if hostile_is. */
/* A batch of completions is about to become visible; of a split ring, by which index. */
void vmodel_lie_publish(struct virtio_model *model, struct vmodel_queue *queue, struct vmodel_packed_batch *batch);
uint32_t vmodel_lie_index(struct virtio_model *model, struct vmodel_queue *queue);
/* Between the driver's looks; true: the device is gone. */
bool vmodel_lie_step(struct virtio_model *model);
/* The device leaves a queue alone: what it held is the driver's again, as the driver may believe so. */
void vmodel_lie_leave(struct virtio_model *model, struct vmodel_queue *queue);
void vmodel_lie_event(struct virtio_model *model, struct vmodel_queue *queue);
/* A reset brings back a device that is gone, unless it stays away for good. */
bool vmodel_lie_back(struct virtio_model *model);
/* How a reset ends for the driver. */
int32_t vmodel_lie_reset(struct virtio_model *model);
void vmodel_lie_config(struct virtio_model *model, uint32_t offset, uint8_t *config);
uint32_t vmodel_lie_queue_size(struct virtio_model *model, uint32_t size);

/* steer.c: whether a frame is for this station; which queue pair takes it */
bool vmodel_accepts(const struct virtio_model *model, const uint8_t *frame);
uint32_t vmodel_steer(const struct virtio_model *model, const uint8_t *frame, uint32_t len);

#endif
