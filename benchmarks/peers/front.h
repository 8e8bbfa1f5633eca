/* What our front ends of `./dev peers` share: one device, one direction of work, until told to end.
 *
 *   front_shared ADDRESS transmit|receive|forward
 *
 * As testpmd's modes txonly, rxonly and io do: transmit fills a batch of fresh buffers with a 60-byte frame each and
 * sends them, receive gives back what comes, forward sends what comes. It says {"ready":true} once the device is
 * started, works until a line or the end of its standard input, and then says how many frames it moved in how many
 * nanoseconds, and how many buffers its pool lacks when all is closed: 0.
 */
#ifndef BENCHMARKS_PEERS_FRONT_H
#define BENCHMARKS_PEERS_FRONT_H

#include <stdbool.h>
#include <stdint.h>

#define FRONT_BATCH 32
#define FRONT_RING 1024
#define FRONT_BUFFERS 8192
#define FRONT_BUFFER_SIZE 2048
#define FRONT_FRAME 60 /* bytes; 64 with the checksum */

/* One way of reaching the driver. */
struct front {
    /* Pool and device, started. False: front_fail was called. */
    bool (*open)(const char *address);
    /* Each works until front_ends() and adds to *frames. False: front_fail was called. */
    bool (*transmit)(uint64_t *frames);
    bool (*receive)(uint64_t *frames);
    bool (*forward)(uint64_t *frames);
    /* Closes what is open; returns how many buffers the pool lacked then. */
    uint32_t (*close)(void);
};

extern const uint8_t front_frame[FRONT_FRAME];
extern bool front_told_to_end; /* atomic */

/* Asked once a batch. */
static inline bool front_ends(void)
{
    return __atomic_load_n(&front_told_to_end, __ATOMIC_RELAXED);
}

/* Keeps why it failed; returns false. */
bool front_fail(const char *what, const char *why);

int front_main(const struct front *front, int count, char **arguments);

#endif
