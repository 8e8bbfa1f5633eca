/* What is done while calls fail: scenarios of steps, and the world that they build up. A step that fails leaves its
 * world as it found it, so it can be tried again. */
#ifndef TESTS_FAILING_SCENARIO_H
#define TESTS_FAILING_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/c/abi_support.h"
#include "tests/failing/failing.h"

#define WORLD_DEVICES 2
#define WORLD_BUFFERS 1024
#define WORLD_WRONG (-1000) /* a step's own finding: world.wrong tells */

struct scenario;

struct world {
    const struct scenario *scenario;
    uint64_t pool, device[WORLD_DEVICES];
    ixy_view view;
    bool viewed;
    bool excused; /* a failure was told of, though not by an error */
    char wrong[200];
};

/* Returns >= 0, an error of the ABI, or WORLD_WRONG. */
struct step {
    const char *name;
    int32_t (*run)(struct world *world);
};

struct scenario {
    const char *name;
    const char *address[WORLD_DEVICES]; /* NULL: none; %s is the scenarios' folder */
    const struct step *steps;           /* ends with NULL */
    uint32_t queues, offloads, frame_len_max;
    uint32_t calls_min; /* so many calls at least: else the scenario does not try what it is for */
    bool pci;           /* the address is that of a card that a thread plays, on a made-up bus (tests/c/pci_card.h) */
    bool vhost;         /* the address is that of the scripted back end */
    const char *(*missing)(void); /* why it cannot run here, or NULL */
};

extern const struct scenario scenarios[];
extern const uint32_t scenario_count;

/* Makes and removes what a scenario needs around it. */
void scenario_begin(const struct scenario *scenario);
void scenario_end(const struct scenario *scenario);

/* Closes all that is open. Returns what is wrong with what was left, or NULL. */
const char *world_close(struct world *world);
/* Files that this process has open. */
uint32_t world_files(void);

/* ---- traffic.c ---- */

/* Packets around a loop, each byte compared; over several buffers where the device takes such. */
int32_t traffic_loop(struct world *world);
/* From the first device to the second and back. */
int32_t traffic_pair(struct world *world);
/* The generator's 64 frames, sent back and verified. */
int32_t traffic_gen(struct world *world);
/* The input file's frames, sent to the output file. */
int32_t traffic_pcap(struct world *world);
/* Sends where nobody may listen. */
int32_t traffic_tap(struct world *world);

#define TRAFFIC_PCAP_FRAMES 5
#define TRAFFIC_PCAP_LENGTH 100

int32_t world_is_wrong(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
