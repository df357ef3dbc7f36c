/* leaks_view.h - what leaks.h found in a snapshot, as `leaks` and html show it.
 *
 * Who fills a struct leaks_view opens the snapshots, classifies with the selection
 * (leaks_select), and subtracts the older one (leaks_subtract); leaks_view_close frees all.
 */
#ifndef TIDEMARK_LEAKS_VIEW_H
#define TIDEMARK_LEAKS_VIEW_H

#include "analysis/declared.h"
#include "analysis/leaks.h"
#include "analysis/unsure.h"
#include "selection.h"

struct leaks_view {
	const char *file, *old_file; /* old_file NULL: no older snapshot */
	struct snapshot snapshot, old;
	struct symbols *symbols, *old_symbols;
	struct suppress *suppress;
	struct leaks leaks, old_leaks;
	struct declared declared; /* of the snapshot */
	struct unsure unsure;     /* of the snapshot, where its memory was not wiped */
	bool show[LEAK_KINDS], show_suppressed;
	bool possible; /* records of this kind are shown in any case: for programs */
};

/* Also of a view that is filled in part only. */
void leaks_view_close(struct leaks_view *v);

/* Records and groups that are shown, in order: the index of the next from `i` on. */
size_t leaks_view_next_record(const struct leaks_view *v, size_t i);
size_t leaks_view_next_group(const struct leaks_view *v, size_t i);

/* leaks_subtract.c: leaves in v->leaks what v->old does not have. */
void leaks_subtract(struct leaks_view *v);

/* leaks_select.c: which blocks count. -1: no such mark or thread. */
int leaks_select(struct leaks_options *o, const struct snapshot *s, struct symbols *symbols,
	const struct selection *selection, struct tide_error *e);
void leaks_select_free(struct leaks_options *o);

/* leaks_tree.c: what a group's root leaks hold, with the offsets of the words; equal trees are merged. */
enum leaks_line_kind { LEAKS_LINE_SET, LEAKS_LINE_BACK, LEAKS_LINE_NEXT, LEAKS_LINE_MORE };
struct leaks_line {
	enum leaks_line_kind kind; /* blocks held; a way back; more of the same blocks; not shown */
	unsigned depth;
	uint32_t offset;        /* the first, where there are several */
	uint32_t holder;        /* a block that has the word there */
	unsigned offsets;       /* BACK: at how many offsets such words lie; else 1 */
	uint32_t site;          /* BACK: the site it leads back to */
	bool others;            /* BACK: to others of the same set */
	uint64_t blocks, bytes; /* SET */
};

struct leaks_tree;
struct leaks_tree *leaks_tree_new(struct leaks_view *v);
/* Calls `line` for each line below a group's own: those of the cycle of its head, or with `whole` everything
 * below all its roots. */
void leaks_tree_lines(struct leaks_tree *t, uint32_t group, bool whole,
	void (*line)(void *context, const struct leaks_line *), void *context);
void leaks_tree_free(struct leaks_tree *t);

#endif
