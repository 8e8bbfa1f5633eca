/* ixy._packet: the types Packet and Memory.
 *
 * A packet in Python must cost little more than an attribute access, or a loop over packets could not be written; so
 * its type is written in C. Everything else of the package is Python over cffi.
 *
 * This module lies in the same shared object as ixy._native, so that both use one and the same libixy; src/ixy/_load.py
 * loads it from there.
 *
 * OWNERSHIP: a Memory owns a pool's handle and its view, and is held by all that reaches into the pool's memory:
 * packets, batches, devices, memoryviews, NumPy arrays. With the last of them the pool is closed, if it is not closed
 * yet, and the view released. A Packet owns its buffer as long as the ownership table says so, and gives it back when
 * it is collected.
 *
 * THREADS: all functions hold the GIL; none blocks.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string.h>

#include "ixy.h"

#define STACK_FRAMES 256 /* batches up to this size need no allocation */

struct memory {
    PyObject_HEAD
    uint64_t pool;
    ixy_view view;
};

struct packet {
    PyObject_HEAD
    struct memory *memory;
    ixy_frame frame; /* lies in its buffer: the library made it, and only a checked resize changes it */
};

static PyTypeObject *memory_type;
static PyTypeObject *packet_type;
static PyObject *error_factory; /* (code, text or None) -> exception */

/* ---- errors ---- */

static void *raise_code(int32_t code, PyObject *text)
{
    PyObject *error = PyObject_CallFunction(error_factory, "iO", (int)code, text != NULL ? text : Py_None);
    Py_XDECREF(text);
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return NULL;
}

static uint8_t *packet_stale(const struct packet *packet)
{
    uint8_t none;
    int32_t code = ixy_buf_read(packet->memory->pool, &packet->frame, 0, &none, 0); /* a fork has a code of its own */
    if (code == IXY_E_FORK)
        return raise_code(code, NULL);
    return raise_code(IXY_E_HANDLE, PyUnicode_FromString("this packet is stale: its buffer was transmitted or freed, "
                                                         "or its pool was closed"));
}

static void *packet_range(const struct packet *packet, Py_ssize_t at, Py_ssize_t size)
{
    return raise_code(IXY_E_RANGE, PyUnicode_FromFormat("bytes %zd to %zd are not in a packet of %u bytes", at,
                                                        at + size, (unsigned)packet->frame.len));
}

/* ---- Memory ---- */

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
        Py_DECREF(self);
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
    Py_DECREF(type);
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

static PyType_Spec memory_spec = {
    .name = "ixy._packet.Memory",
    .basicsize = sizeof(struct memory),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = memory_slots,
};

/* ---- Packet ---- */

static inline int packet_owned(const struct packet *packet)
{
    const ixy_view *view = &packet->memory->view;
    return __atomic_load_n(&view->owner[packet->frame.buf & view->index_mask], __ATOMIC_RELAXED) == packet->frame.buf;
}

/* Where the packet's bytes are; NULL with an exception set if the packet is stale. */
static inline uint8_t *packet_bytes(const struct packet *packet)
{
    if (!packet_owned(packet))
        return packet_stale(packet);
    return packet->memory->view.base + packet->frame.offset;
}

static PyObject *packet_new(struct memory *memory, const ixy_frame *frame)
{
    struct packet *packet = PyObject_New(struct packet, packet_type);
    if (packet == NULL)
        return NULL;
    Py_INCREF(memory);
    packet->memory = memory;
    packet->frame = *frame;
    return (PyObject *)packet;
}

static void packet_dealloc(PyObject *object)
{
    struct packet *self = (struct packet *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (packet_owned(self))
        ixy_buf_free(self->memory->pool, &self->frame, 1);
    Py_DECREF(self->memory);
    PyObject_Free(object);
    Py_DECREF(type);
}

static Py_ssize_t packet_length(PyObject *object)
{
    struct packet *self = (struct packet *)object;
    return packet_bytes(self) != NULL ? self->frame.len : -1;
}

static PyObject *packet_item(PyObject *object, Py_ssize_t index)
{
    struct packet *self = (struct packet *)object;
    uint8_t *bytes = packet_bytes(self);
    if (bytes == NULL)
        return NULL;
    if ((size_t)index >= self->frame.len)
        return packet_range(self, index, 1);
    return PyLong_FromLong(bytes[index]);
}

/* An index as Python means it, negative ones counted from the end. Returns 0, or -1 with an exception set. */
static inline int packet_index(const struct packet *self, PyObject *key, Py_ssize_t *index)
{
    Py_ssize_t at = PyLong_Check(key) ? PyLong_AsSsize_t(key) : PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (at == -1 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
            return -1;
        PyErr_Clear(); /* a number that large is in no packet */
        raise_code(IXY_E_RANGE, NULL);
        return -1;
    }
    Py_ssize_t wanted = at;
    if (at < 0)
        at += self->frame.len;
    if ((size_t)at >= self->frame.len) {
        packet_range(self, wanted, 1);
        return -1;
    }
    *index = at;
    return 0;
}

static PyObject *packet_slice(const struct packet *self, PyObject *key)
{
    Py_ssize_t start, stop, step;
    if (PySlice_Unpack(key, &start, &stop, &step) < 0)
        return NULL;
    const uint8_t *bytes = packet_bytes(self); /* after all that may run Python code (__index__), here and below */
    if (bytes == NULL)
        return NULL;
    Py_ssize_t count = PySlice_AdjustIndices(self->frame.len, &start, &stop, step);
    if (step == 1)
        return PyBytes_FromStringAndSize((const char *)bytes + start, count);
    PyObject *result = PyBytes_FromStringAndSize(NULL, count);
    if (result != NULL) {
        char *to = PyBytes_AsString(result);
        for (Py_ssize_t i = 0; i < count; i++)
            to[i] = (char)bytes[start + i * step];
    }
    return result;
}

static PyObject *packet_subscript(PyObject *object, PyObject *key)
{
    struct packet *self = (struct packet *)object;
    Py_ssize_t index;
    if (PySlice_Check(key))
        return packet_slice(self, key);
    if (!packet_owned(self))
        return (PyObject *)packet_stale(self);
    if (packet_index(self, key, &index) < 0)
        return NULL;
    const uint8_t *bytes = packet_bytes(self);
    return bytes != NULL ? PyLong_FromLong(bytes[index]) : NULL;
}

static int packet_assign_slice(struct packet *self, PyObject *key, PyObject *value)
{
    Py_ssize_t start, stop, step;
    Py_buffer from;
    int done = -1;
    if (PyObject_GetBuffer(value, &from, PyBUF_SIMPLE) < 0)
        return -1;
    if (PySlice_Unpack(key, &start, &stop, &step) < 0)
        goto out;
    uint8_t *bytes = packet_bytes(self);
    if (bytes == NULL)
        goto out;
    Py_ssize_t count = PySlice_AdjustIndices(self->frame.len, &start, &stop, step);
    if (count != from.len) {
        raise_code(IXY_E_RANGE, PyUnicode_FromFormat("%zd bytes do not fit a slice of %zd bytes; a packet changes its "
                                                     "length only by resize()", from.len, count));
        goto out;
    }
    if (step == 1) {
        memmove(bytes + start, from.buf, (size_t)count);
    } else {
        for (Py_ssize_t i = 0; i < count; i++)
            bytes[start + i * step] = ((const uint8_t *)from.buf)[i];
    }
    done = 0;
out:
    PyBuffer_Release(&from);
    return done;
}

static int packet_assign(PyObject *object, PyObject *key, PyObject *value)
{
    struct packet *self = (struct packet *)object;
    if (value == NULL) {
        PyErr_SetString(PyExc_TypeError, "a packet's bytes cannot be deleted; resize() changes its length");
        return -1;
    }
    if (PySlice_Check(key))
        return packet_assign_slice(self, key, value);
    long byte = PyLong_AsLong(value);
    if (byte == -1 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
            return -1;
        PyErr_Clear();
    }
    if (byte < 0 || byte > 255) {
        PyErr_SetString(PyExc_ValueError, "byte must be in range(0, 256)");
        return -1;
    }
    Py_ssize_t index;
    if (!packet_owned(self)) {
        packet_stale(self);
        return -1;
    }
    if (packet_index(self, key, &index) < 0)
        return -1;
    uint8_t *bytes = packet_bytes(self);
    if (bytes == NULL)
        return -1;
    bytes[index] = (uint8_t)byte;
    return 0;
}

static PyObject *packet_repr(PyObject *object)
{
    struct packet *self = (struct packet *)object;
    if (!packet_owned(self))
        return PyUnicode_FromString("<ixy.Packet, stale>");
    return PyUnicode_FromFormat("<ixy.Packet of %u bytes>", (unsigned)self->frame.len);
}

static PyObject *packet_to_bytes(PyObject *object, PyObject *none)
{
    (void)none;
    struct packet *self = (struct packet *)object;
    const uint8_t *bytes = packet_bytes(self);
    return bytes != NULL ? PyBytes_FromStringAndSize((const char *)bytes, self->frame.len) : NULL;
}

static PyObject *packet_read(PyObject *object, PyObject *args)
{
    struct packet *self = (struct packet *)object;
    Py_ssize_t at, size;
    if (!PyArg_ParseTuple(args, "nn:read", &at, &size))
        return NULL;
    const uint8_t *bytes = packet_bytes(self);
    if (bytes == NULL)
        return NULL;
    if (at < 0 || size < 0 || at > self->frame.len || size > self->frame.len - at)
        return packet_range(self, at, size);
    return PyBytes_FromStringAndSize((const char *)bytes + at, size);
}

static PyObject *packet_write(PyObject *object, PyObject *args)
{
    struct packet *self = (struct packet *)object;
    Py_ssize_t at;
    Py_buffer from;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(args, "ny*:write", &at, &from))
        return NULL;
    uint8_t *bytes = packet_bytes(self);
    if (bytes != NULL) {
        if (at < 0 || at > self->frame.len || from.len > self->frame.len - at) {
            packet_range(self, at, from.len);
        } else {
            memmove(bytes + at, from.buf, (size_t)from.len);
            result = Py_NewRef(Py_None);
        }
    }
    PyBuffer_Release(&from);
    return result;
}

static PyObject *packet_resize(PyObject *object, PyObject *argument)
{
    struct packet *self = (struct packet *)object;
    const ixy_view *view = &self->memory->view;
    Py_ssize_t size = PyNumber_AsSsize_t(argument, NULL); /* clamps */
    if (size == -1 && PyErr_Occurred())
        return NULL;
    if (packet_bytes(self) == NULL)
        return NULL;
    uint64_t end = ((self->frame.buf & view->index_mask) + 1) * view->buffer_stride;
    Py_ssize_t room = (Py_ssize_t)(end - self->frame.offset);
    if (room > UINT16_MAX)
        room = UINT16_MAX;
    if (size < 0 || size > room)
        return raise_code(IXY_E_FRAME, PyUnicode_FromFormat("a packet of %zd bytes is not possible: its buffer holds 0 "
                                                            "to %zd", size, room));
    self->frame.len = (uint16_t)size;
    Py_RETURN_NONE;
}

static PyObject *packet_free(PyObject *object, PyObject *none)
{
    (void)none;
    struct packet *self = (struct packet *)object;
    if (packet_bytes(self) == NULL)
        return NULL;
    int32_t code = ixy_buf_free(self->memory->pool, &self->frame, 1);
    if (code < 0)
        return raise_code(code, NULL);
    Py_RETURN_NONE;
}

static PyObject *packet_get_owned(PyObject *object, void *closure)
{
    (void)closure;
    return PyBool_FromLong(packet_owned((struct packet *)object));
}

static PyObject *packet_get_handle(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLongLong(((struct packet *)object)->frame.buf);
}

static PyObject *packet_get_offset(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLong(((struct packet *)object)->frame.offset);
}

static PyMethodDef packet_methods[] = {
    {"__bytes__", packet_to_bytes, METH_NOARGS, "A copy of the packet's bytes."},
    {"read", packet_read, METH_VARARGS,
     "read(at, size)\n--\n\nA copy of size bytes from position at on; RangeError if they are not all in the packet."},
    {"write", packet_write, METH_VARARGS,
     "write(at, data)\n--\n\nWrites data from position at on; RangeError if it does not lie in the packet."},
    {"resize", packet_resize, METH_O,
     "resize(size)\n--\n\nSets the packet's length in bytes. Bytes that it gains are what the buffer held before.\n"
     "FrameError if the buffer is shorter."},
    {"free", packet_free, METH_NOARGS,
     "free()\n--\n\nGives the buffer back to its pool now; the packet is stale from then on."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef packet_getset[] = {
    {"owned", packet_get_owned, NULL, "Whether the packet is the caller's: not transmitted, freed or closed.", NULL},
    {"handle", packet_get_handle, NULL, "The buffer's handle (ixy_frame.buf), for ixy.raw.", NULL},
    {"offset", packet_get_offset, NULL, "Where the packet begins in Pool.unsafe_view(), bytes.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot packet_slots[] = {
    {Py_tp_doc,
     "A packet: writable bytes in a buffer of a pool, checked on each access.\n\n"
     "len(p), p[i], p[i:j] (a copy), p[i] = byte, p[i:j] = bytes of the same length, bytes(p), iteration.\n\n"
     "Ownership: packets come from Pool.alloc and Device.rx. Device.tx and free() end the ownership; every access\n"
     "after that is HandleError. A packet that is collected gives its buffer back.\n"
     "Errors: HandleError, RangeError (an IndexError), ForkError in a child process.\n"
     "Threads: any; a packet is not to be used by two at once."},
    {Py_tp_dealloc, packet_dealloc},
    {Py_tp_repr, packet_repr},
    {Py_tp_methods, packet_methods},
    {Py_tp_getset, packet_getset},
    {Py_sq_length, packet_length},
    {Py_sq_item, packet_item},
    {Py_mp_length, packet_length},
    {Py_mp_subscript, packet_subscript},
    {Py_mp_ass_subscript, packet_assign},
    {0, NULL},
};

static PyType_Spec packet_spec = {
    .name = "ixy.Packet",
    .basicsize = sizeof(struct packet),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = packet_slots,
};

/* ---- functions ---- */

/* An argument that the ABI takes as uint32_t. Returns 0, or -1 with an exception set. */
static int argument_u32(PyObject *object, const char *name, uint32_t *value)
{
    long long number = PyLong_AsLongLong(object);
    if (number == -1 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
            return -1;
        PyErr_Clear();
    }
    if (number < 0 || number > UINT32_MAX) {
        raise_code(IXY_E_RANGE, PyUnicode_FromFormat("%s is out of range: %R", name, object));
        return -1;
    }
    *value = (uint32_t)number;
    return 0;
}

/* A frame array of count, on the caller's stack if it fits. NULL with an exception set if the ABI takes no so many. */
static ixy_frame *frames_new(ixy_frame *stack, uint32_t count)
{
    if (count <= STACK_FRAMES)
        return stack;
    if (count > IXY_BATCH_MAX)
        return raise_code(IXY_E_RANGE, PyUnicode_FromFormat("%u packets are more than one call takes (%d)",
                                                            (unsigned)count, IXY_BATCH_MAX));
    ixy_frame *frames = PyMem_Malloc(count * sizeof(*frames));
    return frames != NULL ? frames : (ixy_frame *)PyErr_NoMemory();
}

static void frames_free(ixy_frame *stack, ixy_frame *frames)
{
    if (frames != stack)
        PyMem_Free(frames);
}

/* The caller's frames as a list of packets; without memory for it the buffers go back to the pool. */
static PyObject *packets_from_frames(struct memory *memory, const ixy_frame *frames, int32_t count)
{
    PyObject *list = PyList_New(count);
    for (int32_t i = 0; i < count; i++) {
        PyObject *packet = list != NULL ? packet_new(memory, &frames[i]) : NULL;
        if (packet == NULL) {
            ixy_buf_free(memory->pool, frames + i, (uint32_t)(count - i));
            Py_XDECREF(list);
            return NULL;
        }
        PyList_SetItem(list, i, packet);
    }
    return list;
}

static int argument_memory(PyObject *object)
{
    if (Py_TYPE(object) == memory_type)
        return 0;
    PyErr_SetString(PyExc_TypeError, "expected ixy._packet.Memory");
    return -1;
}

static int argument_count(Py_ssize_t given, Py_ssize_t wanted)
{
    if (given == wanted)
        return 0;
    PyErr_Format(PyExc_TypeError, "expected %zd arguments, not %zd", wanted, given);
    return -1;
}

static PyObject *module_alloc(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    (void)module;
    uint32_t count;
    ixy_frame stack[STACK_FRAMES];
    if (argument_count(nargs, 2) < 0 || argument_memory(args[0]) < 0 || argument_u32(args[1], "count", &count) < 0)
        return NULL;
    struct memory *memory = (struct memory *)args[0];
    ixy_frame *frames = frames_new(stack, count);
    if (frames == NULL)
        return NULL;
    int32_t got = ixy_buf_alloc(memory->pool, frames, count);
    PyObject *list = got >= 0 ? packets_from_frames(memory, frames, got) : raise_code(got, NULL);
    frames_free(stack, frames);
    return list;
}

static PyObject *module_rx(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    (void)module;
    uint32_t queue, count;
    ixy_frame stack[STACK_FRAMES];
    if (argument_count(nargs, 4) < 0 || argument_memory(args[0]) < 0)
        return NULL;
    struct memory *memory = (struct memory *)args[0];
    uint64_t device = PyLong_AsUnsignedLongLong(args[1]);
    if (PyErr_Occurred() || argument_u32(args[2], "queue", &queue) < 0 || argument_u32(args[3], "count", &count) < 0)
        return NULL;
    ixy_frame *frames = frames_new(stack, count);
    if (frames == NULL)
        return NULL;
    int32_t got = ixy_rx_batch(device, queue, frames, count);
    PyObject *list = got >= 0 ? packets_from_frames(memory, frames, got) : raise_code(got, NULL);
    frames_free(stack, frames);
    return list;
}

/* Hands the packets of a list to ixy_tx_batch (device) or ixy_buf_free (pool). */
static PyObject *packets_give(uint64_t pool, uint64_t device, uint32_t queue, PyObject *packets)
{
    ixy_frame stack[STACK_FRAMES];
    PyObject *list = PyList_Check(packets) ? Py_NewRef(packets) : PySequence_List(packets);
    if (list == NULL)
        return NULL;
    PyObject *result = NULL;
    Py_ssize_t count = PyList_Size(list);
    ixy_frame *frames = frames_new(stack, count > IXY_BATCH_MAX ? IXY_BATCH_MAX + 1 : (uint32_t)count);
    if (frames == NULL)
        goto out;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PyList_GetItem(list, i);
        if (Py_TYPE(item) != packet_type) {
            PyErr_Format(PyExc_TypeError, "item %zd is not an ixy.Packet: %R", i, item);
            goto out;
        }
        frames[i] = ((struct packet *)item)->frame;
    }
    int32_t done = device != 0 ? ixy_tx_batch(device, queue, frames, (uint32_t)count)
                               : ixy_buf_free(pool, frames, (uint32_t)count);
    result = done >= 0 ? PyLong_FromLong(done) : raise_code(done, NULL);
out:
    if (frames != NULL)
        frames_free(stack, frames);
    Py_DECREF(list);
    return result;
}

static PyObject *module_tx(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    (void)module;
    uint32_t queue;
    if (argument_count(nargs, 3) < 0)
        return NULL;
    uint64_t device = PyLong_AsUnsignedLongLong(args[0]);
    if (PyErr_Occurred() || argument_u32(args[1], "queue", &queue) < 0)
        return NULL;
    return packets_give(0, device, queue, args[2]);
}

static PyObject *module_free(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    (void)module;
    if (argument_count(nargs, 2) < 0 || argument_memory(args[0]) < 0)
        return NULL;
    return packets_give(((struct memory *)args[0])->pool, 0, 0, args[1]);
}

static PyObject *module_set_error_factory(PyObject *module, PyObject *factory)
{
    (void)module;
    PyObject *before = error_factory;
    error_factory = Py_NewRef(factory);
    Py_XDECREF(before);
    Py_RETURN_NONE;
}

static PyMethodDef module_methods[] = {
    {"alloc", (PyCFunction)(void (*)(void))module_alloc, METH_FASTCALL, "alloc(memory, count): packets from a pool."},
    {"rx", (PyCFunction)(void (*)(void))module_rx, METH_FASTCALL, "rx(memory, device, queue, count): packets received."},
    {"tx", (PyCFunction)(void (*)(void))module_tx, METH_FASTCALL, "tx(device, queue, packets): how many were taken."},
    {"free", (PyCFunction)(void (*)(void))module_free, METH_FASTCALL, "free(memory, packets): how many were given back."},
    {"set_error_factory", module_set_error_factory, METH_O, "Sets the function (code, text) -> exception."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module_definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "ixy._packet",
    .m_doc = "Packets and packet memory, written in C. Not for direct use: see ixy.",
    .m_size = -1,
    .m_methods = module_methods,
};

PyMODINIT_FUNC PyInit__packet(void)
{
    PyObject *module = PyModule_Create(&module_definition);
    if (module == NULL)
        return NULL;
    error_factory = Py_NewRef(PyExc_RuntimeError);
    memory_type = (PyTypeObject *)PyType_FromSpec(&memory_spec);
    packet_type = (PyTypeObject *)PyType_FromSpec(&packet_spec);
    if (memory_type == NULL || packet_type == NULL ||
        PyModule_AddObjectRef(module, "Memory", (PyObject *)memory_type) < 0 ||
        PyModule_AddObjectRef(module, "Packet", (PyObject *)packet_type) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
