/* Operations on all packets of a batch in one call: methods of Frames.
 *
 * Each packet is checked as every accessor of the package checks it: its handle against the ownership table, its place
 * against the buffer that the handle names, the position against its length. A frame is foreign memory (a program may
 * write to the array through ixy.raw): each field is read once, and what was read is what is checked and used. */
#include <string.h>

#include "objects.h"

typedef uint64_t __attribute__((may_alias)) frame_word;

static inline ixy_frame frame_read(const ixy_frame *from)
{
    uint64_t words[2];
    ixy_frame frame;
    for (int i = 0; i < 2; i++)
        words[i] = __atomic_load_n((const frame_word *)from + i, __ATOMIC_RELAXED);
    memcpy(&frame, words, sizeof(frame));
    return frame;
}

/* Why bytes [at, at + size) of the packet may not be touched: 0 (they may), IXY_E_HANDLE, IXY_E_FRAME, IXY_E_RANGE. */
static inline int32_t frame_check(const ixy_view *view, ixy_frame frame, uint32_t at, uint32_t size)
{
    uint64_t index = frame.buf & view->index_mask;
    uint64_t first = index * view->buffer_stride;
    if (frame.buf == 0 || __atomic_load_n(&view->owner[index], __ATOMIC_RELAXED) != frame.buf)
        return IXY_E_HANDLE;
    if (frame.offset < first || (uint64_t)frame.offset + frame.len > first + view->buffer_stride)
        return IXY_E_FRAME;
    if ((uint64_t)at + size > frame.len)
        return IXY_E_RANGE;
    return 0;
}

/* What a call needs of its batch, taken once. As copies: so the compiler knows that no packet byte is part of them.
 * Empty for a batch that was not initialised. */
struct bulk {
    ixy_view view;
    const ixy_frame *frames;
    uint32_t count;
};

static inline struct bulk bulk_of(const struct frames *self)
{
    if (self->memory == NULL)
        return (struct bulk){.count = 0};
    return (struct bulk){.view = self->memory->view, .frames = self->frames, .count = self->count};
}

/* Raises why a packet failed its check. Returns NULL. */
static void *frame_failed(const struct frames *self, uint32_t position, ixy_frame frame, uint32_t at, uint32_t size)
{
    uint8_t none;
    if (ixy_buf_read(self->memory->pool, &frame, 0, &none, 0) == IXY_E_FORK)
        return raise_code(IXY_E_FORK, NULL);
    int32_t code = frame_check(&self->memory->view, frame, at, size);
    if (code == IXY_E_RANGE)
        return raise_code(code, PyUnicode_FromFormat("bytes %u to %llu are not in packet %u of the batch, which has %u",
                                                     (unsigned)at, (unsigned long long)at + size, (unsigned)position,
                                                     (unsigned)frame.len));
    if (code == IXY_E_FRAME)
        return raise_code(code, PyUnicode_FromFormat("packet %u of the batch cannot have %u bytes: they do not fit its "
                                                     "buffer",
                                                     (unsigned)position, (unsigned)frame.len));
    return raise_code(IXY_E_HANDLE,
                      PyUnicode_FromFormat("packet %u of the batch is stale: it was transmitted or freed, "
                                           "or its pool was closed",
                                           (unsigned)position));
}

PyObject *bulk_add_u8(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    struct frames *self = (struct frames *)object;
    uint32_t at;
    if (argument_count(nargs, 2) < 0 || argument_u32(args[0], "at", &at) < 0)
        return NULL;
    unsigned long delta = PyLong_AsUnsignedLongMask(args[1]);
    if (delta == (unsigned long)-1 && PyErr_Occurred())
        return NULL;
    const struct bulk bulk = bulk_of(self);
    for (uint32_t i = 0; i < bulk.count; i++) {
        ixy_frame frame = frame_read(&bulk.frames[i]);
        if (frame_check(&bulk.view, frame, at, 1) != 0)
            return frame_failed(self, i, frame, at, 1);
        bulk.view.base[(uint64_t)frame.offset + at] += (uint8_t)delta;
    }
    Py_RETURN_NONE;
}

PyObject *bulk_read(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"at", "size", NULL};
    struct frames *self = (struct frames *)object;
    PyObject *place, *length = NULL;
    uint32_t at;
    uint16_t size = 1;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|O:bulk_read", names, &place, &length) ||
        argument_u32(place, "at", &at) < 0 || (length != NULL && argument_u16(length, "size", &size) < 0))
        return NULL;
    const struct bulk bulk = bulk_of(self); /* making the result runs no code of the caller's */
    PyObject *result = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)bulk.count * size);
    if (result == NULL)
        return NULL;
    char *to = PyBytes_AsString(result);
    for (uint32_t i = 0; i < bulk.count; i++) {
        ixy_frame frame = frame_read(&bulk.frames[i]);
        if (frame_check(&bulk.view, frame, at, size) != 0) {
            Py_DECREF(result);
            return frame_failed(self, i, frame, at, size);
        }
        memcpy(to + (size_t)i * size, bulk.view.base + frame.offset + at, size);
    }
    return result;
}

/* Writes size bytes to `at` on of each packet from bytes, which moves on by step (0: the same for each packet). They
 * are not packet memory. */
static PyObject *bulk_store(const struct frames *self, uint32_t at, uint32_t size, const uint8_t *bytes, uint32_t step)
{
    const struct bulk bulk = bulk_of(self);
    for (uint32_t i = 0; i < bulk.count; i++) {
        ixy_frame frame = frame_read(&bulk.frames[i]);
        if (frame_check(&bulk.view, frame, at, size) != 0)
            return frame_failed(self, i, frame, at, size);
        memcpy(bulk.view.base + frame.offset + at, bytes + (uint64_t)i * step, size);
    }
    Py_RETURN_NONE;
}

/* bulk_store from bytes, total of them, that may be packet memory: what it writes to one packet is then not what it
 * reads for the next. */
static PyObject *bulk_store_foreign(const struct frames *self, uint32_t at, uint32_t size, const void *bytes,
                                    uint32_t step, size_t total)
{
    void *copy;
    PyObject *result = NULL;
    if (memory_source(self->memory, &bytes, total, &copy) == 0)
        result = bulk_store(self, at, size, bytes, step);
    PyMem_Free(copy);
    return result;
}

PyObject *bulk_write(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"at", "size", "data", NULL};
    struct frames *self = (struct frames *)object;
    PyObject *place, *length, *data, *result;
    uint32_t at;
    uint16_t size;
    Py_buffer from;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOO:bulk_write", names, &place, &length, &data) ||
        argument_u32(place, "at", &at) < 0 || argument_u16(length, "size", &size) < 0 ||
        PyObject_GetBuffer(data, &from, PyBUF_SIMPLE) < 0)
        return NULL;
    if (from.len == (Py_ssize_t)self->count * size)
        result = bulk_store_foreign(self, at, size, from.buf, size, (size_t)from.len);
    else
        result = raise_code(IXY_E_RANGE, PyUnicode_FromFormat("data has %zd bytes: expected %u for each of %u packets",
                                                              from.len, (unsigned)size, (unsigned)self->count));
    PyBuffer_Release(&from);
    return result;
}

PyObject *bulk_fill(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"at", "data", NULL};
    struct frames *self = (struct frames *)object;
    PyObject *place, *data;
    uint32_t at;
    Py_buffer from;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO:bulk_fill", names, &place, &data) ||
        argument_u32(place, "at", &at) < 0 || PyObject_GetBuffer(data, &from, PyBUF_SIMPLE) < 0)
        return NULL;
    /* What is longer than any packet fails like what is one byte longer. */
    uint32_t size = from.len > UINT16_MAX ? UINT16_MAX + 1 : (uint32_t)from.len;
    PyObject *result = bulk_store_foreign(self, at, size, from.buf, 0, size <= UINT16_MAX ? size : 0);
    PyBuffer_Release(&from);
    return result;
}

/* A length as a number of the caller's; RangeError of the gate becomes the FrameError of a length. */
static int length_of(PyObject *object, uint16_t *length)
{
    PyObject *exact = PyNumber_Index(object);
    if (exact == NULL)
        return -1;
    unsigned long long number = PyLong_AsUnsignedLongLong(exact);
    Py_DECREF(exact);
    if (PyErr_Occurred() || number > UINT16_MAX) {
        PyErr_Clear();
        raise_code(IXY_E_FRAME,
                   PyUnicode_FromString("a packet has 0 to 65535 bytes, and at most what its buffer holds"));
        return -1;
    }
    *length = (uint16_t)number;
    return 0;
}

/* The lengths as an array, count of them, that is the caller's to free; NULL with an exception set. */
static uint16_t *lengths_of(PyObject *sizes, Py_ssize_t *count)
{
    PyObject *list = PySequence_List(sizes); /* our own: nobody changes it while its items are converted */
    if (list == NULL)
        return NULL;
    *count = PyList_Size(list);
    uint16_t *lengths = PyMem_Malloc((size_t)*count * sizeof(*lengths));
    if (lengths == NULL)
        PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < *count && lengths != NULL; i++) {
        if (length_of(PyList_GetItem(list, i), &lengths[i]) < 0) {
            PyMem_Free(lengths);
            lengths = NULL;
        }
    }
    Py_DECREF(list);
    return lengths;
}

/* Sets the length of each packet to lengths[i * step]. */
static PyObject *lengths_store(struct frames *self, const uint16_t *lengths, uint32_t step)
{
    const struct bulk bulk = bulk_of(self);
    for (uint32_t i = 0; i < bulk.count; i++) {
        ixy_frame frame = frame_read(&bulk.frames[i]);
        frame.len = lengths[(uint64_t)i * step];
        if (frame_check(&bulk.view, frame, 0, 0) != 0)
            return frame_failed(self, i, frame, 0, 0);
        self->frames[i].len = frame.len;
    }
    Py_RETURN_NONE;
}

PyObject *bulk_resize(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"size", NULL};
    struct frames *self = (struct frames *)object;
    PyObject *size;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O:resize", names, &size))
        return NULL;
    if (PyIndex_Check(size)) {
        uint16_t one;
        if (length_of(size, &one) == 0)
            return lengths_store(self, &one, 0);
        if (!PyErr_ExceptionMatches(PyExc_TypeError) || !PySequence_Check(size))
            return NULL;
        PyErr_Clear(); /* a NumPy array has an __index__, which refuses all that are not of one value */
    }
    Py_ssize_t count;
    uint16_t *lengths = lengths_of(size, &count);
    if (lengths == NULL)
        return NULL;
    PyObject *result;
    if (count == self->count)
        result = lengths_store(self, lengths, 1);
    else
        result =
            raise_code(IXY_E_RANGE, PyUnicode_FromFormat("%zd lengths for %u packets", count, (unsigned)self->count));
    PyMem_Free(lengths);
    return result;
}

/* The arguments (at, size, buffer) of a method, and the buffer's bytes, which are to be `size` for each packet. What
 * makes the buffer's size is Python code, and the batch may have changed since. Returns 0, or -1 with an exception set.
 */
static int values_arguments(const struct frames *self, PyObject *const *args, Py_ssize_t nargs, int flags, uint16_t *at,
                            uint16_t *size, Py_buffer *values)
{
    if (argument_count(nargs, 3) < 0 || argument_u16(args[0], "at", at) < 0 ||
        argument_u16(args[1], "size", size) < 0 || PyObject_GetBuffer(args[2], values, flags) < 0)
        return -1;
    if (values->len == (Py_ssize_t)self->count * *size)
        return 0;
    raise_code(IXY_E_RANGE, PyUnicode_FromFormat("the batch changed meanwhile: expected %u bytes for each of its %u "
                                                 "packets, not %zd in all",
                                                 (unsigned)*size, (unsigned)self->count, values->len));
    PyBuffer_Release(values);
    return -1;
}

PyObject *bulk_gather(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    struct frames *self = (struct frames *)object;
    uint16_t at, size;
    Py_buffer to;
    if (values_arguments(self, args, nargs, PyBUF_WRITABLE, &at, &size, &to) < 0)
        return NULL;
    const struct bulk bulk = bulk_of(self);
    PyObject *result = Py_None;
    for (uint32_t i = 0; i < bulk.count && result != NULL; i++) {
        ixy_frame frame = frame_read(&bulk.frames[i]);
        if (frame_check(&bulk.view, frame, at, size) != 0)
            result = frame_failed(self, i, frame, at, size);
        else
            memcpy((uint8_t *)to.buf + (size_t)i * size, bulk.view.base + frame.offset + at, size);
    }
    PyBuffer_Release(&to);
    return Py_XNewRef(result);
}

/* Raises why bytes [at, at + size) of a packet may not be touched, if there is such a packet. Returns 0 or -1. */
static int bulk_check(const struct frames *self, uint32_t at, uint32_t size)
{
    const struct bulk bulk = bulk_of(self);
    for (uint32_t i = 0; i < bulk.count; i++) {
        ixy_frame frame = frame_read(&bulk.frames[i]);
        if (frame_check(&bulk.view, frame, at, size) != 0) {
            frame_failed(self, i, frame, at, size);
            return -1;
        }
    }
    return 0;
}

PyObject *bulk_scatter(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    struct frames *self = (struct frames *)object;
    uint16_t at, size;
    Py_buffer from;
    if (values_arguments(self, args, nargs, PyBUF_SIMPLE, &at, &size, &from) < 0)
        return NULL;
    /* All are checked before the first is written, and each again when it is: the raw layer frees without the GIL. */
    PyObject *result = bulk_check(self, at, size) == 0 ? bulk_store(self, at, size, from.buf, size) : NULL;
    PyBuffer_Release(&from);
    return result;
}

PyObject *bulk_metadata(PyObject *object, PyObject *none)
{
    (void)none;
    struct frames *self = (struct frames *)object;
    const struct bulk bulk = bulk_of(self);
    PyObject *result = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)(bulk.count * sizeof(ixy_metadata)));
    if (result == NULL)
        return NULL;
    char *to = PyByteArray_AsString(result);
    for (uint32_t i = 0; i < bulk.count; i++) {
        ixy_frame frame = frame_read(&bulk.frames[i]);
        ixy_metadata record = {.flags = 0};
        if (frame_check(&bulk.view, frame, 0, 0) != 0) {
            Py_DECREF(result);
            return frame_failed(self, i, frame, 0, 0);
        }
        if (frame.flags & IXY_FRAME_METADATA)
            record = bulk.view.metadata[frame.buf & bulk.view.index_mask];
        memcpy(to + i * sizeof(record), &record, sizeof(record));
    }
    return result;
}
