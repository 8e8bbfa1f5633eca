/* Cases of docs/hostile.md that split and packed rings share. prefix: "emu:virtio" with the options that make a ring.
 */
#ifndef TESTS_C_HOSTILE_RING_H
#define TESTS_C_HOSTILE_RING_H

#include "tests/c/hostile_support.h"

#define HOSTILE_RING 64

/* An id that cannot be, in receive or in transmit: the device has failed, nothing is delivered, and a reset mends it.
 */
void hostile_ring_receive_id(const char *prefix, const char *name, enum hostile_lie lie);
void hostile_ring_transmit_id(const char *prefix, const char *name, enum hostile_lie lie);
/* Each frame that is lied about is dropped and counted. */
void hostile_ring_dropped(const char *prefix, const char *name, enum hostile_lie lie);
/* Frames over several buffers, the lengths of whose parts are lies. */
void hostile_ring_spanning(const char *prefix);
/* Frames flow as if nothing had been told. */
void hostile_ring_harmless(const char *prefix, const char *name, enum hostile_lie lie);
/* What is completed changes until it is taken. */
void hostile_ring_rewritten(const char *prefix);
void hostile_ring_gone(const char *prefix);

/* The second buffer first, which is right, and at its own place once more, which is not; in receive and in transmit. */
void hostile_ring_id_in_place(const char *prefix);

/* The word that tells of the next completion, as the driver will read it, is `good` at the first read and one lie after
 * another from the second on; the same of the frame's header. */
void hostile_ring_second_read(const char *prefix);
void hostile_ring_second_header(const char *prefix);

#endif
