/* top_model.h - the numbers of the live view: before, now, and the difference.
 *
 *   snapshot ──top_model_take──▶ struct top_model ──top_model_rows──▶ rows
 *
 * Called by top_session.c once per update; knows no files, names or terminals.
 *
 * TM1  Site and thread numbers of a running process keep their meaning (ledger.h, LG1),
 *      so updates are compared by number. For another process: free and start again.
 * TM2  Growth is counted from the mark; the first update is the first mark.
 * TM3  Mappings and tracked domains are left out, as in the totals of the process.
 */
#ifndef TIDEMARK_TOP_MODEL_H
#define TIDEMARK_TOP_MODEL_H

#include <stdbool.h>
#include "model/snapshot.h"

enum top_group { TOP_SITE, TOP_FUNCTION, TOP_MODULE, TOP_THREAD, TOP_GROUPS };
enum top_sort {
	TOP_LIVE,
	TOP_BLOCKS,
	TOP_GROWTH,
	TOP_RATE,
	TOP_PEAK,
	TOP_TOTAL,
	TOP_ALLOCATIONS,
	TOP_TEMPORARY,
	TOP_SORTS
};

struct top_counts {
	int64_t live_bytes, live_blocks, peak_bytes;
	uint64_t total_bytes, total_blocks, temporary;
};

struct top_set { /* sites, or threads; `before` and `mark` may be shorter than `now` */
	struct top_counts *now, *before, *mark;
	size_t count, before_count, mark_count;
};

struct top_moment {
	uint64_t ns;
	int64_t live_bytes;
}; /* since the start of the process */

#define TOP_MOMENTS 4096u

struct top_model {
	struct top_set sites, threads;
	struct tide_process process; /* of the last update; its strings belong to a snapshot */
	uint64_t updates;
	uint64_t now_ns, before_ns, mark_ns; /* since the start of the process */
	int64_t mark_live_bytes, mark_live_blocks;
	double bytes_per_second, blocks_per_second; /* allocated since the previous update */
	struct top_moment *moments;                 /* at most TOP_MOMENTS: every other one goes when full */
	size_t moment_count;
};

void top_model_take(struct top_model *m, const struct snapshot *s);
void top_model_mark(struct top_model *m);
void top_model_free(struct top_model *m);

/* Live bytes over the whole run: `cells` equal spans of time, the most in each. */
void top_model_curve(const struct top_model *m, double *values, size_t cells);

struct top_row {
	uint32_t key;  /* site, thread, or number of a name */
	uint32_t site; /* that holds most of it; 0 for threads */
	uint32_t sites;
	struct top_counts now;
	int64_t growth_bytes, growth_blocks;
	double rate;  /* allocated bytes a second */
	int64_t most; /* live bytes of `site` */
};

struct top_query {
	enum top_group group;
	enum top_sort sort;
	const uint32_t *name; /* by site, for TOP_FUNCTION and TOP_MODULE; below name_count */
	size_t name_count;
	const bool *keep; /* by site (or thread); NULL: all */
};

/* Rows with something in them, largest first; to be freed. */
struct top_row *top_model_rows(const struct top_model *m, const struct top_query *q, size_t *count);
/* The value that a row is sorted by. */
double top_model_value(const struct top_row *row, enum top_sort sort);

#endif
