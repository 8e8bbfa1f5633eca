/* Hostile devices of both families with all that a device can do, at once: rings, merged buffers, jumbo frames,
 * offloads, several queues, waiting, resets, inline and threaded. Each device's options, and what its caller does,
 * follow from a seed.
 *
 * No access out of bounds (under the sanitizers), no hang, no violation that the driver is blamed for, no buffer lost,
 * no frame in a buffer that the caller holds, no byte written to one.
 *
 * IXY_HOSTILE_DEVICES says how many devices, IXY_HOSTILE_SEED which is the first one's seed. */
#include "tests/c/hostile_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "abi/objects.h"

#define MIX_DEVICES 120
#define MIX_STEPS 1200 /* with each */
#define MIX_BATCH 64
#define MIX_KEPT 512
#define MIX_IDLE 24     /* batches without a frame, after which the caller resets: a queue that was lied about rests */
#define MIX_ATTEMPTS 12 /* to open, start or reset; most of a hostile device's fail */

enum mix_family { MIX_82599, MIX_X550, MIX_SPLIT, MIX_PACKED, MIX_FAMILIES };

/* What happened, of one kind of device. */
struct mix_told {
    uint64_t opened, received, sent, dropped, failed, resets, pieces, described, waited;
};

struct mix {
    struct hostile_test test;
    uint64_t random;
    enum mix_family family;
    uint32_t queues;
    uint32_t frames_max; /* of a packet */
    bool threaded;
    char address[256];
    ixy_frame kept[MIX_KEPT];
    uint32_t keeps, idle;
    struct mix_told told[MIX_FAMILIES];
};

static uint32_t mix_random(struct mix *mix, uint32_t below)
{
    mix->random = mix->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(mix->random >> 33) % below;
}

static const char *mix_one(struct mix *mix, const char *const *choices, uint32_t count)
{
    return choices[mix_random(mix, count)];
}

static void mix_choose(struct mix *mix, uint64_t seed)
{
    static const char *const names[] = {"82599", "x550", "virtio", "virtio,ring=packed"};
    static const char *const wires[] = {"wire=loop", "wire=loop", "wire=gen,flows=16,stream=1",
                                        "wire=gen,flows=16,stream=1,size=1514"};
    static const char *const checksums[] = {"", ",csum=on", ",csum=partial"};
    static const char *const orders[] = {"", ",inorder=on", ",events=on", ",notify=on", ",platform=on"};
    static const char *const merges[] = {"", ",mrg=on", ",mrg=on,span=256"};
    static const char *const mtus[] = {"", ",mtu=1500", ",mtu=9000"};
    static const char *const rings[] = {"", ",ring_size=64", ",ring_size=128"};
    mix->random = seed * 0x9E3779B97F4A7C15u; /* seeds that are near each other would begin alike */
    mix_random(mix, 2);
    mix->family = (enum mix_family)mix_random(mix, MIX_FAMILIES);
    mix->queues = 1 + mix_random(mix, 3);
    mix->threaded = mix_random(mix, 3) == 0;
    char virtio[128] = "";
    if (mix->family == MIX_SPLIT || mix->family == MIX_PACKED)
        snprintf(virtio, sizeof(virtio), ",queues=%u%s%s%s%s%s", mix->queues, mix_one(mix, checksums, 3),
                 mix_one(mix, orders, 5), mix_one(mix, merges, 3), mix_one(mix, mtus, 3), mix_one(mix, rings, 3));
    snprintf(mix->address, sizeof(mix->address), "emu:%s%s,%s,timing=%s,hostile=all,every=%u,seed=%llu",
             names[mix->family], virtio, mix_one(mix, wires, 4), mix->threaded ? "threaded" : "inline",
             8 + mix_random(mix, 600), (unsigned long long)seed);
}

/* What an error may be of a device that lies; a misuse is none of it. */
static void mix_expect_error(const struct mix *mix, int32_t code)
{
    if (code != IXY_E_TIMEOUT && code != IXY_E_DEVICE && code != IXY_E_UNSUPPORTED && code != IXY_E_STATE)
        fail_msg("%s: %s: %s", mix->address, ixy_error_name(code), ixy_last_error());
}

static uint32_t mix_offloads(struct mix *mix)
{
    const uint32_t checksums = IXY_CAN_RX_CHECKSUM | IXY_CAN_TX_CHECKSUM;
    uint32_t can = checksums | IXY_CAN_VLAN_STRIP | IXY_CAN_VLAN_INSERT;
    if (mix->family == MIX_X550)
        can |= IXY_CAN_RX_TIMESTAMP;
    if (mix->family == MIX_SPLIT || mix->family == MIX_PACKED)
        can = strstr(mix->address, ",csum=") != NULL ? checksums : 0;
    return mix_random(mix, 4) == 0 ? 0 : can & (mix_random(mix, 2) == 0 ? UINT32_MAX : mix_random(mix, 32));
}

/* Opens what was chosen; what such a device cannot do is left away. */
static bool mix_open(struct mix *mix)
{
    struct hostile_test *test = &mix->test;
    ixy_device_config config = {.struct_size = sizeof(config), .pool = test->pool};
    config.rx_queues = config.tx_queues = mix->queues;
    config.rx_ring_size = 64u << mix_random(mix, 2);
    config.tx_ring_size = 64u << mix_random(mix, 2);
    config.offloads = mix_offloads(mix);
    config.frame_len_max = mix_random(mix, 2) == 0 ? 0 : 1515 + mix_random(mix, 7400);
    int32_t code = -1;
    for (uint32_t attempt = 0; attempt < MIX_ATTEMPTS && code < 0; attempt++) {
        test->offloads = config.offloads;
        test->frame_len_max = config.frame_len_max;
        code = ixy_device_open(mix->address, &config, &test->device);
        if (code == IXY_E_UNSUPPORTED || code == IXY_E_RANGE)
            config.frame_len_max = 0;
        else if (code == IXY_E_POOL_SIZE)
            config.frame_len_max = 3000; /* over several buffers, if it can */
        else if (code < 0)
            mix_expect_error(mix, code);
    }
    if (code < 0)
        return false;
    mix->told[mix->family].opened++;
    for (uint32_t attempt = 0; attempt < MIX_ATTEMPTS; attempt++) {
        code = ixy_device_start(test->device);
        if (code == 0)
            break;
        mix_expect_error(mix, code);
    }
    ixy_info info = {.struct_size = sizeof(info)};
    assert_int_equal(ixy_device_info(test->device, &info), 0);
    mix->frames_max = info.rx_frames_max;
    return true;
}

/* ---- frames that the caller holds: the first bytes are his, and stay ---- */

static uint8_t *mix_bytes(const struct mix *mix, const ixy_frame *frame)
{
    return mix->test.view.base + frame->offset;
}

static void mix_keep(struct mix *mix, const ixy_frame *frame)
{
    memcpy(mix_bytes(mix, frame), &frame->buf, frame->len < 8 ? frame->len : 8);
    mix->kept[mix->keeps] = *frame;
    mix->kept[mix->keeps++].flags = 0; /* each a packet of its own */
}

static void mix_check_kept(const struct mix *mix)
{
    for (uint32_t i = 0; i < mix->keeps; i++) {
        const ixy_frame *frame = &mix->kept[i];
        if (memcmp(mix_bytes(mix, frame), &frame->buf, frame->len < 8 ? frame->len : 8) != 0)
            fail_msg("%s: a buffer that the caller holds was written to", mix->address);
    }
}

static void mix_release(struct mix *mix, uint32_t count)
{
    mix_check_kept(mix);
    hostile_free(&mix->test, mix->kept, count);
    mix->keeps -= count;
    memmove(mix->kept, mix->kept + count, mix->keeps * sizeof(*mix->kept));
}

/* ---- what a caller does ---- */

/* Starts again what has failed; nothing may come of a try but success or an error with a text. */
static void mix_recover(struct mix *mix)
{
    mix->idle = 0;
    for (uint32_t attempt = 0; attempt < MIX_ATTEMPTS; attempt++) {
        int32_t code = ixy_device_reset(mix->test.device);
        mix->told[mix->family].resets++;
        if (code == 0)
            return;
        mix_expect_error(mix, code);
    }
}

/* What a frame's metadata asks for: a checksum where one is, or where none can be; a tag. */
static void mix_ask(struct mix *mix, ixy_frame *frame)
{
    const uint8_t ethernet[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0, 0, 0, 0, 1, 8, 0, 0x45};
    ixy_metadata record = {.flags = mix_random(mix, 4) == 0 ? IXY_META_VLAN : IXY_META_TX_UDP_CHECKSUM,
                           .vlan_tci = 5,
                           .l2_len = 14,
                           .l3_len = 20};
    if (mix_random(mix, 4) == 0) /* is refused, unless the header happens to be as long */
        record.l3_len = (uint8_t)mix_random(mix, 256);
    uint8_t *bytes = mix_bytes(mix, frame);
    uint32_t ip = frame->len - 14u;
    memset(bytes, 0, 42);
    memcpy(bytes, ethernet, sizeof(ethernet));
    bytes[22] = 64;
    bytes[23] = 17;
    bytes[16] = (uint8_t)(ip >> 8);
    bytes[17] = (uint8_t)ip;
    bytes[38] = (uint8_t)((ip - 20) >> 8);
    bytes[39] = (uint8_t)(ip - 20);
    assert_int_equal(ixy_buf_metadata_set(mix->test.pool, frame, &record), 0);
}

/* Packets of one frame or several. */
static void mix_make(struct mix *mix)
{
    ixy_frame frames[8];
    uint32_t count = 1 + mix_random(mix, 8);
    int32_t got = ixy_buf_alloc(mix->test.pool, frames, count);
    if (got <= 0)
        return;
    for (int32_t i = 0; i < got; i++) {
        frames[i].len = (uint16_t)(60 + mix_random(mix, mix->test.view.buffer_size - 60));
        frames[i].flags = i + 1 < got && mix_random(mix, 2) == 0 ? IXY_FRAME_MORE : 0;
        if (mix_random(mix, 4) == 0)
            mix_ask(mix, &frames[i]);
        mix->test.holds[frames[i].buf & mix->test.view.index_mask] = true;
        mix->test.held++;
    }
    mix->test.queue = mix_random(mix, mix->queues);
    int32_t sent = hostile_transmit(&mix->test, frames, (uint32_t)got);
    sent = sent < 0 ? 0 : sent;
    mix->told[mix->family].sent += (uint32_t)sent;
    hostile_free(&mix->test, frames + sent, (uint32_t)(got - sent));
}

static void mix_control(struct mix *mix)
{
    uint64_t device = mix->test.device;
    ixy_stats stats = {.struct_size = sizeof(stats)};
    ixy_link link = {.struct_size = sizeof(link)};
    ixy_queue_stats queue = {.struct_size = sizeof(queue)};
    const uint8_t mac[6] = {2, 1, 1, 1, 1, (uint8_t)mix_random(mix, 256)};
    switch (mix_random(mix, 7)) {
    case 0:
        if (ixy_device_stats(device, &stats) == 0)
            mix->told[mix->family].dropped += stats.rx_dropped;
        break;
    case 1:
        (void)ixy_device_link(device, &link);
        break;
    case 2:
        (void)ixy_device_queue_stats(device, mix_random(mix, mix->queues), &queue);
        break;
    case 3:
        (void)ixy_device_mac_set(device, mac);
        break;
    case 4:
        (void)ixy_device_promiscuous_set(device, mix_random(mix, 2));
        break;
    case 5:
        mix->told[mix->family].waited +=
            ixy_rx_wait(device, mix_random(mix, mix->queues), (int32_t)mix_random(mix, 3)) == 1;
        break;
    default:
        (void)ixy_rx_arm(device, mix_random(mix, mix->queues));
        break;
    }
}

/* Receives, and keeps, sends or frees what came. False: the device has failed, or is idle for long. */
static bool mix_batch(struct mix *mix)
{
    struct hostile_test *test = &mix->test;
    struct mix_told *told = &mix->told[mix->family];
    ixy_frame frames[MIX_BATCH];
    uint32_t at = 0;
    test->queue = mix_random(mix, mix->queues);
    uint32_t most = mix->frames_max + mix_random(mix, MIX_BATCH - mix->frames_max);
    int32_t received = hostile_receive(test, frames, most);
    if (received < 0) {
        mix_expect_error(mix, received);
        return false;
    }
    told->received += (uint32_t)received;
    mix->idle = received != 0 ? 0 : mix->idle + 1;
    for (int32_t i = 0; i < received; i++) {
        told->pieces += (frames[i].flags & IXY_FRAME_MORE) != 0;
        told->described += (frames[i].flags & IXY_FRAME_METADATA) != 0;
    }
    uint32_t fate = mix_random(mix, 4);
    for (; fate == 0 && at < (uint32_t)received && mix->keeps < MIX_KEPT; at++)
        mix_keep(mix, &frames[at]);
    test->queue = mix_random(mix, mix->queues);
    int32_t sent = fate == 1 ? 0 : hostile_transmit(test, frames + at, (uint32_t)received - at);
    /* A frame whose length a device invented may be longer than any that can be sent. */
    assert_true(sent >= 0 || sent == IXY_E_DEVICE || sent == IXY_E_STATE || sent == IXY_E_FRAME ||
                sent == IXY_E_UNSUPPORTED);
    sent = sent < 0 ? 0 : sent;
    told->sent += (uint32_t)sent;
    at += (uint32_t)sent;
    hostile_free(test, frames + at, (uint32_t)received - at);
    return mix->idle < MIX_IDLE;
}

static void mix_run(struct mix *mix, uint64_t seed)
{
    struct hostile_test *test = &mix->test;
    mix_choose(mix, seed);
    hostile_test_pool_of(test, 1024 * (1 + mix_random(mix, mix_random(mix, 2) == 0 ? 2 : 15)));
    mix->keeps = 0;
    if (!mix_open(mix)) {
        hostile_test_close(test);
        return;
    }
    for (uint32_t step = 0; step < MIX_STEPS; step++) {
        if (!mix_batch(mix)) {
            mix->told[mix->family].failed++;
            mix_recover(mix);
        }
        if (mix_random(mix, 4) == 0)
            mix_make(mix);
        if (mix->keeps != 0 && mix_random(mix, 8) == 0)
            mix_release(mix, 1 + mix_random(mix, mix->keeps));
        if (mix_random(mix, 30) == 0)
            mix_control(mix);
        if (mix_random(mix, 300) == 0)
            mix_recover(mix);
        if (mix->threaded && mix_random(mix, 16) == 0)
            usleep(50); /* it has a thread, which wants a core */
    }
    mix_release(mix, mix->keeps);
    char text[IXY_TEXT_MAX] = "";
    if (ixy_emu_violation(test->device, 0, text, sizeof(text)) != 0)
        fail_msg("%s, offloads %u, frame_len_max %u, buffers of %u bytes: %s", mix->address, test->offloads,
                 test->frame_len_max, test->view.buffer_size, text);
    hostile_test_close(test); /* every buffer back */
}

static uint64_t mix_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void everything_at_once(void **state)
{
    static const char *const names[] = {"82599", "x550", "split", "packed"};
    static struct mix mix;
    struct mix_told all = {0};
    uint64_t count = mix_number("IXY_HOSTILE_DEVICES", MIX_DEVICES), seed = mix_number("IXY_HOSTILE_SEED", 1);
    /* A queue that read as enabled after it had stopped, for which the driver was blamed when it disabled it again. */
    static const uint64_t found[] = {3384};
    (void)state;
    for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++)
        mix_run(&mix, found[i]);
    for (uint64_t i = 0; i < count; i++)
        mix_run(&mix, seed + i);
    for (uint32_t family = 0; family < MIX_FAMILIES; family++) {
        const struct mix_told *told = &mix.told[family];
        print_message("  %-6s %llu opened, %llu received, %llu of them parts, %llu described, %llu sent, %llu dropped, "
                      "%llu failures, %llu resets, %llu waits\n",
                      names[family], (unsigned long long)told->opened, (unsigned long long)told->received,
                      (unsigned long long)told->pieces, (unsigned long long)told->described,
                      (unsigned long long)told->sent, (unsigned long long)told->dropped,
                      (unsigned long long)told->failed, (unsigned long long)told->resets,
                      (unsigned long long)told->waited);
        all.pieces += told->pieces;
        all.described += told->described;
        all.waited += told->waited;
        if (count >= MIX_DEVICES)
            assert_true(told->opened > 0 && told->received > 0 && told->sent > 0 && told->dropped > 0 &&
                        told->failed > 0 && told->resets > 0);
    }
    if (count >= MIX_DEVICES)
        assert_true(all.pieces > 0 && all.described > 0 && all.waited > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(everything_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
