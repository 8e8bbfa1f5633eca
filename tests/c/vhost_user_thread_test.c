/* The vhost-user bus on a back end that does right: every way of talking, and a back end that dies and comes back. */
#include "tests/c/vhost_user_support.h"

#include "core/virtio/spec.h"

/* Opens, talks, resets, talks, closes: nothing is lost and the front end keeps to the protocol. */
static void talk(struct backend *backend, const char *options, uint32_t pairs, const char *has, const char *lacks)
{
    uint32_t descriptors = vhost_test_descriptors();
    backend_start(backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device = vhost_test_device(backend, options, pairs, pool);
    if (has != NULL && !vhost_test_has(device, has))
        fail_msg("%s: %s was not agreed upon", options, has);
    if (lacks != NULL && vhost_test_has(device, lacks))
        fail_msg("%s: %s was agreed upon", options, lacks);
    vhost_test_traffic(device, pool, pairs, 200);
    ixy_link link = {.struct_size = sizeof(link)};
    assert_int_equal(ixy_device_link(device, &link), 0);
    assert_int_equal(link.up, 1);
    assert_int_equal(ixy_device_reset(device), 0);
    assert_int_equal(backend_read(&backend->connections), 2);
    vhost_test_traffic(device, pool, pairs, 200);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    assert_int_equal(ixy_pool_close(pool), 0);
    backend_stop(backend);
    assert_int_equal(backend->frames, 400 * pairs);
    assert_int_equal(backend->requests[VHOST_USER_GET_VRING_BASE], 4 * pairs);
    assert_int_equal(vhost_test_descriptors(), descriptors);
}

static void test_rings_and_headers(void **state)
{
    (void)state;
    static const struct {
        const char *options, *has, *lacks;
    } ways[] = {
        {"", "RING_PACKED", NULL},
        {",ring=packed,inorder=off", "RING_PACKED", "IN_ORDER"},
        {",ring=packed,mrg=off", "IN_ORDER", "MRG_RXBUF"},
        {",ring=split", "MRG_RXBUF", "RING_PACKED"},
        {",ring=split,inorder=off,mrg=off", "VERSION_1", "IN_ORDER"},
    };
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct backend backend = backend_right("ways");
        talk(&backend, ways[i].options, 1, ways[i].has, ways[i].lacks);
    }
}

static void test_queue_pairs(void **state)
{
    (void)state;
    struct backend packed = backend_right("pairs"), split = backend_right("pairs");
    talk(&packed, ",ring=packed", 4, "MQ", NULL);
    talk(&split, ",ring=split", 2, "MQ", NULL);
}

/* Back ends that offer little: no acknowledgements, no status, no protocol features at all, no VERSION_1. */
static void test_old_back_ends(void **state)
{
    (void)state;
    struct backend bare = backend_right("old"), plain = backend_right("old"), legacy = backend_right("old"),
                   merging = backend_right("old");
    bare.protocol = 0;
    talk(&bare, "", 1, "RING_PACKED", "MQ");
    plain.features &= ~VIRTIO_FEATURE(VHOST_USER_F_PROTOCOL_FEATURES);
    talk(&plain, "", 1, "VERSION_1", "MQ");
    legacy.features = VIRTIO_FEATURE(VIRTIO_F_ANY_LAYOUT);
    talk(&legacy, "", 1, "ANY_LAYOUT", "VERSION_1");
    merging.features = VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF);
    talk(&merging, "", 1, "MRG_RXBUF", "VERSION_1");
}

/* What vhost-user cannot carry is not agreed upon, whatever is offered. */
static void test_a_back_end_that_offers_everything(void **state)
{
    (void)state;
    struct backend all = backend_right("all");
    all.features = all.protocol = UINT64_MAX;
    all.queue_num = VIRTIO_NET_PAIRS_MAX;
    backend_start(&all);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device = vhost_test_device(&all, "", 1, pool);
    static const char *const hidden[] = {"CTRL_VQ", "CTRL_RX", "CTRL_MAC_ADDR", "ACCESS_PLATFORM", "MTU"};
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
        assert_false(vhost_test_has(device, hidden[i]));
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
    backend_stop(&all);
}

static void test_station_addresses(void **state)
{
    (void)state;
    struct backend backend = backend_right("mac");
    backend_start(&backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), given = 0, made = 0;
    static const uint8_t right[] = {0x02, 0xAB, 0, 0, 0, 0x7F};
    uint8_t mac[6], again[6];
    assert_int_equal(vhost_test_open(&backend, ",mac=02:aB:00:00:00:7f", 1, pool, &given), 0);
    assert_int_equal(ixy_device_mac(given, mac), 0);
    assert_memory_equal(mac, right, 6);
    assert_int_equal(ixy_device_close(given), 0);
    assert_int_equal(vhost_test_open(&backend, "", 1, pool, &made), 0);
    assert_int_equal(ixy_device_mac(made, mac), 0);
    assert_int_equal(mac[0] & 3, 2);
    assert_int_equal(ixy_device_reset(made), 0);
    assert_int_equal(ixy_device_mac(made, again), 0);
    assert_memory_equal(mac, again, 6);
    assert_int_equal(ixy_device_close(made), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
    backend_stop(&backend);
}

/* Takes a frame from the pool and leaves it in the transmit queue or the caller's hands while the back end goes. */
static void test_a_back_end_that_goes_away(void **state)
{
    (void)state;
    uint32_t descriptors = vhost_test_descriptors();
    struct backend backend = backend_right("gone");
    backend_start(&backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device = vhost_test_device(&backend, "", 1, pool);
    vhost_test_traffic(device, pool, 1, 100);
    __atomic_store_n(&backend.cut, 1, __ATOMIC_RELEASE);
    assert_true(vhost_test_until_failed(device) < 1);
    ixy_frame frame = test_frame(pool);
    assert_int_equal(ixy_tx_batch(device, 0, &frame, 1), IXY_E_DEVICE);
    assert_int_equal(ixy_buf_free(pool, &frame, 1), 1); /* it is the caller's still */
    ixy_link link = {.struct_size = sizeof(link)};
    vhost_test_text(ixy_device_link(device, &link), IXY_E_DEVICE, "closed the connection");
    /* The back end listens on, so a reset is enough. */
    assert_int_equal(ixy_device_reset(device), 0);
    vhost_test_traffic(device, pool, 1, 100);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    assert_int_equal(ixy_pool_close(pool), 0);
    backend_stop(&backend);
    assert_int_equal(vhost_test_descriptors(), descriptors);
}

/* Killed in mid traffic, started again, twenty times: as many descriptors and buffers each time. */
static void test_killed_and_started_again(void **state)
{
    (void)state;
    struct backend backend = backend_right("again");
    backend_start(&backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device = vhost_test_device(&backend, "", 1, pool);
    uint32_t descriptors = 0;
    for (uint32_t life = 0; life < 20; life++) {
        vhost_test_traffic(device, pool, 1, 50);
        uint32_t now = vhost_test_descriptors();
        assert_true(life == 0 || now == descriptors);
        descriptors = now;
        ixy_frame frame = test_frame(pool); /* in flight, or sent */
        assert_int_equal(ixy_tx_batch(device, 0, &frame, 1), 1);
        backend_kill(&backend);
        assert_true(vhost_test_until_failed(device) < 1);
        backend_start(&backend);
        assert_int_equal(ixy_device_reset(device), 0);
    }
    vhost_test_traffic(device, pool, 1, 50);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    assert_int_equal(ixy_pool_close(pool), 0);
    backend_stop(&backend);
}

/* A reset waits for a back end about two seconds, fails, and can be tried again. */
static void test_a_back_end_that_is_slow_to_return(void **state)
{
    (void)state;
    struct backend backend = backend_right("slow");
    backend_start(&backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device = vhost_test_device(&backend, "", 1, pool);
    backend_kill(&backend);
    vhost_test_until_failed(device);
    double begin = vhost_test_now();
    vhost_test_text(ixy_device_reset(device), IXY_E_NOT_FOUND, "no vhost-user back end listens at");
    assert_true(vhost_test_now() - begin > 1.5 && vhost_test_now() - begin < 5);
    ixy_frame frame;
    assert_int_equal(ixy_rx_batch(device, 0, &frame, 1), IXY_E_DEVICE);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    backend_start(&backend);
    assert_int_equal(ixy_device_reset(device), 0);
    vhost_test_traffic(device, pool, 1, 50);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
    backend_stop(&backend);
}

/* A dead back end must not hold up close, and writing to its socket must not raise a signal. */
static void test_close_after_the_end(void **state)
{
    (void)state;
    struct backend backend = backend_right("dead");
    backend_start(&backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), running = vhost_test_device(&backend, "", 1, pool), opened = 0;
    backend_kill(&backend);
    double begin = vhost_test_now();
    assert_int_equal(ixy_device_close(running), 0);
    backend_start(&backend);
    assert_int_equal(vhost_test_open(&backend, "", 1, pool, &opened), 0);
    backend_kill(&backend);
    vhost_test_text(ixy_device_start(opened), IXY_E_DEVICE, "closed the connection");
    assert_true(vhost_test_now() - begin < 1);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    /* When it is back the device starts as if it had just been opened. */
    backend_start(&backend);
    assert_int_equal(ixy_device_start(opened), 0);
    vhost_test_traffic(opened, pool, 1, 50);
    assert_int_equal(ixy_device_close(opened), 0);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    assert_int_equal(ixy_pool_close(pool), 0);
    backend_stop(&backend);
}

/* A back end that makes our notifications wait: transmit returns all the same, and says that the device failed. */
static void clogged(uint32_t clog_ms, double bound, const char *text)
{
    uint32_t descriptors = vhost_test_descriptors();
    struct backend backend = backend_right("clog");
    backend.clog_ms = clog_ms;
    backend_start(&backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), device = vhost_test_device(&backend, "", 2, pool);
    vhost_test_traffic(device, pool, 2, 50);
    __atomic_store_n(&backend.clog, 1, __ATOMIC_RELEASE);
    while (backend_read(&backend.clog) != 0)
        usleep(100);
    double begin = vhost_test_now();
    ixy_frame frame = test_frame(pool);
    assert_int_equal(ixy_tx_batch(device, 1, &frame, 1), 1);
    double took = vhost_test_now() - begin;
    if (took > bound)
        fail_msg("transmit waited %.2f s; right is at most %.2f", took, bound);
    vhost_test_until_failed(device);
    frame = test_frame(pool);
    assert_int_equal(ixy_tx_batch(device, 1, &frame, 1), IXY_E_DEVICE);
    assert_int_equal(ixy_buf_free(pool, &frame, 1), 1);
    ixy_link link = {.struct_size = sizeof(link)};
    vhost_test_text(ixy_device_link(device, &link), IXY_E_DEVICE, text);
    assert_int_equal(ixy_device_reset(device), 0);
    vhost_test_traffic(device, pool, 2, 50);
    assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    assert_int_equal(ixy_pool_close(pool), 0);
    backend_stop(&backend);
    assert_int_equal(vhost_test_descriptors(), descriptors);
}

static void test_a_back_end_that_blocks_notifications(void **state)
{
    (void)state;
    clogged(0, 2, "the back end blocks notifications");
    clogged(100, 0.4, "closed the connection");
}

struct clogged_transmit {
    uint64_t device, pool;
    int32_t sent;
};

static void *clogged_transmit(void *argument)
{
    struct clogged_transmit *transmit = argument;
    ixy_frame frame = test_frame(transmit->pool);
    transmit->sent = ixy_tx_batch(transmit->device, 0, &frame, 1);
    return NULL;
}

/* Control calls meanwhile, one of which ends the connection; then close, which waits for transmit. */
static void test_close_while_notifications_are_blocked(void **state)
{
    (void)state;
    struct backend backend = backend_right("clog");
    backend.wrong_request = VHOST_USER_GET_STATUS;
    backend_start(&backend);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS);
    struct clogged_transmit transmit = {.device = vhost_test_device(&backend, "", 1, pool), .pool = pool};
    __atomic_store_n(&backend.clog, 1, __ATOMIC_RELEASE);
    while (backend_read(&backend.clog) != 0)
        usleep(100);
    double begin = vhost_test_now();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, clogged_transmit, &transmit), 0);
    usleep(50000);
    __atomic_store_n(&backend.wrong, BACKEND_OTHER_REQUEST, __ATOMIC_RELEASE);
    ixy_link link = {.struct_size = sizeof(link)};
    vhost_test_text(ixy_device_link(transmit.device, &link), IXY_E_DEVICE, "request 77");
    assert_int_equal(ixy_device_close(transmit.device), 0);
    assert_true(vhost_test_now() - begin < 2);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(transmit.sent, 1);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    assert_int_equal(ixy_pool_close(pool), 0);
    backend_stop(&backend);
}

/* Two devices on one pool, both opened before either starts; frames go from one to the other without a copy. */
static void test_two_devices_on_one_pool(void **state)
{
    (void)state;
    struct backend first = backend_right("one"), second = backend_right("two");
    backend_start(&first);
    backend_start(&second);
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS), left = 0, right = 0;
    assert_int_equal(vhost_test_open(&first, "", 1, pool, &left), 0);
    assert_int_equal(vhost_test_open(&second, ",ring=split", 1, pool, &right), 0);
    assert_int_equal(ixy_device_start(left), 0);
    assert_int_equal(ixy_device_start(right), 0);
    ixy_frame frame = test_frame(pool);
    assert_int_equal(ixy_buf_write(pool, &frame, 0, "from hand to hand", 17), 17);
    uint64_t way[] = {left, right, left, right};
    for (uint32_t i = 0; i < 4; i++) {
        double end = vhost_test_now() + 5;
        assert_int_equal(ixy_tx_batch(way[i], 0, &frame, 1), 1);
        while (ixy_rx_batch(way[i], 0, &frame, 1) == 0)
            assert_true(vhost_test_now() < end);
    }
    char text[17];
    assert_int_equal(ixy_buf_read(pool, &frame, 0, text, 17), 17);
    assert_memory_equal(text, "from hand to hand", 17);
    assert_int_equal(ixy_buf_free(pool, &frame, 1), 1);
    assert_int_equal(ixy_device_close(left), 0);
    vhost_test_traffic(right, pool, 1, 50);
    assert_int_equal(ixy_device_close(right), 0);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    assert_int_equal(ixy_pool_close(pool), 0);
    backend_stop(&first);
    backend_stop(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rings_and_headers),
        cmocka_unit_test(test_queue_pairs),
        cmocka_unit_test(test_old_back_ends),
        cmocka_unit_test(test_a_back_end_that_offers_everything),
        cmocka_unit_test(test_station_addresses),
        cmocka_unit_test(test_a_back_end_that_goes_away),
        cmocka_unit_test(test_killed_and_started_again),
        cmocka_unit_test(test_a_back_end_that_is_slow_to_return),
        cmocka_unit_test(test_close_after_the_end),
        cmocka_unit_test(test_a_back_end_that_blocks_notifications),
        cmocka_unit_test(test_close_while_notifications_are_blocked),
        cmocka_unit_test(test_two_devices_on_one_pool),
    };
    return cmocka_run_group_tests(tests, NULL, backend_remove_sockets);
}
