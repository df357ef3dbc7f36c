/* typed_scan.c - see typed_scan.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/alloc.h"
#include "base/array.h"
#include "typed_scan.h"

#define PASSES 4u
#define HEADER_MOST 80u /* bytes of a container's header: that of a deque */

/* Words that lie next to each other: in a block, or in a root. */
struct place {
	uint32_t block; /* UINT32_MAX: a root */
	uint64_t at;    /* offset in the block; of a root the address */
	size_t edge;    /* of a root: the reference at `at` */
};

/* What a header says of a block: elements are in [lo, hi) alone. */
struct claim {
	struct place header;
	uint32_t block, lo, hi, element; /* bytes of an element */
	bool refused;
	bool busy; /* a thread has the address of the end */
};

struct search {
	struct snapshot *s;
	const struct block_types *t;
	struct claim *claim;
	uint32_t claims, room;
	uint32_t *claim_of; /* [blocks] number + 1 */
};

struct word {
	uint32_t block, to_offset;
};

const char *typed_scan_why(const struct snapshot *s, uint64_t edge)
{
	static const char *const why[] = { NULL, "padding", "text end", "spare" };

	return why[snapshot_unused(s, edge)];
}

static void set_unused(struct snapshot *s, uint64_t edge, enum snapshot_unused why)
{
	if (!s->unused)
		s->unused = alloc_zeroed(s->edge_count + 1, 1);
	s->unused[edge] = (uint8_t)why;
}

static struct claim *claim_on(const struct search *f, uint32_t block)
{
	return block < f->s->block_count && f->claim_of[block] ? &f->claim[f->claim_of[block] - 1] : NULL;
}

/* --- words of headers -------------------------------------------------------------------- */

static bool find_word(const struct snapshot *s, const struct place *p, uint32_t offset, struct word *to)
{
	if (p->block == UINT32_MAX) {
		for (size_t i = p->edge; i < s->root_edge_count && s->root_edges[i].address <= p->at + offset;
			i++)
			if (s->root_edges[i].address == p->at + offset) {
				*to = (struct word){ s->root_edges[i].block, s->root_edges[i].to_offset };
				return true;
			}
		return false;
	}
	for (uint64_t i = s->edge_starts[p->block];
		i < s->edge_starts[p->block + 1] && s->edges[i].offset <= p->at + offset; i++)
		if (s->edges[i].offset == p->at + offset) {
			*to = (struct word){ s->edges[i].block, s->edges[i].to_offset };
			return true;
		}
	return false;
}

static void add_claim(struct search *f, const struct place *header, uint32_t block, uint64_t lo, uint64_t hi,
	uint64_t element)
{
	if (lo > hi || hi > UINT32_MAX || !element || element > UINT32_MAX)
		return;
	if (f->claim_of[block]) {
		struct claim *c = &f->claim[f->claim_of[block] - 1];

		c->refused |= c->header.block != header->block || c->header.at != header->at;
		return;
	}
	*ARRAY_ADD(f->claim, f->claims, f->room) = (struct claim){ .header = *header,
		.block = block,
		.lo = (uint32_t)lo,
		.hi = (uint32_t)hi,
		.element = (uint32_t)element };
	f->claim_of[block] = f->claims;
}

static void look_at_vector(struct search *f, const struct place *p, uint64_t element)
{
	const struct snapshot *s = f->s;
	struct word start, finish, end;

	if (!find_word(s, p, 0, &start) || start.to_offset || !find_word(s, p, 8, &finish)
		|| finish.block != start.block || finish.to_offset >= s->blocks[start.block].bytes)
		return;
	/* A word to the end of a block does not count: it is absent, unless sizes are rounded up. */
	if (find_word(s, p, 16, &end) && (end.block != start.block || end.to_offset < finish.to_offset))
		return;
	add_claim(f, p, start.block, 0, finish.to_offset, element);
}

static void look_at_split_buffer(struct search *f, const struct place *p, uint64_t element)
{
	struct word first, begin, end;

	if (find_word(f->s, p, 0, &first) && !first.to_offset && find_word(f->s, p, 8, &begin)
		&& begin.block == first.block && find_word(f->s, p, 16, &end) && end.block == first.block)
		add_claim(f, p, first.block, begin.to_offset, end.to_offset, element);
}

static void look_at_deque(struct search *f, const struct place *p, uint64_t element)
{
	struct word map, start, first, node, finish, last, last_node;

	if (!find_word(f->s, p, 0, &map) || map.to_offset || !find_word(f->s, p, 16, &start)
		|| !find_word(f->s, p, 24, &first) || first.to_offset || first.block != start.block
		|| !find_word(f->s, p, 40, &node) || node.block != map.block
		|| !find_word(f->s, p, 48, &finish) || !find_word(f->s, p, 56, &last) || last.to_offset
		|| last.block != finish.block || !find_word(f->s, p, 72, &last_node)
		|| last_node.block != map.block || node.to_offset > last_node.to_offset)
		return;
	add_claim(f, p, map.block, node.to_offset, last_node.to_offset + 8ull, 8);
	if (start.block == finish.block) {
		add_claim(f, p, start.block, start.to_offset, finish.to_offset, element);
		return;
	}
	add_claim(f, p, start.block, start.to_offset, UINT32_MAX, element);
	add_claim(f, p, finish.block, 0, finish.to_offset, element);
}

/* The header that begins at an offset of an object. */
static void look_at_header(
	struct search *f, const struct members_words *w, uint64_t offset, const struct place *p)
{
	for (uint32_t i = 0; i < w->headers; i++)
		if (w->header[i].offset == offset && w->header[i].kind == MEMBERS_VECTOR)
			look_at_vector(f, p, w->header[i].element_bytes);
		else if (w->header[i].offset == offset && w->header[i].kind == MEMBERS_SPLIT_BUFFER)
			look_at_split_buffer(f, p, w->header[i].element_bytes);
		else if (w->header[i].offset == offset)
			look_at_deque(f, p, w->header[i].element_bytes);
}

/* --- objects --------------------------------------------------------------------------- */

/* Behind the first object there may be anything, unless an allocator, or the header of a container, says that it is
 * an array. */
static void look_at_block(struct search *f, uint32_t block)
{
	struct snapshot *s = f->s;
	uint32_t type = f->t->inside[block];
	const struct members_words *w = type ? members_words(f->t->members, type) : NULL;
	const struct claim *c = claim_on(f, block);
	bool array = f->t->evidence[block] == EVIDENCE_ALLOCATOR_FRAME, many;

	if (!w || w->all_used)
		return;
	many = array || (c && !c->refused && !c->lo && c->element == w->bytes);
	for (uint64_t i = s->edge_starts[block]; i < s->edge_starts[block + 1]; i++) {
		uint64_t offset = s->edges[i].offset;
		struct place p = { .block = block, .at = offset };
		enum members_use use;

		if (offset >= w->bytes && !many)
			break;
		look_at_header(f, w, offset % w->bytes, &p);
		use = offset < w->bytes || array ? members_word_use(w, offset % w->bytes) : MEMBERS_USED;
		if (use)
			set_unused(s, i, use == MEMBERS_TEXT_END ? UNUSED_TEXT_END : UNUSED_PADDING);
	}
}

/* A header in memory proves the text of a string where the block is typed by shape: what reads like references there
 * lies behind the text (native/container_string.c). */
static void look_at_text(struct search *f, uint32_t block)
{
	struct snapshot *s = f->s;
	const char *name;

	if (block >= s->block_type_count || s->block_types[block].evidence != EVIDENCE_SHAPE)
		return;
	name = block_types_name(f->t, block);
	if (!name || strcmp(name, "char"))
		return;
	for (uint64_t i = s->edge_starts[block]; i < s->edge_starts[block + 1]; i++)
		set_unused(s, i, UNUSED_TEXT_END);
}

static void look_at_roots(struct search *f)
{
	const struct snapshot *s = f->s;

	for (size_t i = 0; i < s->root_edge_count; i++) {
		const struct tide_root_edge *e = &s->root_edges[i];
		const struct members_words *w;
		struct place p = { UINT32_MAX, e->address, i };
		uint64_t offset = 0;
		uint32_t type;

		if (e->root >= s->root_count || e->block >= s->block_count || e->to_offset)
			continue;
		type = members_root(f->t->members, e, &offset);
		w = type ? members_words(f->t->members, type) : NULL;
		if (w)
			look_at_header(f, w, offset, &p);
	}
}

/* --- claims ---------------------------------------------------------------------------- */

static bool is_outside(const struct claim *c, uint64_t offset) { return offset < c->lo || offset > c->hi; }

static bool is_of_thread(const struct snapshot *s, const struct tide_root_edge *e)
{
	return e->root < s->root_count
		&& (s->roots[e->root].kind == ROOT_STACK || s->roots[e->root].kind == ROOT_REGISTER);
}

/* Who else points to what a container does not use? The header itself does: to the end of its memory. */
static void refuse_claims(struct search *f)
{
	const struct snapshot *s = f->s;

	if (!f->claims)
		return;
	for (size_t i = 0; i < s->root_edge_count; i++) {
		const struct tide_root_edge *e = &s->root_edges[i];
		struct claim *c = claim_on(f, e->block);

		if (c && is_of_thread(s, e) && (e->to_offset == c->hi || e->to_offset == c->lo))
			c->busy = true;
		if (c && is_outside(c, e->to_offset)
			&& (c->header.block != UINT32_MAX || e->address - c->header.at >= HEADER_MOST))
			c->refused |= e->to_offset > 0;
	}
	for (uint32_t b = 0; b < s->block_count; b++)
		for (uint64_t i = s->edge_starts[b]; i < s->edge_starts[b + 1]; i++) {
			const struct tide_edge *e = &s->edges[i];
			struct claim *c = claim_on(f, e->block);

			if (c && is_outside(c, e->to_offset)
				&& (c->header.block != b || e->offset - c->header.at >= HEADER_MOST))
				c->refused |= e->to_offset > 0;
		}
	for (uint32_t i = 0; i < f->claims; i++) {
		const struct place *p = &f->claim[i].header;
		const struct claim *around = p->block == UINT32_MAX ? NULL : claim_on(f, p->block);

		f->claim[i].refused |= around && (is_outside(around, p->at) || p->at == around->hi);
	}
}

static void apply_claims(struct search *f)
{
	struct snapshot *s = f->s;

	for (uint32_t k = 0; k < f->claims; k++) {
		const struct claim *c = &f->claim[k];
		uint64_t more = c->busy || s->process->threads_unknown ? c->element : 0,
			 lo = c->lo > more ? c->lo - more : 0, hi = c->hi + more;

		for (uint64_t i = s->edge_starts[c->block]; !c->refused && i < s->edge_starts[c->block + 1];
			i++)
			if (s->edges[i].offset >= hi || s->edges[i].offset + 8ull <= lo)
				set_unused(s, i, UNUSED_SPARE);
	}
}

/* Text may be anything. */
static bool says_where_pointers_are(const struct block_types *t, uint32_t block)
{
	const char *name = block_types_name(t, block);

	return t->inside[block] ? members_type_kind(t->members, t->inside[block]) != MEMBERS_BYTE
				: name && strcmp(name, "char") != 0;
}

void typed_scan(struct snapshot *s, struct symbols *symbols)
{
	struct block_types types;
	struct search f = { .s = s, .t = &types };
	uint32_t claims = 0;

	if (!s->process->references || s->edge_start_count <= s->block_count || s->typed
		|| s->edge_starts[s->block_count] > s->edge_count)
		return;
	f.claim_of = alloc_zeroed(s->block_count + 1, sizeof(*f.claim_of));
	block_types_find(&types, s, symbols);
	look_at_roots(&f);
	/* Containers of containers: each pass proves those inside the ones before. */
	for (unsigned pass = 0; pass < PASSES && (!pass || f.claims > claims); pass++) {
		claims = f.claims;
		for (uint32_t i = 0; i < s->block_count; i++)
			look_at_block(&f, i);
	}
	for (uint32_t i = 0; i < s->block_count; i++)
		look_at_text(&f, i);
	refuse_claims(&f);
	apply_claims(&f);
	s->typed = alloc_zeroed(s->block_count + 1, 1);
	for (uint32_t i = 0; i < s->block_count; i++)
		s->typed[i] = says_where_pointers_are(&types, i);
	block_types_free(&types);
	free(f.claim);
	free(f.claim_of);
}

static uint64_t bytes_to_read(const struct snapshot *s)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < s->module_count && !s->native_type_count; i++) {
		struct stat st;

		if (!stat(snapshot_string(s, s->modules[i].path), &st) && S_ISREG(st.st_mode))
			bytes += (uint64_t)st.st_size;
	}
	return bytes;
}

bool typed_scan_within(struct snapshot *s, struct symbols *symbols, uint64_t *left)
{
	uint64_t cost = bytes_to_read(s);
	struct symbols *own = NULL;

	if (cost > *left)
		return false;
	*left -= cost;
	if (!symbols)
		symbols = own = symbols_new(s);
	typed_scan(s, symbols);
	if (own)
		symbols_free(own);
	return true;
}
