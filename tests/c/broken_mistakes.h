/* The mistakes of broken_driver_test.c: one a row, each what a real driver got wrong, or could. */
#ifndef TESTS_C_BROKEN_MISTAKES_H
#define TESTS_C_BROKEN_MISTAKES_H

#include "tests/c/broken_bus.h"

extern const struct broken_mistake broken_none;
extern const struct broken_mistake broken_mistakes[];
extern const uint32_t broken_mistake_count;

#endif
