/* walk.c - the part of a walk that is not inlined; see walk.h. */
#include <sys/uio.h>
#include <ucontext.h>
#include "raw.h"
#include "rule.h"
#include "site.h"
#include "walk.h"

struct place { uintptr_t slot, pc, rbp, sp; uint8_t flags; };
enum step_result { STEP_ON, STEP_END, STEP_BROKEN };

/* Is the page readable? Asks the kernel once a page; pages between stay known. */
static bool probe(struct thread *t, uintptr_t address, size_t bytes)
{
	if (t->probed_unmaps != state.unmaps) {
		t->probed_lo = t->probed_hi = 0;
		t->probed_unmaps = state.unmaps;
	}
	if (address & 7)
		return false;
	for (uintptr_t at = address; at < address + bytes;) {
		if (at >= t->probed_lo && at < t->probed_hi) {
			at = t->probed_hi;
			continue;
		}
		if (state.no_syscalls)
			return false;
		uintptr_t page = at & ~4095ul;
		char byte;
		struct iovec to = { &byte, 1 }, from = { (void *)at, 1 };
		if (raw6(SYS_process_vm_readv, raw0(SYS_getpid), &to, 1, &from, 1, 0) != 1)
			return false;
		if (page == t->probed_hi)
			t->probed_hi += 4096;
		else if (page + 4096 == t->probed_lo)
			t->probed_lo = page;
		else
			t->probed_lo = page, t->probed_hi = page + 4096;
		at = page + 4096;
	}
	return true;
}

/* May [address, +bytes) be read? lo/hi: the stack that is known to be there. */
HOT_INLINE bool readable(struct thread *t, uintptr_t lo, uintptr_t hi, uintptr_t address, size_t bytes)
{
	if (likely(address >= lo && address < hi && hi - address >= bytes))
		return !(address & 7);
	return hi == 0 && probe(t, address, bytes);
}

/* One frame outward. Fills the outer place and what was read on the way. */
HOT_INLINE enum step_result step(struct thread *t, uintptr_t lo, uintptr_t hi,
	const struct place *in, struct place *out, struct walk_step *record)
{
	uint32_t rule = rule_find(in->pc);
	uintptr_t cfa;
	record->rbp_from = NULL;
	record->extra = NULL;
	record->uses_rbp = 0;
	record->flags = in->flags;
	switch (rule_kind(rule)) {
	case RULE_SP:
		cfa = in->sp + (uintptr_t)rule_offset(rule);
		break;
	case RULE_BP:
		cfa = in->rbp + (uintptr_t)rule_offset(rule);
		record->uses_rbp = 1;
		break;
	case RULE_DEREF: {
		uintptr_t at = in->rbp + (uintptr_t)rule_offset(rule);
		if (!readable(t, lo, hi, at, 8))
			return STEP_BROKEN;
		record->extra = (const uintptr_t *)at;
		cfa = record->extra_value = *(const uintptr_t *)at;
		record->uses_rbp = 1;
		break;
	}
	case RULE_END:
		return STEP_END;
	case RULE_SIGNAL: {
		/* rsp points at the ucontext that the kernel pushed (arch/x86 rt_sigframe). */
		const ucontext_t *u = (const ucontext_t *)in->sp;
		if (!readable(t, lo, hi, in->sp, offsetof(ucontext_t, __fpregs_mem)))
			return STEP_BROKEN;
		const uintptr_t *g = (const uintptr_t *)u->uc_mcontext.gregs;
		out->slot = (uintptr_t)&g[REG_RIP];
		out->pc = g[REG_RIP] + 1;
		out->sp = g[REG_RSP];
		out->rbp = g[REG_RBP];
		out->flags = WALK_EXACT;
		record->rbp_from = &g[REG_RBP];
		record->extra = &g[REG_RSP];
		record->extra_value = out->sp;
		return STEP_ON;
	}
	default:
		/* No unwind data (JIT code): the frame pointer, if it looks like one. */
		if (in->rbp < in->sp || !readable(t, lo, hi, in->rbp, 16))
			return STEP_BROKEN;
		rule = rule_make(RULE_BP, 2, 2);
		cfa = in->rbp + 16;
		record->uses_rbp = 1;
		record->flags |= WALK_BY_RBP;
		break;
	}
	/* A frame that does not move up the stack would never end. */
	if (cfa <= in->sp - 8 || (cfa & 7) || !readable(t, lo, hi, cfa - 8, 8))
		return STEP_BROKEN;
	out->slot = cfa - 8;
	out->pc = *(const uintptr_t *)(cfa - 8);
	out->sp = cfa;
	out->flags = 0;
	unsigned rbp = rule_rbp(rule);
	if (rbp == RULE_RBP_SAME) {
		out->rbp = in->rbp;
	} else {
		uintptr_t at = rbp == RULE_RBP_AT_RBP ? in->rbp : cfa - 8 * (uintptr_t)rbp;
		if (!readable(t, lo, hi, at, 8))
			return STEP_BROKEN;
		if (rbp == RULE_RBP_AT_RBP)
			record->uses_rbp = 1;
		record->rbp_from = (const uintptr_t *)at;
		out->rbp = *record->rbp_from;
	}
	if (out->pc < 4096)
		return STEP_END;	/* thread start routines made by hand push 0 */
	return STEP_ON;
}

/* Makes room for `more` frames by dropping the outer half of what is kept. */
static void drop_outer(struct thread *t, uint32_t *kept, uint32_t more)
{
	if (*kept + more <= WALK_FRAMES)
		return;
	uint32_t keep = WALK_FRAMES / 4, from = *kept - keep;
	uint16_t base = t->frame[from].verify;
	uint32_t words = t->frame[*kept - 1].verify - base;
	__builtin_memmove(t->word, t->word + base, words * sizeof t->word[0]);
	for (uint32_t i = 0; i < keep; i++) {
		t->frame[i] = t->frame[from + i];
		t->frame[i].verify = (uint16_t)(t->frame[i].verify - base);
		t->frame[i].node = 0;
	}
	t->bottom = WALK_BOTTOM_CUT;
	*kept = keep;
}

static uint64_t frame_hash(uintptr_t pc)
{
	uint64_t h = pc * 0xBF58476D1CE4E5B9ull;
	return h ^ h >> 29;
}

/* Puts steps [0, count), innermost first, on top of `kept` cached frames. */
static void push(struct thread *t, uint32_t kept, uint32_t count)
{
	drop_outer(t, &kept, count);
	uint32_t n = kept;
	for (uint32_t k = count; k-- > 0; n++) {
		const struct walk_step *s = &t->step[k];
		struct walk_frame *f = &t->frame[n];
		*f = (struct walk_frame){ .slot = s->slot, .pc = s->pc, .rbp = s->rbp, .flags = s->flags };
		if (n == 0) {
			f->hash = frame_hash(s->pc);
			continue;
		}
		const struct walk_frame *outer = f - 1;
		uint32_t w = outer->verify;
		f->hash = outer->hash * WALK_BASE + frame_hash(s->pc);
		t->word[w++] = (struct walk_word){ (const uintptr_t *)outer->slot,
			outer->pc - (outer->flags & WALK_EXACT) };
		if (s->extra)
			t->word[w++] = (struct walk_word){ s->extra, s->extra_value };
		if (outer->needs_rbp && s->rbp_from)
			t->word[w++] = (struct walk_word){ s->rbp_from, outer->rbp };
		f->verify = (uint16_t)w;
		f->needs_rbp = s->uses_rbp || (outer->needs_rbp && !s->rbp_from);
	}
	t->frames = n;
}

/* The site of the frames in the cache (W3). */
static uint32_t cached_site(struct thread *t, uint64_t domain)
{
	uint32_t n = t->frames, lo = 0;
	unsigned flags = 0;
	uint64_t hash = t->frame[n - 1].hash;
	if (n > state.depth) {
		lo = n - state.depth;
		hash -= t->frame[lo - 1].hash * state.depth_power;
		flags = LEDGER_SITE_DEPTH_CUT;
	} else if (t->bottom == WALK_BOTTOM_BROKEN) {
		flags = LEDGER_SITE_BROKEN;
	} else if (t->bottom == WALK_BOTTOM_CUT) {
		flags = LEDGER_SITE_DEPTH_CUT;
	}
	hash = site_mix(hash + flags * 0x2545F4914F6CDD1Dull + domain);
	uint32_t site = site_next(t->site, hash);
	if (!site)
		site = site_find(hash);
	if (unlikely(!site)) {
		if (domain)
			flags |= domain == SITE_DOMAIN_MAPPING ? LEDGER_SITE_MAPPING : LEDGER_SITE_TRACKED;
		site = site_add(hash, t->frame + lo, n - lo, flags, !(flags & LEDGER_SITE_DEPTH_CUT));
	}
	if (!domain)
		t->frame[n - 1].site = t->site = site;
	return site;
}

/* A stack that is not the thread's own: every page is probed, nothing is kept. */
static uint32_t walk_other(struct thread *t, const uintptr_t *e, uint64_t domain)
{
	struct place at = { WALK_SLOT(e), WALK_PC(e), WALK_RBP(e), WALK_SLOT(e) + 8, 0 }, outer = { 0 };
	uint32_t count = 0;
	enum step_result result = STEP_ON;
	while (result == STEP_ON && count < state.depth) {
		struct walk_step *s = &t->step[count];
		s->pc = at.pc;
		result = step(t, 0, 0, &at, &outer, s);
		count++;
		at = outer;
	}
	unsigned flags = result == STEP_ON ? LEDGER_SITE_DEPTH_CUT
		: result == STEP_BROKEN ? LEDGER_SITE_BROKEN : 0;
	if (flags == LEDGER_SITE_BROKEN)
		missed_add(MISSED_TRUNCATED, 1);
	uint64_t hash = 0;
	for (uint32_t k = count; k-- > 0;)
		hash = hash * WALK_BASE + frame_hash(t->step[k].pc);
	hash = site_mix(hash + flags * 0x2545F4914F6CDD1Dull + domain);
	uint32_t site = site_find(hash);
	if (site)
		return site;
	if (domain)
		flags |= domain == SITE_DOMAIN_MAPPING ? LEDGER_SITE_MAPPING : LEDGER_SITE_TRACKED;
	/* The cache is the scratch space: what it held is walked anew later. */
	t->frames = 0;
	for (uint32_t k = 0; k < count; k++) {
		const struct walk_step *s = &t->step[count - 1 - k];
		t->frame[k] = (struct walk_frame){ .pc = s->pc, .flags = s->flags };
	}
	return site_add(hash, t->frame, count, flags, false);
}

#define WALK_FEW 8u

/* The common walk: a few new frames with ordinary rules, called by one that is
 * cached. Kept in registers; anything unusual returns 0 and the general walk does
 * it again. */
HOT_INLINE uint32_t walk_few(struct thread *t, const uintptr_t *e)
{
	uintptr_t slot = WALK_SLOT(e), pc = WALK_PC(e), rbp = WALK_RBP(e);
	struct walk_frame *outer;
	uint32_t kept = t->frames;
	struct walk_step *s = t->step;
	const uint32_t depth = state.depth;
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
		s->rbp_from = from;
		s->uses_rbp = kind == RULE_BP;
		s++;
		slot = cfa - 8;
		pc = *(const uintptr_t *)slot;
		if (saved)
			rbp = *from;
		while (kept && t->frame[kept - 1].slot < slot)
			kept--;
		if (unlikely(!kept || pc < 4096))
			return 0;
		outer = &t->frame[kept - 1];
		if (outer->slot == slot && outer->pc == pc && (!outer->needs_rbp || outer->rbp == rbp))
			break;
		if (s == t->step + WALK_FEW)
			return 0;
	}
	uint32_t count = (uint32_t)(s - t->step);
	uint32_t want = count < depth ? depth - count : 1, low = kept > want ? kept - want : 0;
	if (unlikely((kept < want && t->bottom == WALK_BOTTOM_CUT) || kept + count > WALK_FRAMES))
		return 0;
	uint32_t words = outer->verify, bottom = t->frame[low].verify;
	if (unlikely(walk_verify(t->word, words, bottom) != bottom))
		return 0;
	uint64_t hash = outer->hash;
	bool needs_rbp = outer->needs_rbp;
	struct walk_word *w = t->word + words;
	uintptr_t outer_slot = outer->slot, outer_pc = outer->pc - (outer->flags & WALK_EXACT);
	uintptr_t outer_rbp = outer->rbp;
	do {
		s--;
		outer++;
		*w++ = (struct walk_word){ (const uintptr_t *)outer_slot, outer_pc };
		if (needs_rbp && s->rbp_from)
			*w++ = (struct walk_word){ s->rbp_from, outer_rbp };
		needs_rbp = s->uses_rbp | (needs_rbp & !s->rbp_from);
		outer->slot = outer_slot = s->slot;
		outer->pc = outer_pc = s->pc;
		outer->rbp = outer_rbp = s->rbp;
		outer->hash = hash = hash * WALK_BASE + frame_hash(outer_pc);
		outer->site = outer->node = 0;
		outer->verify = (uint16_t)(w - t->word);
		outer->needs_rbp = needs_rbp;
		outer->flags = 0;
	} while (s > t->step);
	t->frames = kept + count;
	return cached_site(t, 0);
}

__attribute__((noinline))
uint32_t walk_slow(struct thread *t, const uintptr_t *e, uint64_t domain)
{
	if (unlikely(WALK_SLOT(e) < t->stack_lo || WALK_SLOT(e) >= t->stack_hi))
		return walk_other(t, e, domain);
	if (unlikely(t->generation != state.generation)) {
		t->frames = 0;		/* a module is gone: its addresses may mean something else */
		t->generation = state.generation;
	}
	if (likely(!domain && state.depth > 1)) {
		uint32_t site = walk_few(t, e);
		if (likely(site))
			return site;
	}
	uintptr_t lo = WALK_SLOT(e), hi = t->stack_hi;
	struct place at = { WALK_SLOT(e), WALK_PC(e), WALK_RBP(e), WALK_SLOT(e) + 8, 0 }, outer = { 0 };
	uint32_t kept = t->frames, count = 0, most = state.depth + WALK_EXTRA;
	for (;;) {
		while (kept && t->frame[kept - 1].slot < at.slot)
			kept--;
		if (kept) {
			const struct walk_frame *f = &t->frame[kept - 1];
			if (f->slot == at.slot && f->pc == at.pc
			    && (!f->needs_rbp || f->rbp == at.rbp)) {
				uint32_t want = count < state.depth ? state.depth - count : 1;
				uint32_t low = kept > want ? kept - want : 0;
				uint32_t bottom = t->frame[low].verify;
				uint32_t bad = walk_verify(t->word, f->verify, bottom);
				if (bad == bottom) {
					if (kept >= want || t->bottom != WALK_BOTTOM_CUT)
						break;
					kept = 0;	/* too few are known: walk on from here */
				} else {
					/* The step outward of the frame that owns word bad-1 has changed. */
					while (kept && t->frame[kept - 1].verify >= bad)
						kept--;
				}
			}
		}
		struct walk_step *s = &t->step[count];
		s->slot = at.slot;
		s->pc = at.pc;
		s->rbp = at.rbp;
		enum step_result result = step(t, lo, hi, &at, &outer, s);
		count++;
		if (result != STEP_ON || count == most) {
			kept = 0;
			t->bottom = result == STEP_END ? WALK_BOTTOM_ROOT
				: result == STEP_BROKEN ? WALK_BOTTOM_BROKEN : WALK_BOTTOM_CUT;
			if (result == STEP_BROKEN)
				missed_add(MISSED_TRUNCATED, 1);
			break;
		}
		at = outer;
	}
	push(t, kept, count);
	return cached_site(t, domain);
}

unsigned walk_check(struct thread *t, const uintptr_t *e)
{
	if (WALK_SLOT(e) < t->stack_lo || WALK_SLOT(e) >= t->stack_hi)
		return 0;
	struct place at = { WALK_SLOT(e), WALK_PC(e), WALK_RBP(e), WALK_SLOT(e) + 8, 0 }, outer = { 0 };
	struct walk_step s;
	uint32_t n = t->frames, depth = 0;
	while (n > 0 && depth < state.depth) {
		const struct walk_frame *f = &t->frame[--n];
		if (f->slot != at.slot || f->pc != at.pc)
			return depth + 1;
		enum step_result result = step(t, WALK_SLOT(e), t->stack_hi, &at, &outer, &s);
		depth++;
		if (result != STEP_ON)
			return n ? depth + 1 : 0;
		at = outer;
	}
	return 0;
}
