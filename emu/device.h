/* What every emulated device has, whatever it is a model of: its bus, its lock, its memory, its wire, its meter.
 *
 * One lock a device: control register functions spin for it, a step that finds it taken does nothing. Under it lie the
 * model, the sanitizer, the memory table and the wire. Doorbells are the exception: a driver stores them at any time.
 */
#ifndef EMU_DEVICE_H
#define EMU_DEVICE_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/bus/bus.h"
#include "emu/clock.h"
#include "emu/dma.h"
#include "emu/sanitizer.h"
#include "emu/wire/gen.h"
#include "emu/wire/wire.h"

struct emu_device {
    struct bus bus; /* first: a bus opened here is its device */
    uint32_t lock;  /* 0: free */
    bool timing_inline;
    struct wire *wire;
    struct gen *gen; /* the wire, if it is a generator */
    struct sanitizer sanitizer;
    uint64_t model_cycles, steps, idle_steps;
    struct emu_dma dma;
};

static inline bool emu_device_try_lock(struct emu_device *device)
{
    return __atomic_exchange_n(&device->lock, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void emu_device_unlock(struct emu_device *device)
{
    __atomic_store_n(&device->lock, 0, __ATOMIC_RELEASE);
}

static inline void emu_device_lock(struct emu_device *device)
{
    for (uint32_t tries = 1; !emu_device_try_lock(device); tries++) {
        if (tries % 64 == 0)
            sched_yield();
        else
            emu_clock_pause();
    }
}

/* One step of a device on the thread of threaded models; false if there was nothing to do. */
bool emu_device_step_threaded(struct emu_device *device);

/* The thread that steps all threaded devices: it begins with the first and ends with the last. emu_thread_remove
 * returns when the thread is out of the device and will not touch it again. */
int32_t emu_thread_add(struct emu_device *device);
void emu_thread_remove(struct emu_device *device);

#endif
