#include "abi/objects.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "abi/descriptor.h"
#include "core/bus/pci.h"
#include "core/bus/vhost_user.h"
#include "core/device/cancel.h"
#include "core/device/error.h"
#include "core/dma/memory.h"
#include "emu/emu.h"

struct pool_slot object_pools[IXY_POOLS_MAX];
struct device_slot object_devices[IXY_DEVICES_MAX];
struct view_slot object_views[OBJECTS_VIEWS_MAX];

static pthread_mutex_t objects_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t objects_once = PTHREAD_ONCE_INIT;
static int objects_cancel; /* under the mutex: whether who holds it may be cancelled when it has let go */

static void objects_before_fork(void)
{
    pthread_mutex_lock(&objects_mutex);
}

static void objects_after_fork_in_parent(void)
{
    pthread_mutex_unlock(&objects_mutex);
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

static void objects_after_fork_in_child(void)
{
    for (uint32_t i = 0; i < IXY_POOLS_MAX; i++) {
        struct pool_slot *slot = &object_pools[i];
        if (slot->handle != 0) {
            slot->inherited = slot->handle;
            slot->handle = 0;
            objects_hide_table(slot->pages);
            slot->buffer_generation = (slot->buffer_generation + objects_leap) & HANDLE_GENERATION_MASK;
        }
        slot->callers = 0;
    }
    for (uint32_t i = 0; i < IXY_DEVICES_MAX; i++) {
        struct device_slot *slot = &object_devices[i];
        if (slot->handle != 0) {
            slot->inherited = slot->handle;
            slot->handle = 0;
            descriptors_close(slot);
            bus_events_close(slot->device->bus);
        }
        memset(slot->rx, 0, sizeof(slot->rx));
        memset(slot->tx, 0, sizeof(slot->tx));
    }
    for (uint32_t i = 0; i < OBJECTS_VIEWS_MAX; i++) {
        struct view_slot *slot = &object_views[i];
        if (slot->handle != 0) {
            slot->inherited = slot->handle;
            slot->handle = 0;
            objects_hide_table(slot->pages);
        }
    }
    if (objects_leap > OBJECTS_LEAP_MIN)
        objects_leap /= 2;
    dma_memory_after_fork_in_child();
    vhost_user_after_fork_in_child();
    pci_after_fork_in_child();
    emu_after_fork_in_child();
    pthread_mutex_init(&objects_mutex, NULL);
}

static void objects_begin(void)
{
    device_register_bus(&emu_bus_scheme);
    device_register_bus(&vhost_user_bus_scheme);
    device_register_bus(&pci_bus_scheme);
    pthread_atfork(objects_before_fork, objects_after_fork_in_parent, objects_after_fork_in_child);
}

void objects_lock(void)
{
    int cancel = cancel_off();
    pthread_once(&objects_once, objects_begin);
    pthread_mutex_lock(&objects_mutex);
    objects_cancel = cancel;
}

void objects_unlock(void)
{
    int cancel = objects_cancel;
    pthread_mutex_unlock(&objects_mutex);
    cancel_restore(cancel);
}

static uint64_t objects_inherited(uint64_t handle)
{
    uint32_t slot = handle_slot(handle);
    if ((handle & HANDLE_BUFFER) != 0)
        return 0;
    switch (handle >> HANDLE_KIND_SHIFT & HANDLE_KIND_MASK) {
    case HANDLE_POOL:
        return slot < IXY_POOLS_MAX ? object_pools[slot].inherited : 0;
    case HANDLE_DEVICE:
        return slot < IXY_DEVICES_MAX ? object_devices[slot].inherited : 0;
    case HANDLE_VIEW:
        return slot < OBJECTS_VIEWS_MAX ? object_views[slot].inherited : 0;
    default:
        return 0;
    }
}

int32_t handle_error(uint64_t handle)
{
    return handle != 0 && objects_inherited(handle) == handle ? IXY_E_FORK : IXY_E_HANDLE;
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
