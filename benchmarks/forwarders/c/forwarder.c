#include "forwarder.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FORWARDER_CALLS "emu:82599,wire=loop,timing=threaded" /* where calls that move nothing are measured */
#define FORWARDER_PATIENCE 5000000000u                        /* nanoseconds without a frame before a run has failed */

static uint64_t forwarder_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool forwarder_fail(struct run *run, const char *what, const char *why)
{
    snprintf(run->error, sizeof(run->error), "%s: %s", what, why);
    return false;
}

static bool forwarder_counters(const struct forwarder *forwarder, struct counters *total)
{
    memset(total, 0, sizeof(*total));
    for (uint32_t port = 0; port < FORWARDER_PORTS; port++) {
        struct counters one;
        if (!forwarder->counters(port, &one))
            return false;
        total->generated += one.generated;
        total->verified += one.verified;
        total->damaged += one.damaged;
        total->repeated += one.repeated;
        total->foreign += one.foreign;
        total->violations += one.violations;
        total->rx_missed += one.rx_missed;
    }
    return true;
}

bool forwarder_give_up(const struct forwarder *forwarder, struct run *run)
{
    struct counters counters;
    if (!forwarder_counters(forwarder, &counters)) {
        forwarder_fail(run, "counters", "cannot be read");
        return true;
    }
    if (run->received + counters.rx_missed >= run->frames)
        return true;
    uint64_t now = forwarder_now();
    if (run->waiting_since == 0)
        run->waiting_since = now;
    if (now - run->waiting_since < FORWARDER_PATIENCE)
        return false;
    char arrived[96];
    snprintf(arrived, sizeof(arrived), "%" PRIu64 " of %" PRIu64 " frames arrived, then none for 5 s", run->received,
             run->frames);
    forwarder_fail(run, "forward", arrived);
    return true;
}

/* Waits until the sinks have seen all that was sent, or nothing more comes. What is missing shows in the counters. */
static bool forwarder_settle(const struct forwarder *forwarder, const struct run *run, struct counters *counters)
{
    uint64_t start = forwarder_now();
    for (;;) {
        if (!forwarder_counters(forwarder, counters))
            return false;
        uint64_t seen = counters->verified + counters->damaged + counters->repeated + counters->foreign +
                        counters->rx_missed + run->freed;
        if (seen >= run->frames || forwarder_now() - start > FORWARDER_PATIENCE)
            return true;
        sched_yield();
    }
}

struct figure {
    const char *name;
    uint64_t value;
};

static void forwarder_print(const struct figure *figures, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("%s\"%s\":%" PRIu64, i == 0 ? "{" : ",", figures[i].name, figures[i].value);
    printf("}\n");
}

static bool forwarder_calls(const struct forwarder *forwarder, uint64_t calls, struct run *run)
{
    if (!forwarder->open(FORWARDER_CALLS, run))
        return false;
    struct meter start, end;
    forwarder->meter(0, &start);
    forwarder->call(calls);
    forwarder->meter(0, &end);
    const struct figure figures[] = {
        {"calls", calls},
        {"cycles", end.cycles - start.cycles},
        {"nanoseconds", end.nanoseconds - start.nanoseconds},
    };
    forwarder_print(figures, sizeof(figures) / sizeof(figures[0]));
    return true;
}

static bool forwarder_run(const struct forwarder *forwarder, struct run *run, const char *device, const char *timing)
{
    char address[256];
    snprintf(address, sizeof(address), "%s,wire=gen,limit=%" PRIu64 ",burst=%u,timing=%s", device,
             run->frames / FORWARDER_PORTS, run->batch > 8 ? run->batch : 8, timing);
    if (!forwarder->open(address, run))
        return false;

    /* Port 0 is read last before and first after: its clock is the sample's. */
    struct meter start[FORWARDER_PORTS], end[FORWARDER_PORTS];
    forwarder->meter(1, &start[1]);
    forwarder->meter(0, &start[0]);
    bool ok = forwarder->forward_all(run);
    forwarder->meter(0, &end[0]);
    forwarder->meter(1, &end[1]);

    struct counters counters;
    if (!ok || run->error[0] != '\0')
        return false;
    if (!forwarder_settle(forwarder, run, &counters))
        return forwarder_fail(run, "counters", "cannot be read");
    uint64_t model_cycles = 0, steps = 0, idle_steps = 0;
    for (uint32_t port = 0; port < FORWARDER_PORTS; port++) {
        model_cycles += end[port].model_cycles - start[port].model_cycles;
        steps += end[port].steps - start[port].steps;
        idle_steps += end[port].idle_steps - start[port].idle_steps;
    }
    const struct figure figures[] = {
        {"frames", run->frames},
        {"cycles", end[0].cycles - start[0].cycles},
        {"nanoseconds", end[0].nanoseconds - start[0].nanoseconds},
        {"model_cycles", model_cycles},
        {"steps", steps},
        {"idle_steps", idle_steps},
        {"bracket_cycles", end[0].bracket_cycles},
        {"polls", run->polls},
        {"empty_polls", run->empty_polls},
        {"freed", run->freed},
        {"generated", counters.generated},
        {"verified", counters.verified},
        {"damaged", counters.damaged},
        {"repeated", counters.repeated},
        {"foreign", counters.foreign},
        {"rx_missed", counters.rx_missed},
        {"violations", counters.violations},
    };
    forwarder_print(figures, sizeof(figures) / sizeof(figures[0]));
    return true;
}

/* A JSON string; what it cannot hold as it is becomes a blank or an apostrophe. */
static void forwarder_print_error(const char *text)
{
    printf("{\"error\":\"");
    for (; *text != '\0'; text++)
        putchar(*text == '"' || *text == '\\' ? '\'' : (unsigned char)*text < ' ' ? ' ' : *text);
    printf("\"}\n");
}

static void forwarder_request(const struct forwarder *forwarder, const char *line)
{
    struct run run = {0};
    char variant[32], timing[16], device[128] = "emu:82599", rest[2];
    int words =
        sscanf(line, "run %31s %u %15s %" SCNu64 " %127s %1s", variant, &run.batch, timing, &run.frames, device, rest);
    uint64_t calls;
    if (sscanf(line, "call %31s %" SCNu64 " %1s", variant, &calls, rest) == 2 &&
        strcmp(variant, forwarder->variant) == 0 && calls >= 1) {
        if (!forwarder_calls(forwarder, calls, &run))
            forwarder_print_error(run.error);
        forwarder->close();
        return;
    }
    bool understood = (words == 4 || words == 5) && strcmp(variant, forwarder->variant) == 0 && run.batch >= 1 &&
                      run.batch <= FORWARDER_BATCH_MAX && run.frames >= FORWARDER_PORTS &&
                      (strcmp(timing, "inline") == 0 || strcmp(timing, "threaded") == 0);
    if (!understood) {
        snprintf(run.error, sizeof(run.error),
                 "a request is: run %s BATCH inline|threaded FRAMES [DEVICE], or: call %s CALLS, or: quit",
                 forwarder->variant, forwarder->variant);
        forwarder_print_error(run.error);
        return;
    }
    run.frames -= run.frames % FORWARDER_PORTS;
    if (!forwarder_run(forwarder, &run, device, timing))
        forwarder_print_error(run.error);
    forwarder->close();
}

int forwarder_main(const struct forwarder *forwarder)
{
    printf("{\"ready\":true,\"language\":\"c\",\"variants\":[\"%s\"],\"toolchain\":\"%s\"}\n", forwarder->variant,
           FORWARDER_TOOLCHAIN);
    fflush(stdout);
    char line[256];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (strcmp(line, "quit") == 0)
            break;
        if (line[0] != '\0')
            forwarder_request(forwarder, line);
        fflush(stdout);
    }
    return 0;
}
