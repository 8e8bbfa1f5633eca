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
#define TX_TSE (1u << 31)
#define TX_RESERVED (3u << 16 | 1u << 26 | 1u << 28)
#define TX_DD 1u
#define TX_POPTS_OTHER 0x3C00u /* of the status: IPsec and what is reserved */

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
    struct emu_dma_window window = emu_dma_window(&model->device.dma, address);
    bool *claimed = emu_dma_claim(&window, address, len);
    if (claimed != NULL) {
        *mark = claimed;
        return window.base + offset;
    }
    struct emu_dma_region *region = emu_dma_region_of(&model->device.dma, address, len);
    if (region == NULL) {
        sanitizer_report(sanitizer,
                         "transmit descriptor %" PRIu32 " of queue %" PRIu32 ": its data (%" PRIX64 "h, %" PRIu32
                         " bytes) is not in memory that the driver mapped",
                         position, queue, address, len);
        return NULL;
    }
    if (region->stride == 0)
        return region->base + offset;
    uint32_t index = emu_dma_index(region, offset);
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
    if ((command & TX_TSE) != 0 || (status & TX_POPTS_OTHER) != 0)
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
                          uint32_t status, const uint8_t *data)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    uint32_t len = command & 0xFFFF;
    if (ring->partial_count == 0) {
        ring->partial_command = command;
        ring->partial_status = status;
        ring->partial_len = 0;
        ring->partial_bad = false;
    }
    if (ring->partial_count <= MODEL_TX_DESCRIPTORS_MAX)
        ring->partial_count++;
    if (data == NULL || len > MODEL_FRAME_MAX - ring->partial_len) {
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
    if (good && ring->partial_status >> 14 != ring->partial_len)
        sanitizer_report(sanitizer,
                         "transmit queue %" PRIu32 ": PAYLEN is %" PRIu32 ", the packet has %" PRIu32
                         " bytes in %" PRIu32 " descriptors (7.2.3.2.4)",
                         queue, ring->partial_status >> 14, ring->partial_len, ring->partial_count);
    if (good && (ring->partial_len < TX_FRAME_MIN || ring->partial_len + 4 > model->frame_max)) {
        sanitizer_report(sanitizer,
                         "transmit queue %" PRIu32 ": a packet of %" PRIu32 " bytes; right is %d to %" PRIu32, queue,
                         ring->partial_len, TX_FRAME_MIN, model->frame_max - 4);
        good = false;
    }
    ring->partial_count = 0;
    if (good)
        ring->partial_len = ixgbe_model_tx_offload(model, queue, ring->partial, ring->partial_len,
                                                   ring->partial_command, ring->partial_status);
    return good && ring->partial_len != 0 ? tx_send(model, ring->partial, ring->partial_len, (command & TX_IFCS) != 0)
                                          : 0;
}

/* The driver sees that all up to here is done: in the descriptor, or in its copy of the head (7.2.3.5.2). */
static inline void tx_report(struct ixgbe_model *model, struct model_tx_ring *ring, uint32_t queue, uint32_t position)
{
    struct hostile *hostile = &model->device.hostile;
    if (hostile_is(hostile) && hostile_tells(hostile, HOSTILE_TX_DONE_NEVER))
        return;
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
    if ((command & (TX_DEXT | TX_DTYP)) == (TX_DEXT | TX_DTYP_CONTEXT)) {
        if (ring->partial_count != 0)
            sanitizer_report(&model->device.sanitizer,
                             "transmit descriptor %" PRIu32 " of queue %" PRIu32
                             ": a context in the middle of a packet (7.2.3.2.3)",
                             position, queue);
        ixgbe_model_tx_context(model, queue, position, descriptor);
        return 0;
    }
    if (tx_judge(model, ring, queue, position, command, status))
        data = tx_translate(model, queue, position, descriptor.address, command & 0xFFFF, mark);
    if ((command & TX_DEXT) == 0)
        command |= TX_EOP; /* a legacy descriptor is refused, and no packet goes on behind it */
    return tx_gather(model, ring, queue, command, status, data);
}

/* What a batch has sent so far. Buffers stay marked until its end, so that one that stands in two of its descriptors is
 * noticed. */
struct tx_progress {
    uint64_t bytes;
    uint32_t packets;
    uint32_t marks;
    bool *mark[TX_BATCH];
};

static void tx_progress_count(struct ixgbe_model *model, struct tx_progress *progress, uint32_t len, uint32_t packets)
{
    if (packets == 0)
        return;
    progress->packets += packets;
    progress->bytes += (uint64_t)len * packets;
    model->sent.sizes[model_size_of(len)] += packets;
}

/* Sends plain descriptors, each one whole packet, until one is not plain or cannot be sent so. Returns how many. */
static inline uint32_t tx_plain(struct ixgbe_model *model, struct model_tx_ring *ring, uint32_t queue,
                                uint32_t position, uint32_t count, struct tx_progress *progress)
{
    if (ring->partial_count != 0 || ring->write_back_threshold || model->frame_max < TX_FRAME_MIN + 4)
        return 0; /* a packet is not complete, or RS is wanted in each */
    const uint32_t lengths = model->frame_max - 4 - TX_FRAME_MIN + 1;
    struct gen *gen = model->device.gen;
    const struct model_tx_descriptor *descriptor = &ring->descriptors[position];
    const struct emu_dma_window window =
        emu_device_window(&model->device, __atomic_load_n(&descriptor->address, __ATOMIC_RELAXED));
    bool **mark = progress->mark + progress->marks;
    uint32_t run_len = 0, run = 0, done = 0;
    for (; done < count; done++, descriptor++) {
        /* Read once: a driver that rewrites it changes nothing any more. */
        uint64_t address = __atomic_load_n(&descriptor->address, __ATOMIC_RELAXED);
        uint64_t word = __atomic_load_n(&descriptor->word, __ATOMIC_RELAXED);
        uint32_t len = (uint32_t)word & 0xFFFF;
        if (__builtin_expect((word & ~(uint64_t)TX_RS) != (TX_PLAIN | len | (uint64_t)len << 46), 0) ||
            __builtin_expect(len - TX_FRAME_MIN >= lengths, 0))
            break;
        bool *claimed = emu_dma_claim(&window, address, len);
        if (__builtin_expect(claimed == NULL, 0))
            break;
        *mark++ = claimed;
        const uint8_t *data = window.base + (address - window.first);
        if (__builtin_expect(gen != NULL && len >= 60 && (data[0] & 1) == 0, 1))
            gen_verify(gen, data, len);
        else
            len = tx_send(model, data, len, true) - 4;
        if (__builtin_expect(len != run_len, 0)) {
            tx_progress_count(model, progress, run_len + 4, run);
            run_len = len;
            run = 0;
        }
        run++;
        if (__builtin_expect((word & TX_RS) != 0, 0))
            tx_report(model, ring, queue, position + done);
    }
    tx_progress_count(model, progress, run_len + 4, run);
    progress->marks += done;
    return done;
}

static void tx_batch(struct ixgbe_model *model, uint32_t queue, uint32_t count)
{
    struct model_tx_ring *ring = &model->tx[queue];
    struct tx_progress progress;
    progress.bytes = 0;
    progress.packets = progress.marks = 0;
    while (count != 0) {
        uint32_t position = ring->head;
        uint32_t straight = ring->size - position < count ? ring->size - position : count;
        uint32_t done = tx_plain(model, ring, queue, position, straight, &progress);
        if (done < straight) {
            position += done++;
            struct model_tx_descriptor descriptor;
            descriptor.address = __atomic_load_n(&ring->descriptors[position].address, __ATOMIC_RELAXED);
            descriptor.word = __atomic_load_n(&ring->descriptors[position].word, __ATOMIC_RELAXED);
            bool *mark = NULL;
            uint32_t sent = tx_other(model, queue, position, descriptor, &mark);
            tx_progress_count(model, &progress, sent, sent != 0);
            if (mark != NULL)
                progress.mark[progress.marks++] = mark;
            if ((descriptor.word & TX_RS) != 0)
                tx_report(model, ring, queue, position);
        }
        ring->head = ring->head + done < ring->size ? ring->head + done : 0;
        count -= done;
    }
    for (uint32_t i = 0; i < progress.marks; i++)
        *progress.mark[i] = false;
    model->sent.packets += progress.packets;
    model->sent.bytes += progress.bytes;
    ring->packets += progress.packets;
    ring->bytes += progress.bytes;
}

static void tx_send_all(struct ixgbe_model *model, uint32_t queue, uint32_t count)
{
    for (uint32_t batch; count != 0; count -= batch) {
        batch = count < TX_BATCH ? count : TX_BATCH;
        tx_batch(model, queue, batch);
    }
}

static uint32_t tx_advance(const struct model_tx_ring *ring, uint32_t position, uint32_t count)
{
    position += count;
    return position < ring->size ? position : position - ring->size;
}

/* A threaded model finds tail, descriptors and packets in its driver's core, one behind the other. So it works on three
 * batches at once: one is sent, of the next the packets are fetched, of the one after that the descriptors. */
static uint32_t tx_queue_ahead(struct ixgbe_model *model, uint32_t queue, uint32_t tail, uint32_t most)
{
    struct model_tx_ring *ring = &model->tx[queue];
    uint32_t ready = tx_distance(ring, ring->head, ring->primed);
    uint32_t fetching = tx_distance(ring, ring->primed, ring->listed);
    uint32_t posted = tx_distance(ring, ring->head, tail);
    uint32_t fresh = posted > ready + fetching ? posted - ready - fetching : 0;
    fresh = fresh < most ? fresh : most;
    tx_send_all(model, queue, ready);
    for (; ring->primed != ring->listed; ring->primed = tx_advance(ring, ring->primed, 1)) {
        uint64_t address = __atomic_load_n(&ring->descriptors[ring->primed].address, __ATOMIC_RELAXED);
        emu_prefetch(emu_dma_hint(&model->device.dma, address));
    }
    for (uint32_t i = 0; i < fresh; i += 4) /* four to a line */
        emu_prefetch(&ring->descriptors[tx_advance(ring, ring->listed, i)]);
    ring->listed = tx_advance(ring, ring->listed, fresh);
    return ready + fetching + fresh;
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
    bool hostile = hostile_is(&model->device.hostile);
    if (hostile && ixgbe_model_lie_unsent(model, queue, tail))
        return 1;
    if (!model->device.timing_inline)
        return tx_queue_ahead(model, queue, tail, most);
    uint32_t posted = tx_distance(ring, ring->head, tail);
    posted = posted < most ? posted : most;
    tx_send_all(model, queue, posted);
    if (hostile)
        ixgbe_model_lie_done(model, ring, tail);
    return posted;
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
