/* What the files of the vhost-user bus share. Calls go downwards:
 *
 *   vhost_user.c            the bus: options, memory, open and close
 *   vhost_user_transport.c  what the driver asks: features, status, configuration, queues
 *   vhost_user_session.c    the handshake, rings started and stopped
 *   vhost_user_message.c    one request and its answer
 *   vhost_user_connection.c the socket
 *   vhost_user_watch.c      the thread that notices that the back end has gone, or blocks a queue
 */
#ifndef CORE_BUS_VHOST_USER_DEVICE_H
#define CORE_BUS_VHOST_USER_DEVICE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "core/bus/bus.h"
#include "core/bus/vhost_user_spec.h"
#include "core/virtio/transport.h"

#define VHOST_USER_PAIRS_MAX 16
#define VHOST_USER_RINGS_MAX (2 * VHOST_USER_PAIRS_MAX)
/* The longest wait for an answer, or for room to send a request. A second over what a DPDK 22.11 that works well may
 * take: a fresh one looks at its sockets for the first time after 1000 ms. */
#define VHOST_USER_ANSWER_MS 2000
#define VHOST_USER_CONNECT_MS 2000 /* how long a back end may take to listen (again) */
/* The longest that all waits of an operation may take together, however many requests it makes. docs/abi.md says what
 * follows for calls ("Threads, fork, close"). */
#define VHOST_USER_BEGIN_MS 5000 /* the handshake: to connect, learn what is offered, and agree upon the features */
#define VHOST_USER_RUN_MS 5000   /* to hand over memory and rings, start them, and say so */
#define VHOST_USER_END_MS 2000   /* to stop the rings */

struct vhost_user_ring {
    bool chosen;    /* queue_enable was called */
    bool started;   /* the back end has been told to use it */
    uint32_t kicks; /* atomic: one more before and after each write to kick, so odd while it goes on */
    int kick;       /* eventfds, -1: not open */
    int call;       /* of a receive queue that has an event: -1, its event takes the place */
    struct virtio_queue_setup setup;
};

/* Until when something must be answered. */
struct vhost_user_deadline {
    uint64_t at;           /* vhost_user_milliseconds(); 0: no deadline */
    uint32_t milliseconds; /* from its beginning, for messages */
    const char *what;      /* " for the handshake": what had so long, for messages */
};

struct vhost_user_device {
    struct bus bus;

    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    uint64_t unwanted; /* features that the address masks */
    bool demand_packed;
    uint32_t pairs_wanted;
    uint8_t mac[6]; /* zeroes: the address names none */

    /* The session; all of it is forgotten when it ends. */
    int socket; /* -1: no session */
    bool gone;  /* the session ended because the back end closed it */
    uint64_t offered;
    uint64_t accepted;
    uint64_t protocol; /* protocol features agreed upon */
    uint32_t status;   /* as the driver has set it; the back end's own word is not kept (vhost_user_transport.c) */
    uint32_t pairs;
    struct vhost_user_deadline deadline; /* of the operation that goes on, if any; see vhost_user_session.c */
    struct vhost_user_ring ring[VHOST_USER_RINGS_MAX];

    /* What receive queues signal; of the driver's, and outlives sessions. */
    uint32_t event_count;
    int events[BUS_EVENTS_MAX];

    /* Memories that the driver mapped; they outlive sessions. */
    uint32_t region_count;
    struct vhost_user_region region[VHOST_USER_REGIONS_MAX];
    const struct dma_memory *region_memory[VHOST_USER_REGIONS_MAX];
    bool rings_known; /* a back end may use the rings still: it was told of them, and did not answer that it stopped */

    pthread_t watcher;
    bool watched;
    int watch_socket; /* what it looks at; outlives `socket` if that is closed while the device runs */
    int watch_stop;   /* eventfd that ends the watcher */
};

static inline struct vhost_user_device *vhost_user_of(struct bus *bus)
{
    return (struct vhost_user_device *)bus;
}

static inline bool vhost_user_agreed(const struct vhost_user_device *vhost, uint32_t protocol_feature)
{
    return (vhost->protocol >> protocol_feature & 1) != 0;
}

/* ---- vhost_user_connection.c ---- */

/* Connects to the back end, which may take VHOST_USER_CONNECT_MS to listen. Returns 0 or an error with its text. */
int32_t vhost_user_connect(struct vhost_user_device *vhost);

/* The error of a call that needs a session when there is none (any more). */
int32_t vhost_user_no_session(const struct vhost_user_device *vhost);

/* Ends the connection, if there is one. The watcher, if there is one, stays: queues may be in use. */
void vhost_user_disconnect(struct vhost_user_device *vhost);

/* Time that only goes forward. */
uint64_t vhost_user_milliseconds(void);
struct vhost_user_deadline vhost_user_within(uint32_t milliseconds, const char *what);

/* ---- vhost_user_message.c ---- */

/* Sends message (request, size and payload filled in) with files, and receives the answer in its place: one of exactly
 * answer_size bytes. Any failure ends the connection, because what comes next on it could be taken for the answer to
 * another request. Returns 0 or an error with its text. */
int32_t vhost_user_ask(struct vhost_user_device *vhost, struct vhost_user_message *message, const int *files,
                       uint32_t file_count, uint32_t answer_size);

/* The same for a request that has no answer of its own: asks for an acknowledgement where that was agreed upon. */
int32_t vhost_user_tell(struct vhost_user_device *vhost, struct vhost_user_message *message, const int *files,
                        uint32_t file_count);

/* Requests that carry one number. */
int32_t vhost_user_ask_number(struct vhost_user_device *vhost, uint32_t request, uint64_t *number);
int32_t vhost_user_tell_number(struct vhost_user_device *vhost, uint32_t request, uint64_t number);

/* ---- vhost_user_session.c ----
 *
 * Each of the three is an operation with one deadline, or begins one that the transport ends: the handshake with the
 * answer to FEATURES_OK, the start with DRIVER_OK. One that fails ends there. */

/* Connects and learns what the back end offers; does nothing in a session. Returns 0 or an error with its text. */
int32_t vhost_user_begin(struct vhost_user_device *vhost);

/* Gives the back end memory and rings and lets it use them. Returns 0 or an error with its text. */
int32_t vhost_user_run(struct vhost_user_device *vhost);

/* Stops the rings if the back end still answers, and ends the session. Returns 0, or an error with its text if a back
 * end that lives did not stop as it should; the session has ended all the same. */
int32_t vhost_user_end(struct vhost_user_device *vhost);

/* ---- vhost_user_watch.c ----
 *
 * The watcher runs from the start of the device to its end, also when the connection has ended before: it frees the
 * queues' threads from a back end that blocks their notifications. */

/* Returns 0, or an error with its text: IXY_E_STATE if it runs already. */
int32_t vhost_user_watch_start(struct vhost_user_device *vhost);
void vhost_user_watch_stop(struct vhost_user_device *vhost);

/* Whether the back end has the connection open at this moment. */
bool vhost_user_connected(const struct vhost_user_device *vhost);

/* ---- vhost_user_transport.c ---- */

extern const struct virtio_transport vhost_user_transport;

#endif
