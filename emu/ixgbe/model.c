/* Life of a model: power on, reset, the passing of time, steps, memory that goes away. */
#include "emu/ixgbe/model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A small EEPROM: what drivers look for before they trust the device, and a right checksum (section 6.1). */
static void model_eeprom_init(struct ixgbe_model *model)
{
    uint16_t *word = model->eeprom;
    memset(word, 0, sizeof(model->eeprom));
    for (uint32_t i = 0x03; i < 0x0F; i++)
        word[i] = 0xFFFF; /* no such section */
    word[0x0F] = 0x0080;
    word[0x2B] = 0x00A0; /* SFP+ initialisation: modules 5 and 6, with nothing to do for either */
    word[0x2C] = 0x0003;
    word[0x84] = 0x0090;
    word[0x97] = 0x0006;
    word[0xA1] = 5;
    word[0xA2] = 0x00B0;
    word[0xA3] = 6;
    word[0xA4] = 0x00B0;
    word[0xA5] = 0xFFFF;
    word[0xB1] = 0xFFFF;
    uint16_t sum = 0;
    for (uint32_t i = 0; i < 0x3F; i++)
        sum = (uint16_t)(sum + word[i]);
    word[0x3F] = (uint16_t)(0xBABAu - sum);
}

static int32_t model_configure(struct emu_device *device, struct address *address)
{
    ixgbe_model_of(device)->kind = (enum model_kind)device->kind;
    return hostile_open(address, HOSTILE_IXGBE, &device->hostile);
}

static int32_t model_init(struct emu_device *device, uint32_t serial)
{
    struct ixgbe_model *model = ixgbe_model_of(device);
    const uint8_t mac[6] = {0x02, 0x82, 0x59, (uint8_t)(serial >> 16), (uint8_t)(serial >> 8), (uint8_t)serial};
    memcpy(model->mac, mac, sizeof(mac));
    model_eeprom_init(model);
    ixgbe_model_reset(model, true);
    ixgbe_model_ready(model);
    return 0;
}

void ixgbe_model_ready(struct ixgbe_model *model)
{
    model->registers[MODEL_EEC / 4] |= MODEL_EEC_ARD;
    model->registers[MODEL_RDRXCTL / 4] |= MODEL_RDRXCTL_DMAIDONE;
    model->dma_ready = model->eeprom_ready = 0;
}

void ixgbe_model_reset(struct ixgbe_model *model, bool link_too)
{
    for (uint32_t queue = 0; queue < MODEL_QUEUES; queue++) {
        ixgbe_model_rx_stop(model, queue);
        ixgbe_model_tx_stop(model, queue);
        model->rx_enable[queue] = model->tx_enable[queue] = 0;
        model->tx[queue].write_back_threshold = false;
        model->rx[queue].untag = false;
    }
    model->enables = 0;
    model_registers_reset(model->registers);
    model->causes = model->sent_for = model->returned[0] = model->returned[1] = 0;
    uint8_t mac[6];
    memcpy(mac, model->mac, sizeof(mac));
    if (hostile_is(&model->device.hostile))
        ixgbe_model_lie_station(model, mac);
    model->registers[MODEL_RAL / 4] =
        (uint32_t)mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 | (uint32_t)mac[3] << 24;
    model->registers[MODEL_RAL / 4 + 1] = (uint32_t)mac[4] | (uint32_t)mac[5] << 8 | 1u << 31;
    ixgbe_model_statistics_clear(model);
    model->rss_stale = true;
    model->eerd_done = 0;
    model->dma_ready = model->now + MODEL_DMA_READY_TIME;
    model->eeprom_ready = model->now + MODEL_EEPROM_READY_TIME;
    if (link_too) {
        model->link = false;
        /* The copper PHY of X540 and X550 negotiates by itself; an 82599 is told to by AUTOC. */
        model->link_up = model->kind == MODEL_82599 ? 0 : model->now + MODEL_LINK_TIME;
    }
    model->registers[MODEL_LINKS / 4] = model->link ? MODEL_LINKS_UP : 0;
    ixgbe_model_configure(model);
}

static void model_free(struct emu_device *device)
{
    struct ixgbe_model *model = ixgbe_model_of(device);
    for (uint32_t queue = 0; queue < MODEL_QUEUES; queue++) {
        ixgbe_model_rx_stop(model, queue);
        ixgbe_model_tx_stop(model, queue);
        free(model->tx[queue].partial);
    }
}

static bool model_due(uint64_t *deadline, uint64_t now)
{
    if (*deadline == 0 || now < *deadline)
        return false;
    *deadline = 0;
    return true;
}

/* A stopped queue that reads as enabled, as a lie has it (ixgbe_model_lie_enabled), and is disabled now: nothing
 * starts. True if it was one. */
static bool model_settle_lied(struct ixgbe_model *model, uint32_t block, bool silent)
{
    uint32_t *control = &model->registers[(block + MODEL_QUEUE_CONTROL) / 4];
    if ((*control & MODEL_QUEUE_ENABLE) == 0)
        return false;
    if (!silent)
        *control &= ~MODEL_QUEUE_ENABLE;
    return true;
}

static void model_settle_queue(struct ixgbe_model *model, uint32_t queue)
{
    if (model_due(&model->rx_enable[queue], model->now)) {
        model->enables--;
        bool silent = ixgbe_model_lie_silent(model);
        if ((model->rx_running[queue / 64] >> queue % 64 & 1) == 0) {
            if (!model_settle_lied(model, MODEL_RDBAL + queue * 0x40, silent) && !silent)
                ixgbe_model_rx_start(model, queue);
        } else {
            ixgbe_model_rx_stop(model, queue);
            if (silent)
                ixgbe_model_lie_enabled(model, MODEL_RDBAL + queue * 0x40);
        }
    }
    if (model_due(&model->tx_enable[queue], model->now)) {
        model->enables--;
        bool silent = ixgbe_model_lie_silent(model);
        if ((model->tx_running[queue / 64] >> queue % 64 & 1) == 0) {
            if (!model_settle_lied(model, MODEL_TX_QUEUES + queue * 0x40, silent) && !silent)
                ixgbe_model_tx_start(model, queue);
        } else {
            ixgbe_model_tx_stop(model, queue);
            if (silent)
                ixgbe_model_lie_enabled(model, MODEL_TX_QUEUES + queue * 0x40);
        }
    }
}

static void model_link_settle(struct ixgbe_model *model)
{
    if (model_due(&model->link_up, model->now)) {
        model->link = true;
        model->registers[MODEL_LINKS / 4] = MODEL_LINKS_UP;
        model->registers[MODEL_EICR / 4] |= MODEL_EICR_LSC;
    }
}

void ixgbe_model_time(struct ixgbe_model *model, uint64_t nanoseconds)
{
    uint32_t *registers = model->registers;
    model->now += nanoseconds;
    if (model_due(&model->reset_done, model->now) && !ixgbe_model_lie_silent(model))
        registers[MODEL_CTRL / 4] &= ~MODEL_CTRL_RESET;
    if (model_due(&model->dma_ready, model->now) && !ixgbe_model_lie_silent(model))
        registers[MODEL_RDRXCTL / 4] |= MODEL_RDRXCTL_DMAIDONE;
    if (model_due(&model->eeprom_ready, model->now) && !ixgbe_model_lie_silent(model))
        registers[MODEL_EEC / 4] |= MODEL_EEC_ARD;
    if (model_due(&model->eerd_done, model->now)) {
        uint32_t word = registers[MODEL_EERD / 4] >> 2 & 0x3FFF;
        uint32_t data = word < 256 ? model->eeprom[word] : 0xFFFF;
        registers[MODEL_EERD / 4] = data << 16 | word << 2 | 2;
    }
    model_link_settle(model);
    for (uint32_t queue = 0; model->enables != 0 && queue < MODEL_QUEUES; queue++)
        model_settle_queue(model, queue);
}

static bool model_step(struct emu_device *device, uint32_t most)
{
    struct ixgbe_model *model = ixgbe_model_of(device);
    if (hostile_is(&device->hostile) && ixgbe_model_lie_step(model))
        return false;
    if (__builtin_expect(model->link_up != 0, 0)) {
        model->link_up = model->link_up > MODEL_STEP_TIME ? model->link_up - MODEL_STEP_TIME : 1;
        model_link_settle(model);
        return true;
    }
    if (!model->link)
        return false;
    uint32_t moved = ixgbe_model_transmit(model, most);
    moved += ixgbe_model_receive(model, most);
    ixgbe_model_interrupts(model);
    return moved != 0;
}

/* Control registers are written through the bus, which wakes the thread; tail registers are not. */
static uint64_t model_doze(struct emu_device *device)
{
    struct ixgbe_model *model = ixgbe_model_of(device);
    uint64_t unmasked = model->registers[MODEL_EIMS_EX / 4] | (uint64_t)model->registers[MODEL_EIMS_EX / 4 + 1] << 32;
    if (!model->rx_on && !model->tx_on)
        return EMU_DEVICE_NAP_LONGEST;
    if ((model->causes & unmasked & ~model->sent_for) != 0) /* EITR holds a message back */
        return 0;
    return unmasked != 0 ? EMU_DEVICE_NAP_WAITING : EMU_DEVICE_NAP_POLLING;
}

static void model_wake(struct emu_device *device)
{
    (void)device;
}

static void model_transmit(struct emu_device *device, uint32_t most)
{
    ixgbe_model_transmit(ixgbe_model_of(device), most);
}

static void model_pass_time(struct emu_device *device, uint64_t nanoseconds)
{
    ixgbe_model_time(ixgbe_model_of(device), nanoseconds);
}

static uint32_t model_read(struct emu_device *device, uint32_t reg)
{
    return ixgbe_model_read(ixgbe_model_of(device), reg);
}

static void model_write(struct emu_device *device, uint32_t reg, uint32_t value)
{
    ixgbe_model_write(ixgbe_model_of(device), reg, value);
}

static uint32_t *model_doorbell(struct emu_device *device, uint32_t reg)
{
    return ixgbe_model_doorbell(ixgbe_model_of(device), reg);
}

const struct emu_model_ops ixgbe_model_ops = {
    .size = sizeof(struct ixgbe_model),
    .options = "hostile,seed,every,",
    .configure = model_configure,
    .init = model_init,
    .free = model_free,
    .step = model_step,
    .transmit = model_transmit,
    .doze = model_doze,
    .wake = model_wake,
    .time = model_pass_time,
    .unmap = ixgbe_model_unmap,
    .read = model_read,
    .write = model_write,
    .doorbell = model_doorbell,
};
