/* Sequences of ABI calls with arbitrary handles, frames, counts and structs, on emulated devices of both families. What
 * is wanted: no report of the sanitizers, no call that does not end, every buffer accounted for when all is closed.
 *
 * FUZZ_CALLS=N in the environment ends the program in good order after N calls; what was done is printed at the end. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sanitizer/lsan_interface.h>

#include "tests/fuzz/world.h"

#define SEQUENCE_CALLS 4096

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static uint64_t calls_wanted = UINT64_MAX, sequences;

static void tell(void)
{
    fprintf(stderr, "abi_fuzz: %" PRIu64 " calls in %" PRIu64 " sequences\n", world_calls, sequences);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    const char *wanted = getenv("FUZZ_CALLS");
    if (wanted != NULL)
        calls_wanted = strtoull(wanted, NULL, 10);
    atexit(tell);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct world world;
    struct input input = input_of(bytes, size);
    world_begin(&world, &input);
    for (uint32_t call = 0; call < SEQUENCE_CALLS; call++)
        world_call(&world);
    world_close(&world);
    sequences++;
    if (world_calls >= calls_wanted) {
        tell();
        __lsan_do_leak_check();
        _exit(0); /* libFuzzer takes exit for a crash */
    }
    return 0;
}
