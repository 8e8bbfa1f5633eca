/* Receive, one packet at a time: what the device tells of checksums, and packets that span buffers and stay so
 * (VirtIO 1.3, 5.1.6.4). */
#include "core/virtio/packet.h"

/* A header, whose words are read once, because a device could change them between two readings. */
struct virtio_told {
    bool checks;   /* NEEDS_CSUM: there is a checksum to complete, at start + offset, over all from start on */
    bool valid;    /* DATA_VALID */
    bool segments; /* a segmentation type, which nobody asked for */
    uint32_t start, offset, parts;
};

static struct virtio_told virtio_header_read(const struct virtio_queue *queue, const uint8_t *header)
{
    uint64_t first = __atomic_load_n((const uint64_t *)(const void *)header, __ATOMIC_RELAXED);
    struct virtio_told told = {.checks = (first & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0,
                               .valid = (first & VIRTIO_NET_HDR_F_DATA_VALID) != 0,
                               .segments = (first & 0xFF00) != 0,
                               .start = (uint32_t)(first >> 48),
                               .parts = 1};
    told.offset = __atomic_load_n((const uint16_t *)(const void *)(header + 8), __ATOMIC_RELAXED);
    if (queue->mergeable)
        told.parts = __atomic_load_n((const uint16_t *)(const void *)(header + 10), __ATOMIC_RELAXED);
    return told;
}

/* Adds bytes to a checksum; odd: the first is a low byte. */
static uint32_t virtio_sum(uint32_t sum, const uint8_t *bytes, uint32_t size, bool odd)
{
    for (uint32_t i = 0; i < size; i++)
        sum += (i & 1) == (uint32_t)odd ? (uint32_t)bytes[i] << 8 : bytes[i];
    return (sum & 0xFFFF) + (sum >> 16);
}

/* Completes a checksum: the field holds the sum over the pseudo header (5.1.6.4.1). Both must lie in the packet's first
 * part, where all headers are. False if they do not. */
static bool virtio_checksum_complete(const struct virtio_queue *queue, const struct frame *frames, uint32_t parts,
                                     const struct virtio_told *told)
{
    uint8_t *packet = queue->pool_base + frames[0].offset;
    if (told->start + told->offset + 2 > frames[0].len)
        return false;
    uint32_t sum = virtio_sum(0, packet + told->start, frames[0].len - told->start, false);
    bool odd = ((frames[0].len - told->start) & 1) != 0;
    for (uint32_t i = 1; i < parts; i++) {
        sum = virtio_sum(sum, queue->pool_base + frames[i].offset, frames[i].len, odd);
        odd = odd != ((frames[i].len & 1) != 0);
    }
    while (sum >> 16 != 0)
        sum = (sum & 0xFFFF) + (sum >> 16);
    uint32_t checksum = sum == 0xFFFF ? 0xFFFF : ~sum; /* 0 would mean in UDP that there is none */
    packet[told->start + told->offset] = (uint8_t)(checksum >> 8);
    packet[told->start + told->offset + 1] = (uint8_t)checksum;
    return true;
}

/* A part of a packet as a frame; false if it has a length that cannot be. */
static bool virtio_packet_part(const struct virtio_queue *queue, const struct virtio_used *used, uint32_t header,
                               struct frame *frame)
{
    if (used->len <= header || used->len > queue->room)
        return false;
    uint32_t offset = ownership_index(used->token) * queue->stride + POOL_HEADROOM + header;
    frame_set(frame, used->token, frame_place_of(offset, used->len - header));
    return true;
}

/* Takes the other parts of a packet. Returns how many frames it has, UINT32_MAX if it is to be dropped. Parts that are
 * not among the frames were given back. */
static uint32_t virtio_packet_parts(struct virtio_queue *queue, struct frame *frames, uint32_t parts, uint32_t *taken)
{
    bool good = parts != 0;
    uint32_t length = frames[0].len;
    for (*taken = 1; parts > 1; parts--) {
        struct virtio_used part;
        if (virtio_used_pop(queue, &part) != VIRTIO_POP_ONE)
            return UINT32_MAX;
        good = good && part.skipped == 0 && *taken < queue->frames_max &&
               virtio_packet_part(queue, &part, 0, &frames[*taken]);
        if (good) {
            frames[*taken - 1].flags = FRAME_MORE;
            length += frames[*taken].len;
            (*taken)++;
        } else {
            pool_cache_give(&queue->cache, &part.token, 1);
        }
    }
    return good && length >= VIRTIO_RX_LENGTH_MIN && length <= queue->length_max ? length : UINT32_MAX;
}

static int32_t virtio_packet_drop(struct virtio_queue *queue, const struct frame *frames, uint32_t taken)
{
    for (uint32_t i = 0; i < taken; i++)
        pool_cache_give(&queue->cache, &frames[i].buf, 1);
    virtio_count(&queue->dropped, 1);
    return 0;
}

/* The next packet, whatever it is. Returns how many frames it has, 0 if it was dropped, -1 if there is none or the
 * device has failed. frames: queue->frames_max of the queue's own. */
static int32_t virtio_packet_receive(struct virtio_queue *queue, struct frame *frames)
{
    struct virtio_used used;
    if (virtio_used_pop(queue, &used) != VIRTIO_POP_ONE)
        return -1;
    const uint32_t header = queue->header;
    const uint8_t *start = queue->pool_base + (uint64_t)ownership_index(used.token) * queue->stride + POOL_HEADROOM;
    struct virtio_told told = virtio_header_read(queue, start);
    bool good = !told.segments && (!told.checks || queue->checksum);
    uint32_t taken = 1, length;
    frame_set(&frames[0], used.token, 0);
    if (queue->mergeable && used.skipped > 0)
        return virtio_packet_drop(queue, frames, 1); /* what was skipped may be the beginning of this packet */
    if (used.len < header)
        return virtio_packet_drop(queue, frames, 1); /* no header: nobody knows how many parts */
    if (queue->frames_max == 1) {
        good = virtio_rx_gather(queue, &used, told.parts) && good && told.parts != 0;
        good = virtio_packet_part(queue, &used, header, &frames[0]) && good;
        length = frames[0].len;
        good = good && length >= VIRTIO_RX_LENGTH_MIN && length <= queue->length_max;
    } else {
        good = virtio_packet_part(queue, &used, header, &frames[0]) && good;
        length = virtio_packet_parts(queue, frames, told.parts, &taken);
        good = good && length != UINT32_MAX;
    }
    if (!good || (told.checks && !virtio_checksum_complete(queue, frames, taken, &told)))
        return virtio_packet_drop(queue, frames, taken);
    if ((told.checks || told.valid) && queue->checksum && queue->metadata != NULL) {
        queue->metadata[ownership_index(used.token)] = (struct metadata){.flags = METADATA_RX_L4_GOOD};
        frames[0].flags |= FRAME_METADATA;
    }
    virtio_count(&queue->packets, 1);
    virtio_count(&queue->bytes, length + 4);
    return (int32_t)taken;
}

uint32_t virtio_rx_packets(struct virtio_queue *queue, struct frame *frames, uint32_t count, bool owned)
{
    uint32_t received = 0;
    while (count - received >= queue->frames_max) {
        struct frame packet[VIRTIO_RX_FRAMES_MAX]; /* what the caller's array says afterwards is his affair */
        int32_t one = virtio_packet_receive(queue, packet);
        if (one < 0)
            break;
        for (int32_t i = 0; i < one; i++, received++) {
            frames[received] = packet[i];
            if (owned)
                ownership_hand_out(queue->ownership, packet[i].buf);
        }
    }
    return received;
}
