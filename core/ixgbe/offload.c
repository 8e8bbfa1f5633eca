/* What a device can do beside moving plain frames, and switching on what was asked for.
 *
 * Receive checksums need no switch: each packet's status tells of them (data sheet 331520, section 7.1.11); RXCSUM.PCSD
 * chooses only what stands beside the packet type (8.2.3.7.5). Tags are taken out queue by queue (RXDCTL.VME, rx.c),
 * and what is sent is told by its descriptors (tx_offload.c). */
#include "core/ixgbe/ixgbe.h"

uint32_t ixgbe_capabilities(const struct ixgbe_device *ixgbe)
{
    uint32_t all = DEVICE_CAN_RX_CHECKSUM | DEVICE_CAN_TX_CHECKSUM | DEVICE_CAN_VLAN_STRIP | DEVICE_CAN_VLAN_INSERT |
                   DEVICE_CAN_JUMBO;
    return ixgbe->mac_type == IXGBE_X550 ? all | DEVICE_CAN_RX_TIMESTAMP : all;
}

/* The clock begins at zero and advances by itself: TIMINCA corrects its rate, and stays 0. */
static void ixgbe_stamps_write(struct bus *bus)
{
    bus_write32(bus, IXGBE_TSAUXC, bus_read32(bus, IXGBE_TSAUXC) | IXGBE_TSAUXC_DISABLE_SYSTIME);
    bus_write32(bus, IXGBE_TIMINCA, 0);
    bus_write32(bus, IXGBE_SYSTIMR, 0);
    bus_write32(bus, IXGBE_SYSTIML, 0);
    bus_write32(bus, IXGBE_SYSTIMH, 0);
    bus_write32(bus, IXGBE_TSAUXC, bus_read32(bus, IXGBE_TSAUXC) & ~IXGBE_TSAUXC_DISABLE_SYSTIME);
    uint32_t control = bus_read32(bus, IXGBE_TSYNCRXCTL) & ~IXGBE_TSYNCRXCTL_TYPE;
    bus_write32(bus, IXGBE_TSYNCRXCTL,
                control | IXGBE_TSYNCRXCTL_TYPE_ALL | IXGBE_TSYNCRXCTL_EN | IXGBE_TSYNCRXCTL_TSIP_UT_EN);
}

void ixgbe_offloads_write(struct ixgbe_device *ixgbe)
{
    struct bus *bus = ixgbe->device.bus;
    const struct device_config *config = &ixgbe->device.config;
    if (ixgbe_is_jumbo(ixgbe)) {
        bus_write32(bus, IXGBE_MAXFRS, (config->frame_len_max + IXGBE_FRAME_CHECKSUM) << IXGBE_MAXFRS_MFS_SHIFT);
        bus_write32(bus, IXGBE_HLREG0, bus_read32(bus, IXGBE_HLREG0) | IXGBE_HLREG0_JUMBOEN);
    }
    if ((config->offloads & ixgbe_capabilities(ixgbe) & DEVICE_CAN_RX_TIMESTAMP) != 0)
        ixgbe_stamps_write(bus);
}
