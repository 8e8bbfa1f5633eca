/* Checksums and jumbo frames of the VirtIO driver, on the strict model: split and packed, in order, legacy, merged
 * buffers. What the driver gives the device to complete, and what it completes itself, is compared with frames whose
 * checksums are right. */
#include "tests/c/abi_support.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define BUFFERS 2048
#define BATCH 64
#define FRAME_BYTES 9014

static const char *const rings[] = {"emu:virtio,timing=inline",
                                    "emu:virtio,timing=inline,inorder=on",
                                    "emu:virtio,timing=inline,ring=packed",
                                    "emu:virtio,timing=inline,ring=packed,inorder=on",
                                    "emu:virtio,timing=inline,legacy=on",
                                    "emu:virtio,timing=inline,legacy=on,layout=header",
                                    "emu:virtio,timing=inline,ring=packed,events=on,notify=on"};
#define RINGS (sizeof(rings) / sizeof(rings[0]))

struct test {
    uint64_t pool, device;
    ixy_view view;
};

static int32_t test_try(struct test *test, const char *address, const char *options, uint32_t offloads,
                        uint32_t frame_len_max)
{
    char text[200];
    snprintf(text, sizeof(text), "%s%s", address, options);
    ixy_device_config config = {.struct_size = sizeof(config),
                                .rx_ring_size = 64,
                                .tx_ring_size = 64,
                                .offloads = offloads,
                                .pool = test->pool,
                                .frame_len_max = frame_len_max};
    int32_t code = ixy_device_open(text, &config, &test->device);
    return code < 0 ? code : ixy_device_start(test->device);
}

static void test_pool_open(struct test *test, uint32_t buffer_size)
{
    ixy_pool_config config = {.struct_size = sizeof(config), .buffer_count = BUFFERS, .buffer_size = buffer_size};
    memset(test, 0, sizeof(*test));
    assert_int_equal(ixy_pool_open(&config, &test->pool), 0);
    test->view = test_view(test->pool);
}

static void test_open(struct test *test, const char *address, const char *options, uint32_t offloads,
                      uint32_t frame_len_max)
{
    test_pool_open(test, 0);
    print_message("%s%s\n", address, options);
    if (test_try(test, address, options, offloads, frame_len_max) < 0)
        fail_msg("%s", ixy_last_error());
}

/* The driver made no mistake, and every buffer is there. */
static void test_close(struct test *test)
{
    ixy_emu_counters counters = {.struct_size = sizeof(counters)};
    char text[IXY_TEXT_MAX] = "";
    assert_int_equal(ixy_emu_counters_get(test->device, &counters), 0);
    ixy_emu_violation(test->device, 0, text, sizeof(text));
    if (counters.violations != 0)
        fail_msg("%u violations, the first: %s", counters.violations, text);
    assert_int_equal(ixy_device_close(test->device), 0);
    assert_int_equal(ixy_pool_free_count(test->pool), BUFFERS);
    assert_int_equal(ixy_pool_close(test->pool), 0);
}

/* ---- frames ---- */

static uint32_t sum_words(uint32_t sum, const uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
    while (sum > 0xFFFF)
        sum = (sum & 0xFFFF) + (sum >> 16);
    return sum;
}

static void put_word(uint8_t *bytes, uint32_t word)
{
    bytes[0] = (uint8_t)(word >> 8);
    bytes[1] = (uint8_t)word;
}

/* A right frame: TCP or UDP over IPv4 or IPv6. Returns the length of the IP header. */
static uint32_t make_frame(uint8_t *frame, uint32_t len, bool ipv6, bool tcp, uint32_t seed)
{
    const uint32_t l3 = ipv6 ? 40 : 20, start = 14 + l3, segment = len - start;
    for (uint32_t i = 0; i < len; i++)
        frame[i] = (uint8_t)(seed + 7 * i);
    memset(frame, 2, 12);
    put_word(frame + 12, ipv6 ? 0x86DD : 0x0800);
    uint8_t *ip = frame + 14, *l4 = frame + start;
    memset(ip, 0, l3 + (tcp ? 20 : 8));
    uint32_t protocol = tcp ? 6 : 17, pseudo;
    if (ipv6) {
        ip[0] = 0x60;
        put_word(ip + 4, segment);
        ip[6] = (uint8_t)protocol;
        ip[7] = 64;
        ip[8] = ip[24] = 0xFE;
        ip[23] = 1;
        ip[39] = (uint8_t)seed;
        pseudo = sum_words(protocol + segment, ip + 8, 32);
    } else {
        ip[0] = 0x45;
        put_word(ip + 2, len - 14);
        ip[8] = 64;
        ip[9] = (uint8_t)protocol;
        ip[12] = ip[16] = 10;
        ip[15] = 1;
        ip[19] = (uint8_t)seed;
        put_word(ip + 10, ~sum_words(0, ip, 20));
        pseudo = sum_words(protocol + segment, ip + 12, 8);
    }
    put_word(l4, 1000 + seed);
    put_word(l4 + 2, 9);
    if (tcp)
        l4[12] = 0x50;
    else
        put_word(l4 + 4, segment);
    uint32_t checksum = ~sum_words(pseudo, l4, segment) & 0xFFFF;
    put_word(l4 + (tcp ? 16 : 6), checksum == 0 ? 0xFFFF : checksum);
    return l3;
}

/* A packet in as many buffers as parts has lengths, the last takes the rest. */
static uint32_t put_packet(struct test *test, ixy_frame *frames, const uint8_t *bytes, uint32_t len,
                           const uint32_t *parts, uint32_t count)
{
    uint32_t done = 0;
    assert_int_equal(ixy_buf_alloc(test->pool, frames, count), count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t part = i + 1 < count ? parts[i] : len - done;
        assert_true(part <= 2048);
        frames[i].len = (uint16_t)part;
        frames[i].flags = i + 1 < count ? IXY_FRAME_MORE : 0;
        memcpy(test->view.base + frames[i].offset, bytes + done, part);
        done += part;
    }
    assert_int_equal(done, len);
    return count;
}

/* Joins the first received packet. Returns how many frames it had; *len: its length. */
static uint32_t join_packet(const struct test *test, const ixy_frame *frames, int32_t count, uint8_t *bytes,
                            uint32_t *len)
{
    *len = 0;
    for (int32_t i = 0; i < count; i++) {
        assert_true(*len + frames[i].len <= FRAME_BYTES + 4);
        memcpy(bytes + *len, test->view.base + frames[i].offset, frames[i].len);
        *len += frames[i].len;
        if ((frames[i].flags & IXY_FRAME_MORE) == 0)
            return (uint32_t)i + 1;
    }
    fail_msg("a packet without its end");
    return 0;
}

static uint32_t metadata_flags(const struct test *test, const ixy_frame *frame)
{
    ixy_metadata metadata;
    assert_int_equal(ixy_buf_metadata(test->pool, frame, &metadata), 0);
    return metadata.flags;
}

static void set_metadata(const struct test *test, ixy_frame *frame, uint32_t flags, uint32_t l3)
{
    const ixy_metadata metadata = {.flags = flags, .l2_len = 14, .l3_len = (uint8_t)l3};
    assert_int_equal(ixy_buf_metadata_set(test->pool, frame, &metadata), 0);
}

static int32_t receive(const struct test *test, ixy_frame *frames)
{
    int32_t came = 0;
    for (uint32_t i = 0; i < 4 && came == 0; i++)
        came = ixy_rx_batch(test->device, 0, frames, BATCH);
    assert_true(came >= 0);
    return came;
}

static void give_back(const struct test *test, const ixy_frame *frames, int32_t count)
{
    if (count > 0)
        assert_int_equal(ixy_buf_free(test->pool, frames, (uint32_t)count), count);
}

/* ---- tests ---- */

static void what_is_offered_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        uint32_t has, lacks;
    } offers[] = {{"", IXY_CAN_QUEUE_STATS, IXY_CAN_RX_CHECKSUM | IXY_CAN_TX_CHECKSUM | IXY_CAN_VLAN_STRIP},
                  {",csum=on", IXY_CAN_RX_CHECKSUM | IXY_CAN_TX_CHECKSUM, IXY_CAN_VLAN_INSERT | IXY_CAN_RX_TIMESTAMP},
                  {",mrg=on,mtu=9000", IXY_CAN_JUMBO, IXY_CAN_RX_CHECKSUM},
                  {",mrg=on,mtu=1500", 0, IXY_CAN_JUMBO},
                  {",mrg=off,mtu=9000", IXY_CAN_QUEUE_STATS, 0}};
    for (uint32_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
        struct test test;
        ixy_info info = {.struct_size = sizeof(info)};
        test_open(&test, rings[0], offers[i].options, 0, 0);
        assert_int_equal(ixy_device_info(test.device, &info), 0);
        assert_int_equal(info.capabilities & (offers[i].has | offers[i].lacks), offers[i].has);
        assert_int_equal(info.rx_frames_max, 1);
        assert_int_equal(info.tx_len_max, 1514);
        assert_int_equal(info.offloads, 0);
        test_close(&test);
    }
}

static void what_is_not_there_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        uint32_t offloads, frame_len_max;
        int32_t code;
        const char *part;
    } wrong[] = {{"", IXY_CAN_RX_CHECKSUM, 0, IXY_E_UNSUPPORTED, "no RX_CHECKSUM"},
                 {"", IXY_CAN_TX_CHECKSUM, 0, IXY_E_UNSUPPORTED, "no TX_CHECKSUM"},
                 {",csum=on", IXY_CAN_VLAN_STRIP, 0, IXY_E_UNSUPPORTED, "no VLAN_STRIP"},
                 {",csum=on", IXY_CAN_VLAN_INSERT, 0, IXY_E_UNSUPPORTED, "no VLAN_INSERT"},
                 {",csum=on", IXY_CAN_RX_TIMESTAMP, 0, IXY_E_UNSUPPORTED, "no RX_TIMESTAMP"},
                 {",mrg=on,mtu=1500", 0, 9000, IXY_E_UNSUPPORTED, "no JUMBO"},
                 {",mrg=on,mtu=4000", 0, 4015, IXY_E_RANGE, "at most 4014"},
                 {",mrg=on,mtu=9000", 0, 20000, IXY_E_RANGE, "at most 9014"},
                 {",mrg=off,mtu=9000", 0, 9000, IXY_E_RANGE, "at most 2032"}};
    for (uint32_t i = 0; i < 2 * sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct test test;
        test_pool_open(&test, 0);
        assert_int_equal(test_try(&test, rings[i % 2 == 0 ? 0 : 2], wrong[i / 2].options, wrong[i / 2].offloads,
                                  wrong[i / 2].frame_len_max),
                         wrong[i / 2].code);
        if (strstr(ixy_last_error(), wrong[i / 2].part) == NULL)
            fail_msg("%s: %s", wrong[i / 2].part, ixy_last_error());
        assert_int_equal(ixy_pool_free_count(test.pool), BUFFERS);
        assert_int_equal(ixy_pool_close(test.pool), 0);
    }
}

/* Each kind of frame, its checksums zeroed: what comes back has the right ones. */
static void checksums_are_filled_in(void **state)
{
    (void)state;
    for (uint32_t ring = 0; ring < RINGS; ring++) {
        struct test test;
        test_open(&test, rings[ring], ",csum=on", IXY_CAN_TX_CHECKSUM, 0);
        for (uint32_t i = 0; i < 400; i++) {
            bool ipv6 = (i & 1) != 0, tcp = (i & 2) != 0;
            uint8_t right[1514], sent[1514];
            uint32_t len = 80 + i * 3, came_len, l3 = make_frame(right, len, ipv6, tcp, i),
                     at = 14 + l3 + (tcp ? 16 : 6);
            uint32_t flags = tcp ? IXY_META_TX_TCP_CHECKSUM : IXY_META_TX_UDP_CHECKSUM;
            ixy_frame frames[3], came[BATCH];
            memcpy(sent, right, len);
            put_word(sent + at, i); /* what stands there does not matter */
            if (!ipv6 && i % 3 != 0) {
                put_word(sent + 24, 0xDEAD);
                flags |= IXY_META_TX_IP_CHECKSUM;
            }
            put_packet(&test, &frames[0], right, len, NULL, 1); /* among frames that ask for nothing */
            put_packet(&test, &frames[1], sent, len, NULL, 1);
            put_packet(&test, &frames[2], right, len, NULL, 1);
            set_metadata(&test, &frames[1], flags, l3);
            assert_int_equal(ixy_tx_batch(test.device, 0, frames, 3), 3);
            assert_int_equal(receive(&test, came), 3);
            for (uint32_t n = 0; n < 3; n++) {
                uint8_t bytes[FRAME_BYTES + 4];
                join_packet(&test, &came[n], 1, bytes, &came_len);
                assert_int_equal(came_len, len);
                assert_memory_equal(bytes, right, len);
            }
            give_back(&test, came, 3);
        }
        ixy_stats stats = {.struct_size = sizeof(stats)};
        assert_int_equal(ixy_device_stats(test.device, &stats), 0);
        assert_int_equal(stats.tx_packets, 1200);
        assert_int_equal(stats.tx_bytes, stats.rx_bytes);
        test_close(&test);
    }
}

/* Only the IPv4 header's checksum: the device has no part in it. */
static void the_ip_checksum_is_the_drivers(void **state)
{
    (void)state;
    struct test test;
    uint8_t right[200], sent[200], bytes[FRAME_BYTES + 4];
    uint32_t len;
    ixy_frame frame, came[BATCH];
    test_open(&test, rings[2], ",csum=on", IXY_CAN_TX_CHECKSUM, 0);
    make_frame(right, sizeof(right), false, false, 3);
    memcpy(sent, right, sizeof(sent));
    put_word(sent + 24, 0);
    put_packet(&test, &frame, sent, sizeof(sent), NULL, 1);
    set_metadata(&test, &frame, IXY_META_TX_IP_CHECKSUM, 20);
    assert_int_equal(ixy_tx_batch(test.device, 0, &frame, 1), 1);
    assert_int_equal(receive(&test, came), 1);
    join_packet(&test, came, 1, bytes, &len);
    assert_memory_equal(bytes, right, sizeof(right));
    give_back(&test, came, 1);
    test_close(&test);
}

static void metadata_that_cannot_be_is_refused(void **state)
{
    (void)state;
    for (uint32_t ring = 0; ring < RINGS; ring++)
        for (uint32_t asked = 0; asked < 2; asked++) {
            struct test test;
            uint8_t bytes[100];
            ixy_frame frames[2], came[BATCH];
            test_open(&test, rings[ring], ",csum=on", asked != 0 ? IXY_CAN_TX_CHECKSUM : 0, 0);
            uint32_t l3 = make_frame(bytes, sizeof(bytes), false, true, 1);
            put_packet(&test, &frames[0], bytes, sizeof(bytes), NULL, 1);
            put_packet(&test, &frames[1], bytes, sizeof(bytes), NULL, 1);
            set_metadata(&test, &frames[1], IXY_META_VLAN, 0);
            assert_int_equal(ixy_tx_batch(test.device, 0, &frames[1], 1), IXY_E_UNSUPPORTED);
            const struct {
                uint32_t flags, l3;
                int32_t code;
            } wrong[] = {{IXY_META_TX_TCP_CHECKSUM | IXY_META_TX_UDP_CHECKSUM, l3, IXY_E_FRAME},
                         {IXY_META_TX_UDP_CHECKSUM, l3, IXY_E_FRAME},
                         {IXY_META_TX_TCP_CHECKSUM, 24, IXY_E_FRAME},
                         {IXY_META_TX_TCP_CHECKSUM, 0, IXY_E_FRAME},
                         {IXY_META_TX_IP_CHECKSUM, 255, IXY_E_FRAME}};
            for (uint32_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                set_metadata(&test, &frames[1], wrong[i].flags, wrong[i].l3);
                assert_int_equal(ixy_tx_batch(test.device, 0, &frames[1], 1),
                                 asked != 0 ? wrong[i].code : IXY_E_UNSUPPORTED);
            }
            assert_memory_equal(test.view.base + frames[1].offset, bytes, sizeof(bytes)); /* nothing was written */
            assert_int_equal(ixy_tx_batch(test.device, 0, frames, 2), 1); /* and a batch ends before it */
            set_metadata(&test, &frames[1], IXY_META_RX_IP_GOOD | IXY_META_TIMESTAMP, 0);
            frames[1].flags |= 4;
            assert_int_equal(ixy_tx_batch(test.device, 0, &frames[1], 1), IXY_E_FRAME);
            frames[1].flags = IXY_FRAME_METADATA | IXY_FRAME_MORE; /* its end is missing */
            assert_int_equal(ixy_tx_batch(test.device, 0, &frames[1], 1), IXY_E_FRAME);
            frames[1].flags = IXY_FRAME_METADATA; /* what concerns receiving is ignored */
            assert_int_equal(ixy_tx_batch(test.device, 0, &frames[1], 1), 1);
            assert_int_equal(ixy_tx_batch(test.device, 0, &frames[1], 1), IXY_E_HANDLE);
            int32_t count = receive(&test, came);
            assert_int_equal(count, 2);
            give_back(&test, came, count);
            test_close(&test);
        }
}

/* Right and wrong checksums, and frames that have none; the device verifies, or leaves the sum to the driver. */
static void received_checksums_are_told(void **state)
{
    (void)state;
    static const char *const options[] = {",csum=on", ",csum=partial", ",csum=partial,mrg=on,span=150",
                                          ",csum=on,mrg=on"};
    for (uint32_t ring = 0; ring < 4 * RINGS; ring++) {
        struct test test;
        test_open(&test, rings[ring / 4], options[ring % 4], IXY_CAN_RX_CHECKSUM, 0);
        for (uint32_t i = 0; i < 200; i++) {
            bool ipv6 = (i & 1) != 0, tcp = (i & 2) != 0, bad = i % 5 == 4, neither = i % 7 == 6;
            uint8_t right[1514], bytes[FRAME_BYTES + 4];
            uint32_t len = 80 + i * 7, came_len;
            ixy_frame frame, came[BATCH];
            make_frame(right, len, ipv6, tcp, i);
            if (neither)
                put_word(right + 12, 0x88B5);
            else if (bad)
                right[len - 1] ^= 1;
            put_packet(&test, &frame, right, len, NULL, 1);
            assert_int_equal(ixy_tx_batch(test.device, 0, &frame, 1), 1);
            assert_int_equal(receive(&test, came), 1);
            join_packet(&test, came, 1, bytes, &came_len);
            assert_int_equal(came_len, len);
            assert_memory_equal(bytes, right, len);
            assert_int_equal(metadata_flags(&test, came), bad || neither ? 0 : IXY_META_RX_L4_GOOD);
            /* It is sent on with its record. */
            assert_int_equal(ixy_tx_batch(test.device, 0, came, 1), 1);
            assert_int_equal(receive(&test, came), 1);
            give_back(&test, came, 1);
        }
        test_close(&test);
    }
}

/* Packets of all lengths in buffers cut at all places, with and without checksums to fill in. */
static void jumbo_frames_go_round(void **state)
{
    (void)state;
    static const char *const options[] = {",mrg=on,mtu=9000", ",mrg=on,mtu=9000,csum=on",
                                          ",mrg=on,mtu=9000,csum=partial"};
    for (uint32_t ring = 0; ring < 3 * RINGS; ring++) {
        struct test test;
        ixy_info info = {.struct_size = sizeof(info)};
        bool checks = ring % 3 != 0;
        test_open(&test, rings[ring / 3], options[ring % 3], checks ? IXY_CAN_RX_CHECKSUM | IXY_CAN_TX_CHECKSUM : 0,
                  9014);
        assert_int_equal(ixy_device_info(test.device, &info), 0);
        assert_int_equal(info.tx_len_max, 9014);
        assert_int_equal(info.rx_len_max, 9018);
        assert_int_equal(info.rx_frames_max, 5);
        for (uint32_t i = 0; i < 600; i++) {
            static uint8_t right[FRAME_BYTES], sent[FRAME_BYTES], bytes[FRAME_BYTES + 4];
            bool ipv6 = (i & 1) != 0, tcp = (i & 2) != 0;
            uint32_t len = i == 599 ? 9014 : 80 + i * 14, came_len, parts[16], count = 1;
            uint32_t l3 = make_frame(right, len, ipv6, tcp, i), first = 75 + i % 900;
            ixy_frame frames[16], came[BATCH];
            memcpy(sent, right, len);
            if (checks)
                put_word(sent + 14 + l3 + (tcp ? 16 : 6), 0);
            for (uint32_t left = len; left > 2048 || (left > first && count < 3); count++) {
                parts[count - 1] = count == 1 ? first : left <= 2048 ? left / 2 : 1400 + i % 640;
                left -= parts[count - 1];
            }
            put_packet(&test, frames, sent, len, parts, count);
            if (checks)
                set_metadata(&test, frames, tcp ? IXY_META_TX_TCP_CHECKSUM : IXY_META_TX_UDP_CHECKSUM, l3);
            assert_int_equal(ixy_tx_batch(test.device, 0, frames, count), count);
            int32_t got = receive(&test, came);
            uint32_t frames_of = join_packet(&test, came, got, bytes, &came_len);
            assert_int_equal(frames_of, got);
            assert_int_equal(frames_of, (len + 12 + 2047) / 2048);
            assert_int_equal(came_len, len);
            assert_memory_equal(bytes, right, len);
            assert_int_equal(metadata_flags(&test, came), checks ? IXY_META_RX_L4_GOOD : 0);
            give_back(&test, came, got);
        }
        ixy_stats stats = {.struct_size = sizeof(stats)};
        assert_int_equal(ixy_device_stats(test.device, &stats), 0);
        assert_int_equal(stats.rx_packets, 600);
        assert_int_equal(stats.tx_packets, 600);
        assert_int_equal(stats.rx_bytes, stats.tx_bytes);
        assert_int_equal(stats.rx_dropped, 0);
        test_close(&test);
    }
}

/* Rings are filled to the last descriptor, over and over; batches end where a whole packet has no room. The device is
 * on a thread of its own: an inline one sends at once whatever there is no room for. */
static void jumbo_rings_fill_and_drain(void **state)
{
    (void)state;
    static const char *const threaded[] = {"emu:virtio", "emu:virtio,inorder=on", "emu:virtio,ring=packed",
                                           "emu:virtio,ring=packed,inorder=on", "emu:virtio,legacy=on,layout=header"};
    for (uint32_t ring = 0; ring < sizeof(threaded) / sizeof(threaded[0]); ring++) {
        struct test test;
        uint32_t numbers = 0, expected = 0, full = 0;
        test_open(&test, threaded[ring], ",mrg=on,mtu=9000", 0, 9014);
        srand(7);
        for (uint32_t round = 0; round < 300; round++) {
            ixy_frame frames[BATCH], came[BATCH];
            uint32_t count = 0, packets = 1 + (uint32_t)rand() % 12;
            for (uint32_t i = 0; i < packets && count + 5 <= BATCH; i++) {
                uint8_t bytes[5 * 300] = {2};
                uint32_t parts[5] = {300, 300, 300, 300, 300}, of = 1 + (uint32_t)rand() % 5;
                memcpy(bytes + 14, &numbers, sizeof(numbers));
                numbers++;
                count += put_packet(&test, frames + count, bytes, of * 300, parts, of);
            }
            uint32_t sent = 0;
            while (sent < count) {
                int32_t more = ixy_tx_batch(test.device, 0, frames + sent, count - sent);
                assert_true(more >= 0);
                full += (uint32_t)more < count - sent;
                assert_true(more == 0 || (frames[sent + (uint32_t)more - 1].flags & IXY_FRAME_MORE) == 0);
                sent += (uint32_t)more;
                int32_t got = ixy_rx_batch(test.device, 0, came, 5 + (uint32_t)rand() % (BATCH - 5));
                assert_true(got >= 0);
                for (int32_t i = 0; i < got; i++) {
                    uint32_t number;
                    assert_int_equal(came[i].flags, 0);
                    memcpy(&number, test.view.base + came[i].offset + 14, sizeof(number));
                    assert_true(number >= expected); /* the loop drops what the receive ring has no room for */
                    expected = number + 1;
                }
                give_back(&test, came, got);
            }
        }
        assert_int_equal(ixy_device_reset(test.device), 0); /* with packets in flight */
        ixy_frame one[5];
        uint8_t bytes[1500] = {2};
        uint32_t parts[5] = {300, 300, 300, 300, 300};
        put_packet(&test, one, bytes, sizeof(bytes), parts, 5);
        assert_int_equal(ixy_tx_batch(test.device, 0, one, 5), 5);
        assert_true(expected > 0 && full > 0);
        test_close(&test);
    }
}

static void jumbo_packets_that_cannot_be_are_refused(void **state)
{
    (void)state;
    for (uint32_t ring = 0; ring < RINGS; ring++) {
        struct test test;
        uint8_t bytes[9014] = {2};
        uint32_t parts[5] = {2000, 2000, 2000, 2000, 1014};
        ixy_frame frames[8], came[BATCH];
        test_open(&test, rings[ring], ",mrg=on,mtu=9000", 0, 9000);
        put_packet(&test, frames, bytes, 9014, parts, 5);
        assert_int_equal(ixy_tx_batch(test.device, 0, frames, 5), IXY_E_FRAME); /* longer than asked for */
        assert_int_equal(ixy_tx_batch(test.device, 0, frames, 4), IXY_E_FRAME); /* no end */
        frames[4].len = 1000;
        ixy_frame wrong[5];
        memcpy(wrong, frames, sizeof(wrong));
        wrong[3] = wrong[1]; /* one buffer twice */
        assert_int_equal(ixy_tx_batch(test.device, 0, wrong, 5), IXY_E_HANDLE);
        memcpy(wrong, frames, sizeof(wrong));
        wrong[2].len = 0;
        assert_int_equal(ixy_tx_batch(test.device, 0, wrong, 5), IXY_E_FRAME);
        memcpy(wrong, frames, sizeof(wrong));
        wrong[2].offset += 4096; /* another's buffer */
        assert_int_equal(ixy_tx_batch(test.device, 0, wrong, 5), IXY_E_FRAME);
        memcpy(wrong, frames, sizeof(wrong));
        wrong[4].flags = 8;
        assert_int_equal(ixy_tx_batch(test.device, 0, wrong, 5), IXY_E_FRAME);
        assert_int_equal(ixy_rx_batch(test.device, 0, came, 4), IXY_E_RANGE);
        assert_int_equal(ixy_rx_batch(test.device, 0, came, 5), 0);
        /* After all that it is still the caller's as a whole. */
        assert_int_equal(ixy_tx_batch(test.device, 0, frames, 5), 5);
        assert_int_equal(receive(&test, came), 5);
        give_back(&test, came, 5);
        test_close(&test);
    }
}

/* Buffers that hold any frame: one buffer a packet, with MRG_RXBUF and without. */
static void large_buffers_need_no_second(void **state)
{
    (void)state;
    for (uint32_t ring = 0; ring < 2 * RINGS; ring++) {
        struct test test;
        ixy_info info = {.struct_size = sizeof(info)};
        static uint8_t sent[9014];
        ixy_frame frame, came[BATCH];
        test_pool_open(&test, 10240);
        print_message("%s\n", rings[ring / 2]);
        if (test_try(&test, rings[ring / 2], ring % 2 == 0 ? ",mtu=9000" : ",mtu=9000,mrg=on", 0, 9014) < 0)
            fail_msg("%s", ixy_last_error());
        assert_int_equal(ixy_device_info(test.device, &info), 0);
        assert_int_equal(info.rx_frames_max, 1);
        for (uint32_t i = 0; i < 200; i++) {
            uint32_t len = 9014 - i * 40;
            make_frame(sent, len, false, false, i);
            assert_int_equal(ixy_buf_alloc(test.pool, &frame, 1), 1);
            frame.len = (uint16_t)len;
            memcpy(test.view.base + frame.offset, sent, len);
            assert_int_equal(ixy_tx_batch(test.device, 0, &frame, 1), 1);
            assert_int_equal(receive(&test, came), 1);
            assert_int_equal(came[0].len, len);
            assert_int_equal(came[0].flags, 0);
            assert_memory_equal(test.view.base + came[0].offset, sent, len);
            give_back(&test, came, 1);
        }
        test_close(&test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_offered_is_told),
        cmocka_unit_test(what_is_not_there_is_refused),
        cmocka_unit_test(checksums_are_filled_in),
        cmocka_unit_test(the_ip_checksum_is_the_drivers),
        cmocka_unit_test(metadata_that_cannot_be_is_refused),
        cmocka_unit_test(received_checksums_are_told),
        cmocka_unit_test(jumbo_frames_go_round),
        cmocka_unit_test(jumbo_rings_fill_and_drain),
        cmocka_unit_test(jumbo_packets_that_cannot_be_are_refused),
        cmocka_unit_test(large_buffers_need_no_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
