/* fork.c - see fork.h. */
#include "birth.h"
#include "block.h"
#include "config.h"
#include "count.h"
#include "error.h"
#include "fork.h"
#include "freeze.h"
#include "mapping.h"
#include "object.h"
#include "python.h"
#include "query.h"
#include "rule.h"
#include "site.h"
#include "spawn.h"
#include "store.h"
#include "table.h"
#include "thread.h"
#include "timeline.h"
#include "tracked.h"

/* Counts a block that the parent left to a forked child. The numbers of the parent's
 * threads mean nothing here, except for the thread that called fork, which has a new
 * number. */
static void inherit_block(void *parent, const struct block_seen *b)
{
	struct thread *t = thread_current;
	const uint32_t forked_by = *(const uint32_t *)parent;
	const uint64_t size = b->size;
	uint64_t *slot = b->place;
	uint64_t by = (uint64_t)SLOT_THREAD_MASK << SLOT_THREAD_SHIFT;
	if (slot_thread(*slot) == forked_by && forked_by != SLOT_THREAD_MASK)
		by = t->slot_bits;
	/* Pages that need no change stay shared with the parent. */
	if (*slot != slot_with_thread(*slot, by))
		*slot = slot_with_thread(*slot, by);
	uint32_t site = slot_site(*slot);
	struct ledger_counter *c = count_of(t, site);
	if (state.sample) {
		t->freed--;
		c->live_blocks++;
		c->total_blocks++;
		c->live_bytes += (int64_t)size;
		c->total_bytes += size;
	} else {
		if (!count_size(c, size, 1))
			count_new_size(c, size, 1);
		count_made(t, c, size);
		if (t->credit < 0)
			count_publish(t);
	}
	((struct ledger_site *)ledger_at(LEDGER_SITES))[site].flags |= LEDGER_SITE_INHERITED;
}

bool fork_child(void)
{
	bool left = !state.no_syscalls && thread_left_python();
	uint32_t forked_by; /* number that this thread had in the parent */
	*state.fork_word = 1;
	site_after_fork();
	python_after_fork();
	tracked_after_fork();
	rule_after_fork();
	object_after_fork();
	count_after_fork();
	timeline_after_fork();
	/* A ledger takes system calls. */
	if (state.no_syscalls || !store_fork(&forked_by)) {
		missed_add(MISSED_FORK_TABLES, 1);
		state.phase = PHASE_DORMANT;
		return false;
	}
	state.ending = 0;
	mapping_after_fork();
	block_after_fork();
	query_after_fork();
	error_after_fork();
	state.ledger->missed[MISSED_EARLY] = 0;
	thread_after_fork();
	if (thread_current == &thread_none || !table_reserve(LEDGER_SIZES, 1)
		|| !table_reserve(LEDGER_LIFETIMES, 1)) {
		state.phase = PHASE_DORMANT;
		return false;
	}
	block_each(inherit_block, &forked_by);
	thread_current->freed -= thread_current->events;
	thread_current->events = 0;
	if (left)
		state.ledger->python_left = birth_now(); /* the number of the mark */
	timeline_mark("fork", LEDGER_MARK_FORK);
	freeze_forked();
	freeze_setup(store_path(), spawn_find_collector(), NULL);
	state.ledger->state = LEDGER_RUNNING;
	if (config.watch)
		freeze_watch(true);
	return true;
}
