/* memory_read.h - reading the memory of another process, bounded.
 *
 * The process is an image, or stands still, or is alive: the reader never
 * assumes that an address can be read.
 *
 * R1  A read never fails as a whole: what cannot be read comes as zeros, and
 *     the bytes that could be read are counted in the return value.
 * R2  memory_run skips pages that were never touched or are plainly zero, where
 *     the kernel tells (pagemap); else all of the range is one run.
 */
#ifndef TIDEMARK_MEMORY_READ_H
#define TIDEMARK_MEMORY_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "error.h"

struct memory_mapping {
	uint64_t lo, hi, offset, inode;
	uint32_t device;
	bool readable, writable, executable, shared;
	const char *path;		/* "" for anonymous memory; "[stack]"; " (deleted)" is cut off */
};

struct memory_read {
	int pid;
	int mem, pagemap;		/* descriptors; -1: not to be had */
	bool by_call;			/* process_vm_readv works */
	struct memory_mapping *mappings;	/* by address */
	size_t mapping_count;
	char *text;			/* what the paths point into */
	uint64_t page_first, page_count;	/* window of pagemap entries */
	uint64_t *pages;
	uint64_t bytes_read, bytes_refused;
};

/* Opens process `pid` and reads its mappings. */
int memory_open(struct memory_read *m, int pid, struct tide_error *e);
void memory_close(struct memory_read *m);

/* Bytes that could be read; the rest of `to` is zero. */
uint64_t memory_read(struct memory_read *m, uint64_t address, void *to, uint64_t bytes);
/* A word; false when it cannot be read. */
bool memory_word(struct memory_read *m, uint64_t address, uint64_t *word);
/* A NUL-terminated text of at most `bytes` - 1. */
bool memory_text(struct memory_read *m, uint64_t address, char *to, size_t bytes);

/* The next run of present pages in [*from, to): false at the end. Sets *from
 * and *end (page-aligned inside, clipped to the range). */
bool memory_run(struct memory_read *m, uint64_t *from, uint64_t *end, uint64_t to);

/* The mapping that holds an address, or NULL. */
const struct memory_mapping *memory_mapping_at(const struct memory_read *m, uint64_t address);

#endif
