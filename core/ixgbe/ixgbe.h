/* The ixgbe driver: Intel 82599, X540 and X550.
 *
 * The device owns its queues; a queue owns its descriptor ring, the list of the buffers that are in it, and a cache of
 * the pool. A buffer in a ring belongs to the device until its descriptor is written back (receive) or known to be
 * done (transmit). Control functions want one caller at a time, a queue one thread at a time.
 */
#ifndef CORE_IXGBE_IXGBE_H
#define CORE_IXGBE_IXGBE_H

#include <stdint.h>

#include "core/device/device.h"
#include "core/ixgbe/registers.h"

enum ixgbe_mac_type { IXGBE_82599, IXGBE_X540, IXGBE_X550 };

/* A receive ring. Positions count up without wrapping; position & mask is the descriptor.
 *   [taken, posted)  descriptors with a buffer, the device's
 *   [posted, taken + ring size)  without one, to be filled */
struct ixgbe_rx_queue {
    struct ixgbe_rx_descriptor *ring;
    uint64_t *buffer; /* token of the buffer in each descriptor */
    uint32_t *tail;   /* RDT */
    uint32_t taken;
    uint32_t posted;
    uint32_t mask;
    uint32_t stride;         /* bytes from buffer to buffer in the pool */
    uint32_t length_max;     /* longest frame that a buffer holds and the wire brings */
    uint64_t packet_address; /* device address of buffer 0's packet */
    const struct ownership *ownership;
    struct bus *bus;
    struct bus *step;          /* the bus if its model wants to be stepped, else NULL */
    uint32_t idle;             /* polls that found nothing, see bus_idle */
    uint64_t dropped, starved; /* see struct device_stats */
    uint32_t discarded;        /* descriptors so far of a frame over several that is dropped */
    bool careful;              /* offloads or jumbo frames were asked for: rx_offload.c receives */
    bool avx2;                 /* the processor has it */
    bool udp_zero;             /* 82599: a UDP packet without checksum may count as one with a wrong checksum */
    uint32_t offloads;         /* DEVICE_CAN_* */
    uint32_t buffer_size;      /* bytes that the device writes to each buffer */
    struct metadata *metadata; /* NULL: the pool keeps none */
    const uint8_t *packet;     /* of buffer 0, where it lies in this process */
    uint32_t index;
    struct dma_memory memory;
    uint64_t ring_address;
    struct pool_cache cache;
};

/* A transmit ring. The last descriptor of each batch asks for a report (RS); the positions after such descriptors wait
 * in a list, so that one look at the oldest tells whether its whole batch is done.
 *   [cleaned, posted)  the device's */
struct ixgbe_tx_queue {
    struct ixgbe_tx_descriptor *ring;
    uint64_t *buffer; /* token of the buffer in each descriptor */
    uint32_t *tail;   /* TDT */
    uint32_t posted;
    uint32_t cleaned;
    uint32_t mask;
    uint32_t report_first, report_next; /* the part of the list that is in use, counting like positions */
    uint32_t *report;                   /* position after each batch's last descriptor */
    uint64_t pool_address;              /* device address of the pool's first byte */
    const struct ownership *ownership;
    struct bus *bus;
    bool avx2;     /* the processor has it */
    bool contexts; /* offloads with context descriptors were asked for: not every descriptor has a buffer */
    bool careful;  /* offloads or jumbo frames were asked for: frames without the ownership table may have flags */
    bool context_known;
    uint64_t context[2];  /* the context descriptor that the device had last */
    uint32_t offloads;    /* DEVICE_CAN_* */
    uint32_t length_max;  /* longest packet */
    uint8_t *pool_memory; /* of buffer 0 */
    const struct metadata *metadata;
    struct bus *step;
    uint32_t idle; /* calls that found no room, see bus_idle */
    uint32_t index;
    struct dma_memory memory;
    uint64_t ring_address;
    struct pool_cache cache;
};

struct ixgbe_device {
    struct device device;
    enum ixgbe_mac_type mac_type;
    uint64_t pool_address;
    bool pool_mapped;
    bool mac_known;             /* device.mac was read from the EEPROM, or set since */
    struct device_stats totals; /* of the registers read so far, which clear themselves */
    struct device_queue_stats queue_totals[DEVICE_QUEUES_MAX]; /* likewise */
    struct ixgbe_rx_queue *rx[DEVICE_QUEUES_MAX];
    struct ixgbe_tx_queue *tx[DEVICE_QUEUES_MAX];
};

extern const struct driver ixgbe_driver;

/* Counts one up in a counter that only its queue's thread writes, and others read. */
static inline void ixgbe_count(uint64_t *counter)
{
    __atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

/* wait.c: waits until reg & mask == value, at most about timeout_us. Returns 0, IXY_E_TIMEOUT or IXY_E_DEVICE (all
 * ones: the device is gone); what names the wait in the text. */
int32_t ixgbe_wait(struct ixgbe_device *ixgbe, uint32_t reg, uint32_t mask, uint32_t value, uint32_t timeout_us,
                   const char *what);

/* wait.c: that registers read as ones: nobody answers. The device has failed; returns IXY_E_DEVICE. */
int32_t ixgbe_gone(struct ixgbe_device *ixgbe, const char *what);

/* wait.c: asks the device whether it is still there; if not, it has failed. Any thread. */
void ixgbe_watch(struct bus *bus) __attribute__((cold));

/* Longest packet that comes from the wire, without checksum; with a tag, unless that is taken out. */
static inline uint32_t ixgbe_rx_length_max(const struct ixgbe_device *ixgbe)
{
    return ixgbe->device.config.frame_len_max + IXGBE_FRAME_TAG;
}

static inline bool ixgbe_is_jumbo(const struct ixgbe_device *ixgbe)
{
    return ixgbe->device.config.frame_len_max > FRAME_LENGTH_MAX;
}

/* init.c: reset to the state where queues can be set up. */
int32_t ixgbe_reset_hardware(struct ixgbe_device *ixgbe);

/* interrupt.c: all causes masked and forgotten; then those of receive queues set up, and masked still */
void ixgbe_interrupts_disable(struct bus *bus);
void ixgbe_interrupts_initialize(struct ixgbe_device *ixgbe);
bool ixgbe_rx_ready(void *queue);
void ixgbe_rx_interrupt(void *queue, bool on);

/* filter.c: what is received, and the switch for all of it */
void ixgbe_receive_stop(struct ixgbe_device *ixgbe);
int32_t ixgbe_receive_go(struct ixgbe_device *ixgbe);
void ixgbe_filter_write(struct ixgbe_device *ixgbe);
/* The address that the EEPROM gave: valid after the first reset, before anybody sets another, 8.2.3.7.8. Returns 0, or
 * IXY_E_DEVICE if no station can have it. */
int32_t ixgbe_mac_read(struct ixgbe_device *ixgbe);
void ixgbe_mac_write(struct ixgbe_device *ixgbe);
void ixgbe_rss_write(struct ixgbe_device *ixgbe);
int32_t ixgbe_mac_set(struct device *device, const uint8_t mac[6]);
int32_t ixgbe_promiscuous_set(struct device *device, bool on);

/* link.c */
void ixgbe_link_start(struct ixgbe_device *ixgbe);
int32_t ixgbe_link(struct device *device, struct device_link *link);

/* statistics.c */
int32_t ixgbe_stats(struct device *device, struct device_stats *stats);
int32_t ixgbe_queue_stats(struct device *device, uint32_t queue, struct device_queue_stats *stats);
void ixgbe_stats_clear(struct ixgbe_device *ixgbe);

/* ring.c: memory for size bytes of descriptors, mapped at the device. open frees what it got if it fails. */
int32_t ixgbe_ring_open(struct ixgbe_device *ixgbe, uint64_t size, const char *name, struct dma_memory *memory,
                        uint64_t *device_address);
void ixgbe_ring_close(struct ixgbe_device *ixgbe, struct dma_memory *memory);

/* rx.c and tx.c: allocate frees what it got if it fails; start programs and fills the ring; stop gives all buffers
 * back to the pool. */
int32_t ixgbe_rx_allocate(struct ixgbe_device *ixgbe, uint32_t index);
int32_t ixgbe_rx_start(struct ixgbe_device *ixgbe, struct ixgbe_rx_queue *queue);
void ixgbe_rx_stop(struct ixgbe_device *ixgbe, struct ixgbe_rx_queue *queue);
void ixgbe_rx_free(struct ixgbe_device *ixgbe, struct ixgbe_rx_queue *queue);
uint32_t ixgbe_rx_batch(void *queue, struct frame *frames, uint32_t count);
uint32_t ixgbe_rx_batch_owned(void *queue, struct frame *frames, uint32_t count);
#define IXGBE_RX_WHOLE (IXGBE_RX_DD | IXGBE_RX_EOP)
/* The range of lengths of a whole frame, where a descriptor has its length. */
static inline uint64_t ixgbe_rx_span(const struct ixgbe_rx_queue *queue)
{
    return (uint64_t)(queue->length_max - FRAME_LENGTH_MIN) << 32;
}
#if defined(__x86_64__)
/* rx_avx2.c: frames of consecutive descriptors, four at a time; how many there are is left to ixgbe_rx_run. */
uint32_t ixgbe_rx_run_avx2(const struct ixgbe_rx_queue *queue, uint32_t slot, struct frame *frames, uint32_t count);
/* Descriptors of the buffers of consecutive slots, four at a time; returns how many. */
uint32_t ixgbe_rx_post_avx2(const struct ixgbe_rx_queue *queue, uint32_t slot, uint32_t count);
#endif
/* Fills the free part of the ring with buffers and tells the device. */
void ixgbe_rx_post(struct ixgbe_rx_queue *queue);
/* Buffers of the longest frame of any kind, in buffers of 1 KB, with an X550's time stamp. */
#define IXGBE_RX_PIECES_MAX 16
/* Takes a descriptor whose packet is not delivered. */
void ixgbe_rx_drop(struct ixgbe_rx_queue *queue, uint32_t slot, uint64_t written_back);

/* rx_offload.c: receive on a device with offloads or jumbo frames. */
uint32_t ixgbe_rx_packets(struct ixgbe_rx_queue *queue, struct frame *frames, uint32_t count, bool owned);
/* Whether that would find a packet, or what it has to drop. */
bool ixgbe_rx_packets_ready(const struct ixgbe_rx_queue *queue);

int32_t ixgbe_tx_allocate(struct ixgbe_device *ixgbe, uint32_t index);
int32_t ixgbe_tx_start(struct ixgbe_device *ixgbe, struct ixgbe_tx_queue *queue);
void ixgbe_tx_stop(struct ixgbe_device *ixgbe, struct ixgbe_tx_queue *queue);
void ixgbe_tx_free(struct ixgbe_device *ixgbe, struct ixgbe_tx_queue *queue);
uint32_t ixgbe_tx_batch(void *queue, const struct frame *frames, uint32_t count);
uint32_t ixgbe_tx_batch_owned(void *queue, const struct frame *frames, uint32_t count, int32_t *code);
/* How many of count descriptors the ring has room for. step: an inline model may be stepped for it, as no descriptor is
 * written that was not handed over: such a model would meet it in the middle of the driver's work. */
uint32_t ixgbe_tx_room(struct ixgbe_tx_queue *queue, uint32_t count, bool step);

/* tx_offload.c: frames that are no whole plain packet each: with flags, or longer than 1514 bytes. Why it ended before
 * the last is in *code, 0 if the ring is full. */
#define IXGBE_TX_NO_BUFFER UINT64_MAX /* instead of a token: the descriptor is a context */
uint32_t ixgbe_tx_packets(struct ixgbe_tx_queue *queue, const struct frame *frames, uint32_t count, bool owned,
                          int32_t *code);
/* Gives back the buffers of count descriptors from position `from` on, without the contexts among them. */
void ixgbe_tx_give(struct ixgbe_tx_queue *queue, uint32_t from, uint32_t count);

/* offload.c: what was asked for, in the registers that are not a queue's. */
uint32_t ixgbe_capabilities(const struct ixgbe_device *ixgbe);
void ixgbe_offloads_write(struct ixgbe_device *ixgbe);

#endif
