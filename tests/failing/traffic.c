#include "tests/failing/scenario.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TRAFFIC_SECONDS 5.0
#define TRAFFIC_PIECE 2000 /* bytes of a packet in each of its buffers but the last */

int32_t world_is_wrong(struct world *world, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(world->wrong, sizeof(world->wrong), format, arguments);
    va_end(arguments);
    return WORLD_WRONG;
}

static double traffic_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void traffic_give_back(struct world *world, const ixy_frame *frames, int32_t count)
{
    for (int32_t done = 0; done < count;) {
        int32_t freed = ixy_buf_free(world->pool, frames + done, (uint32_t)(count - done));
        if (freed <= 0)
            return; /* the pool's count will tell */
        done += freed;
    }
}

/* Sends one packet of length bytes, all of which are `mark`. */
static int32_t traffic_send(struct world *world, uint64_t device, uint32_t queue, uint32_t length, uint8_t mark)
{
    ixy_frame frames[16];
    uint8_t bytes[TRAFFIC_PIECE];
    uint32_t count = (length + TRAFFIC_PIECE - 1) / TRAFFIC_PIECE;
    memset(bytes, mark, sizeof(bytes));
    int32_t got = ixy_buf_alloc(world->pool, frames, count);
    if (got != (int32_t)count)
        return got < 0 ? got : world_is_wrong(world, "%d of %u buffers", got, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t piece = i + 1 < count ? TRAFFIC_PIECE : length - i * TRAFFIC_PIECE;
        frames[i].len = (uint16_t)piece;
        frames[i].flags = i + 1 < count ? IXY_FRAME_MORE : 0;
        if (ixy_buf_write(world->pool, &frames[i], 0, bytes, piece) != (int32_t)piece)
            return world_is_wrong(world, "buffer %u cannot be written", i);
    }
    double end = traffic_now() + TRAFFIC_SECONDS;
    int32_t sent;
    while ((sent = ixy_tx_batch(device, queue, frames, count)) == 0 && traffic_now() < end)
        ;
    if (sent == (int32_t)count)
        return 0;
    traffic_give_back(world, frames, (int32_t)count);
    return sent < 0 ? sent : world_is_wrong(world, "%d of %u frames were taken", sent, count);
}

/* Receives one packet and compares it. */
static int32_t traffic_expect(struct world *world, uint64_t device, uint32_t queue, uint32_t length, uint8_t mark)
{
    ixy_frame frames[16];
    double end = traffic_now() + TRAFFIC_SECONDS;
    int32_t got;
    while ((got = ixy_rx_batch(device, queue, frames, 16)) == 0)
        if (traffic_now() > end)
            return world_is_wrong(world, "a packet of %u bytes was lost", length);
    if (got < 0)
        return got;
    uint32_t total = 0;
    bool right = true;
    for (int32_t i = 0; i < got; i++) {
        uint8_t bytes[16384];
        int32_t read = ixy_buf_read(world->pool, &frames[i], 0, bytes, frames[i].len);
        for (int32_t k = 0; k < read; k++)
            right = right && bytes[k] == mark;
        right = right && read == frames[i].len && ((frames[i].flags & IXY_FRAME_MORE) != 0) == (i + 1 < got);
        total += frames[i].len;
    }
    traffic_give_back(world, frames, got);
    return right && total == length ? 0 : world_is_wrong(world, "%u bytes came, %u were sent", total, length);
}

static int32_t traffic_between(struct world *world, uint64_t from, uint64_t to, uint32_t queue)
{
    ixy_info info = {.struct_size = sizeof(info)};
    int32_t code = ixy_device_info(from, &info);
    const uint32_t lengths[] = {60, 1514, info.tx_len_max};
    for (uint32_t i = 0; i < 3 && code >= 0; i++) {
        /* A group address, so that no receiver's filter has a say. */
        uint8_t mark = (uint8_t)(0x41 + 2 * i);
        code = traffic_send(world, from, queue, lengths[i], mark);
        if (code >= 0)
            code = traffic_expect(world, to, queue, lengths[i], mark);
    }
    return code;
}

int32_t traffic_loop(struct world *world)
{
    return traffic_between(world, world->device[0], world->device[0], 0);
}

int32_t traffic_pair(struct world *world)
{
    int32_t code = traffic_between(world, world->device[0], world->device[1], 0);
    return code < 0 ? code : traffic_between(world, world->device[1], world->device[0], 0);
}

/* Sends back what comes, until so many have been. */
static int32_t traffic_forward(struct world *world, uint32_t wanted)
{
    double end = traffic_now() + TRAFFIC_SECONDS;
    for (uint32_t moved = 0; moved < wanted;) {
        for (uint32_t queue = 0; queue < world->scenario->queues; queue++) {
            ixy_frame frames[16];
            int32_t got = ixy_rx_batch(world->device[0], queue, frames, 16);
            if (got < 0)
                return got;
            int32_t sent = ixy_tx_batch(world->device[0], queue, frames, (uint32_t)got);
            if (sent < got)
                traffic_give_back(world, frames + (sent < 0 ? 0 : sent), got - (sent < 0 ? 0 : sent));
            if (sent < 0)
                return sent;
            moved += (uint32_t)sent;
        }
        if (traffic_now() > end)
            return world_is_wrong(world, "%u of %u frames came", moved, wanted);
    }
    return 0;
}

int32_t traffic_gen(struct world *world)
{
    ixy_emu_counters counters = {.struct_size = sizeof(counters)};
    double end = traffic_now() + TRAFFIC_SECONDS;
    int32_t code = traffic_forward(world, 64);
    while (code >= 0 && counters.verified < 64) {
        code = ixy_emu_counters_get(world->device[0], &counters);
        if (code >= 0 && (counters.damaged | counters.repeated | counters.foreign | counters.violations) != 0)
            return world_is_wrong(world, "%llu foreign, %llu damaged, %u violations",
                                  (unsigned long long)counters.foreign, (unsigned long long)counters.damaged,
                                  counters.violations);
        if (code >= 0 && traffic_now() > end)
            return world_is_wrong(world, "%llu of 64 frames verified", (unsigned long long)counters.verified);
    }
    return code;
}

int32_t traffic_pcap(struct world *world)
{
    return traffic_forward(world, TRAFFIC_PCAP_FRAMES);
}

int32_t traffic_tap(struct world *world)
{
    return traffic_send(world, world->device[0], 0, 60, 0x41);
}
