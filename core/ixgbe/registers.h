/* Registers and descriptors of the 82599, X540 and X550, as far as this driver uses them.
 *
 * Names, offsets and bits are those of the Intel 82599 10 GbE Controller data sheet (331520); the section that
 * describes a register stands beside it. X540 and X550 share them unless a comment says otherwise.
 */
#ifndef CORE_IXGBE_REGISTERS_H
#define CORE_IXGBE_REGISTERS_H

#include <stdint.h>

/* General control, 8.2.3.1 */
#define IXGBE_CTRL 0x00000u /* device control, 8.2.3.1.1 */
#define IXGBE_CTRL_GIO_DIS (1u << 2)
#define IXGBE_CTRL_LRST (1u << 3)
#define IXGBE_CTRL_RST (1u << 26)
#define IXGBE_STATUS 0x00008u /* device status, 8.2.3.1.2 */
#define IXGBE_STATUS_GIO (1u << 19)
#define IXGBE_CTRL_EXT 0x00018u /* extended device control, 8.2.3.1.3 */
#define IXGBE_CTRL_EXT_NS_DIS (1u << 16)

/* EEPROM and firmware, 8.2.3.2 and 8.2.3.4 */
#define IXGBE_EEC 0x10010u /* EEPROM/flash control, 8.2.3.2.1 */
#define IXGBE_EEC_ARD (1u << 9)

/* Interrupts, 8.2.3.5 */
#define IXGBE_EICR 0x00800u                         /* cause, 8.2.3.5.1 */
#define IXGBE_EIAC 0x00810u                         /* auto clear, 8.2.3.5.5 */
#define IXGBE_EITR(n) (0x00820u + 4 * (n))          /* throttle, of vector n < 24, 8.2.3.5.12 */
#define IXGBE_EITR_INTERVAL(n) ((uint32_t)(n) << 3) /* n * 2.048 us, at 1 and 10 Gbit/s */
#define IXGBE_EITR_CNT_WDIS (1u << 31)              /* the counter is not written */
#define IXGBE_EIMC 0x00888u                         /* mask clear, 8.2.3.5.4 */
#define IXGBE_EIMC_ALL 0x7FFFFFFFu                  /* bit 31 is reserved */
#define IXGBE_GPIE 0x00898u                         /* general purpose interrupt enable, 8.2.3.5.18 */
#define IXGBE_GPIE_MULTIPLE_MSIX (1u << 4)
#define IXGBE_GPIE_EIAME (1u << 30) /* an interrupt masks itself, where EIAM says so */
#define IXGBE_GPIE_PBA_SUPPORT (1u << 31)
#define IXGBE_IVAR(n) (0x00900u + 4 * (n)) /* vectors of queues 2n and 2n + 1, 8.2.3.5.15 */
#define IXGBE_IVAR_RX(queue, vector) (((vector) | 0x80u) << ((queue) % 2 * 16)) /* 80h: valid */
#define IXGBE_EIMS_EX(n) (0x00AA0u + 4 * (n)) /* n = 0, 1: mask set of the 64 queue interrupts, 8.2.3.5.8 */
#define IXGBE_EIMC_EX(n) (0x00AB0u + 4 * (n)) /* mask clear, 8.2.3.5.9 */
#define IXGBE_EIAM_EX(n) (0x00AD0u + 4 * (n)) /* auto mask, 8.2.3.5.10 */

/* Receive, 8.2.3.7 and 8.2.3.8 */
#define IXGBE_FCTRL 0x05080u /* filter control, 8.2.3.7.1 */
#define IXGBE_FCTRL_MPE (1u << 8)
#define IXGBE_FCTRL_UPE (1u << 9)
#define IXGBE_FCTRL_BAM (1u << 10)
#define IXGBE_MTA(n) (0x05200u + 4 * (n)) /* multicast table, 128 words, 8.2.3.7.7 */
#define IXGBE_RAL(n) (0x0A200u + 8 * (n)) /* receive address low, 128 pairs, 8.2.3.7.8 */
#define IXGBE_RAH(n) (0x0A204u + 8 * (n)) /* receive address high, 8.2.3.7.9 */
#define IXGBE_RAH_AV (1u << 31)
#define IXGBE_RXCSUM 0x05000u /* receive checksum control, 8.2.3.7.5 */
#define IXGBE_RXCSUM_PCSD (1u << 13)
#define IXGBE_MRQC 0x05818u /* multiple receive queues command, 8.2.3.7.12 */
#define IXGBE_MRQC_RSS 0x1u
#define IXGBE_MRQC_FIELDS 0x00F30000u          /* TCP and UDP over IPv4 and IPv6, IPv4, IPv6 */
#define IXGBE_RETA(n) (0x05C00u + 4 * (n))     /* redirection table, 32 words of 4 entries, 8.2.3.7.13 */
#define IXGBE_RSSRK(n) (0x05C80u + 4 * (n))    /* RSS random key, 10 words, 8.2.3.7.14 */
#define IXGBE_RDBAL(n) (0x01000u + 0x40 * (n)) /* 8.2.3.8.1; this and the next ones for n < 64 */
#define IXGBE_RDBAH(n) (0x01004u + 0x40 * (n))
#define IXGBE_RDLEN(n) (0x01008u + 0x40 * (n))
#define IXGBE_DCA_RXCTRL(n) (0x0100Cu + 0x40 * (n)) /* 8.2.3.11.1 */
#define IXGBE_DCA_RXCTRL_BIT12 (1u << 12)
#define IXGBE_RDH(n) (0x01010u + 0x40 * (n))
#define IXGBE_SRRCTL(n) (0x01014u + 0x40 * (n)) /* split receive control, 8.2.3.8.7 */
#define IXGBE_SRRCTL_BSIZEPACKET 0x1Fu          /* KiB */
#define IXGBE_SRRCTL_DESCTYPE (7u << 25)
#define IXGBE_SRRCTL_DESCTYPE_ADVANCED (1u << 25) /* advanced, one buffer */
#define IXGBE_SRRCTL_DROP_EN (1u << 28)
#define IXGBE_RDT(n) (0x01018u + 0x40 * (n))
#define IXGBE_RXDCTL(n) (0x01028u + 0x40 * (n)) /* 8.2.3.8.6 */
#define IXGBE_RXDCTL_ENABLE (1u << 25)
#define IXGBE_RXDCTL_VME (1u << 30) /* VLAN tags are taken out */
#define IXGBE_RDRXCTL 0x02F00u      /* receive DMA control, 8.2.3.8.8 */
#define IXGBE_RDRXCTL_CRCSTRIP (1u << 1)
#define IXGBE_RDRXCTL_DMAIDONE (1u << 3)
#define IXGBE_RDRXCTL_RSCFRSTSIZE (0x1Fu << 17) /* to be 0 */
#define IXGBE_RDRXCTL_RSCACKC (1u << 25)        /* to be 1 */
#define IXGBE_RDRXCTL_FCOE_WRFIX (1u << 26)     /* to be 1 */
#define IXGBE_RXPBSIZE(n) (0x03C00u + 4 * (n))  /* packet buffer sizes, 8 of them, 8.2.3.8.9 */
#define IXGBE_RXCTRL 0x03000u                   /* receive control, 8.2.3.8.10 */
#define IXGBE_RXCTRL_RXEN (1u << 0)
#define IXGBE_SECRXCTRL 0x08D00u /* 8.2.3.12.8 */
#define IXGBE_SECRXCTRL_RX_DIS (1u << 1)
#define IXGBE_SECRXSTAT 0x08D04u
#define IXGBE_SECRXSTAT_SECRX_RDY (1u << 0)

/* Transmit, 8.2.3.9 and 8.2.3.10 */
#define IXGBE_DTXMXSZRQ 0x08100u        /* maximum bytes requested, 8.2.3.9.2 */
#define IXGBE_DTXMXSZRQ_MAX 0x00000FFFu /* bits 15:12 are reserved */
#define IXGBE_DMATXCTL 0x04A80u         /* transmit DMA control, 8.2.3.9.3 */
#define IXGBE_DMATXCTL_TE (1u << 0)
#define IXGBE_RTTDCS 0x04900u /* transmit descriptor plane control, 8.2.3.10.2 */
#define IXGBE_RTTDCS_ARBDIS (1u << 6)
#define IXGBE_MTQC 0x08120u                      /* multiple transmit queues command, 8.2.3.9.15 */
#define IXGBE_TXPBSIZE(n) (0x0CC00u + 4 * (n))   /* 8.2.3.9.13 */
#define IXGBE_TXPBTHRESH(n) (0x04950u + 4 * (n)) /* 8.2.3.9.16 */
#define IXGBE_TDBAL(n) (0x06000u + 0x40 * (n))   /* 8.2.3.9.5 */
#define IXGBE_TDBAH(n) (0x06004u + 0x40 * (n))
#define IXGBE_TDLEN(n) (0x06008u + 0x40 * (n))
#define IXGBE_TDH(n) (0x06010u + 0x40 * (n))
#define IXGBE_TDT(n) (0x06018u + 0x40 * (n))
#define IXGBE_TXDCTL(n) (0x06028u + 0x40 * (n)) /* 8.2.3.9.10 */
#define IXGBE_TXDCTL_PTHRESH(n) ((uint32_t)(n))
#define IXGBE_TXDCTL_HTHRESH(n) ((uint32_t)(n) << 8)
#define IXGBE_TXDCTL_ENABLE (1u << 25)

/* MAC and link, 8.2.3.22 */
#define IXGBE_HLREG0 0x04240u /* highlander control 0, 8.2.3.22.8 */
#define IXGBE_HLREG0_TXCRCEN (1u << 0)
#define IXGBE_HLREG0_RXCRCSTRP (1u << 1)
#define IXGBE_HLREG0_JUMBOEN (1u << 2)
#define IXGBE_HLREG0_TXPADEN (1u << 10)
#define IXGBE_MAXFRS 0x04268u /* longest frame with JUMBOEN, checksum included, 8.2.3.22.13 */
#define IXGBE_MAXFRS_MFS_SHIFT 16
#define IXGBE_FRAME_CHECKSUM 4
#define IXGBE_FRAME_TAG 4        /* comes on top of MAXFRS, 8.2.3.22.13 */
#define IXGBE_FRAME_LIMIT 15872u /* 15.5 KB, section 1.3: the longest frame of any kind, checksum included */
#define IXGBE_AUTOC 0x042A0u /* auto-negotiation control, 8.2.3.22.19; 82599 only, X540 and X550 have a copper PHY */
#define IXGBE_AUTOC_RESTART_AN (1u << 12)
#define IXGBE_AUTOC_LMS (7u << 13)
#define IXGBE_AUTOC_LMS_10G_SERIAL (3u << 13)
#define IXGBE_LINKS 0x042A4u /* link status, 8.2.3.22.20 */
#define IXGBE_LINKS_SPEED (3u << 28)
#define IXGBE_LINKS_SPEED_NON_STANDARD (1u << 27) /* X550: 2.5 and 5 Gbit/s */
#define IXGBE_LINKS_UP (1u << 30)

/* Time stamps of an X550: its data sheet, 333369, has them among the time sync registers, at the offsets that the
 * 82599's have in 8.2.3.26. SYSTIM counts seconds (high word) and nanoseconds (low word); each packet's stamp is a copy
 * of it, 8 bytes in little-endian order behind the packet's own, and TSIP in its descriptor says so. */
#define IXGBE_TSYNCRXCTL 0x05188u
#define IXGBE_TSYNCRXCTL_TYPE (7u << 1)
#define IXGBE_TSYNCRXCTL_TYPE_ALL (4u << 1)
#define IXGBE_TSYNCRXCTL_EN (1u << 4)
#define IXGBE_TSYNCRXCTL_TSIP_UT_EN (1u << 23) /* stamps go into the packet buffer */
#define IXGBE_SYSTIML 0x08C0Cu
#define IXGBE_SYSTIMH 0x08C10u
#define IXGBE_TIMINCA 0x08C14u
#define IXGBE_TSAUXC 0x08C20u
#define IXGBE_TSAUXC_DISABLE_SYSTIME (1u << 31)
#define IXGBE_SYSTIMR 0x08C58u
#define IXGBE_STAMP_SIZE 8u

/* Statistics, 8.2.3.23; all are cleared by reading */
#define IXGBE_CRCERRS 0x04000u
#define IXGBE_ILLERRC 0x04004u
#define IXGBE_ERRBC 0x04008u
#define IXGBE_RXMPC(n) (0x03FA0u + 4 * (n)) /* missed packets, 8 packet buffers */
#define IXGBE_RLEC 0x04040u
#define IXGBE_GPRC 0x04074u
#define IXGBE_GPTC 0x04080u
#define IXGBE_GORCL 0x04088u
#define IXGBE_GORCH 0x0408Cu
#define IXGBE_GOTCL 0x04090u
#define IXGBE_GOTCH 0x04094u
#define IXGBE_RUC 0x040A4u
#define IXGBE_RFC 0x040A8u
#define IXGBE_ROC 0x040ACu
#define IXGBE_RJC 0x040B0u
#define IXGBE_QPRC(n) (0x01030u + 0x40 * (n))  /* 16 of each: frames that were written to the host, */
#define IXGBE_QBRCL(n) (0x01034u + 0x40 * (n)) /* their bytes as the host has them, */
#define IXGBE_QBRCH(n) (0x01038u + 0x40 * (n))
#define IXGBE_QPRDC(n) (0x01430u + 0x40 * (n)) /* frames dropped for want of a descriptor, */
#define IXGBE_QPTC(n) (0x08680u + 4 * (n))     /* frames sent, */
#define IXGBE_QBTCL(n) (0x08700u + 8 * (n))    /* their bytes, checksum included */
#define IXGBE_QBTCH(n) (0x08704u + 8 * (n))
#define IXGBE_RQSMR(n) (0x02300u + 4 * (n)) /* which receive queue counts where, 32 words of 4 entries */
#define IXGBE_TQSM(n) (0x08600u + 4 * (n))  /* and which transmit queue */

/* Advanced receive descriptor, 7.1.6: the driver writes the addresses, the device writes back over both words. */
struct ixgbe_rx_descriptor {
    uint64_t packet_address; /* written back: RSS hash << 32 | packet type */
    uint64_t header_address; /* written back: VLAN << 48 | length << 32 | extended error << 20 | extended status */
};

#define IXGBE_RX_DD ((uint64_t)1 << 0)
#define IXGBE_RX_EOP ((uint64_t)1 << 1)
/* What follows counts in a packet's last descriptor only: in the others NEXTP is there. */
#define IXGBE_RX_VP ((uint64_t)1 << 3)    /* a tag was found; with RXDCTL.VME it was taken out */
#define IXGBE_RX_L4I ((uint64_t)1 << 5)   /* the TCP or UDP checksum was verified, 7.1.11; L4E: it is wrong */
#define IXGBE_RX_IPCS ((uint64_t)1 << 6)  /* the IPv4 header's checksum was verified; IPE: it is wrong */
#define IXGBE_RX_TSIP ((uint64_t)1 << 15) /* X550 */
#define IXGBE_RX_L4E ((uint64_t)1 << 30)
#define IXGBE_RX_IPE ((uint64_t)1 << 31)
#define IXGBE_RX_VLAN_SHIFT 48
#define IXGBE_RX_LENGTH ((uint64_t)0xFFFF << 32)
#define IXGBE_RX_RXE ((uint64_t)1 << 29) /* MAC error; comes only with FCTRL.SBP */

/* Advanced transmit data descriptor, 7.2.3.2.4 */
struct ixgbe_tx_descriptor {
    uint64_t address;
    union {
        struct {
            uint32_t command; /* DCMD, DTYP, DTALEN */
            uint32_t status;  /* PAYLEN << 14; written back: DD */
        };
        uint64_t command_status; /* both, for one store */
    };
};

#define IXGBE_TX_DTYP_DATA (3u << 20)
#define IXGBE_TX_EOP (1u << 24)
#define IXGBE_TX_IFCS (1u << 25)
#define IXGBE_TX_RS (1u << 27)
#define IXGBE_TX_DEXT (1u << 29)
#define IXGBE_TX_VLE (1u << 30) /* the context's tag is put in */
#define IXGBE_TX_POPTS_IXSM (1u << 8)
#define IXGBE_TX_POPTS_TXSM (1u << 9)
#define IXGBE_TX_PAYLEN_SHIFT 14
#define IXGBE_TX_LENGTH_MIN 17 /* hardware pads from there on, 7.2.1.1 */
#define IXGBE_TX_DD (1u << 0)
#define IXGBE_TX_DESCRIPTORS_MAX 40 /* of one packet, 7.2.1.1 */

/* Advanced transmit context descriptor, 7.2.3.2.3: first quadword VLAN << 16 | MACLEN << 9 | IPLEN, second MSS << 48 |
 * L4LEN << 40 | IDX << 36 | DEXT | DTYP | TUCMD << 9. */
#define IXGBE_TX_DTYP_CONTEXT (2u << 20)
#define IXGBE_TX_TUCMD_IPV4 (1u << 10)
#define IXGBE_TX_TUCMD_L4T_TCP (1u << 11) /* 0: UDP */
#define IXGBE_TX_MACLEN_SHIFT 9
#define IXGBE_TX_MACLEN_MIN 14
#define IXGBE_TX_MACLEN_MAX 127
#define IXGBE_TX_VLAN_SHIFT 16

#endif
