/* Hostile devices: an emulated device that tells its driver what no device may tell.
 *
 * address options:
 *   hostile=NAME[+NAME...] or hostile=all   which lies; hostile.c lists them by name, device family and case number of
 *                                           docs/hostile.md
 *   seed=N                                  what the choice of moments and values follows from (default 1): an inline
 *                                           device's run repeats exactly
 *   every=N                                 one opportunity in N on average is used (default 8; 1: each)
 *
 * A model asks at each place where it could lie; without the option that is one comparison. Used under the device's
 * lock. Lies are counted, so that a test sees that they were told.
 */
#ifndef EMU_HOSTILE_H
#define EMU_HOSTILE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/device/address.h"

/* Which models tell a lie. */
#define HOSTILE_IXGBE 1u
#define HOSTILE_SPLIT 2u
#define HOSTILE_PACKED 4u

enum hostile_lie {
    HOSTILE_LIES /* how many there are */
};

struct hostile {
    uint64_t lies; /* bit n: lie n is told */
    uint64_t random;
    uint32_t every;
    uint64_t told[HOSTILE_LIES + 1];
};

/* Takes the options; family: which lies exist for this device. Returns 0 or IXY_E_ADDRESS. */
int32_t hostile_open(struct address *address, uint32_t family, struct hostile *hostile);

/* Whether to tell a lie now; counts it. */
bool hostile_tells(struct hostile *hostile, enum hostile_lie lie);

/* A number below `below`, from the seed. */
uint64_t hostile_random(struct hostile *hostile, uint64_t below);

static inline bool hostile_is(const struct hostile *hostile)
{
    return __builtin_expect(hostile->lies != 0, 0);
}

#endif
