/* Waiting for a device: never without end, and never for one that is gone. */
#include "core/device/error.h"
#include "core/ixgbe/ixgbe.h"

#define IXGBE_GONE 0xFFFFFFFFu /* what reads of a device that was removed answer */
#define IXGBE_POLL_US 10

int32_t ixgbe_gone(struct ixgbe_device *ixgbe, const char *what)
{
    bus_fail(ixgbe->device.bus, "%s as ones: the device is gone", what);
    return error_set(IXY_E_DEVICE, "%s: %s as ones: the device is gone", ixgbe->device.bus->address, what);
}

void ixgbe_watch(struct bus *bus)
{
    if (bus_read32(bus, IXGBE_STATUS) == IXGBE_GONE)
        bus_fail(bus, "STATUS reads as ones: the device is gone");
}

int32_t ixgbe_wait(struct ixgbe_device *ixgbe, uint32_t reg, uint32_t mask, uint32_t value, uint32_t timeout_us,
                   const char *what)
{
    struct bus *bus = ixgbe->device.bus;
    uint32_t answer = 0;
    for (uint32_t waited = 0; waited <= timeout_us; waited += IXGBE_POLL_US) {
        answer = bus_read32(bus, reg);
        if (answer == IXGBE_GONE && bus_read32(bus, IXGBE_STATUS) == IXGBE_GONE)
            return ixgbe_gone(ixgbe, "all registers read");
        if ((answer & mask) == value)
            return 0;
        bus->ops->delay(bus, IXGBE_POLL_US);
    }
    return error_set(IXY_E_TIMEOUT, "%s: %s did not become %Xh within %u us (register %05Xh reads %08Xh)", bus->address,
                     what, value, timeout_us, reg, answer);
}
