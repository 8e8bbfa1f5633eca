/* Calls a C library from a description alone: no header of it is read by a compiler, its functions are found by name
 * when it is opened, and each call goes through libffi. What an interpreter without a C compiler does, in small.
 *
 * The description is a text file; abi/ffi/describe makes libixy's (ixy.description) from ixy_abi.h. It says which
 * functions there are, of which types their arguments and results are, and where the members of structs lie. It is
 * taken at its word: a description of another version of a library is as wrong as a header of one, so programs compare
 * ixy_abi_version() first.
 *
 * An open library may be used by several threads; it is to outlive every call. Nothing here knows libixy.
 */
#ifndef ABI_FFI_FOREIGN_H
#define ABI_FFI_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FOREIGN_ARGUMENTS_MAX 8

struct foreign;
struct foreign_function;

/* An argument or a result; the member that the description names is in use. */
union foreign_value {
    int32_t int32;
    uint32_t uint32;
    uint64_t uint64;
    void *pointer; /* arguments that C has const are not changed by the library */
};

/* Where a member lies in its struct, in bytes. */
struct foreign_member {
    uint32_t offset;
    uint32_t size;
};

/* Opens a library (a name that dlopen finds, or a path) as the description file says. NULL: error tells what was wrong
 * and where. */
struct foreign *foreign_open(const char *library, const char *description, char *error, size_t error_size);

/* Unloads the library; its functions are not to be called any more. */
void foreign_close(struct foreign *foreign);

/* A function by its name, or NULL if it is not described. */
const struct foreign_function *foreign_function(const struct foreign *foreign, const char *name);

/* The name of the function described at position `index`, or NULL past the last. */
const char *foreign_function_name(const struct foreign *foreign, uint32_t index);

/* Calls it with `count` arguments. False, and no call, if it takes another number. */
bool foreign_call(const struct foreign_function *function, union foreign_value *arguments, uint32_t count,
                  union foreign_value *result);

/* A struct's size in bytes, 0 if it is not described. */
uint32_t foreign_struct_size(const struct foreign *foreign, const char *structure);

/* Finds a member. False if it is not described. */
bool foreign_member(const struct foreign *foreign, const char *structure, const char *name,
                    struct foreign_member *member);

/* A member's value, of 1 to 8 bytes, in the struct at `record`; and setting it. Addresses are values too. False, and
 * nothing is set, if the value needs more bytes than the member has, or the member is no number. */
uint64_t foreign_get(const void *record, struct foreign_member member);
bool foreign_set(void *record, struct foreign_member member, uint64_t value);

#endif
