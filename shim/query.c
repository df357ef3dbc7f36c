/* query.c - see query.h. */
#include <errno.h>
#include "freeze.h"
#include "lock.h"
#include "query.h"
#include "table.h"

/* Guards the question and its answer in the ledger. */
static struct lock query_lock;

static int ask_locked(enum ledger_query kind, uintptr_t address)
{
	struct ledger_header *h = state.ledger;
	uint64_t *count = &h->table[LEDGER_ANSWERS].count;
	if (!table_reserve(LEDGER_ANSWERS, h->table[LEDGER_ANSWERS].capacity))
		return ENOMEM;
	*count = 0;
	h->query_kind = kind;
	h->query_address = address;
	int error = freeze_snapshot(LEDGER_REASON_API, NULL, REQUEST_FLAG_QUERY);
	return !error && !__atomic_load_n(count, __ATOMIC_ACQUIRE) ? ENODATA : error;
}

int query_ask(enum ledger_query kind, uintptr_t address, struct query_answer *a)
{
	lock_take(&query_lock);
	int error = ask_locked(kind, address);
	if (!error) {
		const uint64_t *from = ledger_at(LEDGER_ANSWERS);
		uint64_t count = state.ledger->table[LEDGER_ANSWERS].count, i = 0;
		for (; i < a->words && i < count; i++)
			a->word[i] = from[i];
		for (uint64_t n = 0; n < a->capacity && i < count; n++, i++)
			a->list[n] = (void *)from[i];
	}
	lock_release(&query_lock);
	return error;
}

void query_after_fork(void) { query_lock.word = 0; }
