#include "abi/objects.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/descriptor.h"
#include "core/bus/pci.h"
#include "core/bus/vhost_user.h"
#include "core/device/cancel.h"
#include "core/device/error.h"
#include "core/device/fork.h"
#include "core/dma/memory.h"
#include "emu/emu.h"

struct object_handles object_handles;
struct pool_slot object_pools[IXY_POOLS_MAX];
struct device_slot object_devices[IXY_DEVICES_MAX];
struct view_slot object_views[OBJECTS_VIEWS_MAX];

static pthread_mutex_t objects_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t objects_once = PTHREAD_ONCE_INIT;
static bool objects_begun;   /* under the mutex but for objects_orphaned: what objects_begin does is done */
static bool objects_forking; /* fork handlers run, with the locks held */

void objects_lock(void)
{
    pthread_mutex_lock(&objects_mutex);
}

void objects_unlock(void)
{
    pthread_mutex_unlock(&objects_mutex);
}

/* ---- fork ---- */

/* Whether this is a child in which no fork handler ran. */
static bool objects_orphaned(void)
{
    return __atomic_load_n(&objects_begun, __ATOMIC_RELAXED) &&
           __atomic_load_n(&object_handles.own, __ATOMIC_RELAXED) == 0;
}

/* An orphan's own child stays one: which locks its parent's threads held is as unknown there. */
static void objects_before_fork(void)
{
    if (objects_orphaned()) {
        objects_forking = false;
        return;
    }
    objects_lock();
    fork_before();
    objects_forking = true;
}

static void objects_after_fork_in_parent(void)
{
    if (objects_orphaned())
        return;
    objects_forking = false;
    fork_after_in_parent();
    objects_unlock();
}

/* Private pool memory is wiped by the kernel, shared one by dma_memory_after_fork_in_child; the ownership table is
 * shared memory, so the child gets pages of its own. */
static void objects_hide_table(const struct pool_pages *pages)
{
    dma_memory_hide(pages->owner, pages->owner_size, PROT_READ | PROT_WRITE);
    dma_memory_hide((void *)(uintptr_t)pages->owner_view, pages->owner_size, PROT_READ);
}

/* How far the generations of a child's buffers leap, so that they have other handles than the parent's: half the way
 * round, and half as far in each child of a child, or two leaps would lead back. */
#define OBJECTS_LEAP_MIN 0x10000u

static uint32_t objects_leap = HANDLE_GENERATION_MASK / 2 + 1;

/* The slot is free in the child. Whatever its object had, open, half open or half closed, is left alone. Returns
 * whether it was open. */
static bool objects_inherit(struct object *object)
{
    bool open = object->opened != 0;
    if (open)
        object->inherited = object->opened;
    object->opened = 0;
    object->taken = false;
    return open;
}

static void objects_inherit_pools(void)
{
    for (uint32_t i = 0; i < IXY_POOLS_MAX; i++) {
        struct pool_slot *slot = &object_pools[i];
        if (slot->object.taken) /* one that is being closed, too: its stale handles shall stay stale here */
            slot->buffer_generation = (slot->buffer_generation + objects_leap) & HANDLE_GENERATION_MASK;
        if (objects_inherit(&slot->object))
            objects_hide_table(slot->pages);
        slot->callers = 0;
        slot->devices = 0;
    }
    if (objects_leap > OBJECTS_LEAP_MIN)
        objects_leap /= 2;
}

static void objects_inherit_devices(void)
{
    for (uint32_t i = 0; i < IXY_DEVICES_MAX; i++) {
        struct device_slot *slot = &object_devices[i];
        if (objects_inherit(&slot->object))
            descriptors_close(slot); /* while the events, by which it knows them, are open */
        pthread_mutex_init(&slot->control, NULL);
        memset(slot->rx, 0, sizeof(slot->rx));
        memset(slot->tx, 0, sizeof(slot->tx));
    }
}

static void objects_inherit_views(void)
{
    for (uint32_t i = 0; i < OBJECTS_VIEWS_MAX; i++)
        if (objects_inherit(&object_views[i].object))
            objects_hide_table(object_views[i].pages);
}

static void objects_after_fork_in_child(void)
{
    if (!objects_forking)
        return;
    objects_forking = false;
    memset(object_handles.pool, 0, sizeof(object_handles.pool));
    memset(object_handles.device, 0, sizeof(object_handles.device));
    memset(object_handles.view, 0, sizeof(object_handles.view));
    objects_inherit_pools();
    objects_inherit_devices();
    objects_inherit_views();
    fork_after_in_child();
    dma_memory_after_fork_in_child();
    pci_after_fork_in_child();
    emu_after_fork_in_child();
    pthread_mutex_init(&objects_mutex, NULL);
    __atomic_store_n(&object_handles.own, 1, __ATOMIC_RELAXED);
}

/* ---- the first open ---- */

static void objects_register_handlers(void)
{
    pthread_atfork(objects_before_fork, objects_after_fork_in_parent, objects_after_fork_in_child);
}

/* Packet memory wants the same of the kernel (dma_memory_allocate). */
static int32_t objects_wipe_on_fork(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = (uintptr_t)&object_handles.own & ~(page - 1);
    uintptr_t end = ((uintptr_t)object_handles.after + page - 1) & ~(page - 1);
    if (page <= OBJECTS_PAGE_MAX && madvise((void *)first, end - first, MADV_WIPEONFORK) == 0)
        return 0;
    return error_set(IXY_E_NO_MEMORY, "handles: the kernel cannot wipe pages on fork (Linux 4.14 can)");
}

static int32_t objects_begin(void)
{
    int32_t code = objects_wipe_on_fork();
    if (code < 0)
        return code;
    device_register_bus(&emu_bus_scheme);
    device_register_bus(&vhost_user_bus_scheme);
    device_register_bus(&pci_bus_scheme);
    for (uint32_t i = 0; i < IXY_DEVICES_MAX; i++)
        pthread_mutex_init(&object_devices[i].control, NULL);
    __atomic_store_n(&object_handles.own, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&objects_begun, true, __ATOMIC_RELEASE);
    return 0;
}

int32_t objects_ready(void)
{
    if (objects_orphaned())
        return error_set(IXY_E_FORK,
                         "this process was made by _Fork() or clone(), which run no fork handlers, from one "
                         "that used libixy: make it by fork(), or execute a program first");
    pthread_once(&objects_once, objects_register_handlers); /* before somebody holds the lock */
    objects_lock();
    int32_t code = objects_begun ? 0 : objects_begin();
    objects_unlock();
    return code;
}

/* ---- slots ---- */

static const struct objects_kind {
    uint32_t count;
    const char *none; /* the text where none is free */
} objects_kinds[] = {
    [HANDLE_POOL] = {IXY_POOLS_MAX, "pools are open; close one first"},
    [HANDLE_DEVICE] = {IXY_DEVICES_MAX, "devices are open; close one first"},
    [HANDLE_VIEW] = {OBJECTS_VIEWS_MAX, "views are open; release one first"},
};

static struct object *objects_at(enum handle_kind kind, uint32_t number)
{
    switch (kind) {
    case HANDLE_POOL:
        return &object_pools[number].object;
    case HANDLE_DEVICE:
        return &object_devices[number].object;
    default:
        return &object_views[number].object;
    }
}

static uint64_t *objects_word(enum handle_kind kind, uint32_t number)
{
    switch (kind) {
    case HANDLE_POOL:
        return &object_handles.pool[number];
    case HANDLE_DEVICE:
        return &object_handles.device[number];
    default:
        return &object_handles.view[number];
    }
}

int32_t objects_take(enum handle_kind kind, uint32_t *number)
{
    for (uint32_t i = 0; i < objects_kinds[kind].count; i++) {
        struct object *object = objects_at(kind, i);
        if (object->taken)
            continue;
        object->taken = true;
        *number = i;
        return 0;
    }
    return error_set(IXY_E_LIMIT, "%u %s", objects_kinds[kind].count, objects_kinds[kind].none);
}

/* `opened` is set while nobody outside has the handle and cleared before the slot stops being found, so that who finds
 * no slot by a handle of this process does not see it there and take it for a parent's. */
uint64_t objects_publish(enum handle_kind kind, uint32_t number)
{
    struct object *object = objects_at(kind, number);
    uint64_t handle = handle_make(kind, number, ++object->generation);
    __atomic_store_n(objects_word(kind, number), handle, __ATOMIC_SEQ_CST);
    __atomic_store_n(&object->opened, handle, __ATOMIC_RELEASE);
    return handle;
}

void objects_withdraw(enum handle_kind kind, uint32_t number)
{
    __atomic_store_n(&objects_at(kind, number)->opened, 0, __ATOMIC_RELAXED);
    __atomic_store_n(objects_word(kind, number), 0, __ATOMIC_SEQ_CST);
}

void objects_give_back(enum handle_kind kind, uint32_t number)
{
    objects_at(kind, number)->taken = false;
}

/* ---- control calls on a device ---- */

struct device_slot *device_slot_enter(uint64_t device, int32_t *code)
{
    int cancel = cancel_off();
    struct device_slot *slot = device_slot_find(device);
    if (slot != NULL) {
        pthread_mutex_lock(&slot->control);
        if (device_slot_find(device) == slot) {
            slot->cancel = cancel;
            return slot;
        }
        pthread_mutex_unlock(&slot->control); /* closed by who had it before */
    }
    *code = handle_error_text(device, "device");
    cancel_restore(cancel);
    return NULL;
}

void device_slot_leave(struct device_slot *slot)
{
    int cancel = slot->cancel;
    pthread_mutex_unlock(&slot->control);
    cancel_restore(cancel);
}

/* ---- handles that match nothing ---- */

int32_t handle_error(uint64_t handle)
{
    uint32_t number = handle_slot(handle);
    enum handle_kind kind = (enum handle_kind)(handle >> HANDLE_KIND_SHIFT & HANDLE_KIND_MASK);
    if ((handle & HANDLE_BUFFER) != 0 || kind < HANDLE_POOL || kind > HANDLE_VIEW ||
        number >= objects_kinds[kind].count)
        return IXY_E_HANDLE;
    const struct object *object = objects_at(kind, number);
    /* Open here, but of another kind than was asked for. */
    if (__atomic_load_n(objects_word(kind, number), __ATOMIC_ACQUIRE) == handle)
        return IXY_E_HANDLE;
    bool inherited = __atomic_load_n(&object->inherited, __ATOMIC_RELAXED) == handle ||
                     __atomic_load_n(&object->opened, __ATOMIC_ACQUIRE) == handle;
    return handle != 0 && inherited ? IXY_E_FORK : IXY_E_HANDLE;
}

int32_t handle_error_text(uint64_t handle, const char *kind)
{
    int32_t code = handle_error(handle);
    if (code == IXY_E_FORK)
        return error_set(code, "%s handle %#llx belongs to the parent process; open another one in the child", kind,
                         (unsigned long long)handle);
    return error_set(code, "%s handle %#llx is closed, of another kind, or was never given out", kind,
                     (unsigned long long)handle);
}
