/* A model of the Intel 82599, X540 and X550: what the hardware does, written from the data sheets.
 *
 * Section numbers are those of the 82599 data sheet, 331520. The register file is one array of 32-bit words, which
 * the table in registers.c describes; tail registers in it are the doorbells themselves. The engines keep what they
 * need on the packet path in the rings below, made when a queue is enabled.
 *
 * Nothing that a driver writes makes the model touch memory which is not mapped, or run without end: each descriptor
 * is read once, checked, and translated into private state; DMA goes by that state.
 *
 * Time is the model's own: register accesses and bus->delay let it pass, so that nothing sleeps for real.
 */
#ifndef EMU_IXGBE_MODEL_H
#define EMU_IXGBE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "emu/device.h"
#include "emu/ixgbe/registers.h"

#define MODEL_QUEUES 128
#define MODEL_VECTORS EMU_DEVICE_VECTORS
#define MODEL_RSS_NIBBLES 72        /* of the longest input: two IPv6 addresses, two ports */
#define MODEL_FRAME_MAX 15872       /* 15.5 KB, section 1.3: the longest frame of any kind */
#define MODEL_TX_DESCRIPTORS_MAX 40 /* of one packet, section 7.2.1.1 */
#define MODEL_TX_CONTEXTS 2         /* of a queue, section 7.2.3.2.3 */
#define MODEL_STAMP_SIZE 8          /* of an X550, behind a packet */

/* Model time, nanoseconds. */
#define MODEL_READ_TIME 1000
#define MODEL_WRITE_TIME 100
#define MODEL_STEP_TIME 10000 /* a step while the link is coming up: a driver on the packet path reads no register */
#define MODEL_RESET_TIME 5000
#define MODEL_DMA_READY_TIME 50000
#define MODEL_EEPROM_READY_TIME 100000
#define MODEL_EERD_TIME 10000
#define MODEL_ENABLE_TIME 2500
#define MODEL_LINK_TIME 1000000

enum model_kind { MODEL_82599, MODEL_X540, MODEL_X550 };

/* Descriptors as the device reads and writes them, sections 7.1.6 and 7.2.3.2.4; little-endian, as the host. */
struct model_rx_descriptor {
    uint64_t address; /* written back: RSS hash, packet type */
    uint64_t status;  /* header address; written back: VLAN, length, extended error and status */
};

struct model_tx_descriptor {
    uint64_t address;
    uint64_t word; /* low half: DCMD, DTYP, MAC, DTALEN; high half: PAYLEN, POPTS, CC, IDX, STA; written back: STA.DD */
};

struct model_rx_ring {
    struct model_rx_descriptor *descriptors; /* host memory of the ring */
    uint32_t *tail;                          /* the doorbell */
    uint64_t
        *slots; /* device addresses of the buffers, checked; 0: the descriptor was bad; valid from head to fetched */
    uint32_t size, head, fetched;
    uint32_t tail_refused;
    uint32_t buffer_size; /* SRRCTL.BSIZEPACKET in bytes */
    uint32_t region;      /* slot of the ring's memory */
    bool drop;            /* SRRCTL.DROP_EN */
    bool untag;           /* RXDCTL.VME */
    uint64_t packets, bytes, dropped;
};

/* What a context descriptor said. */
struct model_tx_context {
    bool known, ipv4;
    uint32_t maclen, iplen, vlan, l4t;
};

struct model_tx_ring {
    struct model_tx_descriptor *descriptors;
    uint32_t *tail;
    uint32_t size, head, tail_refused;
    uint32_t primed, listed; /* threaded: whose packets, whose descriptors are on their way into this core's cache */
    uint32_t region;
    bool write_back_threshold; /* TXDCTL.WTHRESH > 0 */
    bool report_missing;       /* a packet without RS was reported already */
    uint64_t head_write_back;  /* TDWBAL/H: device address, 0: descriptors are written back */
    uint64_t packets, bytes;

    /* a frame of several descriptors, of which some have come */
    uint8_t *partial; /* MODEL_FRAME_MAX bytes and a tag, allocated when the queue is first enabled */
    uint32_t partial_len, partial_count;
    uint32_t partial_command, partial_status; /* of the first */
    bool partial_bad;
    struct model_tx_context context[MODEL_TX_CONTEXTS];
};

/* Sizes as the statistics registers know them: 64, 65-127, 128-255, 256-511, 512-1023, larger. */
#define MODEL_SIZES 6
#define MODEL_COUNTERS 128

struct model_totals {
    uint64_t packets, bytes, broadcast, multicast;
    uint64_t sizes[MODEL_SIZES];
};

struct ixgbe_model {
    struct emu_device device; /* first */
    enum model_kind kind;

    /* what the packet path reads */
    uint64_t rx_running[2], tx_running[2]; /* queues whose ENABLE has taken effect */
    bool rx_on;                            /* RXCTRL.RXEN */
    bool tx_on;                            /* DMATXCTL.TE */
    bool link;
    bool gone;   /* hostile: nothing answers */
    bool direct; /* generated frames go straight to queue 0: no RSS, no filter that could refuse one */
    bool strip, pad, rss;
    bool promiscuous;
    uint32_t frame_max;      /* with checksum */
    uint64_t generated_info; /* first quadword of the write-back of a generated frame, ~0 before the first */
    uint64_t returned[2];    /* receive queues that a step has written back to */
    uint64_t generated_status;
    bool stamps;           /* each packet gets one */
    uint64_t systim_begin; /* CLOCK_MONOTONIC when SYSTIM was what its registers hold */
    struct model_totals received, sent;
    uint64_t received_all, received_all_bytes; /* with those that the filters refused */
    uint64_t missed, undersized, oversized;

    /* deadlines in model time, 0: none */
    uint64_t now, reset_done, dma_ready, eeprom_ready, eerd_done, link_up;
    uint64_t rx_enable[MODEL_QUEUES], tx_enable[MODEL_QUEUES];
    uint32_t enables; /* how many of these two are not 0 */

    /* interrupts of the queues, by MSI-X vector; vectors 0 to 15 are bits of EICR, EIMS and so on, too */
    uint64_t causes;
    uint64_t sent_for;                   /* unmasked causes that a message was sent for: no other until they are gone */
    uint64_t interrupted[MODEL_VECTORS]; /* when a vector's last message was sent, wire.now */

    uint32_t high[MODEL_COUNTERS];    /* upper halves, latched by reading the lower ones */
    uint64_t cleared[MODEL_COUNTERS]; /* what each counter stood at when it was last read */
    bool rss_stale;
    uint16_t eeprom[256];
    uint8_t mac[6];
    uint8_t scratch[MODEL_FRAME_MAX + 64];

    struct model_rx_ring rx[MODEL_QUEUES];
    struct model_tx_ring tx[MODEL_QUEUES];
    uint32_t registers[MODEL_REGISTERS];
    uint32_t rss_table[MODEL_RSS_NIBBLES * 16]; /* what each value of each nibble adds to the hash, made from RSSRK */
};

static inline struct ixgbe_model *ixgbe_model_of(struct emu_device *device)
{
    return (struct ixgbe_model *)device;
}

/* model.c: life of a model; the bus knows it by this table */
extern const struct emu_model_ops ixgbe_model_ops;
/* Lets model time pass and makes happen what was due. */
void ixgbe_model_time(struct ixgbe_model *model, uint64_t nanoseconds);

/* unmap.c: memory is about to be unmapped */
void ixgbe_model_unmap(struct emu_device *device, uint32_t slot);

/* access.c: register accesses */
uint32_t ixgbe_model_read(struct ixgbe_model *model, uint32_t offset);
void ixgbe_model_write(struct ixgbe_model *model, uint32_t offset, uint32_t value);
uint32_t *ixgbe_model_doorbell(struct ixgbe_model *model, uint32_t offset);
void ixgbe_model_reset(struct ixgbe_model *model, bool link_too);
/* Recomputes what the packet path reads from the registers. */
void ixgbe_model_configure(struct ixgbe_model *model);

/* interrupt.c: causes, masks, messages */
/* After a step: sends what is due, see there. */
void ixgbe_model_interrupts(struct ixgbe_model *model);
uint32_t ixgbe_model_interrupt_read(struct ixgbe_model *model, uint32_t offset);
void ixgbe_model_interrupt_write(struct ixgbe_model *model, uint32_t offset, uint32_t value);

/* queue.c: enabling and disabling */
void ixgbe_model_rx_start(struct ixgbe_model *model, uint32_t queue);
void ixgbe_model_rx_stop(struct ixgbe_model *model, uint32_t queue);
void ixgbe_model_tx_start(struct ixgbe_model *model, uint32_t queue);
void ixgbe_model_tx_stop(struct ixgbe_model *model, uint32_t queue);

/* rx.c, tx.c: the engines; how many frames they moved */
uint32_t ixgbe_model_receive(struct ixgbe_model *model, uint32_t most);
uint32_t ixgbe_model_transmit(struct ixgbe_model *model, uint32_t most);
/* Reads the descriptors that the tail has made the device's. */
void ixgbe_model_rx_fetch(struct ixgbe_model *model, uint32_t queue);

/* CRC-32 of a frame, as it goes over the wire least significant byte first. */
uint32_t ixgbe_model_checksum(const uint8_t *frame, uint32_t len);

/* All that a device powered on long ago has ready. */
void ixgbe_model_ready(struct ixgbe_model *model);

/* tx_offload.c: a context descriptor; and what a packet's first descriptor asks for, which returns the packet's new
 * length, 0 if it must not be sent. frame has room for a tag. */
void ixgbe_model_tx_context(struct ixgbe_model *model, uint32_t queue, uint32_t position,
                            struct model_tx_descriptor descriptor);
uint32_t ixgbe_model_tx_offload(struct ixgbe_model *model, uint32_t queue, uint8_t *frame, uint32_t len,
                                uint32_t command, uint32_t status);

/* stamp.c: the clock of an X550, nanoseconds; its registers; the 8 bytes of a stamp */
uint64_t ixgbe_model_systim(const struct ixgbe_model *model);
uint32_t ixgbe_model_systim_read(const struct ixgbe_model *model, uint32_t offset);
void ixgbe_model_systim_write(struct ixgbe_model *model, uint32_t offset, uint32_t value);
void ixgbe_model_stamp(const struct ixgbe_model *model, uint8_t *behind);

/* lies.c: a hostile device. Asked only if hostile_is. */
/* What is written back for a received frame, or a piece of one. */
void ixgbe_model_lie_received(struct ixgbe_model *model, const struct model_rx_ring *ring, uint64_t *info,
                              uint32_t *len, uint64_t *status);
/* The 8 bytes of a time stamp. */
void ixgbe_model_lie_stamp(struct ixgbe_model *model, uint8_t *stamp);
/* Between the driver's looks; true: the device is gone. */
bool ixgbe_model_lie_step(struct ixgbe_model *model);
/* Whether a register access meets nobody: reads give ones. */
bool ixgbe_model_lie_gone(struct ixgbe_model *model, uint32_t offset, bool write);
/* Whether what is due now is not told to the driver; this one may be asked always. */
bool ixgbe_model_lie_silent(struct ixgbe_model *model);
/* A queue that has stopped reads as enabled; block: where its registers begin, of queue 0 to 63. */
void ixgbe_model_lie_enabled(struct ixgbe_model *model, uint32_t block);
void ixgbe_model_lie_station(struct ixgbe_model *model, uint8_t mac[6]);
void ixgbe_model_lie_rx_stopped(struct ixgbe_model *model, struct model_rx_ring *ring);
void ixgbe_model_lie_rx_started(struct ixgbe_model *model, struct model_rx_ring *ring);
/* True: all up to the tail is reported as sent, and forgotten. */
bool ixgbe_model_lie_unsent(struct ixgbe_model *model, uint32_t queue, uint32_t tail);
/* After sending. */
void ixgbe_model_lie_done(struct ixgbe_model *model, struct model_tx_ring *ring, uint32_t tail);

/* filter.c */
bool ixgbe_model_accepts(const struct ixgbe_model *model, const uint8_t *frame, uint32_t len);

/* rss.c: the receive descriptor's first quadword, and the queue by RSS (0 without) */
uint64_t ixgbe_model_classify(struct ixgbe_model *model, const uint8_t *frame, uint32_t len, uint32_t *queue);

/* statistics.c */
uint32_t ixgbe_model_statistic(struct ixgbe_model *model, uint32_t offset);
void ixgbe_model_statistics_clear(struct ixgbe_model *model);

/* The bucket of a frame's length, checksum included. */
static inline uint32_t model_size_of(uint32_t len)
{
    if (len <= 64)
        return 0;
    uint32_t bucket = 26u - (uint32_t)__builtin_clz(len); /* 65..127: 1 */
    return bucket < MODEL_SIZES - 1 ? bucket : MODEL_SIZES - 1;
}

static inline void model_count(struct model_totals *totals, uint32_t len, uint32_t frames)
{
    totals->packets += frames;
    totals->bytes += (uint64_t)len * frames;
    totals->sizes[model_size_of(len)] += frames;
}

#endif
