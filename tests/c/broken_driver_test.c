/* Does the model catch a broken driver? Our own driver forwards frames of a generator back to it, with one mistake
 * between it and its bus (broken_bus.h, broken_mistakes.c). The first violation must be the mistake's own, by its
 * message; and whatever the driver does, the device must not touch what it may not: a buffer that the caller keeps is
 * as it was, everything returns to the pool, and the sanitizers that this test also runs under find nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "abi/include/ixy.h"
#include "core/device/device.h"
#include "tests/c/broken_mistakes.h"

#define FRAMES 512
#define ROUNDS 400
#define BUFFERS 512
#define BATCH 32
#define KEPT_BYTE 0xA5

struct run {
    uint64_t pool, device;
    ixy_view view;
    uint32_t received;
    uint32_t held_count;
    ixy_frame held[BATCH]; /* received and not yet sent */
};

/* Receives a batch, then sends the one before: between the two the caller owns what it received, and the device works.
 * A mistake may have put the device out of order; then the calls fail, and that is all they do. */
static void forward(struct run *run)
{
    ixy_frame frames[BATCH];
    int32_t received = ixy_rx_batch(run->device, 0, frames, BATCH);
    assert_in_range(received, 0, BATCH);
    for (int32_t i = 0; i < received; i++)
        run->view.base[frames[i].offset + 48]++; /* as the sink wants it */
    int32_t sent = ixy_tx_batch(run->device, 0, run->held, run->held_count);
    assert_in_range(sent, 0, run->held_count);
    uint32_t left = run->held_count - (uint32_t)sent;
    assert_int_equal(ixy_buf_free(run->pool, run->held + sent, left), left);
    memcpy(run->held, frames, (uint32_t)received * sizeof(frames[0]));
    run->held_count = (uint32_t)received;
    run->received += (uint32_t)received;
}

/* Opens, starts, forwards, changes a filter, closes: as far as the mistake lets it come. */
static void run_device(struct run *run, const char *address)
{
    ixy_device_config config = {
        .struct_size = sizeof(config), .rx_ring_size = 64, .tx_ring_size = 64, .pool = run->pool};
    if (ixy_device_open(address, &config, &run->device) < 0)
        return;
    if (ixy_device_start(run->device) >= 0) {
        for (uint32_t i = 0; i < ROUNDS && run->received < FRAMES; i++)
            forward(run);
        forward(run); /* sends the last batch */
        ixy_device_promiscuous_set(run->device, 0);
        ixy_device_promiscuous_set(run->device, 1);
    }
    assert_int_equal(ixy_device_close(run->device), 0);
    assert_int_equal(ixy_buf_free(run->pool, run->held, run->held_count), run->held_count);
}

static void run_with(const struct broken_mistake *mistake, const char *what, struct broken_record *record)
{
    struct run run = {.view = {.struct_size = sizeof(run.view)}};
    ixy_pool_config config = {.struct_size = sizeof(config), .buffer_count = BUFFERS};
    ixy_frame kept;
    assert_int_equal(ixy_pool_open(&config, &run.pool), 0);
    assert_int_equal(ixy_pool_view(run.pool, &run.view), 0);
    assert_int_equal(ixy_buf_alloc(run.pool, &kept, 1), 1);
    uint32_t index = (uint32_t)kept.buf & run.view.index_mask;
    uint8_t *bytes = run.view.base + (size_t)index * run.view.buffer_stride;
    memset(bytes, KEPT_BYTE, run.view.buffer_stride);

    char address[96];
    snprintf(address, sizeof(address), "broken:%s,wire=gen,limit=%d,burst=16,timing=inline", what, FRAMES);
    broken_prepare(mistake, index, record);
    run_device(&run, address);

    for (uint32_t i = 0; i < run.view.buffer_stride; i++)
        assert_int_equal(bytes[i], KEPT_BYTE);
    assert_int_equal(ixy_buf_free(run.pool, &kept, 1), 1);
    assert_int_equal(ixy_pool_free_count(run.pool), BUFFERS);
    assert_int_equal(ixy_pool_view_release(run.view.view), 0);
    assert_int_equal(ixy_pool_close(run.pool), 0);
}

static void no_mistake_has_no_violation(void **state)
{
    (void)state;
    static const char *const models[] = {"82599", "x540", "x550"};
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        struct broken_record record;
        run_with(&broken_none, models[i], &record);
        if (record.violations != 0)
            fail_msg("%s: %u violations, the first: %s", models[i], record.violations, record.text[0]);
        assert_int_equal(record.counters.verified, FRAMES);
        assert_int_equal(record.counters.damaged, 0);
        assert_int_equal(record.counters.repeated, 0);
    }
}

static void mistake_is_caught(void **state)
{
    const struct broken_mistake *mistake = *state;
    struct broken_record record;
    run_with(mistake, "82599", &record);
    if (record.violations == 0)
        fail_msg("%s: not caught", mistake->name);
    for (uint32_t i = 0; i < 2; i++)
        if (strstr(record.text[0], mistake->text[i]) == NULL)
            fail_msg("%s: the first violation should say \"%s\", but is \"%s\"", mistake->name, mistake->text[i],
                     record.text[0]);
    print_message("    %s\n", record.text[0]);
}

int main(void)
{
    static struct CMUnitTest tests[128];
    size_t count = 0;
    device_register_bus(&broken_bus_scheme);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(no_mistake_has_no_violation);
    for (uint32_t i = 0; i < broken_mistake_count; i++, count++) {
        tests[count].name = broken_mistakes[i].name;
        tests[count].test_func = mistake_is_caught;
        tests[count].initial_state = (void *)(uintptr_t)&broken_mistakes[i];
    }
    return _cmocka_run_group_tests("broken drivers", tests, count, NULL, NULL);
}
