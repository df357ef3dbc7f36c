/* history.h - who held live memory when: several snapshots of one process, as `run --every` takes them.
 *
 *   names of files ──history_order──▶ newest first ──view_load──▶ the newest
 *                                         └──────────history_load──▶ a row for each site, a column for each snapshot
 *
 * HS1 All snapshots are of one process, which runs one program: exec begins another. A site has one number for as long
 *     as the process runs, so that no names are looked up; sites of walked snapshots, which have no stacks, are the same
 *     when their blocks have the same size.
 * HS2 Sites that the view of the newest snapshot has left out are counted nowhere. The HISTORY_ROWS which held most
 *     have rows; what the others held is in `rest`. So the columns add up to what was live, as far as it was selected.
 */
#ifndef TIDEMARK_HISTORY_H
#define TIDEMARK_HISTORY_H

#include "view.h"

#define HISTORY_MOST 1000 /* snapshots */
#define HISTORY_ROWS 500

struct history_value {
	int64_t bytes, blocks;
};

struct history_moment {
	const char *file;
	uint64_t elapsed_ns; /* from the start of the process to the snapshot */
	struct history_value all;
};

struct history_row {
	uint32_t site;               /* of the newest snapshot */
	struct history_value *value; /* [moments] */
};

/* All zero: nothing was loaded. */
struct history {
	struct history_moment *moment; /* the earliest first; the last is the newest snapshot */
	size_t moments;
	struct history_row *row; /* by the most bytes that they held at a moment, largest first */
	size_t count;
	struct history_row rest; /* of site 0 */
	size_t rest_sites;
	struct history_value *values; /* of all rows */
};

/* Orders names of files: that of the newest snapshot comes first. Those of other processes than the first one's are
 * dropped, which *count says then; a message names them where `quiet` is false. -1: one cannot be read. */
int history_order(const char **file, size_t *count, bool quiet, struct tide_error *e);

/* `file` as history_order left it, and `newest` is the view of the first; they live as long as *h. A selection by
 * marks, age or thread has no history, because counters of older snapshots know nothing of these: no moments. */
int history_load(struct history *h, const struct view *newest, const char *const *file, size_t count,
	struct tide_error *e);
/* Leaves only the moments of a time, which may be none. */
void history_cut(struct history *h, uint64_t from_ns, uint64_t to_ns);
void history_free(struct history *h);

#endif
