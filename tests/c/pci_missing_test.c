/* Each mistake before a PCI device can be opened has its own error, which names the command that mends it; and what
 * ixy_device_find says is missing is what opening would say. On a made-up bus. */
#include <dirent.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/c/abi_support.h"
#include "tests/c/pci_support.h"

#define CARD "0000:41:00.0"
#define NEIGHBOUR "0000:41:00.1"
#define NOBODY 65534
#define ON_CARD(test) cmocka_unit_test_setup_teardown(test, make_card, remove_card)

/* The file of VFIO's group 7, and who may open it. */
static void vfio_files(bool group, mode_t mode_group, mode_t mode_container)
{
    unlink("/dev/vfio/7");
    pci_test_file("", "/dev/vfio/vfio");
    assert_int_equal(chmod("/dev/vfio/vfio", mode_container), 0);
    if (!group)
        return;
    pci_test_file("", "/dev/vfio/7");
    assert_int_equal(chmod("/dev/vfio/7", mode_group), 0);
}

static int make_card(void **state)
{
    (void)state;
    pci_test_function(CARD, 0x8086, 0x10FB);
    return 0;
}

static int remove_card(void **state)
{
    (void)state;
    pci_test_remove(CARD);
    return 0;
}

static int32_t try_open(const char *address)
{
    uint64_t device;
    int32_t code = ixy_device_open(address, NULL, &device);
    if (code >= 0)
        ixy_device_close(device);
    return code;
}

static void assert_says(const char *text, const char *piece)
{
    if (strstr(text, piece) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, piece);
}

/* Opening fails so, with both pieces in the text; finding says the same. */
static void assert_missing(int32_t code, const char *what, const char *command)
{
    ixy_found found = {.struct_size = sizeof(found)};
    assert_int_equal(try_open("pci:" CARD), code);
    char text[256];
    snprintf(text, sizeof(text), "%s", ixy_last_error());
    assert_says(text, CARD);
    assert_says(text, what);
    assert_says(text, command);
    assert_true(strlen(text) < 255); /* nothing was cut off */
    assert_int_equal(ixy_device_find(0, &found), 1);
    assert_string_equal(found.address, "pci:" CARD);
    assert_string_equal(found.missing, text);
    assert_int_equal(found.usable, 0);
    assert_string_equal(ixy_last_error(), text); /* finding did not fail */
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *address, *piece;
    } wrong[] = {
        {"pci:41:00", "character 10: \"\""},
        {"pci:0000:41:00.8", "functions up to 7"},
        {"pci:0000:41:20.0", "devices up to 1f"},
        {"pci:0000:4g:00.0", "character 11: \"g:00.0\""},
        {"pci:slot", "character 5: \"slot\""},
        {"pci:000:41:00.0", "character 8"},
        {"0000:41:00", "character 11: \"\""},
        {"0000:41:00.00", "character 13: \"0\""},
        {"41:0", "character 5"},
        {"1234567:41:00.0", "character 7"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(try_open(wrong[i].address), IXY_E_ADDRESS);
        assert_says(ixy_last_error(), wrong[i].piece);
    }
    assert_int_equal(try_open("pci:41:00"), IXY_E_ADDRESS);
    assert_says(ixy_last_error(), "pci:0000:03:00.0"); /* what would be right */
}

/* One device, three ways to write it: all get as far as the driver that it is bound to. */
static void test_names(void **state)
{
    (void)state;
    static const char *const right[] = {"pci:0000:41:00.0", "0000:41:00.0", "41:00.0", "pci:41:00.0"};
    pci_test_driver(CARD, "ixgbe");
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        assert_int_equal(try_open(right[i]), IXY_E_BUSY);
        assert_says(ixy_last_error(), CARD ": bound to");
    }
}

static void test_options(void **state)
{
    (void)state;
    pci_test_function(NEIGHBOUR, 0x1AF4, 0x1041);
    assert_int_equal(try_open("pci:" CARD ",ring=split"), IXY_E_ADDRESS);
    assert_says(ixy_last_error(), "unknown option \"ring\"; known here: no options of this device");
    assert_int_equal(try_open("pci:" NEIGHBOUR ",ring=round"), IXY_E_ADDRESS);
    assert_says(ixy_last_error(), "ring=round; right is auto, split or packed");
    assert_int_equal(try_open(NEIGHBOUR ",mrg=maybe"), IXY_E_ADDRESS);
    assert_says(ixy_last_error(), "mrg=maybe; right is on or off");
    assert_int_equal(try_open(NEIGHBOUR ",speed=9"), IXY_E_ADDRESS);
    assert_says(ixy_last_error(), "known here: ring=auto|split|packed, mrg=on|off");
    pci_test_driver(NEIGHBOUR, "virtio-pci");
    assert_int_equal(try_open(NEIGHBOUR ",ring=packed,mrg=off"), IXY_E_BUSY); /* nothing wrong with the options */
    pci_test_remove(NEIGHBOUR);
}

static void test_absent(void **state)
{
    (void)state;
    assert_int_equal(try_open("pci:0000:42:00.0"), IXY_E_NOT_FOUND);
    assert_says(ixy_last_error(), "no such PCI device");
    assert_says(ixy_last_error(), "`lspci -D`");
}

/* A device that no driver knows: nobody is told to unbind it. */
static void test_unsupported(void **state)
{
    (void)state;
    ixy_found found = {.struct_size = sizeof(found)};
    pci_test_function(NEIGHBOUR, 0x8086, 0x1521);
    pci_test_driver(NEIGHBOUR, "igb");
    assert_int_equal(try_open(NEIGHBOUR), IXY_E_UNSUPPORTED);
    assert_says(ixy_last_error(), "no driver for device 8086:1521");
    assert_int_equal(ixy_device_find(0, &found), 1); /* the card alone */
    assert_string_equal(found.address, "pci:" CARD);
    pci_test_remove(NEIGHBOUR);
}

static void test_kernel_driver(void **state)
{
    (void)state;
    ixy_found found = {.struct_size = sizeof(found)};
    pci_test_driver(CARD, "ixgbe");
    assert_missing(IXY_E_BUSY, "no iommu_group", "intel_iommu=on");
    assert_missing(IXY_E_BUSY, "huge pages", "echo " CARD " > /sys/bus/pci/devices/" CARD "/driver/unbind");
    assert_null(strstr(ixy_last_error(), "ixy bind")); /* which refuses it */
    pci_test_group("7", (const char *const[]){CARD, NULL});
    assert_missing(IXY_E_BUSY, "bound to the kernel driver ixgbe", "ixy bind " CARD " --user NAME");
    assert_missing(IXY_E_BUSY, "as root", "echo " CARD " > /sys/bus/pci/devices/" CARD "/driver/unbind");
    assert_int_equal(ixy_device_find(0, &found), 1);
    assert_string_equal(found.driver, "ixgbe");
    assert_string_equal(found.name, "Intel 82599");
    assert_int_equal(found.vendor, 0x8086);
    assert_int_equal(found.device_id, 0x10FB);
}

/* ---- bound to vfio-pci ---- */

static void test_no_iommu(void **state)
{
    (void)state;
    pci_test_driver(CARD, "vfio-pci");
    assert_missing(IXY_E_UNSUPPORTED, "in no IOMMU group", "intel_iommu=on");
    assert_missing(IXY_E_UNSUPPORTED, "run as root with huge pages", "ixy unbind " CARD);
    pci_test_group("7", (const char *const[]){CARD, NULL});
    pci_test_file("vfio-noiommu\n", "/sys/bus/pci/devices/" CARD "/iommu_group/name");
    assert_missing(IXY_E_UNSUPPORTED, "no-IOMMU mode", "ixy unbind " CARD);
    unlink("/sys/bus/pci/devices/" CARD "/iommu_group/name");
}

static void test_shared_group(void **state)
{
    (void)state;
    pci_test_function(NEIGHBOUR, 0x8086, 0x1521);
    pci_test_driver(CARD, "vfio-pci");
    pci_test_driver(NEIGHBOUR, "igb");
    pci_test_group("7", (const char *const[]){CARD, NEIGHBOUR, NULL});
    vfio_files(true, 0600, 0666);
    assert_missing(IXY_E_STATE, "shares IOMMU group 7 with",
                   "as root: ixy bind " CARD " " NEIGHBOUR " --user NAME --group");
    /* Neighbours that VFIO suffers: bridges, devices of nobody, others of ours. */
    static const char *const quiet[] = {"pcieport", NULL, "vfio-pci", "pci-stub"};
    for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++) {
        ixy_found found = {.struct_size = sizeof(found)};
        pci_test_driver(NEIGHBOUR, quiet[i]);
        assert_int_equal(ixy_device_find(0, &found), 1);
        assert_string_equal(found.missing, "");
        assert_int_equal(found.usable, 1);
    }
    unlink("/sys/bus/pci/devices/.groups/7/devices/" NEIGHBOUR);
    pci_test_remove(NEIGHBOUR);
}

static void test_group_file(void **state)
{
    (void)state;
    pci_test_driver(CARD, "vfio-pci");
    pci_test_group("7", (const char *const[]){CARD, NULL});
    vfio_files(false, 0, 0666);
    assert_missing(IXY_E_NOT_FOUND, "there is no /dev/vfio/7", "modprobe vfio-pci");
    vfio_files(true, 0600, 0666);
    assert_int_equal(seteuid(NOBODY), 0);
    assert_missing(IXY_E_PERMISSION, "this user may not open /dev/vfio/7", "chown NAME /dev/vfio/7");
    assert_missing(IXY_E_PERMISSION, "this user may not open /dev/vfio/7", "ixy bind " CARD " --user NAME");
    assert_int_equal(seteuid(0), 0);
    vfio_files(true, 0666, 0600);
    assert_int_equal(seteuid(NOBODY), 0);
    assert_missing(IXY_E_PERMISSION, "this user may not open /dev/vfio/vfio", "chmod 666 /dev/vfio/vfio");
    assert_int_equal(seteuid(0), 0);
}

/* What VFIO locks cannot be known before it is asked; finding warns of a limit that the standard pool does not fit. */
static void test_memlock(void **state)
{
    (void)state;
    ixy_found found = {.struct_size = sizeof(found)};
    struct rlimit old, little = {8 << 20, 8 << 20};
    pci_test_driver(CARD, "vfio-pci");
    pci_test_group("7", (const char *const[]){CARD, NULL});
    vfio_files(true, 0666, 0666);
    assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &old), 0);
    assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &little), 0);
    assert_int_equal(seteuid(NOBODY), 0);
    assert_int_equal(ixy_device_find(0, &found), 1);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &old), 0);
    assert_int_equal(found.usable, 0);
    static const char *const pieces[] = {CARD ": VFIO must lock 20971520 bytes",
                                         "RLIMIT_MEMLOCK allows 8388608",
                                         "ulimit -l 65536",
                                         "/etc/security/limits.conf",
                                         "LimitMEMLOCK=",
                                         "ixy bind " CARD " --user NAME"};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
        assert_says(found.missing, pieces[i]);
    assert_int_equal(ixy_device_find(0, &found), 1); /* root may lock what it likes */
    assert_string_equal(found.missing, "");
}

/* ---- bound to nothing ---- */

static void test_not_root(void **state)
{
    (void)state;
    assert_int_equal(seteuid(NOBODY), 0);
    assert_missing(IXY_E_PERMISSION, "has no IOMMU (no iommu_group), so only root", "sudo");
    assert_missing(IXY_E_PERMISSION, "intel_iommu=on", "ixy bind " CARD " --user NAME");
    assert_int_equal(seteuid(0), 0);
    pci_test_group("7", (const char *const[]){CARD, NULL});
    assert_int_equal(seteuid(NOBODY), 0);
    assert_missing(IXY_E_PERMISSION, "not bound to vfio-pci", "ixy bind " CARD " --user NAME");
    assert_int_equal(seteuid(0), 0);
    pci_test_driver(CARD, "uio_pci_generic");
    assert_int_equal(seteuid(NOBODY), 0);
    assert_missing(IXY_E_PERMISSION, "not bound to vfio-pci", "ixy bind " CARD " --user NAME");
    assert_int_equal(seteuid(0), 0);
}

static void test_translated(void **state)
{
    (void)state;
    pci_test_group("7", (const char *const[]){CARD, NULL});
    pci_test_file("DMA-FQ\n", "/sys/bus/pci/devices/.groups/7/type");
    assert_missing(IXY_E_STATE, "behind an IOMMU that translates (its group 7)", "ixy bind " CARD " --user NAME");
    unlink("/sys/bus/pci/devices/.groups/7/type");
}

static void test_no_huge_pages(void **state)
{
    (void)state;
    ixy_found found = {.struct_size = sizeof(found)};
    pci_test_file("0\n", "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
    assert_int_equal(ixy_device_find(0, &found), 1);
    assert_int_equal(found.usable, 0);
    assert_says(found.missing, CARD ": a device without IOMMU needs huge pages");
    assert_says(found.missing, "echo 16 > /proc/sys/vm/nr_hugepages");
    pci_test_file("5\n", "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
    assert_int_equal(ixy_device_find(0, &found), 1);
    assert_string_equal(found.missing, "");
    assert_int_equal(found.usable, 1);
}

/* An unbound function whose registers read as ones: its configuration space too. */
static void test_silent(void **state)
{
    (void)state;
    char ones[257];
    memset(ones, 0xFF, 256);
    ones[256] = '\0';
    pci_test_file(ones, "/sys/bus/pci/devices/" CARD "/config");
    assert_int_equal(try_open(CARD), IXY_E_DEVICE);
    assert_says(ixy_last_error(), "configuration space reads as ones");
}

static void test_small_bar(void **state)
{
    (void)state;
    assert_int_equal(truncate("/sys/bus/pci/devices/" CARD "/resource0", 4096), 0);
    assert_int_equal(try_open(CARD), IXY_E_DEVICE);
    assert_says(ixy_last_error(), "BAR 0 has 4096 bytes of memory; right are 131072 or more");
}

/* ---- finding ---- */

static void test_find(void **state)
{
    (void)state;
    static const char *const sorted[] = {"0000:02:00.0", CARD, "10000:01:00.0"};
    ixy_found found = {.struct_size = sizeof(found)};
    pci_test_function("10000:01:00.0", 0x1AF4, 0x1000);
    pci_test_function("0000:02:00.0", 0x8086, 0x1563);
    pci_test_function("0000:01:00.0", 0x1234, 0x1111);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(ixy_device_find(i, &found), 3);
        assert_string_equal(found.address + strlen("pci:"), sorted[i]);
        assert_string_equal(found.name, i == 0 ? "Intel X550" : i == 1 ? "Intel 82599" : "VirtIO network device");
        assert_string_equal(found.driver, "");
    }
    assert_int_equal(ixy_device_find(3, &found), 3);
    assert_string_equal(found.address, "");
    assert_string_equal(found.missing, "");
    assert_int_equal(ixy_device_find(0, NULL), IXY_E_ARGUMENT);
    found.struct_size = 4;
    assert_int_equal(ixy_device_find(0, &found), IXY_E_STRUCT);
    pci_test_remove("10000:01:00.0");
    pci_test_remove("0000:02:00.0");
    pci_test_remove("0000:01:00.0");
}

static void test_find_nothing(void **state)
{
    (void)state;
    ixy_found found = {.struct_size = sizeof(found), .vendor = 1};
    assert_int_equal(ixy_device_find(0, &found), 0);
    assert_int_equal(found.vendor, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_CARD(test_malformed),
        ON_CARD(test_names),
        ON_CARD(test_options),
        ON_CARD(test_absent),
        ON_CARD(test_unsupported),
        ON_CARD(test_kernel_driver),
        ON_CARD(test_no_iommu),
        ON_CARD(test_shared_group),
        ON_CARD(test_group_file),
        ON_CARD(test_memlock),
        ON_CARD(test_not_root),
        ON_CARD(test_translated),
        ON_CARD(test_no_huge_pages),
        ON_CARD(test_silent),
        ON_CARD(test_small_bar),
        ON_CARD(test_find),
        cmocka_unit_test(test_find_nothing),
    };
    if (!pci_test_begin())
        return PCI_TEST_CANNOT;
    /* How many huge pages are free is the test's to say. */
    if (mount("ixy-test", "/sys/kernel/mm/hugepages/hugepages-2048kB", "tmpfs", 0, "mode=755") != 0)
        return PCI_TEST_CANNOT;
    pci_test_file("5\n", "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
