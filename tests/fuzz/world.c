#include "tests/fuzz/world.h"

#include <stdio.h>
#include <stdlib.h>

uint64_t world_calls;

/* Where devices come from. Inline: a sequence repeats exactly. Nothing here reaches a file or an interface. */
static const char *const world_addresses[] = {
    "emu:82599,timing=inline",
    "emu:x540,timing=inline,wire=gen,flows=5",
    "emu:x550,timing=inline,wire=gen,size=1514,limit=300",
    "emu:virtio,timing=inline",
    "emu:virtio,timing=inline,wire=gen,mrg=on,queues=3",
    "emu:virtio,timing=inline,ring=packed,wire=gen,inorder=on",
    "emu:virtio,timing=inline,legacy=on,layout=header",
    "emu:82599,timing=inline,wire=gen,hostile=all,every=9,seed=3",
    "emu:virtio,timing=inline,wire=gen,hostile=all,every=9,seed=4",
    "emu:virtio,timing=inline,ring=packed,wire=gen,hostile=all,every=9,seed=5",
    "emu:82599,timing=inline,pair=a",
    "emu:virtio,timing=inline,pair=a",
    "emu:82599", /* threaded, once in a while */
    "emu:82598",
    "vhost-user:/nowhere/at/all",
    "",
};

#define WORLD_ADDRESSES_GOOD 12 /* the first ones */

/* A handle out of an array of them, as the header of world.h says. */
static uint64_t world_twist(struct world *world, uint64_t handle)
{
    uint8_t how = input_byte(world->input);
    if (how < 224)
        return handle;
    return how < 248 ? handle ^ (uint64_t)1 << (how & 63) : input_long(world->input);
}

static struct world_pool *world_pool(struct world *world)
{
    return &world->pool[input_byte(world->input) % WORLD_HANDLES];
}

static uint64_t world_pool_handle(struct world *world)
{
    return world_twist(world, world_pool(world)->handle);
}

static uint64_t world_device(struct world *world)
{
    return world_twist(world, world->device[input_byte(world->input) % WORLD_HANDLES]);
}

/* A count, and which frames of the array it is about; those that the library takes lie in the array. */
static uint32_t world_count(struct world *world, ixy_frame **frames)
{
    static const uint32_t odd[] = {0,         1, IXY_BATCH_MAX, IXY_BATCH_MAX + 1, INT32_MAX, (uint32_t)INT32_MAX + 1,
                                   UINT32_MAX};
    uint8_t how = input_byte(world->input);
    uint32_t count = how < 240 ? how % 80u : odd[how % (sizeof odd / sizeof odd[0])];
    uint32_t from = input_byte(world->input) * 8u;
    *frames = count <= WORLD_FRAMES - from ? world->frame + from : world->frame;
    if (count == 0 && (from & 8) != 0)
        *frames = NULL;
    return count;
}

static ixy_frame *world_frame(struct world *world)
{
    return &world->frame[input_word(world->input) % 512];
}

/* Memory of so many bytes that a call may read and write, for arguments that lie in a pool's own memory: in packets, in
 * metadata records, or, of what is read only, in the ownership table. NULL: where the arguments are. The view may have
 * outlived its pool. */
static void *world_inside(struct world *world, uint32_t size, bool read_only)
{
    uint8_t how = input_byte(world->input);
    if (how < 192)
        return NULL;
    const struct world_pool *pool = world_pool(world);
    const ixy_view *view = &pool->view;
    uint64_t entries = (uint64_t)view->index_mask + 1, at = input_word(world->input);
    if (view->view == 0 || view->struct_size < sizeof(*view) || size > view->size || size > entries * 8)
        return NULL;
    if (how < 232)
        return view->base + at % (view->size - size + 1) / 8 * 8;
    if (how < 248 || !read_only)
        return (uint8_t *)view->metadata + at % (entries * 8 - size + 1) / 8 * 8;
    return (uint8_t *)(uintptr_t)view->owner + at % (entries * 8 - size + 1) / 8 * 8;
}

/* A batch call on an array that lies where world_inside says: the frames go there first, and come from there if the
 * call writes them. In the table there is what there is. */
static void world_batch(struct world *world, int32_t (*call)(uint64_t, uint32_t, ixy_frame *, uint32_t),
                        uint64_t handle, uint32_t queue, bool read_only)
{
    ixy_frame *frames;
    uint32_t count = world_count(world, &frames);
    uint32_t size = count * (uint32_t)sizeof(*frames);
    ixy_frame *inside = count <= IXY_BATCH_MAX && frames != NULL ? world_inside(world, size, read_only) : NULL;
    if (inside == NULL) {
        call(handle, queue, frames, count);
        return;
    }
    bool table = false;
    for (uint32_t i = 0; i < WORLD_HANDLES; i++) {
        const uint8_t *owner = (const uint8_t *)world->pool[i].view.owner;
        table = table || ((uint8_t *)inside >= owner && owner != NULL &&
                          (uint8_t *)inside < owner + ((uint64_t)world->pool[i].view.index_mask + 1) * 8);
    }
    if (!table)
        memcpy(inside, frames, size);
    call(handle, queue, inside, count);
    if (!read_only)
        memcpy(frames, inside, size);
}

static int32_t world_tx(uint64_t device, uint32_t queue, ixy_frame *frames, uint32_t count)
{
    return ixy_tx_batch(device, queue, frames, count);
}

static int32_t world_alloc(uint64_t pool, uint32_t queue, ixy_frame *frames, uint32_t count)
{
    (void)queue;
    return ixy_buf_alloc(pool, frames, count);
}

static int32_t world_free(uint64_t pool, uint32_t queue, ixy_frame *frames, uint32_t count)
{
    (void)queue;
    return ixy_buf_free(pool, frames, count);
}

/* A struct_size: right, nearly right, or anything. */
static uint32_t world_struct_size(struct world *world, size_t right)
{
    uint8_t how = input_byte(world->input);
    if (how < 240)
        return (uint32_t)right;
    return how < 250 ? (uint32_t)right - (how - 240u) * 4u : input_word(world->input);
}

/* Room for any result struct, whatever size the library is told, up to a page. */
static void *world_result(struct world *world, size_t right)
{
    static union {
        uint32_t struct_size;
        uint8_t bytes[65536];
        uint64_t aligned;
    } room;
    room.struct_size = world_struct_size(world, right);
    uint32_t *inside = room.struct_size <= sizeof room ? world_inside(world, 4096, false) : NULL;
    if (inside != NULL) {
        *inside = room.struct_size;
        return inside;
    }
    return input_byte(world->input) == 0 ? NULL : &room;
}

/* A config struct where whatever follows it may be read: the library is told any size. */
static void *world_config(const void *config, size_t size)
{
    static union {
        uint8_t bytes[65536];
        uint64_t aligned;
    } room;
    memcpy(room.bytes, config, size);
    return &room;
}

static void world_pool_open(struct world *world)
{
    struct world_pool *pool = world_pool(world);
    ixy_pool_config config = {0};
    bool any = input_byte(world->input) >= 240;
    if (any)
        input_bytes(world->input, &config, sizeof config);
    else
        config.buffer_size = (1u + input_byte(world->input) % 4u) * 1024u;
    config.buffer_count = 64u + input_word(world->input) % 4096u;
    config.struct_size = world_struct_size(world, sizeof config);
    if (pool->open)
        return;
    world_calls++;
    if (ixy_pool_open(world_config(&config, sizeof config), &pool->handle) < 0)
        return;
    if (pool->view.view != 0)
        ixy_pool_view_release(pool->view.view);
    pool->open = true;
    pool->view = (ixy_view){.struct_size = sizeof pool->view};
    world_calls++;
    if (ixy_pool_view(pool->handle, &pool->view) < 0)
        pool->view.view = 0;
}

static void world_device_open(struct world *world)
{
    uint64_t *device = &world->device[input_byte(world->input) % WORLD_HANDLES];
    uint8_t which = input_byte(world->input);
    const char *address =
        which == 255 ? NULL : world_addresses[which % (sizeof world_addresses / sizeof *world_addresses)];
    if (address != NULL && strcmp(address, "emu:82599") == 0 && input_byte(world->input) != 1)
        address = world_addresses[0]; /* a thread that begins and ends costs more than a thousand calls */
    if (address != NULL && strncmp(address, "vhost-user", 10) == 0 && input_word(world->input) != 0x01010101)
        return; /* waits two seconds for a back end */
    ixy_device_config config = {.pool = world_pool_handle(world)};
    uint8_t how = input_byte(world->input);
    if (how >= 240) {
        input_bytes(world->input, &config, sizeof config);
    } else {
        config.rx_queues = config.tx_queues = how % 4;
        config.rx_ring_size = config.tx_ring_size = 64u << how % 3;
        config.offloads = how >= 128 ? input_byte(world->input) & 31u : 0;
        config.frame_len_max = how >= 200 ? input_word(world->input) % 16384u : 0;
    }
    config.struct_size = world_struct_size(world, sizeof config);
    uint64_t opened;
    world_calls++;
    if (ixy_device_open(address, how == 7 ? NULL : world_config(&config, sizeof config), &opened) < 0)
        return;
    if (*device != 0)
        ixy_device_close(*device);
    *device = opened;
    if (how % 8 != 0) /* most are started at once */
        ixy_device_start(opened);
    world_calls += 2;
}

static void world_view(struct world *world)
{
    uint64_t *view = &world->view[input_byte(world->input) % WORLD_HANDLES];
    ixy_view opened = {.struct_size = world_struct_size(world, sizeof opened)};
    if (opened.struct_size > sizeof opened)
        opened.struct_size = sizeof opened;
    if (*view != 0)
        ixy_pool_view_release(*view);
    *view = 0;
    if (ixy_pool_view(world_pool_handle(world), &opened) < 0)
        return;
    *view = opened.view;
    if (opened.struct_size >= offsetof(ixy_view, owner) && opened.size > 0)
        opened.base[input_word(world->input) % opened.size]++;
}

/* Reads through a view that may have outlived its pool. */
static void world_look(struct world *world)
{
    const struct world_pool *pool = world_pool(world);
    const ixy_frame *frame = world_frame(world);
    world_calls--; /* no call */
    if (pool->view.view == 0)
        return;
    uint64_t entry = __atomic_load_n(&pool->view.owner[frame->buf & pool->view.index_mask], __ATOMIC_RELAXED);
    if (entry == frame->buf && entry != 0 && (uint64_t)frame->offset + frame->len <= pool->view.size && frame->len > 0)
        pool->view.base[frame->offset + frame->len - 1u]++;
}

static void world_change_frame(struct world *world)
{
    world_calls--; /* no call */
    ixy_frame *frame = world_frame(world);
    const ixy_frame *other = world_frame(world);
    switch (input_byte(world->input) % 7) {
    case 0:
        frame->len = (uint16_t)input_word(world->input);
        break;
    case 1:
        frame->offset += input_word(world->input) % 512u - 256u;
        break;
    case 2:
        frame->flags = (uint16_t)input_word(world->input) & 7;
        break;
    case 3:
        frame->buf = world_twist(world, frame->buf);
        break;
    case 4:
        *frame = *other; /* the same buffer twice */
        break;
    case 5:
        input_bytes(world->input, frame, sizeof *frame);
        break;
    default:
        frame->len = 60;
        break;
    }
}

static void world_ask(struct world *world, uint64_t device)
{
    char text[IXY_TEXT_MAX];
    uint8_t mac[6] = {2};
    switch (input_byte(world->input) % 11) {
    case 0:
        ixy_device_info(device, world_result(world, sizeof(ixy_info)));
        break;
    case 1:
        ixy_device_link(device, world_result(world, sizeof(ixy_link)));
        break;
    case 2:
        ixy_device_stats(device, world_result(world, sizeof(ixy_stats)));
        break;
    case 3:
        ixy_device_queue_stats(device, input_byte(world->input) % 5u, world_result(world, sizeof(ixy_queue_stats)));
        break;
    case 4:
        ixy_device_feature(device, input_byte(world->input), text, input_byte(world->input));
        break;
    case 5:
        ixy_device_mac(device, mac);
        break;
    case 6:
        input_bytes(world->input, mac + 3, 3);
        ixy_device_mac_set(device, mac);
        break;
    case 7:
        ixy_device_promiscuous_set(device, input_byte(world->input) % 3u);
        break;
    case 8:
        ixy_emu_counters_get(device, world_result(world, sizeof(ixy_emu_counters)));
        break;
    case 9:
        ixy_emu_meter_get(device, world_result(world, sizeof(ixy_emu_meter)));
        break;
    default:
        ixy_emu_violation(device, input_byte(world->input), text, sizeof text);
        break;
    }
}

static void world_metadata(struct world *world, uint64_t pool)
{
    ixy_metadata metadata;
    ixy_frame *frame = world_frame(world);
    uint8_t how = input_byte(world->input);
    if (how < 64) {
        ixy_buf_metadata(pool, frame, how == 0 ? NULL : &metadata);
        return;
    }
    input_bytes(world->input, &metadata, sizeof metadata);
    if (how < 224) {
        metadata.flags &= IXY_META_VLAN | IXY_META_TX_IP_CHECKSUM | IXY_META_TX_TCP_CHECKSUM | IXY_META_TX_UDP_CHECKSUM;
        metadata.l2_len = 14;
        metadata.l3_len = 20;
    }
    ixy_buf_metadata_set(pool, frame, &metadata);
}

static void world_copy(struct world *world, uint64_t pool)
{
    static uint8_t bytes[65536];
    const ixy_frame *frame = world_frame(world);
    uint8_t how = input_byte(world->input);
    uint32_t size = how < 224 ? how : input_word(world->input);
    uint32_t at = input_byte(world->input) < 224 ? input_byte(world->input) : input_word(world->input);
    void *other = size <= sizeof bytes ? bytes : size > UINT16_MAX ? bytes : NULL; /* a frame has no more */
    if ((how & 1) != 0)
        ixy_buf_read(pool, frame, at, other, size);
    else
        ixy_buf_write(pool, frame, at, other, size);
}

static void world_wait(struct world *world, uint64_t device)
{
    uint32_t queue = input_byte(world->input) % 5u;
    switch (input_byte(world->input) % 4) {
    case 0:
        ixy_rx_fd(device, queue);
        break;
    case 2:
        ixy_rx_wake(device, queue);
        break;
    case 1:
        ixy_rx_arm(device, queue);
        break;
    default:
        ixy_rx_wait(device, queue, (int32_t)(input_byte(world->input) % 2u) * -2);
        break;
    }
}

static void world_pool_close(struct world *world)
{
    struct world_pool *pool = world_pool(world);
    bool good = input_byte(world->input) != 0;
    if (ixy_pool_close(good ? pool->handle : world_twist(world, pool->handle)) == 0) {
        for (uint32_t i = 0; i < WORLD_HANDLES; i++) /* the twisted one may have been another's */
            if (world->pool[i].open && ixy_pool_free_count(world->pool[i].handle) < 0)
                world->pool[i].open = false;
    }
}

void world_begin(struct world *world, struct input *input)
{
    memset(world, 0, sizeof *world);
    world->input = input;
    uint8_t how = input_byte(input);
    if (how % 4 == 0)
        return;
    struct world_pool *pool = &world->pool[0];
    ixy_pool_config config = {.struct_size = sizeof config, .buffer_count = 2048};
    pool->view.struct_size = sizeof pool->view;
    if (ixy_pool_open(&config, &pool->handle) < 0 || ixy_pool_view(pool->handle, &pool->view) < 0)
        abort();
    pool->open = true;
    for (uint32_t i = 0; i < 2; i++) {
        ixy_device_config device = {.struct_size = sizeof device,
                                    .pool = pool->handle,
                                    .rx_queues = 1 + how / 16 % 2,
                                    .tx_queues = 1 + how / 16 % 2,
                                    .rx_ring_size = 64,
                                    .tx_ring_size = 64};
        if (ixy_device_open(world_addresses[(how / 4u + i) % WORLD_ADDRESSES_GOOD], &device, &world->device[i]) == 0)
            ixy_device_start(world->device[i]);
    }
    world_calls += 6;
}

static void world_texts(struct world *world)
{
    int32_t code = (int32_t)input_word(world->input);
    if (ixy_strerror(code) == NULL || ixy_error_name(code) == NULL || ixy_last_error() == NULL)
        abort();
}

/* Opening, closing and starting: each costs as much as hundreds of the others. */
static void world_rare(struct world *world)
{
    uint8_t what = input_byte(world->input);
    if (what < 8)
        world_device_open(world);
    else if (what < 14)
        world_pool_open(world);
    else if (what < 24)
        world_view(world);
    else if (what < 28)
        ixy_device_reset(world_device(world));
    else if (what < 36)
        ixy_device_start(world_device(world));
    else if (what < 40)
        ixy_device_close(world_device(world));
    else if (what < 44)
        world_pool_close(world);
    else if (what < 48)
        ixy_pool_view_release(world_twist(world, world->view[input_byte(world->input) % WORLD_HANDLES]));
    else
        world_texts(world);
}

void world_call(struct world *world)
{
    uint8_t what = input_byte(world->input);
    world_calls++;
    if (what < 60) {
        world_batch(world, ixy_rx_batch, world_device(world), what % 5u, false);
    } else if (what < 120) {
        world_batch(world, world_tx, world_device(world), what % 5u, true);
    } else if (what < 140) {
        world_batch(world, world_alloc, world_pool_handle(world), 0, false);
    } else if (what < 165) {
        world_batch(world, world_free, world_pool_handle(world), 0, true);
    } else if (what < 190) {
        world_change_frame(world);
    } else if (what < 205) {
        world_copy(world, world_pool_handle(world));
    } else if (what < 220) {
        world_metadata(world, world_pool_handle(world));
    } else if (what < 228) {
        world_look(world);
    } else if (what < 236) {
        world_wait(world, world_device(world));
    } else if (what < 246) {
        world_ask(world, world_device(world));
    } else {
        world_rare(world);
    }
}

/* Buffers of an open pool, without devices, that are neither free nor the caller's. */
static int64_t world_lost(const struct world_pool *pool)
{
    int64_t held = 0;
    for (uint32_t i = 0; i < pool->view.buffer_count; i++)
        held += pool->view.owner[i] != 0;
    return (int64_t)pool->view.buffer_count - ixy_pool_free_count(pool->handle) - held;
}

void world_close(struct world *world)
{
    for (uint32_t i = 0; i < WORLD_HANDLES; i++)
        ixy_device_close(world->device[i]);
    for (uint32_t i = 0; i < WORLD_HANDLES; i++)
        ixy_pool_view_release(world->view[i]);
    for (uint32_t i = 0; i < WORLD_HANDLES; i++) {
        struct world_pool *pool = &world->pool[i];
        if (pool->open && pool->view.view != 0 && world_lost(pool) != 0) {
            fprintf(stderr, "pool %u: %lld buffers are not accounted for\n", i, (long long)world_lost(pool));
            abort();
        }
        if (pool->open && ixy_pool_close(pool->handle) != 0) {
            fprintf(stderr, "pool %u does not close: %s\n", i, ixy_last_error());
            abort();
        }
        if (pool->view.view != 0)
            ixy_pool_view_release(pool->view.view);
    }
    world_calls += 3 * WORLD_HANDLES;
}
