/* What every emulated device has, whatever it is a model of: its bus, its lock, its memory, its wire, its meter.
 *
 * A model is a struct that begins with its struct emu_device, and a table of functions, by which bus.c and the thread
 * of threaded models know it. bus.c opens, steps and closes; what a register or a ring means is the model's.
 *
 * One lock a device: control register functions spin for it, a step that finds it taken does nothing. Under it lie the
 * model, the sanitizer, the memory table and the wire. Doorbells are the exception: a driver stores them at any time.
 */
#ifndef EMU_DEVICE_H
#define EMU_DEVICE_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bus/bus.h"
#include "core/bus/event.h"
#include "emu/clock.h"
#include "emu/dma.h"
#include "emu/hostile.h"
#include "emu/sanitizer.h"
#include "emu/wire/gen.h"
#include "emu/wire/wire.h"

#define EMU_DEVICE_VECTORS 64     /* MSI-X vectors of a device, as an 82599 has them */
#define EMU_DEVICE_STEP_FRAMES 64 /* most frames of one queue in a step of the thread */

/* How long the thread of threaded models may sleep. Doorbells are plain memory, so while a driver may store to one it
 * has to look: often for one that polls, as a driver's polling costs a whole processor anyway; seldom for one that
 * waits for an interrupt, as then the sleep of both is what the process costs. */
#define EMU_DEVICE_NAP_POLLING 1000000
#define EMU_DEVICE_NAP_WAITING 10000000
#define EMU_DEVICE_NAP_LONGEST 100000000

struct emu_device;

/* What a model is to its bus. All under the device's lock but configure, free and doorbell. */
struct emu_model_ops {
    size_t size;         /* of the model's struct */
    const char *options; /* what the model takes besides timing and wire, for messages: "option,option," */

    /* Takes the model's options; nothing to undo. Returns 0 or IXY_E_ADDRESS. */
    int32_t (*configure)(struct emu_device *device, struct address *address);
    /* Powers the model on: wire and bus are open. serial makes its station address its own. Returns 0 or an error with
     * its text; free is called either way. */
    int32_t (*init)(struct emu_device *device, uint32_t serial);
    void (*free)(struct emu_device *device);

    /* Does what there is to do, transmit first; false if that was nothing. most: frames of a queue. */
    bool (*step)(struct emu_device *device, uint32_t most);
    /* The transmit part of it: a peer on a cable wants what the driver has posted. */
    void (*transmit)(struct emu_device *device, uint32_t most);
    /* The thread of threaded models is about to sleep: the model arranges to be woken (emu_thread_wake) as far as it
     * can. Returns how many nanoseconds it may sleep at most, as nobody wakes it for the rest. wake undoes it. */
    uint64_t (*doze)(struct emu_device *device);
    void (*wake)(struct emu_device *device);
    /* Lets model time pass and makes happen what was due. */
    void (*time)(struct emu_device *device, uint64_t nanoseconds);
    /* Memory is about to be unmapped: what still refers to it is a violation, and forgotten. */
    void (*unmap)(struct emu_device *device, uint32_t slot);

    /* Registers; NULL for a model whose driver comes through bus->virtio. */
    uint32_t (*read)(struct emu_device *device, uint32_t reg);
    void (*write)(struct emu_device *device, uint32_t reg, uint32_t value);
    uint32_t *(*doorbell)(struct emu_device *device, uint32_t reg);
};

struct emu_device {
    struct bus bus; /* first: a bus opened here is its device */
    const struct emu_model_ops *ops;
    uint32_t kind; /* which of a model's devices, from the table in bus.c */
    uint32_t lock; /* 0: free */
    bool timing_inline;
    struct wire *wire;
    struct gen *gen;      /* the wire, if it is a generator */
    uint32_t event_count; /* interrupt vector n < event_count signals events[n] */
    int events[BUS_EVENTS_MAX];
    struct sanitizer sanitizer;
    uint64_t model_cycles, steps, idle_steps;
    uint32_t windows; /* made so far, see emu_device_window */
    uint64_t missed;  /* frames without a buffer, or too long, of a model that has no register for it: wire_dropped */
    struct hostile hostile;
    struct emu_dma dma;
};

/* The window of a batch. The pool's ownership table is the driver's own memory, which no hardware reads: a model on a
 * core of its own that asked it for each frame would take its lines away from the driver, and the driver's figures
 * would be those of the model. So a threaded model asks it in one batch of 16; an inline one, which shares the driver's
 * core, in each. All other checks are made for each frame in both. */
#define EMU_DEVICE_OWNER_CHECKS 16

static inline struct emu_dma_window emu_device_window(struct emu_device *device, uint64_t address)
{
    struct emu_dma_window window = emu_dma_window(&device->dma, address);
    if (!device->timing_inline && device->windows++ % EMU_DEVICE_OWNER_CHECKS != 0)
        window.owner = NULL;
    return window;
}

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

/* Sends the message of an interrupt vector; a vector that nobody connected sends none. Under the lock. */
static inline void emu_device_interrupt(struct emu_device *device, uint32_t vector)
{
    if (vector < device->event_count)
        event_signal(device->events[vector]);
}

/* One step of a device on the thread of threaded models; false if there was nothing to do. */
bool emu_device_step_threaded(struct emu_device *device);

/* An inline model lives by its driver's calls, control accesses among them: a step, if it is one. Under the lock. */
void emu_device_step_inline(struct emu_device *device);

/* The thread's sleep: up to when at most, and what wakes it, of one device. False if the device is in use. */
bool emu_device_doze(struct emu_device *device, uint64_t *until, int *descriptor);
void emu_device_wake(struct emu_device *device);

/* The thread that steps all threaded devices: it begins with the first and ends with the last. emu_thread_remove
 * returns when the thread is out of the device and will not touch it again. emu_thread_wake has it look at once, if it
 * sleeps. */
int32_t emu_thread_add(struct emu_device *device);
void emu_thread_remove(struct emu_device *device);
void emu_thread_wake(const struct emu_device *device);

#endif
