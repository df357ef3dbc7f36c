/* retained_screen.c - `retained` for people. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "view/view.h"
#include "base/alloc.h"
#include "base/units.h"
#include "model/root_kinds.h"
#include "print/header.h"
#include "print/table.h"
#include "analysis/sharing.h"
#include "retained_command.h"

#define SCREEN_ROWS 25u
#define SHARED_LEAST 20u /* a twentieth of what is live, or of what is shared: less is not worth a line */
#define SITE_BLOCKS 2u   /* of one site, on a screen of all kinds: more would add nothing new */

/* Leaves the rows that a screen of all kinds shows in front, in their order. */
static size_t limit_blocks_per_site(struct retained_command *t)
{
	uint32_t *seen = alloc_zeroed(t->snapshot.site_count + 1, sizeof(*seen));
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++) {
		uint32_t site = t->rows[i].kind == RETAINED_BLOCK ? retained_rows_site(t, &t->rows[i]) : 0;

		if (t->rows[i].kind == RETAINED_BLOCK && site < t->snapshot.site_count
			&& seen[site]++ >= SITE_BLOCKS)
			continue;
		t->rows[kept++] = t->rows[i];
	}
	free(seen);
	return kept;
}

/* `dict of module M, key "K"` as Python writes it: M.K; and so for classes. In place. */
static void shorten(char *text)
{
	static const char *const dict[] = { "dict of module ", "dict of class " };
	static const char key[] = ", key \"";
	char *to = text;

	for (const char *at = text; *at;) {
		const char *name = NULL, *middle, *end;

		for (int i = 0; i < 2 && !name; i++)
			if (!strncmp(at, dict[i], strlen(dict[i])))
				name = at + strlen(dict[i]);
		middle = name ? strstr(name, key) : NULL;
		end = middle ? strchr(middle + strlen(key), '"') : NULL;
		if (!end) {
			*to++ = *at++;
			continue;
		}
		memmove(to, name, (size_t)(middle - name));
		to += middle - name;
		*to++ = '.';
		middle += strlen(key);
		memmove(to, middle, (size_t)(end - middle));
		to += end - middle;
		at = end + 1;
	}
	*to = '\0';
}

/* A variable is followed by what holds most of it, where that is not the variable itself. */
static char *name_of(struct retained_command *t, const struct retained_row *r)
{
	char *name = retained_rows_name(t, r), *text = name,
	     *way = r->kind == RETAINED_VARIABLE ? retained_way_text(t, r) : NULL;

	if (way) {
		text = alloc_printf("%s > %s", name, way);
		free(name);
		free(way);
	}
	if (r->kind == RETAINED_VARIABLE)
		shorten(text);
	return text;
}

/* "net::Server, most of it through net::Server::sessions_" */
static void note_block(struct table *table, struct retained_command *t, const struct retained_row *r)
{
	const char *type = retained_way_type(t, r);
	char *way = retained_way_text(t, r);

	if (type)
		table_note(
			table, STYLE_DIM, "%s%s%s", type, way ? ", most of it through " : "", way ? way : "");
	else if (way)
		table_note(table, STYLE_DIM, "most of it through %s", way);
	if (t->a->common.verbose)
		table_note(table, STYLE_DIM, "0x%" PRIx64, t->snapshot.blocks[r->which].address);
	free(way);
}

static void print_table(struct screen *s, struct retained_command *t, size_t rows)
{
	static const struct column columns[] = {
		{ "grown", COLUMN_RIGHT, true },
		{ "retains", COLUMN_RIGHT, false },
		{ "in blocks", COLUMN_RIGHT, false },
		{ "itself", COLUMN_RIGHT, true },
		{ "", COLUMN_BAR, true },
		{ "", COLUMN_LEFT, false },
		{ "what", COLUMN_PLACE, false },
	};
	bool old = t->a->old_file;
	struct table *table = table_new(
		s, columns + !old, sizeof(columns) / sizeof(columns[0]) - !old, t->a->common.source_root);
	struct symbol_line *lines = alloc_zeroed(t->count + 1, sizeof(*lines));
	char **names = alloc_zeroed(t->count + 1, sizeof(*names)), text[UNITS_TEXT];
	uint64_t all = 0;

	for (size_t i = 0; i < t->snapshot.block_count; i++)
		all += t->snapshot.blocks[i].bytes;
	for (size_t i = 0; i < t->count && i < rows; i++) {
		const struct retained_row *r = &t->rows[i];

		if (old)
			table_text(table, STYLE_STRONG, "%s", units_bytes_signed(text, r->grown_bytes));
		table_text(table, old ? STYLE_PLAIN : STYLE_STRONG, "%s",
			units_bytes(text, (int64_t)r->retained.bytes));
		table_text(table, STYLE_PLAIN, "%s", units_count(text, (int64_t)r->retained.blocks));
		table_text(table, STYLE_DIM, "%s",
			r->kind == RETAINED_ROOT || r->kind == RETAINED_MODULE
				? ""
				: units_bytes(text, (int64_t)r->own.bytes));
		table_bar(table, all ? (double)r->retained.bytes / (double)all : 0);
		table_text(table, r->kind == RETAINED_ROOT ? STYLE_GOOD : STYLE_PLAIN, "%s",
			r->kind == RETAINED_ROOT ? root_kind_name(t->snapshot.roots[r->which].kind)
						 : retained_rows_kind[r->kind]);
		names[i] = name_of(t, r);
		lines[i] = (struct symbol_line){
			.function = names[i], .has_symbol = true, .language = "native"
		};
		if (names[i])
			table_place(table, &lines[i]);
		else
			table_site(table, t->symbols, retained_rows_site(t, r));
		if (r->kind == RETAINED_BLOCK)
			note_block(table, t, r);
	}
	table_show(table);
	for (size_t i = 0; i < t->count && i < rows; i++)
		free(names[i]);
	free(names);
	free(lines);
}

/* "6.29 MiB in 4,990 blocks are reached from several roots, ..."; not where it is little, nor of Python, where each module
 * leads to all others. */
static bool print_sharing(struct screen *s, const struct retained_command *t)
{
	struct sharing h;
	char size[UNITS_TEXT], count[UNITS_TEXT], *roots = NULL, *longer;

	if (!t->by[RETAINED_ROOT] || t->a->old_file || t->snapshot.python_object_count)
		return false;
	sharing_find(&h, &t->retained);
	if (!h.count || h.sum.bytes < t->snapshot.process->live_bytes / SHARED_LEAST)
		return false;
	for (size_t i = 0; i < h.count; i++) {
		const struct tide_root *root = &t->snapshot.roots[h.root[i]];

		if (i && h.part[i].bytes < h.sum.bytes / SHARED_LEAST)
			break;
		longer = alloc_printf("%s%s%s from %s %s", roots ? roots : "", roots ? ", " : "",
			units_bytes(size, (int64_t)h.part[i].bytes), root_kind_name(root->kind),
			symbols_root(t->symbols, h.root[i]));
		free(roots);
		roots = longer;
	}
	screen_hint(s, "%s in %s %s reached from several roots, and would be freed with none alone: %s%s",
		units_bytes(size, (int64_t)h.sum.bytes), units_many(count, (int64_t)h.sum.blocks, "block"),
		h.sum.blocks == 1 ? "is" : "are", roots,
		header_wiped(&t->snapshot) ? "" : ". One stale word can do that: tidemark run --wipe");
	free(roots);
	return true;
}

int retained_screen(struct retained_command *t)
{
	size_t rows = options_rows(&t->a->common, SCREEN_ROWS), all = t->count;
	struct screen s;
	bool shared;
	char count[UNITS_TEXT], size[UNITS_TEXT], own[UNITS_TEXT];

	screen_open(&s, &t->a->common);
	header_who(&s, &t->snapshot);
	if (!s.quiet)
		fputc('\n', s.out);
	if (t->a->drop) {
		char *what = view_site_text(t->a->drop);

		screen_print(&s, STYLE_STRONG,
			"Without %s, %s in %s would be freed, of which %s in its own blocks", what,
			units_bytes(size, (int64_t)t->drop.bytes),
			units_many(count, (int64_t)t->drop.blocks, "block"),
			units_bytes(own, (int64_t)t->drop_own.bytes));
		fputs("\n\n", s.out);
		free(what);
	}
	if (!t->a->by_given && t->a->common.rows >= 0)
		t->count = limit_blocks_per_site(t);
	if (!s.quiet && t->count)
		screen_print(&s, STYLE_HEADING,
			t->a->old_file ? "%s\n" : "%s, by what would be freed with them\n",
			t->a->old_file           ? "What retains more than in the older snapshot"
				: t->a->by_given ? "Owners"
				: t->snapshot.python_object_count
				? "Roots, sites, blocks, and types, modules and variables of Python"
				: "Roots, sites and blocks");
	if (!t->count)
		fputs(t->a->old_file ? "Nothing retains more than in the older snapshot\n"
				     : "Nothing is kept alive\n",
			s.out);
	else
		print_table(&s, t, rows);
	shared = t->count && print_sharing(&s, t);
	if (t->count && t->unsure.known)
		header_unsure(&s, &t->snapshot, t->symbols, &t->unsure);
	else if (t->count && !shared)
		header_stale(&s, &t->snapshot);
	if (all > t->count || t->count > rows)
		screen_hint(&s, "%s more: -n all%s",
			units_count(count, (int64_t)(all - (t->count < rows ? t->count : rows))),
			t->a->by_given || t->a->old_file
				? ""
				: "; --by root, site, block, type, module or variable");
	return screen_close(&s);
}
