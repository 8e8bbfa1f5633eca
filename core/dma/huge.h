/* Huge pages of 2 MiB whose physical addresses follow one another: memory for a device that sees physical addresses.
 * Root only, because nobody else is told them (Linux, Documentation/admin-guide/mm/pagemap.rst). */
#ifndef CORE_DMA_HUGE_H
#define CORE_DMA_HUGE_H

#include <stdint.h>

#define DMA_HUGE ((uint64_t)2 << 20)

/* Puts huge pages of zeroes at [base, base + size), both whole huge pages, and tells the physical address of the first
 * byte. Until that succeeds what was there may be lost. Returns 0 or an error with its text. */
int32_t dma_huge_put(uint8_t *base, uint64_t size, const char *name, uint64_t *physical);

/* How many huge pages are free. Returns 0 or, if that cannot be known just now, an error with its text. */
int32_t dma_huge_free(const char *name, uint64_t *count);

/* The error of a machine without any, of which `wanted` are. */
int32_t dma_huge_none(const char *name, uint64_t wanted);

#endif
