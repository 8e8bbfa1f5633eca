/* The emulated 82599's interrupts: causes, masks and messages by the registers of 8.2.3.5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/c/emu_support.h"

#define EICR 0x00800u
#define EICS 0x00808u
#define EIAC 0x00810u
#define EITR(n) (0x00820u + 4 * (n))
#define EIMS 0x00880u
#define EIMC 0x00888u
#define EIAM 0x00890u
#define GPIE 0x00898u
#define IVAR(n) (0x00900u + 4 * (n))
#define EICS_EX 0x00A90u
#define EIMS_EX 0x00AA0u
#define EIMC_EX 0x00AB0u
#define EIAM_EX 0x00AD0u

#define MULTIPLE_MSIX (1u << 4)
#define OCD (1u << 5)
#define EIAME (1u << 30)

struct itest {
    struct emu_test test;
    struct emu_test_pool pool;
    struct bus *bus;
    int events[8];
};

static void iopen(struct itest *it, uint32_t gpie)
{
    emu_test_pool_open(&it->pool);
    emu_test_open(&it->test, "emu:82599,timing=inline", &it->pool, &emu_test_plain);
    it->bus = it->test.bus;
    for (uint32_t i = 0; i < 8; i++)
        assert_true((it->events[i] = eventfd(0, EFD_NONBLOCK)) >= 0);
    assert_int_equal(it->bus->ops->interrupts_set(it->bus, it->events, 8), 0);
    bus_write32(it->bus, GPIE, gpie);
    (void)bus_read32(it->bus, EICR); /* the link came up */
}

static void iclose(struct itest *it)
{
    assert_int_equal(it->bus->ops->interrupts_set(it->bus, NULL, 0), 0);
    for (uint32_t i = 0; i < 8; i++)
        close(it->events[i]);
    emu_test_close(&it->test, 0);
    emu_test_pool_close(&it->pool);
}

/* Messages of a vector since the last look. */
static uint64_t messages(const struct itest *it, uint32_t vector)
{
    eventfd_t count;
    return eventfd_read(it->events[vector], &count) == 0 ? count : 0;
}

/* One frame around the loop. */
static void frame(struct itest *it)
{
    uint8_t bytes[60] = {0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x88, 0xB5};
    struct emu_test_frame got;
    emu_test_send_bytes(&it->test, bytes, sizeof(bytes));
    emu_test_step(it->bus);
    emu_test_clean(&it->test, 0);
    assert_true(emu_test_receive(&it->test, 0, &got));
    it->pool.owner[got.buffer] = 0;
    it->pool.free[it->pool.free_count++] = got.buffer;
}

static void test_no_vector(void **state)
{
    (void)state;
    struct itest it;
    iopen(&it, MULTIPLE_MSIX);
    bus_write32(it.bus, EIMS_EX, 0xFF);
    frame(&it);
    bus_write32(it.bus, IVAR(0), 0x03); /* vector 3, but not valid */
    frame(&it);
    bus_write32(it.bus, IVAR(0), 0x8300); /* vector 3, of the transmit queue */
    frame(&it);
    assert_int_equal(bus_read32(it.bus, EICR), 0);
    for (uint32_t vector = 0; vector < 8; vector++)
        assert_int_equal(messages(&it, vector), 0);
    iclose(&it);
}

/* A cause of a masked vector waits for it to be unmasked. One message for a cause, until it is cleared. */
static void test_masks(void **state)
{
    (void)state;
    struct itest it;
    iopen(&it, MULTIPLE_MSIX);
    bus_write32(it.bus, IVAR(0), 0x83);
    frame(&it);
    assert_int_equal(messages(&it, 3), 0);
    bus_write32(it.bus, EIMS_EX, 8);
    assert_int_equal(messages(&it, 3), 1);
    frame(&it);
    frame(&it);
    assert_int_equal(messages(&it, 3), 0); /* EICR has not changed */
    assert_int_equal(bus_read32(it.bus, EICR), 8);
    assert_int_equal(bus_read32(it.bus, EICR), 0); /* cleared by reading */
    frame(&it);
    assert_int_equal(messages(&it, 3), 1);
    bus_write32(it.bus, EICR, 8); /* or by writing 1 */
    frame(&it);
    assert_int_equal(messages(&it, 3), 1);
    bus_write32(it.bus, EICR, 8);
    bus_write32(it.bus, EIMC_EX, 8);
    frame(&it);
    assert_int_equal(messages(&it, 3), 0);
    for (uint32_t vector = 0; vector < 8; vector++)
        assert_int_equal(messages(&it, vector), 0);
    iclose(&it);
}

/* The lower 16 bits of the registers and of the first extended ones are the same. */
static void test_aliases(void **state)
{
    (void)state;
    struct itest it;
    iopen(&it, MULTIPLE_MSIX);
    bus_write32(it.bus, EIMS, 0x00100005);
    assert_int_equal(bus_read32(it.bus, EIMS_EX), 5);
    bus_write32(it.bus, EIMS_EX, 0x30002);
    assert_int_equal(bus_read32(it.bus, EIMS), 0x00100007);
    assert_int_equal(bus_read32(it.bus, EIMS_EX), 0x30007);
    bus_write32(it.bus, EIMC, 0x00100001);
    assert_int_equal(bus_read32(it.bus, EIMS_EX), 0x30006);
    bus_write32(it.bus, EIMC_EX, 0x10002);
    assert_int_equal(bus_read32(it.bus, EIMS), 4);
    bus_write32(it.bus, EICS, 4);
    assert_int_equal(messages(&it, 2), 1);
    bus_write32(it.bus, EICR, 4);
    bus_write32(it.bus, EICS_EX, 4);
    assert_int_equal(messages(&it, 2), 1);
    iclose(&it);
}

/* What our driver asks for: a message clears its cause and masks its vector. */
static void test_auto_clear_and_mask(void **state)
{
    (void)state;
    struct itest it;
    iopen(&it, MULTIPLE_MSIX | EIAME);
    bus_write32(it.bus, IVAR(0), 0x81);
    bus_write32(it.bus, EIAC, 2);
    bus_write32(it.bus, EIAM_EX, 2);
    bus_write32(it.bus, EIMS_EX, 3);
    frame(&it);
    assert_int_equal(messages(&it, 1), 1);
    assert_int_equal(bus_read32(it.bus, EIMS_EX), 1);
    assert_int_equal(bus_read32(it.bus, EICR), 0);
    frame(&it); /* while it is masked */
    assert_int_equal(messages(&it, 1), 0);
    bus_write32(it.bus, EIMS_EX, 2);
    assert_int_equal(messages(&it, 1), 1);
    bus_write32(it.bus, EIMS_EX, 2);
    assert_int_equal(messages(&it, 1), 0); /* nothing new */
    frame(&it);
    assert_int_equal(messages(&it, 1), 1);
    iclose(&it);
}

/* Without EIAME, EIAM masks when EICR is read or written. OCD: reading leaves the queues' bits. */
static void test_auto_mask_by_reading(void **state)
{
    (void)state;
    struct itest it;
    iopen(&it, MULTIPLE_MSIX | OCD);
    bus_write32(it.bus, IVAR(0), 0x81);
    bus_write32(it.bus, EIAM, 2);
    bus_write32(it.bus, EIMS_EX, 6);
    frame(&it);
    assert_int_equal(messages(&it, 1), 1);
    assert_int_equal(bus_read32(it.bus, EIMS_EX), 6);
    assert_int_equal(bus_read32(it.bus, EICR), 2);
    assert_int_equal(bus_read32(it.bus, EIMS_EX), 4);
    assert_int_equal(bus_read32(it.bus, EICR), 2);
    bus_write32(it.bus, EICR, 2);
    assert_int_equal(bus_read32(it.bus, EICR), 0);
    iclose(&it);
}

/* A message comes no sooner after the last one than EITR says. */
static void test_throttle(void **state)
{
    (void)state;
    struct itest it;
    iopen(&it, MULTIPLE_MSIX);
    bus_write32(it.bus, IVAR(0), 0x80);
    bus_write32(it.bus, EIAC, 1);
    bus_write32(it.bus, EITR(0), 0x1FFu << 3); /* a millisecond */
    bus_write32(it.bus, EIMS_EX, 1);
    frame(&it);
    assert_int_equal(messages(&it, 0), 1);
    struct timespec begin, end, pause = {.tv_nsec = 2000000};
    clock_gettime(CLOCK_MONOTONIC, &begin);
    frame(&it);
    uint64_t soon = messages(&it, 0);
    clock_gettime(CLOCK_MONOTONIC, &end);
    if ((end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec - begin.tv_nsec < 900000)
        assert_int_equal(soon, 0);
    nanosleep(&pause, NULL);
    emu_test_step(it.bus);
    assert_int_equal(soon + messages(&it, 0), 1);
    iclose(&it);
}

/* Without several vectors causes show in EICR, and no message is sent. A reset forgets all. */
static void test_other_modes_and_reset(void **state)
{
    (void)state;
    struct itest it;
    iopen(&it, 0);
    bus_write32(it.bus, IVAR(0), 0x81);
    bus_write32(it.bus, EIMS, 2);
    frame(&it);
    assert_int_equal(messages(&it, 0) + messages(&it, 1), 0);
    assert_int_equal(bus_read32(it.bus, EICR), 2);
    iclose(&it);

    struct bus *bus = emu_test_bus("emu:82599,timing=inline");
    bus_write32(bus, EICS_EX, 0xFF);
    bus_write32(bus, EIMS_EX, 0xFF);
    bus_write32(bus, 0, 1u << 26); /* CTRL.RST */
    emu_test_wait(bus, 0, 1u << 26, 0);
    assert_int_equal(bus_read32(bus, EICR) & 0xFFFF, 0);
    assert_int_equal(bus_read32(bus, EIMS_EX) | bus_read32(bus, EIMS), 0);
    bus->ops->close(bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_vector),
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_auto_clear_and_mask),
        cmocka_unit_test(test_auto_mask_by_reading),
        cmocka_unit_test(test_throttle),
        cmocka_unit_test(test_other_modes_and_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
