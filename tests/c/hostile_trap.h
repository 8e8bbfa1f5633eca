/* A word of memory that changes each time it is read: what a device on its own core can do between two reads of a
 * driver, made to happen exactly then.
 *
 * The word's page is taken away; each instruction that touches it faults, is let run alone (x86-64's trap flag), and
 * afterwards the word is given its next value if the instruction had read it. One trap at a time, on one thread. */
#ifndef TESTS_C_HOSTILE_TRAP_H
#define TESTS_C_HOSTILE_TRAP_H

#include <stdbool.h>
#include <stdint.h>

#define HOSTILE_TRAP_VALUES 8

/* False where the processor is another. */
bool hostile_trap_works(void);

/* After the n-th read of the word's (width is 2, 4 or 8 bytes) it becomes values[n]; after the last one it stays.
 * The page must be nobody's but the driver's until the trap is cleared. */
void hostile_trap_set(void *word, uint32_t width, const uint64_t *values, uint32_t count);

/* Gives the page back. Returns how often the word was read. */
uint32_t hostile_trap_clear(void);

#endif
