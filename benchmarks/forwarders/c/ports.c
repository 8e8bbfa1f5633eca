#include "ports.h"

#include <string.h>

struct ports ports;

bool ports_open(const char *address, struct run *run)
{
    ports.view.struct_size = sizeof(ports.view);
    if (ixy_pool_open(NULL, &ports.pool) < 0 || ixy_pool_view(ports.pool, &ports.view) < 0)
        return forwarder_fail(run, "pool", ixy_last_error());
    for (uint32_t port = 0; port < FORWARDER_PORTS; port++) {
        ixy_device_config config = {.struct_size = sizeof(config), .pool = ports.pool};
        if (ixy_device_open(address, &config, &ports.device[port]) < 0)
            return forwarder_fail(run, "open", ixy_last_error());
    }
    for (uint32_t port = 0; port < FORWARDER_PORTS; port++) {
        if (ixy_device_start(ports.device[port]) < 0)
            return forwarder_fail(run, "start", ixy_last_error());
    }
    return true;
}

void ports_meter(uint32_t port, struct meter *meter)
{
    ixy_emu_meter read = {.struct_size = sizeof(read)};
    ixy_emu_meter_get(ports.device[port], &read);
    *meter = (struct meter){.bracket_cycles = read.bracket_cycles,
                            .cycles = read.cycles,
                            .nanoseconds = read.nanoseconds,
                            .model_cycles = read.model_cycles,
                            .steps = read.steps,
                            .idle_steps = read.idle_steps};
}

bool ports_counters(uint32_t port, struct counters *counters)
{
    ixy_emu_counters read = {.struct_size = sizeof(read)};
    ixy_stats stats = {.struct_size = sizeof(stats)};
    if (ixy_emu_counters_get(ports.device[port], &read) < 0 || ixy_device_stats(ports.device[port], &stats) < 0)
        return false;
    *counters = (struct counters){.generated = read.generated,
                                  .verified = read.verified,
                                  .damaged = read.damaged,
                                  .repeated = read.repeated,
                                  .foreign = read.foreign,
                                  .violations = read.violations,
                                  .rx_missed = stats.rx_missed};
    return true;
}

void ports_close(void)
{
    for (uint32_t port = 0; port < FORWARDER_PORTS; port++) {
        if (ports.device[port] != 0)
            ixy_device_close(ports.device[port]);
    }
    if (ports.view.view != 0)
        ixy_pool_view_release(ports.view.view);
    if (ports.pool != 0)
        ixy_pool_close(ports.pool);
    memset(&ports, 0, sizeof(ports));
}
