#include "core/device/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char error_last[ERROR_TEXT_SIZE];

int32_t error_set(int32_t code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error_last, sizeof(error_last), format, arguments);
    va_end(arguments);
    return code;
}

static int32_t error_code_of(int number)
{
    switch (number) {
    case EPERM:
    case EACCES:
        return IXY_E_PERMISSION;
    case ENOENT:
    case ENODEV:
    case ENXIO:
        return IXY_E_NOT_FOUND;
    case ENOMEM:
        return IXY_E_NO_MEMORY;
    default:
        return IXY_E_IO;
    }
}

int32_t error_set_errno(const char *format, ...)
{
    int number = errno;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(error_last, sizeof(error_last), format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof(error_last))
        return error_code_of(number);
    snprintf(error_last + length, sizeof(error_last) - (size_t)length, ": %s", strerror(number));
    return error_code_of(number);
}

void error_save(char text[ERROR_TEXT_SIZE])
{
    memcpy(text, error_last, ERROR_TEXT_SIZE);
}

void error_restore(const char text[ERROR_TEXT_SIZE])
{
    memcpy(error_last, text, ERROR_TEXT_SIZE);
}

const char *error_text(void)
{
    return error_last;
}
