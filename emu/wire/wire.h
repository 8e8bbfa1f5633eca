/* The wire: what an emulated device's other end is plugged into.
 *
 * A wire belongs to one device model, which calls it under the device's lock only. Frames are Ethernet frames without
 * preamble and checksum. The model hands over what the driver sent (transmit), and looks at the next frame that
 * arrives (peek) before it decides which queue takes it or whether it is dropped; then it consumes it.
 *
 * address options, one wire a device:
 *   wire=loop     (default) what is sent comes back
 *   pair=NAME     a cable between the two devices of this process that were opened with this name
 *   wire=gen      a generator and a verifying sink, see gen.h
 *   wire=pcap     in=FILE is received once, in its order; out=FILE records what is sent
 *   tap=NAME      the machine's own network stack, through a tap interface
 */
#ifndef EMU_WIRE_WIRE_H
#define EMU_WIRE_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/device/address.h"
#include "emu/emu.h"

#define WIRE_FRAME_MAX 16384

struct wire;

struct wire_ops {
    /* Takes a frame that the device sent. The bytes belong to the caller and are gone after the call. A wire without
     * room counts the frame as wire_dropped. */
    void (*transmit)(struct wire *wire, const uint8_t *frame, uint32_t len);

    /* The next frame that arrives at the device, or NULL; stays until consume. */
    const uint8_t *(*peek)(struct wire *wire, uint32_t *len);
    void (*consume)(struct wire *wire);

    /* Adds what this wire counted. */
    void (*counters)(const struct wire *wire, struct emu_counters *counters);

    void (*close)(struct wire *wire);

    /* How a thread that sleeps learns of the next frame; NULL: it comes by this process's own doing, or never. A file
     * that becomes readable with it, or when it arrives: nanoseconds of CLOCK_MONOTONIC, UINT64_MAX if none will. */
    int (*descriptor)(const struct wire *wire);
    uint64_t (*due)(const struct wire *wire);
};

struct wire {
    const struct wire_ops *ops;
    /* Frames wait until the device has a descriptor for them (a generator flat out, a file); otherwise the model drops
     * a frame for which there is none and counts it as missed, as hardware does. */
    bool waits;
    /* Set by the model with wire_attach before the first call: has this device's transmit engine run. A pair of inline
     * devices calls its peer's from peek, on the caller's thread, so that a device receives what its peer has posted.
     * It must not wait for the model's lock: if the model is being stepped it does nothing. close returns when no call
     * is under way. */
    void (*pull)(void *model);
    void *model;
    /* Nanoseconds of CLOCK_MONOTONIC, set by the model at the start of each step: paced wires go by it. */
    uint64_t now;
};

/* Sets pull and model, for another thread that may be at the pair's other end already. */
static inline void wire_attach(struct wire *wire, void (*pull)(void *model), void *model)
{
    __atomic_store_n(&wire->model, model, __ATOMIC_RELAXED);
    __atomic_store_n(&wire->pull, pull, __ATOMIC_RELEASE);
}

/* Opens the wire that the address's options name and takes those options. timing_inline: the model is stepped by its
 * driver. Returns 0 or an error with its text. */
int32_t wire_open(struct address *address, bool timing_inline, struct wire **wire);

/* After fork(), in the child: forgets what the parent's wires share, the names of its pairs. */
void wire_after_fork_in_child(void);

#endif
