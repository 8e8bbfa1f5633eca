#include "core/device/fork.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static pthread_mutex_t fork_mutex = PTHREAD_MUTEX_INITIALIZER;
static int *fork_descriptors; /* under the mutex, as the two below */
static uint32_t fork_count;
static uint32_t fork_room;

void fork_lock(void)
{
    pthread_mutex_lock(&fork_mutex);
}

void fork_unlock(void)
{
    pthread_mutex_unlock(&fork_mutex);
}

/* Not in the place of a standard stream that the program closed: what it prints would go to a card or back end. */
static int fork_above_streams(int descriptor)
{
    if (descriptor > STDERR_FILENO)
        return descriptor;
    int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int failed = errno;
    close(descriptor);
    errno = failed;
    return moved;
}

int fork_record(int descriptor)
{
    if (descriptor >= 0)
        descriptor = fork_above_streams(descriptor);
    if (descriptor < 0)
        return descriptor;
    if (fork_count == fork_room) {
        uint32_t room = fork_room + 64;
        int *larger = realloc(fork_descriptors, room * sizeof(*larger));
        if (larger == NULL) {
            close(descriptor);
            errno = ENOMEM;
            return -1;
        }
        fork_descriptors = larger;
        fork_room = room;
    }
    fork_descriptors[fork_count++] = descriptor;
    return descriptor;
}

void fork_forget(int descriptor)
{
    for (uint32_t i = fork_count; i-- > 0;) {
        if (fork_descriptors[i] == descriptor) {
            fork_descriptors[i] = fork_descriptors[--fork_count];
            return;
        }
    }
}

void fork_close(int *descriptor)
{
    if (*descriptor < 0)
        return;
    fork_lock();
    close(*descriptor);
    fork_forget(*descriptor);
    fork_unlock();
    *descriptor = -1;
}

/* Another file takes the descriptor's place in one step: the number never is somebody else's, so that a child may
 * close it at any moment. The kernel lets go of the file after that step, and only this thread waits for it. Where no
 * descriptor is left for that file, the number is forgotten first: a child of that very moment keeps a copy. */
void fork_close_slow(int *descriptor)
{
    if (*descriptor < 0)
        return;
    int place = eventfd(0, EFD_CLOEXEC);
    if (place >= 0 && dup3(place, *descriptor, O_CLOEXEC) >= 0) {
        close(place);
        fork_close(descriptor);
        return;
    }
    if (place >= 0)
        close(place);
    fork_lock();
    fork_forget(*descriptor);
    fork_unlock();
    close(*descriptor);
    *descriptor = -1;
}

void fork_before(void)
{
    fork_lock();
}

void fork_after_in_parent(void)
{
    fork_unlock();
}

void fork_after_in_child(void)
{
    pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
    memcpy(&fork_mutex, &fresh, sizeof(fresh));
    while (fork_count > 0)
        close(fork_descriptors[--fork_count]);
}
