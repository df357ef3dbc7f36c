/* site.h - from a stack to a site number, and the trie of stacks.
 *
 * A dense open-addressing table: 64-bit hash of the stack → site. The trie
 * (LEDGER_NODES) is touched only when a hash is new.
 *
 * SI1  An entry is one word: 42 bits of the hash above 22 bits of site. With the
 *     index, 58 to 64 bits of the hash are compared: with a million sites the
 *     chance that any two stacks are confused is below 2e-6, so frames are not
 *     compared again.
 * SI2  Readers take no lock. A writer holds site_lock; a table that has grown is
 *     published whole, and the old one stays mapped, if empty, for late readers:
 *     a thread that does not find a site looks again under the lock.
 * SI3  The node of a frame is that of all frames from the outermost one to it. Where the walk does not remember
 *     nodes (deep stacks, Python's), it is found by their hash, of which 64 bits are compared. Nearly all
 *     stacks of a program that imports Python modules are new, and to find their nodes one after the other costs two
 *     cache misses for each.
 *
 * Threads: all. Signals: nested entries never come here. Fork: the child keeps
 * the tables and resets the lock (site_after_fork).
 */
#ifndef TIDEMARK_SITE_H
#define TIDEMARK_SITE_H

#include "mix.h"
#include "state.h"

#define SITE_DOMAIN_MAPPING MIX_WY_1 /* mixed into the hash */
#define SITE_DOMAIN_TRACKED MIX_WY_2
#define SITE_DOMAIN_ERROR MIX_FINAL

bool site_start(void);
void site_after_fork(void);

/* Site of the stack with this hash; 0 if not known yet. */
uint32_t site_find(uint64_t hash);
/* A guess that is right as long as a program repeats things in the order in
 * which it first did them (the order in which numbers are given). It reads
 * memory sequentially, where each look-up in the table would be a cache miss.
 * 0: the guess was wrong. */
HOT_INLINE uint32_t site_next(uint32_t site, uint64_t hash)
{
	const struct ledger_site *s = (const struct ledger_site *)ledger_at(LEDGER_SITES) + site + 1;
	return site + 1 < __atomic_load_n(&state.ledger->table[LEDGER_SITES].count, __ATOMIC_ACQUIRE)
			&& __atomic_load_n(&s->hash, __ATOMIC_RELAXED) == hash
		? site + 1
		: 0;
}

/* Adds the site. `flags`: LEDGER_SITE_*; nodes of frames are remembered in the
 * frames when `remember`. Returns LEDGER_SITE_OVERFLOW when the tables are full. */
uint32_t site_add(uint64_t hash, const struct walk_place *places, struct walk_frame *frames, uint32_t count,
	unsigned flags, bool remember);

/* Finalizer of a hash: every bit depends on every bit. */
static inline uint64_t site_mix(uint64_t h)
{
	h ^= h >> 32;
	h *= MIX_FINAL;
	h ^= h >> 32;
	h *= MIX_FINAL;
	return h ^ h >> 32;
}

/* Records the module at this address if it is new. It must be called before a site is
 * looked up by a stack that passes through the address: rule_learn does, since a rule is
 * the first thing that a walk asks for, and rules are forgotten after each dlclose. */
void site_first_seen(uintptr_t address);

/* Called under the lock for each address whose module was not known; NULL: unused. */
extern void (*site_module_is_new)(uintptr_t address);

#endif
