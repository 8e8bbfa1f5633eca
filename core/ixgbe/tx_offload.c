/* Transmit of what is more than a plain frame in one buffer: packets over several frames, tags to put in, checksums to
 * fill in, packets longer than 1514 bytes (data sheet 331520, sections 7.2.3.2.3, 7.2.4 and 7.2.5).
 *
 * A packet goes or stays as a whole: the ring has room for all its descriptors, all its buffers are the caller's, what
 * its metadata asks for can be done; only then are descriptors written. What concerns a tag or a checksum stands in a
 * context descriptor, which the device remembers: one is written only where the packet before had another. */
#include <string.h>

#include "core/device/checksum.h"
#include "core/ixgbe/tx_run.h"

#define IXGBE_TX_CHECKSUMS (METADATA_TX_IP_CHECKSUM | METADATA_TX_TCP_CHECKSUM | METADATA_TX_UDP_CHECKSUM)
#define IXGBE_TX_PLACE_MASK (((uint64_t)1 << 48) - 1) /* of a frame's place: without flags */

struct ixgbe_tx_packet {
    struct frame frames[IXGBE_TX_DESCRIPTORS_MAX]; /* a copy: the caller may write to his at any time */
    uint32_t count;
    uint32_t length;
    uint32_t command; /* of each of its descriptors, with its length */
    uint32_t status;  /* of its first descriptor */
    bool new_context;
    uint64_t context[2];
};

/* Copies the packet's frames up to its last, and finds its length. Returns 0 or IXY_E_FRAME. */
static int32_t ixgbe_tx_copy(const struct ixgbe_tx_queue *queue, const struct frame *frames, uint32_t count,
                             struct ixgbe_tx_packet *packet)
{
    uint32_t most = count < IXGBE_TX_DESCRIPTORS_MAX ? count : IXGBE_TX_DESCRIPTORS_MAX;
    packet->length = 0;
    for (packet->count = 0; packet->count < most;) {
        struct frame *frame = &packet->frames[packet->count];
        *frame = frame_copy(&frames[packet->count++]);
        packet->length += frame->len;
        if ((frame->flags & FRAME_MORE) == 0)
            return packet->length >= IXGBE_TX_LENGTH_MIN && packet->length <= queue->length_max ? 0 : IXY_E_FRAME;
    }
    return IXY_E_FRAME;
}

/* Ends the caller's ownership of all the packet's buffers, or of none. */
static int32_t ixgbe_tx_take_back(const struct ixgbe_tx_queue *queue, const struct ixgbe_tx_packet *packet)
{
    for (uint32_t i = 0; i < packet->count; i++) {
        const struct frame *frame = &packet->frames[i];
        int32_t code = ownership_take_back(queue->ownership, frame->buf, frame_place(frame) & IXGBE_TX_PLACE_MASK, 1,
                                           queue->length_max);
        if (code < 0) {
            while (i-- > 0)
                ownership_hand_out(queue->ownership, packet->frames[i].buf);
            return code;
        }
    }
    return 0;
}

/* What the packet's record asks for. */
static struct metadata ixgbe_tx_metadata(const struct ixgbe_tx_queue *queue, const struct frame *frame)
{
    if ((frame->flags & FRAME_METADATA) == 0 || queue->metadata == NULL)
        return (struct metadata){.flags = 0};
    return metadata_copy(&queue->metadata[ownership_index(frame->buf)]);
}

static void ixgbe_tx_context(const struct ixgbe_tx_queue *queue, const struct metadata *metadata, bool ipv4,
                             struct ixgbe_tx_packet *packet)
{
    bool checksum = (metadata->flags & IXGBE_TX_CHECKSUMS) != 0;
    uint32_t header = IXGBE_TX_MACLEN_MIN << IXGBE_TX_MACLEN_SHIFT;
    uint32_t command = IXGBE_TX_DTYP_CONTEXT | IXGBE_TX_DEXT;
    if (checksum) {
        header = (uint32_t)metadata->l2_len << IXGBE_TX_MACLEN_SHIFT | metadata->l3_len;
        command |= ipv4 ? IXGBE_TX_TUCMD_IPV4 : 0;
        command |= (metadata->flags & METADATA_TX_TCP_CHECKSUM) != 0 ? IXGBE_TX_TUCMD_L4T_TCP : 0;
    }
    if ((metadata->flags & METADATA_VLAN) != 0)
        header |= (uint32_t)metadata->vlan_tci << IXGBE_TX_VLAN_SHIFT;
    packet->context[0] = header;
    packet->context[1] = command;
    packet->new_context = !queue->context_known || memcmp(packet->context, queue->context, sizeof(queue->context)) != 0;
}

/* What the packet's metadata asks for. Returns 0, IXY_E_UNSUPPORTED or IXY_E_FRAME. */
static int32_t ixgbe_tx_ask(const struct ixgbe_tx_queue *queue, struct ixgbe_tx_packet *packet)
{
    const struct metadata metadata = ixgbe_tx_metadata(queue, packet->frames);
    bool tag = (metadata.flags & METADATA_VLAN) != 0;
    bool checksum = (metadata.flags & IXGBE_TX_CHECKSUMS) != 0;
    packet->command = IXGBE_TX_DTYP_DATA | IXGBE_TX_IFCS | IXGBE_TX_DEXT;
    packet->status = packet->length << IXGBE_TX_PAYLEN_SHIFT;
    packet->new_context = false;
    if ((tag && (queue->offloads & DEVICE_CAN_VLAN_INSERT) == 0) ||
        (checksum && (queue->offloads & DEVICE_CAN_TX_CHECKSUM) == 0))
        return IXY_E_UNSUPPORTED;
    struct checksum_place place = {.ipv4 = false};
    if (checksum) {
        uint8_t *bytes = queue->pool_memory + packet->frames->offset;
        if (metadata.l2_len > IXGBE_TX_MACLEN_MAX ||
            !checksum_prepare(bytes, packet->frames->len, packet->length, &metadata, &place))
            return IXY_E_FRAME;
    }
    if (tag)
        packet->command |= IXGBE_TX_VLE;
    if ((metadata.flags & METADATA_TX_IP_CHECKSUM) != 0)
        packet->status |= IXGBE_TX_POPTS_IXSM;
    if ((metadata.flags & (METADATA_TX_TCP_CHECKSUM | METADATA_TX_UDP_CHECKSUM)) != 0)
        packet->status |= IXGBE_TX_POPTS_TXSM;
    if (tag || checksum)
        ixgbe_tx_context(queue, &metadata, place.ipv4, packet);
    return 0;
}

static void ixgbe_tx_write(struct ixgbe_tx_queue *queue, const struct ixgbe_tx_packet *packet, bool owned)
{
    const uint32_t mask = queue->mask;
    if (packet->new_context) {
        struct ixgbe_tx_descriptor *descriptor = &queue->ring[queue->posted & mask];
        descriptor->address = packet->context[0];
        descriptor->command_status = packet->context[1];
        queue->buffer[queue->posted++ & mask] = IXGBE_TX_NO_BUFFER;
        memcpy(queue->context, packet->context, sizeof(queue->context));
        queue->context_known = true;
    }
    /* All fields count in the first descriptor only but RS and EOP; the command is the same in all, 7.2.3.2.4. */
    uint64_t status = packet->status;
    for (uint32_t i = 0; i < packet->count; i++) {
        const struct frame *frame = &packet->frames[i];
        uint32_t command = packet->command | frame->len | (i + 1 == packet->count ? IXGBE_TX_EOP : 0);
        struct ixgbe_tx_descriptor *descriptor = &queue->ring[queue->posted & mask];
        descriptor->address = queue->pool_address + frame->offset;
        descriptor->command_status = status << 32 | command;
        queue->buffer[queue->posted++ & mask] = owned ? ownership_next(frame->buf) : frame->buf;
        status = 0;
    }
}

/* Sends the packet that count frames begin with. Returns 0 or why not; false in *fits: the ring has no room for it.
 * first: of the batch. */
static int32_t ixgbe_tx_packet(struct ixgbe_tx_queue *queue, const struct frame *frames, uint32_t count,
                               struct ixgbe_tx_packet *packet, bool owned, bool first, bool *fits)
{
    int32_t code = ixgbe_tx_copy(queue, frames, count, packet);
    if (code < 0)
        return code;
    uint32_t wanted = packet->count + 1; /* and a context */
    *fits = ixgbe_tx_room(queue, wanted, first) == wanted;
    if (!*fits)
        return 0;
    code = owned ? ixgbe_tx_take_back(queue, packet) : 0;
    if (code < 0)
        return code;
    code = ixgbe_tx_ask(queue, packet);
    if (code < 0) {
        for (uint32_t i = 0; owned && i < packet->count; i++)
            ownership_hand_out(queue->ownership, packet->frames[i].buf);
        return code;
    }
    ixgbe_tx_write(queue, packet, owned);
    return 0;
}

uint32_t ixgbe_tx_packets(struct ixgbe_tx_queue *queue, const struct frame *frames, uint32_t count, bool owned,
                          int32_t *code)
{
    uint32_t sent = 0, posted = queue->posted;
    bool fits = true;
    *code = 0;
    while (sent < count && *code == 0) {
        struct ixgbe_tx_packet packet;
        *code = ixgbe_tx_packet(queue, frames + sent, count - sent, &packet, owned, queue->posted == posted, &fits);
        if (!fits) {
            if (bus_idle(&queue->idle))
                ixgbe_watch(queue->bus);
            break;
        }
        if (*code == 0)
            sent += packet.count;
    }
    if (queue->posted != posted)
        ixgbe_tx_hand_over(queue);
    return sent;
}

void ixgbe_tx_give(struct ixgbe_tx_queue *queue, uint32_t from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t *buffer = &queue->buffer[(from + i) & queue->mask];
        if (*buffer != IXGBE_TX_NO_BUFFER)
            pool_cache_give(&queue->cache, buffer, 1);
    }
}
