/* The emulated VirtIO device's interrupts, by what the driver's area of a receive queue asks for
 * (2.7.7, 2.7.10, 2.8.10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/c/virtio_model_support.h"

#define ENABLE 0u
#define DISABLE 1u
#define DESC 2u

struct itest {
    struct vtest test;
    int event;
};

static void iopen(struct itest *it, const char *options)
{
    vtest_open(&it->test, options);
    it->event = eventfd(0, EFD_NONBLOCK);
    assert_true(it->event >= 0);
    assert_int_equal(it->test.bus->ops->interrupts_set(it->test.bus, &it->event, 1), 0);
    vtest_start(&it->test, 2);
}

static void iclose(struct itest *it)
{
    assert_int_equal(it->test.bus->ops->interrupts_set(it->test.bus, NULL, 0), 0);
    close(it->event);
    vtest_close(&it->test, 0);
}

/* Interrupts since the last look. */
static uint64_t interrupts(const struct itest *it)
{
    eventfd_t count;
    return eventfd_read(it->event, &count) == 0 ? count : 0;
}

/* Frames around the loop, one in a step. Returns how many interrupts came. */
static uint64_t frames(struct itest *it, uint32_t count)
{
    uint8_t bytes[60];
    uint32_t id, len;
    vtest_frame(bytes, sizeof(bytes), 1, 1);
    for (uint32_t i = 0; i < count; i++) {
        it->test.taken = 0;
        vtest_post_receive(&it->test, 0);
        vtest_send(&it->test, 1, bytes, sizeof(bytes));
        vtest_step(&it->test);
        assert_true(vtest_used(&it->test, 0, &id, &len));
        assert_true(vtest_used(&it->test, 1, &id, &len));
    }
    return interrupts(it);
}

static void avail_flags(const struct itest *it, uint16_t flags)
{
    memcpy(it->test.queue[0].area[1], &flags, sizeof(flags));
}

static void used_event(const struct itest *it, uint32_t event)
{
    uint16_t value = (uint16_t)event;
    memcpy(it->test.queue[0].area[1] + 4 + 2 * VTEST_SIZE, &value, sizeof(value));
}

static void driver_event(const struct itest *it, uint32_t place, uint32_t wrap, uint32_t flags)
{
    uint32_t word = place | wrap << 15 | flags << 16;
    memcpy(it->test.queue[0].area[1], &word, sizeof(word));
}

static void test_split_flags(void **state)
{
    (void)state;
    struct itest it;
    iopen(&it, "");
    avail_flags(&it, 0);
    assert_int_equal(frames(&it, 5), 1); /* an event that is readable is not written again */
    assert_int_equal(frames(&it, 1), 1);
    avail_flags(&it, VIRTQ_AVAIL_F_NO_INTERRUPT);
    assert_int_equal(frames(&it, 200), 0);
    avail_flags(&it, 0);
    assert_int_equal(interrupts(&it), 0); /* for what was returned before, none */
    vtest_step(&it.test);
    assert_int_equal(interrupts(&it), 0);
    assert_int_equal(frames(&it, 1), 1);
    iclose(&it);
}

/* The buffer at index used_event interrupts, and no other: also across 65536, as indices count modulo 2^16. */
static void test_split_event_index(void **state)
{
    (void)state;
    struct itest it;
    iopen(&it, ",events=on");
    used_event(&it, 2);
    assert_int_equal(frames(&it, 2), 0);
    assert_int_equal(frames(&it, 1), 1);
    assert_int_equal(frames(&it, 100), 0);
    used_event(&it, 102); /* one behind: off */
    assert_int_equal(frames(&it, 100), 0);
    used_event(&it, 65537);
    assert_int_equal(frames(&it, 65537 - 203), 0);
    assert_int_equal(frames(&it, 1), 1);
    assert_int_equal(frames(&it, 1), 0);
    used_event(&it, 65539);
    assert_int_equal(frames(&it, 1), 1);
    iclose(&it);
}

static void test_packed_flags(void **state)
{
    (void)state;
    struct itest it;
    iopen(&it, ",ring=packed");
    driver_event(&it, 0, 0, ENABLE);
    assert_int_equal(frames(&it, 1), 1);
    assert_int_equal(frames(&it, 1), 1);
    driver_event(&it, 0, 0, DISABLE);
    assert_int_equal(frames(&it, 3 * VTEST_SIZE), 0);
    driver_event(&it, 0, 0, ENABLE);
    assert_int_equal(frames(&it, 1), 1);
    iclose(&it);
}

/* The descriptor at that place, in the lap of that wrap counter. */
static void test_packed_descriptor(void **state)
{
    (void)state;
    struct itest it;
    iopen(&it, ",ring=packed,events=on");
    driver_event(&it, 3, 1, DESC); /* the first lap's counter is 1 */
    assert_int_equal(frames(&it, 3), 0);
    assert_int_equal(frames(&it, 1), 1);
    assert_int_equal(frames(&it, VTEST_SIZE - 4), 0);
    driver_event(&it, 0, 0, DESC);
    assert_int_equal(frames(&it, 1), 1);
    driver_event(&it, 1, 1, DESC); /* the next lap but one's, which is also the one before's */
    assert_int_equal(frames(&it, VTEST_SIZE - 1), 0);
    driver_event(&it, VTEST_SIZE, 1, DESC); /* there is no such place */
    assert_int_equal(frames(&it, 2 * VTEST_SIZE), 0);
    driver_event(&it, VTEST_SIZE - 1, 1, DESC);
    assert_int_equal(frames(&it, VTEST_SIZE - 1), 0);
    assert_int_equal(frames(&it, 1), 1);
    driver_event(&it, 0, 0, DISABLE);
    assert_int_equal(frames(&it, 3 * VTEST_SIZE), 0);
    iclose(&it);
}

/* A queue that was set up without a vector, or whose vector nobody connected, interrupts nobody. */
static void test_no_vector(void **state)
{
    (void)state;
    const uint32_t vectors[] = {VIRTIO_VECTOR_NONE, 1, 63};
    for (uint32_t i = 0; i < 3; i++) {
        struct itest it;
        vtest_open(&it.test, "");
        it.event = eventfd(0, EFD_NONBLOCK);
        assert_int_equal(it.test.bus->ops->interrupts_set(it.test.bus, &it.event, 1), 0);
        vtest_negotiate(&it.test, vtest_offered(&it.test));
        struct virtio_queue_setup setup = vtest_setup(&it.test, 0, VTEST_SIZE);
        setup.vector = vectors[i];
        assert_int_equal(it.test.bus->virtio->queue_enable(it.test.bus, 0, &setup), 0);
        vtest_enable(&it.test, 1);
        vtest_status_add(&it.test, VIRTIO_STATUS_DRIVER_OK);
        avail_flags(&it, 0);
        assert_int_equal(frames(&it, 10), 0);
        iclose(&it);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_flags),  cmocka_unit_test(test_split_event_index),
        cmocka_unit_test(test_packed_flags), cmocka_unit_test(test_packed_descriptor),
        cmocka_unit_test(test_no_vector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
