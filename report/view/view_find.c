/* view_find.c - SITE on the command line, to site numbers (view_find_sites). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/text.h"
#include "symbol/name.h"
#include "view.h"
#include "pattern.h"

/* How a word may stand for a function: as its name, or as the end of a longer one. */
enum precision { WHOLE_NAME, NAME_END };

/* Is `name` all of `function`, or, from a "::" on, its end? */
static bool is_part(const char *name, const char *function, enum precision precision)
{
	size_t n = strlen(name), all = strlen(function);

	if (precision == WHOLE_NAME)
		return !strcmp(name, function);
	return n && all > n + 2 && !strcmp(name, function + all - n)
		&& !memcmp(function + all - n - 2, "::", 2);
}

static bool is_function(const char *name, const struct symbol_line *line, enum precision precision)
{
	const char *function = line->function;
	char *shorter;
	bool same;

	if (is_part(name, function, precision))
		return true;
	if (!strpbrk(function, "(<"))
		return false;
	if (line->plain && is_part(name, line->plain, precision))
		return true;
	shorter = name_function(function, false);
	same = is_part(name, shorter, precision);
	free(shorter);
	return same;
}

/* "#48", and "48", since a shell takes "#48" for a comment. */
static bool is_number(const char *text)
{
	return *text == '#' || (*text && text[strspn(text, "0123456789")] == '\0');
}

static int parse_number(const struct snapshot *s, const char *text, uint32_t *site, struct tide_error *e)
{
	const char *digits = text + (*text == '#');
	char *end;
	unsigned long n = strtoul(digits, &end, 10);

	if (*digits < '0' || *digits > '9' || *end)
		return error_set(e, EXIT_USAGE,
			"'%s' is not a site|a site number is digits, with or without '#'|"
			"`tidemark stat` prints them",
			text);
	if (!n || n >= s->site_count)
		return error_set(e, EXIT_USAGE,
			"no site %s|the snapshot has sites 1 to %zu|"
			"`tidemark stat` prints them",
			text, s->site_count ? s->site_count - 1 : 0);
	*site = (uint32_t)n;
	return 0;
}

char *view_site_text(const char *text)
{
	return is_number(text) ? alloc_printf("site #%s", text + (*text == '#')) : alloc_string(text);
}

struct search {
	const struct snapshot *snapshot;
	struct symbols *symbols;
	const struct pattern *pattern;
	bool exact, all_frames;
	uint32_t *found;         /* [site_count] */
	size_t count, elsewhere; /* elsewhere: only called on the way to an allocation */
	const struct symbol_line **line;
	size_t capacity;
};

static void search_sites(struct search *f, enum precision precision)
{
	for (uint32_t site = 1; site < f->snapshot->site_count; site++) {
		size_t lines = symbols_walk(f->symbols, site, &f->line, &f->capacity), at;

		for (at = 0; at < lines; at++)
			if (f->exact ? is_function(f->pattern->glob, f->line[at], precision)
				     : pattern_matches(f->pattern, f->line[at]))
				break;
		if (at == lines)
			continue;
		if (f->all_frames || at <= symbols_caller(f->symbols, site))
			f->found[f->count++] = site;
		else
			f->elsewhere++;
	}
}

#define NEAREST 3

/* The names of allocating functions that are most like `text`: "a, b, c", or "". */
static void list_nearest(const struct search *f, const char *text, char *list, size_t capacity)
{
	char *name[NEAREST] = { NULL };
	unsigned distance[NEAREST];
	unsigned most = (unsigned)strlen(text) / 4 + 1;

	for (uint32_t site = 1; site < f->snapshot->site_count; site++) {
		char *candidate = name_function(symbols_top(f->symbols, site)->function, true);
		unsigned d = strcasestr(candidate, text) ? 1 : text_distance(text, candidate);
		size_t at = NEAREST;

		for (size_t i = 0; i < NEAREST && name[i]; i++)
			if (!strcmp(name[i], candidate))
				d = TEXT_FAR;
		while (at && (!name[at - 1] || d < distance[at - 1]))
			at--;
		if (d > most || at == NEAREST) {
			free(candidate);
			continue;
		}
		free(name[NEAREST - 1]);
		memmove(name + at + 1, name + at, (NEAREST - 1 - at) * sizeof(*name));
		memmove(distance + at + 1, distance + at, (NEAREST - 1 - at) * sizeof(*distance));
		name[at] = candidate;
		distance[at] = d;
	}
	*list = '\0';
	for (size_t i = 0; i < NEAREST && name[i]; i++) {
		size_t used = strlen(list);

		snprintf(list + used, capacity - used, "%s%s", i ? ", " : "", name[i]);
		free(name[i]);
	}
}

static int report_missing(const struct search *f, const char *text, struct tide_error *e)
{
	char nearest[160];

	if (f->elsewhere)
		return error_set(e, EXIT_USAGE,
			"no site '%s'|it calls what allocates, in %zu stacks, but does "
			"not allocate itself|--all-frames takes these",
			text, f->elsewhere);
	list_nearest(f, text, nearest, sizeof(nearest));
	if (*nearest)
		return error_set(e, EXIT_USAGE,
			"no site '%s'|no stack has such a function or line|did you mean %s?", text, nearest);
	return error_set(e, EXIT_USAGE,
		"no site '%s'|no stack has such a function or line|"
		"`tidemark stat` lists sites and their numbers",
		text);
}

int view_find_sites(const struct snapshot *s, struct symbols *symbols, const char *text, bool all_frames,
	uint32_t **sites, size_t *count, struct tide_error *e)
{
	struct search f = { .snapshot = s, .symbols = symbols, .all_frames = all_frames };
	struct pattern p;
	int failed = 0;

	*sites = NULL;
	*count = 0;
	f.found = alloc_bytes((s->site_count + 1) * sizeof(*f.found));
	if (is_number(text)) {
		failed = parse_number(s, text, f.found, e);
		f.count = 1;
	} else {
		p = pattern_parse(text);
		/* A plain word is a function, not a file or module of that name. */
		if (p.kind == PATTERN_ANY)
			p.kind = PATTERN_FUNCTION;
		f.pattern = &p;
		f.exact =
			p.kind == PATTERN_FUNCTION && (!strpbrk(p.glob, "*?[") || strstr(p.glob, "operator"));
		search_sites(&f, WHOLE_NAME);
		if (f.exact && !f.count && !f.elsewhere)
			search_sites(&f, NAME_END);
		pattern_free(&p);
		if (!f.count)
			failed = report_missing(&f, text, e);
	}
	free(f.line);
	if (failed) {
		free(f.found);
		return -1;
	}
	*sites = f.found;
	*count = f.count;
	return 0;
}
