/* A small polled driver over the bare bus, for tests of the emulated 82599: it does what the data sheet asks and
 * leaves every choice (checksums, filters, RSS, buffer sizes) to the test. Offsets are written out: the test is a third
 * reading of the data sheet beside the driver's and the model's. */
#ifndef TESTS_C_EMU_SUPPORT_H
#define TESTS_C_EMU_SUPPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bus/bus.h"
#include "emu/emu.h"

#define EMU_TEST_RING 64
#define EMU_TEST_QUEUES 4
#define EMU_TEST_BUFFERS 1024
#define EMU_TEST_STRIDE 2368 /* 37 cache lines: 2048 bytes fit behind the headroom */
#define EMU_TEST_HEADROOM 128

/* What tests choose. emu_test_plain is receive-all, checksums stripped, padding on, buffers of 2 KB, one queue. */
struct emu_test_choice {
    uint32_t queues;
    uint32_t kilobytes; /* SRRCTL.BSIZEPACKET */
    uint32_t fctrl, mrqc, rxcsum, maxfrs;
    bool strip, pad, jumbo, drop;
};

extern const struct emu_test_choice emu_test_plain;

struct emu_test_queue {
    struct dma_memory memory;
    uint64_t address;
    uint64_t *ring; /* two words a descriptor */
    uint32_t *tail;
    uint32_t next;    /* the next descriptor that the device completes */
    uint32_t free_at; /* transmit: the next one to fill */
    uint32_t buffer[EMU_TEST_RING];
};

/* Buffers that several devices share. */
struct emu_test_pool {
    struct dma_memory memory;
    uint64_t owner[EMU_TEST_BUFFERS];
    uint32_t free[EMU_TEST_BUFFERS];
    uint32_t free_count;
};

struct emu_test {
    struct bus *bus;
    struct emu_test_pool *pool;
    uint64_t pool_address;
    uint32_t queues;
    struct emu_test_queue rx[EMU_TEST_QUEUES], tx[EMU_TEST_QUEUES];
};

struct emu_test_frame {
    uint32_t buffer;
    uint8_t *data;
    uint32_t len;
    uint64_t info; /* first word of the write-back */
};

void emu_test_pool_open(struct emu_test_pool *pool);
void emu_test_pool_close(struct emu_test_pool *pool);

/* The bus alone, and all the way to running queues. */
struct bus *emu_test_bus(const char *address);
void emu_test_open(struct emu_test *test, const char *address, struct emu_test_pool *pool,
                   const struct emu_test_choice *choice);
/* Stops the queues, unmaps, closes; and there must have been as many violations as the test expects. */
void emu_test_close(struct emu_test *test, uint32_t violations);

/* One frame, if there is one; its buffer is the caller's, and another takes its place in the ring. */
bool emu_test_receive(struct emu_test *test, uint32_t queue, struct emu_test_frame *frame);
/* Sends from a buffer of the caller's; false if the ring is full. */
bool emu_test_send(struct emu_test *test, uint32_t queue, uint32_t buffer, uint32_t len);
/* A copy of bytes in a new buffer, sent. */
void emu_test_send_bytes(struct emu_test *test, const uint8_t *bytes, uint32_t len);
/* Takes back the buffers of what was sent. */
void emu_test_clean(struct emu_test *test, uint32_t queue);

uint8_t *emu_test_data(const struct emu_test_pool *pool, uint32_t buffer);
void emu_test_step(struct bus *bus);
/* Polls a register until the bits under mask are value; fails the test after a second of the device's time. */
void emu_test_wait(struct bus *bus, uint32_t reg, uint32_t mask, uint32_t value);
/* The violations so far; fails the test, with their texts, if they are not as many. */
void emu_test_violations(struct bus *bus, uint32_t expected);

#endif
