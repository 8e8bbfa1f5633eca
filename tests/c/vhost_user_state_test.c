/* The front end keeps its own state: nothing that a back end says is stored as the front end's, used twice, or trusted
 * to go forward only. */
#include "tests/c/vhost_user_support.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "core/bus/vhost_user.h"
#include "core/bus/vhost_user_device.h"
#include "core/device/error.h"
#include "core/virtio/spec.h"

#define STATE_SO_PASSRIGHTS 83 /* of Linux 6.16 */

static uint32_t state_threads(void)
{
    DIR *folder = opendir("/proc/self/task");
    uint32_t count = 0;
    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* A thread that was joined may be listed for a moment still. */
static void state_threads_are(uint32_t right)
{
    for (uint32_t i = 0; i < 1000 && state_threads() != right; i++)
        usleep(1000);
    assert_int_equal(state_threads(), right);
}

/* ---- the device status ---- */

/* What GET_STATUS gives, one after another; then the truth. */
static struct {
    uint32_t request; /* the answers to this one */
    uint64_t says[4];
    uint32_t count, at; /* atomic: at */
} state_script;

static bool state_answer(struct backend *backend, struct vhost_user_message *message, uint32_t size)
{
    message->flags = VHOST_USER_VERSION | VHOST_USER_REPLY;
    message->size = size;
    uint32_t at = __atomic_load_n(&state_script.at, __ATOMIC_ACQUIRE);
    if (message->request == state_script.request && at < state_script.count) {
        message->number = state_script.says[at];
        __atomic_store_n(&state_script.at, at + 1, __ATOMIC_RELEASE);
    }
    return backend_send(backend, message, VHOST_USER_HEADER_SIZE + size, 0, -1, false) != 0;
}

static void state_accepted(struct backend *backend)
{
    (void)backend;
}

static bool state_idle(struct backend *backend)
{
    (void)backend;
    return true;
}

static const struct backend_hostile state_ways = {
    .answer = state_answer, .accepted = state_accepted, .idle = state_idle};

/* Opens, starts and closes. With running, the answers are those to ixy_device_link of a device that runs. */
static void state_status(const uint64_t *says, uint32_t count, bool running, int32_t right)
{
    struct backend backend = backend_right("status");
    backend.hostile = &state_ways;
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device = 0;
    uint32_t threads = state_threads(), descriptors = vhost_test_descriptors();
    state_script.request = VHOST_USER_GET_STATUS;
    memcpy(state_script.says, says, count * sizeof(*says));
    state_script.at = 0;
    state_script.count = running ? 0 : count;
    backend_start(&backend);
    int32_t code = vhost_test_open(&backend, "", 1, pool, &device);
    if (code >= 0)
        code = ixy_device_start(device);
    if (code >= 0)
        state_threads_are(threads + 2); /* the back end's and one watcher */
    state_script.count = count;
    ixy_link link = {.struct_size = sizeof(link)};
    for (uint32_t i = 0; i < count && running && code >= 0; i++)
        code = ixy_device_link(device, &link);
    if (code != right)
        fail_msg("%s: %s; right is %s", ixy_error_name(code), ixy_last_error(), ixy_error_name(right));
    if (code >= 0) {
        assert_int_equal(backend.status, 15); /* each bit once, and the driver's only */
        vhost_test_traffic(device, pool, 1, 20);
        state_threads_are(threads + 2);
        state_script.count = 0;
        assert_int_equal(ixy_device_reset(device), 0);
        vhost_test_traffic(device, pool, 1, 20);
        state_threads_are(threads + 2);
    }
    if (device != 0)
        assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    backend_stop(&backend);
    state_threads_are(threads);
    if (device != 0)
        assert_int_equal(vhost_test_descriptors(), descriptors + 1); /* the pool's file */
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void test_a_status_that_is_said_too_early(void **state)
{
    (void)state;
    const uint64_t early[] = {15, 3}, bits[] = {8 | 0x20 | 0x10}, failed[] = {8 | 128};
    state_status(early, 2, false, 0);
    state_status(bits, 1, false, 0);
    state_status(failed, 1, false, 0);
    const uint64_t refused[] = {4, 3, 3, 3};
    state_status(refused, 4, false, IXY_E_UNSUPPORTED); /* FEATURES_OK is heard */
}

static void test_a_status_that_is_taken_back(void **state)
{
    (void)state;
    const uint64_t back[] = {11, 3, 0, 15}, reset[] = {15 | 64}, none[] = {1 << 8};
    state_status(back, 4, true, 0);
    state_status(reset, 1, true, IXY_E_DEVICE); /* DEVICE_NEEDS_RESET is heard */
    state_status(none, 1, true, IXY_E_DEVICE);
}

/* The bus itself, under whatever driver: bits are not taken back, and one watcher is enough. */
static void test_the_bus_starts_one_watcher(void **state)
{
    (void)state;
    struct backend backend = backend_right("watch");
    backend.hostile = &state_ways;
    struct address address;
    struct bus *bus;
    uint32_t threads = state_threads(), descriptors = vhost_test_descriptors();
    uint64_t offered;
    state_script.count = 0;
    backend_start(&backend);
    assert_int_equal(address_parse(vhost_test_address(&backend, ""), &address), 0);
    assert_int_equal(vhost_user_bus_scheme.open(&address, &bus), 0);
    assert_int_equal(bus->virtio->status_set(bus, 3), 0);
    assert_int_equal(bus->virtio->features(bus, &offered), 0);
    assert_int_equal(bus->virtio->features_accept(bus, VIRTIO_FEATURE(VIRTIO_F_VERSION_1)), 0);
    assert_int_equal(bus->virtio->status_set(bus, 15), 0);
    uint32_t status = 0;
    state_script.request = VHOST_USER_GET_STATUS;
    state_script.says[0] = VIRTIO_STATUS_ACKNOWLEDGE;
    state_script.says[1] = VIRTIO_STATUS_DEVICE_NEEDS_RESET;
    state_script.at = 0;
    state_script.count = 2;
    assert_int_equal(bus->virtio->status(bus, &status), 0);
    assert_int_equal(status, 15);
    assert_int_equal(bus->virtio->status(bus, &status), 0);
    assert_int_equal(status, 15 | VIRTIO_STATUS_DEVICE_NEEDS_RESET);
    vhost_test_text(bus->virtio->status_set(bus, 11), IXY_E_STATE, "only a reset takes bits back");
    assert_int_equal(bus->virtio->status_set(bus, 15), 0);
    vhost_test_text(vhost_user_watch_start(vhost_user_of(bus)), IXY_E_STATE, "its watcher runs already");
    state_threads_are(threads + 2);
    bus->ops->close(bus);
    backend_stop(&backend);
    state_threads_are(threads);
    assert_int_equal(vhost_test_descriptors(), descriptors);
}

/* ---- what is offered ---- */

static void state_lengths(uint64_t device, ixy_info *info)
{
    *info = (ixy_info){.struct_size = sizeof(*info)};
    assert_int_equal(ixy_device_info(device, info), 0);
}

/* Another back end at the same path: it must offer what was agreed upon, and more of it is of no use. */
static void test_a_later_offer(void **state)
{
    (void)state;
    const uint64_t merged = VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF), packed = VIRTIO_FEATURE(VIRTIO_F_RING_PACKED),
                   more = VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX) | merged;
    struct backend backend = backend_right("offer");
    backend.features &= ~merged;
    backend_start(&backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device = vhost_test_device(&backend, "", 2, pool);
    vhost_test_traffic(device, pool, 2, 20);
    const uint64_t accepted = backend.accepted;
    ixy_info first, later;
    state_lengths(device, &first);
    backend_kill(&backend);
    backend.features ^= packed;
    backend_start(&backend);
    vhost_test_text(ixy_device_reset(device), IXY_E_DEVICE, "0x400000000 are missing");
    vhost_test_text(ixy_device_reset(device), IXY_E_DEVICE, "close it and open it again");
    backend_kill(&backend);
    backend.features = (backend.features ^ packed) | more;
    backend_start(&backend);
    assert_int_equal(ixy_device_reset(device), 0);
    vhost_test_traffic(device, pool, 2, 20);
    assert_int_equal(backend.accepted, accepted);
    state_lengths(device, &later);
    assert_memory_equal(&first, &later, sizeof(first));
    /* Fewer queues than are in use; then more than there were. */
    backend_kill(&backend);
    backend.queue_num = 1;
    backend_start(&backend);
    assert_true(ixy_device_reset(device) < 0);
    backend_kill(&backend);
    backend.queue_num = 16;
    backend_start(&backend);
    assert_int_equal(ixy_device_reset(device), 0);
    vhost_test_traffic(device, pool, 2, 20);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    assert_int_equal(ixy_pool_close(pool), 0);
    backend_stop(&backend);
}

/* Without acknowledgements the front end asks for the features once more, to know that all was seen. */
static void test_a_second_answer_that_differs(void **state)
{
    (void)state;
    struct backend backend = backend_right("second");
    backend.protocol &= ~(1u << VHOST_USER_PROTOCOL_F_REPLY_ACK);
    backend.hostile = &state_ways;
    state_script.request = VHOST_USER_GET_FEATURES;
    state_script.says[0] = backend.features;
    state_script.says[1] = 0;
    state_script.count = 2;
    state_script.at = 0;
    backend_start(&backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device = vhost_test_device(&backend, "", 1, pool);
    assert_int_equal(state_script.at, 2);
    vhost_test_traffic(device, pool, 1, 20);
    assert_true(vhost_test_has(device, "RING_PACKED"));
    assert_int_equal(ixy_device_reset(device), 0);
    vhost_test_traffic(device, pool, 1, 20);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    assert_int_equal(ixy_pool_close(pool), 0);
    backend_stop(&backend);
}

/* ---- time, files, events ---- */

/* Each answer comes within its two seconds; the whole handshake has five. */
static void test_a_handshake_has_one_deadline(void **state)
{
    (void)state;
    struct backend backend = backend_right("deadline");
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device = 0;
    backend.late_ms = 900;
    backend_start(&backend);
    double begin = vhost_test_now();
    vhost_test_text(vhost_test_open(&backend, "", 1, pool, &device), IXY_E_TIMEOUT, "ms for the whole handshake");
    assert_true(vhost_test_now() - begin < 6.5);
    /* And its end is its end: later questions have their own time. */
    __atomic_store_n(&backend.late_ms, 0, __ATOMIC_RELEASE);
    assert_int_equal(vhost_test_open(&backend, "", 1, pool, &device), 0);
    __atomic_store_n(&backend.late_ms, 300, __ATOMIC_RELEASE);
    poll(NULL, 0, 5100);
    ixy_link link = {.struct_size = sizeof(link)};
    assert_int_equal(ixy_device_link(device, &link), 0);
    __atomic_store_n(&backend.late_ms, 0, __ATOMIC_RELEASE);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
    backend_stop(&backend);
}

/* A TCP socket with bytes to send that its peer does not take, whose last close waits a minute for that. */
static int state_lingering(int *peer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct linger linger = {1, 60};
    socklen_t size = sizeof(address);
    static uint8_t bytes[1 << 16];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(connect(made, (struct sockaddr *)&address, sizeof(address)), 0);
    *peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    while (send(made, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        continue;
    assert_int_equal(setsockopt(made, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
    close(listener);
    return made;
}

static void test_a_file_whose_close_waits(void **state)
{
    (void)state;
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), off = 0, peer;
    bool refuses = setsockopt(probe, SOL_SOCKET, STATE_SO_PASSRIGHTS, &off, sizeof(off)) == 0;
    close(probe);
    if (!refuses) {
        print_message("  this kernel lets files through: they are refused from Linux 6.16 on\n");
        skip();
    }
    struct backend backend = backend_right("linger");
    backend.wrong = BACKEND_LINGER;
    backend.wrong_request = VHOST_USER_GET_FEATURES;
    backend.wrong_file = state_lingering(&peer);
    backend_start(&backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS);
    double begin = vhost_test_now();
    uint64_t device = vhost_test_device(&backend, "", 1, pool);
    assert_true(vhost_test_now() - begin < 2);
    assert_int_equal(backend.files, 0);
    struct linger none = {0, 0};
    assert_int_equal(setsockopt(backend.wrong_file, SOL_SOCKET, SO_LINGER, &none, sizeof(none)), 0);
    close(backend.wrong_file);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
    close(peer);
    backend_stop(&backend);
}

/* What the back end has of a queue's event is written to by nobody else: whoever writes there can be made to wait. */
static void test_only_the_back_end_signals_its_call(void **state)
{
    (void)state;
    struct backend backend = backend_right("call");
    backend_start(&backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device = vhost_test_device(&backend, "", 1, pool);
    int fd = ixy_rx_fd(device, 0), call = dup(backend.ring[0].call);
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    assert_true(fd >= 0 && call >= 0);
    assert_int_equal(ixy_rx_arm(device, 0), 0);
    assert_int_equal(poll(&entry, 1, 0), 0);
    assert_int_equal(eventfd_write(call, 1), 0);
    assert_int_equal(poll(&entry, 1, 0), 1);
    assert_int_equal(ixy_rx_arm(device, 0), 0); /* empties it */
    assert_int_equal(poll(&entry, 1, 0), 0);
    assert_int_equal(ixy_device_reset(device), 0); /* wakes who waits */
    assert_int_equal(poll(&entry, 1, 0), 1);
    assert_int_equal(ixy_rx_arm(device, 0), 0);
    __atomic_store_n(&backend.cut, 1, __ATOMIC_RELEASE); /* so does a failure */
    assert_int_equal(poll(&entry, 1, 5000), 1);
    assert_int_equal(ixy_device_close(device), 0);
    eventfd_t count = 0;
    assert_int_equal(eventfd_read(call, &count), -1); /* nothing is in it */
    close(call);
    assert_int_equal(ixy_pool_close(pool), 0);
    backend_stop(&backend);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_status_that_is_said_too_early),
        cmocka_unit_test(test_a_status_that_is_taken_back),
        cmocka_unit_test(test_the_bus_starts_one_watcher),
        cmocka_unit_test(test_a_later_offer),
        cmocka_unit_test(test_a_second_answer_that_differs),
        cmocka_unit_test(test_a_handshake_has_one_deadline),
        cmocka_unit_test(test_a_file_whose_close_waits),
        cmocka_unit_test(test_only_the_back_end_signals_its_call),
    };
    if (count > 1)
        cmocka_set_test_filter(arguments[1]);
    return cmocka_run_group_tests(tests, NULL, backend_remove_sockets);
}
