#include "emu/clock.h"

#include <pthread.h>

#define EMU_CLOCK_BRACKETS 64
#define EMU_CLOCK_ROUNDS 64

static pthread_once_t emu_clock_once = PTHREAD_ONCE_INIT;
static uint32_t emu_clock_bracket_cycles;

/* Many rounds of a few brackets, the least of them: an interrupt or a busy neighbour only ever adds. */
static void emu_clock_calibrate(void)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t round = 0; round < EMU_CLOCK_ROUNDS; round++) {
        uint64_t inside = 0;
        uint64_t start = emu_clock_fenced();
        for (uint32_t i = 0; i < EMU_CLOCK_BRACKETS; i++) {
            uint64_t first = emu_clock_fenced();
            inside += emu_clock_fenced() - first;
        }
        uint64_t whole = emu_clock_fenced() - start;
        uint64_t outside = whole > inside ? whole - inside : 0;
        least = outside < least ? outside : least;
    }
    emu_clock_bracket_cycles = (uint32_t)(least / EMU_CLOCK_BRACKETS);
}

uint32_t emu_clock_bracket(void)
{
    pthread_once(&emu_clock_once, emu_clock_calibrate);
    return emu_clock_bracket_cycles;
}
