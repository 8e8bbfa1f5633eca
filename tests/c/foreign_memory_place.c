/* Where the arguments of foreign_memory.c's calls lie, and the thread that rewrites them. */
#include "tests/c/foreign_memory.h"

#include <stdlib.h>

#define RECORDS_SIZE (FOREIGN_BUFFERS * sizeof(ixy_metadata))

#define TARGET_SIZE 160 /* ten frames, or the beginning of a struct */

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

uint32_t foreign_below(struct foreign *foreign, uint32_t below)
{
    return (uint32_t)((uint64_t)next_random(&foreign->random) * below >> 24);
}

static void *in_memory(struct foreign *foreign, void *base, uint64_t whole, uint32_t size)
{
    uint64_t places = (whole - size) / 8;
    return (uint8_t *)base + ((uint64_t)next_random(&foreign->random) * places >> 24) * 8;
}

void *foreign_write(struct foreign *foreign, uint32_t size)
{
    for (;;) { /* one of the chosen places; all fit */
        switch (foreign_below(foreign, 3)) {
        case 0:
            if ((foreign->where & FOREIGN_REWRITTEN) != 0) {
                uint8_t *place = in_memory(foreign, foreign->heap, FOREIGN_HEAP, size);
                __atomic_store_n(&foreign->target, (uint32_t)(place - foreign->heap), __ATOMIC_RELAXED);
                return place;
            }
            break;
        case 1:
            if ((foreign->where & FOREIGN_PACKETS) != 0)
                return in_memory(foreign, foreign->view.base, foreign->view.size, size);
            break;
        default:
            if ((foreign->where & FOREIGN_RECORDS) != 0 && size <= RECORDS_SIZE)
                return in_memory(foreign, foreign->view.metadata, RECORDS_SIZE, size);
            break;
        }
    }
}

void *foreign_read(struct foreign *foreign, uint32_t size)
{
    uint64_t table = FOREIGN_BUFFERS * sizeof(uint64_t);
    if ((foreign->where & FOREIGN_TABLE) != 0 && size <= table && foreign_below(foreign, 8) == 0)
        return in_memory(foreign, (void *)(uintptr_t)foreign->view.owner, table, size);
    return foreign_write(foreign, size);
}

/* A buffer's number that the caller owns, if a few looks find one. */
static uint32_t owned_index(const struct foreign *foreign, uint32_t *state, uint64_t *token)
{
    uint32_t index = 0;
    *token = 0;
    for (uint32_t tries = 0; tries < 32 && *token == 0; tries++) {
        index = next_random(state) % FOREIGN_BUFFERS;
        *token = __atomic_load_n(&foreign->view.owner[index], __ATOMIC_RELAXED);
    }
    return index;
}

static ixy_frame make_frame(const struct foreign *foreign, uint32_t *state)
{
    static const uint16_t lengths[] = {0, 13, 14, 60, 60, 60, 64, 200, 1000, 1514, 1518, 2048, 65535};
    ixy_frame frame;
    uint32_t index = owned_index(foreign, state, &frame.buf);
    uint32_t odd = next_random(state);
    frame.offset = index * foreign->view.buffer_stride + foreign->view.headroom + (odd & 8 ? odd >> 4 & 63 : 0);
    frame.len = lengths[(odd & 3) == 0 ? (odd >> 8) % (sizeof(lengths) / sizeof(lengths[0])) : 3];
    frame.flags = (odd & 0x30000) == 0 ? odd >> 12 & 3 : 0;
    if (odd % 64 == 0)
        frame.offset = next_random(state) << 8 | (odd >> 8 & 0xFF);
    if (odd % 64 == 1)
        frame.buf ^= (uint64_t)1 << (odd >> 8 & 63);
    return frame;
}

ixy_frame foreign_frame(struct foreign *foreign)
{
    return make_frame(foreign, &foreign->random);
}

static void store_words(void *at, const void *from, uint32_t words)
{
    for (uint32_t i = 0; i < words; i++) {
        uint64_t word;
        memcpy(&word, (const uint8_t *)from + i * 8, sizeof(word));
        __atomic_store_n((uint64_t *)at + i, word, __ATOMIC_RELAXED);
    }
}

/* Frames of the caller's own, records that ask for something, texts longer and shorter, anything. */
static void rewrite_one(struct foreign *foreign, uint32_t *state, uint8_t *base, uint64_t size)
{
    uint8_t *at = base + (uint64_t)next_random(state) * ((size - 16) / 8) / (1 << 24) * 8;
    ixy_frame frame = make_frame(foreign, state);
    ixy_metadata record = {.flags = next_random(state) & 0x1FF, .l2_len = 14, .l3_len = 20};
    const uint64_t words[2] = {(uint64_t)next_random(state) << 40 | next_random(state), next_random(state)};
    switch (next_random(state) % 5) {
    case 0:
    case 1:
        store_words(at, &frame, 2);
        break;
    case 2:
        store_words(at, &record, 2);
        break;
    case 3:
        store_words(at, "aaaaaaaaaaaaaaaa", 2); /* a text goes on */
        break;
    default:
        store_words(at, words, 1 + (words[1] & 1));
        break;
    }
}

void *foreign_rewrite(void *argument)
{
    static const uint32_t sizes[] = {0, 8, 32, 48, 64, 360, 4096, 4097, 0x7FFFFFFF, UINT32_MAX};
    struct foreign *foreign = argument;
    uint32_t state = foreign->random ^ 0x5A5A5A5A;
    while (__atomic_load_n(&foreign->stop, __ATOMIC_RELAXED) == 0) {
        for (uint32_t i = 0; i < 64; i++) {
            uint32_t target = __atomic_load_n(&foreign->target, __ATOMIC_RELAXED);
            uint32_t behind = FOREIGN_HEAP - target < TARGET_SIZE ? FOREIGN_HEAP - target : TARGET_SIZE;
            if (i % 8 == 0)
                rewrite_one(foreign, &state, foreign->heap, FOREIGN_HEAP);
            else if (behind > 16)
                rewrite_one(foreign, &state, foreign->heap + target, behind);
            if ((foreign->where & FOREIGN_SCRIBBLED) == 0)
                continue;
            rewrite_one(foreign, &state, foreign->view.base, foreign->view.size);
            rewrite_one(foreign, &state, (uint8_t *)foreign->view.metadata, RECORDS_SIZE);
        }
        uint32_t size = sizes[next_random(&state) % (sizeof(sizes) / sizeof(sizes[0]))];
        __atomic_store_n((uint32_t *)(void *)foreign->alone, size, __ATOMIC_RELAXED);
    }
    return NULL;
}
