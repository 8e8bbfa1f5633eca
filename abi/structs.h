/* Structs that can grow: each begins with struct_size, which tells how much of it the caller's header knows. */
#ifndef ABI_STRUCTS_H
#define ABI_STRUCTS_H

#include <stdint.h>

/* Copies a config struct in. size is what this library knows, size_first what its first release knew. Members past
 * the caller's size become 0; bytes past ours must be 0. name is for the text. Returns 0 or IXY_E_STRUCT. */
int32_t struct_read(void *to, uint32_t size, uint32_t size_first, const void *from, const char *name);

/* Checks a result struct that the caller wants filled. Returns 0, IXY_E_ARGUMENT (NULL) or IXY_E_STRUCT. */
int32_t struct_check(const void *to, uint32_t size_first, const char *name);

/* Copies a result out: as much as the caller's struct takes, its tail zeroed, struct_size left as it is. */
void struct_write(void *to, const void *from, uint32_t size);

#endif
