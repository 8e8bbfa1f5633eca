/* The fuzzer's bytes as a sequence of values. Past their end it goes on with bytes of a generator that is seeded by
 * them, so that a short input stands for a long sequence, which repeats exactly. */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct input {
    const uint8_t *next, *end;
    uint64_t seed;
};

static inline struct input input_of(const uint8_t *bytes, size_t size)
{
    uint64_t seed = 0x9E3779B97F4A7C15u;
    for (size_t i = 0; i < size; i++) /* FNV-1a */
        seed = (seed ^ bytes[i]) * 0x100000001B3u;
    return (struct input){.next = bytes, .end = bytes + size, .seed = seed | 1};
}

static inline void input_bytes(struct input *input, void *to, size_t size)
{
    size_t left = (size_t)(input->end - input->next);
    size_t taken = size < left ? size : left;
    if (taken > 0)
        memcpy(to, input->next, taken);
    input->next += taken;
    for (size_t i = taken; i < size; i++) { /* xorshift64 */
        input->seed ^= input->seed << 13;
        input->seed ^= input->seed >> 7;
        input->seed ^= input->seed << 17;
        ((uint8_t *)to)[i] = (uint8_t)(input->seed >> 32);
    }
}

static inline uint8_t input_byte(struct input *input)
{
    uint8_t value;
    input_bytes(input, &value, sizeof value);
    return value;
}

static inline uint32_t input_word(struct input *input)
{
    uint32_t value;
    input_bytes(input, &value, sizeof value);
    return value;
}

static inline uint64_t input_long(struct input *input)
{
    uint64_t value;
    input_bytes(input, &value, sizeof value);
    return value;
}

#endif
