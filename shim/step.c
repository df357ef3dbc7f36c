/* step.c - see step.h. */
#include <sys/uio.h>
#include <ucontext.h>
#include "raw.h"
#include "rule.h"
#include "step.h"
#include "walk.h"

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

enum step_result step_outward(struct thread *t, uintptr_t lo, uintptr_t hi,
	const struct step_place *in, struct step_place *out, struct walk_step *record)
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
