/* The Nth call for memory, a file or a thread fails, for every N until a scenario runs through: each failure is an
 * error with a text, nothing is left behind, and the next attempt succeeds.
 *
 *   failing_nth_test [NAME...]: the scenarios whose names begin so
 */
#include "tests/failing/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t nth_not_run;

static const char *nth_what(const struct scenario *scenario, bool lasting)
{
    static char text[256];
    snprintf(text, sizeof(text), "%s: %s%s", scenario->name, failing_text(), lasting ? " and all after it" : "");
    return text;
}

/* The text is of this failure: before, it was another. */
static void nth_check_error(const struct world *world, bool lasting, const char *step, int32_t code, const char *before)
{
    const struct scenario *scenario = world->scenario;
    if (code == WORLD_WRONG)
        fail_msg("%s: %s: %s", nth_what(scenario, lasting), step, world->wrong);
    if (failing_told() == 0)
        fail_msg("%s: %s: %s without a cause: %s", nth_what(scenario, lasting), step, ixy_error_name(code),
                 ixy_last_error());
    if (strcmp(ixy_last_error(), before) == 0 || strlen(ixy_last_error()) < 10)
        fail_msg("%s: %s: %s has no text", nth_what(scenario, lasting), step, ixy_error_name(code));
}

/* One run. Returns false when nothing failed any more. */
static bool nth_run(const struct scenario *scenario, uint32_t at, bool lasting)
{
    struct world world = {.scenario = scenario};
    char before[IXY_TEXT_MAX];
    bool told = false;
    ixy_pool_close(0); /* leaves a text that no step leaves */
    snprintf(before, sizeof(before), "%s", ixy_last_error());
    uint32_t files = world_files();
    failing_begin(at, lasting);
    for (const struct step *step = scenario->steps; step->run != NULL; step++) {
        int32_t code = step->run(&world);
        if (code >= 0)
            continue;
        nth_check_error(&world, lasting, step->name, code, before);
        told = true;
        if (lasting)
            break;
        failing_end();
        code = step->run(&world);
        if (code < 0)
            fail_msg("%s: %s fails again, though nothing is lacking: %s: %s", nth_what(scenario, lasting), step->name,
                     ixy_error_name(code), code == WORLD_WRONG ? world.wrong : ixy_last_error());
    }
    bool silent = failing_told() > 0 && !told && !world.excused;
    const char *left = world_close(&world); /* what fails meanwhile is no reason not to close */
    bool failed = failing_calls() >= at;
    failing_end();
    if (left != NULL)
        fail_msg("%s: %s", nth_what(scenario, lasting), left);
    if (silent)
        fail_msg("%s: nobody said so", nth_what(scenario, lasting));
    if (world_files() != files)
        fail_msg("%s: %u files open, %u before", nth_what(scenario, lasting), world_files(), files);
    return failed;
}

static void nth_scenario(void **state)
{
    const struct scenario *scenario = *state;
    const char *missing = scenario->missing != NULL ? scenario->missing() : NULL;
    if (missing != NULL) {
        print_message("%s: NOT RUN: %s\n", scenario->name, missing);
        nth_not_run++;
        skip();
    }
    scenario_begin(scenario);
    uint32_t most = 0;
    for (uint32_t lasting = 0; lasting < 2; lasting++) {
        uint32_t at = 1;
        while (nth_run(scenario, at, lasting != 0))
            at++;
        most = at - 1 > most ? at - 1 : most;
    }
    scenario_end(scenario);
    assert_true(most >= scenario->calls_min);
    print_message("%s: each of %u calls failed\n", scenario->name, most);
}

int main(int count, char **names)
{
    struct CMUnitTest tests[64] = {{0}};
    size_t chosen = 0;
    for (uint32_t i = 0; i < scenario_count && chosen < 64; i++) {
        bool wanted = count < 2;
        for (int k = 1; k < count; k++)
            wanted = wanted || strncmp(scenarios[i].name, names[k], strlen(names[k])) == 0;
        if (wanted)
            tests[chosen++] = (struct CMUnitTest){.name = scenarios[i].name,
                                                  .test_func = nth_scenario,
                                                  .initial_state = (void *)(uintptr_t)&scenarios[i]};
    }
    if (chosen == 0) {
        fprintf(stderr, "no scenario of that name\n");
        return 2;
    }
    int failed = _cmocka_run_group_tests("nth", tests, chosen, NULL, NULL);
    return failed == 0 && nth_not_run == chosen ? 77 : failed;
}
