/* OpenDevice: a device's handle, with what waiting on its queues needs. */
#include "objects.h"

/* The address as the library takes it; a new reference to bytes, NULL with an exception set. */
static PyObject *device_address(PyObject *object)
{
    PyObject *path = PyOS_FSPath(object), *bytes = NULL;
    if (path == NULL)
        return NULL;
    if (!PyUnicode_FSConverter(path, &bytes) && PyErr_ExceptionMatches(PyExc_ValueError)) {
        PyErr_Clear();
        raise_code(IXY_E_ADDRESS,
                   PyUnicode_FromFormat("address %R: expected text of the file system's encoding without "
                                        "a NUL character",
                                        path));
    }
    Py_DECREF(path);
    return bytes;
}

/* The numbers of a device's configuration. Returns 0, or -1 with an exception set. */
static int device_config(PyObject *const numbers[6], ixy_device_config *config)
{
    static const struct {
        const char *name;
        uint64_t least; /* 1 where the ABI would replace a 0 by a default: who says 0 here means it */
    } known[6] = {{"rx_queues", 1},    {"tx_queues", 1}, {"rx_ring_size", 1},
                  {"tx_ring_size", 1}, {"offloads", 0},  {"frame_len_max", 1}};
    uint64_t values[6];
    for (int i = 0; i < 6; i++) {
        if (argument_number(numbers[i], known[i].name, known[i].least, UINT32_MAX, &values[i]) < 0)
            return -1;
    }
    *config = (ixy_device_config){.struct_size = sizeof(*config),
                                  .rx_queues = (uint32_t)values[0],
                                  .tx_queues = (uint32_t)values[1],
                                  .rx_ring_size = (uint32_t)values[2],
                                  .tx_ring_size = (uint32_t)values[3],
                                  .offloads = (uint32_t)values[4],
                                  .frame_len_max = (uint32_t)values[5]};
    return 0;
}

static struct device *device_alloc(PyTypeObject *type, PyObject *memory)
{
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    struct device *self = (struct device *)alloc(type, 0);
    if (self == NULL)
        return NULL;
    Py_INCREF(memory);
    self->memory = (struct memory *)memory;
    for (uint32_t queue = 0; queue < IXY_QUEUES_MAX; queue++)
        self->sleeping[queue] = -1;
    return self;
}

static PyObject *device_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    (void)keywords;
    PyObject *memory, *address, *n[6];
    ixy_device_config config;
    if (!PyArg_ParseTuple(args, "OOOOOOOO:OpenDevice", &memory, &address, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5]) ||
        argument_type(memory, memory_type, "ixy._packet.Memory") < 0 || device_config(n, &config) < 0)
        return NULL;
    PyObject *bytes = device_address(address);
    struct device *self = bytes != NULL ? device_alloc(type, memory) : NULL;
    if (self != NULL) {
        const char *text = PyBytes_AsString(bytes);
        int32_t code;
        config.pool = self->memory->pool;
        Py_BEGIN_ALLOW_THREADS code = ixy_device_open(text, &config, &self->handle);
        Py_END_ALLOW_THREADS self->open = code >= 0;
        if (code < 0) {
            raise_text(code, ixy_last_error());
            Py_DECREF((PyObject *)self);
            self = NULL;
        }
    }
    Py_XDECREF(bytes);
    return (PyObject *)self;
}

static void device_dealloc(PyObject *object)
{
    struct device *self = (struct device *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->handle != 0) {
        Py_BEGIN_ALLOW_THREADS ixy_device_close(self->handle); /* fails harmlessly if it was closed before */
        Py_END_ALLOW_THREADS
    }
    Py_DECREF((PyObject *)self->memory);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF((PyObject *)type);
}

static PyObject *device_close(PyObject *object, PyObject *none)
{
    (void)none;
    struct device *self = (struct device *)object;
    int32_t code;
    self->open = 0;
    Py_BEGIN_ALLOW_THREADS code = ixy_device_close(self->handle);
    Py_END_ALLOW_THREADS if (code < 0 && code != IXY_E_HANDLE &&
                             code != IXY_E_FORK) return raise_text(code, ixy_last_error());
    Py_RETURN_NONE;
}

static PyObject *device_get_handle(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLongLong(((struct device *)object)->handle);
}

static PyObject *device_get_open(PyObject *object, void *closure)
{
    (void)closure;
    return PyBool_FromLong(((struct device *)object)->open);
}

static PyMethodDef device_methods[] = {
    {"close", device_close, METH_NOARGS, "Closes the device; again: does nothing."},
    {"sleeping", device_sleeping, METH_O, "sleeping(queue): the descriptor that the Waiter on the queue sleeps on."},
    {"__reduce__", object_no_copy, METH_NOARGS, "TypeError."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef device_getset[] = {
    {"handle", device_get_handle, NULL, "The device's handle.", NULL},
    {"open", device_get_open, NULL, "Whether close() was not called yet.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot device_slots[] = {
    {Py_tp_doc,
     "OpenDevice(memory, address, rx_queues, tx_queues, rx_ring_size, tx_ring_size, offloads, frame_len_max): "
     "a device, opened; closes it when it is collected."},
    {Py_tp_new, device_new},
    {Py_tp_dealloc, device_dealloc},
    {Py_tp_methods, device_methods},
    {Py_tp_getset, device_getset},
    {0, NULL},
};

PyType_Spec device_spec = {
    .name = "ixy._packet.OpenDevice",
    .basicsize = sizeof(struct device),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = device_slots,
};
