/* Offloads and jumbo frames of the ixgbe driver on each strict model, beyond what the shared vectors say: mixed batches
 * round and round the rings, packets that wait for room, what is refused and its text, every buffer back at the end. */
#include "tests/c/abi_support.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/device/device.h"

#define BUFFERS 2048
#define BATCH 64
#define PIECES 20 /* most buffers of a packet here */

static const char *const kinds[] = {"82599", "x540", "x550"};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define SENDS (IXY_CAN_TX_CHECKSUM | IXY_CAN_VLAN_INSERT)
#define RECEIVES (IXY_CAN_RX_CHECKSUM | IXY_CAN_VLAN_STRIP)

static uint32_t random_state;

static uint32_t random_below(uint32_t below)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(random_state >> 8) * below >> 24);
}

static uint64_t open_pool(uint32_t buffer_size)
{
    ixy_pool_config config = {.struct_size = sizeof(config), .buffer_count = BUFFERS, .buffer_size = buffer_size};
    uint64_t pool;
    assert_int_equal(ixy_pool_open(&config, &pool), 0);
    return pool;
}

static int32_t try_open(const char *address, uint64_t pool, uint32_t offloads, uint32_t frame_len_max, uint64_t *device)
{
    ixy_device_config config = {.struct_size = sizeof(config),
                                .rx_ring_size = 64,
                                .tx_ring_size = 64,
                                .pool = pool,
                                .offloads = offloads,
                                .frame_len_max = frame_len_max};
    return ixy_device_open(address, &config, device);
}

static uint64_t open_device(const char *address, uint64_t pool, uint32_t offloads, uint32_t frame_len_max)
{
    uint64_t device;
    int32_t code = try_open(address, pool, offloads, frame_len_max, &device);
    if (code < 0)
        fail_msg("%s: %s", address, ixy_last_error());
    assert_int_equal(ixy_device_start(device), 0);
    return device;
}

static void close_device(uint64_t device)
{
    ixy_emu_counters counters = {.struct_size = sizeof(counters)};
    char text[IXY_TEXT_MAX] = "";
    assert_int_equal(ixy_emu_counters_get(device, &counters), 0);
    assert_true(ixy_emu_violation(device, 0, text, sizeof(text)) >= 0);
    assert_string_equal(text, "");
    assert_int_equal(counters.violations, 0);
    assert_int_equal(ixy_device_close(device), 0);
}

static void close_pool(uint64_t pool)
{
    assert_int_equal(ixy_pool_free_count(pool), BUFFERS);
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void expect_error(int32_t code, int32_t right, const char *part)
{
    assert_string_equal(ixy_error_name(code), ixy_error_name(right));
    if (strstr(ixy_last_error(), part) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", ixy_last_error(), part);
}

static void test_refused_when_opened(void **state)
{
    (void)state;
    uint64_t pool = open_pool(2048), device;
    expect_error(try_open("emu:82599", pool, IXY_CAN_RX_TIMESTAMP, 0, &device), IXY_E_UNSUPPORTED,
                 "Intel 82599 has no RX_TIMESTAMP");
    expect_error(try_open("emu:x540", pool, RECEIVES | IXY_CAN_RX_TIMESTAMP, 0, &device), IXY_E_UNSUPPORTED,
                 "Intel X540 has no RX_TIMESTAMP");
    expect_error(try_open("emu:82599", pool, IXY_CAN_JUMBO, 9000, &device), IXY_E_ARGUMENT, "offloads");
    for (uint32_t i = 0; i < KINDS; i++) {
        char address[32];
        snprintf(address, sizeof(address), "emu:%s,timing=inline", kinds[i]);
        expect_error(try_open(address, pool, 0, 15865, &device), IXY_E_RANGE, "at most 15864 bytes");
        expect_error(try_open(address, pool, 0, UINT32_MAX, &device), IXY_E_RANGE, "at most 15864 bytes");
        expect_error(try_open(address, pool, 0, 1513, &device), IXY_E_RANGE, "right is 0 for 1514");
        device = open_device(address, pool, SENDS | RECEIVES, 15864);
        ixy_info info = {.struct_size = sizeof(info)};
        assert_int_equal(ixy_device_info(device, &info), 0);
        assert_int_equal(info.rx_len_max, 15868);
        assert_int_equal(info.rx_frames_max, 8);
        close_device(device);
    }
    close_pool(pool);
}

/* One packet of the runs below. */
struct packet {
    uint32_t count, length;
    ixy_frame frames[PIECES];
    bool tagged, checked;
    uint16_t tci;
    uint32_t number;
};

static uint8_t byte_of(uint32_t number, uint32_t at)
{
    return (uint8_t)(number * 31 + at * 7 + (at >> 8));
}

/* Headers of UDP over IPv4 with garbage for checksums. */
static void make_headers(uint8_t *bytes, uint32_t length)
{
    const uint8_t start[16] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0};
    memcpy(bytes, start, sizeof(start));
    bytes[16] = (uint8_t)((length - 14) >> 8);
    bytes[17] = (uint8_t)(length - 14);
    bytes[20] = bytes[21] = 0;
    bytes[23] = 17;
    bytes[38] = (uint8_t)((length - 34) >> 8);
    bytes[39] = (uint8_t)(length - 34);
}

static bool make_packet(uint64_t pool, const ixy_view *view, uint32_t longest, uint32_t number, struct packet *packet)
{
    uint32_t kind = random_below(4);
    *packet = (struct packet){.count = kind == 0 ? 1 : 1 + random_below(longest > 1514 ? PIECES : 3), .number = number};
    if (ixy_buf_alloc(pool, packet->frames, packet->count) != (int32_t)packet->count)
        return false;
    uint32_t most = longest / packet->count < view->buffer_size ? longest / packet->count : view->buffer_size;
    for (uint32_t i = 0; i < packet->count; i++) {
        ixy_frame *frame = &packet->frames[i];
        uint32_t least = i == 0 ? 64 : 1;
        frame->len = (uint16_t)(most <= least ? least : least + random_below(most - least));
        frame->flags = i + 1 < packet->count ? IXY_FRAME_MORE : 0;
        for (uint32_t at = 0; at < frame->len; at++)
            view->base[frame->offset + at] = byte_of(number, packet->length + at);
        packet->length += frame->len;
    }
    make_headers(view->base + packet->frames[0].offset, packet->length);
    if (kind == 0)
        return true;
    ixy_metadata metadata = {.flags = 0};
    packet->tagged = (kind & 1) != 0;
    packet->checked = kind >= 2;
    packet->tci = (uint16_t)random_below(3);
    if (packet->tagged) {
        metadata.flags |= IXY_META_VLAN;
        metadata.vlan_tci = packet->tci;
    }
    if (packet->checked) {
        metadata.flags |= IXY_META_TX_IP_CHECKSUM | IXY_META_TX_UDP_CHECKSUM;
        metadata.l2_len = 14;
        metadata.l3_len = 20;
    }
    assert_int_equal(ixy_buf_metadata_set(pool, &packet->frames[0], &metadata), 0);
    return true;
}

static void check_packet(uint64_t pool, const ixy_view *view, const struct packet *sent, const ixy_frame *frames,
                         uint32_t count, bool stamped)
{
    ixy_metadata metadata;
    assert_int_equal(ixy_buf_metadata(pool, frames, &metadata), 0);
    uint32_t right = (sent->tagged ? IXY_META_VLAN : 0) | (stamped ? IXY_META_TIMESTAMP : 0);
    if (sent->checked)
        right |= IXY_META_RX_IP_GOOD | IXY_META_RX_L4_GOOD;
    else
        right |= metadata.flags & ~(uint32_t)(IXY_META_VLAN | IXY_META_TIMESTAMP); /* garbage, or by chance right */
    assert_int_equal(metadata.flags, right);
    assert_int_equal(metadata.vlan_tci, sent->tagged ? sent->tci : 0);
    uint32_t length = 0;
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(frames[i].flags & IXY_FRAME_MORE, i + 1 < count ? IXY_FRAME_MORE : 0);
        assert_int_equal(frames[i].len == view->buffer_size || i + 1 == count, true);
        for (uint32_t at = 0; at < frames[i].len; at++, length++)
            if (length >= 42 && view->base[frames[i].offset + at] != byte_of(sent->number, length))
                fail_msg("packet %u, byte %u", sent->number, length);
    }
    assert_int_equal(length, sent->length);
}

/* Sends batches of packets of all kinds from one device to another (or itself) until `rounds` are through. */
static void run(const char *from_address, const char *to_address, uint32_t buffer_size, uint32_t longest,
                uint32_t offloads, uint32_t rounds)
{
    uint64_t pool = open_pool(buffer_size);
    ixy_view view = test_view(pool);
    uint64_t to = open_device(to_address, pool, offloads, longest);
    uint64_t from = from_address == NULL ? to : open_device(from_address, pool, offloads, longest);
    ixy_info info = {.struct_size = sizeof(info)};
    assert_int_equal(ixy_device_info(to, &info), 0);
    bool stamped = (offloads & IXY_CAN_RX_TIMESTAMP) != 0;
    uint32_t number = 0, contexts = 0;
    for (uint32_t round = 0; round < rounds; round++) {
        struct packet packets[12];
        ixy_frame batch[12 * PIECES];
        uint32_t count = 0, frames = 0, wanted = 1 + random_below(12);
        while (count < wanted && make_packet(pool, &view, longest, number, &packets[count])) {
            memcpy(batch + frames, packets[count].frames, packets[count].count * sizeof(*batch));
            frames += packets[count].count;
            contexts += packets[count].tagged || packets[count].checked;
            count++;
            number++;
        }
        assert_int_equal(count, wanted);
        uint32_t sent = 0, next = 0, tries = 0;
        while (next < count && tries++ < 1000) {
            int32_t done = ixy_tx_batch(from, 0, batch + sent, frames - sent);
            assert_true(done >= 0);
            sent += (uint32_t)done;
            ixy_frame came[BATCH];
            /* Now and then the shortest array that is allowed: packets wait until they fit. */
            int32_t got = ixy_rx_batch(to, 0, came, random_below(2) == 0 ? info.rx_frames_max : BATCH);
            assert_true(got >= 0);
            for (uint32_t at = 0, end; at < (uint32_t)got; at = end) {
                for (end = at + 1; (came[end - 1].flags & IXY_FRAME_MORE) != 0; end++)
                    assert_true(end < (uint32_t)got);
                assert_true(next < count);
                check_packet(pool, &view, &packets[next++], came + at, end - at, stamped);
            }
            assert_int_equal(ixy_buf_free(pool, came, (uint32_t)got), got);
        }
        assert_int_equal(sent, frames);
        assert_int_equal(next, count);
        if (round == rounds / 2) { /* contexts are forgotten, what was asked for is not */
            assert_int_equal(ixy_device_reset(from), 0);
            if (from != to)
                assert_int_equal(ixy_device_reset(to), 0);
        }
    }
    assert_true(contexts > rounds);
    assert_int_equal(ixy_pool_view_release(view.view), 0);
    if (from != to)
        close_device(from);
    close_device(to);
    close_pool(pool);
}

static void test_mixed_batches(void **state)
{
    (void)state;
    static const struct {
        uint32_t buffer_size, longest;
    } sizes[] = {{2048, 1514}, {2048, 9000}, {1024, 15864}, {10240, 9000}};
    random_state = 1;
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        uint32_t offloads = SENDS | RECEIVES | (kind == 2 ? IXY_CAN_RX_TIMESTAMP : 0);
        for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            char loop[64], left[64], right[64];
            snprintf(loop, sizeof(loop), "emu:%s,timing=inline", kinds[kind]);
            snprintf(left, sizeof(left), "emu:%s,timing=inline,pair=offload", kinds[kind]);
            snprintf(right, sizeof(right), "emu:%s,timing=inline,pair=offload", kinds[(kind + 1) % KINDS]);
            run(NULL, loop, sizes[i].buffer_size, sizes[i].longest, offloads, 150);
            run(left, right, sizes[i].buffer_size, sizes[i].longest, SENDS | RECEIVES, 60);
        }
    }
}

/* What the ring has no room for stays the caller's, whole. */
static void test_ring_full(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        char address[64];
        snprintf(address, sizeof(address), "emu:%s,timing=threaded", kinds[kind]);
        uint64_t pool = open_pool(2048);
        uint64_t device = open_device(address, pool, SENDS, 9000);
        ixy_frame frames[64];
        for (uint32_t round = 0; round < 200; round++) {
            assert_int_equal(ixy_buf_alloc(pool, frames, 40), 40);
            for (uint32_t i = 0; i < 40; i++) {
                frames[i].len = 60;
                frames[i].flags = (i + 1) % 20 != 0 ? IXY_FRAME_MORE : 0;
            }
            int32_t sent = 0;
            for (uint32_t tries = 0; sent < 40 && tries < 1000000; tries++) {
                int32_t more = ixy_tx_batch(device, 0, frames + sent, (uint32_t)(40 - sent));
                assert_true(more == 0 || more == 20 || more == 40);
                sent += more;
                ixy_frame came[64];
                int32_t got = ixy_rx_batch(device, 0, came, 64);
                assert_true(got >= 0);
                assert_int_equal(ixy_buf_free(pool, came, (uint32_t)got), got);
            }
            assert_int_equal(sent, 40);
        }
        close_device(device);
        close_pool(pool);
    }
}

static ixy_frame frame_of(uint64_t pool, uint32_t len, uint16_t flags)
{
    ixy_frame frame = test_frame(pool);
    frame.len = (uint16_t)len;
    frame.flags = flags;
    return frame;
}

static void test_refused_chains(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        char address[64];
        snprintf(address, sizeof(address), "emu:%s,timing=inline", kinds[kind]);
        uint64_t pool = open_pool(2048);
        uint64_t device = open_device(address, pool, SENDS, 9000);
        ixy_frame frames[41];
        for (uint32_t i = 0; i < 41; i++)
            frames[i] = frame_of(pool, 100, i < 40 ? IXY_FRAME_MORE : 0);
        assert_int_equal(ixy_tx_batch(device, 0, frames, 41), IXY_E_FRAME); /* 40 descriptors at most, 7.2.1.1 */
        assert_int_equal(ixy_tx_batch(device, 0, frames, 40), IXY_E_FRAME); /* no end */
        frames[1].buf = frames[0].buf;
        frames[1].offset = frames[0].offset;
        frames[2].flags = 0;
        assert_int_equal(ixy_tx_batch(device, 0, frames, 41), IXY_E_HANDLE); /* one buffer twice */
        assert_int_equal(ixy_buf_write(pool, &frames[0], 0, "x", 1), 1);     /* none was taken */
        frames[1] = frame_of(pool, 0, IXY_FRAME_MORE);
        assert_int_equal(ixy_tx_batch(device, 0, frames, 3), IXY_E_FRAME); /* an empty piece */
        frames[1].len = 2048 + 200;
        assert_int_equal(ixy_tx_batch(device, 0, frames, 3), IXY_E_FRAME); /* out of its buffer */
        frames[1].len = 1;
        assert_int_equal(ixy_tx_batch(device, 0, frames, 3), 3);
        frames[3].len = 10;
        frames[4].len = 6;
        frames[4].flags = 0;
        assert_int_equal(ixy_tx_batch(device, 0, frames + 3, 2), IXY_E_FRAME); /* 16 bytes in all */
        frames[4].len = 7;
        assert_int_equal(ixy_tx_batch(device, 0, frames + 3, 2), 2);
        /* A longest chain goes, and a bad packet behind a good one ends the batch. */
        ixy_frame longest[42];
        for (uint32_t i = 0; i < 41; i++)
            longest[i] = frame_of(pool, 225, i < 39 ? IXY_FRAME_MORE : 0);
        longest[40].buf ^= 1ull << 40;
        assert_int_equal(ixy_tx_batch(device, 0, longest, 41), 40);
        assert_int_equal(ixy_tx_batch(device, 0, longest + 40, 1), IXY_E_HANDLE);
        longest[40].buf ^= 1ull << 40;
        assert_int_equal(ixy_buf_free(pool, longest + 40, 1), 1);
        assert_int_equal(ixy_buf_free(pool, frames + 5, 36), 36);
        ixy_frame came[16];
        assert_int_equal(ixy_rx_batch(device, 0, came, 4), IXY_E_RANGE); /* a packet may take five */
        int32_t got = ixy_rx_batch(device, 0, came, 16);
        assert_int_equal(got, 1 + 1 + 5);
        assert_int_equal(ixy_buf_free(pool, came, (uint32_t)got), got);
        ixy_frame first = frame_of(pool, 60, 0);
        assert_int_equal(ixy_buf_free(pool, &first, 1), 1);
        close_device(device);
        /* frames[1], before it was replaced, is still held */
        assert_int_equal(ixy_pool_free_count(pool), BUFFERS - 1);
        assert_int_equal(ixy_pool_close(pool), 0);
    }
}

/* A generator's frames, whose UDP has no checksum: with every receive offload. */
static void test_generated(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        for (uint32_t threaded = 0; threaded < 2; threaded++) {
            char address[64];
            snprintf(address, sizeof(address), "emu:%s,timing=%s,wire=gen,limit=5000,touch=0", kinds[kind],
                     threaded != 0 ? "threaded" : "inline");
            uint64_t pool = open_pool(2048);
            uint32_t offloads = RECEIVES | (kind == 2 ? IXY_CAN_RX_TIMESTAMP : 0);
            uint64_t device = open_device(address, pool, offloads, 0);
            uint32_t received = 0, right = IXY_META_RX_IP_GOOD | (kind == 2 ? IXY_META_TIMESTAMP : 0);
            uint64_t last = 0;
            for (uint32_t tries = 0; received < 5000 && tries < 100000000; tries++) {
                ixy_frame frames[BATCH];
                int32_t got = ixy_rx_batch(device, 0, frames, BATCH);
                assert_true(got >= 0);
                for (int32_t i = 0; i < got; i++) {
                    ixy_metadata metadata;
                    assert_int_equal(ixy_buf_metadata(pool, &frames[i], &metadata), 0);
                    assert_int_equal(metadata.flags, right);
                    assert_true(metadata.timestamp >= last);
                    last = metadata.timestamp;
                    assert_int_equal(frames[i].len, 60);
                }
                for (int32_t sent = 0; sent < got;) { /* records of what was received do not keep it from going on */
                    int32_t more = ixy_tx_batch(device, 0, frames + sent, (uint32_t)(got - sent));
                    assert_true(more >= 0);
                    sent += more;
                }
                received += (uint32_t)got;
            }
            assert_int_equal(received, 5000);
            ixy_emu_counters counters = {.struct_size = sizeof(counters)};
            for (uint32_t tries = 0; counters.verified < 5000 && tries < 10000000; tries++)
                assert_int_equal(ixy_emu_counters_get(device, &counters), 0);
            assert_int_equal(counters.verified, 5000);
            close_device(device);
            close_pool(pool);
        }
    }
}

/* Waiting for packets over several buffers: when a wait says that there is one, all of it is there. */
static void test_waiting(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        char address[64];
        snprintf(address, sizeof(address), "emu:%s,timing=threaded", kinds[kind]);
        uint64_t pool = open_pool(1024);
        uint64_t device = open_device(address, pool, RECEIVES, 9000);
        assert_int_equal(ixy_rx_wait(device, 0, 0), 0);
        for (uint32_t round = 0; round < 200; round++) {
            ixy_frame frames[9], came[9];
            for (uint32_t i = 0; i < 9; i++)
                frames[i] = frame_of(pool, 990, i < 8 ? IXY_FRAME_MORE : 0);
            assert_int_equal(ixy_tx_batch(device, 0, frames, 9), 9);
            assert_int_equal(ixy_rx_wait(device, 0, 10000), 1);
            assert_int_equal(ixy_rx_batch(device, 0, came, 9), 9);
            assert_int_equal(ixy_buf_free(pool, came, 9), 9);
        }
        close_device(device);
        close_pool(pool);
    }
}

/* Without handles, as a program that is linked statically uses the core: buffers are known by their indices. */
static void test_without_handles(void **state)
{
    (void)state;
    struct pool *pool;
    assert_int_equal(pool_open(BUFFERS, 2048, 0, &pool), 0);
    struct device_config config = {.rx_queues = 1,
                                   .tx_queues = 1,
                                   .rx_ring_size = 64,
                                   .tx_ring_size = 64,
                                   .pool = pool,
                                   .offloads = DEVICE_CAN_VLAN_INSERT | DEVICE_CAN_VLAN_STRIP,
                                   .frame_len_max = 9000};
    struct device *device;
    assert_int_equal(device_open("emu:82599,timing=inline", &config, &device), IXY_E_ARGUMENT);
    pool->metadata = calloc(BUFFERS, sizeof(*pool->metadata));
    assert_non_null(pool->metadata);
    assert_int_equal(device_open("emu:82599,timing=inline", &config, &device), 0);
    assert_int_equal(device_start(device), 0);
    for (uint32_t round = 0; round < 300; round++) {
        uint64_t tokens[5];
        struct frame frames[5], came[16];
        assert_int_equal(pool_take(pool, tokens, 5), 5);
        for (uint32_t i = 0; i < 5; i++)
            frames[i] = (struct frame){.buf = tokens[i],
                                       .offset = ownership_index(tokens[i]) * pool->stride + POOL_HEADROOM,
                                       .len = 100,
                                       .flags = i < 2 ? FRAME_MORE : 0};
        frames[0].flags |= FRAME_METADATA;
        frames[3].flags = FRAME_METADATA;
        pool->metadata[ownership_index(tokens[0])] = (struct metadata){.flags = METADATA_VLAN, .vlan_tci = 5};
        pool->metadata[ownership_index(tokens[3])] =
            (struct metadata){.flags = METADATA_VLAN, .vlan_tci = (uint16_t)round};
        assert_int_equal(device_tx_batch(device, 0, frames, 5), 5);
        assert_int_equal(device_rx_batch(device, 0, came, 16), 3);
        assert_int_equal(came[0].len, 300);
        assert_int_equal(pool->metadata[ownership_index(came[0].buf)].vlan_tci, 5);
        assert_int_equal(pool->metadata[ownership_index(came[1].buf)].vlan_tci, round);
        assert_int_equal(came[2].flags, 0);
        for (uint32_t i = 0; i < 3; i++)
            pool_give(pool, &came[i].buf, 1);
    }
    device_close(device);
    assert_int_equal(pool->free_count, BUFFERS);
    free(pool->metadata);
    pool_close(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_when_opened), cmocka_unit_test(test_mixed_batches),
        cmocka_unit_test(test_ring_full),           cmocka_unit_test(test_refused_chains),
        cmocka_unit_test(test_generated),           cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_without_handles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
