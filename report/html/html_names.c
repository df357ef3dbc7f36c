/* html_names.c - texts, lines, stacks and rows of the report, each written once. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/array.h"
#include "html.h"
#include "print/place.h"
#include "symbol/name.h"
#include "symbol/symbol_row.h"

#define NAMED_MOST 8192u /* rows that symbol_row.h names: it keeps whole stacks */

uint32_t html_set_add(struct html_set *s, const struct html_key *key)
{
	uint64_t hash = XXH3_64bits(key, sizeof(*key));

	INDEX_EACH(&s->index, hash, probe)
	if (!memcmp(&s->key[probe.number], key, sizeof(*key)))
		return probe.number;
	index_add(&s->index, hash, s->count);
	*ARRAY_ADD(s->key, s->count, s->capacity) = *key;
	return s->count - 1;
}

void html_set_free(struct html_set *s)
{
	free(s->key);
	index_free(&s->index);
	memset(s, 0, sizeof(*s));
}

static uint32_t number_line(struct html *h, const struct symbol_line *l)
{
	const char *file = l->file ? l->file : "", *module = l->module ? l->module : "";
	uint32_t flags = (l->inlined ? HTML_INLINED : 0) | (l->wrapper ? HTML_WRAPPER : 0)
		| (l->has_symbol ? 0 : HTML_NO_SYMBOL);
	struct html_key key = { { intern_text(&h->text, l->function ? name_shown(l) : "(unknown)"),
		intern_text(&h->text, place_source(file, h->options->source_root)), l->line,
		intern_text(&h->text, module) << 3 | flags } };

	html_source_note(h, key.part[1], file);
	return html_set_add(&h->lines, &key);
}

/* The same, looked up as text once for each line of the symbols. */
static uint32_t look_up_line(struct html *h, const struct symbol_line *l, bool old)
{
	uint32_t **of = &h->line_of[old], capacity = h->line_capacity[old];

	if (!l->number)
		return number_line(h, l);
	if (l->number >= capacity) {
		ARRAY_RESERVE(*of, h->line_capacity[old], l->number + 1ull);
		memset(*of + capacity, 0, (h->line_capacity[old] - capacity) * sizeof(**of));
	}
	if (!(*of)[l->number])
		(*of)[l->number] = number_line(h, l) + 1;
	return (*of)[l->number] - 1;
}

static uint32_t add_stack(struct html *h, struct symbols *symbols, uint32_t site, bool old, uint32_t *skip)
{
	size_t count = symbols_walk(symbols, site, &h->stack, &h->stack_capacity);
	struct html_key key = { { 0 } };
	uint32_t node = 0;

	for (size_t i = count; i--;) {
		key.part[1] = look_up_line(h, h->stack[i], old);
		node = html_set_add(&h->nodes, &key);
		key.part[0] = node + 1;
	}
	*skip = (uint32_t)symbols_caller(symbols, site);
	if (*skip >= count)
		*skip = 0;
	return node;
}

uint32_t html_row(struct html *h, uint32_t site, bool old)
{
	struct view *v = old ? &h->old : &h->view;
	uint32_t known = site < v->snapshot->site_count ? site : 0, *at;
	struct html_row *r;

	if (!h->row_of[old])
		h->row_of[old] = alloc_zeroed(v->snapshot->site_count + 1, sizeof(uint32_t));
	at = &h->row_of[old][known];
	if (*at)
		return *at - 1;
	ARRAY_RESERVE(h->row, h->rows_capacity, h->rows + 1ull);
	r = &h->row[h->rows];
	*r = (struct html_row){ .site = known, .flags = old ? HTML_ROW_OLD : 0 };
	if (known < v->snapshot->site_count
		&& v->snapshot->sites[known].flags & (SITE_DEPTH_CUT | SITE_BROKEN))
		r->flags |= HTML_ROW_CUT;
	r->node = add_stack(h, v->symbols, known, old, &r->skip);
	r->name = r->skip;
	*at = ++h->rows;
	return h->rows - 1;
}

void html_column(struct html *h, const char *name, const void *from, size_t count, size_t stride,
	int64_t (*get)(const void *))
{
	json_open_array(&h->json, name);
	for (size_t i = 0; i < count; i++)
		json_number(&h->json, NULL, get((const char *)from + i * stride));
	json_close_array(&h->json);
}

/* The distance from a node back to its caller, 0 for the outermost: mostly 1, where the
 * number of the caller would have seven digits. */
static void write_callers(struct html *h)
{
	json_open_array(&h->json, "node_up");
	for (uint32_t i = 0; i < h->nodes.count; i++) {
		uint32_t caller = h->nodes.key[i].part[0];

		json_number(&h->json, NULL, caller ? i + 1 - caller : 0);
	}
	json_close_array(&h->json);
}

static int64_t part_0(const void *p) { return ((const struct html_key *)p)->part[0]; }
static int64_t part_1(const void *p) { return ((const struct html_key *)p)->part[1]; }
static int64_t part_2(const void *p) { return ((const struct html_key *)p)->part[2]; }
static int64_t part_3(const void *p) { return ((const struct html_key *)p)->part[3]; }
static int64_t row_site(const void *p) { return ((const struct html_row *)p)->site; }
static int64_t row_node(const void *p) { return ((const struct html_row *)p)->node; }
static int64_t row_skip(const void *p) { return ((const struct html_row *)p)->skip; }
static int64_t row_name(const void *p) { return ((const struct html_row *)p)->name; }
static int64_t row_tell(const void *p) { return ((const struct html_row *)p)->tell; }
static int64_t row_library(const void *p) { return ((const struct html_row *)p)->library; }
static int64_t row_flags(const void *p) { return ((const struct html_row *)p)->flags; }

/* Where a line is in a stack; `none` when it is not. */
static uint32_t find_in_stack(
	const struct symbol_line **stack, size_t count, const struct symbol_line *line, uint32_t none)
{
	for (size_t i = 0; line && i < count; i++)
		if (stack[i] == line
			|| (stack[i]->line == line->line && !strcmp(stack[i]->function, line->function)
				&& stack[i]->file == line->file))
			return (uint32_t)i;
	return none;
}

struct order {
	int64_t bytes;
	uint32_t row;
};

static int compare_order(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

/* The rows of each snapshot, the largest first: only so many get a caller. */
static void name_rows(struct html *h, bool old)
{
	struct view *v = old ? &h->old : &h->view;
	struct order *order = alloc_bytes((h->rows + 1ull) * sizeof(*order));
	struct symbol_site *site = alloc_zeroed(h->rows + 1ull, sizeof(*site));
	struct symbol_row *row;
	size_t count = 0;

	for (uint32_t i = 0; i < h->rows; i++)
		if (h->row[i].site < v->snapshot->site_count && !(h->row[i].flags & HTML_ROW_OLD) == !old) {
			const struct measures *m = &v->site[h->row[i].site];

			order[count++] = (struct order){ m->of[LIVE_BYTES] + m->of[PEAK_BYTES], i };
		}
	if (count)
		qsort(order, count, sizeof(*order), compare_order);
	if (count > NAMED_MOST)
		count = NAMED_MOST;
	for (size_t i = 0; i < count; i++)
		site[i] = (struct symbol_site){ v->symbols, h->row[order[i].row].site };
	row = symbol_rows(site, count);
	for (size_t i = 0; i < count; i++) {
		struct html_row *r = &h->row[order[i].row];
		size_t lines = symbols_walk(v->symbols, r->site, &h->stack, &h->stack_capacity);
		const struct symbol_line *tell = row[i].caller ? row[i].caller : row[i].own;

		r->name = find_in_stack(h->stack, lines, row[i].line, r->skip);
		r->library = find_in_stack(h->stack, lines, row[i].library, UINT32_MAX) + 1;
		r->tell = tell && r->name < lines
			? find_in_stack(h->stack + r->name + 1, lines - r->name - 1, tell, 0)
			: 0;
		if (tell && r->name + 1 < lines)
			r->tell += r->name + 1 + 1;
	}
	free(row);
	free(site);
	free(order);
}

void html_names(struct html *h)
{
	const size_t key = sizeof(struct html_key), row = sizeof(struct html_row);

	name_rows(h, false);
	if (h->has_old)
		name_rows(h, true);
	html_column(h, "line_function", h->lines.key, h->lines.count, key, part_0);
	html_column(h, "line_file", h->lines.key, h->lines.count, key, part_1);
	html_column(h, "line_line", h->lines.key, h->lines.count, key, part_2);
	html_column(h, "line_module", h->lines.key, h->lines.count, key, part_3);
	write_callers(h);
	html_column(h, "node_line", h->nodes.key, h->nodes.count, key, part_1);
	html_column(h, "row_site", h->row, h->rows, row, row_site);
	html_column(h, "row_node", h->row, h->rows, row, row_node);
	html_column(h, "row_skip", h->row, h->rows, row, row_skip);
	html_column(h, "row_name", h->row, h->rows, row, row_name);
	html_column(h, "row_tell", h->row, h->rows, row, row_tell);
	html_column(h, "row_library", h->row, h->rows, row, row_library);
	html_column(h, "row_flags", h->row, h->rows, row, row_flags);
	json_open_array(&h->json, "text");
	for (size_t i = 0; i < h->text.count; i++)
		json_text(&h->json, NULL, h->text.text[i]);
	json_close_array(&h->json);
}

void html_names_free(struct html *h)
{
	intern_free(&h->text);
	html_set_free(&h->lines);
	html_set_free(&h->nodes);
	free(h->row);
	free(h->row_of[0]);
	free(h->row_of[1]);
	free(h->line_of[0]);
	free(h->line_of[1]);
	free(h->stack);
	html_source_free(h);
}
