/* ixy pktgen: numbered UDP packets, as fast as the device takes them. */
#include <string.h>

#include "apps/ixy.h"

#define PKTGEN_HEADERS 42 /* Ethernet, IPv4, UDP */

static void pktgen_put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* RFC 1071, over the 20 bytes of an IPv4 header whose checksum field is 0. */
static uint32_t pktgen_checksum(const uint8_t *header)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 20; i += 2)
        sum += (uint32_t)header[i] << 8 | header[i + 1];
    while (sum >> 16 != 0)
        sum = (sum & 0xFFFF) + (sum >> 16);
    return ~sum & 0xFFFF;
}

/* From 10.0.0.1 port 42 to 10.0.0.2 port 1337; four bytes of sequence number follow the headers. */
static void pktgen_make(uint8_t *packet, uint32_t size, const uint8_t *mac)
{
    static const uint8_t headers[PKTGEN_HEADERS] = {0x02, 0, 0,  0, 0, 0x02, 0, 0,  0,    0,    0, 0, 0x08, 0x00,
                                                    0x45, 0, 0,  0, 0, 0,    0, 0,  64,   17,   0, 0, 10,   0,
                                                    0,    1, 10, 0, 0, 2,    0, 42, 0x05, 0x39, 0, 0, 0,    0};
    memset(packet, 0, size);
    memcpy(packet, headers, sizeof(headers));
    memcpy(packet + 6, mac, 6);
    pktgen_put16(packet + 16, size - 14);
    pktgen_put16(packet + 38, size - 34);
    pktgen_put16(packet + 24, pktgen_checksum(packet + 14));
}

int command_pktgen(const struct options *options)
{
    static ixy_frame frames[IXY_BATCH_MAX];
    struct session session;
    if (!session_open(&session, options, 1))
        return 1;
    uint64_t device = session.devices[0];
    uint8_t mac[6] = {0};
    ixy_device_mac(device, mac);
    uint32_t sequence = 0, held = 0;
    int32_t code = 0;
    while (code >= 0 && session_goes_on(&session)) {
        uint32_t wanted = session_batch(&session);
        if (held < wanted) {
            code = ixy_buf_alloc(session.pool, frames + held, wanted - held);
            for (int32_t i = 0; i < code; i++, held++) {
                uint8_t *packet = session.view.base + frames[held].offset;
                frames[held].len = (uint16_t)options->size;
                pktgen_make(packet, options->size, mac);
                pktgen_put16(packet + PKTGEN_HEADERS, sequence >> 16);
                pktgen_put16(packet + PKTGEN_HEADERS + 2, sequence++);
            }
            if (code == IXY_E_NO_BUFFERS)
                code = 0; /* all are on their way; some come back soon */
        }
        if (code >= 0)
            code = ixy_tx_batch(device, 0, frames, held);
        if (code > 0) {
            session.moved += (uint32_t)code;
            held -= (uint32_t)code;
            memmove(frames, frames + code, held * sizeof(frames[0]));
        }
        /* What a looped wire brings back is nobody's here. */
        static ixy_frame received[IXY_BATCH_MAX];
        int32_t back = ixy_rx_batch(device, 0, received, options->batch);
        if (back > 0) {
            session.received += (uint32_t)back;
            ixy_buf_free(session.pool, received, (uint32_t)back);
        }
    }
    if (code < 0)
        session_print_error(&session, "sending", code);
    int result = session_close(&session);
    return code < 0 ? 1 : result;
}
