/* Every function of the ABI that takes the handle of a pool, a device or a view, as one table: what holds of each is
 * asserted of each. The buffers' own handles are another matter (misuse_buffer_test.c). */
#ifndef TESTS_C_MISUSE_CALLS_H
#define TESTS_C_MISUSE_CALLS_H

#include <stdbool.h>

#include "tests/c/abi_support.h"

enum misuse_kind { MISUSE_POOL, MISUSE_DEVICE, MISUSE_VIEW };

struct misuse_call {
    const char *name;
    enum misuse_kind kind;
    bool tells; /* leaves a text: a control call, or ixy_rx_wait */
    int32_t (*call)(uint64_t handle);
};

/* All arguments but the handle are right. Those that close come last of their kind. */
extern const struct misuse_call misuse_calls[];
extern const uint32_t misuse_call_count;

#define MISUSE_POOLS (1 << MISUSE_POOL)
#define MISUSE_DEVICES (1 << MISUSE_DEVICE)
#define MISUSE_VIEWS (1 << MISUSE_VIEW)
#define MISUSE_ALL (MISUSE_POOLS | MISUSE_DEVICES | MISUSE_VIEWS)

/* Makes all calls of these kinds with the handle. Returns what is wrong with the first one that does not return the
 * code, or leaves no text that names the handle where it should; NULL: nothing. */
const char *misuse_refused(uint64_t handle, int32_t code, int kinds);

#endif
