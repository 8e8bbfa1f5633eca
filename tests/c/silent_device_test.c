/* Devices that do not answer as the data sheet says: a bit that never changes, and a card that is gone. Each is an
 * error of its own, with a text, and nothing is lost. */
#include "tests/c/abi_support.h"

#include <stdlib.h>

#include "core/device/device.h"
#include "core/ixgbe/registers.h"
#include "emu/emu.h"

/* An emulated device whose registers answer wrongly: `stuck` bits of `reg` read as `stuck_value` from the time that
 * `armed` says; `gone` makes all registers read as ones. */
struct silent_bus {
    struct bus bus;
    struct bus *inner;
};

static struct {
    uint32_t reg, stuck, stuck_value;
    bool armed, gone;
} silent;

static struct bus *silent_inner(struct bus *bus)
{
    return ((struct silent_bus *)bus)->inner;
}

static uint32_t silent_read32(struct bus *bus, uint32_t reg)
{
    uint32_t value = bus_read32(silent_inner(bus), reg);
    if (silent.gone)
        return UINT32_MAX;
    return silent.armed && reg == silent.reg ? (value & ~silent.stuck) | silent.stuck_value : value;
}

static void silent_write32(struct bus *bus, uint32_t reg, uint32_t value)
{
    bus_write32(silent_inner(bus), reg, value);
}

static uint32_t *silent_doorbell(struct bus *bus, uint32_t reg)
{
    return silent_inner(bus)->ops->doorbell(silent_inner(bus), reg);
}

static int32_t silent_dma_map(struct bus *bus, const struct dma_memory *memory, uint64_t *device_address)
{
    return silent_inner(bus)->ops->dma_map(silent_inner(bus), memory, device_address);
}

static void silent_dma_unmap(struct bus *bus, const struct dma_memory *memory)
{
    silent_inner(bus)->ops->dma_unmap(silent_inner(bus), memory);
}

static void silent_delay(struct bus *bus, uint32_t microseconds)
{
    silent_inner(bus)->ops->delay(silent_inner(bus), microseconds);
}

static void silent_close(struct bus *bus)
{
    silent_inner(bus)->ops->close(silent_inner(bus));
    free(bus);
}

static int32_t silent_open(struct address *address, struct bus **bus)
{
    static const struct bus_ops ops = {.read32 = silent_read32,
                                       .write32 = silent_write32,
                                       .doorbell = silent_doorbell,
                                       .dma_map = silent_dma_map,
                                       .dma_unmap = silent_dma_unmap,
                                       .delay = silent_delay,
                                       .close = silent_close};
    struct silent_bus *made = calloc(1, sizeof(*made));
    assert_non_null(made);
    int32_t code = emu_bus_scheme.open(address, &made->inner);
    if (code < 0) {
        free(made);
        return code;
    }
    made->bus = *made->inner;
    made->bus.ops = &ops;
    made->bus.step = NULL;
    *bus = &made->bus;
    return 0;
}

static const struct bus_scheme silent_scheme = {.scheme = "silent", .open = silent_open};

static uint64_t silent_pool(void)
{
    memset(&silent, 0, sizeof(silent));
    uint64_t pool = test_pool(4096); /* the first call registers the library's own schemes */
    device_register_bus(&silent_scheme);
    return pool;
}

static void expect_text(int32_t code, int32_t right, const char *part)
{
    assert_int_equal(code, right);
    if (strstr(ixy_last_error(), part) == NULL)
        fail_msg("\"%s\" does not name %s", ixy_last_error(), part);
}

static int32_t silent_device(uint64_t pool, uint64_t *device)
{
    ixy_device_config config = {.struct_size = sizeof(config), .pool = pool};
    return ixy_device_open("silent:82599,timing=inline", &config, device);
}

static void test_bits_that_never_change_at_open(void **state)
{
    (void)state;
    static const struct {
        uint32_t reg, stuck, value;
        const char *name;
    } bits[] = {{IXGBE_CTRL, IXGBE_CTRL_RST, IXGBE_CTRL_RST, "CTRL.RST"},
                {IXGBE_EEC, IXGBE_EEC_ARD, 0, "EEC.Auto_RD"},
                {IXGBE_RDRXCTL, IXGBE_RDRXCTL_DMAIDONE, 0, "RDRXCTL.DMAIDONE"}};
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        uint64_t pool = silent_pool(), device = 0;
        silent.reg = bits[i].reg;
        silent.stuck = bits[i].stuck;
        silent.stuck_value = bits[i].value;
        silent.armed = true;
        expect_text(silent_device(pool, &device), IXY_E_TIMEOUT, bits[i].name);
        assert_int_equal(device, 0);
        assert_int_equal(ixy_pool_free_count(pool), 4096);
        assert_int_equal(ixy_pool_close(pool), 0);
    }
}

static void test_queues_that_are_never_enabled(void **state)
{
    (void)state;
    static const struct {
        uint32_t reg, stuck;
        const char *name;
    } queues[] = {{IXGBE_RXDCTL(0), IXGBE_RXDCTL_ENABLE, "RXDCTL.ENABLE"},
                  {IXGBE_TXDCTL(0), IXGBE_TXDCTL_ENABLE, "TXDCTL.ENABLE"}};
    for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
        uint64_t pool = silent_pool(), device = 0;
        assert_int_equal(silent_device(pool, &device), 0);
        silent.reg = queues[i].reg;
        silent.stuck = queues[i].stuck;
        silent.armed = true;
        expect_text(ixy_device_start(device), IXY_E_TIMEOUT, queues[i].name);
        ixy_frame frame;
        assert_int_equal(ixy_rx_batch(device, 0, &frame, 1), IXY_E_STATE);
        silent.armed = false;
        assert_int_equal(ixy_device_start(device), 0); /* it came to its senses */
        assert_int_equal(ixy_device_close(device), 0);
        assert_int_equal(ixy_pool_free_count(pool), 4096);
        assert_int_equal(ixy_pool_close(pool), 0);
    }
}

static void test_a_card_that_is_not_there(void **state)
{
    (void)state;
    uint64_t pool = silent_pool(), device = 0;
    silent.gone = true;
    expect_text(silent_device(pool, &device), IXY_E_DEVICE, "ones");
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void test_a_card_that_goes_away(void **state)
{
    (void)state;
    uint64_t pool = silent_pool(), device = 0;
    assert_int_equal(silent_device(pool, &device), 0);
    assert_int_equal(ixy_device_start(device), 0);
    silent.gone = true;
    ixy_stats stats = {.struct_size = sizeof(stats)};
    ixy_link link = {.struct_size = sizeof(link)};
    expect_text(ixy_device_stats(device, &stats), IXY_E_DEVICE, "gone");
    expect_text(ixy_device_link(device, &link), IXY_E_DEVICE, "gone");
    expect_text(ixy_device_reset(device), IXY_E_DEVICE, "gone");
    ixy_frame frame;
    assert_int_equal(ixy_rx_batch(device, 0, &frame, 1), IXY_E_DEVICE);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), 4096);
    assert_int_equal(ixy_pool_close(pool), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits_that_never_change_at_open),
        cmocka_unit_test(test_queues_that_are_never_enabled),
        cmocka_unit_test(test_a_card_that_is_not_there),
        cmocka_unit_test(test_a_card_that_goes_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
