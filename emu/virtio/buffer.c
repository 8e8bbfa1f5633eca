/* Buffers: whether the memory that a descriptor names is the device's to use. */
#include <inttypes.h>
#include <stdio.h>

#include "emu/virtio/model.h"

const char *vmodel_queue_name(const struct vmodel_queue *queue, char *text)
{
    if (queue->direction == VMODEL_CONTROL)
        snprintf(text, VMODEL_PLACE_SIZE, "virtqueue %" PRIu32 " (control)", queue->number);
    else
        snprintf(text, VMODEL_PLACE_SIZE, "virtqueue %" PRIu32 " (%s %" PRIu32 ")", queue->number,
                 queue->direction == VMODEL_RECEIVE ? "receive" : "transmit", queue->number / 2);
    return text;
}

const char *vmodel_place(const struct vmodel_queue *queue, uint32_t position, char *text)
{
    char name[VMODEL_PLACE_SIZE];
    vmodel_queue_name(queue, name);
    snprintf(text, VMODEL_PLACE_SIZE, "%.48s, descriptor %" PRIu32, name, position);
    return text;
}

uint8_t *vmodel_buffer_claim(struct virtio_model *model, const struct vmodel_queue *queue, uint32_t position,
                             uint64_t address, uint32_t len, bool **mark)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    struct emu_dma_window window = emu_dma_window(&model->device.dma, address);
    uint64_t offset = address & EMU_DMA_OFFSET_MASK;
    char place[VMODEL_PLACE_SIZE];
    *mark = emu_dma_claim(&window, address, len);
    if (*mark != NULL)
        return window.base + offset;
    vmodel_place(queue, position, place);
    struct emu_dma_region *region = emu_dma_region_of(&model->device.dma, address, len);
    if (region == NULL) {
        sanitizer_report(sanitizer,
                         "%s: its buffer (%" PRIX64 "h, %" PRIu32 " bytes) is not in memory that the driver mapped",
                         place, address, len);
        return NULL;
    }
    if (region->stride == 0)
        return region->base + offset; /* not cut into buffers */
    uint32_t index = emu_dma_index(region, offset);
    if (offset - (uint64_t)index * region->stride + len > region->stride)
        sanitizer_report(sanitizer, "%s: its %" PRIu32 " bytes run from buffer %" PRIu32 " of %s into the next", place,
                         len, index, region->name);
    else if (region->marks[index])
        sanitizer_report(sanitizer, "%s: buffer %" PRIu32 " of %s posted twice: the device holds it already", place,
                         index, region->name);
    else
        sanitizer_report(sanitizer, "%s: buffer %" PRIu32 " of %s is posted, but the caller owns it", place, index,
                         region->name);
    return NULL;
}

uint8_t *vmodel_buffer_release(struct virtio_model *model, const struct vmodel_queue *queue,
                               const struct vmodel_slot *slot)
{
    if (slot->address == 0)
        return NULL;
    struct emu_dma_region *region = &model->device.dma.regions[slot->address >> EMU_DMA_SHIFT];
    uint64_t offset = slot->address & EMU_DMA_OFFSET_MASK;
    if (region->stride != 0) {
        uint32_t index = emu_dma_index(region, offset);
        region->marks[index] = false;
        if (emu_dma_owned_by_caller(region, index)) {
            char name[VMODEL_PLACE_SIZE];
            sanitizer_report(&model->device.sanitizer,
                             "DMA to a buffer that the caller owns: %s, id %" PRIu16 ", buffer %" PRIu32 " of %s",
                             vmodel_queue_name(queue, name), slot->id, index, region->name);
            return NULL;
        }
    }
    return region->base + offset;
}

/* The buffer of a pool that an address lies in: its mark; NULL if it lies elsewhere. */
static bool *vmodel_buffer_mark(struct virtio_model *model, uint64_t address)
{
    struct emu_dma_region *region = emu_dma_region_of(&model->device.dma, address, 1);
    if (region == NULL || region->stride == 0)
        return NULL;
    return &region->marks[emu_dma_index(region, address & EMU_DMA_OFFSET_MASK)];
}

bool vmodel_chain_judge(struct virtio_model *model, const struct vmodel_queue *queue, const struct vmodel_chain *chain,
                        uint64_t *size)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    const bool receive = queue->direction == VMODEL_RECEIVE;
    char place[VMODEL_PLACE_SIZE];
    vmodel_place(queue, chain->position, place);
    *size = 0;
    for (uint32_t i = 0; i < chain->count; i++) {
        if (((chain->slot[i].flags & VMODEL_SLOT_WRITE) != 0) != receive) {
            sanitizer_report(sanitizer, "%s: a %s", place,
                             receive ? "receive buffer without flag WRITE (2.7.4.2, 5.1.6.3)"
                                     : "transmit buffer with flag WRITE (5.1.6.2)");
            return false;
        }
        if (chain->slot[i].len == 0) {
            sanitizer_report(sanitizer, "%s: a length of 0 (2.7.5)", place);
            return false;
        }
        *size += chain->slot[i].len;
    }
    if (model->header_alone && (chain->count < 2 || chain->slot[0].len != model->header)) {
        sanitizer_report(sanitizer,
                         "%s: %" PRIu32 " bytes in the first of %" PRIu32
                         " descriptors; without ANY_LAYOUT the header (%" PRIu32
                         " bytes) has a descriptor of its own, the frame those behind it (5.1.6.6)",
                         place, chain->slot[0].len, chain->count, model->header);
        return false;
    }
    return true;
}

bool vmodel_chain_claim(struct virtio_model *model, const struct vmodel_queue *queue, const struct vmodel_chain *chain)
{
    bool *last = NULL, *mark;
    uint32_t claimed = 0;
    for (; claimed < chain->count; claimed++) {
        const struct vmodel_slot *slot = &chain->slot[claimed];
        bool *own = vmodel_buffer_mark(model, slot->address);
        if (own != NULL && own == last)
            *own = false; /* the next part of the same buffer */
        if (vmodel_buffer_claim(model, queue, chain->position, slot->address, slot->len, &mark) == NULL)
            break;
        last = mark;
    }
    if (claimed == chain->count)
        return true;
    for (uint32_t i = 0; i < claimed; i++) {
        bool *own = vmodel_buffer_mark(model, chain->slot[i].address);
        if (own != NULL)
            *own = false;
    }
    return false;
}
