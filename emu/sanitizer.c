#include "emu/sanitizer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void sanitizer_report(struct sanitizer *sanitizer, const char *format, ...)
{
    if (sanitizer->text == NULL)
        sanitizer->text = calloc(EMU_VIOLATIONS_KEPT, SANITIZER_TEXT_SIZE);
    if (sanitizer->text != NULL && sanitizer->count < EMU_VIOLATIONS_KEPT) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(sanitizer->text[sanitizer->count], SANITIZER_TEXT_SIZE, format, arguments);
        va_end(arguments);
    }
    if (sanitizer->count < INT32_MAX) /* the ABI returns the count as an int32_t */
        sanitizer->count++;
}

const char *sanitizer_text(const struct sanitizer *sanitizer, uint32_t index)
{
    if (sanitizer->text == NULL || index >= sanitizer->count || index >= EMU_VIOLATIONS_KEPT)
        return "";
    return sanitizer->text[index];
}

void sanitizer_free(struct sanitizer *sanitizer)
{
    free(sanitizer->text);
    sanitizer->text = NULL;
}
