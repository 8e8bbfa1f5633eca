/* Registers in memory whose every access is seen, with its width: what a device does on a bus, for code that reads and
 * writes them by plain instructions.
 *
 * The pages are taken away; each instruction that touches them faults and is let run alone (x86-64's trap flag). Before
 * a read the device puts the value there, after a write it looks at what was written. One trap at a time, one thread.
 */
#ifndef TESTS_C_REGISTER_TRAP_H
#define TESTS_C_REGISTER_TRAP_H

#include <stdbool.h>
#include <stdint.h>

/* False where the processor is another. */
bool register_trap_works(void);

/* access is called in a signal handler: it may not end the test. For a read it fills in the width bytes at `bytes`. */
void register_trap_set(uint8_t *memory, uint32_t size,
                       void (*access)(uint32_t offset, uint32_t width, uint8_t *bytes, bool write));
void register_trap_clear(void);

#endif
