/* The core-to-core round trip: how long a cache line takes from one CPU to another and back.
 *
 *   c2c FIRST SECOND      two CPU numbers
 *
 * For each line "go" on stdin it bounces a cache line between the two CPUs for about 20 ms and prints one line: the
 * nanoseconds of a round trip, as the median of short batches, so that a preempted batch does not count. A host that
 * moves virtual CPUs about changes this figure by a factor of four, and every two-thread figure with it: so the matrix
 * asks beside each threaded sample. Between requests both threads sleep.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define C2C_TRIPS 500 /* round trips a batch */
#define C2C_BATCHES_MAX 512
#define C2C_NANOSECONDS 20000000u /* a measurement */
#define C2C_STOP UINT64_MAX

/* A question goes one way in its line, its answer the other way in another. */
static _Alignas(256) uint64_t c2c_question;
static _Alignas(256) uint64_t c2c_answered;
static _Alignas(256) sem_t c2c_start;

static uint64_t c2c_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The set that holds one CPU. */
static cpu_set_t c2c_set(const char *cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(strtoul(cpu, NULL, 10), &set);
    return set;
}

static void *c2c_answer(void *nothing)
{
    (void)nothing;
    while (sem_wait(&c2c_start) == 0) {
        uint64_t question = 0, answered = 0;
        while (answered != C2C_STOP) {
            while ((question = __atomic_load_n(&c2c_question, __ATOMIC_ACQUIRE)) == answered)
                continue;
            answered = question;
            __atomic_store_n(&c2c_answered, answered, __ATOMIC_RELEASE);
        }
    }
    return NULL;
}

static void c2c_trip(uint64_t question)
{
    __atomic_store_n(&c2c_question, question, __ATOMIC_RELEASE);
    while (__atomic_load_n(&c2c_answered, __ATOMIC_ACQUIRE) != question)
        continue;
}

static int c2c_compare(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static double c2c_measure(void)
{
    static double batch[C2C_BATCHES_MAX];
    uint32_t batches = 0;
    c2c_question = 0;
    sem_post(&c2c_start);
    uint64_t question = 0, start = c2c_now(), from = start;
    while (batches < C2C_BATCHES_MAX && from - start < C2C_NANOSECONDS) {
        for (uint32_t trip = 0; trip < C2C_TRIPS; trip++)
            c2c_trip(++question);
        uint64_t now = c2c_now();
        batch[batches++] = (double)(now - from) / C2C_TRIPS;
        from = now;
    }
    c2c_trip(C2C_STOP);
    qsort(batch, batches, sizeof(batch[0]), c2c_compare);
    return batch[batches / 2];
}

int main(int count, char **arguments)
{
    if (count != 3) {
        fprintf(stderr, "usage: c2c FIRST SECOND (two CPU numbers); then a line \"go\" a measurement\n");
        return 2;
    }
    cpu_set_t first = c2c_set(arguments[1]), second = c2c_set(arguments[2]);
    pthread_attr_t on_second;
    pthread_t other;
    pthread_attr_init(&on_second);
    pthread_attr_setaffinity_np(&on_second, sizeof(second), &second);
    sem_init(&c2c_start, 0, 0);
    if (sched_setaffinity(0, sizeof(first), &first) != 0 || pthread_create(&other, &on_second, c2c_answer, NULL) != 0) {
        fprintf(stderr, "c2c: cannot run on CPUs %s and %s\n", arguments[1], arguments[2]);
        return 1;
    }
    char line[64];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (strncmp(line, "go", 2) != 0)
            break;
        printf("%.1f\n", c2c_measure());
        fflush(stdout);
    }
    return 0;
}
