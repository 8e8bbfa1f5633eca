/* A bus with one mistake in it: what stands between our real driver and its emulated device in broken_driver_test.c.
 *
 * The scheme "broken" opens the emulated device that "emu" would, and forwards every access, except where the mistake
 * changes, drops, adds or answers one. Doorbells are the interposer's own words: before the device may look at a ring
 * (any register access, any step), new descriptors are shown to the mistake and the tail is passed on. So the driver's
 * code is the real one, and the mistake is what it would have been in the driver.
 */
#ifndef TESTS_C_BROKEN_BUS_H
#define TESTS_C_BROKEN_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bus/bus.h"
#include "core/ixgbe/registers.h"
#include "emu/emu.h"

struct broken;

/* Each hook may be NULL: forward. */
struct broken_mistake {
    const char *name;
    const char *text[2]; /* what the first violation must say */

    bool (*write)(struct broken *broken, uint32_t reg, uint32_t *value); /* false: nothing is written */
    bool (*read)(struct broken *broken, uint32_t reg, uint32_t *value);  /* true: *value is the answer */
    bool (*delay)(struct broken *broken);                                /* false: no time passes */
    int32_t (*map)(struct broken *broken, const struct dma_memory *memory, uint64_t *address);
    bool (*unmap)(struct broken *broken, const struct dma_memory *memory); /* false: nothing is unmapped */
    void (*rx)(struct broken *broken, struct ixgbe_rx_descriptor *descriptor, uint32_t nth);
    void (*tx)(struct broken *broken, struct ixgbe_tx_descriptor *descriptor, uint32_t nth);
    uint32_t (*rx_tail)(struct broken *broken, uint32_t value);
    uint32_t (*tx_tail)(struct broken *broken, uint32_t value);
};

/* Queue 0 of a kind, the only one in use. */
struct broken_ring {
    uint32_t shadow; /* the doorbell that the driver stores to */
    uint32_t seen;   /* its value that was passed on last */
    uint32_t *tail;  /* the device's */
    uint8_t *descriptors;
    uint32_t size;
    uint32_t posted; /* descriptors so far */
};

struct broken {
    struct bus bus; /* first */
    struct bus *real;
    const struct broken_mistake *mistake;
    const struct dma_memory *pool;
    uint64_t pool_address;
    struct broken_ring rx, tx;
    uint32_t kept;  /* a buffer that the caller owns all the time */
    uint32_t state; /* the mistake's own, 0 at first */
    uint64_t held;  /* likewise */
};

/* What a device did, read when its bus was closed. */
struct broken_record {
    uint32_t violations;
    char text[EMU_VIOLATIONS_KEPT][256];
    struct emu_counters counters;
};

extern const struct bus_scheme broken_bus_scheme;

/* For the next device that is opened: its mistake, a buffer that the caller keeps, and where to write what it did. */
void broken_prepare(const struct broken_mistake *mistake, uint32_t kept, struct broken_record *record);

#endif
