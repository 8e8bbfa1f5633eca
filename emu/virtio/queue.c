/* Virtqueues: where they lie, and when the device begins and ceases to use them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/device/error.h"
#include "emu/virtio/ring.h"

#define VMODEL_PACKED_IDS 65536u /* a Buffer ID is any number of 16 bits */

uint32_t vmodel_queue_count(const struct virtio_model *model)
{
    /* 5.1.2: without MQ there is one pair, and the control queue is number 2. */
    uint32_t pairs = vmodel_has(model, VIRTIO_NET_F_MQ) ? model->pairs : 1;
    return 2 * pairs + (vmodel_has(model, VIRTIO_NET_F_CTRL_VQ) ? 1 : 0);
}

static bool vmodel_is_control(const struct virtio_model *model, uint32_t number)
{
    return vmodel_has(model, VIRTIO_NET_F_CTRL_VQ) && number + 1 == vmodel_queue_count(model);
}

uint32_t vmodel_queue_size_max(const struct virtio_model *model, uint32_t number)
{
    if (number >= vmodel_queue_count(model))
        return 0;
    if (vmodel_is_control(model, number))
        return model->ring_size < VMODEL_CONTROL_SIZE ? model->ring_size : VMODEL_CONTROL_SIZE;
    return model->ring_size;
}

void vmodel_break(struct virtio_model *model, struct vmodel_queue *queue)
{
    queue->broken = true;
    __atomic_store_n(&queue->live, false, __ATOMIC_RELEASE);
    model->status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
}

/* One of the three areas of a queue. */
struct vmodel_area {
    const char *name;
    uint64_t address, size;
    uint32_t align;
};

static uint8_t *vmodel_area_check(struct virtio_model *model, const struct vmodel_queue *queue,
                                  const struct vmodel_area *area, uint32_t *slot)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    char name[VMODEL_PLACE_SIZE];
    vmodel_queue_name(queue, name);
    if ((area->address & (area->align - 1)) != 0) {
        sanitizer_report(sanitizer, "%s: its %s at %" PRIX64 "h is not aligned to %" PRIu32 " bytes (%s)", name,
                         area->name, area->address, area->align, model->packed ? "2.8.10.1" : "2.7");
        return NULL;
    }
    struct emu_dma_region *region = emu_dma_region_of(&model->device.dma, area->address, area->size);
    if (region == NULL) {
        sanitizer_report(sanitizer,
                         "%s: its %s (%" PRIX64 "h, %" PRIu64 " bytes) is not in memory that the driver mapped", name,
                         area->name, area->address, area->size);
        return NULL;
    }
    *slot = (uint32_t)(area->address >> EMU_DMA_SHIFT);
    return region->base + (area->address & EMU_DMA_OFFSET_MASK);
}

/* Whether the areas are a queue's own: apart from each other, and from those of the queues that are enabled. */
static bool vmodel_areas_apart(struct virtio_model *model, const struct vmodel_queue *queue,
                               const struct vmodel_area *area)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    char name[VMODEL_PLACE_SIZE], other_name[VMODEL_PLACE_SIZE];
    vmodel_queue_name(queue, name);
    for (uint32_t i = 0; i < 3; i++) {
        const struct vmodel_area *other = &area[(i + 1) % 3];
        if (area[i].address < other->address + other->size && other->address < area[i].address + area[i].size) {
            sanitizer_report(sanitizer, "%s: its %s and its %s overlap (2.6)", name, area[i].name, other->name);
            return false;
        }
    }
    for (uint32_t number = 0; number < VMODEL_QUEUES; number++) {
        const struct vmodel_queue *other = &model->queues[number];
        for (uint32_t i = 0; i < 9 && other->enabled; i++) {
            if (area[i / 3].address >= other->area_end[i % 3] ||
                other->area_first[i % 3] >= area[i / 3].address + area[i / 3].size)
                continue;
            sanitizer_report(sanitizer, "%s: its %s overlaps the %s of %s; each virtqueue has parts of its own (2.6)",
                             name, area[i / 3].name, area[i % 3].name, vmodel_queue_name(other, other_name));
            return false;
        }
    }
    return true;
}

/* The driver sets the used ring up, too, before the device has it. */
static bool vmodel_used_fresh(struct virtio_model *model, const struct vmodel_queue *queue)
{
    char name[VMODEL_PLACE_SIZE];
    uint16_t flags = __atomic_load_n(&queue->used->flags, __ATOMIC_RELAXED);
    uint16_t idx = __atomic_load_n(&queue->used->idx, __ATOMIC_RELAXED);
    vmodel_queue_name(queue, name);
    if (flags != 0)
        sanitizer_report(&model->device.sanitizer,
                         "%s: enabled with used flags %" PRIX16 "h; the driver initializes them to 0 (2.7.10.1)", name,
                         flags);
    if (idx != 0)
        sanitizer_report(&model->device.sanitizer, "%s: enabled with used idx %" PRIu16 "; it starts at 0 (2.7.8)",
                         name, idx);
    return flags == 0 && idx == 0;
}

static bool vmodel_queue_place(struct virtio_model *model, struct vmodel_queue *queue,
                               const struct virtio_queue_setup *setup)
{
    const uint64_t size = setup->size;
    struct vmodel_area split[3] = {{"descriptor table", setup->descriptor_area, 16 * size, 16},
                                   {"available ring", setup->driver_area, 6 + 2 * size, 2},
                                   {"used ring", setup->device_area, 6 + 8 * size, 4}};
    struct vmodel_area packed[3] = {{"descriptor ring", setup->descriptor_area, 16 * size, 16},
                                    {"driver event suppression", setup->driver_area, 4, 4},
                                    {"device event suppression", setup->device_area, 4, 4}};
    const struct vmodel_area *area = model->packed ? packed : split;
    char name[VMODEL_PLACE_SIZE];
    uint8_t *base[3];
    for (uint32_t i = 0; i < 3; i++) {
        base[i] = vmodel_area_check(model, queue, &area[i], &queue->region[i]);
        if (base[i] == NULL)
            return false;
    }
    if (!vmodel_areas_apart(model, queue, area))
        return false;
    for (uint32_t i = 0; i < 3; i++) {
        queue->area_first[i] = area[i].address;
        queue->area_end[i] = area[i].address + area[i].size;
    }
    if (!vmodel_has(model, VIRTIO_F_VERSION_1)) {
        uint64_t avail = setup->descriptor_area + 16 * size;
        uint64_t used = (avail + 6 + 2 * size + VIRTQ_LEGACY_ALIGN - 1) & ~(uint64_t)(VIRTQ_LEGACY_ALIGN - 1);
        if ((setup->descriptor_area & (VIRTQ_LEGACY_ALIGN - 1)) != 0 || setup->driver_area != avail ||
            setup->device_area != used) {
            sanitizer_report(&model->device.sanitizer,
                             "%s: a legacy queue is one piece at a multiple of 4096: available ring at %" PRIX64
                             "h, used ring at %" PRIX64 "h (2.7.2)",
                             vmodel_queue_name(queue, name), avail, used);
            return false;
        }
    }
    if (model->packed) {
        queue->ring = (struct virtq_packed_desc *)(void *)base[0];
        queue->driver_event = (const struct virtq_event_suppress *)(void *)base[1];
        queue->device_event = (struct virtq_event_suppress *)(void *)base[2];
    } else {
        queue->desc = (const struct virtq_desc *)(void *)base[0];
        queue->avail = (const struct virtq_avail *)(void *)base[1];
        queue->used = (struct virtq_used *)(void *)base[2];
    }
    return model->packed || vmodel_used_fresh(model, queue);
}

static bool vmodel_queue_size_check(struct virtio_model *model, const struct vmodel_queue *queue, uint32_t size)
{
    char name[VMODEL_PLACE_SIZE];
    uint32_t most = vmodel_queue_size_max(model, queue->number);
    vmodel_queue_name(queue, name);
    if (size == 0 || size > most) {
        sanitizer_report(&model->device.sanitizer, "%s: a size of %" PRIu32 "; right is 1 to %" PRIu32 " (2.6)", name,
                         size, most);
        return false;
    }
    if (!model->packed && (size & (size - 1)) != 0) {
        sanitizer_report(&model->device.sanitizer,
                         "%s: a size of %" PRIu32 "; that of a split virtqueue is a power of two (2.7)", name, size);
        return false;
    }
    return true;
}

static bool vmodel_queue_vector_check(struct virtio_model *model, const struct vmodel_queue *queue, uint32_t vector)
{
    char name[VMODEL_PLACE_SIZE];
    if (vector == VIRTIO_VECTOR_NONE || vector < EMU_DEVICE_VECTORS)
        return true;
    sanitizer_report(&model->device.sanitizer,
                     "%s: vector %" PRIu32 ", the device has %d; right is one of them or none (4.1.5.1.2)",
                     vmodel_queue_name(queue, name), vector, EMU_DEVICE_VECTORS);
    return false;
}

int32_t vmodel_queue_enable(struct virtio_model *model, uint32_t number, const struct virtio_queue_setup *setup)
{
    char name[VMODEL_PLACE_SIZE];
    if (number >= vmodel_queue_count(model)) {
        sanitizer_report(&model->device.sanitizer,
                         "virtqueue %" PRIu32 " enabled: with these features there are %" PRIu32 " (5.1.2)", number,
                         vmodel_queue_count(model));
        return error_set(IXY_E_RANGE, "%s: there is no virtqueue %" PRIu32, model->device.bus.address, number);
    }
    struct vmodel_queue *queue = &model->queues[number];
    if (queue->enabled) {
        sanitizer_report(&model->device.sanitizer, "%s enabled twice without a reset (2.6.1.2.2)",
                         vmodel_queue_name(queue, name));
        return error_set(IXY_E_STATE, "%s: virtqueue %" PRIu32 " is enabled already", model->device.bus.address,
                         number);
    }
    memset(queue, 0, sizeof(*queue));
    queue->number = number;
    queue->direction = vmodel_is_control(model, number) ? VMODEL_CONTROL
                       : number % 2 == 0                ? VMODEL_RECEIVE
                                                        : VMODEL_TRANSMIT;
    if (!vmodel_queue_vector_check(model, queue, setup->vector) ||
        !vmodel_queue_size_check(model, queue, setup->size) || !vmodel_queue_place(model, queue, setup))
        return error_set(IXY_E_ARGUMENT, "%s: virtqueue %" PRIu32 " cannot be where it was set up",
                         model->device.bus.address, number);
    queue->size = setup->size;
    queue->vector = setup->vector;
    queue->wrap = queue->used_wrap = queue->told_wrap = queue->counted_wrap = true; /* 2.8.1 */
    queue->slot_mask = 1;
    while (queue->slot_mask < queue->size)
        queue->slot_mask *= 2;
    queue->slots = calloc(queue->slot_mask, sizeof(*queue->slots));
    queue->slot_mask--;
    queue->held = calloc(model->packed ? VMODEL_PACKED_IDS : queue->size, sizeof(*queue->held));
    if (queue->slots == NULL || queue->held == NULL) {
        vmodel_queue_stop(model, queue);
        return error_set(IXY_E_NO_MEMORY, "%s: no memory for virtqueue %" PRIu32, model->device.bus.address, number);
    }
    queue->enabled = true;
    return 0;
}

void vmodel_queue_start(struct virtio_model *model, struct vmodel_queue *queue)
{
    __atomic_store_n(&queue->live, true, __ATOMIC_RELEASE);
    vmodel_notifications(model, queue);
    if (model->packed)
        vmodel_packed_event(model, queue);
}

void vmodel_queue_stop(struct virtio_model *model, struct vmodel_queue *queue)
{
    __atomic_store_n(&queue->live, false, __ATOMIC_RELEASE);
    for (; queue->head != queue->fetched; queue->head++) {
        uint64_t address = queue->slots[queue->head & queue->slot_mask].address;
        struct emu_dma_region *region = &model->device.dma.regions[address >> EMU_DMA_SHIFT];
        if (address != 0 && region->stride != 0)
            region->marks[emu_dma_index(region, address & EMU_DMA_OFFSET_MASK)] = false;
    }
    free(queue->slots);
    free(queue->held);
    memset(queue, 0, sizeof(*queue));
}

void vmodel_notifications(struct virtio_model *model, struct vmodel_queue *queue)
{
    bool wanted = model->notify || model->asleep || queue->direction == VMODEL_CONTROL;
    if (model->packed) {
        uint16_t flags = VIRTQ_RING_EVENT_FLAGS_DISABLE;
        if (wanted)
            flags = model->event_idx ? VIRTQ_RING_EVENT_FLAGS_DESC : VIRTQ_RING_EVENT_FLAGS_ENABLE;
        uint16_t next = (uint16_t)(queue->next | (queue->wrap ? 0x8000u : 0));
        if (queue->device_event->desc != next && model->event_idx)
            __atomic_store_n(&queue->device_event->desc, next, __ATOMIC_RELAXED);
        if (queue->device_event->flags != flags)
            __atomic_store_n(&queue->device_event->flags, flags, __ATOMIC_RELEASE);
    } else if (model->event_idx) {
        /* A driver that passes this index notifies; one behind it never does (2.7.10). */
        uint16_t *event = (uint16_t *)(void *)&queue->used->ring[queue->size];
        __atomic_store_n(event, (uint16_t)(wanted ? queue->next : queue->next - 1), __ATOMIC_RELEASE);
    } else {
        uint16_t flags = (uint16_t)(wanted ? 0u : VIRTQ_USED_F_NO_NOTIFY);
        if (queue->used->flags != flags)
            __atomic_store_n(&queue->used->flags, flags, __ATOMIC_RELEASE);
    }
    if (hostile_is(&model->device.hostile))
        vmodel_lie_event(model, queue);
}
