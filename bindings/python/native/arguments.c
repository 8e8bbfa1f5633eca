/* Arguments: the one gate that numbers come through, and what else is checked before it is used. */
#include "objects.h"

int argument_count(Py_ssize_t given, Py_ssize_t wanted)
{
    if (given == wanted)
        return 0;
    PyErr_Format(PyExc_TypeError, "expected %zd arguments, not %zd", wanted, given);
    return -1;
}

/* Raises that an argument has another type than is expected. Returns -1. */
static int argument_mistyped(PyObject *object, const char *name, const char *expected)
{
    PyObject *type = PyType_GetName(Py_TYPE(object));
    if (type != NULL)
        PyErr_Format(PyExc_TypeError, "%s%sexpected %s, not %U", name, *name != '\0' ? ": " : "", expected, type);
    Py_XDECREF(type);
    return -1;
}

int argument_type(PyObject *object, PyTypeObject *type, const char *expected)
{
    return PyObject_TypeCheck(object, type) ? 0 : argument_mistyped(object, "", expected);
}

/* What PyNumber_Index returns is an exact int: a NumPy scalar's value, or an int subclass's without its operators. */
int argument_number(PyObject *object, const char *name, uint64_t least, uint64_t most, uint64_t *value)
{
    PyObject *exact;
    if (PyLong_CheckExact(object))
        exact = Py_NewRef(object);
    else if (PyIndex_Check(object))
        exact = PyNumber_Index(object);
    else
        return argument_mistyped(object, name, "an integer");
    if (exact == NULL)
        return -1;
    int result = -1;
    uint64_t number = PyLong_AsUnsignedLongLong(exact);
    if (number == UINT64_MAX && PyErr_Occurred())
        PyErr_Clear(); /* negative, or over 64 bits */
    else if (number >= least && number <= most)
        result = 0;
    *value = number;
    if (result < 0) {
        PyObject *text = PyUnicode_FromFormat("%s is out of range: expected %llu to %llu, not %R", name,
                                              (unsigned long long)least, (unsigned long long)most, exact);
        if (text == NULL) { /* Python writes no number of more than 4300 digits */
            PyErr_Clear();
            text = PyUnicode_FromFormat("%s is out of range: expected %llu to %llu", name, (unsigned long long)least,
                                        (unsigned long long)most);
        }
        raise_code(IXY_E_RANGE, text);
    }
    Py_DECREF(exact);
    return result;
}

int argument_u32(PyObject *object, const char *name, uint32_t *value)
{
    uint64_t number;
    if (argument_number(object, name, 0, UINT32_MAX, &number) < 0)
        return -1;
    *value = (uint32_t)number;
    return 0;
}

int argument_u16(PyObject *object, const char *name, uint16_t *value)
{
    uint64_t number;
    if (argument_number(object, name, 0, UINT16_MAX, &number) < 0)
        return -1;
    *value = (uint16_t)number;
    return 0;
}

PyObject *argument_get_number(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    (void)module;
    uint64_t least = 0, most = UINT32_MAX, number;
    if (nargs < 2 || nargs > 4) {
        PyErr_SetString(PyExc_TypeError, "expected a name, a value, and the least and the most that it may be");
        return NULL;
    }
    if ((nargs > 2 && argument_number(args[2], "least", 0, UINT64_MAX, &least) < 0) ||
        (nargs > 3 && argument_number(args[3], "most", 0, UINT64_MAX, &most) < 0))
        return NULL;
    const char *name = PyUnicode_AsUTF8AndSize(args[0], NULL);
    if (name == NULL || argument_number(args[1], name, least, most, &number) < 0)
        return NULL;
    return PyLong_FromUnsignedLongLong(number);
}

PyObject *argument_get_seconds(PyObject *module, PyObject *value)
{
    (void)module;
    double seconds = PyFloat_AsDouble(value); /* a float, or what has __float__ or __index__; no text */
    if (seconds == -1.0 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
            return NULL;
        PyErr_Clear(); /* an integer that no float holds */
    }
    if (seconds >= 0.0) /* not so a NaN */
        return PyFloat_FromDouble(seconds);
    return raise_code(IXY_E_ARGUMENT, PyUnicode_FromString("timeout: expected None or seconds from 0 on"));
}
