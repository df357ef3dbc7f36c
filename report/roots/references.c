/* references.c - the graph of one block list, out of an image: references.h. */
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/path.h"
#include "layout.h"
#include "references.h"
#include "roots_private.h"
#include "scan.h"

#define SHARED_MOST (64ull << 20) /* untouched shared memory that is read in one process */

void references_find(struct references *g, struct image *im)
{
	struct scan scan;
	struct layout layout;
	struct roots roots = { .memory = &im->memory,
		.scan = &scan,
		.stop = &im->stop,
		.ledger = &g->ledger->header,
		.copy = g->ledger,
		.ledger_inode = im->ledger_inode,
		.kernel = &im->kernel,
		.reason = im->place.reason,
		.entry_sp = im->place.entry_sp,
		.names = &g->names,
		.shared_left = SHARED_MOST,
		.pools = g->pools,
		.pool_count = g->pool_count,
		.skip = im->options.skip_roots };

	scan_begin(&scan, g->blocks, g->block_count);
	scan.mask = im->options.pointer_mask;
	scan.unaligned = im->options.unaligned;
	scan.stack_block = alloc_zeroed(g->block_count + 1, 1);
	layout_begin(&layout, &im->memory);
	layout.usable = g->usable;
	scan.layout = &layout;
	scan.notes = g->notes;
	scan.digests = g->digests = alloc_zeroed(g->block_count + 1, sizeof *g->digests);
	roots_collect(&roots);
	roots_ranges(&roots, g);
	scan_heap(&scan, &im->memory);
	scan_explain(&scan);
	g->roots = roots.roots;
	g->root_count = roots.root_count;
	g->root_edges = scan.root_edges;
	g->root_edge_count = scan.root_edge_count;
	g->edge_starts = scan.starts;
	g->edges = scan.edges;
	g->edge_count = scan.edge_count;
	memcpy(g->doubts, roots.doubts, sizeof g->doubts);
	roots.roots = NULL;
	scan.root_edges = NULL;
	scan.starts = NULL;
	scan.edges = NULL;
	free(scan.stack_block);
	layout_end(&layout);
	scan_end(&scan);
	roots_free(&roots);
}

/* Nearly always the programs of a run have the libc that we have. */
static int keep_module(struct dl_phdr_info *info, size_t bytes, void *unused)
{
	const char *name = path_base(info->dlpi_name);
	char path[PATH_MAX];

	(void)bytes, (void)unused;
	if ((!strncmp(name, "libc.so", 7) || !strncmp(name, "ld-linux", 8))
		&& realpath(info->dlpi_name, path))
		symbol_module_keep(path);
	return 0;
}

/* Where the libc is that we have. */
static int keep_cxx_beside(struct dl_phdr_info *info, size_t bytes, void *unused)
{
	const char *name = path_base(info->dlpi_name);
	char beside[PATH_MAX], path[PATH_MAX];

	(void)bytes, (void)unused;
	if (strncmp(name, "libc.so", 7) || !realpath(info->dlpi_name, path))
		return 0;
	snprintf(beside, sizeof beside, "%.*slibstdc++.so.6", (int)(path_base(path) - path), path);
	if (realpath(beside, path))
		symbol_module_keep(path);
	return 1;
}

void references_prepare_cxx(void) { dl_iterate_phdr(keep_cxx_beside, NULL); }

bool references_met_cxx(void) { return roots_met_cxx; }

void references_prepare(void) { dl_iterate_phdr(keep_module, NULL); }

void references_free(struct references *g)
{
	free(g->roots);
	free(g->root_edges);
	free(g->edge_starts);
	free(g->edges);
	free(g->ranges);
	free(g->digests);
	g->digests = NULL;
	g->ranges = NULL;
	g->range_count = 0;
	g->roots = NULL;
	g->root_edges = NULL;
	g->edge_starts = NULL;
	g->edges = NULL;
}
