/* Which frames the MAC takes, section 7.1.1: by destination address and VLAN. */
#include "emu/ixgbe/model.h"

static bool filter_exact(const struct ixgbe_model *model, const uint8_t *frame)
{
    uint32_t low = (uint32_t)frame[0] | (uint32_t)frame[1] << 8 | (uint32_t)frame[2] << 16 | (uint32_t)frame[3] << 24;
    uint32_t high = (uint32_t)frame[4] | (uint32_t)frame[5] << 8 | 1u << 31; /* RAH.AV */
    const uint32_t *address = &model->registers[MODEL_RAL / 4];
    for (uint32_t i = 0; i < 128; i++)
        if (address[2 * i] == low && address[2 * i + 1] == high)
            return true;
    return false;
}

/* The multicast table, 4096 bits, by 12 bits of the address that MCSTCTRL.MO chooses. */
static bool filter_multicast_table(const struct ixgbe_model *model, const uint8_t *frame)
{
    static const uint8_t shift[4] = {4, 3, 2, 0};
    uint32_t control = model->registers[MODEL_MCSTCTRL / 4];
    if ((control & 4) == 0) /* MFE */
        return false;
    uint32_t bits = ((uint32_t)frame[4] | (uint32_t)frame[5] << 8) >> shift[control & 3] & 0xFFF;
    return (model->registers[MODEL_MTA / 4 + bits / 32] >> bits % 32 & 1) != 0;
}

static bool filter_vlan(const struct ixgbe_model *model, const uint8_t *frame, uint32_t len)
{
    uint32_t control = model->registers[MODEL_VLNCTRL / 4];
    if ((control & (1u << 30)) == 0 || len < 16) /* VFE */
        return true;
    if (((uint32_t)frame[12] << 8 | frame[13]) != (control & 0xFFFF))
        return true;
    uint32_t tag = ((uint32_t)frame[14] << 8 | frame[15]) & 0xFFF;
    return (model->registers[MODEL_VFTA / 4 + tag / 32] >> tag % 32 & 1) != 0;
}

bool ixgbe_model_accepts(const struct ixgbe_model *model, const uint8_t *frame, uint32_t len)
{
    uint32_t control = model->registers[MODEL_FCTRL / 4];
    bool taken;
    if ((frame[0] & 1) == 0)
        taken = (control & MODEL_FCTRL_UPE) != 0 || filter_exact(model, frame);
    else if ((frame[0] & frame[1] & frame[2] & frame[3] & frame[4] & frame[5]) == 0xFF)
        taken = (control & MODEL_FCTRL_BAM) != 0;
    else
        taken = (control & MODEL_FCTRL_MPE) != 0 || filter_exact(model, frame) || filter_multicast_table(model, frame);
    return taken && filter_vlan(model, frame, len);
}
