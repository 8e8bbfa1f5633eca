/* The module ixy._packet: its types, its functions, its errors. */
#include <string.h>

#include "objects.h"

PyTypeObject *memory_type;
PyTypeObject *device_type;
PyTypeObject *packet_type;
PyTypeObject *frames_type;
PyTypeObject *frame_array_type;
static PyTypeObject *waiter_type;
PyObject *error_factory;

void *raise_code(int32_t code, PyObject *text)
{
    if (text == NULL)
        PyErr_Clear();
    PyObject *error = PyObject_CallFunction(error_factory, "iO", (int)code, text != NULL ? text : Py_None);
    Py_XDECREF(text);
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return NULL;
}

void *raise_text(int32_t code, const char *text)
{
    return raise_code(code, PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace"));
}

PyObject *object_no_copy(PyObject *object, PyObject *none)
{
    (void)none;
    PyObject *name = PyType_GetName(Py_TYPE(object));
    if (name != NULL)
        PyErr_Format(PyExc_TypeError, "an ixy.%U cannot be copied or pickled: what it owns has one owner", name);
    Py_XDECREF(name);
    return NULL;
}

static PyObject *module_set_error_factory(PyObject *module, PyObject *factory)
{
    (void)module;
    PyObject *before = error_factory;
    error_factory = Py_NewRef(factory);
    Py_XDECREF(before);
    Py_RETURN_NONE;
}

static PyObject *module_no_copy(PyObject *module, PyObject *object)
{
    (void)module;
    return object_no_copy(object, NULL);
}

static PyMethodDef module_methods[] = {
    {"alloc", (PyCFunction)(void (*)(void))packets_alloc, METH_FASTCALL, "alloc(memory, count): packets from a pool."},
    {"rx", (PyCFunction)(void (*)(void))packets_rx, METH_FASTCALL, "rx(device, queue, count): packets received."},
    {"tx", (PyCFunction)(void (*)(void))packets_tx, METH_FASTCALL, "tx(device, queue, packets): how many were taken."},
    {"free", (PyCFunction)(void (*)(void))packets_free, METH_FASTCALL,
     "free(memory, packets): how many were given back."},
    {"rx_batch", (PyCFunction)(void (*)(void))frames_rx, METH_FASTCALL,
     "rx_batch(device, queue, batch): appends to the batch, how many."},
    {"tx_batch", (PyCFunction)(void (*)(void))frames_tx, METH_FASTCALL,
     "tx_batch(device, queue, batch): takes from the batch's front, how many."},
    {"number", (PyCFunction)(void (*)(void))argument_get_number, METH_FASTCALL,
     "number(name, value, least=0, most=4294967295): the value as an exact int; RangeError if it is out of range."},
    {"seconds", argument_get_seconds, METH_O,
     "seconds(value): the value as an exact float; ArgumentError if it is negative."},
    {"no_copy", module_no_copy, METH_O, "no_copy(object): raises the TypeError of what cannot be copied."},
    {"set_error_factory", module_set_error_factory, METH_O, "Sets the function (code, text) -> exception."},
    {NULL, NULL, 0, NULL},
};

/* Makes a type, once a process, and adds it to the module. Returns 0, or -1 with an exception set. */
static int module_add_type(PyObject *module, PyTypeObject **type, PyType_Spec *spec, const char *name)
{
    if (*type == NULL)
        *type = (PyTypeObject *)PyType_FromSpec(spec);
    return *type != NULL ? PyModule_AddObjectRef(module, name, (PyObject *)*type) : -1;
}

/* Types and errors of this module belong to one interpreter. Another that used them would free what is the first's. */
static int module_exec(PyObject *module)
{
    if (PyInterpreterState_GetID(PyInterpreterState_Get()) != 0) {
        PyErr_SetString(PyExc_ImportError, "ixy works in the main interpreter only, not in a sub-interpreter");
        return -1;
    }
    if (error_factory == NULL)
        error_factory = Py_NewRef(PyExc_RuntimeError);
    if (module_add_type(module, &memory_type, &memory_spec, "Memory") < 0 ||
        module_add_type(module, &device_type, &device_spec, "OpenDevice") < 0 ||
        module_add_type(module, &waiter_type, &waiter_spec, "Waiter") < 0 ||
        module_add_type(module, &packet_type, &packet_spec, "Packet") < 0 ||
        module_add_type(module, &frame_array_type, &frame_array_spec, "FrameArray") < 0 ||
        module_add_type(module, &frames_type, &frames_spec, "Frames") < 0)
        return -1;
    return 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec}, /* runs in each interpreter, which PyInit__packet need not */
    {0, NULL},
};

static struct PyModuleDef module_definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "ixy._packet",
    .m_doc = "Packets and packet memory, written in C. Not for direct use: see ixy.",
    .m_methods = module_methods,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__packet(void)
{
    return PyModuleDef_Init(&module_definition);
}
