/* missed.h - what the library could not record: the coverage values "missed.*".
 *
 * Written into each snapshot by ledger_sections.c; shown by `info`, the heads of screens, the
 * summary of `run` and the HTML page.
 */
#ifndef TIDEMARK_MISSED_H
#define TIDEMARK_MISSED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct missed_counter {
	const char *name; /* "missed.early" */
	const char *one;  /* follows the number 1 */
	const char *text; /* follows another number: "events happened before ..." */
	bool always;      /* worth a warning whatever its share */
	bool events;      /* counts allocations and frees without a call stack, or without a block */
};

const char *missed_text(const struct missed_counter *counter, uint64_t n);
/* All of them, in the order of the ledger. */
const struct missed_counter *missed_counters(size_t *count);

#endif
