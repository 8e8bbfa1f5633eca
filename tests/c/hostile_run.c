/* The seeded random run of hostile_support.h. All that is random follows from the seed: what the device does from its
 * own generator, what the caller does from the one here. */
#include "tests/c/hostile_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/device/device.h"
#include "emu/emu.h"

#define RUN_BATCH 256
#define RUN_EVERY 16
#define RUN_OFFLOADS 31u /* all of IXY_CAN_* that can be asked for */
#define RUN_LONGEST 3000u
#define RUN_FRAMES 3u /* buffers of such a packet, at 1 KB */
#define RUN_PREFIXES 8
#define RUN_IDLE 64         /* batches without a frame received or sent, after which the caller resets */
#define RUN_RESETS 60       /* with a threaded device, at least */
#define RUN_NAP 50          /* microseconds between two of them, with a threaded device */
#define RUN_ATTEMPTS 1000   /* to open or reset a device, most of which fail */
#define RUN_PATIENCE 400000 /* batches for each thousand of completions, after which this is a hang */

struct hostile_runner {
    struct hostile_test test;
    struct hostile_run *run;
    const char *const *prefixes;
    bool threaded;
    bool everything;                            /* an X550 does all that it can */
    uint32_t prefix_count, prefix, pairs;       /* those of the device that is open */
    uint64_t seed, random, share[RUN_PREFIXES]; /* how many completions of each were lied about; closed devices */
    uint64_t dropped;                           /* by the device since its last reset */
};

/* ---- the bus "liar": the bus "emu", which says what a device told that is closed, or did not open ---- */

static struct hostile_runner *run_runner;
static struct emu_device *run_device;
static const struct emu_model_ops *run_model_ops;
static struct emu_model_ops run_ops;

static void run_model_free(struct emu_device *device)
{
    for (uint32_t lie = 0; lie < HOSTILE_LIES; lie++)
        run_runner->run->told[lie] += device->hostile.told[lie];
    run_runner->run->completions += device->hostile.completions;
    run_runner->share[run_runner->prefix] += device->hostile.completions;
    run_device = NULL;
    run_model_ops->free(device);
}

static int32_t run_bus_open(struct address *address, struct bus **bus)
{
    int32_t code = emu_bus_scheme.open(address, bus);
    if (code < 0)
        return code;
    run_device = (struct emu_device *)*bus;
    run_model_ops = run_device->ops;
    run_ops = *run_model_ops;
    run_ops.free = run_model_free;
    emu_device_lock(run_device); /* it may have a thread of its own */
    run_device->ops = &run_ops;
    emu_device_unlock(run_device);
    return 0;
}

static const struct bus_scheme run_bus_scheme = {"liar", run_bus_open};

/* ---- the run ---- */

uint64_t hostile_run_completions(void)
{
    const char *text = getenv("IXY_HOSTILE_COMPLETIONS");
    return text != NULL ? strtoull(text, NULL, 10) : 100000;
}

static uint32_t run_random(struct hostile_runner *runner, uint32_t below)
{
    runner->random = runner->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(runner->random >> 33) % below;
}

static uint64_t run_completions(const struct hostile_runner *runner)
{
    if (run_device == NULL)
        return runner->run->completions;
    emu_device_lock(run_device);
    uint64_t told = run_device->hostile.completions;
    emu_device_unlock(run_device);
    return runner->run->completions + told;
}

static void run_stats(struct hostile_runner *runner)
{
    ixy_stats stats = {.struct_size = sizeof(stats)};
    if (ixy_device_stats(runner->test.device, &stats) == 0)
        runner->dropped = stats.rx_dropped;
}

static void run_close(struct hostile_runner *runner)
{
    struct hostile_test *test = &runner->test;
    char text[256];
    runner->run->dropped += runner->dropped;
    runner->dropped = 0;
    int32_t violations = ixy_emu_violation(test->device, 0, text, sizeof(text));
    if (violations != 0)
        fail_msg("%d violations, the first: %s", violations, text);
    assert_int_equal(ixy_device_close(test->device), 0);
    test->device = 0;
    assert_int_equal((uint32_t)ixy_pool_free_count(test->pool) + test->held, HOSTILE_BUFFERS);
}

static void run_expect_error(int32_t code)
{
    if (code != IXY_E_TIMEOUT && code != IXY_E_DEVICE && code != IXY_E_UNSUPPORTED)
        fail_msg("%s: %s", ixy_error_name(code), ixy_last_error());
    assert_string_not_equal(ixy_last_error(), "");
}

/* The next device is of the kind that has told least. */
static const char *run_choose(struct hostile_runner *runner)
{
    runner->prefix = 0;
    for (uint32_t i = 1; i < runner->prefix_count; i++)
        if (runner->share[i] < runner->share[runner->prefix])
            runner->prefix = i;
    const char *prefix = runner->prefixes[runner->prefix], *queues = strstr(prefix, "queues=");
    runner->pairs = queues != NULL ? (uint32_t)strtoul(queues + strlen("queues="), NULL, 10) : 1;
    runner->threaded = strstr(prefix, "timing=threaded") != NULL;
    runner->everything = strstr(prefix, "x550") != NULL;
    return prefix + strlen("emu:");
}

static bool run_open_once(struct hostile_runner *runner)
{
    struct hostile_test *test = &runner->test;
    char address[256];
    const char *what = run_choose(runner);
    snprintf(address, sizeof(address), "liar:%s%s,wire=gen,flows=16,stream=1,hostile=all,every=%d,seed=%llu", what,
             runner->threaded ? "" : ",timing=inline", RUN_EVERY,
             (unsigned long long)(runner->seed * 1000003 + runner->run->opens++));
    ixy_device_config config = {.struct_size = sizeof(config), .pool = test->pool};
    config.rx_ring_size = runner->pairs == 1 ? 256 : 128;
    config.tx_ring_size = 64u << run_random(runner, runner->pairs == 1 ? 3 : 2);
    config.rx_queues = config.tx_queues = runner->pairs;
    config.offloads = test->offloads = runner->everything ? RUN_OFFLOADS : 0;
    config.frame_len_max = test->frame_len_max = runner->everything ? RUN_LONGEST : 0;
    int32_t code = ixy_device_open(address, &config, &test->device);
    if (code < 0) {
        run_expect_error(code);
        assert_int_equal((uint32_t)ixy_pool_free_count(test->pool) + test->held, HOSTILE_BUFFERS);
        return false;
    }
    code = ixy_device_start(test->device);
    if (code >= 0)
        return true;
    run_expect_error(code);
    run_close(runner);
    return false;
}

static void run_open(struct hostile_runner *runner)
{
    for (uint32_t attempt = 0; attempt < RUN_ATTEMPTS; attempt++)
        if (run_open_once(runner))
            return;
    fail_msg("%s does not open at %d attempts", runner->prefixes[runner->prefix], RUN_ATTEMPTS);
}

/* Starts it again; what does not come back is closed and opened anew. */
static void run_recover(struct hostile_runner *runner)
{
    run_stats(runner);
    runner->run->dropped += runner->dropped;
    runner->dropped = 0;
    uint32_t attempts = run_random(runner, 16); /* 0: it is opened anew at once */
    for (uint32_t attempt = 0; attempt < attempts; attempt++) {
        runner->run->resets++;
        int32_t code = ixy_device_reset(runner->test.device);
        if (code == 0)
            return;
        run_expect_error(code);
    }
    run_close(runner);
    run_open(runner);
}

/* Of what was received the caller sends some, frees some, and keeps some for a while. */
static bool run_batch(struct hostile_runner *runner, ixy_frame *kept, uint32_t *keeps)
{
    struct hostile_test *test = &runner->test;
    ixy_frame frames[RUN_BATCH];
    test->queue = run_random(runner, runner->pairs);
    uint32_t most = 1 + run_random(runner, RUN_BATCH);
    most = runner->everything && most < RUN_FRAMES ? RUN_FRAMES : most;
    int32_t received = hostile_receive(test, frames, most);
    if (received < 0) {
        assert_int_equal(received, IXY_E_DEVICE);
        return false;
    }
    runner->run->received += (uint32_t)received;
    runner->run->received_elsewhere += test->queue != 0 ? (uint32_t)received : 0;
    uint32_t send = run_random(runner, (uint32_t)received + 1);
    test->queue = run_random(runner, runner->pairs);
    int32_t sent = hostile_transmit(test, frames, send);
    /* A frame whose length a device invented may be longer than any that can be sent. */
    assert_true(sent >= 0 || sent == IXY_E_DEVICE || sent == IXY_E_FRAME);
    uint32_t gone = sent > 0 ? (uint32_t)sent : 0;
    runner->run->sent += gone;
    hostile_free(test, kept, *keeps);
    uint32_t rest = (uint32_t)received - gone;
    *keeps = run_random(runner, rest + 1);
    memcpy(kept, frames + gone, *keeps * sizeof(*kept));
    hostile_free(test, frames + gone + *keeps, rest - *keeps);
    return received != 0 || gone != 0;
}

/* A threaded device lies ahead of its driver, who has to meet some of it as well. */
static bool run_is_done(const struct hostile_runner *runner, uint64_t completions)
{
    const struct hostile_run *run = runner->run;
    bool met = run->received > 0 && run->sent > 0 && run->dropped > 0 && run->resets >= RUN_RESETS;
    return run_completions(runner) >= completions && (met || !runner->threaded);
}

void hostile_run(const char *const *prefixes, uint32_t count, uint64_t seed, uint64_t completions,
                 struct hostile_run *run)
{
    struct hostile_runner runner = {.run = run, .prefixes = prefixes, .prefix_count = count};
    ixy_frame kept[RUN_BATCH];
    uint32_t keeps = 0, idle = 0;
    assert_in_range(count, 1, RUN_PREFIXES);
    memset(run, 0, sizeof(*run));
    runner.seed = runner.random = seed;
    run_runner = &runner;
    if (strstr(prefixes[0], "x550") != NULL)
        hostile_test_pool_small(&runner.test, 0, 0);
    else
        hostile_test_pool(&runner.test);
    device_register_bus(&run_bus_scheme);
    run_open(&runner);
    for (uint64_t batches = 0; !run_is_done(&runner, completions); batches++) {
        assert_true(batches / RUN_PATIENCE <= completions / 1000);
        if (batches % 4 == 0)
            run_stats(&runner); /* a control call: how a driver notices that a card is gone */
        idle = run_batch(&runner, kept, &keeps) ? 0 : idle + 1;
        if (idle != 0 && runner.threaded)
            usleep(RUN_NAP); /* its thread may sleep */
        ixy_link link = {.struct_size = sizeof(link)};
        if (idle == RUN_IDLE || (idle != 0 && ixy_device_link(runner.test.device, &link) == IXY_E_DEVICE)) {
            run_recover(&runner);
            idle = 0;
        }
    }
    hostile_free(&runner.test, kept, keeps);
    run_stats(&runner);
    run->digest = runner.test.digest;
    run_close(&runner);
    hostile_test_close(&runner.test);
}
