/* site.c - see site.h. */
#include <sys/mman.h>
#include "config.h"
#include "fold.h"
#include "lock.h"
#include "memory.h"
#include "mix.h"
#include "module.h"
#include "raw.h"
#include "site.h"
#include "table.h"
#include "walk.h"

static struct lock site_lock;
void (*site_module_is_new)(uintptr_t address);

/* Two tables: hash → site, and (parent, address) → node. */
struct site_table {
	uint64_t mask;
	uint64_t entry[];
};
struct node_table {
	uint64_t mask;
	uint32_t entry[];
};
static struct site_table *sites;
static struct node_table *nodes;
#define ALIASES_EACH 4   /* so many for each site that is kept whole: 8 to 16 bytes each */
static uint64_t aliases; /* entries of stacks that were folded: several lead to one site */

static struct site_table *make_sites(uint64_t slots)
{
	struct site_table *t = memory_map(sizeof *t + slots * sizeof t->entry[0], 0);
	if (t)
		t->mask = slots - 1;
	return t;
}

static struct node_table *make_nodes(uint64_t slots)
{
	struct node_table *t = memory_map(sizeof *t + slots * sizeof t->entry[0], 0);
	if (t)
		t->mask = slots - 1;
	return t;
}

bool site_start(void)
{
	struct ledger_table *t = state.ledger->table;
	sites = make_sites(1 << 12);
	nodes = make_nodes(1 << 13);
	if (!sites || !nodes || !table_reserve(LEDGER_SITES, 256) || !table_reserve(LEDGER_NODES, 256))
		return false;
	t[LEDGER_SITES].count = LEDGER_SITE_FIRST;
	t[LEDGER_NODES].count = 1;
	return true;
}

void site_after_fork(void) { site_lock.word = 0; }

#define ENTRY(hash, site) (((hash) & ~(uint64_t)SLOT_SITE_MASK) | (site))
/* A removed entry: a search continues past it. The one hash in 2^42 with this tag finds
 * "unknown". */
#define ENTRY_GONE (~(uint64_t)SLOT_SITE_MASK)

uint32_t site_find(uint64_t hash)
{
	const struct site_table *t = __atomic_load_n(&sites, __ATOMIC_ACQUIRE);
	uint64_t tag = hash & ~(uint64_t)SLOT_SITE_MASK;
	for (uint64_t i = hash & t->mask;; i = (i + 1) & t->mask) {
		uint64_t e = __atomic_load_n(&t->entry[i], __ATOMIC_RELAXED);
		if (!e)
			return 0;
		if ((e & ~(uint64_t)SLOT_SITE_MASK) == tag)
			return (uint32_t)e & SLOT_SITE_MASK;
	}
}

static void put_site(struct site_table *t, uint64_t hash, uint32_t site)
{
	uint64_t i = hash & t->mask;
	while (t->entry[i])
		i = (i + 1) & t->mask;
	__atomic_store_n(&t->entry[i], ENTRY(hash, site), __ATOMIC_RELEASE);
}

/* Publishes `fresh`. Late readers may not find an entry in the old table, and look
 * again under the lock: the head of that table stays, the memory of its entries is
 * given back. */
static void publish_sites(struct site_table *fresh)
{
	struct site_table *old = sites;
	__atomic_store_n(&sites, fresh, __ATOMIC_RELEASE);
	size_t bytes = ledger_page_up(sizeof *old + (old->mask + 1) * sizeof old->entry[0]);
	if (!state.no_syscalls && bytes > LEDGER_PAGE)
		raw3(SYS_madvise, (char *)old + LEDGER_PAGE, bytes - LEDGER_PAGE, MADV_DONTNEED);
}

static bool grow_sites(uint64_t count)
{
	if ((count + aliases) * 8 < (sites->mask + 1) * 5)
		return true;
	struct site_table *bigger = make_sites((sites->mask + 1) * 2);
	if (!bigger)
		return false;
	const struct ledger_site *s = ledger_at(LEDGER_SITES);
	for (uint64_t i = LEDGER_SITE_FIRST; i < state.ledger->table[LEDGER_SITES].count; i++)
		if (s[i].node && s[i].hash)
			put_site(bigger, s[i].hash, (uint32_t)i);
	publish_sites(bigger);
	aliases = 0; /* their hashes are not known any more; such stacks are folded again */
	return true;
}

/* Makes sites whose stacks pass through replaced modules impossible to find; their counters stay. */
static void forget_replaced(void)
{
	const struct ledger_module *m = ledger_at(LEDGER_MODULES);
	struct ledger_node *n = ledger_at(LEDGER_NODES);
	struct ledger_site *s = ledger_at(LEDGER_SITES);
	for (uint64_t i = 1; i < state.ledger->table[LEDGER_NODES].count; i++) /* parents come before */
		if ((m[n[i].module].flags & LEDGER_MODULE_REPLACED)
			|| (n[n[i].parent].flags & LEDGER_NODE_REPLACED))
			n[i].flags |= LEDGER_NODE_REPLACED;
	for (uint64_t i = LEDGER_SITE_FIRST; i < state.ledger->table[LEDGER_SITES].count; i++) {
		if (!s[i].hash || !(n[s[i].node].flags & LEDGER_NODE_REPLACED))
			continue;
		uint64_t at = s[i].hash & sites->mask;
		while (sites->entry[at] && sites->entry[at] != ENTRY(s[i].hash, i))
			at = (at + 1) & sites->mask;
		if (sites->entry[at])
			__atomic_store_n(&sites->entry[at], ENTRY_GONE, __ATOMIC_RELAXED);
		__atomic_store_n(&s[i].hash, 0, __ATOMIC_RELAXED);
	}
	for (uint64_t at = 0; aliases && at <= sites->mask; at++) {
		uint64_t e = sites->entry[at];
		if (e && e != ENTRY_GONE && !s[e & SLOT_SITE_MASK].hash)
			__atomic_store_n(&sites->entry[at], ENTRY_GONE, __ATOMIC_RELAXED);
	}
}

/* The module at an address; recorded now when it is new. */
static uint32_t module_of(uintptr_t address)
{
	uint32_t module = module_find(address);
	if (module)
		return module;
	bool replaced;
	module = module_add(address, &replaced);
	if (replaced)
		forget_replaced();
	module_publish(module);
	if (site_module_is_new)
		site_module_is_new(address);
	return module;
}

static uint64_t hash_node(uint32_t parent, uint64_t address, unsigned flags)
{
	return site_mix((address + flags) * MIX_GOLDEN + parent);
}

static bool grow_nodes(uint64_t count)
{
	if (count * 8 < (nodes->mask + 1) * 5)
		return true;
	struct node_table *bigger = make_nodes((nodes->mask + 1) * 2);
	if (!bigger)
		return false;
	const struct ledger_node *n = ledger_at(LEDGER_NODES);
	for (uint64_t i = 1; i < state.ledger->table[LEDGER_NODES].count; i++) {
		uint64_t at = hash_node(n[i].parent, n[i].address, n[i].flags) & bigger->mask;
		while (bigger->entry[at])
			at = (at + 1) & bigger->mask;
		bigger->entry[at] = (uint32_t)i;
	}
	struct node_table *old = nodes; /* no other thread reads it under the lock */
	nodes = bigger;
	memory_unmap(old, sizeof *old + (old->mask + 1) * sizeof old->entry[0]);
	return true;
}

/* Child of `parent` for this address; 0 if there is not one yet. */
static uint32_t find_node(uint32_t parent, uint64_t address, unsigned flags)
{
	const struct ledger_node *n = ledger_at(LEDGER_NODES);
	uint64_t at = hash_node(parent, address, flags) & nodes->mask;
	for (; nodes->entry[at]; at = (at + 1) & nodes->mask) {
		const struct ledger_node *have = &n[nodes->entry[at]];
		/* A module that is loaded again uses its nodes again; a replaced one does not (module.h). */
		if (have->parent == parent && have->address == address && have->flags == flags
			&& !module_closed(have->module))
			return nodes->entry[at];
	}
	return 0;
}

/* Adds a child; there must be room. */
static uint32_t make_node(uint32_t parent, uint64_t address, unsigned flags)
{
	struct ledger_table *t = &state.ledger->table[LEDGER_NODES];
	uint64_t index = t->count, at = hash_node(parent, address, flags) & nodes->mask;
	((struct ledger_node *)ledger_at(LEDGER_NODES))[index] = (struct ledger_node){ .parent = parent,
		.address = address,
		.flags = (uint16_t)flags,
		.module = flags & LEDGER_NODE_PYTHON
			? 0
			: (uint16_t)module_of(address - !(flags & LEDGER_NODE_SIGNAL)) };
	while (nodes->entry[at])
		at = (at + 1) & nodes->mask;
	nodes->entry[at] = (uint32_t)index;
	__atomic_store_n(&t->count, index + 1, __ATOMIC_RELEASE);
	return (uint32_t)index;
}

static unsigned node_flags(const struct walk_frame *f)
{
	return (f->flags & WALK_EXACT ? LEDGER_NODE_SIGNAL : 0)
		| (f->flags & WALK_BY_RBP ? LEDGER_NODE_BY_FRAME_POINTER : 0)
		| (f->flags & WALK_PYTHON ? LEDGER_NODE_PYTHON : 0);
}

/* SI3 */
#define PREFIX_BITS 16
static struct prefix {
	uint64_t hash; /* of the frames from the outermost one to this one */
	uint32_t node, spare;
} * prefixes; /* by hash; a newer one overwrites */
static uint64_t prefix_hash[2 * WALK_DEPTH_MAX];

static struct prefix *prefix_of(uint64_t hash) { return &prefixes[hash * MIX_GOLDEN >> (64 - PREFIX_BITS)]; }

/* How many frames, from the outermost one on, have a node that is known; *node is that of the last of them. The
 * innermost known one is found by bisection, since a frame is rarely known if the one outside of it is not. The
 * generation is in the hash: when code is unloaded, its addresses may mean something else. */
static uint32_t find_prefix(
	const struct walk_place *places, const struct walk_frame *frames, uint32_t count, uint32_t *node)
{
	uint64_t hash = state.generation;
	uint32_t known = 0, beyond = count + 1;
	if (!prefixes)
		prefixes = memory_map((sizeof *prefixes) << PREFIX_BITS, 0);
	for (uint32_t i = 0; i < count; i++)
		prefix_hash[i] = hash = (hash + places[i].pc + frames[i].flags) * MIX_SPLIT ^ hash >> 29;
	while (prefixes && beyond - known > 1) {
		uint32_t middle = known + (beyond - known) / 2;
		const struct prefix *p = prefix_of(prefix_hash[middle - 1]);
		if (p->hash == prefix_hash[middle - 1]) {
			known = middle;
			*node = p->node;
		} else {
			beyond = middle;
		}
	}
	return known;
}

static void keep_node(struct walk_frame *frame, uint32_t i, uint32_t node, bool remember)
{
	if (remember)
		frame->node = node;
	else if (prefixes)
		*prefix_of(prefix_hash[i]) = (struct prefix){ .hash = prefix_hash[i], .node = node };
}

/* The node of the innermost of these frames; 0 if the table is full. */
static uint32_t nodes_of(
	const struct walk_place *places, struct walk_frame *frames, uint32_t count, bool remember)
{
	uint32_t i = 0, node = 0, child;
	if (remember) {
		for (i = count; i > 0 && !frames[i - 1].node; i--)
			;
		if (i)
			node = frames[i - 1].node;
	} else {
		i = find_prefix(places, frames, count, &node);
	}
	for (; i < count && (child = find_node(node, places[i].pc, node_flags(&frames[i]))); i++) {
		node = child;
		keep_node(&frames[i], i, node, remember);
	}
	/* The children of a new node are new, too: their numbers are consecutive, so it
	 * is known where they will be stored, and each place is a cache miss in a large
	 * table. */
	uint64_t fresh = state.ledger->table[LEDGER_NODES].count;
	if (i < count && (!table_reserve(LEDGER_NODES, fresh + count - i) || !grow_nodes(fresh + count - i)))
		return 0;
	uint64_t parent = node, next = fresh;
	for (uint32_t k = i; k < count; k++, parent = next++)
		__builtin_prefetch(
			&nodes->entry[hash_node((uint32_t)parent, places[k].pc, node_flags(&frames[k]))
				& nodes->mask],
			1);
	for (; i < count; i++) {
		node = make_node(node, places[i].pc, node_flags(&frames[i]));
		keep_node(&frames[i], i, node, remember);
	}
	return node;
}

static uint32_t make_site(uint64_t hash, const struct walk_place *places, struct walk_frame *frames,
	uint32_t count, unsigned flags, bool remember)
{
	struct ledger_table *t = &state.ledger->table[LEDGER_SITES];
	uint64_t index = t->count;
	if (index > SLOT_SITE_MASK || !table_reserve(LEDGER_SITES, index + 1) || !grow_sites(index + 1))
		return 0;
	uint32_t node = nodes_of(places, frames, count, remember);
	if (!node)
		return 0;
	struct ledger_site *s = (struct ledger_site *)ledger_at(LEDGER_SITES) + index;
	*s = (struct ledger_site){
		.hash = hash, .node = node, .depth = (uint16_t)count, .flags = (uint16_t)flags
	};
	__atomic_store_n(&t->count, index + 1, __ATOMIC_RELEASE);
	put_site(sites, hash, (uint32_t)index);
	return (uint32_t)index;
}

static uint64_t find_sites_most(void)
{
	if (state.sites_most != CONFIG_SITES_BY_PROGRAM)
		return state.sites_most;
	return state.ledger->python_flags & LEDGER_PYTHON_FRAMES ? FOLD_SITES_PYTHON : FOLD_SITES;
}

static uint64_t hash_folded(const struct fold *f, unsigned flags)
{
	uint64_t hash = flags * MIX_STAR;
	for (uint32_t i = 0; i < f->count; i++)
		hash = (hash + f->place[i].pc + f->frame[i].flags) * MIX_GOLDEN ^ hash >> 29;
	return site_mix(hash);
}

/* The site of a stack that is folded because there are too many. `hash` is that of the whole stack: while there is
 * room, it leads to the site directly the next time. */
static uint32_t add_folded(uint64_t hash, const struct fold *f, unsigned flags)
{
	flags |= LEDGER_SITE_FOLDED | (f->cut ? LEDGER_SITE_DEPTH_CUT : 0);
	uint64_t folded = hash_folded(f, flags);
	uint32_t site = site_find(folded);
	if (!site)
		site = make_site(folded, f->place, (struct walk_frame *)f->frame, f->count, flags, false);
	uint64_t entries = state.ledger->table[LEDGER_SITES].count + aliases;
	if (site && aliases < find_sites_most() * ALIASES_EACH && entries * 8 < (sites->mask + 1) * 5) {
		put_site(sites, hash, site);
		aliases++;
		missed_add(MISSED_FOLDED, 1);
	}
	return site;
}

static uint32_t add_locked(uint64_t hash, const struct walk_place *places, struct walk_frame *frames,
	uint32_t count, unsigned flags, bool remember)
{
	static struct fold fold;
	uint32_t site = site_find(hash);
	if (site)
		return site;
	uint32_t limit = fold_limit(state.ledger->table[LEDGER_SITES].count, find_sites_most());
	if (unlikely(limit && fold_stack(&fold, places, frames, count, limit)))
		return add_folded(hash, &fold, flags);
	return make_site(hash, places, frames, count, flags, remember);
}

uint32_t site_add(uint64_t hash, const struct walk_place *places, struct walk_frame *frames, uint32_t count,
	unsigned flags, bool remember)
{
	lock_take(&site_lock);
	uint32_t site = add_locked(hash, places, frames, count, flags, remember);
	lock_release(&site_lock);
	if (!site) {
		missed_add(MISSED_SITES_FULL, 1);
		return LEDGER_SITE_OVERFLOW;
	}
	return site;
}

void site_first_seen(uintptr_t address)
{
	if (module_find(address))
		return;
	lock_take(&site_lock);
	module_of(address);
	lock_release(&site_lock);
}
