/* Receive with offloads or jumbo frames: packets over one or several descriptors, one by one (data sheet 331520,
 * sections 7.1.6.2 and 7.1.11).
 *
 * A packet is taken when all of it is there and fits into the rest of the caller's array; until then its descriptors
 * stay where they are. Each descriptor's status is read once a look, and the packet is judged and described by those
 * words alone: a device may write what it likes meanwhile. What no correct device writes is dropped as a whole, and
 * counted. */
#include "core/ixgbe/ixgbe.h"

#define IXGBE_RX_SECOND 1000000000u

struct ixgbe_rx_packet {
    uint32_t pieces; /* descriptors */
    uint32_t length; /* bytes, without the time stamp behind them */
    uint32_t frames; /* buffers that these bytes are in */
    bool stamped;
    uint64_t last;                              /* status of the last descriptor */
    uint64_t written_back[IXGBE_RX_PIECES_MAX]; /* status of each */
};

enum ixgbe_rx_state { IXGBE_RX_WAIT, IXGBE_RX_COMPLETE, IXGBE_RX_ENDLESS };

static inline uint32_t ixgbe_rx_slot(const struct ixgbe_rx_queue *queue, uint32_t piece)
{
    return (queue->taken + piece) & queue->mask;
}

/* Bytes of the packet from one place on, in the buffer of that piece. */
static const uint8_t *ixgbe_rx_bytes(const struct ixgbe_rx_queue *queue, uint32_t position)
{
    uint64_t token = queue->buffer[ixgbe_rx_slot(queue, position / queue->buffer_size)];
    return queue->packet + (uint64_t)ownership_index(token) * queue->stride + position % queue->buffer_size;
}

/* Looks for the next packet's last descriptor. */
static enum ixgbe_rx_state ixgbe_rx_gather(const struct ixgbe_rx_queue *queue, struct ixgbe_rx_packet *packet)
{
    const uint32_t stamp = (queue->offloads & DEVICE_CAN_RX_TIMESTAMP) != 0 ? IXGBE_STAMP_SIZE : 0;
    const uint32_t most = (queue->length_max + stamp + queue->buffer_size - 1) / queue->buffer_size;
    for (packet->pieces = 0; packet->pieces < most; packet->pieces++) {
        /* Only descriptors that were posted count: one that waits for a buffer still shows its last DD. */
        if (queue->taken + packet->pieces == queue->posted)
            return IXGBE_RX_WAIT;
        /* Acquire: the packet's bytes are read after DD was seen. */
        packet->last =
            __atomic_load_n(&queue->ring[ixgbe_rx_slot(queue, packet->pieces)].header_address, __ATOMIC_ACQUIRE);
        if ((packet->last & IXGBE_RX_DD) == 0)
            return IXGBE_RX_WAIT;
        packet->written_back[packet->pieces] = packet->last;
        if ((packet->last & IXGBE_RX_EOP) != 0) {
            packet->pieces++;
            return IXGBE_RX_COMPLETE;
        }
    }
    return IXGBE_RX_ENDLESS;
}

/* Whether a correct device writes such a packet; finds its length. All buffers but the last are full. */
static bool ixgbe_rx_judge(const struct ixgbe_rx_queue *queue, struct ixgbe_rx_packet *packet)
{
    uint32_t length = 0;
    for (uint32_t i = 0; i < packet->pieces; i++) {
        uint32_t piece = packet->written_back[i] >> 32 & 0xFFFF;
        if (i + 1 < packet->pieces ? piece != queue->buffer_size : piece - 1 >= queue->buffer_size)
            return false;
        length += piece;
    }
    bool untagged = (queue->offloads & DEVICE_CAN_VLAN_STRIP) != 0 && (packet->last & IXGBE_RX_VP) != 0;
    uint32_t shortest = untagged ? FRAME_LENGTH_MIN - IXGBE_FRAME_TAG : FRAME_LENGTH_MIN;
    packet->stamped = (queue->offloads & DEVICE_CAN_RX_TIMESTAMP) != 0 && (packet->last & IXGBE_RX_TSIP) != 0;
    uint32_t behind = packet->stamped ? IXGBE_STAMP_SIZE : 0;
    if ((packet->last & IXGBE_RX_RXE) != 0 || length < shortest + behind || length - behind > queue->length_max)
        return false;
    packet->length = length - behind;
    packet->frames = (packet->length + queue->buffer_size - 1) / queue->buffer_size;
    return true;
}

/* An 82599 may take a UDP packet over IPv4 without checksum, which is a right one (RFC 768), for one whose checksum is
 * wrong: Intel's own drivers do not believe it there. */
static bool ixgbe_rx_udp_zero(const struct ixgbe_rx_queue *queue, const struct ixgbe_rx_packet *packet)
{
    const uint8_t *bytes = ixgbe_rx_bytes(queue, 0);
    uint32_t size = packet->length < queue->buffer_size ? packet->length : queue->buffer_size;
    uint32_t ip = bytes[12] == 0x81 && bytes[13] == 0 ? 18 : 14;
    if (bytes[ip - 2] != 0x08 || bytes[ip - 1] != 0 || bytes[ip] >> 4 != 4 || bytes[ip + 9] != 17)
        return false;
    uint32_t udp = ip + (bytes[ip] & 15u) * 4;
    return udp + 8 <= size && bytes[udp + 6] == 0 && bytes[udp + 7] == 0;
}

static uint32_t ixgbe_rx_checksums(const struct ixgbe_rx_queue *queue, const struct ixgbe_rx_packet *packet)
{
    uint32_t flags = 0;
    if ((packet->last & IXGBE_RX_IPCS) != 0)
        flags |= (packet->last & IXGBE_RX_IPE) != 0 ? METADATA_RX_IP_BAD : METADATA_RX_IP_GOOD;
    if ((packet->last & IXGBE_RX_L4I) == 0)
        return flags;
    if ((packet->last & IXGBE_RX_L4E) == 0)
        return flags | METADATA_RX_L4_GOOD;
    return queue->udp_zero && ixgbe_rx_udp_zero(queue, packet) ? flags : flags | METADATA_RX_L4_BAD;
}

/* Nanoseconds from the stamp behind the packet; false if it is no time. */
static bool ixgbe_rx_stamp(const struct ixgbe_rx_queue *queue, const struct ixgbe_rx_packet *packet, uint64_t *time)
{
    uint64_t stamp = 0;
    for (uint32_t i = 0; i < IXGBE_STAMP_SIZE; i++)
        stamp |= (uint64_t)*ixgbe_rx_bytes(queue, packet->length + i) << 8 * i;
    *time = (stamp >> 32) * IXGBE_RX_SECOND + (uint32_t)stamp;
    return (uint32_t)stamp < IXGBE_RX_SECOND;
}

/* Fills in the record of the packet's first buffer. Returns the frame's flag for it. */
static uint16_t ixgbe_rx_describe(const struct ixgbe_rx_queue *queue, const struct ixgbe_rx_packet *packet)
{
    struct metadata found = {.flags = 0};
    if ((queue->offloads & DEVICE_CAN_RX_CHECKSUM) != 0)
        found.flags = ixgbe_rx_checksums(queue, packet);
    if ((queue->offloads & DEVICE_CAN_VLAN_STRIP) != 0 && (packet->last & IXGBE_RX_VP) != 0) {
        found.flags |= METADATA_VLAN;
        found.vlan_tci = (uint16_t)(packet->last >> IXGBE_RX_VLAN_SHIFT);
    }
    if (packet->stamped && ixgbe_rx_stamp(queue, packet, &found.timestamp))
        found.flags |= METADATA_TIMESTAMP;
    if (found.flags == 0)
        return 0;
    queue->metadata[ownership_index(queue->buffer[ixgbe_rx_slot(queue, 0)])] = found;
    return FRAME_METADATA;
}

/* Hands out the packet's buffers; one that has nothing but the rest of the stamp goes back. */
static void ixgbe_rx_deliver(struct ixgbe_rx_queue *queue, const struct ixgbe_rx_packet *packet, struct frame *frames,
                             bool owned)
{
    uint16_t flags = ixgbe_rx_describe(queue, packet);
    uint32_t left = packet->length;
    for (uint32_t i = 0; i < packet->frames; i++) {
        uint64_t token = queue->buffer[ixgbe_rx_slot(queue, i)];
        uint32_t piece = left < queue->buffer_size ? left : queue->buffer_size;
        left -= piece;
        frames[i] = (struct frame){.buf = token,
                                   .offset = ownership_index(token) * queue->stride + POOL_HEADROOM,
                                   .len = (uint16_t)piece,
                                   .flags = left != 0 ? flags | FRAME_MORE : flags};
        if (owned)
            ownership_hand_out(queue->ownership, token);
        flags = 0;
    }
    for (uint32_t i = packet->frames; i < packet->pieces; i++)
        pool_cache_give(&queue->cache, queue->buffer + ixgbe_rx_slot(queue, i), 1);
    queue->taken += packet->pieces;
}

static void ixgbe_rx_drop_packet(struct ixgbe_rx_queue *queue, const struct ixgbe_rx_packet *packet)
{
    for (uint32_t i = 0; i < packet->pieces; i++)
        ixgbe_rx_drop(queue, ixgbe_rx_slot(queue, 0), packet->written_back[i]);
}

/* What comes behind a packet that did not end where it had to, up to its end. False if no more is there. */
static bool ixgbe_rx_drop_rest(struct ixgbe_rx_queue *queue)
{
    uint32_t slot = ixgbe_rx_slot(queue, 0);
    if (queue->taken == queue->posted)
        return false;
    uint64_t written_back = __atomic_load_n(&queue->ring[slot].header_address, __ATOMIC_ACQUIRE);
    if ((written_back & IXGBE_RX_DD) == 0)
        return false;
    ixgbe_rx_drop(queue, slot, written_back);
    return true;
}

uint32_t ixgbe_rx_packets(struct ixgbe_rx_queue *queue, struct frame *frames, uint32_t count, bool owned)
{
    if (queue->step != NULL)
        queue->step->step(queue->step);
    uint32_t received = 0;
    while (received < count) {
        struct ixgbe_rx_packet packet;
        if (queue->discarded != 0) {
            if (!ixgbe_rx_drop_rest(queue))
                break;
            continue;
        }
        enum ixgbe_rx_state state = ixgbe_rx_gather(queue, &packet);
        if (state == IXGBE_RX_WAIT)
            break;
        if (state == IXGBE_RX_ENDLESS || !ixgbe_rx_judge(queue, &packet)) {
            ixgbe_rx_drop_packet(queue, &packet);
            continue;
        }
        if (packet.frames > count - received)
            break;
        ixgbe_rx_deliver(queue, &packet, frames + received, owned);
        received += packet.frames;
    }
    if (queue->posted - queue->taken != queue->mask)
        ixgbe_rx_post(queue);
    if (received == 0 && bus_idle(&queue->idle))
        ixgbe_watch(queue->bus);
    return received;
}

bool ixgbe_rx_packets_ready(const struct ixgbe_rx_queue *queue)
{
    struct ixgbe_rx_packet packet;
    return ixgbe_rx_gather(queue, &packet) != IXGBE_RX_WAIT;
}
