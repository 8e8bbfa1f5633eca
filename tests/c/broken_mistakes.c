/* The offsets are the driver's own (core/ixgbe/registers.h), because the mistakes are made in its stead; the model that
 * judges them has its own. */
#include "tests/c/broken_mistakes.h"

#include <stddef.h>

const struct broken_mistake broken_none = {.name = "no mistake"};

/* ---- registers ---- */

static bool mistake_eimc(struct broken *broken, uint32_t reg, uint32_t *value)
{
    (void)broken;
    if (reg == IXGBE_EIMC)
        *value |= 1u << 31;
    return true;
}

static bool mistake_dtxmxszrq(struct broken *broken, uint32_t reg, uint32_t *value)
{
    (void)broken;
    if (reg == IXGBE_DTXMXSZRQ)
        *value = 0xFFFF;
    return true;
}

static bool mistake_rdrxctl_plain(struct broken *broken, uint32_t reg, uint32_t *value)
{
    (void)broken;
    if (reg == IXGBE_RDRXCTL)
        *value = IXGBE_RDRXCTL_CRCSTRIP;
    return true;
}

static bool mistake_rdrxctl_rsc(struct broken *broken, uint32_t reg, uint32_t *value)
{
    (void)broken;
    if (reg == IXGBE_RDRXCTL)
        *value &= ~(IXGBE_RDRXCTL_RSCACKC | IXGBE_RDRXCTL_FCOE_WRFIX);
    return true;
}

/* Receive is never switched off around changes of its filters. */
static bool mistake_fctrl(struct broken *broken, uint32_t reg, uint32_t *value)
{
    (void)broken;
    return reg != IXGBE_RXCTRL || (*value & IXGBE_RXCTRL_RXEN) != 0;
}

static bool mistake_no_strip(struct broken *broken, uint32_t reg, uint32_t *value)
{
    (void)broken;
    if (reg == IXGBE_HLREG0)
        *value &= ~IXGBE_HLREG0_RXCRCSTRP;
    return true;
}

/* Another family's receive control register (e1000's RCTL). */
static bool mistake_no_register(struct broken *broken, uint32_t reg, uint32_t *value)
{
    if (reg == IXGBE_RXCTRL)
        bus_write32(broken->real, 0x00100, *value);
    return true;
}

/* Link up by force, where it is only reported. */
static bool mistake_read_only(struct broken *broken, uint32_t reg, uint32_t *value)
{
    (void)value;
    if (reg == IXGBE_AUTOC)
        bus_write32(broken->real, IXGBE_LINKS, IXGBE_LINKS_UP);
    return true;
}

static bool mistake_mtqc(struct broken *broken, uint32_t reg, uint32_t *value)
{
    (void)broken;
    if (reg == IXGBE_MTQC)
        *value = 1;             /* as if this driver wanted DCB */
    return reg != IXGBE_RTTDCS; /* and forgot the arbiter */
}

/* ---- order ---- */

/* CTRL.RST reads as 0 at once and both delays around it (states 1 and 2) are none, as when nobody waits for it. */
static bool mistake_reset_read(struct broken *broken, uint32_t reg, uint32_t *value)
{
    *value = 0;
    return (broken->state == 1 || broken->state == 2) && reg == IXGBE_CTRL;
}

static bool mistake_reset_write(struct broken *broken, uint32_t reg, uint32_t *value)
{
    if (reg == IXGBE_CTRL && (*value & IXGBE_CTRL_RST) != 0)
        broken->state = 1;
    return true;
}

static bool mistake_reset_delay(struct broken *broken)
{
    bool passes = broken->state != 1 && broken->state != 2;
    if (!passes)
        broken->state++;
    return passes;
}

static bool mistake_tail_early(struct broken *broken, uint32_t reg, uint32_t *value)
{
    if (reg == IXGBE_RXDCTL(0) && (*value & IXGBE_RXDCTL_ENABLE) != 0)
        bus_write32(broken->real, IXGBE_RDT(0), broken->rx.size - 1);
    return true;
}

/* The same by the doorbell, which no model sees when it is stored. */
static bool mistake_tail_early_doorbell(struct broken *broken, uint32_t reg, uint32_t *value)
{
    if (reg == IXGBE_RXDCTL(0) && (*value & IXGBE_RXDCTL_ENABLE) != 0)
        __atomic_store_n(broken->rx.tail, broken->rx.size - 1, __ATOMIC_RELEASE);
    return true;
}

/* DMATXCTL.TE comes only after the first queue. */
static bool mistake_transmit_late(struct broken *broken, uint32_t reg, uint32_t *value)
{
    if (reg == IXGBE_DMATXCTL) {
        broken->held = *value;
        return false;
    }
    if (reg != IXGBE_TXDCTL(0) || (*value & IXGBE_TXDCTL_ENABLE) == 0)
        return true;
    bus_write32(broken->real, reg, *value);
    bus_write32(broken->real, IXGBE_DMATXCTL, (uint32_t)broken->held);
    return false;
}

/* Once the ring is on, its base or length is set again, to another value. */
static bool mistake_base_while_enabled(struct broken *broken, uint32_t reg, uint32_t *value)
{
    if (reg != IXGBE_RXCTRL || (*value & IXGBE_RXCTRL_RXEN) == 0)
        return true;
    bus_write32(broken->real, IXGBE_RDBAL(0), bus_read32(broken->real, IXGBE_RDBAL(0)) + 0x1000);
    return true;
}

static bool mistake_length_while_enabled(struct broken *broken, uint32_t reg, uint32_t *value)
{
    if (reg == IXGBE_RXCTRL && (*value & IXGBE_RXCTRL_RXEN) != 0)
        bus_write32(broken->real, IXGBE_TDLEN(0), 2 * bus_read32(broken->real, IXGBE_TDLEN(0)));
    return true;
}

/* ---- rings ---- */

static bool mistake_rdbal(struct broken *broken, uint32_t reg, uint32_t *value)
{
    (void)broken;
    if (reg == IXGBE_RDBAL(0))
        *value += 64;
    return true;
}

static bool mistake_tdbal(struct broken *broken, uint32_t reg, uint32_t *value)
{
    (void)broken;
    if (reg == IXGBE_TDBAL(0))
        *value += 16;
    return true;
}

/* One descriptor less, so that head never meets tail. */
static bool mistake_rdlen(struct broken *broken, uint32_t reg, uint32_t *value)
{
    (void)broken;
    if (reg == IXGBE_RDLEN(0))
        *value -= 16;
    return true;
}

static bool mistake_rdlen_swapped(struct broken *broken, uint32_t reg, uint32_t *value)
{
    (void)broken;
    if (reg == IXGBE_RDLEN(0))
        *value = __builtin_bswap32(*value);
    return true;
}

static bool mistake_tdlen_missing(struct broken *broken, uint32_t reg, uint32_t *value)
{
    (void)broken, (void)value;
    return reg != IXGBE_TDLEN(0);
}

/* The ring's virtual address: the upper half is what gives it away. */
static bool mistake_ring_virtual(struct broken *broken, uint32_t reg, uint32_t *value)
{
    if (reg == IXGBE_TDBAL(0))
        *value = (uint32_t)(uintptr_t)broken->tx.descriptors;
    if (reg == IXGBE_TDBAH(0))
        *value = (uint32_t)((uint64_t)(uintptr_t)broken->tx.descriptors >> 32);
    return true;
}

static bool mistake_head(struct broken *broken, uint32_t reg, uint32_t *value)
{
    if (reg == IXGBE_RDH(0))
        *value = broken->rx.size;
    return true;
}

static bool mistake_legacy(struct broken *broken, uint32_t reg, uint32_t *value)
{
    (void)broken;
    if (reg == IXGBE_SRRCTL(0))
        *value &= ~IXGBE_SRRCTL_DESCTYPE;
    return true;
}

static bool mistake_bsizepacket(struct broken *broken, uint32_t reg, uint32_t *value)
{
    (void)broken;
    if (reg == IXGBE_SRRCTL(0))
        *value += 2; /* KiB */
    return true;
}

static bool mistake_wthresh(struct broken *broken, uint32_t reg, uint32_t *value)
{
    (void)broken;
    if (reg == IXGBE_TXDCTL(0))
        *value |= 4u << 16;
    return true;
}

static uint32_t mistake_tail_over(struct broken *broken, uint32_t value)
{
    return value + broken->rx.size;
}

static uint32_t mistake_tail_back(struct broken *broken, uint32_t value)
{
    /* once, in the middle of traffic: as if the ring had been filled from its start again */
    if (broken->rx.posted < 100 || broken->state++ != 0)
        return value;
    return (value + broken->rx.size / 4) % broken->rx.size;
}

/* ---- descriptors and buffers ---- */

static void mistake_rx_virtual(struct broken *broken, struct ixgbe_rx_descriptor *descriptor, uint32_t nth)
{
    (void)nth;
    descriptor->packet_address += (uint64_t)(uintptr_t)broken->pool->base - broken->pool_address;
}

static void mistake_rx_unmapped(struct broken *broken, struct ixgbe_rx_descriptor *descriptor, uint32_t nth)
{
    if (nth == 70)
        descriptor->packet_address = broken->pool_address + broken->pool->size;
}

static void mistake_rx_crossing(struct broken *broken, struct ixgbe_rx_descriptor *descriptor, uint32_t nth)
{
    (void)broken;
    if (nth == 70)
        descriptor->packet_address += 1024;
}

static void mistake_rx_twice(struct broken *broken, struct ixgbe_rx_descriptor *descriptor, uint32_t nth)
{
    if (nth == 9)
        descriptor->packet_address = broken->held;
    broken->held = descriptor->packet_address;
}

static uint64_t mistake_kept_address(const struct broken *broken)
{
    return broken->pool_address + broken->kept * (uint64_t)broken->pool->stride + 128;
}

static void mistake_rx_owned(struct broken *broken, struct ixgbe_rx_descriptor *descriptor, uint32_t nth)
{
    if (nth == 70)
        descriptor->packet_address = mistake_kept_address(broken);
}

static void mistake_rx_stale_status(struct broken *broken, struct ixgbe_rx_descriptor *descriptor, uint32_t nth)
{
    (void)broken;
    if (nth == 70)
        descriptor->header_address = IXGBE_RX_DD | IXGBE_RX_EOP;
}

static void mistake_tx_unmapped(struct broken *broken, struct ixgbe_tx_descriptor *descriptor, uint32_t nth)
{
    if (nth == 5)
        descriptor->address = (uint64_t)(uintptr_t)(broken->pool->base + 128);
}

static void mistake_tx_crossing(struct broken *broken, struct ixgbe_tx_descriptor *descriptor, uint32_t nth)
{
    if (nth == 5) /* its last 30 bytes are another packet's */
        descriptor->address = broken->pool_address + 4 * (uint64_t)broken->pool->stride - 30;
}

static void mistake_tx_twice(struct broken *broken, struct ixgbe_tx_descriptor *descriptor, uint32_t nth)
{
    if (nth == 9)
        descriptor->address = broken->held;
    broken->held = descriptor->address;
}

static void mistake_tx_owned(struct broken *broken, struct ixgbe_tx_descriptor *descriptor, uint32_t nth)
{
    if (nth == 5)
        descriptor->address = mistake_kept_address(broken);
}

/* A buffer that the receive ring holds, sent as well: freed and used again while the device writes to it. */
static void mistake_tx_of_rx(struct broken *broken, struct ixgbe_tx_descriptor *descriptor, uint32_t nth)
{
    if (nth == 5)
        descriptor->address = broken->held;
}

static void mistake_remember_rx(struct broken *broken, struct ixgbe_rx_descriptor *descriptor, uint32_t nth)
{
    (void)nth;
    broken->held = descriptor->packet_address;
}

static void mistake_tx_no_eop(struct broken *broken, struct ixgbe_tx_descriptor *descriptor, uint32_t nth)
{
    (void)broken, (void)nth;
    descriptor->command &= ~IXGBE_TX_EOP;
}

static void mistake_tx_no_dext(struct broken *broken, struct ixgbe_tx_descriptor *descriptor, uint32_t nth)
{
    (void)broken, (void)nth;
    descriptor->command &= ~IXGBE_TX_DEXT;
}

static void mistake_tx_no_type(struct broken *broken, struct ixgbe_tx_descriptor *descriptor, uint32_t nth)
{
    (void)broken, (void)nth;
    descriptor->command &= ~IXGBE_TX_DTYP_DATA;
}

static void mistake_tx_no_checksum(struct broken *broken, struct ixgbe_tx_descriptor *descriptor, uint32_t nth)
{
    (void)broken, (void)nth;
    descriptor->command &= ~IXGBE_TX_IFCS;
}

static void mistake_tx_payload(struct broken *broken, struct ixgbe_tx_descriptor *descriptor, uint32_t nth)
{
    (void)broken, (void)nth;
    descriptor->status += 4u << IXGBE_TX_PAYLEN_SHIFT; /* as if the checksum counted */
}

static void mistake_tx_empty(struct broken *broken, struct ixgbe_tx_descriptor *descriptor, uint32_t nth)
{
    (void)broken;
    if (nth == 5) {
        descriptor->command &= ~0xFFFFu;
        descriptor->status = 0;
    }
}

static void mistake_tx_long(struct broken *broken, struct ixgbe_tx_descriptor *descriptor, uint32_t nth)
{
    (void)broken;
    if (nth == 5) {
        descriptor->command = (descriptor->command & ~0xFFFFu) | 1600;
        descriptor->status = 1600u << IXGBE_TX_PAYLEN_SHIFT;
    }
}

/* ---- memory ---- */

/* A pool over two huge pages whose addresses are taken as contiguous: only the first is where the driver thinks. */
static int32_t mistake_contiguous_map(struct broken *broken, const struct dma_memory *memory, uint64_t *address)
{
    if (memory->stride == 0)
        return broken->real->ops->dma_map(broken->real, memory, address);
    static struct dma_memory second;
    struct dma_memory first = *memory;
    uint64_t elsewhere;
    first.size = 64 * (uint64_t)memory->stride;
    second = *memory;
    second.base += first.size;
    second.size -= first.size;
    second.owner += first.size / memory->stride;
    int32_t code = broken->real->ops->dma_map(broken->real, &first, address);
    return code < 0 ? code : broken->real->ops->dma_map(broken->real, &second, &elsewhere);
}

/* No teardown: the queues stay on while their memory goes. */
static bool mistake_rx_left_on(struct broken *broken, uint32_t reg, uint32_t *value)
{
    (void)broken;
    return reg != IXGBE_RXDCTL(0) || (*value & IXGBE_RXDCTL_ENABLE) != 0;
}

static bool mistake_tx_left_on(struct broken *broken, uint32_t reg, uint32_t *value)
{
    (void)broken;
    return reg != IXGBE_TXDCTL(0) || (*value & IXGBE_TXDCTL_ENABLE) != 0 || broken->tx.posted == 0;
}

/* The pool goes first, before the receive queue is off. */
static bool mistake_pool_first(struct broken *broken, uint32_t reg, uint32_t *value)
{
    if (reg == IXGBE_RXDCTL(0) && (*value & IXGBE_RXDCTL_ENABLE) == 0 && broken->rx.posted != 0)
        broken->real->ops->dma_unmap(broken->real, broken->pool);
    return true;
}

static bool mistake_not_again(struct broken *broken, const struct dma_memory *memory)
{
    (void)broken;
    return memory->stride == 0;
}

const struct broken_mistake broken_mistakes[] = {
    /* registers */
    {"EIMC bit 31 written", {"EIMC = FFFFFFFFh", "reserved bits 80000000h (8.2.3.5.4)"}, .write = mistake_eimc},
    {"DTXMXSZRQ bits 15:12 written", {"DTXMXSZRQ = 0000FFFFh", "reserved bits 0000F000h"}, .write = mistake_dtxmxszrq},
    {"RDRXCTL written, not changed", {"RDRXCTL = 00000002h", "is to be preserved"}, .write = mistake_rdrxctl_plain},
    {"RDRXCTL's RSC bits lost", {"RDRXCTL", "RSCFRSTSIZE lost"}, .write = mistake_rdrxctl_rsc},
    {"FCTRL changed while RXEN is set", {"FCTRL", "only while RXCTRL.RXEN is 0"}, .write = mistake_fctrl},
    {"checksum stripped in one place only", {"HLREG0.RXCRCSTRP is 0", "CRCSTRIP is 1"}, .write = mistake_no_strip},
    {"a register that is not there", {"00100h", "no register there"}, .write = mistake_no_register},
    {"a read-only register written", {"LINKS = 40000000h", "read-only"}, .write = mistake_read_only},
    {"MTQC changed under a running arbiter", {"MTQC", "only while RTTDCS.ARBDIS is 1"}, .write = mistake_mtqc},
    /* order */
    {"no wait for the reset",
     {"EIMC", "while the device resets: wait until CTRL.RST"},
     .write = mistake_reset_write,
     .read = mistake_reset_read,
     .delay = mistake_reset_delay},
    {"tail before the queue is on", {"RDT[0] = 63", "before RXDCTL.ENABLE reads as 1"}, .write = mistake_tail_early},
    {"tail before the queue is on, by the doorbell",
     {"RDT[0] moved to 63", "before RXDCTL.ENABLE reads as 1"},
     .write = mistake_tail_early_doorbell},
    {"transmit queue before DMATXCTL.TE", {"TXDCTL[0]", "before DMATXCTL.TE"}, .write = mistake_transmit_late},
    {"ring base changed while enabled",
     {"RDBAL[0]", "while the queue is enabled"},
     .write = mistake_base_while_enabled},
    {"ring length changed while enabled",
     {"TDLEN[0] = 00000800h (was 00000400h)", "while the queue is enabled"},
     .write = mistake_length_while_enabled},
    /* rings */
    {"receive ring not at a multiple of 128", {"RDBAL[0]", "a multiple of 128 bytes"}, .write = mistake_rdbal},
    {"transmit ring not at a multiple of 128", {"TDBAL[0]", "a multiple of 128 bytes"}, .write = mistake_tdbal},
    {"ring length not a multiple of 128", {"RDLEN[0] = 000003F0h", "a multiple of 128 bytes"}, .write = mistake_rdlen},
    {"ring length in the wrong byte order",
     {"RXDCTL[0].ENABLE set while the ring", "262144 bytes) is not in memory that the driver mapped"},
     .write = mistake_rdlen_swapped},
    {"no ring length", {"TXDCTL[0].ENABLE set while TDLEN is 0", "has no ring"}, .write = mistake_tdlen_missing},
    {"a virtual address for a ring",
     {"TXDCTL[0].ENABLE set while the ring", "not in memory that the driver mapped"},
     .write = mistake_ring_virtual},
    {"head past its ring", {"RXDCTL[0].ENABLE set while RDH is 64", "past a ring of 64"}, .write = mistake_head},
    {"legacy receive descriptors", {"SRRCTL is", "DESCTYPE 001b"}, .write = mistake_legacy},
    {"BSIZEPACKET larger than the buffer",
     {"receive descriptor 0 of queue 0", "SRRCTL.BSIZEPACKET allows 4096 bytes"},
     .write = mistake_bsizepacket},
    {"WTHRESH without RS in each packet",
     {"no RS while TXDCTL.WTHRESH is not 0", "7.2.3.5.1"},
     .write = mistake_wthresh},
    {"tail past its ring", {"RDT[0] = 127", "the ring has 64 descriptors"}, .rx_tail = mistake_tail_over},
    {"tail moved back", {"RDT[0] =", "moved back"}, .rx_tail = mistake_tail_back},
    /* descriptors and buffers */
    {"virtual addresses in receive descriptors",
     {"receive descriptor 0 of queue 0", "not in memory that the driver mapped"},
     .rx = mistake_rx_virtual},
    {"receive buffer past its memory",
     {"receive descriptor 6 of queue 0", "not in memory that the driver mapped"},
     .rx = mistake_rx_unmapped},
    {"receive buffer that runs into the next",
     {"receive descriptor 6 of queue 0", "SRRCTL.BSIZEPACKET allows 2048 bytes"},
     .rx = mistake_rx_crossing},
    {"one receive buffer posted twice", {"receive descriptor 9", "posted twice"}, .rx = mistake_rx_twice},
    {"receive buffer that the caller owns",
     {"receive descriptor 6 of queue 0", "is posted, but the caller owns it"},
     .rx = mistake_rx_owned},
    {"receive descriptor with DD set", {"receive descriptor 6", "posted with DD set"}, .rx = mistake_rx_stale_status},
    {"virtual address in a transmit descriptor",
     {"transmit descriptor 5", "not in memory that the driver mapped"},
     .tx = mistake_tx_unmapped},
    {"packet that runs into the next buffer",
     {"transmit descriptor 5", "run from buffer 3 of pool into the next"},
     .tx = mistake_tx_crossing},
    {"one transmit buffer posted twice", {"transmit descriptor 9", "posted twice"}, .tx = mistake_tx_twice},
    {"transmit buffer that the receive ring holds",
     {"transmit descriptor 5", "the device holds it already"},
     .rx = mistake_remember_rx,
     .tx = mistake_tx_of_rx},
    {"transmit buffer that the caller owns",
     {"DMA to a buffer that the caller owns", "transmit queue 0, descriptor 5"},
     .tx = mistake_tx_owned},
    {"no EOP", {"transmit", "RS without EOP"}, .tx = mistake_tx_no_eop},
    {"no DEXT", {"transmit descriptor 0", "DEXT clear"}, .tx = mistake_tx_no_dext},
    {"no descriptor type", {"transmit descriptor 0", "has DTYP 0"}, .tx = mistake_tx_no_type},
    {"no IFCS", {"a packet of 60 bytes with IFCS clear", "7.2.3.2.4"}, .tx = mistake_tx_no_checksum},
    {"PAYLEN with the checksum", {"PAYLEN is 64", "the packet has 60 bytes"}, .tx = mistake_tx_payload},
    {"an empty packet", {"transmit descriptor 5", "DTALEN is 0"}, .tx = mistake_tx_empty},
    {"a packet over the largest frame",
     {"a packet of 1600 bytes", "the largest frame has 1518"},
     .tx = mistake_tx_long},
    /* memory */
    {"two pages taken as contiguous",
     {"receive descriptor", "not in memory that the driver mapped"},
     .map = mistake_contiguous_map,
     .unmap = mistake_not_again},
    {"receive ring freed while on", {"receive ring unmapped", "RXDCTL[0].ENABLE is 1"}, .write = mistake_rx_left_on},
    {"transmit ring freed while on", {"transmit ring unmapped", "TXDCTL[0].ENABLE is 1"}, .write = mistake_tx_left_on},
    {"pool freed while its buffers are posted",
     {"pool unmapped while receive queue 0 is enabled", "of its buffers"},
     .write = mistake_pool_first,
     .unmap = mistake_not_again},
};

const uint32_t broken_mistake_count = sizeof(broken_mistakes) / sizeof(broken_mistakes[0]);
