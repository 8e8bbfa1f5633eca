/* The clocks of the emulation: a fenced time-stamp counter for metering, and the monotonic clock for paced wires.
 *
 * The fences are those of every row of the matrix (lfence, rdtsc, lfence): nothing before the reading is still under
 * way when the counter is read, nothing after it has begun.
 */
#ifndef EMU_CLOCK_H
#define EMU_CLOCK_H

#include <stdint.h>
#include <time.h>

#if defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>
#endif

static inline uint64_t emu_clock_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Cycles, fenced. */
static inline uint64_t emu_clock_fenced(void)
{
#if defined(__x86_64__) || defined(__i386__)
    _mm_lfence();
    uint64_t cycles = __rdtsc();
    _mm_lfence();
    return cycles;
#else
    return emu_clock_nanoseconds();
#endif
}

/* Cycles, not fenced: where a few cycles more or less do not matter. */
static inline uint64_t emu_clock_cycles(void)
{
#if defined(__x86_64__) || defined(__i386__)
    return __rdtsc();
#else
    return emu_clock_nanoseconds();
#endif
}

static inline void emu_clock_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    _mm_pause();
#endif
}

/* Fetches a line that this core is about to read, or to write; any address will do. Models on a thread of their own do
 * this, because what they touch lies in their driver's core; inline ones do not. */
static inline void emu_prefetch(const void *address)
{
    __builtin_prefetch(address);
}

static inline void emu_prefetch_write(const void *address)
{
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address)); /* the builtin needs -mprfchw for that */
#else
    __builtin_prefetch(address, 1);
#endif
}

/* What a bracket of two fenced readings costs outside the time between its own readings, in cycles. Measured once. */
uint32_t emu_clock_bracket(void);

#endif
