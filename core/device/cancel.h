/* Cancellation: a program may end its threads by pthread_cancel, or a language's run time does so, while they are in
 * this library. Whoever holds something that others wait for (a lock, a queue) must not be ended before it has let go,
 * so it switches cancellation off around each call of the system that would be such a point. */
#ifndef CORE_DEVICE_CANCEL_H
#define CORE_DEVICE_CANCEL_H

#include <pthread.h>

/* Returns how it was, for cancel_restore. */
static inline int cancel_off(void)
{
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

static inline void cancel_restore(int before)
{
    pthread_setcancelstate(before, NULL);
}

#endif
