/* A driver that does anything at all: the model must neither touch memory that was not mapped (the sanitizers see
 * to that), nor loop without end, nor crash. The seeds are fixed, so a failure comes again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/c/emu_support.h"

#define FUZZ_SEEDS 40
#define FUZZ_STEPS 4000
#define FUZZ_MEMORIES 4

struct fuzz {
    uint64_t random;
    struct bus *bus;
    struct dma_memory memory[FUZZ_MEMORIES];
    uint64_t address[FUZZ_MEMORIES]; /* as last mapped, may be stale */
    uint64_t owner[64];
};

static uint32_t fuzz_random(struct fuzz *fuzz, uint32_t below)
{
    fuzz->random ^= fuzz->random << 13;
    fuzz->random ^= fuzz->random >> 7;
    fuzz->random ^= fuzz->random << 17;
    return (uint32_t)((fuzz->random >> 32) * below >> 32);
}

static uint64_t fuzz_word(struct fuzz *fuzz)
{
    return (uint64_t)fuzz_random(fuzz, UINT32_MAX) << 32 | fuzz_random(fuzz, UINT32_MAX);
}

/* An address that is near to being right, more often than not. */
static uint64_t fuzz_address(struct fuzz *fuzz)
{
    if (fuzz_random(fuzz, 8) == 0)
        return fuzz_word(fuzz);
    uint32_t i = fuzz_random(fuzz, FUZZ_MEMORIES);
    uint64_t into = fuzz_random(fuzz, (uint32_t)fuzz->memory[i].size + 64);
    switch (fuzz_random(fuzz, 4)) {
    case 0:
        return fuzz->address[i];
    case 1:
        return fuzz->address[i] + (into & ~(uint64_t)127);
    case 2:
        return fuzz->address[i] + fuzz->memory[i].size - fuzz_random(fuzz, 2048);
    default:
        return fuzz->address[i] + into;
    }
}

static void fuzz_descriptors(struct fuzz *fuzz)
{
    static const uint32_t lens[] = {0, 1, 16, 17, 59, 60, 64, 1514, 1515, 2048, 16383, 65535};
    struct dma_memory *memory = &fuzz->memory[fuzz_random(fuzz, FUZZ_MEMORIES)];
    uint64_t *ring = (uint64_t *)(void *)memory->base;
    uint32_t size = (uint32_t)(memory->size / 16);
    for (uint32_t i = fuzz_random(fuzz, 64); i != 0; i--) {
        uint32_t slot = fuzz_random(fuzz, size < 128 ? size : 128);
        uint64_t len = lens[fuzz_random(fuzz, sizeof(lens) / sizeof(lens[0]))];
        uint64_t command = 0x2B300000u ^ (fuzz_random(fuzz, 4) == 0 ? 1u << fuzz_random(fuzz, 32) : 0);
        ring[2 * slot] = fuzz_address(fuzz);
        ring[2 * slot + 1] = fuzz_random(fuzz, 10) == 0 ? fuzz_word(fuzz) : len << 46 | command | len;
    }
}

static uint32_t fuzz_register(struct fuzz *fuzz)
{
    static const uint32_t known[] = {0x00000, 0x02F00, 0x03000, 0x04240, 0x04268, 0x042A0, 0x04A80, 0x05000, 0x05080,
                                     0x05088, 0x05090, 0x05818, 0x05C80, 0x05C00, 0x08D00, 0x10014, 0x10010, 0x02300};
    static const uint32_t block[] = {0x00, 0x04, 0x08, 0x10, 0x14, 0x18, 0x28, 0x28, 0x38, 0x3C};
    uint32_t queue = fuzz_random(fuzz, 4) == 0 ? fuzz_random(fuzz, 128) : fuzz_random(fuzz, 3);
    uint32_t offset = block[fuzz_random(fuzz, sizeof(block) / sizeof(block[0]))];
    switch (fuzz_random(fuzz, 5)) {
    case 0:
        return fuzz_random(fuzz, 0x22000);
    case 1:
        return known[fuzz_random(fuzz, sizeof(known) / sizeof(known[0]))];
    case 2:
        return 0x06000 + queue * 0x40 + offset;
    default:
        return (queue < 64 ? 0x01000 : 0x0C000) + queue * 0x40 + offset;
    }
}

static void fuzz_write(struct fuzz *fuzz)
{
    uint32_t reg = fuzz_register(fuzz);
    uint32_t value = fuzz_random(fuzz, 3) == 0 ? (uint32_t)fuzz_word(fuzz) : bus_read32(fuzz->bus, reg);
    if (reg == 0 && fuzz_random(fuzz, 8) != 0)
        return; /* not always in reset */
    bus_write32(fuzz->bus, reg, value ^ 1u << fuzz_random(fuzz, 32));
}

/* Sets a queue up almost as it should be. */
static void fuzz_queue(struct fuzz *fuzz)
{
    struct bus *bus = fuzz->bus;
    uint32_t queue = fuzz_random(fuzz, 3);
    bool transmit = fuzz_random(fuzz, 2) == 0;
    uint32_t block = (transmit ? 0x06000 : 0x01000) + queue * 0x40;
    uint64_t address = fuzz_address(fuzz) & ~(uint64_t)127;
    bus_write32(bus, block + 0x28, 0);
    bus->ops->delay(bus, 10);
    bus_write32(bus, block, (uint32_t)address);
    bus_write32(bus, block + 4, (uint32_t)(address >> 32));
    bus_write32(bus, block + 8, 128u << fuzz_random(fuzz, 8));
    bus_write32(bus, block + 0x10, fuzz_random(fuzz, 5) == 0 ? fuzz_random(fuzz, 64) : 0);
    bus_write32(bus, block + 0x18, 0);
    if (!transmit)
        bus_write32(bus, block + 0x14, 0x12000000u | (1 + fuzz_random(fuzz, 3)));
    bus_write32(bus, 0x04A80, bus_read32(bus, 0x04A80) | 1);
    bus_write32(bus, 0x03000, 1);
    bus_write32(bus, 0x05080, 0x700);
    bus_write32(bus, 0x042A0, 0xC09C7004);
    bus_write32(bus, block + 0x28, 1u << 25 | (fuzz_random(fuzz, 8) == 0 ? 1u << 16 : 0));
    bus->ops->delay(bus, 2000);
}

static void fuzz_map(struct fuzz *fuzz)
{
    uint32_t i = fuzz_random(fuzz, FUZZ_MEMORIES);
    if (fuzz_random(fuzz, 2) == 0)
        fuzz->bus->ops->dma_unmap(fuzz->bus, &fuzz->memory[i]);
    else
        (void)fuzz->bus->ops->dma_map(fuzz->bus, &fuzz->memory[i], &fuzz->address[i]);
}

static void fuzz_doorbell(struct fuzz *fuzz)
{
    uint32_t block = (fuzz_random(fuzz, 2) == 0 ? 0x01018 : 0x06018) + fuzz_random(fuzz, 3) * 0x40;
    uint32_t value = fuzz_random(fuzz, 10) == 0 ? (uint32_t)fuzz_word(fuzz) : fuzz_random(fuzz, 80);
    __atomic_store_n(fuzz->bus->ops->doorbell(fuzz->bus, block), value, __ATOMIC_RELEASE);
}

static void fuzz_step(struct fuzz *fuzz)
{
    switch (fuzz_random(fuzz, 16)) {
    case 0:
        fuzz_write(fuzz);
        break;
    case 1:
        fuzz_queue(fuzz);
        break;
    case 2:
        if (fuzz_random(fuzz, 8) == 0)
            fuzz_map(fuzz);
        break;
    case 3:
    case 4:
    case 5:
        fuzz_descriptors(fuzz);
        break;
    case 6:
        (void)bus_read32(fuzz->bus, fuzz_register(fuzz));
        break;
    case 7:
        fuzz->owner[fuzz_random(fuzz, 64)] = fuzz_random(fuzz, 2);
        break;
    case 8:
        fuzz->bus->ops->delay(fuzz->bus, fuzz_random(fuzz, 2000));
        break;
    default:
        fuzz_doorbell(fuzz);
        emu_test_step(fuzz->bus);
        break;
    }
}

static uint64_t fuzz_run(const char *address, uint64_t seed, uint64_t *frames)
{
    static const uint64_t sizes[FUZZ_MEMORIES] = {64 * 2368, 128 * 16, 4096, 64 * 1088};
    static const uint32_t strides[FUZZ_MEMORIES] = {2368, 0, 0, 1088};
    struct fuzz fuzz = {.random = seed * 0x9E3779B97F4A7C15u + 1};
    fuzz.bus = emu_test_bus(address);
    for (uint32_t i = 0; i < FUZZ_MEMORIES; i++) {
        struct dma_memory *memory = &fuzz.memory[i];
        memory->base = aligned_alloc(128, sizes[i]); /* from the heap, where the sanitizer sees every byte past it */
        assert_non_null(memory->base);
        memset(memory->base, 0, sizes[i]);
        memory->size = sizes[i];
        memory->stride = strides[i];
        memory->owner = i == 0 ? fuzz.owner : NULL;
        memory->name = "fuzz";
        assert_int_equal(fuzz.bus->ops->dma_map(fuzz.bus, memory, &fuzz.address[i]), 0);
    }
    for (uint32_t i = 0; i < FUZZ_STEPS; i++)
        fuzz_step(&fuzz);
    while ((bus_read32(fuzz.bus, 0x00000) & (1u << 26 | 1u << 3)) != 0)
        fuzz.bus->ops->delay(fuzz.bus, 10);
    *frames += bus_read32(fuzz.bus, 0x04074) + bus_read32(fuzz.bus, 0x04080); /* GPRC, GPTC */
    uint32_t violations = emu_violations(fuzz.bus, 0, NULL, 0);
    fuzz.bus->ops->close(fuzz.bus);
    for (uint32_t i = 0; i < FUZZ_MEMORIES; i++)
        free(fuzz.memory[i].base);
    return violations;
}

static void fuzz_all(const char *address)
{
    uint64_t violations = 0, frames = 0;
    for (uint64_t seed = 1; seed <= FUZZ_SEEDS; seed++)
        violations += fuzz_run(address, seed, &frames);
    assert_true(violations > 1000); /* it did try */
    assert_true(frames > 100);      /* and the engines did run */
}

static void test_loop(void **state)
{
    (void)state;
    fuzz_all("emu:82599,timing=inline");
}

static void test_generator(void **state)
{
    (void)state;
    fuzz_all("emu:x550,timing=inline,wire=gen,flows=3");
}

static void test_long_frames(void **state)
{
    (void)state;
    fuzz_all("emu:82599,timing=inline,wire=gen,size=1514");
}

/* The model runs while the driver scribbles: what is read twice could change between. */
static void test_threaded(void **state)
{
    (void)state;
    fuzz_all("emu:82599,wire=gen,flows=3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop),
        cmocka_unit_test(test_generator),
        cmocka_unit_test(test_long_frames),
        cmocka_unit_test(test_threaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
