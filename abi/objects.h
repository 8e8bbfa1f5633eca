/* The ABI's objects: pools, devices and views behind handles.
 *
 * Each kind has a static table of slots that is never freed, so that a lookup with any value, and a call that races
 * with close, touch valid memory. A slot is taken from before its object opens until after it has closed; in between,
 * while the object is open, its entry of object_handles is the handle. Hot calls take no lock of these: a queue has a
 * gate with a busy flag, a pool counts its callers, and close clears the handle first and then waits for both.
 *
 * Locks, in the order in which they are taken:
 *
 *   device_slot.control   of each device: one control call at a time, from begin to end, however long its device takes.
 *                         Close clears the handle under it, so who waited for it finds the device closed. Opening
 *                         takes it only to show the device: who guesses the handle waits until all is set.
 *   pool.mapping          of each pool: a device gets at its memory (core/dma/pool.h)
 *   pool.lock             of each pool: the stack of free buffers
 *   those of buses        the VFIO groups', the emulated devices' thread, the names of pairs
 *   objects_lock          one, of all slots. Nothing that waits for a device, a thread or a lock happens under it
 *   fork_lock             one, innermost (core/device/fork.h)
 *
 * fork() takes the last two and no other, so it waits for no device. The child finds every handle cleared and
 * remembered in `inherited`, which turns IXY_E_HANDLE into IXY_E_FORK. It may open objects of its own, also in slots
 * whose object was half open or half closed; what those had is left alone, which costs the child their memory.
 *
 * _Fork() and clone() run no fork handlers. There the kernel does the least: the pages of object_handles read as zeroes
 * in every child, so that each handle is IXY_E_FORK, and objects_ready refuses to open any.
 */
#ifndef ABI_OBJECTS_H
#define ABI_OBJECTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/handle.h"
#include "abi/include/ixy.h"
#include "core/device/device.h"
#include "core/device/moderation.h"
#include "core/dma/pool.h"

#define OBJECTS_VIEWS_MAX 1024
#define OBJECTS_PAGE_MAX 65536

/* The handles of all slots, atomic; 0: not open. Apart from all else by a page on each side. */
struct object_handles {
    uint8_t before[OBJECTS_PAGE_MAX];
    uint64_t own; /* 1 from the first open on; 0 in a child in which no fork handler ran */
    uint64_t pool[IXY_POOLS_MAX];
    uint64_t device[IXY_DEVICES_MAX];
    uint64_t view[OBJECTS_VIEWS_MAX];
    uint8_t after[OBJECTS_PAGE_MAX];
};

/* What all slots have. */
struct object {
    uint64_t opened;     /* atomic: the handle, which a child can still read here */
    uint64_t inherited;  /* atomic: the parent's */
    uint32_t generation; /* under objects_lock, as taken */
    bool taken;
};

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
    struct object object;
    uint32_t callers;           /* atomic: calls in this pool */
    uint32_t buffer_generation; /* of the first handles of this slot's pool: past all that earlier pools gave out */
    uint32_t devices;           /* on this pool, from before they open until after they closed; under objects_lock */
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
    struct object object;
    struct device *device;
    const struct driver *driver;
    struct pool_slot *pool;
    bool can_wait; /* its IXY_CAN_RX_WAIT, constant from open to close: ixy_rx_wake looks without a gate */
    uint32_t rx_queues, tx_queues; /* atomic: hot calls read them */
    uint32_t rx_count_min;         /* shortest array that ixy_rx_batch takes: a whole packet fits */
    struct queue_gate rx[IXY_QUEUES_MAX];
    struct queue_gate tx[IXY_QUEUES_MAX];
    pthread_mutex_t control;
    int cancel; /* under it: whether who holds it may be cancelled when it has let go */
};

struct view_slot {
    struct object object;
    struct pool_pages *pages;
};

extern struct object_handles object_handles;
extern struct pool_slot object_pools[IXY_POOLS_MAX];
extern struct device_slot object_devices[IXY_DEVICES_MAX];
extern struct view_slot object_views[OBJECTS_VIEWS_MAX];

/* Before each call that opens something; the first one registers buses and fork handlers. Returns 0, or an error with
 * its text: IXY_E_FORK if no fork handler ran in this child, where a lock may be held by a thread that it lacks. */
int32_t objects_ready(void);

/* Not before objects_ready, or a lookup, succeeded. */
void objects_lock(void);
void objects_unlock(void);

/* Under objects_lock: takes a free slot, or says that there is none (IXY_E_LIMIT with its text). */
int32_t objects_take(enum handle_kind kind, uint32_t *number);
/* Under it: makes a new handle that finds the slot from here on. */
uint64_t objects_publish(enum handle_kind kind, uint32_t number);
/* Under it: nothing finds the slot any more; it stays taken. */
void objects_withdraw(enum handle_kind kind, uint32_t number);
void objects_give_back(enum handle_kind kind, uint32_t number);

/* The code for a handle that matched nothing: IXY_E_FORK if it was inherited, else IXY_E_HANDLE. */
int32_t handle_error(uint64_t handle);

/* The same with a text, for control calls; kind is "pool", "device" or "view". */
int32_t handle_error_text(uint64_t handle, const char *kind);

static inline struct pool_slot *pool_slot_find(uint64_t handle)
{
    uint32_t slot = handle_slot(handle);
    if (slot >= IXY_POOLS_MAX || handle == 0 || __atomic_load_n(&object_handles.pool[slot], __ATOMIC_ACQUIRE) != handle)
        return NULL;
    return &object_pools[slot];
}

static inline struct device_slot *device_slot_find(uint64_t handle)
{
    uint32_t slot = handle_slot(handle);
    if (slot >= IXY_DEVICES_MAX || handle == 0 ||
        __atomic_load_n(&object_handles.device[slot], __ATOMIC_ACQUIRE) != handle)
        return NULL;
    return &object_devices[slot];
}

/* Begins a control call on a device, when no other one is under way; the thread cannot be cancelled until it ends it.
 * NULL with the code in *code and its text: there is no such device (any more). */
struct device_slot *device_slot_enter(uint64_t device, int32_t *code);
void device_slot_leave(struct device_slot *slot);

/* Lets go of a pool's addresses; unmaps them when nobody holds them any more. Takes objects_lock. */
void pool_pages_drop(struct pool_pages *pages);

#endif
