/* The control queue (5.1.6.5): promiscuous mode, the station address, queue pairs. It wants to be notified whatever the
 * other queues do: commands are rare. */
#include <inttypes.h>
#include <string.h>

#include "emu/virtio/ring.h"

#define VMODEL_COMMAND_MAX 256

/* Commands of the specification that this model answers, or refuses politely. */
#define VMODEL_CTRL_RX_ALLMULTI 1
#define VMODEL_CTRL_MAC_TABLE_SET 0

struct vmodel_command {
    uint8_t bytes[VMODEL_COMMAND_MAX]; /* class, command, data */
    uint32_t len;
    uint8_t *answer;
};

static bool vmodel_command_needs(struct virtio_model *model, const struct vmodel_command *command, uint32_t feature,
                                 const char *name)
{
    if (vmodel_has(model, feature))
        return true;
    sanitizer_report(&model->device.sanitizer, "control command %u, %u: wants %s, which was not negotiated (5.1.6.5)",
                     command->bytes[0], command->bytes[1], name);
    return false;
}

static bool vmodel_command_size(struct virtio_model *model, const struct vmodel_command *command, uint32_t size)
{
    if (command->len == 2 + size)
        return true;
    sanitizer_report(&model->device.sanitizer,
                     "control command %u, %u: %" PRIu32 " bytes of data, right is %" PRIu32 " (5.1.6.5)",
                     command->bytes[0], command->bytes[1], command->len - 2, size);
    return false;
}

static uint8_t vmodel_command_rx(struct virtio_model *model, const struct vmodel_command *command)
{
    if (!vmodel_command_needs(model, command, VIRTIO_NET_F_CTRL_RX, "CTRL_RX"))
        return VIRTIO_NET_ERR;
    if (command->bytes[1] > VMODEL_CTRL_RX_ALLMULTI) {
        sanitizer_report(&model->device.sanitizer,
                         "control command %u, %u: wants CTRL_RX_EXTRA, which was not negotiated (5.1.6.5.1.2)",
                         command->bytes[0], command->bytes[1]);
        return VIRTIO_NET_ERR;
    }
    if (!vmodel_command_size(model, command, 1))
        return VIRTIO_NET_ERR;
    if (command->bytes[2] > 1) {
        sanitizer_report(&model->device.sanitizer, "control command %u, %u: data %u; 0 is off, 1 on (5.1.6.5.1)",
                         command->bytes[0], command->bytes[1], command->bytes[2]);
        return VIRTIO_NET_ERR;
    }
    if (command->bytes[1] == VIRTIO_NET_CTRL_RX_PROMISC)
        model->promiscuous = command->bytes[2] != 0;
    return VIRTIO_NET_OK; /* all multicast frames pass anyway */
}

static uint8_t vmodel_command_mac(struct virtio_model *model, const struct vmodel_command *command)
{
    if (command->bytes[1] == VMODEL_CTRL_MAC_TABLE_SET)
        return VIRTIO_NET_ERR; /* best-effort filtering: there is no table here */
    if (!vmodel_command_needs(model, command, VIRTIO_NET_F_CTRL_MAC_ADDR, "CTRL_MAC_ADDR") ||
        !vmodel_command_size(model, command, 6))
        return VIRTIO_NET_ERR;
    if ((command->bytes[2] & 1) != 0)
        return VIRTIO_NET_ERR; /* a group is no station */
    memcpy(model->mac, command->bytes + 2, sizeof(model->mac));
    return VIRTIO_NET_OK;
}

static uint8_t vmodel_command_pairs(struct virtio_model *model, const struct vmodel_command *command)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    if (!vmodel_command_needs(model, command, VIRTIO_NET_F_MQ, "MQ") || !vmodel_command_size(model, command, 2))
        return VIRTIO_NET_ERR;
    uint32_t pairs = command->bytes[2] | (uint32_t)command->bytes[3] << 8;
    if (pairs == 0 || pairs > model->pairs) {
        sanitizer_report(sanitizer, "VQ_PAIRS_SET %" PRIu32 "; right is 1 to %" PRIu32 " (5.1.6.5.6.1)", pairs,
                         model->pairs);
        return VIRTIO_NET_ERR;
    }
    for (uint32_t number = 0; number < 2 * pairs; number++) {
        if (!model->queues[number].enabled) {
            sanitizer_report(sanitizer,
                             "VQ_PAIRS_SET %" PRIu32 ", but virtqueue %" PRIu32
                             " is not enabled: queues are configured before (5.1.6.5.6.1)",
                             pairs, number);
            return VIRTIO_NET_ERR;
        }
    }
    /* What was queued before the command is legal: it goes out while its queues are still in use. */
    if (pairs < model->active)
        vmodel_transmit(model, VIRTQ_SIZE_MAX);
    model->active = pairs;
    return VIRTIO_NET_OK;
}

static uint8_t vmodel_command_run(struct virtio_model *model, const struct vmodel_command *command)
{
    uint32_t class = command->bytes[0], number = command->bytes[1];
    if (class == VIRTIO_NET_CTRL_RX)
        return vmodel_command_rx(model, command);
    if (class == VIRTIO_NET_CTRL_MAC && number <= VIRTIO_NET_CTRL_MAC_ADDR_SET)
        return vmodel_command_mac(model, command);
    if (class == VIRTIO_NET_CTRL_MQ && number == VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET)
        return vmodel_command_pairs(model, command);
    sanitizer_report(&model->device.sanitizer,
                     "control command %" PRIu32 ", %" PRIu32 ": belongs to no feature that was negotiated (5.1.6.5)",
                     class, number);
    return VIRTIO_NET_ERR;
}

/* How a legacy driver without ANY_LAYOUT lays a command out: class and command, data, answer (5.1.6.6). */
static bool vmodel_command_layout(struct virtio_model *model, const struct vmodel_chain *chain)
{
    const struct vmodel_slot *slot = chain->slot;
    if (!model->header_alone || (chain->count == 3 && slot[0].len == 2 && slot[2].len == 1))
        return true;
    sanitizer_report(&model->device.sanitizer,
                     "control command of %" PRIu32 " descriptors, the first of %" PRIu32
                     " bytes; without ANY_LAYOUT there are three: class and command, data, answer (5.1.6.6)",
                     chain->count, slot[0].len);
    return false;
}

/* Collects a command; false if it is none, or the device must not touch it. */
static bool vmodel_command_read(struct virtio_model *model, struct vmodel_queue *queue,
                                const struct vmodel_chain *chain, struct vmodel_command *command)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    char place[VMODEL_PLACE_SIZE];
    vmodel_place(queue, chain->position, place);
    command->len = 0;
    command->answer = NULL;
    for (uint32_t i = 0; i < chain->count; i++) {
        const struct vmodel_slot *slot = &chain->slot[i];
        struct emu_dma_region *region = emu_dma_region_of(&model->device.dma, slot->address, slot->len);
        bool write = (slot->flags & VMODEL_SLOT_WRITE) != 0;
        if (region == NULL || slot->len == 0) {
            sanitizer_report(sanitizer,
                             "%s: part %" PRIu32 " (%" PRIX64 "h, %" PRIu32
                             " bytes) is not in memory that the driver mapped",
                             place, i, slot->address, slot->len);
            return false;
        }
        uint8_t *bytes = region->base + (slot->address & EMU_DMA_OFFSET_MASK);
        if (write && command->answer == NULL) {
            command->answer = bytes;
        } else if (!write && command->answer != NULL) {
            sanitizer_report(sanitizer, "%s: a readable descriptor behind a writable one (2.7.4.2)", place);
            return false;
        } else if (!write) {
            uint32_t piece = VMODEL_COMMAND_MAX - command->len;
            piece = slot->len < piece ? slot->len : piece;
            memcpy(command->bytes + command->len, bytes, piece);
            command->len += piece;
        }
    }
    if (command->len < 2 || command->answer == NULL) {
        sanitizer_report(sanitizer, "%s: a command has class, command and a writable byte for the answer (5.1.6.5)",
                         place);
        return false;
    }
    return true;
}

uint32_t vmodel_control(struct virtio_model *model)
{
    if (!vmodel_has(model, VIRTIO_NET_F_CTRL_VQ))
        return 0;
    struct vmodel_queue *queue = &model->queues[vmodel_queue_count(model) - 1];
    uint32_t commands = 0;
    if (!queue->live || __atomic_load_n(&queue->kicked, __ATOMIC_RELAXED) == 0)
        return 0;
    __atomic_store_n(&queue->kicked, 0, __ATOMIC_SEQ_CST);
    if (hostile_is(&model->device.hostile) && hostile_tells(&model->device.hostile, HOSTILE_NOT_READY))
        return 0;
    while (queue->live && (model->packed || vmodel_split_posted(model, queue) != 0)) {
        struct vmodel_chain chain;
        struct vmodel_command command;
        struct vmodel_packed_batch batch = {.first = NULL};
        uint32_t len = 0;
        if (!vmodel_read(model, queue, &chain))
            break;
        bool laid_out = vmodel_command_layout(model, &chain);
        /* Before the command runs: lowering the queue pairs transmits, and reads other chains over this one. */
        for (uint32_t i = 0; i < chain.count; i++)
            queue->held[model->packed ? chain.id : model->chain_index[i]] = false;
        if (!chain.bad && vmodel_command_read(model, queue, &chain, &command)) {
            uint8_t answer = laid_out ? vmodel_command_run(model, &command) : VIRTIO_NET_ERR;
            __atomic_store_n(command.answer, answer, __ATOMIC_RELAXED);
            len = 1;
        }
        vmodel_complete(model, queue, &batch, chain.id, chain.count, len);
        vmodel_publish(model, queue, &batch);
        commands++;
    }
    if (queue->live)
        vmodel_notifications(model, queue);
    vmodel_direct_settle(model);
    return commands;
}
