/* A malicious vhost-user back end on two threads of this process, all of whose choices follow from a seed.
 *
 * Its one thread serves the protocol as the scripted back end does (vhost_user_backend.h), but gives answers that are
 * wrong, stale, doubled, cut, too long, late, none at all, of another request, with wrong flags or with files; it lies
 * about its status, changes what it offers from session to session, and hangs up at any byte. Its other thread writes
 * to rings, headers, packets and eventfds at any moment. What it did is counted; when, with threads, is the machine's
 * choice. */
#ifndef TESTS_C_VHOST_USER_HOSTILE_H
#define TESTS_C_VHOST_USER_HOSTILE_H

#include "tests/c/vhost_user_backend.h"

/* What its second thread writes to; bits of `scribbles`. */
enum hostile_scribble {
    SCRIBBLE_DESCRIPTORS, /* which the driver never reads back */
    SCRIBBLE_DRIVER,      /* nor these: available ring, driver's event suppression */
    SCRIBBLE_DEVICE,      /* used ring, device's event suppression */
    SCRIBBLE_USED,        /* returns buffers that were posted or not, of plausible lengths */
    SCRIBBLE_HEADERS,     /* before the packets that are posted */
    SCRIBBLE_PACKETS,
    SCRIBBLE_MEMORY, /* anywhere that the front end gave */
    SCRIBBLE_CALLS,  /* signals, fills and empties them, and clears their flags */
    SCRIBBLE_KICKS,
    SCRIBBLES,
};

struct hostile_backend {
    struct backend backend; /* the first member */

    /* What this back end is like; chosen by hostile_backend_start, may be changed before hostile_backend_run. */
    uint32_t lies_every;     /* one answer in so many is wrong in form; 0: none */
    uint32_t status_every;   /* and one status in so many in value */
    uint32_t features_every; /* and one offer in so many sessions differs from the others */
    uint32_t cuts_every;     /* one session in so many ends at some byte */
    uint32_t ends_every;     /* one look in so many at the connection ends it, or sends what nobody asked for */
    uint32_t scribbles;      /* bits */
    uint32_t pause_us;       /* between two bursts of them */
    bool hammers_calls;      /* nothing but calls, or kicks, without a pause */
    bool hammers_kicks;

    /* What it did. */
    uint64_t answers, lies, written;

    uint64_t random; /* of each thread */
    uint64_t scribble_random;
    uint64_t offered, queues; /* as a rule */
    struct vhost_user_message stale;
    uint32_t stale_size;
    uint32_t ends; /* atomic */
    pthread_t scribbler;
};

/* The next number of a generator, below `below`. */
uint64_t hostile_number(uint64_t *random, uint64_t below);

/* One that is right until something of what it is like is changed. */
void hostile_backend_tame(struct hostile_backend *hostile, const char *name);
/* One whose ways are chosen by the seed. The first of a run, by their number, each do one thing only and much of it, so
 * that a short run has seen all. */
void hostile_backend_start(struct hostile_backend *hostile, const char *name, uint64_t seed, uint32_t number);
void hostile_backend_run(struct hostile_backend *hostile);
void hostile_backend_stop(struct hostile_backend *hostile);

/* ---- vhost_user_hostile_ring.c ---- */

/* The second thread. */
void *hostile_scribble(void *hostile);

#endif
