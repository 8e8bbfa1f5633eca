#include "core/dma/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/device/error.h"
#include "core/device/fork.h"
#include "core/dma/huge.h"

/* What a child must not inherit: shared pages are known here, by their address, from before dma_memory_share or
 * dma_memory_pin puts them there until they are unmapped. That may be later than their file is closed, and by somebody
 * else (the ABI's views outlive their pool). */
struct dma_memory_record {
    struct dma_memory_record *next;
    uint8_t *base;
    uint64_t size;
};

static struct dma_memory_record *dma_memory_records; /* under fork_lock */

static uint64_t dma_memory_round(uint64_t size)
{
    uint64_t unit = size >= DMA_HUGE ? DMA_HUGE : 4096;
    return (size + unit - 1) & ~(unit - 1);
}

/* Maps extent bytes that begin at a huge page if they are whole ones. Returns NULL without memory. */
static uint8_t *dma_memory_map(uint64_t extent)
{
    /* To align a large piece, map more than needed and unmap what is left over at both ends. */
    uint64_t slack = extent >= DMA_HUGE ? DMA_HUGE : 0;
    uint8_t *mapped =
        mmap(NULL, extent + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED)
        return NULL;
    if (slack == 0)
        return mapped;
    uint8_t *base = mapped + (-(uintptr_t)mapped & (DMA_HUGE - 1));
    if (base != mapped)
        munmap(mapped, (size_t)(base - mapped));
    uint8_t *end = base + extent;
    if (end != mapped + extent + slack)
        munmap(end, (size_t)(mapped + extent + slack - end));
    return base;
}

static int32_t dma_memory_make(struct dma_memory *memory, uint64_t size, uint64_t extent, const char *name)
{
    uint8_t *base = dma_memory_map(extent);
    if (base == NULL)
        return error_set(IXY_E_NO_MEMORY, "%s: no memory for %llu bytes", name, (unsigned long long)size);
    /* Transparent huge pages spare TLB misses; where there are none, nothing is lost. */
    if (size >= DMA_HUGE)
        madvise(base, extent, MADV_HUGEPAGE);
    if (madvise(base, extent, MADV_WIPEONFORK) != 0) {
        munmap(base, extent);
        return error_set(IXY_E_NO_MEMORY, "%s: the kernel cannot wipe pages on fork (Linux 4.14 can)", name);
    }
    *memory = (struct dma_memory){.base = base, .size = size, .extent = extent, .name = name};
    return 0;
}

int32_t dma_memory_allocate(struct dma_memory *memory, uint64_t size, const char *name)
{
    return dma_memory_make(memory, size, dma_memory_round(size), name);
}

int32_t dma_memory_allocate_huge(struct dma_memory *memory, uint64_t size, const char *name)
{
    return dma_memory_make(memory, size, (size + DMA_HUGE - 1) & ~(DMA_HUGE - 1), name);
}

int dma_memory_file_grow(int file, uint64_t size)
{
    struct rlimit most;
    if (getrlimit(RLIMIT_FSIZE, &most) == 0 && most.rlim_cur != RLIM_INFINITY && size > most.rlim_cur) {
        errno = EFBIG; /* ftruncate would say so by SIGXFSZ, which ends a process */
        return -1;
    }
    return ftruncate(file, (off_t)size);
}

/* A file of zeroes that no peer who has it can cut short: to touch pages past its end would be SIGBUS here. */
static int dma_memory_file(uint64_t size)
{
    fork_lock();
    int file = fork_record(memfd_create("ixy-memory", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    fork_unlock();
    if (file < 0)
        return -1;
    if (dma_memory_file_grow(file, size) == 0 &&
        fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        return file;
    int why = errno;
    fork_close(&file);
    errno = why;
    return -1;
}

/* Puts the pages of a new file at the memory's addresses. Returns the file or an error with its text. */
static int32_t dma_memory_put(const struct dma_memory *memory)
{
    uint64_t size = dma_memory_round(memory->size);
    int file = dma_memory_file(size);
    if (file < 0)
        return error_set_errno("%s: no memory file of %llu bytes", memory->name, (unsigned long long)size);
    if (mmap(memory->base, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) == MAP_FAILED) {
        fork_close(&file);
        return error_set(IXY_E_NO_MEMORY, "%s: no memory for %llu shared bytes", memory->name,
                         (unsigned long long)size);
    }
    if (size >= DMA_HUGE)
        madvise(memory->base, size, MADV_HUGEPAGE);
    return file;
}

/* From here on a child gets empty pages there, whatever is there yet. */
static int32_t dma_memory_remember(const struct dma_memory *memory, uint64_t size)
{
    struct dma_memory_record *record = malloc(sizeof(*record));
    if (record == NULL)
        return error_set(IXY_E_NO_MEMORY, "%s: no memory to remember it", memory->name);
    fork_lock();
    *record = (struct dma_memory_record){.next = dma_memory_records, .base = memory->base, .size = size};
    dma_memory_records = record;
    fork_unlock();
    return 0;
}

static void dma_memory_forget(const uint8_t *base)
{
    struct dma_memory_record **at = &dma_memory_records;
    fork_lock();
    while (*at != NULL && (*at)->base != base)
        at = &(*at)->next;
    struct dma_memory_record *record = *at;
    if (record != NULL)
        *at = record->next;
    fork_unlock();
    free(record);
}

/* What stands against other pages: devices that have these. */
static int32_t dma_memory_replaceable(const struct dma_memory *memory, const char *need)
{
    if (__atomic_load_n(&memory->held, __ATOMIC_RELAXED) > 0)
        return error_set(IXY_E_STATE,
                         "%s: an open VFIO device has its pages, this device needs %s: open this one first",
                         memory->name, need);
    if (memory->shared || memory->physical != 0)
        return error_set(IXY_E_STATE, "%s: %s has its pages, this device needs %s: give it a pool of its own",
                         memory->name, memory->shared ? "another process" : "a device without IOMMU", need);
    return 0;
}

int32_t dma_memory_share(struct dma_memory *memory)
{
    if (memory->shared)
        return 0;
    int32_t code = dma_memory_replaceable(memory, "pages of a file");
    if (code < 0)
        return code;
    code = dma_memory_remember(memory, dma_memory_round(memory->size));
    if (code < 0)
        return code;
    int32_t file = dma_memory_put(memory);
    if (file < 0) {
        dma_memory_forget(memory->base);
        return file;
    }
    memory->file = file;
    memory->shared = true;
    return 0;
}

/* Gives the memory an extent of whole huge pages, somewhere else if it has none here. */
static int32_t dma_memory_move(struct dma_memory *memory)
{
    struct dma_memory moved;
    if (memory->extent % DMA_HUGE == 0)
        return 0;
    int32_t code = dma_memory_allocate_huge(&moved, memory->size, memory->name);
    if (code < 0)
        return code;
    moved.stride = memory->stride;
    moved.owner = memory->owner;
    dma_memory_free(memory);
    *memory = moved;
    return 0;
}

int32_t dma_memory_pin(struct dma_memory *memory)
{
    if (memory->physical != 0)
        return 0;
    int32_t code = dma_memory_replaceable(memory, "huge pages");
    if (code >= 0)
        code = dma_memory_move(memory);
    if (code < 0)
        return code;
    code = dma_memory_remember(memory, memory->extent);
    if (code < 0)
        return code;
    uint64_t physical;
    code = dma_huge_put(memory->base, memory->extent, memory->name, &physical);
    if (code < 0) {
        dma_memory_forget(memory->base);
        return code;
    }
    memory->physical = physical;
    return 0;
}

int32_t dma_memory_renew(const struct dma_memory *memory)
{
    int32_t file = dma_memory_put(memory);
    if (file < 0)
        return file;
    /* The descriptor's number stays, so what knows the file by it (fork.c, a bus) need not be told. */
    int32_t code = dup3(file, memory->file, O_CLOEXEC) < 0 ? error_set_errno("%s: new pages", memory->name) : 0;
    fork_close(&file);
    return code;
}

void dma_memory_hide(void *base, uint64_t size, int protection)
{
    if (mmap(base, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        mprotect(base, size, PROT_NONE);
}

void dma_memory_after_fork_in_child(void)
{
    for (struct dma_memory_record *record = dma_memory_records; record != NULL; record = record->next)
        dma_memory_hide(record->base, record->size, PROT_READ | PROT_WRITE);
}

void dma_memory_free(struct dma_memory *memory)
{
    if (memory->shared)
        fork_close(&memory->file);
    memory->shared = false;
    if (memory->base != NULL) {
        dma_memory_forget(memory->base); /* before others may get the addresses */
        munmap(memory->base, memory->extent);
    }
    memory->base = NULL;
}
