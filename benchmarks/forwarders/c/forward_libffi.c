/* C libffi: the packet path's calls of libixy.so through libffi, as a language without a compiler makes them: the
 * library opened by name, each call's interface prepared once, each call one ffi_call. */
#include <dlfcn.h>
#include <ffi.h>
#include <stdio.h>

#include "ports.h"

#define LIBFFI_ARGUMENTS_MAX 4

/* A function of libixy and how it is called. */
struct libffi_call {
    ffi_cif interface;
    ffi_type *types[LIBFFI_ARGUMENTS_MAX];
    void (*function)(void);
};

static struct libffi_call libffi_rx, libffi_tx, libffi_free;
static const struct forwarder libffi_forwarder;

static bool libffi_prepare(void *library, const char *name, struct libffi_call *call, uint32_t arguments)
{
    *(void **)&call->function = dlsym(library, name); /* the way POSIX gives for a function's address */
    return call->function != NULL &&
           ffi_prep_cif(&call->interface, FFI_DEFAULT_ABI, arguments, &ffi_type_sint32, call->types) == FFI_OK;
}

/* libffi widens results that are shorter than a register to ffi_arg. */
static inline int32_t libffi_batch(struct libffi_call *call, uint64_t device, ixy_frame *frames, uint32_t count)
{
    uint32_t queue = 0;
    void *arguments[] = {&device, &queue, &frames, &count};
    ffi_arg result;
    ffi_call(&call->interface, call->function, &result, arguments);
    return (int32_t)result;
}

static inline int32_t libffi_buf_free(uint64_t pool, ixy_frame *frames, uint32_t count)
{
    void *arguments[] = {&pool, &frames, &count};
    ffi_arg result;
    ffi_call(&libffi_free.interface, libffi_free.function, &result, arguments);
    return (int32_t)result;
}

static inline int32_t libffi_forward(struct run *run, uint64_t from, uint64_t to)
{
    int32_t received = libffi_batch(&libffi_rx, from, ports.frames, run->batch);
    run->polls++;
    if (received <= 0) {
        run->empty_polls++;
        return received;
    }
    uint8_t *memory = ports.view.base;
    for (int32_t i = 0; i < received; i++)
        memory[ports.frames[i].offset + FORWARDER_BYTE]++;
    int32_t sent = libffi_batch(&libffi_tx, to, ports.frames, (uint32_t)received);
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

static const struct forwarder libffi_forwarder = {.variant = "libffi",
                                                  .open = ports_open,
                                                  .meter = ports_meter,
                                                  .forward_all = forward_all,
                                                  .counters = ports_counters,
                                                  .close = ports_close};

int main(void)
{
    void *library = dlopen(FORWARDER_LIBRARY, RTLD_NOW);
    struct libffi_call batch = {.types = {&ffi_type_uint64, &ffi_type_uint32, &ffi_type_pointer, &ffi_type_uint32}};
    libffi_rx = libffi_tx = batch;
    libffi_free = (struct libffi_call){.types = {&ffi_type_uint64, &ffi_type_pointer, &ffi_type_uint32}};
    if (library == NULL || !libffi_prepare(library, "ixy_rx_batch", &libffi_rx, 4) ||
        !libffi_prepare(library, "ixy_tx_batch", &libffi_tx, 4) ||
        !libffi_prepare(library, "ixy_buf_free", &libffi_free, 3)) {
        fprintf(stderr, "forward_libffi: %s: %s\n", FORWARDER_LIBRARY,
                library == NULL ? dlerror() : "a call is missing");
        return 1;
    }
    return forwarder_main(&libffi_forwarder);
}
