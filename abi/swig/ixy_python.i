/* What Python has of its own: see ixy_unified.i. Wants SWIG's -builtin, which makes classes without a layer in Python.
 *
 * Calls that may take long (rx_wait, and those that talk to a device) let other threads of Python run; calls that move
 * packets are too short for that. memoryview(Frames) and memoryview(Memory) are their memory, for NumPy and the like:
 * it is there as long as the memoryview is, and nothing checks who owns the packets in it. */
%nothread;
%thread ixy_rx_wait;
%thread ixy_device_open;
%thread ixy_device_start;
%thread ixy_device_reset;
%thread ixy_device_close;

%{
static PyObject *ixy_error; /* the module's class Error */

static void ixy_raise(int32_t code, const char *text)
{
    PyObject *error = PyObject_CallFunction(ixy_error, "(N)", PyUnicode_FromFormat("%s: %s", ixy_error_name(code), text));
    PyObject *values[] = {PyLong_FromLong(code), PyUnicode_FromString(ixy_error_name(code)), PyUnicode_FromString(text)};
    const char *const names[] = {"code", "name", "text"};
    for (size_t i = 0; i < 3; i++) {
        if (error && values[i]) {
            (void)PyObject_SetAttrString(error, names[i], values[i]);
        }
        Py_XDECREF(values[i]);
    }
    if (error) {
        PyErr_SetObject(ixy_error, error);
        Py_DECREF(error);
    }
}

static PyObject *ixy_from_bytes(const void *bytes, size_t size)
{
    return PyBytes_FromStringAndSize((const char *)bytes, (Py_ssize_t)size);
}

/* NULL for what is neither bytes nor bytearray */
static const void *ixy_as_bytes(PyObject *object, size_t *size)
{
    if (PyBytes_Check(object)) {
        *size = (size_t)PyBytes_GET_SIZE(object);
        return PyBytes_AS_STRING(object);
    }
    if (PyByteArray_Check(object)) {
        *size = (size_t)PyByteArray_GET_SIZE(object);
        return PyByteArray_AS_STRING(object);
    }
    return NULL;
}

#define IXY_COLLECT() (void)PyGC_Collect()

#define IXY_REPLACE(result, object)                                                                                    \
    do {                                                                                                               \
        Py_XDECREF(result);                                                                                            \
        (result) = (object);                                                                                           \
    } while (0)

/* SWIG gives an object its type in __init__ and reads it everywhere: a class that inherits and forgets __init__ would
 * crash. So each begins with a type that is none of the module's, for which all refuse it. SWIG has no option for a
 * tp_new of one's own: it sets PyType_GenericNew, by that name. */
static PyObject *ixy_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    PyObject *object = PyType_GenericNew(type, args, keywords);
    if (object) {
        ((SwigPyObject *)object)->ty = SWIGTYPE_p_char;
    }
    return object;
}
#define PyType_GenericNew ixy_new

static int buffer(PyObject *object, Py_buffer *view, int flags, void *memory, uint64_t size)
{
    if (!memory) {
        PyErr_SetString(PyExc_TypeError, "there is no object");
        return -1;
    }
    return PyBuffer_FillInfo(view, object, memory, (Py_ssize_t)size, 0, flags);
}

static int frames_buffer(PyObject *object, Py_buffer *view, int flags)
{
    Frames *frames = (Frames *)((SwigPyObject *)object)->ptr;
    return buffer(object, view, flags, frames ? frames->items : NULL,
                  frames ? frames->capacity * sizeof frames->items[0] : 0);
}

static int memory_buffer(PyObject *object, Py_buffer *view, int flags)
{
    const Memory *memory = (const Memory *)((SwigPyObject *)object)->ptr;
    return buffer(object, view, flags, memory ? memory->view.base : NULL, memory ? memory->view.size : 0);
}
%}

%feature("python:bf_getbuffer", functype="getbufferproc") Frames "frames_buffer";
%feature("python:bf_getbuffer", functype="getbufferproc") Memory "memory_buffer";

%init
%{
    if (ixy_abi_version() != IXY_ABI_VERSION) {
        PyErr_Format(PyExc_ImportError, "libixy.so has ABI %u, this module was made for %u", ixy_abi_version(),
                     IXY_ABI_VERSION);
        return NULL;
    }
    ixy_error = PyErr_NewExceptionWithDoc("ixy_swig.Error", "A call of libixy failed: code, name, text.", NULL, NULL);
    if (!ixy_error || PyModule_AddObject(m, "Error", Py_NewRef(ixy_error)) < 0) {
        return NULL;
    }
    SwigPyBuiltin_AddPublicSymbol(public_interface, "Error");
%}
