/* tracked.c - see tracked.h. */
#include "tracked.h"
#include "birth.h"
#include "count.h"
#include "event.h"
#include "lock.h"
#include "site.h"
#include "table.h"

#define DOMAIN_MOST TRACKED_ROOT_REGION /* from here on entries are notes */

static struct lock lock;
static uint64_t spare; /* entries that were given back, at least */

void tracked_after_fork(void) { lock.word = 0; }

static struct ledger_tracked *find_entry(unsigned domain, uintptr_t p)
{
	struct ledger_tracked *n = ledger_at(LEDGER_TRACKED);
	for (uint64_t i = state.ledger->table[LEDGER_TRACKED].count; i-- > 0;)
		if (n[i].address == p && n[i].domain == domain && n[i].bytes)
			return &n[i];
	return NULL;
}

static struct ledger_tracked *find_spare(void)
{
	struct ledger_tracked *n = ledger_at(LEDGER_TRACKED);
	for (uint64_t i = state.ledger->table[LEDGER_TRACKED].count; i-- > 0;)
		if (!n[i].bytes && n[i].domain < DOMAIN_MOST)
			return &n[i];
	return NULL;
}

static void count_entry(struct thread *t, const struct ledger_tracked *n, int sign)
{
	struct ledger_counter *c = count_of(t, n->site);
	count_touch(c);
	c->live_bytes += sign * (int64_t)n->bytes;
	c->live_blocks += sign;
}

void tracked_put(struct thread *t, const uintptr_t *e, unsigned domain, uintptr_t p, uint64_t bytes)
{
	uint32_t site = state.python_site ? state.python_site(t, e, SITE_DOMAIN_TRACKED + domain)
					  : walk_slow(t, e, SITE_DOMAIN_TRACKED + domain);
	struct ledger_tracked entry = { .address = p, .bytes = bytes, .site = site, .domain = domain };
	struct ledger_counter *c = count_of(t, site);
	count_entry(t, &entry, 1);
	c->total_bytes += bytes;
	c->total_blocks++;
	lock_take(&lock);
	struct ledger_tracked *to = spare ? find_spare() : NULL;
	if (to) {
		spare--;
		entry.birth = birth_advance();
		entry.thread = t->number;
		*to = entry;
	} else {
		event_note(p, bytes, domain, site);
	}
	lock_release(&lock);
}

bool tracked_take(struct thread *t, unsigned domain, uintptr_t p)
{
	struct ledger_tracked was = { 0 };
	lock_take(&lock);
	struct ledger_tracked *n = find_entry(domain, p);
	if (n) {
		was = *n;
		n->bytes = 0;
		spare++;
	}
	lock_release(&lock);
	if (n)
		count_entry(t, &was, -1);
	return n != NULL;
}
