/* memory.h - the shim's own memory: mapped, never from malloc.
 *
 * MY1  Each mapping is recorded in LEDGER_OWN, so that the collector neither
 *     scans it nor counts it as the program's.
 * MY2  NULL on failure; errno is not touched.
 *
 * Threads: all. Signals: safe (no lock; nested use maps more).
 */
#ifndef TIDEMARK_MEMORY_H
#define TIDEMARK_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_WIPE 1u /* zero in a forked child (MADV_WIPEONFORK) */

/* Zeroed pages that take memory only when touched. Never given back. */
void *memory_map(size_t bytes, unsigned flags);
void memory_unmap(void *start, size_t bytes);
/* Keeps memory out of core dumps: tables are sparse reservations, in which a dump would find nothing but
 * zeros. memory_map calls it itself. */
void memory_no_dump(void *start, size_t bytes);
/* Reports to the collector memory that was mapped in some other way. */
void memory_note(const void *start, size_t bytes);
/* The memory noted at this address has been unmapped, and the program may get the addresses. */
void memory_forget(const void *start);
/* Resident bytes of all this memory and of the library; 0 if /proc does not say. Reads 8 bytes per
 * page of address space. */
size_t memory_resident(void);

/* Copies memory that another thread may unmap at any moment, or that was never mapped. Returns the number of
 * bytes copied, from the start, or -errno (-EFAULT: nothing is mapped). One system call. */
long memory_read(void *to, uintptr_t from, size_t bytes);
/* As memory_read, but true only if all the bytes were copied. */
bool memory_copy(void *to, uintptr_t from, size_t bytes);

#endif
