/* The driver on a legacy PCI device made by hand, which is told one page number a queue and fixes each queue's size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "core/bus/virtio_pci_device.h"
#include "core/device/error.h"
#include "core/virtio/virtio.h"
#include "tests/c/virtio_pci_fake.h"

#define BASE (VIRTIO_FEATURE(VIRTIO_NET_F_MAC) | VIRTIO_FEATURE(VIRTIO_NET_F_STATUS))
#define ANY_LAYOUT VIRTIO_FEATURE(VIRTIO_F_ANY_LAYOUT)

#define POOL_BUFFERS 2048

static struct pool *pool;
static struct device *device;

static void begin(uint64_t features, uint16_t size)
{
    device = NULL;
    pci_fake_legacy(BASE | features, size);
    assert_int_equal(pool_open(POOL_BUFFERS, 2048, 0, &pool), 0);
}

/* Every access was as the interface wants it, and every buffer is back. */
static void end(void)
{
    if (device != NULL)
        device_close(device);
    assert_int_equal(pci_fake.wrong, 0);
    assert_int_equal(pool->free_count, POOL_BUFFERS);
    assert_int_equal(pool->committed, 0);
    pci_fake_free();
    pool_close(pool);
}

static int32_t open_device(uint32_t ring)
{
    struct device_config config = {.rx_ring_size = ring, .tx_ring_size = ring, .pool = pool};
    return device_open("fakepci:net", &config, &device);
}

static void start_device(uint32_t ring)
{
    assert_int_equal(open_device(ring), 0);
    assert_int_equal(device_start(device), 0);
}

static void refused(int32_t code, int32_t right, const char *part)
{
    assert_int_equal(code, right);
    if (strstr(error_text(), part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, error_text());
}

static void a_device_is_started(void **state)
{
    (void)state;
    static const uint32_t order[] = {0, 1, 3, 7}; /* no FEATURES_OK */
    begin(ANY_LAYOUT, 256);
    start_device(256);
    assert_int_equal(pci_fake.status_count, 4);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(pci_fake.statuses[i], order[i]);
    assert_int_equal(pci_fake.accepted, BASE | ANY_LAYOUT);
    assert_memory_equal(device->mac, pci_fake.net, 6);
    assert_true(pci_fake.queue[0].enabled && pci_fake.queue[1].enabled && !pci_fake.queue[2].enabled);
    assert_int_equal(pci_fake.notified[0], 1);
    assert_int_equal(pci_fake.notified[1], 0);
    end();
}

/* Takes every buffer that was posted, returns a frame in each, and sends all frames back. Returns how many. */
static uint32_t go_round(uint32_t header)
{
    struct frame frames[1024];
    struct fake_buffer buffer;
    uint32_t count = 0, sent = 0;
    for (; fake_take(0, &buffer); count++) {
        uint8_t *at = (uint8_t *)(uintptr_t)(buffer.header | pci_fake.beyond);
        memset(at, 0, header);
        memset(at + header, (int)count, 60);
        fake_return(0, buffer.id, header + 60, 1);
    }
    /* Two batches: nothing is posted between device and driver meanwhile that the count above could miss. */
    assert_int_equal(device_rx_batch(device, 0, frames, count), count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(frames[i].len, 60);
        assert_int_equal(pool->memory.base[frames[i].offset + 59], i & 0xFF);
    }
    while (sent < count) {
        uint32_t more = device_tx_batch(device, 0, frames + sent, count - sent);
        assert_true(more > 0);
        for (uint32_t i = 0; i < more; i++) {
            assert_true(fake_take(1, &buffer));
            const uint8_t *at = (const uint8_t *)(uintptr_t)(buffer.address | pci_fake.beyond);
            assert_int_equal(at[buffer.len - 1], (sent + i) & 0xFF);
            assert_int_equal(buffer.parts, header == 10 && (pci_fake.accepted & ANY_LAYOUT) == 0 ? 2 : 1);
            fake_return(1, buffer.id, 0, 1);
        }
        sent += more;
    }
    return count;
}

static void larger_than_asked(uint64_t features, uint16_t size, uint32_t ring, uint32_t posted)
{
    begin(features, size);
    start_device(ring);
    assert_int_equal(pool->committed, 2 * (ring + pool_cache_limit(ring)));
    assert_int_equal(device->config.rx_ring_size, ring);
    for (uint32_t round = 0; round < 40; round++)
        assert_int_equal(go_round(10), posted);
    assert_false(bus_has_failed(device->bus));
    assert_int_equal(device_reset(device), 0);
    assert_int_equal(go_round(10), posted);
    end();
}

/* However large the device's queues are, it never holds more buffers than the pool was asked for. */
static void queues_larger_than_asked(void **state)
{
    (void)state;
    larger_than_asked(ANY_LAYOUT, 1024, 64, 64);
    larger_than_asked(ANY_LAYOUT, 256, 64, 64);
    larger_than_asked(ANY_LAYOUT, 256, 256, 256);
    larger_than_asked(0, 1024, 64, 64); /* two descriptors a buffer */
    larger_than_asked(0, 256, 256, 128);
}

static void queues_smaller_than_asked(void **state)
{
    (void)state;
    begin(ANY_LAYOUT, 64);
    start_device(512);
    assert_int_equal(device->config.rx_ring_size, 64);
    assert_int_equal(go_round(10), 64);
    assert_int_equal(go_round(10), 64);
    end();
}

/* Memory of the rings follows what the device said first: it cannot say more later. */
static void queues_that_grow(void **state)
{
    (void)state;
    begin(ANY_LAYOUT, 256);
    assert_int_equal(open_device(256), 0);
    pci_fake.queue[1].size = 512;
    refused(device_start(device), IXY_E_DEVICE, "virtqueue 1 has size 512, and had 256 when the device was opened");
    pci_fake.queue[1].size = 256;
    assert_int_equal(device_start(device), 0);
    end();
}

static void sizes_that_cannot_be(void **state)
{
    (void)state;
    begin(ANY_LAYOUT, 48);
    refused(open_device(64), IXY_E_DEVICE, "virtqueue 0 has size 48; right is at most 32768 and a power of two");
    pci_fake.queue[0].size = 0x8001;
    refused(open_device(64), IXY_E_DEVICE, "virtqueue 0 has size 32769");
    pci_fake.queue[0].size = 0;
    refused(open_device(64), IXY_E_DEVICE, "virtqueue 0 has size 0");
    device = NULL;
    end();
}

static void the_address_is_a_page_number(void **state)
{
    (void)state;
    static const struct {
        uint64_t address;
        bool good;
    } cases[] = {
        {(uint64_t)1 << 44, false},
        {((uint64_t)1 << 44) - 4096, false}, /* its used ring would be beyond */
        {((uint64_t)1 << 44) - 3 * 4096, true},
        {4096 + 16, false},
    };
    begin(ANY_LAYOUT, 64);
    assert_int_equal(open_device(64), 0);
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t at = cases[i].address;
        struct virtio_queue_setup setup = {.size = 64,
                                           .descriptor_area = at,
                                           .driver_area = at + 1024,
                                           .device_area = (at + 8191) & ~4095ull,
                                           .vector = VIRTIO_VECTOR_NONE};
        int32_t code = device->bus->virtio->queue_enable(device->bus, 0, &setup);
        if (cases[i].good) {
            assert_int_equal(code, 0);
            assert_int_equal(pci_fake.queue[0].desc, at);
            assert_int_equal(pci_fake.queue[0].driver, setup.driver_area);
            assert_int_equal(pci_fake.queue[0].device, setup.device_area);
        } else {
            refused(code, IXY_E_UNSUPPORTED, "a legacy device reaches multiples of 4096 below 2^44");
        }
    }
    end();
}

/* Two registers more stand before the configuration while MSI-X is on. */
static void msix_moves_the_configuration(void **state)
{
    (void)state;
    struct virtio_queue_setup setup = {.size = 64, .descriptor_area = 4096, .vector = 1};
    struct device_link link;
    begin(ANY_LAYOUT, 64);
    fake_pci.config[0x06] = 0x10;
    fake_pci.config[0x34] = 0x98;
    fake_pci.config[0x98] = 0x11;
    pci_fake.net[VIRTIO_NET_CONFIG_STATUS] = VIRTIO_NET_S_LINK_UP;
    assert_int_equal(open_device(64), 0);
    assert_memory_equal(device->mac, pci_fake.net, 6);
    const struct virtio_transport *transport = device->bus->virtio;
    refused(transport->queue_enable(device->bus, 0, &setup), IXY_E_STATE, "interrupt vector 1 while MSI-X is off");
    fake_pci.config[0x98 + 3] = 0x80;
    assert_int_equal(device->driver->link(device, &link), 0);
    assert_true(link.up);
    pci_fake.net[VIRTIO_NET_CONFIG_STATUS] = 0;
    assert_int_equal(device->driver->link(device, &link), 0);
    assert_false(link.up);
    assert_int_equal(transport->queue_enable(device->bus, 0, &setup), 0);
    assert_int_equal(pci_fake.queue[0].vector, 1);
    pci_fake.refuses_vectors = true;
    refused(transport->queue_enable(device->bus, 1, &setup), IXY_E_DEVICE, "did not take interrupt vector 1");
    device_close(device);
    assert_int_equal(open_device(64), 0); /* found with MSI-X on */
    assert_memory_equal(device->mac, pci_fake.net, 6);
    end();
}

static void the_station_address_is_written(void **state)
{
    (void)state;
    static const uint8_t mac[6] = {2, 3, 4, 5, 6, 7};
    begin(ANY_LAYOUT, 64);
    start_device(64);
    assert_int_equal(device->driver->mac_set(device, mac), 0);
    assert_memory_equal(pci_fake.net, mac, 6);
    end();
}

static void a_short_bar(void **state)
{
    (void)state;
    begin(ANY_LAYOUT, 64);
    fake_pci.io_size = 25;
    refused(open_device(64), IXY_E_DEVICE, "BAR 0 has 25 bytes; bytes 20 to 25 are wanted");
    device = NULL;
    end();
}

static void a_reset_may_take_a_while(void **state)
{
    (void)state;
    begin(ANY_LAYOUT, 64);
    pci_fake.slow_reset = UINT32_MAX;
    refused(open_device(64), IXY_E_TIMEOUT, "the device status is still 0x1 a second after the reset");
    pci_fake.slow_reset = 3;
    fake_pci.delays = 0;
    assert_int_equal(open_device(64), 0);
    assert_int_equal(fake_pci.delays, 3);
    end();
}

static void a_device_that_is_gone_fails(void **state)
{
    (void)state;
    struct device_link link;
    begin(ANY_LAYOUT, 64);
    start_device(64);
    pci_fake.gone = true;
    refused(device->driver->link(device, &link), IXY_E_DEVICE, "ones: the device is gone");
    assert_true(bus_has_failed(device->bus));
    pci_fake.gone = false;
    assert_int_equal(device_reset(device), 0);
    assert_int_equal(go_round(10), 64);
    end();
}

/* Who only polls learns it too, after a while (bus_idle). */
static void a_device_that_goes_is_noticed_by_polling(void **state)
{
    (void)state;
    struct frame frame;
    struct device_link link;
    begin(ANY_LAYOUT, 64);
    start_device(64);
    for (uint32_t i = 0; i < 3 * BUS_IDLE_POLLS; i++)
        assert_int_equal(device_rx_batch(device, 0, &frame, 1), 0);
    assert_false(bus_has_failed(device->bus));
    error_set(0, "before");
    pci_fake.gone = true;
    for (uint32_t i = 0; i < BUS_IDLE_POLLS; i++)
        assert_int_equal(device_rx_batch(device, 0, &frame, 1), 0);
    assert_true(bus_has_failed(device->bus));
    assert_string_equal(error_text(), "before");
    refused(device->driver->link(device, &link), IXY_E_DEVICE, "its status reads as ones: the device is gone");
    pci_fake.gone = false;
    end();
}

/* An I/O BAR that can no longer be written: the packet call leaves the thread's error text alone, link tells. */
static int32_t broken(uint32_t offset, void *bytes, uint32_t size, bool write)
{
    (void)offset, (void)bytes, (void)size, (void)write;
    return error_set(IXY_E_IO, "the BAR is broken");
}

static void a_notification_that_fails(void **state)
{
    (void)state;
    struct device_link link;
    begin(ANY_LAYOUT, 64);
    start_device(64);
    int32_t (*works)(uint32_t, void *, uint32_t, bool) = fake_pci.io;
    error_set(0, "before");
    fake_pci.io = broken;
    device->bus->virtio->notify(device->bus, 1);
    assert_string_equal(error_text(), "before");
    refused(device->driver->link(device, &link), IXY_E_DEVICE, "virtqueue 1 cannot be notified: the BAR is broken");
    fake_pci.io = works;
    end();
}

static void other_features_stay_away(void **state)
{
    (void)state;
    begin(ANY_LAYOUT | VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX) | VIRTIO_FEATURE(30), 64);
    fake_pci.function.unwanted = VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX);
    assert_int_equal(open_device(64), 0);
    assert_int_equal(pci_fake.accepted, BASE | ANY_LAYOUT);
    device_close(device);
    device = NULL;
    fake_pci.function.demand_packed = true;
    refused(open_device(64), IXY_E_UNSUPPORTED, "RING_PACKED");
    fake_pci.function.demand_packed = false;
    fake_pci.function.bus.iommu = true;
    refused(open_device(64), IXY_E_UNSUPPORTED, "ACCESS_PLATFORM");
    device = NULL;
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_is_started),
        cmocka_unit_test(queues_larger_than_asked),
        cmocka_unit_test(queues_smaller_than_asked),
        cmocka_unit_test(queues_that_grow),
        cmocka_unit_test(sizes_that_cannot_be),
        cmocka_unit_test(the_address_is_a_page_number),
        cmocka_unit_test(msix_moves_the_configuration),
        cmocka_unit_test(the_station_address_is_written),
        cmocka_unit_test(a_short_bar),
        cmocka_unit_test(a_reset_may_take_a_while),
        cmocka_unit_test(a_device_that_is_gone_fails),
        cmocka_unit_test(a_device_that_goes_is_noticed_by_polling),
        cmocka_unit_test(a_notification_that_fails),
        cmocka_unit_test(other_features_stay_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
