/* tree_json.c - the tree of `tree --json`, written node by node: as one JSON value a
 * large one would not fit in memory. */
#include <inttypes.h>
#include "json_frames.h"
#include "json_out.h"
#include "tree.h"

struct writer { FILE *out; const struct tree *tree; struct json_frames *frames; };

static void sums(const struct writer *w, const char *name, const int64_t *of)
{
	const struct tree *t = w->tree;

	fprintf(w->out, "\"%s\":{\"%s\":%" PRId64 ",\"%s\":%" PRId64 "}", name, view_measure_name(t->measure[0]),
		of[0], view_measure_name(t->measure[1]), of[1]);
}

/* Everything of a node up to its children. */
static void node_begin(const struct writer *w, uint32_t n)
{
	const struct tree_node *node = &w->tree->node[n];
	size_t bytes;

	if (node->line) {
		const char *frame = json_frames_text(w->frames, node->line, &bytes);

		/* Open again: more fields follow. */
		fwrite_unlocked(frame, 1, bytes ? bytes - 1 : 0, w->out);
		putc_unlocked(',', w->out);
	} else {
		putc_unlocked('{', w->out);
	}
	sums(w, "inclusive", node->inclusive);
	putc_unlocked(',', w->out);
	sums(w, "self", node->self);
	fputs_unlocked(",\"children\":[", w->out);
}

/* From `n` on, the first of its siblings that is large enough; 0: none. */
static uint32_t shown(const struct tree *t, uint32_t n, int64_t least)
{
	while (n && t->node[n].inclusive[0] < least)
		n = t->node[n].next_sibling;
	return n;
}

void tree_json(const struct tree *t, int64_t least, json_t *head, FILE *out)
{
	struct writer w = { out, t, json_frames_new() };
	uint32_t at = 0, next;

	json_object_set_new(head, "bottom_up", json_boolean(t->bottom_up));
	json_object_set_new(head, "sort", json_text(view_measure_name(t->measure[0])));
	putc_unlocked('{', out);
	json_dumpf(head, out, JSON_COMPACT | JSON_EMBED);
	json_decref(head);
	fputs_unlocked(",\"tree\":", out);
	node_begin(&w, 0);
	next = shown(t, t->node[0].first_child, least);
	for (;;) {
		if (next) {
			at = next;
			node_begin(&w, at);
			next = shown(t, t->node[at].first_child, least);
			continue;
		}
		fputs_unlocked("]}", out);
		if (!at)
			break;
		next = shown(t, t->node[at].next_sibling, least);
		at = t->node[at].parent;
		if (next)
			putc_unlocked(',', out);
	}
	fputs_unlocked("}\n", out);
	json_frames_free(w.frames);
}
