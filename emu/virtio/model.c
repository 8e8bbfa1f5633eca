/* Life of a VirtIO-net model: its options, power on, reset, steps. */
#include "emu/virtio/model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/device/error.h"

/* One of two words; left alone if the option is not given. */
static int32_t vmodel_option(struct address *address, const char *key, const char *yes, const char *no, bool *value)
{
    const char *text = address_take(address, key);
    if (text == NULL)
        return 0;
    if (strcmp(text, yes) != 0 && strcmp(text, no) != 0)
        return error_set(IXY_E_ADDRESS, "address \"%s\": %s=%s; right is %s or %s", address->text, key, text, yes, no);
    *value = strcmp(text, yes) == 0;
    return 0;
}

static int32_t vmodel_configure(struct emu_device *device, struct address *address)
{
    struct virtio_model *model = vmodel_of(device);
    bool packed = false, mergeable = false, legacy = false, any_layout = true, in_order = false, events = false;
    bool platform = false, notify = false;
    const char *csum = address_take(address, "csum");
    uint64_t pairs = 1, mtu = 0, ring_size = 1024, span = 0;
    int32_t code;
    if ((code = vmodel_option(address, "ring", "packed", "split", &packed)) < 0 ||
        (code = vmodel_option(address, "mrg", "on", "off", &mergeable)) < 0 ||
        (code = vmodel_option(address, "legacy", "on", "off", &legacy)) < 0 ||
        (code = vmodel_option(address, "layout", "any", "header", &any_layout)) < 0 ||
        (code = vmodel_option(address, "inorder", "on", "off", &in_order)) < 0 ||
        (code = vmodel_option(address, "events", "on", "off", &events)) < 0 ||
        (code = vmodel_option(address, "notify", "on", "off", &notify)) < 0 ||
        (code = vmodel_option(address, "platform", "on", "off", &platform)) < 0 ||
        (code = address_take_number(address, "queues", 1, VMODEL_PAIRS_MAX, &pairs)) < 0 ||
        (code = address_take_number(address, "mtu", 0, VMODEL_MTU_MAX, &mtu)) < 0 ||
        (code = address_take_number(address, "ring_size", 2, VIRTQ_SIZE_MAX, &ring_size)) < 0 ||
        (code = address_take_number(address, "span", 64, 65536, &span)) < 0)
        return code;
    if ((code = hostile_open(address, packed ? HOSTILE_PACKED : HOSTILE_SPLIT, &device->hostile)) < 0)
        return code;
    if (legacy && (packed || in_order || platform))
        return error_set(IXY_E_ADDRESS,
                         "address \"%s\": legacy=on goes without ring=packed, inorder=on and platform=on",
                         address->text);
    if (!legacy && !any_layout)
        return error_set(IXY_E_ADDRESS, "address \"%s\": layout=header goes with legacy=on only", address->text);
    if (span != 0 && !mergeable)
        return error_set(IXY_E_ADDRESS, "address \"%s\": span=%" PRIu64 " goes with mrg=on only", address->text, span);
    if (!packed && (ring_size & (ring_size - 1)) != 0)
        return error_set(IXY_E_ADDRESS, "address \"%s\": ring_size=%" PRIu64 "; a split ring's is a power of two",
                         address->text, ring_size);
    if (mtu != 0 && mtu < 68)
        return error_set(IXY_E_ADDRESS, "address \"%s\": mtu=%" PRIu64 "; right is 0 (none) or 68 to %u", address->text,
                         mtu, VMODEL_MTU_MAX);
    model->partial = csum != NULL && strcmp(csum, "partial") == 0;
    bool checksums = csum != NULL && (model->partial || strcmp(csum, "on") == 0);
    if (csum != NULL && !checksums && strcmp(csum, "off") != 0)
        return error_set(IXY_E_ADDRESS, "address \"%s\": csum=%s; right is on, partial or off", address->text, csum);
    model->offered = VIRTIO_FEATURE(VIRTIO_NET_F_MAC) | VIRTIO_FEATURE(VIRTIO_NET_F_STATUS) |
                     VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_VQ) | VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_RX) |
                     VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_MAC_ADDR) | (uint64_t)(pairs > 1) << VIRTIO_NET_F_MQ |
                     (uint64_t)(mtu != 0) << VIRTIO_NET_F_MTU | (uint64_t)mergeable << VIRTIO_NET_F_MRG_RXBUF |
                     (uint64_t)checksums << VIRTIO_NET_F_CSUM | (uint64_t)checksums << VIRTIO_NET_F_GUEST_CSUM |
                     (uint64_t)events << VIRTIO_F_EVENT_IDX | (uint64_t)!legacy << VIRTIO_F_VERSION_1 |
                     (uint64_t)packed << VIRTIO_F_RING_PACKED | (uint64_t)in_order << VIRTIO_F_IN_ORDER |
                     (uint64_t)platform << VIRTIO_F_ACCESS_PLATFORM |
                     (uint64_t)(legacy && any_layout) << VIRTIO_F_ANY_LAYOUT;
    model->pairs = (uint32_t)pairs;
    model->ring_size = (uint32_t)ring_size;
    model->span = span != 0 ? (uint32_t)span : UINT32_MAX;
    model->mtu = (uint16_t)mtu;
    model->notify = notify;
    if (legacy)
        device->bus.device_id = VIRTIO_PCI_DEVICE_NET_LEGACY;
    return 0;
}

static int32_t vmodel_init(struct emu_device *device, uint32_t serial)
{
    struct virtio_model *model = vmodel_of(device);
    const uint8_t station[6] = {0x02, 0x1A, 0xF4, (uint8_t)(serial >> 16), (uint8_t)(serial >> 8), (uint8_t)serial};
    memcpy(model->station, station, sizeof(station));
    device->bus.virtio = &vmodel_transport;
    model->chain = calloc(model->ring_size, sizeof(*model->chain));
    model->chain_index = calloc(model->ring_size, sizeof(*model->chain_index));
    if (model->chain == NULL || model->chain_index == NULL)
        return error_set(IXY_E_NO_MEMORY, "%s: no memory for the model's chains", device->bus.address);
    vmodel_reset(model);
    return 0;
}

void vmodel_reset(struct virtio_model *model)
{
    for (uint32_t number = 0; number < VMODEL_QUEUES; number++)
        vmodel_queue_stop(model, &model->queues[number]);
    model->status = 0;
    model->accepted = 0;
    model->active = 1;
    vmodel_features_settle(model);
    memcpy(model->mac, model->station, sizeof(model->mac));
    vmodel_direct_settle(model);
}

void vmodel_direct_settle(struct virtio_model *model)
{
    uint8_t frame[GEN_SIZE_MAX];
    struct gen *gen = model->device.gen;
    model->direct = false;
    if (gen == NULL || (model->status & VIRTIO_STATUS_DRIVER_OK) == 0)
        return;
    gen_build(gen, frame);
    model->direct = model->active == 1 && !model->header_alone && !model->verifies && vmodel_accepts(model, frame) &&
                    gen->size <= model->frame_max && model->span >= VIRTIO_NET_HDR_SIZE + gen->size;
}

static void vmodel_free(struct emu_device *device)
{
    struct virtio_model *model = vmodel_of(device);
    for (uint32_t number = 0; number < VMODEL_QUEUES; number++)
        vmodel_queue_stop(model, &model->queues[number]);
    free(model->chain);
    free(model->chain_index);
}

static bool vmodel_step(struct emu_device *device, uint32_t most)
{
    struct virtio_model *model = vmodel_of(device);
    if (hostile_is(&device->hostile) && vmodel_lie_step(model))
        return false;
    if ((model->status & VIRTIO_STATUS_DRIVER_OK) == 0)
        return false;
    uint32_t moved = vmodel_control(model);
    moved += vmodel_transmit(model, most);
    moved += vmodel_receive(model, most);
    vmodel_interrupts(model);
    return moved != 0;
}

/* A device that polls suppresses notifications; before it sleeps it asks for them, and looks once more then. */
static void vmodel_sleep(struct virtio_model *model, bool asleep)
{
    model->asleep = asleep;
    for (uint32_t number = 0; number < VMODEL_QUEUES; number++)
        if (model->queues[number].live)
            vmodel_notifications(model, &model->queues[number]);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static uint64_t vmodel_doze(struct emu_device *device)
{
    vmodel_sleep(vmodel_of(device), true);
    return EMU_DEVICE_NAP_LONGEST;
}

static void vmodel_wake(struct emu_device *device)
{
    vmodel_sleep(vmodel_of(device), false);
}

static void vmodel_transmit_all(struct emu_device *device, uint32_t most)
{
    struct virtio_model *model = vmodel_of(device);
    if ((model->status & VIRTIO_STATUS_DRIVER_OK) != 0)
        vmodel_transmit(model, most);
}

/* Nothing in this device takes time. */
static void vmodel_time(struct emu_device *device, uint64_t nanoseconds)
{
    (void)device;
    (void)nanoseconds;
}

const struct emu_model_ops virtio_model_ops = {
    .size = sizeof(struct virtio_model),
    .options =
        "ring,mrg,span,queues,ring_size,legacy,layout,inorder,events,notify,mtu,csum,platform,hostile,seed,every,",
    .configure = vmodel_configure,
    .init = vmodel_init,
    .free = vmodel_free,
    .step = vmodel_step,
    .transmit = vmodel_transmit_all,
    .doze = vmodel_doze,
    .wake = vmodel_wake,
    .time = vmodel_time,
    .unmap = vmodel_unmap,
};
