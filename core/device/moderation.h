/* How long a waiting thread polls before it sleeps: long while packets come fast, not at all when they do not.
 *
 * To sleep and to be woken costs some tens of microseconds, in which packets wait; to poll costs a processor. So a
 * thread polls before it sleeps if the last sleeps turned out to be so short that they did not pay, and stops doing so
 * as soon as one was long. The states:
 *
 *   state   polls before it sleeps   next
 *   idle    not                      alert after a sleep shorter than MODERATION_SHORT
 *   alert   MODERATION_ALERT         busy after another such sleep, or MODERATION_STREAK finds without a sleep between;
 *                                    idle after a longer sleep
 *   busy    MODERATION_BUSY          alert after a longer sleep; idle after one of MODERATION_LONG
 *
 * A queue's own; its user tells when a wait found something and when one goes to sleep. Zero is the state of a fresh
 * one. Times are nanoseconds of one clock.
 */
#ifndef CORE_DEVICE_MODERATION_H
#define CORE_DEVICE_MODERATION_H

#include <stdint.h>

#define MODERATION_SHORT 100000 /* about what polling as long as in the busy state would have saved */
#define MODERATION_LONG 1000000 /* nobody sends fast who pauses for a millisecond */
#define MODERATION_ALERT 25000  /* about what it costs to sleep and be woken */
#define MODERATION_BUSY 100000  /* four times that */
#define MODERATION_STREAK 4

enum moderation_state { MODERATION_STATE_IDLE, MODERATION_STATE_ALERT, MODERATION_STATE_BUSY };

struct moderation {
    uint64_t slept;  /* when the sleep began that has not ended with a find yet; 0: none */
    uint16_t state;  /* enum moderation_state */
    uint16_t streak; /* finds since the last sleep, as far as they count */
};

/* How long to poll now. A sleep that goes on may already have been a long one: waits with time-outs follow each other
 * and find nothing. */
static inline uint64_t moderation_poll(struct moderation *moderation, uint64_t now)
{
    static const uint32_t poll[] = {0, MODERATION_ALERT, MODERATION_BUSY};
    if (moderation->slept != 0 && now - moderation->slept >= MODERATION_LONG)
        moderation->state = MODERATION_STATE_IDLE;
    return poll[moderation->state];
}

static inline void moderation_sleeps(struct moderation *moderation, uint64_t now)
{
    if (moderation->slept == 0)
        moderation->slept = now;
    moderation->streak = 0;
}

static inline void moderation_found(struct moderation *moderation, uint64_t now)
{
    const uint64_t sleep = moderation->slept != 0 ? now - moderation->slept : 0;
    if (moderation->slept == 0) {
        if (moderation->streak < MODERATION_STREAK)
            moderation->streak++;
        if (moderation->state == MODERATION_STATE_ALERT && moderation->streak == MODERATION_STREAK)
            moderation->state = MODERATION_STATE_BUSY;
    } else if (sleep < MODERATION_SHORT) {
        if (moderation->state != MODERATION_STATE_BUSY)
            moderation->state++;
    } else if (sleep >= MODERATION_LONG) {
        moderation->state = MODERATION_STATE_IDLE;
    } else if (moderation->state != MODERATION_STATE_IDLE) {
        moderation->state--;
    }
    moderation->slept = 0;
}

#endif
