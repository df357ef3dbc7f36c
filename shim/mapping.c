/* mapping.c - see mapping.h. The list is short in most programs; it is searched
 * from its newest entry.
 */
#include "birth.h"
#include "count.h"
#include "lock.h"
#include "mapping.h"
#include "site.h"
#include "store.h"

static struct lock mapping_lock;

void mapping_start(void) { store_reserve(LEDGER_MAPPINGS, 64); }
void mapping_after_fork(void) { mapping_lock.word = 0; }

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

static struct ledger_mapping *entry_new(void)
{
	struct ledger_table *table = &state.ledger->table[LEDGER_MAPPINGS];
	struct ledger_mapping *m = ledger_at(LEDGER_MAPPINGS);
	for (uint64_t i = table->count; i-- > 0 && i + 64 > table->count;)
		if (!m[i].bytes)
			return &m[i];
	uint64_t index = table->count;
	if (!store_reserve(LEDGER_MAPPINGS, index + 1)) {
		missed_add(MISSED_MAPPINGS_FULL, 1);
		return NULL;
	}
	m[index].bytes = 0;
	__atomic_store_n(&table->count, index + 1, __ATOMIC_RELEASE);
	return &m[index];
}

/* Under the lock: cuts [lo, hi) out of every entry. */
static void cut(struct thread *t, uintptr_t lo, uintptr_t hi)
{
	struct ledger_mapping *m = ledger_at(LEDGER_MAPPINGS);
	uint64_t count = state.ledger->table[LEDGER_MAPPINGS].count;
	for (uint64_t i = count; i-- > 0;) {
		uintptr_t from = m[i].address, to = from + m[i].bytes;
		if (!m[i].bytes || to <= lo || from >= hi)
			continue;
		uintptr_t a = from > lo ? from : lo, b = to < hi ? to : hi;
		charge(t, m[i].site, -(int64_t)(b - a), a == from && b == to ? -1 : 0, false);
		if (a == from && b == to) {
			m[i].bytes = 0;
		} else if (a == from) {
			m[i].address = b;
			m[i].bytes = to - b;
		} else {
			m[i].bytes = a - from;
			if (b < to) {
				struct ledger_mapping rest = m[i], *r = entry_new();
				rest.address = b;
				rest.bytes = to - b;
				if (r) {
					*r = rest;
					charge(t, rest.site, 0, 1, false);
				} else {
					charge(t, rest.site, -(int64_t)rest.bytes, 0, false);
				}
			}
		}
	}
	count = state.ledger->table[LEDGER_MAPPINGS].count;	/* a remainder may have been put at the end */
	while (count && !m[count - 1].bytes)
		count--;
	state.ledger->table[LEDGER_MAPPINGS].count = count;
}

void mapping_made(struct thread *t, uintptr_t address, uint64_t bytes, int protection, int flags,
	const uintptr_t *e)
{
	uint32_t site = walk_slow(t, e, SITE_DOMAIN_MAPPING);
	bytes = (bytes + 4095) & ~(uint64_t)4095;
	lock_take(&mapping_lock);
	cut(t, address, address + bytes);	/* MAP_FIXED replaces */
	struct ledger_mapping *m = entry_new();
	if (m) {
		*m = (struct ledger_mapping){ .address = address, .bytes = bytes, .site = site,
			.birth = birth_now(), .thread = t->number,
			.flags = (uint32_t)(flags & 0xffff) | (uint32_t)protection << 16 };
		charge(t, site, (int64_t)bytes, 1, true);
	}
	lock_release(&mapping_lock);
}

void mapping_gone(struct thread *t, uintptr_t address, uint64_t bytes)
{
	__atomic_fetch_add(&state.unmaps, 1, __ATOMIC_RELAXED);
	lock_take(&mapping_lock);
	cut(t, address, address + ((bytes + 4095) & ~(uint64_t)4095));
	lock_release(&mapping_lock);
}
