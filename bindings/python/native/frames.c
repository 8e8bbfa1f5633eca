/* Frames: the part of ixy.Batch that runs once a batch. Batch derives from it and adds the rest in Python.
 *
 * The frames lie in a buffer that Batch made with cffi; Frames holds it. Frames [0, count) are the caller's. Only the
 * library and checked operations write there: each of them lies in its buffer.
 */
#include <string.h>

#include "objects.h"

#include "bulk.h"

struct frames {
    PyObject_HEAD struct memory *memory; /* NULL before __init__, and then capacity is 0 */
    Py_buffer buffer;
    ixy_frame *frames;
    uint32_t capacity;
    uint32_t count;
};

/* Gives frames [0, count) back; one that is stale is nobody's loss. */
static void frames_give_back(struct frames *self)
{
    uint32_t start = 0;
    uint32_t end = self->count;
    self->count = 0;
    while (start < end) {
        int32_t done = ixy_buf_free(self->memory->pool, self->frames + start, end - start);
        start += done > 0 ? (uint32_t)done : 1;
    }
}

static int frames_init(PyObject *object, PyObject *args, PyObject *keywords)
{
    (void)keywords;
    struct frames *self = (struct frames *)object;
    PyObject *memory, *frames;
    if (!PyArg_ParseTuple(args, "OO:Frames", &memory, &frames) || argument_memory(memory) < 0)
        return -1;
    if (self->memory != NULL) {
        PyErr_SetString(PyExc_TypeError, "a batch is initialised once");
        return -1;
    }
    if (PyObject_GetBuffer(frames, &self->buffer, PyBUF_WRITABLE) < 0)
        return -1;
    Py_INCREF(memory);
    self->memory = (struct memory *)memory;
    self->frames = self->buffer.buf;
    self->capacity = (uint32_t)((size_t)self->buffer.len / sizeof(ixy_frame));
    return 0;
}

static void frames_dealloc(PyObject *object)
{
    struct frames *self = (struct frames *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->memory != NULL) {
        frames_give_back(self);
        PyBuffer_Release(&self->buffer);
        Py_DECREF((PyObject *)self->memory);
    }
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF((PyObject *)type);
}

static Py_ssize_t frames_length(PyObject *object)
{
    return ((struct frames *)object)->count;
}

static PyObject *frames_counted(int32_t code)
{
    return code >= 0 ? PyLong_FromLong(code) : raise_code(code, NULL);
}

static PyObject *frames_rx(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    struct frames *self = (struct frames *)object;
    uint64_t device;
    uint32_t queue;
    if (argument_count(nargs, 3) < 0 || argument_u64(args[1], &device) < 0 ||
        argument_u32(args[2], "queue", &queue) < 0)
        return NULL;
    if (args[0] != (PyObject *)self->memory)
        return raise_code(IXY_E_ARGUMENT, PyUnicode_FromString("the batch belongs to another pool than the device"));
    int32_t got = ixy_rx_batch(device, queue, self->frames + self->count, self->capacity - self->count);
    if (got > 0)
        self->count += (uint32_t)got;
    return frames_counted(got);
}

static PyObject *frames_tx(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    struct frames *self = (struct frames *)object;
    uint64_t device;
    uint32_t queue;
    if (argument_count(nargs, 2) < 0 || argument_u64(args[0], &device) < 0 ||
        argument_u32(args[1], "queue", &queue) < 0)
        return NULL;
    int32_t sent = ixy_tx_batch(device, queue, self->frames, self->count);
    if (sent > 0) {
        self->count -= (uint32_t)sent;
        memmove(self->frames, self->frames + sent, self->count * sizeof(*self->frames));
    }
    return frames_counted(sent);
}

static PyObject *frames_alloc(PyObject *object, PyObject *argument)
{
    struct frames *self = (struct frames *)object;
    uint32_t count;
    if (argument_u32(argument, "count", &count) < 0)
        return NULL;
    if (count > self->capacity - self->count)
        count = self->capacity - self->count;
    int32_t got = self->memory != NULL ? ixy_buf_alloc(self->memory->pool, self->frames + self->count, count) : 0;
    if (got > 0)
        self->count += (uint32_t)got;
    return frames_counted(got);
}

static PyObject *frames_free(PyObject *object, PyObject *none)
{
    (void)none;
    if (((struct frames *)object)->count > 0)
        frames_give_back((struct frames *)object);
    Py_RETURN_NONE;
}

/* Raises what Batch._failed(position, at, size) returns. */
static PyObject *frames_failed(PyObject *object, int32_t position, uint32_t at, uint32_t size)
{
    PyObject *error = PyObject_CallMethod(object, "_failed", "iII", (int)position, (unsigned)at, (unsigned)size);
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return NULL;
}

static PyObject *frames_add_u8(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    struct frames *self = (struct frames *)object;
    uint32_t at;
    if (argument_count(nargs, 2) < 0 || argument_u32(args[0], "at", &at) < 0)
        return NULL;
    unsigned long delta = PyLong_AsUnsignedLongMask(args[1]);
    if (delta == (unsigned long)-1 && PyErr_Occurred())
        return NULL;
    if (self->count > 0) {
        int32_t done = ixy_bulk_add_u8(&self->memory->view, self->frames, self->count, at, (uint8_t)delta);
        if ((uint32_t)done != self->count)
            return frames_failed(object, done, at, 1);
    }
    Py_RETURN_NONE;
}

static PyMethodDef frames_methods[] = {
    {"_rx", (PyCFunction)(void (*)(void))frames_rx, METH_FASTCALL, "_rx(memory, device, queue): appends, how many."},
    {"_tx", (PyCFunction)(void (*)(void))frames_tx, METH_FASTCALL,
     "_tx(device, queue): takes from the front, how many."},
    {"alloc", frames_alloc, METH_O,
     "alloc($self, count, /)\n--\n\n"
     "Appends up to count empty packets out of the pool, as many as there is room for; returns how many.\n\n"
     "Raises:\n"
     "    NoBuffersError: no buffer was free.\n"
     "    RangeError: count is out of range.\n"
     "    HandleError: the pool is closed."},
    {"free", frames_free, METH_NOARGS,
     "free($self, /)\n--\n\n"
     "Gives all packets back to the pool; the batch is empty then. A closed pool has taken them back by itself."},
    {"bulk_add_u8", (PyCFunction)(void (*)(void))frames_add_u8, METH_FASTCALL,
     "bulk_add_u8($self, at, delta, /)\n--\n\n"
     "Adds delta to byte `at` of each packet, modulo 256.\n\n"
     "Raises:\n"
     "    HandleError: a packet is stale.\n"
     "    RangeError: a packet has no such byte; those before it are changed."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot frames_slots[] = {
    {Py_tp_doc, "The frames of a batch, and what is done with all of them at once. Not for direct use: see ixy.Batch."},
    {Py_tp_init, frames_init},
    {Py_tp_dealloc, frames_dealloc},
    {Py_tp_methods, frames_methods},
    {Py_sq_length, frames_length},
    {Py_mp_length, frames_length},
    {0, NULL},
};

PyType_Spec frames_spec = {
    .name = "ixy._packet.Frames",
    .basicsize = sizeof(struct frames),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = frames_slots,
};
