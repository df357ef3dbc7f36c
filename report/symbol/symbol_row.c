/* symbol_row.c - see symbol_row.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "symbol_row.h"
#include "wrappers.h"

#define SITES_MAX 4096u
#define ALIKE_MAX 64u /* rows that read the same and are distinguished */
#define OUT_MAX 32u   /* callers looked at */

static int compare_texts(const char *a, const char *b) { return strcmp(a ? a : "", b ? b : ""); }

bool symbol_row_is_library(const char *file)
{
	static const char *const folder[] = { "/lib/python3", "/site-packages/", "/dist-packages/" };

	/* Up to 3.9 paths are relative where sys.path is. */
	for (size_t i = 0; i < sizeof(folder) / sizeof(folder[0]); i++)
		if (strstr(file, folder[i]) || !strncmp(file, folder[i] + 1, strlen(folder[i]) - 1))
			return true;
	return strstr(file, "<frozen ") != NULL;
}

/* Code that was generated has a name in angle brackets, such as the <string> of a dataclass. */
static bool is_own(const struct symbol_line *line)
{
	return line->python && line->file && (*line->file != '<' || !strcmp(line->file, "<stdin>"))
		&& !symbol_row_is_library(line->file);
}

static void find_own(struct symbols *y, uint32_t site, size_t index, struct symbol_row *row)
{
	size_t count;
	const struct symbol_line *line = symbols_stack(y, site, &count);

	if (is_own(row->line))
		return;
	for (size_t i = index + 1; i < count && !row->own; i++) {
		if (is_own(&line[i]))
			row->own = &line[i];
		else
			row->own_far |= line[i].has_symbol;
	}
}

static void find_line(struct symbols *y, uint32_t site, struct symbol_row *row)
{
	size_t index = symbols_caller(y, site), count;
	const struct symbol_line *passed;

	*row = (struct symbol_row){ .line = symbols_top(y, site) };
	find_own(y, site, index, row);
	if (!index)
		return;
	passed = symbols_stack(y, site, &count) + index - 1;
	if (wrappers_is_library(passed->function))
		row->library = passed;
	if (!passed->has_symbol && passed->module && compare_texts(passed->module, row->line->module))
		row->module = passed->module;
}

struct shown {
	size_t index;
	const struct symbol_line *top, *own, *line; /* line[0 .. count): its callers */
	const char *module;
	size_t count, all;
};

static int compare_lines(const struct symbol_line *a, const struct symbol_line *b)
{
	int order = compare_texts(a->function, b->function);

	if (!order)
		order = compare_texts(a->file, b->file);
	return order ? order : (a->line > b->line) - (a->line < b->line);
}

static int compare_names(const struct shown *a, const struct shown *b)
{
	int order = compare_lines(a->top, b->top);

	if (!order)
		order = compare_texts(a->module, b->module);
	if (!order && (!a->own || !b->own))
		order = (a->own != NULL) - (b->own != NULL);
	else if (!order)
		order = compare_lines(a->own, b->own);
	return order;
}

static int compare_shown(const void *a, const void *b)
{
	const struct shown *x = a, *y = b;
	int order = compare_names(x, y);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* The n-th caller with a name; NULL beyond the last. *at is its place among all callers. */
static const struct symbol_line *find_named_caller(const struct shown *s, size_t n, size_t *at)
{
	for (*at = 0; *at < s->count && !symbols_is_start(&s->line[*at]); ++*at)
		if (s->line[*at].has_symbol && !n--)
			return &s->line[*at];
	return NULL;
}

/* How many of the rows differ from all before them in their n-th caller. */
static size_t count_different(const struct shown *s, size_t count, size_t n)
{
	const struct symbol_line *line[ALIKE_MAX];
	size_t different = 0, at;

	for (size_t i = 0; i < count; i++) {
		size_t k = 0;

		line[i] = find_named_caller(&s[i], n, &at);
		while (k < i
			&& !(!line[i] || !line[k] ? line[i] == line[k] : !compare_lines(line[i], line[k])))
			k++;
		different += k == i;
	}
	return different;
}

/* The caller in which most rows differ; *most: how many do. */
static size_t find_telling(const struct shown *s, size_t count, size_t *most)
{
	size_t best = 0;

	*most = 1;
	for (size_t n = 0; n < OUT_MAX && *most < count; n++) {
		size_t different = count_different(s, count, n);

		if (different > *most) {
			*most = different;
			best = n;
		}
	}
	return best;
}

static void window_between(struct shown *s, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		s[i].all = s[i].count;
		if (s[i].own >= s[i].line && s[i].own < s[i].line + s[i].count)
			s[i].count = (size_t)(s[i].own - s[i].line);
	}
}

static void window_beyond(struct shown *s, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t passed = s[i].all > s[i].count ? s[i].count + 1 : 0;

		s[i].line += passed;
		s[i].count = s[i].all - passed;
	}
}

static void distinguish(const struct symbol_site *site, struct shown *s, size_t count, struct symbol_row *row)
{
	size_t best, most;

	for (size_t i = 0; i < count; i++) {
		size_t lines, top = 0;
		const struct symbol_line *line =
			symbols_stack(site[s[i].index].symbols, site[s[i].index].site, &lines);

		while (top < lines && compare_lines(&line[top], s[i].top))
			top++;
		s[i].line = line + top;
		s[i].count = lines - top;
		if (s[i].count) {
			s[i].line++;
			s[i].count--;
		}
	}
	/* Between the line and the program's own first, which is shown anyway; then beyond that. */
	if (s->own)
		window_between(s, count);
	best = find_telling(s, count, &most);
	if (s->own && most == 1) {
		window_beyond(s, count);
		best = find_telling(s, count, &most);
	}
	for (size_t i = 0; most > 1 && i < count; i++) {
		struct symbol_row *to = &row[s[i].index];
		size_t at;

		to->caller = find_named_caller(&s[i], best, &at);
		to->far = best > 0;
	}
}

struct symbol_row *symbol_rows(const struct symbol_site *site, size_t count)
{
	struct symbol_row *row = alloc_zeroed(count + 1, sizeof(*row));
	struct shown *s = alloc_zeroed(count + 1, sizeof(*s));
	size_t used = count < SITES_MAX ? count : SITES_MAX;

	for (size_t i = 0; i < count; i++)
		find_line(site[i].symbols, site[i].site, &row[i]);
	for (size_t i = 0; i < used; i++)
		s[i] = (struct shown){
			.index = i, .top = row[i].line, .own = row[i].own, .module = row[i].module
		};
	if (used)
		qsort(s, used, sizeof(*s), compare_shown);
	for (size_t i = 0, end; i < used; i = end) {
		for (end = i + 1; end < used && !compare_names(&s[i], &s[end]); end++)
			;
		if (end - i > 1)
			distinguish(site, s + i, end - i < ALIKE_MAX ? end - i : ALIKE_MAX, row);
	}
	free(s);
	return row;
}
