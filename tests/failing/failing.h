/* Calls by which the library gets memory, files and threads, made to fail one by one.
 *
 * The tests here link a copy of the library in which each of these calls has another name (tests/failing/names), so
 * that calls of the library count and nobody else's: neither the test's own nor a scripted back end's. Calls are
 * counted over all threads; what a device's thread calls is counted as it comes.
 */
#ifndef TESTS_FAILING_FAILING_H
#define TESTS_FAILING_FAILING_H

#include <stdbool.h>
#include <stdint.h>

#define FAILING_TEXT_SIZE 128

/* From here on the at-th call fails (1 is the next one), and with `lasting` all after it too. */
void failing_begin(uint32_t at, bool lasting);
/* Nothing fails any more. */
void failing_end(void);
/* How many calls have failed since failing_begin, without those that are mere advice to the kernel: a library whose
 * MADV_HUGEPAGE is refused works all the same. */
uint32_t failing_told(void);
/* How many calls there were since failing_begin. */
uint32_t failing_calls(void);
/* The first one that failed: "call 12, mmap". */
const char *failing_text(void);

/* Where the library finds /sys/bus/pci/devices instead; NULL: there. */
void failing_pci_folder(const char *folder);

#endif
