/* Waiter: the place of the one who waits on a receive queue, and the descriptor to sleep on.
 *
 * The library signals a queue's event once, so a second waiter would take the signal that the first sleeps on. A Waiter
 * has the place from the moment it is made to the end of its `with` block, or until it is collected, if an interrupt
 * came before or after the block. So no variable should name it: the frames that an exception's traceback holds would
 * keep it. */
#include <unistd.h>

#include "objects.h"

struct waiter {
    PyObject_HEAD struct device *device;
    uint32_t queue;
    int placed;
};

static void waiter_leave(struct waiter *self)
{
    struct device *device = self->device;
    if (!self->placed)
        return;
    self->placed = 0;
    device->waiting &= ~((uint32_t)1 << self->queue);
    if (device->sleeping[self->queue] >= 0)
        close(device->sleeping[self->queue]); /* the number was told to the waiter alone */
    device->sleeping[self->queue] = -1;
}

static PyObject *waiter_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    (void)keywords;
    PyObject *device, *number;
    uint64_t queue;
    if (!PyArg_ParseTuple(args, "OO:Waiter", &device, &number) ||
        argument_type(device, device_type, "ixy._packet.OpenDevice") < 0 ||
        argument_number(number, "queue", 0, IXY_QUEUES_MAX - 1, &queue) < 0)
        return NULL;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    struct waiter *self = (struct waiter *)alloc(type, 0);
    if (self == NULL)
        return NULL;
    Py_INCREF(device);
    self->device = (struct device *)device;
    self->queue = (uint32_t)queue;
    if (self->device->waiting >> queue & 1) {
        Py_DECREF((PyObject *)self);
        return raise_code(IXY_E_BUSY, PyUnicode_FromFormat("another task or thread waits on receive queue %u; one may "
                                                           "at a time",
                                                           (unsigned)queue));
    }
    self->device->waiting |= (uint32_t)1 << queue;
    self->placed = 1;
    return (PyObject *)self;
}

static void waiter_dealloc(PyObject *object)
{
    struct waiter *self = (struct waiter *)object;
    PyTypeObject *type = Py_TYPE(object);
    waiter_leave(self);
    Py_DECREF((PyObject *)self->device);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF((PyObject *)type);
}

static PyObject *waiter_enter(PyObject *object, PyObject *none)
{
    (void)none;
    return Py_NewRef(object);
}

static PyObject *waiter_exit(PyObject *object, PyObject *args)
{
    (void)args;
    waiter_leave((struct waiter *)object);
    Py_RETURN_NONE;
}

PyObject *device_sleeping(PyObject *object, PyObject *argument)
{
    struct device *self = (struct device *)object;
    uint64_t queue;
    if (argument_number(argument, "queue", 0, IXY_QUEUES_MAX - 1, &queue) < 0)
        return NULL;
    if (self->sleeping[queue] < 0) {
        int descriptor = device_duplicate(self, (uint32_t)queue);
        if (descriptor < 0)
            return NULL;
        if ((self->waiting >> queue & 1) == 0 || self->sleeping[queue] >= 0) {
            close(descriptor);
            return raise_code(IXY_E_BUSY, PyUnicode_FromString("a descriptor to sleep on is for the one who waits"));
        }
        self->sleeping[queue] = descriptor;
    }
    return PyLong_FromLong(self->sleeping[queue]);
}

static PyMethodDef waiter_methods[] = {
    {"__enter__", waiter_enter, METH_NOARGS, "The waiter."},
    {"__exit__", waiter_exit, METH_VARARGS, "Gives the place up."},
    {"__reduce__", object_no_copy, METH_NOARGS, "TypeError."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot waiter_slots[] = {
    {Py_tp_doc, "Waiter(device, queue): the place of who waits on a receive queue; BusyError if someone has it."},
    {Py_tp_new, waiter_new},
    {Py_tp_dealloc, waiter_dealloc},
    {Py_tp_methods, waiter_methods},
    {0, NULL},
};

PyType_Spec waiter_spec = {
    .name = "ixy._packet.Waiter",
    .basicsize = sizeof(struct waiter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = waiter_slots,
};
