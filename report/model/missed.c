/* missed.c - see missed.h. */
#include "shim/ledger.h"
#include "missed.h"

/* In the order of enum ledger_missed: a row per counter of the ledger. */
static const struct missed_counter counters[] = {
	[MISSED_NESTED] = { .name = "missed.nested",
		.one = "event has no stack: it came from a signal handler that interrupted the profiler",
		.text = "events have no stack: they came from signal handlers that interrupted the profiler",
		.events = true },
	[MISSED_EARLY] = { .name = "missed.early",
		.one = "event happened before the profiler was ready",
		.text = "events happened before the profiler was ready",
		.events = true },
	[MISSED_SITES_FULL] = { .name = "missed.sites_full",
		.one = "event has no stack: the table of sites is full",
		.text = "events have no stack: the table of sites is full",
		.always = true,
		.events = true },
	[MISSED_THREADS_FULL] = { .name = "missed.threads_full",
		.one = "thread has no record of its own: the table of threads is full",
		.text = "threads have no record of their own: the table of threads is full" },
	[MISSED_BLOCKS] = { .name = "missed.blocks",
		.one = "block was not recorded: there was no memory for the block map",
		.text = "blocks were not recorded: there was no memory for the block map",
		.always = true,
		.events = true },
	[MISSED_FREES] = { .name = "missed.frees",
		.one = "free was not seen",
		.text = "frees were not seen" },
	[MISSED_FOREIGN_FREES] = { .name = "missed.foreign_frees",
		.one = "free of a block whose allocation was not seen",
		.text = "frees of blocks whose allocation was not seen",
		.events = true },
	[MISSED_TRUNCATED] = { .name = "missed.truncated",
		.one = "call stack is incomplete (no unwind information)",
		.text = "call stacks are incomplete (no unwind information)" },
	[MISSED_MODULES_FULL] = { .name = "missed.modules_full",
		.one = "module has no name: the table of modules is full",
		.text = "modules have no name: the table of modules is full",
		.always = true },
	[MISSED_STRINGS_FULL] = { .name = "missed.strings_full",
		.one = "name was not kept: the table of strings is full",
		.text = "names were not kept: the table of strings is full",
		.always = true },
	[MISSED_MAPPINGS_FULL] = { .name = "missed.mappings_full",
		.one = "mapping was not recorded: the table of mappings is full",
		.text = "mappings were not recorded: the table of mappings is full",
		.always = true },
	[MISSED_TIMELINE] = { .name = "missed.timeline",
		.one = "point of the timeline was left out",
		.text = "points of the timeline were left out" },
	[MISSED_NO_MEMORY] = { .name = "missed.no_memory",
		.one = "allocation of the profiler itself failed",
		.text = "allocations of the profiler itself failed",
		.always = true },
	[MISSED_SNAPSHOTS] = { .name = "missed.snapshots",
		.one = "snapshot was requested but not taken",
		.text = "snapshots were requested but not taken",
		.always = true },
	[MISSED_FORK_TABLES] = { .name = "missed.fork_tables",
		.one = "forked child could not be followed",
		.text = "forked children could not be followed",
		.always = true },
	[MISSED_SECCOMP] = { .name = "missed.seccomp",
		.one = "step was skipped because of a seccomp filter",
		.text = "steps were skipped because of a seccomp filter" },
	[MISSED_ROUNDS] = { .name = "missed.rounds",
		.one = "entry of rounds was not recorded",
		.text = "entries of rounds were not recorded" },
	[MISSED_ERRORS] = { .name = "missed.errors",
		.one = "error of the program was not recorded: the table of errors is full",
		.text = "errors of the program were not recorded: the table of errors is full",
		.always = true },
	[MISSED_FOLDED] = { .name = "missed.folded",
		.one = "call stack was folded, because there are so many: repeated calls are shown once, and some outer frames "
		       "are left out; sums are exact (`run --sites`)",
		.text = "call stacks were folded, because there are so many: repeated calls are shown once, and some outer frames "
			"are left out; sums are exact (`run --sites`)",
		.always = true },
};
_Static_assert(
	sizeof(counters) / sizeof(counters[0]) == MISSED_COUNT, "each counter of the ledger has a row");

const char *missed_text(const struct missed_counter *counter, uint64_t n)
{
	return n == 1 ? counter->one : counter->text;
}

const struct missed_counter *missed_counters(size_t *count)
{
	*count = MISSED_COUNT;
	return counters;
}
