#include "tests/c/pci_card.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "core/ixgbe/registers.h"
#include "tests/c/pci_support.h"

#define PCI_CARD_COMMAND 4 /* in the configuration space */
#define PCI_CARD_MASTER 4u

static uint32_t *pci_card_register(const struct pci_card *card, uint32_t reg)
{
    return (uint32_t *)(void *)(card->registers + reg);
}

static uint32_t pci_card_get(const struct pci_card *card, uint32_t reg)
{
    return __atomic_load_n(pci_card_register(card, reg), __ATOMIC_ACQUIRE);
}

static void pci_card_set(const struct pci_card *card, uint32_t reg, uint32_t value)
{
    __atomic_store_n(pci_card_register(card, reg), value, __ATOMIC_RELEASE);
}

/* The state after a reset, as far as the driver looks at it. */
static void pci_card_reset(struct pci_card *card)
{
    card->tx_head = card->rx_head = card->page_count = 0;
    for (uint32_t queue = 0; queue < 16; queue++) {
        pci_card_set(card, IXGBE_RXDCTL(queue), 0);
        pci_card_set(card, IXGBE_TXDCTL(queue), 0);
        pci_card_set(card, IXGBE_SRRCTL(queue), 0x402);
    }
    pci_card_set(card, IXGBE_RXCTRL, 0);
    pci_card_set(card, IXGBE_DMATXCTL, 0);
    pci_card_set(card, IXGBE_EEC, IXGBE_EEC_ARD);
    pci_card_set(card, IXGBE_RDRXCTL, IXGBE_RDRXCTL_DMAIDONE);
    pci_card_set(card, IXGBE_SECRXSTAT, IXGBE_SECRXSTAT_SECRX_RDY);
    pci_card_set(card, IXGBE_LINKS, IXGBE_LINKS_UP | IXGBE_LINKS_SPEED);
    pci_card_set(card, IXGBE_STATUS, 0);
    pci_card_set(card, IXGBE_RAL(0), 0x00000002); /* 02:00:00:00:01:00 */
    pci_card_set(card, IXGBE_RAH(0), 0x00000001 | IXGBE_RAH_AV);
    pci_card_set(card, IXGBE_CTRL, 0); /* last: the driver waits for it */
}

/* ---- memory ---- */

/* The huge pages that this process has mapped at this moment. */
static void pci_card_look(struct pci_card *card)
{
    char line[PATH_MAX + 128];
    FILE *maps = fopen("/proc/self/maps", "re");
    card->page_count = 0;
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        uintptr_t start, end;
        if (strstr(line, "ixy-huge") == NULL || sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &start, &end) != 2)
            continue;
        for (; start < end && card->page_count < PCI_CARD_PAGES; start += PCI_TEST_PAGE) {
            struct pci_card_page *page = &card->page[card->page_count++];
            page->at = (uint8_t *)start; /* the process's own pages */
            page->physical = pci_test_physical(page->at);
        }
    }
    if (maps != NULL)
        fclose(maps);
}

static uint8_t *pci_card_known(const struct pci_card *card, uint64_t physical)
{
    for (uint32_t i = 0; i < card->page_count; i++)
        if (physical - card->page[i].physical < PCI_TEST_PAGE)
            return card->page[i].at + (physical - card->page[i].physical);
    return NULL;
}

/* Memory at a physical address; NULL: the card cannot reach it. */
static uint8_t *pci_card_memory(struct pci_card *card, uint64_t physical)
{
    uint8_t *at = NULL;
    if ((__atomic_load_n(card->config + PCI_CARD_COMMAND, __ATOMIC_ACQUIRE) & PCI_CARD_MASTER) != 0) {
        at = pci_card_known(card, physical);
        if (at == NULL) {
            pci_card_look(card);
            at = pci_card_known(card, physical);
        }
    }
    if (at == NULL)
        __atomic_add_fetch(&card->unreachable, 1, __ATOMIC_RELAXED);
    return at;
}

static uint64_t pci_card_address(const struct pci_card *card, uint32_t low, uint32_t high)
{
    return (uint64_t)pci_card_get(card, high) << 32 | pci_card_get(card, low);
}

/* ---- one frame ---- */

static bool pci_card_enabled(const struct pci_card *card)
{
    return (pci_card_get(card, IXGBE_RXCTRL) & IXGBE_RXCTRL_RXEN) != 0 &&
           (pci_card_get(card, IXGBE_RXDCTL(0)) & IXGBE_RXDCTL_ENABLE) != 0 &&
           (pci_card_get(card, IXGBE_DMATXCTL) & IXGBE_DMATXCTL_TE) != 0 &&
           (pci_card_get(card, IXGBE_TXDCTL(0)) & IXGBE_TXDCTL_ENABLE) != 0;
}

/* Sends one frame back, if there is one and room for it. */
static bool pci_card_forward(struct pci_card *card)
{
    if (!pci_card_enabled(card) || card->tx_head == pci_card_get(card, IXGBE_TDT(0)) ||
        card->rx_head == pci_card_get(card, IXGBE_RDT(0)))
        return false;
    uint32_t tx_size = pci_card_get(card, IXGBE_TDLEN(0)) / (uint32_t)sizeof(struct ixgbe_tx_descriptor);
    uint32_t rx_size = pci_card_get(card, IXGBE_RDLEN(0)) / (uint32_t)sizeof(struct ixgbe_rx_descriptor);
    uint8_t *tx_ring = pci_card_memory(card, pci_card_address(card, IXGBE_TDBAL(0), IXGBE_TDBAH(0)));
    uint8_t *rx_ring = pci_card_memory(card, pci_card_address(card, IXGBE_RDBAL(0), IXGBE_RDBAH(0)));
    if (tx_ring == NULL || rx_ring == NULL)
        return false;
    struct ixgbe_tx_descriptor *tx = (struct ixgbe_tx_descriptor *)(void *)tx_ring + card->tx_head;
    struct ixgbe_rx_descriptor *rx = (struct ixgbe_rx_descriptor *)(void *)rx_ring + card->rx_head;
    uint32_t length = tx->command & 0xFFFF; /* DTALEN */
    uint8_t *from = pci_card_memory(card, tx->address), *to = pci_card_memory(card, rx->packet_address);
    if (from == NULL || to == NULL)
        return false;
    memcpy(to, from, length);
    rx->packet_address = 0;
    __atomic_store_n(&rx->header_address, (uint64_t)length << 32 | IXGBE_RX_DD | IXGBE_RX_EOP, __ATOMIC_RELEASE);
    __atomic_store_n(&tx->status, tx->status | IXGBE_TX_DD, __ATOMIC_RELEASE);
    card->tx_head = (card->tx_head + 1) % tx_size;
    card->rx_head = (card->rx_head + 1) % rx_size;
    pci_card_set(card, IXGBE_TDH(0), card->tx_head);
    pci_card_set(card, IXGBE_RDH(0), card->rx_head);
    __atomic_add_fetch(&card->forwarded, 1, __ATOMIC_RELEASE);
    return true;
}

static void *pci_card_run(void *argument)
{
    struct pci_card *card = argument;
    while (!__atomic_load_n(&card->stop, __ATOMIC_ACQUIRE)) {
        if ((pci_card_get(card, IXGBE_CTRL) & IXGBE_CTRL_RST) != 0)
            pci_card_reset(card);
        if (!pci_card_forward(card))
            nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
    }
    return NULL;
}

/* ---- begin and end ---- */

static uint8_t *pci_card_map(const char *name, const char *file_name, size_t size)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", name, file_name);
    int file = open(path, O_RDWR | O_CLOEXEC);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (memory == MAP_FAILED) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        abort();
    }
    return memory;
}

void pci_card_begin(struct pci_card *card, const char *name)
{
    memset(card, 0, sizeof(*card));
    snprintf(card->name, sizeof(card->name), "%s", name);
    card->registers = pci_card_map(name, "resource0", PCI_TEST_BAR);
    card->config = pci_card_map(name, "config", 256);
    if (pthread_create(&card->thread, NULL, pci_card_run, card) != 0)
        abort();
}

void pci_card_end(struct pci_card *card)
{
    __atomic_store_n(&card->stop, true, __ATOMIC_RELEASE);
    pthread_join(card->thread, NULL);
    munmap(card->registers, PCI_TEST_BAR);
    munmap(card->config, 256);
}
