/* The register file of the 82599, X540 and X550, as a table: one row a register or array of registers.
 *
 * The offsets are the model's own reading of the data sheet (331520, chapter 8.2), not the driver's: a wrong constant
 * there shall not be right here. Some arrays answer at two places; accesses go to the one that the table has
 * (model_register_canonical).
 *
 * A written bit is one of four kinds: writable; read-only (ignored, as hardware does); kept (the data sheet wants the
 * initial value preserved); or reserved: to be written as 0, or as it reads. All else is a violation.
 */
#ifndef EMU_IXGBE_REGISTERS_H
#define EMU_IXGBE_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

#define MODEL_REGISTER_SPACE 0x20000u
#define MODEL_REGISTERS (MODEL_REGISTER_SPACE / 4)

/* Registers that the model itself looks at or that behave in their own way. */
enum model_register {
    MODEL_CTRL = 0x00000,
    MODEL_STATUS = 0x00008,
    MODEL_CTRL_EXT = 0x00018,
    MODEL_EICR = 0x00800,
    MODEL_EICS = 0x00808,
    MODEL_EIAC = 0x00810,
    MODEL_EITR = 0x00820, /* vectors 0 to 23; the rest at 12300h */
    MODEL_EITR_HIGH = 0x12300,
    MODEL_EIMS = 0x00880,
    MODEL_EIMC = 0x00888,
    MODEL_EIAM = 0x00890,
    MODEL_GPIE = 0x00898,
    MODEL_IVAR = 0x00900,
    MODEL_EICS_EX = 0x00A90,
    MODEL_EIMS_EX = 0x00AA0,
    MODEL_EIMC_EX = 0x00AB0,
    MODEL_EIAM_EX = 0x00AD0,
    MODEL_RDBAL = 0x01000, /* queues 0 to 63; the next 64 at 0D000h */
    MODEL_RX_QUEUES_HIGH = 0x0D000,
    MODEL_TX_QUEUES = 0x06000,
    MODEL_SRRCTL = 0x01014,
    MODEL_RQSMR = 0x02300,
    MODEL_RDRXCTL = 0x02F00,
    MODEL_RXCTRL = 0x03000,
    MODEL_HLREG0 = 0x04240,
    MODEL_MSCA = 0x0425C,
    MODEL_MAXFRS = 0x04268,
    MODEL_AUTOC = 0x042A0,
    MODEL_LINKS = 0x042A4,
    MODEL_RTTDCS = 0x04900,
    MODEL_DMATXCTL = 0x04A80,
    MODEL_RXCSUM = 0x05000,
    MODEL_FCTRL = 0x05080,
    MODEL_VLNCTRL = 0x05088,
    MODEL_MCSTCTRL = 0x05090,
    MODEL_TSYNCRXCTL = 0x05188,
    MODEL_MTA = 0x05200,
    MODEL_MTQC = 0x08120,
    MODEL_TQSM = 0x08600,
    MODEL_SECTXCTRL = 0x08800,
    MODEL_SYSTIML = 0x08C0C,
    MODEL_SYSTIMH = 0x08C10,
    MODEL_TSAUXC = 0x08C20,
    MODEL_SECRXCTRL = 0x08D00,
    MODEL_VFTA = 0x0A000,
    MODEL_RAL = 0x0A200,
    MODEL_RETA = 0x0EB00,
    MODEL_RSSRK = 0x0EB80,
    MODEL_MRQC = 0x0EC80,
    MODEL_EEC = 0x10010,
    MODEL_EERD = 0x10014,
    MODEL_SWSM = 0x10140,
};

/* Offsets within a queue's block of 40h bytes. */
enum model_queue_register {
    MODEL_QUEUE_BASE_LOW = 0x00,
    MODEL_QUEUE_BASE_HIGH = 0x04,
    MODEL_QUEUE_LEN = 0x08,
    MODEL_QUEUE_DCA = 0x0C,
    MODEL_QUEUE_HEAD = 0x10,
    MODEL_QUEUE_SRRCTL = 0x14,
    MODEL_QUEUE_TAIL = 0x18,
    MODEL_QUEUE_CONTROL = 0x28, /* RXDCTL, TXDCTL */
    MODEL_QUEUE_TDWBAL = 0x38,
    MODEL_QUEUE_TDWBAH = 0x3C,
};

#define MODEL_CTRL_GIO_DIS (1u << 2)
#define MODEL_CTRL_RESET ((1u << 3) | (1u << 26))
#define MODEL_CTRL_LRST (1u << 3)
#define MODEL_STATUS_GIO (1u << 19)
#define MODEL_STATUS_LINK_UP (1u << 7)
#define MODEL_EICR_LSC (1u << 20)
#define MODEL_EICR_QUEUES 0x0000FFFFu /* RTxQ: vectors 0 to 15 */
#define MODEL_GPIE_MULTIPLE_MSIX (1u << 4)
#define MODEL_GPIE_OCD (1u << 5)
#define MODEL_GPIE_EIAME (1u << 30)
#define MODEL_IVAR_VALID (1u << 7)
#define MODEL_EEC_REQ (1u << 6)
#define MODEL_EEC_GNT (1u << 7)
#define MODEL_EEC_ARD (1u << 9)
#define MODEL_RDRXCTL_CRCSTRIP (1u << 1)
#define MODEL_RDRXCTL_DMAIDONE (1u << 3)
#define MODEL_RDRXCTL_RSCFRSTSIZE (0x1Fu << 17)
#define MODEL_RDRXCTL_RSC_ONES (3u << 25) /* RSCACKC and FCOE_WRFIX */
#define MODEL_HLREG0_TXCRCEN (1u << 0)
#define MODEL_HLREG0_RXCRCSTRP (1u << 1)
#define MODEL_HLREG0_JUMBOEN (1u << 2)
#define MODEL_HLREG0_TXPADEN (1u << 10)
#define MODEL_AUTOC_RESTART (1u << 12)
#define MODEL_LINKS_UP 0x70000080u /* up, 10 Gbit/s */
#define MODEL_RTTDCS_ARBDIS (1u << 6)
#define MODEL_FCTRL_MPE (1u << 8)
#define MODEL_FCTRL_UPE (1u << 9)
#define MODEL_FCTRL_BAM (1u << 10)
#define MODEL_RXCSUM_PCSD (1u << 13)
#define MODEL_SECRX_DISABLE (1u << 1)
#define MODEL_QUEUE_ENABLE (1u << 25)
#define MODEL_RXDCTL_VME (1u << 30)
#define MODEL_TSYNCRXCTL_STAMPS (1u << 23 | 1u << 4 | 4u << 1) /* into the packet buffer, on, of all packets */
#define MODEL_TSAUXC_DISABLE_SYSTIME (1u << 31)
#define MODEL_SRRCTL_DESCTYPE (7u << 25)
#define MODEL_SRRCTL_ADVANCED (1u << 25)
#define MODEL_SRRCTL_DROP_EN (1u << 28)

enum model_behaviour {
    MODEL_PLAIN,
    MODEL_READ_ONLY,
    MODEL_STATISTIC, /* read-only, cleared by reading, derived by statistics.c */
    MODEL_SPECIAL,   /* access.c has a case for it */
    MODEL_RX_QUEUE,  /* of a queue's block, also in access.c */
    MODEL_TX_QUEUE,
};

struct model_row {
    const char *name;
    uint32_t offset, stride, count;
    uint32_t reset, writable, read_only, kept;
    uint8_t behaviour;
    uint8_t first; /* number of the array's first register */
    const char *section;
};

/* The row of an offset and the place in the array, or NULL if there is no such register. */
const struct model_row *model_register_row(uint32_t offset, uint32_t *index);

/* Where an offset that has two names lies in the table. */
uint32_t model_register_canonical(uint32_t offset);

/* "RDBAL[3]"; text has room for 24 bytes. */
const char *model_register_name(uint32_t offset, char *text);

/* Fills a register file with its values after reset. */
void model_registers_reset(uint32_t *registers);

#endif
