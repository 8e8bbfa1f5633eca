/* A scripted vhost-user back end on a thread of this process: it serves the protocol rightly, rings included (what
 * comes on a transmit queue goes back on the receive queue of its pair), and it can answer one request wrongly.
 *
 * Ring layouts and request numbers are the protocol's (core's headers); what it does with them is a second reading. It
 * watches the front end too: `complaint` names the first thing that the protocol forbids.
 */
#ifndef TESTS_C_VHOST_USER_BACKEND_H
#define TESTS_C_VHOST_USER_BACKEND_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/bus/vhost_user_spec.h"

#define BACKEND_RINGS 8

enum backend_wrong {
    BACKEND_RIGHT,
    BACKEND_SILENT,        /* no answer */
    BACKEND_HALF,          /* six bytes, then nothing */
    BACKEND_CLOSED,        /* the connection is closed in place of an answer */
    BACKEND_HALF_CLOSED,   /* six bytes, then closed */
    BACKEND_HEADER_CLOSED, /* the header, then closed */
    BACKEND_OTHER_REQUEST, /* an answer to something else */
    BACKEND_NO_REPLY,      /* header flags without the reply bit */
    BACKEND_VERSION,       /* version 2 */
    BACKEND_SMALL,         /* four bytes of payload less */
    BACKEND_LARGE,         /* a size of four billion */
    BACKEND_FILE,          /* a file descriptor that nobody asked for */
    BACKEND_FILES,         /* and a hundred of them */
    BACKEND_VALUE,         /* another number: an acknowledgement that refuses, a ring that is not meant */
    BACKEND_TWICE,         /* the answer, twice */
    BACKEND_LINGER,        /* the answer, with a file whose last close waits for minutes */
};

struct backend_ring {
    uint32_t size;
    bool addressed, enabled;
    int kick, call;
    uint8_t *descriptor, *available, *used;
    uint16_t next;      /* split: available index; packed: position */
    uint16_t next_used; /* split: used index */
    bool wrap;
};

struct backend;

/* A back end that is not right but malicious (vhost_user_hostile.h): what it does in place of the right. All are called
 * by the back end's thread. */
struct backend_hostile {
    /* Sends an answer whose payload has size bytes, or another, or none. Returns false to hang up. */
    bool (*answer)(struct backend *backend, struct vhost_user_message *message, uint32_t size);
    /* A connection was accepted. */
    void (*accepted)(struct backend *backend);
    /* Between two looks at the connection. Returns false to hang up. */
    bool (*idle)(struct backend *backend);
};

struct backend {
    /* What a test chooses before backend_start. */
    char path[96];
    uint64_t features, protocol, queue_num;
    enum backend_wrong wrong; /* atomic: a test may mend it */
    uint32_t wrong_request;
    uint64_t wrong_value; /* BACKEND_VALUE */
    int wrong_file;       /* BACKEND_LINGER: is closed if the kernel let it through */
    uint32_t hears, says; /* it hangs up after so many bytes of the front end's, or of its own; 0: it does not */
    const struct backend_hostile *hostile; /* NULL: it is right but for what is chosen here */
    uint32_t late_ms;                      /* atomic: it waits so long before each answer */

    /* What it can see; atomics while the thread runs. */
    uint32_t connections, disconnections, frames, refused;
    uint32_t cut;          /* set by a test: close the connection now */
    uint32_t deaf;         /* set by a test: hear no request more, and serve the rings */
    uint32_t clog;         /* set by a test: make every notification wait; 0 when that is done */
    uint32_t clog_calls;   /* set by a test: make reading and writing the calls wait; 0 when that is done */
    uint32_t files;        /* messages with files that the kernel let through */
    uint32_t calls;        /* of receive queues that it signalled */
    uint32_t clog_ms;      /* chosen before: then close the connection after so many milliseconds, 0: do not */
    uint32_t requests[64]; /* how often each was seen */
    char complaint[128];

    /* Its own. */
    pthread_t thread;
    int listener, connection, stop;
    uint64_t accepted, status;
    uint32_t heard, said; /* bytes of this connection */
    pthread_mutex_t lock; /* over memory and rings, for threads beside its own */
    uint32_t region_count;
    struct vhost_user_region region[VHOST_USER_REGIONS_MAX];
    uint8_t *mapped[VHOST_USER_REGIONS_MAX];
    struct backend_ring ring[BACKEND_RINGS];
};

/* All that it can: VERSION_1, RING_PACKED, IN_ORDER, MRG_RXBUF, MQ and the protocol's own, four pairs of queues. */
struct backend backend_right(const char *name);

/* Listens at its path; a file that is there is removed before. */
void backend_start(struct backend *backend);

/* Ends the thread, as if the process had been killed: the connection closes, the path stays, nobody listens. */
void backend_kill(struct backend *backend);

/* The same, and the path is removed; the front end must have done nothing wrong. */
void backend_stop(struct backend *backend);

/* Removes what tests of this process that failed left of their back ends; a group's teardown. */
int backend_remove_sockets(void **state);

/* Sends bytes, with so many files (the same one). front_takes: also where the kernel would refuse files, as the front
 * end asks it to do: the front end's socket, which is one of this process, is made to take them, as with an older
 * kernel. Returns how many bytes were sent, 0 if the connection has ended. */
uint32_t backend_send(struct backend *backend, const void *bytes, uint32_t size, uint32_t file_count, int file,
                      bool front_takes);

/* Bytes of a ring's area: 0 descriptors, 1 the driver's, 2 the device's. */
uint32_t backend_area_size(const struct backend_ring *ring, uint32_t area);

static inline uint32_t backend_read(const uint32_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

/* ---- vhost_user_backend_ring.c ---- */

/* Moves frames from transmit to receive queues; returns how many. */
uint32_t backend_echo(struct backend *backend);
/* Where size bytes lie, NULL if they are not all in one memory of the front end. */
uint8_t *backend_translate(const struct backend *backend, uint64_t user_address, uint64_t size);

#endif
