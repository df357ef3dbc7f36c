/* roots.c - the order in which roots are found: roots_private.h. */
#include <stdlib.h>
#include "roots_private.h"

static int compare_edges(const void *a, const void *b)
{
	const struct tide_root_edge *x = a, *y = b;

	if (x->root != y->root)
		return x->root < y->root ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

/* What is left out was met all the same: registers, blocks that are stacks. */
static void drop_skipped(struct roots *r)
{
	struct scan *s = r->scan;
	uint64_t kept = 0;

	for (uint64_t i = 0; i < s->root_edge_count; i++)
		if (!(r->skip & 1u << r->roots[s->root_edges[i].root].kind))
			s->root_edges[kept++] = s->root_edges[i];
	s->root_edge_count = kept;
}

void roots_collect(struct roots *r)
{
	roots_modules(r);
	roots_libc(r);
	roots_text_blocks(r);
	roots_threads(r);
	roots_modules_claim(r);
	roots_mappings_claim(r);
	roots_threads_claim(r);
	roots_stacks(r);
	if (!(r->skip & 1u << ROOT_KERNEL))
		roots_kernel(r);
	roots_regions(r);
	if (r->skip)
		drop_skipped(r);
	if (r->scan->root_edge_count)
		qsort(r->scan->root_edges, r->scan->root_edge_count, sizeof *r->scan->root_edges,
			compare_edges);
}

void roots_free(struct roots *r)
{
	for (size_t i = 0; i < r->module_count; i++)
		if (r->modules[i].symbols)
			symbol_module_close(r->modules[i].symbols);
	for (size_t i = 0; i < r->thread_count; i++) {
		free(r->threads[i].frames);
		free(r->threads[i].frame_root);
		free(r->threads[i].frame_index);
	}
	symbol_module_close(r->libc.beside);
	unwinder_free(r->unwinder);
	arena_free(&r->arenas);
	free(r->modules);
	free(r->threads);
	free(r->claims);
	free(r->roots);
	*r = (struct roots){ 0 };
}
