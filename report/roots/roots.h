/* roots.h - what others see of the search for roots: roots_private.h has the rest.
 *
 * references.c runs it; the collector gives names to what it finds.
 */
#ifndef TIDEMARK_ROOTS_H
#define TIDEMARK_ROOTS_H

#include <stdbool.h>
#include <stdint.h>
#include "symbol/symbol_module.h"

struct roots_module {
	uint64_t lo, hi, bias;
	uint32_t index; /* SECTION_MODULES; 0 none */
	const char *path;
	char build_id[41];
	bool shim, libc, threads, loader, allocator; /* threads: libpthread of its own, before glibc 2.34 */
	uint64_t tls_offset, tls_bytes;              /* below the thread pointer; 0 none */
	uint64_t tls_module;                         /* number in a thread's DTV; 0 none */
	struct symbol_module *symbols;               /* opened at the first question */
};

/* Where the names of roots go: the snapshot that is being written. */
struct roots_names {
	uint32_t (*string)(void *context, const char *text); /* offset in SECTION_STRINGS */
	/* Number in SECTION_FRAMES of a frame called by `parent` (0: none). */
	uint32_t (*frame)(void *context, uint32_t parent, uint64_t address, uint32_t flags);
	/* Number in SECTION_MODULES of a loaded module that the ledger does not list. All come
	 * before the first frame. May be NULL. */
	uint32_t (*module)(void *context, const struct roots_module *m);
	void *context;
};

struct roots;
/* All of it. Fills scan->root_edges and roots. Call before scan_heap: it says
 * which blocks are stacks. */
void roots_collect(struct roots *r);
void roots_free(struct roots *r);

#endif
