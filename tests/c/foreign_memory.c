#include "tests/c/foreign_memory.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the functions that take a pointer ---- */

static void call_rx(struct foreign *foreign)
{
    uint32_t count = 1 + foreign_below(foreign, FOREIGN_FRAMES);
    int32_t got = ixy_rx_batch(foreign->device, foreign_below(foreign, foreign->kind.queues),
                               foreign_write(foreign, count * sizeof(ixy_frame)), count);
    foreign->received += got > 0 ? (uint32_t)got : 0;
}

/* An array of the caller's frames somewhere, right when it is written; a second look may find something else there. */
static const ixy_frame *make_frames(struct foreign *foreign, uint32_t count)
{
    if ((foreign->where & FOREIGN_TABLE) != 0 && foreign_below(foreign, 8) == 0)
        return foreign_read(foreign, count * sizeof(ixy_frame));
    ixy_frame *frames = foreign_write(foreign, count * sizeof(ixy_frame));
    for (uint32_t i = 0; i < count; i++)
        frames[i] = foreign_frame(foreign);
    return frames;
}

static void call_tx(struct foreign *foreign)
{
    uint32_t count = 1 + foreign_below(foreign, foreign_below(foreign, 4) == 0 ? FOREIGN_FRAMES : 40);
    const ixy_frame *frames = make_frames(foreign, count);
    int32_t sent = ixy_tx_batch(foreign->device, foreign_below(foreign, foreign->kind.queues), frames, count);
    foreign->sent += sent > 0 ? (uint32_t)sent : 0;
}

/* The array lies right before the packet that its first frame sends: what the driver writes there (a VirtIO header, a
 * checksum in the packet) it writes over the array. */
static void call_tx_over_itself(struct foreign *foreign)
{
    const uint32_t count = 1 + foreign_below(foreign, 40);
    ixy_frame first = foreign_frame(foreign);
    if (first.buf == 0 || (foreign->where & FOREIGN_PACKETS) == 0)
        return;
    uint32_t index = (uint32_t)first.buf & foreign->view.index_mask;
    uint32_t begin = index * foreign->view.buffer_stride, into = foreign_below(foreign, 16) * 8;
    ixy_frame *frames = (ixy_frame *)(void *)(foreign->view.base + begin + into);
    if (index >= FOREIGN_BUFFERS || into + count * sizeof(ixy_frame) + 80 > foreign->view.buffer_size)
        return;
    first.offset = begin + into + foreign_below(foreign, count) * (uint32_t)sizeof(ixy_frame) + 12;
    first.len = 60;
    frames[0] = first;
    for (uint32_t i = 1; i < count; i++)
        frames[i] = foreign_frame(foreign);
    ixy_tx_batch(foreign->device, 0, frames, count);
}

/* A UDP packet whose checksum the device fills in, and the array lies in it: one of its frames where the driver writes
 * the pseudo header's sum, or the IP header's checksum. */
static void call_tx_in_a_checksum(struct foreign *foreign)
{
    static const uint8_t ip[] = {0x45, 0, 0, 106, 0, 0, 0, 0, 64, 17}; /* 106 bytes of UDP over IPv4 */
    ixy_frame packet = foreign_frame(foreign);
    uint32_t index = (uint32_t)packet.buf & foreign->view.index_mask, at = foreign_below(foreign, 2);
    if (packet.buf == 0 || index >= FOREIGN_BUFFERS || (foreign->where & FOREIGN_PACKETS) == 0)
        return;
    packet.offset = index * foreign->view.buffer_stride + foreign->view.headroom;
    packet.len = 120;
    packet.flags = IXY_FRAME_METADATA;
    uint8_t *bytes = foreign->view.base + packet.offset;
    bytes[12] = 8;
    bytes[13] = 0;
    memcpy(bytes + 14, ip, sizeof(ip));
    foreign->view.metadata[index] =
        (ixy_metadata){.flags = IXY_META_TX_UDP_CHECKSUM | IXY_META_TX_IP_CHECKSUM, .l2_len = 14, .l3_len = 20};
    ixy_frame *frames = (ixy_frame *)(void *)(bytes + 40 - at * sizeof(ixy_frame));
    uint32_t count = 1 + at + foreign_below(foreign, 4);
    for (uint32_t i = 0; i < count; i++)
        frames[i] = i == at ? packet : foreign_frame(foreign);
    if (at == 1 && foreign_below(foreign, 2) == 0) /* the packet first, and what it writes is the frame after it */
        frames[0] = packet;
    int32_t sent = ixy_tx_batch(foreign->device, 0, frames, count);
    foreign->summed += sent > 0 ? (uint32_t)sent : 0;
}

static void call_alloc(struct foreign *foreign)
{
    uint32_t count = 1 + foreign_below(foreign, 64);
    ixy_buf_alloc(foreign->pool, foreign_write(foreign, count * sizeof(ixy_frame)), count);
}

static void call_free(struct foreign *foreign)
{
    uint32_t count = 1 + foreign_below(foreign, 64);
    ixy_buf_free(foreign->pool, make_frames(foreign, count), count);
}

static void call_copies(struct foreign *foreign)
{
    const ixy_frame *frame = make_frames(foreign, 1);
    uint32_t size = foreign_below(foreign, 100), at = foreign_below(foreign, 80);
    switch (foreign_below(foreign, 4)) {
    case 0:
        ixy_buf_read(foreign->pool, frame, at, foreign_write(foreign, 104), size);
        break;
    case 1:
        ixy_buf_write(foreign->pool, frame, at, foreign_read(foreign, 104), size);
        break;
    case 2: /* over the frame itself */
        ixy_buf_read(foreign->pool, frame, at, (void *)(uintptr_t)foreign_write(foreign, 16), 16);
        break;
    default:
        ixy_buf_write(foreign->pool, frame, at, frame, sizeof(*frame));
        break;
    }
}

static void call_metadata(struct foreign *foreign)
{
    ixy_frame *frame = foreign_write(foreign, sizeof(*frame));
    *frame = foreign_frame(foreign);
    frame->flags |= IXY_FRAME_METADATA;
    ixy_metadata *record = foreign_write(foreign, sizeof(*record));
    switch (foreign_below(foreign, 5)) {
    case 0: /* the buffer's own record */
        record = &foreign->view.metadata[frame->buf & foreign->view.index_mask & (FOREIGN_BUFFERS - 1)];
        ixy_buf_metadata(foreign->pool, frame, record);
        break;
    case 1: /* over the frame */
        ixy_buf_metadata(foreign->pool, frame, (ixy_metadata *)(void *)frame);
        break;
    case 2:
        ixy_buf_metadata(foreign->pool, frame, record);
        break;
    case 3:
        ixy_buf_metadata_set(foreign->pool, frame, (const ixy_metadata *)(const void *)frame);
        break;
    default:
        *record = (ixy_metadata){.flags = foreign_below(foreign, 0x200), .l2_len = 14, .l3_len = 20};
        ixy_buf_metadata_set(foreign->pool, frame, record);
        break;
    }
}

/* Room for a result, whose struct_size the second thread changes; or one whose every byte it may change. */
static void *result_of(struct foreign *foreign, uint32_t size)
{
    uint32_t *room = foreign_below(foreign, 2) == 0 ? (uint32_t *)(void *)foreign->alone : foreign_write(foreign, 4104);
    __atomic_store_n(room, size, __ATOMIC_RELAXED);
    return room;
}

/* A view's handle is asked for where nobody rewrites it, or it would never be released. */
static void call_view(struct foreign *foreign)
{
    ixy_view *view = (ixy_view *)(void *)foreign->alone;
    __atomic_store_n(&view->struct_size, sizeof(*view), __ATOMIC_RELAXED);
    if (ixy_pool_view(foreign->pool, view) == 0)
        assert_int_equal(ixy_pool_view_release(view->view), 0);
}

static void call_results(struct foreign *foreign)
{
    uint64_t device = foreign->device;
    switch (foreign_below(foreign, 12)) {
    case 0:
        ixy_device_info(device, result_of(foreign, sizeof(ixy_info)));
        break;
    case 1:
        ixy_device_link(device, result_of(foreign, sizeof(ixy_link)));
        break;
    case 2:
        ixy_device_stats(device, result_of(foreign, sizeof(ixy_stats)));
        break;
    case 3:
        ixy_device_queue_stats(device, 0, result_of(foreign, sizeof(ixy_queue_stats)));
        break;
    case 4:
        ixy_device_feature(device, foreign_below(foreign, 8), foreign_write(foreign, 64), 64);
        break;
    case 5:
        ixy_device_mac(device, foreign_write(foreign, 8));
        break;
    case 6:
        ixy_device_mac_set(device, foreign_read(foreign, 8));
        break;
    case 7:
        ixy_emu_counters_get(device, result_of(foreign, sizeof(ixy_emu_counters)));
        break;
    case 8:
        ixy_emu_meter_get(device, result_of(foreign, sizeof(ixy_emu_meter)));
        break;
    case 9:
        ixy_emu_violation(device, foreign_below(foreign, 4), foreign_write(foreign, 256), 256);
        break;
    case 10:
        ixy_device_find(0, result_of(foreign, sizeof(ixy_found)));
        break;
    default:
        call_view(foreign);
        break;
    }
}

#define TEXT_SIZE 8192

/* A text whose end comes and goes, in the middle of memory that is all text. */
static char *make_text(struct foreign *foreign, const char *text)
{
    char *address = foreign_write(foreign, TEXT_SIZE);
    memset(address, 'a', TEXT_SIZE - 1);
    address[TEXT_SIZE - 1] = 0;
    memcpy(address, text, strlen(text) + 1);
    return address;
}

/* Texts and config structs that change while they are read. The handle is asked for on the stack, or it would be lost.
 */
static void call_opens(struct foreign *foreign)
{
    uint64_t handle = 0;
    if ((foreign->where & FOREIGN_REWRITTEN) != 0)
        foreign->heap[FOREIGN_HEAP - 1] = 0; /* the last text ends, whatever is written before */
    for (uint32_t i = 0; i < 1000; i++)
        assert_true(ixy_device_open(make_text(foreign, "nowhere:at-all,0123456789"), NULL, &handle) < 0);
    ixy_device_config *config = foreign_write(foreign, 4104);
    *config = (ixy_device_config){.struct_size = sizeof(*config)};
    const char *address = make_text(foreign, "emu:82599,timing=inline,wire=gen,limit=3");
    if (ixy_device_open(address, config, &handle) == 0)
        assert_int_equal(ixy_device_close(handle), 0);
    ixy_pool_config *pool = foreign_write(foreign, 4104);
    *pool = (ixy_pool_config){.struct_size = sizeof(*pool), .buffer_count = 1 + foreign_below(foreign, 64)};
    if (ixy_pool_open(pool, &handle) == 0)
        assert_int_equal(ixy_pool_close(handle), 0);
}

void foreign_call(struct foreign *foreign)
{
    uint32_t what = foreign_below(foreign, 1000);
    foreign->calls++;
    if (what < 300)
        call_rx(foreign);
    else if (what < 520)
        call_tx(foreign);
    else if (what < 580)
        call_tx_over_itself(foreign);
    else if (what < 640)
        call_tx_in_a_checksum(foreign);
    else if (what < 720)
        call_alloc(foreign);
    else if (what < 800)
        call_free(foreign);
    else if (what < 860)
        call_copies(foreign);
    else if (what < 940)
        call_metadata(foreign);
    else if (what < 995)
        call_results(foreign);
    else if (what < 999)
        call_opens(foreign);
    else
        ixy_device_reset(foreign->device);
    if (what == 999)
        ixy_device_start(foreign->device);
}

/* ---- beginning and end ---- */

void foreign_open(struct foreign *foreign, const struct foreign_kind *kind, uint32_t where, uint32_t seed)
{
    *foreign = (struct foreign){.kind = *kind, .where = where, .random = seed * 2654435761u + 1};
    ixy_pool_config pool = {
        .struct_size = sizeof(pool), .buffer_count = FOREIGN_BUFFERS, .buffer_size = kind->buffer_size};
    assert_int_equal(ixy_pool_open(&pool, &foreign->pool), 0);
    foreign->view = test_view(foreign->pool);
    ixy_device_config config = {.struct_size = sizeof(config),
                                .pool = foreign->pool,
                                .rx_queues = kind->queues,
                                .tx_queues = kind->queues,
                                .rx_ring_size = 64,
                                .tx_ring_size = 64,
                                .offloads = kind->offloads,
                                .frame_len_max = kind->frame_len_max};
    if (ixy_device_open(kind->address, &config, &foreign->device) < 0)
        fail_msg("%s: %s", kind->address, ixy_last_error());
    assert_int_equal(ixy_device_start(foreign->device), 0);
    foreign->heap = calloc(1, FOREIGN_HEAP);
    foreign->alone = calloc(1, FOREIGN_HEAP);
    assert_true(foreign->heap != NULL && foreign->alone != NULL);
    foreign->threaded = (where & (FOREIGN_REWRITTEN | FOREIGN_SCRIBBLED)) != 0;
    if (foreign->threaded)
        assert_int_equal(pthread_create(&foreign->thread, NULL, foreign_rewrite, foreign), 0);
}

/* Takes every buffer of the pool; each must be another, and lie in the pool. */
static void assert_all_there_once(const struct foreign *foreign)
{
    static ixy_frame frames[FOREIGN_BUFFERS + 1];
    static bool seen[FOREIGN_BUFFERS];
    memset(seen, 0, sizeof(seen));
    assert_int_equal(ixy_pool_free_count(foreign->pool), FOREIGN_BUFFERS);
    assert_int_equal(ixy_buf_alloc(foreign->pool, frames, FOREIGN_BUFFERS + 1), FOREIGN_BUFFERS);
    for (uint32_t i = 0; i < FOREIGN_BUFFERS; i++) {
        uint64_t index = frames[i].buf & foreign->view.index_mask;
        assert_true(index < FOREIGN_BUFFERS && !seen[index]);
        assert_int_equal(frames[i].offset, index * foreign->view.buffer_stride + foreign->view.headroom);
        assert_true(foreign->view.owner[index] == frames[i].buf);
        seen[index] = true;
    }
}

/* Where nobody but the driver and its device writes to packet memory, the device has nothing to complain of. */
static void assert_no_violations(const struct foreign *foreign)
{
    char text[IXY_TEXT_MAX] = "";
    if (foreign->where == FOREIGN_REWRITTEN && ixy_emu_violation(foreign->device, 0, text, sizeof(text)) != 0)
        fail_msg("%s: %s", foreign->kind.address, text);
}

void foreign_close(struct foreign *foreign)
{
    __atomic_store_n(&foreign->stop, 1, __ATOMIC_RELAXED);
    if (foreign->threaded)
        assert_int_equal(pthread_join(foreign->thread, NULL), 0);
    assert_no_violations(foreign);
    assert_int_equal(ixy_device_close(foreign->device), 0);
    for (uint32_t i = 0; i < FOREIGN_BUFFERS; i++) {
        const ixy_frame frame = {.buf = foreign->view.owner[i]};
        if (frame.buf != 0)
            assert_int_equal(ixy_buf_free(foreign->pool, &frame, 1), 1);
    }
    assert_all_there_once(foreign);
    assert_int_equal(ixy_pool_close(foreign->pool), 0);
    assert_int_equal(ixy_pool_view_release(foreign->view.view), 0);
    free(foreign->heap);
    free(foreign->alone);
}
