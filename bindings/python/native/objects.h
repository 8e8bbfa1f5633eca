/* ixy._packet: the types Memory, OpenDevice, Waiter, Packet, Frames and FrameArray, written in C.
 *
 * What runs once a packet or once a batch must cost little more than an attribute access, or a loop over packets could
 * not be written; a call through cffi costs several times that. And what memory safety hangs on is here, not in Python:
 * an interrupt may end Python code at any line, and a class may replace what a line means. Everything else of the
 * package is Python over cffi.
 *
 * This module lies in the same shared object as ixy._native, so that both use one and the same libixy; src/ixy/_load.py
 * loads it from there.
 *
 * OWNERSHIP: an object owns its handle from the moment the library gives it out. A Memory owns a pool's handle and its
 * view, and is held by all that reaches into the pool's memory: packets, batches, devices, memoryviews, NumPy arrays.
 * With the last of them the pool is closed, if it is not closed yet, and the view released. An OpenDevice owns a
 * device's handle, a Waiter the place of who waits on a queue. A Packet owns one buffer, Frames own those of a batch,
 * as long as the ownership table says so; both give them back when they are collected.
 *
 * ARGUMENTS: all numbers come through argument_number, which makes one exact integer of what it is given; that integer
 * is what is used. Converting an argument, or taking its buffer, may run code of the caller's that changes any object;
 * so a function converts all its arguments first, and looks at its object after.
 *
 * THREADS: all functions hold the GIL while they look at an object, so that no other thread of Python changes it; they
 * give it up around control calls of the library alone.
 */
#ifndef OBJECTS_H
#define OBJECTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "ixy.h"

struct memory {
    PyObject_HEAD uint64_t pool;
    ixy_view view;
};

extern PyTypeObject *memory_type;
extern PyType_Spec memory_spec;

/* Copies the caller's bytes if they overlap packet memory, where a call that reads and writes by turns would read what
 * it wrote: then *bytes is the copy, and *copy too, which is to be given to PyMem_Free in any case. memory: NULL for
 * that of a batch that was not initialised. Returns 0, or -1 with an exception set. */
int memory_source(const struct memory *memory, const void **bytes, size_t size, void **copy);

struct device {
    PyObject_HEAD struct memory *memory;
    uint64_t handle;
    int open;                     /* not closed by close() yet */
    int sleeping[IXY_QUEUES_MAX]; /* duplicates that waiters sleep on, -1 for none */
    uint32_t waiting;             /* bit q: someone waits on receive queue q */
};

extern PyTypeObject *device_type;
extern PyType_Spec device_spec;
extern PyType_Spec waiter_spec;

/* The descriptor that the waiter on a receive queue sleeps on, closed when the place is given up (waiter.c). */
PyObject *device_sleeping(PyObject *object, PyObject *queue);

/* A duplicate of a receive queue's descriptor; -1 with an exception set. */
int device_duplicate(struct device *self, uint32_t queue);

struct packet {
    PyObject_HEAD struct memory *memory;
    ixy_frame frame; /* lies in its buffer: the library made it, and only a checked resize changes it */
};

extern PyTypeObject *packet_type;
extern PyType_Spec packet_spec;

/* A packet that owns the frame's buffer; NULL with an exception set, and the buffer is still the caller's. */
PyObject *packet_new(struct memory *memory, const ixy_frame *frame);

/* Raises that a packet is not the caller's. Returns NULL. */
void *packet_stale(const struct packet *packet);

/* What is known of a packet beside its bytes: attributes and a method of it (metadata.c). */
PyObject *packet_get_timestamp(PyObject *object, void *closure);
PyObject *packet_get_vlan(PyObject *object, void *closure);
int packet_set_vlan(PyObject *object, PyObject *value, void *closure);
PyObject *packet_get_ip_good(PyObject *object, void *closure);
PyObject *packet_get_l4_good(PyObject *object, void *closure);
PyObject *packet_get_more(PyObject *object, void *closure);
int packet_set_more(PyObject *object, PyObject *value, void *closure);
PyObject *packet_set_checksum(PyObject *object, PyObject *args, PyObject *keywords);

/* The frames of a batch. Frames [0, count) are the caller's. */
struct frames {
    PyObject_HEAD struct memory *memory; /* NULL before __init__, and then capacity is 0 */
    PyObject *array;                     /* the FrameArray that frames lie in */
    ixy_frame *frames;
    uint32_t capacity;
    uint32_t count;
};

extern PyTypeObject *frames_type;
extern PyType_Spec frames_spec;

/* A frame array that NumPy can look at, and outlives the batch for it (frame_array.c). */
extern PyTypeObject *frame_array_type;
extern PyType_Spec frame_array_spec;
PyObject *frame_array_new(uint32_t capacity, ixy_frame **frames);

/* Operations on all packets of a batch: methods of Frames (bulk.c). */
PyObject *bulk_add_u8(PyObject *object, PyObject *const *args, Py_ssize_t nargs);
PyObject *bulk_read(PyObject *object, PyObject *args, PyObject *keywords);
PyObject *bulk_write(PyObject *object, PyObject *args, PyObject *keywords);
PyObject *bulk_fill(PyObject *object, PyObject *args, PyObject *keywords);
PyObject *bulk_resize(PyObject *object, PyObject *args, PyObject *keywords);
PyObject *bulk_gather(PyObject *object, PyObject *const *args, Py_ssize_t nargs);
PyObject *bulk_scatter(PyObject *object, PyObject *const *args, Py_ssize_t nargs);
PyObject *bulk_metadata(PyObject *object, PyObject *none);

/* Functions of the module: rx, tx, alloc, free for lists of packets (packets.c), rx and tx for batches (frames.c). */
PyObject *packets_alloc(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
PyObject *packets_rx(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
PyObject *packets_tx(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
PyObject *packets_free(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
PyObject *frames_rx(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
PyObject *frames_tx(PyObject *module, PyObject *const *args, Py_ssize_t nargs);

extern PyObject *error_factory; /* (code, text or None) -> exception */

/* Raises the exception of a code; text: a new reference, which is taken; NULL (also with an exception set, as making
 * it failed) for what the code means in general. Returns NULL. */
void *raise_code(int32_t code, PyObject *text);

/* The same with a text of the library's: ixy_last_error() after a control call. */
void *raise_text(int32_t code, const char *text);

/* __reduce__ of what cannot be copied: a TypeError, for copy, deepcopy and pickle. */
PyObject *object_no_copy(PyObject *object, PyObject *none);

/* Arguments (arguments.c). They return 0, or -1 with an exception set. */
int argument_count(Py_ssize_t given, Py_ssize_t wanted);
int argument_type(PyObject *object, PyTypeObject *type, const char *expected);
int argument_number(PyObject *object, const char *name, uint64_t least, uint64_t most, uint64_t *value);
int argument_u32(PyObject *object, const char *name, uint32_t *value);
int argument_u16(PyObject *object, const char *name, uint16_t *value);

/* The same for Python: functions of the module. */
PyObject *argument_get_number(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
PyObject *argument_get_seconds(PyObject *module, PyObject *value);

#endif
