/* remote.h - reading the memory of another process, bounded.
 *
 * The process may be an image, stopped, running, or a core file (core.h): the reader
 * never assumes that an address can be read.
 *
 * R1  A read never fails as a whole: what cannot be read comes as zeros, and
 *     the bytes that could be read are counted in the return value.
 * R2  remote_run skips pages that were never touched or are plainly zero, where the
 *     kernel reports them (pagemap); else the whole range is one run.
 * R3  While `still` is set, the memory does not change: small reads come from pages that are kept. A heap is
 *     looked at thousands of times, a few words at a time.
 *     Once the process has ended or runs another program, `ended` is set and nothing can be read.
 * R4  Reading leaves the process as it is: its pages stay shared with those of the process that it is an image of.
 */
#ifndef TIDEMARK_REMOTE_H
#define TIDEMARK_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"

struct remote_mapping {
	uint64_t lo, hi, offset, inode;
	uint32_t device;
	bool readable, writable, executable, shared;
	bool deleted;     /* the path is that of a file that has been removed */
	const char *path; /* "" for anonymous memory; "[stack]"; " (deleted)" is cut off */
};

/* Memory of a process that has ended. */
struct remote_source {
	/* Bytes that can be read from `address` on, at most `bytes`; 0: not even the first. */
	uint64_t (*read)(void *context, uint64_t address, void *to, uint64_t bytes);
	/* As remote_run. */
	bool (*run)(void *context, uint64_t *from, uint64_t *end, uint64_t to);
	void (*close)(void *context); /* NULL: the context is not ours */
	void *context;
};

struct remote {
	int pid;                         /* 0: the memory comes from `source` */
	struct remote_source source;     /* read NULL: a process */
	int mem, pagemap;                /* descriptors; -1: not available */
	bool untouched;                  /* remote_run takes pages that the process has not touched, too */
	bool by_call;                    /* process_vm_readv works */
	bool still;                      /* R3 */
	bool ended;                      /* R3 */
	struct remote_pages *kept;       /* R3; NULL: none yet */
	struct remote_mapping *mappings; /* by address */
	size_t mapping_count;
	char *text;                      /* what the paths point into */
	uint64_t page_first, page_count; /* window of pagemap entries */
	uint64_t *pages;
	/* R3: runs of pages, instead of the window, and the addresses for which they are all that is there. */
	struct page_scan_region *listed;
	size_t listed_count;
	uint64_t listed_lo, listed_hi;
	bool cannot_list; /* the kernel is too old */
	uint64_t looks;   /* of heap/arena.h, at what may be an arena */
};

/* Opens process `pid` and reads its mappings. */
int remote_open(struct remote *m, int pid, struct tide_error *e);
void remote_close(struct remote *m);

/* From now on the memory comes from `source`; the mappings stay known. */
void remote_replace(struct remote *m, const struct remote_source *source);

/* Bytes that could be read; the rest of `to` is zero. */
uint64_t remote_read(struct remote *m, uint64_t address, void *to, uint64_t bytes);
/* A word; false when it cannot be read. */
bool remote_word(struct remote *m, uint64_t address, uint64_t *word);
/* A NUL-terminated text of at most `bytes` - 1. */
bool remote_text(struct remote *m, uint64_t address, char *to, size_t bytes);

/* The next run of present pages in [*from, to): false at the end. Sets *from
 * and *end (page-aligned inside, clipped to the range). */
bool remote_run(struct remote *m, uint64_t *from, uint64_t *end, uint64_t to);

/* The mapping that holds an address, or NULL. */
const struct remote_mapping *remote_mapping_at(const struct remote *m, uint64_t address);

#endif
