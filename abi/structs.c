#include "abi/structs.h"

#include <string.h>

#include "core/device/error.h"

/* No struct of this ABI will come near; a larger size is a struct_size that was never set. */
#define STRUCT_SIZE_MAX 4096

static int32_t struct_wrong_size(uint32_t size, uint32_t size_first, const char *name)
{
    return error_set(IXY_E_STRUCT, "%s.struct_size is %u; right is sizeof(%s), at least %u", name, size, name,
                     size_first);
}

int32_t struct_read(void *to, uint32_t size, uint32_t size_first, const void *from, const char *name)
{
    uint32_t given;
    memcpy(&given, from, sizeof(given));
    if (given < size_first || given > STRUCT_SIZE_MAX)
        return struct_wrong_size(given, size_first, name);
    for (uint32_t i = size; i < given; i++)
        if (((const uint8_t *)from)[i] != 0)
            return error_set(IXY_E_STRUCT, "%s: byte %u is not 0, and this library knows only the first %u", name, i,
                             size);
    memset(to, 0, size);
    memcpy(to, from, given < size ? given : size);
    return 0;
}

int32_t struct_check(const void *to, uint32_t size_first, const char *name)
{
    if (to == NULL)
        return error_set(IXY_E_ARGUMENT, "%s is NULL; right is a struct with struct_size set", name);
    uint32_t given;
    memcpy(&given, to, sizeof(given));
    if (given < size_first || given > STRUCT_SIZE_MAX)
        return struct_wrong_size(given, size_first, name);
    return 0;
}

void struct_write(void *to, const void *from, uint32_t size)
{
    uint32_t given;
    memcpy(&given, to, sizeof(given));
    memset((uint8_t *)to + sizeof(given), 0, given - sizeof(given));
    memcpy((uint8_t *)to + sizeof(given), (const uint8_t *)from + sizeof(given),
           (given < size ? given : size) - sizeof(given));
}
