/* query.h - asks the collector about references, for tide_collect and similar
 * calls.
 *
 * Threads: all; one question at a time, the others wait. Signals: not from nested
 * entries. Fork: query_after_fork.
 */
#ifndef TIDEMARK_QUERY_H
#define TIDEMARK_QUERY_H

#include "ledger.h"

/* Where an answer is stored (its content: enum ledger_query): the first words, then a list.
 * Fields that the answer does not have are left unchanged. */
struct query_answer {
	uint64_t word[10];
	uint32_t words; /* how many of them are wanted */
	void **list;
	uint64_t capacity; /* of the list */
};

/* Asks about the block at an address, or the whole heap. Returns 0 or an errno value. */
int query_ask(enum ledger_query kind, uintptr_t address, struct query_answer *a);
void query_after_fork(void);

#endif
