/* Threaded models: frames cross two devices while other threads use their control functions, and devices come and go
 * beside them. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/c/emu_support.h"

#define FRAMES 4000 /* of each generator */

struct bystander {
    struct bus *bus;
    uint32_t stop;
};

static void *read_registers(void *argument)
{
    struct bystander *bystander = argument;
    while (__atomic_load_n(&bystander->stop, __ATOMIC_ACQUIRE) == 0) {
        struct emu_meter meter;
        struct emu_counters counters;
        (void)bus_read32(bystander->bus, 0x042A4);
        (void)bus_read32(bystander->bus, 0x01018); /* the tail, while the driver stores it */
        emu_meter(bystander->bus, &meter);
        emu_counters(bystander->bus, &counters);
    }
    return NULL;
}

static void *open_and_close(void *argument)
{
    struct bystander *bystander = argument;
    while (__atomic_load_n(&bystander->stop, __ATOMIC_ACQUIRE) == 0) {
        struct bus *bus = emu_test_bus("emu:82599,wire=gen");
        (void)bus_read32(bus, 0x00008);
        bus->ops->close(bus);
    }
    return NULL;
}

static void forward(struct emu_test *from, struct emu_test *to, uint32_t *received)
{
    struct emu_test_frame frame;
    while (emu_test_receive(from, 0, &frame)) {
        (*received)++;
        frame.data[48]++;
        while (!emu_test_send(to, 0, frame.buffer, frame.len))
            ; /* the model makes room */
        emu_test_clean(to, 0);
    }
}

static void test_forward(void **state)
{
    (void)state;
    static const char *const addresses[] = {"emu:82599,wire=gen,limit=4000,burst=32",
                                            "emu:82599,wire=gen,limit=4000,size=700,rate=400000"};
    struct emu_test a, b;
    struct emu_test_pool pool;
    emu_test_pool_open(&pool);
    emu_test_open(&a, addresses[0], &pool, &emu_test_plain);
    emu_test_open(&b, addresses[1], &pool, &emu_test_plain);
    struct bystander readers = {a.bus, 0}, openers = {NULL, 0};
    pthread_t reader, opener;
    assert_int_equal(pthread_create(&reader, NULL, read_registers, &readers), 0);
    assert_int_equal(pthread_create(&opener, NULL, open_and_close, &openers), 0);
    uint32_t received = 0;
    time_t end = time(NULL) + 60;
    while (received < 2 * FRAMES && time(NULL) < end) {
        forward(&a, &b, &received);
        forward(&b, &a, &received);
    }
    assert_int_equal(received, 2 * FRAMES);
    struct emu_counters counters[2];
    do {
        emu_counters(a.bus, &counters[0]);
        emu_counters(b.bus, &counters[1]);
    } while (counters[0].verified + counters[1].verified < 2 * FRAMES && time(NULL) < end);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(counters[i].generated, FRAMES);
        assert_int_equal(counters[i].verified, FRAMES);
        assert_int_equal(counters[i].damaged + counters[i].repeated + counters[i].foreign, 0);
    }
    __atomic_store_n(&readers.stop, 1, __ATOMIC_RELEASE);
    __atomic_store_n(&openers.stop, 1, __ATOMIC_RELEASE);
    pthread_join(reader, NULL);
    pthread_join(opener, NULL);
    emu_test_close(&a, 0);
    emu_test_close(&b, 0);
    emu_test_pool_close(&pool);
}

/* The thread sleeps when there is nothing to do, and ends with the last device. */
static void test_idle(void **state)
{
    (void)state;
    struct bus *bus = emu_test_bus("emu:82599");
    struct timespec used_before, used_after, nap = {0, 20000000};
    nanosleep(&nap, NULL);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used_before);
    nap.tv_nsec = 200000000;
    nanosleep(&nap, NULL);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used_after);
    int64_t used = (used_after.tv_sec - used_before.tv_sec) * 1000000000 + used_after.tv_nsec - used_before.tv_nsec;
    assert_true(used < 50000000); /* of 200 milliseconds */
    bus->ops->close(bus);
}

/* Steps of a device in a fifth of a second. */
static uint64_t steps(struct bus *bus)
{
    struct emu_meter before, after;
    struct timespec pause = {.tv_nsec = 200000000};
    emu_meter(bus, &before);
    nanosleep(&pause, NULL);
    emu_meter(bus, &after);
    return after.steps - before.steps;
}

/* A model sleeps also while frames are due that its driver does not take: with a full ring, or before it is started.
 * One that does not makes a hundred thousand steps and more. */
static void test_sleeps_before_a_full_ring(void **state)
{
    (void)state;
    struct emu_test test;
    struct emu_test_pool pool;
    emu_test_pool_open(&pool);
    emu_test_open(&test, "emu:82599,wire=gen,rate=100000", &pool, &emu_test_plain);
    (void)steps(test.bus); /* until the ring is full */
    assert_true(steps(test.bus) < 10000);
    emu_test_close(&test, 0);
    emu_test_pool_close(&pool);
    struct bus *bus = emu_test_bus("emu:virtio,wire=gen,rate=100000");
    assert_true(steps(bus) < 10000);
    bus->ops->close(bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sleeps_before_a_full_ring),
        cmocka_unit_test(test_forward),
        cmocka_unit_test(test_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
