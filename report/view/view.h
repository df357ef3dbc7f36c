/* view.h - which blocks of a snapshot count, and how they are summed.
 *
 *   view_load ──▶ struct view (per site: measures of what was selected)
 *   views ──view_group(key)──▶ rows ──view_sort──▶ a table
 *
 * Used by every verb that shows sites (stat, tree, diff, export, refs, retained).
 *
 * VW1  Selection: --filter, --exclude (on the caller's frame, or on every frame with
 *     --all-frames), thread: patterns, --since, --until, --min-age, the domain.
 * VW2  --since, --until and --min-age select live blocks; live_* of what is left is
 *     exact, every other measure stays that of the site over the whole run.
 * VW3  thread: patterns give live_* and total_* of these threads; other measures are 0.
 *     `known` says which measures mean something.
 * VW4  A site whose measures are all zero after selection is not `kept`.
 * VW5  Strings in rows belong to the symbols of their view, or to the group.
 * VW6  Blocks that were not sampled have sites without counters: not `kept`, but `has_blocks`, as all others that
 *     were selected.
 */
#ifndef TIDEMARK_VIEW_H
#define TIDEMARK_VIEW_H

#include "model/snapshot.h"
#include "analysis/suppress.h"
#include "selection.h"
#include "symbol/symbol.h"

enum view_measure {
	LIVE_BYTES,
	LIVE_BLOCKS,
	PEAK_BYTES,
	PEAK_BLOCKS,
	TOTAL_BYTES,
	TOTAL_BLOCKS,
	TEMPORARY,
	REALLOCATIONS,
	LOST_BYTES, /* only after view_find_lost */
	LOST_BLOCKS,
	MEASURES
};
struct measures {
	int64_t of[MEASURES];
};

/* Unsigned addition: corrupt input may wrap, which is harmless. */
static inline void view_add(int64_t *to, int64_t n) { *to = (int64_t)((uint64_t)*to + (uint64_t)n); }

static inline void measures_add(struct measures *to, const struct measures *m)
{
	for (unsigned k = 0; k < MEASURES; k++)
		view_add(&to->of[k], m->of[k]);
}

/* A measure as bytes and as blocks, which differences show beside each other. */
struct view_pair {
	enum view_measure bytes, blocks; /* MEASURES: there are none */
	bool by_blocks;                  /* the measure is a count */
};
struct view_pair view_pair_of(enum view_measure measure);
int64_t view_value(const struct measures *m, enum view_measure measure); /* 0 for MEASURES */

/* A program that has freed nearly everything still has a peak worth looking at: screens then show it unless
 * a measure is asked for, and say so. */
#define VIEW_LEFT_OF_PEAK 4 /* live bytes are less than this part of the peak */
#define VIEW_PAST_PEAK "Sorted by peak, since little of it is still live: --sort live"

enum view_key {
	KEY_SITE,
	KEY_FUNCTION,
	KEY_FILE,
	KEY_LINE,
	KEY_MODULE,
	KEY_THREAD,
	KEY_STACK,
	KEY_SIZE,
	KEY_AGE,
	KEY_TYPE, /* what a block is: block_types.h */
	KEYS
};

enum view_domain { DOMAIN_BLOCKS, DOMAIN_MAPPINGS, DOMAIN_TRACKED, DOMAIN_ALL };

struct view {
	struct snapshot *snapshot;
	struct symbols *symbols;
	struct measures *site; /* [snapshot->site_count] */
	bool *kept;            /* [snapshot->site_count] */
	bool *has_blocks;      /* [snapshot->site_count]: VW6 */
	struct measures total; /* of the kept sites */
	size_t kept_count;
	unsigned known; /* bit of each measure that means something (VW3) */
	struct selection_span span;
	bool by_thread; /* thread: patterns were used to select */
	bool own;       /* view_close closes the snapshot, too */
};

/* Opens a snapshot and its symbols, and selects. */
int view_load(struct view *v, const char *path, const struct selection *o, enum view_domain domain,
	struct tide_error *e);
/* The same on what is open already. */
int view_select(struct view *v, struct snapshot *s, struct symbols *symbols, const struct selection *o,
	enum view_domain domain, struct tide_error *e);
/* Fills LOST_BYTES and LOST_BLOCKS by a search for leaks (suppress: analysis/leaks.h); a selection by marks, age or thread cannot have them.
 * -1: not all is known, and *e says why. */
int view_find_lost(struct view *v, struct suppress *suppress, struct tide_error *e);
void view_close(struct view *v);
bool view_is_past_peak(const struct view *v);

struct view_row {
	const char *key;         /* text: function, file, file:line ...; NULL: `line` says it */
	const struct view *view; /* with the site that contributes most by live_bytes */
	uint32_t site;
	struct symbol_line line; /* what a one-line view shows; line.function NULL: only `key` */
	struct measures m;
	uint32_t sites; /* summed up here */
	uint32_t processes;
};
struct view_group {
	enum view_key key;
	struct view_row *row;
	size_t count;
	unsigned known;
	void *texts; /* keys made here */
};

/* Groups what several views selected; sites of several views are the same when
 * their stacks have the same modules, functions and lines. -1: the snapshot
 * does not hold what this key needs (size and age need lists that may be absent). */
int view_group(struct view_group *g, const struct view *views, size_t view_count, enum view_key key,
	struct tide_error *e);
/* Largest first; rows that equal each other keep a fixed order. */
void view_sort(struct view_group *g, enum view_measure by);
void view_group_free(struct view_group *g);

/* Fills row->line of a KEY_SITE or KEY_STACK row (only rows that are shown need it). */
void view_row_name(struct view_row *row);

/* "live", "peak", "total", "count", "allocations", "temporary", "lost", and the JSON field names. */
int view_measure_parse(const char *text, enum view_measure *measure);
const char *view_measure_name(enum view_measure measure); /* JSON field name */
bool view_measure_is_bytes(enum view_measure measure);
bool view_measure_is_lost(enum view_measure measure); /* view_find_lost fills it */
#define VIEW_MEASURE_WORDS "live, peak, total, count, allocations, temporary, lost"
int view_key_parse(const char *text, enum view_key *key);
const char *view_key_name(enum view_key key);

/* SITE on the command line: a function, file:line, or #ID. Fills *sites (to free). A
 * function or line matches where it is the caller of the allocator (or a wrapper
 * between); with all_frames anywhere. -1 when there is none. */
int view_find_sites(const struct snapshot *s, struct symbols *symbols, const char *text, bool all_frames,
	uint32_t **sites, size_t *count, struct tide_error *e);
/* A function on the command line that a tree is drawn around: FUNCTION, file:line, a pattern, or the number of a
 * site, which stands for its function. NULL when no stack has it. */
struct view_focus;
struct view_focus *view_focus_new(
	const struct snapshot *s, struct symbols *symbols, const char *text, struct tide_error *e);
bool view_focus_is(struct view_focus *f, const struct symbol_line *line);
const char *view_focus_name(const struct view_focus *f); /* the text, or the function of the site */
void view_focus_free(struct view_focus *f);
/* [site_count] 1: all live blocks of the site are in the list of blocks. It names the thread that made a block;
 * counters of threads are charged with what a thread freed of others. To free. */
uint8_t *view_sites_listed(const struct snapshot *s);
/* Such a text in a sentence: "site #48" of a number. To free. */
char *view_site_text(const char *text);

#endif
