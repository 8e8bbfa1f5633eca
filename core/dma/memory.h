/* Memory that a device can reach: descriptor rings and the pool's buffers.
 *
 * Whoever allocates a piece owns it, maps it at each device that shall reach it (bus.h), unmaps it there, then frees
 * it. The pages are private to this process and read as zeroes in a child after fork(), so that a child never reaches
 * its parent's packets. A device in another process needs the pages as a file: dma_memory_share puts a shared file's
 * pages in place of the private ones, at the same addresses. A device that sees physical addresses needs pages that
 * stay and that follow one another in the machine: dma_memory_pin puts huge pages there. A child then gets empty pages
 * from dma_memory_after_fork_in_child.
 */
#ifndef CORE_DMA_MEMORY_H
#define CORE_DMA_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

struct dma_memory {
    uint8_t *base;
    uint64_t size;         /* bytes, at most 4 GiB */
    uint64_t extent;       /* bytes of address space from base on that are this memory's: whole pages */
    const char *name;      /* "pool", "receive ring 0": for messages */
    uint32_t stride;       /* pool memory: bytes from buffer to buffer; a ring: 0 */
    bool shared;           /* the pages are those of `file` */
    int file;              /* memfd, while shared; closed by dma_memory_free */
    uint64_t physical;     /* physical address of the first byte, the rest follows; 0: not pinned */
    uint32_t held;         /* atomic: devices that have just these pages: an IOMMU translates to them */
    const uint64_t *owner; /* pool memory with handles: entry i is not 0 while the caller owns buffer i; else NULL */
};

/* Allocates size bytes of zeroes, aligned to a page (2 MiB and larger: to 2 MiB). Returns 0 or IXY_E_NO_MEMORY. */
int32_t dma_memory_allocate(struct dma_memory *memory, uint64_t size, const char *name);

/* The same with an extent of whole huge pages, so that it can be pinned where it is. */
int32_t dma_memory_allocate_huge(struct dma_memory *memory, uint64_t size, const char *name);

/* Makes the pages reachable for another process, by memory->file. What they held is lost, so nobody may use them yet.
 * Sharing twice does nothing. Returns 0 or an error with its text. */
int32_t dma_memory_share(struct dma_memory *memory);

/* Puts huge pages in place of the memory's, in the order of their physical addresses, without gaps. What they held is
 * lost, so nobody may use them yet; a memory that is no whole huge pages (a ring) moves to other addresses. Pinning
 * twice does nothing. Returns 0 or an error with its text. */
int32_t dma_memory_pin(struct dma_memory *memory);

/* Gives a shared memory new pages of zeroes, at the same addresses and as the same descriptor: who mapped the old ones
 * keeps them, and sees nothing of the new. Nobody may use them meanwhile. Returns 0 or an error with its text, after
 * which nobody may use them until it succeeded. */
int32_t dma_memory_renew(const struct dma_memory *memory);

/* Makes an empty file of that size of memory. Returns 0, or -1 with errno: EFBIG where the limit on files (ulimit -f)
 * is less, without the signal that comes with it. */
int dma_memory_file_grow(int file, uint64_t size);

/* Puts empty private pages in place of these; where the kernel has no memory for that they can no longer be reached. */
void dma_memory_hide(void *base, uint64_t size, int protection);

/* After fork(), in the child: puts empty private pages in place of everything that is shared or was about to be. */
void dma_memory_after_fork_in_child(void);

/* Frees the pages and closes the file; a memory that was never allocated (all zero) is left alone. If somebody took
 * the pages over (base is NULL), the file is closed all the same; who has them frees them by the same base. */
void dma_memory_free(struct dma_memory *memory);

#endif
