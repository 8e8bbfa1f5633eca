/* Errors: a code that the caller gets, and a text that says what was wrong and what would be right.
 *
 * The text belongs to the calling thread and stands until its next failure. Only control paths set
 * it; receive and transmit return bare codes.
 */
#ifndef CORE_DEVICE_ERROR_H
#define CORE_DEVICE_ERROR_H

#include <stdint.h>

#include "abi/include/ixy_errors.h"

#define ERROR_TEXT_SIZE 256

/* Sets this thread's text and returns code, so that a failing function can end with `return error_set(...)`. */
int32_t error_set(int32_t code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As error_set, for a system call that left errno: appends its meaning, and chooses IXY_E_PERMISSION,
 * IXY_E_NOT_FOUND, IXY_E_NO_MEMORY or IXY_E_IO from it. */
int32_t error_set_errno(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Keeps this thread's text over calls whose failures do not matter. */
void error_save(char text[ERROR_TEXT_SIZE]);
void error_restore(const char text[ERROR_TEXT_SIZE]);

const char *error_text(void);

#endif
