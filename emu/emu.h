/* Emulated devices: the other side of the bus.
 *
 * The scheme "emu" is one more bus (core/bus/bus.h). Behind it stand a model of the device's registers and rings, a
 * wire at its other end, and a sanitizer that records each thing the driver does which the data sheet forbids.
 *
 * timing=threaded (default): one thread of this library steps all threaded models of the process in turn, and sleeps
 * when they are idle. timing=inline: a model is stepped by its driver's calls, on their thread; the time it takes is
 * metered, so that a measurement can subtract it.
 */
#ifndef EMU_EMU_H
#define EMU_EMU_H

#include <stdint.h>

#include "core/bus/bus.h"

extern const struct bus_scheme emu_bus_scheme;

#define EMU_VIOLATIONS_KEPT 64

struct emu_counters {
    uint64_t generated, verified, damaged, repeated, reordered, foreign, wire_dropped;
};

struct emu_meter {
    uint32_t bracket_cycles; /* what an empty bracket of time stamps costs outside its own stamps */
    uint64_t cycles;         /* fenced time-stamp counter, now */
    uint64_t nanoseconds;    /* CLOCK_MONOTONIC, now */
    uint64_t model_cycles;   /* spent in this model so far */
    uint64_t steps, idle_steps;
};

/* Whether a bus was opened by emu_bus_scheme; the functions below want that it was. */
int emu_is_emulated(const struct bus *bus);

/* Steps an inline device, then reads its wire's counters. */
void emu_counters(struct bus *bus, struct emu_counters *counters);

void emu_meter(struct bus *bus, struct emu_meter *meter);

/* The number of violations so far; text (size bytes, may be NULL) receives that of number index. */
uint32_t emu_violations(struct bus *bus, uint32_t index, char *text, uint32_t size);

/* After fork(), in the child: forgets the thread that steps the models, which the child does not have. */
void emu_after_fork_in_child(void);

#endif
