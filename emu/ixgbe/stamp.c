/* The clock of an X550 and the stamps that it puts behind received packets (333369, time sync registers). SYSTIM is
 * seconds in its high word and nanoseconds in its low one; it stands while TSAUXC.DISABLE_SYSTIME is set. */
#include <string.h>

#include "emu/ixgbe/model.h"

#define STAMP_SECOND 1000000000u

uint64_t ixgbe_model_systim(const struct ixgbe_model *model)
{
    const uint32_t *registers = model->registers;
    uint64_t time = (uint64_t)registers[MODEL_SYSTIMH / 4] * STAMP_SECOND + registers[MODEL_SYSTIML / 4];
    bool stands = (registers[MODEL_TSAUXC / 4] & MODEL_TSAUXC_DISABLE_SYSTIME) != 0;
    return stands ? time : time + emu_clock_nanoseconds() - model->systim_begin;
}

uint32_t ixgbe_model_systim_read(const struct ixgbe_model *model, uint32_t offset)
{
    uint64_t time = ixgbe_model_systim(model);
    return (uint32_t)(offset == MODEL_SYSTIMH ? time / STAMP_SECOND : time % STAMP_SECOND);
}

void ixgbe_model_systim_write(struct ixgbe_model *model, uint32_t offset, uint32_t value)
{
    uint64_t time = ixgbe_model_systim(model);
    model->registers[MODEL_SYSTIMH / 4] = (uint32_t)(time / STAMP_SECOND);
    model->registers[MODEL_SYSTIML / 4] = (uint32_t)(time % STAMP_SECOND);
    model->registers[offset / 4] = value;
    model->systim_begin = emu_clock_nanoseconds();
}

void ixgbe_model_stamp(const struct ixgbe_model *model, uint8_t *behind)
{
    uint64_t time = ixgbe_model_systim(model);
    uint64_t stamp = time / STAMP_SECOND << 32 | time % STAMP_SECOND;
    memcpy(behind, &stamp, sizeof(stamp));
}
