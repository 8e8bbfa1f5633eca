/* What the tests of the wires share. */
#ifndef TESTS_C_WIRE_SUPPORT_H
#define TESTS_C_WIRE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/device/error.h"
#include "emu/wire/wire.h"

/* Opens "emu:82599" with these options. */
static inline int32_t wire_test_try(const char *options, bool timing_inline, struct wire **wire)
{
    char text[ADDRESS_TEXT_SIZE + 64]; /* holds the longest of the tests' options */
    struct address address;
    snprintf(text, sizeof text, "emu:82599%s%s", options[0] != '\0' ? "," : "", options);
    int32_t result = address_parse(text, &address);
    if (result == 0)
        result = wire_open(&address, timing_inline, wire);
    if (result != 0)
        return result;
    result = address_finish(&address, "what the wire takes");
    if (result != 0)
        (*wire)->ops->close(*wire);
    return result;
}

static inline struct wire *wire_test_open(const char *options)
{
    struct wire *wire = NULL;
    int32_t result = wire_test_try(options, true, &wire);
    if (result != 0)
        fail_msg("%s: %d, %s", options, result, error_text());
    return wire;
}

/* The open fails with this code and a text that holds each of the two pieces. */
static inline void wire_test_refused(const char *options, int32_t code, const char *piece, const char *other)
{
    struct wire *wire = NULL;
    int32_t result = wire_test_try(options, true, &wire);
    if (result != code || strstr(error_text(), piece) == NULL || strstr(error_text(), other) == NULL)
        fail_msg("%s: got %d, \"%s\"; wanted %d with \"%s\" and \"%s\"", options, result, error_text(), code, piece,
                 other);
}

static inline struct emu_counters wire_test_counters(const struct wire *wire)
{
    struct emu_counters counters = {0};
    wire->ops->counters(wire, &counters);
    return counters;
}

#endif
