/* The emulated 82599's registers: reset values, bits that clear or set themselves, counters that reading clears. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/c/emu_support.h"

#define RESET_BITS (1u << 26 | 1u << 3)

static void test_reset_values(void **state)
{
    (void)state;
    struct bus *bus = emu_test_bus("emu:82599,timing=inline");
    assert_int_equal(bus->vendor, 0x8086);
    assert_int_equal(bus->device_id, 0x10FB);
    assert_int_equal(bus_read32(bus, 0x00000), 0);           /* CTRL */
    assert_int_equal(bus_read32(bus, 0x00008) >> 19 & 1, 1); /* STATUS: GIO master */
    assert_int_equal(bus_read32(bus, 0x02100), 0x402);       /* SRRCTL[0] */
    assert_int_equal(bus_read32(bus, 0x01014), 0x402);       /* its other place */
    assert_int_equal(bus_read32(bus, 0x0D014), 0x402);       /* SRRCTL[64] */
    assert_int_equal(bus_read32(bus, 0x03C00), 512 << 10);   /* RXPBSIZE[0] */
    assert_int_equal(bus_read32(bus, 0x0CC00), 160 << 10);   /* TXPBSIZE[0] */
    assert_int_equal(bus_read32(bus, 0x08100), 0x10);        /* DTXMXSZRQ */
    assert_int_equal(bus_read32(bus, 0x04268) >> 16, 1518);  /* MAXFRS */
    assert_int_equal(bus_read32(bus, 0x042A4), 0);           /* LINKS */
    assert_int_equal(bus_read32(bus, 0x05404) >> 31, 1);     /* RAH[0].AV */
    bus_write32(bus, 0x05400, 0x11223344);                   /* RAL[0] and its alias */
    assert_int_equal(bus_read32(bus, 0x0A200), 0x11223344);
    bus_write32(bus, 0x05C04, 0x01020304); /* RETA[1] */
    assert_int_equal(bus_read32(bus, 0x0EB04), 0x01020304);
    assert_null(bus->ops->doorbell(bus, 0x01010));
    assert_non_null(bus->ops->doorbell(bus, 0x01018));
    assert_non_null(bus->ops->doorbell(bus, 0x0D018 + 63 * 0x40));
    assert_non_null(bus->ops->doorbell(bus, 0x06018 + 127 * 0x40));
    emu_test_violations(bus, 0);
    bus->ops->close(bus);
}

static void test_reset(void **state)
{
    (void)state;
    struct bus *bus = emu_test_bus("emu:82599,timing=inline");
    uint32_t address = bus_read32(bus, 0x05400);
    bus_write32(bus, 0x05400, 0);
    bus_write32(bus, 0x05080, 0x700);
    bus_write32(bus, 0x00000, RESET_BITS);
    assert_int_equal(bus_read32(bus, 0x00000) & RESET_BITS, RESET_BITS); /* not at once */
    emu_test_violations(bus, 0);
    (void)bus_read32(bus, 0x05080); /* too early */
    emu_test_violations(bus, 1);
    emu_test_wait(bus, 0x00000, RESET_BITS, 0);
    assert_int_equal(bus_read32(bus, 0x10010) & 1u << 9, 0); /* EEC.ARD comes later */
    assert_int_equal(bus_read32(bus, 0x02F00) & 1u << 3, 0); /* RDRXCTL.DMAIDONE too */
    emu_test_wait(bus, 0x02F00, 1u << 3, 1u << 3);
    emu_test_wait(bus, 0x10010, 1u << 9, 1u << 9);
    assert_int_equal(bus_read32(bus, 0x05400), address);
    assert_int_equal(bus_read32(bus, 0x05080), 0);
    bus_write32(bus, 0x00000, 1u << 2); /* CTRL.GIO_DIS */
    assert_int_equal(bus_read32(bus, 0x00008) >> 19 & 1, 0);
    emu_test_violations(bus, 1);
    bus->ops->close(bus);
}

static void test_link(void **state)
{
    (void)state;
    struct bus *bus = emu_test_bus("emu:82599,timing=inline");
    bus->ops->delay(bus, 1000000);
    assert_int_equal(bus_read32(bus, 0x042A4), 0); /* waits for AUTOC */
    bus_write32(bus, 0x042A0, bus_read32(bus, 0x042A0) | 1u << 12);
    assert_int_equal(bus_read32(bus, 0x042A0) & 1u << 12, 0);
    assert_int_equal(bus_read32(bus, 0x042A4) & 1u << 30, 0); /* not at once */
    emu_test_wait(bus, 0x042A4, 7u << 28, 7u << 28);
    assert_int_equal(bus_read32(bus, 0x00008) & 1u << 7, 1u << 7);
    assert_int_equal(bus_read32(bus, 0x00800) & 1u << 20, 1u << 20); /* EICR.LSC */
    bus->ops->close(bus);

    static const char *const copper[] = {"emu:x540,timing=inline", "emu:x550,timing=inline"};
    static const uint16_t ids[] = {0x1528, 0x1563};
    for (uint32_t i = 0; i < 2; i++) {
        bus = emu_test_bus(copper[i]);
        assert_int_equal(bus->device_id, ids[i]);
        emu_test_wait(bus, 0x042A4, 7u << 28, 7u << 28); /* by itself */
        bus_write32(bus, 0x00000, RESET_BITS);
        emu_test_wait(bus, 0x00000, RESET_BITS, 0);
        assert_int_equal(bus_read32(bus, 0x042A4) & 1u << 30, 0);
        emu_test_wait(bus, 0x042A4, 1u << 30, 1u << 30);
        emu_test_violations(bus, 0);
        bus->ops->close(bus);
    }
}

static void test_interrupt_registers(void **state)
{
    (void)state;
    struct bus *bus = emu_test_bus("emu:82599,timing=inline");
    bus_write32(bus, 0x00880, 0x00F0); /* EIMS sets */
    bus_write32(bus, 0x00880, 0x000F);
    assert_int_equal(bus_read32(bus, 0x00880), 0x00FF);
    bus_write32(bus, 0x00888, 0x0081); /* EIMC clears */
    assert_int_equal(bus_read32(bus, 0x00880), 0x007E);
    bus_write32(bus, 0x00AA4, 0xFF); /* EIMS_EX, EIMC_EX */
    bus_write32(bus, 0x00AB4, 0x0F);
    assert_int_equal(bus_read32(bus, 0x00AA4), 0xF0);
    bus_write32(bus, 0x00808, 0x35); /* EICS raises, writing ones to EICR clears, reading clears */
    bus_write32(bus, 0x00800, 0x01);
    assert_int_equal(bus_read32(bus, 0x00800), 0x34);
    assert_int_equal(bus_read32(bus, 0x00800), 0);
    emu_test_violations(bus, 0);
    bus->ops->close(bus);
}

static void test_eeprom_and_semaphores(void **state)
{
    (void)state;
    struct bus *bus = emu_test_bus("emu:82599,timing=inline");
    uint16_t sum = 0;
    for (uint32_t word = 0; word <= 0x3F; word++) {
        bus_write32(bus, 0x10014, word << 2 | 1);
        assert_int_equal(bus_read32(bus, 0x10014) & 2, 0);
        emu_test_wait(bus, 0x10014, 2, 2);
        sum = (uint16_t)(sum + (bus_read32(bus, 0x10014) >> 16));
    }
    assert_int_equal(sum, 0xBABA);
    bus_write32(bus, 0x10014, 0x3FFFu << 2 | 1); /* past the end */
    emu_test_wait(bus, 0x10014, 2, 2);
    assert_int_equal(bus_read32(bus, 0x10014) >> 16, 0xFFFF);
    assert_int_equal(bus_read32(bus, 0x10140) & 1, 0); /* SWSM.SMBI is taken by reading it */
    assert_int_equal(bus_read32(bus, 0x10140) & 1, 1);
    bus_write32(bus, 0x10140, 0);
    assert_int_equal(bus_read32(bus, 0x10140) & 1, 0);
    bus_write32(bus, 0x10010, bus_read32(bus, 0x10010) | 1u << 6); /* EEC.REQ is granted */
    assert_int_equal(bus_read32(bus, 0x10010) & 1u << 7, 1u << 7);
    assert_int_equal(bus_read32(bus, 0x08D04), 0); /* SECRXSTAT.RDY follows SECRXCTRL.RX_DIS */
    bus_write32(bus, 0x08D00, bus_read32(bus, 0x08D00) | 2);
    assert_int_equal(bus_read32(bus, 0x08D04), 1);
    emu_test_violations(bus, 0);
    bus->ops->close(bus);
}

/* Reserved bits may be written as they read, for the sake of read-modify-write; else as 0. */
static void test_reserved_bits(void **state)
{
    (void)state;
    struct bus *bus = emu_test_bus("emu:82599,timing=inline");
    bus_write32(bus, 0x04240, bus_read32(bus, 0x04240) | 1u << 10); /* HLREG0 has reserved bits that read as 1 */
    bus_write32(bus, 0x02F00, bus_read32(bus, 0x02F00) | 1u << 1);
    bus_write32(bus, 0x02F00, (bus_read32(bus, 0x02F00) & ~(0x1Fu << 17)) | 3u << 25); /* as 4.6.7 has it */
    emu_test_violations(bus, 0);
    bus_write32(bus, 0x0EC80, 1u << 24);   /* MRQC */
    bus_write32(bus, 0x01028, 1u << 15);   /* RXDCTL.RLPML_EN is not the 82599's */
    bus_write32(bus, 0x05C00, 0x10101010); /* RETA with 5 bits is the X550's */
    bus_write32(bus, 0x042A4, 0);          /* LINKS is read-only */
    bus_write32(bus, 0x1FFFC, 0);          /* nothing there */
    (void)bus_read32(bus, 0xFFFFFFFC);
    (void)bus_read32(bus, 0x00001); /* not at a word */
    emu_test_violations(bus, 7);
    bus->ops->close(bus);
    bus = emu_test_bus("emu:x550,timing=inline");
    bus_write32(bus, 0x01028, 1u << 15);
    bus_write32(bus, 0x05C00, 0x10101010);
    emu_test_violations(bus, 0);
    bus->ops->close(bus);
}

static void test_violations_kept(void **state)
{
    (void)state;
    char text[256];
    struct bus *bus = emu_test_bus("emu:82599,timing=inline");
    for (uint32_t i = 0; i < 100; i++)
        bus_write32(bus, 0x00888, 0x80000000u);
    assert_int_equal(emu_violations(bus, EMU_VIOLATIONS_KEPT - 1, text, sizeof(text)), 100);
    assert_string_equal(text, "EIMC = 80000000h: sets the reserved bits 80000000h (8.2.3.5.4)");
    emu_violations(bus, EMU_VIOLATIONS_KEPT, text, sizeof(text));
    assert_string_equal(text, "");
    emu_violations(bus, 0, text, 5);
    assert_string_equal(text, "EIMC");
    assert_int_equal(emu_violations(bus, 0, NULL, 0), 100);
    bus->ops->close(bus);
}

/* Mapping: addresses are not the host's, twice is refused, and slots come free again. */
static void test_mapping(void **state)
{
    (void)state;
    struct bus *bus = emu_test_bus("emu:82599,timing=inline");
    struct dma_memory memory = {0};
    uint64_t address, again;
    assert_int_equal(dma_memory_allocate(&memory, 4096, "memory"), 0);
    for (uint32_t i = 0; i < 2000; i++) {
        assert_int_equal(bus->ops->dma_map(bus, &memory, &address), 0);
        assert_int_not_equal(address, (uint64_t)(uintptr_t)memory.base);
        assert_true(bus->ops->dma_map(bus, &memory, &again) < 0);
        bus->ops->dma_unmap(bus, &memory);
        bus->ops->dma_unmap(bus, &memory); /* not mapped: nothing happens */
    }
    struct dma_memory odd = memory;
    odd.base += 8;
    assert_true(bus->ops->dma_map(bus, &odd, &address) < 0);
    bus->ops->close(bus);
    dma_memory_free(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reset_values),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_link),
        cmocka_unit_test(test_interrupt_registers),
        cmocka_unit_test(test_eeprom_and_semaphores),
        cmocka_unit_test(test_reserved_bits),
        cmocka_unit_test(test_violations_kept),
        cmocka_unit_test(test_mapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
