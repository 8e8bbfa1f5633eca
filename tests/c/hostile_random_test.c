/* Seeded runs with every lie at once: no access out of bounds (under the sanitizers), no hang, every buffer accounted
 * for; and a run repeats exactly. IXY_HOSTILE_COMPLETIONS says how many lies about completions are told. */
#include "tests/c/hostile_support.h"

#include <stdio.h>

static void run_one(const char *prefix, uint32_t family)
{
    struct hostile_run run;
    hostile_run(prefix, 1, hostile_run_completions(), &run);
    for (uint32_t lie = 0; lie < HOSTILE_LIES; lie++)
        if (hostile_name((enum hostile_lie)lie, family, NULL) != NULL)
            print_message("  %-22s %llu\n", hostile_name((enum hostile_lie)lie, family, NULL),
                          (unsigned long long)run.told[lie]);
    print_message("  %llu received, %llu sent, %llu dropped, %llu resets, %llu opens\n",
                  (unsigned long long)run.received, (unsigned long long)run.sent, (unsigned long long)run.dropped,
                  (unsigned long long)run.resets, (unsigned long long)run.opens);
    assert_true(run.received > 0 && run.sent > 0 && run.dropped > 0 && run.resets > 0);
}

static void run_twice(const char *prefix)
{
    struct hostile_run first, second, other;
    hostile_run(prefix, 7, 5000, &first);
    hostile_run(prefix, 7, 5000, &second);
    assert_memory_equal(&first, &second, sizeof(first));
    hostile_run(prefix, 8, 5000, &other);
    assert_true(other.digest != first.digest);
}

static void hostile_random_82599(void **state)
{
    (void)state;
    run_one("emu:82599", HOSTILE_IXGBE);
}

static void hostile_repeats_82599(void **state)
{
    (void)state;
    run_twice("emu:82599");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_random_82599),
        cmocka_unit_test(hostile_repeats_82599),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
