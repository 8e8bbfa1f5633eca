/* An 82599 that a thread of the test plays, on the file that is its BAR 0: it answers what the driver waits for, and
 * sends what is transmitted back to the receive ring of the same number. It reaches memory as a card would: by physical
 * address, page by page, which it finds among the huge pages that this process has mapped. */
#ifndef TESTS_C_PCI_CARD_H
#define TESTS_C_PCI_CARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define PCI_CARD_PAGES 64

struct pci_card_page {
    uint64_t physical;
    uint8_t *at;
};

struct pci_card {
    char name[16];
    uint8_t *registers;
    uint8_t *config; /* bus mastering is looked at before each access to memory */
    pthread_t thread;
    bool stop; /* atomic */
    uint32_t tx_head, rx_head;
    uint32_t page_count;
    struct pci_card_page page[PCI_CARD_PAGES];
    uint64_t forwarded;   /* atomic */
    uint64_t unreachable; /* atomic: accesses without bus mastering, or to memory that is not there */
};

/* The function is there already (pci_test_function). */
void pci_card_begin(struct pci_card *card, const char *name);
void pci_card_end(struct pci_card *card);

#endif
