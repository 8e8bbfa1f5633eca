/* Memory that another process reaches by a file: same addresses, sealed, not inherited by children, nothing left. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/device/error.h"
#include "core/device/fork.h"
#include "core/dma/pool.h"
#include "tests/c/abi_support.h"

static const uint64_t dma_test_sizes[] = {1, 5000, (uint64_t)3 << 20};
#define DMA_TEST_SIZES (sizeof(dma_test_sizes) / sizeof(dma_test_sizes[0]))

static bool dma_test_is_open(int file)
{
    return fcntl(file, F_GETFD) >= 0;
}

/* New pages: who mapped the old ones sees nothing of what comes after, nor the other way round. */
static void test_renew(void **state)
{
    (void)state;
    for (size_t i = 0; i < DMA_TEST_SIZES; i++) {
        struct dma_memory memory;
        uint64_t size = dma_test_sizes[i];
        assert_int_equal(dma_memory_allocate(&memory, size, "test"), 0);
        assert_int_equal(dma_memory_share(&memory), 0);
        uint8_t *base = memory.base;
        int file = memory.file;
        uint8_t *old = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        assert_true(old != MAP_FAILED);
        base[size - 1] = 1;
        assert_int_equal(dma_memory_renew(&memory), 0);
        assert_ptr_equal(memory.base, base);
        assert_int_equal(memory.file, file);
        assert_true((fcntl(file, F_GETFD) & FD_CLOEXEC) != 0);
        assert_int_equal(ftruncate(file, 0), -1);
        assert_int_equal(base[0] | base[size - 1], 0);
        old[0] = 2;
        assert_int_equal(base[0], 0);
        old[size - 1] = 1;
        base[size - 1] = 3;
        assert_int_equal(old[size - 1], 1);
        uint8_t *peer = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        assert_true(peer != MAP_FAILED);
        assert_int_equal(peer[size - 1], 3);
        munmap(peer, size);
        munmap(old, size);
        dma_memory_free(&memory);
        assert_false(dma_test_is_open(file));
    }
}

static void test_share(void **state)
{
    (void)state;
    for (size_t i = 0; i < DMA_TEST_SIZES; i++) {
        struct dma_memory memory;
        uint64_t size = dma_test_sizes[i];
        assert_int_equal(dma_memory_allocate(&memory, size, "test"), 0);
        assert_false(memory.shared);
        uint8_t *base = memory.base;
        memset(base, 0x55, size);
        assert_int_equal(dma_memory_share(&memory), 0);
        assert_true(memory.shared);
        assert_ptr_equal(memory.base, base);
        assert_int_equal(base[0] | base[size - 1], 0);
        int file = memory.file;
        assert_int_equal(dma_memory_share(&memory), 0);
        assert_int_equal(memory.file, file);
        uint8_t *peer = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        assert_true(peer != MAP_FAILED);
        base[size - 1] = 1;
        assert_int_equal(peer[size - 1], 1);
        peer[0] = 2;
        assert_int_equal(base[0], 2);
        munmap(peer, size);
        /* A peer that could make the file shorter could raise SIGBUS here. */
        assert_int_equal(ftruncate(file, 0), -1);
        assert_int_equal(errno, EPERM);
        assert_true((fcntl(file, F_GETFD) & FD_CLOEXEC) != 0);
        dma_memory_free(&memory);
        assert_null(memory.base);
        assert_false(dma_test_is_open(file));
    }
}

static void test_pages_taken_over(void **state)
{
    (void)state;
    struct dma_memory memory;
    assert_int_equal(dma_memory_allocate(&memory, 8192, "test"), 0);
    assert_int_equal(dma_memory_share(&memory), 0);
    struct dma_memory taken = {.base = memory.base, .size = memory.size, .extent = memory.extent};
    int file = memory.file;
    memory.base = NULL;
    dma_memory_free(&memory);
    assert_false(dma_test_is_open(file));
    taken.base[0] = 1; /* the pages are there still */
    dma_memory_free(&taken);
    dma_memory_free(&taken); /* all zero: left alone */
}

/* What happens in a child; the number of the first check that failed is its exit code. */
static void dma_test_in_child(int (*checks)(void *), void *argument)
{
    pid_t child = fork();
    if (child == 0) {
        fork_after_in_child();
        dma_memory_after_fork_in_child();
        _exit(checks(argument));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int dma_test_sees_zeroes(void *argument)
{
    struct dma_memory *memory = argument;
    for (size_t i = 0; i < DMA_TEST_SIZES; i++) {
        if (memory[i].base[0] != 0 || memory[i].base[memory[i].size - 1] != 0)
            return 1;
        memory[i].base[0] = 0x77;
        if (dma_test_is_open(memory[i].file))
            return 2;
    }
    pid_t grandchild = fork();
    if (grandchild == 0) {
        dma_memory_after_fork_in_child();
        _exit(memory[0].base[0] == 0 ? 0 : 1);
    }
    int status = 0;
    if (waitpid(grandchild, &status, 0) != grandchild || status != 0)
        return 3;
    /* The child's copies can be freed like any other; an own one can be shared. */
    for (size_t i = 0; i < DMA_TEST_SIZES; i++)
        dma_memory_free(&memory[i]);
    struct dma_memory own;
    if (dma_memory_allocate(&own, 4096, "own") != 0 || dma_memory_share(&own) != 0)
        return 4;
    own.base[0] = 1;
    dma_memory_free(&own);
    return 0;
}

static void test_children_see_zeroes(void **state)
{
    (void)state;
    struct dma_memory memory[DMA_TEST_SIZES];
    for (size_t i = 0; i < DMA_TEST_SIZES; i++) {
        assert_int_equal(dma_memory_allocate(&memory[i], dma_test_sizes[i], "test"), 0);
        assert_int_equal(dma_memory_share(&memory[i]), 0);
        memory[i].base[0] = memory[i].base[memory[i].size - 1] = 0x42;
    }
    dma_test_in_child(dma_test_sees_zeroes, memory);
    for (size_t i = 0; i < DMA_TEST_SIZES; i++) {
        assert_int_equal(memory[i].base[0], 0x42);
        assert_int_equal(memory[i].base[memory[i].size - 1], 0x42);
        assert_true(dma_test_is_open(memory[i].file));
        dma_memory_free(&memory[i]);
    }
}

static int dma_test_sees_its_own(void *argument)
{
    return *(uint8_t *)argument == 0x42 ? 0 : 1;
}

/* Addresses of memory that was freed may be anything's; a child must find there what its parent had. */
static void test_what_was_freed_is_forgotten(void **state)
{
    (void)state;
    struct dma_memory memory;
    assert_int_equal(dma_memory_allocate(&memory, 4096, "test"), 0);
    assert_int_equal(dma_memory_share(&memory), 0);
    uint8_t *base = memory.base;
    dma_memory_free(&memory);
    uint8_t *other = mmap(base, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    assert_ptr_equal(other, base);
    *other = 0x42;
    dma_test_in_child(dma_test_sees_its_own, other);
    munmap(other, 4096);
}

static void test_pool_share(void **state)
{
    (void)state;
    struct pool *pool;
    uint64_t token;
    assert_int_equal(pool_open(256, 2048, 0, &pool), 0);
    assert_int_equal(pool_take(pool, &token, 1), 1);
    assert_int_equal(pool_share(pool), IXY_E_STATE);
    assert_non_null(strstr(error_text(), "1 of the pool's 256 buffers are in use"));
    assert_false(pool->memory.shared);
    pool_give(pool, &token, 1);
    assert_int_equal(pool_share(pool), 0);
    assert_true(pool->memory.shared);
    assert_int_equal(pool_take(pool, &token, 1), 1);
    assert_int_equal(pool_share(pool), 0); /* it is shared: nothing to lose */
    pool_give(pool, &token, 1);
    int file = pool->memory.file;
    pool_close(pool);
    assert_false(dma_test_is_open(file));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_renew),
        cmocka_unit_test(test_pages_taken_over),
        cmocka_unit_test(test_children_see_zeroes),
        cmocka_unit_test(test_what_was_freed_is_forgotten),
        cmocka_unit_test(test_pool_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
