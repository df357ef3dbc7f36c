/* refs_holders.c - the ways in which many blocks are held, for `refs`. */
#include <stdlib.h>
#include <string.h>
#include "analysis/python_field.h"
#include "base/alloc.h"
#include "base/array.h"
#include "base/intern.h"
#include "base/units.h"
#include "model/root_kinds.h"
#include "refs_view.h"

#define HOLDERS 5u
#define HOLDERS_OF 100000u /* blocks whose path is followed */
#define HOLDER_HOPS 4u     /* of a path that are compared */

struct holder {
	const char *text;
	uint64_t blocks;
};

/* `dict of module app, key "cache" > key of dict > element of list` */
static char *holder_text(const struct refs *r, uint32_t block)
{
	uint32_t root_edge, *path;
	size_t count, shown = 0;
	char *text = NULL;

	path = reach_path(&r->reach, r->graph, block, &count, &root_edge);
	if (!path)
		return alloc_string("nothing that a root leads to by references that count");
	if (root_edge != GRAPH_NONE) {
		const struct tide_root_edge *e = &r->snapshot.root_edges[root_edge];
		const char *place = python_field_root(&r->snapshot, e);

		text = place ? alloc_string(place)
			     : alloc_printf("%s %s", root_kind_name(r->snapshot.roots[e->root].kind),
				     symbols_root(r->symbols, e->root));
		shown++;
	}
	for (size_t i = 0; i + 1 < count && shown < HOLDER_HOPS; i++) {
		uint64_t edge = refs_hop_edge(r->graph, path[i], path[i + 1]);
		char *field = edge == REFS_NONE ? NULL : python_field_text(&r->snapshot, path[i], edge);

		if (!field)
			continue;
		python_field_without_numbers(field);
		/* A cell of a closure is called as what it holds. */
		if (text && strlen(text) >= strlen(field)
			&& !strcmp(text + strlen(text) - strlen(field), field)) {
			free(field);
			continue;
		}
		text = alloc_listed(text, " > ", field);
		free(field);
		shown++;
	}
	free(path);
	return text ? text : alloc_string("other");
}

static int holder_order(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;

	return x->blocks != y->blocks ? (x->blocks < y->blocks ? 1 : -1) : strcmp(x->text, y->text);
}

void refs_holders(struct screen *s, const struct refs *r)
{
	size_t rows = options_rows(&r->common, HOLDERS), room = 0;
	struct holder *holder = NULL;
	struct intern texts = { 0 };
	char count[UNITS_TEXT];
	uint64_t others = 0;

	for (size_t i = 0; i < r->count && i < HOLDERS_OF; i++) {
		char *text = holder_text(r, r->block[i]);
		size_t before = texts.count;
		uint32_t number = intern_text(&texts, text);

		ARRAY_RESERVE(holder, room, texts.count);
		if (texts.count > before)
			holder[number] = (struct holder){ texts.text[number], 0 };
		holder[number].blocks++;
		free(text);
	}
	if (texts.count)
		qsort(holder, texts.count, sizeof(*holder), holder_order);
	screen_print(s, STYLE_HEADING, "Held by");
	if (r->count > HOLDERS_OF)
		screen_print(s, STYLE_DIM, " (the first %s)", units_count(count, HOLDERS_OF));
	fputc('\n', s->out);
	for (size_t i = 0; i < texts.count; i++) {
		char *line, *fit;

		if (i >= rows) {
			others += holder[i].blocks;
			continue;
		}
		line = alloc_printf(
			"%12s  %s", units_count(count, (int64_t)holder[i].blocks), holder[i].text);
		fit = screen_fit(s, line, s->width, FIT_MIDDLE);
		fprintf(s->out, "%s\n", fit);
		free(line);
		free(fit);
	}
	if (others)
		fprintf(s->out, "%12s  in other ways\n", units_count(count, (int64_t)others));
	fputc('\n', s->out);
	intern_free(&texts);
	free(holder);
}
