/* The ABI's objects: pools, devices and views behind handles.
 *
 * Each kind has a static table of slots that is never freed, so that a lookup with any value, and a call that races
 * with close, touch valid memory. A slot whose `handle` is 0 is closed. Control calls hold objects_lock; hot calls do
 * not: a queue has a gate with a busy flag, a pool counts its callers, and close clears the handle first and then
 * waits for both.
 *
 * fork(): the child finds every handle cleared and remembered in `inherited`, which turns IXY_E_HANDLE into
 * IXY_E_FORK; it may open objects of its own.
 */
#ifndef ABI_OBJECTS_H
#define ABI_OBJECTS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/handle.h"
#include "abi/include/ixy.h"
#include "core/device/device.h"
#include "core/device/moderation.h"
#include "core/dma/pool.h"

#define OBJECTS_VIEWS_MAX 1024

/* A pool's addresses: they stay while the pool or a view needs them. */
struct pool_pages {
    uint8_t *base;
    uint64_t size;
    uint64_t extent;            /* of address space, see dma_memory */
    uint64_t *owner;            /* the ownership table, writable */
    const uint64_t *owner_view; /* the same pages, read-only */
    uint64_t owner_size;        /* bytes */
    struct metadata *metadata;  /* OWNERSHIP_ENTRIES records */
    uint32_t holders;           /* the open pool and its views; under objects_lock */
};

struct pool_slot {
    uint64_t handle; /* atomic */
    uint64_t inherited;
    uint32_t callers; /* atomic: hot calls in this pool */
    uint32_t generation;
    uint32_t buffer_generation; /* of the first handles of this slot's pool: past all that earlier pools gave out */
    uint32_t devices;           /* open on this pool; under objects_lock */
    struct pool *pool;
    struct pool_pages *pages;
    struct ownership ownership;
};

/* How a queue's gate is. An armed one is free, and the queue's interrupt is on: who enters switches it off. So that an
 * interrupt which nobody uses costs the packet path nothing, this is a state of the gate, and no flag beside it. */
enum gate_state { GATE_FREE, GATE_TAKEN, GATE_ARMED };

/* A queue's entrance. queue is NULL while the device is not started. A thread in ixy_rx_wait is inside only while it
 * looks, not while it sleeps; `waiting` keeps the queue's event open for it. */
struct queue_gate {
    uint32_t state;   /* atomic, enum gate_state */
    uint32_t waiting; /* atomic: a thread is in ixy_rx_wait */
    uint32_t waking;  /* atomic: threads in ixy_rx_wake */
    uint32_t woken;   /* atomic: ixy_rx_wake came, and no wait has ended by it yet */
    int handed;       /* what ixy_rx_fd handed out, 0: nothing; under objects_lock */
    void *queue;
    const struct bus *bus; /* tells whether the device failed */
    struct moderation moderation;
} __attribute__((aligned(64)));

struct device_slot {
    uint64_t handle; /* atomic */
    uint64_t inherited;
    uint32_t generation;
    struct device *device;
    const struct driver *driver;
    struct pool_slot *pool;
    bool can_wait; /* its IXY_CAN_RX_WAIT, constant from open to close: ixy_rx_wake looks without a gate */
    uint32_t rx_queues, tx_queues; /* atomic: hot calls read them */
    uint32_t rx_count_min;         /* shortest array that ixy_rx_batch takes: a whole packet fits */
    struct queue_gate rx[IXY_QUEUES_MAX];
    struct queue_gate tx[IXY_QUEUES_MAX];
};

struct view_slot {
    uint64_t handle;
    uint64_t inherited;
    uint32_t generation;
    struct pool_pages *pages;
};

extern struct pool_slot object_pools[IXY_POOLS_MAX];
extern struct device_slot object_devices[IXY_DEVICES_MAX];
extern struct view_slot object_views[OBJECTS_VIEWS_MAX];

/* Begins and ends a control call; the first one registers buses and the fork handlers. */
void objects_lock(void);
void objects_unlock(void);

/* The code for a handle that matched nothing: IXY_E_FORK if it was inherited, else IXY_E_HANDLE. */
int32_t handle_error(uint64_t handle);

/* The same with a text, for control calls; kind is "pool", "device" or "view". */
int32_t handle_error_text(uint64_t handle, const char *kind);

static inline struct pool_slot *pool_slot_find(uint64_t handle)
{
    uint32_t slot = handle_slot(handle);
    if (slot >= IXY_POOLS_MAX || handle == 0 || __atomic_load_n(&object_pools[slot].handle, __ATOMIC_ACQUIRE) != handle)
        return NULL;
    return &object_pools[slot];
}

static inline struct device_slot *device_slot_find(uint64_t handle)
{
    uint32_t slot = handle_slot(handle);
    if (slot >= IXY_DEVICES_MAX || handle == 0 ||
        __atomic_load_n(&object_devices[slot].handle, __ATOMIC_ACQUIRE) != handle)
        return NULL;
    return &object_devices[slot];
}

/* Lets go of a pool's addresses; unmaps them when nobody holds them any more. Under objects_lock. */
void pool_pages_drop(struct pool_pages *pages);

#endif
