/* refs_screen.c - `refs` for people. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/python_field.h"
#include "model/root_kinds.h"
#include "base/alloc.h"
#include "base/array.h"
#include "view/selection.h"
#include "print/header.h"
#include "print/place.h"
#include "base/units.h"
#include "view/field.h"
#include "view/view.h"
#include "symbol/name.h"
#include "refs_view.h"

#define SCREEN_ROWS 3u /* blocks */
#define MOST_WORDS 12u /* referrers, referents of a block */
#define MOST_HOPS 20u  /* of a path; the middle of longer ones is left out */

/* Of what belongs to an object of Python, that object: with its address as id() says it. */
static void print_block_line(struct screen *s, const struct refs *r, const char *lead, uint32_t block)
{
	uint32_t object = python_field_object(&r->snapshot, block);
	const struct tide_block *b = &r->snapshot.blocks[object];
	const char *python = python_field_type(&r->snapshot, object);
	const char *type = python ? python : block_types_name(&r->types, object);
	const char *label = python_field_label(&r->snapshot, object);
	uint64_t id = python_field_id(&r->snapshot, object);
	const char *name = label ? label : type ? type : "";
	unsigned used, room = s->width > 80 ? s->width / 2 - 20 : 20;
	char size[UNITS_TEXT], *text, *head, *shorter;

	/* Names of templates are long: half of the line is left to the place. */
	shorter = strlen(name) > room ? name_function(name, true) : alloc_string(name);
	head = screen_fit(s, shorter, room, FIT_MIDDLE);
	free(shorter);
	text = alloc_printf("%s0x%" PRIx64 "  %s  %s%s", lead, id ? id : b->address,
		units_bytes(size, (int64_t)refs_view_bytes(r, object)), label ? name : head,
		type ? "  " : "");
	free(head);
	head = screen_fit(s, text, s->width > 20 ? s->width - 10 : 10, FIT_END);
	used = screen_columns(s, head);
	free(text);
	fputs(head, s->out);
	place_print(s, symbols_top(r->symbols, b->site), r->common.source_root,
		s->width > used + 10 ? s->width - used : 10);
	fputc('\n', s->out);
	free(head);
}

/* "app.cache.head"; of variables of functions also whose they are: "worker() queue.head_ of thread 7 in app". */
static char *root_text(const struct refs *r, uint32_t root_edge)
{
	const struct tide_root_edge *e = &r->snapshot.root_edges[root_edge];
	const char *name = symbols_root(r->symbols, e->root), *of = strstr(name, "of thread ");
	char *field = field_root(&r->types, &r->snapshot, r->symbols, root_edge), *text;

	if (!field)
		return alloc_string(*name ? name : "(no name)");
	if (r->snapshot.roots[e->root].kind != ROOT_STACK || !of)
		return field;
	text = alloc_printf("%s %s", field, of);
	free(field);
	return text;
}

static void print_root_line(struct screen *s, const struct refs *r, const char *lead, uint32_t root_edge)
{
	const struct tide_root_edge *e = &r->snapshot.root_edges[root_edge];
	const struct tide_root *root = &r->snapshot.roots[e->root];
	const char *place = python_field_root(&r->snapshot, e);
	const char *doubt = root->flags & ROOT_FLAG_WEAK_EVIDENCE && !place ? " (weak evidence)"
		: e->flags & EDGE_STALE                                     ? " (may be old)"
									    : "";
	char *name = place ? NULL : root_text(r, root_edge);
	char *text = place ? alloc_printf("%s%s%s", lead, place, doubt)
			   : alloc_printf("%s%s %s%s", lead, root_kind_name(root->kind), name, doubt);
	char *fit = screen_fit(s, text, s->width, FIT_MIDDLE);

	screen_print(s, STYLE_GOOD, "%s", fit);
	fputc('\n', s->out);
	free(name);
	free(text);
	free(fit);
}

/* `key "cache" of dict: `, `+16 of ` */
static char *hop_lead(
	const struct refs *r, uint32_t block, uint64_t edge, const char *format, const char *arrow)
{
	char *field = edge == REFS_NONE ? NULL : field_text(&r->types, &r->snapshot, block, edge), *lead;
	const struct tide_edge *e = edge == REFS_NONE ? NULL : &r->snapshot.edges[edge];

	if (edge != REFS_NONE && snapshot_unused(&r->snapshot, edge))
		lead = alloc_printf("    +%u (%s: holds nothing)%s ", e->offset,
			typed_scan_why(&r->snapshot, edge), *arrow == ':' ? " of" : arrow);
	else if (field)
		lead = alloc_printf(
			"    %s%s%s ", field, e->flags & EDGE_STALE ? " (may be old)" : "", arrow);
	else
		lead = alloc_printf(format, e ? e->offset : 0);
	free(field);
	return lead;
}

/* Lines of a path, without hops from an object to its own table. */
static size_t path_lines(const struct refs *r, uint32_t *path, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (!i || python_field_object(&r->snapshot, path[i]) == path[i]
			|| !python_field_type(&r->snapshot, path[i]) || i + 1 == count)
			path[kept++] = path[i];
	return kept;
}

/* The block that holds the word by which a path goes on: the object, or a table of it. */
static uint32_t hop_from(const uint32_t *path, size_t count, uint32_t to)
{
	for (size_t i = 1; i < count; i++)
		if (path[i] == to)
			return path[i - 1];
	return GRAPH_NONE;
}

static bool starts_path(const struct refs *r, uint32_t block)
{
	const char *label = python_field_label(&r->snapshot, block);

	return python_field_module(label) || python_field_runs(label);
}

static void print_path(struct screen *s, const struct refs *r, uint32_t block)
{
	uint32_t root_edge, *path, *line;
	size_t count, lines;

	path = reach_path(&r->reach, r->graph, block, &count, &root_edge);
	if (!path && !python_field_type(&r->snapshot, block))
		return;
	screen_print(s, STYLE_HEADING, "  held by");
	fputc('\n', s->out);
	if (!path) {
		fputs("    nothing that a root leads to by references that count\n", s->out);
		return;
	}
	line = alloc_bytes(count * sizeof(*line));
	memcpy(line, path, count * sizeof(*line));
	lines = path_lines(r, line, count);
	if (root_edge != GRAPH_NONE)
		print_root_line(s, r, "    ", root_edge);
	else if (!python_field_label(&r->snapshot, path[0]))
		fputs("    (just being allocated, or ignored on request)\n", s->out);
	for (size_t i = 0; i < lines; i++) {
		uint32_t from;
		char *lead;

		if (lines > MOST_HOPS && i == MOST_HOPS / 2) {
			size_t left_out = lines - MOST_HOPS;

			fprintf(s->out, "    %s %zu more\n", screen_ellipsis(s), left_out);
			i += left_out;
		}
		from = i ? hop_from(path, count, line[i]) : GRAPH_NONE;
		lead = from == GRAPH_NONE
			? alloc_string("    -> ")
			: hop_lead(r, from, refs_hop_edge(r->graph, from, line[i]), "    +%u -> ", " ->");
		/* The words from the dict of a module, or from a frame, say whose they are. */
		if (i || lines == 1 || root_edge != GRAPH_NONE || !starts_path(r, line[i]))
			print_block_line(s, r, lead, line[i]);
		free(lead);
	}
	free(line);
	free(path);
}

/* Links of the collector are left out, and so is what only looks like a reference. */
static bool is_shown(const struct refs *r, const struct refs_word *w, char **field)
{
	const struct tide_edge *e = &r->snapshot.edges[w->edge];

	*field = NULL;
	if (w->root)
		return !(r->snapshot.root_edges[w->edge].flags & EDGE_UNCOUNTED);
	if (python_field_is_link(&r->snapshot, w->source, e))
		return false;
	*field = field_text(&r->types, &r->snapshot, w->source, w->edge);
	if (!(e->flags & EDGE_UNCOUNTED) || (*field && !strcmp(*field, "weak reference")))
		return true;
	free(*field);
	return false;
}

static void print_referrers(struct screen *s, const struct refs *r, size_t i)
{
	uint64_t shown = 0, left_out = 0;

	for (uint64_t k = r->word_start[i]; k < r->word_start[i + 1]; k++) {
		const struct refs_word *w = &r->word[k];
		char *field, *lead;

		if (!is_shown(r, w, &field))
			continue;
		if (shown++ >= MOST_WORDS) {
			left_out++;
			free(field);
			continue;
		}
		if (shown == 1) {
			screen_print(s, STYLE_HEADING, "  referrers");
			fputc('\n', s->out);
		}
		if (w->root) {
			print_root_line(s, r, "    ", (uint32_t)w->edge);
			continue;
		}
		lead = field && r->snapshot.edges[w->edge].flags & EDGE_UNCOUNTED
			? alloc_printf("    %s, which does not keep it alive: ", field)
			: hop_lead(r, w->source, w->edge, "    +%u of ", ":");
		print_block_line(s, r, lead, w->source);
		free(field);
		free(lead);
	}
	if (left_out)
		fprintf(s->out, "    %s %" PRIu64 " more\n", screen_ellipsis(s), left_out);
}

/* `Session::next_ -> +8 in `, `+16 -> +8 in ` */
static char *interior_lead(const struct refs *r, uint32_t block, uint64_t edge)
{
	const struct tide_edge *e = &r->snapshot.edges[edge];
	const char *unused = typed_scan_why(&r->snapshot, edge);
	char *field = field_text(&r->types, &r->snapshot, block, edge);
	char *lead = unused
		? alloc_printf("    +%u (%s: holds nothing) -> +%u in ", e->offset, unused, e->to_offset)
		: field ? alloc_printf("    %s -> +%u in ", field, e->to_offset)
			: alloc_printf("    +%u -> +%u in ", e->offset, e->to_offset);

	free(field);
	return lead;
}

struct words {
	uint32_t to[MOST_WORDS]; /* the blocks of those that are shown */
	uint64_t shown, left_out;
	bool once; /* a block of memory that belongs to the object: where a word leads to was said */
};

/* False: there are too many, or this one was said. */
static bool begin_word(struct screen *s, struct words *w, uint32_t to)
{
	for (uint64_t i = 0; i < w->shown && w->once; i++)
		if (w->to[i] == to)
			return false;
	if (w->shown == MOST_WORDS) {
		w->left_out++;
		return false;
	}
	w->to[w->shown++] = to;
	if (w->shown == 1)
		screen_print(s, STYLE_HEADING, "  refers to\n");
	return true;
}

/* Words of a block; of an object without those that Python does not count, and without its own tables. */
static void print_words(struct screen *s, const struct refs *r, uint32_t block, struct words *w)
{
	uint64_t first, end;
	char *lead;

	graph_words(&r->leaks.graph, block, &first, &end);
	for (; first < end; first++) {
		const struct tide_edge *e = &r->snapshot.edges[first];
		bool python = python_field_type(&r->snapshot, block);

		if (e->block >= r->leaks.graph.blocks
			|| (python
				&& (e->flags & EDGE_UNCOUNTED
					|| python_field_object(&r->snapshot, e->block) != e->block)))
			continue;
		if (!begin_word(s, w, e->block))
			continue;
		if (e->to_offset && !python_field_type(&r->snapshot, e->block))
			lead = interior_lead(r, block, first);
		else
			lead = hop_lead(r, block, first, "    +%u -> ", " ->");
		print_block_line(s, r, lead, e->block);
		free(lead);
	}
}

static int compare_owners(const void *a, const void *b)
{
	uint32_t x = ((const struct tide_owner *)a)->block, y = ((const struct tide_owner *)b)->block;

	return (x > y) - (x < y);
}

/* Is `block` memory of C that only the object leads to? Its 100,000 nodes are one line. */
static bool is_native_of(const struct snapshot *s, uint32_t block, uint32_t object)
{
	const struct tide_owner wanted = { .block = block };
	const struct tide_owner *o =
		bsearch(&wanted, s->owners, s->owner_count, sizeof(wanted), compare_owners);

	return o && o->owner == object && o->role == OWNER_OTHER;
}

static void print_native(struct screen *s, const struct refs *r, uint32_t block, struct words *w)
{
	const struct snapshot *p = &r->snapshot;
	struct leak_sum sum = refs_view_native(r, block);
	char size[UNITS_TEXT], count[UNITS_TEXT];
	uint64_t edge, end;

	graph_words(&r->leaks.graph, block, &edge, &end);
	while (edge < end && !is_native_of(p, p->edges[edge].block, block))
		edge++;
	if (!sum.blocks || !begin_word(s, w, edge < end ? p->edges[edge].block : GRAPH_NONE))
		return;
	fputs("    ", s->out);
	if (edge < end)
		fprintf(s->out, "+%u -> ", p->edges[edge].offset);
	fprintf(s->out, "%s of native memory, in %s\n", units_bytes(size, (int64_t)sum.bytes),
		units_many(count, (int64_t)sum.blocks, "block"));
}

static void print_referents(struct screen *s, const struct refs *r, uint32_t block)
{
	struct words w = { 0 };

	print_native(s, r, block, &w);
	print_words(s, r, block, &w);
	for (size_t i = 0; i < r->snapshot.owner_count; i++) {
		const struct tide_owner *o = &r->snapshot.owners[i];

		w.once = o->role == OWNER_OTHER;
		if (o->owner == block)
			print_words(s, r, o->block, &w);
	}
	if (w.left_out)
		fprintf(s->out, "    %s %" PRIu64 " more\n", screen_ellipsis(s), w.left_out);
}

/* What is found of the references that an object of Python counts. */
static void print_counts(struct screen *s, const struct refs *r, uint32_t block)
{
	const struct python_object_state *o = &r->heap.object[r->heap.object_of[block]];
	uint64_t found = (uint64_t)o->sure + o->solid + o->weak;
	int64_t stored = python_field_stored(&r->snapshot, block);

	screen_print(s,
		o->excess              ? STYLE_BAD
			: o->reachable ? STYLE_GOOD
				       : STYLE_WARNING,
		"%s",
		o->excess              ? "held by a lost reference"
			: o->reachable ? "reachable"
			: o->pinned    ? "pinned by a lost reference"
				       : "garbage that gc.collect() would free");
	fprintf(s->out, ", %" PRIu64 " reference%s found", found, found == 1 ? "" : "s");
	if (stored < 0)
		fputs(", and it never dies", s->out);
	else
		screen_print(
			s, o->excess ? STYLE_BAD : STYLE_PLAIN, ", its reference count is %" PRId64, stored);
}

static void print_retained(struct screen *s, const struct refs *r, uint32_t block)
{
	struct leak_sum retained = retained_block(&r->retained, block);
	char count[UNITS_TEXT], size[UNITS_TEXT];

	fprintf(s->out, "\n  retains %s in %s block%s; generation %u\n",
		units_bytes(size, (int64_t)retained.bytes), units_count(count, (int64_t)retained.blocks),
		retained.blocks == 1 ? "" : "s",
		selection_age(&r->snapshot, r->snapshot.blocks[block].birth));
}

static void print_block(struct screen *s, const struct refs *r, size_t i)
{
	uint32_t block = r->block[i];
	enum leak_kind kind = (enum leak_kind)(r->leaks.kind[block] & LEAK_KIND_MASK);
	struct refs_found f = refs_view_found(r, i);

	print_block_line(s, r, "", block);
	fputs("  ", s->out);
	if (python_field_id(&r->snapshot, block)) {
		print_counts(s, r, block);
		print_retained(s, r, block);
		print_path(s, r, block);
		print_referrers(s, r, i);
		print_referents(s, r, block);
		return;
	}
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
	print_retained(s, r, block);
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
	char text[UNITS_TEXT], *what = view_site_text(r->what);

	screen_open(&s, &r->common);
	header_who(&s, &r->snapshot);
	if (!s.quiet)
		fputc('\n', s.out);
	if (!r->count)
		fprintf(s.out, "No block of %s is live.\n", what);
	if (r->count > 1) {
		screen_print(&s, STYLE_HEADING, "%s %s of %s: ", units_count(text, (int64_t)r->count),
			python_field_id(&r->snapshot, r->block[0]) ? "objects" : "blocks", what);
		print_kinds(&s, r);
		fputs("\n\n", s.out);
		if (r->snapshot.python_object_count)
			refs_holders(&s, r);
	}
	for (size_t i = 0; i < r->count && i < rows; i++) {
		if (i)
			fputc('\n', s.out);
		print_block(&s, r, i);
	}
	if (r->count > rows)
		screen_hint(&s, "%s more, which retain less: -n all shows them, --dot draws a graph",
			units_count(text, (int64_t)(r->count - rows)));
	free(what);
	return screen_close(&s);
}
