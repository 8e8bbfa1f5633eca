/* What a sequence of ABI calls works on: the handles that it was given so far, good and stale, and an array of frames.
 *
 * A call's handle is one of those, one of them with bits changed, or any 64 bits. So most sequences get far, and each
 * check of the library meets what it is there for.
 */
#ifndef TESTS_FUZZ_WORLD_H
#define TESTS_FUZZ_WORLD_H

#include "abi/include/ixy.h"
#include "tests/fuzz/input.h"

#include <stdbool.h>

#define WORLD_HANDLES 8
#define WORLD_FRAMES IXY_BATCH_MAX

struct world_pool {
    uint64_t handle; /* 0: none was opened here yet; a closed one's stays */
    bool open;
    ixy_view view; /* the library's own account, kept to its end; view.view is 0 if there is none */
};

struct world {
    struct input *input;
    struct world_pool pool[WORLD_HANDLES];
    uint64_t device[WORLD_HANDLES];
    uint64_t view[WORLD_HANDLES];
    ixy_frame frame[WORLD_FRAMES];
};

/* ABI calls made since the program began. */
extern uint64_t world_calls;

/* Three sequences in four begin with a pool and two devices that are started. */
void world_begin(struct world *world, struct input *input);

/* One call, chosen by the input. */
void world_call(struct world *world);

/* Closes all that is open, and stops the program if a buffer of a pool is not accounted for: free, or the caller's. */
void world_close(struct world *world);

#endif
