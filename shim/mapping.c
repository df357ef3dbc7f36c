/* mapping.c - see mapping.h. The entries are found by address through a treap
 * (Aragon and Seidel, 1989): a search tree by address that is a heap by a hash of
 * the entry's number, so that a lookup among 50,000 mappings takes about sixteen
 * steps. Entries never overlap.
 */
#include "birth.h"
#include "count.h"
#include "lock.h"
#include "mapping.h"
#include "memory.h"
#include "mix.h"
#include "site.h"
#include "table.h"

/* The links of entry n - 1; n == 0 means no entry. An unused entry has the next unused one in `left`. */
struct link {
	uint32_t left, right;
};

static struct lock mapping_lock;
static struct link *links;
static uint64_t links_room;
static uint32_t tree, unused;

void mapping_start(void) { table_reserve(LEDGER_MAPPINGS, 64); }

/* Sites of mappings have counters like others, but never touch the process's. */
static void charge(struct thread *t, uint32_t site, int64_t bytes, int blocks, bool fresh)
{
	struct ledger_counter *c = count_of(t, site);
	count_touch(c);
	c->live_bytes += bytes;
	c->live_blocks += blocks;
	if (fresh) {
		if (!count_size(c, (uint64_t)bytes, 1))
			count_new_size(c, (uint64_t)bytes, 1);
		c->total_bytes += (uint64_t)bytes;
		c->total_blocks++;
	}
}

/* --- the tree, under the lock ---------------------------------------------- */

static inline struct ledger_mapping *entry(uint32_t n)
{
	return (struct ledger_mapping *)ledger_at(LEDGER_MAPPINGS) + n - 1;
}

static inline uint32_t rank(uint32_t n)
{
	n *= MIX_MURMUR_1; /* MurmurHash3's finalizer: Appleby, 2011 */
	n = (n ^ n >> 13) * MIX_MURMUR_2;
	return n ^ n >> 16;
}

/* The lowest entry that ends above `address`. */
static uint32_t first_above(uintptr_t address)
{
	uint32_t best = 0;
	for (uint32_t n = tree; n;) {
		const struct ledger_mapping *m = entry(n);
		bool above = m->address + m->bytes > address;
		best = above ? n : best;
		n = above ? links[n - 1].left : links[n - 1].right;
	}
	return best;
}

static void insert_in_tree(uint32_t n)
{
	const uintptr_t address = entry(n)->address;
	uint32_t *at = &tree;
	while (*at && rank(*at) > rank(n))
		at = entry(*at)->address < address ? &links[*at - 1].right : &links[*at - 1].left;
	/* Splits the subtree: lower entries go to the left of n, the others to the right. */
	uint32_t rest = *at, *lower = &links[n - 1].left, *upper = &links[n - 1].right;
	*at = n;
	while (rest) {
		bool low = entry(rest)->address < address;
		uint32_t **end = low ? &lower : &upper;
		**end = rest;
		*end = low ? &links[rest - 1].right : &links[rest - 1].left;
		rest = **end;
	}
	*lower = *upper = 0;
}

/* False if it is missing: a handler left by longjmp in the middle of a change (LC2). */
static bool remove_from_tree(uint32_t n)
{
	const uintptr_t address = entry(n)->address;
	uint32_t *at = &tree;
	while (*at != n) {
		if (!*at)
			return false;
		at = entry(*at)->address < address ? &links[*at - 1].right : &links[*at - 1].left;
	}
	uint32_t a = links[n - 1].left, b = links[n - 1].right;
	while (a && b) {
		bool left = rank(a) > rank(b);
		uint32_t top = left ? a : b;
		*at = top;
		at = left ? &links[top - 1].right : &links[top - 1].left;
		*(left ? &a : &b) = *at;
	}
	*at = a ? a : b;
	return true;
}

static bool make_links(void)
{
	links_room = state.ledger->table[LEDGER_MAPPINGS].capacity;
	links = memory_map(links_room * sizeof *links, 0);
	return links;
}

static void leave_unused(uint32_t n)
{
	links[n - 1].left = unused;
	unused = n;
}

/* The list was copied from the parent's, which has kept changing since the fork:
 * entries may not be where our tree has them. */
void mapping_after_fork(void)
{
	mapping_lock.word = 0;
	tree = unused = 0;
	if (links)
		memory_unmap(links, links_room * sizeof *links);
	links = NULL;
	uint32_t count = (uint32_t)state.ledger->table[LEDGER_MAPPINGS].count;
	if (!count || !make_links())
		return;
	for (uint32_t n = 1; n <= count; n++)
		if (entry(n)->bytes)
			insert_in_tree(n);
		else
			leave_unused(n);
}

/* --- entries, under the lock ------------------------------------------------- */

/* False if there is no room. */
static bool put_entry(const struct ledger_mapping *m)
{
	struct ledger_table *table = &state.ledger->table[LEDGER_MAPPINGS];
	uint32_t n = unused;
	if (n) {
		unused = links[n - 1].left;
	} else if (table_reserve(LEDGER_MAPPINGS, table->count + 1) && (links || make_links())) {
		n = (uint32_t)table->count + 1;
		entry(n)->bytes = 0;
		__atomic_store_n(&table->count, n, __ATOMIC_RELEASE);
	} else {
		missed_add(MISSED_MAPPINGS_FULL, 1);
		return false;
	}
	*entry(n) = *m;
	insert_in_tree(n);
	return true;
}

/* Cuts [lo, hi) out of every entry. */
static void cut(struct thread *t, uintptr_t lo, uintptr_t hi)
{
	uint32_t n;
	while ((n = first_above(lo)) && entry(n)->address < hi) {
		struct ledger_mapping *m = entry(n), rest = *m;
		uintptr_t from = m->address, to = from + m->bytes;
		uintptr_t a = from > lo ? from : lo, b = to < hi ? to : hi;
		charge(t, m->site, -(int64_t)(b - a), a == from && b == to ? -1 : 0, false);
		if (a == from && b == to) {
			bool removed = remove_from_tree(n);
			m->bytes = 0;
			if (!removed)
				return;
			leave_unused(n);
		} else if (a == from) {
			m->address = b;
			m->bytes = to - b;
		} else {
			m->bytes = a - from;
			if (b < to) {
				rest.address = b;
				rest.bytes = to - b;
				if (put_entry(&rest))
					charge(t, rest.site, 0, 1, false);
				else
					charge(t, rest.site, -(int64_t)rest.bytes, 0, false);
			}
		}
	}
}

void mapping_made(
	struct thread *t, uintptr_t address, uint64_t bytes, int protection, int flags, const uintptr_t *e)
{
	uint32_t site = state.python_site ? state.python_site(t, e, SITE_DOMAIN_MAPPING)
					  : walk_slow(t, e, SITE_DOMAIN_MAPPING);
	bytes = ledger_page_up(bytes);
	lock_take(&mapping_lock);
	cut(t, address, address + bytes); /* MAP_FIXED replaces */
	if (put_entry(&(struct ledger_mapping){ .address = address,
		    .bytes = bytes,
		    .site = site,
		    .birth = birth_now(),
		    .thread = t->number,
		    .flags = (uint32_t)(flags & 0xffff) | (uint32_t)protection << 16 }))
		charge(t, site, (int64_t)bytes, 1, true);
	lock_release(&mapping_lock);
}

void mapping_gone(struct thread *t, uintptr_t address, uint64_t bytes)
{
	__atomic_fetch_add(&state.unmaps, 1, __ATOMIC_RELAXED);
	lock_take(&mapping_lock);
	cut(t, address, address + ledger_page_up(bytes));
	lock_release(&mapping_lock);
}

bool mapping_holds(uintptr_t address)
{
	lock_take(&mapping_lock);
	uint32_t n = first_above(address);
	bool holds = n && entry(n)->address <= address;
	lock_release(&mapping_lock);
	return holds;
}
