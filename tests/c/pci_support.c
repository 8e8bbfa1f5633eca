#include "tests/c/pci_support.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define PCI_TEST_DEVICES "/sys/bus/pci/devices"
#define PCI_TEST_DRIVERS PCI_TEST_DEVICES "/.drivers"
#define PCI_TEST_GROUPS PCI_TEST_DEVICES "/.groups"

bool pci_test_begin(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("ixy-test", PCI_TEST_DEVICES, "tmpfs", 0, "mode=755") != 0 ||
        mount("ixy-test", "/dev", "tmpfs", 0, "mode=755") != 0) {
        printf("not run: a private mount namespace over %s needs root: %s\n", PCI_TEST_DEVICES, strerror(errno));
        return false;
    }
    mkdir(PCI_TEST_DRIVERS, 0755);
    mkdir(PCI_TEST_GROUPS, 0755);
    mkdir("/dev/vfio", 0755);
    return true;
}

/* A test whose made-up machine cannot be made is broken. */
static void pci_test_demand(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    abort();
}

void pci_test_file(const char *text, const char *format, ...)
{
    char path[PATH_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path, sizeof(path), format, arguments);
    va_end(arguments);
    FILE *file = fopen(path, "we");
    pci_test_demand(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0, path);
}

static void pci_test_size(const char *name, const char *file_name, off_t size)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), PCI_TEST_DEVICES "/%s/%s", name, file_name);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    pci_test_demand(file >= 0 && ftruncate(file, size) == 0 && close(file) == 0, path);
}

void pci_test_function(const char *name, uint16_t vendor, uint16_t device_id)
{
    char text[PATH_MAX];
    snprintf(text, sizeof(text), PCI_TEST_DEVICES "/%s", name);
    pci_test_demand(mkdir(text, 0755) == 0, text);
    snprintf(text, sizeof(text), "0x%04x\n", vendor);
    pci_test_file(text, PCI_TEST_DEVICES "/%s/vendor", name);
    snprintf(text, sizeof(text), "0x%04x\n", device_id);
    pci_test_file(text, PCI_TEST_DEVICES "/%s/device", name);
    pci_test_size(name, "config", 256);
    pci_test_size(name, "resource0", PCI_TEST_BAR);
}

static void pci_test_link(const char *target, const char *path)
{
    unlink(path);
    pci_test_demand(symlink(target, path) == 0, path);
}

void pci_test_driver(const char *name, const char *driver)
{
    char path[PATH_MAX], target[PATH_MAX];
    snprintf(path, sizeof(path), PCI_TEST_DEVICES "/%s/driver", name);
    unlink(path);
    if (driver == NULL)
        return;
    snprintf(target, sizeof(target), PCI_TEST_DRIVERS "/%s", driver);
    mkdir(target, 0755);
    pci_test_link(target, path);
}

void pci_test_group(const char *number, const char *const names[])
{
    char group[PATH_MAX], path[PATH_MAX + 64], target[PATH_MAX];
    snprintf(group, sizeof(group), PCI_TEST_GROUPS "/%s", number);
    mkdir(group, 0755);
    snprintf(path, sizeof(path), "%s/devices", group);
    mkdir(path, 0755);
    for (uint32_t i = 0; names[i] != NULL; i++) {
        snprintf(target, sizeof(target), PCI_TEST_DEVICES "/%s", names[i]);
        snprintf(path, sizeof(path), "%s/devices/%s", group, names[i]);
        pci_test_link(target, path);
        snprintf(path, sizeof(path), PCI_TEST_DEVICES "/%s/iommu_group", names[i]);
        pci_test_link(group, path);
    }
}

void pci_test_remove(const char *name)
{
    static const char *const files[] = {"vendor", "device", "config", "resource0", "driver", "iommu_group"};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), PCI_TEST_DEVICES "/%s/%s", name, files[i]);
        unlink(path);
    }
    snprintf(path, sizeof(path), PCI_TEST_DEVICES "/%s", name);
    pci_test_demand(rmdir(path) == 0, path);
}

/* ---- huge pages ---- */

#define PCI_TEST_HUGE "/proc/sys/vm/nr_hugepages"

static long pci_test_huge_before = -1;

static bool pci_test_read_number(const char *path, long *number)
{
    FILE *file = fopen(path, "re");
    bool good = file != NULL && fscanf(file, "%ld", number) == 1;
    if (file != NULL)
        fclose(file);
    return good;
}

long pci_test_huge_free(void)
{
    long count = 0;
    pci_test_demand(pci_test_read_number("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", &count), "free");
    return count;
}

static void pci_test_huge_reserve(long count)
{
    char text[32];
    snprintf(text, sizeof(text), "%ld\n", count);
    pci_test_file(text, PCI_TEST_HUGE);
}

void pci_test_huge_end(void)
{
    pci_test_huge_reserve(pci_test_huge_before);
}

uint64_t pci_test_physical(const void *at)
{
    uint64_t entry = 0;
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    ssize_t length = pread(pagemap, &entry, sizeof(entry), (off_t)((uintptr_t)at / 4096 * sizeof(entry)));
    close(pagemap);
    if (length != (ssize_t)sizeof(entry) || entry >> 63 == 0)
        return 0;
    return (entry & (((uint64_t)1 << 55) - 1)) * 4096 + (uintptr_t)at % 4096;
}

static int pci_test_huge_compare(const void *left, const void *right)
{
    uint64_t a = ((const struct pci_test_page *)left)->physical, b = ((const struct pci_test_page *)right)->physical;
    return a < b ? -1 : a > b;
}

int pci_test_huge_take(struct pci_test_page pages[PCI_TEST_PAGES_MAX], long *count)
{
    *count = pci_test_huge_free();
    *count = *count < PCI_TEST_PAGES_MAX ? *count : PCI_TEST_PAGES_MAX;
    size_t size = (size_t)*count * PCI_TEST_PAGE;
    int file = memfd_create("ixy-test", MFD_HUGETLB | MFD_CLOEXEC);
    pci_test_demand(file >= 0 && fallocate(file, 0, 0, (off_t)size) == 0, "huge pages");
    uint8_t *view = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0);
    pci_test_demand(view != MAP_FAILED, "huge pages");
    for (long i = 0; i < *count; i++)
        pages[i] = (struct pci_test_page){pci_test_physical(view + i * PCI_TEST_PAGE), i * PCI_TEST_PAGE};
    munmap(view, size);
    qsort(pages, (size_t)*count, sizeof(pages[0]), pci_test_huge_compare);
    return file;
}

/* Whether that many of the free pages follow one another. */
static bool pci_test_huge_has(long row)
{
    static struct pci_test_page pages[PCI_TEST_PAGES_MAX];
    long count, length = 0, longest = 0;
    if (pci_test_huge_free() == 0)
        return false;
    close(pci_test_huge_take(pages, &count));
    for (long i = 0; i < count; i++) {
        length = i > 0 && pages[i].physical == pages[i - 1].physical + PCI_TEST_PAGE ? length + 1 : 1;
        longest = length > longest ? length : longest;
    }
    return longest >= row;
}

bool pci_test_huge_begin(long row)
{
    if (geteuid() != 0 || !pci_test_read_number(PCI_TEST_HUGE, &pci_test_huge_before)) {
        printf("not run: huge pages need root and a kernel that has them\n");
        return false;
    }
    /* The kernel does not hand them out in their order: more are asked for than are needed. */
    for (long count = 4 * row; count <= PCI_TEST_PAGES_MAX; count *= 2) {
        pci_test_huge_reserve(pci_test_huge_before + count);
        if (pci_test_huge_has(row))
            return true;
    }
    printf("not run: this machine has no %ld huge pages of 2 MiB in a row to give\n", row);
    pci_test_huge_end();
    return false;
}
