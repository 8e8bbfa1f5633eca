/* Numbers and layouts of the VirtIO 1.3 specification, with its names and section numbers. Driver and emulated device
 * both include this file; all words are little-endian, as the host is (core/dma/frame.h asserts it). */
#ifndef CORE_VIRTIO_SPEC_H
#define CORE_VIRTIO_SPEC_H

#include <stdint.h>

#define VIRTIO_PCI_VENDOR 0x1AF4            /* 4.1.2 */
#define VIRTIO_PCI_DEVICE_NET 0x1041        /* 4.1.2: 0x1040 + device id 1 */
#define VIRTIO_PCI_DEVICE_NET_LEGACY 0x1000 /* 4.1.2.1: transitional */

/* Device status, 2.1 */
#define VIRTIO_STATUS_ACKNOWLEDGE 1u
#define VIRTIO_STATUS_DRIVER 2u
#define VIRTIO_STATUS_DRIVER_OK 4u
#define VIRTIO_STATUS_FEATURES_OK 8u
#define VIRTIO_STATUS_DEVICE_NEEDS_RESET 64u
#define VIRTIO_STATUS_FAILED 128u
#define VIRTIO_STATUS_GONE 0xFFu /* what a read that nobody answers gives; 16 and 32 are no bits of a status, 2.1 */

/* Feature bits of a network device, 5.1.3; of any device, 6 */
#define VIRTIO_NET_F_CSUM 0
#define VIRTIO_NET_F_GUEST_CSUM 1
#define VIRTIO_NET_F_MTU 3
#define VIRTIO_NET_F_MAC 5
#define VIRTIO_NET_F_MRG_RXBUF 15
#define VIRTIO_NET_F_STATUS 16
#define VIRTIO_NET_F_CTRL_VQ 17
#define VIRTIO_NET_F_CTRL_RX 18
#define VIRTIO_NET_F_MQ 22
#define VIRTIO_NET_F_CTRL_MAC_ADDR 23
#define VIRTIO_NET_F_SPEED_DUPLEX 63
#define VIRTIO_F_ANY_LAYOUT 27 /* legacy only */
#define VIRTIO_F_EVENT_IDX 29
#define VIRTIO_F_VERSION_1 32
#define VIRTIO_F_ACCESS_PLATFORM 33
#define VIRTIO_F_RING_PACKED 34
#define VIRTIO_F_IN_ORDER 35
#define VIRTIO_F_ORDER_PLATFORM 36

#define VIRTIO_FEATURE(bit) ((uint64_t)1 << (bit))

/* Configuration space of a network device, 5.1.4: offsets */
#define VIRTIO_NET_CONFIG_MAC 0
#define VIRTIO_NET_CONFIG_STATUS 6
#define VIRTIO_NET_CONFIG_MAX_VIRTQUEUE_PAIRS 8
#define VIRTIO_NET_CONFIG_MTU 10
#define VIRTIO_NET_CONFIG_SPEED 12
#define VIRTIO_NET_CONFIG_SIZE 24

#define VIRTIO_NET_S_LINK_UP 1

/* The header before each frame, 5.1.6; without VERSION_1 and MRG_RXBUF it ends before num_buffers, 5.1.6.1. */
struct virtio_net_hdr {
    uint8_t flags;
    uint8_t gso_type;
    uint16_t hdr_len;
    uint16_t gso_size;
    uint16_t csum_start;
    uint16_t csum_offset;
    uint16_t num_buffers;
};

#define VIRTIO_NET_HDR_SIZE 12u
#define VIRTIO_NET_HDR_SIZE_LEGACY 10u
#define VIRTIO_NET_HDR_F_NEEDS_CSUM 1
#define VIRTIO_NET_HDR_F_DATA_VALID 2
#define VIRTIO_NET_HDR_GSO_NONE 0

/* Virtqueues of a network device, 5.1.2: receive i, transmit i, then one for control */
#define VIRTIO_NET_RECEIVEQ(i) (2 * (i))
#define VIRTIO_NET_TRANSMITQ(i) (2 * (i) + 1)
#define VIRTIO_NET_PAIRS_MAX 0x8000u

/* Control queue, 5.1.6.5 */
#define VIRTIO_NET_OK 0
#define VIRTIO_NET_ERR 1
#define VIRTIO_NET_CTRL_RX 0
#define VIRTIO_NET_CTRL_RX_PROMISC 0
#define VIRTIO_NET_CTRL_MAC 1
#define VIRTIO_NET_CTRL_MAC_ADDR_SET 1
#define VIRTIO_NET_CTRL_MQ 4
#define VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET 0

/* Split virtqueues, 2.7 */
#define VIRTQ_SIZE_MAX 32768u
#define VIRTQ_DESC_F_NEXT 1u
#define VIRTQ_DESC_F_WRITE 2u
#define VIRTQ_DESC_F_INDIRECT 4u
#define VIRTQ_AVAIL_F_NO_INTERRUPT 1u
#define VIRTQ_USED_F_NO_NOTIFY 1u
#define VIRTQ_LEGACY_ALIGN 4096u /* 2.7.2 */

struct virtq_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags;
    uint16_t next;
};

/* ring[size], then uint16_t used_event */
struct virtq_avail {
    uint16_t flags;
    uint16_t idx;
    uint16_t ring[];
};

struct virtq_used_elem {
    uint32_t id;
    uint32_t len;
};

/* ring[size], then uint16_t avail_event */
struct virtq_used {
    uint16_t flags;
    uint16_t idx;
    struct virtq_used_elem ring[];
};

/* Packed virtqueues, 2.8 */
#define VIRTQ_PACKED_DESC_F_AVAIL (1u << 7)
#define VIRTQ_PACKED_DESC_F_USED (1u << 15)
#define VIRTQ_RING_EVENT_FLAGS_ENABLE 0
#define VIRTQ_RING_EVENT_FLAGS_DISABLE 1
#define VIRTQ_RING_EVENT_FLAGS_DESC 2

struct virtq_packed_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t id;
    uint16_t flags;
};

/* desc: offset in bits 0 to 14, wrap counter in bit 15; flags in bits 0 and 1 */
struct virtq_event_suppress {
    uint16_t desc;
    uint16_t flags;
};

#endif
