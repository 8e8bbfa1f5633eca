/* The link: requested at initialisation (data sheet 331520, section 4.6.4), read when asked. */
#include "core/device/error.h"
#include "core/ixgbe/ixgbe.h"

void ixgbe_link_start(struct ixgbe_device *ixgbe)
{
    /* X540 and X550 negotiate in their copper PHY, by firmware, after each reset. */
    if (ixgbe->mac_type != IXGBE_82599)
        return;
    /* 10 Gbit/s serial, as an SFP+ cage wants it; the EEPROM may have said so already, 3.7.4.2. */
    struct bus *bus = ixgbe->device.bus;
    uint32_t autoc = bus_read32(bus, IXGBE_AUTOC) & ~IXGBE_AUTOC_LMS;
    bus_write32(bus, IXGBE_AUTOC, autoc | IXGBE_AUTOC_LMS_10G_SERIAL | IXGBE_AUTOC_RESTART_AN);
}

int32_t ixgbe_link(struct device *device, struct device_link *link)
{
    struct ixgbe_device *ixgbe = (struct ixgbe_device *)device;
    uint32_t links = bus_read32(device->bus, IXGBE_LINKS);
    if (links == 0xFFFFFFFFu)
        return ixgbe_gone(ixgbe, "LINKS reads");
    link->up = (links & IXGBE_LINKS_UP) != 0;
    link->speed_mbps = 0;
    if (!link->up)
        return 0;
    bool other = ixgbe->mac_type == IXGBE_X550 && (links & IXGBE_LINKS_SPEED_NON_STANDARD) != 0;
    switch ((links & IXGBE_LINKS_SPEED) >> 28) {
    case 1:
        link->speed_mbps = other ? 5000 : 100;
        break;
    case 2:
        link->speed_mbps = 1000;
        break;
    case 3:
        link->speed_mbps = other ? 2500 : 10000;
        break;
    default:
        break; /* reserved: up at a speed that no data sheet names */
    }
    return 0;
}
