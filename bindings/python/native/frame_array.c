/* FrameArray: the frames of a batch as memory that others may look at, read-only, and that lives as long as they do. */
#include "objects.h"

struct frame_array {
    PyObject_HEAD ixy_frame *frames;
    Py_ssize_t size; /* bytes */
};

PyObject *frame_array_new(uint32_t capacity, ixy_frame **frames)
{
    struct frame_array *self = PyObject_New(struct frame_array, frame_array_type);
    if (self == NULL)
        return NULL;
    self->size = (Py_ssize_t)(capacity * sizeof(ixy_frame));
    self->frames = PyMem_Calloc(capacity, sizeof(ixy_frame));
    if (self->frames == NULL) {
        Py_DECREF((PyObject *)self);
        return PyErr_NoMemory();
    }
    *frames = self->frames;
    return (PyObject *)self;
}

static void frame_array_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyMem_Free(((struct frame_array *)object)->frames);
    PyObject_Free(object);
    Py_DECREF((PyObject *)type);
}

static int frame_array_getbuffer(PyObject *object, Py_buffer *buffer, int flags)
{
    struct frame_array *self = (struct frame_array *)object;
    return PyBuffer_FillInfo(buffer, object, self->frames, self->size, 1, flags);
}

static PyMethodDef frame_array_methods[] = {
    {"__reduce__", object_no_copy, METH_NOARGS, "TypeError."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot frame_array_slots[] = {
    {Py_tp_doc, "The frames of a batch: ixy_frame after ixy_frame, read-only."},
    {Py_tp_dealloc, frame_array_dealloc},
    {Py_tp_methods, frame_array_methods},
    {Py_bf_getbuffer, frame_array_getbuffer},
    {0, NULL},
};

PyType_Spec frame_array_spec = {
    .name = "ixy._packet.FrameArray",
    .basicsize = sizeof(struct frame_array),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = frame_array_slots,
};
