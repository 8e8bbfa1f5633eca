/* Transmit offloads: context descriptors (section 7.2.3.2.3), tags that are put in, checksums that are filled in
 * (7.2.5).
 *
 * The driver is judged by what comes of it: a checksum that is not right behind the device's own sum means that the
 * driver did not prepare its field as 7.2.5 wants. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "emu/ixgbe/checksum.h"

#define TX_VLE (1u << 30)
#define TX_IXSM (1u << 8)
#define TX_TXSM (1u << 9)
#define TX_TUCMD_IPV4 (1u << 10)
#define TX_L4T_TCP 1u
#define TX_IDX(status) ((status) >> 4 & 7)
#define TX_CONTEXT_RESERVED 0xDF0FE3FFu /* of the command: all but DEXT, DTYP, L4T and IPV4 */

void ixgbe_model_tx_context(struct ixgbe_model *model, uint32_t queue, uint32_t position,
                            struct model_tx_descriptor descriptor)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    uint32_t command = (uint32_t)descriptor.word, upper = (uint32_t)(descriptor.word >> 32);
    uint32_t index = TX_IDX(upper);
    char place[48];
    snprintf(place, sizeof(place), "context descriptor %" PRIu32 " of queue %" PRIu32, position, queue);
    if ((command & TX_CONTEXT_RESERVED) != 0 || (upper & 0x8F) != 0 || descriptor.address >> 32 != 0)
        sanitizer_report(sanitizer,
                         "%s: %016" PRIX64 "h %016" PRIX64
                         "h sets reserved bits, or asks for IPsec or FCoE, which this model does not do (7.2.3.2.3)",
                         place, descriptor.address, descriptor.word);
    if (index >= MODEL_TX_CONTEXTS) {
        sanitizer_report(sanitizer, "%s: IDX is %" PRIu32 ", a queue has %d contexts (7.2.3.2.3)", place, index,
                         MODEL_TX_CONTEXTS);
        return;
    }
    uint32_t l4t = command >> 11 & 3;
    if (l4t == 3)
        sanitizer_report(sanitizer, "%s: L4T is 11b, which is reserved (7.2.3.2.3)", place);
    model->tx[queue].context[index] = (struct model_tx_context){.known = true,
                                                                .iplen = descriptor.address & 0x1FF,
                                                                .maclen = descriptor.address >> 9 & 0x7F,
                                                                .vlan = descriptor.address >> 16 & 0xFFFF,
                                                                .ipv4 = (command & TX_TUCMD_IPV4) != 0,
                                                                .l4t = l4t};
}

/* Where a checksum stands, bytes from the TCP or UDP header's first, and the shortest header. */
static uint32_t tx_checksum_field(const struct model_tx_context *context, uint32_t *header)
{
    *header = context->l4t == TX_L4T_TCP ? 20 : 8;
    return context->l4t == TX_L4T_TCP ? 16 : 6;
}

/* Whether the headers are where the context says; what is wrong is reported. */
static bool tx_headers(struct ixgbe_model *model, const struct model_tx_context *context, const char *place,
                       const uint8_t *frame, uint32_t len, uint32_t status)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    uint32_t header = 0, shortest = context->ipv4 ? 20 : 40;
    if ((status & TX_TXSM) != 0)
        (void)tx_checksum_field(context, &header);
    if (context->maclen < 14 || context->iplen < shortest || context->maclen + context->iplen + header > len) {
        sanitizer_report(sanitizer,
                         "%s: MACLEN %" PRIu32 " and IPLEN %" PRIu32 " of its context; right are 14 to 127 and %" PRIu32
                         " to 511, within its %" PRIu32 " bytes (7.2.3.2.3)",
                         place, context->maclen, context->iplen, shortest, len);
        return false;
    }
    if ((status & TX_IXSM) != 0 && !context->ipv4) {
        sanitizer_report(sanitizer, "%s: IXSM set while TUCMD.IPV4 is 0: IPv6 has no checksum (7.2.3.2.4)", place);
        return false;
    }
    if ((status & TX_TXSM) != 0 && context->l4t > TX_L4T_TCP) {
        sanitizer_report(sanitizer, "%s: TXSM set while L4T is %" PRIu32 ": this model does TCP and UDP (7.2.3.2.3)",
                         place, context->l4t);
        return false;
    }
    const uint8_t *ip = frame + context->maclen;
    bool same = ip[0] >> 4 == (context->ipv4 ? 4 : 6) && (!context->ipv4 || (ip[0] & 15u) * 4 == context->iplen);
    uint8_t protocol = context->l4t == TX_L4T_TCP ? 6 : 17;
    if ((status & TX_TXSM) != 0 && (context->ipv4 || context->iplen == 40))
        same = same && ip[context->ipv4 ? 9 : 6] == protocol;
    if (!same)
        sanitizer_report(sanitizer,
                         "%s: its context says IPv%d, %" PRIu32 " bytes of header from byte %" PRIu32
                         " on, protocol %u; the packet has another (7.2.3.2.3)",
                         place, context->ipv4 ? 4 : 6, context->iplen, context->maclen, protocol);
    return same;
}

static void tx_put(uint8_t *field, uint32_t value)
{
    field[0] = (uint8_t)(value >> 8);
    field[1] = (uint8_t)value;
}

static void tx_fill(struct ixgbe_model *model, const struct model_tx_context *context, const char *place,
                    uint8_t *frame, uint32_t len, uint32_t status)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    uint8_t *ip = frame + context->maclen;
    uint8_t *segment = ip + context->iplen;
    uint32_t size = len - context->maclen - context->iplen;
    if ((status & TX_IXSM) != 0) {
        tx_put(ip + 10, model_sum(0, ip, context->iplen) ^ 0xFFFF);
        if (model_sum(0, ip, context->iplen) != 0xFFFF)
            sanitizer_report(sanitizer, "%s: its IPv4 checksum was not 0 before IXSM (7.2.5)", place);
    }
    if ((status & TX_TXSM) == 0)
        return;
    uint32_t header;
    uint8_t *field = segment + tx_checksum_field(context, &header);
    uint32_t sum = model_sum(0, segment, size) ^ 0xFFFF;
    tx_put(field, sum == 0 && header == 8 ? 0xFFFF : sum);
    uint32_t behind = context->ipv4 ? ((uint32_t)ip[2] << 8 | ip[3]) : 40 + ((uint32_t)ip[4] << 8 | ip[5]);
    uint32_t inside = behind - context->iplen; /* bytes of TCP or UDP that the IP header counts */
    if (behind < context->iplen || inside > size ||
        model_sum(model_sum_pseudo(ip, header == 8 ? 17 : 6, inside), segment, inside) != 0xFFFF)
        sanitizer_report(sanitizer,
                         "%s: its TCP or UDP checksum field did not hold the pseudo header's sum before TXSM (7.2.5)",
                         place);
}

uint32_t ixgbe_model_tx_offload(struct ixgbe_model *model, uint32_t queue, uint8_t *frame, uint32_t len,
                                uint32_t command, uint32_t status)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    const struct model_tx_context *context = &model->tx[queue].context[TX_IDX(status) % MODEL_TX_CONTEXTS];
    char place[64];
    if ((command & TX_VLE) == 0 && (status & (TX_IXSM | TX_TXSM)) == 0)
        return len;
    snprintf(place, sizeof(place), "a packet of %" PRIu32 " bytes of transmit queue %" PRIu32, len, queue);
    if (TX_IDX(status) >= MODEL_TX_CONTEXTS || !context->known) {
        sanitizer_report(sanitizer,
                         "%s: asks for an offload by context %" PRIu32 ", which the queue has not (7.2.3.2.4)", place,
                         TX_IDX(status));
        return 0;
    }
    if ((status & (TX_IXSM | TX_TXSM)) != 0) {
        if (!tx_headers(model, context, place, frame, len, status))
            return 0;
        tx_fill(model, context, place, frame, len, status);
    }
    if ((command & TX_VLE) == 0)
        return len;
    memmove(frame + 16, frame + 12, len - 12);
    tx_put(frame + 12, model->registers[MODEL_DMATXCTL / 4] >> 16); /* VT, 8.2.3.9.2 */
    tx_put(frame + 14, context->vlan);
    return len + 4;
}
