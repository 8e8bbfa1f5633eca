/* How long a wait polls: the state machine of core/device/moderation.h, by its table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/device/moderation.h"

#define MICROSECOND 1000u

/* A sleep that ends with a find. */
static void sleep_for(struct moderation *moderation, uint64_t *now, uint64_t nanoseconds)
{
    moderation_sleeps(moderation, *now);
    *now += nanoseconds;
    moderation_found(moderation, *now);
}

static void test_short_sleeps_lead_to_busy(void **state)
{
    (void)state;
    struct moderation moderation = {0};
    uint64_t now = 1000000000;
    assert_int_equal(moderation_poll(&moderation, now), 0);
    sleep_for(&moderation, &now, 50 * MICROSECOND);
    assert_int_equal(moderation_poll(&moderation, now), MODERATION_ALERT);
    sleep_for(&moderation, &now, 50 * MICROSECOND);
    assert_int_equal(moderation_poll(&moderation, now), MODERATION_BUSY);
    sleep_for(&moderation, &now, 50 * MICROSECOND); /* there is nothing above */
    assert_int_equal(moderation_poll(&moderation, now), MODERATION_BUSY);
}

static void test_longer_sleeps_lead_down(void **state)
{
    (void)state;
    struct moderation moderation = {.state = MODERATION_STATE_BUSY};
    uint64_t now = 1000000000;
    sleep_for(&moderation, &now, MODERATION_SHORT);
    assert_int_equal(moderation.state, MODERATION_STATE_ALERT);
    sleep_for(&moderation, &now, MODERATION_LONG - 1);
    assert_int_equal(moderation.state, MODERATION_STATE_IDLE);
    sleep_for(&moderation, &now, MODERATION_SHORT);
    assert_int_equal(moderation.state, MODERATION_STATE_IDLE);
    moderation.state = MODERATION_STATE_BUSY;
    sleep_for(&moderation, &now, MODERATION_LONG);
    assert_int_equal(moderation.state, MODERATION_STATE_IDLE);
}

/* Finds without a sleep between them: polling pays, so more of it may; from idle nothing follows, as nothing is polled.
 */
static void test_finds_without_sleep(void **state)
{
    (void)state;
    struct moderation moderation = {0};
    uint64_t now = 1000000000;
    for (uint32_t i = 0; i < 3 * MODERATION_STREAK; i++)
        moderation_found(&moderation, now += MICROSECOND);
    assert_int_equal(moderation.state, MODERATION_STATE_IDLE);
    sleep_for(&moderation, &now, 50 * MICROSECOND);
    assert_int_equal(moderation.state, MODERATION_STATE_ALERT);
    for (uint32_t i = 1; i < MODERATION_STREAK; i++)
        moderation_found(&moderation, now += MICROSECOND);
    assert_int_equal(moderation.state, MODERATION_STATE_ALERT);
    moderation_found(&moderation, now += MICROSECOND);
    assert_int_equal(moderation.state, MODERATION_STATE_BUSY);
}

/* Waits with time-outs that find nothing are one long sleep, in whose course polling ends. */
static void test_time_outs_are_one_sleep(void **state)
{
    (void)state;
    struct moderation moderation = {.state = MODERATION_STATE_BUSY};
    uint64_t now = 1000000000, polled = 0;
    for (uint32_t i = 0; i < 100; i++) {
        polled += moderation_poll(&moderation, now);
        moderation_sleeps(&moderation, now);
        now += MODERATION_LONG / 5;
    }
    assert_int_equal(polled, 5 * MODERATION_BUSY);
    assert_int_equal(moderation.state, MODERATION_STATE_IDLE);
    moderation_found(&moderation, now);
    assert_int_equal(moderation_poll(&moderation, now), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_sleeps_lead_to_busy),
        cmocka_unit_test(test_longer_sleeps_lead_down),
        cmocka_unit_test(test_finds_without_sleep),
        cmocka_unit_test(test_time_outs_are_one_sleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
