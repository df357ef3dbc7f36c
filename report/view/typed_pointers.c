/* typed_pointers.c - see typed_pointers.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/fetch.h"
#include "typed_pointers.h"

/* What is known of a type together with a size; asked for each pointer. */
struct fit {
	uint32_t type;
	uint64_t bytes;
	uint32_t proved; /* the type of the block; 0: none is proved */
};
/* The type of a name, for blocks of a size. */
struct named {
	uint32_t name;
	uint64_t bytes;
	uint32_t type;
};

/* What a pointer at an offset of a type points to; the last ones that were asked for. */
#define AIMS 256u
struct aim {
	uint32_t type, offset, target;
	enum members_owned owned;
};

struct search {
	struct block_types *t;
	const struct snapshot *s;
	struct members *m;
	bool usable;
	uint32_t blocks;
	uint8_t *refused;  /* [blocks] pointers to it disagree */
	uint8_t *by_local; /* [blocks] its type follows from variables of functions */
	uint32_t *queue;   /* each block comes once at most */
	uint32_t head, tail;
	struct fit *fit;
	uint32_t fit_count, fit_room;
	struct index fits;
	struct named *named;
	uint32_t named_count, named_room;
	struct index names;
	bool locals; /* variables of functions count, and only types that follow from them are refused */
	bool checks; /* the pass that looks for pointers that disagree */
	bool texts;  /* the last pass: pointers to char count where no others do */
	bool any_refused;
	struct aim aim[AIMS];
};

static struct members_size size_of(const struct search *f, uint32_t block)
{
	return (struct members_size){ f->s->blocks[block].bytes, f->usable };
}

/* --- types that are known ------------------------------------------------------------ */

static uint32_t find_named(struct search *f, uint32_t name, uint64_t bytes)
{
	uint64_t hash = index_hash((uint64_t)name << 40 ^ bytes);
	struct named *n;

	INDEX_EACH(&f->names, hash, probe)
	if (f->named[probe.number].name == name && f->named[probe.number].bytes == bytes)
		return f->named[probe.number].type;
	index_add(&f->names, hash, f->named_count);
	n = ARRAY_ADD(f->named, f->named_count, f->named_room);
	*n = (struct named){ name, bytes,
		members_named(f->m, f->t->names.text[name], (struct members_size){ bytes, f->usable }) };
	return n->type;
}

/* A block that is smaller than the class, or of a size that no array of it has, holds what is left of an object, or
 * begins with one. Where the size is known to have been asked of `new`, and no type explains it, there may be more
 * behind the object. */
static bool is_left_over(struct search *f, uint32_t block)
{
	struct members_size size = size_of(f, block);
	uint32_t type = members_defined(f->m, f->t->names.text[f->t->of[block] - 1]);
	uint64_t bytes = type ? members_type_bytes(f->m, type) : 0;

	return bytes && (f->usable || size.bytes < bytes || members_is_ambiguous(f->m, type, size));
}

static void start_from_known(struct search *f)
{
	for (uint32_t i = 0; i < f->blocks; i++) {
		if (!f->t->of[i] || f->t->evidence[i] == EVIDENCE_HEADER)
			continue;
		f->t->inside[i] = find_named(f, f->t->of[i] - 1, f->s->blocks[i].bytes);
		if (f->t->evidence[i] != EVIDENCE_VTABLE)
			continue;
		/* A vtable at the start proves one object; pointers prove arrays. */
		if (!(f->t->inside[i] && members_fits(f->m, f->t->inside[i], size_of(f, i), false))
			&& is_left_over(f, i)) {
			f->t->of[i] = f->t->inside[i] = 0;
			f->t->evidence[i] = EVIDENCE_NONE;
		}
	}
}

/* --- pointers ------------------------------------------------------------------------- */

/* What a pointer to `type` proves of the block that it points to. */
static uint32_t prove(struct search *f, uint32_t type, uint32_t block)
{
	struct members_size size = size_of(f, block);
	uint64_t hash = index_hash((uint64_t)type << 40 ^ size.bytes);
	uint32_t proved = 0;

	INDEX_EACH(&f->fits, hash, probe)
	if (f->fit[probe.number].type == type && f->fit[probe.number].bytes == size.bytes)
		return f->fit[probe.number].proved;
	if (*members_type_name(f->m, type)) {
		if (members_is_node_base(f->m, type) || !members_fits(f->m, type, size, true))
			proved = members_larger(f->m, type, size);
		else if (!members_is_ambiguous(f->m, type, size))
			proved = type;
	}
	index_add(&f->fits, hash, f->fit_count);
	*ARRAY_ADD(f->fit, f->fit_count, f->fit_room) = (struct fit){ type, size.bytes, proved };
	return proved;
}

/* Text has no pointers in it: memory that a program only handles as bytes may have. */
static void consider_text(struct search *f, uint32_t block, uint32_t type)
{
	struct block_types *t = f->t;

	if (members_type_kind(f->m, type) != MEMBERS_BYTE || f->refused[block] || t->of[block]
		|| t->inside[block] || f->s->edge_starts[block] != f->s->edge_starts[block + 1]
		|| strcmp(members_type_name(f->m, type), "char") != 0)
		return;
	t->of[block] = intern_text(&t->names, "char") + 1;
	t->evidence[block] = EVIDENCE_POINTER;
}

/* A pointer to `type` points to the start of `block`. */
static void consider(struct search *f, uint32_t block, uint32_t type, enum members_owned owned)
{
	struct block_types *t = f->t;
	uint32_t known;

	while (members_type_kind(f->m, type) == MEMBERS_ARRAY)
		type = members_type_of(f->m, type);
	if (f->texts) {
		consider_text(f, block, type);
		return;
	}
	/* Each array costs a cache miss for each reference: that which nearly always decides is read first. */
	known = t->inside[block];
	if (f->checks ? !known || known == type : known != 0)
		return;
	if (members_type_kind(f->m, type) <= (owned ? MEMBERS_UNKNOWN : MEMBERS_BYTE) || f->refused[block]
		|| (t->of[block] && t->evidence[block] != EVIDENCE_POINTER))
		return;
	if (!known) {
		if (!(*members_type_name(f->m, type)
			    && members_is_owned(f->m, type, owned, size_of(f, block)))
			&& !(type = prove(f, type, block)))
			return;
		t->inside[block] = type;
		t->evidence[block] = EVIDENCE_POINTER;
		t->of[block] = intern_text(&t->names, members_type_name(f->m, type)) + 1;
		f->by_local[block] = f->locals;
		f->queue[f->tail++] = block;
		return;
	}
	if (f->by_local[block] == f->locals && members_type_name(f->m, known) != members_type_name(f->m, type)
		&& !members_begins_with(f->m, known, type))
		f->refused[block] = f->any_refused = 1;
}

#define AHEAD_START 24u  /* blocks of the queue: where their references are */
#define AHEAD_EDGES 16u  /* ... and the references */
#define AHEAD_ROW 8u     /* ... and what is known of the blocks that these lead to */
#define AHEAD_IN_ROW 16u /* references of one block */

static void fetch_target(const struct search *f, uint64_t edge)
{
	uint32_t to = f->s->edges[edge].block;

	if (to >= f->blocks)
		return;
	fetch_line(&f->t->inside[to]);
	if (f->checks)
		return;
	fetch_line(&f->t->of[to]);
	fetch_line(&f->refused[to]);
	fetch_line(&f->s->blocks[to]);
}

static void fetch_row(const struct search *f, uint32_t block)
{
	const struct snapshot *s = f->s;

	if (block >= f->blocks || f->texts)
		return;
	for (uint64_t i = s->edge_starts[block], n = 0;
		i < s->edge_starts[block + 1] && i < s->edge_count && n < AHEAD_IN_ROW; i++, n++)
		fetch_target(f, i);
}

/* The search jumps through memory: what it needs soon is fetched while it works on what is there. */
static void fetch_ahead(const struct search *f)
{
	const struct snapshot *s = f->s;
	uint32_t left = f->tail - f->head;
	const uint32_t *next = &f->queue[f->head];

	if (left > AHEAD_START)
		fetch_line(&s->edge_starts[next[AHEAD_START]]);
	if (left > AHEAD_EDGES)
		fetch_line(&s->edges[s->edge_starts[next[AHEAD_EDGES]]]);
	if (left > AHEAD_ROW)
		fetch_row(f, next[AHEAD_ROW]);
}

static const struct aim *find_target(struct search *f, uint32_t type, uint32_t offset)
{
	struct aim *a = &f->aim[(type * 31 + offset / 8) % AIMS];

	if (a->type != type || a->offset != offset) {
		*a = (struct aim){ .type = type, .offset = offset };
		a->target = members_target_owned(f->m, type, offset, &a->owned);
	}
	return a;
}

static void follow_block(struct search *f, uint32_t block)
{
	const struct snapshot *s = f->s;
	uint32_t type = f->t->inside[block];
	uint64_t end = s->edge_starts[block + 1] < s->edge_count ? s->edge_starts[block + 1] : s->edge_count;

	for (uint64_t i = s->edge_starts[block]; type && i < end; i++) {
		const struct tide_edge *e = &s->edges[i];
		const struct aim *aim;

		if (i + AHEAD_IN_ROW < end && !f->texts)
			fetch_target(f, i + AHEAD_IN_ROW);
		if (e->to_offset || e->block >= f->blocks || e->flags & (EDGE_STALE | EDGE_MASKED)
			|| snapshot_unused(s, i))
			continue;
		aim = find_target(f, type, e->offset);
		if (aim->target)
			consider(f, e->block, aim->target, aim->owned);
	}
}

/* The type of the variable that a word of a root is in, as far as it counts now. */
static uint32_t find_variable(struct search *f, const struct tide_root_edge *e, uint64_t *offset)
{
	struct members_local local;
	uint32_t type = members_root(f->m, e, offset);

	if (type || !f->locals)
		return type;
	type = members_local(f->m, e, &local);
	*offset = type ? local.offset : 0;
	return type && local.written ? type : 0;
}

static void follow_roots(struct search *f)
{
	for (size_t i = 0; i < f->s->root_edge_count; i++) {
		const struct tide_root_edge *e = &f->s->root_edges[i];
		uint64_t offset = 0;
		enum members_owned owned;
		uint32_t type, target;

		if (e->to_offset || e->block >= f->blocks || e->root >= f->s->root_count
			|| e->flags & (EDGE_STALE | EDGE_MASKED))
			continue;
		type = find_variable(f, e, &offset);
		target = type ? members_target_owned(f->m, type, offset, &owned) : 0;
		if (target)
			consider(f, e->block, target, owned);
	}
}

/* From roots and typed blocks to all that they lead to; whether a type was found. Where variables of functions begin to
 * count, blocks that had a type have been followed. */
static bool follow_all(struct search *f)
{
	bool known = f->locals && !f->checks && !f->texts, found;

	follow_roots(f);
	for (uint32_t i = 0; i < f->blocks && !known; i++)
		if (f->t->inside[i] && (f->checks || f->texts || f->t->evidence[i] != EVIDENCE_POINTER)) {
			fetch_row(f, i + AHEAD_ROW);
			follow_block(f, i);
		}
	while (f->head < f->tail) {
		fetch_ahead(f);
		follow_block(f, f->queue[f->head++]);
	}
	found = f->tail;
	f->head = f->tail = 0;
	return found;
}

static void forget_pointers(struct search *f)
{
	for (uint32_t i = 0; i < f->blocks; i++)
		if (f->t->evidence[i] == EVIDENCE_POINTER && f->by_local[i] == f->locals) {
			f->t->evidence[i] = EVIDENCE_NONE;
			f->t->of[i] = f->t->inside[i] = 0;
		}
	f->any_refused = false;
}

static void follow_and_check(struct search *f)
{
	if (!follow_all(f))
		return;
	f->checks = true;
	follow_all(f);
	f->checks = false;
	/* Where none was refused, the same would be found again. */
	if (f->any_refused) {
		forget_pointers(f);
		follow_all(f);
	}
}

void typed_pointers_find(struct block_types *t, const struct snapshot *s)
{
	struct search f = { .t = t,
		.s = s,
		.m = t->members,
		.usable = s->process->flags & PROCESS_WALKED,
		.blocks = (uint32_t)s->block_count };

	if (s->edge_start_count <= s->block_count)
		return;
	f.refused = alloc_zeroed(s->block_count + 1, 1);
	f.by_local = alloc_zeroed(s->block_count + 1, 1);
	f.queue = alloc_bytes((s->block_count + 1) * sizeof(*f.queue));
	start_from_known(&f);
	follow_and_check(&f);
	f.locals = true;
	follow_and_check(&f);
	f.texts = true;
	follow_all(&f);
	free(f.refused);
	free(f.by_local);
	free(f.queue);
	free(f.fit);
	index_free(&f.fits);
	free(f.named);
	index_free(&f.names);
}
