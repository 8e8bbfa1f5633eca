/* A bounded queue of frames: what waits inside a loop or a pair.
 *
 * Frames lie one behind the other in one ring of bytes. It holds WIRE_QUEUE_FRAMES frames of usual size, fewer jumbo
 * frames, and starts over at its first byte whenever it runs empty, so that a short queue stays in the cache. It does
 * not lock; a frame that front gave stays where it is until pop, whatever is pushed.
 */
#ifndef EMU_WIRE_QUEUE_H
#define EMU_WIRE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#define WIRE_QUEUE_FRAMES 1024
#define WIRE_QUEUE_BYTES ((uint32_t)2 << 20)

struct wire_queue {
    uint8_t *bytes;
    uint32_t head, tail; /* where the first frame lies, where the next will */
    uint32_t count;
};

/* Returns 0 or IXY_E_NO_MEMORY with its text. */
int32_t wire_queue_init(struct wire_queue *queue);
void wire_queue_free(struct wire_queue *queue);

/* False if there is no room, or the frame is longer than WIRE_FRAME_MAX. */
bool wire_queue_push(struct wire_queue *queue, const uint8_t *frame, uint32_t len);

/* The first frame, or NULL. */
const uint8_t *wire_queue_front(struct wire_queue *queue, uint32_t *len);
void wire_queue_pop(struct wire_queue *queue);

#endif
