/* site.h - from a stack to a site number, and the trie of stacks.
 *
 * A dense open-addressing table: 64-bit hash of the stack → site. The trie
 * (LEDGER_NODES) is touched only when a hash is new.
 *
 * I1  An entry is one word: 42 bits of the hash above 22 bits of site. With the
 *     index, 58 to 64 bits of the hash are compared: with a million sites the
 *     chance that any two stacks are confused is below 2e-6, so frames are not
 *     compared again.
 * I2  Readers take no lock. A writer holds site_lock; a table that has grown is
 *     published whole, and the old one stays mapped, if empty, for late readers:
 *     who does not find a site looks again under the lock.
 *
 * Threads: all. Signals: nested entries never come here. Fork: the child keeps
 * the tables and resets the lock (site_after_fork).
 */
#ifndef TIDEMARK_SITE_H
#define TIDEMARK_SITE_H

#include "state.h"

#define SITE_DOMAIN_MAPPING 0xA0761D6478BD642Full	/* mixed into the hash */
#define SITE_DOMAIN_TRACKED 0xE7037ED1A0B428DBull

bool site_start(void);
void site_after_fork(void);

/* Site of `count` frames, outermost first; 0 when unknown so far. */
uint32_t site_find(uint64_t hash);
/* A guess that is right as long as a program does things in the order in which
 * it first did them (numbers are given in that order), and that touches memory
 * in order where the table is all cache misses. 0: the guess was wrong. */
HOT_INLINE uint32_t site_next(uint32_t site, uint64_t hash)
{
	const struct ledger_site *s = (const struct ledger_site *)ledger_at(LEDGER_SITES) + site + 1;
	return site + 1 < __atomic_load_n(&state.ledger->table[LEDGER_SITES].count, __ATOMIC_ACQUIRE)
		&& __atomic_load_n(&s->hash, __ATOMIC_RELAXED) == hash ? site + 1 : 0;
}

/* Makes it. `flags`: LEDGER_SITE_*; nodes of frames are remembered in the
 * frames when `remember`. Returns LEDGER_SITE_OVERFLOW when the tables are full. */
uint32_t site_add(uint64_t hash, const struct walk_place *places, struct walk_frame *frames,
	uint32_t count, unsigned flags, bool remember);

/* Finishing of a hash: every bit depends on every bit. */
static inline uint64_t site_mix(uint64_t h)
{
	h ^= h >> 32;
	h *= 0xD6E8FEB86659FD93ull;
	h ^= h >> 32;
	h *= 0xD6E8FEB86659FD93ull;
	return h ^ h >> 32;
}

/* Whose code is at this address? To be called before a site is looked for by it, once
 * after each dlclose: the rules are, as the first to be asked (rule_learn). */
void site_meet_module(uintptr_t address);
/* Under the site lock (module.c): sites whose stacks pass through replaced modules
 * are found no more; their numbers stay. */
void site_forget_replaced(void);

#endif
