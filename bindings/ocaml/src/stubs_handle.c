/* What closes pools and devices that are forgotten: custom blocks, made before the library opens anything.
 *
 * The stub that opens writes the handle into the block before anything else can run, so that no signal handler,
 * exception or lack of memory comes between a handle and what closes it. Finalisers of custom blocks are C, which
 * nothing interrupts; they close while the runtime lock is held.
 *
 * The blocks can be neither compared nor marshalled: OCaml's own exceptions say so.
 */
#include "stubs.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <caml/alloc.h>
#include <caml/custom.h>
#include <caml/fail.h>
#include <caml/memory.h>

/* Of a pool, the references are its own block's and one for each device on it, so it is closed after them. */
struct stubs_handle {
    atomic_int references;
    _Atomic uint64_t handle; /* 0: nothing was opened */
    int32_t (*close)(uint64_t handle);
    struct stubs_handle *pool; /* NULL for a pool, and for a device without one */
};

#define STUBS_HANDLE(block) (*(struct stubs_handle **)Data_custom_val(block))

static void stubs_handle_unreference(struct stubs_handle *owner)
{
    while (owner != NULL && atomic_fetch_sub(&owner->references, 1) == 1) {
        struct stubs_handle *pool = owner->pool;
        uint64_t handle = atomic_load(&owner->handle);
        if (handle != 0) {
            owner->close(handle); /* an error where the program closed it */
        }
        free(owner);
        owner = pool;
    }
}

static void stubs_handle_finalize(value block)
{
    stubs_handle_unreference(STUBS_HANDLE(block));
}

static struct custom_operations stubs_handle_operations = {
    .identifier = "io.github.libixy.handle",
    .finalize = stubs_handle_finalize,
    .compare = custom_compare_default,
    .compare_ext = custom_compare_ext_default,
    .hash = custom_hash_default,
    .serialize = custom_serialize_default,
    .deserialize = custom_deserialize_default,
    .fixed_length = custom_fixed_length_default,
};

static value stubs_handle_block(int32_t (*close)(uint64_t handle), struct stubs_handle *pool)
{
    value block = caml_alloc_custom(&stubs_handle_operations, sizeof(struct stubs_handle *), 0, 1);
    struct stubs_handle *owner = calloc(1, sizeof(*owner));
    STUBS_HANDLE(block) = owner;
    if (owner == NULL) {
        caml_raise_out_of_memory();
    }
    atomic_store(&owner->references, 1);
    owner->close = close;
    if (pool != NULL) {
        atomic_fetch_add(&pool->references, 1);
        owner->pool = pool;
    }
    return block;
}

value ixy_ocaml_handle_pool(value unit)
{
    return stubs_handle_block(ixy_pool_close, NULL);
}

/* pool: the block of the device's pool, or None. */
value ixy_ocaml_handle_device(value pool)
{
    CAMLparam1(pool); /* is not collected before it is referred to */
    CAMLreturn(stubs_handle_block(ixy_device_close, Is_block(pool) ? STUBS_HANDLE(Field(pool, 0)) : NULL));
}

void ixy_stubs_opened(value block, uint64_t handle)
{
    atomic_store(&STUBS_HANDLE(block)->handle, handle);
}

uint64_t ixy_stubs_handle(value block)
{
    return atomic_load(&STUBS_HANDLE(block)->handle);
}

/* Of what has nothing to close, and cannot be compared or marshalled either. */
value ixy_ocaml_handle_none(value unit)
{
    value block = caml_alloc_custom(&stubs_handle_operations, sizeof(struct stubs_handle *), 0, 1);
    STUBS_HANDLE(block) = NULL;
    return block;
}

/* Of what was not given to the program yet. */
value ixy_ocaml_handle_close(value block)
{
    struct stubs_handle *owner = STUBS_HANDLE(block);
    uint64_t handle = atomic_exchange(&owner->handle, 0);
    if (handle != 0) {
        owner->close(handle);
    }
    return Val_unit;
}
