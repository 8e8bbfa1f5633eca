/* Pinned memory: huge pages that follow one another in the machine, at the addresses that the memory had; each mistake
 * has its own error; nothing is left behind. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/bus/bus.h"
#include "core/device/error.h"
#include "core/dma/huge.h"
#include "core/dma/pool.h"
#include "tests/c/abi_support.h"
#include "tests/c/pci_support.h"

#define PAGES 4 /* in a row: what the largest memory here needs */

static void assert_says(const char *piece)
{
    if (strstr(error_text(), piece) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error_text(), piece);
}

/* Every page of it, asked one by one. */
static void assert_follows(const struct dma_memory *memory)
{
    assert_true(memory->physical != 0);
    for (uint64_t at = 0; at < memory->size; at += 4096)
        assert_int_equal(pci_test_physical(memory->base + at), memory->physical + at);
    assert_int_equal(pci_test_physical(memory->base + memory->size - 1), memory->physical + memory->size - 1);
}

static void test_pin(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {1, 5000, DMA_HUGE, 3 * DMA_HUGE, 3 * DMA_HUGE + 1};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct dma_memory memory;
        long before = pci_test_huge_free();
        long pages = (long)((sizes[i] + DMA_HUGE - 1) / DMA_HUGE);
        assert_int_equal(dma_memory_allocate(&memory, sizes[i], "test"), 0);
        uint8_t *base = memory.base;
        memset(base, 0x55, sizes[i]);
        assert_int_equal(dma_memory_pin(&memory), 0);
        if (sizes[i] >= DMA_HUGE)
            assert_ptr_equal(memory.base, base);
        assert_int_equal(memory.size, sizes[i]);
        assert_int_equal(memory.base[0] | memory.base[sizes[i] - 1], 0);
        assert_follows(&memory);
        assert_int_equal(pci_test_huge_free(), before - pages); /* what was tried and not taken was given back */
        uint64_t physical = memory.physical;
        memory.base[0] = 1;
        assert_int_equal(dma_memory_pin(&memory), 0); /* does nothing */
        assert_int_equal(memory.physical, physical);
        assert_int_equal(memory.base[0], 1);
        dma_memory_free(&memory);
        assert_int_equal(pci_test_huge_free(), before);
    }
}

/* A pool stays where it is, however small, because callers have views of it; none may be in use. */
static void test_pool_stays(void **state)
{
    (void)state;
    static const uint32_t counts[] = {64, 2048};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct pool *pool;
        uint64_t token;
        long before = pci_test_huge_free();
        assert_int_equal(pool_open(counts[i], 2048, 0, &pool), 0);
        uint8_t *base = pool->memory.base;
        assert_int_equal(pool_take(pool, &token, 1), 1);
        base[0] = 1;
        assert_int_equal(pool_pin(pool), IXY_E_STATE);
        assert_says("1 of the pool's");
        assert_int_equal(base[0], 1);
        pool_give(pool, &token, 1);
        assert_int_equal(pool_pin(pool), 0);
        assert_ptr_equal(pool->memory.base, base);
        assert_follows(&pool->memory);
        assert_int_equal(pool_take(pool, &token, 1), 1);
        assert_int_equal(pool_pin(pool), 0); /* it is pinned: nothing to lose */
        pool_give(pool, &token, 1);
        pool_close(pool);
        assert_int_equal(pci_test_huge_free(), before);
    }
}

/* The ABI's pool: views outlive it, and its huge pages go all the same. */
static void test_view_outlives(void **state)
{
    (void)state;
    long before = pci_test_huge_free();
    uint64_t pool = test_pool(1000); /* not a whole number of huge pages */
    ixy_view view = test_view(pool);
    struct dma_memory memory = {.base = (uint8_t *)(uintptr_t)view.base, .size = view.size, .name = "pool"};
    memory.extent = (view.size + DMA_HUGE - 1) & ~(DMA_HUGE - 1);
    assert_int_equal(dma_memory_pin(&memory), 0);
    memory.base[view.size - 1] = 7;
    assert_int_equal(ixy_pool_close(pool), 0);
    assert_int_equal(memory.base[view.size - 1], 0);
    assert_int_equal(pci_test_huge_free(), before);
    assert_int_equal(ixy_pool_view_release(view.view), 0);
}

/* Devices that have a memory's pages keep them. */
static void test_conflicts(void **state)
{
    (void)state;
    struct dma_memory memory;
    assert_int_equal(dma_memory_allocate(&memory, 4096, "test"), 0);
    assert_int_equal(dma_memory_share(&memory), 0);
    assert_int_equal(dma_memory_pin(&memory), IXY_E_STATE);
    assert_says("test: another process has its pages");
    dma_memory_free(&memory);
    assert_int_equal(dma_memory_allocate(&memory, 4096, "test"), 0);
    assert_int_equal(dma_memory_pin(&memory), 0);
    assert_int_equal(dma_memory_share(&memory), IXY_E_STATE);
    assert_says("test: a device without IOMMU has its pages");
    dma_memory_free(&memory);
    assert_int_equal(dma_memory_allocate(&memory, 4096, "test"), 0);
    memory.held = 1;
    assert_int_equal(dma_memory_pin(&memory), IXY_E_STATE);
    assert_says("an open VFIO device has its pages, this device needs huge pages: open this one first");
    assert_int_equal(dma_memory_share(&memory), IXY_E_STATE);
    assert_says("this device needs pages of a file");
    dma_memory_free(&memory);
}

/* What happens in a child; the number of the first check that failed is its exit code. */
static void in_child(int (*checks)(void *argument), void *argument)
{
    pid_t child = fork();
    if (child == 0)
        _exit(checks(argument));
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static int child_sees_zeroes(void *argument)
{
    struct dma_memory *memory = argument;
    dma_memory_after_fork_in_child();
    if (memory->base[0] != 0 || memory->base[memory->size - 1] != 0)
        return 1;
    memory->base[0] = 0x77;
    dma_memory_free(memory);
    return 0;
}

static void test_fork(void **state)
{
    (void)state;
    struct dma_memory memory;
    assert_int_equal(dma_memory_allocate(&memory, 5000, "test"), 0);
    assert_int_equal(dma_memory_pin(&memory), 0);
    memory.base[0] = 1;
    memory.base[4999] = 2;
    in_child(child_sees_zeroes, &memory);
    assert_int_equal(memory.base[0], 1);
    assert_int_equal(memory.base[4999], 2);
    assert_follows(&memory); /* the parent's pages are where the device knows them */
    dma_memory_free(&memory);
}

/* ---- errors ---- */

static int drop_rights(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    memset(data, 0, sizeof(data));
    return (int)syscall(SYS_capset, &header, data);
}

static int child_without_rights(void *argument)
{
    (void)argument;
    struct dma_memory memory;
    if (drop_rights() != 0 || dma_memory_allocate(&memory, 4096, "test") != 0)
        return 1;
    if (dma_memory_pin(&memory) != IXY_E_PERMISSION || strstr(error_text(), "CAP_SYS_ADMIN") == NULL)
        return 2;
    memory.base[0] = 1; /* the memory is there still */
    dma_memory_free(&memory);
    return 0;
}

static void test_no_rights(void **state)
{
    (void)state;
    long before = pci_test_huge_free();
    in_child(child_without_rights, NULL);
    assert_int_equal(pci_test_huge_free(), before);
}

static int child_without_pages(void *argument)
{
    (void)argument;
    struct dma_memory memory;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("ixy-test", "/sys/kernel/mm/hugepages/hugepages-2048kB", "tmpfs", 0, "mode=755") != 0 ||
        dma_memory_allocate(&memory, 3 * DMA_HUGE, "test") != 0)
        return 1;
    pci_test_file("0\n", "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
    if (dma_memory_pin(&memory) != IXY_E_NO_MEMORY || strstr(error_text(), "none of 2 MiB is free") == NULL ||
        strstr(error_text(), "echo 19 > /proc/sys/vm/nr_hugepages") == NULL)
        return 2;
    pci_test_file("2\n", "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
    if (dma_memory_pin(&memory) != IXY_E_NO_MEMORY ||
        strstr(error_text(), "needs 3 huge pages of 2 MiB, 2 are free") == NULL)
        return 3;
    return 0;
}

static void test_too_few(void **state)
{
    (void)state;
    in_child(child_without_pages, NULL);
}

/* Takes all free pages and gives each second one back, in the order of the machine: no two in a row are free. */
static int take_every_second(void)
{
    static struct pci_test_page pages[PCI_TEST_PAGES_MAX];
    long count;
    int file = pci_test_huge_take(pages, &count);
    for (long i = 0; i < count; i += 2)
        assert_int_equal(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, pages[i].offset, PCI_TEST_PAGE),
                         0);
    return file;
}

static void test_scattered(void **state)
{
    (void)state;
    struct dma_memory memory;
    char piece[64];
    int file = take_every_second();
    long left = pci_test_huge_free();
    assert_true(left >= 2);
    assert_int_equal(dma_memory_allocate(&memory, 2 * DMA_HUGE, "test"), 0);
    assert_int_equal(dma_memory_pin(&memory), IXY_E_NO_MEMORY);
    snprintf(piece, sizeof(piece), "needs 2 huge pages of 2 MiB in a row, the longest row of the %ld", left);
    assert_says(piece);
    assert_says("free ones has 1");
    assert_says("hugepages=N");
    assert_says("VFIO");
    assert_int_equal(memory.physical, 0);
    assert_int_equal(pci_test_huge_free(), left);
    close(file);
    assert_int_equal(dma_memory_pin(&memory), 0); /* now there are */
    assert_follows(&memory);
    dma_memory_free(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pin),       cmocka_unit_test(test_pool_stays), cmocka_unit_test(test_view_outlives),
        cmocka_unit_test(test_conflicts), cmocka_unit_test(test_fork),       cmocka_unit_test(test_no_rights),
        cmocka_unit_test(test_too_few),   cmocka_unit_test(test_scattered),
    };
    if (!pci_test_huge_begin(PAGES))
        return PCI_TEST_CANNOT;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pci_test_huge_end();
    return failed;
}
