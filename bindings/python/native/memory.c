/* Memory: a pool's handle and its view, with Python's counting of who still needs them. */
#include <stdio.h>
#include <string.h>

#include "objects.h"

/* Opens the pool and its view: both, or neither, and then text says why. Runs without the GIL. */
static int32_t memory_open(struct memory *self, const ixy_pool_config *config, char text[IXY_TEXT_MAX])
{
    uint64_t pool = 0;
    int32_t code = ixy_pool_open(config, &pool);
    if (code >= 0) {
        self->view.struct_size = sizeof(self->view);
        code = ixy_pool_view(pool, &self->view);
    }
    if (code >= 0) {
        self->pool = pool;
        return code;
    }
    snprintf(text, IXY_TEXT_MAX, "%s", ixy_last_error());
    self->view.view = 0;
    if (pool != 0)
        ixy_pool_close(pool);
    return code;
}

static PyObject *memory_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    (void)keywords;
    PyObject *buffers, *buffer_size;
    uint64_t count, size;
    if (!PyArg_ParseTuple(args, "OO:Memory", &buffers, &buffer_size) ||
        argument_number(buffers, "buffers", 1, UINT32_MAX, &count) < 0 ||
        argument_number(buffer_size, "buffer_size", 1, UINT32_MAX, &size) < 0)
        return NULL;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    struct memory *self = (struct memory *)alloc(type, 0);
    if (self == NULL)
        return NULL;
    ixy_pool_config config = {
        .struct_size = sizeof(config), .buffer_count = (uint32_t)count, .buffer_size = (uint32_t)size};
    char text[IXY_TEXT_MAX];
    int32_t code = IXY_E_LIMIT;
    for (int attempt = 0; attempt < 2 && code == IXY_E_LIMIT; attempt++) {
        if (attempt > 0)
            PyGC_Collect(); /* pools and views in cycles that nobody refers to any more count too */
        Py_BEGIN_ALLOW_THREADS code = memory_open(self, &config, text);
        Py_END_ALLOW_THREADS
    }
    if (code < 0) {
        raise_text(code, text);
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    return (PyObject *)self;
}

static void memory_dealloc(PyObject *object)
{
    struct memory *self = (struct memory *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->view.view != 0) {
        Py_BEGIN_ALLOW_THREADS ixy_pool_close(self->pool); /* fails harmlessly if it was closed before */
        ixy_pool_view_release(self->view.view);
        Py_END_ALLOW_THREADS
    }
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF((PyObject *)type);
}

static int memory_getbuffer(PyObject *object, Py_buffer *buffer, int flags)
{
    struct memory *self = (struct memory *)object;
    return PyBuffer_FillInfo(buffer, object, self->view.base, (Py_ssize_t)self->view.size, 0, flags);
}

int memory_source(const struct memory *memory, const void **bytes, size_t size, void **copy)
{
    uintptr_t first = (uintptr_t)*bytes;
    uintptr_t base = memory != NULL ? (uintptr_t)memory->view.base : 0;
    *copy = NULL;
    if (memory == NULL || first >= base + memory->view.size || base >= first + size)
        return 0;
    *copy = PyMem_Malloc(size);
    if (*copy == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    *bytes = memcpy(*copy, *bytes, size);
    return 0;
}

static PyObject *memory_get_pool(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLongLong(((struct memory *)object)->pool);
}

static PyMethodDef memory_methods[] = {
    {"__reduce__", object_no_copy, METH_NOARGS, "TypeError."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef memory_getset[] = {
    {"pool", memory_get_pool, NULL, "The pool's handle.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot memory_slots[] = {
    {Py_tp_doc, "Memory(buffers, buffer_size): a pool, opened; owns its handle and its view.\n\n"
                "Its buffer is the raw packet memory."},
    {Py_tp_new, memory_new},
    {Py_tp_dealloc, memory_dealloc},
    {Py_tp_methods, memory_methods},
    {Py_tp_getset, memory_getset},
    {Py_bf_getbuffer, memory_getbuffer},
    {0, NULL},
};

PyType_Spec memory_spec = {
    .name = "ixy._packet.Memory",
    .basicsize = sizeof(struct memory),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = memory_slots,
};
