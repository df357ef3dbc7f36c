/* symbol_caller.c - a caller that says more than a site's own line: one with a name, or one that distinguishes it. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "symbol.h"

/* The callers of main and of a thread's function in every program. */
static bool is_start_code(const char *function)
{
	static const char *const name[] = { "_start", "__libc_start", "start_thread", "clone", "_dl_",
		"call_init" };

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		if (!strncmp(function, name[i], strlen(name[i])))
			return true;
	return false;
}

const struct symbol_line *symbol_named_caller(struct symbols *symbols, uint32_t site)
{
	const struct symbol_line *top = symbols_top(symbols, site), *line;
	size_t count;

	if (top->has_symbol || top->file)
		return NULL;
	line = symbols_stack(symbols, site, &count);
	for (size_t i = symbols_caller(symbols, site) + 1; i < count; i++)
		if (line[i].has_symbol && line[i].file)
			return is_start_code(line[i].function) ? NULL : &line[i];
	return NULL;
}

#define SITES_MAX 4096u
#define ALIKE_MAX 64u /* sites that read the same and are distinguished */
#define OUT_MAX 32u   /* lines looked at above the one that is shown */

struct shown {
	size_t index;
	const struct symbol_line *top, *line; /* line[0 .. count): from the top on */
	size_t count;
};

static int compare_texts(const char *a, const char *b) { return strcmp(a ? a : "", b ? b : ""); }

static int compare_lines(const struct symbol_line *a, const struct symbol_line *b)
{
	int order = compare_texts(a->function, b->function);

	if (!order)
		order = compare_texts(a->file, b->file);
	return order ? order : (a->line > b->line) - (a->line < b->line);
}

static int compare_shown(const void *a, const void *b)
{
	const struct shown *x = a, *y = b;
	int order = compare_lines(x->top, y->top);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static const struct symbol_line *line_out(const struct shown *s, size_t out)
{
	return out < s->count ? &s->line[out] : NULL;
}

/* How many of the sites differ from all before them in the line that is `out` lines above the one shown. */
static size_t count_different(const struct shown *s, size_t count, size_t out)
{
	size_t different = 0;

	for (size_t i = 0; i < count; i++) {
		const struct symbol_line *a = line_out(&s[i], out);
		size_t k = 0;

		while (k < i) {
			const struct symbol_line *b = line_out(&s[k], out);

			if (!a || !b ? a == b : !compare_lines(a, b))
				break;
			k++;
		}
		different += k == i;
	}
	return different;
}

static void distinguish(struct symbols *y, const uint32_t *site, struct shown *s, size_t count,
	const struct symbol_line **caller)
{
	size_t best = 0, most = 1;

	for (size_t i = 0; i < count; i++) {
		size_t top = symbols_caller(y, site[s[i].index]), lines;

		s[i].line = symbols_stack(y, site[s[i].index], &lines) + top;
		s[i].count = lines - top;
	}
	for (size_t out = 1; out <= OUT_MAX && most < count; out++) {
		size_t different = count_different(s, count, out);

		if (different > most) {
			most = different;
			best = out;
		}
	}
	for (size_t i = 0; best && i < count; i++)
		caller[s[i].index] = line_out(&s[i], best);
}

void symbol_callers_distinct(
	struct symbols *y, const uint32_t *site, size_t count, const struct symbol_line **caller)
{
	struct shown *s = alloc_zeroed(count + 1, sizeof(*s));
	size_t used = count < SITES_MAX ? count : SITES_MAX;

	for (size_t i = 0; i < count; i++)
		caller[i] = NULL;
	for (size_t i = 0; i < used; i++)
		s[i] = (struct shown){ .index = i, .top = symbols_top(y, site[i]) };
	if (used)
		qsort(s, used, sizeof(*s), compare_shown);
	for (size_t i = 0, end; i < used; i = end) {
		for (end = i + 1; end < used && !compare_lines(s[i].top, s[end].top); end++)
			;
		if (end - i > 1)
			distinguish(y, site, s + i, end - i < ALIKE_MAX ? end - i : ALIKE_MAX, caller);
	}
	free(s);
}
