/* typed_pointers.c - see typed_pointers.h.
 *
 * The time goes on waiting for memory. So blocks are followed by their addresses once many of them wait, which needs a
 * few passes over the references, most of which come one after the other (follow_sweeping). A block that is pointed
 * to has a claim until its turn comes: all that is read of it is read then. Where the order would decide (TP5), the
 * search is done again with a queue alone (follow_all).
 */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/fetch.h"
#include "typed_known.h"
#include "typed_pointers.h"

/* What a pointer proves of a block of a size. */
struct fit {
	uint32_t claim;
	uint64_t bytes;
	uint32_t proved; /* the type of the block; 0: none is proved */
	uint32_t name;   /* as in block_types */
};

/* What a pointer says of the block that it points to: a type, the bits of enum members_owned, and PENDING. */
#define PENDING (1u << 31)
#define OWNED_SHIFT 29u
#define FOUND (3u << OWNED_SHIFT) /* with a type: of a block that this search has typed */
#define SETTLED (PENDING | FOUND) /* of a block of which pointers say nothing */
_Static_assert(MEMBERS_TYPES_MOST < 1u << OWNED_SHIFT && MEMBERS_OWNED_MANY < 3, "claims have 32 bits");

/* What a pointer at an offset of a type points to; the last ones that were asked for. */
#define AIMS 256u
struct aim {
	uint32_t type, offset;
	uint32_t claim; /* 0: it proves nothing */
	uint32_t found; /* FOUND and its type, of a block with which it agrees at once; 0: of none */
	bool text;      /* it points to char */
};

struct search {
	struct block_types *t;
	const struct snapshot *s;
	struct members *m;
	bool usable;
	uint32_t blocks;
	uint8_t *refused;  /* [blocks] pointers to it disagree */
	uint8_t *by_local; /* [blocks] its type follows from variables of functions */
	uint32_t *queue;
	uint32_t head, tail, room;
	struct fit *fit;
	uint32_t fit_count, fit_room, last_fit;
	struct index fits;
	bool sweeps; /* in the order of memory, else in that of the queue */
	bool locals; /* variables of functions count, and only types that follow from them are refused */
	bool checks; /* the pass that looks for pointers that disagree */
	bool texts;  /* the last pass: pointers to char count where no others do */
	bool any_refused;
	bool any_text; /* a member of a typed block points to char */
	/* Of a search in the order of memory. */
	uint32_t at;        /* the blocks from here on are still to come */
	bool full;          /* the queue has not all of those before */
	bool found;         /* a block got a type */
	bool doubt;         /* a pointer may disagree with the type of its block */
	bool order_matters; /* two pointers prove different types of one block */
	struct aim aim[AIMS];
};

static struct members_size size_of(const struct search *f, uint32_t block)
{
	return (struct members_size){ f->s->blocks[block].bytes, f->usable };
}

/* --- pointers ------------------------------------------------------------------------- */

static uint32_t claim_type(uint32_t claim) { return claim & ((1u << OWNED_SHIFT) - 1); }

/* The type of what a pointer to `type` points to, if it proves one. */
static uint32_t prove(struct search *f, uint32_t type, enum members_owned owned, struct members_size size)
{
	if (!*members_type_name(f->m, type))
		return 0;
	if (members_is_owned(f->m, type, owned, size))
		return type;
	if (members_is_node_base(f->m, type) || !members_fits(f->m, type, size, true))
		return members_larger(f->m, type, size);
	return members_is_ambiguous(f->m, type, size) ? 0 : type;
}

/* Asked for each pointer; valid until the next call. */
static const struct fit *find_fit(struct search *f, uint32_t claim, uint32_t block)
{
	struct members_size size = size_of(f, block);
	uint64_t hash = index_hash((uint64_t)claim << 32 ^ size.bytes);
	uint32_t type = claim_type(claim);
	struct fit fit = { .claim = claim, .bytes = size.bytes };

	if (f->last_fit < f->fit_count && f->fit[f->last_fit].claim == claim
		&& f->fit[f->last_fit].bytes == size.bytes)
		return &f->fit[f->last_fit];
	INDEX_EACH(&f->fits, hash, probe)
	if (f->fit[probe.number].claim == claim && f->fit[probe.number].bytes == size.bytes)
		return &f->fit[f->last_fit = probe.number];
	fit.proved = prove(f, type, (claim & ~PENDING) >> OWNED_SHIFT, size);
	if (fit.proved)
		fit.name = intern_text(&f->t->names, members_type_name(f->m, fit.proved)) + 1;
	index_add(&f->fits, hash, f->fit_count);
	*ARRAY_ADD(f->fit, f->fit_count, f->fit_room) = fit;
	return &f->fit[f->fit_count - 1];
}

/* Text has no pointers in it: memory that a program only handles as bytes may have. */
static void consider_text(struct search *f, uint32_t block)
{
	struct block_types *t = f->t;

	if (f->refused[block] || t->of[block] || t->inside[block]
		|| f->s->edge_starts[block] != f->s->edge_starts[block + 1])
		return;
	t->of[block] = intern_text(&t->names, "char") + 1;
	t->evidence[block] = EVIDENCE_POINTER;
}

/* Pointers say nothing of it: other evidence does, or they disagree. */
static bool is_settled(const struct search *f, uint32_t block)
{
	return f->refused[block] || (f->t->of[block] && f->t->evidence[block] != EVIDENCE_POINTER);
}

static void set_found(struct search *f, uint32_t block, uint32_t type, uint32_t name)
{
	f->t->inside[block] = type;
	f->t->evidence[block] = EVIDENCE_POINTER;
	f->t->of[block] = name;
	f->by_local[block] = f->locals;
}

/* A pointer leads to the start of `block`. */
static void consider(struct search *f, uint32_t block, const struct aim *aim)
{
	uint32_t known, type = claim_type(aim->claim);

	if (f->texts) {
		if (aim->text)
			consider_text(f, block);
		return;
	}
	/* Each array costs a cache miss for each reference: that which nearly always decides is read first. */
	known = f->t->inside[block];
	if (f->checks ? !known || known == type : known != 0)
		return;
	if (!aim->claim || is_settled(f, block))
		return;
	if (!known) {
		const struct fit *fit = find_fit(f, aim->claim, block);

		if (fit->proved) {
			set_found(f, block, fit->proved, fit->name);
			f->queue[f->tail++] = block;
		}
		return;
	}
	if (f->by_local[block] == f->locals && members_type_name(f->m, known) != members_type_name(f->m, type)
		&& !members_begins_with(f->m, known, type))
		f->refused[block] = f->any_refused = 1;
}

/* --- claims ------------------------------------------------------------------------------- */

static void put_off(struct search *f, uint32_t block)
{
	if (f->tail == f->room && f->head > f->room / 2) {
		memmove(f->queue, f->queue + f->head, (f->tail - f->head) * sizeof(*f->queue));
		f->tail -= f->head;
		f->head = 0;
	}
	if (f->tail < f->room)
		f->queue[f->tail++] = block;
	else
		f->full = true;
}

/* As a second pointer, which says something else. */
static void compare_claims(struct search *f, uint32_t block, uint32_t claim)
{
	uint32_t known = f->t->inside[block], proved;

	if (known < FOUND || known == SETTLED)
		return;
	f->doubt = true;
	proved = find_fit(f, claim, block)->proved;
	if (!proved)
		return;
	if (known & PENDING) {
		known = find_fit(f, known, block)->proved;
		if (!known)
			f->t->inside[block] = claim;
	}
	f->order_matters |= known && claim_type(known) != proved;
}

/* A pointer leads to the start of `block`, which gets its type when its turn comes. */
static void propose(struct search *f, uint32_t block, const struct aim *aim)
{
	uint32_t known = f->t->inside[block];

	if (!aim->claim || known == aim->claim || known == aim->found)
		return;
	if (known) {
		compare_claims(f, block, aim->claim);
		return;
	}
	f->t->inside[block] = aim->claim;
	if (block < f->at)
		put_off(f, block);
}

#define AHEAD_START 64u  /* blocks of the queue: where their references are */
#define AHEAD_EDGES 40u  /* ... and the references */
#define AHEAD_ROW 20u    /* ... and what is known of the blocks that these lead to */
#define AHEAD_IN_ROW 16u /* references of one block */

static void fetch_target(const struct search *f, uint64_t edge)
{
	uint32_t to = f->s->edges[edge].block;

	if (to >= f->blocks)
		return;
	fetch_line(&f->t->inside[to]);
	if (f->checks || f->sweeps)
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

static struct aim aim_at(struct search *f, uint32_t target, enum members_owned owned)
{
	struct aim a = { 0 };
	enum members_kind kind;

	while (target && members_type_kind(f->m, target) == MEMBERS_ARRAY)
		target = members_type_of(f->m, target);
	if (!target)
		return a;
	kind = members_type_kind(f->m, target);
	a.text = kind == MEMBERS_BYTE && !strcmp(members_type_name(f->m, target), "char");
	if (kind > (owned ? MEMBERS_UNKNOWN : MEMBERS_BYTE))
		a.claim = PENDING | (uint32_t)owned << OWNED_SHIFT | target;
	/* No block is of such a type but by a pointer that owns it. */
	if (a.claim && !members_is_node_base(f->m, target))
		a.found = FOUND | target;
	return a;
}

static const struct aim *find_target(struct search *f, uint32_t type, uint32_t offset)
{
	struct aim *a = &f->aim[(type * 31 + offset / 8) % AIMS];
	enum members_owned owned;
	uint32_t target;

	if (a->type != type || a->offset != offset) {
		target = members_target_owned(f->m, type, offset, &owned);
		*a = aim_at(f, target, owned);
		a->type = type;
		a->offset = offset;
		f->any_text |= a->text;
	}
	return a;
}

static void follow_block(struct search *f, uint32_t block)
{
	const struct snapshot *s = f->s;
	uint32_t type = claim_type(f->t->inside[block]);
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
		if (f->sweeps)
			propose(f, e->block, aim);
		else if (aim->claim || aim->text)
			consider(f, e->block, aim);
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
		struct aim aim;

		if (e->to_offset || e->block >= f->blocks || e->root >= f->s->root_count
			|| e->flags & (EDGE_STALE | EDGE_MASKED))
			continue;
		type = find_variable(f, e, &offset);
		target = type ? members_target_owned(f->m, type, offset, &owned) : 0;
		if (!target)
			continue;
		aim = aim_at(f, target, owned);
		if (f->sweeps)
			propose(f, e->block, &aim);
		else if (aim.claim || aim.text)
			consider(f, e->block, &aim);
	}
}

/* From roots and typed blocks to all that they lead to; whether a type was found. Where variables of functions begin to
 * count, blocks that had a type have been followed. */
static bool follow_all(struct search *f)
{
	bool known = (f->locals && !f->checks && !f->texts) || (f->texts && !f->any_text), found;

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

/* --- the search in the order of memory ---------------------------------------------------- */

static void take_turn(struct search *f, uint32_t block)
{
	uint32_t claim = f->t->inside[block], proved;

	if (!(claim & PENDING) || claim == SETTLED)
		return;
	proved = find_fit(f, claim, block)->proved;
	f->t->inside[block] = proved ? FOUND | proved : 0;
	f->found |= proved != 0;
	f->doubt |= proved != claim_type(claim);
	if (proved)
		follow_block(f, block);
}

static void mark_settled(struct search *f)
{
	for (uint32_t i = 0; i < f->blocks; i++)
		if (!f->t->inside[i] && is_settled(f, i))
			f->t->inside[i] = SETTLED;
}

/* Where the order mattered, all that was found is forgotten. */
static void take_found(struct search *f)
{
	uint32_t last = 0, name = 0;

	for (uint32_t i = 0; i < f->blocks; i++) {
		uint32_t known = f->t->inside[i], type = claim_type(known);

		if (known < FOUND)
			continue;
		if (known & PENDING || f->order_matters) {
			f->t->inside[i] = 0;
			continue;
		}
		if (type != last)
			name = intern_text(&f->t->names, members_type_name(f->m, type)) + 1;
		last = type;
		set_found(f, i, type, name);
	}
}

static bool waits(const struct search *f, uint32_t block)
{
	return block < f->blocks && f->t->inside[block] & PENDING;
}

static void fetch_sweep(const struct search *f, uint32_t at)
{
	if (waits(f, at + AHEAD_START)) {
		fetch_line(&f->s->blocks[at + AHEAD_START]);
		fetch_line(&f->s->edge_starts[at + AHEAD_START]);
	}
	if (waits(f, at + AHEAD_EDGES))
		fetch_line(&f->s->edges[f->s->edge_starts[at + AHEAD_EDGES]]);
	if (waits(f, at + AHEAD_ROW))
		fetch_row(f, at + AHEAD_ROW);
}

/* Over all blocks; those with other evidence are followed where `seeds`. */
static void sweep(struct search *f, bool seeds)
{
	f->head = f->tail = 0;
	f->full = false;
	for (uint32_t i = 0; i < f->blocks && !f->order_matters; i++) {
		uint32_t known = f->t->inside[i];

		fetch_sweep(f, i);
		f->at = i;
		if (known & PENDING)
			take_turn(f, i);
		else if (known && known < FOUND && seeds)
			follow_block(f, i);
	}
	f->at = f->blocks;
}

static void fetch_turn(const struct search *f)
{
	uint32_t left = f->tail - f->head, block;

	fetch_ahead(f);
	if (left <= AHEAD_EDGES)
		return;
	block = f->queue[f->head + AHEAD_EDGES];
	fetch_line(&f->s->blocks[block]);
	fetch_line(&f->t->inside[block]);
}

/* As follow_all, but where many blocks wait they are followed by their addresses. False: the order of the pointers
 * matters, and all that was found is forgotten. */
static bool follow_sweeping(struct search *f)
{
	f->found = f->doubt = f->order_matters = f->full = false;
	f->sweeps = true;
	f->at = f->blocks;
	mark_settled(f);
	follow_roots(f);
	if (!f->locals)
		sweep(f, true);
	while (!f->order_matters && (f->full || f->head < f->tail))
		if (f->full) {
			sweep(f, false);
		} else {
			fetch_turn(f);
			take_turn(f, f->queue[f->head++]);
		}
	f->sweeps = false;
	f->head = f->tail = 0;
	take_found(f);
	return !f->order_matters;
}

#define WAITING 16u /* a search follows all blocks by their addresses when one in so many waits */

static void make_queue(struct search *f, uint32_t room)
{
	free(f->queue);
	f->queue = alloc_bytes((uint64_t)room * sizeof(*f->queue));
	f->room = room;
}

static void follow_and_check(struct search *f)
{
	if (follow_sweeping(f)) {
		if (!f->found || !f->doubt)
			return;
	} else {
		make_queue(f, f->blocks + 1);
		if (!follow_all(f))
			return;
	}
	f->checks = true;
	follow_all(f);
	f->checks = false;
	/* Where none was refused, the same would be found again. */
	if (f->any_refused) {
		forget_pointers(f);
		make_queue(f, f->blocks + 1);
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
	make_queue(&f, f.blocks / WAITING + 1);
	typed_known_find(t, s);
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
}
