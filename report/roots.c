/* roots.c - the list of roots, and the order in which they are found: roots.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "error.h"
#include "ledger_read.h"
#include "roots.h"

uint32_t roots_add(struct roots *r, const struct tide_root *root, const char *name)
{
	if (r->root_count == r->root_room) {
		r->root_room = r->root_room ? r->root_room * 2 : 256;
		r->roots = memory_resize(r->roots, r->root_room * sizeof *r->roots);
	}
	r->roots[r->root_count] = *root;
	r->roots[r->root_count].name = r->string(r->context, name);
	return (uint32_t)r->root_count++;
}

void roots_claim(struct roots *r, uint64_t lo, uint64_t hi, uint32_t rank, uint32_t kind,
	uint32_t flags, uint32_t item)
{
	if (lo >= hi)
		return;
	if (r->claim_count == r->claim_room) {
		r->claim_room = r->claim_room ? r->claim_room * 2 : 256;
		r->claims = memory_resize(r->claims, r->claim_room * sizeof *r->claims);
	}
	r->claims[r->claim_count++] = (struct claim) { lo, hi, rank, kind, flags, item };
}

void roots_doubt(struct roots *r, const char *format, ...)
{
	char reason[sizeof r->doubts];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof reason, format, args);
	va_end(args);
	error_reason(r->doubts, sizeof r->doubts, reason);
}

const void *roots_table(const struct roots *r, enum ledger_table_kind kind, uint32_t element,
	uint64_t *count)
{
	*count = r->copy->header.table[kind].element == element ? r->copy->count[kind] : 0;
	return *count ? r->copy->table[kind] : NULL;
}

const char *roots_text(const struct roots *r, uint32_t offset)
{
	uint64_t count;
	const char *text = roots_table(r, LEDGER_STRINGS, 1, &count);

	return text && offset < count && memchr(text + offset, 0, count - offset) ? text + offset : "";
}

void roots_word(struct roots *r, uint32_t root, uint64_t address, uint64_t word)
{
	struct scan_hit hit;

	if (scan_word(r->scan, word, &hit))
		scan_root_edge(r->scan, root, address, &hit);
}

static int edge_order(const void *a, const void *b)
{
	const struct tide_root_edge *x = a, *y = b;

	if (x->root != y->root)
		return x->root < y->root ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

/* What is left out was met all the same: registers, blocks that are stacks. */
static void skipped_drop(struct roots *r)
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
		skipped_drop(r);
	if (r->scan->root_edge_count)
		qsort(r->scan->root_edges, r->scan->root_edge_count, sizeof *r->scan->root_edges, edge_order);
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
	unwinder_free(r->unwinder);
	free(r->modules);
	free(r->threads);
	free(r->claims);
	free(r->roots);
	*r = (struct roots) { 0 };
}
