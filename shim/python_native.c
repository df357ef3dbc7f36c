/* python_native.c - the native frames of a stack, one by one; see python_private.h. */
#include "python_private.h"
#include "site.h"
#include "step.h"
#include "walk.h"

/* The rest of the list, from frame[kept - 1] of the cache of walks outward. */
static unsigned list_cached(struct thread *t, uint32_t kept, unsigned count, unsigned *flags)
{
	while (kept && count < state.depth) {
		struct walk_step *s = &t->step[count++];
		kept--;
		s->slot = t->place[kept].slot;
		s->pc = t->place[kept].pc + (t->frame[kept].flags & WALK_EXACT);
		s->flags = t->frame[kept].flags;
	}
	*flags = kept || t->bottom == WALK_BOTTOM_CUT ? LEDGER_SITE_DEPTH_CUT
		: t->bottom == WALK_BOTTOM_BROKEN     ? LEDGER_SITE_BROKEN
						      : 0;
	t->step[count].slot = kept ? t->place[kept - 1].slot : UINTPTR_MAX;
	return count;
}

unsigned python_native_list(struct thread *t, const uintptr_t *e, unsigned *flags)
{
	bool own = WALK_SLOT(e) >= t->stack_lo && WALK_SLOT(e) < t->stack_hi;
	struct step_place at = { WALK_SLOT(e), WALK_PC(e), WALK_RBP(e), WALK_SLOT(e) + 8, 0 }, outer = { 0 };
	enum step_result result = STEP_ON;
	unsigned count = 0;
	while (result == STEP_ON && count < state.depth) {
		uint32_t kept = own ? walk_known(t, &at, state.depth - count) : 0;
		if (kept)
			return list_cached(t, kept, count, flags);
		struct walk_step *s = &t->step[count++];
		s->slot = at.slot;
		s->pc = at.pc;
		result = step_outward(t, WALK_SLOT(e), own ? t->stack_hi : 0, &at, &outer, s);
		at = outer;
	}
	*flags = result == STEP_ON ? LEDGER_SITE_DEPTH_CUT : result == STEP_BROKEN ? LEDGER_SITE_BROKEN : 0;
	/* The end of the outermost frame, for the search in python_site.c. */
	t->step[count].slot = result == STEP_ON ? at.slot : UINTPTR_MAX;
	return count;
}
