/* Handles after fork(): each function with each of the parent's, in the child, in a child of the child, and while the
 * parent goes on. (docs/abi.md, "Misuse", g.) What a child may do itself: abi_fork_test.c; waiting: abi_wait_test.c;
 * a back end's memory: vhost_user_fork_test.c; a child without memory: tests/failing/fork_test.c. */
#include "tests/c/misuse_calls.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUFFERS 4096

struct family {
    uint64_t pool, device, closed_pool, closed_device;
    ixy_view view;
    ixy_frame frame;
    int fd;                /* of the receive queue, or -1 */
    struct family *before; /* of the process before, whose handles are somebody else's here as well */
};

static struct family family_open(const char *address)
{
    struct family made = {.closed_pool = test_pool(BUFFERS)};
    made.closed_device = test_device(address, made.closed_pool);
    assert_int_equal(ixy_device_close(made.closed_device), 0);
    assert_int_equal(ixy_pool_close(made.closed_pool), 0);
    made.pool = test_pool(BUFFERS);
    made.view = test_view(made.pool);
    made.device = test_device(address, made.pool);
    made.frame = test_frame(made.pool);
    made.fd = strstr(address, "inline") == NULL ? ixy_rx_fd(made.device, 0) : -1;
    made.view.base[made.frame.offset] = 0x42;
    return made;
}

static void family_close(struct family *family)
{
    assert_int_equal(family->view.base[family->frame.offset], 0x42);
    assert_int_equal(ixy_buf_free(family->pool, &family->frame, 1), 1);
    assert_int_equal(ixy_device_close(family->device), 0);
    assert_int_equal(ixy_pool_free_count(family->pool), BUFFERS);
    assert_int_equal(ixy_pool_close(family->pool), 0);
    assert_int_equal(ixy_pool_view_release(family->view.view), 0);
}

/* In a child asserts would run the parent's tests on: what is wrong is told, and goes to exit. */
static int wrong(const char *what)
{
    if (what != NULL)
        fprintf(stderr, "in the child: %s\n", what);
    return what != NULL ? 1 : 0;
}

/* Of one process's handles in another. */
static const char *strange_handles(const struct family *family, int32_t code)
{
    const char *what = misuse_refused(family->pool, code, MISUSE_POOLS);
    if (what == NULL)
        what = misuse_refused(family->device, code, MISUSE_DEVICES);
    if (what == NULL)
        what = misuse_refused(family->view.view, code, MISUSE_VIEWS);
    /* Of another kind, and what was closed before: as in the parent. */
    if (what == NULL)
        what = misuse_refused(family->frame.buf, IXY_E_HANDLE, MISUSE_ALL);
    if (what == NULL)
        what = misuse_refused(family->closed_pool, IXY_E_HANDLE, MISUSE_ALL);
    if (what == NULL)
        what = misuse_refused(family->closed_device, IXY_E_HANDLE, MISUSE_ALL);
    return what;
}

static const char *strange(const struct family *family, int32_t code)
{
    const char *what = strange_handles(family, code);
    if (what == NULL && family->fd >= 0 && fcntl(family->fd, F_GETFD) >= 0)
        what = "the queue's descriptor is open";
    if (what == NULL && (family->view.base[family->frame.offset] != 0 ||
                         family->view.owner[family->frame.buf & family->view.index_mask] != 0))
        what = "the view shows what is the parent's";
    family->view.base[family->frame.offset] = 0x77; /* must not be seen by the parent */
    return what;
}

/* A pool of its own in the place of those before, whose buffers have none of their handles. */
static const char *own_pool(const struct family *family, uint64_t *pool)
{
    static ixy_frame frames[BUFFERS];
    const ixy_pool_config config = {.struct_size = sizeof(config), .buffer_count = BUFFERS};
    if (ixy_pool_open(&config, pool) != 0)
        return ixy_last_error();
    for (uint32_t round = 0; round < 8; round++) {
        int32_t count = ixy_buf_alloc(*pool, frames, BUFFERS);
        for (const struct family *before = family; before != NULL; before = before->before)
            if (ixy_buf_free(*pool, &before->frame, 1) != IXY_E_HANDLE)
                return "a frame of a process before is one of this one's pool";
        if (count != BUFFERS || ixy_buf_free(*pool, frames, BUFFERS) != BUFFERS)
            return "its own pool does not work";
    }
    return NULL;
}

static int in_process(int (*check)(struct family *), struct family *family)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(check(family));
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static int great_grandchild(struct family *family)
{
    uint64_t pool;
    return wrong(own_pool(family, &pool));
}

/* The child has opened a pool and a device where the parent's were. */
static int grandchild(struct family *family)
{
    const char *what = misuse_refused(family->pool, IXY_E_FORK, MISUSE_POOLS);
    if (what == NULL)
        what = misuse_refused(family->device, IXY_E_FORK, MISUSE_DEVICES);
    if (what == NULL) /* nobody remembers that these were somebody's, and they are nothing */
        what = misuse_refused(family->before->pool, IXY_E_HANDLE, MISUSE_ALL);
    struct family own = {.before = family};
    if (what == NULL)
        what = own_pool(family, &own.pool);
    return what != NULL ? wrong(what) : in_process(great_grandchild, family);
}

/* Nothing was opened in between: the parent's handles are known as such. */
static int grandchild_of_idle(struct family *family)
{
    uint64_t pool;
    const char *what = strange(family, IXY_E_FORK);
    return wrong(what != NULL ? what : own_pool(family, &pool));
}

static int child(struct family *family)
{
    const char *what = strange(family, IXY_E_FORK);
    if (what != NULL)
        return wrong(what);
    int code = in_process(grandchild_of_idle, family);
    struct family own = {.before = family};
    if (code == 0)
        code = wrong(own_pool(family, &own.pool));
    if (code != 0)
        return code;
    ixy_device_config config = {.struct_size = sizeof(config), .pool = own.pool};
    if (ixy_buf_alloc(own.pool, &own.frame, 1) != 1 || ixy_device_open(INLINE_LOOP, &config, &own.device) != 0)
        return wrong(ixy_last_error());
    code = in_process(grandchild, &own);
    if (code != 0)
        return code;
    return ixy_device_close(own.device) == 0 && ixy_pool_close(own.pool) == 0 ? 0 : wrong(ixy_last_error());
}

static void fork_with(const char *address)
{
    struct family family = family_open(address);
    for (uint32_t round = 0; round < 3; round++) /* one child after the other */
        assert_int_equal(in_process(child, &family), 0);
    assert_int_equal(ixy_tx_batch(family.device, 0, &family.frame, 1), 1);
    ixy_frame received;
    while (ixy_rx_batch(family.device, 0, &received, 1) == 0)
        ;
    assert_int_equal(family.view.base[received.offset], 0x42);
    family.frame = received;
    family_close(&family);
}

static void test_inline(void **state)
{
    (void)state;
    fork_with("emu:82599,timing=inline");
    fork_with("emu:virtio,timing=inline");
    fork_with("emu:virtio,ring=packed,timing=inline");
}

static void test_threaded(void **state)
{
    (void)state;
    fork_with("emu:82599");
    fork_with("emu:virtio,ring=packed");
}

/* Opens and closes until told to stop: the locks are taken at any moment. */
static void *open_and_close(void *stop)
{
    while (__atomic_load_n((int *)stop, __ATOMIC_RELAXED) == 0) {
        ixy_device_config config = {.struct_size = sizeof(config), .rx_ring_size = 64, .tx_ring_size = 64};
        ixy_view view = {.struct_size = sizeof(view)};
        uint64_t device = 0;
        if (ixy_pool_open(&(ixy_pool_config){sizeof(ixy_pool_config), 512, 0, 0}, &config.pool) != 0 ||
            ixy_pool_view(config.pool, &view) != 0 || ixy_device_open("emu:82599,pair=x", &config, &device) != 0 ||
            ixy_device_start(device) != 0 || ixy_device_close(device) != 0 || ixy_pool_close(config.pool) != 0 ||
            ixy_pool_view_release(view.view) != 0)
            return stop;
    }
    return NULL;
}

/* A sanitizer's allocator is left by fork() as another thread holds it: there the child asks for no memory. */
#if defined(__SANITIZE_ADDRESS__)
static int child_of_many(struct family *family)
{
    return wrong(strange(family, IXY_E_FORK));
}
#else
static int child_of_many(struct family *family)
{
    uint64_t device = 0;
    ixy_device_config config = {.struct_size = sizeof(config)};
    const char *what = own_pool(family, &config.pool);
    if (what == NULL && (ixy_device_open("emu:82599,pair=x", &config, &device) != 0 || ixy_device_start(device) != 0 ||
                         ixy_device_close(device) != 0 || ixy_pool_close(config.pool) != 0))
        what = ixy_last_error();
    return wrong(what);
}
#endif

/* Another thread is in a control call when the process forks: the child finds no lock taken. */
static void test_among_threads(void **state)
{
    (void)state;
    int stop = 0;
    pthread_t thread;
    void *failed = NULL;
    struct family family = family_open("emu:virtio,timing=inline");
    assert_int_equal(pthread_create(&thread, NULL, open_and_close, &stop), 0);
    for (uint32_t round = 0; round < 100; round++)
        assert_int_equal(in_process(child_of_many, &family), 0);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    pthread_join(thread, &failed);
    assert_null(failed);
    family_close(&family);
}

/* ---- children in which no fork handler ran ---- */

/* Nothing can be opened, nothing is reached. A child of it that fork() makes is no better off. */
static const char *orphan_checks(const struct family *family)
{
    uint64_t made = 0;
    const char *what = strange_handles(family, IXY_E_FORK);
    if (what == NULL && (ixy_pool_open(NULL, &made) != IXY_E_FORK || strstr(ixy_last_error(), "fork()") == NULL))
        what = "a pool can be opened";
    if (what == NULL && (ixy_device_open(INLINE_LOOP, NULL, &made) != IXY_E_FORK || made != 0))
        what = "a device can be opened";
    return what;
}

static int orphan(struct family *family)
{
    return wrong(orphan_checks(family));
}

static int orphan_that_forks(struct family *family)
{
    int status = 0;
    if (orphan(family) != 0)
        return 1;
    pid_t own = fork();
    if (own == 0)
        _exit(orphan(family));
    return waitpid(own, &status, 0) == own && WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static pid_t plain_clone(void)
{
    return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static pid_t bare_fork(void)
{
#if __GLIBC_PREREQ(2, 34)
    return _Fork();
#else
    return plain_clone();
#endif
}

static void without_handlers(pid_t (*make)(void), int (*check)(struct family *), struct family *family)
{
    int status = 0;
    fflush(stdout);
    pid_t child = make();
    if (child == 0)
        _exit(check(family));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_without_handlers(void **state)
{
    (void)state;
    static const char *const addresses[] = {"emu:82599", "emu:virtio,timing=inline", "emu:virtio,ring=packed"};
    for (uint32_t i = 0; i < 3; i++) {
        struct family family = family_open(addresses[i]);
        for (uint32_t round = 0; round < 3; round++) {
            without_handlers(plain_clone, orphan_that_forks, &family);
            without_handlers(bare_fork, orphan_that_forks, &family);
        }
        assert_int_equal(in_process(child, &family), 0); /* an ordinary one */
        family_close(&family);                           /* the parent has lost nothing */
    }
}

/* Locks that another thread holds at that moment stay locked in such a child: nothing of the library waits for them
 * there (but the C library's own fork() would). */
static void test_without_handlers_among_threads(void **state)
{
    (void)state;
    int stop = 0;
    pthread_t thread;
    void *failed = NULL;
    struct family family = family_open("emu:virtio,timing=inline");
    assert_int_equal(pthread_create(&thread, NULL, open_and_close, &stop), 0);
    for (uint32_t round = 0; round < 100; round++)
        without_handlers(round % 2 == 0 ? plain_clone : bare_fork, orphan, &family);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    pthread_join(thread, &failed);
    assert_null(failed);
    family_close(&family);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inline),
        cmocka_unit_test(test_threaded),
        cmocka_unit_test(test_among_threads),
        cmocka_unit_test(test_without_handlers),
        cmocka_unit_test(test_without_handlers_among_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
