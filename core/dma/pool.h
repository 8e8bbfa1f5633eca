/* The pool: packet memory cut into buffers, and the stack of those that are free.
 *
 * A buffer belongs to the pool (on the stack or in a queue's cache), to a device (in a ring) or to the caller. Where
 * it waits it is represented by its next token (ownership.h), whose low bits are its index. Strides are an odd number
 * of cache lines: buffers whose starts were a power of two apart would share a few L1 sets, and a batch of 128 would
 * evict itself.
 *
 * Queues take and give through a cache of their own, which reaches for the shared stack (under a lock) only once in
 * many batches. The pool counts what each device's rings and caches can hold, so that a device that would starve is
 * refused when it opens.
 */
#ifndef CORE_DMA_POOL_H
#define CORE_DMA_POOL_H

#include <pthread.h>
#include <stdint.h>

#include "core/dma/memory.h"
#include "core/dma/metadata.h"
#include "core/dma/ownership.h"

#define POOL_HEADROOM 128
#define POOL_CACHE_MAX 512

struct pool {
    struct dma_memory memory;
    uint32_t count;       /* buffers */
    uint32_t buffer_size; /* packet bytes after the headroom */
    uint32_t stride;
    uint32_t committed;                /* buffers that open devices may hold; under the lock */
    const struct ownership *ownership; /* NULL: callers know buffers by their indices; set before devices open */
    struct metadata *metadata;         /* by buffer index; NULL: no device with offloads can open; set likewise */
    pthread_mutex_t mapping; /* held while a device gets at the memory (bus_map_pool): its pages stay meanwhile */
    pthread_mutex_t lock;
    uint32_t free_count;
    uint64_t *free; /* tokens; the last given is the first taken, as its lines are still in the cache */
};

/* A queue's private stack of free buffers. Only the thread that is in the queue touches it. */
struct pool_cache {
    struct pool *pool;
    uint32_t limit; /* most that it keeps, at most POOL_CACHE_MAX */
    uint32_t count;
    uint64_t token[POOL_CACHE_MAX];
};

/* Makes a pool of count buffers of buffer_size bytes; token_base is what all first tokens have above the index.
 * Returns 0, IXY_E_ARGUMENT or IXY_E_NO_MEMORY. */
int32_t pool_open(uint32_t count, uint32_t buffer_size, uint64_t token_base, struct pool **pool);

/* Frees a pool that no device uses; its memory too, unless the caller took that over (memory.base set to NULL). */
void pool_close(struct pool *pool);

/* Shares the pool's memory with other processes (dma_memory_share). Returns 0, or IXY_E_STATE if buffers are in use:
 * a device in another process opens before any buffer of its pool is taken. Under the mapping lock. */
int32_t pool_share(struct pool *pool);

/* The same for a device that sees physical addresses (dma_memory_pin). */
int32_t pool_pin(struct pool *pool);

/* Takes up to count free buffers, returns how many. Any thread. */
uint32_t pool_take(struct pool *pool, uint64_t *tokens, uint32_t count);

/* Gives buffers back. Any thread. */
void pool_give(struct pool *pool, const uint64_t *tokens, uint32_t count);

/* Reserves count buffers for a device's rings and caches. Returns 0 or IXY_E_POOL_SIZE. Any thread. */
int32_t pool_commit(struct pool *pool, uint32_t count);
void pool_release(struct pool *pool, uint32_t count);

/* How many buffers the cache of a queue with such a ring keeps at most. */
static inline uint32_t pool_cache_limit(uint32_t ring_size)
{
    return ring_size / 2 < POOL_CACHE_MAX ? ring_size / 2 : POOL_CACHE_MAX;
}

/* Takes up to count buffers through a cache; returns how many. */
uint32_t pool_cache_take(struct pool_cache *cache, uint64_t *tokens, uint32_t count);

/* Gives buffers back through a cache. */
void pool_cache_give(struct pool_cache *cache, const uint64_t *tokens, uint32_t count);

/* Empties a cache into its pool. */
void pool_cache_flush(struct pool_cache *cache);

#endif
