#include "core/dma/pool.h"

#include <stdlib.h>
#include <string.h>

#include "core/device/error.h"

#define POOL_LINE 64

int32_t pool_open(uint32_t count, uint32_t buffer_size, uint64_t token_base, struct pool **pool)
{
    uint32_t lines = (POOL_HEADROOM + buffer_size + POOL_LINE - 1) / POOL_LINE;
    uint32_t stride = (lines | 1) * POOL_LINE;
    uint64_t size = (uint64_t)count * stride;
    if (size > UINT32_MAX)
        return error_set(IXY_E_ARGUMENT, "pool: %u buffers of %u bytes need %llu bytes; a pool is at most 4 GiB", count,
                         buffer_size, (unsigned long long)size);
    struct pool *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return error_set(IXY_E_NO_MEMORY, "pool: no memory for its state");
    made->free = malloc(count * sizeof(*made->free));
    if (made->free == NULL) {
        free(made);
        return error_set(IXY_E_NO_MEMORY, "pool: no memory for the stack of %u buffers", count);
    }
    int32_t code = dma_memory_allocate_huge(&made->memory, size, "pool");
    if (code < 0) {
        free(made->free);
        free(made);
        return code;
    }
    made->memory.stride = stride;
    made->count = count;
    made->buffer_size = buffer_size;
    made->stride = stride;
    pthread_mutex_init(&made->mapping, NULL);
    pthread_mutex_init(&made->lock, NULL);
    /* Lowest index on top: a small load touches few pages. */
    for (uint32_t i = 0; i < count; i++)
        made->free[i] = token_base | (count - 1 - i);
    made->free_count = count;
    *pool = made;
    return 0;
}

void pool_close(struct pool *pool)
{
    dma_memory_free(&pool->memory);
    pthread_mutex_destroy(&pool->lock);
    pthread_mutex_destroy(&pool->mapping);
    free(pool->free);
    free(pool);
}

/* Gives the pool other pages; buffers that are out would lose what they hold. */
static int32_t pool_replace(struct pool *pool, int32_t (*replace)(struct dma_memory *memory), const char *why)
{
    pthread_mutex_lock(&pool->lock);
    uint32_t out = pool->count - pool->free_count;
    int32_t code = out == 0 ? replace(&pool->memory) : IXY_E_STATE;
    pthread_mutex_unlock(&pool->lock);
    if (out == 0)
        return code;
    return error_set(IXY_E_STATE,
                     "%u of the pool's %u buffers are in use, and its memory can be %s only "
                     "while none is: open such a device before a buffer is taken or a device of the pool is started",
                     out, pool->count, why);
}

int32_t pool_share(struct pool *pool)
{
    return pool->memory.shared ? 0 : pool_replace(pool, dma_memory_share, "shared with another process");
}

int32_t pool_pin(struct pool *pool)
{
    return pool->memory.physical != 0 ? 0 : pool_replace(pool, dma_memory_pin, "put into huge pages");
}

uint32_t pool_take(struct pool *pool, uint64_t *tokens, uint32_t count)
{
    pthread_mutex_lock(&pool->lock);
    uint32_t taken = count < pool->free_count ? count : pool->free_count;
    pool->free_count -= taken;
    memcpy(tokens, pool->free + pool->free_count, taken * sizeof(*tokens));
    pthread_mutex_unlock(&pool->lock);
    return taken;
}

void pool_give(struct pool *pool, const uint64_t *tokens, uint32_t count)
{
    pthread_mutex_lock(&pool->lock);
    /* Threads that race with one handle can give a buffer back twice, which no table detects; the stack must hold. */
    uint32_t room = pool->count - pool->free_count;
    if (count > room)
        count = room;
    memcpy(pool->free + pool->free_count, tokens, count * sizeof(*tokens));
    pool->free_count += count;
    pthread_mutex_unlock(&pool->lock);
}

int32_t pool_commit(struct pool *pool, uint32_t count)
{
    pthread_mutex_lock(&pool->lock);
    uint32_t committed = pool->committed;
    bool fits = count <= pool->count - committed;
    pool->committed += fits ? count : 0;
    pthread_mutex_unlock(&pool->lock);
    if (fits)
        return 0;
    return error_set(IXY_E_POOL_SIZE,
                     "the pool has %u buffers, %u of them promised to other devices; this device's rings and queue "
                     "caches can hold %u: make the pool larger or the rings smaller",
                     pool->count, committed, count);
}

void pool_release(struct pool *pool, uint32_t count)
{
    pthread_mutex_lock(&pool->lock);
    pool->committed -= count;
    pthread_mutex_unlock(&pool->lock);
}

uint32_t pool_cache_take(struct pool_cache *cache, uint64_t *tokens, uint32_t count)
{
    if (cache->count < count && cache->count < cache->limit)
        cache->count += pool_take(cache->pool, cache->token + cache->count, cache->limit - cache->count);
    uint32_t taken = count < cache->count ? count : cache->count;
    cache->count -= taken;
    memcpy(tokens, cache->token + cache->count, taken * sizeof(*tokens));
    if (taken < count)
        taken += pool_take(cache->pool, tokens + taken, count - taken);
    return taken;
}

void pool_cache_give(struct pool_cache *cache, const uint64_t *tokens, uint32_t count)
{
    uint32_t room = cache->limit - cache->count;
    if (count > room) {
        /* Spill the cache, and what does not fit into it after that. */
        pool_cache_flush(cache);
        if (count > cache->limit) {
            pool_give(cache->pool, tokens, count - cache->limit);
            tokens += count - cache->limit;
            count = cache->limit;
        }
    }
    memcpy(cache->token + cache->count, tokens, count * sizeof(*tokens));
    cache->count += count;
}

void pool_cache_flush(struct pool_cache *cache)
{
    if (cache->count > 0)
        pool_give(cache->pool, cache->token, cache->count);
    cache->count = 0;
}
