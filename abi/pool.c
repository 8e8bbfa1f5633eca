/* Pools and their views. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/buffers.h"
#include "abi/structs.h"
#include "core/device/cancel.h"
#include "core/device/error.h"
#include "core/device/fork.h"

#define POOL_COUNT_DEFAULT 8192
#define POOL_BUFFER_SIZE_DEFAULT 2048
#define POOL_BUFFER_SIZE_UNIT 1024
#define POOL_BUFFER_SIZE_MAX 15360
#define POOL_METADATA_SIZE (OWNERSHIP_ENTRIES * sizeof(struct metadata))

_Static_assert(sizeof(struct metadata) == sizeof(ixy_metadata) &&
                   offsetof(struct metadata, flags) == offsetof(ixy_metadata, flags) &&
                   offsetof(struct metadata, vlan_tci) == offsetof(ixy_metadata, vlan_tci) &&
                   offsetof(struct metadata, l3_len) == offsetof(ixy_metadata, l3_len) &&
                   METADATA_TX_UDP_CHECKSUM == IXY_META_TX_UDP_CHECKSUM && METADATA_VLAN == IXY_META_VLAN,
               "drivers write the records that callers read");

void pool_pages_drop(struct pool_pages *pages)
{
    objects_lock();
    bool held = --pages->holders > 0;
    objects_unlock();
    if (held)
        return;
    if (pages->base != NULL) {
        struct dma_memory memory = {.base = pages->base, .size = pages->size, .extent = pages->extent};
        dma_memory_free(&memory);
    }
    munmap(pages->owner, pages->owner_size);
    munmap((void *)(uintptr_t)pages->owner_view, pages->owner_size);
    munmap(pages->metadata, POOL_METADATA_SIZE);
    free(pages);
}

/* The metadata records, one for each possible index; a forked child finds zeroes. Returns NULL without memory. */
static struct metadata *pool_map_metadata(void)
{
    void *records =
        mmap(NULL, POOL_METADATA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (records == MAP_FAILED)
        return NULL;
    if (madvise(records, POOL_METADATA_SIZE, MADV_WIPEONFORK) != 0) {
        munmap(records, POOL_METADATA_SIZE);
        return NULL;
    }
    return records;
}

/* The ownership table: one piece of memory, mapped writable for us and read-only for bindings. It has an entry for
 * each possible index; pages that no buffer needs are never touched. */
static int32_t pool_map_table(struct pool_pages *pages)
{
    pages->owner_size = OWNERSHIP_ENTRIES * sizeof(uint64_t);
    void *writable = MAP_FAILED;
    void *readable = MAP_FAILED;
    pages->metadata = pool_map_metadata();
    fork_lock(); /* no child gets the file */
    int descriptor = memfd_create("ixy-ownership", MFD_CLOEXEC);
    bool grown = descriptor >= 0 && dma_memory_file_grow(descriptor, pages->owner_size) == 0;
    int32_t code = grown ? 0 : error_set_errno("pool: no file for the ownership table; ulimit -f must allow 2 MiB");
    if (grown) {
        writable = mmap(NULL, pages->owner_size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        readable = mmap(NULL, pages->owner_size, PROT_READ, MAP_SHARED, descriptor, 0);
    }
    if (descriptor >= 0)
        close(descriptor);
    fork_unlock();
    if (writable == MAP_FAILED || readable == MAP_FAILED || pages->metadata == NULL) {
        if (pages->metadata != NULL)
            munmap(pages->metadata, POOL_METADATA_SIZE);
        if (writable != MAP_FAILED)
            munmap(writable, pages->owner_size);
        if (readable != MAP_FAILED)
            munmap(readable, pages->owner_size);
        return code < 0 ? code : error_set(IXY_E_NO_MEMORY, "pool: no memory for the ownership table and the metadata");
    }
    pages->owner = writable;
    pages->owner_view = readable;
    return 0;
}

/* Fills a slot that was taken; what was got is freed if a later part fails. */
static int32_t pool_slot_fill(struct pool_slot *slot, uint32_t number, const ixy_pool_config *config)
{
    uint64_t token_base = HANDLE_BUFFER | (uint64_t)number << HANDLE_KIND_SHIFT |
                          (uint64_t)slot->buffer_generation << OWNERSHIP_GENERATION_SHIFT;
    struct pool_pages *pages = calloc(1, sizeof(*pages));
    struct pool *pool = NULL;
    int32_t code = pages == NULL ? error_set(IXY_E_NO_MEMORY, "pool: no memory for its tables") : pool_map_table(pages);
    if (code < 0) {
        free(pages);
        return code;
    }
    pages->holders = 1;
    code = pool_open(config->buffer_count, config->buffer_size, token_base, &pool);
    if (code < 0) {
        pool_pages_drop(pages);
        return code;
    }
    pool->memory.owner = check_is_made(CHECK_OWNER) ? pages->owner : NULL;
    pages->base = pool->memory.base;
    pages->size = pool->memory.size;
    pages->extent = pool->memory.extent;
    slot->pool = pool;
    slot->pages = pages;
    slot->ownership = (struct ownership){.owner = pages->owner, .stride = pool->stride};
    pool->ownership = &slot->ownership;
    pool->metadata = pages->metadata;
    return 0;
}

static int32_t pool_check_config(ixy_pool_config *config)
{
    if (config->buffer_count == 0)
        config->buffer_count = POOL_COUNT_DEFAULT;
    if (config->buffer_size == 0)
        config->buffer_size = POOL_BUFFER_SIZE_DEFAULT;
    if (config->buffer_count > IXY_BUFFERS_MAX)
        return error_set(IXY_E_ARGUMENT, "buffer_count = %u; right is 1 to %d", config->buffer_count, IXY_BUFFERS_MAX);
    if (config->buffer_size % POOL_BUFFER_SIZE_UNIT != 0 || config->buffer_size > POOL_BUFFER_SIZE_MAX)
        return error_set(IXY_E_ARGUMENT, "buffer_size = %u; right is a multiple of %d up to %d", config->buffer_size,
                         POOL_BUFFER_SIZE_UNIT, POOL_BUFFER_SIZE_MAX);
    if (config->reserved != 0)
        return error_set(IXY_E_STRUCT, "ixy_pool_config.reserved is %u; right is 0", config->reserved);
    return 0;
}

static int32_t pool_slot_open(const ixy_pool_config *config, uint64_t *handle)
{
    uint32_t number = 0;
    int32_t code = objects_ready();
    if (code < 0)
        return code;
    objects_lock();
    code = objects_take(HANDLE_POOL, &number);
    objects_unlock();
    if (code < 0)
        return code;
    code = pool_slot_fill(&object_pools[number], number, config);
    objects_lock();
    if (code >= 0)
        *handle = objects_publish(HANDLE_POOL, number);
    else
        objects_give_back(HANDLE_POOL, number);
    objects_unlock();
    return code;
}

int32_t ixy_pool_open(const ixy_pool_config *given, uint64_t *pool)
{
    ixy_pool_config config = {.struct_size = sizeof(config)};
    if (pool == NULL)
        return error_set(IXY_E_ARGUMENT, "pool is NULL; right is where the handle shall go");
    int32_t code = given == NULL ? 0 : struct_read(&config, sizeof(config), 16, given, "ixy_pool_config");
    if (code >= 0)
        code = pool_check_config(&config);
    if (code < 0)
        return code;
    int cancel = cancel_off();
    uint64_t handle = 0;
    code = pool_slot_open(&config, &handle);
    if (code >= 0)
        *pool = handle;
    cancel_restore(cancel);
    return code;
}

/* Where the generations of this slot's next pool begin: past every one that was given out. The pool's tokens are all
 * either on its stack, to be given out next, or in the caller's hands. */
static uint32_t pool_next_generation(const struct pool_slot *slot)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < slot->pool->free_count + slot->pool->count; i++) {
        uint32_t held = i - slot->pool->free_count;
        uint64_t next = i < slot->pool->free_count ? slot->pool->free[i] : ownership_next(slot->pages->owner[held]);
        if (i >= slot->pool->free_count && slot->pages->owner[held] == 0)
            continue;
        uint32_t generation = (uint32_t)(next >> OWNERSHIP_GENERATION_SHIFT);
        uint32_t moved = (generation - slot->buffer_generation) & HANDLE_GENERATION_MASK;
        most = moved > most ? moved : most;
    }
    return (slot->buffer_generation + most) & HANDLE_GENERATION_MASK;
}

/* Under objects_lock. One that is being opened, or closed, is nothing to look at. */
static const char *pool_device_address(const struct pool_slot *slot)
{
    for (uint32_t i = 0; i < IXY_DEVICES_MAX; i++)
        if (__atomic_load_n(&object_handles.device[i], __ATOMIC_RELAXED) != 0 && object_devices[i].pool == slot)
            return object_devices[i].device->bus->address;
    return "a device";
}

/* Views of a closed pool go on: same addresses, and zeroes there. New pages where the kernel has memory for them, else
 * (and where pages are locked, which MADV_DONTNEED does not drop) the old ones, wiped. */
static void pool_pages_wipe(const struct pool_pages *pages)
{
    if (mmap(pages->base, pages->extent, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
        MAP_FAILED)
        memset(pages->base, 0, pages->size);
    else
        (void)madvise(pages->base, pages->extent, MADV_WIPEONFORK); /* as the pages before: the kernel can */
    if (madvise(pages->metadata, POOL_METADATA_SIZE, MADV_DONTNEED) != 0)
        memset(pages->metadata, 0, POOL_METADATA_SIZE);
}

/* The rest of a close, after nobody finds the slot any more. */
static void pool_slot_close(struct pool_slot *slot)
{
    while (__atomic_load_n(&slot->callers, __ATOMIC_SEQ_CST) != 0)
        sched_yield();
    slot->buffer_generation = pool_next_generation(slot);
    struct pool_pages *pages = slot->pages;
    for (uint32_t i = 0; i < slot->pool->count; i++)
        __atomic_store_n(&pages->owner[i], 0, __ATOMIC_RELAXED);
    objects_lock();
    bool viewed = pages->holders > 1; /* there will not be more */
    objects_unlock();
    if (viewed)
        pool_pages_wipe(pages);
    slot->pool->memory.base = NULL; /* the pages are pool_pages_drop's */
    pool_close(slot->pool);
    pool_pages_drop(pages);
    slot->pool = NULL;
    slot->pages = NULL;
}

static int32_t pool_slot_withdraw(uint64_t pool)
{
    int32_t code = 0;
    objects_lock();
    const struct pool_slot *slot = pool_slot_find(pool);
    if (slot == NULL)
        code = handle_error_text(pool, "pool");
    else if (slot->devices > 0)
        code = error_set(IXY_E_BUSY, "the pool is used by %s; close the device first", pool_device_address(slot));
    else
        objects_withdraw(HANDLE_POOL, handle_slot(pool));
    objects_unlock();
    return code;
}

int32_t ixy_pool_close(uint64_t pool)
{
    if (pool_slot_find(pool) == NULL)
        return handle_error_text(pool, "pool");
    int cancel = cancel_off();
    int32_t code = pool_slot_withdraw(pool);
    if (code >= 0) {
        pool_slot_close(&object_pools[handle_slot(pool)]);
        objects_lock();
        objects_give_back(HANDLE_POOL, handle_slot(pool));
        objects_unlock();
    }
    cancel_restore(cancel);
    return code;
}

int32_t ixy_pool_free_count(uint64_t pool)
{
    struct pool_slot *slot = buffers_enter(pool);
    if (slot == NULL)
        return handle_error_text(pool, "pool");
    pthread_mutex_lock(&slot->pool->lock);
    int32_t count = (int32_t)slot->pool->free_count;
    pthread_mutex_unlock(&slot->pool->lock);
    buffers_leave(slot);
    return count;
}

/* Takes a view of the pool whose handle it is, and describes it. */
static int32_t pool_view_open(uint64_t pool, ixy_view *view)
{
    uint32_t number = 0;
    const struct pool_slot *slot = pool_slot_find(pool);
    int32_t code = slot == NULL ? handle_error_text(pool, "pool") : objects_take(HANDLE_VIEW, &number);
    if (code < 0)
        return code;
    object_views[number].pages = slot->pages;
    slot->pages->holders++;
    *view = (ixy_view){.buffer_count = slot->pool->count,
                       .buffer_size = slot->pool->buffer_size,
                       .buffer_stride = slot->pool->stride,
                       .headroom = POOL_HEADROOM,
                       .index_mask = FRAME_INDEX_MASK,
                       .view = objects_publish(HANDLE_VIEW, number),
                       .size = slot->pages->size,
                       .base = slot->pages->base,
                       .owner = slot->pages->owner_view,
                       .metadata = (ixy_metadata *)slot->pages->metadata};
    return code;
}

int32_t ixy_pool_view(uint64_t pool, ixy_view *view)
{
    struct struct_result result;
    int32_t code = struct_check(view, offsetof(ixy_view, metadata), "ixy_view", &result);
    if (code < 0)
        return code;
    if (pool_slot_find(pool) == NULL)
        return handle_error_text(pool, "pool");
    ixy_view filled;
    objects_lock();
    code = pool_view_open(pool, &filled);
    objects_unlock();
    if (code >= 0)
        struct_write(&result, &filled, sizeof(filled));
    return code;
}

/* Whether the handle is that of an open view. Any value may be asked about. */
static bool pool_view_is_open(uint64_t view)
{
    uint32_t number = handle_slot(view);
    return view != 0 && number < OBJECTS_VIEWS_MAX &&
           __atomic_load_n(&object_handles.view[number], __ATOMIC_ACQUIRE) == view;
}

int32_t ixy_pool_view_release(uint64_t view)
{
    uint32_t number = handle_slot(view);
    if (!pool_view_is_open(view))
        return handle_error_text(view, "view");
    int cancel = cancel_off();
    struct pool_pages *pages = NULL;
    objects_lock();
    if (pool_view_is_open(view)) {
        pages = object_views[number].pages;
        objects_withdraw(HANDLE_VIEW, number);
        objects_give_back(HANDLE_VIEW, number);
    }
    objects_unlock();
    int32_t code = pages == NULL ? handle_error_text(view, "view") : 0; /* another thread was first */
    if (pages != NULL)
        pool_pages_drop(pages);
    cancel_restore(cancel);
    return code;
}
