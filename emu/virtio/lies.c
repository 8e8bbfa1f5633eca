/* What a hostile VirtIO-net device tells its driver (emu/hostile.h).
 *
 * All that is told through the rings is told where a batch becomes visible: what the engines wrote there is right, and
 * is written over. After a lie that leaves the driver without a way to know what the device holds, the device leaves
 * that queue alone until it is reset, so that what the sanitizer reports is still the driver's fault: a driver that
 * believed the lie may use its buffers as it likes.
 */
#include <string.h>

#include "core/device/error.h"
#include "emu/virtio/ring.h"

/* The completions of a batch that is about to become visible. */
struct vmodel_lies {
    struct virtio_model *model;
    struct vmodel_queue *queue;
    struct vmodel_packed_batch *batch;
    uint32_t from, count; /* split: used index; packed: position */
};

static struct vmodel_lies vmodel_lies_of(struct virtio_model *model, struct vmodel_queue *queue,
                                         struct vmodel_packed_batch *batch)
{
    struct vmodel_lies lies = {.model = model, .queue = queue, .batch = batch};
    if (!model->packed) {
        lies.from = queue->lies_published;
        lies.count = queue->used_next - lies.from;
        queue->lies_published = queue->used_next;
    } else if (batch->first != NULL) {
        lies.from = (uint32_t)(batch->first - queue->ring);
        lies.count =
            queue->used_next > lies.from ? queue->used_next - lies.from : queue->used_next + queue->size - lies.from;
    }
    if (queue->direction == VMODEL_CONTROL && lies.count != 0)
        lies.count = 1; /* of a command's three descriptors, the first tells of all */
    return lies;
}

/* Where completion n lies: len in the lower half, id above it, and in a packed ring flags above that. */
static uint64_t *vmodel_lies_packed_word(const struct vmodel_lies *lies, uint32_t n)
{
    if (n == 0)
        return &lies->batch->word;
    return (uint64_t *)(void *)&lies->queue->ring[(lies->from + n) % lies->queue->size].len;
}

static struct virtq_used_elem *vmodel_lies_element(const struct vmodel_lies *lies, uint32_t n)
{
    return &lies->queue->used->ring[(lies->from + n) & (lies->queue->size - 1)];
}

static uint32_t vmodel_lies_id(const struct vmodel_lies *lies, uint32_t n)
{
    return lies->model->packed ? (uint32_t)(*vmodel_lies_packed_word(lies, n) >> 32) & 0xFFFF
                               : vmodel_lies_element(lies, n)->id;
}

static uint32_t vmodel_lies_len(const struct vmodel_lies *lies, uint32_t n)
{
    return lies->model->packed ? (uint32_t)*vmodel_lies_packed_word(lies, n) : vmodel_lies_element(lies, n)->len;
}

static void vmodel_lies_set(const struct vmodel_lies *lies, uint32_t n, uint32_t id, uint32_t len)
{
    if (lies->model->packed) {
        uint64_t *word = vmodel_lies_packed_word(lies, n);
        uint64_t flags = *word & (uint64_t)0xFFFF << 48;
        __atomic_store_n(word, flags | (uint64_t)(id & 0xFFFF) << 32 | len, __ATOMIC_RELAXED);
    } else {
        struct virtq_used_elem *element = vmodel_lies_element(lies, n);
        element->id = id;
        element->len = len;
    }
}

/* ---- ids ---- */

/* An id that the device does not hold, as far as it is easy to say; or the queue's size. */
static uint32_t vmodel_lies_idle_id(const struct vmodel_lies *lies, struct hostile *hostile, uint32_t but)
{
    const struct vmodel_queue *queue = lies->queue;
    uint32_t first = (uint32_t)hostile_random(hostile, queue->size);
    for (uint32_t i = 0; i < queue->size; i++) {
        uint32_t id = (first + i) % queue->size;
        if (!queue->held[id] && id != but)
            return id;
    }
    return queue->size;
}

/* About the first completion of a batch. True: nobody can know any more what the device holds. */
static bool vmodel_lies_about_id(const struct vmodel_lies *lies, struct hostile *hostile)
{
    struct vmodel_queue *queue = lies->queue;
    uint32_t id = vmodel_lies_id(lies, 0), len = vmodel_lies_len(lies, 0), size = queue->size;
    uint32_t before = queue->lies_before;
    queue->lies_before = vmodel_lies_id(lies, lies->count - 1) + 1;
    if (hostile_tells(hostile, HOSTILE_ID_RANGE)) {
        /* Just past the queue, anywhere, and one that is right in its lower half. */
        uint32_t past[] = {size, size + (uint32_t)hostile_random(hostile, 65536 - size), 65535, id + 65536};
        vmodel_lies_set(lies, 0, past[hostile_random(hostile, lies->model->packed ? 3 : 4)], len);
        return true;
    }
    uint32_t idle = vmodel_lies_idle_id(lies, hostile, id);
    if (lies->model->header_alone && hostile_random(hostile, 2) == 0)
        idle = id + 1; /* the second descriptor of the chain that is completed */
    if (idle != size && hostile_tells(hostile, HOSTILE_ID_IDLE)) {
        vmodel_lies_set(lies, 0, idle, len);
        return true;
    }
    if (before != 0 && before - 1 != id && hostile_tells(hostile, HOSTILE_ID_TWICE)) {
        vmodel_lies_set(lies, 0, before - 1, len);
        return true;
    }
    if (lies->model->in_order && hostile_tells(hostile, HOSTILE_ORDER)) {
        vmodel_lies_set(lies, 0, (id + 1 + (uint32_t)hostile_random(hostile, size - 1)) % size, len);
        return true;
    }
    return false;
}

/* ---- packed flags ---- */

static bool vmodel_lies_about_flags(const struct vmodel_lies *lies, struct hostile *hostile)
{
    struct vmodel_packed_batch *batch = lies->batch;
    uint64_t posted = vmodel_load(vmodel_second(batch->first));
    uint32_t id = (uint32_t)(posted >> 32) & 0xFFFF;
    /* What the driver posted still stands where id and length will be. */
    if (lies->queue->direction == VMODEL_RECEIVE && id == vmodel_lies_id(lies, 0) &&
        hostile_tells(hostile, HOSTILE_FLAGS_EARLY))
        batch->word = (batch->word & (uint64_t)0xFFFF << 48) | (posted & (((uint64_t)1 << 48) - 1));
    if (!hostile_tells(hostile, HOSTILE_WRAP))
        return false;
    batch->word ^= (uint64_t)VMODEL_PACKED_BITS << 48;
    return true;
}

/* ---- lengths and headers of received frames ---- */

static void vmodel_lies_about_length(const struct vmodel_lies *lies, struct hostile *hostile, uint32_t n)
{
    uint32_t id = vmodel_lies_id(lies, n), len = vmodel_lies_len(lies, n);
    if (hostile_tells(hostile, HOSTILE_LENGTH_BEYOND)) {
        /* Past any buffer; right when some upper bits are lost; all of a buffer, which is more than any frame. */
        const uint32_t beyond[] = {16384 + (uint32_t)hostile_random(hostile, 49152), 65536 + len, len | 1u << 31,
                                   UINT32_MAX, 2048};
        vmodel_lies_set(lies, n, id, beyond[hostile_random(hostile, sizeof(beyond) / sizeof(beyond[0]))]);
    } else if (hostile_tells(hostile, HOSTILE_LENGTH_SHORT)) {
        vmodel_lies_set(lies, n, id, (uint32_t)hostile_random(hostile, lies->model->header + 14));
    }
}

/* About one part of a frame that spans buffers: no byte at all, more than the buffer has, or as much as it has, which
 * is more than is left of a frame. */
static void vmodel_lies_about_part(const struct vmodel_lies *lies, struct hostile *hostile, uint32_t n)
{
    const uint32_t lengths[] = {0, 2048, 16384, 65536 + vmodel_lies_len(lies, n), UINT32_MAX};
    if (hostile_tells(hostile, HOSTILE_LENGTH_SPANNING))
        vmodel_lies_set(lies, n, vmodel_lies_id(lies, n),
                        lengths[hostile_random(hostile, sizeof(lengths) / sizeof(lengths[0]))]);
}

static void vmodel_lies_about_header(const struct vmodel_lies *lies, struct hostile *hostile, uint8_t *bytes)
{
    struct virtio_net_hdr header = {0};
    memcpy(&header, bytes, lies->model->header);
    if (hostile_tells(hostile, HOSTILE_CHECKSUM_START)) {
        header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        header.csum_start = (uint16_t)(2000 + hostile_random(hostile, 63536));
        header.csum_offset = (uint16_t)hostile_random(hostile, 65536);
    }
    if (hostile_tells(hostile, HOSTILE_GSO)) {
        header.gso_type = (uint8_t)(1 + hostile_random(hostile, 255));
        header.gso_size = (uint16_t)hostile_random(hostile, 65536);
        header.hdr_len = (uint16_t)hostile_random(hostile, 65536);
    }
    if (lies->model->mergeable && hostile_tells(hostile, HOSTILE_NUM_BUFFERS)) {
        const uint16_t parts[] = {0, (uint16_t)(header.num_buffers + 1), 65535,
                                  (uint16_t)(2 + hostile_random(hostile, 62))};
        header.num_buffers = parts[hostile_random(hostile, 4)];
    }
    memcpy(bytes, &header, lies->model->header);
}

/* Where the header of completion n lies: the first slot of its buffer. `end` is one past its last slot; it becomes the
 * end of the buffer before. */
static uint8_t *vmodel_lies_header(const struct vmodel_lies *lies, uint32_t *end)
{
    const struct vmodel_queue *queue = lies->queue;
    uint32_t first = *end - 1;
    while (queue->slots[(first - 1) & queue->slot_mask].flags != 0 && *end - first < 2 && lies->model->header_alone)
        first--;
    const struct vmodel_slot *slot = &queue->slots[first & queue->slot_mask];
    struct emu_dma_region *region = emu_dma_region_of(&lies->model->device.dma, slot->address, lies->model->header);
    *end = first;
    return region != NULL ? region->base + (slot->address & EMU_DMA_OFFSET_MASK) : NULL;
}

static void vmodel_lies_about_frames(const struct vmodel_lies *lies, struct hostile *hostile)
{
    uint32_t end = lies->queue->head;
    bool spans = lies->count > 1 && !lies->model->direct; /* then a batch is one frame */
    for (uint32_t n = lies->count; n-- > 0;) {
        uint8_t *header = vmodel_lies_header(lies, &end);
        if (spans)
            vmodel_lies_about_part(lies, hostile, n);
        else
            vmodel_lies_about_length(lies, hostile, n);
        if (header != NULL && (n == 0 || !spans))
            vmodel_lies_about_header(lies, hostile, header);
        if (n != 0)
            hostile_completion(hostile); /* of the first, more is told */
    }
}

void vmodel_lie_publish(struct virtio_model *model, struct vmodel_queue *queue, struct vmodel_packed_batch *batch)
{
    struct hostile *hostile = &model->device.hostile;
    struct vmodel_lies lies = vmodel_lies_of(model, queue, batch);
    if (lies.count == 0)
        return;
    if (queue->direction == VMODEL_RECEIVE)
        vmodel_lies_about_frames(&lies, hostile);
    if (vmodel_lies_about_id(&lies, hostile))
        queue->lies_end = true;
    if (model->packed && vmodel_lies_about_flags(&lies, hostile))
        queue->lies_end = true;
    hostile_completion(hostile);
}

uint32_t vmodel_lie_index(struct virtio_model *model, struct vmodel_queue *queue)
{
    struct hostile *hostile = &model->device.hostile;
    if (!hostile_tells(hostile, HOSTILE_INDEX_JUMP))
        return queue->used_next;
    hostile_completion(hostile); /* one, of those that it makes up or hides */
    queue->lies_end = true;
    uint32_t step = 1 + (uint32_t)hostile_random(hostile, hostile_random(hostile, 2) == 0 ? queue->size : 32767);
    return hostile_random(hostile, 2) == 0 ? queue->used_next + step : queue->used_next - step;
}

/* ---- between the driver's looks ---- */

/* One of the last lap's completions, whether or not the driver has taken it; not one that is posted again. */
static void vmodel_lies_rewrite(struct virtio_model *model, struct vmodel_queue *queue)
{
    struct hostile *hostile = &model->device.hostile;
    uint32_t back = 1 + (uint32_t)hostile_random(hostile, queue->size);
    uint64_t word = hostile_random(hostile, UINT64_MAX);
    if (!model->packed) {
        struct virtq_used_elem *element = &queue->used->ring[(queue->used_next - back) & (queue->size - 1)];
        if ((uint16_t)queue->used_next < back || !hostile_tells(hostile, HOSTILE_REWRITE))
            return;
        element->id = (uint32_t)(word >> 32) % (2 * queue->size);
        element->len = (uint32_t)word;
        hostile_completion(hostile);
        queue->lies_end = true;
        return;
    }
    uint32_t position = (queue->used_next + queue->size - back) % queue->size;
    uint64_t *place = (uint64_t *)(void *)&queue->ring[position].len;
    bool wrap = position < queue->used_next ? queue->used_wrap : !queue->used_wrap;
    if ((*place >> 48 & VMODEL_PACKED_BITS) != (wrap ? VMODEL_PACKED_BITS : 0) || *place == 0 ||
        !hostile_tells(hostile, HOSTILE_REWRITE))
        return;
    word = (word & 0xFFFFFFFF) | (uint64_t)(word >> 32) % (2 * queue->size) << 32;
    *place = (*place & (uint64_t)0xFFFF << 48) | word;
    hostile_completion(hostile);
    queue->lies_end = true;
}

/* Over a descriptor whose buffer the device holds: it has read it, and does not need it any more. */
static void vmodel_lies_table(struct virtio_model *model, struct vmodel_queue *queue)
{
    struct hostile *hostile = &model->device.hostile;
    if (queue->head == queue->fetched || !hostile_tells(hostile, HOSTILE_TABLE_REWRITE))
        return;
    uint64_t garbage[2] = {hostile_random(hostile, UINT64_MAX), hostile_random(hostile, UINT64_MAX)};
    if (!model->packed) {
        uint32_t held = (uint32_t)hostile_random(hostile, queue->fetched - queue->head);
        uint32_t id = queue->slots[(queue->head + held) & queue->slot_mask].id;
        memcpy((void *)(uintptr_t)&queue->desc[id], garbage, sizeof(garbage));
        return;
    }
    struct virtq_packed_desc *descriptor =
        &queue->ring[(queue->used_next + hostile_random(hostile, queue->outstanding)) % queue->size];
    uint64_t *second = (uint64_t *)(void *)&descriptor->len;
    descriptor->addr = garbage[0];
    *second = (*second & (uint64_t)VMODEL_PACKED_BITS << 48) | (garbage[1] & ~((uint64_t)VMODEL_PACKED_BITS << 48));
}

void vmodel_lie_leave(struct virtio_model *model, struct vmodel_queue *queue)
{
    __atomic_store_n(&queue->live, false, __ATOMIC_RELEASE);
    for (; queue->head != queue->fetched; queue->head++) {
        uint64_t address = queue->slots[queue->head & queue->slot_mask].address;
        struct emu_dma_region *region = &model->device.dma.regions[address >> EMU_DMA_SHIFT];
        if (address != 0 && region->stride != 0)
            region->marks[emu_dma_index(region, address & EMU_DMA_OFFSET_MASK)] = false;
    }
}

bool vmodel_lie_step(struct virtio_model *model)
{
    struct emu_device *device = &model->device;
    if (model->gone)
        return true;
    if (hostile_tells(&device->hostile, HOSTILE_INTERRUPT))
        emu_device_interrupt(device, (uint32_t)hostile_random(&device->hostile, BUS_EVENTS_MAX));
    if ((model->status & VIRTIO_STATUS_DRIVER_OK) == 0)
        return false;
    if (hostile_tells(&device->hostile, HOSTILE_GONE)) {
        vmodel_reset(model);
        model->gone = true;
        return true;
    }
    for (uint32_t number = 0; number < VMODEL_QUEUES; number++) {
        struct vmodel_queue *queue = &model->queues[number];
        /* A threaded device would write over what its driver is about to post. */
        if (queue->live && device->timing_inline && queue->direction != VMODEL_CONTROL) {
            vmodel_lies_rewrite(model, queue);
            vmodel_lies_table(model, queue);
            vmodel_lie_event(model, queue);
        }
        if (queue->live && queue->lies_end)
            vmodel_lie_leave(model, queue);
    }
    return false;
}

void vmodel_lie_event(struct virtio_model *model, struct vmodel_queue *queue)
{
    struct hostile *hostile = &model->device.hostile;
    if (!hostile_tells(hostile, HOSTILE_EVENT_INDEX))
        return;
    uint32_t garbage = (uint32_t)hostile_random(hostile, (uint64_t)1 << 32);
    if (model->packed) {
        __atomic_store_n((uint32_t *)(void *)queue->device_event, garbage, __ATOMIC_RELAXED);
        return;
    }
    __atomic_store_n(&queue->used->flags, (uint16_t)garbage, __ATOMIC_RELAXED);
    if (model->event_idx)
        __atomic_store_n((uint16_t *)(void *)&queue->used->ring[queue->size], (uint16_t)(garbage >> 16),
                         __ATOMIC_RELAXED);
}

/* ---- what the transport says ---- */

bool vmodel_lie_back(struct virtio_model *model)
{
    if (model->gone && !hostile_tells(&model->device.hostile, HOSTILE_GONE))
        model->gone = false;
    return !model->gone;
}

int32_t vmodel_lie_reset(struct virtio_model *model)
{
    if (!hostile_tells(&model->device.hostile, HOSTILE_NOT_READY))
        return 0;
    return error_set(IXY_E_TIMEOUT, "%s: the device status did not become 0 within a second of the reset",
                     model->device.bus.address);
}

void vmodel_lie_config(struct virtio_model *model, uint32_t offset, uint8_t *config)
{
    struct hostile *hostile = &model->device.hostile;
    const uint16_t pairs[] = {0, (uint16_t)(VIRTIO_NET_PAIRS_MAX + 1), 65535};
    const uint16_t mtus[] = {0, 1, 67};
    uint8_t *mac = config + VIRTIO_NET_CONFIG_MAC;
    if (offset == VIRTIO_NET_CONFIG_MAC && hostile_tells(hostile, HOSTILE_CONFIG_MAC)) {
        uint64_t which = hostile_random(hostile, 3);
        if (which == 0)
            mac[0] |= 1;
        else
            memset(mac, which == 1 ? 0 : 0xFF, 6);
    }
    if (offset == VIRTIO_NET_CONFIG_MAX_VIRTQUEUE_PAIRS && hostile_tells(hostile, HOSTILE_CONFIG_PAIRS))
        memcpy(config + offset, &pairs[hostile_random(hostile, 3)], sizeof(pairs[0]));
    if (offset == VIRTIO_NET_CONFIG_MTU && hostile_tells(hostile, HOSTILE_CONFIG_MTU))
        memcpy(config + offset, &mtus[hostile_random(hostile, 3)], sizeof(mtus[0]));
}

uint32_t vmodel_lie_queue_size(struct virtio_model *model, uint32_t size)
{
    struct hostile *hostile = &model->device.hostile;
    const uint32_t sizes[] = {0, 1, 2, VIRTQ_SIZE_MAX + 1, 65536, UINT32_MAX, 100, 255};
    if (!hostile_tells(hostile, HOSTILE_CONFIG_QUEUE))
        return size;
    return sizes[hostile_random(hostile, model->packed ? 6 : 8)]; /* a packed queue may have 100 */
}
