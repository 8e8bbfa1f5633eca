/* Structs that can grow: each begins with struct_size, which tells how much of it the caller's header knows.
 *
 * The caller's structs are foreign memory, which another of his threads may write to: struct_size is read once, config
 * structs are copied once, and results are only written. */
#ifndef ABI_STRUCTS_H
#define ABI_STRUCTS_H

#include <stdint.h>

/* Copies a config struct in. size is what this library knows, size_first what its first release knew. Members past
 * the caller's size become 0; bytes past ours must be 0. name is for the text. Returns 0 or IXY_E_STRUCT. */
int32_t struct_read(void *to, uint32_t size, uint32_t size_first, const void *from, const char *name);

/* A result struct that the caller wants filled. */
struct struct_result {
    void *to;
    uint32_t size; /* the caller's */
};

/* Checks such a struct, and reads its size. Returns 0, IXY_E_ARGUMENT (NULL) or IXY_E_STRUCT. */
int32_t struct_check(void *to, uint32_t size_first, const char *name, struct struct_result *result);

/* Copies a result out: as much as the caller's struct takes, its tail zeroed, struct_size left as it is. */
void struct_write(const struct struct_result *result, const void *from, uint32_t size);

#endif
