/* Features: what a driver may accept (2.2, 5.1.3.1, 6), and what that means for rings and headers. */
#include <inttypes.h>

#include "emu/virtio/model.h"

struct vmodel_feature {
    uint32_t bit;
    const char *name;
    uint64_t needs; /* the driver accepts it only together with these */
};

static const struct vmodel_feature vmodel_feature_table[] = {
    {VIRTIO_NET_F_CSUM, "CSUM", 0},
    {VIRTIO_NET_F_GUEST_CSUM, "GUEST_CSUM", 0},
    {VIRTIO_NET_F_MTU, "MTU", 0},
    {VIRTIO_NET_F_MAC, "MAC", 0},
    {VIRTIO_NET_F_MRG_RXBUF, "MRG_RXBUF", 0},
    {VIRTIO_NET_F_STATUS, "STATUS", 0},
    {VIRTIO_NET_F_CTRL_VQ, "CTRL_VQ", 0},
    {VIRTIO_NET_F_CTRL_RX, "CTRL_RX", VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_VQ)},
    {VIRTIO_NET_F_MQ, "MQ", VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_VQ)},
    {VIRTIO_NET_F_CTRL_MAC_ADDR, "CTRL_MAC_ADDR", VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_VQ)},
    {VIRTIO_F_ANY_LAYOUT, "ANY_LAYOUT", 0},
    {VIRTIO_F_EVENT_IDX, "EVENT_IDX", 0},
    {VIRTIO_F_VERSION_1, "VERSION_1", 0},
    {VIRTIO_F_ACCESS_PLATFORM, "ACCESS_PLATFORM", 0},
    {VIRTIO_F_RING_PACKED, "RING_PACKED", VIRTIO_FEATURE(VIRTIO_F_VERSION_1)},
    {VIRTIO_F_IN_ORDER, "IN_ORDER", 0},
};

static bool vmodel_features_complete(struct virtio_model *model)
{
    bool good = true;
    for (size_t i = 0; i < sizeof(vmodel_feature_table) / sizeof(vmodel_feature_table[0]); i++) {
        const struct vmodel_feature *feature = &vmodel_feature_table[i];
        if (!vmodel_has(model, feature->bit) || (feature->needs & ~model->accepted) == 0)
            continue;
        uint32_t needed = (uint32_t)__builtin_ctzll(feature->needs & ~model->accepted);
        const char *name = "";
        for (size_t k = 0; k < sizeof(vmodel_feature_table) / sizeof(vmodel_feature_table[0]); k++)
            if (vmodel_feature_table[k].bit == needed)
                name = vmodel_feature_table[k].name;
        sanitizer_report(&model->device.sanitizer, "features: %s was accepted without %s, which it needs (2.2.1, %s)",
                         feature->name, name, feature->bit < 24 ? "5.1.3.1" : "6");
        good = false;
    }
    return good;
}

bool vmodel_features_check(struct virtio_model *model)
{
    struct sanitizer *sanitizer = &model->device.sanitizer;
    bool good = true;
    uint64_t foreign = model->accepted & ~model->offered;
    if (foreign != 0) {
        sanitizer_report(sanitizer,
                         "features: bit %d was accepted, which the device does not offer (accepted %" PRIX64
                         "h, offered %" PRIX64 "h) (2.2.1)",
                         __builtin_ctzll(foreign), model->accepted, model->offered);
        good = false;
    }
    if (!vmodel_features_complete(model))
        good = false;
    uint64_t missing = model->offered & ~model->accepted;
    if ((missing & VIRTIO_FEATURE(VIRTIO_F_VERSION_1)) != 0) {
        sanitizer_report(sanitizer, "features: VERSION_1 is offered and was not accepted; this device has no legacy"
                                    " interface (6.1)");
        good = false;
    }
    if ((missing & VIRTIO_FEATURE(VIRTIO_F_ACCESS_PLATFORM)) != 0) {
        sanitizer_report(sanitizer,
                         "features: ACCESS_PLATFORM is offered and was not accepted: drivers should, which"
                         " is a recommendation (6.1), but this device does not work without, as it may (6.2)");
        good = false;
    }
    return good;
}

void vmodel_features_settle(struct virtio_model *model)
{
    model->accepted &= model->offered;
    bool modern = vmodel_has(model, VIRTIO_F_VERSION_1);
    model->packed = vmodel_has(model, VIRTIO_F_RING_PACKED);
    model->in_order = vmodel_has(model, VIRTIO_F_IN_ORDER);
    model->event_idx = vmodel_has(model, VIRTIO_F_EVENT_IDX);
    model->mergeable = vmodel_has(model, VIRTIO_NET_F_MRG_RXBUF);
    model->fills = vmodel_has(model, VIRTIO_NET_F_CSUM);
    model->verifies = vmodel_has(model, VIRTIO_NET_F_GUEST_CSUM);
    model->header_alone = !modern && !vmodel_has(model, VIRTIO_F_ANY_LAYOUT);
    model->header = modern || model->mergeable ? VIRTIO_NET_HDR_SIZE : VIRTIO_NET_HDR_SIZE_LEGACY;
    /* Without an MTU the specification bounds no frame (5.1.4.2). */
    model->frame_max = vmodel_has(model, VIRTIO_NET_F_MTU) ? model->mtu + 14u : VMODEL_FRAME_MAX;
    /* A driver that cannot ask for promiscuous mode gets it: such devices have no filter. */
    model->promiscuous = !vmodel_has(model, VIRTIO_NET_F_CTRL_RX);
}
