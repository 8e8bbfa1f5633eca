/* The tap wire, against the kernel's own stack in a network namespace that the test makes, and without rights. */
#include "tests/c/wire_support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT 77 /* a child's end: this machine does not let the test set up what it needs */

/* Runs a test in a child, whose rights and namespaces are its own. The child says on stderr what failed. */
static void in_child(int (*test)(void))
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(test());
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT) {
        print_message("not possible on this machine without more rights\n");
        skip();
    }
    assert_int_equal(status, 0);
}

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "line %d: %s; last error: %s; errno: %s\n", __LINE__, #condition, error_text(),            \
                    strerror(errno));                                                                                  \
            return 1;                                                                                                  \
        }                                                                                                              \
    } while (0)

static bool tap_refused(int32_t code, const char *piece)
{
    struct wire *wire;
    return wire_test_try("tap=ixytest0", true, &wire) == code && strstr(error_text(), piece) != NULL &&
           strstr(error_text(), "tap=ixytest0") != NULL;
}

/* A network namespace of its own, and the right to make interfaces there. */
static bool own_network(void)
{
    return unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) == 0 &&
           access("/dev/net/tun", R_OK | W_OK) == 0;
}

static int set_up(const char *name, short flags)
{
    struct ifreq request = {0};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    strcpy(request.ifr_name, name);
    request.ifr_flags = flags;
    int result = fd < 0 ? -1 : ioctl(fd, SIOCSIFFLAGS, &request);
    close(fd);
    return result;
}

/* The stack's side: a packet socket at the interface. */
static int open_socket(const char *name)
{
    int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    address.sll_ifindex = (int)if_nametoindex(name);
    return fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

/* Frames of our own type; the stack sends some of its own accord (IPv6). */
static void make_frame(uint8_t *frame, uint32_t len, uint8_t number)
{
    memset(frame, number, len);
    memcpy(frame, "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x88\xb5", 14);
}

static bool is_ours(const uint8_t *frame)
{
    return frame[12] == 0x88 && frame[13] == 0xb5;
}

static int check_both_ways(void)
{
    static const uint32_t lengths[] = {14, 42, 59, 60, 61, 1000, 1514};
    static uint8_t frame[1600], got[1600];
    struct wire *wire, *other;
    uint32_t len;
    if (!own_network())
        return CANNOT;
    CHECK(wire_test_try("tap=ixytest0", true, &wire) == 0);
    CHECK(tap_refused(IXY_E_BUSY, "in use"));
    CHECK(!wire->waits);
    CHECK(wire->ops->peek(wire, &len) == NULL);
    make_frame(frame, 60, 1);
    wire->ops->transmit(wire, frame, 60); /* the interface is down */
    CHECK(wire_test_counters(wire).wire_dropped == 1);

    CHECK(set_up("ixytest0", IFF_UP) == 0);
    int fd = open_socket("ixytest0");
    CHECK(fd >= 0);
    for (uint32_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        make_frame(frame, lengths[i], (uint8_t)(i + 1));
        CHECK(send(fd, frame, lengths[i], 0) == (ssize_t)lengths[i]);
        const uint8_t *arrived = NULL;
        for (int tries = 0; tries < 1000 && arrived == NULL; tries++) {
            arrived = wire->ops->peek(wire, &len);
            if (arrived != NULL && !is_ours(arrived)) {
                wire->ops->consume(wire);
                arrived = NULL;
            } else if (arrived == NULL) {
                usleep(1000);
            }
        }
        CHECK(arrived != NULL && wire->ops->peek(wire, &len) == arrived);
        CHECK(len == (lengths[i] < 60 ? 60 : lengths[i])); /* padded, as a sender does */
        CHECK(memcmp(arrived, frame, lengths[i]) == 0);
        for (uint32_t k = lengths[i]; k < len; k++)
            CHECK(arrived[k] == 0);
        wire->ops->consume(wire);
    }
    for (uint32_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        make_frame(frame, lengths[i], (uint8_t)(i + 100));
        wire->ops->transmit(wire, frame, lengths[i]);
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        struct sockaddr_ll from;
        ssize_t n = 0;
        do { /* what goes out is seen by the socket too */
            socklen_t size = sizeof from;
            CHECK(poll(&ready, 1, 5000) == 1);
            n = recvfrom(fd, got, sizeof got, 0, (struct sockaddr *)&from, &size);
        } while (n >= 14 && (!is_ours(got) || from.sll_pkttype == PACKET_OUTGOING));
        CHECK(n == (ssize_t)lengths[i] && memcmp(got, frame, lengths[i]) == 0);
    }
    CHECK(wire_test_counters(wire).wire_dropped == 1);
    wire->ops->transmit(wire, frame, 13); /* no frame */
    CHECK(wire_test_counters(wire).wire_dropped == 2);
    wire->ops->close(wire);
    CHECK(if_nametoindex("ixytest0") == 0); /* gone with its device */
    CHECK(wire_test_try("tap=ixytest0", true, &other) == 0);
    other->ops->close(other);
    close(fd);
    return 0;
}

static int check_name_taken(void)
{
    struct wire *wire;
    if (!own_network())
        return CANNOT;
    int32_t result = wire_test_try("tap=lo", true, &wire);
    CHECK(result == IXY_E_ADDRESS);
    CHECK(strstr(error_text(), "tap=lo") != NULL && strstr(error_text(), "no single-queue tap") != NULL);
    return 0;
}

/* A user without rights: refused where the device file is opened or where the interface is made, by how it is set up.
 */
static int check_unprivileged(void)
{
    if (access("/dev/net/tun", F_OK) != 0)
        return CANNOT;
    if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0))
        return CANNOT;
    CHECK(tap_refused(IXY_E_PERMISSION, "CAP_NET_ADMIN"));
    CHECK(strstr(error_text(), "ip tuntap add ixytest0 mode tap user") != NULL);
    return 0;
}

/* Root without the one right: the device file opens, the interface is refused. */
static int check_without_net_admin(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (access("/dev/net/tun", R_OK | W_OK) != 0 || syscall(SYS_capget, &header, data) != 0)
        return CANNOT;
    data[0].effective &= ~(1u << CAP_NET_ADMIN);
    CHECK(syscall(SYS_capset, &header, data) == 0);
    CHECK(tap_refused(IXY_E_PERMISSION, "making or taking this interface"));
    CHECK(strstr(error_text(), "CAP_NET_ADMIN") != NULL);
    return 0;
}

static int check_no_device_file(void)
{
    if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return CANNOT;
    if (access("/dev/net", F_OK) == 0 &&
        (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount("none", "/dev/net", "tmpfs", 0, NULL) != 0))
        return CANNOT;
    CHECK(tap_refused(IXY_E_NOT_FOUND, "/dev/net/tun"));
    return 0;
}

static void test_both_ways(void **state)
{
    (void)state;
    in_child(check_both_ways);
}

static void test_name_taken(void **state)
{
    (void)state;
    in_child(check_name_taken);
}

static void test_unprivileged(void **state)
{
    (void)state;
    in_child(check_unprivileged);
}

static void test_without_net_admin(void **state)
{
    (void)state;
    in_child(check_without_net_admin);
}

static void test_no_device_file(void **state)
{
    (void)state;
    in_child(check_no_device_file);
}

static void test_names_refused(void **state)
{
    (void)state;
    wire_test_refused("tap=tap%d", IXY_E_ADDRESS, "tap=tap%d", "1 to 15 characters");
    wire_test_refused("tap=sixteen-letters-", IXY_E_ADDRESS, "sixteen", "1 to 15 characters");
    wire_test_refused("tap=a/b", IXY_E_ADDRESS, "a/b", "1 to 15 characters");
    wire_test_refused("tap=..", IXY_E_ADDRESS, "tap=..", "1 to 15 characters");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),      cmocka_unit_test(test_name_taken),
        cmocka_unit_test(test_unprivileged),   cmocka_unit_test(test_without_net_admin),
        cmocka_unit_test(test_no_device_file), cmocka_unit_test(test_names_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
