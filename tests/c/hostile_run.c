/* The seeded random run of hostile_support.h. All that is random follows from the seed: what the device does from its
 * own generator, what the caller does from the one here. */
#include "tests/c/hostile_support.h"

#include <stdio.h>
#include <stdlib.h>

#include "abi/objects.h"

#define RUN_BATCH 256
#define RUN_EVERY 16
#define RUN_IDLE 64         /* batches without a frame received or sent, after which the caller resets */
#define RUN_ATTEMPTS 1000   /* to open or reset a device, most of which fail */
#define RUN_PATIENCE 400000 /* batches for each thousand of completions, after which this is a hang */

struct hostile_runner {
    struct hostile_test test;
    struct hostile_run *run;
    const char *prefix;
    uint64_t seed, random;
    uint64_t told_before; /* by devices that are closed */
    uint64_t dropped;     /* by the device since its last reset */
};

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

/* Lies about what was completed; those about the device as a whole are not. */
static uint64_t run_told(const uint64_t *told)
{
    uint64_t sum = 0;
    for (uint32_t lie = 0; lie < HOSTILE_CONFIG_QUEUE; lie++)
        sum += lie != HOSTILE_STATION_ADDRESS ? told[lie] : 0;
    return sum;
}

static uint64_t run_told_so_far(const struct hostile_runner *runner)
{
    return runner->told_before + (runner->test.hostile != NULL ? run_told(runner->test.hostile->told) : 0);
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
    for (uint32_t lie = 0; lie < HOSTILE_LIES; lie++)
        runner->run->told[lie] += test->hostile->told[lie];
    runner->told_before += run_told(test->hostile->told);
    runner->run->dropped += runner->dropped;
    runner->dropped = 0;
    int32_t violations = ixy_emu_violation(test->device, 0, text, sizeof(text));
    if (violations != 0)
        fail_msg("%d violations, the first: %s", violations, text);
    assert_int_equal(ixy_device_close(test->device), 0);
    test->device = 0;
    test->hostile = NULL;
    assert_int_equal((uint32_t)ixy_pool_free_count(test->pool) + test->held, HOSTILE_BUFFERS);
}

static void run_expect_error(int32_t code)
{
    if (code != IXY_E_TIMEOUT && code != IXY_E_DEVICE && code != IXY_E_UNSUPPORTED)
        fail_msg("%s: %s", ixy_error_name(code), ixy_last_error());
    assert_string_not_equal(ixy_last_error(), "");
}

static bool run_open_once(struct hostile_runner *runner)
{
    struct hostile_test *test = &runner->test;
    char address[256];
    snprintf(address, sizeof(address), "%s,timing=inline,wire=gen,hostile=all,every=%d,seed=%llu", runner->prefix,
             RUN_EVERY, (unsigned long long)(runner->seed * 1000003 + runner->run->opens++));
    ixy_device_config config = {.struct_size = sizeof(config), .pool = test->pool, .rx_ring_size = 256};
    config.tx_ring_size = 64u << run_random(runner, 3);
    int32_t code = ixy_device_open(address, &config, &test->device);
    if (code < 0) {
        run_expect_error(code);
        assert_int_equal((uint32_t)ixy_pool_free_count(test->pool) + test->held, HOSTILE_BUFFERS);
        return false;
    }
    test->hostile = &((struct emu_device *)device_slot_find(test->device)->device->bus)->hostile;
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
    fail_msg("%s does not open at %d attempts", runner->prefix, RUN_ATTEMPTS);
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
    int32_t received = hostile_receive(test, frames, 1 + run_random(runner, RUN_BATCH));
    if (received < 0) {
        assert_int_equal(received, IXY_E_DEVICE);
        return false;
    }
    runner->run->received += (uint32_t)received;
    uint32_t send = run_random(runner, (uint32_t)received + 1);
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

void hostile_run(const char *prefix, uint64_t seed, uint64_t completions, struct hostile_run *run)
{
    struct hostile_runner runner = {.run = run, .prefix = prefix, .seed = seed, .random = seed};
    ixy_frame kept[RUN_BATCH];
    uint32_t keeps = 0, idle = 0;
    memset(run, 0, sizeof(*run));
    hostile_test_pool(&runner.test);
    run_open(&runner);
    for (uint64_t batches = 0; run_told_so_far(&runner) < completions; batches++) {
        assert_true(batches / RUN_PATIENCE <= completions / 1000);
        if (batches % 4 == 0)
            run_stats(&runner); /* a control call: how a driver notices that a card is gone */
        idle = run_batch(&runner, kept, &keeps) ? 0 : idle + 1;
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
