/* ixy._packet: the types Memory, Packet and Frames, written in C.
 *
 * What runs once a packet or once a batch must cost little more than an attribute access, or a loop over packets could
 * not be written; a call through cffi costs several times that. Everything else of the package is Python over cffi.
 *
 * This module lies in the same shared object as ixy._native, so that both use one and the same libixy; src/ixy/_load.py
 * loads it from there.
 *
 * OWNERSHIP: a Memory owns a pool's handle and its view, and is held by all that reaches into the pool's memory:
 * packets, batches, devices, memoryviews, NumPy arrays. With the last of them the pool is closed, if it is not closed
 * yet, and the view released. A Packet owns one buffer, Frames own those of a batch, as long as the ownership table
 * says so; both give them back when they are collected.
 *
 * THREADS: all functions hold the GIL, because none blocks and giving it up costs more than they do.
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

extern PyType_Spec frames_spec;

/* Functions of the module: rx, tx, alloc, free for lists of packets. */
PyObject *packets_alloc(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
PyObject *packets_rx(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
PyObject *packets_tx(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
PyObject *packets_free(PyObject *module, PyObject *const *args, Py_ssize_t nargs);

extern PyObject *error_factory; /* (code, text or None) -> exception */

/* Raises the exception of a code; text: NULL for what the code means in general, else a new reference, which is taken.
 * Returns NULL. */
void *raise_code(int32_t code, PyObject *text);

/* Arguments. They return 0, or -1 with an exception set. */
int argument_count(Py_ssize_t given, Py_ssize_t wanted);
int argument_memory(PyObject *object);
int argument_u32(PyObject *object, const char *name, uint32_t *value); /* a RangeError if it is none */
int argument_u64(PyObject *object, uint64_t *value);

#endif
