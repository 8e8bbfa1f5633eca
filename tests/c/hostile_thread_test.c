/* Devices that lie while they run on a thread of their own: no access out of bounds, no data race (under the
 * sanitizers), no hang, every buffer accounted for. When they lie is the scheduler's choice, so that no two runs are
 * the same. */
#include "tests/c/hostile_support.h"

#define THREAD_SEEDS 2
#define THREAD_COMPLETIONS 1000

static void thread_run(const char *const *prefixes, uint32_t count)
{
    for (uint64_t seed = 1; seed <= THREAD_SEEDS; seed++) {
        struct hostile_run run;
        hostile_run(prefixes, count, seed, THREAD_COMPLETIONS, &run);
        print_message("  %llu completions, %llu received, %llu sent, %llu dropped, %llu resets, %llu opens\n",
                      (unsigned long long)run.completions, (unsigned long long)run.received,
                      (unsigned long long)run.sent, (unsigned long long)run.dropped, (unsigned long long)run.resets,
                      (unsigned long long)run.opens);
        assert_true(run.completions >= THREAD_COMPLETIONS);
        assert_true(run.received > 0 && run.sent > 0 && run.dropped > 0 && run.resets > 0);
    }
}

static void hostile_threaded_82599(void **state)
{
    static const char *const prefixes[] = {"emu:82599,timing=threaded"};
    (void)state;
    thread_run(prefixes, 1);
}

static void hostile_threaded_split(void **state)
{
    static const char *const prefixes[] = {
        "emu:virtio,timing=threaded",
        "emu:virtio,timing=threaded,inorder=on,notify=on",
        "emu:virtio,timing=threaded,mrg=on,span=200,size=900,queues=2,events=on",
    };
    (void)state;
    thread_run(prefixes, 3);
}

static void hostile_threaded_packed(void **state)
{
    static const char *const prefixes[] = {
        "emu:virtio,timing=threaded,ring=packed",
        "emu:virtio,timing=threaded,ring=packed,inorder=on,notify=on",
        "emu:virtio,timing=threaded,ring=packed,mrg=on,span=200,size=900,queues=2,events=on",
    };
    (void)state;
    thread_run(prefixes, 3);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_threaded_82599),
        cmocka_unit_test(hostile_threaded_split),
        cmocka_unit_test(hostile_threaded_packed),
    };
    if (count > 1)
        cmocka_set_test_filter(arguments[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
