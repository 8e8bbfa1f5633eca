/* A back end that answers wrongly, or not at all: an error that says what was wrong with which answer, in good time,
 * after which nothing is lost and a right back end can be used. */
#include "tests/c/vhost_user_support.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "core/bus/vhost_user.h"
#include "core/device/error.h"
#include "core/virtio/spec.h"
#include "core/virtio/transport.h"

/* Waits are one second each; the rest is what a loaded machine may add. */
#define REPLY_BOUND 4.0

static const struct {
    uint32_t request;
    const char *name;
} reply_requests[] = {
    {VHOST_USER_GET_FEATURES, "GET_FEATURES"},
    {VHOST_USER_GET_PROTOCOL_FEATURES, "GET_PROTOCOL_FEATURES"},
    {VHOST_USER_GET_QUEUE_NUM, "GET_QUEUE_NUM"},
    {VHOST_USER_SET_STATUS, "SET_STATUS"},
    {VHOST_USER_GET_STATUS, "GET_STATUS"},
    {VHOST_USER_SET_FEATURES, "SET_FEATURES"},
    {VHOST_USER_SET_MEM_TABLE, "SET_MEM_TABLE"},
    {VHOST_USER_SET_VRING_NUM, "SET_VRING_NUM"},
    {VHOST_USER_SET_VRING_BASE, "SET_VRING_BASE"},
    {VHOST_USER_SET_VRING_ADDR, "SET_VRING_ADDR"},
    {VHOST_USER_SET_VRING_KICK, "SET_VRING_KICK"},
    {VHOST_USER_SET_VRING_CALL, "SET_VRING_CALL"},
    {VHOST_USER_SET_VRING_ENABLE, "SET_VRING_ENABLE"},
};
#define REPLY_REQUESTS (sizeof(reply_requests) / sizeof(reply_requests[0]))

/* Opens and starts; returns the first error. The device is 0 if it could not be opened. */
static int32_t reply_try(const struct backend *backend, uint64_t pool, uint64_t *device)
{
    *device = 0;
    int32_t code = vhost_test_open(backend, "", 1, pool, device);
    return code < 0 ? code : ixy_device_start(*device);
}

/* A pool that is shared already: from here on its file is no new descriptor. */
static uint64_t reply_pool(void)
{
    struct backend backend = backend_right("reply");
    backend_start(&backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device;
    assert_int_equal(reply_try(&backend, pool, &device), 0);
    assert_int_equal(ixy_device_close(device), 0);
    backend_stop(&backend);
    return pool;
}

/* One wrong answer: the error, then the back end comes to its senses. */
static void reply_case(uint64_t pool, size_t number, enum backend_wrong wrong, uint64_t value, int32_t right,
                       const char *text)
{
    uint32_t descriptors = vhost_test_descriptors();
    struct backend backend = backend_right("reply");
    backend.wrong = wrong;
    backend.wrong_request = reply_requests[number].request;
    backend.wrong_value = value;
    backend_start(&backend);
    uint64_t device;
    double begin = vhost_test_now();
    int32_t code = reply_try(&backend, pool, &device);
    if (vhost_test_now() - begin > REPLY_BOUND)
        fail_msg("%s: the error came after %.1f s", reply_requests[number].name, vhost_test_now() - begin);
    vhost_test_text(code, right, text);
    /* A second answer is seen when the next is expected. */
    if (wrong != BACKEND_TWICE)
        vhost_test_text(code, right, reply_requests[number].name);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    __atomic_store_n(&backend.wrong, BACKEND_RIGHT, __ATOMIC_RELEASE);
    code = device == 0 ? reply_try(&backend, pool, &device) : ixy_device_start(device);
    if (code < 0)
        fail_msg("%s: %s", reply_requests[number].name, ixy_last_error());
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    backend_stop(&backend);
    assert_int_equal(vhost_test_descriptors(), descriptors);
}

static void test_wrong_answers(void **state)
{
    (void)state;
    static const struct {
        enum backend_wrong wrong;
        const char *text;
    } wrongs[] = {
        {BACKEND_CLOSED, "closed the connection before it answered"},
        {BACKEND_HALF_CLOSED, "closed the connection in the middle of its answer"},
        {BACKEND_HEADER_CLOSED, "closed the connection in the middle of its answer"},
        {BACKEND_OTHER_REQUEST, "with a message of request 77"},
        {BACKEND_NO_REPLY, "has flags 0x1; right is 0x5"},
        {BACKEND_VERSION, "has flags 0x6; right is 0x5"},
        {BACKEND_SMALL, "has 4 bytes of payload; right is 8"},
        {BACKEND_LARGE, "has 4294967295 bytes of payload; right is 8"},
        {BACKEND_FILE, "file descriptors; right is none"},
        {BACKEND_FILES, "file descriptors; right is none"},
        {BACKEND_TWICE, "with a message of request"},
    };
    uint64_t pool = reply_pool();
    for (size_t number = 0; number < REPLY_REQUESTS; number++)
        for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++)
            reply_case(pool, number, wrongs[i].wrong, 0, IXY_E_DEVICE, wrongs[i].text);
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void test_answers_that_do_not_come(void **state)
{
    (void)state;
    static const size_t numbers[] = {0, 12};
    uint64_t pool = reply_pool();
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        reply_case(pool, numbers[i], BACKEND_SILENT, 0, IXY_E_TIMEOUT, "within 2000 ms (12 bytes are missing)");
        reply_case(pool, numbers[i], BACKEND_HALF, 0, IXY_E_TIMEOUT, "within 2000 ms (6 bytes are missing)");
    }
    assert_int_equal(ixy_pool_close(pool), 0);
}

/* Each answer comes in good time, all of them together do not. Starting four pairs takes some fifty requests. */
static void test_answers_that_are_late(void **state)
{
    (void)state;
    uint64_t pool = reply_pool(), device = 0;
    uint32_t descriptors = vhost_test_descriptors();
    struct backend backend = backend_right("late");
    backend_start(&backend);
    assert_int_equal(vhost_test_open(&backend, "", 4, pool, &device), 0);
    __atomic_store_n(&backend.late_ms, 300, __ATOMIC_RELEASE);
    double begin = vhost_test_now();
    vhost_test_text(ixy_device_start(device), IXY_E_TIMEOUT, "within 5000 ms for starting all rings");
    assert_true(vhost_test_now() - begin < 7);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    __atomic_store_n(&backend.late_ms, 0, __ATOMIC_RELEASE);
    assert_int_equal(ixy_device_start(device), 0);
    vhost_test_traffic(device, pool, 4, 50);
    /* Stopping eight rings takes sixteen. */
    __atomic_store_n(&backend.late_ms, 300, __ATOMIC_RELEASE);
    begin = vhost_test_now();
    assert_int_equal(ixy_device_close(device), 0);
    assert_true(vhost_test_now() - begin < 4);
    __atomic_store_n(&backend.late_ms, 1200, __ATOMIC_RELEASE);
    begin = vhost_test_now();
    vhost_test_text(vhost_test_open(&backend, "", 4, pool, &device), IXY_E_TIMEOUT, "ms for the whole handshake");
    assert_true(vhost_test_now() - begin < 7);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    assert_int_equal(ixy_pool_close(pool), 0);
    __atomic_store_n(&backend.late_ms, 0, __ATOMIC_RELEASE);
    backend_stop(&backend);
    assert_int_equal(vhost_test_descriptors(), descriptors - 1); /* the pool's file */
}

static void test_values(void **state)
{
    (void)state;
    uint64_t pool = reply_pool();
    for (size_t number = 5; number < REPLY_REQUESTS; number++)
        reply_case(pool, number, BACKEND_VALUE, 1, IXY_E_DEVICE, "the back end refused");
    reply_case(pool, 2, BACKEND_VALUE, 0, IXY_E_DEVICE, "with 0; right is 1 to 32768");
    reply_case(pool, 2, BACKEND_VALUE, UINT64_MAX, IXY_E_DEVICE, "with 18446744073709551615; right is 1 to 32768");
    reply_case(pool, 4, BACKEND_VALUE, (uint64_t)1 << 40, IXY_E_DEVICE, "a status has 8 bits");
    assert_int_equal(ixy_pool_close(pool), 0);
}

/* The back end does not agree with the features: FEATURES_OK stays clear. */
static void test_features_refused(void **state)
{
    (void)state;
    struct backend backend = backend_right("refuses");
    backend.wrong = BACKEND_VALUE;
    backend.wrong_request = VHOST_USER_GET_STATUS;
    backend.wrong_value = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER;
    backend_start(&backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device;
    vhost_test_text(reply_try(&backend, pool, &device), IXY_E_UNSUPPORTED, "FEATURES_OK");
    assert_int_equal(ixy_pool_close(pool), 0);
    backend_stop(&backend);
}

static void test_packed_rings_demanded(void **state)
{
    (void)state;
    struct backend backend = backend_right("split");
    backend.features &= ~VIRTIO_FEATURE(VIRTIO_F_RING_PACKED);
    backend_start(&backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device = 0;
    vhost_test_text(vhost_test_open(&backend, ",ring=packed", 1, pool, &device), IXY_E_UNSUPPORTED,
                    "does not offer VIRTIO_F_RING_PACKED");
    vhost_test_text(vhost_test_open(&backend, ",queues=2", 3, pool, &device), IXY_E_RANGE, "the device has 2");
    assert_int_equal(ixy_pool_close(pool), 0);
    backend_stop(&backend);
}

/* A bus whose one ring runs, without a driver: what stopping it says. */
static struct bus *reply_running(const struct backend *backend, struct dma_memory *memory)
{
    struct address address;
    struct bus *bus;
    uint64_t at, offered;
    assert_int_equal(address_parse(vhost_test_address(backend, ""), &address), 0);
    assert_int_equal(vhost_user_bus_scheme.open(&address, &bus), 0);
    assert_int_equal(dma_memory_allocate(memory, 16384, "ring"), 0);
    assert_int_equal(bus->ops->dma_map(bus, memory, &at), IXY_E_STATE); /* not shared */
    assert_int_equal(dma_memory_share(memory), 0);
    assert_int_equal(bus->ops->dma_map(bus, memory, &at), 0);
    struct virtio_queue_setup setup = {
        .size = 64, .descriptor_area = at, .driver_area = at + 4096, .device_area = at + 8192};
    assert_int_equal(bus->virtio->status_set(bus, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER), 0);
    assert_int_equal(bus->virtio->features(bus, &offered), 0);
    assert_int_equal(bus->virtio->features_accept(bus, VIRTIO_FEATURE(VHOST_USER_F_PROTOCOL_FEATURES)), IXY_E_ARGUMENT);
    assert_int_equal(bus->virtio->features_accept(bus, VIRTIO_FEATURE(VIRTIO_F_VERSION_1)), 0);
    assert_int_equal(bus->virtio->queue_enable(bus, 0, &setup), 0);
    assert_int_equal(bus->virtio->queue_enable(bus, 8, &setup), IXY_E_RANGE);
    assert_int_equal(bus->virtio->status_set(bus, 15), 0);
    return bus;
}

static void test_rings_that_do_not_stop(void **state)
{
    (void)state;
    static const struct {
        enum backend_wrong wrong;
        uint32_t request;
        uint64_t value;
        int32_t code;
        const char *text;
    } ways[] = {
        {BACKEND_SILENT, VHOST_USER_GET_VRING_BASE, 0, IXY_E_TIMEOUT, "GET_VRING_BASE within 2000 ms"},
        {BACKEND_SILENT, VHOST_USER_SET_VRING_ENABLE, 0, IXY_E_TIMEOUT, "SET_VRING_ENABLE within 2000 ms"},
        {BACKEND_VALUE, VHOST_USER_GET_VRING_BASE, 5, IXY_E_DEVICE, "GET_VRING_BASE of ring 0 with ring 5"},
        {BACKEND_SMALL, VHOST_USER_GET_VRING_BASE, 0, IXY_E_DEVICE, "GET_VRING_BASE has 4 bytes"},
        {BACKEND_FILE, VHOST_USER_GET_VRING_BASE, 0, IXY_E_DEVICE, "file descriptors"},
        {BACKEND_CLOSED, VHOST_USER_GET_VRING_BASE, 0, 0, NULL}, /* it has stopped, then */
        {BACKEND_HALF_CLOSED, VHOST_USER_GET_VRING_BASE, 0, 0, NULL},
    };
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        uint32_t descriptors = vhost_test_descriptors();
        struct backend backend = backend_right("stop");
        backend_start(&backend);
        struct dma_memory memory;
        struct bus *bus = reply_running(&backend, &memory);
        backend.wrong_request = ways[i].request;
        backend.wrong_value = ways[i].value;
        __atomic_store_n(&backend.wrong, ways[i].wrong, __ATOMIC_RELEASE);
        double begin = vhost_test_now();
        int32_t code = bus->virtio->status_set(bus, 0);
        assert_true(vhost_test_now() - begin < REPLY_BOUND);
        assert_int_equal(code, ways[i].code);
        if (code < 0)
            vhost_test_text(code, ways[i].code, ways[i].text);
        /* It has ended, so it can begin again. */
        uint32_t status = 1;
        assert_int_equal(bus->virtio->status(bus, &status), 0);
        assert_int_equal(status, 0);
        bus->ops->dma_unmap(bus, &memory);
        bus->ops->close(bus);
        dma_memory_free(&memory);
        backend_stop(&backend);
        assert_int_equal(vhost_test_descriptors(), descriptors);
    }
}

static void test_at_most_eight_memories(void **state)
{
    (void)state;
    struct backend backend = backend_right("eight");
    backend_start(&backend);
    struct dma_memory memory[9];
    struct bus *bus = reply_running(&backend, &memory[0]);
    uint64_t at;
    assert_int_equal(dma_memory_allocate(&memory[1], 4096, "late"), 0);
    assert_int_equal(dma_memory_share(&memory[1]), 0);
    vhost_test_text(bus->ops->dma_map(bus, &memory[1], &at), IXY_E_STATE, "before the device runs");
    assert_int_equal(bus->virtio->status_set(bus, 0), 0);
    for (uint32_t i = 2; i < 9; i++) {
        assert_int_equal(dma_memory_allocate(&memory[i], 4096, "one of many"), 0);
        assert_int_equal(dma_memory_share(&memory[i]), 0);
        assert_int_equal(bus->ops->dma_map(bus, &memory[i], &at), 0);
        assert_int_equal(at, (uintptr_t)memory[i].base);
    }
    vhost_test_text(bus->ops->dma_map(bus, &memory[1], &at), IXY_E_LIMIT, "at most 8 memories");
    bus->ops->dma_unmap(bus, &memory[4]);
    assert_int_equal(bus->ops->dma_map(bus, &memory[1], &at), 0);
    bus->ops->close(bus);
    for (uint32_t i = 0; i < 9; i++)
        dma_memory_free(&memory[i]);
    backend_stop(&backend);
}

/* ---- nobody there ---- */

static int32_t reply_open_path(const char *address, double *took)
{
    ixy_device_config config = {.struct_size = sizeof(config)};
    uint64_t device;
    double begin = vhost_test_now();
    int32_t code = ixy_device_open(address, &config, &device);
    *took = vhost_test_now() - begin;
    return code;
}

static void test_nobody_listens(void **state)
{
    (void)state;
    uint32_t descriptors = vhost_test_descriptors();
    double took;
    vhost_test_text(reply_open_path("vhost-user:/nowhere/at/all", &took), IXY_E_NOT_FOUND,
                    "no vhost-user back end listens at /nowhere/at/all");
    assert_true(took > 1.5 && took < 5);
    /* Somebody listens and never accepts. */
    struct backend backend = backend_right("deaf");
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    memcpy(path.sun_path, backend.path, sizeof(backend.path));
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&path, sizeof(path)), 0);
    assert_int_equal(listen(listener, 8), 0);
    vhost_test_text(reply_open_path(vhost_test_address(&backend, ""), &took), IXY_E_TIMEOUT,
                    "did not answer GET_FEATURES within 2000 ms");
    assert_true(took > 0.9 && took < REPLY_BOUND);
    close(listener);
    unlink(backend.path);
    assert_int_equal(vhost_test_descriptors(), descriptors);
}

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *address, *text;
    } wrong[] = {
        {"vhost-user:/s,ring=round", "right is auto, split or packed"},
        {"vhost-user:/s,mrg=1", "mrg=1; right is on or off"},
        {"vhost-user:/s,inorder=yes", "inorder=yes; right is on or off"},
        {"vhost-user:/s,queues=0", "right is a number from 1 to 16"},
        {"vhost-user:/s,queues=17", "right is a number from 1 to 16"},
        {"vhost-user:/s,mac=01:00:00:00:00:01", "right is a station address"},
        {"vhost-user:/s,mac=00:00:00:00:00:00", "right is a station address"},
        {"vhost-user:/s,mac=02:00:00:00:00:0", "right is a station address"},
        {"vhost-user:/s,mac=02:00:00:00:00:0g", "right is a station address"},
        {"vhost-user:/s,mac=02-00-00-00-00-01", "right is a station address"},
        {"vhost-user:/s,colour=red", "known here: ring=auto|split|packed"},
        {"vhost-user:/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123"
         "456789012345678901234567890",
         "at most 107 characters"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        double took;
        vhost_test_text(reply_open_path(wrong[i].address, &took), IXY_E_ADDRESS, wrong[i].text);
        assert_true(took < 1);
    }
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_answers),          cmocka_unit_test(test_answers_that_do_not_come),
        cmocka_unit_test(test_answers_that_are_late),  cmocka_unit_test(test_values),
        cmocka_unit_test(test_features_refused),       cmocka_unit_test(test_packed_rings_demanded),
        cmocka_unit_test(test_rings_that_do_not_stop), cmocka_unit_test(test_at_most_eight_memories),
        cmocka_unit_test(test_nobody_listens),         cmocka_unit_test(test_addresses),
    };
    if (count > 1)
        cmocka_set_test_filter(arguments[1]);
    return cmocka_run_group_tests(tests, NULL, backend_remove_sockets);
}
