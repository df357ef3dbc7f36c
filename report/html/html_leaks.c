/* html_leaks.c - root leaks and root cycles of the report, their trees, and each ring as a graph. */
#include <stdlib.h>
#include <string.h>
#include "html.h"
#include "view/field.h"

#define MOST_TREES 300u  /* groups with tree and ring; the others have their line */
#define MOST_LINES 400u  /* of one tree */
#define MOST_MEMBERS 40u /* of one ring that are drawn */
#define MOST_WORDS 400u  /* references between them */

struct lines {
	struct html *h;
	uint64_t count, left_out;
};

/* Frees `field`. */
static void write_field(struct html *h, char *field)
{
	json_number(&h->json, NULL, field ? (int64_t)intern_text(&h->text, field) : -1);
	free(field);
}

static void write_line(void *arg, const struct leaks_line *l)
{
	struct lines *w = arg;
	struct json *j = &w->h->json;

	if (w->count >= MOST_LINES) {
		w->left_out++;
		return;
	}
	w->count++;
	/* [kind, depth, offset, row, blocks, bytes, text of the field or -1] */
	json_open_array(j, NULL);
	json_number(j, NULL, l->kind == LEAKS_LINE_BACK && l->others ? 4 : (int)l->kind);
	json_number(j, NULL, l->depth);
	json_number(j, NULL, l->offset);
	if (l->kind == LEAKS_LINE_SET || l->kind == LEAKS_LINE_BACK)
		json_number(j, NULL, html_row(w->h, l->site, false));
	else
		json_number(j, NULL, -1);
	json_number(j, NULL, (int64_t)l->blocks);
	json_number(j, NULL, (int64_t)l->bytes);
	write_field(w->h,
		l->kind == LEAKS_LINE_MORE ? NULL : field_at(&w->h->native.types, l->holder, l->offset));
	json_close_array(j);
}

static uint32_t find_member(const uint32_t *member, uint32_t count, uint32_t block)
{
	for (uint32_t i = 0; i < count; i++)
		if (member[i] == block)
			return i;
	return count;
}

/* The head first, then whatever it leads to within its component, breadth first. */
static uint32_t find_members(const struct leaks *l, uint32_t head, uint32_t *member)
{
	uint32_t count = 1;

	member[0] = head;
	for (uint32_t at = 0; at < count; at++)
		for (uint32_t k = l->graph.start[member[at]];
			k < l->graph.start[member[at] + 1] && count < MOST_MEMBERS; k++) {
			uint32_t to = l->graph.out[k] & GRAPH_BLOCK;

			if (l->components.of[to] == l->components.of[head]
				&& find_member(member, count, to) == count)
				member[count++] = to;
		}
	return count;
}

static void write_ring_blocks(struct html *h, const uint32_t *member, uint32_t count)
{
	struct json *j = &h->json;

	json_open_array(j, "blocks");
	for (uint32_t i = 0; i < count; i++) {
		const struct tide_block *b = &h->view.snapshot->blocks[member[i]];

		/* [row, bytes, address] */
		json_open_array(j, NULL);
		json_number(j, NULL, html_row(h, b->site, false));
		json_number(j, NULL, (int64_t)b->bytes);
		json_address(j, NULL, b->address);
		json_close_array(j);
	}
	json_close_array(j);
}

static void write_ring(struct html *h, const struct leak_group *g)
{
	const struct leaks *l = &h->leaks.leaks;
	const struct snapshot *s = h->view.snapshot;
	uint32_t member[MOST_MEMBERS], count = find_members(l, g->head, member), words = 0, left_out = 0;
	uint32_t component = l->components.of[g->head];
	struct json *j = &h->json;

	json_open_object(j, "ring");
	json_number(j, "size", component < l->components.count ? l->components.size[component] : 1);
	write_ring_blocks(h, member, count);
	json_open_array(j, "words");
	for (uint32_t i = 0; i < count; i++) {
		uint64_t first, end;

		graph_words(&l->graph, member[i], &first, &end);
		for (; first < end && !graph_weak(&l->graph, member[i]); first++) {
			uint32_t to = find_member(member, count, s->edges[first].block);

			if (to == count || snapshot_unused(s, first))
				continue;
			if (words == MOST_WORDS) {
				left_out++;
				continue;
			}
			words++;
			/* [from, to, offset, offset in the target, text of the field or -1] */
			json_open_array(j, NULL);
			json_number(j, NULL, i);
			json_number(j, NULL, to);
			json_number(j, NULL, s->edges[first].offset);
			json_number(j, NULL, s->edges[first].to_offset);
			write_field(h, field_text(&h->native.types, s, member[i], first));
			json_close_array(j);
		}
	}
	json_close_array(j);
	json_number(j, "left_out", left_out);
	json_close_object(j);
}

static void write_group(struct html *h, struct leaks_tree *tree, uint32_t i)
{
	const struct leak_group *g = &h->leaks.leaks.groups[i];
	struct lines w = { .h = h };
	struct json *j = &h->json;

	json_open_object(j, NULL);
	json_text(j, "kind", leaks_kind_name(g->kind));
	json_number(j, "row", html_row(h, g->site, false));
	json_number(j, "roots", (int64_t)g->roots);
	json_number(j, "blocks", (int64_t)g->blocks);
	json_number(j, "bytes", (int64_t)g->bytes);
	json_number(j, "retained_blocks", (int64_t)g->retained_blocks);
	json_number(j, "retained_bytes", (int64_t)g->retained_bytes);
	json_number(j, "sites", g->sites);
	json_bool(j, "container", g->container);
	json_bool(j, "self", g->self);
	if (tree) {
		json_open_array(j, "tree");
		leaks_tree_lines(tree, i, true, write_line, &w);
		json_close_array(j);
		json_number(j, "left_out", (int64_t)w.left_out);
		if (g->kind == LEAK_CYCLE)
			write_ring(h, g);
	}
	json_close_object(j);
}

void html_leaks(struct html *h)
{
	const struct leaks *l = &h->leaks.leaks;
	struct leaks_tree *tree;
	struct json *j = &h->json;
	size_t shown = 0;

	if (!h->references)
		return;
	tree = leaks_tree_new(&h->leaks);
	json_open_array(j, "groups");
	for (size_t i = leaks_view_next_group(&h->leaks, 0); i < l->group_count;
		i = leaks_view_next_group(&h->leaks, i + 1))
		write_group(h, shown++ < MOST_TREES ? tree : NULL, (uint32_t)i);
	json_close_array(j);
	leaks_tree_free(tree);
	json_open_array(j, "lost_records");
	for (size_t i = 0; i < l->record_count; i++) {
		const struct leak_record *r = &l->records[i];

		if (r->suppression >= 0 || (!LEAK_IS_LOST(r->kind) && r->kind != LEAK_POSSIBLE))
			continue;
		/* [kind, row, blocks, bytes, retained blocks, retained bytes] */
		json_open_array(j, NULL);
		json_number(j, NULL, r->kind);
		json_number(j, NULL, html_row(h, r->site, false));
		json_number(j, NULL, (int64_t)r->blocks);
		json_number(j, NULL, (int64_t)r->bytes);
		json_number(j, NULL, (int64_t)r->retained_blocks);
		json_number(j, NULL, (int64_t)r->retained_bytes);
		json_close_array(j);
	}
	json_close_array(j);
}
