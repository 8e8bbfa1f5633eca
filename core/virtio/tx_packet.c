/* Transmit, one packet at a time: what metadata asks for (VirtIO 1.3, 5.1.6.2), and frames that need a second look. */
#include <string.h>

#include "core/device/checksum.h"
#include "core/virtio/notify.h"
#include "core/virtio/packet.h"

#define VIRTIO_ASKS (METADATA_VLAN | METADATA_TX_IP_CHECKSUM | METADATA_TX_TCP_CHECKSUM | METADATA_TX_UDP_CHECKSUM)

/* VirtIO offers no checksum of the IPv4 header: it is a few bytes, which are in the cache. */
static void virtio_ip_checksum(uint8_t *ip, uint32_t size)
{
    uint32_t sum = 0;
    ip[10] = ip[11] = 0;
    for (uint32_t i = 0; i + 1 < size; i += 2)
        sum += (uint32_t)ip[i] << 8 | ip[i + 1];
    while (sum >> 16 != 0)
        sum = (sum & 0xFFFF) + (sum >> 16);
    ip[10] = (uint8_t)(~sum >> 8);
    ip[11] = (uint8_t)~sum;
}

/* Prepares what the first frame's metadata asks for. */
static int32_t virtio_packet_prepare(const struct virtio_queue *queue, const struct frame *first, uint32_t length,
                                     struct virtio_net_hdr *header)
{
    if ((first->flags & FRAME_METADATA) == 0 || queue->metadata == NULL)
        return 0;
    const struct metadata record = metadata_copy(&queue->metadata[ownership_index(first->buf)]);
    if ((record.flags & VIRTIO_ASKS) == 0)
        return 0;
    if ((record.flags & METADATA_VLAN) != 0 || !queue->checksum)
        return IXY_E_UNSUPPORTED;
    struct checksum_place place;
    uint8_t *packet = queue->pool_base + first->offset;
    if (!checksum_prepare(packet, first->len, length, &record, &place))
        return IXY_E_FRAME;
    if ((record.flags & METADATA_TX_IP_CHECKSUM) != 0)
        virtio_ip_checksum(packet + record.l2_len, record.l3_len);
    if ((record.flags & (METADATA_TX_TCP_CHECKSUM | METADATA_TX_UDP_CHECKSUM)) != 0) {
        header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        header->csum_start = (uint16_t)place.start;
        header->csum_offset = (uint16_t)place.offset;
    }
    return 0;
}

/* Takes frame number i of a packet. The header must lie in the buffer of the first, before it. */
static int32_t virtio_packet_take_one(const struct virtio_queue *queue, const struct frame *frame, uint32_t i)
{
    uint32_t before = i == 0 ? queue->header : 0;
    uint64_t place = virtio_frame_place(frame);
    uint64_t whole = ((place >> 32) + before) << 32 | (uint32_t)((uint32_t)place - before);
    return ownership_take_back(queue->ownership, frame->buf, whole, before + 1, before + UINT16_MAX);
}

int32_t virtio_packet_take(struct virtio_queue *queue, const struct frame *frames, uint32_t count, bool owned,
                           uint32_t *bytes)
{
    struct virtio_net_hdr header = {0};
    uint32_t taken = 0;
    int32_t code = 0;
    *bytes = 0;
    for (; taken < count; taken++) {
        if ((frames[taken].flags & ~(FRAME_MORE | FRAME_METADATA)) != 0)
            code = IXY_E_FRAME;
        else if (owned)
            code = virtio_packet_take_one(queue, &frames[taken], taken);
        if (code < 0)
            break;
        *bytes += frames[taken].len;
    }
    if (code == 0 && (*bytes < VIRTIO_TX_LENGTH_MIN || *bytes > queue->length_max))
        code = IXY_E_FRAME;
    if (code == 0)
        code = virtio_packet_prepare(queue, &frames[0], *bytes, &header);
    if (code == 0) {
        memcpy(queue->pool_base + frames[0].offset - queue->header, &header, queue->header);
        return 0;
    }
    while (owned && taken > 0) /* it stays the caller's as a whole */
        ownership_hand_out(queue->ownership, frames[--taken].buf);
    return code;
}

/* Posts one buffer: header and frame. */
static void virtio_packet_post(struct virtio_queue *queue, const struct frame *frame)
{
    const uint32_t slot = queue->posted & queue->mask;
    const uint32_t header = queue->header, len = frame->len + header;
    const uint64_t address = queue->pool_address + frame->offset - header;
    const uint32_t id = queue->id[slot];
    if (queue->packed) {
        struct virtq_packed_desc *desc = &queue->ring[queue->posted & queue->ring_mask];
        uint64_t word = virtio_packed_available(queue, queue->posted) | (uint64_t)id << 32 | len;
        __atomic_store_n(&desc->addr, address, __ATOMIC_RELAXED);
        virtio_store_barrier(); /* the device sees header, frame and address before the flags, 2.8.21.1.1 */
        __atomic_store_n((uint64_t *)(void *)&desc->len, word, __ATOMIC_RELEASE);
    } else if (queue->id_shift == 0) {
        virtio_desc_set(queue->desc + id, address, len, 0, 0);
    } else { /* the header in a descriptor of its own, 2.7.4.3 */
        virtio_desc_set(queue->desc + id, address, header, VIRTQ_DESC_F_NEXT, id + 1);
        virtio_desc_set(queue->desc + id + 1, address + header, frame->len, 0, 0);
    }
    queue->posted++;
}

uint32_t virtio_tx_packets(struct virtio_queue *queue, const struct frame *frames, uint32_t count, bool owned,
                           int32_t *code)
{
    uint32_t sent = 0;
    uint64_t all = 0;
    for (; sent < count; sent++) {
        uint32_t bytes;
        const struct frame frame = frame_copy(&frames[sent]);
        /* Only a queue for jumbo frames sends packets over several buffers. */
        *code = (frame.flags & FRAME_MORE) != 0 ? IXY_E_FRAME : virtio_packet_take(queue, &frame, 1, owned, &bytes);
        if (*code < 0)
            break;
        queue->buffer[queue->posted & queue->mask] = owned ? ownership_next(frame.buf) : frame.buf;
        virtio_packet_post(queue, &frame);
        all += bytes + 4;
    }
    if (sent == 0)
        return 0;
    if (!queue->packed) {
        virtio_store_barrier(); /* as in packed rings, before the index, 2.7.13.3.1 */
        __atomic_store_n(&queue->avail->idx, (uint16_t)queue->posted, __ATOMIC_RELEASE);
    }
    virtio_count(&queue->packets, sent);
    virtio_count(&queue->bytes, all);
    virtio_notify(queue);
    return sent;
}
