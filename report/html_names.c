/* html_names.c - texts, lines, stacks and rows of the report, each written once. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "html.h"
#include "json_out.h"
#include "shim/ledger.h"

static void set_grow(struct html_set *s)
{
	s->slots = s->slots ? s->slots * 2 : 4096;
	free(s->slot);
	s->slot = memory_get_zeroed(s->slots, sizeof(*s->slot));
	for (uint32_t i = 0; i < s->count; i++) {
		uint32_t at = (uint32_t)XXH3_64bits(&s->key[i], sizeof(s->key[i])) & (s->slots - 1);

		while (s->slot[at])
			at = (at + 1) & (s->slots - 1);
		s->slot[at] = i + 1;
	}
}

uint32_t html_set_add(struct html_set *s, const struct html_key *key)
{
	uint32_t at;

	if (s->count * 2ull >= s->slots)
		set_grow(s);
	at = (uint32_t)XXH3_64bits(key, sizeof(*key)) & (s->slots - 1);
	for (; s->slot[at]; at = (at + 1) & (s->slots - 1))
		if (!memcmp(&s->key[s->slot[at] - 1], key, sizeof(*key)))
			return s->slot[at] - 1;
	if (s->count == s->room) {
		s->room = s->room ? s->room * 2 : 1024;
		s->key = memory_resize(s->key, s->room * sizeof(*s->key));
	}
	s->key[s->count] = *key;
	s->slot[at] = ++s->count;
	return s->count - 1;
}

void html_set_free(struct html_set *s)
{
	free(s->key);
	free(s->slot);
	memset(s, 0, sizeof(*s));
}

static uint32_t line_number(struct html *h, const struct symbol_line *l)
{
	const char *file = l->file ? l->file : "", *module = l->module ? l->module : "";
	uint32_t flags = (l->inlined ? HTML_INLINED : 0) | (l->wrapper ? HTML_WRAPPER : 0) |
		(l->has_symbol ? 0 : HTML_NO_SYMBOL);
	struct html_key key = { { intern_text(&h->text, l->function ? l->function : "(unknown)"),
		intern_text(&h->text, place_source(file, h->options->source_root)), l->line,
		intern_text(&h->text, module) << 3 | flags } };

	return html_set_add(&h->lines, &key);
}

/* The same, looked up as text once for each line of the symbols. */
static uint32_t line_known(struct html *h, const struct symbol_line *l, bool old)
{
	uint32_t **of = &h->line_of[old], room;

	if (!l->number)
		return line_number(h, l);
	if (l->number >= h->line_room[old]) {
		room = l->number * 2 + 1024;
		*of = memory_resize(*of, room * sizeof(**of));
		memset(*of + h->line_room[old], 0, (room - h->line_room[old]) * sizeof(**of));
		h->line_room[old] = room;
	}
	if (!(*of)[l->number])
		(*of)[l->number] = line_number(h, l) + 1;
	return (*of)[l->number] - 1;
}

static uint32_t stack_node(struct html *h, struct symbols *symbols, uint32_t site, bool old, uint32_t *skip)
{
	size_t count = symbols_walk(symbols, site, &h->stack, &h->stack_room);
	struct html_key key = { { 0 } };
	uint32_t node = 0;

	for (size_t i = count; i--; ) {
		key.part[1] = line_known(h, h->stack[i], old);
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
		h->row_of[old] = memory_get_zeroed(v->snapshot->site_count + 1, sizeof(uint32_t));
	at = &h->row_of[old][known];
	if (*at)
		return *at - 1;
	if (h->rows == h->rows_room) {
		h->rows_room = h->rows_room ? h->rows_room * 2 : 1024;
		h->row = memory_resize(h->row, h->rows_room * sizeof(*h->row));
	}
	r = &h->row[h->rows];
	*r = (struct html_row){ .site = known, .flags = old ? HTML_ROW_OLD : 0 };
	if (known < v->snapshot->site_count &&
	    v->snapshot->sites[known].flags & (LEDGER_SITE_DEPTH_CUT | LEDGER_SITE_BROKEN))
		r->flags |= HTML_ROW_CUT;
	r->node = stack_node(h, v->symbols, known, old, &r->skip);
	*at = ++h->rows;
	return h->rows - 1;
}

static int dump(const char *buffer, size_t size, void *arg)
{
	FILE *out = arg;

	for (size_t i = 0; i < size; i++)
		if (buffer[i] == '<')
			fputs("\\u003c", out);
		else
			putc(buffer[i], out);
	return 0;
}

void html_json(struct html *h, json_t *value)
{
	json_dump_callback(value, dump, h->out, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(value);
}

/* printf takes most of the time of a column of a million. */
static void write_number(FILE *out, int64_t n)
{
	uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	char text[24], *at = text + sizeof(text);

	do
		*--at = (char)('0' + rest % 10);
	while (rest /= 10);
	if (n < 0)
		*--at = '-';
	fwrite_unlocked(at, 1, (size_t)(text + sizeof(text) - at), out);
}

void html_column(struct html *h, const char *name, const void *from, size_t count, size_t stride,
	int64_t (*get)(const void *))
{
	fprintf(h->out, "\"%s\":[", name);
	for (size_t i = 0; i < count; i++) {
		if (i)
			putc_unlocked(',', h->out);
		write_number(h->out, get((const char *)from + i * stride));
	}
	fputs("],\n", h->out);
}

/* How far before a node its caller is, 0 for the outermost: mostly 1, where its own
 * number would have seven digits. */
static void node_column(struct html *h)
{
	fputs("\"node_up\":[", h->out);
	for (uint32_t i = 0; i < h->nodes.count; i++) {
		uint32_t caller = h->nodes.key[i].part[0];

		if (i)
			putc_unlocked(',', h->out);
		write_number(h->out, caller ? i + 1 - caller : 0);
	}
	fputs("],\n", h->out);
}

static int64_t part_0(const void *p) { return ((const struct html_key *)p)->part[0]; }
static int64_t part_1(const void *p) { return ((const struct html_key *)p)->part[1]; }
static int64_t part_2(const void *p) { return ((const struct html_key *)p)->part[2]; }
static int64_t part_3(const void *p) { return ((const struct html_key *)p)->part[3]; }
static int64_t row_site(const void *p) { return ((const struct html_row *)p)->site; }
static int64_t row_node(const void *p) { return ((const struct html_row *)p)->node; }
static int64_t row_skip(const void *p) { return ((const struct html_row *)p)->skip; }
static int64_t row_flags(const void *p) { return ((const struct html_row *)p)->flags; }

void html_names(struct html *h)
{
	const size_t key = sizeof(struct html_key), row = sizeof(struct html_row);

	html_column(h, "line_function", h->lines.key, h->lines.count, key, part_0);
	html_column(h, "line_file", h->lines.key, h->lines.count, key, part_1);
	html_column(h, "line_line", h->lines.key, h->lines.count, key, part_2);
	html_column(h, "line_module", h->lines.key, h->lines.count, key, part_3);
	node_column(h);
	html_column(h, "node_line", h->nodes.key, h->nodes.count, key, part_1);
	html_column(h, "row_site", h->row, h->rows, row, row_site);
	html_column(h, "row_node", h->row, h->rows, row, row_node);
	html_column(h, "row_skip", h->row, h->rows, row, row_skip);
	html_column(h, "row_flags", h->row, h->rows, row, row_flags);
	fputs("\"text\":[", h->out);
	for (size_t i = 0; i < h->text.count; i++) {
		if (i)
			fputs(",\n", h->out);
		html_json(h, json_text(h->text.text[i]));
	}
	fputs("]", h->out);
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
}
