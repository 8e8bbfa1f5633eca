/* The transmit engine: from descriptors to the wire.
 *
 * Descriptors are taken in batches: all of a batch are read, checked and translated first, so that a buffer that
 * stands in two of them is noticed, then their frames are sent.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emu/ixgbe/model.h"

#define TX_DTYP (15u << 20)
#define TX_DTYP_CONTEXT (2u << 20)
#define TX_DTYP_DATA (3u << 20)
#define TX_EOP (1u << 24)
#define TX_IFCS (1u << 25)
#define TX_RS (1u << 27)
#define TX_DEXT (1u << 29)
#define TX_VLE (1u << 30)
#define TX_TSE (1u << 31)
#define TX_RESERVED (3u << 16 | 1u << 26 | 1u << 28)
#define TX_DD 1u

#define TX_BATCH 64
#define TX_FRAME_MIN 17 /* section 7.2.3.2.4: what hardware pads */

/* One descriptor, checked. data NULL: nothing of it is sent. */
struct tx_piece {
    const uint8_t *data;
    uint8_t *mark;
    uint32_t len;
    uint32_t command;
    uint32_t payload;
};

static inline uint32_t tx_distance(const struct model_tx_ring *ring, uint32_t from, uint32_t to)
{
    return to >= from ? to - from : to + ring->size - from;
}

/* Where a descriptor's data lies in this process, NULL if the device must not read it: then it was reported. */
static const uint8_t *tx_translate(struct ixgbe_model *model, uint32_t queue, uint32_t position, uint64_t address,
                                   uint32_t len, uint8_t **mark)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    struct emu_dma_region *region = emu_dma_region_of(&model->device.dma, address, len);
    *mark = NULL;
    if (__builtin_expect(region == NULL, 0)) {
        sanitizer_report(sanitizer,
                         "transmit descriptor %" PRIu32 " of queue %" PRIu32 ": its data (%" PRIX64 "h, %" PRIu32
                         " bytes) is not in memory that the driver mapped",
                         position, queue, address, len);
        return NULL;
    }
    uint64_t offset = address & EMU_DMA_OFFSET_MASK;
    if (__builtin_expect(region->stride == 0, 0))
        return region->base + offset;
    uint32_t index = emu_dma_index(region, offset);
    if (__builtin_expect(offset + len > (uint64_t)(index + 1) * region->stride, 0)) {
        sanitizer_report(sanitizer,
                         "transmit descriptor %" PRIu32 " of queue %" PRIu32 ": its %" PRIu32
                         " bytes run from buffer %" PRIu32 " of %s into the next",
                         position, queue, len, index, region->name);
        return NULL;
    }
    if (__builtin_expect(region->marks[index] != 0, 0)) {
        sanitizer_report(sanitizer,
                         "transmit descriptor %" PRIu32 " of queue %" PRIu32 ": buffer %" PRIu32
                         " of %s posted twice: the device holds it already",
                         position, queue, index, region->name);
        return NULL;
    }
    if (__builtin_expect(emu_dma_owned_by_caller(region, index), 0)) {
        sanitizer_report(sanitizer,
                         "DMA to a buffer that the caller owns: transmit queue %" PRIu32 ", descriptor %" PRIu32
                         ", buffer %" PRIu32 " of %s",
                         queue, position, index, region->name);
        return NULL;
    }
    *mark = &region->marks[index];
    **mark = 1;
    return region->base + offset;
}

/* What is wrong with a descriptor that is not plainly right; true if its data is to be sent all the same. */
static bool tx_judge(struct ixgbe_model *model, struct model_tx_ring *ring, uint32_t queue, uint32_t position,
                     uint32_t command, uint32_t status)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    uint32_t len = command & 0xFFFF;
    bool good = true;
    char place[48];
    snprintf(place, sizeof(place), "transmit descriptor %" PRIu32 " of queue %" PRIu32, position, queue);
    if ((command & TX_DEXT) == 0) {
        sanitizer_report(sanitizer,
                         "%s: command %08" PRIX32 "h has DEXT clear: advanced descriptors only (7.2.3.2.4)", place,
                         command);
        return false;
    }
    if ((command & TX_DTYP) != TX_DTYP_DATA) {
        sanitizer_report(sanitizer,
                         "%s: command %08" PRIX32 "h has DTYP %" PRIu32 ", a data descriptor has 0011b (7.2.3.2.4)",
                         place, command, command >> 20 & 15);
        return false;
    }
    if ((command & TX_RESERVED) != 0)
        sanitizer_report(sanitizer, "%s: command %08" PRIX32 "h sets reserved bits %08" PRIX32 "h (7.2.3.2.4)", place,
                         command, command & TX_RESERVED);
    if ((status & 0xF) != 0)
        sanitizer_report(sanitizer, "%s: STA is %" PRIX32 "h, it is written as 0 (7.2.3.2.4)", place, status & 0xF);
    if ((command & (TX_VLE | TX_TSE)) != 0 || (status & 0x3F80) != 0)
        sanitizer_report(sanitizer,
                         "%s: asks for an offload (command %08" PRIX32 "h, status %08" PRIX32
                         "h) that this model does not do (7.2.4)",
                         place, command, status);
    if (len == 0) {
        sanitizer_report(sanitizer, "%s: DTALEN is 0 (7.2.3.2.4)", place);
        good = false;
    }
    if ((command & TX_RS) != 0 && (command & TX_EOP) == 0)
        sanitizer_report(sanitizer, "%s: RS without EOP: it is set in a packet's last descriptor only (7.2.3.2.4)",
                         place);
    if ((command & TX_EOP) != 0 && (command & TX_RS) == 0 && ring->write_back_threshold && !ring->report_missing) {
        ring->report_missing = true;
        sanitizer_report(sanitizer, "%s: no RS while TXDCTL.WTHRESH is not 0, which wants RS in every packet (7.2.3.5.1)",
                         place);
    }
    if ((command & TX_EOP) != 0 && ring->partial_count == 0) {
        if (status >> 14 != len)
            sanitizer_report(sanitizer, "%s: PAYLEN is %" PRIu32 ", the packet has %" PRIu32 " bytes (7.2.3.2.4)", place,
                             status >> 14, len);
        if (len != 0 && len < TX_FRAME_MIN) {
            sanitizer_report(sanitizer, "%s: a packet of %" PRIu32 " bytes; hardware wants %d or more (7.2.3.2.4)", place,
                             len, TX_FRAME_MIN);
            good = false;
        }
        if (len + 4 > model->frame_max) {
            sanitizer_report(sanitizer, "%s: a packet of %" PRIu32 " bytes; the largest frame has %" PRIu32
                             " with its checksum (8.2.3.22.13)",
                             place, len, model->frame_max);
            good = false;
        }
    }
    return good;
}

/* Reads and checks the descriptor at position. */
static inline void tx_fetch(struct ixgbe_model *model, struct model_tx_ring *ring, uint32_t queue, uint32_t position,
                            bool *partial, struct tx_piece *piece)
{
    struct model_tx_descriptor *descriptor = &ring->descriptors[position];
    uint64_t address = __atomic_load_n(&descriptor->address, __ATOMIC_RELAXED);
    uint32_t command = __atomic_load_n(&descriptor->command, __ATOMIC_RELAXED);
    uint32_t status = __atomic_load_n(&descriptor->status, __ATOMIC_RELAXED);
    uint32_t len = command & 0xFFFF;
    piece->len = len;
    piece->command = command;
    piece->payload = status >> 14;
    const uint32_t plain = TX_DTYP_DATA | TX_EOP | TX_IFCS | TX_DEXT;
    bool right = (command & ~(0xFFFFu | TX_RS)) == plain && status == len << 14 && len >= TX_FRAME_MIN &&
                 len + 4 <= model->frame_max && !ring->write_back_threshold && !*partial;
    if (__builtin_expect(!right, 0)) {
        piece->data = NULL;
        piece->mark = NULL;
        if ((command & (TX_DEXT | TX_DTYP)) == (TX_DEXT | TX_DTYP_CONTEXT)) {
            piece->command &= TX_RS | TX_DTYP; /* parameters for offloads, no data: nothing to do */
            return;
        }
        /* What the judgement needs of the frame so far: whether there is one. */
        uint32_t count = ring->partial_count;
        ring->partial_count = *partial ? 1 : 0;
        bool good = tx_judge(model, ring, queue, position, command, status);
        ring->partial_count = count;
        *partial = (command & TX_EOP) == 0 && (command & TX_DEXT) != 0;
        if (!good)
            return;
    }
    piece->data = tx_translate(model, queue, position, address, len, &piece->mark);
}

static void tx_count(struct ixgbe_model *model, const uint8_t *frame)
{
    if ((frame[0] & frame[1] & frame[2] & frame[3] & frame[4] & frame[5]) == 0xFF)
        model->sent.broadcast++;
    else
        model->sent.multicast++;
}

/* A whole frame: checksum, padding, the wire. Returns its length there, checksum included. */
static uint32_t tx_send(struct ixgbe_model *model, const uint8_t *frame, uint32_t len, bool insert_checksum)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    if (!insert_checksum) {
        uint32_t found = 0;
        for (uint32_t i = 0; i < 4; i++)
            found |= (uint32_t)frame[len - 4 + i] << 8 * i;
        if (found != ixgbe_model_checksum(frame, len - 4))
            sanitizer_report(sanitizer,
                             "a packet of %" PRIu32
                             " bytes with IFCS clear does not end with its checksum: other stations drop it (7.2.3.2.4)",
                             len);
        len -= 4;
    }
    if (len < 60) {
        if (model->pad) {
            memcpy(model->scratch, frame, len);
            memset(model->scratch + len, 0, 60 - len);
            frame = model->scratch;
            len = 60;
        } else {
            sanitizer_report(sanitizer,
                             "a packet of %" PRIu32 " bytes with HLREG0.TXPADEN clear: frames have 60 bytes and more "
                             "(8.2.3.22.8)",
                             len);
        }
    }
    if ((frame[0] & 1) != 0)
        tx_count(model, frame);
    if (model->device.gen != NULL)
        gen_verify(model->device.gen, frame, len);
    else
        model->device.wire->ops->transmit(model->device.wire, frame, len);
    return len + 4;
}

/* A descriptor of a frame that has several. Returns the frame's length on the wire when it is complete, else 0. */
static uint32_t tx_gather(struct ixgbe_model *model, struct model_tx_ring *ring, uint32_t queue,
                          const struct tx_piece *piece)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    if (ring->partial == NULL)
        ring->partial = malloc(MODEL_FRAME_MAX);
    if (ring->partial_count == 0) {
        ring->partial_payload = piece->payload;
        ring->partial_len = 0;
        ring->partial_bad = false;
    }
    if (ring->partial_count <= MODEL_TX_DESCRIPTORS_MAX)
        ring->partial_count++;
    if (piece->data == NULL || ring->partial == NULL || piece->len > MODEL_FRAME_MAX - ring->partial_len) {
        ring->partial_bad = true;
    } else {
        memcpy(ring->partial + ring->partial_len, piece->data, piece->len);
        ring->partial_len += piece->len;
    }
    if ((piece->command & TX_EOP) == 0)
        return 0;
    bool good = !ring->partial_bad;
    if (ring->partial_count > MODEL_TX_DESCRIPTORS_MAX) {
        sanitizer_report(sanitizer, "transmit queue %" PRIu32 ": a packet of more than %d descriptors (7.2.1.1)", queue,
                         MODEL_TX_DESCRIPTORS_MAX);
        good = false;
    }
    if (good && ring->partial_payload != ring->partial_len)
        sanitizer_report(sanitizer,
                         "transmit queue %" PRIu32 ": PAYLEN is %" PRIu32 ", the packet has %" PRIu32
                         " bytes in %" PRIu32 " descriptors (7.2.3.2.4)",
                         queue, ring->partial_payload, ring->partial_len, ring->partial_count);
    if (good && (ring->partial_len < TX_FRAME_MIN || ring->partial_len + 4 > model->frame_max)) {
        sanitizer_report(sanitizer, "transmit queue %" PRIu32 ": a packet of %" PRIu32 " bytes; right is %d to %" PRIu32,
                         queue, ring->partial_len, TX_FRAME_MIN, model->frame_max - 4);
        good = false;
    }
    ring->partial_count = 0;
    return good ? tx_send(model, ring->partial, ring->partial_len, (piece->command & TX_IFCS) != 0) : 0;
}

/* The driver sees that all up to here is done: in the descriptor, or in its copy of the head (7.2.3.5.2). */
static void tx_report(struct ixgbe_model *model, struct model_tx_ring *ring, uint32_t queue, uint32_t position)
{
    if (ring->head_write_back == 0) {
        __atomic_store_n(&ring->descriptors[position].status, TX_DD, __ATOMIC_RELEASE);
        return;
    }
    struct emu_dma_region *region = emu_dma_region_of(&model->device.dma, ring->head_write_back, 4);
    if (region == NULL) {
        sanitizer_report(&model->device.sanitizer,
                         "TDWBAL[%" PRIu32 "]: the head's place (%" PRIX64 "h) is not in memory that the driver mapped",
                         queue, ring->head_write_back);
        return;
    }
    uint8_t *place = region->base + (ring->head_write_back & EMU_DMA_OFFSET_MASK);
    uint32_t head = position + 1 < ring->size ? position + 1 : 0;
    __atomic_store_n((uint32_t *)(void *)place, head, __ATOMIC_RELEASE);
}

static void tx_batch(struct ixgbe_model *model, uint32_t queue, uint32_t count)
{
    struct model_tx_ring *ring = &model->tx[queue];
    struct gen *gen = model->device.gen;
    struct tx_piece pieces[TX_BATCH];
    uint32_t position = ring->head;
    bool partial = ring->partial_count != 0;
    for (uint32_t i = 0; i < count; i++) {
        tx_fetch(model, ring, queue, position, &partial, &pieces[i]);
        position = position + 1 < ring->size ? position + 1 : 0;
    }
    position = ring->head;
    uint64_t bytes = 0;
    uint32_t packets = 0, run_len = 0, run = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct tx_piece *piece = &pieces[i];
        uint32_t len;
        const uint32_t whole = TX_EOP | TX_IFCS;
        if (__builtin_expect(piece->data != NULL && (piece->command & whole) == whole && ring->partial_count == 0, 1)) {
            if (__builtin_expect(gen != NULL && piece->len >= 60 && (piece->data[0] & 1) == 0, 1)) {
                gen_verify(gen, piece->data, piece->len);
                len = piece->len + 4;
            } else {
                len = tx_send(model, piece->data, piece->len, true);
            }
        } else if ((piece->command & TX_DTYP) == TX_DTYP_CONTEXT) {
            len = 0;
        } else {
            len = tx_gather(model, ring, queue, piece);
        }
        if (piece->mark != NULL)
            *piece->mark = 0;
        if (__builtin_expect(len != 0, 1)) {
            packets++;
            bytes += len;
            if (__builtin_expect(len != run_len, 0)) {
                model->sent.sizes[model_size_of(run_len)] += run;
                run_len = len;
                run = 0;
            }
            run++;
        }
        if ((piece->command & TX_RS) != 0)
            tx_report(model, ring, queue, position);
        position = position + 1 < ring->size ? position + 1 : 0;
    }
    model->sent.sizes[model_size_of(run_len)] += run;
    model->sent.packets += packets;
    model->sent.bytes += bytes;
    ring->packets += packets;
    ring->bytes += bytes;
    ring->head = position;
}

static uint32_t tx_queue(struct ixgbe_model *model, uint32_t queue, uint32_t most)
{
    struct model_tx_ring *ring = &model->tx[queue];
    uint32_t tail = __atomic_load_n(ring->tail, __ATOMIC_ACQUIRE);
    if (tail == ring->head)
        return 0;
    if (__builtin_expect(tail >= ring->size, 0)) {
        if (tail != ring->tail_refused)
            sanitizer_report(&model->device.sanitizer,
                             "TDT[%" PRIu32 "] = %" PRIu32 ": the ring has %" PRIu32 " descriptors (8.2.3.9.9)", queue,
                             tail, ring->size);
        ring->tail_refused = tail;
        return 0;
    }
    ring->tail_refused = UINT32_MAX;
    uint32_t left = tx_distance(ring, ring->head, tail);
    left = left < most ? left : most;
    for (uint32_t done = 0; done < left;) {
        uint32_t count = left - done < TX_BATCH ? left - done : TX_BATCH;
        tx_batch(model, queue, count);
        done += count;
    }
    return left;
}

uint32_t ixgbe_model_transmit(struct ixgbe_model *model, uint32_t most)
{
    if (!model->link || !model->tx_on)
        return 0;
    uint32_t frames = 0;
    for (uint32_t half = 0; half < 2; half++)
        for (uint64_t queues = model->tx_running[half]; queues != 0; queues &= queues - 1)
            frames += tx_queue(model, half * 64 + (uint32_t)__builtin_ctzll(queues), most);
    return frames;
}
