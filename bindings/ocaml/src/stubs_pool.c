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

/* An array that has no memory yet: stubs_bigarray_set gives it some. */
static value stubs_bigarray(int kind)
{
    static char nothing; /* for NULL the runtime would allocate */
    intnat dimensions[1] = {0};
    value array = caml_ba_alloc(kind | CAML_BA_C_LAYOUT | CAML_BA_MAPPED_FILE, 1, &nothing, dimensions);
    Custom_ops_val(array) = &stubs_bigarray_operations;
    return array;
}

static void stubs_bigarray_set(value array, const void *data, uint64_t size)
{
    Caml_ba_array_val(array)->data = (void *)(uintptr_t)data;
    Caml_ba_array_val(array)->dim[0] = (intnat)size;
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

/* A pool and a view of it, the view's node with no reference yet; or NULL and the error's code and text. */
static struct stubs_view *stubs_pool_open(value kept, const ixy_pool_config *config, int32_t *code, const char **text)
{
    CAMLparam1(kept);
    uint64_t pool = 0;
    *code = IXY_E_NO_MEMORY;
    *text = "";
    caml_enter_blocking_section();
    struct stubs_view *node = calloc(1, sizeof(*node));
    if (node != NULL) {
        *code = ixy_pool_open(config, &pool);
        *text = ixy_last_error();
    }
    caml_leave_blocking_section();
    if (*code == 0) {
        ixy_stubs_opened(kept, pool);
        node->view.struct_size = sizeof(node->view);
        *code = ixy_pool_view(pool, &node->view);
        *text = ixy_last_error();
    }
    if (*code < 0) {
        free(node);
        node = NULL;
    }
    CAMLreturnT(struct stubs_view *, node);
}

/* Opens a pool and a view of it. Ixy.opened: handle, memory, owner, index_mask, buffer_count, buffer_size, stride,
 * headroom. All that OCaml is to hold is allocated before. */
value ixy_ocaml_pool_open(value kept, value buffer_count, value buffer_size)
{
    CAMLparam1(kept);
    CAMLlocal4(result, opened, memory, owner);
    ixy_pool_config config = {.struct_size = sizeof(config),
                              .buffer_count = stubs_uint32(Long_val(buffer_count)),
                              .buffer_size = stubs_uint32(Long_val(buffer_size))};
    int32_t code;
    const char *text;
    memory = stubs_bigarray(CAML_BA_CHAR);
    owner = stubs_bigarray(CAML_BA_CAML_INT);
    opened = caml_alloc(8, 0);
    Store_field(opened, 1, memory);
    Store_field(opened, 2, owner);
    result = ixy_stubs_ok(opened);

    struct stubs_view *node = stubs_pool_open(kept, &config, &code, &text);
    if (node == NULL) {
        result = ixy_stubs_result(1, ixy_stubs_error(code, text));
        ixy_ocaml_handle_close(kept);
        CAMLreturn(result);
    }
    ixy_view view = node->view;
    node->references = 2;
    stubs_views_lock();
    node->next = stubs_views;
    stubs_views = node;
    stubs_views_unlock();
    stubs_bigarray_set(memory, view.base, view.size);
    stubs_bigarray_set(owner, view.owner, (uint64_t)view.index_mask + 1);
    Store_field(opened, 0, Val_long(ixy_stubs_handle(kept)));
    Store_field(opened, 3, Val_long(view.index_mask));
    Store_field(opened, 4, Val_long(view.buffer_count));
    Store_field(opened, 5, Val_long(view.buffer_size));
    Store_field(opened, 6, Val_long(view.buffer_stride));
    Store_field(opened, 7, Val_long(view.headroom));
    CAMLreturn(result);
}

value ixy_ocaml_pool_close(value kept)
{
    CAMLparam1(kept);
    uint64_t pool = ixy_stubs_handle(kept);
    int32_t code;
    caml_enter_blocking_section();
    code = ixy_pool_close(pool);
    caml_leave_blocking_section();
    CAMLreturn(ixy_stubs_unit_or_failed(code));
}

value ixy_ocaml_pool_free_count(value pool)
{
    int32_t count = ixy_pool_free_count((uint64_t)Long_val(pool));
    return count < 0 ? ixy_stubs_failed(count) : ixy_stubs_ok(Val_int(count));
}
