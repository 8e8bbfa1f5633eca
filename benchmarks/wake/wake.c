/* One measurement of `./dev wake`: forwards the few frames that a paced generator sends, and says how long each took.
 *
 *   wake ADDRESS sleep|poll SECONDS
 *
 * `sleep` waits with ixy_rx_wait, `poll` calls ixy_rx_batch all the time. A generated frame bears the time at which it
 * arrived at the device (emu/wire/gen.h), so its way is measured from there to the return of ixy_tx_batch. Prints one
 * JSON object: seconds, the processor time of the whole process (the device model's thread is part of it), violations,
 * and the nanoseconds of each frame in their order.
 *
 * The device model's thread has a processor of its own, if there are two: else a thread that polls would be measured
 * while it waits for the model to leave its processor.
 */
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "abi/include/ixy.h"

#define WAKE_FRAMES_MAX 1000000
#define WAKE_BATCH 32
#define WAKE_STAMP_MASK (((uint64_t)1 << 40) - 1)

static uint64_t wake_times[WAKE_FRAMES_MAX];

static int wake_failed(const char *what)
{
    fprintf(stderr, "wake: %s: %s\n", what, ixy_last_error());
    return 1;
}

static uint64_t wake_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static double wake_processor(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

/* Puts the calling thread on the first or the last processor of those that the process may use; threads that it makes
 * from then on, too. */
static void wake_processor_choose(const cpu_set_t *all, bool last)
{
    cpu_set_t chosen;
    size_t cpu = last ? CPU_SETSIZE - 1 : 0;
    while (!CPU_ISSET(cpu, all))
        cpu = last ? cpu - 1 : cpu + 1;
    CPU_ZERO(&chosen);
    CPU_SET(cpu, &chosen);
    sched_setaffinity(0, sizeof(chosen), &chosen);
}

/* The lower 40 bits of the nanoseconds at which a generated frame arrived. */
static uint64_t wake_stamp(const uint8_t *frame)
{
    return (uint64_t)frame[49] | (uint64_t)frame[50] << 8 | (uint64_t)frame[51] << 16 | (uint64_t)frame[42] << 24 |
           (uint64_t)frame[43] << 32;
}

/* Forwards for so long. Returns the number of frames, or -1. */
static int64_t wake_run(uint64_t pool, uint64_t device, uint8_t *base, bool sleeps, uint64_t nanoseconds)
{
    uint64_t end = wake_now() + nanoseconds;
    uint32_t count = 0;
    for (uint64_t now = wake_now(); now < end; now = wake_now()) {
        if (sleeps && ixy_rx_wait(device, 0, (int32_t)((end - now) / 1000000 + 1)) < 0)
            return -1;
        ixy_frame frames[WAKE_BATCH];
        uint64_t stamps[WAKE_BATCH];
        int32_t got = ixy_rx_batch(device, 0, frames, WAKE_BATCH);
        if (got < 0)
            return -1;
        for (int32_t i = 0; i < got; i++) {
            stamps[i] = wake_stamp(base + frames[i].offset);
            base[frames[i].offset + 48]++;
        }
        int32_t sent = got > 0 ? ixy_tx_batch(device, 0, frames, (uint32_t)got) : 0;
        now = wake_now();
        for (int32_t i = 0; i < sent && count < WAKE_FRAMES_MAX; i++)
            wake_times[count++] = (now - stamps[i]) & WAKE_STAMP_MASK;
        if (sent < got && (sent < 0 || ixy_buf_free(pool, frames + sent, (uint32_t)(got - sent)) < 0))
            return -1;
    }
    return count;
}

int main(int count, char **arguments)
{
    if (count != 4 || (strcmp(arguments[2], "sleep") != 0 && strcmp(arguments[2], "poll") != 0)) {
        fprintf(stderr, "usage: wake ADDRESS sleep|poll SECONDS\n");
        return 2;
    }
    double wanted = strtod(arguments[3], NULL);
    cpu_set_t all;
    sched_getaffinity(0, sizeof(all), &all);
    wake_processor_choose(&all, true);
    uint64_t pool, device;
    ixy_pool_config pool_config = {.struct_size = sizeof(pool_config)};
    ixy_view view = {.struct_size = sizeof(view)};
    if (ixy_pool_open(&pool_config, &pool) < 0 || ixy_pool_view(pool, &view) < 0)
        return wake_failed("pool");
    ixy_device_config config = {.struct_size = sizeof(config), .pool = pool};
    if (ixy_device_open(arguments[1], &config, &device) < 0 || ixy_device_start(device) < 0)
        return wake_failed(arguments[1]);
    wake_processor_choose(&all, false);
    bool sleeps = arguments[2][0] == 's';
    if (wake_run(pool, device, view.base, sleeps, 500000000) < 0) /* until all has come to rest */
        return wake_failed("warming up");
    uint64_t begin = wake_now();
    double processor = wake_processor();
    int64_t frames = wake_run(pool, device, view.base, sleeps, (uint64_t)(wanted * 1e9));
    if (frames < 0)
        return wake_failed("run");
    processor = wake_processor() - processor;
    double seconds = (double)(wake_now() - begin) * 1e-9;
    ixy_emu_counters counters = {.struct_size = sizeof(counters)};
    if (ixy_emu_counters_get(device, &counters) < 0)
        return wake_failed("counters");
    printf("{\"seconds\": %.6f, \"processor\": %.6f, \"violations\": %u, \"damaged\": %llu, \"nanoseconds\": [",
           seconds, processor, counters.violations, (unsigned long long)counters.damaged);
    for (int64_t i = 0; i < frames; i++)
        printf("%s%llu", i == 0 ? "" : ", ", (unsigned long long)wake_times[i]);
    printf("]}\n");
    return ixy_device_close(device) < 0 || ixy_pool_view_release(view.view) < 0 || ixy_pool_close(pool) < 0;
}
