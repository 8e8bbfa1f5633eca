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
 * lock. Lies are counted, and so are completions (frames and used entries) that at least one lie was told about, so
 * that a test sees that they were told.
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
    /* 82599 */
    HOSTILE_RX_LENGTH_BEYOND,      /* more bytes than the buffer has */
    HOSTILE_RX_LENGTH_IMPLAUSIBLE, /* 0, below 60, longer than any frame */
    HOSTILE_RX_RSC,                /* a coalesced frame that nobody asked for, NEXTP past the ring */
    HOSTILE_RX_NO_EOP,             /* a frame that goes on in the next buffer, and does not end */
    HOSTILE_RX_PIECES,             /* a middle buffer of a frame over several is not full, or longer than it is */
    HOSTILE_RX_SHORT,              /* X550: less than a frame stands before the time stamp, or not even all of it */
    HOSTILE_RX_STAMP,              /* X550: a time stamp that is no time */
    HOSTILE_RX_UNPOSTED,           /* completion of a descriptor that was not handed over */
    HOSTILE_RX_REWRITE,            /* completed descriptors change until they are taken */
    HOSTILE_RX_LATE,               /* DMA and write-back after the queue was disabled */
    HOSTILE_TX_UNSENT,             /* DD though the frame was not read, and never will be */
    HOSTILE_TX_DONE_ALL,           /* DD in descriptors that asked for no report, or were never posted */
    HOSTILE_TX_DONE_NEVER,         /* no DD */
    HOSTILE_STATION_ADDRESS,       /* none, multicast or broadcast, at reset */
    /* VirtIO, both rings where not said otherwise */
    HOSTILE_ID_RANGE,         /* an id past the queue */
    HOSTILE_ID_IDLE,          /* an id that is not outstanding */
    HOSTILE_ID_TWICE,         /* the id before once more */
    HOSTILE_ORDER,            /* out of order, though in-order was agreed */
    HOSTILE_LENGTH_BEYOND,    /* more bytes than the buffer has */
    HOSTILE_LENGTH_SHORT,     /* less than the header */
    HOSTILE_LENGTH_SPANNING,  /* a middle buffer of a frame over several is longer than it is, or empty */
    HOSTILE_NUM_BUFFERS,      /* zero, or more than there are */
    HOSTILE_CHECKSUM_START,   /* asks for a checksum past the frame's end */
    HOSTILE_GSO,              /* a segmentation type that was not negotiated */
    HOSTILE_INDEX_JUMP,       /* split: used.idx jumps ahead or back */
    HOSTILE_REWRITE,          /* what was completed changes until it is taken */
    HOSTILE_TABLE_REWRITE,    /* the device writes over descriptors that it holds */
    HOSTILE_EVENT_INDEX,      /* garbage in what tells the driver when to notify */
    HOSTILE_WRAP,             /* packed: the wrap bit of another lap */
    HOSTILE_FLAGS_EARLY,      /* packed: flags are visible before id and length */
    HOSTILE_CONFIG_QUEUE,     /* queue size zero, no power of two (split), past the specification */
    HOSTILE_CONFIG_PAIRS,     /* zero queue pairs, or more than can be */
    HOSTILE_CONFIG_MAC,       /* as HOSTILE_STATION_ADDRESS */
    HOSTILE_CONFIG_MTU,       /* below 68 */
    HOSTILE_FEATURES_REFUSED, /* FEATURES_OK does not stay */
    /* all */
    HOSTILE_GONE,      /* the device is not there any more */
    HOSTILE_INTERRUPT, /* interrupts that nobody asked for, also before the driver has started the device */
    HOSTILE_NOT_READY, /* what a driver waits for does not come */
    HOSTILE_LIES       /* how many there are */
};

struct hostile {
    uint64_t lies; /* bit n: lie n is told */
    uint64_t random;
    uint32_t every;
    uint64_t told[HOSTILE_LIES];
    uint64_t completions;
    bool lied; /* about the completion that is being told of */
};

/* Takes the options; family: which lies exist for this device. Returns 0 or IXY_E_ADDRESS. */
int32_t hostile_open(struct address *address, uint32_t family, struct hostile *hostile);

/* Whether to tell a lie now; counts it. */
bool hostile_tells(struct hostile *hostile, enum hostile_lie lie);

/* All lies about completions that were told since the last call were about one. */
void hostile_completion(struct hostile *hostile);

/* A number below `below`, from the seed. */
uint64_t hostile_random(struct hostile *hostile, uint64_t below);

static inline bool hostile_is(const struct hostile *hostile)
{
    return __builtin_expect(hostile->lies != 0, 0);
}

#endif
