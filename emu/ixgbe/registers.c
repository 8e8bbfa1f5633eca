#include "emu/ixgbe/registers.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define MODEL_ALL 0xFFFFFFFFu

/* name, offset, stride, count, reset value, writable, read-only, kept, behaviour, first, section of 331520 */
static const struct model_row model_rows[] = {
    /* general, 8.2.3.1 */
    {"CTRL", 0x00000, 4, 1, 0, 0x0400000C, 0, 0, MODEL_SPECIAL, 0, "8.2.3.1.1"},
    {"STATUS", 0x00008, 4, 1, 0x00080000, 0, MODEL_ALL, 0, MODEL_SPECIAL, 0, "8.2.3.1.2"},
    {"CTRL_EXT", 0x00018, 4, 1, 0, 0x14034000, 0, 0, MODEL_PLAIN, 0, "8.2.3.1.3"},
    {"ESDP", 0x00020, 4, 1, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.1.4"},
    {"I2CCTL", 0x00028, 4, 1, 0x0F, 0x0F, 0, 0, MODEL_PLAIN, 0, "8.2.3.1.5"},
    {"LEDCTL", 0x00200, 4, 1, 0x83020100, 0xCFCFCFCF, 0, 0, MODEL_PLAIN, 0, "8.2.3.1.6"},
    {"EXVET", 0x05078, 4, 1, 0x81000000, 0xFFFF0000, 0, 0, MODEL_PLAIN, 0, "8.2.3.1.7"},
    /* EEPROM, flash, firmware, semaphores, 8.2.3.2 to 8.2.3.4 */
    {"EEC", 0x10010, 4, 1, 0x00001110, 0x0000007F, 0x06007F88, 0, MODEL_SPECIAL, 0, "8.2.3.2.1"},
    {"EERD", 0x10014, 4, 1, 0x00000002, 0x0000FFFD, 0xFFFF0002, 0, MODEL_SPECIAL, 0, "8.2.3.2.2"},
    {"FLA", 0x1001C, 4, 1, 0, 0x0000003F, 0xC0000000, 0, MODEL_PLAIN, 0, "8.2.3.2.3"},
    {"EEMNGCTL", 0x10110, 4, 1, 0x000C0000, 0, MODEL_ALL, 0, MODEL_READ_ONLY, 0, "8.2.3.2.4"},
    {"SWSM", 0x10140, 4, 1, 0, 0x3, 0, 0, MODEL_SPECIAL, 0, "8.2.3.4.10"},
    {"FWSM", 0x10148, 4, 1, 0, 0, MODEL_ALL, 0, MODEL_PLAIN, 0, "8.2.3.4.11"},
    {"FACTPS", 0x10150, 4, 1, 0, 0, MODEL_ALL, 0, MODEL_READ_ONLY, 0, "8.2.3.4.8"},
    {"SW_FW_SYNC", 0x10160, 4, 1, 0, 0xC00073FF, 0, 0, MODEL_PLAIN, 0, "8.2.3.4.12"},
    {"GRC", 0x10200, 4, 1, 0, 0x3, 0, 0, MODEL_PLAIN, 0, "8.2.3.4.9"},
    {"GCR", 0x11000, 4, 1, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.4.1"},
    {"GCR_EXT", 0x11050, 4, 1, 0, 0xC0000003, 0, 0, MODEL_PLAIN, 0, "8.2.3.4.2"},
    /* flow control, 8.2.3.3 */
    {"FCTTV", 0x03200, 4, 4, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.3.2"},
    {"FCRTL", 0x03220, 4, 8, 0, 0x8007FFE0, 0, 0, MODEL_PLAIN, 0, "8.2.3.3.3"},
    {"FCRTH", 0x03260, 4, 8, 0, 0x8007FFE0, 0, 0, MODEL_PLAIN, 0, "8.2.3.3.4"},
    {"FCRTV", 0x032A0, 4, 1, 0, 0x0000FFFF, 0, 0, MODEL_PLAIN, 0, "8.2.3.3.5"},
    {"FCCFG", 0x03D00, 4, 1, 0, 0x00000018, 0, 0, MODEL_PLAIN, 0, "8.2.3.3.7"},
    /* interrupts, 8.2.3.5 */
    {"EICR", 0x00800, 4, 1, 0, 0x7FFFFFFF, 0, 0, MODEL_SPECIAL, 0, "8.2.3.5.1"},
    {"EICS", 0x00808, 4, 1, 0, 0x7FFFFFFF, 0, 0, MODEL_SPECIAL, 0, "8.2.3.5.2"},
    {"EIMS", 0x00880, 4, 1, 0, 0x7FFFFFFF, 0, 0, MODEL_SPECIAL, 0, "8.2.3.5.3"},
    {"EIMC", 0x00888, 4, 1, 0, 0x7FFFFFFF, 0, 0, MODEL_SPECIAL, 0, "8.2.3.5.4"},
    {"EIAC", 0x00810, 4, 1, 0, 0x7FFFFFFF, 0, 0, MODEL_PLAIN, 0, "8.2.3.5.5"},
    {"EIAM", 0x00890, 4, 1, 0, 0x7FFFFFFF, 0, 0, MODEL_PLAIN, 0, "8.2.3.5.6"},
    {"EICS_EX", 0x00A90, 4, 2, 0, MODEL_ALL, 0, 0, MODEL_SPECIAL, 1, "8.2.3.5.7"},
    {"EIMS_EX", 0x00AA0, 4, 2, 0, MODEL_ALL, 0, 0, MODEL_SPECIAL, 1, "8.2.3.5.8"},
    {"EIMC_EX", 0x00AB0, 4, 2, 0, MODEL_ALL, 0, 0, MODEL_SPECIAL, 1, "8.2.3.5.9"},
    {"EIAM_EX", 0x00AD0, 4, 2, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 1, "8.2.3.5.10"},
    {"EITR", 0x00820, 4, 24, 0, 0x8000FFF8, 0x0FFF0000, 0, MODEL_PLAIN, 0, "8.2.3.5.12"},
    {"EITR", 0x12300, 4, 105, 0, 0x8000FFF8, 0x0FFF0000, 0, MODEL_PLAIN, 24, "8.2.3.5.12"},
    {"EITRSEL", 0x00894, 4, 1, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.5.14"},
    {"IVAR", 0x00900, 4, 64, 0, 0xBFBFBFBF, 0, 0, MODEL_PLAIN, 0, "8.2.3.5.15"},
    {"IVAR_MISC", 0x00A00, 4, 1, 0, 0x0000BFBF, 0, 0, MODEL_PLAIN, 0, "8.2.3.5.16"},
    {"GPIE", 0x00898, 4, 1, 0, 0xC000FFFF, 0, 0, MODEL_PLAIN, 0, "8.2.3.5.18"},
    /* receive filters, 8.2.3.7 */
    {"FCTRL", 0x05080, 4, 1, 0, 0x00000702, 0, 0, MODEL_SPECIAL, 0, "8.2.3.7.1"},
    {"VLNCTRL", 0x05088, 4, 1, 0x00008100, 0x7000FFFF, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.2"},
    {"MCSTCTRL", 0x05090, 4, 1, 0, 0x00000007, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.3"},
    {"PSRTYPE", 0x0EA00, 4, 128, 0, 0xE0003330, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.4"},
    {"RXCSUM", 0x05000, 4, 1, 0, 0x00003000, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.5"},
    {"RFCTL", 0x05008, 4, 1, 0, 0x000000E0, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.6"},
    {"MTA", 0x05200, 4, 128, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.7"},
    {"RAL", 0x0A200, 8, 128, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.8"},
    {"RAH", 0x0A204, 8, 128, 0, 0x8000FFFF, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.9"},
    {"MPSAR", 0x0A600, 4, 256, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.10"},
    {"VFTA", 0x0A000, 4, 128, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.11"},
    {"MRQC", 0x0EC80, 4, 1, 0, 0x00F3000F, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.12"},
    {"RQTC", 0x0EC70, 4, 1, 0, 0x77777777, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.13"},
    {"RSSRK", 0x0EB80, 4, 10, 0, MODEL_ALL, 0, 0, MODEL_SPECIAL, 0, "8.2.3.7.14"},
    {"RETA", 0x0EB00, 4, 32, 0, 0x0F0F0F0F, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.15"},
    {"SAQF", 0x0E000, 4, 128, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.16"},
    {"DAQF", 0x0E200, 4, 128, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.17"},
    {"SDPQF", 0x0E400, 4, 128, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.18"},
    {"FTQF", 0x0E600, 4, 128, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.19"},
    {"SYNQF", 0x0EC30, 4, 1, 0, 0x800000FF, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.20"},
    {"ETQF", 0x05128, 4, 8, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.21"},
    {"ETQS", 0x0EC00, 4, 8, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.22"},
    {"L34TIMIR", 0x0E800, 4, 128, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.7.23"},
    /* receive DMA, 8.2.3.8 */
    {"RDBAL", 0x01000, 0x40, 64, 0, 0xFFFFFF80, 0, 0, MODEL_RX_QUEUE, 0, "8.2.3.8.1"},
    {"RDBAH", 0x01004, 0x40, 64, 0, MODEL_ALL, 0, 0, MODEL_RX_QUEUE, 0, "8.2.3.8.2"},
    {"RDLEN", 0x01008, 0x40, 64, 0, 0x000FFF80, 0, 0, MODEL_RX_QUEUE, 0, "8.2.3.8.3"},
    {"DCA_RXCTRL", 0x0100C, 0x40, 64, 0x0000B200, 0xFF00F2E0, 0, 0, MODEL_RX_QUEUE, 0, "8.2.3.11.1"},
    {"RDH", 0x01010, 0x40, 64, 0, 0x0000FFFF, 0, 0, MODEL_RX_QUEUE, 0, "8.2.3.8.4"},
    {"SRRCTL", 0x01014, 0x40, 64, 0x00000402, 0x1FC03F1F, 0, 0, MODEL_RX_QUEUE, 0, "8.2.3.8.7"},
    {"RDT", 0x01018, 0x40, 64, 0, 0x0000FFFF, 0, 0, MODEL_RX_QUEUE, 0, "8.2.3.8.5"},
    {"RXDCTL", 0x01028, 0x40, 64, 0, 0x4200BFFF, 0, 0, MODEL_RX_QUEUE, 0, "8.2.3.8.6"},
    {"RSCCTL", 0x0102C, 0x40, 64, 0, 0x0000000D, 0, 0, MODEL_RX_QUEUE, 0, "8.2.3.8.13"},
    {"RDBAL", 0x0D000, 0x40, 64, 0, 0xFFFFFF80, 0, 0, MODEL_RX_QUEUE, 64, "8.2.3.8.1"},
    {"RDBAH", 0x0D004, 0x40, 64, 0, MODEL_ALL, 0, 0, MODEL_RX_QUEUE, 64, "8.2.3.8.2"},
    {"RDLEN", 0x0D008, 0x40, 64, 0, 0x000FFF80, 0, 0, MODEL_RX_QUEUE, 64, "8.2.3.8.3"},
    {"DCA_RXCTRL", 0x0D00C, 0x40, 64, 0x0000B200, 0xFF00F2E0, 0, 0, MODEL_RX_QUEUE, 64, "8.2.3.11.1"},
    {"RDH", 0x0D010, 0x40, 64, 0, 0x0000FFFF, 0, 0, MODEL_RX_QUEUE, 64, "8.2.3.8.4"},
    {"SRRCTL", 0x0D014, 0x40, 64, 0x00000402, 0x1FC03F1F, 0, 0, MODEL_RX_QUEUE, 64, "8.2.3.8.7"},
    {"RDT", 0x0D018, 0x40, 64, 0, 0x0000FFFF, 0, 0, MODEL_RX_QUEUE, 64, "8.2.3.8.5"},
    {"RXDCTL", 0x0D028, 0x40, 64, 0, 0x4200BFFF, 0, 0, MODEL_RX_QUEUE, 64, "8.2.3.8.6"},
    {"RSCCTL", 0x0D02C, 0x40, 64, 0, 0x0000000D, 0, 0, MODEL_RX_QUEUE, 64, "8.2.3.8.13"},
    {"RDRXCTL", 0x02F00, 4, 1, 0x00108800, 0x063E0002, 0x00000008, 0x0001FFF0, MODEL_SPECIAL, 0, "8.2.3.8.8"},
    {"RXPBSIZE", 0x03C00, 4, 8, 0x00080000, 0x000FFC00, 0, 0, MODEL_PLAIN, 0, "8.2.3.8.9"},
    {"RXCTRL", 0x03000, 4, 1, 0, 0x00000001, 0, 0, MODEL_SPECIAL, 0, "8.2.3.8.10"},
    {"RSCDBU", 0x03028, 4, 1, 0x00000020, 0x000000FF, 0, 0, MODEL_PLAIN, 0, "8.2.3.8.14"},
    /* transmit, 8.2.3.9 */
    {"DMATXCTL", 0x04A80, 4, 1, 0x81000000, 0xFFFF0069, 0, 0, MODEL_SPECIAL, 0, "8.2.3.9.2"},
    {"DTXTCPFLGL", 0x04A88, 4, 1, 0x0FF60FF6, 0x0FFF0FFF, 0, 0, MODEL_PLAIN, 0, "8.2.3.9.3"},
    {"DTXTCPFLGH", 0x04A8C, 4, 1, 0x00000F7F, 0x00000FFF, 0, 0, MODEL_PLAIN, 0, "8.2.3.9.4"},
    {"TDBAL", 0x06000, 0x40, 128, 0, 0xFFFFFF80, 0, 0, MODEL_TX_QUEUE, 0, "8.2.3.9.5"},
    {"TDBAH", 0x06004, 0x40, 128, 0, MODEL_ALL, 0, 0, MODEL_TX_QUEUE, 0, "8.2.3.9.6"},
    {"TDLEN", 0x06008, 0x40, 128, 0, 0x000FFF80, 0, 0, MODEL_TX_QUEUE, 0, "8.2.3.9.7"},
    {"DCA_TXCTRL", 0x0600C, 0x40, 128, 0x00002A00, 0xFF002A20, 0, 0, MODEL_TX_QUEUE, 0, "8.2.3.11.2"},
    {"TDH", 0x06010, 0x40, 128, 0, 0x0000FFFF, 0, 0, MODEL_TX_QUEUE, 0, "8.2.3.9.8"},
    {"TDT", 0x06018, 0x40, 128, 0, 0x0000FFFF, 0, 0, MODEL_TX_QUEUE, 0, "8.2.3.9.9"},
    {"TXDCTL", 0x06028, 0x40, 128, 0, 0x067F7F7F, 0, 0, MODEL_TX_QUEUE, 0, "8.2.3.9.10"},
    {"TDWBAL", 0x06038, 0x40, 128, 0, 0xFFFFFFFD, 0, 0, MODEL_TX_QUEUE, 0, "8.2.3.9.11"},
    {"TDWBAH", 0x0603C, 0x40, 128, 0, MODEL_ALL, 0, 0, MODEL_TX_QUEUE, 0, "8.2.3.9.12"},
    {"TXPBSIZE", 0x0CC00, 4, 8, 0x00028000, 0x000FFC00, 0, 0, MODEL_PLAIN, 0, "8.2.3.9.13"},
    {"MTQC", 0x08120, 4, 1, 0, 0x0000000F, 0, 0, MODEL_SPECIAL, 0, "8.2.3.9.15"},
    {"TXPBTHRESH", 0x04950, 4, 8, 0x00000096, 0x000003FF, 0, 0, MODEL_PLAIN, 0, "8.2.3.9.16"},
    {"DTXMXSZRQ", 0x08100, 4, 1, 0x00000010, 0x00000FFF, 0, 0, MODEL_PLAIN, 0, "8.2.3.9.1"},
    {"PFDTXGSWC", 0x08220, 4, 1, 0, 0x1, 0, 0, MODEL_PLAIN, 0, "8.2.3.27.14"},
    /* DCB, 8.2.3.10 */
    {"RTRPCS", 0x02430, 4, 1, 0, 0x00000006, 0, 0, MODEL_PLAIN, 0, "8.2.3.10.1"},
    {"RTTDCS", 0x04900, 4, 1, 0x00C00000, 0x80C00053, 0x000E0000, 0, MODEL_PLAIN, 0, "8.2.3.10.2"},
    {"RTTPCS", 0x0CD00, 4, 1, 0x01000000, 0xFFC00120, 0, 0, MODEL_PLAIN, 0, "8.2.3.10.3"},
    {"RTRUP2TC", 0x03020, 4, 1, 0, 0x00FFFFFF, 0, 0, MODEL_PLAIN, 0, "8.2.3.10.4"},
    {"RTTUP2TC", 0x0C800, 4, 1, 0, 0x00FFFFFF, 0, 0, MODEL_PLAIN, 0, "8.2.3.10.5"},
    {"RTRPT4C", 0x02140, 4, 8, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.10.6"},
    {"RTTDT2C", 0x04910, 4, 8, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.10.9"},
    {"RTTPT2C", 0x0CD20, 4, 8, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.10.10"},
    {"RTTDQSEL", 0x04904, 4, 1, 0, 0x0000007F, 0, 0, MODEL_PLAIN, 0, "8.2.3.10.13"},
    {"RTTDT1C", 0x04908, 4, 1, 0, 0x00003FFF, 0, 0, MODEL_PLAIN, 0, "8.2.3.10.14"},
    {"RTTBCNRC", 0x04984, 4, 1, 0, 0x80FFFFFF, 0, 0, MODEL_PLAIN, 0, "8.2.3.10.16"},
    /* security blocks, 8.2.3.12 */
    {"SECTXCTRL", 0x08800, 4, 1, 0x00000001, 0x00000007, 0, 0, MODEL_PLAIN, 0, "8.2.3.12.1"},
    {"SECTXSTAT", 0x08804, 4, 1, 0x00000001, 0, MODEL_ALL, 0, MODEL_READ_ONLY, 0, "8.2.3.12.2"},
    {"SECTXBUFFAF", 0x08808, 4, 1, 0x00000250, 0x000003FF, 0, 0, MODEL_PLAIN, 0, "8.2.3.12.3"},
    {"SECTXMINIFG", 0x08810, 4, 1, 0x00001001, 0x00001F0F, 0, 0, MODEL_PLAIN, 0, "8.2.3.12.4"},
    {"SECRXCTRL", 0x08D00, 4, 1, 0x00000001, 0x00000003, 0, 0, MODEL_SPECIAL, 0, "8.2.3.12.5"},
    {"SECRXSTAT", 0x08D04, 4, 1, 0, 0, MODEL_ALL, 0, MODEL_READ_ONLY, 0, "8.2.3.12.6"},
    /* time sync, 8.2.3.26; those of an X550 by 333369 */
    {"TSYNCRXCTL", 0x05188, 4, 1, 0, 0xFF80001E, 0x00000001, 0, MODEL_PLAIN, 0, "8.2.3.26"},
    {"SYSTIML", 0x08C0C, 4, 1, 0, MODEL_ALL, 0, 0, MODEL_SPECIAL, 0, "8.2.3.26"},
    {"SYSTIMH", 0x08C10, 4, 1, 0, MODEL_ALL, 0, 0, MODEL_SPECIAL, 0, "8.2.3.26"},
    {"TIMINCA", 0x08C14, 4, 1, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.26"},
    {"TSAUXC", 0x08C20, 4, 1, MODEL_TSAUXC_DISABLE_SYSTIME, 0x800003FF, 0, 0, MODEL_SPECIAL, 0, "8.2.3.26"},
    {"SYSTIMR", 0x08C58, 4, 1, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "333369, time sync"},
    /* MAC and link, 8.2.3.22 */
    {"HLREG0", 0x04240, 4, 1, 0x08010C0B, 0x18F38407, 0, 0, MODEL_SPECIAL, 0, "8.2.3.22.8"},
    {"HLREG1", 0x04244, 4, 1, 0x00000000, 0, MODEL_ALL, 0, MODEL_READ_ONLY, 0, "8.2.3.22.9"},
    {"PAP", 0x04248, 4, 1, 0x0000FFFF, 0x0000FFFF, 0, 0, MODEL_PLAIN, 0, "8.2.3.22.10"},
    {"MACA", 0x0424C, 4, 1, 0, 0xFFFF0000, 0, 0, MODEL_PLAIN, 0, "8.2.3.22.11"},
    {"MSCA", 0x0425C, 4, 1, 0, 0x7FFFFFFF, 0, 0, MODEL_SPECIAL, 0, "8.2.3.22.11"},
    {"MSRWD", 0x04260, 4, 1, 0, 0x0000FFFF, 0xFFFF0000, 0, MODEL_PLAIN, 0, "8.2.3.22.12"},
    {"MAXFRS", 0x04268, 4, 1, 0x05EE0000, 0xFFFF0000, 0, 0, MODEL_SPECIAL, 0, "8.2.3.22.13"},
    {"PCSS1", 0x04288, 4, 1, 0, 0, MODEL_ALL, 0, MODEL_READ_ONLY, 0, "8.2.3.22.14"},
    {"MFLCN", 0x04294, 4, 1, 0, 0x00000FFF, 0, 0, MODEL_PLAIN, 0, "8.2.3.22.34"},
    {"AUTOC", 0x042A0, 4, 1, 0xC09C6004, MODEL_ALL, 0, 0, MODEL_SPECIAL, 0, "8.2.3.22.19"},
    {"LINKS", 0x042A4, 4, 1, 0, 0, MODEL_ALL, 0, MODEL_READ_ONLY, 0, "8.2.3.22.20"},
    {"AUTOC2", 0x042A8, 4, 1, 0x00020000, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.22.22"},
    {"ANLP1", 0x042B0, 4, 1, 0x00010000, 0, MODEL_ALL, 0, MODEL_READ_ONLY, 0, "8.2.3.22.24"},
    {"MACC", 0x04330, 4, 1, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.22.28"},
    {"CORECTL", 0x014F00, 4, 1, 0, 0x0003FFFF, 0, 0, MODEL_PLAIN, 0, "8.2.3.22.32"},
    /* statistics, 8.2.3.23 */
    {"RQSMR", 0x02300, 4, 32, 0, 0x0F0F0F0F, 0, 0, MODEL_PLAIN, 0, "8.2.3.23.68"},
    {"TQSM", 0x08600, 4, 32, 0, 0x0F0F0F0F, 0, 0, MODEL_PLAIN, 0, "8.2.3.23.71"},
    {"CRCERRS", 0x04000, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.1"},
    {"ILLERRC", 0x04004, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.2"},
    {"ERRBC", 0x04008, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.3"},
    {"MSPDC", 0x04010, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23"},
    {"MLFC", 0x04034, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.5"},
    {"MRFC", 0x04038, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.6"},
    {"RXMPC", 0x03FA0, 4, 8, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.4"},
    {"RNBC", 0x03FC0, 4, 8, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23"},
    {"RLEC", 0x04040, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.7"},
    {"SSVPC", 0x08780, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.8"},
    {"PXONTXC", 0x03F00, 4, 8, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.13"},
    {"PXOFFTXC", 0x03F20, 4, 8, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.15"},
    {"PXON2OFFCNT", 0x03240, 4, 8, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.17"},
    {"LXONTXC", 0x03F60, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.9"},
    {"LXOFFTXC", 0x03F68, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.11"},
    {"PXONRXCNT", 0x04140, 4, 8, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.14"},
    {"PXOFFRXCNT", 0x04160, 4, 8, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.16"},
    {"LXONRXCNT", 0x041A4, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.10"},
    {"LXOFFRXCNT", 0x041A8, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.12"},
    {"PRC64", 0x0405C, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.18"},
    {"PRC127", 0x04060, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.19"},
    {"PRC255", 0x04064, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.20"},
    {"PRC511", 0x04068, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.21"},
    {"PRC1023", 0x0406C, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.22"},
    {"PRC1522", 0x04070, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.23"},
    {"GPRC", 0x04074, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.26"},
    {"BPRC", 0x04078, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.24"},
    {"MPRC", 0x0407C, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.25"},
    {"GPTC", 0x04080, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.29"},
    {"GORCL", 0x04088, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.27"},
    {"GORCH", 0x0408C, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.28"},
    {"GOTCL", 0x04090, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.34"},
    {"GOTCH", 0x04094, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.35"},
    {"RUC", 0x040A4, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.36"},
    {"RFC", 0x040A8, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.37"},
    {"ROC", 0x040AC, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.38"},
    {"RJC", 0x040B0, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.39"},
    {"MNGPRC", 0x040B4, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.40"},
    {"MNGPDC", 0x040B8, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.41"},
    {"MNGPTC", 0x0CF90, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.42"},
    {"TORL", 0x040C0, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.43"},
    {"TORH", 0x040C4, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.44"},
    {"TPR", 0x040D0, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.45"},
    {"TPT", 0x040D4, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.46"},
    {"PTC64", 0x040D8, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.47"},
    {"PTC127", 0x040DC, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.48"},
    {"PTC255", 0x040E0, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.49"},
    {"PTC511", 0x040E4, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.50"},
    {"PTC1023", 0x040E8, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.51"},
    {"PTC1522", 0x040EC, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.52"},
    {"MPTC", 0x040F0, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.53"},
    {"BPTC", 0x040F4, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.54"},
    {"XEC", 0x04120, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.67"},
    {"QPRC", 0x01030, 0x40, 16, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.69"},
    {"QBRC_L", 0x01034, 0x40, 16, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.72"},
    {"QBRC_H", 0x01038, 0x40, 16, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.73"},
    {"QPRDC", 0x01430, 0x40, 16, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.70"},
    {"QPTC", 0x08680, 4, 16, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.74"},
    {"QBTC_L", 0x08700, 8, 16, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.75"},
    {"QBTC_H", 0x08704, 8, 16, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.76"},
    {"FCCRC", 0x05118, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.77"},
    {"FCOERPDC", 0x0241C, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.78"},
    {"FCLAST", 0x02424, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.79"},
    {"FCOEPRC", 0x02428, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.80"},
    {"FCOEDWRC", 0x0242C, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.81"},
    {"FCOEPTC", 0x08784, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.82"},
    {"FCOEDWTC", 0x08788, 4, 1, 0, 0, 0, 0, MODEL_STATISTIC, 0, "8.2.3.23.83"},
    /* virtualisation, 8.2.3.27, and flow director, 8.2.3.21: there to be cleared */
    {"PFVTCTL", 0x051B0, 4, 1, 0, 0x60001F81, 0, 0, MODEL_PLAIN, 0, "8.2.3.27.1"},
    {"PFVFRE", 0x051E0, 4, 2, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.27.6"},
    {"PFVFTE", 0x08110, 4, 2, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.27.7"},
    {"PFVML2FLT", 0x0F000, 4, 64, 0, 0x1F000000, 0, 0, MODEL_PLAIN, 0, "8.2.3.27.15"},
    {"PFVLVF", 0x0F100, 4, 64, 0, 0x80000FFF, 0, 0, MODEL_PLAIN, 0, "8.2.3.27.16"},
    {"PFVLVFB", 0x0F200, 4, 128, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.27.17"},
    {"PFUTA", 0x0F400, 4, 128, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.27.18"},
    {"FDIRCTRL", 0x0EE00, 4, 1, 0, MODEL_ALL, 0, 0, MODEL_PLAIN, 0, "8.2.3.21.1"},
};

#define MODEL_ROWS (sizeof(model_rows) / sizeof(model_rows[0]))

static pthread_once_t model_rows_once = PTHREAD_ONCE_INIT;
static uint8_t model_row_at[MODEL_REGISTERS]; /* number of the row + 1, 0: none */

_Static_assert(MODEL_ROWS < 255, "a row's number fits a byte");

static void model_rows_index(void)
{
    for (uint32_t row = 0; row < MODEL_ROWS; row++)
        for (uint32_t i = 0; i < model_rows[row].count; i++)
            model_row_at[(model_rows[row].offset + i * model_rows[row].stride) / 4] = (uint8_t)(row + 1);
}

const struct model_row *model_register_row(uint32_t offset, uint32_t *index)
{
    pthread_once(&model_rows_once, model_rows_index);
    if (offset >= MODEL_REGISTER_SPACE || (offset & 3) != 0 || model_row_at[offset / 4] == 0)
        return NULL;
    const struct model_row *row = &model_rows[model_row_at[offset / 4] - 1];
    *index = (offset - row->offset) / row->stride;
    return row;
}

uint32_t model_register_canonical(uint32_t offset)
{
    /* where, how many bytes, and the place in the table; strides differ for the first two */
    static const uint32_t moved[][3] = {
        {0x05400, 0x80, 0x0A200}, /* RAL, RAH 0 to 15 */
        {0x05480, 0x40, 0x0EA00}, /* PSRTYPE 0 to 15 */
        {0x05C00, 0x80, 0x0EB00}, /* RETA */
        {0x05C80, 0x28, 0x0EB80}, /* RSSRK */
        {0x05818, 0x04, 0x0EC80}, /* MRQC */
    };
    if (offset >= 0x02100 && offset < 0x02140)
        return 0x01014 + (offset - 0x02100) * 0x10; /* SRRCTL 0 to 15 */
    if (offset >= 0x02200 && offset < 0x02240)
        return 0x0100C + (offset - 0x02200) * 0x10; /* DCA_RXCTRL 0 to 15 */
    if (offset >= 0x06030 && offset < 0x06430 && (offset & 0x3F) == 0x30)
        return 0x08680 + (offset - 0x06030) / 0x10; /* QPTC */
    for (uint32_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++)
        if (offset >= moved[i][0] && offset - moved[i][0] < moved[i][1])
            return moved[i][2] + (offset - moved[i][0]);
    return offset;
}

const char *model_register_name(uint32_t offset, char *text)
{
    uint32_t index;
    const struct model_row *row = model_register_row(offset, &index);
    if (row == NULL)
        snprintf(text, 24, "register");
    else if (row->count == 1 && row->first == 0)
        snprintf(text, 24, "%s", row->name);
    else
        snprintf(text, 24, "%s[%u]", row->name, index + row->first);
    return text;
}

void model_registers_reset(uint32_t *registers)
{
    for (uint32_t row = 0; row < MODEL_ROWS; row++)
        for (uint32_t i = 0; i < model_rows[row].count; i++)
            __atomic_store_n(&registers[(model_rows[row].offset + i * model_rows[row].stride) / 4],
                             model_rows[row].reset, __ATOMIC_RELAXED);
}
