/* What can be asked of an emulated device beyond a real one: its wire, its clock, its sanitizer. */
#include "abi/objects.h"
#include "abi/structs.h"
#include "core/device/error.h"
#include "emu/emu.h"

/* As device_slot_enter, for an emulated device. */
static struct device_slot *emulation_enter(uint64_t device, int32_t *code)
{
    struct device_slot *slot = device_slot_enter(device, code);
    if (slot == NULL || emu_is_emulated(slot->device->bus))
        return slot;
    *code = error_set(IXY_E_UNSUPPORTED, "%s is not an emulated device", slot->device->bus->address);
    device_slot_leave(slot);
    return NULL;
}

int32_t ixy_emu_counters_get(uint64_t device, ixy_emu_counters *counters)
{
    struct struct_result result;
    int32_t code = struct_check(counters, sizeof(ixy_emu_counters), "ixy_emu_counters", &result);
    if (code < 0)
        return code;
    struct device_slot *slot = emulation_enter(device, &code);
    if (slot == NULL)
        return code;
    struct emu_counters read = {0};
    emu_counters(slot->device->bus, &read);
    ixy_emu_counters filled = {.violations = emu_violations(slot->device->bus, 0, NULL, 0),
                               .generated = read.generated,
                               .verified = read.verified,
                               .damaged = read.damaged,
                               .repeated = read.repeated,
                               .reordered = read.reordered,
                               .foreign = read.foreign,
                               .wire_dropped = read.wire_dropped};
    struct_write(&result, &filled, sizeof(filled));
    device_slot_leave(slot);
    return code;
}

int32_t ixy_emu_meter_get(uint64_t device, ixy_emu_meter *meter)
{
    struct struct_result result;
    int32_t code = struct_check(meter, sizeof(ixy_emu_meter), "ixy_emu_meter", &result);
    if (code < 0)
        return code;
    struct device_slot *slot = emulation_enter(device, &code);
    if (slot == NULL)
        return code;
    struct emu_meter read = {0};
    emu_meter(slot->device->bus, &read);
    ixy_emu_meter filled = {.bracket_cycles = read.bracket_cycles,
                            .cycles = read.cycles,
                            .nanoseconds = read.nanoseconds,
                            .model_cycles = read.model_cycles,
                            .steps = read.steps,
                            .idle_steps = read.idle_steps};
    struct_write(&result, &filled, sizeof(filled));
    device_slot_leave(slot);
    return code;
}

int32_t ixy_emu_violation(uint64_t device, uint32_t index, char *text, uint32_t text_size)
{
    if (text == NULL && text_size > 0)
        return error_set(IXY_E_ARGUMENT, "text is NULL; right is room for %u bytes", text_size);
    int32_t code = 0;
    struct device_slot *slot = emulation_enter(device, &code);
    if (slot == NULL)
        return code;
    code = (int32_t)emu_violations(slot->device->bus, index, text, text_size);
    device_slot_leave(slot);
    return code;
}
