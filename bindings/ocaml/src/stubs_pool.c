/* Pools, and the views through which OCaml reaches their memory.
 *
 * A pool's memory and its ownership table are two Bigarrays over one ixy_view. The view is released when the last
 * Bigarray on either, part arrays included, is collected: only then are the addresses unmapped. OCaml counts the
 * arrays that share one address range in a proxy for every Bigarray that is not EXTERNAL, and a part array inherits
 * the custom operations, so a MAPPED_FILE array with a finaliser of our own does it (as the runtime's own map_file).
 */
#include "stubs.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include <caml/alloc.h>
#include <caml/bigarray.h>
#include <caml/custom.h>
#include <caml/memory.h>
#include <caml/signals.h>
#include <caml/version.h>

struct stubs_view {
    struct stubs_view *next;
    ixy_view view;
    int references; /* Bigarrays (or families of them) left: 2, 1 */
};

static struct stubs_view *stubs_views;
static atomic_flag stubs_views_busy = ATOMIC_FLAG_INIT;

/* Held for a few instructions; finalisers of several domains may meet here. */
static void stubs_views_lock(void)
{
    while (atomic_flag_test_and_set_explicit(&stubs_views_busy, memory_order_acquire)) {
    }
}

static void stubs_views_unlock(void)
{
    atomic_flag_clear_explicit(&stubs_views_busy, memory_order_release);
}

static void stubs_view_unreference(const void *data)
{
    struct stubs_view *found = NULL;
    stubs_views_lock();
    for (struct stubs_view **link = &stubs_views; *link != NULL; link = &(*link)->next) {
        struct stubs_view *node = *link;
        if ((const void *)node->view.base == data || (const void *)node->view.owner == data) {
            if (--node->references == 0) {
                *link = node->next;
                found = node;
            }
            break;
        }
    }
    stubs_views_unlock();
    if (found != NULL) {
        ixy_pool_view_release(found->view.view);
        free(found);
    }
}

static void stubs_bigarray_finalize(value array)
{
    struct caml_ba_array *b = Caml_ba_array_val(array);
    if (b->proxy == NULL) {
        stubs_view_unreference(b->data);
        return;
    }
#if OCAML_VERSION_MAJOR >= 5
    bool last = atomic_fetch_sub(&b->proxy->refcount, 1) == 1;
#else
    bool last = --b->proxy->refcount == 0;
#endif
    if (last) {
        stubs_view_unreference(b->proxy->data);
        free(b->proxy);
    }
}

static struct custom_operations stubs_bigarray_operations;

static value stubs_bigarray(int kind, void *data, uint64_t size)
{
    intnat dimensions[1] = {(intnat)size};
    value array = caml_ba_alloc(kind | CAML_BA_C_LAYOUT | CAML_BA_MAPPED_FILE, 1, data, dimensions);
    Custom_ops_val(array) = &stubs_bigarray_operations;
    return array;
}

/* Called once, when the module is initialised. */
value ixy_ocaml_initialize(value unit)
{
    intnat dimensions[1] = {1};
    value array = caml_ba_alloc(CAML_BA_CHAR | CAML_BA_C_LAYOUT, 1, NULL, dimensions);
    stubs_bigarray_operations = *Custom_ops_val(array);
    stubs_bigarray_operations.finalize = stubs_bigarray_finalize;
    return Val_unit;
}

/* Opens a pool and a view of it. Ixy.opened: handle, memory, owner, index_mask, buffer_count, buffer_size, stride,
 * headroom. */
value ixy_ocaml_pool_open(value buffer_count, value buffer_size)
{
    CAMLparam0();
    CAMLlocal3(opened, memory, owner);
    ixy_pool_config config = {.struct_size = sizeof(config),
                              .buffer_count = stubs_uint32(Long_val(buffer_count)),
                              .buffer_size = stubs_uint32(Long_val(buffer_size))};
    uint64_t pool = 0;
    int32_t code;
    struct stubs_view *node = calloc(1, sizeof(*node));
    if (node == NULL) {
        CAMLreturn(ixy_stubs_result(1, ixy_stubs_error(IXY_E_NO_MEMORY, "")));
    }
    node->view.struct_size = sizeof(node->view);

    caml_enter_blocking_section();
    code = ixy_pool_open(&config, &pool);
    caml_leave_blocking_section();
    if (code < 0) {
        free(node);
        CAMLreturn(ixy_stubs_failed(code));
    }
    code = ixy_pool_view(pool, &node->view);
    if (code < 0) {
        opened = ixy_stubs_failed(code);
        ixy_pool_close(pool);
        free(node);
        CAMLreturn(opened);
    }
    node->references = 2;
    stubs_views_lock();
    node->next = stubs_views;
    stubs_views = node;
    stubs_views_unlock();

    /* From here on the arrays own the node. caml_ba_alloc may raise Out_of_memory and leak it: nothing better is left
     * to do then. */
    ixy_view view = node->view;
    memory = stubs_bigarray(CAML_BA_CHAR, view.base, view.size);
    owner = stubs_bigarray(CAML_BA_CAML_INT, (void *)(uintptr_t)view.owner, (uint64_t)view.index_mask + 1);
    opened = caml_alloc(8, 0);
    Store_field(opened, 0, Val_long(pool));
    Store_field(opened, 1, memory);
    Store_field(opened, 2, owner);
    Store_field(opened, 3, Val_long(view.index_mask));
    Store_field(opened, 4, Val_long(view.buffer_count));
    Store_field(opened, 5, Val_long(view.buffer_size));
    Store_field(opened, 6, Val_long(view.buffer_stride));
    Store_field(opened, 7, Val_long(view.headroom));
    CAMLreturn(ixy_stubs_ok(opened));
}

value ixy_ocaml_pool_close(value pool)
{
    int32_t code;
    caml_enter_blocking_section();
    code = ixy_pool_close((uint64_t)Long_val(pool));
    caml_leave_blocking_section();
    return ixy_stubs_unit_or_failed(code);
}

value ixy_ocaml_pool_free_count(value pool)
{
    int32_t count = ixy_pool_free_count((uint64_t)Long_val(pool));
    return count < 0 ? ixy_stubs_failed(count) : ixy_stubs_ok(Val_int(count));
}
