/* A program of the last release: compiled with its headers, linked against its symbols, run on today's library, where
 * it must print what it printed then (old_program.expected). It uses every function that the release had but those that
 * are experimental. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "ixy.h"

#define FRAMES 1000

static void show(const char *what, int32_t value)
{
    printf("%s: %" PRId32 " (%s)\n", what, value, value < 0 ? ixy_error_name(value) : "no error");
}

/* Forwards what the generator sends until all frames were seen; returns how many. */
static uint32_t forward(uint64_t device, uint64_t pool, const ixy_view *view)
{
    uint32_t seen = 0;
    while (seen < FRAMES) {
        ixy_frame frames[32];
        int32_t got = ixy_rx_batch(device, 0, frames, 32);
        if (got < 0) {
            show("rx", got);
            break;
        }
        for (int32_t i = 0; i < got; i++) {
            if (view->owner[frames[i].buf & view->index_mask] != frames[i].buf)
                printf("frame %" PRId32 " is not ours\n", i);
            view->base[frames[i].offset + 48]++;
        }
        int32_t sent = ixy_tx_batch(device, 0, frames, (uint32_t)got);
        if (sent < got)
            ixy_buf_free(pool, frames + sent, (uint32_t)(got - sent));
        seen += (uint32_t)got;
    }
    return seen;
}

static void ask(uint64_t device)
{
    ixy_info info = {.struct_size = sizeof info};
    show("info", ixy_device_info(device, &info));
    printf("%s %s %04" PRIx32 ":%04" PRIx32 " queues %" PRIu32 "/%" PRIu32 " rings %" PRIu32 "/%" PRIu32
           " lengths %" PRIu32 "..%" PRIu32 " emulated %" PRIu32 "\n",
           info.driver, info.name, info.vendor, info.device_id, info.rx_queues, info.tx_queues, info.rx_ring_size,
           info.tx_ring_size, info.tx_len_min, info.tx_len_max, info.emulated);
    ixy_link link = {.struct_size = sizeof link};
    show("link", ixy_device_link(device, &link));
    printf("up %" PRIu32 "\n", link.up);
    printf("queue stats %s, offloads %" PRIx32 ", longest %" PRIu32 " in %" PRIu32 "\n",
           (info.capabilities & IXY_CAN_QUEUE_STATS) != 0 ? "yes" : "no", info.offloads, info.rx_len_max,
           info.rx_frames_max);
    char text[IXY_TEXT_MAX];
    show("feature", ixy_device_feature(device, 0, text, sizeof text));
    uint8_t mac[6] = {2, 0, 0, 0, 0, 7};
    show("mac set", ixy_device_mac_set(device, mac));
    show("mac", ixy_device_mac(device, mac));
    printf("ends in %u\n", mac[5]);
    show("promiscuous", ixy_device_promiscuous_set(device, 1));
}

static void count(uint64_t device)
{
    ixy_stats stats = {.struct_size = sizeof stats};
    show("stats", ixy_device_stats(device, &stats));
    printf("rx %" PRIu64 " tx %" PRIu64 " missed %" PRIu64 "\n", stats.rx_packets, stats.tx_packets, stats.rx_missed);
    ixy_queue_stats queue = {.struct_size = sizeof queue};
    show("queue stats", ixy_device_queue_stats(device, 0, &queue));
    printf("rx %" PRIu64 " tx %" PRIu64 " missed %" PRIu64 "\n", queue.rx_packets, queue.tx_packets, queue.rx_missed);
    show("queue stats of no queue", ixy_device_queue_stats(device, 9, &queue));
    ixy_emu_counters counters = {.struct_size = sizeof counters};
    show("counters", ixy_emu_counters_get(device, &counters));
    printf("verified %" PRIu64 " damaged %" PRIu64 " violations %" PRIu32 "\n", counters.verified, counters.damaged,
           counters.violations);
    ixy_emu_meter meter = {.struct_size = sizeof meter};
    show("meter", ixy_emu_meter_get(device, &meter));
    char text[IXY_TEXT_MAX];
    show("violation", ixy_emu_violation(device, 0, text, sizeof text));
}

static void hold(uint64_t pool)
{
    ixy_frame frame;
    char bytes[4] = "";
    show("alloc", ixy_buf_alloc(pool, &frame, 1));
    frame.len = 64;
    show("write", ixy_buf_write(pool, &frame, 10, "abc", 4));
    show("read", ixy_buf_read(pool, &frame, 10, bytes, 4));
    printf("%s\n", bytes);
    show("read outside", ixy_buf_read(pool, &frame, 61, bytes, 4));
    ixy_metadata metadata = {.flags = IXY_META_VLAN, .vlan_tci = 100};
    show("metadata set", ixy_buf_metadata_set(pool, &frame, &metadata));
    metadata = (ixy_metadata){0};
    show("metadata", ixy_buf_metadata(pool, &frame, &metadata));
    printf("frame flags %u, record %" PRIx32 " %u\n", frame.flags, metadata.flags, metadata.vlan_tci);
    show("free", ixy_buf_free(pool, &frame, 1));
    show("free again", ixy_buf_free(pool, &frame, 1));
}

/* Receives the generator's frames, asleep until they come: first as an event loop does, then by ixy_rx_wait. */
static void sleeps(const char *address)
{
    printf("-- %s\n", address);
    uint64_t pool = 0, device = 0;
    show("pool", ixy_pool_open(NULL, &pool));
    ixy_device_config config = {.struct_size = sizeof config, .pool = pool, .offloads = IXY_CAN_RX_CHECKSUM};
    show("open", ixy_device_open(address, &config, &device));
    ixy_info info = {.struct_size = sizeof info};
    show("info", ixy_device_info(device, &info));
    printf("can wait: %s\n", (info.capabilities & IXY_CAN_RX_WAIT) != 0 ? "yes" : "no");
    show("wait too early", ixy_rx_wait(device, 0, 0));
    show("start", ixy_device_start(device));
    struct pollfd entry = {.fd = ixy_rx_fd(device, 0), .events = POLLIN};
    printf("descriptor %s\n", entry.fd >= 0 ? "given" : "missing");
    int32_t seen = 0, got;
    while (seen < FRAMES) {
        ixy_frame frames[32];
        if ((got = ixy_rx_batch(device, 0, frames, 32)) > 0) {
            ixy_buf_free(pool, frames, (uint32_t)got);
            seen += got;
        } else if (seen < FRAMES / 2 ? ixy_rx_arm(device, 0) == 0 && poll(&entry, 1, 10000) != 1
                                     : ixy_rx_wait(device, 0, 10000) != 1) {
            printf("nothing came after %" PRId32 " frames\n", seen);
            break;
        }
    }
    printf("received %" PRId32 "\n", seen);
    show("arm", ixy_rx_arm(device, 0));
    show("wait", ixy_rx_wait(device, 0, 5));
    show("wait of -2", ixy_rx_wait(device, 0, -2));
    show("close", ixy_device_close(device));
    show("wait after close", ixy_rx_wait(device, 0, -1));
    printf("free %" PRId32 "\n", ixy_pool_free_count(pool));
    show("pool close", ixy_pool_close(pool));
}

static void run(const char *address)
{
    printf("-- %s\n", address);
    ixy_pool_config pool_config = {.struct_size = sizeof pool_config, .buffer_count = 4096};
    ixy_view view = {.struct_size = sizeof view};
    uint64_t pool = 0, device = 0;
    show("pool", ixy_pool_open(&pool_config, &pool));
    show("view", ixy_pool_view(pool, &view));
    ixy_device_config config = {.struct_size = sizeof config, .rx_ring_size = 256, .tx_ring_size = 256, .pool = pool};
    show("open", ixy_device_open(address, &config, &device));
    ask(device);
    show("start", ixy_device_start(device));
    hold(pool);
    printf("forwarded %" PRIu32 "\n", forward(device, pool, &view));
    count(device);
    show("reset", ixy_device_reset(device));
    show("close", ixy_device_close(device));
    show("close again", ixy_device_close(device));
    printf("free %" PRId32 "\n", ixy_pool_free_count(pool));
    show("pool close", ixy_pool_close(pool));
    show("view release", ixy_pool_view_release(view.view));
}

int main(void)
{
    printf("abi %" PRIu32 ", version %s\n", ixy_abi_version(), ixy_version()[0] != '\0' ? "given" : "missing");
    run("emu:82599,wire=gen,limit=1000,timing=inline");
    run("emu:virtio,ring=packed,wire=gen,limit=1000,timing=inline");
    sleeps("emu:82599,wire=gen,limit=1000,rate=5000,touch=0");
    sleeps("emu:virtio,csum=on,wire=gen,limit=1000,rate=5000,touch=0");
    uint64_t device;
    show("bad address", ixy_device_open("nowhere", NULL, &device));
    printf("%s\n%s\n", strlen(ixy_last_error()) > 10 ? "with a text" : "without a text", ixy_strerror(IXY_E_ADDRESS));
    return 0;
}
