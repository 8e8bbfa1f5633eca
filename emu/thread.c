/* The thread of threaded models: one for the process, which steps all of them in turn.
 *
 * It reads a table of devices that opening and closing change; both hold the mutex, the thread never does. A device
 * that was taken out of the table is safe to free when the thread has since begun a new round (or has ended).
 *
 * When no device has anything to do the thread first spins, then takes naps that grow. A nap ends when a wire's next
 * frame is there or due, and when a driver does what its model hears of (emu_thread_wake): the thread says that it
 * sleeps, has the models ask for that, and looks at all of them once more.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "core/bus/event.h"
#include "core/device/error.h"
#include "emu/device.h"

#define EMU_THREAD_DEVICES 128
#define EMU_THREAD_SPIN 50000    /* nanoseconds without work before the first nap */
#define EMU_THREAD_NAP_MIN 50000 /* nanoseconds */

static pthread_mutex_t emu_thread_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_t emu_thread;
static struct emu_device *emu_thread_devices[EMU_THREAD_DEVICES];
static uint32_t emu_thread_count; /* of devices; under the mutex */
static uint32_t emu_thread_slots; /* of the table, that were ever used */
static uint32_t emu_thread_stop;
static uint64_t emu_thread_round;
static uint32_t emu_thread_asleep; /* it wants to be woken */
static int emu_thread_event = -1;  /* and wakes by this */

static void emu_thread_nap(uint64_t nanoseconds)
{
    struct timespec time = {0, (long)nanoseconds};
    nanosleep(&time, NULL);
}

static bool emu_thread_step_all(void)
{
    bool moved = false;
    uint32_t slots = __atomic_load_n(&emu_thread_slots, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < slots; i++) {
        struct emu_device *device = __atomic_load_n(&emu_thread_devices[i], __ATOMIC_SEQ_CST);
        if (device != NULL && emu_device_step_threaded(device))
            moved = true;
    }
    return moved;
}

void emu_thread_wake(const struct emu_device *device)
{
    if (device->timing_inline)
        return;
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* after what there is to see was stored */
    if (__atomic_load_n(&emu_thread_asleep, __ATOMIC_RELAXED) != 0 &&
        __atomic_exchange_n(&emu_thread_asleep, 0, __ATOMIC_RELAXED) != 0)
        event_signal(emu_thread_event);
}

/* What ends a sleep early. Returns how many files there are, 0 if a device is in use. */
static uint32_t emu_thread_prepare(struct pollfd *entries, uint64_t *until)
{
    uint32_t count = 1, slots = __atomic_load_n(&emu_thread_slots, __ATOMIC_ACQUIRE);
    entries[0] = (struct pollfd){.fd = emu_thread_event, .events = POLLIN};
    for (uint32_t i = 0; i < slots; i++) {
        struct emu_device *device = __atomic_load_n(&emu_thread_devices[i], __ATOMIC_SEQ_CST);
        if (device == NULL)
            continue;
        int descriptor;
        if (!emu_device_doze(device, until, &descriptor))
            return 0;
        if (descriptor >= 0)
            entries[count++] = (struct pollfd){.fd = descriptor, .events = POLLIN};
    }
    return count;
}

/* Sleeps for so long at most, and as long as the devices allow. Returns whether there was something to do instead.
 * *files: whether wires' files end the sleep; when one has done so, not again before something has moved: a device that
 * was not started takes no frame, however long its file is readable. */
static bool emu_thread_doze(uint64_t nap, bool *files)
{
    struct pollfd entries[EMU_THREAD_DEVICES + 1];
    uint64_t until = emu_clock_nanoseconds() + nap;
    __atomic_store_n(&emu_thread_asleep, 1, __ATOMIC_SEQ_CST);
    uint32_t count = emu_thread_prepare(entries, &until);
    bool moved = count == 0 || emu_thread_step_all();
    uint64_t now = emu_clock_nanoseconds();
    if (!moved && now < until && __atomic_load_n(&emu_thread_stop, __ATOMIC_SEQ_CST) == 0) {
        struct timespec time = {(time_t)((until - now) / 1000000000u), (long)((until - now) % 1000000000u)};
        int ready = ppoll(entries, *files ? count : 1, &time, NULL);
        *files = *files && ready <= (entries[0].revents != 0 ? 1 : 0);
    }
    __atomic_store_n(&emu_thread_asleep, 0, __ATOMIC_SEQ_CST);
    event_empty(emu_thread_event);
    uint32_t slots = __atomic_load_n(&emu_thread_slots, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < slots; i++) {
        struct emu_device *device = __atomic_load_n(&emu_thread_devices[i], __ATOMIC_SEQ_CST);
        if (device != NULL)
            emu_device_wake(device);
    }
    return moved;
}

static void *emu_thread_main(void *unused)
{
    (void)unused;
    uint64_t idle_since = 0, nap = EMU_THREAD_NAP_MIN;
    bool files = true;
    while (__atomic_load_n(&emu_thread_stop, __ATOMIC_ACQUIRE) == 0) {
        __atomic_store_n(&emu_thread_round, emu_thread_round + 1, __ATOMIC_SEQ_CST);
        if (emu_thread_step_all()) {
            idle_since = 0;
            files = true;
            continue;
        }
        uint64_t now = emu_clock_nanoseconds();
        if (idle_since == 0) {
            idle_since = now;
            nap = EMU_THREAD_NAP_MIN;
        }
        if (now - idle_since < EMU_THREAD_SPIN) {
            for (uint32_t i = 0; i < 8; i++)
                emu_clock_pause(); /* leave the doorbells' lines alone for a moment */
            continue;
        }
        if (emu_thread_doze(nap, &files)) {
            idle_since = 0;
            files = true;
        }
        nap = nap * 2 < EMU_DEVICE_NAP_LONGEST ? nap * 2 : EMU_DEVICE_NAP_LONGEST;
    }
    return NULL;
}

/* Signals are the program's: none is to be handled on this thread. */
static int emu_thread_start(void)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    __atomic_store_n(&emu_thread_stop, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&emu_thread_asleep, 0, __ATOMIC_RELEASE);
    int failed = pthread_create(&emu_thread, NULL, emu_thread_main, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed == 0)
        pthread_setname_np(emu_thread, "ixy-emu");
    return failed;
}

static int32_t emu_thread_add_locked(struct emu_device *device)
{
    uint32_t slot = 0;
    while (slot < EMU_THREAD_DEVICES && emu_thread_devices[slot] != NULL)
        slot++;
    if (slot == EMU_THREAD_DEVICES)
        return error_set(IXY_E_LIMIT, "%s: at most %d threaded emulated devices at once", device->bus.address,
                         EMU_THREAD_DEVICES);
    if (emu_thread_count == 0) {
        int32_t code = event_open(&emu_thread_event, device->bus.address);
        if (code < 0)
            return code;
        int failed = emu_thread_start();
        if (failed != 0) {
            event_close(&emu_thread_event);
            return error_set(IXY_E_NO_MEMORY, "%s: no thread for the emulated devices: %s; timing=inline needs none",
                             device->bus.address, strerror(failed));
        }
    }
    emu_thread_count++;
    __atomic_store_n(&emu_thread_devices[slot], device, __ATOMIC_RELEASE);
    if (slot >= emu_thread_slots)
        __atomic_store_n(&emu_thread_slots, slot + 1, __ATOMIC_RELEASE);
    emu_thread_wake(device);
    return 0;
}

int32_t emu_thread_add(struct emu_device *device)
{
    pthread_mutex_lock(&emu_thread_mutex);
    int32_t code = emu_thread_add_locked(device);
    pthread_mutex_unlock(&emu_thread_mutex);
    return code;
}

/* Until a round has begun that cannot have seen what was taken out of the table before this call. The thread counts the
 * round, then reads the table; the remover writes the table, then reads the count: sequentially consistent, or both
 * could read what was there before. */
static void emu_thread_quiesce(const struct emu_device *device)
{
    uint64_t seen = __atomic_load_n(&emu_thread_round, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&emu_thread_round, __ATOMIC_ACQUIRE) == seen) {
        emu_thread_wake(device);
        emu_thread_nap(20000);
    }
}

void emu_thread_remove(struct emu_device *device)
{
    pthread_mutex_lock(&emu_thread_mutex);
    for (uint32_t i = 0; i < emu_thread_slots; i++) {
        if (emu_thread_devices[i] == device) {
            __atomic_store_n(&emu_thread_devices[i], NULL, __ATOMIC_SEQ_CST);
            if (--emu_thread_count == 0) {
                __atomic_store_n(&emu_thread_stop, 1, __ATOMIC_SEQ_CST);
                emu_thread_wake(device);
                pthread_join(emu_thread, NULL);
                event_close(&emu_thread_event);
                emu_thread_slots = 0;
            } else {
                emu_thread_quiesce(device);
            }
            break;
        }
    }
    pthread_mutex_unlock(&emu_thread_mutex);
}

void emu_after_fork_in_child(void)
{
    pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
    memcpy(&emu_thread_mutex, &fresh, sizeof(fresh)); /* the parent's thread may have held it */
    memset(emu_thread_devices, 0, sizeof(emu_thread_devices));
    emu_thread_count = 0;
    emu_thread_slots = 0;
    emu_thread_stop = 0;
    emu_thread_asleep = 0;
    emu_thread_event = -1; /* closed: fork.h */
    wire_after_fork_in_child();
}
