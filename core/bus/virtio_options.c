#include "core/bus/virtio_options.h"

#include <string.h>

#include "core/device/error.h"
#include "core/virtio/spec.h"

int32_t virtio_option_on(struct address *address, const char *key, uint64_t feature, uint64_t *unwanted)
{
    const char *value = address_take(address, key);
    if (value == NULL || strcmp(value, "on") == 0)
        return 0;
    if (strcmp(value, "off") != 0)
        return error_set(IXY_E_ADDRESS, "address \"%s\": %s=%s; right is on or off", address->text, key, value);
    *unwanted |= feature;
    return 0;
}

int32_t virtio_option_ring(struct address *address, uint64_t *unwanted, bool *demand_packed)
{
    const char *value = address_take(address, "ring");
    if (value == NULL || strcmp(value, "auto") == 0)
        return 0;
    *demand_packed = strcmp(value, "packed") == 0;
    if (strcmp(value, "split") == 0)
        *unwanted |= VIRTIO_FEATURE(VIRTIO_F_RING_PACKED);
    else if (!*demand_packed)
        return error_set(IXY_E_ADDRESS, "address \"%s\": ring=%s; right is auto, split or packed", address->text,
                         value);
    return 0;
}

int32_t virtio_options_check(const struct bus *bus, uint64_t shown, bool demand_packed)
{
    if (demand_packed && (shown & VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)) == 0)
        return error_set(IXY_E_UNSUPPORTED,
                         "%.90s: ring=packed: the device does not offer VIRTIO_F_RING_PACKED; right is ring=auto",
                         bus->address);
    return 0;
}
