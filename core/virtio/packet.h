/* Packets that are more than the bytes of one buffer: those with a metadata record, and those over several frames. The
 * fast loops of rx.c and tx.c leave them to these functions, which go through them one by one.
 *
 * Receive is careful where frames may be marked or be of several buffers (queue->careful, chosen at start). Transmit is
 * careful from the first flagged frame of a batch to its end; a queue for jumbo frames has a ring of its own kind
 * (chain.c), whose buffers take as many descriptors as a packet has frames.
 */
#ifndef CORE_VIRTIO_PACKET_H
#define CORE_VIRTIO_PACKET_H

#include "core/virtio/entry.h"

/* rx.c: makes one buffer of a packet over several: copies the other parts behind the first and gives them back. False
 * if a part is missing, or the whole does not fit: then all parts but the first are gone. */
bool virtio_rx_gather(struct virtio_queue *queue, struct virtio_used *first, uint32_t parts);

/* rx_packet.c: the loop of receive for careful queues. Whole packets only: the room of frames is at least
 * queue->frames_max, else nothing is received. */
uint32_t virtio_rx_packets(struct virtio_queue *queue, struct frame *frames, uint32_t count, bool owned);

/* tx_packet.c: takes the buffers of a packet from the caller, all or none, and writes the header before the first
 * frame. frames: a copy of the caller's. bytes: receives the packet's length. Returns 0, or why it may not be sent:
 * IXY_E_HANDLE, IXY_E_FRAME, IXY_E_UNSUPPORTED. */
int32_t virtio_packet_take(struct virtio_queue *queue, const struct frame *frames, uint32_t count, bool owned,
                           uint32_t *bytes);
/* Sends up to count frames, each a packet of its own; there is room for all. Returns how many; why no more in *code. */
uint32_t virtio_tx_packets(struct virtio_queue *queue, const struct frame *frames, uint32_t count, bool owned,
                           int32_t *code);

/* A frame's place without its flags. */
static inline uint64_t virtio_frame_place(const struct frame *frame)
{
    return frame_place(frame) & (((uint64_t)1 << 48) - 1);
}

/* chain.c: transmit for jumbo frames. Each descriptor of a packet takes an id; that of its first names it. */
int32_t virtio_chains_allocate(struct virtio_queue *queue);
void virtio_chains_free(struct virtio_queue *queue);
/* Begins with an empty ring. */
void virtio_chains_start(struct virtio_queue *queue);
/* Gives the buffers of all packets in flight back. */
void virtio_chains_stop(struct virtio_queue *queue);
uint32_t virtio_chains_send(struct virtio_queue *queue, const struct frame *frames, uint32_t count, bool owned,
                            int32_t *code);

#endif
