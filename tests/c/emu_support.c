#include "tests/c/emu_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/device/error.h"

#define EMU_TEST_COMMAND 0x2B300000u /* DEXT, RS, IFCS, EOP, data */
#define EMU_TEST_ENABLE (1u << 25)

const struct emu_test_choice emu_test_plain = {
    .queues = 1, .kilobytes = 2, .fctrl = 0x700, .strip = true, .pad = true, .drop = true};

void emu_test_pool_open(struct emu_test_pool *pool)
{
    memset(pool, 0, sizeof(*pool));
    int32_t code = dma_memory_allocate(&pool->memory, (uint64_t)EMU_TEST_BUFFERS * EMU_TEST_STRIDE, "pool");
    assert_int_equal(code, 0);
    pool->memory.stride = EMU_TEST_STRIDE;
    pool->memory.owner = pool->owner;
    for (uint32_t i = 0; i < EMU_TEST_BUFFERS; i++)
        pool->free[pool->free_count++] = EMU_TEST_BUFFERS - 1 - i;
}

void emu_test_pool_close(struct emu_test_pool *pool)
{
    dma_memory_free(&pool->memory);
}

/* The ownership table is kept as the ABI does: an entry while the test holds the buffer, 0 while it is posted. */
static uint32_t emu_test_take(struct emu_test_pool *pool)
{
    assert_true(pool->free_count > 0);
    return pool->free[--pool->free_count];
}

static void emu_test_own(struct emu_test_pool *pool, uint32_t buffer, bool owned)
{
    __atomic_store_n(&pool->owner[buffer], owned ? buffer + 1 : 0, __ATOMIC_RELAXED);
}

uint8_t *emu_test_data(const struct emu_test_pool *pool, uint32_t buffer)
{
    return pool->memory.base + (uint64_t)buffer * EMU_TEST_STRIDE + EMU_TEST_HEADROOM;
}

struct bus *emu_test_bus(const char *text)
{
    struct address address;
    struct bus *bus = NULL;
    if (address_parse(text, &address) < 0 || emu_bus_scheme.open(&address, &bus) < 0)
        fail_msg("%s: %s", text, error_text());
    assert_true(emu_is_emulated(bus));
    return bus;
}

void emu_test_step(struct bus *bus)
{
    if (bus->step != NULL)
        bus->step(bus);
}

void emu_test_wait(struct bus *bus, uint32_t reg, uint32_t mask, uint32_t value)
{
    for (uint32_t i = 0; i < 100000; i++) {
        if ((bus_read32(bus, reg) & mask) == value)
            return;
        bus->ops->delay(bus, 10);
    }
    fail_msg("register %05x reads %08x, not %08x under %08x", reg, bus_read32(bus, reg), value, mask);
}

void emu_test_violations(struct bus *bus, uint32_t expected)
{
    char text[256];
    uint32_t count = emu_violations(bus, 0, text, sizeof(text));
    for (uint32_t i = 0; count != expected && i < count && i < EMU_VIOLATIONS_KEPT; i++) {
        emu_violations(bus, i, text, sizeof(text));
        print_error("violation %u: %s\n", i, text);
    }
    assert_int_equal(count, expected);
}

static void emu_test_change(struct bus *bus, uint32_t reg, uint32_t clear, uint32_t set)
{
    bus_write32(bus, reg, (bus_read32(bus, reg) & ~clear) | set);
}

static void emu_test_ring(struct emu_test *test, struct emu_test_queue *queue, uint32_t block, const char *name)
{
    struct bus *bus = test->bus;
    assert_int_equal(dma_memory_allocate(&queue->memory, EMU_TEST_RING * 16, name), 0);
    assert_int_equal(bus->ops->dma_map(bus, &queue->memory, &queue->address), 0);
    queue->ring = (uint64_t *)(void *)queue->memory.base;
    queue->tail = bus->ops->doorbell(bus, block + 0x18);
    assert_non_null(queue->tail);
    bus_write32(bus, block, (uint32_t)queue->address);
    bus_write32(bus, block + 4, (uint32_t)(queue->address >> 32));
    bus_write32(bus, block + 8, EMU_TEST_RING * 16);
    bus_write32(bus, block + 0x10, 0);
    bus_write32(bus, block + 0x18, 0);
}

static void emu_test_post(struct emu_test *test, struct emu_test_queue *queue, uint32_t slot)
{
    uint32_t buffer = emu_test_take(test->pool);
    queue->buffer[slot] = buffer;
    queue->ring[2 * slot] = test->pool_address + (uint64_t)buffer * EMU_TEST_STRIDE + EMU_TEST_HEADROOM;
    __atomic_store_n(&queue->ring[2 * slot + 1], 0, __ATOMIC_RELAXED);
}

static void emu_test_initialize(struct emu_test *test, const struct emu_test_choice *choice)
{
    struct bus *bus = test->bus;
    bus_write32(bus, 0x00888, 0x7FFFFFFF);
    emu_test_change(bus, 0x00000, 0, 1u << 26 | 1u << 3);
    emu_test_wait(bus, 0x00000, 1u << 26 | 1u << 3, 0);
    bus->ops->delay(bus, 10000);
    emu_test_wait(bus, 0x10010, 1u << 9, 1u << 9);
    emu_test_wait(bus, 0x02F00, 1u << 3, 1u << 3);
    if (bus->device_id == 0x10FB)
        emu_test_change(bus, 0x042A0, 0, 1u << 12);
    bus_write32(bus, 0x05080, choice->fctrl);
    emu_test_change(bus, 0x04240, 1u << 1 | 1u << 2 | 1u << 10,
                    (choice->strip ? 1u << 1 : 0) | (choice->jumbo ? 1u << 2 : 0) | (choice->pad ? 1u << 10 : 0));
    if (choice->maxfrs != 0)
        bus_write32(bus, 0x04268, choice->maxfrs << 16);
    emu_test_change(bus, 0x02F00, 1u << 1, choice->strip ? 1u << 1 : 0);
    bus_write32(bus, 0x05000, choice->rxcsum);
    bus_write32(bus, 0x05818, choice->mrqc);
    bus_write32(bus, 0x04A80, bus_read32(bus, 0x04A80) | 1);
}

void emu_test_open(struct emu_test *test, const char *address, struct emu_test_pool *pool,
                   const struct emu_test_choice *choice)
{
    memset(test, 0, sizeof(*test));
    struct bus *bus = test->bus = emu_test_bus(address);
    test->pool = pool;
    test->queues = choice->queues;
    emu_test_initialize(test, choice);
    assert_int_equal(bus->ops->dma_map(bus, &pool->memory, &test->pool_address), 0);
    for (uint32_t i = 0; i < choice->queues; i++) {
        uint32_t rx = 0x01000 + 0x40 * i, tx = 0x06000 + 0x40 * i;
        emu_test_ring(test, &test->rx[i], rx, "receive ring");
        emu_test_change(bus, rx + 0x14, 7u << 25 | 0x1F, 1u << 25 | choice->kilobytes | (choice->drop ? 1u << 28 : 0));
        emu_test_change(bus, rx + 0x0C, 1u << 12, 0);
        for (uint32_t slot = 0; slot < EMU_TEST_RING; slot++)
            emu_test_post(test, &test->rx[i], slot);
        emu_test_change(bus, rx + 0x28, 0, EMU_TEST_ENABLE);
        emu_test_wait(bus, rx + 0x28, EMU_TEST_ENABLE, EMU_TEST_ENABLE);
        __atomic_store_n(test->rx[i].tail, EMU_TEST_RING - 1, __ATOMIC_RELEASE);
        emu_test_ring(test, &test->tx[i], tx, "transmit ring");
        emu_test_change(bus, tx + 0x28, 0, EMU_TEST_ENABLE);
        emu_test_wait(bus, tx + 0x28, EMU_TEST_ENABLE, EMU_TEST_ENABLE);
    }
    emu_test_change(bus, 0x03000, 0, 1);
    emu_test_wait(bus, 0x042A4, 1u << 30, 1u << 30);
}

static void emu_test_disable(struct bus *bus, uint32_t control)
{
    emu_test_change(bus, control, EMU_TEST_ENABLE, 0);
    emu_test_wait(bus, control, EMU_TEST_ENABLE, 0);
}

void emu_test_close(struct emu_test *test, uint32_t violations)
{
    struct bus *bus = test->bus;
    for (uint32_t i = 0; i < test->queues; i++) {
        emu_test_disable(bus, 0x01028 + 0x40 * i);
        emu_test_clean(test, i);
        emu_test_disable(bus, 0x06028 + 0x40 * i);
        for (uint32_t slot = 0; slot < EMU_TEST_RING; slot++)
            test->pool->free[test->pool->free_count++] = test->rx[i].buffer[slot];
        bus->ops->dma_unmap(bus, &test->rx[i].memory);
        bus->ops->dma_unmap(bus, &test->tx[i].memory);
        dma_memory_free(&test->rx[i].memory);
        dma_memory_free(&test->tx[i].memory);
    }
    bus->ops->dma_unmap(bus, &test->pool->memory);
    emu_test_violations(bus, violations);
    bus->ops->close(bus);
}

bool emu_test_receive(struct emu_test *test, uint32_t index, struct emu_test_frame *frame)
{
    struct emu_test_queue *queue = &test->rx[index];
    uint32_t slot = queue->next;
    uint64_t status = __atomic_load_n(&queue->ring[2 * slot + 1], __ATOMIC_ACQUIRE);
    if ((status & 1) == 0) {
        emu_test_step(test->bus);
        status = __atomic_load_n(&queue->ring[2 * slot + 1], __ATOMIC_ACQUIRE);
        if ((status & 1) == 0)
            return false;
    }
    frame->buffer = queue->buffer[slot];
    frame->data = emu_test_data(test->pool, frame->buffer);
    frame->len = (uint32_t)(status >> 32) & 0xFFFF;
    if ((status & 2) == 0)
        frame->len |= 1u << 31; /* no EOP: the frame goes on */
    frame->info = queue->ring[2 * slot];
    emu_test_own(test->pool, frame->buffer, true);
    emu_test_post(test, queue, slot);
    queue->next = (slot + 1) % EMU_TEST_RING;
    __atomic_store_n(queue->tail, slot, __ATOMIC_RELEASE); /* one descriptor stays empty */
    return true;
}

void emu_test_clean(struct emu_test *test, uint32_t index)
{
    struct emu_test_queue *queue = &test->tx[index];
    const uint32_t *status = (const uint32_t *)(const void *)queue->memory.base + 3; /* of four words a descriptor */
    while (queue->next != queue->free_at && (__atomic_load_n(status + 4 * queue->next, __ATOMIC_ACQUIRE) & 1) != 0) {
        test->pool->free[test->pool->free_count++] = queue->buffer[queue->next];
        queue->next = (queue->next + 1) % EMU_TEST_RING;
    }
}

bool emu_test_send(struct emu_test *test, uint32_t index, uint32_t buffer, uint32_t len)
{
    struct emu_test_queue *queue = &test->tx[index];
    uint32_t slot = queue->free_at;
    if ((slot + 1) % EMU_TEST_RING == queue->next) {
        emu_test_step(test->bus);
        emu_test_clean(test, index);
        if ((slot + 1) % EMU_TEST_RING == queue->next)
            return false;
    }
    emu_test_own(test->pool, buffer, false);
    queue->buffer[slot] = buffer;
    queue->ring[2 * slot] = test->pool_address + (uint64_t)buffer * EMU_TEST_STRIDE + EMU_TEST_HEADROOM;
    __atomic_store_n(&queue->ring[2 * slot + 1], (uint64_t)len << 46 | EMU_TEST_COMMAND | len, __ATOMIC_RELAXED);
    queue->free_at = (slot + 1) % EMU_TEST_RING;
    __atomic_store_n(queue->tail, queue->free_at, __ATOMIC_RELEASE);
    return true;
}

void emu_test_send_bytes(struct emu_test *test, const uint8_t *bytes, uint32_t len)
{
    uint32_t buffer = emu_test_take(test->pool);
    emu_test_own(test->pool, buffer, true);
    memcpy(emu_test_data(test->pool, buffer), bytes, len);
    assert_true(emu_test_send(test, 0, buffer, len));
}
