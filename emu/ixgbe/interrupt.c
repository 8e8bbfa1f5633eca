/* Interrupts of receive queues (sections 7.3 and 8.2.3.5), in MSI-X mode with several vectors: GPIE.Multiple_MSIX.
 *
 * A descriptor that was written back is a cause, which IVAR assigns to a vector. A vector with a cause that is not
 * masked sends its message, once, and no sooner after the last one than EITR says; then EIAC clears the cause and, with
 * GPIE.EIAME, EIAM masks the vector. The bits of vectors 0 to 15 in EICR, EICS, EIMS and EIMC are those of the lower
 * half of the first extended register; causes and masks of vectors are kept here and in EIMS_EX. In the other modes
 * causes are to be seen in EICR, and no message is sent.
 */
#include "emu/ixgbe/model.h"

static uint32_t *interrupt_register(struct ixgbe_model *model, uint32_t offset)
{
    return &model->registers[offset / 4];
}

static uint64_t interrupt_extended(struct ixgbe_model *model, uint32_t offset)
{
    const uint32_t *words = interrupt_register(model, offset);
    return words[0] | (uint64_t)words[1] << 32;
}

static void interrupt_mask_set(struct ixgbe_model *model, uint64_t mask)
{
    uint32_t *words = interrupt_register(model, MODEL_EIMS_EX), *low = interrupt_register(model, MODEL_EIMS);
    words[0] = (uint32_t)mask;
    words[1] = (uint32_t)(mask >> 32);
    *low = (*low & ~MODEL_EICR_QUEUES) | ((uint32_t)mask & MODEL_EICR_QUEUES);
}

/* Causes that come from written-back descriptors. Without several vectors IVAR names one of 16 bits (8.2.3.5.15). */
static void interrupt_gather(struct ixgbe_model *model)
{
    bool several = (*interrupt_register(model, MODEL_GPIE) & MODEL_GPIE_MULTIPLE_MSIX) != 0;
    for (uint32_t half = 0; half < 2; half++) {
        for (; model->returned[half] != 0; model->returned[half] &= model->returned[half] - 1) {
            uint32_t queue = half * 64 + (uint32_t)__builtin_ctzll(model->returned[half]);
            uint32_t entry = *interrupt_register(model, MODEL_IVAR + queue / 2 * 4) >> queue % 2 * 16 & 0xFF;
            if ((entry & MODEL_IVAR_VALID) != 0)
                model->causes |= (uint64_t)1 << (entry & (several ? 0x3F : 0xF));
        }
    }
}

/* Units of 2.048 us at 1 and 10 Gbit/s, 8.2.3.5.12. */
static bool interrupt_throttled(struct ixgbe_model *model, uint32_t vector)
{
    uint32_t offset = vector < 24 ? MODEL_EITR + vector * 4 : MODEL_EITR_HIGH + (vector - 24) * 4;
    uint64_t interval = (uint64_t)(*interrupt_register(model, offset) >> 3 & 0x1FF) * 2048;
    return model->interrupted[vector] != 0 && model->device.wire->now - model->interrupted[vector] < interval;
}

static void interrupt_send(struct ixgbe_model *model, uint32_t vector)
{
    const uint64_t bit = (uint64_t)1 << vector;
    const uint64_t masks =
        interrupt_extended(model, MODEL_EIAM_EX) | (*interrupt_register(model, MODEL_EIAM) & MODEL_EICR_QUEUES);
    model->interrupted[vector] = model->device.wire->now;
    model->sent_for |= bit;
    /* Vectors from 16 on, which EICR does not show, clear always. */
    if (vector >= 16 || (*interrupt_register(model, MODEL_EIAC) & bit) != 0)
        model->causes &= ~bit;
    if ((*interrupt_register(model, MODEL_GPIE) & MODEL_GPIE_EIAME) != 0)
        interrupt_mask_set(model, interrupt_extended(model, MODEL_EIMS_EX) & ~(bit & masks));
    emu_device_interrupt(&model->device, vector);
}

void ixgbe_model_interrupts(struct ixgbe_model *model)
{
    if ((model->returned[0] | model->returned[1]) != 0)
        interrupt_gather(model);
    if (__builtin_expect((model->causes | model->sent_for) == 0, 1))
        return;
    uint64_t due = model->causes & interrupt_extended(model, MODEL_EIMS_EX);
    model->sent_for &= due;
    if ((*interrupt_register(model, MODEL_GPIE) & MODEL_GPIE_MULTIPLE_MSIX) == 0)
        return;
    for (due &= ~model->sent_for; due != 0; due &= due - 1) {
        uint32_t vector = (uint32_t)__builtin_ctzll(due);
        if (!interrupt_throttled(model, vector))
            interrupt_send(model, vector);
    }
    model->sent_for &= model->causes & interrupt_extended(model, MODEL_EIMS_EX);
}

/* Without GPIE.EIAME, EIAM masks when EICR is read or written (8.2.3.5.6). */
static void interrupt_auto_mask(struct ixgbe_model *model)
{
    uint32_t eiam = *interrupt_register(model, MODEL_EIAM);
    if ((*interrupt_register(model, MODEL_GPIE) & MODEL_GPIE_EIAME) != 0)
        return;
    *interrupt_register(model, MODEL_EIMS) &= ~eiam;
    interrupt_mask_set(model, interrupt_extended(model, MODEL_EIMS_EX) & ~(uint64_t)(eiam & MODEL_EICR_QUEUES));
}

uint32_t ixgbe_model_interrupt_read(struct ixgbe_model *model, uint32_t offset)
{
    uint32_t *other = interrupt_register(model, MODEL_EICR);
    if (offset != MODEL_EICR)
        return 0; /* write-only */
    uint32_t value = (*other & ~MODEL_EICR_QUEUES) | ((uint32_t)model->causes & MODEL_EICR_QUEUES);
    *other = 0;
    if ((*interrupt_register(model, MODEL_GPIE) & MODEL_GPIE_OCD) == 0) /* "other clear disable" */
        model->causes &= ~(uint64_t)MODEL_EICR_QUEUES;
    interrupt_auto_mask(model);
    return value;
}

void ixgbe_model_interrupt_write(struct ixgbe_model *model, uint32_t offset, uint32_t value)
{
    const uint64_t queues = value & MODEL_EICR_QUEUES;
    const uint64_t extended = (uint64_t)value << ((offset & 4) != 0 ? 32 : 0);
    const uint64_t mask = interrupt_extended(model, MODEL_EIMS_EX);
    switch (offset) {
    case MODEL_EICR: /* write 1 to clear */
        *interrupt_register(model, MODEL_EICR) &= ~value;
        model->causes &= ~queues;
        interrupt_auto_mask(model);
        break;
    case MODEL_EICS:
        *interrupt_register(model, MODEL_EICR) |= value & ~MODEL_EICR_QUEUES;
        model->causes |= queues;
        break;
    case MODEL_EIMS:
        *interrupt_register(model, MODEL_EIMS) |= value;
        interrupt_mask_set(model, mask | queues);
        break;
    case MODEL_EIMC:
        *interrupt_register(model, MODEL_EIMS) &= ~value;
        interrupt_mask_set(model, mask & ~queues);
        break;
    case MODEL_EICS_EX:
    case MODEL_EICS_EX + 4:
        model->causes |= extended;
        break;
    case MODEL_EIMS_EX:
    case MODEL_EIMS_EX + 4:
        interrupt_mask_set(model, mask | extended);
        break;
    default: /* EIMC_EX */
        interrupt_mask_set(model, mask & ~extended);
        break;
    }
    ixgbe_model_interrupts(model); /* what was masked may be due, and what was sent may be over */
}
