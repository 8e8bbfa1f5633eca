/* Memory: a pool's handle and its view, with Python's counting of who still needs them. */
#include "objects.h"

static PyObject *memory_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"pool", NULL};
    unsigned long long pool;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "K", names, &pool))
        return NULL;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    struct memory *self = (struct memory *)alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->view.struct_size = sizeof(self->view);
    int32_t code = ixy_pool_view(pool, &self->view);
    if (code < 0) {
        self->view.view = 0;
        Py_DECREF((PyObject *)self);
        return raise_code(code, PyUnicode_FromString(ixy_last_error()));
    }
    self->pool = pool;
    return (PyObject *)self;
}

static void memory_dealloc(PyObject *object)
{
    struct memory *self = (struct memory *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->view.view != 0) {
        ixy_pool_close(self->pool); /* fails harmlessly if it was closed before */
        ixy_pool_view_release(self->view.view);
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

static PyObject *memory_get_pool(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLongLong(((struct memory *)object)->pool);
}

static PyObject *memory_get_view_address(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromVoidPtr(&((struct memory *)object)->view);
}

static PyGetSetDef memory_getset[] = {
    {"pool", memory_get_pool, NULL, "The pool's handle.", NULL},
    {"view_address", memory_get_view_address, NULL, "Address of the pool's ixy_view, valid while this object lives.",
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot memory_slots[] = {
    {Py_tp_doc, "A pool's memory: owns the pool's handle and its view. Its buffer is the raw packet memory."},
    {Py_tp_new, memory_new},
    {Py_tp_dealloc, memory_dealloc},
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
