/* Frames: the part of ixy.Batch that is written in C. Batch derives from it and adds NumPy in Python.
 *
 * The frames lie in a FrameArray, which Frames makes and NumPy looks at. Frames [0, count) are the caller's. Only the
 * library and checked operations write there: each of them lies in its buffer. */
#include <string.h>

#include "objects.h"

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
    PyObject *memory, *number;
    uint64_t capacity;
    if (!PyArg_ParseTuple(args, "OO:Frames", &memory, &number) ||
        argument_type(memory, memory_type, "ixy._packet.Memory") < 0 ||
        argument_number(number, "capacity", 1, IXY_BATCH_MAX, &capacity) < 0)
        return -1;
    if (self->memory != NULL) {
        PyErr_SetString(PyExc_TypeError, "a batch is initialised once");
        return -1;
    }
    ixy_frame *frames;
    PyObject *array = frame_array_new((uint32_t)capacity, &frames);
    if (array == NULL)
        return -1;
    Py_INCREF(memory);
    self->memory = (struct memory *)memory;
    self->array = array;
    self->frames = frames;
    self->capacity = (uint32_t)capacity;
    return 0;
}

static void frames_dealloc(PyObject *object)
{
    struct frames *self = (struct frames *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->memory != NULL) {
        frames_give_back(self);
        Py_DECREF(self->array);
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

/* The arguments of frames_rx and frames_tx. Returns 0, or -1 with an exception set. */
static int frames_arguments(PyObject *const *args, Py_ssize_t nargs, struct device **device, uint32_t *queue,
                            struct frames **frames)
{
    if (argument_count(nargs, 3) < 0 || argument_type(args[0], device_type, "ixy._packet.OpenDevice") < 0 ||
        argument_u32(args[1], "queue", queue) < 0 || argument_type(args[2], frames_type, "ixy.Batch") < 0)
        return -1;
    *device = (struct device *)args[0];
    *frames = (struct frames *)args[2];
    return 0;
}

PyObject *frames_rx(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    (void)module;
    struct device *device;
    struct frames *self;
    uint32_t queue;
    if (frames_arguments(args, nargs, &device, &queue, &self) < 0)
        return NULL;
    if (device->memory != self->memory)
        return raise_code(IXY_E_ARGUMENT, PyUnicode_FromString("the batch belongs to another pool than the device"));
    int32_t got = ixy_rx_batch(device->handle, queue, self->frames + self->count, self->capacity - self->count);
    if (got > 0)
        self->count += (uint32_t)got;
    return frames_counted(got);
}

PyObject *frames_tx(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    (void)module;
    struct device *device;
    struct frames *self;
    uint32_t queue;
    if (frames_arguments(args, nargs, &device, &queue, &self) < 0)
        return NULL;
    int32_t sent = ixy_tx_batch(device->handle, queue, self->frames, self->count);
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

static PyObject *frames_get_capacity(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLong(((struct frames *)object)->capacity);
}

/* What NumPy looks at: an attribute of a batch that __init__ has made. */
static PyObject *frames_part(PyObject *part)
{
    if (part != NULL)
        return Py_NewRef(part);
    PyErr_SetString(PyExc_TypeError, "this batch was not initialised: make one by ixy.Batch(pool, capacity)");
    return NULL;
}

static PyObject *frames_get_memory(PyObject *object, void *closure)
{
    (void)closure;
    return frames_part((PyObject *)((struct frames *)object)->memory);
}

static PyObject *frames_get_array(PyObject *object, void *closure)
{
    (void)closure;
    return frames_part(((struct frames *)object)->array);
}

static PyMethodDef frames_methods[] = {
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
    {"bulk_add_u8", (PyCFunction)(void (*)(void))bulk_add_u8, METH_FASTCALL,
     "bulk_add_u8($self, at, delta, /)\n--\n\n"
     "Adds delta to byte `at` of each packet, modulo 256.\n\n"
     "Raises:\n"
     "    HandleError: a packet is stale.\n"
     "    RangeError: a packet has no such byte; those before it are changed."},
    {"bulk_read", (PyCFunction)(void (*)(void))bulk_read, METH_VARARGS | METH_KEYWORDS,
     "bulk_read($self, at, size=1)\n--\n\n"
     "Bytes [at, at + size) of each packet, one packet's after the other's. Raises as bulk_add_u8."},
    {"bulk_write", (PyCFunction)(void (*)(void))bulk_write, METH_VARARGS | METH_KEYWORDS,
     "bulk_write($self, at, size, data)\n--\n\n"
     "Writes bytes [at, at + size) of each packet from `data`, a contiguous buffer of `size` bytes for each.\n\n"
     "Raises as bulk_add_u8; RangeError too if `data` does not hold that many."},
    {"bulk_fill", (PyCFunction)(void (*)(void))bulk_fill, METH_VARARGS | METH_KEYWORDS,
     "bulk_fill($self, at, data)\n--\n\n"
     "Writes the same `data` into each packet, from byte `at` on. Raises as bulk_add_u8."},
    {"resize", (PyCFunction)(void (*)(void))bulk_resize, METH_VARARGS | METH_KEYWORDS,
     "resize($self, size)\n--\n\n"
     "Sets the packets' lengths in bytes: one for all, or one for each (an array or a sequence).\n\n"
     "Bytes that a packet gains are what its buffer held before.\n\n"
     "Raises:\n"
     "    FrameError: a packet does not fit its buffer; those before it are changed.\n"
     "    HandleError: a packet is stale.\n"
     "    RangeError: the number of lengths is not that of packets."},
    {"_gather", (PyCFunction)(void (*)(void))bulk_gather, METH_FASTCALL,
     "_gather(at, size, to): copies bytes [at, at + size) of each packet to a buffer of that many bytes."},
    {"_scatter", (PyCFunction)(void (*)(void))bulk_scatter, METH_FASTCALL,
     "_scatter(at, size, data): bulk_write that changes no packet if one fails; data is no packet memory."},
    {"_metadata", bulk_metadata, METH_NOARGS, "_metadata(): a copy of each packet's record, zeroes where it has none."},
    {"__reduce__", object_no_copy, METH_NOARGS, "TypeError."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef frames_getset[] = {
    {"capacity", frames_get_capacity, NULL, "Most packets that it holds.", NULL},
    {"_memory", frames_get_memory, NULL, "The pool's memory.", NULL},
    {"_array", frames_get_array, NULL, "What the frames lie in.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot frames_slots[] = {
    {Py_tp_doc, "The frames of a batch, and what is done with all of them at once. Not for direct use: see ixy.Batch."},
    {Py_tp_init, frames_init},
    {Py_tp_dealloc, frames_dealloc},
    {Py_tp_methods, frames_methods},
    {Py_tp_getset, frames_getset},
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
