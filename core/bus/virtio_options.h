/* What an address may ask of a VirtIO device that is not ours (vhost-user, PCI): features of its offer that the driver
 * is not shown. */
#ifndef CORE_BUS_VIRTIO_OPTIONS_H
#define CORE_BUS_VIRTIO_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bus/bus.h"

/* Takes ring=auto|split|packed. Returns 0 or IXY_E_ADDRESS. */
int32_t virtio_option_ring(struct address *address, uint64_t *unwanted, bool *demand_packed);

/* Takes key=on|off: off adds the feature to *unwanted. Returns 0 or IXY_E_ADDRESS. */
int32_t virtio_option_on(struct address *address, const char *key, uint64_t feature, uint64_t *unwanted);

/* Whether a device that shows these features satisfies the address: 0, or IXY_E_UNSUPPORTED if a packed ring is
 * demanded and not among them. */
int32_t virtio_options_check(const struct bus *bus, uint64_t shown, bool demand_packed);

#endif
