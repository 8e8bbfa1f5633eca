/* Which frames are received, and by which queue: addresses, promiscuous mode, RSS. */
#include <string.h>

#include "core/device/error.h"
#include "core/device/station.h"
#include "core/ixgbe/ixgbe.h"

/* The key that Microsoft publishes for verifying implementations of its hash: any value serves, and with this one
 * results can be compared. */
static const uint8_t ixgbe_rss_key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                          0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                          0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                          0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

int32_t ixgbe_mac_read(struct ixgbe_device *ixgbe)
{
    uint32_t low = bus_read32(ixgbe->device.bus, IXGBE_RAL(0));
    uint32_t high = bus_read32(ixgbe->device.bus, IXGBE_RAH(0));
    uint8_t *mac = ixgbe->device.mac;
    for (uint32_t i = 0; i < 4; i++)
        mac[i] = (uint8_t)(low >> 8 * i);
    mac[4] = (uint8_t)high;
    mac[5] = (uint8_t)(high >> 8);
    if (!station_is_valid(mac))
        return error_set(IXY_E_DEVICE,
                         "%s: the station address that the EEPROM gave is %02x:%02x:%02x:%02x:%02x:%02x; right is one "
                         "that is neither multicast nor all zero",
                         ixgbe->device.bus->address, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    ixgbe->mac_known = true;
    return 0;
}

void ixgbe_mac_write(struct ixgbe_device *ixgbe)
{
    const uint8_t *mac = ixgbe->device.mac;
    struct bus *bus = ixgbe->device.bus;
    bus_write32(bus, IXGBE_RAL(0),
                (uint32_t)mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 | (uint32_t)mac[3] << 24);
    bus_write32(bus, IXGBE_RAH(0), (uint32_t)mac[4] | (uint32_t)mac[5] << 8 | IXGBE_RAH_AV);
}

/* Only while RXCTRL.RXEN is clear, 8.2.3.7.1. */
void ixgbe_filter_write(struct ixgbe_device *ixgbe)
{
    struct bus *bus = ixgbe->device.bus;
    uint32_t fctrl = bus_read32(bus, IXGBE_FCTRL) & ~(IXGBE_FCTRL_MPE | IXGBE_FCTRL_UPE);
    fctrl |= IXGBE_FCTRL_BAM;
    if (ixgbe->device.promiscuous)
        fctrl |= IXGBE_FCTRL_MPE | IXGBE_FCTRL_UPE;
    bus_write32(bus, IXGBE_FCTRL, fctrl);
}

/* 7.1.2.8: with several queues the hash of addresses and ports chooses one through the redirection table. */
void ixgbe_rss_write(struct ixgbe_device *ixgbe)
{
    struct bus *bus = ixgbe->device.bus;
    uint32_t queues = ixgbe->device.config.rx_queues;
    if (queues == 1) {
        bus_write32(bus, IXGBE_MRQC, 0);
        return;
    }
    for (uint32_t i = 0; i < 10; i++) {
        const uint8_t *key = ixgbe_rss_key + 4 * i;
        bus_write32(bus, IXGBE_RSSRK(i),
                    (uint32_t)key[0] | (uint32_t)key[1] << 8 | (uint32_t)key[2] << 16 | (uint32_t)key[3] << 24);
    }
    for (uint32_t i = 0; i < 128; i += 4)
        bus_write32(bus, IXGBE_RETA(i / 4),
                    i % queues | (i + 1) % queues << 8 | (i + 2) % queues << 16 | (i + 3) % queues << 24);
    /* The hash is reported where the fragment checksum would be, 8.2.3.7.5. */
    bus_write32(bus, IXGBE_RXCSUM, bus_read32(bus, IXGBE_RXCSUM) | IXGBE_RXCSUM_PCSD);
    bus_write32(bus, IXGBE_MRQC, IXGBE_MRQC_RSS | IXGBE_MRQC_FIELDS);
}

/* Off while buffers, filters or packet buffers change, 4.6.7: the security block drains, then the switch is safe. */
static int32_t ixgbe_receive_switch(struct ixgbe_device *ixgbe, bool on)
{
    struct bus *bus = ixgbe->device.bus;
    bus_write32(bus, IXGBE_SECRXCTRL, bus_read32(bus, IXGBE_SECRXCTRL) | IXGBE_SECRXCTRL_RX_DIS);
    int32_t code = ixgbe_wait(ixgbe, IXGBE_SECRXSTAT, IXGBE_SECRXSTAT_SECRX_RDY, IXGBE_SECRXSTAT_SECRX_RDY, 4000,
                              "SECRXSTAT.SECRX_RDY");
    uint32_t rxctrl = bus_read32(bus, IXGBE_RXCTRL);
    bus_write32(bus, IXGBE_RXCTRL, on ? rxctrl | IXGBE_RXCTRL_RXEN : rxctrl & ~IXGBE_RXCTRL_RXEN);
    bus_write32(bus, IXGBE_SECRXCTRL, bus_read32(bus, IXGBE_SECRXCTRL) & ~IXGBE_SECRXCTRL_RX_DIS);
    return code;
}

void ixgbe_receive_stop(struct ixgbe_device *ixgbe)
{
    (void)ixgbe_receive_switch(ixgbe, false);
}

int32_t ixgbe_receive_go(struct ixgbe_device *ixgbe)
{
    return ixgbe_receive_switch(ixgbe, true);
}

/* Receive is switched off around the change if it was on. */
static int32_t ixgbe_change_filters(struct ixgbe_device *ixgbe)
{
    bool on = (bus_read32(ixgbe->device.bus, IXGBE_RXCTRL) & IXGBE_RXCTRL_RXEN) != 0;
    if (on)
        ixgbe_receive_stop(ixgbe);
    ixgbe_mac_write(ixgbe);
    ixgbe_filter_write(ixgbe);
    return on ? ixgbe_receive_go(ixgbe) : 0;
}

int32_t ixgbe_mac_set(struct device *device, const uint8_t mac[6])
{
    memcpy(device->mac, mac, sizeof(device->mac));
    return ixgbe_change_filters((struct ixgbe_device *)device);
}

int32_t ixgbe_promiscuous_set(struct device *device, bool on)
{
    device->promiscuous = on;
    return ixgbe_change_filters((struct ixgbe_device *)device);
}
