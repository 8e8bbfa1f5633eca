/* Packet: one packet, checked on each access. */
#include <string.h>

#include "objects.h"

void *packet_stale(const struct packet *packet)
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
    return raise_code(IXY_E_RANGE,
                      PyUnicode_FromFormat("%zd bytes from position %zd on are not in a packet of %u bytes", size, at,
                                           (unsigned)packet->frame.len));
}

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

PyObject *packet_new(struct memory *memory, const ixy_frame *frame)
{
    struct packet *packet = PyObject_New(struct packet, packet_type);
    if (packet == NULL)
        return NULL;
    Py_INCREF((PyObject *)memory);
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
    Py_DECREF((PyObject *)self->memory);
    PyObject_Free(object);
    Py_DECREF((PyObject *)type);
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
    Py_ssize_t at = PyLong_Check(key) ? PyLong_AsSsize_t(key) : PyNumber_AsSsize_t(key, PyExc_OverflowError);
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
        return packet_stale(self);
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
                                                     "length only by resize()",
                                                     from.len, count));
        goto out;
    }
    if (step == 1) {
        memmove(bytes + start, from.buf, (size_t)count);
        done = 0;
        goto out;
    }
    void *copy;
    const void *source = from.buf;
    if (memory_source(self->memory, &source, (size_t)count, &copy) == 0) {
        for (Py_ssize_t i = 0; i < count; i++)
            bytes[start + i * step] = ((const uint8_t *)source)[i];
        done = 0;
    }
    PyMem_Free(copy);
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
    uint64_t byte;
    Py_ssize_t index;
    if (argument_number(value, "byte", 0, UINT8_MAX, &byte) < 0)
        return -1;
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

static PyObject *packet_read(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    struct packet *self = (struct packet *)object;
    uint16_t at, size;
    if (argument_count(nargs, 2) < 0 || argument_u16(args[0], "at", &at) < 0 ||
        argument_u16(args[1], "size", &size) < 0)
        return NULL;
    const uint8_t *bytes = packet_bytes(self);
    if (bytes == NULL)
        return NULL;
    if (at > self->frame.len || size > self->frame.len - at)
        return packet_range(self, at, size);
    return PyBytes_FromStringAndSize((const char *)bytes + at, size);
}

static PyObject *packet_write(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    struct packet *self = (struct packet *)object;
    uint16_t at;
    Py_buffer from;
    PyObject *result = NULL;
    if (argument_count(nargs, 2) < 0 || argument_u16(args[0], "at", &at) < 0 ||
        PyObject_GetBuffer(args[1], &from, PyBUF_SIMPLE) < 0)
        return NULL;
    uint8_t *bytes = packet_bytes(self);
    if (bytes != NULL) {
        if (at > self->frame.len || from.len > self->frame.len - at) {
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
                                                            "to %zd",
                                                            size, room));
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

static PyObject *packet_get_flags(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLong(((struct packet *)object)->frame.flags);
}

static PyMethodDef packet_methods[] = {
    {"__bytes__", packet_to_bytes, METH_NOARGS, "A copy of the packet's bytes."},
    {"read", (PyCFunction)(void (*)(void))packet_read, METH_FASTCALL,
     "read($self, at, size, /)\n--\n\nA copy of size bytes from position at on; RangeError if they are not all in the "
     "packet."},
    {"write", (PyCFunction)(void (*)(void))packet_write, METH_FASTCALL,
     "write($self, at, data, /)\n--\n\nWrites data from position at on; RangeError if it does not lie in the packet."},
    {"resize", packet_resize, METH_O,
     "resize($self, size, /)\n--\n\nSets the packet's length in bytes. Bytes that it gains are what the buffer held "
     "before.\n"
     "FrameError if the buffer is shorter."},
    {"set_checksum", (PyCFunction)(void (*)(void))packet_set_checksum, METH_VARARGS | METH_KEYWORDS,
     "set_checksum($self, /, *, ip=True, l4=None, l2_len=14, l3_len=20)\n--\n\n"
     "Has the device fill in checksums when the packet is sent: the IPv4 header's (ip), and that of l4, \"tcp\" or\n"
     "\"udp\". l2_len: bytes before the IP header, l3_len: bytes of the IP header. ip=False and l4=None: none.\n\n"
     "The device must have been opened with Capability.TX_CHECKSUM: Device.tx raises UnsupportedError if it was not,\n"
     "and FrameError if the headers do not lie as told."},
    {"free", packet_free, METH_NOARGS,
     "free($self, /)\n--\n\nGives the buffer back to its pool now; the packet is stale from then on."},
    {"__reduce__", object_no_copy, METH_NOARGS, "TypeError."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef packet_getset[] = {
    {"owned", packet_get_owned, NULL, "Whether the packet is the caller's: not transmitted, freed or closed.", NULL},
    {"handle", packet_get_handle, NULL, "The buffer's handle (ixy_frame.buf), for ixy.raw.", NULL},
    {"offset", packet_get_offset, NULL, "Where the packet begins in Pool.unsafe_view(), bytes.", NULL},
    {"flags", packet_get_flags, NULL, "IXY_FRAME_* of the frame (ixy_frame.flags), for ixy.raw.", NULL},
    {"timestamp", packet_get_timestamp, NULL,
     "When it was received, nanoseconds of the device's clock, which begins at the device's start; None without\n"
     "Capability.RX_TIMESTAMP.",
     NULL},
    {"vlan", packet_get_vlan, packet_set_vlan,
     "The packet's VLAN tag (tag control information: id in the low 12 bits, priority in the upper 3), which is not\n"
     "among its bytes; None: it has none. Received with Capability.VLAN_STRIP, put in by one with VLAN_INSERT.",
     NULL},
    {"ip_good", packet_get_ip_good, NULL,
     "Whether the device found the IPv4 header's checksum right; None: it did not look (Capability.RX_CHECKSUM).",
     NULL},
    {"l4_good", packet_get_l4_good, NULL,
     "Whether the device found the TCP or UDP checksum right; None: it did not look (Capability.RX_CHECKSUM).", NULL},
    {"more", packet_get_more, packet_set_more,
     "Whether the packet goes on in the one after it: longer packets than a buffer are several of these.", NULL},
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

PyType_Spec packet_spec = {
    .name = "ixy.Packet",
    .basicsize = sizeof(struct packet),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = packet_slots,
};
