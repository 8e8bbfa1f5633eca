/* The driver on a modern PCI device made by hand: each register at its width, queues where they were said to be, and
 * what a device may do to its driver at these registers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "core/bus/virtio_pci_device.h"
#include "core/device/error.h"
#include "tests/c/register_trap.h"
#include "tests/c/virtio_pci_fake.h"

#define BASE                                                                                                           \
    (VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_NET_F_MAC) | VIRTIO_FEATURE(VIRTIO_NET_F_STATUS))
#define PACKED VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)

#define POOL_BUFFERS 2048

static struct pool *pool;
static struct device *device;

/* In the test itself: cmocka takes the signals for each function that it calls. */
static void begin(void)
{
    if (!register_trap_works())
        skip();
    device = NULL;
    pci_fake_modern(BASE);
    assert_int_equal(pool_open(POOL_BUFFERS, 2048, 0, &pool), 0);
}

/* Every access was as the specification wants it, and every buffer is back. */
static void end(void)
{
    if (device != NULL)
        device_close(device);
    assert_int_equal(pci_fake.wrong, 0);
    assert_int_equal(pool->free_count, POOL_BUFFERS);
    pci_fake_free();
    pool_close(pool);
}

static int32_t open_device(void)
{
    struct device_config config = {.rx_ring_size = 64, .tx_ring_size = 64, .pool = pool};
    return device_open("fakepci:net", &config, &device);
}

static void start_device(void)
{
    assert_int_equal(open_device(), 0);
    assert_int_equal(device_start(device), 0);
}

static void refused(int32_t code, int32_t right, const char *part)
{
    assert_int_equal(code, right);
    if (strstr(error_text(), part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, error_text());
}

static uint16_t notified(uint32_t queue)
{
    uint16_t value; /* queue_notify_off is the queue's number plus one, times 4 */
    memcpy(&value, fake_pci.memory + FAKE_PCI_NOTIFY + (queue + 1) * 4, sizeof(value));
    return value;
}

static void a_device_is_started(void **state)
{
    (void)state;
    static const uint32_t order[] = {0, 1, 3, 11, 15};
    begin();
    memset(fake_pci.memory + FAKE_PCI_NOTIFY, 0xEE, 64);
    start_device();
    assert_int_equal(pci_fake.status_count, 5);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(pci_fake.statuses[i], order[i]);
    assert_int_equal(pci_fake.accepted, BASE);
    assert_memory_equal(device->mac, pci_fake.net, 6);
    for (uint32_t i = 0; i < 2; i++) {
        const struct pci_fake_queue *queue = &pci_fake.queue[i];
        assert_int_equal(queue->enabled, 1);
        assert_int_equal(queue->size, 64);
        assert_int_equal(queue->vector, VIRTIO_VECTOR_NONE);
        assert_int_equal(queue->driver, queue->desc + 64 * 16);
        assert_int_equal(queue->device, queue->desc + 4096);
    }
    assert_int_equal(pci_fake.queue[2].enabled, 0);
    assert_int_equal(notified(0), 0); /* buffers were posted, and that is all */
    assert_int_equal(notified(1), 0xEEEE);
    assert_int_equal(notified(2), 0xEEEE);
    end();
}

/* Bits of the status that the device says too early, takes back, or that are none are not written to it again. */
static void the_status_is_the_drivers(void **state)
{
    (void)state;
    static const uint32_t order[] = {0, 1, 3, 11, 15, 0, 0, 1, 3, 11, 15, 0, 0};
    struct device_link link;
    begin();
    pci_fake.status_adds = VIRTIO_STATUS_DRIVER_OK | 0x30;
    assert_int_equal(open_device(), 0);
    pci_fake.status = 0; /* for nobody's eyes: the driver knows what it has set */
    assert_int_equal(device_start(device), 0);
    pci_fake.status = VIRTIO_STATUS_ACKNOWLEDGE;
    assert_int_equal(device->driver->link(device, &link), 0);
    assert_int_equal(device_reset(device), 0);
    device_close(device);
    device = NULL;
    assert_int_equal(pci_fake.status_count, sizeof(order) / sizeof(order[0]));
    for (uint32_t i = 0; i < pci_fake.status_count; i++)
        assert_int_equal(pci_fake.statuses[i], order[i]);
    end();
}

/* What a later reading gives: other queues, which are checked anew, and features, of which none may be missing. */
static void what_a_reset_finds(void **state)
{
    (void)state;
    begin();
    start_device();
    pci_fake.queue[0].size = 16;
    assert_int_equal(device_reset(device), 0);
    assert_int_equal(pci_fake.queue[0].size, 16);
    pci_fake.queue[0].size = 0;
    refused(device_reset(device), IXY_E_DEVICE, "virtqueue 0 has size 0");
    pci_fake.queue[0].size = 24;
    refused(device_reset(device), IXY_E_DEVICE, "virtqueue 0 has size 24");
    pci_fake.queue[0].size = 256;
    pci_fake.offered = BASE & ~VIRTIO_FEATURE(VIRTIO_NET_F_MAC);
    refused(device_reset(device), IXY_E_DEVICE, "0x20 are missing: close it and open it again");
    pci_fake.offered = BASE | PACKED;
    memset(pci_fake.net, 0xFF, sizeof(pci_fake.net)); /* which nobody reads again */
    assert_int_equal(device_reset(device), 0);
    assert_int_equal(pci_fake.accepted, BASE);
    end();
}

static void move_frames(void)
{
    struct frame frames[8];
    struct fake_buffer buffer;
    start_device();
    for (uint32_t i = 0; i < 8; i++) {
        assert_true(fake_take(0, &buffer));
        uint8_t *bytes = (uint8_t *)(uintptr_t)(buffer.header | pci_fake.beyond);
        memset(bytes, 0, 12);
        memset(bytes + 12, (int)i, 60);
        fake_return(0, buffer.id, 72, 1);
    }
    assert_int_equal(device_rx_batch(device, 0, frames, 8), 8);
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(pool->memory.base[frames[i].offset + 59], i);
    assert_int_equal(device_tx_batch(device, 0, frames, 8), 8);
    assert_int_equal(notified(1), 1);
    for (uint32_t i = 0; i < 8; i++) {
        assert_true(fake_take(1, &buffer));
        const uint8_t *bytes = (const uint8_t *)(uintptr_t)(buffer.header | pci_fake.beyond);
        assert_int_equal(bytes[12 + 59], i);
        assert_int_equal(buffer.len, 72);
    }
    assert_false(bus_has_failed(device->bus));
}

static void frames_move_split(void **state)
{
    (void)state;
    begin();
    move_frames();
    end();
}

static void frames_move_packed(void **state)
{
    (void)state;
    begin();
    pci_fake.offered |= PACKED;
    move_frames();
    assert_int_equal(pci_fake.accepted, BASE | PACKED);
    end();
}

static void an_address_masks_features(void **state)
{
    (void)state;
    begin();
    fake_pci.function.demand_packed = true;
    refused(open_device(), IXY_E_UNSUPPORTED, "RING_PACKED");
    fake_pci.function.demand_packed = false;
    fake_pci.function.unwanted = PACKED;
    pci_fake.offered |= PACKED;
    start_device();
    assert_int_equal(pci_fake.accepted, BASE);
    end();
}

/* QEMU's card leaves the event of a packed ring behind when its wire was full, see virtio_pci_features. */
static void a_packed_ring_goes_without_event_index(void **state)
{
    (void)state;
    begin();
    pci_fake.offered |= PACKED | VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX);
    start_device();
    assert_int_equal(pci_fake.accepted, BASE | PACKED);
    end();
    begin();
    pci_fake.offered |= VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX);
    start_device();
    assert_int_equal(pci_fake.accepted, BASE | VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX));
    end();
}

static void version_1_must_be_offered(void **state)
{
    (void)state;
    begin();
    pci_fake.offered = VIRTIO_FEATURE(VIRTIO_NET_F_MAC);
    refused(open_device(), IXY_E_DEVICE, "does not offer VIRTIO_F_VERSION_1");
    end();
}

static void iommu_needs_access_platform(void **state)
{
    (void)state;
    begin();
    fake_pci.function.bus.iommu = true;
    refused(open_device(), IXY_E_UNSUPPORTED, "ACCESS_PLATFORM");
    pci_fake.offered |= VIRTIO_FEATURE(VIRTIO_F_ACCESS_PLATFORM);
    start_device();
    assert_int_equal(pci_fake.accepted, BASE | VIRTIO_FEATURE(VIRTIO_F_ACCESS_PLATFORM));
    end();
}

static void configuration_that_changes_is_read_again(void **state)
{
    (void)state;
    begin();
    assert_int_equal(open_device(), 0);
    uint16_t link = 0;
    pci_fake.generation_reads = 0;
    pci_fake.restless = 4; /* two readings of the configuration see a change */
    assert_int_equal(device->bus->virtio->config_read(device->bus, VIRTIO_NET_CONFIG_STATUS, &link, 2), 0);
    assert_int_equal(pci_fake.generation_reads, 6);
    pci_fake.restless = UINT32_MAX;
    refused(device->bus->virtio->config_read(device->bus, VIRTIO_NET_CONFIG_STATUS, &link, 2), IXY_E_TIMEOUT,
            "config_generation changed in each of 1000 readings");
    pci_fake.restless = 0;
    end();
}

static void configuration_is_as_long_as_it_says(void **state)
{
    (void)state;
    begin();
    uint32_t length = 7;
    memcpy(fake_pci.config + 0x60 + 12, &length, sizeof(length));
    assert_int_equal(open_device(), 0);
    struct device_link link;
    refused(device->driver->link(device, &link), IXY_E_DEVICE,
            "the device configuration has 7 bytes; bytes 6 to 7 are wanted");
    end();
}

static void a_reset_may_take_a_while(void **state)
{
    (void)state;
    begin();
    pci_fake.slow_reset = 20;
    assert_int_equal(open_device(), 0);
    assert_int_equal(fake_pci.delays, 20);
    device_close(device);
    device = NULL;
    pci_fake.slow_reset = UINT32_MAX;
    fake_pci.delays = 0;
    refused(open_device(), IXY_E_TIMEOUT, "the device status is still 0x1 a second after the reset");
    pci_fake.slow_reset = 0;
    end();
}

static void a_device_that_is_gone_fails(void **state)
{
    (void)state;
    struct frame frames[4];
    struct device_link link;
    begin();
    start_device();
    pci_fake.gone = true;
    refused(device->driver->link(device, &link), IXY_E_DEVICE, "ones: the device is gone");
    assert_true(bus_has_failed(device->bus));
    assert_int_equal(device_rx_batch(device, 0, frames, 4), 0);
    refused(device_reset(device), IXY_E_DEVICE, "ones: the device is gone");
    pci_fake.gone = false;
    assert_int_equal(device_reset(device), 0);
    assert_int_equal(device->driver->link(device, &link), 0);
    pci_fake.gone = true; /* and so it is closed */
    device_close(device);
    device = NULL;
    refused(open_device(), IXY_E_DEVICE, "ones: the device is gone");
    end();
}

/* Who only polls learns it too, after a while (bus_idle). */
static void a_device_that_goes_is_noticed_by_polling(void **state)
{
    (void)state;
    struct frame frame;
    struct device_link link;
    begin();
    start_device();
    for (uint32_t i = 0; i < 3 * BUS_IDLE_POLLS; i++)
        assert_int_equal(device_rx_batch(device, 0, &frame, 1), 0);
    assert_false(bus_has_failed(device->bus));
    pci_fake.gone = true;
    for (uint32_t i = 0; i < BUS_IDLE_POLLS; i++)
        assert_int_equal(device_rx_batch(device, 0, &frame, 1), 0);
    assert_true(bus_has_failed(device->bus));
    refused(device->driver->link(device, &link), IXY_E_DEVICE, "its status reads as ones: the device is gone");
    pci_fake.gone = false;
    end();
}

static void queues_have_vectors(void **state)
{
    (void)state;
    begin();
    assert_int_equal(open_device(), 0);
    struct virtio_queue_setup setup = {.size = 64, .vector = 3};
    const struct virtio_transport *transport = device->bus->virtio;
    assert_int_equal(transport->queue_enable(device->bus, 1, &setup), 0);
    assert_int_equal(pci_fake.queue[1].vector, 3);
    assert_int_equal(pci_fake.queue[1].enabled, 1);
    pci_fake.refuses_vectors = true;
    refused(transport->queue_enable(device->bus, 0, &setup), IXY_E_DEVICE,
            "virtqueue 0: the device did not take interrupt vector 3: it answers 0xffff");
    assert_int_equal(pci_fake.queue[0].enabled, 0);
    setup.vector = VIRTIO_VECTOR_NONE;
    assert_int_equal(transport->queue_enable(device->bus, 0, &setup), 0);
    end();
}

static void queues_that_are_not_there(void **state)
{
    (void)state;
    begin();
    assert_int_equal(open_device(), 0);
    uint32_t size = 7;
    assert_int_equal(device->bus->virtio->queue_size_max(device->bus, 2, &size), 0);
    assert_int_equal(size, 256);
    assert_int_equal(device->bus->virtio->queue_size_max(device->bus, 3, &size), 0);
    assert_int_equal(size, 0);
    pci_fake.queues = 1;
    refused(device_start(device), IXY_E_DEVICE, "virtqueue 1 has size 0");
    end();
}

/* A control queue's number is that after all pairs that the device has, however few are used. */
static void a_queue_of_a_high_number_is_notified(void **state)
{
    (void)state;
    begin();
    assert_int_equal(open_device(), 0);
    struct virtio_queue_setup setup = {.size = 64, .vector = VIRTIO_VECTOR_NONE};
    const struct virtio_transport *transport = device->bus->virtio;
    pci_fake.queues = 201;
    assert_int_equal(transport->queue_enable(device->bus, 31, &setup), 0);
    assert_int_equal(transport->queue_enable(device->bus, 200, &setup), 0);
    transport->notify(device->bus, 31);
    transport->notify(device->bus, 200);
    assert_int_equal(notified(31), 31);
    assert_int_equal(notified(200), 200);
    end();
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_is_started),
        cmocka_unit_test(the_status_is_the_drivers),
        cmocka_unit_test(what_a_reset_finds),
        cmocka_unit_test(frames_move_split),
        cmocka_unit_test(frames_move_packed),
        cmocka_unit_test(an_address_masks_features),
        cmocka_unit_test(a_packed_ring_goes_without_event_index),
        cmocka_unit_test(version_1_must_be_offered),
        cmocka_unit_test(iommu_needs_access_platform),
        cmocka_unit_test(configuration_that_changes_is_read_again),
        cmocka_unit_test(configuration_is_as_long_as_it_says),
        cmocka_unit_test(a_reset_may_take_a_while),
        cmocka_unit_test(a_device_that_is_gone_fails),
        cmocka_unit_test(a_device_that_goes_is_noticed_by_polling),
        cmocka_unit_test(queues_have_vectors),
        cmocka_unit_test(queues_that_are_not_there),
        cmocka_unit_test(a_queue_of_a_high_number_is_notified),
    };
    if (count > 1)
        cmocka_set_test_filter(arguments[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
