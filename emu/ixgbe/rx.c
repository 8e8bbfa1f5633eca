/* The receive engine: from the wire into posted buffers. */
#include <inttypes.h>
#include <string.h>

#include "emu/ixgbe/checksum.h"

#define RX_DD ((uint64_t)1 << 0)
#define RX_EOP ((uint64_t)1 << 1)
#define RX_VP ((uint64_t)1 << 3)
#define RX_TSIP ((uint64_t)1 << 15)
#define RX_VLAN_SHIFT 48

#define RX_BATCH 64 /* generated frames */

/* Most frames that one step looks at when nothing else bounds it: a wire never runs dry at a loop. */
#define RX_FRAMES_BOUND 4096

static inline uint32_t rx_next(const struct model_rx_ring *ring, uint32_t position)
{
    return position + 1 < ring->size ? position + 1 : 0;
}

static inline uint32_t rx_distance(const struct model_rx_ring *ring, uint32_t from, uint32_t to)
{
    return to >= from ? to - from : to + ring->size - from;
}

/* Why a descriptor's buffer could not be claimed. Its device address if the device may use it after all, else 0. */
static uint64_t rx_judge(struct ixgbe_model *model, const struct model_rx_ring *ring, uint32_t queue, uint32_t position,
                         uint64_t address)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    struct emu_dma_window window = emu_dma_window(&model->device.dma, address);
    if (emu_dma_claim(&window, address, ring->buffer_size) != NULL)
        return address; /* of another pool than the descriptor before */
    struct emu_dma_region *region = emu_dma_region_of(&model->device.dma, address, ring->buffer_size);
    if (region == NULL) {
        sanitizer_report(sanitizer,
                         "receive descriptor %" PRIu32 " of queue %" PRIu32 ": its buffer (%" PRIX64 "h, %" PRIu32
                         " bytes by SRRCTL.BSIZEPACKET) is not in memory that the driver mapped",
                         position, queue, address, ring->buffer_size);
        return 0;
    }
    if (region->stride == 0)
        return address; /* not cut into buffers */
    uint64_t offset = address & EMU_DMA_OFFSET_MASK;
    uint32_t index = emu_dma_index(region, offset);
    uint64_t end = (uint64_t)(index + 1) * region->stride;
    if (offset + ring->buffer_size > end)
        sanitizer_report(sanitizer,
                         "receive descriptor %" PRIu32 " of queue %" PRIu32 ": SRRCTL.BSIZEPACKET allows %" PRIu32
                         " bytes, buffer %" PRIu32 " of %s has %" PRIu64 " left there (8.2.3.8.7)",
                         position, queue, ring->buffer_size, index, region->name, end - offset);
    else if (region->marks[index])
        sanitizer_report(sanitizer,
                         "receive descriptor %" PRIu32 " of queue %" PRIu32 ": buffer %" PRIu32
                         " of %s posted twice: the device holds it already",
                         position, queue, index, region->name);
    else
        sanitizer_report(sanitizer,
                         "receive descriptor %" PRIu32 " of queue %" PRIu32 ": buffer %" PRIu32
                         " of %s is posted, but the caller owns it",
                         position, queue, index, region->name);
    return 0;
}

/* Reads descriptors that lie one behind the other. */
static void rx_fetch_straight(struct ixgbe_model *model, struct model_rx_ring *ring, uint32_t queue, uint32_t position,
                              uint32_t count)
{
    const struct model_rx_descriptor *descriptor = &ring->descriptors[position];
    uint64_t *slot = &ring->slots[position];
    const uint32_t buffer_size = ring->buffer_size;
    if (count == 0)
        return;
    const struct emu_dma_window window =
        emu_device_window(&model->device, __atomic_load_n(&descriptor->address, __ATOMIC_RELAXED));
    for (uint32_t i = 0; i < count; i++, descriptor++, slot++) {
        uint64_t address = __atomic_load_n(&descriptor->address, __ATOMIC_RELAXED);
        uint64_t status = __atomic_load_n(&descriptor->status, __ATOMIC_RELAXED);
        if (__builtin_expect((status & RX_DD) != 0, 0))
            sanitizer_report(&model->device.sanitizer,
                             "receive descriptor %" PRIu32 " of queue %" PRIu32
                             ": posted with DD set: the header address is to be written anew (7.1.6.1)",
                             position + i, queue);
        if (__builtin_expect(emu_dma_claim(&window, address, buffer_size) == NULL, 0))
            address = rx_judge(model, ring, queue, position + i, address);
        *slot = address;
    }
}

void ixgbe_model_rx_fetch(struct ixgbe_model *model, uint32_t queue)
{
    struct model_rx_ring *ring = &model->rx[queue];
    struct sanitizer *sanitizer = &model->device.sanitizer;
    uint32_t tail = __atomic_load_n(ring->tail, __ATOMIC_ACQUIRE);
    uint32_t position = ring->fetched;
    if (tail == position)
        return;
    if (tail >= ring->size || rx_distance(ring, ring->head, tail) < rx_distance(ring, ring->head, position)) {
        if (tail == ring->tail_refused)
            return;
        ring->tail_refused = tail;
        if (tail >= ring->size)
            sanitizer_report(sanitizer,
                             "RDT[%" PRIu32 "] = %" PRIu32 ": the ring has %" PRIu32 " descriptors (8.2.3.8.5)", queue,
                             tail, ring->size);
        else
            sanitizer_report(sanitizer,
                             "RDT[%" PRIu32 "] = %" PRIu32
                             ": moved back behind descriptors that the device holds (%" PRIu32 " to %" PRIu32
                             ") (7.1.9)",
                             queue, tail, ring->head, position);
        return;
    }
    ring->tail_refused = UINT32_MAX;
    if (tail < position) {
        rx_fetch_straight(model, ring, queue, position, ring->size - position);
        position = 0;
    }
    rx_fetch_straight(model, ring, queue, position, tail - position);
    ring->fetched = tail;
}

/* The host memory of a descriptor's buffer, which is the driver's again; NULL if DMA must not happen. */
static uint8_t *rx_buffer(struct ixgbe_model *model, uint32_t queue, uint32_t position, uint64_t address)
{
    struct emu_dma_region *region = &model->device.dma.regions[address >> EMU_DMA_SHIFT];
    uint64_t offset = address & EMU_DMA_OFFSET_MASK;
    if (address == 0)
        return NULL;
    if (region->stride != 0) {
        uint32_t index = emu_dma_index(region, offset);
        region->marks[index] = false;
        if (emu_dma_owned_by_caller(region, index)) {
            sanitizer_report(&model->device.sanitizer,
                             "DMA to a buffer that the caller owns: receive queue %" PRIu32 ", descriptor %" PRIu32
                             ", buffer %" PRIu32 " of %s",
                             queue, position, index, region->name);
            return NULL;
        }
    }
    return region->base + offset;
}

/* The first quadword, then the second as one store: a driver that sees DD sees all the rest (7.1.6.2). */
static inline void rx_write_back(struct model_rx_descriptor *descriptor, uint64_t info, uint32_t len, uint64_t status)
{
    __atomic_store_n(&descriptor->address, info, __ATOMIC_RELAXED);
    __atomic_store_n(&descriptor->status, (uint64_t)len << 32 | status, __ATOMIC_RELEASE);
}

static __attribute__((noinline)) void rx_write_back_hostile(struct ixgbe_model *model, const struct model_rx_ring *ring,
                                                            struct model_rx_descriptor *descriptor, uint64_t info,
                                                            uint32_t len, uint64_t status)
{
    ixgbe_model_lie_received(model, ring, &info, &len, &status);
    rx_write_back(descriptor, info, len, status);
}

/* A threaded model finds buffers and descriptors in its driver's core: those of the next batch are called in early. */
static void rx_prefetch(const struct ixgbe_model *model, const struct model_rx_ring *ring, uint32_t count)
{
    uint32_t position = ring->head;
    for (uint32_t i = 0; i < count && position != ring->fetched; i++) {
        emu_prefetch_write(emu_dma_hint(&model->device.dma, ring->slots[position]));
        if (position % 4 == 0) /* four descriptors to a line */
            emu_prefetch_write(&ring->descriptors[position]);
        position = rx_next(ring, position);
    }
}

static void rx_generated(struct ixgbe_model *model, struct model_rx_ring *ring, uint32_t len, uint32_t frames)
{
    model_count(&model->received, len, frames);
    model->received_all += frames;
    model->received_all_bytes += (uint64_t)len * frames;
    ring->packets += frames;
    ring->bytes += (uint64_t)(len - 4) * frames; /* QBRC counts what the host has; this way is taken only with strip */
}

/* Frames for descriptors that lie one behind the other, at most RX_BATCH. All frames first, then all descriptors, so
 * that a driver which polls takes each line of the ring away once, and not once a descriptor. Returns how many had a
 * buffer: the others must not be written, which was reported. */
static uint32_t rx_generate_straight(struct ixgbe_model *model, struct model_rx_ring *ring, struct gen *gen,
                                     uint32_t position, uint32_t count)
{
    uint32_t written[RX_BATCH];
    const uint64_t *slot = &ring->slots[position];
    const struct emu_dma_window window = emu_device_window(&model->device, *slot);
    uint32_t received = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t offset = slot[i] - window.first;
        uint8_t *buffer = window.base + offset;
        bool mine = offset < window.size;
        if (__builtin_expect(mine, 1)) {
            uint64_t index = (uint64_t)(((emu_dma_wide)offset * window.reciprocal) >> 64);
            window.marks[index] = false;
            mine = window.owner == NULL || __atomic_load_n(window.owner + index, __ATOMIC_RELAXED) == 0;
        }
        if (__builtin_expect(!mine, 0)) {
            buffer = rx_buffer(model, 0, position + i, slot[i]);
            if (buffer == NULL)
                continue;
        }
        gen_write(gen, buffer);
        written[received++] = i;
    }
    const uint64_t info = model->generated_info;
    const uint64_t status = RX_DD | RX_EOP | model->generated_status;
    const uint32_t len = gen->size;
    struct model_rx_descriptor *first = &ring->descriptors[position];
    if (hostile_is(&model->device.hostile)) {
        for (uint32_t i = 0; i < received; i++)
            rx_write_back_hostile(model, ring, first + written[i], info, len, status);
        return received;
    }
    for (uint32_t i = 0; i < received; i++)
        rx_write_back(first + written[i], info, len, status);
    return received;
}

static uint32_t rx_generate(struct ixgbe_model *model, uint32_t most)
{
    struct model_rx_ring *ring = &model->rx[0];
    struct gen *gen = model->device.gen;
    bool ahead = !model->device.timing_inline;
    if ((model->rx_running[0] & 1) == 0)
        return 0;
    /* A threaded model finds the tail in its driver's core: it looks only when there is too little to go on with. */
    if (!ahead || rx_distance(ring, ring->head, ring->fetched) < most)
        ixgbe_model_rx_fetch(model, 0);
    uint32_t available = rx_distance(ring, ring->head, ring->fetched);
    uint32_t ready = available == 0 ? 0 : gen_ready(gen, available < most ? available : most);
    if (ready == 0)
        return 0;
    if (__builtin_expect(model->generated_info == UINT64_MAX, 0)) {
        uint32_t queue;
        gen_build(gen, model->scratch);
        model->generated_info = ixgbe_model_classify(model, model->scratch, gen->size, &queue);
        model->generated_status = ixgbe_model_verify(model, model->scratch, gen->size, false);
    }
    uint32_t received = 0;
    for (uint32_t batch, left = ready; left != 0; left -= batch) {
        uint32_t head = ring->head;
        batch = left < RX_BATCH ? left : RX_BATCH;
        batch = batch < ring->size - head ? batch : ring->size - head;
        received += rx_generate_straight(model, ring, gen, head, batch);
        ring->head = head + batch < ring->size ? head + batch : 0;
    }
    if (ahead)
        rx_prefetch(model, ring, ready);
    rx_generated(model, ring, gen->size + 4, received);
    model->returned[0] |= 1;
    return ready;
}

/* CRC-32 of IEEE 802.3, bit by bit: only frames whose checksum is kept need it. */
uint32_t ixgbe_model_checksum(const uint8_t *frame, uint32_t len)
{
    uint32_t crc = UINT32_MAX;
    for (uint32_t i = 0; i < len; i++) {
        crc ^= frame[i];
        for (uint32_t bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xEDB88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

/* Writes a frame into as many buffers as it needs; the last has EOP and the status. False if one of them must not be
 * written. */
static bool rx_deliver(struct ixgbe_model *model, uint32_t queue, const uint8_t *frame, uint32_t len, uint64_t info,
                       uint64_t last)
{
    struct model_rx_ring *ring = &model->rx[queue];
    bool whole = true;
    model->returned[queue / 64] |= (uint64_t)1 << queue % 64;
    for (uint32_t done = 0; done < len;) {
        uint32_t piece = len - done < ring->buffer_size ? len - done : ring->buffer_size;
        uint32_t position = ring->head;
        uint8_t *buffer = rx_buffer(model, queue, position, ring->slots[position]);
        ring->head = rx_next(ring, position);
        if (buffer != NULL) {
            memcpy(buffer, frame + done, piece);
            uint64_t status = done + piece == len ? RX_DD | RX_EOP | last : RX_DD;
            if (hostile_is(&model->device.hostile))
                rx_write_back_hostile(model, ring, &ring->descriptors[position], info, piece, status);
            else
                rx_write_back(&ring->descriptors[position], info, piece, status);
        }
        whole = whole && buffer != NULL;
        done += piece;
    }
    return whole;
}

static void rx_count(struct ixgbe_model *model, const uint8_t *frame, uint32_t len)
{
    model_count(&model->received, len, 1);
    if ((frame[0] & 1) == 0)
        return;
    if ((frame[0] & frame[1] & frame[2] & frame[3] & frame[4] & frame[5]) == 0xFF)
        model->received.broadcast++;
    else
        model->received.multicast++;
}

/* A frame that is not written as it came: its tag goes into the status, its checksum is kept, a stamp comes behind it.
 * Returns its length in model->scratch. */
static uint32_t rx_rewrite(struct ixgbe_model *model, const struct model_rx_ring *ring, const uint8_t *frame,
                           uint32_t len, uint64_t *status)
{
    uint8_t *to = model->scratch;
    uint32_t tag = ring->untag && (*status & RX_VP) != 0 ? 4 : 0;
    memcpy(to, frame, 12);
    memcpy(to + 12, frame + 12 + tag, len - 12 - tag);
    if (tag != 0)
        *status |= ((uint64_t)frame[14] << 8 | frame[15]) << RX_VLAN_SHIFT;
    uint32_t written = len - tag;
    if (!model->strip) {
        uint32_t checksum = ixgbe_model_checksum(frame, len);
        for (uint32_t i = 0; i < 4; i++)
            to[written++] = (uint8_t)(checksum >> 8 * i);
    }
    if (model->stamps) {
        ixgbe_model_stamp(model, to + written);
        if (hostile_is(&model->device.hostile))
            ixgbe_model_lie_stamp(model, to + written);
        written += MODEL_STAMP_SIZE;
        *status |= RX_TSIP;
    }
    return written;
}

/* By its type: VLNCTRL.VET, 8.2.3.7.2. */
static bool rx_tagged(const struct ixgbe_model *model, const uint8_t *frame)
{
    return ((uint32_t)frame[12] << 8 | frame[13]) == (model->registers[MODEL_VLNCTRL / 4] & 0xFFFF);
}

enum rx_outcome { RX_DONE, RX_WAIT };

/* One frame: RX_WAIT leaves it on the wire. */
static enum rx_outcome rx_frame(struct ixgbe_model *model, const uint8_t *frame, uint32_t len)
{
    if (len < 60) {
        model->undersized++;
        return RX_DONE;
    }
    bool tagged = rx_tagged(model, frame);
    if (len + 4 > model->frame_max + (tagged ? 4 : 0)) { /* a tag comes on top, 8.2.3.22.13 */
        model->oversized++;
        return RX_DONE;
    }
    if (!ixgbe_model_accepts(model, frame, len))
        return RX_DONE;
    uint32_t queue;
    uint64_t info = ixgbe_model_classify(model, frame, len, &queue);
    struct model_rx_ring *ring = &model->rx[queue];
    if ((model->rx_running[queue / 64] >> queue % 64 & 1) == 0) {
        rx_count(model, frame, len + 4);
        ring->dropped++; /* QPRDC counts frames for a queue that is disabled, too */
        return RX_DONE;
    }
    uint64_t status = tagged ? RX_VP : 0;
    uint32_t written = len;
    bool rewrite = !model->strip || model->stamps || (tagged && ring->untag);
    if (rewrite)
        written = rx_rewrite(model, ring, frame, len, &status);
    uint32_t needed = (written + ring->buffer_size - 1) / ring->buffer_size;
    if (rx_distance(ring, ring->head, ring->fetched) < needed) {
        ixgbe_model_rx_fetch(model, queue);
        if (rx_distance(ring, ring->head, ring->fetched) < needed) {
            if (model->device.wire->waits)
                return RX_WAIT;
            rx_count(model, frame, len + 4);
            if (ring->drop)
                ring->dropped++;
            else
                model->missed++;
            return RX_DONE;
        }
    }
    status |= ixgbe_model_verify(model, frame, len, tagged);
    rx_count(model, frame, len + 4);
    if (rx_deliver(model, queue, rewrite ? model->scratch : frame, written, info, status)) {
        ring->packets++;
        ring->bytes += written;
    } else {
        model->missed++;
    }
    return RX_DONE;
}

uint32_t ixgbe_model_receive(struct ixgbe_model *model, uint32_t most)
{
    if (!model->rx_on || (model->rx_running[0] | model->rx_running[1]) == 0)
        return 0;
    /* A buffer that is too small for a generated frame needs several: the long way. */
    if (model->direct && model->rx[0].buffer_size >= model->device.gen->size)
        return rx_generate(model, most);
    struct wire *wire = model->device.wire;
    uint32_t frames = 0;
    uint32_t bound = most < RX_FRAMES_BOUND ? most : RX_FRAMES_BOUND;
    for (; frames < bound; frames++) {
        uint32_t len;
        const uint8_t *frame = wire->ops->peek(wire, &len);
        if (frame == NULL || rx_frame(model, frame, len) == RX_WAIT)
            break;
        model->received_all++;
        model->received_all_bytes += len + 4;
        wire->ops->consume(wire);
    }
    return frames;
}
