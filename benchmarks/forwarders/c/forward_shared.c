/* C shared: libixy.so with every check, called as ixy.h declares it.
 *
 * The packet type of C is the frame: the pool's view gives its bytes. Writing byte 48 directly is what a C program
 * does, since rx_batch has just made it the owner; tx_batch checks ownership and bounds again. */
#include "ports.h"

static const struct forwarder shared_forwarder;

/* Frames received, or the error of a call. */
static inline int32_t shared_forward(struct run *run, uint64_t from, uint64_t to)
{
    int32_t received = ixy_rx_batch(from, 0, ports.frames, run->batch);
    run->polls++;
    if (received <= 0) {
        run->empty_polls++;
        return received;
    }
    uint8_t *memory = ports.view.base;
    for (int32_t i = 0; i < received; i++)
        memory[ports.frames[i].offset + FORWARDER_BYTE]++;
    int32_t sent = ixy_tx_batch(to, 0, ports.frames, (uint32_t)received);
    if (sent < 0)
        return sent;
    run->received += (uint32_t)received;
    if (sent < received) {
        int32_t freed = ixy_buf_free(ports.pool, ports.frames + sent, (uint32_t)(received - sent));
        if (freed < 0)
            return freed;
        run->freed += (uint32_t)freed;
    }
    return received;
}

/* Not inlined and not static: instructions are counted by this name. */
bool forward_all(struct run *run);

__attribute__((noinline)) bool forward_all(struct run *run)
{
    uint32_t idle = 0;
    while (run->received < run->frames) {
        int32_t there = shared_forward(run, ports.device[0], ports.device[1]);
        int32_t back = shared_forward(run, ports.device[1], ports.device[0]);
        if (there < 0 || back < 0)
            return forwarder_fail(run, "forward", ixy_strerror(there < 0 ? there : back));
        if (there + back != 0) {
            idle = 0;
            run->waiting_since = 0;
        } else if (++idle % 4096 == 0 && forwarder_give_up(&shared_forwarder, run)) {
            break;
        }
    }
    return run->error[0] == '\0';
}

static void shared_call(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        ixy_rx_batch(ports.device[0], 0, ports.frames, 0);
}

static const struct forwarder shared_forwarder = {.variant = "shared",
                                                  .open = ports_open,
                                                  .meter = ports_meter,
                                                  .forward_all = forward_all,
                                                  .call = shared_call,
                                                  .counters = ports_counters,
                                                  .close = ports_close};

int main(void)
{
    return forwarder_main(&shared_forwarder);
}
