/* A pool's entrance: how a call gets into a pool, and out. Close waits until all are out. */
#ifndef ABI_BUFFERS_H
#define ABI_BUFFERS_H

#include "abi/objects.h"

/* Enters a pool; NULL if the handle is not that of an open one. The count is raised before the handle is looked at, so
 * that close, which clears the handle and then waits, cannot miss us. */
static inline struct pool_slot *buffers_enter(uint64_t pool)
{
    uint32_t number = handle_slot(pool);
    if (pool == 0 || number >= IXY_POOLS_MAX)
        return NULL;
    struct pool_slot *slot = &object_pools[number];
    __atomic_fetch_add(&slot->callers, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&object_handles.pool[number], __ATOMIC_SEQ_CST) == pool)
        return slot;
    __atomic_fetch_sub(&slot->callers, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static inline void buffers_leave(struct pool_slot *slot)
{
    __atomic_fetch_sub(&slot->callers, 1, __ATOMIC_SEQ_CST);
}

#endif
