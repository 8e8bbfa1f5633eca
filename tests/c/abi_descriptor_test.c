/* The descriptor that ixy_rx_fd hands out, closed by a program that it does not belong to: nothing of what gets its
 * number is written, read or closed, and the device works on. With kcmp, and in a sandbox that forbids it. */
#include "tests/c/abi_support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/objects.h"
#include "core/bus/bus.h"

static uint32_t descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    uint32_t count = 0;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* One frame round the wire, waited for in both ways. */
static void round_trip(uint64_t device, uint64_t pool, int fd)
{
    ixy_frame frame = test_frame(pool), received;
    assert_int_equal(ixy_tx_batch(device, 0, &frame, 1), 1);
    assert_int_equal(ixy_rx_wait(device, 0, 5000), 1);
    assert_int_equal(ixy_rx_batch(device, 0, &received, 1), 1);
    assert_int_equal(ixy_tx_batch(device, 0, &received, 1), 1);
    int32_t got;
    while ((got = ixy_rx_batch(device, 0, &received, 1)) == 0) {
        struct pollfd entry = {.fd = fd, .events = POLLIN};
        int32_t armed = ixy_rx_arm(device, 0);
        assert_true(armed >= 0);
        if (armed == 0 && fd >= 0)
            assert_int_equal(poll(&entry, 1, 5000), 1);
    }
    assert_int_equal(got, 1);
    assert_int_equal(ixy_buf_free(pool, &received, 1), 1);
}

/* A socket gets the number of the queue's descriptor, and is not touched by anything that is done to the device. */
static void test_other_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_FAMILIES; i++) {
        uint32_t before = descriptors();
        uint64_t pool = test_pool(8192), device = test_device(test_families[i], pool);
        int ends[2], fd = ixy_rx_fd(device, 0);
        round_trip(device, pool, fd);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
        assert_int_equal(dup2(ends[1], fd), fd); /* closes it, and takes its number */
        assert_int_equal(close(ends[1]), 0);
        assert_int_equal(write(ends[0], "for another", 11), 11);
        round_trip(device, pool, -1);
        assert_int_equal(ixy_rx_wake(device, 0), 0);
        assert_int_equal(ixy_rx_wait(device, 0, -1), 0);
        assert_int_equal(ixy_device_reset(device), 0);
        bus_wake(device_slot_find(device)->device->bus);
        round_trip(device, pool, -1);
        int again = ixy_rx_fd(device, 0); /* another one, as that number is another's */
        assert_true(again >= 0 && again != fd);
        round_trip(device, pool, again);
        assert_int_equal(ixy_device_close(device), 0);
        char bytes[32];
        assert_true(read(ends[0], bytes, sizeof(bytes)) < 0 && errno == EAGAIN); /* nothing was written */
        assert_int_equal(read(fd, bytes, sizeof(bytes)), 11);                    /* nothing was read */
        assert_int_equal(close(fd), 0);                                          /* nor closed */
        assert_int_equal(close(ends[0]), 0);
        assert_int_equal(ixy_pool_close(pool), 0);
        assert_int_equal(descriptors(), before);
    }
}

/* Another event in its place: of the same kind, and yet not the same. */
static void test_other_event(void **state)
{
    (void)state;
    uint64_t pool = test_pool(8192), device = test_device("emu:virtio", pool);
    int fd = ixy_rx_fd(device, 0), other = eventfd(0, EFD_NONBLOCK);
    assert_int_equal(dup2(other, fd), fd);
    assert_int_equal(ixy_device_close(device), 0);
    uint64_t count;
    assert_true(read(fd, &count, sizeof(count)) < 0 && errno == EAGAIN);
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(other), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
}

/* Closed and nothing in its place; asked for again and again; never asked for. */
static void test_counts(void **state)
{
    (void)state;
    uint32_t before = descriptors();
    uint64_t pool = test_pool(8192), device = test_device("emu:82599", pool);
    uint32_t open = descriptors();
    int fd = ixy_rx_fd(device, 0);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(ixy_rx_fd(device, 0), fd);
    assert_int_equal(descriptors(), open + 1);
    assert_int_equal(close(fd), 0);
    round_trip(device, pool, -1);
    assert_int_equal(descriptors(), open);
    assert_int_equal(ixy_device_close(device), 0);
    device = test_device("emu:82599", pool);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
    assert_int_equal(descriptors(), before);
}

/* The parent's file of that number stays open in its child, and no duplicate does. */
static void test_fork(void **state)
{
    (void)state;
    uint64_t pool = test_pool(8192), device = test_device("emu:virtio", pool);
    int fd = ixy_rx_fd(device, 0), null = open("/dev/null", O_RDONLY), status = 0;
    assert_int_equal(dup2(null, fd), fd);
    int kept = ixy_rx_fd(device, 0);
    assert_true(kept != fd);
    pid_t child = fork();
    if (child == 0)
        _exit(fcntl(fd, F_GETFD) < 0 ? 1 : fcntl(kept, F_GETFD) >= 0 ? 2 : 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(null), 0);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void forbid_kcmp(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kcmp, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
    assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
    assert_true(syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 0) < 0 && errno == EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_file),
        cmocka_unit_test(test_other_event), /* needs kcmp */
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_fork),
    };
    const struct CMUnitTest sandboxed[] = {
        cmocka_unit_test(test_other_file),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_fork),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    forbid_kcmp();
    return failed + cmocka_run_group_tests(sandboxed, NULL, NULL);
}
