/* The sanitizer: the list of things that a driver did and that the data sheet forbids.
 *
 * Each device has one, used under the device's lock. The first EMU_VIOLATIONS_KEPT texts are kept, all are counted.
 */
#ifndef EMU_SANITIZER_H
#define EMU_SANITIZER_H

#include <stdint.h>

#include "emu/emu.h"

#define SANITIZER_TEXT_SIZE 256

struct sanitizer {
    uint32_t count;
    char (*text)[SANITIZER_TEXT_SIZE]; /* allocated with the first violation */
};

void sanitizer_report(struct sanitizer *sanitizer, const char *format, ...) __attribute__((format(printf, 2, 3), cold));

/* The text of violation index, "" if it was not kept. */
const char *sanitizer_text(const struct sanitizer *sanitizer, uint32_t index);

void sanitizer_free(struct sanitizer *sanitizer);

#endif
