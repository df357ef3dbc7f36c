/* walk.c - the part of a walk that is not inlined; see walk.h. */
#include "count.h"
#include "mix.h"
#include "rule.h"
#include "site.h"
#include "step.h"
#include "thread.h"
#include "walk.h"

/* Makes room for `more` frames by dropping the outermost of the kept ones. */
static void drop_outer(struct thread *t, uint32_t *kept, uint32_t more)
{
	if (*kept + more <= WALK_FRAMES)
		return;
	uint32_t keep = WALK_FRAMES / 4, from = *kept - keep;
	uint16_t base = t->frame[from].extras;
	__builtin_memmove(
		t->extra, t->extra + base, (t->frame[*kept - 1].extras - base) * sizeof t->extra[0]);
	for (uint32_t i = 0; i < keep; i++) {
		t->place[i] = t->place[from + i];
		t->frame[i] = t->frame[from + i];
		t->frame[i].extras = (uint16_t)(t->frame[i].extras - base);
		t->frame[i].node = 0;
	}
	t->bottom = WALK_BOTTOM_CUT;
	*kept = keep;
}

static inline uint64_t hash_pc(uintptr_t pc)
{
	uint64_t h = pc * MIX_SPLIT;
	return h ^ h >> 29;
}

HOT_INLINE uint64_t frame_identity(
	uint64_t outer, uintptr_t slot, uint64_t hash, bool needs_rbp, uintptr_t rbp)
{
	uint64_t identity = (outer + hash) * WALK_BASE ^ slot;
	return needs_rbp ? identity + rbp * MIX_PRIME : identity;
}

/* Puts steps [0, count), innermost first, on top of `kept` cached frames. */
static void push(struct thread *t, uint32_t kept, uint32_t count)
{
	drop_outer(t, &kept, count);
	uint32_t n = kept;
	for (uint32_t k = count; k-- > 0; n++) {
		const struct walk_step *s = &t->step[k];
		struct walk_frame *f = &t->frame[n];
		uint64_t hash = hash_pc(s->pc);
		t->place[n] = (struct walk_place){ s->slot, s->pc - (s->flags & WALK_EXACT) };
		*f = (struct walk_frame){ .hash = hash, .rbp = s->rbp, .flags = s->flags };
		if (n == 0) {
			f->identity = frame_identity(t->seed + t->bottom, s->slot, hash, false, 0);
			continue;
		}
		const struct walk_frame *outer = f - 1;
		uint32_t w = outer->extras;
		f->hash += outer->hash * WALK_BASE;
		if (s->extra)
			t->extra[w++] = (struct walk_word){ s->extra, s->extra_value };
		if (outer->needs_rbp && s->rbp_from)
			t->extra[w++] = (struct walk_word){ s->rbp_from, outer->rbp };
		f->extras = (uint16_t)w;
		f->needs_rbp = s->uses_rbp || (outer->needs_rbp && !s->rbp_from);
		f->identity = frame_identity(outer->identity, s->slot, hash, f->needs_rbp, s->rbp);
	}
	t->frames = n;
}

/* Frames [0, kept) of the cache, with `count` new ones: how far out must it be
 * verified? False if further out than is known. */
HOT_INLINE bool reach_of(const struct thread *t, uint32_t kept, uint32_t count, uint32_t *low)
{
	const uint32_t want = count < state.depth ? state.depth - count : 1;
	*low = kept > want ? kept - want : 0;
	return likely((kept >= want || t->bottom != WALK_BOTTOM_CUT) && kept + count <= WALK_FRAMES);
}

/* Where a leaf is if another one with the same innermost frame has taken its place: the first caller that differs
 * decides. */
static struct walk_leaf *second_place(struct thread *t, const struct walk_leaf *first)
{
	const char *base = (const char *)first->slot;
	uintptr_t word = *(const uintptr_t *)(base + first->offset[0]);
	if (word == first->expected[0])
		word = *(const uintptr_t *)(base + first->offset[1]);
	return walk_leaf_of(t, first->slot, first->pc ^ word * MIX_STAR);
}

__attribute__((noinline)) const struct walk_leaf *walk_leaf_second(
	struct thread *t, const uintptr_t *e, const struct walk_leaf *first)
{
	const struct walk_leaf *l = second_place(t, first);
	return walk_leaf_fits(t, e, l) && walk_leaf_own(l, WALK_SLOT(e)) && walk_leaf_outside(t, l) ? l
												    : NULL;
}

/* Where to remember the stack in the cache. A leaf that may be met again stays where it is. */
HOT_INLINE struct walk_leaf *leaf_place(struct thread *t, const struct walk_place *leaf)
{
	struct walk_leaf *l = walk_leaf_of(t, leaf->slot, leaf->pc);
	bool stays = l->slot == leaf->slot && l->pc == leaf->pc && l->kept <= t->frames
		&& t->frame[l->kept - 1].identity == l->identity;
	return stays ? second_place(t, l) : l;
}

/* Fills in what a leaf holds besides its words, and makes it valid. */
HOT_INLINE void leaf_finish(struct thread *t, struct walk_leaf *l, uint32_t kept, uint32_t low, uint32_t site)
{
	const struct walk_place *leaf = &t->place[t->frames - 1];
	const struct walk_frame *top = &t->frame[t->frames - 1], *trunk = &t->frame[kept - 1];
	l->pc = leaf->pc;
	l->rbp = top->rbp;
	l->identity = trunk->identity;
	l->counter = count_of(t, site);
	l->site = site;
	l->kept = (uint16_t)kept;
	l->low = (uint16_t)low;
	l->needs_rbp = top->needs_rbp;
	l->extras = trunk->extras != t->frame[low].extras;
	compiler_barrier();
	l->slot = leaf->slot;
}

/* Remembers the stack in the cache, whose frames from frame[kept] on are new. A
 * handler may leave in the middle by longjmp: slot is 0 until all is there. */
static __attribute__((noinline)) void remember_leaf(struct thread *t, uint32_t kept, uint32_t site)
{
	const uint32_t n = t->frames;
	const struct walk_frame *top = &t->frame[n - 1];
	const struct walk_place *leaf = &t->place[n - 1];
	while (!kept || n - kept + (unsigned)(top->extras - t->frame[kept - 1].extras) > WALK_LEAF_WORDS)
		kept++;
	uint32_t count = n - kept, low;
	if (!reach_of(t, kept, count, &low))
		return;
	struct walk_leaf *l = leaf_place(t, leaf);
	l->slot = 0;
	compiler_barrier();
	uint32_t words = 0;
	for (uint32_t i = n - 1; i > kept - 1; i--, words++) {
		l->offset[words] = (uint32_t)(t->place[i - 1].slot - leaf->slot);
		l->expected[words] = t->place[i - 1].pc;
	}
	for (uint32_t x = t->frame[kept - 1].extras; x < top->extras; x++, words++) {
		uintptr_t offset = (uintptr_t)t->extra[x].address - leaf->slot;
		if (offset >> 32)
			return;
		l->offset[words] = (uint32_t)offset;
		l->expected[words] = t->extra[x].expected;
	}
	l->words = (uint8_t)words;
	/* Unused words are set to the leaf's own return address, which is certain to match. */
	for (; words < WALK_LEAF_WORDS; words++) {
		l->offset[words] = 0;
		l->expected[words] = leaf->pc;
	}
	leaf_finish(t, l, kept, low, site);
}

/* As remember_leaf, for the common stack: few new frames, nothing but return
 * addresses. Words beyond its own are those of frames further out, which must hold
 * as well. */
HOT_INLINE void leaf_remember_lean(
	struct thread *t, struct walk_leaf *l, uint32_t kept, uint32_t low, uint32_t site)
{
	const struct walk_place *leaf = &t->place[t->frames - 1];
	uint32_t count = t->frames - kept;
	if (unlikely(t->frames <= (count > 3 ? WALK_LEAF_WORDS : 3) || count > WALK_LEAF_WORDS)) {
		remember_leaf(t, kept, site);
		return;
	}
	l = leaf_place(t, leaf);
	l->slot = 0;
	compiler_barrier();
#define WALK_SET_WORD(i)                                                                                     \
	(l->offset[i] = (uint32_t)(leaf[-1 - (i)].slot - leaf->slot), l->expected[i] = leaf[-1 - (i)].pc)
	WALK_SET_WORD(0), WALK_SET_WORD(1), WALK_SET_WORD(2);
	if (count > 3)
		WALK_SET_WORD(3), WALK_SET_WORD(4), WALK_SET_WORD(5);
#undef WALK_SET_WORD
	l->words = (uint8_t)count;
	leaf_finish(t, l, kept, low, site);
}

/* If nearly every walk finds new frames further out, leaves are never hit, and are
 * not remembered; this is tried again from time to time. */
static COLD void adjust_leaves(struct thread *t)
{
	uint64_t events = t->events - t->leaf_events;
	t->leaf_off = !t->leaf_off && (uint64_t)WALK_TRIAL * 16 > events * 15;
	t->leaf_turn = t->leaf_off ? WALK_TRIAL * 64 : WALK_TRIAL;
	t->leaf_events = t->events;
}

/* The site of the frames in the cache (WK3). */
HOT_INLINE uint32_t cached_site(struct thread *t, uint64_t domain)
{
	uint32_t n = t->frames, low = 0;
	unsigned flags = 0;
	uint64_t hash = t->frame[n - 1].hash;
	if (n > state.depth) {
		low = n - state.depth;
		hash -= t->frame[low - 1].hash * state.depth_power;
		flags = LEDGER_SITE_DEPTH_CUT;
	} else if (t->bottom == WALK_BOTTOM_BROKEN) {
		flags = LEDGER_SITE_BROKEN;
	} else if (t->bottom == WALK_BOTTOM_CUT) {
		flags = LEDGER_SITE_DEPTH_CUT;
	}
	hash = site_mix(hash + flags * MIX_STAR + domain);
	uint32_t site = site_next(t->site, hash);
	if (!site)
		site = site_find(hash);
	if (unlikely(!site)) {
		if (domain)
			flags |= domain == SITE_DOMAIN_MAPPING ? LEDGER_SITE_MAPPING
				: domain == SITE_DOMAIN_ERROR  ? LEDGER_SITE_ERROR
							       : LEDGER_SITE_TRACKED;
		site = site_add(hash, t->place + low, t->frame + low, n - low, flags,
			!(flags & LEDGER_SITE_DEPTH_CUT));
		if (!domain && !t->timed_first) {
			t->timed_first = (uint32_t)t->timed_left + 1;
			t->timed_left = 0;
		}
	}
	if (!domain)
		t->site = site;
	return site;
}

/* A stack that is not the thread's own: every page is probed, nothing is kept. */
static uint32_t walk_other(struct thread *t, const uintptr_t *e, uint64_t domain)
{
	struct step_place at = { WALK_SLOT(e), WALK_PC(e), WALK_RBP(e), WALK_SLOT(e) + 8, 0 }, outer = { 0 };
	uint32_t count = 0;
	enum step_result result = STEP_ON;
	while (result == STEP_ON && count < state.depth) {
		struct walk_step *s = &t->step[count];
		s->pc = at.pc;
		result = step_outward(t, WALK_SLOT(e), 0, &at, &outer, s);
		count++;
		at = outer;
	}
	unsigned flags = result == STEP_ON ? LEDGER_SITE_DEPTH_CUT
		: result == STEP_BROKEN    ? LEDGER_SITE_BROKEN
					   : 0;
	if (flags == LEDGER_SITE_BROKEN)
		missed_add(MISSED_TRUNCATED, 1);
	uint64_t hash = 0;
	for (uint32_t k = count; k-- > 0;)
		hash = hash * WALK_BASE + hash_pc(t->step[k].pc);
	hash = site_mix(hash + flags * MIX_STAR + domain);
	uint32_t site = site_find(hash);
	if (site)
		return site;
	if (domain)
		flags |= domain == SITE_DOMAIN_MAPPING ? LEDGER_SITE_MAPPING : LEDGER_SITE_TRACKED;
	/* The cache is the scratch space; its old frames are walked again later. */
	t->frames = 0;
	for (uint32_t k = 0; k < count; k++) {
		const struct walk_step *s = &t->step[count - 1 - k];
		t->place[k] = (struct walk_place){ 0, s->pc - (s->flags & WALK_EXACT) };
		t->frame[k] = (struct walk_frame){ .flags = s->flags };
	}
	return site_add(hash, t->place, t->frame, count, flags, false);
}

bool walk_verify_extras(const struct walk_word *extra, uint32_t high, uint32_t low)
{
	while (high > low)
		if (high--, *extra[high].address != extra[high].expected)
			return false;
	return true;
}

/* Is frame[kept - 1] the one whose return address, just read at `slot`, is pc? */
HOT_INLINE bool is_cached(
	const struct thread *t, uint32_t kept, uintptr_t slot, uintptr_t pc, unsigned flags, uintptr_t rbp)
{
	const struct walk_place *p = &t->place[kept - 1];
	const struct walk_frame *f = &t->frame[kept - 1];
	return p->slot == slot && p->pc == pc && !((f->flags ^ flags) & WALK_EXACT)
		&& (!f->needs_rbp || f->rbp == rbp);
}

/* Are all words unchanged that the frames outside frame[kept - 1] depend on, down to frame[low]? */
HOT_INLINE bool holds(const struct thread *t, uint32_t kept, uint32_t low)
{
	uint32_t extras = t->frame[kept - 1].extras, extras_low = t->frame[low].extras;
	return walk_verify(t->place, kept - 1, low)
		&& (likely(extras == extras_low) || walk_verify_extras(t->extra, extras, extras_low));
}

#define WALK_FEW 32u

/* The innermost of the places [low, high) whose word has changed; NULL if it depends
 * on more than return addresses. */
static const struct walk_place *find_changed_place(const struct thread *t, uint32_t high, uint32_t low)
{
	const uint16_t extras = t->frame[high].extras;
	while (high > low) {
		const struct walk_frame *f = &t->frame[high--];
		const struct walk_place *p = &t->place[high];
		if (f->flags || t->frame[high].extras != extras)
			break;
		if (*(const uintptr_t *)p->slot != p->pc)
			return p;
	}
	return NULL;
}

/* The most common walk: a few new frames whose places depend on the stack
 * pointer only, on top of one that is cached. Anything else returns 0. */
HOT_INLINE uint32_t walk_lean(struct thread *t, const uintptr_t *e)
{
	struct walk_place step[WALK_FEW], *s = step;
	uintptr_t slot = WALK_SLOT(e), pc = WALK_PC(e);
	const uintptr_t hi = t->stack_hi;
	const struct walk_place *last = &t->place[t->frames] - 1;
	struct walk_leaf *l = walk_leaf_of(t, slot, pc);
	struct walk_place *p = &t->place[l->slot == slot && l->kept < t->frames ? l->kept : t->frames] - 1;
	struct walk_frame *f;
	uint32_t kept, count, low;
	for (;;) {
		uint32_t rule = rule_find(pc);
		intptr_t offset = rule_offset(rule);
		if (unlikely(rule_kind(rule) != RULE_SP || offset <= 0))
			return 0;
		*s++ = (struct walk_place){ slot, pc };
		slot += (uintptr_t)offset;
		if (unlikely(slot >= hi))
			return 0;
		pc = *(const uintptr_t *)slot;
		while (p < last && p[1].slot >= slot)
			p++;
		while (p->slot < slot)
			p--; /* place[-1] is below all stacks' ends: t->floor */
		if (p->slot == slot && p->pc == pc) {
			kept = (uint32_t)(p - t->place) + 1;
			count = (uint32_t)(s - step);
			f = &t->frame[kept - 1];
			if (unlikely(f->needs_rbp | f->flags) || !reach_of(t, kept, count, &low))
				return 0;
			if (likely(holds(t, kept, low)))
				break;
			/* An outer frame was replaced at the same address. The inner frames
			 * are still valid, so the walk resumes there. */
			const struct walk_place *change = find_changed_place(t, kept - 1, low);
			if (!change || p - change > step + WALK_FEW - s)
				return 0;
			while (p > change)
				*s++ = *p--;
			slot = p->slot;
			pc = *(const uintptr_t *)slot;
		}
		if (unlikely(s == step + WALK_FEW))
			return 0;
	}
	uint64_t hash = f->hash, identity = f->identity;
	uint16_t extras = f->extras;
	do {
		*++p = *--s;
		uint64_t h = hash_pc(p->pc);
		hash = hash * WALK_BASE + h;
		identity = frame_identity(identity, p->slot, h, false, 0);
		*++f = (struct walk_frame){ .hash = hash, .identity = identity, .extras = extras };
	} while (s > step);
	t->frames = kept + count;
	uint32_t site = cached_site(t, 0);
	if (!t->leaf_off)
		leaf_remember_lean(t, l, kept, low, site);
	return site;
}

/* As walk_lean, with frames that use rbp. Anything unusual returns 0, and the
 * general walk starts over. */
HOT_INLINE uint32_t walk_few(struct thread *t, const uintptr_t *e)
{
	struct {
		uintptr_t slot, pc, rbp;
		const uintptr_t *from;
		bool uses_rbp;
	} step[WALK_FEW], *s = step;
	uintptr_t slot = WALK_SLOT(e), pc = WALK_PC(e), rbp = WALK_RBP(e);
	uint32_t kept = t->frames;
	for (;;) {
		uint32_t rule = rule_find(pc);
		unsigned kind = rule_kind(rule), saved = rule_rbp(rule);
		if (unlikely(kind > RULE_BP || saved == RULE_RBP_AT_RBP))
			return 0;
		uintptr_t cfa = (kind == RULE_SP ? slot + 8 : rbp) + (uintptr_t)rule_offset(rule);
		const uintptr_t *from = saved ? (const uintptr_t *)(cfa - 8 * saved) : NULL;
		if (unlikely(cfa <= slot + 8 || cfa > t->stack_hi || (cfa & 7)
			    || (saved && (uintptr_t)from < slot)))
			return 0;
		s->slot = slot;
		s->pc = pc;
		s->rbp = rbp;
		s->from = from;
		s->uses_rbp = kind == RULE_BP;
		s++;
		slot = cfa - 8;
		pc = *(const uintptr_t *)slot;
		if (saved)
			rbp = *from;
		while (kept && t->place[kept - 1].slot < slot)
			kept--;
		if (unlikely(!kept || pc < WALK_LOWEST))
			return 0;
		if (is_cached(t, kept, slot, pc, 0, rbp))
			break;
		if (s == step + WALK_FEW)
			return 0;
	}
	uint32_t count = (uint32_t)(s - step), low;
	if (!reach_of(t, kept, count, &low) || unlikely(!holds(t, kept, low)))
		return 0;
	struct walk_frame *f = &t->frame[kept - 1];
	struct walk_place *p = &t->place[kept - 1];
	uint64_t hash = f->hash, identity = f->identity;
	bool needs_rbp = f->needs_rbp;
	uint32_t extras = f->extras;
	do {
		s--;
		f++;
		p++;
		p->slot = s->slot;
		p->pc = s->pc;
		f->rbp = s->rbp;
		if (needs_rbp && s->from)
			t->extra[extras++] = (struct walk_word){ s->from, f[-1].rbp };
		needs_rbp = s->uses_rbp | (needs_rbp & !s->from);
		uint64_t h = hash_pc(s->pc);
		f->hash = hash = hash * WALK_BASE + h;
		f->identity = identity = frame_identity(identity, s->slot, h, needs_rbp, s->rbp);
		f->node = 0;
		f->extras = (uint16_t)extras;
		f->needs_rbp = needs_rbp;
		f->flags = 0;
	} while (s > step);
	t->frames = kept + count;
	uint32_t site = cached_site(t, 0);
	remember_leaf(t, kept, site);
	return site;
}

/* Something outside frame[kept - 1] has changed: returns how many frames are
 * outside the innermost change. They may be unchanged, and are checked again. */
static uint32_t find_outside_change(const struct thread *t, uint32_t kept, uint32_t low)
{
	uint32_t place = kept - 1, x = t->frame[kept - 1].extras, by_extra = 0;
	while (place > low && *(const uintptr_t *)t->place[place - 1].slot == t->place[place - 1].pc)
		place--;
	uint32_t by_place = place > low ? place - 1 : 0;
	while (x > t->frame[low].extras && *t->extra[x - 1].address == t->extra[x - 1].expected)
		x--;
	if (x > t->frame[low].extras)
		for (by_extra = kept; by_extra && t->frame[by_extra - 1].extras >= x;)
			by_extra--;
	return by_place > by_extra ? by_place : by_extra;
}

/* The cache has the frames of this stack then; how many of them are new. */
static uint32_t fill_cache(struct thread *t, const uintptr_t *e)
{
	uintptr_t lo = WALK_SLOT(e), hi = t->stack_hi;
	struct step_place at = { WALK_SLOT(e), WALK_PC(e), WALK_RBP(e), WALK_SLOT(e) + 8, 0 }, outer = { 0 };
	uint32_t kept = t->frames, count = 0, most = state.depth + WALK_EXTRA;
	for (;;) {
		while (kept && t->place[kept - 1].slot < at.slot)
			kept--;
		if (kept && is_cached(t, kept, at.slot, at.pc - (at.flags & WALK_EXACT), at.flags, at.rbp)) {
			uint32_t want = count < state.depth ? state.depth - count : 1;
			uint32_t low = kept > want ? kept - want : 0;
			if (!holds(t, kept, low))
				kept = find_outside_change(t, kept, low);
			else if (kept >= want || t->bottom != WALK_BOTTOM_CUT)
				break;
			else
				kept = 0; /* too few are known: walk on from here */
		}
		struct walk_step *s = &t->step[count];
		s->slot = at.slot;
		s->pc = at.pc;
		s->rbp = at.rbp;
		enum step_result result = step_outward(t, lo, hi, &at, &outer, s);
		count++;
		if (result != STEP_ON || count == most) {
			kept = 0;
			t->bottom = result == STEP_END  ? WALK_BOTTOM_ROOT
				: result == STEP_BROKEN ? WALK_BOTTOM_BROKEN
							: WALK_BOTTOM_CUT;
			if (result == STEP_BROKEN)
				missed_add(MISSED_TRUNCATED, 1);
			break;
		}
		at = outer;
	}
	push(t, kept, count);
	return count;
}

static uint32_t walk_general(struct thread *t, const uintptr_t *e, uint64_t domain)
{
	uint32_t count = fill_cache(t, e), site = cached_site(t, domain);
	if (!domain)
		remember_leaf(t, t->frames - count, site);
	return site;
}

static void follow_generation(struct thread *t)
{
	if (likely(t->generation == state.generation))
		return;
	t->frames = 0; /* a module is gone: its addresses may mean something else */
	t->generation = state.generation;
	t->seed = thread_seed();
}

uint32_t walk_frames(struct thread *t, const uintptr_t *e, uint32_t most, unsigned *flags)
{
	if (WALK_SLOT(e) < t->stack_lo || WALK_SLOT(e) >= t->stack_hi)
		return 0;
	follow_generation(t);
	fill_cache(t, e);
	uint32_t n = t->frames < most ? t->frames : most;
	*flags = n < t->frames || t->bottom == WALK_BOTTOM_CUT ? LEDGER_SITE_DEPTH_CUT
		: t->bottom == WALK_BOTTOM_BROKEN              ? LEDGER_SITE_BROKEN
							       : 0;
	return n;
}

__attribute__((noinline)) uint32_t walk_slow(struct thread *t, const uintptr_t *e, uint64_t domain)
{
	if (unlikely(WALK_SLOT(e) < t->stack_lo || WALK_SLOT(e) >= t->stack_hi))
		return walk_other(t, e, domain);
	follow_generation(t);
	if (likely(!domain && state.depth > 1)) {
		uint32_t site = walk_few(t, e);
		if (likely(site))
			return site;
	}
	return walk_general(t, e, domain);
}

__attribute__((noinline)) uint32_t walk_block(struct thread *t, const uintptr_t *e)
{
	if (unlikely(--t->leaf_turn < 0))
		adjust_leaves(t);
	if (likely(WALK_SLOT(e) >= t->stack_lo && t->generation == state.generation && state.depth > 1)) {
		uint32_t site = walk_lean(t, e);
		if (likely(site))
			return site;
	}
	return walk_slow(t, e, 0);
}

uint32_t walk_known(const struct thread *t, const struct step_place *at, uint32_t want)
{
	uint32_t kept = t->generation == state.generation ? t->frames : 0;
	while (kept && t->place[kept - 1].slot < at->slot)
		kept--;
	if (!kept || !is_cached(t, kept, at->slot, at->pc - (at->flags & WALK_EXACT), at->flags, at->rbp))
		return 0;
	uint32_t low = kept > want ? kept - want : 0;
	return (kept >= want || t->bottom != WALK_BOTTOM_CUT) && holds(t, kept, low) ? kept : 0;
}

unsigned walk_check(struct thread *t, const uintptr_t *e)
{
	if (WALK_SLOT(e) < t->stack_lo || WALK_SLOT(e) >= t->stack_hi)
		return 0;
	struct step_place at = { WALK_SLOT(e), WALK_PC(e), WALK_RBP(e), WALK_SLOT(e) + 8, 0 }, outer = { 0 };
	struct walk_step s;
	uint32_t n = t->frames, depth = 0;
	while (n > 0 && depth < state.depth) {
		n--;
		if (t->place[n].slot != at.slot || t->place[n].pc != at.pc - (at.flags & WALK_EXACT)
			|| ((t->frame[n].flags ^ at.flags) & WALK_EXACT))
			return depth + 1;
		enum step_result result = step_outward(t, WALK_SLOT(e), t->stack_hi, &at, &outer, &s);
		depth++;
		if (result != STEP_ON)
			return n ? depth + 1 : 0;
		at = outer;
	}
	return 0;
}
