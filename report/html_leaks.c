/* html_leaks.c - root leaks and root cycles of the report, their trees, and each ring as a graph. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "html.h"

#define MOST_TREES 300u		/* groups with tree and ring; the others have their line */
#define MOST_LINES 400u		/* of one tree */
#define MOST_MEMBERS 40u	/* of one ring that are drawn */
#define MOST_WORDS 400u		/* references between them */

struct lines { struct html *h; uint64_t count, left_out; };

static void line(void *arg, const struct leaks_line *l)
{
	struct lines *w = arg;
	FILE *out = w->h->out;

	if (w->count >= MOST_LINES) {
		w->left_out++;
		return;
	}
	/* [kind, depth, offset, row, blocks, bytes] */
	fprintf(out, "%s[%d,%u,%" PRIu32 ",", w->count++ ? "," : "", l->kind == LEAKS_LINE_BACK && l->others ? 4 :
		(int)l->kind, l->depth, l->offset);
	if (l->kind == LEAKS_LINE_SET || l->kind == LEAKS_LINE_BACK)
		fprintf(out, "%" PRIu32, html_row(w->h, l->site, false));
	else
		fputs("-1", out);
	fprintf(out, ",%" PRIu64 ",%" PRIu64 "]", l->blocks, l->bytes);
}

static uint32_t find(const uint32_t *member, uint32_t count, uint32_t block)
{
	for (uint32_t i = 0; i < count; i++)
		if (member[i] == block)
			return i;
	return count;
}

/* The head first, then whatever it leads to within its component, breadth first. */
static uint32_t members(const struct leaks *l, uint32_t head, uint32_t *member)
{
	uint32_t count = 1;

	member[0] = head;
	for (uint32_t at = 0; at < count; at++)
		for (uint32_t k = l->graph.start[member[at]]; k < l->graph.start[member[at] + 1] && count < MOST_MEMBERS; k++) {
			uint32_t to = l->graph.out[k] & GRAPH_BLOCK;

			if (l->components.of[to] == l->components.of[head] && find(member, count, to) == count)
				member[count++] = to;
		}
	return count;
}

static void ring(struct html *h, const struct leak_group *g)
{
	const struct leaks *l = &h->leaks.leaks;
	const struct snapshot *s = h->view.snapshot;
	uint32_t member[MOST_MEMBERS], count = members(l, g->head, member), words = 0, left_out = 0;
	uint32_t component = l->components.of[g->head];

	/* "blocks":[[row, bytes, address]], "words":[[from, to, offset, to offset]] */
	fprintf(h->out, ",\"ring\":{\"size\":%" PRIu32 ",\"blocks\":[", component < l->components.count ?
		l->components.size[component] : 1);
	for (uint32_t i = 0; i < count; i++) {
		const struct tide_block *b = &s->blocks[member[i]];

		fprintf(h->out, "%s[%" PRIu32 ",%" PRIu64 ",\"0x%" PRIx64 "\"]", i ? "," : "",
			html_row(h, b->site, false), b->bytes, b->address);
	}
	fputs("],\"words\":[", h->out);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t first, end;

		graph_words(&l->graph, member[i], &first, &end);
		for (; first < end && !graph_weak(&l->graph, member[i]); first++) {
			uint32_t to = find(member, count, s->edges[first].block);

			if (to == count)
				continue;
			if (words == MOST_WORDS)
				left_out++;
			else
				fprintf(h->out, "%s[%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 "]", words++ ? "," : "", i,
					to, s->edges[first].offset, s->edges[first].to_offset);
		}
	}
	fprintf(h->out, "],\"left_out\":%" PRIu32 "}", left_out);
}

static void group(struct html *h, struct leaks_tree *tree, uint32_t i)
{
	const struct leak_group *g = &h->leaks.leaks.groups[i];
	struct lines w = { .h = h };

	fprintf(h->out, "{\"kind\":\"%s\",\"row\":%" PRIu32 ",\"roots\":%" PRIu64 ",\"blocks\":%" PRIu64 ",\"bytes\":%"
		PRIu64 ",\"retained_blocks\":%" PRIu64 ",\"retained_bytes\":%" PRIu64 ",\"sites\":%" PRIu32
		",\"container\":%s,\"self\":%s", leaks_kind_name(g->kind), html_row(h, g->site, false), g->roots, g->blocks,
		g->bytes, g->retained_blocks, g->retained_bytes, g->sites, g->container ? "true" : "false",
		g->self ? "true" : "false");
	if (tree) {
		fputs(",\"tree\":[", h->out);
		leaks_tree_lines(tree, line, &w);
		leaks_tree_show(tree, i, true);
		fprintf(h->out, "],\"left_out\":%" PRIu64, w.left_out);
		if (g->kind == LEAK_CYCLE)
			ring(h, g);
	}
	fputs("}", h->out);
}

void html_leaks(struct html *h)
{
	const struct leaks *l = &h->leaks.leaks;
	struct leaks_tree *tree;
	size_t shown = 0;

	if (!h->references)
		return;
	tree = leaks_tree_new(&h->leaks, NULL);
	fputs("\"groups\":[", h->out);
	for (size_t i = leaks_next_group(&h->leaks, 0); i < l->group_count; i = leaks_next_group(&h->leaks, i + 1)) {
		if (shown)
			fputs(",\n", h->out);
		group(h, shown < MOST_TREES ? tree : NULL, (uint32_t)i);
		shown++;
	}
	leaks_tree_free(tree);
	/* [kind, row, blocks, bytes, retained blocks, retained bytes] */
	fputs("],\n\"lost_records\":[", h->out);
	shown = 0;
	for (size_t i = 0; i < l->record_count; i++) {
		const struct leak_record *r = &l->records[i];

		if (r->suppression >= 0 || (!LEAK_IS_LOST(r->kind) && r->kind != LEAK_POSSIBLE))
			continue;
		fprintf(h->out, "%s[%d,%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]", shown++ ? ",\n" : "",
			(int)r->kind, html_row(h, r->site, false), r->blocks, r->bytes, r->retained_blocks, r->retained_bytes);
	}
	fputs("],\n", h->out);
}
