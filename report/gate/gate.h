/* gate.h - what a gate measured, and what it found.
 *
 *   snapshots ──gate_measure──▶ struct gate_measure ──┐
 *   baseline  ──gate_baseline─▶ struct gate_baseline ─┼─gate_judge─▶ struct gate_result ─▶ outputs
 *   gate file ──gate_config───▶ limits, suppressions ─┘
 *
 * GJ1 gate_judge reads nothing but its arguments: no clock, no file, no symbols. Findings
 *     name their site by its index; gate_measure_stacks adds call stacks afterwards.
 * GJ2 What could not be measured is never judged: the result is one finding and the verdict
 *     cannot-measure, whatever else is true.
 * GJ3 Strings in findings are copies: a result outlives what it was made from.
 */
#ifndef TIDEMARK_GATE_H
#define TIDEMARK_GATE_H

#include <stdbool.h>
#include <stdio.h>
#include "gate_baseline.h"
#include "gate_config.h"
#include "analysis/growth.h"
#include "analysis/leaks.h"
#include "base/intern.h"

struct gate_frame {
	char *function, *file, *module, *language; /* file, module: NULL when unknown */
	unsigned line;
	uint64_t address;
	bool inlined;
};

struct gate_stack {
	struct gate_frame *frame; /* innermost first */
	size_t count;
	char *snapshot; /* the file it was found in; NULL */
};

/* A call stack: a site of the judged snapshot of a process. */
struct gate_origin {
	uint32_t process, site;
};

/* The type that all lost blocks of one kind have: 0 none were seen, else an element of gate_measure.types, or ... */
#define GATE_TYPE_UNKNOWN UINT32_MAX /* of some of them no type is proved, or there are several */
struct gate_types {
	uint32_t of[LEAK_INDIRECT + 1]; /* by enum leak_kind; elements are counted from 1 up */
};

/* Where a call stack is shown. */
struct gate_spot {
	char *function; /* of the place shown */
	char *caller;   /* nearest to the allocator, wrappers left out */
	char *file;     /* relative to the source root; NULL: no frame inside of it */
	unsigned line;
};

/* Lost blocks of those sites of one key that are shown at one line. */
struct gate_line {
	char *file; /* NULL: as above */
	unsigned line;
	uint64_t lost_blocks, lost_bytes, unreferenced_blocks, unreferenced_bytes, cycle_blocks, cycle_bytes,
		below_blocks, below_bytes;
	struct gate_types types;
	struct gate_origin origin; /* of the first of them */
};

/* An error with memory that the library saw. */
struct gate_error {
	char *message, *key;
	uint64_t count;
	struct gate_spot spot; /* of the call that is wrong */
	struct gate_origin origin;
};

/* Objects of one Python type that a lost reference keeps (types_view.h), in all processes. */
struct gate_refleak {
	char *type;
	uint64_t objects, references, bytes; /* bytes: of all objects of the type */
	struct gate_spot spot;               /* where most of them were made */
	struct gate_origin origin;
	struct growth growth; /* of the objects, over the snapshots of a series */
};

/* All sites of all processes that have one key (site_key.h). */
struct gate_site {
	char *key;
	char *function; /* of the place shown */
	char *caller;   /* nearest to the allocator, wrappers left out */
	char *file;     /* relative to the source root; NULL: no frame inside of it */
	unsigned line;
	uint64_t live_blocks, live_bytes; /* all that is not freed, lost blocks too */
	uint64_t peak_bytes;
	uint64_t total_blocks, total_bytes; /* over the whole run */
	uint64_t lost_blocks, lost_bytes;   /* of every kind, suppressed ones left out */
	uint64_t unreferenced_blocks, unreferenced_bytes;
	uint64_t cycle_blocks, cycle_bytes; /* members of root cycles */
	uint64_t below_blocks, below_bytes; /* lost, held by this site's lost blocks */
	struct gate_types types;
	struct growth growth;
	bool suppressed;         /* by its stack: neither growth nor live is judged */
	size_t origin;           /* index in gate_sources.origins (gate_private.h) */
	struct gate_line *lines; /* of lost blocks, by file and line; a key is made of names only */
	size_t line_count, line_capacity;
};

struct gate_suppressed {
	char *name, *why; /* section; "built-in" */
	uint64_t blocks, bytes;
};

/* Bytes, and of how many. */
struct gate_share {
	uint64_t bytes, of;
};

struct gate_measure {
	char *unmeasured; /* why nothing can be said; NULL: measured */
	char *blind;      /* a process whose memory was not seen (blind.h); NULL */
	char *exe, *arch, *libc;
	char **snapshots;
	size_t snapshot_count;
	uint64_t live_blocks, live_bytes; /* whole scenario, lost blocks too */
	uint64_t peak_bytes;              /* largest of the processes */
	uint64_t rss_bytes;               /* resident, without the profiler's own; largest of the processes */
	bool keeps_rss;                   /* a baseline made of this has rss_bytes */
	bool keeps_waste;                 /* a baseline made of this has waste_bytes and pinned_bytes */
	struct gate_share waste, pinned;  /* of resident memory; of the process that has most */
	bool waste_unknown;               /* of some process */
	uint64_t events, missed;
	uint64_t rounds, rounds_missed; /* of the process that has most */
	struct gate_site *sites;
	size_t site_count; /* sorted by key, each once */
	struct gate_suppressed *suppressed;
	size_t suppressed_count, suppressed_capacity;
	struct gate_error *errors;
	size_t error_count, error_capacity;
	struct gate_refleak *refleaks; /* worst first */
	size_t refleak_count, refleak_capacity;
	size_t python_processes;      /* whose reference counts were judged */
	char *python_unknown;         /* why those of a process could not be; NULL */
	struct intern types;          /* of lost blocks */
	struct gate_sources *sources; /* open snapshots; NULL when there are none */
};

/* NULL: there is no such block, or they have not all the same type. */
static inline const char *gate_type_name(
	const struct gate_measure *m, const struct gate_types *t, enum leak_kind kind)
{
	return t->of[kind] && t->of[kind] != GATE_TYPE_UNKNOWN ? m->types.text[t->of[kind] - 1] : NULL;
}

enum gate_kind {
	GATE_KIND_LEAKED,
	GATE_KIND_CYCLE,
	GATE_KIND_GROWING,
	GATE_KIND_OVER_BUDGET,
	GATE_KIND_OVER_BASELINE,
	GATE_KIND_EXPIRED,
	GATE_KIND_MOVED,
	GATE_KIND_IMPROVED,
	GATE_KIND_SUPPRESSED,
	GATE_KIND_FLAKY,
	GATE_KIND_UNUSED,
	GATE_KIND_UNMEASURED,
	GATE_KIND_ERROR,
	GATE_KINDS
};
struct gate_kind_name {
	const char *name, *summary, *help;
};
extern const struct gate_kind_name gate_kind[GATE_KINDS];

#define GATE_NO_SITE SIZE_MAX
struct gate_finding {
	enum gate_kind kind;
	bool fails;
	char *message;
	uint64_t blocks, bytes;
	char *limit;     /* "leaked = 0"; NULL */
	int limit_key;   /* enum gate_limit_key; -1: none */
	char *key;       /* site; NULL: the whole */
	size_t site;     /* index in gate_measure.sites; GATE_NO_SITE */
	bool has_origin; /* the stack is that of `origin`, not of the site */
	struct gate_origin origin;
	unsigned part; /* of the findings that have this kind and key: 0 the first, by line */
	char *type;    /* of the lost blocks, where all of them have the same; NULL */
	char *function, *file, *owner, *suppression; /* each may be NULL */
	unsigned line;
	int config_line;         /* of the gate file, where that is the place; else 0 */
	struct gate_stack stack; /* empty until gate_measure_stacks */
};

enum gate_verdict { GATE_PASS, GATE_FAIL, GATE_UNMEASURED };

struct gate_result {
	char *scenario;
	enum gate_verdict verdict;
	char *reason; /* why it could not be measured; NULL */
	char **snapshots;
	size_t snapshot_count;
	struct gate_finding *findings;
	size_t finding_count, finding_capacity;
	uint64_t sites, live_bytes, peak_bytes, lost_bytes, elapsed_ms;
	bool judged[GATE_LIMIT_KEYS]; /* limits that were in force */
	int config_line;
};

/* Judges one scenario. `baseline` may be NULL. */
void gate_judge(const struct gate_config *c, const struct gate_scenario *s, const struct gate_measure *m,
	const struct gate_baseline *baseline, struct gate_result *r);
/* The scenario was run again: what did not fail a second time becomes flaky. `again` is used up. */
void gate_confirm(struct gate_result *r, struct gate_result *again);
/* After all scenarios: expired (`today` as 20270331) and unused suppressions. used[i]: suppression i matched something. */
void gate_judge_suppressions(
	const struct gate_config *c, struct gate_result *r, size_t count, const bool *used, uint32_t today);
/* --strict: what is only a warning fails. */
void gate_strict(struct gate_result *r);
/* Recomputes the verdict from the findings; the worst of several is EXIT_*. */
void gate_settle(struct gate_result *r);
int gate_status(const struct gate_result *r, size_t count);
void gate_result_free(struct gate_result *r);

struct gate_finding *gate_finding_add(struct gate_result *r, enum gate_kind kind, bool fails);
/* Failing ones first, then by bytes. */
void gate_sort(struct gate_result *r);
const char *gate_verdict_name(enum gate_verdict v);

#endif
