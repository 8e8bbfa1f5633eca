/* Station addresses: the six bytes that a device's configuration, an address option or a caller says are a device's
 * own. A group's address (the first byte's lowest bit) and one of all zeroes are no station's. */
#ifndef CORE_DEVICE_STATION_H
#define CORE_DEVICE_STATION_H

#include <stdbool.h>
#include <stdint.h>

static inline bool station_is_valid(const uint8_t mac[6])
{
    return (mac[0] & 1) == 0 && (mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]) != 0;
}

#endif
