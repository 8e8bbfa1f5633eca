/* A cable between two devices of the process.
 *
 * Each end has the queue of frames that arrive at it. One lock a cable covers both queues and the two pointers to the
 * ends; it is never held while a model is called. An end that is being pulled by its peer counts that, and its close
 * waits until nobody pulls: pull does not wait for locks, so it comes to an end. */
#include "emu/wire/wires.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/device/error.h"
#include "emu/wire/queue.h"

struct pair_end {
    struct wire wire;
    struct pair_cable *cable;
    uint32_t side;
    uint32_t pulls; /* by the peer, under way */
    struct wire_queue queue;
    uint64_t dropped;
};

struct pair_cable {
    struct pair_cable *next;
    struct pair_end *ends[2];
    bool timing_inline;
    pthread_mutex_t lock;
    pthread_cond_t pulled;
    char name[ADDRESS_TEXT_SIZE];
};

/* The cables by name. The lock covers the list and which ends are taken; it is taken before a cable's. */
static pthread_mutex_t pair_registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct pair_cable *pair_registry;

static void pair_transmit(struct wire *wire, const uint8_t *frame, uint32_t len)
{
    struct pair_end *end = (struct pair_end *)wire;
    pthread_mutex_lock(&end->cable->lock);
    struct pair_end *peer = end->cable->ends[1 - end->side];
    if (peer == NULL || !wire_queue_push(&peer->queue, frame, len))
        end->dropped++;
    pthread_mutex_unlock(&end->cable->lock);
}

/* Has the peer send what was posted to it. With the cable's lock held, which is let go meanwhile. */
static void pair_pull_peer(struct pair_end *end)
{
    struct pair_cable *cable = end->cable;
    struct pair_end *peer = cable->ends[1 - end->side];
    if (peer == NULL)
        return;
    void (*pull)(void *) = __atomic_load_n(&peer->wire.pull, __ATOMIC_ACQUIRE);
    if (pull == NULL)
        return;
    void *model = __atomic_load_n(&peer->wire.model, __ATOMIC_RELAXED);
    peer->pulls++;
    pthread_mutex_unlock(&cable->lock);
    pull(model);
    pthread_mutex_lock(&cable->lock);
    peer->pulls--;
    if (peer->pulls == 0)
        pthread_cond_broadcast(&cable->pulled);
}

static const uint8_t *pair_peek(struct wire *wire, uint32_t *len)
{
    struct pair_end *end = (struct pair_end *)wire;
    struct pair_cable *cable = end->cable;
    pthread_mutex_lock(&cable->lock);
    const uint8_t *frame = wire_queue_front(&end->queue, len);
    if (frame == NULL && cable->timing_inline) {
        pair_pull_peer(end);
        frame = wire_queue_front(&end->queue, len);
    }
    pthread_mutex_unlock(&cable->lock);
    return frame;
}

static void pair_consume(struct wire *wire)
{
    struct pair_end *end = (struct pair_end *)wire;
    pthread_mutex_lock(&end->cable->lock);
    wire_queue_pop(&end->queue);
    pthread_mutex_unlock(&end->cable->lock);
}

static void pair_counters(const struct wire *wire, struct emu_counters *counters)
{
    counters->wire_dropped += ((const struct pair_end *)wire)->dropped;
}

static void pair_forget(struct pair_cable *cable)
{
    struct pair_cable **link = &pair_registry;
    while (*link != NULL && *link != cable)
        link = &(*link)->next;
    if (*link == cable)
        *link = cable->next;
}

static void pair_close(struct wire *wire)
{
    struct pair_end *end = (struct pair_end *)wire;
    struct pair_cable *cable = end->cable;
    pthread_mutex_lock(&pair_registry_lock);
    pthread_mutex_lock(&cable->lock);
    cable->ends[end->side] = NULL;
    while (end->pulls > 0)
        pthread_cond_wait(&cable->pulled, &cable->lock);
    bool last = cable->ends[1 - end->side] == NULL;
    pthread_mutex_unlock(&cable->lock);
    if (last)
        pair_forget(cable);
    pthread_mutex_unlock(&pair_registry_lock);
    if (last) {
        pthread_cond_destroy(&cable->pulled);
        pthread_mutex_destroy(&cable->lock);
        free(cable);
    }
    wire_queue_free(&end->queue);
    free(end);
}

static const struct wire_ops pair_ops = {
    .transmit = pair_transmit,
    .peek = pair_peek,
    .consume = pair_consume,
    .counters = pair_counters,
    .close = pair_close,
};

static struct pair_cable *pair_new_cable(const char *name, bool timing_inline)
{
    struct pair_cable *cable = calloc(1, sizeof *cable);
    if (cable == NULL)
        return NULL;
    strncpy(cable->name, name, sizeof cable->name - 1);
    cable->timing_inline = timing_inline;
    pthread_mutex_init(&cable->lock, NULL);
    pthread_cond_init(&cable->pulled, NULL);
    cable->next = pair_registry;
    pair_registry = cable;
    return cable;
}

/* Plugs the end into the cable of that name. With the registry's lock held. */
static int32_t pair_plug(struct pair_end *end, const char *name, bool timing_inline)
{
    struct pair_cable *cable = pair_registry;
    while (cable != NULL && strcmp(cable->name, name) != 0)
        cable = cable->next;
    if (cable == NULL)
        cable = pair_new_cable(name, timing_inline);
    if (cable == NULL)
        return error_set(IXY_E_NO_MEMORY, "pair=%s: no memory", name);
    if (cable->timing_inline != timing_inline)
        return error_set(IXY_E_ADDRESS, "pair=%s: the other end has timing=%s; give both ends the same timing", name,
                         cable->timing_inline ? "inline" : "threaded");
    if (cable->ends[0] != NULL && cable->ends[1] != NULL)
        return error_set(IXY_E_BUSY, "pair=%s has two ends, and both are open; close one or take another name", name);
    end->cable = cable;
    pthread_mutex_lock(&cable->lock);
    end->side = cable->ends[0] == NULL ? 0 : 1;
    cable->ends[end->side] = end;
    pthread_mutex_unlock(&cable->lock);
    return 0;
}

int32_t pair_open(const char *name, bool timing_inline, struct wire **wire)
{
    if (name[0] == '\0')
        return error_set(IXY_E_ADDRESS, "pair= wants a name; both ends give the same one");
    struct pair_end *end = calloc(1, sizeof *end);
    if (end == NULL)
        return error_set(IXY_E_NO_MEMORY, "pair=%s: no memory", name);
    end->wire.ops = &pair_ops;
    int32_t result = wire_queue_init(&end->queue);
    if (result == 0) {
        pthread_mutex_lock(&pair_registry_lock);
        result = pair_plug(end, name, timing_inline);
        pthread_mutex_unlock(&pair_registry_lock);
    }
    if (result != 0) {
        wire_queue_free(&end->queue);
        free(end);
        return result;
    }
    *wire = &end->wire;
    return 0;
}

/* Another thread of the parent may have held the lock; the cables' memory stays, for the parent's devices own it. */
void pair_after_fork_in_child(void)
{
    pthread_mutex_init(&pair_registry_lock, NULL);
    pair_registry = NULL;
}
