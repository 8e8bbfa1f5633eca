/* Operations on all packets of a batch in one call: see bulk.h.
 *
 * Another Python thread may change the frame array meanwhile (cffi releases the GIL), so each frame is copied once and
 * the copy is what is checked and used.
 */
#include <string.h>

#include "ixy.h"

#include "bulk.h"

static inline int32_t bulk_check(const ixy_view *view, ixy_frame frame, uint32_t at, uint32_t size)
{
    uint64_t index = frame.buf & view->index_mask;
    uint64_t first = index * view->buffer_stride;
    if (frame.buf == 0 || __atomic_load_n(&view->owner[index], __ATOMIC_RELAXED) != frame.buf)
        return IXY_E_HANDLE;
    if (frame.offset < first || (uint64_t)frame.offset + frame.len > first + view->buffer_stride)
        return IXY_E_FRAME;
    if ((uint64_t)at + size > frame.len)
        return IXY_E_RANGE;
    return 0;
}

int32_t ixy_bulk_check(const ixy_view *view, const ixy_frame *frame, uint32_t at, uint32_t size)
{
    return bulk_check(view, *frame, at, size);
}

int32_t ixy_bulk_add_u8(const ixy_view *view, const ixy_frame *frames, uint32_t count, uint32_t at, uint8_t delta)
{
    for (uint32_t i = 0; i < count; i++) {
        ixy_frame frame = frames[i];
        if (bulk_check(view, frame, at, 1) != 0)
            return (int32_t)i;
        view->base[(uint64_t)frame.offset + at] += delta;
    }
    return (int32_t)count;
}

int32_t ixy_bulk_read(const ixy_view *view, const ixy_frame *frames, uint32_t count, uint32_t at, uint32_t size,
                      uint8_t *bytes)
{
    for (uint32_t i = 0; i < count; i++) {
        ixy_frame frame = frames[i];
        if (bulk_check(view, frame, at, size) != 0)
            return (int32_t)i;
        memcpy(bytes + (uint64_t)i * size, view->base + frame.offset + at, size);
    }
    return (int32_t)count;
}

int32_t ixy_bulk_write(const ixy_view *view, const ixy_frame *frames, uint32_t count, uint32_t at, uint32_t size,
                       const uint8_t *bytes, uint32_t step)
{
    for (uint32_t i = 0; i < count; i++) {
        ixy_frame frame = frames[i];
        if (bulk_check(view, frame, at, size) != 0)
            return (int32_t)i;
        memcpy(view->base + frame.offset + at, bytes + (uint64_t)i * step, size);
    }
    return (int32_t)count;
}

int32_t ixy_bulk_resize(const ixy_view *view, ixy_frame *frames, uint32_t count, const uint16_t *lengths, uint32_t step)
{
    for (uint32_t i = 0; i < count; i++) {
        ixy_frame frame = frames[i];
        frame.len = lengths[(uint64_t)i * step];
        if (bulk_check(view, frame, 0, 0) != 0)
            return (int32_t)i;
        frames[i].len = frame.len;
    }
    return (int32_t)count;
}
