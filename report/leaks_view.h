/* leaks_view.h - how `leaks` shows what leaks.h found. Private to cmd_leaks.c and its parts. */
#ifndef TIDEMARK_LEAKS_VIEW_H
#define TIDEMARK_LEAKS_VIEW_H

#include "declared.h"
#include "leaks.h"
#include "options.h"
#include "table.h"

struct leaks_view {
	struct options common;
	const char *file, *old_file;
	struct snapshot snapshot, old;
	struct symbols *symbols, *old_symbols;
	struct suppress *suppress;
	struct leaks leaks, old_leaks;
	struct declared declared;	/* of the snapshot */
	uint32_t skip_roots;		/* --roots */
	int64_t refcount_at;		/* --refcount-at; -1 by statistics */
	bool show[LEAK_KINDS], show_suppressed;
	bool tree, fail, generate;
	const char **weak;	size_t weak_count;
};

/* leaks_old.c: leaves in v->leaks what v->old does not have. */
void leaks_subtract(struct leaks_view *v);
/* leaks_screen.c, leaks_json.c */
int leaks_screen(struct leaks_view *v);
void leaks_json(struct leaks_view *v);
void leaks_csv(struct leaks_view *v);
void leaks_generate(struct leaks_view *v);
/* leaks_tree.c: the references from a group's root leaks down, equal ones merged. */
struct leaks_tree;
struct leaks_tree *leaks_tree_new(struct leaks_view *v, struct table *t);
/* Lines below a row: the ring of the group's head; with `whole` everything below all its roots. */
void leaks_tree_show(struct leaks_tree *t, uint32_t group, bool whole);
void leaks_tree_free(struct leaks_tree *t);

/* The lines as they come, for whoever draws them in another way: then the table stays NULL. */
enum leaks_line_kind { LEAKS_LINE_SET, LEAKS_LINE_BACK, LEAKS_LINE_NEXT, LEAKS_LINE_MORE };
struct leaks_line {
	enum leaks_line_kind kind;	/* blocks held; a way back; more of the same blocks; not shown */
	unsigned depth;
	uint32_t offset, site;		/* BACK: the site it leads back to */
	bool others;			/* BACK: to others of the same set */
	uint64_t blocks, bytes;		/* SET */
};
void leaks_tree_lines(struct leaks_tree *t, void (*line)(void *arg, const struct leaks_line *), void *arg);

/* Which blocks count: --since, --until, --min-age, --filter, --exclude. */
int leaks_select(struct leaks_options *o, const struct snapshot *s, struct symbols *symbols,
	const struct options *options, struct tide_error *e);
void leaks_select_free(struct leaks_options *o);

/* Records and groups that the options choose, in order; the index of the next from `i` on. */
size_t leaks_next_record(const struct leaks_view *v, size_t i);
size_t leaks_next_group(const struct leaks_view *v, size_t i);

#endif
