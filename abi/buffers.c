/* Buffers in the caller's hands: taking them from a pool, giving them back, checked copies.
 *
 * What a caller points to may lie anywhere that he can reach, in the pool's own memory too, and others may write to it:
 * it is copied once, and what was written is not read back. */
#include <string.h>

#include "abi/buffers.h"

#define BUFFERS_PIECE 64

int32_t ixy_buf_alloc(uint64_t pool, ixy_frame *frames, uint32_t count)
{
    if (count > IXY_BATCH_MAX)
        return IXY_E_RANGE;
    if (frames == NULL && count > 0)
        return IXY_E_ARGUMENT;
    struct pool_slot *slot = buffers_enter(pool);
    if (slot == NULL)
        return handle_error(pool);
    uint32_t done = 0;
    uint32_t got = 1;
    while (done < count && got > 0) {
        uint64_t tokens[BUFFERS_PIECE];
        got = pool_take(slot->pool, tokens, count - done < BUFFERS_PIECE ? count - done : BUFFERS_PIECE);
        for (uint32_t i = 0; i < got; i++) {
            uint32_t offset = ownership_index(tokens[i]) * slot->pool->stride + POOL_HEADROOM;
            ownership_hand_out(&slot->ownership, tokens[i]);
            frames[done + i] = (ixy_frame){.buf = tokens[i], .offset = offset};
        }
        done += got;
    }
    buffers_leave(slot);
    return done == 0 && count > 0 ? IXY_E_NO_BUFFERS : (int32_t)done;
}

int32_t ixy_buf_free(uint64_t pool, const ixy_frame *frames, uint32_t count)
{
    if (count > IXY_BATCH_MAX)
        return IXY_E_RANGE;
    if (frames == NULL && count > 0)
        return IXY_E_ARGUMENT;
    struct pool_slot *slot = buffers_enter(pool);
    if (slot == NULL)
        return handle_error(pool);
    uint32_t done = 0;
    bool good = true;
    while (done < count && good) {
        uint64_t tokens[BUFFERS_PIECE];
        uint32_t piece = 0;
        while (piece < BUFFERS_PIECE && done + piece < count) {
            uint64_t handle = frame_copy((const struct frame *)&frames[done + piece]).buf;
            uint64_t *entry = &slot->ownership.owner[ownership_index(handle)];
            /* Exchange: of two threads that free one buffer, one succeeds. */
            good = handle != 0 &&
                   __atomic_compare_exchange_n(entry, &handle, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
            if (!good)
                break;
            tokens[piece++] = ownership_next(handle);
        }
        pool_give(slot->pool, tokens, piece);
        done += piece;
    }
    buffers_leave(slot);
    return done == 0 && count > 0 ? IXY_E_HANDLE : (int32_t)done;
}

/* What read and write share: the packet's first byte, or NULL and the code. */
static uint8_t *buffers_reach(struct pool_slot *slot, const ixy_frame *frame, uint32_t at, uint32_t size, int32_t *code)
{
    const struct frame copy = frame_copy((const struct frame *)frame);
    if (!ownership_holds(&slot->ownership, copy.buf))
        *code = IXY_E_HANDLE;
    else if (!ownership_within(&slot->ownership, copy.buf, frame_place_of(copy.offset, copy.len)))
        *code = IXY_E_FRAME;
    else if ((uint64_t)at + size > copy.len)
        *code = IXY_E_RANGE;
    else
        return slot->pages->base + copy.offset + at;
    return NULL;
}

/* The record of a frame's buffer, or NULL: the caller does not own it. */
static struct metadata *buffers_record(struct pool_slot *slot, const struct frame *frame)
{
    if (!ownership_holds(&slot->ownership, frame->buf))
        return NULL;
    return &slot->pages->metadata[ownership_index(frame->buf)];
}

int32_t ixy_buf_metadata(uint64_t pool, const ixy_frame *frame, ixy_metadata *metadata)
{
    if (frame == NULL || metadata == NULL)
        return IXY_E_ARGUMENT;
    struct pool_slot *slot = buffers_enter(pool);
    if (slot == NULL)
        return handle_error(pool);
    const struct frame copy = frame_copy((const struct frame *)frame);
    const struct metadata *record = buffers_record(slot, &copy);
    struct metadata found = {0};
    if (record != NULL && (copy.flags & FRAME_METADATA) != 0)
        found = metadata_copy(record);
    memcpy(metadata, &found, sizeof(found)); /* last: it may be the record itself, or lie over the frame */
    buffers_leave(slot);
    return record != NULL ? 0 : IXY_E_HANDLE;
}

int32_t ixy_buf_metadata_set(uint64_t pool, ixy_frame *frame, const ixy_metadata *metadata)
{
    if (frame == NULL || metadata == NULL)
        return IXY_E_ARGUMENT;
    const struct metadata given = metadata_copy((const struct metadata *)metadata);
    if ((given.flags & ~METADATA_FLAGS) != 0)
        return IXY_E_ARGUMENT;
    struct pool_slot *slot = buffers_enter(pool);
    if (slot == NULL)
        return handle_error(pool);
    const struct frame copy = frame_copy((const struct frame *)frame);
    struct metadata *record = buffers_record(slot, &copy);
    if (record != NULL) {
        *record = given;
        frame->flags = copy.flags | FRAME_METADATA;
    }
    buffers_leave(slot);
    return record != NULL ? 0 : IXY_E_HANDLE;
}

int32_t ixy_buf_read(uint64_t pool, const ixy_frame *frame, uint32_t from, void *to, uint32_t size)
{
    if (frame == NULL || (to == NULL && size > 0))
        return IXY_E_ARGUMENT;
    struct pool_slot *slot = buffers_enter(pool);
    if (slot == NULL)
        return handle_error(pool);
    int32_t code = (int32_t)size;
    const uint8_t *bytes = buffers_reach(slot, frame, from, size, &code);
    if (bytes != NULL && size > 0)
        memmove(to, bytes, size); /* to may lie in a view of the same packet */
    buffers_leave(slot);
    return code;
}

int32_t ixy_buf_write(uint64_t pool, const ixy_frame *frame, uint32_t to, const void *bytes, uint32_t size)
{
    if (frame == NULL || (bytes == NULL && size > 0))
        return IXY_E_ARGUMENT;
    struct pool_slot *slot = buffers_enter(pool);
    if (slot == NULL)
        return handle_error(pool);
    int32_t code = (int32_t)size;
    uint8_t *packet = buffers_reach(slot, frame, to, size, &code);
    if (packet != NULL && size > 0)
        memmove(packet, bytes, size);
    buffers_leave(slot);
    return code;
}
