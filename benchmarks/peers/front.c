#include "front.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* To testpmd's default peer, from a local address; an experimental EtherType (IEEE 802), the rest zeroes. */
const uint8_t front_frame[FRONT_FRAME] = {0x02, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 1, 0x88, 0xB5};
bool front_told_to_end;
static char front_error[320];

bool front_fail(const char *what, const char *why)
{
    snprintf(front_error, sizeof(front_error), "%s: %s", what, why);
    return false;
}

static uint64_t front_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *front_await_end(void *nothing)
{
    char byte;
    while (read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n')
        continue;
    __atomic_store_n(&front_told_to_end, true, __ATOMIC_RELAXED);
    return nothing;
}

/* A text as JSON holds it: what would end it or must be escaped becomes an apostrophe or a blank. */
static void front_print_error(void)
{
    for (char *at = front_error; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            *at = '\'';
        else if ((unsigned char)*at < ' ')
            *at = ' ';
    }
    printf("{\"error\":\"%s\"}\n", front_error);
}

int front_main(const struct front *front, int count, char **arguments)
{
    const char *mode = count == 3 ? arguments[2] : "";
    bool (*work)(uint64_t * frames) = NULL;
    if (strcmp(mode, "transmit") == 0)
        work = front->transmit;
    else if (strcmp(mode, "receive") == 0)
        work = front->receive;
    else if (strcmp(mode, "forward") == 0)
        work = front->forward;
    if (work == NULL) {
        fprintf(stderr, "usage: %s ADDRESS transmit|receive|forward\n", arguments[0]);
        return 2;
    }
    pthread_t listener;
    if (pthread_create(&listener, NULL, front_await_end, NULL) != 0)
        return 1;
    uint64_t frames = 0, took = 0;
    bool good = front->open(arguments[1]);
    if (good) {
        printf("{\"ready\":true}\n");
        fflush(stdout);
        uint64_t began = front_nanoseconds();
        good = work(&frames);
        took = front_nanoseconds() - began;
    }
    uint32_t lacking = front->close();
    if (good)
        printf("{\"frames\":%llu,\"nanoseconds\":%llu,\"buffers_lost\":%u}\n", (unsigned long long)frames,
               (unsigned long long)took, lacking);
    else
        front_print_error();
    fflush(stdout);
    return good ? 0 : 1;
}
