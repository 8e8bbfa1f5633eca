/* VirtIO devices on PCI whose capabilities cannot be: each is refused by a text that says what was wrong, and nothing
 * outside the configuration space or a BAR is touched (the fake function ends the process if it is asked for). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "core/bus/virtio_pci_device.h"
#include "core/device/error.h"
#include "core/virtio/spec.h"
#include "tests/c/hostile_pci.h"

/* The capabilities of fake_pci_modern. */
#define COMMON 0x50
#define CONFIG 0x60
#define NOTIFY 0x70

static int set_up(void **state)
{
    (void)state;
    fake_pci_new(VIRTIO_PCI_DEVICE_NET);
    fake_pci_modern(4);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_pci_free();
    return 0;
}

static void set32(uint32_t position, uint32_t value)
{
    memcpy(fake_pci.config + position, &value, sizeof(value));
}

static void refused(int32_t code, const char *part)
{
    error_set(0, "nothing");
    assert_int_equal(virtio_pci_open(&fake_pci.function), code);
    if (strstr(error_text(), part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, error_text());
    assert_non_null(strstr(error_text(), "pci:fake"));
    assert_null(fake_pci.function.transport);
    assert_null(fake_pci.function.bus.virtio);
}

static const struct virtio_pci_modern *accepted(void)
{
    assert_int_equal(virtio_pci_open(&fake_pci.function), 0);
    assert_ptr_equal(fake_pci.function.bus.virtio, &virtio_pci_modern_transport);
    return fake_pci.function.transport;
}

static void structures_are_found(void **state)
{
    (void)state;
    const struct virtio_pci_modern *modern = accepted();
    assert_ptr_equal(modern->common.memory, fake_pci.memory + FAKE_PCI_COMMON);
    assert_ptr_equal(modern->config.memory, fake_pci.memory + FAKE_PCI_CONFIG);
    assert_ptr_equal(modern->notify.memory, fake_pci.memory + FAKE_PCI_NOTIFY);
    assert_int_equal(modern->config.size, 0x1000);
    assert_int_equal(modern->notify_multiplier, 4);
}

static void case_19_capability_too_short(void **state)
{
    (void)state;
    fake_pci.config[COMMON + 2] = 15;
    refused(IXY_E_DEVICE, "the capability at 0x50 (common configuration) has 15 bytes; right is at least 16");
    fake_pci.config[COMMON + 2] = 0;
    refused(IXY_E_DEVICE, "has 0 bytes");
    fake_pci.config[COMMON + 2] = 16;
    fake_pci.config[NOTIFY + 2] = 19;
    refused(IXY_E_DEVICE, "the capability at 0x70 (notifications) has 19 bytes; right is at least 20");
    fake_pci.config[NOTIFY + 2] = 20;
    fake_pci.config[CONFIG + 2] = 8;
    refused(IXY_E_DEVICE, "the capability at 0x60 (device configuration) has 8 bytes");
}

/* Whatever its length is said to be: bytes behind the configuration space are not read. */
static void case_19_capability_past_the_end(void **state)
{
    (void)state;
    static const uint8_t positions[] = {0xF4, 0xFC};
    fake_pci.config[NOTIFY + 2] = 255;
    refused(IXY_E_DEVICE, "the capability at 0x70 (notifications) has 255 bytes and leaves the configuration space");
    fake_pci.config[NOTIFY + 2] = 20;
    for (uint32_t i = 0; i < sizeof(positions); i++) {
        uint8_t *capability = fake_pci.config + positions[i];
        capability[0] = 0x09;
        capability[1] = 0;
        capability[2] = 16;
        capability[3] = 1;
        fake_pci.config[0x34] = positions[i];
        refused(IXY_E_DEVICE, i == 0 ? "the capability at 0xf4" : "the capability at 0xfc");
        assert_non_null(strstr(error_text(), "leaves the configuration space"));
    }
}

static void case_19_list_without_end(void **state)
{
    (void)state;
    fake_pci.config[CONFIG + 1] = NOTIFY;
    refused(IXY_E_DEVICE, "the capability list comes to 0x70 again");
    fake_pci.config[CONFIG + 1] = CONFIG;
    refused(IXY_E_DEVICE, "the capability list comes to 0x60 again");
    fake_pci.config[CONFIG + 1] = 0x20;
    refused(IXY_E_DEVICE, "the capability list goes on at 0x20; right is 0x40 or more");
    /* The longest list there is ends. */
    memset(fake_pci.config + 0x40, 0, 0xC0);
    for (uint32_t position = 0x40; position < 0xFC; position += 4)
        fake_pci.config[position + 1] = (uint8_t)(position + 4);
    fake_pci.config[0x34] = 0x40;
    refused(IXY_E_DEVICE, "has no VirtIO 1 capabilities");
}

static void case_20_bar(void **state)
{
    (void)state;
    fake_pci.config[COMMON + 4] = 6;
    refused(IXY_E_DEVICE, "no common configuration that can be used: the one at 0x50 names BAR 6, and right is 0 to 5");
    fake_pci.config[COMMON + 4] = 255;
    refused(IXY_E_DEVICE, "names BAR 255");
    fake_pci.config[COMMON + 4] = 2;
    refused(IXY_E_DEVICE, "the one at 0x50 names BAR 2, which is no memory BAR");
    /* Such a capability is ignored where another of its type follows, 4.1.4.1. */
    fake_pci.config[COMMON + 4] = 6;
    fake_pci.config[CONFIG + 1] = 0x90;
    memcpy(fake_pci.config + 0x90, fake_pci.config + COMMON, 16);
    fake_pci.config[0x90 + 1] = 0;
    fake_pci.config[0x90 + 4] = FAKE_PCI_BAR;
    assert_ptr_equal(accepted()->common.memory, fake_pci.memory + FAKE_PCI_COMMON);
}

static void case_20_offset_and_length(void **state)
{
    (void)state;
    static const struct {
        uint32_t offset, length;
        const char *text;
    } wrong[] = {
        {0xFFFFF000, 0x2000, "has offset 0xfffff000 and length 0x2000 in BAR 4, which has 0x4000 bytes"}, /* wraps */
        {0, 0xFFFFFFFF, "length 0xffffffff in BAR 4"},
        {0x4000, 0x38, "offset 0x4000"},
        {0x3FC8 + 4, 0x38, "offset 0x3fcc"},
        {0x1002, 0x38, "offset 0x1002 and length 0x38; right is a multiple of 4"},
        {0, 0x37, "length 0x37; right is a multiple of 4 and at least 56"},
    };
    for (uint32_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        set32(COMMON + 8, wrong[i].offset);
        set32(COMMON + 12, wrong[i].length);
        refused(IXY_E_DEVICE, wrong[i].text);
        assert_non_null(strstr(error_text(), "at 0x50 (common configuration)"));
    }
    set32(COMMON + 8, 0x3FC8);
    set32(COMMON + 12, 0x38);
    assert_ptr_equal(accepted()->common.memory, fake_pci.memory + 0x3FC8);
}

/* Where a queue is notified must lie in the structure, whatever offset and multiplier say. */
static void case_20_notification(void **state)
{
    (void)state;
    static const struct {
        uint32_t multiplier, length;
        uint16_t off;
        bool good;
    } cases[] = {
        {4, 0x1000, 0x3FF, true},       {4, 0x1000, 0x400, false}, {4, 2, 0, true},  {4, 2, 1, false},
        {0x80000000, 0x1000, 2, false}, /* wraps 32 bits to 0 */
        {0x80000000, 0x1000, 0, true},  {0, 0x1000, 0xFFFF, true}, {2, 3, 1, false},
    };
    struct virtio_queue_setup setup = {.size = 64, .vector = VIRTIO_VECTOR_NONE};
    struct bus *bus = &fake_pci.function.bus;
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set32(NOTIFY + 16, cases[i].multiplier);
        set32(NOTIFY + 12, cases[i].length);
        (void)accepted();
        memcpy(fake_pci.memory + FAKE_PCI_COMMON + VIRTIO_PCI_QUEUE_NOTIFY_OFF, &cases[i].off, 2);
        int32_t code = bus->virtio->queue_enable(bus, 0, &setup);
        assert_int_equal(code, cases[i].good ? 0 : IXY_E_DEVICE);
        if (code < 0)
            assert_non_null(strstr(error_text(), "virtqueue 0: queue_notify_off"));
        virtio_pci_close(&fake_pci.function);
    }
}

static void case_20_multiplier(void **state)
{
    (void)state;
    static const uint32_t wrong[] = {1, 3, 6, 0xFFFFFFFF};
    for (uint32_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        set32(NOTIFY + 16, wrong[i]);
        refused(IXY_E_DEVICE, "notify_off_multiplier is");
    }
}

static void other_capabilities_are_ignored(void **state)
{
    (void)state;
    fake_pci_capability(0x90, 3, 9, 0, 0);      /* ISR, of no use here */
    fake_pci_capability(0xA0, 77, 9, ~0u, ~0u); /* unknown */
    fake_pci_capability(0xB0, 0, 9, ~0u, ~0u);  /* reserved */
    fake_pci.config[0xA0 + 2] = 0;              /* of no length */
    fake_pci.config[0xB0] = 0x11;               /* MSI-X */
    fake_pci.config[CONFIG + 1] = 0xC0;         /* a second device configuration, at the end */
    memcpy(fake_pci.config + 0xC0, fake_pci.config + CONFIG, 16);
    fake_pci.config[0xC0 + 1] = 0;
    set32(0xC0 + 8, 0x1000);
    assert_ptr_equal(accepted()->config.memory, fake_pci.memory + FAKE_PCI_CONFIG);
}

static void a_structure_is_missing(void **state)
{
    (void)state;
    fake_pci.config[CONFIG + 3] = 5;
    refused(IXY_E_DEVICE, "no device configuration that can be used: there is no such capability");
    fake_pci.config[NOTIFY + 3] = 5;
    refused(IXY_E_DEVICE, "no notifications that can be used");
    fake_pci.config[COMMON + 3] = 5;
    refused(IXY_E_DEVICE, "device 1af4:1041 has no VirtIO 1 capabilities");
    fake_pci.config[0x06] = 0; /* no list at all */
    refused(IXY_E_DEVICE, "device 1af4:1041 has no VirtIO 1 capabilities");
}

static void no_legacy_device_either(void **state)
{
    (void)state;
    fake_pci_free();
    fake_pci_new(VIRTIO_PCI_DEVICE_NET_LEGACY);
    refused(IXY_E_DEVICE, "BAR 0 is no I/O BAR");
    fake_pci.io_size = 19;
    refused(IXY_E_DEVICE, "BAR 0 is no I/O BAR");
    fake_pci.io_size = 20;
    assert_int_equal(virtio_pci_open(&fake_pci.function), 0);
    assert_ptr_equal(fake_pci.function.bus.virtio, &virtio_pci_legacy_transport);
}

static void configuration_space_cannot_be_read(void **state)
{
    (void)state;
    memset(fake_pci.config, 0xFF, sizeof(fake_pci.config));
    refused(IXY_E_DEVICE, "its configuration space reads as ones: the device is gone");
    fake_pci.config_code = IXY_E_PERMISSION;
    assert_int_equal(virtio_pci_open(&fake_pci.function), IXY_E_PERMISSION);
    assert_null(fake_pci.function.transport);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        TEST(structures_are_found),
        TEST(case_19_capability_too_short),
        TEST(case_19_capability_past_the_end),
        TEST(case_19_list_without_end),
        TEST(case_20_bar),
        TEST(case_20_offset_and_length),
        TEST(case_20_notification),
        TEST(case_20_multiplier),
        TEST(other_capabilities_are_ignored),
        TEST(a_structure_is_missing),
        TEST(no_legacy_device_either),
        TEST(configuration_space_cannot_be_read),
    };
    if (count > 1)
        cmocka_set_test_filter(arguments[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
