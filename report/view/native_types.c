/* native_types.c - see native_types.h. */
#include <stdlib.h>
#include <string.h>
#include "analysis/retained.h"
#include "base/alloc.h"
#include "held_by.h"

/* How many blocks of each site have a type, and which types: pairs, sorted to be counted. */
struct pair {
	uint32_t type, site;
};

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return (x->site > y->site) - (x->site < y->site);
}

/* Keeps the sites with most blocks, in order. */
static void add_site(struct native_types_row *row, uint32_t site, uint64_t blocks)
{
	size_t at = NATIVE_TYPES_SITES;

	while (at && row->site[at - 1].blocks < blocks)
		at--;
	if (at == NATIVE_TYPES_SITES)
		return;
	memmove(&row->site[at + 1], &row->site[at], (NATIVE_TYPES_SITES - 1 - at) * sizeof(row->site[0]));
	row->site[at] = (struct native_types_site){ blocks, site };
}

static bool has_type(const struct native_types *n, size_t block)
{
	return n->types.of[block] && !n->python[block];
}

static void add_sites(struct native_types *n, const struct snapshot *s)
{
	struct pair *pair = alloc_bytes((n->typed_blocks + 1) * sizeof(*pair));
	size_t count = 0;

	for (size_t i = 0; i < s->block_count; i++)
		if (has_type(n, i) && s->blocks[i].site >= SITE_FIRST)
			pair[count++] = (struct pair){ n->types.of[i], s->blocks[i].site };
	if (count)
		qsort(pair, count, sizeof(*pair), compare_pairs);
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i + 1; end < count && !compare_pairs(&pair[i], &pair[end]); end++)
			;
		add_site(&n->row[pair[i].type - 1], pair[i].site, end - i);
	}
	free(pair);
}

static const char *language_of(
	const struct snapshot *s, struct symbols *symbols, size_t block, const char *type)
{
	const struct symbol_line *line;
	uint32_t site = s->blocks[block].site;
	size_t length;

	if (site < SITE_FIRST || site >= s->site_count)
		return "c++"; /* a vtable */
	line = symbols_top(symbols, site);
	length = line->file ? strlen(line->file) : 0;
	if (length > 3 && !strcmp(line->file + length - 3, ".rs"))
		return "rust";
	if (length > 2 && !strcmp(line->file + length - 2, ".c") && !strchr(type, ':'))
		return "c";
	return "c++";
}

static void add_blocks(struct native_types *n, const struct snapshot *s, struct symbols *symbols)
{
	for (size_t i = 0; i < s->block_count; i++) {
		struct native_types_row *row;

		if (n->python[i])
			continue;
		n->blocks++;
		n->bytes += s->blocks[i].bytes;
		if (!n->types.of[i])
			continue;
		row = &n->row[n->types.of[i] - 1];
		n->typed_blocks++;
		n->typed_bytes += s->blocks[i].bytes;
		if (!row->blocks++)
			row->language = n->types.inside[i]
				? members_type_language(n->types.members, n->types.inside[i])
				: language_of(s, symbols, i, row->type);
		row->bytes += s->blocks[i].bytes;
		row->evidence[n->types.evidence[i] % NATIVE_TYPES_EVIDENCE]++;
	}
}

static int add_leaks(
	struct native_types *n, const struct snapshot *s, struct symbols *symbols, struct tide_error *e)
{
	struct leaks_options options = { .symbols = symbols };
	struct retained_site *sum;
	struct retained retained;
	struct leaks l;
	uint32_t *group = alloc_bytes((s->block_count + 1) * sizeof(*group));

	memset(&l, 0, sizeof(l));
	if (leaks_classify(s, &options, &l, e)) {
		free(group);
		return -1;
	}
	for (size_t i = 0; i < s->block_count; i++) {
		bool native = has_type(n, i);

		group[i] = native ? n->types.of[i] - 1 : GRAPH_NONE;
		if (native && LEAK_IS_LOST(l.kind[i] & LEAK_KIND_MASK))
			n->row[group[i]].lost_blocks++;
	}
	retained_find(&retained, s, &l);
	sum = retained_by(&retained, group, n->row_count);
	for (size_t i = 0; i < n->row_count; i++)
		n->row[i].retained_bytes = sum[i].retained.bytes;
	free(sum);
	free(group);
	retained_free(&retained);
	leaks_free(&l);
	return 0;
}

/* As python_heap_find gives blocks to objects. */
static void find_python(struct native_types *n, const struct snapshot *s)
{
	n->python = alloc_zeroed(s->block_count + 1, sizeof(*n->python));
	for (size_t i = 0; i < s->block_count; i++)
		n->python[i] = n->types.evidence[i] == EVIDENCE_HEADER;
	for (size_t i = 0; i < s->python_object_count; i++)
		n->python[s->python_objects[i].block] = true;
	for (size_t i = 0; i < s->owner_count; i++)
		if (n->types.evidence[s->owners[i].owner] == EVIDENCE_HEADER)
			n->python[s->owners[i].block] = true;
}

static int compare_rows(const void *a, const void *b)
{
	const struct native_types_row *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	if (x->blocks != y->blocks)
		return x->blocks > y->blocks ? -1 : 1;
	return strcmp(x->type, y->type);
}

int native_types_find(
	struct native_types *n, const struct snapshot *s, struct symbols *symbols, struct tide_error *e)
{
	size_t kept = 0;

	memset(n, 0, sizeof(*n));
	block_types_find(&n->types, s, symbols);
	find_python(n, s);
	n->row_count = n->types.names.count;
	n->row = alloc_zeroed(n->row_count + 1, sizeof(*n->row));
	for (size_t i = 0; i < n->row_count; i++)
		n->row[i].type = n->types.names.text[i];
	add_blocks(n, s, symbols);
	add_sites(n, s);
	held_by_find(n, s, symbols);
	if (n->typed_blocks && add_leaks(n, s, symbols, e)) {
		native_types_free(n);
		return -1;
	}
	for (size_t i = 0; i < n->row_count; i++)
		if (n->row[i].blocks)
			n->row[kept++] = n->row[i];
	n->row_count = kept;
	if (kept)
		qsort(n->row, kept, sizeof(*n->row), compare_rows);
	return 0;
}

void native_types_free(struct native_types *n)
{
	block_types_free(&n->types);
	intern_free(&n->fields);
	free(n->python);
	free(n->row);
	memset(n, 0, sizeof(*n));
}
