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

/* Once: the caller's other threads may write to it. */
static uint32_t struct_size_of(const void *of)
{
    return __atomic_load_n((const uint32_t *)of, __ATOMIC_RELAXED);
}

int32_t struct_read(void *to, uint32_t size, uint32_t size_first, const void *from, const char *name)
{
    const uint32_t given = struct_size_of(from);
    if (given < size_first || given > STRUCT_SIZE_MAX)
        return struct_wrong_size(given, size_first, name);
    for (uint32_t i = size; i < given; i++)
        if (((const uint8_t *)from)[i] != 0)
            return error_set(IXY_E_STRUCT, "%s: byte %u is not 0, and this library knows only the first %u", name, i,
                             size);
    memset(to, 0, size);
    memcpy(to, from, given < size ? given : size);
    *(uint32_t *)to = given;
    return 0;
}

int32_t struct_check(void *to, uint32_t size_first, const char *name, struct struct_result *result)
{
    if (to == NULL)
        return error_set(IXY_E_ARGUMENT, "%s is NULL; right is a struct with struct_size set", name);
    *result = (struct struct_result){.to = to, .size = struct_size_of(to)};
    if (result->size < size_first || result->size > STRUCT_SIZE_MAX)
        return struct_wrong_size(result->size, size_first, name);
    return 0;
}

void struct_write(const struct struct_result *result, const void *from, uint32_t size)
{
    const uint32_t head = sizeof(uint32_t), known = result->size < size ? result->size : size;
    memcpy((uint8_t *)result->to + head, (const uint8_t *)from + head, known - head);
    memset((uint8_t *)result->to + known, 0, result->size - known);
}
