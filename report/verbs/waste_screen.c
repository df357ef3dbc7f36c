/* waste_screen.c - `waste` for people: one bar of parts, the causes, tables. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/units.h"
#include "print/header.h"
#include "print/table.h"
#include "symbol/name.h"
#include "waste_report.h"

#define ROWS 5u
#define CAUSES_SHOWN 3u
#define MAPPINGS_SHARE 10u /* other mappings are worth a look from a tenth of the memory on */
#define SHARE_LEAST                                                                                          \
	100u /* tables of less than a hundredth of the memory are left out, unless they are asked for */

static const struct {
	enum screen_style style;
	char letter;
} show[WASTE_PARTS] = {
	[WASTE_LIVE] = { STYLE_GOOD, 'L' },
	[WASTE_SLACK] = { STYLE_WARNING, 's' },
	[WASTE_UNTOUCHED] = { STYLE_DIM, '.' },
	[WASTE_FREE_PINNED] = { STYLE_BAD, 'P' },
	[WASTE_FREE_RETURNABLE] = { STYLE_WARNING, 'R' },
	[WASTE_ALLOCATOR] = { STYLE_PLAIN, 'a' },
	[WASTE_STACKS] = { STYLE_PLAIN, 'S' },
	[WASTE_TLS] = { STYLE_PLAIN, 't' },
	[WASTE_GLOBALS] = { STYLE_PLAIN, 'g' },
	[WASTE_FILES] = { STYLE_PLAIN, 'F' },
	[WASTE_SHARED] = { STYLE_PLAIN, 'M' },
	[WASTE_MAPPINGS] = { STYLE_PLAIN, 'm' },
	[WASTE_PROFILER] = { STYLE_DIM, 'p' },
	[WASTE_UNKNOWN] = { STYLE_BAD, '?' },
};

/* One bar; each part has a letter, and as many columns as its share. */
static void print_bar(struct screen *s, const struct waste *w)
{
	unsigned cells = s->width > 4 ? s->width - 2 : 2, done = 0;
	uint64_t sum = 0;

	fputc('[', s->out);
	for (int i = 0; i < WASTE_PARTS; i++) {
		double share;
		unsigned end;

		sum += w->part[i].resident;
		share = w->all.resident ? (double)sum / (double)w->all.resident : 0;
		end = (unsigned)((share < 1 ? share : 1) * cells + .5);
		fputs(screen_style(s, show[i].style), s->out);
		for (; done < end; done++)
			fputc(show[i].letter, s->out);
		fputs(screen_style(s, STYLE_PLAIN), s->out);
	}
	fputs("]\n", s->out);
}

static void print_parts(struct screen *s, const struct waste *w)
{
	static const struct column columns[] = {
		{ "", COLUMN_LEFT, false },
		{ "resident", COLUMN_RIGHT, false },
		{ "share", COLUMN_RIGHT, false },
		{ "swapped", COLUMN_RIGHT, true },
		{ "addresses", COLUMN_RIGHT, true },
		{ "", COLUMN_BAR, true },
		{ "part", COLUMN_LEFT, false },
	};
	struct table *t = table_new(s, columns, sizeof(columns) / sizeof(columns[0]), NULL);
	char text[UNITS_TEXT];

	for (int i = 0; i < WASTE_PARTS; i++) {
		const struct waste_bytes *b = &w->part[i];

		if (!b->resident && !b->swapped && i != WASTE_UNTOUCHED)
			continue;
		if (i == WASTE_UNTOUCHED && !b->virtual_)
			continue;
		table_text(t, show[i].style, "%c", show[i].letter);
		table_text(t, STYLE_STRONG, "%s", units_bytes(text, (int64_t)b->resident));
		table_text(t, STYLE_PLAIN, "%s",
			units_percent(text, (double)b->resident, (double)w->all.resident));
		table_text(t, STYLE_DIM, "%s", b->swapped ? units_bytes(text, (int64_t)b->swapped) : "");
		table_text(t, STYLE_DIM, "%s", units_bytes(text, (int64_t)b->virtual_));
		table_bar(t, w->all.resident ? (double)b->resident / (double)w->all.resident : 0);
		table_text(t, STYLE_PLAIN, "%s", waste_names_part(i));
	}
	table_show(t);
}

static void print_causes(struct screen *s, const struct waste_report *r)
{
	struct waste_cause causes[WASTE_CAUSES];
	size_t count = waste_causes(&r->view, causes);

	if (!count && !r->view.waste.unseen)
		screen_paragraph(s, STYLE_GOOD, "",
			"Nothing to improve: free memory, slack and caches are all small.");
	for (size_t i = 0; i < count && i < CAUSES_SHOWN; i++) {
		screen_paragraph(s, STYLE_STRONG,
			i == 0           ? "1. "
				: i == 1 ? "2. "
					 : "3. ",
			"%s", causes[i].what);
		screen_paragraph(s, STYLE_PLAIN, "   ", "What to do: %s.", causes[i].advice);
	}
	waste_causes_free(causes, count);
}

/* A site with the type of its blocks below it; or a type. */
static void print_who(struct screen *s, struct table *t, const struct waste_report *r, uint32_t group)
{
	const char *type = waste_names_type(&r->view, r->view.type_of[group]);
	char *clean = type ? screen_clean(s, type) : NULL;

	if (r->view.by_type) {
		table_text(t, STYLE_NAME, "%s", clean ? clean : "(unknown type)");
	} else {
		table_site(t, r->symbols, group);
		if (clean)
			table_note(t, STYLE_DIM, "of type %s", clean);
	}
	free(clean);
}

static void print_rows(struct screen *s, const struct waste_report *r, const char *title, const char *head,
	const uint32_t *list, size_t count, uint64_t (*bytes_of)(const struct waste_group *))
{
	const struct column columns[] = {
		{ head, COLUMN_RIGHT, false },
		{ "blocks", COLUMN_RIGHT, false },
		{ "live", COLUMN_RIGHT, false },
		{ "oldest since", COLUMN_LEFT, true },
		{ r->view.by_type ? "type" : "allocated by", r->view.by_type ? COLUMN_FIT : COLUMN_PLACE,
			false },
	};
	size_t rows = options_rows(r->options, ROWS);
	uint64_t all = 0;
	struct table *t;
	char text[UNITS_TEXT];

	for (size_t i = 0; i < count; i++)
		all += bytes_of(&r->view.waste.groups[list[i]]);
	if (!count
		|| (all < r->view.waste.all.resident / SHARE_LEAST && !r->options->rows
			&& !r->options->verbose))
		return;
	screen_print(s, STYLE_HEADING, "\n%s\n", title);
	t = table_new(s, columns, sizeof(columns) / sizeof(columns[0]), r->options->source_root);
	for (size_t i = 0; i < count && i < rows; i++) {
		const struct waste_group *g = &r->view.waste.groups[list[i]];
		char *age = screen_clean(s, waste_names_age(r->view.s, g->oldest));

		table_text(t, STYLE_STRONG, "%s", units_bytes(text, (int64_t)bytes_of(g)));
		table_text(t, STYLE_PLAIN, "%s", units_count(text, (int64_t)g->blocks));
		table_text(t, STYLE_PLAIN, "%s", units_bytes(text, (int64_t)g->bytes));
		table_text(t, STYLE_DIM, "%s", age);
		print_who(s, t, r, list[i]);
		free(age);
	}
	table_show(t);
	if (count > rows)
		screen_hint(s, "%zu more: -n all", count - rows);
}

static uint64_t pinned_of(const struct waste_group *g) { return g->pinned_free + g->pinned_top; }
static uint64_t slack_of(const struct waste_group *g) { return g->slack; }
static uint64_t untouched_of(const struct waste_group *g) { return g->untouched; }

/* "main 1, worker 4": how many threads of each name. To free. */
static char *join_thread_names(const struct waste_report *r, size_t arena)
{
	size_t count, shown = 0;
	const char **names = waste_names_threads(&r->view, arena, &count);
	char *text = NULL, *item;

	for (size_t i = 0; i < count; i++) {
		size_t same = 0;
		bool seen = false;

		for (size_t k = 0; k < count; k++) {
			seen |= k < i && !strcmp(names[k], names[i]);
			same += !strcmp(names[k], names[i]);
		}
		if (seen || shown++ > 3)
			continue;
		item = same > 1 ? alloc_printf("%s (%zu)", names[i], same) : alloc_string(names[i]);
		text = alloc_listed(text, ", ", item);
		free(item);
	}
	free(names);
	if (!text)
		text = alloc_string(r->view.s->thread_arena_count ? "no thread" : "unknown");
	return text;
}

static void print_arenas(struct screen *s, const struct waste_report *r)
{
	static const struct column columns[] = {
		{ "arena", COLUMN_RIGHT, false },
		{ "has", COLUMN_RIGHT, false },
		{ "live", COLUMN_RIGHT, false },
		{ "free, resident", COLUMN_RIGHT, false },
		{ "returnable", COLUMN_RIGHT, true },
		{ "top", COLUMN_RIGHT, true },
		{ "threads; last before its top", COLUMN_FIT, false },
	};
	size_t rows = options_rows(r->options, ROWS);
	struct table *t = table_new(s, columns, sizeof(columns) / sizeof(columns[0]), NULL);
	char text[UNITS_TEXT];

	for (size_t i = 0; i < r->view.waste.arena_count && i < rows; i++) {
		const struct waste_arena *a = &r->view.waste.arenas[i];
		char *names = join_thread_names(r, i);

		table_text(t, STYLE_PLAIN, "%zu", i);
		table_text(t, STYLE_PLAIN, "%s", units_bytes(text, (int64_t)a->bytes));
		table_text(t, STYLE_PLAIN, "%s", units_bytes(text, (int64_t)a->live));
		table_text(t, STYLE_STRONG, "%s", units_bytes(text, (int64_t)a->free_resident));
		table_text(t, STYLE_PLAIN, "%s", units_bytes(text, (int64_t)a->returnable));
		table_text(t, STYLE_DIM, "%s", units_bytes(text, (int64_t)a->top));
		if (a->last != SNAPSHOT_NONE)
			table_text(t, STYLE_NAME, "%s; %s", names,
				name_shown(symbols_top(r->symbols, r->view.s->blocks[a->last].site)));
		else
			table_text(t, STYLE_NAME, "%s", names);
		free(names);
	}
	table_show(t);
	if (r->view.waste.arena_count > rows)
		screen_hint(s, "%zu more arenas: -n all", r->view.waste.arena_count - rows);
}

static void print_copies(struct screen *s, const struct waste_report *r)
{
	static const struct column columns[] = {
		{ "wasted", COLUMN_RIGHT, false },
		{ "copies", COLUMN_RIGHT, false },
		{ "of", COLUMN_RIGHT, false },
		{ "allocated by", COLUMN_PLACE, false },
	};
	size_t rows = options_rows(r->options, ROWS);
	struct table *t;
	char text[UNITS_TEXT];

	if (!r->view.copies.count
		|| (r->view.copies.wasted < r->view.waste.all.resident / SHARE_LEAST && !r->options->rows
			&& !r->options->verbose))
		return;
	screen_print(s, STYLE_HEADING, "\nBlocks of equal content: %s in all but one of each\n",
		units_bytes(text, (int64_t)r->view.copies.wasted));
	t = table_new(s, columns, sizeof(columns) / sizeof(columns[0]), r->options->source_root);
	for (size_t i = 0; i < r->view.copies.count && i < rows; i++) {
		const struct waste_content *row = &r->view.copies.rows[i];

		table_text(t, STYLE_STRONG, "%s", units_bytes(text, (int64_t)row->wasted));
		table_text(t, STYLE_PLAIN, "%s", units_count(text, (int64_t)row->copies));
		table_text(t, STYLE_PLAIN, "%s", units_bytes(text, (int64_t)row->bytes));
		table_site(t, r->symbols, row->sites[0]);
	}
	table_show(t);
	if (r->view.copies.count > rows)
		screen_hint(s, "%zu more: -n all", r->view.copies.count - rows);
}

static void print_spare(struct screen *s, const struct waste_report *r)
{
	static const struct column columns[] = {
		{ "not used", COLUMN_RIGHT, false },
		{ "blocks", COLUMN_RIGHT, false },
		{ "capacity", COLUMN_RIGHT, false },
		{ "container", COLUMN_LEFT, false },
		{ "allocated by", COLUMN_PLACE, false },
	};
	const struct waste_spare *p = &r->view.spare;
	size_t rows = options_rows(r->options, ROWS);
	struct table *t;
	char text[UNITS_TEXT];

	if (!p->count
		|| (p->bytes < r->view.waste.all.resident / SHARE_LEAST && !r->options->rows
			&& !r->options->verbose))
		return;
	screen_print(s, STYLE_HEADING, "\nCapacity that containers do not use\n");
	t = table_new(s, columns, sizeof(columns) / sizeof(columns[0]), r->options->source_root);
	for (size_t i = 0; i < p->count && i < rows; i++) {
		const struct waste_spare_row *row = &p->rows[i];

		table_text(t, STYLE_STRONG, "%s", units_bytes(text, (int64_t)(row->bytes - row->used)));
		table_text(t, STYLE_PLAIN, "%s", units_count(text, (int64_t)row->blocks));
		table_text(t, STYLE_PLAIN, "%s", units_bytes(text, (int64_t)row->bytes));
		table_text(t, STYLE_NAME, "%s", waste_spare_name(row->kind));
		table_site(t, r->symbols, row->site);
	}
	table_show(t);
	if (p->count > rows)
		screen_hint(s, "%zu more: -n all", p->count - rows);
}

static void print_python(struct screen *s, const struct waste_report *r)
{
	static const struct column columns[] = {
		{ "free there", COLUMN_RIGHT, false },
		{ "arenas", COLUMN_RIGHT, false },
		{ "blocks", COLUMN_RIGHT, false },
		{ "type", COLUMN_LEFT, true },
		{ "allocated by", COLUMN_PLACE, false },
	};
	const struct waste_python *p = &r->view.python;
	size_t rows = options_rows(r->options, ROWS);
	char text[UNITS_TEXT], used[UNITS_TEXT];
	struct table *t;

	if (!r->view.s->python_arena_count)
		return;
	screen_print(s, STYLE_HEADING, "\nArenas of Python for small objects\n");
	for (unsigned i = 0; i < WASTE_PYTHON_STEPS; i++)
		if (p->step[i].arenas)
			fprintf(s->out, "%3u to %3u %% full: %s in %llu, %s of it used\n",
				100 * i / WASTE_PYTHON_STEPS, 100 * (i + 1) / WASTE_PYTHON_STEPS,
				units_bytes(text, (int64_t)p->step[i].bytes),
				(unsigned long long)p->step[i].arenas,
				units_bytes(used, (int64_t)p->step[i].used));
	if (!p->count)
		return;
	screen_print(s, STYLE_HEADING, "\nWhat keeps arenas that are less than half full\n");
	t = table_new(s, columns, sizeof(columns) / sizeof(columns[0]), r->options->source_root);
	for (size_t i = 0; i < p->count && i < rows; i++) {
		const struct waste_python_row *row = &p->rows[i];
		const char *type = waste_names_type(&r->view, row->type);
		char *clean = screen_clean(s, type ? type : "(no object)");

		table_text(t, STYLE_STRONG, "%s", units_bytes(text, (int64_t)row->free));
		table_text(t, STYLE_PLAIN, "%s", units_count(text, (int64_t)row->arenas));
		table_text(t, STYLE_PLAIN, "%s", units_count(text, (int64_t)row->blocks));
		table_text(t, STYLE_NAME, "%s", clean);
		table_site(t, r->symbols, row->site);
		free(clean);
	}
	table_show(t);
	if (p->count > rows)
		screen_hint(s, "%zu more: -n all", p->count - rows);
}

/* Are there call stacks of mappings? */
static bool has_mappings(const struct snapshot *s)
{
	for (uint32_t i = 0; i < s->site_count; i++)
		if (s->sites[i].flags & SITE_MAPPING && s->sites[i].live_bytes)
			return true;
	return false;
}

int waste_screen(const struct waste_report *r)
{
	const struct waste *w = &r->view.waste;
	struct screen s;
	char text[UNITS_TEXT], swapped[UNITS_TEXT];

	screen_open(&s, r->options);
	header_warnings(&s, r->view.s, NULL);
	header_who(&s, r->view.s);
	if (!s.quiet)
		fputc('\n', s.out);
	screen_print(&s, STYLE_HEADING, "%s: %s",
		r->view.s->process->flags & PROCESS_CORE ? "Private memory in the core" : "Resident memory",
		units_bytes(text, (int64_t)w->all.resident));
	if (w->all.swapped)
		screen_print(
			&s, STYLE_HEADING, ", and %s in swap", units_bytes(swapped, (int64_t)w->all.swapped));
	fputc('\n', s.out);
	print_bar(&s, w);
	print_parts(&s, w);
	fputc('\n', s.out);
	print_causes(&s, r);
	if (r->view.s->process->flags & PROCESS_CORE)
		screen_paragraph(&s, STYLE_WARNING, "note: ",
			"a core does not tell what was resident: what is in it counts, in memory or in swap; files "
			"and shared memory are left out.");
	if (w->unseen)
		screen_paragraph(&s, STYLE_WARNING,
			"note: ", "blocks of %s are not seen: its memory, in use or free, is part of %s.",
			waste_names_allocator(&r->view), waste_names_part(WASTE_MAPPINGS));
	if (w->walked && !w->unseen)
		screen_hint(&s,
			"Slack and the spare capacity of containers of Rust are known only of programs started with "
			"`tidemark run`");
	if (w->part[WASTE_MAPPINGS].resident > w->all.resident / MAPPINGS_SHARE && has_mappings(r->view.s))
		screen_hint(&s, "Who made the mappings: tidemark stat --domain mappings %s", r->view.s->path);
	print_rows(&s, r, "Blocks that keep free memory from going back", "keep free", r->view.pins,
		r->view.pin_count, pinned_of);
	print_rows(&s, r, "Slack: usable bytes above what was asked for", "slack", r->view.slack,
		r->view.slack_count, slack_of);
	print_rows(&s, r, "Pages of live blocks that were never touched", "untouched", r->view.untouched,
		r->view.untouched_count, untouched_of);
	print_copies(&s, r);
	print_spare(&s, r);
	print_python(&s, r);
	if (w->arena_count) {
		screen_print(&s, STYLE_HEADING, "\nArenas of malloc\n");
		print_arenas(&s, r);
	}
	return screen_close(&s);
}
