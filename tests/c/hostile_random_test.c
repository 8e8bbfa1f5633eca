/* Seeded runs with every lie at once: no access out of bounds (under the sanitizers), no hang, every buffer accounted
 * for; and a run repeats exactly. IXY_HOSTILE_COMPLETIONS says how many lies about completions are told. */
#include "tests/c/hostile_support.h"

#include <stdio.h>

#include "core/device/error.h"

/* What was told of each lie. The names are those that the error of a wrong one lists. */
static void run_print_told(const struct hostile_run *run, uint32_t family)
{
    struct address address;
    struct hostile hostile;
    char known[ERROR_TEXT_SIZE], text[64], *rest = known;
    assert_int_equal(address_parse("emu:any,hostile=?", &address), 0);
    assert_int_equal(hostile_open(&address, family, &hostile), IXY_E_ADDRESS);
    const char *names = strstr(error_text(), "all+");
    assert_non_null(names);
    snprintf(known, sizeof(known), "%s", names + 4);
    for (const char *name; (name = strsep(&rest, "+")) != NULL;) {
        snprintf(text, sizeof(text), "emu:any,hostile=%s", name);
        assert_int_equal(address_parse(text, &address), 0);
        assert_int_equal(hostile_open(&address, family, &hostile), 0);
        assert_int_equal(__builtin_popcountll(hostile.lies), 1);
        print_message("  %-22s %llu\n", name, (unsigned long long)run->told[__builtin_ctzll(hostile.lies)]);
    }
}

static void run_one(const char *prefix, uint32_t family, uint64_t completions)
{
    struct hostile_run run;
    hostile_run(prefix, 1, completions, &run);
    run_print_told(&run, family);
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
    run_one("emu:82599", HOSTILE_IXGBE, hostile_run_completions());
}

static void hostile_repeats_82599(void **state)
{
    (void)state;
    run_twice("emu:82599");
}

static void hostile_random_split(void **state)
{
    (void)state;
    run_one("emu:virtio", HOSTILE_SPLIT, hostile_run_completions());
}

/* Frames that span buffers, one order, the legacy layout; a tenth as many of each. */
static void hostile_random_split_options(void **state)
{
    (void)state;
    run_one("emu:virtio,mrg=on,span=200,size=900,mtu=1500,queues=2,events=on", HOSTILE_SPLIT,
            hostile_run_completions() / 10);
    run_one("emu:virtio,inorder=on,notify=on", HOSTILE_SPLIT, hostile_run_completions() / 10);
    run_one("emu:virtio,legacy=on,layout=header", HOSTILE_SPLIT, hostile_run_completions() / 10);
}

static void hostile_repeats_split(void **state)
{
    (void)state;
    run_twice("emu:virtio,mrg=on");
}

static void hostile_random_packed(void **state)
{
    (void)state;
    run_one("emu:virtio,ring=packed", HOSTILE_PACKED, hostile_run_completions());
}

static void hostile_random_packed_options(void **state)
{
    (void)state;
    run_one("emu:virtio,ring=packed,mrg=on,span=200,size=900,mtu=1500,queues=2,events=on", HOSTILE_PACKED,
            hostile_run_completions() / 10);
    run_one("emu:virtio,ring=packed,inorder=on,notify=on", HOSTILE_PACKED, hostile_run_completions() / 10);
}

static void hostile_repeats_packed(void **state)
{
    (void)state;
    run_twice("emu:virtio,ring=packed,mrg=on");
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_random_82599),          cmocka_unit_test(hostile_repeats_82599),
        cmocka_unit_test(hostile_random_split),          cmocka_unit_test(hostile_random_split_options),
        cmocka_unit_test(hostile_repeats_split),         cmocka_unit_test(hostile_random_packed),
        cmocka_unit_test(hostile_random_packed_options), cmocka_unit_test(hostile_repeats_packed),
    };
    if (count > 1)
        cmocka_set_test_filter(arguments[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
