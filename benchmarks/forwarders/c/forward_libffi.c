/* C libffi: the packet path's calls of libixy.so through libffi, as a language without a compiler makes them: the
 * library opened by name, each call made from its description (abi/ffi). */
#include <stdio.h>

#include "abi/ffi/foreign.h"
#include "ports.h"

static const struct foreign_function *libffi_rx, *libffi_tx, *libffi_free;
static const struct forwarder libffi_forwarder;

static inline int32_t libffi_batch(const struct foreign_function *function, uint64_t device, ixy_frame *frames,
                                   uint32_t count)
{
    union foreign_value arguments[] = {{.uint64 = device}, {.uint32 = 0}, {.pointer = frames}, {.uint32 = count}};
    union foreign_value result;
    foreign_call(function, arguments, 4, &result);
    return result.int32;
}

static inline int32_t libffi_buf_free(uint64_t pool, ixy_frame *frames, uint32_t count)
{
    union foreign_value arguments[] = {{.uint64 = pool}, {.pointer = frames}, {.uint32 = count}};
    union foreign_value result;
    foreign_call(libffi_free, arguments, 3, &result);
    return result.int32;
}

static inline int32_t libffi_forward(struct run *run, uint64_t from, uint64_t to)
{
    int32_t received = libffi_batch(libffi_rx, from, ports.frames, run->batch);
    run->polls++;
    if (received <= 0) {
        run->empty_polls++;
        return received;
    }
    uint8_t *memory = ports.view.base;
    for (int32_t i = 0; i < received; i++)
        memory[ports.frames[i].offset + FORWARDER_BYTE]++;
    int32_t sent = libffi_batch(libffi_tx, to, ports.frames, (uint32_t)received);
    if (sent < 0)
        return sent;
    run->received += (uint32_t)received;
    if (sent < received) {
        int32_t freed = libffi_buf_free(ports.pool, ports.frames + sent, (uint32_t)(received - sent));
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
        int32_t there = libffi_forward(run, ports.device[0], ports.device[1]);
        int32_t back = libffi_forward(run, ports.device[1], ports.device[0]);
        if (there < 0 || back < 0)
            return forwarder_fail(run, "forward", ixy_strerror(there < 0 ? there : back));
        if (there + back != 0) {
            idle = 0;
            run->waiting_since = 0;
        } else if (++idle % 4096 == 0 && forwarder_give_up(&libffi_forwarder, run)) {
            break;
        }
    }
    return run->error[0] == '\0';
}

static void libffi_call(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        libffi_batch(libffi_rx, ports.device[0], ports.frames, 0);
}

static const struct forwarder libffi_forwarder = {.variant = "libffi",
                                                  .open = ports_open,
                                                  .meter = ports_meter,
                                                  .forward_all = forward_all,
                                                  .call = libffi_call,
                                                  .counters = ports_counters,
                                                  .close = ports_close};

int main(void)
{
    char error[256];
    struct foreign *library = foreign_open(FORWARDER_LIBRARY, FORWARDER_DESCRIPTION, error, sizeof(error));
    if (library == NULL) {
        fprintf(stderr, "forward_libffi: %s\n", error);
        return 1;
    }
    libffi_rx = foreign_function(library, "ixy_rx_batch");
    libffi_tx = foreign_function(library, "ixy_tx_batch");
    libffi_free = foreign_function(library, "ixy_buf_free");
    if (libffi_rx == NULL || libffi_tx == NULL || libffi_free == NULL) {
        fprintf(stderr, "forward_libffi: %s: a call is missing\n", FORWARDER_DESCRIPTION);
        return 1;
    }
    return forwarder_main(&libffi_forwarder);
}
