/* watch.h - snapshots by time and by condition (--every, --when).
 *
 * `tidemark collect --watch` runs beside the process: it looks at the ledger
 * and at /proc, and asks for a snapshot the way `snap` does.
 *
 * W1  It never stops the process except for a snapshot, and never outlives it by more
 *     than one look.
 * W2  A condition fires when it becomes true, not while it is; `live+20%` looks
 *     at what lived at the last snapshot.
 * W3  A snapshot that could not be taken does not end the watch; one that cannot be
 *     waited for does.
 * W4  Each snapshot is taken by a process of its own, which has ended before the
 *     next look: nothing in the program stays traced.
 * W5  Free memory is measured only where a condition asks for it, and takes about a hundredth of a processor at
 *     most: the larger the heap, the longer until the next time.
 */
#ifndef TIDEMARK_WATCH_H
#define TIDEMARK_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "collect_output.h"

enum watch_what {
	WATCH_RSS,
	WATCH_LIVE,
	WATCH_ALLOCATIONS,
	WATCH_LIVE_GROWTH,
	WATCH_WASTE,       /* free memory and slack: bytes */
	WATCH_WASTE_SHARE, /* of resident memory, from a MiB on */
};

struct watch_condition {
	enum watch_what what;
	uint64_t limit; /* bytes or allocations */
	double share;   /* WATCH_LIVE_GROWTH, WATCH_WASTE_SHARE */
	bool was_true;
};

/* What is looked at. */
struct watch_values {
	uint64_t rss, live, allocations;
	uint64_t wasted, resident; /* when they were last measured (held.h) */
};

/* "rss>2G", "live>500M", "live+20%", "allocs>1000000", "waste>30%", "waste>1G". */
int watch_parse(const char *text, struct watch_condition *c, struct tide_error *e);
/* Does it fire? `live_before`: at the last snapshot. */
bool watch_fires(struct watch_condition *c, const struct watch_values *now, uint64_t live_before);

/* Watches the process of a ledger until it ends. `pid` and `settings` are known to a watcher that `run`
 * has started; 0 and NULL: what the ledger says, before the program itself has run. */
int watch_process(const char *ledger, int pid, const struct collect_settings *settings, struct tide_error *e);

#endif
