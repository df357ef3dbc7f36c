/* roots_ranges.c - what addresses outside the heap are for, out of the claims: roots_private.h.
 *
 * The same claims that say which words count say whose memory it is, once the parts of a thread's stack
 * that are dead, and tables that hold no references, are given back to what they are part of.
 */
#include <string.h>
#include "base/array.h"
#include "references.h"
#include "roots_private.h"

static uint32_t claim_kind(const struct roots *r, const struct claim *c)
{
	switch (c->rank) {
	case CLAIM_LOADER:
	case CLAIM_GLOBAL: return REGION_GLOBALS;
	case CLAIM_STACK: return REGION_STACK;
	/* A stack that is kept for the next thread is claimed whole. */
	case CLAIM_TLS:
		return c->hi - c->lo > r->libc.static_tls + r->libc.sizeof_pthread + 4096 ? REGION_STACK
											  : REGION_TLS;
	case CLAIM_OWN: return REGION_PROFILER;
	/* Mappings that an allocator made are its own. */
	case CLAIM_MAPPING: return c->kind == ROOT_MAPPING ? REGION_MAPPING : REGION_UNKNOWN;
	case CLAIM_POOL: return REGION_FOREIGN;
	/* What the program took with sbrk is a mapping like others. */
	default: return REGION_UNKNOWN;
	}
}

/* Of variables, the rest of the last page has no other use. */
static uint64_t claim_end(const struct claim *c, uint32_t kind)
{
	return kind == REGION_GLOBALS ? (c->hi + 4095) & ~4095ull : c->hi;
}

void roots_ranges(const struct roots *r, struct references *g)
{
	uint64_t room = 0;

	for (size_t i = 0; i < r->claim_count; i++) {
		const struct claim *c = &r->claims[i];
		uint32_t kind = claim_kind(r, c);

		if (kind)
			*ARRAY_ADD(g->ranges, g->range_count, room) =
				(struct roots_range){ c->lo, claim_end(c, kind), kind, c->rank };
	}
	/* The end of a thread's stack, behind its descriptor, has no other use either. */
	for (size_t i = 0; i < r->thread_count; i++) {
		const struct roots_thread *t = &r->threads[i];
		uint64_t end = t->descriptor + r->libc.sizeof_pthread;

		if (t->stack_lo && t->stack_lo < t->descriptor && r->libc.sizeof_pthread)
			*ARRAY_ADD(g->ranges, g->range_count, room) =
				(struct roots_range){ end, (end + 4095) & ~4095ull, REGION_TLS, CLAIM_TLS };
	}
}
