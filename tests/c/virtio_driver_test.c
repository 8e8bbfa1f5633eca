/* The VirtIO driver against devices that are within the specification, but not as most are: buffers returned in another
 * order, batches that one entry stands for, frames over several buffers, short queues, old devices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/device/error.h"
#include "tests/c/virtio_fake.h"

#define BASE                                                                                                           \
    (VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_NET_F_MAC) | VIRTIO_FEATURE(VIRTIO_NET_F_STATUS))
#define PACKED VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)
#define IN_ORDER VIRTIO_FEATURE(VIRTIO_F_IN_ORDER)
#define MERGEABLE VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF)
#define EVENTS VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX)

#define POOL_BUFFERS 2048

struct setting {
    struct pool *pool;
    struct device *device;
};

static void open_device(struct setting *setting, uint64_t offered, uint32_t ring)
{
    struct device_config config = {.rx_ring_size = ring, .tx_ring_size = ring};
    if (offered != 0)
        fake_device_new(offered);
    assert_int_equal(pool_open(POOL_BUFFERS, 2048, 0, &setting->pool), 0);
    config.pool = setting->pool;
    assert_int_equal(device_open("fake:net", &config, &setting->device), 0);
    assert_int_equal(device_start(setting->device), 0);
}

/* Closes all; every buffer is back. */
static void close_device(struct setting *setting)
{
    device_close(setting->device);
    assert_int_equal(setting->pool->free_count, POOL_BUFFERS);
    pool_close(setting->pool);
}

static void give_back(struct setting *setting, const struct frame *frames, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        pool_give(setting->pool, &frames[i].buf, 1);
}

/* Writes header and frame as a device does: the first byte of the frame and its last are `mark`. */
static void deliver(const struct fake_buffer *buffer, uint32_t frame_len, uint8_t mark, uint32_t skip)
{
    uint8_t *bytes = (uint8_t *)(uintptr_t)buffer->header;
    memset(bytes, 0, 12);
    bytes[10] = 1;
    memset(bytes + 12, mark, frame_len);
    fake_return(0, buffer->id, 12 + frame_len, skip);
}

static const uint8_t *bytes_of(const struct setting *setting, const struct frame *frame)
{
    return setting->pool->memory.base + frame->offset;
}

/* Buffers come back in a seeded, random order for several rounds of the ring; frames are those that were returned, in
 * the order of their return. */
static void any_order(uint64_t extra)
{
    struct setting setting;
    struct frame frames[64];
    struct fake_buffer held[64];
    uint8_t mark = 0, expected = 0;
    open_device(&setting, BASE | extra, 64);
    srand(7);
    for (uint32_t round = 0; round < 100; round++) {
        uint32_t count = 0;
        while (count < 40 && fake_take(0, &held[count]))
            count++;
        for (uint32_t left = count; left > 0; left--) {
            uint32_t pick = (uint32_t)rand() % left;
            deliver(&held[pick], 60, mark++, 1);
            held[pick] = held[left - 1];
        }
        uint32_t got = device_rx_batch(setting.device, 0, frames, 64);
        assert_int_equal(got, count);
        for (uint32_t i = 0; i < got; i++) {
            assert_int_equal(frames[i].len, 60);
            assert_int_equal(bytes_of(&setting, &frames[i])[0], expected);
            assert_int_equal(bytes_of(&setting, &frames[i])[59], expected++);
        }
        give_back(&setting, frames, got);
    }
    assert_false(bus_has_failed(setting.device->bus));
    close_device(&setting);
}

static void receive_any_order_split(void **state)
{
    (void)state;
    any_order(0);
}

static void receive_any_order_packed(void **state)
{
    (void)state;
    any_order(PACKED);
}

static uint32_t make_frames(struct setting *setting, struct frame *frames, uint32_t count)
{
    uint64_t tokens[64];
    assert_int_equal(pool_take(setting->pool, tokens, count), count);
    for (uint32_t i = 0; i < count; i++)
        frame_set(&frames[i], tokens[i],
                  frame_place_of((uint32_t)tokens[i] * setting->pool->stride + POOL_HEADROOM, 60));
    return count;
}

/* Sent buffers come back in random order; descriptors are reused without one being used twice at a time. */
static void send_any_order(uint64_t extra)
{
    struct setting setting;
    struct frame frames[64];
    struct fake_buffer held[64];
    bool busy[64] = {false};
    uint32_t holding = 0, sent = 0;
    open_device(&setting, BASE | extra, 64);
    srand(11);
    for (uint32_t round = 0; round < 200; round++) {
        make_frames(&setting, frames, 20);
        uint32_t took = device_tx_batch(setting.device, 0, frames, 20);
        sent += took;
        give_back(&setting, frames + took, 20 - took);
        while (fake_take(1, &held[holding])) {
            assert_true(held[holding].id < 64);
            assert_false(busy[held[holding].id]);
            assert_int_equal(held[holding].len, 72);
            busy[held[holding].id] = true;
            holding++;
        }
        for (uint32_t i = 0; i < 20 && holding > 0; i++) {
            uint32_t pick = (uint32_t)rand() % holding;
            fake_return(1, held[pick].id, 0, 1);
            busy[held[pick].id] = false;
            held[pick] = held[--holding];
        }
    }
    assert_true(sent > 3000);
    assert_false(bus_has_failed(setting.device->bus));
    close_device(&setting);
}

static void transmit_any_order_split(void **state)
{
    (void)state;
    send_any_order(0);
}

static void transmit_any_order_packed(void **state)
{
    (void)state;
    send_any_order(PACKED);
}

/* In order, one used entry stands for a batch of sent buffers. */
static void send_batches(uint64_t extra)
{
    struct setting setting;
    struct frame frames[64];
    struct fake_buffer buffer;
    uint32_t sent = 0;
    open_device(&setting, BASE | IN_ORDER | extra, 64);
    for (uint32_t round = 0; round < 200; round++) {
        uint32_t made = make_frames(&setting, frames, 1 + round % 60);
        uint32_t took = device_tx_batch(setting.device, 0, frames, made);
        assert_int_equal(took, made);
        uint32_t batch = 0;
        while (fake_take(1, &buffer))
            batch++;
        assert_int_equal(batch, took);
        fake_return(1, buffer.id, 0, batch);
        sent += took;
    }
    assert_true(sent > 64 * 10);
    assert_false(bus_has_failed(setting.device->bus));
    close_device(&setting);
}

static void transmit_batches_in_order(void **state)
{
    (void)state;
    send_batches(0);
    send_batches(PACKED);
}

/* The same for receive: nothing is known of the buffers before the last, so they are dropped and counted. */
static void receive_batches(uint64_t extra)
{
    struct setting setting;
    struct frame frames[64];
    struct fake_buffer buffer;
    open_device(&setting, BASE | IN_ORDER | extra, 64);
    for (uint32_t i = 0; i < 5; i++)
        assert_true(fake_take(0, &buffer));
    deliver(&buffer, 99, 0x5A, 5);
    assert_int_equal(device_rx_batch(setting.device, 0, frames, 64), 1);
    assert_int_equal(frames[0].len, 99);
    assert_int_equal(bytes_of(&setting, &frames[0])[98], 0x5A);
    assert_true(fake_take(0, &buffer));
    deliver(&buffer, 61, 0x11, 1);
    assert_int_equal(device_rx_batch(setting.device, 0, frames + 1, 63), 1);
    assert_int_equal(frames[1].len, 61);
    struct device_stats stats = {0};
    assert_int_equal(setting.device->driver->stats(setting.device, &stats), 0);
    assert_int_equal(stats.rx_dropped, 4);
    assert_int_equal(stats.rx_packets, 6); /* those dropped among them */
    assert_int_equal(stats.rx_bytes, 99 + 61 + 8);
    give_back(&setting, frames, 2);
    close_device(&setting);
}

static void receive_batches_in_order(void **state)
{
    (void)state;
    receive_batches(0);
    receive_batches(PACKED);
}

/* With mergeable buffers what was skipped may be the beginning of the frame that the last buffer belongs to: none of it
 * is delivered, above all not its later part, whose bytes its sender chose, as a frame with a header. */
static void receive_spanning_batches_in_order(void **state)
{
    (void)state;
    for (uint32_t packed = 0; packed < 2; packed++) {
        struct setting setting;
        struct frame frames[64];
        struct fake_buffer buffer;
        open_device(&setting, BASE | IN_ORDER | MERGEABLE | (packed != 0 ? PACKED : 0), 64);
        assert_true(fake_take(0, &buffer));
        assert_true(fake_take(0, &buffer));
        deliver(&buffer, 488, 0x5A, 2);
        assert_int_equal(device_rx_batch(setting.device, 0, frames, 64), 0);
        assert_false(bus_has_failed(setting.device->bus));
        close_device(&setting);
    }
}

/* A frame over several buffers that is refused goes as a whole: its other parts are no frames. */
static void refused_frames_that_span_buffers(void **state)
{
    (void)state;
    struct setting setting;
    struct frame frames[64];
    struct fake_buffer first, second;
    open_device(&setting, BASE | MERGEABLE, 64);
    assert_true(fake_take(0, &first));
    assert_true(fake_take(0, &second));
    deliver(&first, 100, 1, 1);
    deliver(&second, 100, 2, 1);
    uint8_t *header = (uint8_t *)(uintptr_t)first.header;
    header[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    header[10] = 2;
    assert_int_equal(device_rx_batch(setting.device, 0, frames, 64), 0);
    close_device(&setting);
}

/* A device that asks for a reset has failed, and does not start again before one; a control queue that does not answer
 * likewise. */
static void needs_reset(void **state)
{
    (void)state;
    struct setting setting;
    struct device_link link;
    open_device(&setting, BASE, 64);
    fake_device.status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
    assert_int_equal(setting.device->driver->link(setting.device, &link), IXY_E_DEVICE);
    assert_non_null(strstr(error_text(), "DEVICE_NEEDS_RESET"));
    assert_true(bus_has_failed(setting.device->bus));
    assert_int_equal(device_reset(setting.device), 0);
    assert_false(bus_has_failed(setting.device->bus));
    close_device(&setting);

    fake_device_new(BASE | VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_VQ) | VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_RX));
    struct device_config config = {.rx_ring_size = 0};
    assert_int_equal(pool_open(POOL_BUFFERS, 2048, 0, &config.pool), 0);
    assert_int_equal(device_open("fake:net", &config, &setting.device), 0);
    assert_int_equal(device_start(setting.device), IXY_E_TIMEOUT);
    assert_int_equal(device_start(setting.device), IXY_E_DEVICE);
    setting.pool = config.pool;
    close_device(&setting);
}

/* Features whose conditions do not hold are left alone. */
static void features_left_alone(void **state)
{
    (void)state;
    struct device_config config = {.rx_queues = 1};
    struct device *device;
    fake_device_new(BASE | VIRTIO_FEATURE(VIRTIO_NET_F_MTU));
    fake_device.config[VIRTIO_NET_CONFIG_MTU] = 9000 & 0xFF;
    fake_device.config[VIRTIO_NET_CONFIG_MTU + 1] = 9000 >> 8;
    assert_int_equal(device_open("fake:net", &config, &device), 0);
    assert_int_equal(fake_device.accepted, BASE);
    assert_int_equal(device->tx_len_max, 1514);
    device_close(device);

    config.rx_queues = config.tx_queues = 2; /* MQ wants a control queue, 5.1.3.1 */
    fake_device_new(BASE | VIRTIO_FEATURE(VIRTIO_NET_F_MQ));
    fake_device.config[VIRTIO_NET_CONFIG_MAX_VIRTQUEUE_PAIRS] = 4;
    assert_int_equal(device_open("fake:net", &config, &device), IXY_E_RANGE);
    assert_non_null(strstr(error_text(), "2 queue pairs are wanted"));
}

/* Frames over several buffers, as long as one buffer holds the whole. */
static void spans(uint64_t extra)
{
    struct setting setting;
    struct frame frames[64];
    open_device(&setting, BASE | MERGEABLE | extra, 64);
    uint32_t whole = 0;
    for (uint32_t round = 0; round < 200; round++) {
        uint32_t parts = 1 + round % 5;
        uint32_t part_len = 100 + 2 * round;
        struct fake_buffer buffer;
        for (uint32_t i = 0; i < parts; i++) {
            assert_true(fake_take(0, &buffer));
            uint8_t *bytes = (uint8_t *)(uintptr_t)buffer.header;
            memset(bytes, (int)(i + 1), part_len);
            if (i == 0) {
                memset(bytes, 0, 12);
                bytes[10] = (uint8_t)parts;
            }
            fake_return(0, buffer.id, part_len, 1);
        }
        uint32_t len = parts * part_len - 12;
        uint32_t got = device_rx_batch(setting.device, 0, frames, 64);
        assert_int_equal(got, len <= 1518 ? 1 : 0);
        if (got == 0)
            continue;
        whole++;
        assert_int_equal(frames[0].len, len);
        for (uint32_t i = 0; i < len; i++)
            assert_int_equal(bytes_of(&setting, &frames[0])[i], (i + 12) / part_len + 1);
        give_back(&setting, frames, 1);
    }
    assert_in_range(whole, 100, 199); /* the longest do not fit */
    assert_false(bus_has_failed(setting.device->bus));
    close_device(&setting);
}

static void receive_frames_that_span_buffers(void **state)
{
    (void)state;
    spans(0);
    spans(PACKED);
}

/* Without ANY_LAYOUT the header has a descriptor of its own, and without VERSION_1 and MRG_RXBUF it has 10 bytes. */
static void legacy_layout(void **state)
{
    (void)state;
    struct setting setting;
    struct frame frames[64];
    struct fake_buffer buffer;
    open_device(&setting, VIRTIO_FEATURE(VIRTIO_NET_F_MAC) | PACKED, 64);
    assert_int_equal(fake_device.accepted, VIRTIO_FEATURE(VIRTIO_NET_F_MAC));
    for (uint32_t round = 0; round < 200; round++) {
        assert_true(fake_take(0, &buffer));
        assert_int_equal(buffer.parts, 2);
        assert_int_equal(buffer.header_len, 10);
        assert_int_equal(buffer.len, 2038);
        memset((uint8_t *)(uintptr_t)buffer.header, 0, 10);
        memset((uint8_t *)(uintptr_t)buffer.address, (int)round, 70);
        fake_return(0, buffer.id, 80, 1);
        assert_int_equal(device_rx_batch(setting.device, 0, frames, 64), 1);
        assert_int_equal(frames[0].len, 70);
        assert_int_equal(bytes_of(&setting, &frames[0])[69], round);
        assert_int_equal(device_tx_batch(setting.device, 0, frames, 1), 1);
        assert_true(fake_take(1, &buffer));
        assert_int_equal(buffer.parts, 2);
        assert_int_equal(buffer.header_len, 10);
        assert_int_equal(buffer.len, 70);
        assert_int_equal(*(const uint8_t *)(uintptr_t)buffer.address, round);
        fake_return(1, buffer.id, 0, 1);
    }
    assert_false(bus_has_failed(setting.device->bus));
    close_device(&setting);
}

/* Sizes that the device chooses: shorter than wanted, and, for packed rings, no power of two. */
static void queue_sizes(void **state)
{
    (void)state;
    struct setting setting;
    fake_device_new(BASE | PACKED);
    fake_device.queue_size = 100;
    open_device(&setting, 0, 512);
    assert_int_equal(setting.device->config.rx_ring_size, 64);
    close_device(&setting);

    struct device_config config = {.rx_ring_size = 0};
    struct device *device;
    assert_int_equal(pool_open(POOL_BUFFERS, 2048, 0, &setting.pool), 0);
    config.pool = setting.pool;
    const uint32_t wrong[] = {0, 2, 100, 65536};
    for (uint32_t i = 0; i < 4; i++) {
        fake_device_new(BASE);
        fake_device.queue_size = wrong[i];
        assert_int_equal(device_open("fake:net", &config, &device), 0);
        assert_int_equal(device_start(device), IXY_E_DEVICE);
        assert_non_null(strstr(error_text(), "virtqueue 0 has size"));
        device_close(device);
    }
    assert_int_equal(setting.pool->free_count, POOL_BUFFERS);
    pool_close(setting.pool);
}

/* The driver notifies when the device asks, by flags or by the event index, at every distance round the ring. */
static void notifications(uint64_t extra)
{
    struct setting setting;
    struct frame frames[64];
    struct fake_buffer buffer;
    bool packed = (extra & PACKED) != 0;
    open_device(&setting, BASE | EVENTS | extra, 64);
    const struct virtio_queue_setup *setup = &fake_device.queue[1].setup;
    for (uint32_t position = 0; position < 1000;) {
        uint32_t batch = 1 + position % 7;
        uint32_t ahead = position * 5 % 12; /* asks for a notification after `ahead` more buffers */
        uint32_t event = position + ahead;
        if (packed)
            *(uint32_t *)(uintptr_t)setup->device_area =
                (event % 64) | (event / 64 % 2 == 0 ? 1u << 15 : 0) | VIRTQ_RING_EVENT_FLAGS_DESC << 16;
        else
            ((struct virtq_used *)(uintptr_t)setup->device_area)->ring[64].id = event & 0xFFFF;
        uint32_t before = fake_device.notified[1];
        make_frames(&setting, frames, batch);
        assert_int_equal(device_tx_batch(setting.device, 0, frames, batch), batch);
        assert_int_equal(fake_device.notified[1] - before, ahead < batch ? 1 : 0);
        for (; fake_take(1, &buffer); position++)
            fake_return(1, buffer.id, 0, 1);
    }
    close_device(&setting);

    open_device(&setting, BASE | extra, 64);
    setup = &fake_device.queue[1].setup;
    for (uint32_t suppressed = 0; suppressed < 2; suppressed++) {
        if (packed)
            ((struct virtq_event_suppress *)(uintptr_t)setup->device_area)->flags = (uint16_t)suppressed;
        else
            ((struct virtq_used *)(uintptr_t)setup->device_area)->flags = (uint16_t)suppressed;
        uint32_t before = fake_device.notified[1];
        make_frames(&setting, frames, 1);
        assert_int_equal(device_tx_batch(setting.device, 0, frames, 1), 1);
        assert_int_equal(fake_device.notified[1] - before, 1 - suppressed);
    }
    close_device(&setting);
}

static void notifies_when_asked(void **state)
{
    (void)state;
    notifications(0);
    notifications(PACKED);
}

/* After a reset a device may offer less than it did. What was agreed upon at open must still be possible: frames over
 * several buffers, for example, as without MRG_RXBUF each buffer must hold a whole one (5.1.6.3.1). */
static void a_reset_that_offers_less(void **state)
{
    (void)state;
    struct device_config config = {.frame_len_max = 3000};
    struct pool *pool;
    struct device *device;
    fake_device_new(BASE | MERGEABLE);
    assert_int_equal(pool_open(POOL_BUFFERS, 1024, 0, &pool), 0);
    config.pool = pool;
    assert_int_equal(device_open("fake:net", &config, &device), 0);
    assert_int_equal(device->rx_frames_max, 3);
    assert_int_equal(device_start(device), 0);
    fake_device.offered = BASE;
    assert_int_equal(device_reset(device), IXY_E_DEVICE);
    assert_non_null(strstr(error_text(), "0x8000 are missing: close it and open it again"));
    assert_int_equal(fake_device.queue[0].setup.size, 0); /* no buffer was posted */
    fake_device.offered = BASE | MERGEABLE;
    assert_int_equal(device_reset(device), 0);
    assert_int_equal(device->rx_frames_max, 3);
    device_close(device);
    assert_int_equal(pool->free_count, POOL_BUFFERS);
    pool_close(pool);
}

/* Open fails with a text for what cannot be, and leaves the device reset. */
static void negotiation_errors(void **state)
{
    (void)state;
    struct device_config config = {.rx_queues = 1};
    struct device *device;
    fake_device_new(BASE);
    fake_device.refuse = true;
    assert_int_equal(device_open("fake:net", &config, &device), IXY_E_UNSUPPORTED);
    assert_non_null(strstr(error_text(), "FEATURES_OK"));
    assert_int_equal(fake_device.status, 0);

    fake_device_new(BASE);
    fake_device.config[0] = 0x01;
    assert_int_equal(device_open("fake:net", &config, &device), IXY_E_DEVICE);
    assert_non_null(strstr(error_text(), "no station address"));

    fake_device_new(BASE);
    config.tx_queues = 2;
    assert_int_equal(device_open("fake:net", &config, &device), IXY_E_RANGE);
    assert_non_null(strstr(error_text(), "pairs"));

    fake_device_new(BASE | VIRTIO_FEATURE(VIRTIO_NET_F_MQ) | VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_VQ));
    config.rx_queues = 2;
    assert_int_equal(device_open("fake:net", &config, &device), IXY_E_DEVICE);
    assert_non_null(strstr(error_text(), "max_virtqueue_pairs is 0"));

    fake_device_new(BASE | VIRTIO_FEATURE(VIRTIO_NET_F_MTU));
    config.rx_queues = config.tx_queues = 1;
    assert_int_equal(device_open("fake:net", &config, &device), IXY_E_DEVICE);
    assert_non_null(strstr(error_text(), "mtu is 0"));

    fake_device.config[VIRTIO_NET_CONFIG_MTU] = 200;
    assert_int_equal(device_open("fake:net", &config, &device), 0);
    assert_int_equal(device->tx_len_max, 214);
    assert_string_equal(device->driver->feature(device, 0), "MTU");
    assert_null(device->driver->feature(device, 4));
    device_close(device);
    assert_int_equal(fake_device.status, 0);
}

/* A device whose offer, MTU, queues and address differ after a reset: lengths, buffers a packet, address and features
 * stay those that callers were told when they opened it. */
static void a_reset_changes_nothing_that_was_learned(void **state)
{
    (void)state;
    const uint64_t offered = BASE | VIRTIO_FEATURE(VIRTIO_NET_F_MTU) | VIRTIO_FEATURE(VIRTIO_NET_F_MAC);
    struct device_config config = {.rx_ring_size = 64, .tx_ring_size = 64, .frame_len_max = 3000};
    struct device *device;
    uint16_t mtu = 4000;
    fake_device_new(offered | VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF));
    memcpy(fake_device.config + VIRTIO_NET_CONFIG_MTU, &mtu, sizeof(mtu));
    fake_device.config[5] = 7;
    assert_int_equal(pool_open(POOL_BUFFERS, 2048, 0, &config.pool), 0);
    assert_int_equal(device_open("fake:net", &config, &device), 0);
    assert_int_equal(device_start(device), 0);
    const uint64_t accepted = fake_device.accepted;
    const struct device before = *device;
    mtu = 65535;
    memcpy(fake_device.config + VIRTIO_NET_CONFIG_MTU, &mtu, sizeof(mtu));
    fake_device.config[5] = 8;
    fake_device.offered |= VIRTIO_FEATURE(VIRTIO_NET_F_CSUM) | VIRTIO_FEATURE(VIRTIO_NET_F_GUEST_CSUM) | EVENTS;
    assert_int_equal(device_reset(device), 0);
    assert_int_equal(device->tx_len_max, before.tx_len_max);
    assert_int_equal(device->rx_len_max, before.rx_len_max);
    assert_int_equal(device->rx_frames_max, before.rx_frames_max);
    assert_int_equal(device->frame_len_limit, before.frame_len_limit);
    assert_int_equal(device->capabilities, before.capabilities);
    assert_memory_equal(device->mac, before.mac, sizeof(before.mac));
    assert_int_equal(fake_device.accepted, accepted);
    fake_device.offered = offered; /* without MRG_RXBUF */
    assert_int_equal(device_reset(device), IXY_E_DEVICE);
    assert_non_null(strstr(error_text(), "0x8000 are missing"));
    assert_int_equal(fake_device.status, 0); /* not in the middle of a negotiation */
    device_close(device);
    assert_int_equal(config.pool->free_count, POOL_BUFFERS);
    pool_close(config.pool);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(receive_any_order_split),
        cmocka_unit_test(receive_any_order_packed),
        cmocka_unit_test(transmit_any_order_split),
        cmocka_unit_test(transmit_any_order_packed),
        cmocka_unit_test(transmit_batches_in_order),
        cmocka_unit_test(receive_batches_in_order),
        cmocka_unit_test(receive_spanning_batches_in_order),
        cmocka_unit_test(receive_frames_that_span_buffers),
        cmocka_unit_test(refused_frames_that_span_buffers),
        cmocka_unit_test(legacy_layout),
        cmocka_unit_test(queue_sizes),
        cmocka_unit_test(notifies_when_asked),
        cmocka_unit_test(a_reset_that_offers_less),
        cmocka_unit_test(negotiation_errors),
        cmocka_unit_test(needs_reset),
        cmocka_unit_test(features_left_alone),
        cmocka_unit_test(a_reset_changes_nothing_that_was_learned),
    };
    if (count > 1)
        cmocka_set_test_filter(arguments[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
