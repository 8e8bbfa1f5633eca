/* Register accesses: what reading and writing do beside storing a value, and which of it a driver must not do. */
#include <inttypes.h>

#include "emu/ixgbe/model.h"

static uint32_t *model_register(struct ixgbe_model *model, uint32_t offset)
{
    return &model->registers[offset / 4];
}

uint32_t *ixgbe_model_doorbell(struct ixgbe_model *model, uint32_t offset)
{
    uint32_t index;
    const struct model_row *row = model_register_row(offset, &index);
    bool queue = row != NULL && (row->behaviour == MODEL_RX_QUEUE || row->behaviour == MODEL_TX_QUEUE);
    return queue && (offset & 0x3F) == MODEL_QUEUE_TAIL ? model_register(model, offset) : NULL;
}

static bool model_bit(const uint64_t *set, uint32_t index)
{
    return (set[index / 64] >> index % 64 & 1) != 0;
}

static uint32_t model_read_special(struct ixgbe_model *model, uint32_t offset)
{
    uint32_t *stored = model_register(model, offset);
    uint32_t value = *stored;
    switch (offset) {
    case MODEL_STATUS:
        if ((*model_register(model, MODEL_CTRL) & MODEL_CTRL_GIO_DIS) != 0)
            value &= ~MODEL_STATUS_GIO;
        return model->link ? value | MODEL_STATUS_LINK_UP : value;
    case MODEL_EICR:
    case MODEL_EICS:
    case MODEL_EICS_EX:
    case MODEL_EICS_EX + 4:
    case MODEL_EIMC:
    case MODEL_EIMC_EX:
    case MODEL_EIMC_EX + 4:
        return ixgbe_model_interrupt_read(model, offset);
    case MODEL_SYSTIML:
    case MODEL_SYSTIMH:
        return ixgbe_model_systim_read(model, offset);
    case MODEL_SWSM:
        *stored |= 1; /* SMBI is taken by reading it as 0, 8.2.3.4.10 */
        return value;
    default:
        return value;
    }
}

uint32_t ixgbe_model_read(struct ixgbe_model *model, uint32_t offset)
{
    char name[24];
    uint32_t index;
    ixgbe_model_time(model, MODEL_READ_TIME);
    offset = model_register_canonical(offset);
    if (hostile_is(&model->device.hostile) && ixgbe_model_lie_gone(model, offset, false))
        return UINT32_MAX;
    const struct model_row *row = model_register_row(offset, &index);
    if (row == NULL) {
        sanitizer_report(&model->device.sanitizer, "read of %05" PRIX32 "h: the data sheet has no register there (8.2)",
                         offset);
        return 0;
    }
    if (model->reset_done != 0 && offset != MODEL_CTRL && offset != MODEL_STATUS) {
        sanitizer_report(&model->device.sanitizer,
                         "%s read while the device resets: wait until CTRL.RST and CTRL.LRST read as 0 (8.2.3.1.1)",
                         model_register_name(offset, name));
        return 0;
    }
    switch (row->behaviour) {
    case MODEL_STATISTIC:
        return ixgbe_model_statistic(model, offset);
    case MODEL_SPECIAL:
        return model_read_special(model, offset);
    case MODEL_RX_QUEUE:
        index += row->first;
        if ((offset & 0x3F) == MODEL_QUEUE_HEAD && model_bit(model->rx_running, index))
            return model->rx[index].head;
        break;
    case MODEL_TX_QUEUE:
        if ((offset & 0x3F) == MODEL_QUEUE_HEAD && model_bit(model->tx_running, index))
            return model->tx[index].head;
        break;
    default:
        break;
    }
    /* Atomic for the tail registers' sake, which are doorbells. */
    return __atomic_load_n(model_register(model, offset), __ATOMIC_ACQUIRE);
}

/* The bits that may change, by device: X540 and X550 have some that the 82599 reserves. */
static uint32_t model_writable(const struct ixgbe_model *model, const struct model_row *row, uint32_t offset)
{
    if (row->behaviour == MODEL_RX_QUEUE && (offset & 0x3F) == MODEL_QUEUE_CONTROL && model->kind == MODEL_82599)
        return row->writable & 0x42000000u; /* ENABLE and VME; RLPML is later */
    if (offset == MODEL_TSYNCRXCTL && model->kind != MODEL_X550)
        return 0x0000001Eu; /* stamps go into registers only */
    if (offset >= MODEL_RETA && offset < MODEL_RETA + 128 && model->kind == MODEL_X550)
        return 0x3F3F3F3Fu;
    return row->writable;
}

/* Reports what the write gets wrong by the table, and returns what is stored. */
static uint32_t model_write_check(struct ixgbe_model *model, const struct model_row *row, uint32_t offset,
                                  uint32_t value)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    char name[24];
    uint32_t current = __atomic_load_n(model_register(model, offset), __ATOMIC_RELAXED);
    uint32_t writable = model_writable(model, row, offset);
    uint32_t reserved = ~(writable | row->read_only | row->kept);
    uint32_t wrong = value & reserved & ~current;
    uint32_t lost = (value ^ current) & row->kept;
    model_register_name(offset, name);
    bool ring = (row->behaviour == MODEL_RX_QUEUE || row->behaviour == MODEL_TX_QUEUE);
    if (row->writable == 0) {
        sanitizer_report(sanitizer, "%s = %08" PRIX32 "h: the register is read-only (%s)", name, value, row->section);
    } else if (ring && (offset & 0x3F) == MODEL_QUEUE_BASE_LOW && wrong != 0) {
        sanitizer_report(sanitizer, "%s = %08" PRIX32 "h: a ring begins at a multiple of 128 bytes (%s)", name, value,
                         row->section);
    } else if (ring && (offset & 0x3F) == MODEL_QUEUE_LEN && wrong != 0) {
        sanitizer_report(sanitizer, "%s = %08" PRIX32 "h: a ring's length is a multiple of 128 bytes, at most %u (%s)",
                         name, value, 0xFFF80u, row->section);
    } else {
        if (wrong != 0)
            sanitizer_report(sanitizer, "%s = %08" PRIX32 "h: sets the reserved bits %08" PRIX32 "h (%s)", name, value,
                             wrong, row->section);
        if (lost != 0)
            sanitizer_report(sanitizer,
                             "%s = %08" PRIX32 "h: changes the bits %08" PRIX32
                             "h, whose initial value is to be preserved (%s)",
                             name, value, lost, row->section);
    }
    return (value & writable) | (current & ~writable);
}

static void model_write_ctrl(struct ixgbe_model *model, uint32_t value)
{
    uint32_t *ctrl = model_register(model, MODEL_CTRL);
    if ((value & MODEL_CTRL_RESET) != 0) {
        ixgbe_model_reset(model, (value & MODEL_CTRL_LRST) != 0);
        *ctrl = value;
        model->reset_done = model->now + MODEL_RESET_TIME;
    } else {
        *ctrl = value | (*ctrl & MODEL_CTRL_RESET);
    }
}

static void model_write_special(struct ixgbe_model *model, uint32_t offset, uint32_t value)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    uint32_t *stored = model_register(model, offset);
    uint32_t current = *stored;
    switch (offset) {
    case MODEL_CTRL:
        model_write_ctrl(model, value);
        return;
    case MODEL_EICR:
    case MODEL_EICS:
    case MODEL_EICS_EX:
    case MODEL_EICS_EX + 4:
    case MODEL_EIMS:
    case MODEL_EIMS_EX:
    case MODEL_EIMS_EX + 4:
    case MODEL_EIMC:
    case MODEL_EIMC_EX:
    case MODEL_EIMC_EX + 4:
        ixgbe_model_interrupt_write(model, offset, value);
        return;
    case MODEL_EEC:
        *stored = (value & MODEL_EEC_REQ) != 0 ? value | MODEL_EEC_GNT : value & ~MODEL_EEC_GNT;
        return;
    case MODEL_EERD:
        *stored = value & 0x0000FFFCu; /* DONE comes with the data */
        model->eerd_done = (value & 1) != 0 ? model->now + MODEL_EERD_TIME : model->eerd_done;
        return;
    case MODEL_MSCA:
        *stored = value & ~(1u << 30); /* no PHY answers: the command is done, the data all ones */
        *model_register(model, MODEL_MSCA + 4) |= 0xFFFF0000u;
        return;
    case MODEL_AUTOC:
        *stored = value & ~MODEL_AUTOC_RESTART;
        if ((value & MODEL_AUTOC_RESTART) != 0 && model->kind == MODEL_82599) {
            model->link = false;
            *model_register(model, MODEL_LINKS) = 0;
            model->link_up = model->now + MODEL_LINK_TIME;
        }
        return;
    case MODEL_FCTRL:
        if (value != current && model->rx_on)
            sanitizer_report(sanitizer,
                             "FCTRL = %08" PRIX32 "h (was %08" PRIX32
                             "h): filters are changed only while RXCTRL.RXEN is 0 (8.2.3.7.1)",
                             value, current);
        break;
    case MODEL_SYSTIML:
    case MODEL_SYSTIMH:
    case MODEL_TSAUXC:
        ixgbe_model_systim_write(model, offset, value);
        return;
    case MODEL_MTQC:
        if (value != current && (*model_register(model, MODEL_RTTDCS) & MODEL_RTTDCS_ARBDIS) == 0)
            sanitizer_report(sanitizer,
                             "MTQC = %08" PRIX32 "h: it is changed only while RTTDCS.ARBDIS is 1 (8.2.3.9.15)", value);
        break;
    case MODEL_RDRXCTL:
        if (((value ^ current) & MODEL_RDRXCTL_RSCFRSTSIZE) != 0 &&
            (value & MODEL_RDRXCTL_RSC_ONES) != MODEL_RDRXCTL_RSC_ONES)
            sanitizer_report(sanitizer,
                             "RDRXCTL = %08" PRIX32
                             "h: RSCFRSTSIZE lost; it keeps its value, or is 0 with RSCACKC and FCOE_WRFIX set "
                             "(8.2.3.8.8)",
                             value);
        break;
    case MODEL_RXCTRL: {
        bool in_mac = (*model_register(model, MODEL_HLREG0) & MODEL_HLREG0_RXCRCSTRP) != 0;
        bool in_dma = (*model_register(model, MODEL_RDRXCTL) & MODEL_RDRXCTL_CRCSTRIP) != 0;
        if (value != 0 && current == 0 && in_mac != in_dma)
            sanitizer_report(sanitizer,
                             "RXCTRL.RXEN set while HLREG0.RXCRCSTRP is %d and RDRXCTL.CRCSTRIP is %d: they are to be "
                             "the same (8.2.3.8.8)",
                             in_mac, in_dma);
        break;
    }
    case MODEL_SECRXCTRL:
        *model_register(model, MODEL_SECRXCTRL + 4) =
            (value & MODEL_SECRX_DISABLE) != 0 && !ixgbe_model_lie_silent(model);
        break;
    default:
        if (offset >= MODEL_RSSRK && offset < MODEL_RSSRK + 40)
            model->rss_stale = true;
        break;
    }
    *stored = value;
}

/* ENABLE takes effect later, section 4.6.7.1; until then it reads as before. */
static void model_write_enable(struct ixgbe_model *model, uint32_t *stored, uint32_t value, uint64_t *deadline)
{
    bool change = ((value ^ *stored) & MODEL_QUEUE_ENABLE) != 0;
    *stored = (value & ~MODEL_QUEUE_ENABLE) | (*stored & MODEL_QUEUE_ENABLE);
    if (change && *deadline == 0) {
        *deadline = model->now + MODEL_ENABLE_TIME;
        model->enables++;
    } else if (!change && *deadline != 0) {
        *deadline = 0;
        model->enables--;
    }
}

static bool model_write_ring(struct ixgbe_model *model, uint32_t offset, uint32_t value, bool running, uint32_t head,
                             const char *control)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    char name[24];
    uint32_t *stored = model_register(model, offset);
    uint32_t reg = offset & 0x3F;
    model_register_name(offset, name);
    if (reg == MODEL_QUEUE_TAIL) {
        if (!running && value != 0 && value != stored[-2]) /* the head stands two words before */
            sanitizer_report(sanitizer, "%s = %" PRIu32 " before %s.ENABLE reads as 1 (4.6.7.1, 4.6.8.1)", name, value,
                             control);
        __atomic_store_n(stored, value, __ATOMIC_RELEASE);
        return true;
    }
    bool fixed = reg == MODEL_QUEUE_BASE_LOW || reg == MODEL_QUEUE_BASE_HIGH || reg == MODEL_QUEUE_LEN ||
                 reg == MODEL_QUEUE_HEAD || reg == MODEL_QUEUE_TDWBAL || reg == MODEL_QUEUE_TDWBAH;
    if (!fixed || !running)
        return false;
    uint32_t current = reg == MODEL_QUEUE_HEAD ? head : *stored;
    if (value != current)
        sanitizer_report(sanitizer,
                         "%s = %08" PRIX32 "h (was %08" PRIX32 "h) while the queue is enabled: clear %s.ENABLE first "
                         "(4.6.7.1, 4.6.8.1)",
                         name, value, current, control);
    return true;
}

static void model_write_rx(struct ixgbe_model *model, uint32_t offset, uint32_t queue, uint32_t value)
{
    struct model_rx_ring *ring = &model->rx[queue];
    uint32_t *stored = model_register(model, offset);
    bool running = model_bit(model->rx_running, queue);
    if (model_write_ring(model, offset, value, running, ring->head, "RXDCTL"))
        return;
    if ((offset & 0x3F) == MODEL_QUEUE_CONTROL) {
        ring->untag = (value & MODEL_RXDCTL_VME) != 0;
        model_write_enable(model, stored, value, &model->rx_enable[queue]);
        return;
    }
    if ((offset & 0x3F) == MODEL_QUEUE_SRRCTL && running) {
        if (((value ^ *stored) & ~MODEL_SRRCTL_DROP_EN) != 0) {
            sanitizer_report(&model->device.sanitizer,
                             "SRRCTL[%" PRIu32 "] = %08" PRIX32 "h (was %08" PRIX32
                             "h) while the queue is enabled: clear RXDCTL.ENABLE first (8.2.3.8.7)",
                             queue, value, *stored);
            return;
        }
        ring->drop = (value & MODEL_SRRCTL_DROP_EN) != 0;
    }
    *stored = value;
}

static void model_write_tx(struct ixgbe_model *model, uint32_t offset, uint32_t queue, uint32_t value)
{
    uint32_t *stored = model_register(model, offset);
    bool running = model_bit(model->tx_running, queue);
    if (model_write_ring(model, offset, value, running, model->tx[queue].head, "TXDCTL"))
        return;
    if ((offset & 0x3F) != MODEL_QUEUE_CONTROL) {
        *stored = value;
        return;
    }
    if ((value & MODEL_QUEUE_ENABLE) != 0 && !running && !model->tx_on) {
        sanitizer_report(&model->device.sanitizer,
                         "TXDCTL[%" PRIu32 "] = %08" PRIX32 "h: ENABLE set before DMATXCTL.TE (4.6.8)", queue, value);
        value &= ~MODEL_QUEUE_ENABLE;
    }
    model->tx[queue].write_back_threshold = (value >> 16 & 0x7F) != 0;
    model_write_enable(model, stored, value, &model->tx_enable[queue]);
}

void ixgbe_model_write(struct ixgbe_model *model, uint32_t offset, uint32_t value)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    char name[24];
    uint32_t index;
    ixgbe_model_time(model, MODEL_WRITE_TIME);
    offset = model_register_canonical(offset);
    if (hostile_is(&model->device.hostile) && ixgbe_model_lie_gone(model, offset, true))
        return;
    const struct model_row *row = model_register_row(offset, &index);
    if (row == NULL) {
        sanitizer_report(sanitizer,
                         "write of %08" PRIX32 "h to %05" PRIX32 "h: the data sheet has no register there (8.2)", value,
                         offset);
        return;
    }
    if (model->reset_done != 0 && offset != MODEL_CTRL) {
        sanitizer_report(sanitizer,
                         "%s = %08" PRIX32
                         "h while the device resets: wait until CTRL.RST and CTRL.LRST read as 0 (8.2.3.1.1)",
                         model_register_name(offset, name), value);
        return;
    }
    value = model_write_check(model, row, offset, value);
    if (row->writable == 0)
        return;
    if (row->behaviour == MODEL_RX_QUEUE)
        model_write_rx(model, offset, index + row->first, value);
    else if (row->behaviour == MODEL_TX_QUEUE)
        model_write_tx(model, offset, index, value);
    else if (row->behaviour == MODEL_SPECIAL)
        model_write_special(model, offset, value);
    else
        *model_register(model, offset) = value;
    ixgbe_model_configure(model);
}

void ixgbe_model_configure(struct ixgbe_model *model)
{
    const uint32_t *registers = model->registers;
    uint32_t hlreg0 = registers[MODEL_HLREG0 / 4];
    model->rx_on = (registers[MODEL_RXCTRL / 4] & 1) != 0;
    model->tx_on = (registers[MODEL_DMATXCTL / 4] & 1) != 0;
    model->strip = (hlreg0 & MODEL_HLREG0_RXCRCSTRP) != 0;
    model->pad = (hlreg0 & MODEL_HLREG0_TXPADEN) != 0;
    model->frame_max = 1518; /* without JUMBOEN, 8.2.3.22.13 */
    if ((hlreg0 & MODEL_HLREG0_JUMBOEN) != 0) {
        model->frame_max = registers[MODEL_MAXFRS / 4] >> 16;
        if (model->frame_max > MODEL_FRAME_MAX)
            model->frame_max = MODEL_FRAME_MAX;
    }
    model->promiscuous = (registers[MODEL_FCTRL / 4] & MODEL_FCTRL_UPE) != 0;
    model->rss = (registers[MODEL_MRQC / 4] & 0xF) == 1;
    bool vlan_filter = (registers[MODEL_VLNCTRL / 4] & (1u << 30)) != 0;
    model->stamps = model->kind == MODEL_X550 &&
                    (registers[MODEL_TSYNCRXCTL / 4] & MODEL_TSYNCRXCTL_STAMPS) == MODEL_TSYNCRXCTL_STAMPS;
    model->direct = model->device.gen != NULL && model->promiscuous && !model->rss && !vlan_filter && model->strip &&
                    !model->stamps && model->frame_max >= 1518;
    model->generated_info = UINT64_MAX;
}
