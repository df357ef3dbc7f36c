/* step.c - see step.h. */
#include <sys/uio.h>
#include <ucontext.h>
#include "mix.h"
#include "raw.h"
#include "rule.h"
#include "step.h"
#include "walk.h"

/* Is the page mapped? Asks the kernel. */
static bool is_page_there(uintptr_t at)
{
	char byte;
	struct iovec to = { &byte, 1 }, from = { (void *)at, 1 };
	return !state.no_syscalls && raw6(SYS_process_vm_readv, raw0(SYS_getpid), &to, 1, &from, 1, 0) == 1;
}

/* Is the whole range mapped? For the stack that sp is on, pages from that of sp
 * upward are remembered once they were probed: the page of sp itself is mapped
 * now. For other stacks, only the latest run is remembered. */
static bool probe(struct thread *t, uintptr_t sp, uintptr_t address, size_t bytes)
{
	struct probed *own = &t->probed[(sp / LEDGER_PAGE) * MIX_GOLDEN >> (64 - PROBED_BITS)],
		      *other = &t->probed_other;
	if (own->page != sp / LEDGER_PAGE || own->unmaps != state.unmaps)
		*own = (struct probed){ sp / LEDGER_PAGE, 0, state.unmaps };
	if (other->unmaps != state.unmaps)
		*other = (struct probed){ 0, 0, state.unmaps };
	if (address & 7)
		return false;
	for (uintptr_t page = address / LEDGER_PAGE; page <= (address + bytes - 1) / LEDGER_PAGE; page++) {
		if (page - own->page < own->pages || page - other->page < other->pages)
			continue;
		if (!is_page_there(page * LEDGER_PAGE))
			return false;
		if (page - own->page == own->pages)
			own->pages++;
		else if (page - other->page == other->pages)
			other->pages++;
		else
			*other = (struct probed){ page, 1, state.unmaps };
	}
	return true;
}

/* May [address, +bytes) be read? lo/hi: the stack that is known to be mapped. */
HOT_INLINE bool readable(struct thread *t, uintptr_t lo, uintptr_t hi, uintptr_t address, size_t bytes)
{
	if (likely(address >= lo && address < hi && hi - address >= bytes))
		return !(address & 7);
	return hi == 0 && probe(t, lo, address, bytes);
}

enum step_result step_outward(struct thread *t, uintptr_t lo, uintptr_t hi, const struct step_place *in,
	struct step_place *out, struct walk_step *record)
{
	uint32_t rule = rule_find(in->pc);
	uintptr_t cfa;
	record->rbp_from = NULL;
	record->extra = NULL;
	record->uses_rbp = 0;
	record->flags = in->flags;
	switch (rule_kind(rule)) {
	case RULE_SP: cfa = in->sp + (uintptr_t)rule_offset(rule); break;
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
	case RULE_END: return STEP_END;
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
		/* There is no unwind data (JIT code): uses the frame pointer, if rbp looks like one. */
		if (in->rbp < in->sp || !readable(t, lo, hi, in->rbp, 16))
			return STEP_BROKEN;
		rule = rule_make(RULE_BP, 2, 2);
		cfa = in->rbp + 16;
		record->uses_rbp = 1;
		record->flags |= WALK_BY_RBP;
		break;
	}
	/* A walk whose frames do not move up the stack would never end. */
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
	if (out->pc < WALK_LOWEST)
		return STEP_END; /* hand-written thread start routines push 0 */
	return STEP_ON;
}
