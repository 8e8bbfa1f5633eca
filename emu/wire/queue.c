#include "emu/wire/queue.h"

#include <stdlib.h>
#include <string.h>

#include "core/device/error.h"
#include "emu/wire/wire.h"

/* Before each frame stands its length; all of it rounded up, so that a length always fits before the end. */
#define WIRE_QUEUE_ALIGN 8u
#define WIRE_QUEUE_SKIP UINT32_MAX /* instead of a length: go on at the first byte */

static uint32_t wire_queue_room(uint32_t len)
{
    return (WIRE_QUEUE_ALIGN + len + WIRE_QUEUE_ALIGN - 1) & ~(WIRE_QUEUE_ALIGN - 1);
}

int32_t wire_queue_init(struct wire_queue *queue)
{
    memset(queue, 0, sizeof *queue);
    queue->bytes = malloc(WIRE_QUEUE_BYTES);
    if (queue->bytes == NULL)
        return error_set(IXY_E_NO_MEMORY, "no memory for a wire's queue of %u bytes", WIRE_QUEUE_BYTES);
    return 0;
}

void wire_queue_free(struct wire_queue *queue)
{
    free(queue->bytes);
    queue->bytes = NULL;
}

bool wire_queue_push(struct wire_queue *queue, const uint8_t *frame, uint32_t len)
{
    if (len > WIRE_FRAME_MAX || queue->count == WIRE_QUEUE_FRAMES)
        return false;
    uint32_t room = wire_queue_room(len);
    if (queue->tail > queue->head || queue->count == 0) {
        if (WIRE_QUEUE_BYTES - queue->tail < room) {
            if (queue->head < room)
                return false;
            if (queue->tail < WIRE_QUEUE_BYTES)
                memcpy(queue->bytes + queue->tail, &(uint32_t){WIRE_QUEUE_SKIP}, sizeof(uint32_t));
            queue->tail = 0;
        }
    } else if (queue->head - queue->tail < room) {
        return false;
    }
    memcpy(queue->bytes + queue->tail, &len, sizeof len);
    memcpy(queue->bytes + queue->tail + WIRE_QUEUE_ALIGN, frame, len);
    queue->tail += room;
    queue->count++;
    return true;
}

const uint8_t *wire_queue_front(struct wire_queue *queue, uint32_t *len)
{
    if (queue->count == 0)
        return NULL;
    memcpy(len, queue->bytes + queue->head, sizeof *len);
    return queue->bytes + queue->head + WIRE_QUEUE_ALIGN;
}

void wire_queue_pop(struct wire_queue *queue)
{
    uint32_t len;
    if (wire_queue_front(queue, &len) == NULL)
        return;
    queue->count--;
    if (queue->count == 0) {
        queue->head = 0;
        queue->tail = 0;
        return;
    }
    queue->head += wire_queue_room(len);
    if (queue->head < WIRE_QUEUE_BYTES)
        memcpy(&len, queue->bytes + queue->head, sizeof len);
    if (queue->head == WIRE_QUEUE_BYTES || len == WIRE_QUEUE_SKIP)
        queue->head = 0;
}
