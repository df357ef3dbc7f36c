/* waste_spare.c - see waste_spare.h. */
#include "waste_spare.h"

#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/index.h"
#include "symbol/name.h"

#define UNKNOWN UINT64_MAX

/* What the functions of a site's stack allocate for. */
enum allocated_for { FOR_OTHERS, FOR_VECTOR, FOR_RUST, FOR_RING };

struct search {
	const struct snapshot *s;
	uint8_t *allocated_for; /* [sites] */
	uint64_t *used;         /* [blocks] the largest of what containers say; UNKNOWN */
	uint8_t *kind;          /* [blocks] */
};

const char *waste_spare_name(uint32_t kind)
{
	static const char *const name[SPARE_KINDS] = {
		[SPARE_STRING] = "std::string",
		[SPARE_VECTOR] = "std::vector",
		[SPARE_BUCKETS] = "hash buckets",
		[SPARE_DEQUE] = "map of std::deque",
		[SPARE_LIST] = "list",
		[SPARE_DICT] = "dict",
		[SPARE_SET] = "set",
		[SPARE_BYTEARRAY] = "bytearray",
		[SPARE_ARRAY] = "array.array",
		[SPARE_RUST] = "Vec or String",
		[SPARE_RING] = "VecDeque",
	};

	return kind < SPARE_KINDS && name[kind] ? name[kind] : "container";
}

static bool begins_with(const char *text, const char *with) { return !strncmp(text, with, strlen(with)); }

/* Of a function of the library: does it allocate for whatever called it? Vectors and deques of libc++ grow by way of a
 * buffer. */
static bool is_allocator(const char *name)
{
	return begins_with(name, "operator new") || strstr(name, "allocator") || strstr(name, "__allocat")
		|| strstr(name, "__libcpp_") || strstr(name, "::__split_buffer<");
}

/* Of the types in a name, the first is that whose function it is: "VecDeque<alloc::string::String>::grow". */
static enum allocated_for container_of_rust(const char *name)
{
	static const struct {
		const char *name;
		enum allocated_for what;
	} types[] = { { "alloc::vec::Vec<", FOR_RUST }, { "alloc::string::String", FOR_RUST },
		{ "alloc::collections::vec_deque::VecDeque<", FOR_RING } };
	const char *first = NULL;
	enum allocated_for found = FOR_OTHERS;

	for (size_t k = 0; k < sizeof(types) / sizeof(*types); k++) {
		const char *at = strstr(name, types[k].name);

		if (at && (!first || at < first)) {
			first = at;
			found = types[k].what;
		}
	}
	return found;
}

static enum allocated_for container_of(const char *name)
{
	static const char *const vectors[] = { "std::vector<", "std::_Vector_base<" };
	const char *at = strstr(name, "std::");

	for (size_t k = 0; k < sizeof(vectors) / sizeof(*vectors) && at; k++)
		if (begins_with(at, vectors[k]))
			return FOR_VECTOR;
	return container_of_rust(name);
}

/* Of the memory of Rust's containers, whichever it is. */
static bool is_raw_vector(const char *name)
{
	return strstr(name, "alloc::raw_vec::") || begins_with(name, "alloc::alloc::")
		|| strstr(name, "alloc::alloc::Global") || begins_with(name, "__rust_")
		|| begins_with(name, "__rdl_");
}

/* Whose is the innermost container of its stack? */
static enum allocated_for find_container(struct symbols *symbols, uint32_t site)
{
	size_t count;
	const struct symbol_line *line = symbols_stack(symbols, site, &count);

	for (size_t i = 0; i < count; i++) {
		char *name = name_function(line[i].function, true);
		enum allocated_for found = container_of(name);
		bool skip = is_allocator(name) || is_raw_vector(name);

		free(name);
		if (found || !skip)
			return found;
	}
	return FOR_OTHERS;
}

/* Two words next to each other, the first to the start of a block, the second into it. */
static void add_words(struct search *p, uint32_t block, uint32_t start, uint32_t next_block, uint32_t end)
{
	const struct snapshot *s = p->s;

	if (block != next_block || start || block >= s->block_count || s->blocks[block].site >= s->site_count
		|| p->allocated_for[s->blocks[block].site] != FOR_VECTOR || end >= s->blocks[block].bytes)
		return;
	if (p->used[block] == UNKNOWN || p->used[block] < end)
		p->used[block] = end;
	p->kind[block] = SPARE_VECTOR;
}

static void read_words(struct search *p)
{
	const struct snapshot *s = p->s;

	for (size_t i = 0; i < s->block_count && s->edge_count; i++)
		for (uint64_t k = s->edge_starts[i]; k + 1 < s->edge_starts[i + 1]; k++)
			if (s->edges[k].offset + 8ull == s->edges[k + 1].offset)
				add_words(p, s->edges[k].block, s->edges[k].to_offset, s->edges[k + 1].block,
					s->edges[k + 1].to_offset);
	for (size_t k = 0; k + 1 < s->root_edge_count; k++)
		if (s->root_edges[k].address + 8 == s->root_edges[k + 1].address)
			add_words(p, s->root_edges[k].block, s->root_edges[k].to_offset,
				s->root_edges[k + 1].block, s->root_edges[k + 1].to_offset);
}

static enum allocated_for purpose_of(const struct search *p, const struct tide_block *b)
{
	return b->site < p->s->site_count ? p->allocated_for[b->site] : FOR_OTHERS;
}

/* What the collector knows. Types without stacks are proved by their shape alone. */
static void read_section(struct search *p)
{
	const struct snapshot *s = p->s;

	for (size_t i = 0; i < s->spare_count; i++) {
		const struct tide_spare *a = &s->spare[i];
		const struct tide_block *b = a->block < s->block_count ? &s->blocks[a->block] : NULL;
		bool walked = s->process->flags & PROCESS_WALKED;

		if (!b || a->bytes >= b->bytes || (a->kind == SPARE_VECTOR && !walked)
			|| (a->kind == SPARE_RUST && purpose_of(p, b) != FOR_RUST)
			|| (a->kind == SPARE_RING && purpose_of(p, b) != FOR_RING))
			continue;
		p->used[a->block] = b->bytes - a->bytes;
		p->kind[a->block] = (uint8_t)(a->kind < SPARE_KINDS ? a->kind : SPARE_UNKNOWN);
	}
}

static int compare_rows(const void *a, const void *b)
{
	const struct waste_spare_row *x = a, *y = b;
	uint64_t p = x->bytes - x->used, q = y->bytes - y->used;

	if (p != q)
		return p > q ? -1 : 1;
	return x->site != y->site ? (x->site > y->site) - (x->site < y->site)
				  : (x->kind > y->kind) - (x->kind < y->kind);
}

static struct waste_spare_row *get_row(
	struct waste_spare *to, struct index *index, uint32_t site, uint32_t kind)
{
	uint64_t hash = index_hash((uint64_t)site << 32 | kind);
	struct waste_spare_row *row;

	INDEX_EACH(index, hash, probe)
	{
		row = &to->rows[probe.number];
		if (row->site == site && row->kind == kind)
			return row;
	}
	index_add(index, hash, (uint32_t)to->count);
	row = ARRAY_ADD(to->rows, to->count, to->room);
	*row = (struct waste_spare_row){ .site = site, .kind = kind };
	return row;
}

static void sum_rows(struct waste_spare *to, const struct search *p)
{
	const struct snapshot *s = p->s;
	struct index index = { 0 };

	for (size_t i = 0; i < s->block_count; i++) {
		struct waste_spare_row *r;

		if (p->used[i] == UNKNOWN)
			continue;
		r = get_row(
			to, &index, s->blocks[i].site < s->site_count ? s->blocks[i].site : 0, p->kind[i]);
		r->blocks++;
		r->bytes += s->blocks[i].bytes;
		r->used += p->used[i];
		to->bytes += s->blocks[i].bytes - p->used[i];
	}
	if (to->count)
		qsort(to->rows, to->count, sizeof(*to->rows), compare_rows);
	index_free(&index);
}

void waste_spare_find(struct waste_spare *to, const struct snapshot *s, struct symbols *symbols)
{
	struct search p = { .s = s,
		.allocated_for = alloc_zeroed(s->site_count + 1, sizeof(*p.allocated_for)),
		.used = alloc_bytes((s->block_count + 1) * sizeof(*p.used)),
		.kind = alloc_zeroed(s->block_count + 1, sizeof(*p.kind)) };

	*to = (struct waste_spare){ 0 };
	memset(p.used, 0xff, (s->block_count + 1) * sizeof(*p.used));
	for (uint32_t i = SITE_FIRST; i < s->site_count; i++)
		if (s->sites[i].live_blocks && s->sites[i].frame)
			p.allocated_for[i] = (uint8_t)find_container(symbols, i);
	read_words(&p);
	read_section(&p);
	sum_rows(to, &p);
	free(p.allocated_for);
	free(p.used);
	free(p.kind);
}

void waste_spare_free(struct waste_spare *p)
{
	free(p->rows);
	*p = (struct waste_spare){ 0 };
}
