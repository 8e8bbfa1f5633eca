/* Reset and general initialisation, in the order of the data sheet 331520, section 4.6.3. */
#include "core/device/error.h"
#include "core/ixgbe/ixgbe.h"

/* 4.6.3.2 with 5.2.5.3.2: no new requests to the host, then reset of the whole device. */
static int32_t ixgbe_global_reset(struct ixgbe_device *ixgbe)
{
    struct bus *bus = ixgbe->device.bus;
    bus_write32(bus, IXGBE_CTRL, bus_read32(bus, IXGBE_CTRL) | IXGBE_CTRL_GIO_DIS);
    char text[ERROR_TEXT_SIZE];
    error_save(text);
    int32_t code = ixgbe_wait(ixgbe, IXGBE_STATUS, IXGBE_STATUS_GIO, 0, 80000, "STATUS.PCIe Master Enable");
    if (code == IXY_E_DEVICE)
        return code;
    /* A master that does not stop is what the reset mends. */
    error_restore(text);
    bus_write32(bus, IXGBE_CTRL, bus_read32(bus, IXGBE_CTRL) | IXGBE_CTRL_RST | IXGBE_CTRL_LRST);
    /* Not looked at within the first millisecond, 8.2.3.1.1. */
    bus->ops->delay(bus, 1000);
    code = ixgbe_wait(ixgbe, IXGBE_CTRL, IXGBE_CTRL_RST | IXGBE_CTRL_LRST, 0, 100000, "CTRL.RST");
    if (code < 0)
        return code;
    bus->ops->delay(bus, 10000);
    return 0;
}

/* 4.6.7, what is not a queue's. */
static void ixgbe_receive_initialize(struct ixgbe_device *ixgbe)
{
    struct bus *bus = ixgbe->device.bus;
    ixgbe_receive_stop(ixgbe);
    for (uint32_t i = 0; i < 128; i++)
        bus_write32(bus, IXGBE_MTA(i), 0);
    ixgbe_mac_write(ixgbe);
    ixgbe_filter_write(ixgbe);
    /* All of the packet buffer for the one traffic class in use, 4.6.11.3.4. */
    bus_write32(bus, IXGBE_RXPBSIZE(0), 512u << 10);
    for (uint32_t i = 1; i < 8; i++)
        bus_write32(bus, IXGBE_RXPBSIZE(i), 0);
    /* Strip the checksum in both places that 8.2.3.8.8 wants to agree; pad what we send. */
    uint32_t hlreg0 = bus_read32(bus, IXGBE_HLREG0);
    bus_write32(bus, IXGBE_HLREG0, hlreg0 | IXGBE_HLREG0_TXCRCEN | IXGBE_HLREG0_RXCRCSTRP | IXGBE_HLREG0_TXPADEN);
    uint32_t rdrxctl = bus_read32(bus, IXGBE_RDRXCTL) & ~IXGBE_RDRXCTL_RSCFRSTSIZE;
    bus_write32(bus, IXGBE_RDRXCTL,
                rdrxctl | IXGBE_RDRXCTL_CRCSTRIP | IXGBE_RDRXCTL_RSCACKC | IXGBE_RDRXCTL_FCOE_WRFIX);
    ixgbe_offloads_write(ixgbe);
    /* Queue n counts in counter n: 16 of each. */
    for (uint32_t i = 0; i < DEVICE_QUEUES_MAX; i += 4)
        bus_write32(bus, IXGBE_RQSMR(i / 4), i | (i + 1) << 8 | (i + 2) << 16 | (i + 3) << 24);
    ixgbe_rss_write(ixgbe);
    /* Set before the queues are enabled: no snooping on completions, 8.2.3.1.3. */
    bus_write32(bus, IXGBE_CTRL_EXT, bus_read32(bus, IXGBE_CTRL_EXT) | IXGBE_CTRL_EXT_NS_DIS);
}

/* 4.6.8, what is not a queue's. */
static void ixgbe_transmit_initialize(struct ixgbe_device *ixgbe)
{
    struct bus *bus = ixgbe->device.bus;
    /* MTQC and DTXMXSZRQ change only while the arbiter is off. */
    bus_write32(bus, IXGBE_RTTDCS, bus_read32(bus, IXGBE_RTTDCS) | IXGBE_RTTDCS_ARBDIS);
    bus_write32(bus, IXGBE_DTXMXSZRQ, IXGBE_DTXMXSZRQ_MAX);
    bus_write32(bus, IXGBE_MTQC, 0);
    /* 4.6.11.3.4: 160 KiB for the one traffic class; it is ready while a largest frame (10 KiB, or longer ones were
     * asked for) still fits. */
    uint32_t largest = (ixgbe->device.config.frame_len_max + IXGBE_FRAME_CHECKSUM + IXGBE_FRAME_TAG + 1023) / 1024;
    bus_write32(bus, IXGBE_TXPBSIZE(0), 160u << 10);
    bus_write32(bus, IXGBE_TXPBTHRESH(0), 160 - (largest < 10 ? 10 : largest));
    for (uint32_t i = 1; i < 8; i++) {
        bus_write32(bus, IXGBE_TXPBSIZE(i), 0);
        bus_write32(bus, IXGBE_TXPBTHRESH(i), 0);
    }
    bus_write32(bus, IXGBE_RTTDCS, bus_read32(bus, IXGBE_RTTDCS) & ~IXGBE_RTTDCS_ARBDIS);
    bus_write32(bus, IXGBE_DMATXCTL, bus_read32(bus, IXGBE_DMATXCTL) | IXGBE_DMATXCTL_TE);
    /* As in receive: queue n counts in counter n. */
    for (uint32_t i = 0; i < DEVICE_QUEUES_MAX; i += 4)
        bus_write32(bus, IXGBE_TQSM(i / 4), i | (i + 1) << 8 | (i + 2) << 16 | (i + 3) << 24);
}

int32_t ixgbe_reset_hardware(struct ixgbe_device *ixgbe)
{
    struct bus *bus = ixgbe->device.bus;
    ixgbe_interrupts_disable(bus);
    int32_t code = ixgbe_global_reset(ixgbe);
    if (code < 0)
        return code;
    ixgbe_interrupts_disable(bus);
    /* 4.6.3: the EEPROM was read, then the DMA engine is ready. */
    code = ixgbe_wait(ixgbe, IXGBE_EEC, IXGBE_EEC_ARD, IXGBE_EEC_ARD, 100000, "EEC.Auto_RD");
    if (code < 0)
        return code;
    code = ixgbe_wait(ixgbe, IXGBE_RDRXCTL, IXGBE_RDRXCTL_DMAIDONE, IXGBE_RDRXCTL_DMAIDONE, 100000, "RDRXCTL.DMAIDONE");
    if (code < 0)
        return code;
    code = ixgbe->mac_known ? 0 : ixgbe_mac_read(ixgbe);
    if (code < 0)
        return code;
    ixgbe_link_start(ixgbe);
    ixgbe_stats_clear(ixgbe);
    ixgbe_receive_initialize(ixgbe);
    ixgbe_transmit_initialize(ixgbe);
    return 0;
}
