/* What a bus remembers of a device that failed, and of one that is being taken away. */
#include "core/bus/bus.h"
#include "core/device/error.h"
#include "tests/c/abi_support.h"

static void test_failed(void **state)
{
    (void)state;
    struct bus bus = {.address = "test:device"};
    assert_int_equal(bus_check(&bus), 0);
    bus_fail(&bus, "reason %d", 1);
    bus_fail(&bus, "reason %d", 2); /* the first stays */
    assert_true(bus_has_failed(&bus));
    assert_int_equal(bus_check(&bus), IXY_E_DEVICE);
    assert_string_equal(error_text(), "test:device: reason 1; ixy_device_reset starts it again");
    bus_mended(&bus);
    assert_false(bus_has_failed(&bus));
    assert_int_equal(bus_check(&bus), 0);
}

/* A reset does not bring back what is being removed. */
static void test_leaving(void **state)
{
    (void)state;
    struct bus bus = {.address = "test:device"};
    bus_leave(&bus, "the device is being removed");
    assert_int_equal(bus_check(&bus), IXY_E_DEVICE);
    assert_string_equal(error_text(), "test:device: the device is being removed");
    bus_mended(&bus);
    assert_true(bus_has_failed(&bus));
    assert_int_equal(bus_check(&bus), IXY_E_DEVICE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failed),
        cmocka_unit_test(test_leaving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
