#include "core/dma/huge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/device/error.h"
#include "core/device/fork.h"

#define DMA_HUGE_FREE "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"
#define DMA_SMALL 4096u
#define DMA_PAGEMAP_FRAME (((uint64_t)1 << 55) - 1) /* bits 0 to 54: the page's number */
#define DMA_PAGEMAP_PRESENT ((uint64_t)1 << 63)

#ifndef MFD_HUGE_2MB
#define MFD_HUGE_2MB (21u << 26)
#endif

/* One huge page that was taken: where in the file, and where in the machine. */
struct dma_huge_page {
    uint64_t physical;
    uint64_t offset;
};

int32_t dma_huge_free(const char *name, uint64_t *count)
{
    unsigned long long number = 0;
    *count = 0;
    FILE *file = fopen(DMA_HUGE_FREE, "re");
    if (file == NULL)
        return errno == ENOENT ? 0 : error_set_errno("%s: " DMA_HUGE_FREE, name);
    if (fscanf(file, "%llu", &number) == 1)
        *count = number;
    fclose(file);
    return 0;
}

int32_t dma_huge_none(const char *name, uint64_t wanted)
{
    return error_set(IXY_E_NO_MEMORY,
                     "%s: a device without IOMMU needs huge pages, and none of 2 MiB is free: as root: echo %llu > "
                     "/proc/sys/vm/nr_hugepages",
                     name, (unsigned long long)wanted);
}

static int dma_huge_compare(const void *left, const void *right)
{
    uint64_t a = ((const struct dma_huge_page *)left)->physical, b = ((const struct dma_huge_page *)right)->physical;
    return a < b ? -1 : a > b;
}

/* The physical address of the page at `at`. */
static int32_t dma_huge_physical(int pagemap, const uint8_t *at, const char *name, uint64_t *physical)
{
    uint64_t entry = 0;
    off_t offset = (off_t)((uintptr_t)at / DMA_SMALL * sizeof(entry));
    if (pread(pagemap, &entry, sizeof(entry), offset) != (ssize_t)sizeof(entry))
        return error_set_errno("%s: /proc/self/pagemap", name);
    if ((entry & DMA_PAGEMAP_PRESENT) == 0 || (entry & DMA_PAGEMAP_FRAME) == 0)
        return error_set(IXY_E_PERMISSION,
                         "%s: /proc/self/pagemap tells this user no physical addresses: run as root, with "
                         "CAP_SYS_ADMIN; or without root over VFIO, where there is an IOMMU: ixy bind ADDRESS --user "
                         "NAME",
                         name);
    *physical = (entry & DMA_PAGEMAP_FRAME) * DMA_SMALL;
    return 0;
}

/* Learns the addresses of all pages of the file. */
static int32_t dma_huge_look(int file, struct dma_huge_page *pages, uint64_t count, const char *name)
{
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (pagemap < 0)
        return error_set_errno("%s: /proc/self/pagemap", name);
    uint8_t *view = mmap(NULL, count * DMA_HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0);
    int32_t code = 0;
    if (view == MAP_FAILED) {
        code = error_set_errno("%s: %llu huge pages", name, (unsigned long long)count);
    } else {
        for (uint64_t i = 0; i < count && code >= 0; i++) {
            pages[i].offset = i * DMA_HUGE;
            code = dma_huge_physical(pagemap, view + i * DMA_HUGE, name, &pages[i].physical);
        }
        munmap(view, count * DMA_HUGE);
    }
    close(pagemap);
    return code;
}

/* The longest run of pages, sorted by address, that follow one another; stops at `enough`. */
static uint64_t dma_huge_run(const struct dma_huge_page *pages, uint64_t count, uint64_t enough, uint64_t *first)
{
    uint64_t longest = 0, start = 0;
    for (uint64_t i = 0; i < count && longest < enough; i++) {
        if (i > 0 && pages[i].physical != pages[i - 1].physical + DMA_HUGE)
            start = i;
        if (i - start + 1 > longest) {
            longest = i - start + 1;
            *first = start;
        }
    }
    return longest;
}

/* Maps the run in its order; gives the other pages back. */
static int32_t dma_huge_map(int file, const struct dma_huge_page *pages, uint64_t count, uint64_t first,
                            uint64_t needed, uint8_t *base, const char *name)
{
    for (uint64_t i = 0; i < count; i++)
        if (i < first || i >= first + needed)
            fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)pages[i].offset, (off_t)DMA_HUGE);
    for (uint64_t i = 0; i < needed; i++)
        if (mmap(base + i * DMA_HUGE, DMA_HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE, file,
                 (off_t)pages[first + i].offset) == MAP_FAILED)
            return error_set_errno("%s: huge page %llu", name, (unsigned long long)i);
    return 0;
}

/* Takes `count` pages and uses `needed` of them, if they have such a run; else *run is the longest. */
static int32_t dma_huge_try(uint64_t count, uint64_t needed, uint8_t *base, const char *name, uint64_t *physical,
                            uint64_t *run)
{
    *run = 0;
    fork_lock();
    int file = fork_record(memfd_create("ixy-huge", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB));
    fork_unlock();
    if (file < 0)
        return error_set_errno("%s: no file of huge pages", name);
    struct dma_huge_page *pages = calloc(count, sizeof(*pages));
    int32_t code = 0;
    if (pages == NULL)
        code = error_set(IXY_E_NO_MEMORY, "%s: no memory", name);
    else if (fallocate(file, 0, 0, (off_t)(count * DMA_HUGE)) != 0)
        code = IXY_E_LIMIT; /* not so many: the caller knows what to say */
    else
        code = dma_huge_look(file, pages, count, name);
    if (code >= 0) {
        uint64_t first = 0;
        qsort(pages, count, sizeof(*pages), dma_huge_compare);
        *run = dma_huge_run(pages, count, needed, &first);
        if (*run >= needed) {
            *physical = pages[first].physical;
            code = dma_huge_map(file, pages, count, first, needed, base, name);
        }
    }
    free(pages);
    fork_close(&file); /* the mapping keeps its pages */
    return code;
}

int32_t dma_huge_put(uint8_t *base, uint64_t size, const char *name, uint64_t *physical)
{
    uint64_t needed = size / DMA_HUGE, run = 0, longest = 0, free_pages;
    int32_t code = dma_huge_free(name, &free_pages);
    if (code < 0)
        return code;
    if (free_pages == 0)
        return dma_huge_none(name, needed + 16);
    if (free_pages < needed)
        return error_set(
            IXY_E_NO_MEMORY,
            "%s: needs %llu huge pages of 2 MiB, %llu are free: as root: echo N > /proc/sys/vm/nr_hugepages "
            "with more, or make the pool smaller",
            name, (unsigned long long)needed, (unsigned long long)free_pages);
    /* As many as are needed; then twice that, and so on to all: others want some, too. */
    for (uint64_t count = needed; count <= free_pages; count = count < free_pages / 2 ? 2 * count : free_pages) {
        code = dma_huge_try(count, needed, base, name, physical, &run);
        if (code == IXY_E_LIMIT)
            break;
        if (code < 0 || run >= needed)
            return code;
        longest = run > longest ? run : longest;
        if (count == free_pages)
            break;
    }
    return error_set(
        IXY_E_NO_MEMORY,
        "%s: needs %llu huge pages of 2 MiB in a row, the longest row of the %llu free ones has %llu: reserve "
        "them at boot (hugepages=N), make the pool smaller, or use VFIO",
        name, (unsigned long long)needed, (unsigned long long)free_pages, (unsigned long long)longest);
}
