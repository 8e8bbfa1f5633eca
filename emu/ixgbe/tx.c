/* The transmit engine: from descriptors to the wire. */
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

/* The command of a plain descriptor, one whole packet without offloads; RS or not, length aside. */
#define TX_PLAIN (TX_DTYP_DATA | TX_EOP | TX_IFCS | TX_DEXT)

static inline uint32_t tx_distance(const struct model_tx_ring *ring, uint32_t from, uint32_t to)
{
    return to >= from ? to - from : to + ring->size - from;
}

/* Where a descriptor's data lies in this process, NULL if the device must not read it: then it was reported. */
static const uint8_t *tx_translate(struct ixgbe_model *model, uint32_t queue, uint32_t position, uint64_t address,
                                   uint32_t len, bool **mark)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    uint64_t offset = address & EMU_DMA_OFFSET_MASK;
    uint32_t index;
    struct emu_dma_region *region = emu_dma_claim(&model->device.dma, address, len, &index);
    if (region != NULL) {
        *mark = &region->marks[index];
        return region->base + offset;
    }
    region = emu_dma_region_of(&model->device.dma, address, len);
    if (region == NULL) {
        sanitizer_report(sanitizer,
                         "transmit descriptor %" PRIu32 " of queue %" PRIu32 ": its data (%" PRIX64 "h, %" PRIu32
                         " bytes) is not in memory that the driver mapped",
                         position, queue, address, len);
        return NULL;
    }
    if (region->stride == 0)
        return region->base + offset;
    index = emu_dma_index(region, offset);
    if (offset - (uint64_t)index * region->stride + len > region->stride)
        sanitizer_report(sanitizer,
                         "transmit descriptor %" PRIu32 " of queue %" PRIu32 ": its %" PRIu32
                         " bytes run from buffer %" PRIu32 " of %s into the next",
                         position, queue, len, index, region->name);
    else if (region->marks[index])
        sanitizer_report(sanitizer,
                         "transmit descriptor %" PRIu32 " of queue %" PRIu32 ": buffer %" PRIu32
                         " of %s posted twice: the device holds it already",
                         position, queue, index, region->name);
    else
        sanitizer_report(sanitizer,
                         "DMA to a buffer that the caller owns: transmit queue %" PRIu32 ", descriptor %" PRIu32
                         ", buffer %" PRIu32 " of %s",
                         queue, position, index, region->name);
    return NULL;
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
        sanitizer_report(sanitizer, "%s: command %08" PRIX32 "h has DEXT clear: advanced descriptors only (7.2.3.2.4)",
                         place, command);
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
        sanitizer_report(sanitizer,
                         "%s: no RS while TXDCTL.WTHRESH is not 0, which wants RS in every packet (7.2.3.5.1)", place);
    }
    if ((command & TX_EOP) != 0 && ring->partial_count == 0) {
        if (status >> 14 != len)
            sanitizer_report(sanitizer, "%s: PAYLEN is %" PRIu32 ", the packet has %" PRIu32 " bytes (7.2.3.2.4)",
                             place, status >> 14, len);
        if (len != 0 && len < TX_FRAME_MIN) {
            sanitizer_report(sanitizer, "%s: a packet of %" PRIu32 " bytes; hardware wants %d or more (7.2.3.2.4)",
                             place, len, TX_FRAME_MIN);
            good = false;
        }
        if (len + 4 > model->frame_max) {
            sanitizer_report(sanitizer,
                             "%s: a packet of %" PRIu32 " bytes; the largest frame has %" PRIu32
                             " with its checksum (8.2.3.22.13)",
                             place, len, model->frame_max);
            good = false;
        }
    }
    return good;
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
            sanitizer_report(
                sanitizer,
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

/* A descriptor of a frame that has several; data is NULL if it is not to be read. Returns the frame's length on the
 * wire when it is complete and went there, else 0. */
static uint32_t tx_gather(struct ixgbe_model *model, struct model_tx_ring *ring, uint32_t queue, uint32_t command,
                          uint32_t payload, const uint8_t *data)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    uint32_t len = command & 0xFFFF;
    if (ring->partial == NULL)
        ring->partial = malloc(MODEL_FRAME_MAX);
    if (ring->partial_count == 0) {
        ring->partial_payload = payload;
        ring->partial_len = 0;
        ring->partial_bad = false;
    }
    if (ring->partial_count <= MODEL_TX_DESCRIPTORS_MAX)
        ring->partial_count++;
    if (data == NULL || ring->partial == NULL || len > MODEL_FRAME_MAX - ring->partial_len) {
        ring->partial_bad = true;
    } else {
        memcpy(ring->partial + ring->partial_len, data, len);
        ring->partial_len += len;
    }
    if ((command & TX_EOP) == 0)
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
        sanitizer_report(sanitizer,
                         "transmit queue %" PRIu32 ": a packet of %" PRIu32 " bytes; right is %d to %" PRIu32, queue,
                         ring->partial_len, TX_FRAME_MIN, model->frame_max - 4);
        good = false;
    }
    ring->partial_count = 0;
    return good ? tx_send(model, ring->partial, ring->partial_len, (command & TX_IFCS) != 0) : 0;
}

/* The driver sees that all up to here is done: in the descriptor, or in its copy of the head (7.2.3.5.2). */
static inline void tx_report(struct ixgbe_model *model, struct model_tx_ring *ring, uint32_t queue, uint32_t position)
{
    if (__builtin_expect(ring->head_write_back == 0, 1)) {
        uint8_t *status = (uint8_t *)&ring->descriptors[position] + 12;
        __atomic_store_n((uint32_t *)(void *)status, TX_DD, __ATOMIC_RELEASE);
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

/* A descriptor that is not plain, or whose buffer could not be claimed: a part of a packet, one without checksum
 * insertion, or a wrong one. */
static __attribute__((noinline)) uint32_t tx_other(struct ixgbe_model *model, uint32_t queue, uint32_t position,
                                                   struct model_tx_descriptor descriptor, bool **mark)
{
    struct model_tx_ring *ring = &model->tx[queue];
    uint32_t command = (uint32_t)descriptor.word;
    uint32_t status = (uint32_t)(descriptor.word >> 32);
    const uint8_t *data = NULL;
    if ((command & (TX_DEXT | TX_DTYP)) == (TX_DEXT | TX_DTYP_CONTEXT))
        return 0; /* parameters for offloads: no data */
    if (tx_judge(model, ring, queue, position, command, status))
        data = tx_translate(model, queue, position, descriptor.address, command & 0xFFFF, mark);
    if ((command & TX_DEXT) == 0)
        command |= TX_EOP; /* a legacy descriptor is refused, and no packet goes on behind it */
    return tx_gather(model, ring, queue, command, status >> 14, data);
}

/* How many lengths, from TX_FRAME_MIN on, a plain descriptor may have; none while a packet is not complete or RS is
 * wanted in each: then all descriptors go the long way. */
static inline uint32_t tx_plain_lengths(const struct ixgbe_model *model, const struct model_tx_ring *ring)
{
    if (ring->partial_count != 0 || ring->write_back_threshold || model->frame_max < TX_FRAME_MIN + 4)
        return 0;
    return model->frame_max - 4 - TX_FRAME_MIN + 1;
}

static void tx_batch(struct ixgbe_model *model, uint32_t queue, uint32_t count)
{
    struct model_tx_ring *ring = &model->tx[queue];
    struct emu_dma *dma = &model->device.dma;
    struct gen *gen = model->device.gen;
    struct model_tx_descriptor *descriptors = ring->descriptors;
    const uint32_t size = ring->size;
    const uint32_t verified_min = gen != NULL ? 60 : UINT32_MAX; /* shorter ones are padded first */
    uint32_t lengths = tx_plain_lengths(model, ring);
    /* Buffers stay marked until the batch's end, so that one that stands in two of its descriptors is noticed. */
    bool *marks[TX_BATCH];
    bool none = true;
    uint64_t bytes = 0;
    uint32_t packets = 0, run_len = 0, run = 0;
    uint32_t position = ring->head;
    for (uint32_t i = 0; i < count; i++) {
        struct model_tx_descriptor *place = &descriptors[position];
        /* Read once: a driver that rewrites it changes nothing any more. */
        uint64_t address = __atomic_load_n(&place->address, __ATOMIC_RELAXED);
        uint64_t word = __atomic_load_n(&place->word, __ATOMIC_RELAXED);
        uint32_t sent = (uint32_t)word & 0xFFFF;
        uint32_t index;
        struct emu_dma_region *region = NULL;
        if (__builtin_expect((word & ~(uint64_t)TX_RS) == (TX_PLAIN | sent | (uint64_t)sent << 46) &&
                                 sent - TX_FRAME_MIN < lengths,
                             1))
            region = emu_dma_claim(dma, address, sent, &index);
        if (__builtin_expect(region != NULL, 1)) {
            const uint8_t *data = region->base + (address & EMU_DMA_OFFSET_MASK);
            marks[i] = &region->marks[index];
            if (__builtin_expect(sent >= verified_min && (data[0] & 1) == 0, 1)) {
                gen_verify(gen, data, sent);
                sent += 4;
            } else {
                sent = tx_send(model, data, sent, true);
            }
            packets++;
        } else {
            marks[i] = &none;
            sent = tx_other(model, queue, position, (struct model_tx_descriptor){address, word}, &marks[i]);
            packets += sent != 0;
            lengths = tx_plain_lengths(model, ring);
        }
        if (__builtin_expect(sent != run_len, 0)) {
            if (run_len != 0)
                model->sent.sizes[model_size_of(run_len)] += run;
            run_len = sent;
            run = 0;
        }
        run++;
        bytes += sent;
        if (__builtin_expect((word & TX_RS) != 0, 0))
            tx_report(model, ring, queue, position);
        position = position + 1 < size ? position + 1 : 0;
    }
    for (uint32_t i = 0; i < count; i++)
        *marks[i] = false;
    if (run_len != 0)
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
