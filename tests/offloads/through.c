/* Takes packets through a device: receives each, tells what its metadata says, sends it on with other metadata.
 *
 *   offloads_through ADDRESS OFFLOADS FRAME_LEN_MAX BUFFER_SIZE < REQUESTS
 *
 * REQUESTS has a line a packet: "FLAGS VLAN_TCI L2_LEN L3_LEN", what it is sent with; as many packets are received.
 * Writes a line a packet: "FLAGS VLAN_TCI TIMESTAMP FRAMES LENGTH", what it was received with. Numbers are decimal.
 * Ends with 1, and says why, if anything fails or the emulated device saw its driver break a rule. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "abi/include/ixy.h"

#define ARRAY 64
#define PATIENCE 100000 /* polls without a packet, of an inline device or a millisecond each */

static uint64_t through_pool, through_device;

static int fail(const char *what, int32_t code)
{
    fprintf(stderr, "%s: %s: %s\n", what, ixy_error_name(code), ixy_last_error());
    return 1;
}

/* The next packet of those that the batch holds; a batch is received when the last is used up. Returns its frames. */
static uint32_t next_packet(ixy_frame *batch, uint32_t *begin, uint32_t *end)
{
    for (uint32_t polls = 0; *begin == *end && polls < PATIENCE; polls++) {
        int32_t came = ixy_rx_batch(through_device, 0, batch, ARRAY);
        if (came < 0)
            exit(fail("ixy_rx_batch", came));
        *begin = 0;
        *end = (uint32_t)came;
        if (came == 0 && polls > 1000)
            usleep(100);
    }
    uint32_t frames = 0;
    while (*begin + frames < *end)
        if ((batch[*begin + frames++].flags & IXY_FRAME_MORE) == 0)
            return frames;
    fprintf(stderr, "a packet is missing, or its end\n");
    exit(1);
}

static void tell(const ixy_frame *packet, uint32_t frames)
{
    ixy_metadata metadata;
    uint32_t length = 0;
    int32_t code = ixy_buf_metadata(through_pool, packet, &metadata);
    if (code < 0)
        exit(fail("ixy_buf_metadata", code));
    for (uint32_t i = 0; i < frames; i++)
        length += packet[i].len;
    printf("%" PRIu32 " %u %" PRIu64 " %" PRIu32 " %" PRIu32 "\n", metadata.flags, metadata.vlan_tci,
           metadata.timestamp, frames, length);
}

static void pass_on(ixy_frame *packet, uint32_t frames, const ixy_metadata *metadata)
{
    packet->flags &= (uint16_t)~IXY_FRAME_METADATA;
    int32_t code = metadata->flags != 0 ? ixy_buf_metadata_set(through_pool, packet, metadata) : 0;
    if (code < 0)
        exit(fail("ixy_buf_metadata_set", code));
    int32_t sent = 0;
    for (uint32_t polls = 0; sent == 0 && polls < PATIENCE; polls++)
        sent = ixy_tx_batch(through_device, 0, packet, frames);
    if (sent != (int32_t)frames) {
        fprintf(stderr, "ixy_tx_batch: %" PRId32 " of %" PRIu32 " frames: %s\n", sent, frames,
                sent < 0 ? ixy_error_name(sent) : "");
        exit(1);
    }
}

static int judge(void)
{
    ixy_emu_counters counters = {.struct_size = sizeof(counters)};
    int32_t code = ixy_emu_counters_get(through_device, &counters);
    if (code < 0)
        return fail("ixy_emu_counters_get", code);
    for (uint32_t i = 0; i < counters.violations && i < 64; i++) {
        char text[IXY_TEXT_MAX];
        ixy_emu_violation(through_device, i, text, sizeof(text));
        fprintf(stderr, "violation: %s\n", text);
    }
    if (counters.wire_dropped != 0)
        fprintf(stderr, "%" PRIu64 " frames dropped\n", counters.wire_dropped);
    return counters.violations != 0 || counters.wire_dropped != 0;
}

int main(int count, char **words)
{
    if (count != 5) {
        fprintf(stderr, "usage: %s ADDRESS OFFLOADS FRAME_LEN_MAX BUFFER_SIZE < REQUESTS\n", words[0]);
        return 2;
    }
    ixy_pool_config pool = {
        .struct_size = sizeof(pool), .buffer_count = 4096, .buffer_size = (uint32_t)strtoul(words[4], NULL, 10)};
    int32_t code = ixy_pool_open(&pool, &through_pool);
    if (code < 0)
        return fail("ixy_pool_open", code);
    ixy_device_config device = {.struct_size = sizeof(device),
                                .offloads = (uint32_t)strtoul(words[2], NULL, 10),
                                .frame_len_max = (uint32_t)strtoul(words[3], NULL, 10),
                                .pool = through_pool};
    code = ixy_device_open(words[1], &device, &through_device);
    if (code >= 0)
        code = ixy_device_start(through_device);
    if (code < 0)
        return fail(words[1], code);
    ixy_frame batch[ARRAY];
    uint32_t begin = 0, end = 0, flags, tci, l2_len, l3_len;
    while (scanf("%" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu32, &flags, &tci, &l2_len, &l3_len) == 4) {
        ixy_metadata metadata = {
            .flags = flags, .vlan_tci = (uint16_t)tci, .l2_len = (uint8_t)l2_len, .l3_len = (uint8_t)l3_len};
        uint32_t frames = next_packet(batch, &begin, &end);
        tell(batch + begin, frames);
        pass_on(batch + begin, frames, &metadata);
        begin += frames;
    }
    int wrong = judge();
    ixy_device_close(through_device);
    return wrong;
}
