/* Calls whose arrays, structs, records and texts are foreign memory: they lie in packet memory, in the metadata
 * records, in the ownership table, over each other, and a second thread rewrites them all the time. A call may then
 * take what stood there at any moment, and may refuse it. It may not reach anything else: no access outside of the pool
 * (the sanitizers', or a fault), no buffer lost, none with two owners. */
#ifndef TESTS_C_FOREIGN_MEMORY_H
#define TESTS_C_FOREIGN_MEMORY_H

#include <pthread.h>
#include <stdbool.h>

#include "tests/c/abi_support.h"

#define FOREIGN_BUFFERS 1024
#define FOREIGN_FRAMES 256
#define FOREIGN_HEAP 65536 /* bytes; more than any struct_size, text or array of a call */

/* Where what a call points to lies; several at once. */
enum foreign_where {
    FOREIGN_REWRITTEN = 1, /* on the heap, and the second thread writes there */
    FOREIGN_PACKETS = 2,   /* in packet memory */
    FOREIGN_RECORDS = 4,   /* in the metadata records */
    FOREIGN_TABLE = 8,     /* in the read-only mapping of the ownership table, where a call reads only */
    FOREIGN_SCRIBBLED = 16 /* and the second thread writes to packet memory and records, too */
};

/* A device, and what is asked of it when it is opened. */
struct foreign_kind {
    const char *address;
    uint32_t buffer_size, frame_len_max, offloads, queues;
};

struct foreign {
    struct foreign_kind kind;
    uint32_t where;
    uint64_t pool, device;
    ixy_view view;
    uint8_t *heap;   /* FOREIGN_HEAP bytes that the second thread rewrites */
    uint32_t random; /* the test thread's generator */
    uint32_t stop;   /* atomic */
    uint32_t target; /* atomic: offset in heap of what the present call reads; most is rewritten there */
    pthread_t thread;
    bool threaded;
    uint64_t calls, received, sent, summed; /* summed: out of an array in a packet whose checksum was filled in */
    uint8_t *alone; /* FOREIGN_HEAP bytes of which the second thread rewrites the first four only: struct_size */
};

/* Opens a pool and a started device of that kind, and starts the second thread if something is to be rewritten. */
void foreign_open(struct foreign *foreign, const struct foreign_kind *kind, uint32_t where, uint32_t seed);

/* One call of a function that takes a pointer, chosen at random. */
void foreign_call(struct foreign *foreign);

/* Closes the device, takes back what the caller owns, and asserts that every buffer is there, once. */
void foreign_close(struct foreign *foreign);

/* ---- foreign_memory_place.c: what the calls share ---- */

uint32_t foreign_below(struct foreign *foreign, uint32_t below);

/* Memory of so many bytes, aligned to 8: to be read only, or to be written to. */
void *foreign_read(struct foreign *foreign, uint32_t size);
void *foreign_write(struct foreign *foreign, uint32_t size);

/* A frame of a buffer that the caller owns, most of the time; of nobody, else. */
ixy_frame foreign_frame(struct foreign *foreign);

/* What the second thread does. */
void *foreign_rewrite(void *foreign);

#endif
