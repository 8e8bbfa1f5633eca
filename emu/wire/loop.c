#include "emu/wire/wires.h"

#include <stdlib.h>

#include "core/device/error.h"
#include "emu/wire/queue.h"

struct loop {
    struct wire wire;
    struct wire_queue queue;
    uint64_t dropped;
};

static void loop_transmit(struct wire *wire, const uint8_t *frame, uint32_t len)
{
    struct loop *loop = (struct loop *)wire;
    if (!wire_queue_push(&loop->queue, frame, len))
        loop->dropped++;
}

static const uint8_t *loop_peek(struct wire *wire, uint32_t *len)
{
    return wire_queue_front(&((struct loop *)wire)->queue, len);
}

static void loop_consume(struct wire *wire)
{
    wire_queue_pop(&((struct loop *)wire)->queue);
}

static void loop_counters(const struct wire *wire, struct emu_counters *counters)
{
    counters->wire_dropped += ((const struct loop *)wire)->dropped;
}

static void loop_close(struct wire *wire)
{
    wire_queue_free(&((struct loop *)wire)->queue);
    free(wire);
}

static const struct wire_ops loop_ops = {
    .transmit = loop_transmit,
    .peek = loop_peek,
    .consume = loop_consume,
    .counters = loop_counters,
    .close = loop_close,
};

int32_t loop_open(struct wire **wire)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return error_set(IXY_E_NO_MEMORY, "no memory for a loop wire");
    loop->wire.ops = &loop_ops;
    int32_t result = wire_queue_init(&loop->queue);
    if (result != 0) {
        free(loop);
        return result;
    }
    *wire = &loop->wire;
    return 0;
}
