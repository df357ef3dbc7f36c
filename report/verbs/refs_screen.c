/* refs_screen.c - `refs` for people. */
#include <inttypes.h>
#include <stdlib.h>
#include "analysis/python_field.h"
#include "model/root_kinds.h"
#include "base/alloc.h"
#include "view/selection.h"
#include "print/header.h"
#include "print/place.h"
#include "base/units.h"
#include "view/view.h"
#include "refs_view.h"

#define SCREEN_ROWS 3u /* blocks */
#define MOST_WORDS 12u /* referrers, referents of a block */
#define MOST_HOPS 20u  /* of a path; the middle of longer ones is left out */

static void print_block_line(struct screen *s, const struct refs *r, const char *lead, uint32_t block)
{
	const struct tide_block *b = &r->snapshot.blocks[block];
	const char *type = python_field_type(&r->snapshot, block);
	char size[UNITS_TEXT],
		*text = alloc_printf("%s0x%" PRIx64 "  %s  %s%s", lead, b->address,
			units_bytes(size, (int64_t)b->bytes), type ? type : "", type ? "  " : ""),
		*head = screen_fit(s, text, s->width > 20 ? s->width - 10 : 10, FIT_END);
	unsigned used = screen_columns(s, head);

	free(text);
	fputs(head, s->out);
	place_print(s, symbols_top(r->symbols, b->site), r->common.source_root,
		s->width > used + 10 ? s->width - used : 10);
	fputc('\n', s->out);
	free(head);
}

static void print_root_line(struct screen *s, const struct refs *r, const char *lead, uint32_t root_edge)
{
	const struct tide_root_edge *e = &r->snapshot.root_edges[root_edge];
	const struct tide_root *root = &r->snapshot.roots[e->root];
	const char *name = symbols_root(r->symbols, e->root);
	char *text = alloc_printf("%s%s %s%s", lead, root_kind_name(root->kind), *name ? name : "(no name)",
		root->flags & ROOT_FLAG_WEAK_EVIDENCE ? " (weak evidence)" : "");
	char *fit = screen_fit(s, text, s->width, FIT_MIDDLE);

	screen_print(s, STYLE_GOOD, "%s", fit);
	fputc('\n', s->out);
	free(text);
	free(fit);
}

static void print_path(struct screen *s, const struct refs *r, uint32_t block)
{
	uint32_t root_edge, *path;
	size_t count;
	char lead[64];

	path = reach_path(&r->reach, &r->leaks.graph, block, &count, &root_edge);
	if (!path)
		return;
	screen_print(s, STYLE_HEADING, "  held by");
	fputc('\n', s->out);
	if (root_edge != GRAPH_NONE)
		print_root_line(s, r, "    ", root_edge);
	else
		fputs("    (just being allocated, or ignored on request)\n", s->out);
	for (size_t i = 0; i < count; i++) {
		if (count > MOST_HOPS && i == MOST_HOPS / 2) {
			size_t left_out = count - MOST_HOPS;

			fprintf(s->out, "    %s %zu more\n", screen_ellipsis(s), left_out);
			i += left_out;
		}
		if (i)
			snprintf(lead, sizeof(lead), "    +%u -> ",
				refs_hop(&r->leaks.graph, path[i - 1], path[i]));
		else
			snprintf(lead, sizeof(lead), "    -> ");
		print_block_line(s, r, lead, path[i]);
	}
	free(path);
}

static void print_referrers(struct screen *s, const struct refs *r, size_t i)
{
	uint64_t first = r->word_start[i], end = r->word_start[i + 1];
	char *field, *lead;

	if (first == end)
		return;
	screen_print(s, STYLE_HEADING, "  referrers");
	fputc('\n', s->out);
	for (uint64_t k = first; k < end && k < first + MOST_WORDS; k++) {
		const struct refs_word *w = &r->word[k];

		if (w->root) {
			print_root_line(s, r, "    ", (uint32_t)w->edge);
			continue;
		}
		field = python_field_text(&r->snapshot, w->source, w->edge);
		lead = field ? alloc_printf("    %s: ", field)
			     : alloc_printf("    +%u of ", r->snapshot.edges[w->edge].offset);
		print_block_line(s, r, lead, w->source);
		free(field);
		free(lead);
	}
	if (end - first > MOST_WORDS)
		fprintf(s->out, "    %s %" PRIu64 " more\n", screen_ellipsis(s), end - first - MOST_WORDS);
}

static void print_referents(struct screen *s, const struct refs *r, uint32_t block)
{
	uint64_t first, end, from;
	char lead[64];

	graph_words(&r->leaks.graph, block, &first, &end);
	if (first == end)
		return;
	from = first;
	screen_print(s, STYLE_HEADING, "  refers to");
	fputc('\n', s->out);
	for (; first < end && first < from + MOST_WORDS; first++) {
		const struct tide_edge *e = &r->snapshot.edges[first];

		if (e->block >= r->leaks.graph.blocks)
			continue;
		if (e->to_offset)
			snprintf(lead, sizeof(lead), "    +%u -> +%u in ", e->offset, e->to_offset);
		else
			snprintf(lead, sizeof(lead), "    +%u -> ", e->offset);
		print_block_line(s, r, lead, e->block);
	}
	if (first < end)
		fprintf(s->out, "    %s %" PRIu64 " more\n", screen_ellipsis(s), end - first);
}

static void print_block(struct screen *s, const struct refs *r, size_t i)
{
	uint32_t block = r->block[i];
	enum leak_kind kind = (enum leak_kind)(r->leaks.kind[block] & LEAK_KIND_MASK);
	struct leak_sum retained = retained_block(&r->retained, block);
	struct refs_found f = refs_view_found(r, i);
	char count[UNITS_TEXT], size[UNITS_TEXT];

	print_block_line(s, r, "", block);
	fputs("  ", s->out);
	screen_print(s,
		LEAK_IS_LOST(kind)              ? STYLE_BAD
			: kind == LEAK_POSSIBLE ? STYLE_WARNING
						: STYLE_GOOD,
		"%s", leaks_kind_name(kind));
	fprintf(s->out, ", %" PRIu64 " reference%s from roots and %" PRIu64 " from blocks", f.roots,
		f.roots == 1 ? "" : "s", f.blocks);
	if (f.inside)
		fprintf(s->out, " (%" PRIu64 " to its interior)", f.inside);
	if (r->stored && r->stored[i] >= 0) {
		bool more = r->stored[i] > (int64_t)(f.roots + f.blocks);

		screen_print(
			s, more ? STYLE_BAD : STYLE_PLAIN, ", its reference count is %" PRId64, r->stored[i]);
	}
	fprintf(s->out, "\n  retains %s in %s block%s; generation %u\n",
		units_bytes(size, (int64_t)retained.bytes), units_count(count, (int64_t)retained.blocks),
		retained.blocks == 1 ? "" : "s",
		selection_age(&r->snapshot, r->snapshot.blocks[block].birth));
	print_path(s, r, block);
	print_referrers(s, r, i);
	print_referents(s, r, block);
}

/* "3,000 reachable, 12 cycle" */
static void print_kinds(struct screen *s, const struct refs *r)
{
	uint64_t of[LEAK_KINDS] = { 0 };
	char text[UNITS_TEXT];
	const char *gap = "";

	for (size_t i = 0; i < r->count; i++)
		of[r->leaks.kind[r->block[i]] & LEAK_KIND_MASK]++;
	for (int k = 0; k < LEAK_KINDS; k++) {
		if (!of[k])
			continue;
		screen_print(s,
			LEAK_IS_LOST(k)              ? STYLE_BAD
				: k == LEAK_POSSIBLE ? STYLE_WARNING
						     : STYLE_GOOD,
			"%s%s %s", gap, units_count(text, (int64_t)of[k]),
			k == LEAK_CYCLE ? "in cycles" : leaks_kind_name((enum leak_kind)k));
		gap = ", ";
	}
}

int refs_screen(struct refs *r)
{
	size_t rows = options_rows(&r->common, SCREEN_ROWS);
	struct screen s;
	char text[UNITS_TEXT];

	screen_open(&s, &r->common);
	header_who(&s, &r->snapshot);
	if (!s.quiet)
		fputc('\n', s.out);
	if (r->count > 1) {
		screen_print(&s, STYLE_HEADING, "%s blocks of %s: ", units_count(text, (int64_t)r->count),
			r->what);
		print_kinds(&s, r);
		fputs("\n\n", s.out);
	}
	for (size_t i = 0; i < r->count && i < rows; i++) {
		if (i)
			fputc('\n', s.out);
		print_block(&s, r, i);
	}
	if (r->count > rows)
		screen_hint(&s, "%s more, which retain less: -n all shows them, --dot draws a graph",
			units_count(text, (int64_t)(r->count - rows)));
	return screen_close(&s);
}
