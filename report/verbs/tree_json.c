/* tree_json.c - the tree of `tree --json`. */
#include "print/json_report.h"
#include "tree_data.h"

static void write_sums(struct json *j, const char *name, const struct tree *t, const int64_t *of)
{
	json_open_object(j, name);
	json_number(j, view_measure_name(t->measure[0]), of[0]);
	json_number(j, view_measure_name(t->measure[1]), of[1]);
	json_close_object(j);
}

/* Everything of a node up to its children. */
static void open_node(struct json_report *report, const char *name, const struct tree *t, uint32_t n)
{
	const struct tree_node *node = &t->node[n];
	struct json *j = &report->json;

	json_open_object(j, name);
	if (node->line)
		json_report_frame_members(report, node->line);
	write_sums(j, "inclusive", t, node->inclusive);
	write_sums(j, "self", t, node->self);
	json_open_array(j, "children");
}

static void close_node(struct json *j)
{
	json_close_array(j);
	json_close_object(j);
}

/* The first of `n` and its siblings that is large enough; 0: none. */
static uint32_t next_shown(const struct tree *t, uint32_t n, int64_t least)
{
	while (n && t->node[n].inclusive[0] < least)
		n = t->node[n].next_sibling;
	return n;
}

/* Node by node: as one JSON value, a large tree would not fit in memory. */
void tree_json(const struct tree *t, int64_t least, const struct snapshot *s, FILE *out)
{
	struct json_report report;
	struct json *j = &report.json;
	uint32_t at = 0, next;

	json_report_open(&report, out);
	json_report_snapshot(j, "snapshot", s);
	json_bool(j, "bottom_up", t->bottom_up);
	json_text(j, "sort", view_measure_name(t->measure[0]));
	open_node(&report, "tree", t, 0);
	next = next_shown(t, t->node[0].first_child, least);
	for (;;) {
		if (next) {
			at = next;
			open_node(&report, NULL, t, at);
			next = next_shown(t, t->node[at].first_child, least);
			continue;
		}
		close_node(j);
		if (!at)
			break;
		next = next_shown(t, t->node[at].next_sibling, least);
		at = t->node[at].parent;
	}
	json_report_close(&report);
}
