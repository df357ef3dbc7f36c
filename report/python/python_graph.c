/* python_graph.c - what the references that were found mean to Python: python.h, YM3. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "python_private.h"

#define BORROWER_WORDS 64u   /* a long tuple borrows nothing */
#define REGISTRY_MOST 48u    /* bytes of a node */
#define REGISTRY_BASES 4096u /* a further base class has a node of its own, with the address of its part */
#define REGISTERED "pybind11_type"
#define MOVES_MOST 4u /* of one block, from one owner to another */

/* A word that points to the start of an object is a reference, whatever precedes the object in its
 * block. */
static bool to_object(const struct python *p, uint32_t block, uint32_t to_offset)
{
	const struct python_slot *s = &p->slot[block];

	return s->role == ROLE_OBJECT && to_offset == s->head;
}

/* The table of pybind11 (registered_instances, pybind11/detail/internals.h) has a node {next, C++ object, instance} for
 * each instance, and counts none. An instance points to its C++ object first, or to a list of them. */
static bool is_registry(struct python *p, uint32_t block, const struct tide_edge *e)
{
	const struct tide_block *b = &p->blocks[block];
	const struct python_slot *s = &p->slot[e->block];
	uint64_t object, key, value;
	char name[sizeof(REGISTERED)];

	if (p->slot[block].role != ROLE_RAW || b->bytes > REGISTRY_MOST || e->offset < 8)
		return false;
	object = python_object(p, e->block);
	key = python_word(p, b->address + e->offset - 8);
	value = python_word(p, object + PYTHON_VAR_SIZE);
	if (!key || (key - value >= REGISTRY_BASES && key - python_word(p, value) >= REGISTRY_BASES))
		return false;
	python_text(p,
		python_word(
			p, python_word(p, p->types[s->type].address + PYTHON_OBJECT_TYPE) + PYTHON_TYPE_NAME),
		name, sizeof(name));
	return !strcmp(name, REGISTERED);
}

/* Has the block words that are never the address of a block of C: hashes, instructions, what is left behind the items? In
 * a program below 4 GiB, as Debian's python3 is, two 32-bit numbers easily look like one. */
static bool has_numbers(const struct python *p, uint32_t block)
{
	const struct python_slot *s = &p->slot[block];

	switch ((enum python_role)s->role) {
	case ROLE_LIST_ITEMS:
	case ROLE_DICT_KEYS:
	case ROLE_DICT_VALUES:
	case ROLE_SET_TABLE: return true;
	case ROLE_OBJECT: return p->types[s->type].kind == KIND_CODE || p->types[s->type].kind == KIND_TUPLE;
	default: return false;
	}
}

static void take_block_edges(struct python *p, struct python_graph *g, uint32_t block)
{
	struct python_rule rule;
	bool known = false, numbers = has_numbers(p, block);

	for (uint64_t i = g->starts[block]; i < g->starts[block + 1]; i++) {
		struct tide_edge *e = &g->edges[i];
		const struct python_slot *target = &p->slot[e->block];
		enum python_meaning m;

		if (target->owner == block)
			e->flags |= EDGE_EXPLAINED;
		if (target->role == ROLE_OBJECT && e->to_offset + PYTHON_GC_HEAD == target->head
			&& e->to_offset)
			e->flags |= EDGE_EXPLAINED; /* a link of the collector */
		if (!to_object(p, e->block, e->to_offset)) {
			if (target->role == ROLE_OBJECT)
				e->flags |= EDGE_UNCOUNTED;
			if (target->role == ROLE_OBJECT || !numbers || target->owner == block)
				continue;
		} else if (e->to_offset) {
			e->flags |= EDGE_EXPLAINED;
		}
		if (!known)
			python_rules_of(p, block, &rule);
		known = true;
		m = python_span_meaning(&rule, e->offset);
		if (m == MEANS_NOTHING || block == p->interned_keys || is_registry(p, block, e))
			e->flags |= EDGE_UNCOUNTED;
		else if (m == MEANS_MAYBE)
			e->flags |= EDGE_STALE;
	}
}

static void take_root_edges(struct python *p, struct python_graph *g)
{
	uint64_t kept = 0;

	for (uint64_t i = 0; i < g->root_edge_count; i++) {
		struct tide_root_edge *e = &g->root_edges[i];
		enum python_meaning m = MEANS_REFERENCE;
		uint32_t kind = e->root < g->root_count ? g->roots[e->root].kind : 0;

		if (kind != ROOT_REGISTER && kind != ROOT_KERNEL && python_frames_word(p, e->address, &m)
			&& m == MEANS_NOTHING)
			continue; /* a dead slot */
		if (to_object(p, e->block, e->to_offset)) {
			e->flags |= e->to_offset ? EDGE_EXPLAINED : 0;
			e->flags |= m == MEANS_MAYBE ? EDGE_STALE : 0;
		} else if (p->slot[e->block].role == ROLE_OBJECT) {
			e->flags |= EDGE_UNCOUNTED;
		}
		g->root_edges[kept++] = *e;
	}
	g->root_edge_count = kept;
}

/* --- raw blocks that one object alone leads to --------------------------------------- */

/* The object that a block belongs to; itself, or none. */
static uint32_t owner_of(const struct python *p, uint32_t block)
{
	const struct python_slot *s = &p->slot[block];

	return s->role == ROLE_OBJECT ? block : s->owner;
}

/* Are the words of a block numbers or text? */
static bool is_data(const struct python *p, uint64_t block)
{
	const struct python_slot *s = &p->slot[block];
	enum python_kind kind = s->role == ROLE_OBJECT ? p->types[s->type].kind : KIND_OTHER;

	return s->role == ROLE_DATA || s->role == ROLE_FREE || kind == KIND_INT || kind == KIND_FLOAT
		|| kind == KIND_STR || kind == KIND_BYTES;
}

/* Gives each raw block the first object that leads to it. */
static void guess_owners(struct python *p, const struct python_graph *g)
{
	uint32_t *queue = alloc_bytes((g->block_count + 1) * sizeof(*queue));
	uint64_t first = 0, last = 0;

	for (uint64_t i = 0; i < g->block_count; i++)
		if (owner_of(p, (uint32_t)i) != PYTHON_NONE && !is_data(p, i))
			queue[last++] = (uint32_t)i;
	while (first < last) {
		uint32_t block = queue[first++];

		for (uint64_t k = g->starts[block]; k < g->starts[block + 1]; k++) {
			uint32_t to = g->edges[k].block;
			struct python_slot *s = &p->slot[to];

			if (s->role != ROLE_RAW || s->owner != PYTHON_NONE
				|| g->edges[k].flags & EDGE_UNCOUNTED)
				continue;
			s->owner = owner_of(p, block);
			s->role = ROLE_OWNED;
			queue[last++] = to;
		}
	}
	free(queue);
}

/* Does one object count a reference to another? It is among the first words of its structure. */
static bool counts(const struct python *p, const struct python_graph *g, uint32_t from, uint32_t to)
{
	for (uint64_t k = g->starts[from]; k < g->starts[from + 1] && k < g->starts[from] + BORROWER_WORDS;
		k++)
		if (g->edges[k].block == to && !(g->edges[k].flags & EDGE_UNCOUNTED)
			&& to_object(p, to, g->edges[k].to_offset))
			return true;
	return false;
}

/* Of two objects that lead to the same block, the one that the other refers to has it: a cursor refers to its connection,
 * an element to its document, a view to its base. PYTHON_NONE: neither. */
static uint32_t lender_of(const struct python *p, const struct python_graph *g, uint32_t a, uint32_t b)
{
	if (a == PYTHON_NONE || b == PYTHON_NONE)
		return PYTHON_NONE;
	return counts(p, g, a, b) ? b : counts(p, g, b, a) ? a : PYTHON_NONE;
}

static bool leads_to(const struct python_graph *g, uint32_t from, uint32_t to)
{
	for (uint64_t k = g->starts[from]; k < g->starts[from + 1] && k < g->starts[from] + BORROWER_WORDS;
		k++)
		if (g->edges[k].block == to && !g->edges[k].to_offset)
			return true;
	return false;
}

/* Does the block name the one at which the memory of its owner begins, which does not name it back? So does each node of
 * a document in lxml, and what hangs on a connection of sqlite. A word elsewhere that also leads to it is borrowed, or a
 * number. (Neighbours in a list name each other: the list may well belong to somebody else.) */
static bool names_start(const struct python *p, const struct python_graph *g, uint32_t block, uint32_t owner)
{
	for (uint64_t k = g->starts[block];
		owner != PYTHON_NONE && k < g->starts[block + 1] && k < g->starts[block] + BORROWER_WORDS;
		k++) {
		uint32_t start = g->edges[k].block;

		if (start != block && !g->edges[k].to_offset && p->slot[start].role == ROLE_OWNED
			&& p->slot[start].owner == owner && leads_to(g, owner, start)
			&& !leads_to(g, start, block))
			return true;
	}
	return false;
}

struct owning {
	struct python *p;
	const struct python_graph *g;
	uint8_t *moves;  /* of each block */
	uint8_t *rooted; /* of each block: a root leads to it */
	bool takes;      /* what nobody lends is taken back */
	bool changed;
	uint32_t *moved; /* blocks whose references are to be judged again, each once */
	uint64_t count;
	uint8_t *waits; /* of each block: it is among them */
};

static void move_block(struct owning *w, uint32_t block, uint32_t owner)
{
	w->p->slot[block].role = owner == PYTHON_NONE ? ROLE_RAW : ROLE_OWNED;
	w->p->slot[block].owner = owner;
	w->changed = true;
	if (!w->waits[block])
		w->moved[w->count++] = block;
	w->waits[block] = 1;
}

/* A block of one owner, or none, leads to a block of another one. */
static void judge_reference(struct owning *w, uint32_t from, const struct tide_edge *e)
{
	uint32_t owner = w->p->slot[e->block].owner,
		 lender = w->moves[e->block] < MOVES_MOST ? lender_of(w->p, w->g, from, owner) : PYTHON_NONE;

	if (lender == PYTHON_NONE) {
		if (names_start(w->p, w->g, e->block, owner))
			return;
		if (w->moves[e->block] < MOVES_MOST && names_start(w->p, w->g, e->block, from))
			lender = from;
		else if (!w->takes)
			return;
	} else if (lender == owner) {
		return;
	}
	w->moves[e->block] += lender != PYTHON_NONE;
	move_block(w, e->block, lender);
}

static void judge_block(struct owning *w, uint32_t block)
{
	const struct python_slot *slot = w->p->slot;
	uint32_t from = owner_of(w->p, block);

	if (w->takes && w->rooted[block] && slot[block].role == ROLE_OWNED
		&& !names_start(w->p, w->g, block, slot[block].owner))
		move_block(w, block, PYTHON_NONE);
	if (is_data(w->p, block))
		return;
	for (uint64_t k = w->g->starts[block]; k < w->g->starts[block + 1]; k++) {
		const struct tide_edge *e = &w->g->edges[k];

		/* An integer may look like a pointer into a large block. */
		if (slot[e->block].role == ROLE_OWNED && slot[e->block].owner != from && !e->to_offset
			&& !(e->flags & EDGE_UNCOUNTED))
			judge_reference(w, from, e);
	}
}

/* What hangs on a block goes with it, along lists of any length. */
static void judge_moved(struct owning *w)
{
	while (w->count) {
		uint32_t block = w->moved[--w->count];

		w->waits[block] = 0;
		judge_block(w, block);
	}
}

/* Gives each block to the one that lends it; then takes it back where another object, block or root leads to it as well,
 * unless it is known to borrow it. Both until nothing changes. */
static void prove_owners(struct python *p, const struct python_graph *g, uint8_t *rooted)
{
	struct owning w = { .p = p, .g = g, .rooted = rooted };

	w.moves = alloc_zeroed(g->block_count + 1, 1);
	w.waits = alloc_zeroed(g->block_count + 1, 1);
	w.moved = alloc_bytes((g->block_count + 1) * sizeof(*w.moved));
	for (int pass = 0; pass < 2; pass++) {
		w.takes = pass;
		for (w.changed = true; w.changed;) {
			w.changed = false;
			for (uint64_t i = 0; i < g->block_count; i++) {
				judge_block(&w, (uint32_t)i);
				judge_moved(&w);
			}
		}
	}
	free(w.moves);
	free(w.waits);
	free(w.moved);
}

static void find_owners(struct python *p, const struct python_graph *g)
{
	uint8_t *rooted = alloc_zeroed(g->block_count + 1, 1);

	/* What lies on a stack may be old, and nobody owns by it. */
	for (uint64_t i = 0; i < g->root_edge_count; i++) {
		uint32_t root = g->root_edges[i].root, kind = root < g->root_count ? g->roots[root].kind : 0;

		rooted[g->root_edges[i].block] |= kind != ROOT_STACK && kind != ROOT_REGISTER;
	}
	guess_owners(p, g);
	prove_owners(p, g, rooted);
	free(rooted);
}

void python_references(struct python *p, struct python_graph *g)
{
	if (!p->layout)
		return;
	for (uint64_t i = 0; i < g->block_count; i++)
		take_block_edges(p, g, (uint32_t)i);
	take_root_edges(p, g);
	find_owners(p, g);
}
