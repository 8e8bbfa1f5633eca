/* Seeded runs with every lie at once: no access out of bounds (under the sanitizers), no hang, every buffer accounted
 * for; and a run repeats exactly. IXY_HOSTILE_COMPLETIONS says how many completions of each family are lied about. */
#include "tests/c/hostile_support.h"

#include <stdio.h>

#include "core/device/error.h"

/* Lies that a driver must find among ids, order, indices, parts and lengths: one completion in so many at least. */
#define RUN_RARE 500
static const enum hostile_lie run_frequent[] = {
    HOSTILE_RX_LENGTH_BEYOND, HOSTILE_RX_LENGTH_IMPLAUSIBLE,
    HOSTILE_RX_NO_EOP,        HOSTILE_RX_PIECES,
    HOSTILE_RX_SHORT,         HOSTILE_RX_STAMP,
    HOSTILE_ID_RANGE,         HOSTILE_ID_IDLE,
    HOSTILE_ID_TWICE,         HOSTILE_ORDER,
    HOSTILE_INDEX_JUMP,       HOSTILE_LENGTH_BEYOND,
    HOSTILE_LENGTH_SHORT,     HOSTILE_LENGTH_SPANNING,
    HOSTILE_NUM_BUFFERS,
};

static uint64_t run_wanted(uint32_t lie, uint64_t completions)
{
    for (size_t i = 0; i < sizeof(run_frequent) / sizeof(run_frequent[0]); i++)
        if (run_frequent[i] == lie)
            return completions / RUN_RARE;
    return 1;
}

/* What was told of each lie: of none too little. The names are those that the error of a wrong one lists. */
static void run_check_told(const struct hostile_run *run, uint32_t family)
{
    struct address address;
    struct hostile hostile;
    char known[ERROR_TEXT_SIZE], text[64], *rest = known;
    uint32_t few = 0;
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
        uint32_t lie = (uint32_t)__builtin_ctzll(hostile.lies);
        print_message("  %-22s %llu\n", name, (unsigned long long)run->told[lie]);
        few += run->told[lie] < run_wanted(lie, run->completions);
    }
    assert_int_equal(few, 0);
}

/* What came of a run, or of several. */
static void run_check(const struct hostile_run *run, uint64_t completions, uint32_t family)
{
    print_message("  %llu completions, %llu received, %llu sent, %llu dropped, %llu resets, %llu opens; told:\n",
                  (unsigned long long)run->completions, (unsigned long long)run->received,
                  (unsigned long long)run->sent, (unsigned long long)run->dropped, (unsigned long long)run->resets,
                  (unsigned long long)run->opens);
    run_check_told(run, family);
    assert_true(run->completions >= completions);
    assert_true(family == HOSTILE_IXGBE || run->received_elsewhere > 0);
    assert_true(run->received > 0 && run->sent > 0 && run->dropped > 0 && run->resets > 0);
}

static void run_all(const char *const *prefixes, uint32_t count, uint32_t family)
{
    struct hostile_run run;
    uint64_t completions = hostile_run_completions();
    hostile_run(prefixes, count, 1, completions, &run);
    run_check(&run, completions, family);
}

static void run_twice(const char *prefix)
{
    struct hostile_run first, second, other;
    hostile_run(&prefix, 1, 7, 5000, &first);
    hostile_run(&prefix, 1, 7, 5000, &second);
    assert_memory_equal(&first, &second, sizeof(first));
    hostile_run(&prefix, 1, 8, 5000, &other);
    assert_true(other.digest != first.digest);
}

/* Plain frames; and, on a pool of smaller buffers, all that an X550 can do, with packets over two buffers. */
static void hostile_random_82599(void **state)
{
    static const char *const plain = "emu:82599", *const packets = "emu:x550,size=1514";
    struct hostile_run run, other;
    uint64_t half = hostile_run_completions() / 2;
    (void)state;
    hostile_run(&plain, 1, 1, half, &run);
    hostile_run(&packets, 1, 1, half, &other);
    for (uint32_t lie = 0; lie < HOSTILE_LIES; lie++)
        run.told[lie] += other.told[lie];
    run.completions += other.completions;
    run.received += other.received;
    run.sent += other.sent;
    run.dropped += other.dropped;
    run.resets += other.resets;
    run.opens += other.opens;
    run_check(&run, 2 * half, HOSTILE_IXGBE);
}

static void hostile_repeats_82599(void **state)
{
    (void)state;
    run_twice("emu:82599");
}

/* Frames in one buffer each, and in several; one order; several queues; the legacy layout. */
static void hostile_random_split(void **state)
{
    static const char *const prefixes[] = {
        "emu:virtio",
        "emu:virtio,mrg=on,events=on",
        "emu:virtio,mrg=on,span=200,size=900,mtu=1500,queues=2,events=on",
        "emu:virtio,inorder=on,notify=on",
        "emu:virtio,mrg=on,span=300,size=600,inorder=on",
        "emu:virtio,queues=3,notify=on",
        "emu:virtio,legacy=on",
        "emu:virtio,legacy=on,layout=header",
    };
    (void)state;
    run_all(prefixes, sizeof(prefixes) / sizeof(prefixes[0]), HOSTILE_SPLIT);
}

static void hostile_repeats_split(void **state)
{
    (void)state;
    run_twice("emu:virtio,mrg=on,queues=2");
}

static void hostile_random_packed(void **state)
{
    static const char *const prefixes[] = {
        "emu:virtio,ring=packed",
        "emu:virtio,ring=packed,mrg=on,events=on",
        "emu:virtio,ring=packed,mrg=on,span=200,size=900,mtu=1500,queues=2,events=on",
        "emu:virtio,ring=packed,inorder=on,notify=on",
        "emu:virtio,ring=packed,mrg=on,span=300,size=600,inorder=on",
        "emu:virtio,ring=packed,queues=3,notify=on",
    };
    (void)state;
    run_all(prefixes, sizeof(prefixes) / sizeof(prefixes[0]), HOSTILE_PACKED);
}

static void hostile_repeats_packed(void **state)
{
    (void)state;
    run_twice("emu:virtio,ring=packed,mrg=on,queues=2");
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_random_82599),  cmocka_unit_test(hostile_repeats_82599),
        cmocka_unit_test(hostile_random_split),  cmocka_unit_test(hostile_repeats_split),
        cmocka_unit_test(hostile_random_packed), cmocka_unit_test(hostile_repeats_packed),
    };
    if (count > 1)
        cmocka_set_test_filter(arguments[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
