/* Lists of packets: received, transmitted, taken from a pool and given back. */
#include "objects.h"

#define STACK_FRAMES 256 /* batches up to this size need no allocation */

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

PyObject *packets_alloc(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    (void)module;
    uint32_t count;
    ixy_frame stack[STACK_FRAMES];
    if (argument_count(nargs, 2) < 0 || argument_type(args[0], memory_type, "ixy._packet.Memory") < 0 ||
        argument_u32(args[1], "count", &count) < 0)
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

PyObject *packets_rx(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    (void)module;
    uint32_t queue, count;
    ixy_frame stack[STACK_FRAMES];
    if (argument_count(nargs, 3) < 0 || argument_type(args[0], device_type, "ixy._packet.OpenDevice") < 0 ||
        argument_u32(args[1], "queue", &queue) < 0 || argument_u32(args[2], "count", &count) < 0)
        return NULL;
    struct device *device = (struct device *)args[0];
    ixy_frame *frames = frames_new(stack, count);
    if (frames == NULL)
        return NULL;
    int32_t got = ixy_rx_batch(device->handle, queue, frames, count);
    PyObject *list = got >= 0 ? packets_from_frames(device->memory, frames, got) : raise_code(got, NULL);
    frames_free(stack, frames);
    return list;
}

/* Hands the packets of a list to ixy_tx_batch (device) or ixy_buf_free (memory). */
static PyObject *packets_give(struct memory *memory, struct device *device, uint32_t queue, PyObject *packets)
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
    int32_t done = device != NULL ? ixy_tx_batch(device->handle, queue, frames, (uint32_t)count)
                                  : ixy_buf_free(memory->pool, frames, (uint32_t)count);
    result = done >= 0 ? PyLong_FromLong(done) : raise_code(done, NULL);
out:
    if (frames != NULL)
        frames_free(stack, frames);
    Py_DECREF(list);
    return result;
}

PyObject *packets_tx(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    (void)module;
    uint32_t queue;
    if (argument_count(nargs, 3) < 0 || argument_type(args[0], device_type, "ixy._packet.OpenDevice") < 0 ||
        argument_u32(args[1], "queue", &queue) < 0)
        return NULL;
    return packets_give(NULL, (struct device *)args[0], queue, args[2]);
}

PyObject *packets_free(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    (void)module;
    if (argument_count(nargs, 2) < 0 || argument_type(args[0], memory_type, "ixy._packet.Memory") < 0)
        return NULL;
    return packets_give((struct memory *)args[0], NULL, 0, args[1]);
}
