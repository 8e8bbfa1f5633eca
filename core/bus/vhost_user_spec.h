/* Numbers and layouts of the vhost-user protocol ("Vhost-user Protocol" in QEMU's documentation, docs/interop), with
 * its names. This process is the front end, the one that serves the device the back end. */
#ifndef CORE_BUS_VHOST_USER_SPEC_H
#define CORE_BUS_VHOST_USER_SPEC_H

#include <stdint.h>

/* Requests of the front end */
#define VHOST_USER_GET_FEATURES 1
#define VHOST_USER_SET_FEATURES 2
#define VHOST_USER_SET_OWNER 3
#define VHOST_USER_SET_MEM_TABLE 5
#define VHOST_USER_SET_VRING_NUM 8
#define VHOST_USER_SET_VRING_ADDR 9
#define VHOST_USER_SET_VRING_BASE 10
#define VHOST_USER_GET_VRING_BASE 11
#define VHOST_USER_SET_VRING_KICK 12
#define VHOST_USER_SET_VRING_CALL 13
#define VHOST_USER_GET_PROTOCOL_FEATURES 15
#define VHOST_USER_SET_PROTOCOL_FEATURES 16
#define VHOST_USER_GET_QUEUE_NUM 17
#define VHOST_USER_SET_VRING_ENABLE 18
#define VHOST_USER_SET_STATUS 39
#define VHOST_USER_GET_STATUS 40

/* In the feature word, towards the back end only */
#define VHOST_USER_F_PROTOCOL_FEATURES 30

/* Protocol feature bits */
#define VHOST_USER_PROTOCOL_F_MQ 0
#define VHOST_USER_PROTOCOL_F_REPLY_ACK 3
#define VHOST_USER_PROTOCOL_F_STATUS 16

/* Header flags */
#define VHOST_USER_VERSION 1u
#define VHOST_USER_REPLY 4u
#define VHOST_USER_NEED_REPLY 8u

#define VHOST_USER_HEADER_SIZE 12u
#define VHOST_USER_REGIONS_MAX 8
#define VHOST_USER_PAYLOAD_MAX (8 + 32 * VHOST_USER_REGIONS_MAX)

struct vhost_user_region {
    uint64_t guest_address; /* the device address */
    uint64_t size;
    uint64_t user_address; /* where it lies in the front end's process */
    uint64_t mmap_offset;
};

struct vhost_user_memory {
    uint32_t count;
    uint32_t padding;
    struct vhost_user_region region[VHOST_USER_REGIONS_MAX];
};

/* "A vring state description" */
struct vhost_user_ring_state {
    uint32_t index;
    uint32_t number;
};

/* "A vring address description": addresses of the front end's process, not device addresses */
struct vhost_user_ring_address {
    uint32_t index;
    uint32_t flags;
    uint64_t descriptor;
    uint64_t used;
    uint64_t available;
    uint64_t log;
};

struct vhost_user_message {
    uint32_t request;
    uint32_t flags;
    uint32_t size; /* of the payload */
    union {
        uint64_t number;
        struct vhost_user_ring_state state;
        struct vhost_user_ring_address address;
        struct vhost_user_memory memory;
        uint8_t bytes[VHOST_USER_PAYLOAD_MAX];
    } __attribute__((packed, aligned(4)));
} __attribute__((packed, aligned(4)));

_Static_assert(sizeof(struct vhost_user_message) == VHOST_USER_HEADER_SIZE + VHOST_USER_PAYLOAD_MAX,
               "the payload follows the header without a gap");

#endif
