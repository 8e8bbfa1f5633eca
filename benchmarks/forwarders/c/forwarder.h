/* What the matrix's C forwarders share: the protocol on stdin and stdout, and how a run is measured.
 *
 * A forwarder is one way of reaching the driver (statically linked core, the shared library, libffi). It supplies the
 * functions below; forwarder_main() reads requests, calls them in order and prints each run's figures. The protocol is
 * described in benchmarks/README.md and is the same for every language.
 */
#ifndef BENCHMARKS_FORWARDER_H
#define BENCHMARKS_FORWARDER_H

#include <stdbool.h>
#include <stdint.h>

#define FORWARDER_PORTS 2
#define FORWARDER_BATCH_MAX 4096
#define FORWARDER_BYTE 48 /* the byte of each frame that is incremented */

/* One request, and what the forwarding loop did for it. */
struct run {
    uint32_t batch;
    uint64_t frames; /* both directions together */
    uint64_t received;
    uint64_t polls, empty_polls;
    uint64_t freed;
    uint64_t waiting_since; /* nanoseconds; 0: frames arrived lately */
    char error[320];
};

struct meter {
    uint32_t bracket_cycles;
    uint64_t cycles, nanoseconds, model_cycles, steps, idle_steps;
};

struct counters {
    uint64_t generated, verified, damaged, repeated, foreign, violations, rx_missed;
};

struct forwarder {
    const char *variant;
    /* Opens a pool and both ports, and starts them. All memory that forwarding needs is there afterwards. */
    bool (*open)(const char *address, struct run *run);
    void (*meter)(uint32_t port, struct meter *meter);
    /* Forwards until all frames of the run were received, or forwarder_give_up() says so. False: run->error is set. */
    bool (*forward_all)(struct run *run);
    /* Receives no frames, count times, on port 0: the call alone. */
    void (*call)(uint64_t count);
    bool (*counters)(uint32_t port, struct counters *counters);
    /* Closes what is open, also after a failed open. */
    void (*close)(void);
};

int forwarder_main(const struct forwarder *forwarder);

/* For the loop, on every 4096th poll in a row that found nothing: true when the rest was missed by the device, or when
 * nothing came for five seconds (then run->error is set). */
bool forwarder_give_up(const struct forwarder *forwarder, struct run *run);

/* Sets run->error; returns false, so that a failing function can return it. */
bool forwarder_fail(struct run *run, const char *what, const char *why);

#endif
