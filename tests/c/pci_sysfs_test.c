/* The ixgbe driver over PCI without an IOMMU: sysfs files, huge pages, physical addresses; a thread plays the card. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/c/abi_support.h"
#include "tests/c/pci_card.h"
#include "tests/c/pci_support.h"

#define FIRST "0000:41:00.0"
#define SECOND "0000:42:00.0"
#define BUFFERS 1700 /* not a whole number of huge pages */
#define BATCH 32
#define COMMAND_MEMORY_IO_MASTER 7

static struct pci_card cards[2];

static int begin_cards(void **state)
{
    (void)state;
    pci_test_function(FIRST, 0x8086, 0x10FB);
    pci_test_function(SECOND, 0x8086, 0x1563);
    pci_card_begin(&cards[0], FIRST);
    pci_card_begin(&cards[1], SECOND);
    return 0;
}

static int end_cards(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 2; i++)
        pci_card_end(&cards[i]);
    pci_test_remove(FIRST);
    pci_test_remove(SECOND);
    return 0;
}

static uint64_t open_device(const char *address, uint64_t pool)
{
    ixy_device_config config = {.struct_size = sizeof(config), .pool = pool};
    config.rx_ring_size = config.tx_ring_size = 256;
    uint64_t device = 0;
    int32_t code = ixy_device_open(address, &config, &device);
    if (code < 0)
        fail_msg("%s: %s: %s", address, ixy_error_name(code), ixy_last_error());
    return device;
}

static uint8_t *packet(const ixy_view *view, const ixy_frame *frame)
{
    return (uint8_t *)(uintptr_t)view->base + frame->offset;
}

/* Sends a batch, each frame different, and takes it back: byte for byte, in order. */
static void go_round(uint64_t device, uint64_t pool, const ixy_view *view, uint32_t round)
{
    ixy_frame frames[BATCH];
    assert_int_equal(ixy_buf_alloc(pool, frames, BATCH), BATCH);
    for (uint32_t i = 0; i < BATCH; i++) {
        frames[i].len = (uint16_t)(60 + i);
        memset(packet(view, &frames[i]), (int)(round + i), frames[i].len);
    }
    assert_int_equal(ixy_tx_batch(device, 0, frames, BATCH), BATCH);
    uint32_t got = 0;
    for (uint32_t tries = 0; got < BATCH && tries < 20000; tries++) {
        ixy_frame back[BATCH];
        int32_t count = ixy_rx_batch(device, 0, back, BATCH);
        assert_true(count >= 0);
        for (int32_t i = 0; i < count; i++, got++) {
            assert_int_equal(back[i].len, 60 + got);
            for (uint32_t at = 0; at < back[i].len; at++)
                assert_int_equal(packet(view, &back[i])[at], (uint8_t)(round + got));
        }
        assert_int_equal(ixy_buf_free(pool, back, (uint32_t)count), count);
        if (count == 0)
            nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
    assert_int_equal(got, BATCH);
}

static void test_frames(void **state)
{
    (void)state;
    uint64_t pool = test_pool(BUFFERS);
    ixy_view view = test_view(pool);
    uint64_t device = open_device("pci:" FIRST, pool);
    ixy_info info = {.struct_size = sizeof(info)};
    ixy_link link = {.struct_size = sizeof(link)};
    uint8_t mac[6];
    assert_int_equal(ixy_device_info(device, &info), 0);
    assert_string_equal(info.name, "Intel 82599");
    assert_string_equal(info.address, "pci:" FIRST);
    assert_int_equal(info.emulated, 0);
    assert_int_equal(ixy_device_link(device, &link), 0);
    assert_int_equal(link.speed_mbps, 10000);
    assert_int_equal(ixy_device_mac(device, mac), 0);
    assert_memory_equal(mac, ((uint8_t[]){2, 0, 0, 0, 1, 0}), 6);
    assert_int_equal(ixy_device_start(device), 0);
    for (uint32_t round = 0; round < 100; round++)
        go_round(device, pool, &view, round);
    assert_int_equal(cards[0].forwarded, 100 * BATCH);
    assert_int_equal(ixy_device_reset(device), 0);
    go_round(device, pool, &view, 7);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
    assert_int_equal(cards[0].unreachable, 0);
}

/* Two devices on one pool: the second finds its pages as the first left them, though buffers are in use. */
static void test_two_devices(void **state)
{
    (void)state;
    uint64_t pool = test_pool(BUFFERS);
    ixy_view view = test_view(pool);
    uint64_t first = open_device(FIRST, pool);
    assert_int_equal(ixy_device_start(first), 0);
    go_round(first, pool, &view, 1);
    uint64_t second = open_device("42:00.0", pool);
    assert_int_equal(ixy_device_start(second), 0);
    for (uint32_t round = 0; round < 10; round++) {
        go_round(first, pool, &view, round);
        go_round(second, pool, &view, 100 + round);
    }
    assert_int_equal(ixy_device_close(first), 0);
    go_round(second, pool, &view, 3);
    assert_int_equal(ixy_device_close(second), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
    assert_int_equal(cards[0].unreachable + cards[1].unreachable, 0);
}

/* Registers are reached from the start, memory only once the driver has reset the card; both are taken back. */
static void test_command(void **state)
{
    (void)state;
    cards[0].config[4] = COMMAND_MEMORY_IO_MASTER & ~3; /* what a program that was killed leaves: it masters the bus */
    cards[0].config[5] = 4;                             /* INTx is disabled: nothing of ours */
    uint64_t device = open_device(FIRST, 0);
    assert_int_equal(cards[0].config[4], COMMAND_MEMORY_IO_MASTER & ~4);
    assert_int_equal(cards[0].config[5], 4);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(cards[0].config[4], 0);
    assert_int_equal(cards[0].config[5], 4);
    uint64_t pool = test_pool(BUFFERS);
    device = open_device(FIRST, pool);
    assert_int_equal(cards[0].config[4], COMMAND_MEMORY_IO_MASTER);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(cards[0].config[4], 0);
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void test_twice(void **state)
{
    (void)state;
    uint64_t again, device = open_device(FIRST, 0);
    assert_int_equal(ixy_device_open(FIRST, NULL, &again), IXY_E_BUSY);
    assert_non_null(strstr(ixy_last_error(), FIRST ": another program that uses libixy, or this one, has it open"));
    assert_int_equal(ixy_device_close(device), 0);
    device = open_device(FIRST, 0);
    assert_int_equal(ixy_device_close(device), 0);
}

static void test_buffers_in_use(void **state)
{
    (void)state;
    uint64_t device, pool = test_pool(BUFFERS);
    long before = pci_test_huge_free();
    ixy_device_config config = {.struct_size = sizeof(config), .pool = pool};
    config.rx_ring_size = config.tx_ring_size = 256;
    ixy_frame frame = test_frame(pool);
    assert_int_equal(ixy_device_open(FIRST, &config, &device), IXY_E_STATE);
    assert_non_null(strstr(ixy_last_error(), "1 of the pool's 1700 buffers are in use"));
    assert_int_equal(ixy_buf_free(pool, &frame, 1), 1);
    assert_int_equal(ixy_device_close(open_device(FIRST, pool)), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
    assert_int_equal(pci_test_huge_free(), before);
}

/* No interrupts on this way: a clear error, as on any bus that has none. */
static void test_no_waiting(void **state)
{
    (void)state;
    ixy_info info = {.struct_size = sizeof(info)};
    uint64_t pool = test_pool(BUFFERS), device = open_device(FIRST, pool);
    assert_int_equal(ixy_device_start(device), 0);
    assert_int_equal(ixy_device_info(device, &info), 0);
    assert_int_equal(info.capabilities & IXY_CAN_RX_WAIT, 0);
    assert_int_equal(ixy_rx_wait(device, 0, 0), IXY_E_UNSUPPORTED);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
}

/* A child has neither the card nor its memory. */
static void test_fork(void **state)
{
    (void)state;
    uint64_t pool = test_pool(BUFFERS), device = open_device(FIRST, pool);
    ixy_view view = test_view(pool);
    assert_int_equal(ixy_device_start(device), 0);
    go_round(device, pool, &view, 1);
    pid_t child = fork();
    if (child == 0) {
        const uint8_t *bytes = (const uint8_t *)(uintptr_t)view.base;
        int bad = ixy_device_reset(device) == IXY_E_FORK ? 0 : 1;
        for (uint64_t i = 0; i < view.size; i++)
            bad |= bytes[i] != 0 ? 2 : 0;
        _exit(bad);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    go_round(device, pool, &view, 2);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
    assert_int_equal(cards[0].unreachable, 0);
}

/* A card that is pulled: all registers read as ones. */
static void test_gone(void **state)
{
    (void)state;
    uint64_t pool = test_pool(BUFFERS), device = open_device(FIRST, pool);
    ixy_link link = {.struct_size = sizeof(link)};
    assert_int_equal(ixy_device_start(device), 0);
    pci_card_end(&cards[0]);
    char ones[4096];
    memset(ones, 0xFF, sizeof(ones));
    FILE *file = fopen("/sys/bus/pci/devices/" FIRST "/resource0", "r+e");
    assert_non_null(file);
    for (uint32_t i = 0; i < PCI_TEST_BAR / sizeof(ones); i++)
        assert_int_equal(fwrite(ones, sizeof(ones), 1, file), 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(ixy_device_link(device, &link), IXY_E_DEVICE);
    ixy_frame frame;
    assert_int_equal(ixy_rx_batch(device, 0, &frame, 1), IXY_E_DEVICE);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
    pci_card_begin(&cards[0], FIRST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_frames, begin_cards, end_cards),
        cmocka_unit_test_setup_teardown(test_two_devices, begin_cards, end_cards),
        cmocka_unit_test_setup_teardown(test_command, begin_cards, end_cards),
        cmocka_unit_test_setup_teardown(test_twice, begin_cards, end_cards),
        cmocka_unit_test_setup_teardown(test_buffers_in_use, begin_cards, end_cards),
        cmocka_unit_test_setup_teardown(test_no_waiting, begin_cards, end_cards),
        cmocka_unit_test_setup_teardown(test_fork, begin_cards, end_cards),
        cmocka_unit_test_setup_teardown(test_gone, begin_cards, end_cards),
    };
    if (!pci_test_begin() || !pci_test_huge_begin(8)) /* the pool, then four rings */
        return PCI_TEST_CANNOT;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pci_test_huge_end();
    return failed;
}
