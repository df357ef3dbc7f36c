/* leaks_private.h - what the parts of leaks.h share. Private to them. */
#ifndef TIDEMARK_LEAKS_PRIVATE_H
#define TIDEMARK_LEAKS_PRIVATE_H

#include "leaks.h"

struct leaks_work {
	const struct snapshot *s;
	const struct leaks_options *o;
	struct symbols *symbols; /* o->symbols, or made here */
	struct leaks *l;
	uint8_t *state;      /* [blocks] REACH_* */
	int32_t *rule;       /* [blocks] of suppressed ones; NULL: nothing is suppressed */
	uint32_t *record_of; /* [2 * LEAK_KINDS * sites], see leaks_record_slot */
};

/* leaks_sites.c: fills l->same_site for the sites that the report will show. */
void leaks_same_sites(struct leaks_work *w);
struct symbols *leaks_symbols(struct leaks_work *w);
/* leaks_forked.c: rules that depend on more than the stack. */
struct leaks_forked {
	uint64_t fork,
		left; /* birth numbers: of the last fork, and of the last one that left threads of Python; 0 none */
	int32_t lock, thread; /* rules; -1: none */
};
void leaks_forked_find(struct leaks_forked *f, const struct snapshot *s, const struct suppress *rules);
/* The rule for a lost block; -1: none. */
int32_t leaks_forked_ask(const struct leaks_forked *f, const struct snapshot *s, uint32_t block);
/* leaks_suppress.c: sets LEAK_SUPPRESSED, and counts for each rule. */
void leaks_suppress(struct leaks_work *w);
/* leaks_group.c: groups, then retained sizes of groups and records. */
void leaks_group(struct leaks_work *w);
void leaks_retain(struct leaks_work *w);

static inline enum leak_kind leaks_kind(const struct leaks *l, uint32_t block)
{
	return (enum leak_kind)(l->kind[block] & LEAK_KIND_MASK);
}

static inline uint32_t leaks_site(const struct leaks_work *w, uint32_t block)
{
	uint32_t site = w->s->blocks[block].site;

	return site < w->s->site_count ? w->l->same_site[site] : 0;
}

/* Where the record of a block is noted. */
static inline uint64_t leaks_record_slot(const struct leaks_work *w, uint32_t block)
{
	unsigned row = leaks_kind(w->l, block) * 2u + !!(w->l->kind[block] & LEAK_SUPPRESSED);

	return (uint64_t)row * (w->s->site_count + 1) + leaks_site(w, block);
}

#endif
