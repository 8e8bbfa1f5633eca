/* Emulated devices. */
#include "stubs.h"

value ixy_ocaml_emu_counters(value device)
{
    ixy_emu_counters counters = {.struct_size = sizeof(counters)};
    int32_t code = ixy_emu_counters_get((uint64_t)Long_val(device), &counters);
    if (code < 0) {
        return ixy_stubs_failed(code);
    }
    uint64_t members[] = {counters.violations, counters.generated, counters.verified, counters.damaged,
                          counters.repeated,   counters.reordered, counters.foreign,  counters.wire_dropped};
    return ixy_stubs_ok(ixy_stubs_ints(members, 8));
}

value ixy_ocaml_emu_meter(value device)
{
    ixy_emu_meter meter = {.struct_size = sizeof(meter)};
    int32_t code = ixy_emu_meter_get((uint64_t)Long_val(device), &meter);
    if (code < 0) {
        return ixy_stubs_failed(code);
    }
    uint64_t members[] = {meter.bracket_cycles, meter.cycles, meter.nanoseconds,
                          meter.model_cycles,   meter.steps,  meter.idle_steps};
    return ixy_stubs_ok(ixy_stubs_ints(members, 6));
}

/* The texts of the violations that the library kept, in their order. */
value ixy_ocaml_emu_violations(value device)
{
    return ixy_stubs_texts((uint64_t)Long_val(device), ixy_emu_violation);
}
