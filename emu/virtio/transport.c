/* The transport of the emulated device: status, features, configuration, queues (2.1, 2.2, 2.5, 3.1, 5.1.4). */
#include <inttypes.h>
#include <string.h>

#include "core/device/error.h"
#include "emu/virtio/model.h"

#define VMODEL_STATUS_KNOWN                                                                                            \
    (VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_FEATURES_OK |          \
     VIRTIO_STATUS_DEVICE_NEEDS_RESET | VIRTIO_STATUS_FAILED)

static bool vmodel_is_legacy(const struct virtio_model *model)
{
    return (model->offered >> VIRTIO_F_VERSION_1 & 1) == 0;
}

/* A control access of the driver: the model is stepped first, as it may have to answer something. NULL: it is gone. */
static struct virtio_model *vmodel_enter(struct bus *bus)
{
    struct emu_device *device = (struct emu_device *)bus;
    emu_device_lock(device);
    emu_device_step_inline(device);
    if (__builtin_expect(vmodel_of(device)->gone, 0)) {
        emu_device_unlock(device);
        return NULL;
    }
    return vmodel_of(device);
}

static int32_t vmodel_gone(const struct bus *bus)
{
    return error_set(IXY_E_DEVICE, "%s: the device is gone", bus->address);
}

static void vmodel_leave(struct virtio_model *model)
{
    emu_device_unlock(&model->device);
    emu_thread_wake(&model->device);
}

static int32_t vmodel_features(struct bus *bus, uint64_t *offered)
{
    struct virtio_model *model = vmodel_enter(bus);
    if (model == NULL)
        return vmodel_gone(bus);
    *offered = model->offered;
    vmodel_leave(model);
    return 0;
}

static int32_t vmodel_features_accept(struct bus *bus, uint64_t features)
{
    struct virtio_model *model = vmodel_enter(bus);
    if (model == NULL)
        return vmodel_gone(bus);
    struct sanitizer *sanitizer = &model->device.sanitizer;
    if ((model->status & VIRTIO_STATUS_DRIVER) == 0)
        sanitizer_report(sanitizer,
                         "features accepted with status %" PRIX32 "h: ACKNOWLEDGE and DRIVER come before (3.1.1)",
                         model->status);
    if ((model->status & (VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK)) != 0)
        sanitizer_report(sanitizer, "features accepted with status %" PRIX32 "h: not after %s (3.1.1)", model->status,
                         (model->status & VIRTIO_STATUS_FEATURES_OK) != 0 ? "FEATURES_OK" : "DRIVER_OK");
    else
        model->accepted = features;
    if (vmodel_is_legacy(model) && (model->status & VIRTIO_STATUS_DRIVER_OK) == 0) {
        /* 2.2.3, 3.1.2: no FEATURES_OK; what is accepted holds at once. */
        vmodel_features_check(model);
        vmodel_features_settle(model);
    }
    vmodel_leave(model);
    return 0;
}

static int32_t vmodel_status(struct bus *bus, uint32_t *status)
{
    struct virtio_model *model = vmodel_enter(bus);
    if (model == NULL) { /* as over PCI: a read that nobody answers */
        *status = VIRTIO_STATUS_GONE;
        return 0;
    }
    *status = model->status;
    model->status_seen = true;
    vmodel_leave(model);
    return 0;
}

static uint32_t vmodel_status_peek(struct bus *bus)
{
    struct virtio_model *model = vmodel_enter(bus);
    if (model == NULL)
        return VIRTIO_STATUS_GONE;
    uint32_t status = model->status;
    vmodel_leave(model);
    return status;
}

/* The order of 3.1.1. */
static void vmodel_status_check(struct virtio_model *model, uint32_t status)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    uint32_t before = model->status, fresh = status & ~before;
    if ((before & ~status) != 0)
        sanitizer_report(sanitizer,
                         "status %" PRIX32 "h written after %" PRIX32 "h: bits are cleared by a reset only (2.1.1)",
                         status, before);
    if ((status & ~VMODEL_STATUS_KNOWN) != 0)
        sanitizer_report(sanitizer, "status %" PRIX32 "h: bits %" PRIX32 "h are not known (2.1)", status,
                         status & ~VMODEL_STATUS_KNOWN);
    if ((fresh & VIRTIO_STATUS_DEVICE_NEEDS_RESET) != 0)
        sanitizer_report(sanitizer, "status %" PRIX32 "h: DEVICE_NEEDS_RESET is the device's to set (2.1)", status);
    if ((fresh & VIRTIO_STATUS_DRIVER) != 0 && (before & VIRTIO_STATUS_ACKNOWLEDGE) == 0)
        sanitizer_report(sanitizer, "status %" PRIX32 "h after %" PRIX32 "h: DRIVER comes after ACKNOWLEDGE (3.1.1)",
                         status, before);
    if ((fresh & VIRTIO_STATUS_FEATURES_OK) != 0 && vmodel_is_legacy(model))
        sanitizer_report(sanitizer, "status %" PRIX32 "h: a legacy device has no FEATURES_OK (3.1.2)", status);
    else if ((fresh & VIRTIO_STATUS_FEATURES_OK) != 0 && (before & VIRTIO_STATUS_DRIVER) == 0)
        sanitizer_report(sanitizer, "status %" PRIX32 "h after %" PRIX32 "h: FEATURES_OK comes after DRIVER (3.1.1)",
                         status, before);
    if ((fresh & VIRTIO_STATUS_DRIVER_OK) == 0)
        return;
    if (vmodel_is_legacy(model)) {
        if ((before & VIRTIO_STATUS_DRIVER) == 0)
            sanitizer_report(sanitizer, "status %" PRIX32 "h after %" PRIX32 "h: DRIVER_OK comes after DRIVER (3.1.2)",
                             status, before);
    } else if ((before & VIRTIO_STATUS_FEATURES_OK) == 0) {
        sanitizer_report(sanitizer, "status %" PRIX32 "h after %" PRIX32 "h: DRIVER_OK comes after FEATURES_OK (3.1.1)",
                         status, before);
    } else if (!model->status_seen) {
        sanitizer_report(sanitizer, "DRIVER_OK set, but the status was not read after FEATURES_OK: the device may have"
                                    " refused (3.1.1)");
    }
}

/* DRIVER_OK: the device is live. */
static void vmodel_go(struct virtio_model *model)
{
    bool any = false;
    for (uint32_t number = 0; number < VMODEL_QUEUES; number++) {
        if (model->queues[number].enabled) {
            vmodel_queue_start(model, &model->queues[number]);
            any = true;
        }
    }
    if (!any)
        sanitizer_report(&model->device.sanitizer, "DRIVER_OK set with no virtqueue enabled (3.1.1)");
    vmodel_direct_settle(model);
}

static int32_t vmodel_status_reset(struct bus *bus)
{
    struct emu_device *device = (struct emu_device *)bus;
    struct virtio_model *model = vmodel_of(device);
    emu_device_lock(device);
    emu_device_step_inline(device);
    bool back = !hostile_is(&device->hostile) || vmodel_lie_back(model);
    int32_t code = back ? 0 : vmodel_gone(bus);
    if (back)
        vmodel_reset(model);
    if (back && hostile_is(&device->hostile))
        code = vmodel_lie_reset(model);
    emu_device_unlock(device);
    return code;
}

static int32_t vmodel_status_set(struct bus *bus, uint32_t status)
{
    if (status == 0)
        return vmodel_status_reset(bus);
    struct virtio_model *model = vmodel_enter(bus);
    if (model == NULL)
        return vmodel_gone(bus);
    vmodel_status_check(model, status);
    uint32_t before = model->status;
    uint32_t fresh = status & ~before & VMODEL_STATUS_KNOWN & ~VIRTIO_STATUS_DEVICE_NEEDS_RESET;
    if (vmodel_is_legacy(model))
        fresh &= ~VIRTIO_STATUS_FEATURES_OK;
    if ((fresh & VIRTIO_STATUS_FEATURES_OK) != 0) {
        model->status_seen = false;
        if (vmodel_features_check(model))
            vmodel_features_settle(model);
        else
            fresh &= ~VIRTIO_STATUS_FEATURES_OK;
        if (hostile_is(&model->device.hostile) && hostile_tells(&model->device.hostile, HOSTILE_FEATURES_REFUSED))
            fresh &= ~VIRTIO_STATUS_FEATURES_OK;
    }
    bool ready = vmodel_is_legacy(model) || (before & VIRTIO_STATUS_FEATURES_OK) != 0;
    if ((fresh & VIRTIO_STATUS_DRIVER_OK) != 0 && !ready)
        fresh &= ~VIRTIO_STATUS_DRIVER_OK;
    model->status |= fresh;
    if ((fresh & VIRTIO_STATUS_DRIVER_OK) != 0)
        vmodel_go(model);
    vmodel_leave(model);
    return 0;
}

/* The configuration space, little-endian (5.1.4). A field whose feature is not offered does not exist: 0. */
static void vmodel_config(const struct virtio_model *model, uint8_t *config)
{
    const uint16_t status = VIRTIO_NET_S_LINK_UP, pairs = (uint16_t)model->pairs;
    memset(config, 0, VIRTIO_NET_CONFIG_SIZE);
    memcpy(config + VIRTIO_NET_CONFIG_MAC, model->mac, sizeof(model->mac));
    memcpy(config + VIRTIO_NET_CONFIG_STATUS, &status, sizeof(status));
    if ((model->offered >> VIRTIO_NET_F_MQ & 1) != 0)
        memcpy(config + VIRTIO_NET_CONFIG_MAX_VIRTQUEUE_PAIRS, &pairs, sizeof(pairs));
    memcpy(config + VIRTIO_NET_CONFIG_MTU, &model->mtu, sizeof(model->mtu));
}

static int32_t vmodel_config_read(struct bus *bus, uint32_t offset, void *bytes, uint32_t size)
{
    struct virtio_model *model = vmodel_enter(bus);
    if (model == NULL)
        return vmodel_gone(bus);
    uint8_t config[VIRTIO_NET_CONFIG_SIZE];
    vmodel_config(model, config);
    if (hostile_is(&model->device.hostile))
        vmodel_lie_config(model, offset, config);
    memset(bytes, 0, size);
    if (offset > VIRTIO_NET_CONFIG_SIZE || size > VIRTIO_NET_CONFIG_SIZE - offset)
        sanitizer_report(&model->device.sanitizer,
                         "configuration read at %" PRIu32 ", %" PRIu32 " bytes: it has %u (5.1.4)", offset, size,
                         VIRTIO_NET_CONFIG_SIZE);
    else
        memcpy(bytes, config + offset, size);
    vmodel_leave(model);
    return 0;
}

static int32_t vmodel_config_write(struct bus *bus, uint32_t offset, const void *bytes, uint32_t size)
{
    struct virtio_model *model = vmodel_enter(bus);
    if (model == NULL)
        return vmodel_gone(bus);
    bool mac =
        vmodel_is_legacy(model) && !vmodel_has(model, VIRTIO_NET_F_CTRL_MAC_ADDR) && offset <= 6 && size <= 6 - offset;
    if (mac)
        memcpy(model->mac + offset, bytes, size);
    else
        sanitizer_report(&model->device.sanitizer,
                         "configuration written at %" PRIu32 ", %" PRIu32
                         " bytes: it is read-only; the station address goes by CTRL_MAC_ADDR (5.1.4)",
                         offset, size);
    vmodel_leave(model);
    return 0;
}

static int32_t vmodel_transport_size_max(struct bus *bus, uint32_t queue, uint32_t *size)
{
    struct virtio_model *model = vmodel_enter(bus);
    if (model == NULL)
        return vmodel_gone(bus);
    *size = vmodel_queue_size_max(model, queue);
    if (hostile_is(&model->device.hostile))
        *size = vmodel_lie_queue_size(model, *size);
    vmodel_leave(model);
    return 0;
}

static int32_t vmodel_transport_enable(struct bus *bus, uint32_t queue, const struct virtio_queue_setup *setup)
{
    struct virtio_model *model = vmodel_enter(bus);
    if (model == NULL)
        return vmodel_gone(bus);
    uint32_t status = model->status;
    uint32_t needed = vmodel_is_legacy(model) ? VIRTIO_STATUS_DRIVER : VIRTIO_STATUS_FEATURES_OK;
    int32_t code;
    if ((status & needed) == 0 || (status & VIRTIO_STATUS_DRIVER_OK) != 0) {
        sanitizer_report(&model->device.sanitizer,
                         "virtqueue %" PRIu32 " set up with status %" PRIX32 "h: that is between %s and DRIVER_OK"
                         " (3.1.1)",
                         queue, status, vmodel_is_legacy(model) ? "DRIVER" : "FEATURES_OK");
        code = error_set(IXY_E_STATE, "%s: virtqueue %" PRIu32 " cannot be set up now", bus->address, queue);
    } else {
        code = vmodel_queue_enable(model, queue, setup);
    }
    vmodel_leave(model);
    return code;
}

static void vmodel_notify(struct bus *bus, uint32_t number)
{
    struct virtio_model *model = vmodel_of((struct emu_device *)bus);
    if (number < VMODEL_QUEUES && __atomic_load_n(&model->queues[number].live, __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&model->queues[number].kicked, 1, __ATOMIC_RELEASE);
        emu_thread_wake(&model->device);
        return;
    }
    emu_device_lock(&model->device);
    if (model->gone)
        ; /* it may have gone since the driver looked */
    else if ((model->status & VIRTIO_STATUS_DRIVER_OK) == 0)
        sanitizer_report(&model->device.sanitizer,
                         "virtqueue %" PRIu32 " notified with status %" PRIX32 "h: not before DRIVER_OK (3.1.1)",
                         number, model->status);
    else if (number >= VMODEL_QUEUES || !model->queues[number].enabled)
        sanitizer_report(&model->device.sanitizer, "virtqueue %" PRIu32 " notified, which was not enabled (2.9)",
                         number);
    emu_device_unlock(&model->device);
}

const struct virtio_transport vmodel_transport = {
    .features = vmodel_features,
    .features_accept = vmodel_features_accept,
    .status = vmodel_status,
    .status_set = vmodel_status_set,
    .status_peek = vmodel_status_peek,
    .config_read = vmodel_config_read,
    .config_write = vmodel_config_write,
    .queue_size_max = vmodel_transport_size_max,
    .queue_enable = vmodel_transport_enable,
    .notify = vmodel_notify,
};
