/* C static: native C. The core is called directly, with the checks that protect it from a lying device and none of
 * the handle checks of the ABI. */
#include <stdlib.h>

#include "core/device/device.h"
#include "core/device/error.h"
#include "emu/emu.h"
#include "forwarder.h"

static struct pool *static_pool;
static struct device *static_device[FORWARDER_PORTS];
static struct frame static_frames[FORWARDER_BATCH_MAX];

static const struct forwarder static_forwarder;

static bool static_open(const char *address, struct run *run)
{
    if (pool_open(8192, 2048, 0, &static_pool) < 0)
        return forwarder_fail(run, "pool", error_text());
    struct device_config config = {.pool = static_pool};
    for (uint32_t port = 0; port < FORWARDER_PORTS; port++) {
        if (device_open(address, &config, &static_device[port]) < 0)
            return forwarder_fail(run, "open", error_text());
    }
    for (uint32_t port = 0; port < FORWARDER_PORTS; port++) {
        if (device_start(static_device[port]) < 0)
            return forwarder_fail(run, "start", error_text());
    }
    return true;
}

static void static_meter(uint32_t port, struct meter *meter)
{
    struct emu_meter read;
    emu_meter(static_device[port]->bus, &read);
    *meter = (struct meter){.bracket_cycles = read.bracket_cycles,
                            .cycles = read.cycles,
                            .nanoseconds = read.nanoseconds,
                            .model_cycles = read.model_cycles,
                            .steps = read.steps,
                            .idle_steps = read.idle_steps};
}

static bool static_counters(uint32_t port, struct counters *counters)
{
    struct device *device = static_device[port];
    struct emu_counters read;
    struct device_stats stats = {0};
    emu_counters(device->bus, &read);
    if (device->driver->stats(device, &stats) < 0)
        return false;
    *counters = (struct counters){.generated = read.generated,
                                  .verified = read.verified,
                                  .damaged = read.damaged,
                                  .repeated = read.repeated,
                                  .foreign = read.foreign,
                                  .violations = emu_violations(device->bus, 0, NULL, 0),
                                  .rx_missed = stats.rx_missed};
    return true;
}

static void static_close(void)
{
    for (uint32_t port = 0; port < FORWARDER_PORTS; port++) {
        if (static_device[port] != NULL)
            device_close(static_device[port]);
        static_device[port] = NULL;
    }
    if (static_pool != NULL)
        pool_close(static_pool);
    static_pool = NULL;
}

/* A device that failed moves nothing any more: its packet functions of the core return 0, so this tells why. */
static bool static_failed(struct run *run)
{
    for (uint32_t port = 0; port < FORWARDER_PORTS; port++) {
        if (bus_check(static_device[port]->bus) < 0) {
            forwarder_fail(run, "forward", error_text());
            return true;
        }
    }
    return false;
}

static inline uint32_t static_forward(struct run *run, struct device *from, struct device *to)
{
    uint32_t received = device_rx_batch(from, 0, static_frames, run->batch);
    run->polls++;
    if (received == 0) {
        run->empty_polls++;
        return 0;
    }
    uint8_t *memory = static_pool->memory.base;
    for (uint32_t i = 0; i < received; i++)
        memory[static_frames[i].offset + FORWARDER_BYTE]++;
    uint32_t sent = device_tx_batch(to, 0, static_frames, received);
    run->received += received;
    for (uint32_t i = sent; i < received; i++) {
        pool_give(static_pool, &static_frames[i].buf, 1);
        run->freed++;
    }
    return received;
}

/* Not inlined and not static: instructions are counted by this name. */
bool forward_all(struct run *run);

__attribute__((noinline)) bool forward_all(struct run *run)
{
    uint32_t idle = 0;
    while (run->received < run->frames) {
        uint32_t received = static_forward(run, static_device[0], static_device[1]);
        received += static_forward(run, static_device[1], static_device[0]);
        if (received != 0) {
            idle = 0;
            run->waiting_since = 0;
        } else if (++idle % 4096 == 0 && (static_failed(run) || forwarder_give_up(&static_forwarder, run))) {
            break;
        }
    }
    return run->error[0] == '\0';
}

static void static_call(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        device_rx_batch(static_device[0], 0, static_frames, 0);
}

static const struct forwarder static_forwarder = {.variant = "static",
                                                  .open = static_open,
                                                  .meter = static_meter,
                                                  .forward_all = forward_all,
                                                  .call = static_call,
                                                  .counters = static_counters,
                                                  .close = static_close};

int main(void)
{
    device_register_bus(&emu_bus_scheme);
    return forwarder_main(&static_forwarder);
}
