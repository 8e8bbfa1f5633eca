/* Checks of the packet path, by kind: what the benchmarks leave out to measure what each costs.
 *
 * Every library makes all of them. Only benchmarks/checks builds copies without some, which are not installed and say
 * "unchecked" for a version: it defines IXY_BENCHMARK_UNCHECKED as the kinds to leave out, for its own targets alone.
 */
#ifndef CORE_DEVICE_CHECKS_H
#define CORE_DEVICE_CHECKS_H

#include <stdbool.h>

#ifndef IXY_BENCHMARK_UNCHECKED
#define IXY_BENCHMARK_UNCHECKED 0
#elif !defined(IXY_BENCHMARK_CHECKS)
#error "a library without its checks is for benchmarks/checks alone; do not define IXY_BENCHMARK_UNCHECKED"
#endif

enum check {
    CHECK_ENTRY = 1,    /* a call's handle, queue number and count, and the queue's gate */
    CHECK_OWNER = 2,    /* whether the caller owns the buffer that he sends; that he does not afterwards */
    CHECK_HAND_OUT = 4, /* that he owns what he received; without it, CHECK_OWNER refuses everything */
    CHECK_PLACE = 8,    /* whether a frame lies in its buffer, and has a length that can be sent */
    CHECK_DEVICE = 16,  /* whether what the device wrote can be: lengths, errors, headers, how many; has it failed? */
};

/* Whether checks of that kind are compiled in. */
static inline bool check_is_made(enum check check)
{
    return (IXY_BENCHMARK_UNCHECKED & (unsigned)check) == 0;
}

#endif
