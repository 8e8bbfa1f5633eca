/* The module ixy._packet: its functions, its errors, its arguments. */
#include "objects.h"

PyTypeObject *memory_type;
PyTypeObject *packet_type;
PyObject *error_factory;

void *raise_code(int32_t code, PyObject *text)
{
    PyObject *error = PyObject_CallFunction(error_factory, "iO", (int)code, text != NULL ? text : Py_None);
    Py_XDECREF(text);
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return NULL;
}

int argument_count(Py_ssize_t given, Py_ssize_t wanted)
{
    if (given == wanted)
        return 0;
    PyErr_Format(PyExc_TypeError, "expected %zd arguments, not %zd", wanted, given);
    return -1;
}

int argument_memory(PyObject *object)
{
    if (Py_TYPE(object) == memory_type)
        return 0;
    PyErr_SetString(PyExc_TypeError, "expected ixy._packet.Memory");
    return -1;
}

int argument_u32(PyObject *object, const char *name, uint32_t *value)
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

int argument_u64(PyObject *object, uint64_t *value)
{
    *value = PyLong_AsUnsignedLongLong(object);
    return *value == UINT64_MAX && PyErr_Occurred() ? -1 : 0;
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
    {"alloc", (PyCFunction)(void (*)(void))packets_alloc, METH_FASTCALL, "alloc(memory, count): packets from a pool."},
    {"rx", (PyCFunction)(void (*)(void))packets_rx, METH_FASTCALL,
     "rx(memory, device, queue, count): packets received."},
    {"tx", (PyCFunction)(void (*)(void))packets_tx, METH_FASTCALL, "tx(device, queue, packets): how many were taken."},
    {"free", (PyCFunction)(void (*)(void))packets_free, METH_FASTCALL,
     "free(memory, packets): how many were given back."},
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
    PyObject *frames_type = PyType_FromSpec(&frames_spec);
    if (memory_type == NULL || packet_type == NULL || frames_type == NULL ||
        PyModule_AddObjectRef(module, "Frames", frames_type) < 0 ||
        PyModule_AddObjectRef(module, "Memory", (PyObject *)memory_type) < 0 ||
        PyModule_AddObjectRef(module, "Packet", (PyObject *)packet_type) < 0) {
        Py_XDECREF(frames_type);
        Py_DECREF(module);
        return NULL;
    }
    Py_DECREF(frames_type);
    return module;
}
