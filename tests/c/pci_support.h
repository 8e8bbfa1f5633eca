/* A made-up PCI bus: what the kernel would show under /sys and /dev, in a mount namespace of the test's own. Nothing
 * of the machine's own devices is seen or touched. */
#ifndef TESTS_C_PCI_SUPPORT_H
#define TESTS_C_PCI_SUPPORT_H

#include <stdbool.h>
#include <stdint.h>

#define PCI_TEST_CANNOT 77       /* a test's end: this machine does not let it run; ctest counts it as skipped */
#define PCI_TEST_BAR (512 << 10) /* an 82599's registers */

/* Hides /sys/bus/pci/devices and /dev behind empty folders; prints why and returns false where that is not allowed. */
bool pci_test_begin(void);

/* The folder of a function: vendor, device, config (256 bytes) and an empty resource0 of PCI_TEST_BAR bytes. */
void pci_test_function(const char *name, uint16_t vendor, uint16_t device_id);

/* What it is bound to; NULL: nothing. */
void pci_test_driver(const char *name, const char *driver);

/* Puts functions into an IOMMU group: NULL ends their names. */
void pci_test_group(const char *number, const char *const names[]);

/* Takes a function away. */
void pci_test_remove(const char *name);

/* Writes a file; the path is made with format. */
void pci_test_file(const char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define PCI_TEST_PAGE (2l << 20)
#define PCI_TEST_PAGES_MAX 1024

struct pci_test_page {
    uint64_t physical;
    long offset; /* in the file that holds it */
};

/* Reserves huge pages until so many of the free ones follow one another; prints why and returns false if the machine
 * has none to give. The end gives them back, all others stay. */
bool pci_test_huge_begin(long row);
void pci_test_huge_end(void);
long pci_test_huge_free(void);

/* Takes all free huge pages; pages is in the order of the machine. Returns the file, whose closing frees them. */
int pci_test_huge_take(struct pci_test_page pages[PCI_TEST_PAGES_MAX], long *count);

/* The physical address of a byte, as the kernel tells root; 0: its page is not there. */
uint64_t pci_test_physical(const void *at);

#endif
