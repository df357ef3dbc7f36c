/* leaks_together.c - `leaks` of several processes: root leaks and root cycles summed by their place. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/path.h"
#include "base/units.h"
#include "leaks_command.h"
#include "print/csv.h"
#include "print/header.h"
#include "print/json_report.h"
#include "print/misuse.h"
#include "print/table.h"
#include "symbol/site_key.h"

#define SCREEN_ROWS 25u
#define FILES_SHOWN 12u

/* Groups of all processes that have one kind, one key and one line. */
struct row {
	uint64_t key;
	enum leak_kind kind;
	unsigned line;
	uint64_t roots, blocks, bytes, retained_blocks, retained_bytes;
	size_t processes, last; /* how many have it; the last one, + 1 */
	size_t view;            /* whose stack is shown */
	uint32_t site;
};

struct rows {
	struct row *list;
	size_t count, capacity;
};

static int compare_places(const void *x, const void *y)
{
	const struct row *a = x, *b = y;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return (a->view > b->view) - (a->view < b->view);
}

static uint64_t order_row(enum leaks_order order, const struct row *r)
{
	return leaks_order_value(order, r->roots, r->bytes, r->retained_blocks, r->retained_bytes);
}

static int compare_rows(const void *x, const void *y, void *arg)
{
	const struct row *a = x, *b = y;
	enum leaks_order order = *(const enum leaks_order *)arg;
	uint64_t value_a = order_row(order, a), value_b = order_row(order, b);

	if (value_a != value_b)
		return value_a > value_b ? -1 : 1;

	if (a->retained_bytes != b->retained_bytes)
		return a->retained_bytes > b->retained_bytes ? -1 : 1;
	return compare_places(x, y);
}

static void collect_groups(struct leaks_view *v, size_t index, struct rows *rows)
{
	struct site_keys *keys = site_keys_new(&v->snapshot, v->symbols);

	for (size_t i = leaks_view_next_group(v, 0); i < v->leaks.group_count;
		i = leaks_view_next_group(v, i + 1)) {
		const struct leak_group *g = &v->leaks.groups[i];

		*ARRAY_ADD(rows->list, rows->count, rows->capacity) =
			(struct row){ .key = site_key(keys, g->site),
				.kind = g->kind,
				.line = symbols_top(v->symbols, g->site)->line,
				.roots = g->roots,
				.blocks = g->blocks,
				.bytes = g->bytes,
				.retained_blocks = g->retained_blocks,
				.retained_bytes = g->retained_bytes,
				.processes = 1,
				.view = index,
				.site = g->site };
	}
	site_keys_free(keys);
}

/* One row for each place, the largest first. */
static struct rows sum_groups(struct leaks_view *views, size_t count, enum leaks_order order)
{
	struct rows rows = { NULL, 0, 0 };
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		collect_groups(&views[i], i, &rows);
	if (rows.count)
		qsort(rows.list, rows.count, sizeof(*rows.list), compare_places);
	for (size_t i = 0; i < rows.count; i++) {
		struct row *r = &rows.list[i], *to = kept ? &rows.list[kept - 1] : NULL;

		if (!to || to->key != r->key || to->kind != r->kind || to->line != r->line) {
			r->last = r->view;
			rows.list[kept++] = *r;
			continue;
		}
		to->roots += r->roots, to->blocks += r->blocks, to->bytes += r->bytes;
		to->retained_blocks += r->retained_blocks, to->retained_bytes += r->retained_bytes;
		to->processes += to->last != r->view;
		to->last = r->view;
	}
	rows.count = kept;
	if (kept)
		qsort_r(rows.list, kept, sizeof(*rows.list), compare_rows, &order);
	return rows;
}

static struct leak_sum sum_lost(const struct leaks_view *views, size_t count, size_t *leaking)
{
	struct leak_sum sum = { 0 };

	*leaking = 0;
	for (size_t i = 0; i < count; i++) {
		sum.blocks += views[i].leaks.lost.blocks;
		sum.bytes += views[i].leaks.lost.bytes;
		*leaking += views[i].leaks.lost.blocks != 0;
	}
	return sum;
}

/* Each file, with its process and what that lost. */
static void print_files(struct screen *s, const struct leaks_view *views, size_t count)
{
	static const struct column columns[] = {
		{ "lost", COLUMN_RIGHT, false },
		{ "in blocks", COLUMN_RIGHT, false },
		{ "process", COLUMN_RIGHT, false },
		{ "program", COLUMN_LEFT, true },
		{ "file", COLUMN_FIT, false },
	};
	struct table *t = table_new(s, columns, sizeof(columns) / sizeof(columns[0]), NULL);
	char text[UNITS_TEXT];

	for (size_t i = 0; i < count && i < FILES_SHOWN; i++) {
		const struct leaks_view *v = &views[i];

		table_text(t, STYLE_STRONG, "%s", units_bytes(text, (int64_t)v->leaks.lost.bytes));
		table_text(t, STYLE_PLAIN, "%s", units_count(text, (int64_t)v->leaks.lost.blocks));
		table_text(t, STYLE_PLAIN, "%d", v->snapshot.process->pid);
		table_text(t, STYLE_NAME, "%s",
			path_base(snapshot_string(&v->snapshot, v->snapshot.process->exe)));
		table_text(t, STYLE_DIM, "%s", v->file);
	}
	table_show(t);
	if (count > FILES_SHOWN)
		screen_hint(s, "%zu more files", count - FILES_SHOWN);
}

static size_t print_rows(struct screen *s, struct leaks_command *c, struct leaks_view *views,
	const struct rows *rows, size_t most)
{
	static const struct column columns[] = {
		{ "retains", COLUMN_RIGHT, false },
		{ "in blocks", COLUMN_RIGHT, true },
		{ "itself", COLUMN_RIGHT, true },
		{ "processes", COLUMN_RIGHT, false },
		{ "", COLUMN_LEFT, false },
		{ "allocated by", COLUMN_PLACE, false },
	};
	struct table *t = table_new(s, columns, sizeof(columns) / sizeof(columns[0]), c->common.source_root);
	char text[UNITS_TEXT];

	for (size_t i = 0; i < rows->count && i < most; i++) {
		const struct row *r = &rows->list[i];
		struct symbols *symbols = views[r->view].symbols;
		size_t frames;
		const struct symbol_line *line = symbols_stack(symbols, r->site, &frames);

		table_text(t, STYLE_STRONG, "%s", units_bytes(text, (int64_t)r->retained_bytes));
		table_text(t, STYLE_PLAIN, "%s", units_count(text, (int64_t)r->retained_blocks));
		table_text(t, STYLE_DIM, "%s", units_bytes(text, (int64_t)r->bytes));
		table_text(t, STYLE_PLAIN, "%zu", r->processes);
		table_text(t, STYLE_PLAIN, "%s",
			units_many(
				text, (int64_t)r->roots, r->kind == LEAK_CYCLE ? "root cycle" : "root leak"));
		table_site(t, symbols, r->site);
		for (size_t k = symbols_caller(symbols, r->site) + 1; c->common.verbose && k < frames; k++)
			table_frame(t, &line[k]);
	}
	table_show(t);
	return rows->count > most ? rows->count - most : 0;
}

static int print_screen(
	struct leaks_command *c, struct leaks_view *views, size_t count, const struct rows *rows)
{
	size_t leaking, hidden;
	struct leak_sum lost = sum_lost(views, count, &leaking);
	char blocks[UNITS_TEXT], bytes[UNITS_TEXT];
	struct screen s;

	screen_open(&s, &c->common);
	print_files(&s, views, count);
	fputc('\n', s.out);
	for (size_t i = 0; i < count; i++)
		misuse_screen(
			&s, &views[i].snapshot, views[i].symbols, c->common.source_root, c->common.verbose);
	if (lost.blocks)
		screen_print(&s, STYLE_BAD, "%zu of %zu processes lost %s, %s\n", leaking, count,
			units_many(blocks, (int64_t)lost.blocks, "block"),
			units_bytes(bytes, (int64_t)lost.bytes));
	else
		screen_print(&s, STYLE_GOOD, "nothing is lost in %zu processes\n", count);
	for (size_t i = 0; i < count; i++)
		if (!views[i].leaks.complete)
			screen_paragraph(&s, STYLE_WARNING, "incomplete: ", "%s: %s", views[i].file,
				views[i].leaks.why);
	hidden = print_rows(&s, c, views, rows, options_rows(&c->common, SCREEN_ROWS));
	if (hidden)
		screen_hint(&s, "%s more: -n all shows them", units_count(blocks, (int64_t)hidden));
	return screen_close(&s);
}

static void print_json(
	struct leaks_command *c, struct leaks_view *views, size_t count, const struct rows *rows)
{
	size_t leaking, most = options_rows(&c->common, SIZE_MAX);
	struct leak_sum lost = sum_lost(views, count, &leaking);
	struct json_report report;
	struct json *j = &report.json;

	json_report_open(&report, stdout);
	json_open_array(j, "snapshots");
	for (size_t i = 0; i < count; i++) {
		json_open_object(j, NULL);
		json_report_snapshot_members(j, &views[i].snapshot, views[i].leaks.complete);
		json_text(j, "file", views[i].file);
		json_number(j, "lost_blocks", (int64_t)views[i].leaks.lost.blocks);
		json_number(j, "lost_bytes", (int64_t)views[i].leaks.lost.bytes);
		misuse_json(j, &views[i].snapshot, views[i].symbols);
		json_close_object(j);
	}
	json_close_array(j);
	json_open_object(j, "lost");
	json_number(j, "blocks", (int64_t)lost.blocks);
	json_number(j, "bytes", (int64_t)lost.bytes);
	json_number(j, "processes", (int64_t)leaking);
	json_close_object(j);
	json_open_array(j, "groups");
	for (size_t i = 0; i < rows->count && i < most; i++) {
		const struct row *r = &rows->list[i];

		json_open_object(j, NULL);
		json_text(j, "kind", leaks_kind_name(r->kind));
		json_number(j, "roots", (int64_t)r->roots);
		json_number(j, "blocks", (int64_t)r->blocks);
		json_number(j, "bytes", (int64_t)r->bytes);
		json_number(j, "retained_blocks", (int64_t)r->retained_blocks);
		json_number(j, "retained_bytes", (int64_t)r->retained_bytes);
		json_number(j, "processes", (int64_t)r->processes);
		json_report_stack(&report, views[r->view].symbols, r->site);
		json_close_object(j);
	}
	json_close_array(j);
	json_report_close(&report);
}

static void print_csv(struct leaks_command *c, struct leaks_view *views, const struct rows *rows)
{
	size_t most = options_rows(&c->common, SIZE_MAX);

	puts("kind,roots,blocks,bytes,retained_blocks,retained_bytes,processes,function,file,line,module");
	for (size_t i = 0; i < rows->count && i < most; i++) {
		const struct row *r = &rows->list[i];

		printf("%s,%llu,%llu,%llu,%llu,%llu,%zu,", leaks_kind_name(r->kind),
			(unsigned long long)r->roots, (unsigned long long)r->blocks,
			(unsigned long long)r->bytes, (unsigned long long)r->retained_blocks,
			(unsigned long long)r->retained_bytes, r->processes);
		csv_place(stdout, symbols_top(views[r->view].symbols, r->site));
		putchar('\n');
	}
}

int leaks_together(struct leaks_command *c, struct leaks_view *views, size_t count)
{
	struct rows rows = sum_groups(views, count, c->order);
	int bad = 0;

	if (c->common.json)
		print_json(c, views, count, &rows);
	else if (c->common.csv)
		print_csv(c, views, &rows);
	else
		bad = print_screen(c, views, count, &rows);
	free(rows.list);
	return bad;
}
