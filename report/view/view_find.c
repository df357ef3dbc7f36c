/* view_find.c - SITE on the command line, to site numbers (view_find_sites). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/text.h"
#include "symbol/symbol_alike.h"
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
	if (!same && strstr(shorter, "std::__")) {
		char *whole = shorter;

		shorter = name_without_inline(whole);
		free(whole);
		same = is_part(name, shorter, precision);
	}
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

/* What a text stands for that is not a number. */
struct wanted {
	struct pattern pattern;
	bool exact; /* a name, not a pattern */
	enum precision precision;
};

static struct wanted parse_wanted(const char *text)
{
	struct wanted w = { .pattern = pattern_parse(text), .precision = WHOLE_NAME };

	/* A plain word is a function, not a file or module of that name. */
	if (w.pattern.kind == PATTERN_ANY)
		w.pattern.kind = PATTERN_FUNCTION;
	w.exact = w.pattern.kind == PATTERN_FUNCTION
		&& (!strpbrk(w.pattern.glob, "*?[") || strstr(w.pattern.glob, "operator"));
	return w;
}

static bool is_wanted(const struct wanted *w, const struct symbol_line *line)
{
	return w->exact ? is_function(w->pattern.glob, line, w->precision)
			: pattern_matches(&w->pattern, line);
}

struct search {
	const struct snapshot *snapshot;
	struct symbols *symbols;
	struct wanted wanted;
	bool all_frames;
	uint32_t *found;         /* [site_count] */
	size_t count, elsewhere; /* elsewhere: only called on the way to an allocation */
	const struct symbol_line **line;
	size_t capacity;
};

static void search_with(struct search *f, enum precision precision)
{
	f->wanted.precision = precision;
	for (uint32_t site = 1; site < f->snapshot->site_count; site++) {
		size_t lines = symbols_walk(f->symbols, site, &f->line, &f->capacity), at;

		for (at = 0; at < lines && !is_wanted(&f->wanted, f->line[at]); at++)
			;
		if (at == lines)
			continue;
		if (f->all_frames || at <= symbols_caller(f->symbols, site))
			f->found[f->count++] = site;
		else
			f->elsewhere++;
	}
}

static void search_sites(struct search *f)
{
	search_with(f, WHOLE_NAME);
	if (f->wanted.exact && !f->count && !f->elsewhere)
		search_with(f, NAME_END);
}

#define NEAREST 3

struct nearest {
	char *name[NEAREST];
	unsigned distance[NEAREST]; /* the smallest first */
};

/* "logn" is near to "store::login", "Cache::putt" to "store::Cache<>::put". */
static unsigned measure_distance(const char *text, const char *candidate)
{
	unsigned least = text_distance(text, candidate);

	if (strcasestr(candidate, text))
		return 1;
	for (const char *end = candidate; (end = strstr(end, "::"));) {
		unsigned d = text_distance(text, end += 2);

		least = d < least ? d : least;
	}
	return least;
}

static void consider_name(struct nearest *n, const char *text, const struct symbol_line *line)
{
	char *candidate = name_function(line->function, true);
	unsigned d = measure_distance(text, candidate);
	size_t at = NEAREST;

	for (size_t i = 0; i < NEAREST && n->name[i]; i++)
		if (!strcmp(n->name[i], candidate))
			d = TEXT_FAR;
	while (at && (!n->name[at - 1] || d < n->distance[at - 1]))
		at--;
	if (d > strlen(text) / 4 + 1 || at == NEAREST) {
		free(candidate);
		return;
	}
	free(n->name[NEAREST - 1]);
	memmove(n->name + at + 1, n->name + at, (NEAREST - 1 - at) * sizeof(*n->name));
	memmove(n->distance + at + 1, n->distance + at, (NEAREST - 1 - at) * sizeof(*n->distance));
	n->name[at] = candidate;
	n->distance[at] = d;
}

/* A byte for each line by its number, zero at first. */
static uint8_t *reserve_line(uint8_t **of_line, uint32_t *lines, uint32_t number)
{
	uint32_t room;

	if (number >= *lines) {
		room = number * 2 + 1024;
		*of_line = alloc_resize(*of_line, room);
		memset(*of_line + *lines, 0, room - *lines);
		*lines = room;
	}
	return &(*of_line)[number];
}

/* The names of allocating functions, or with all_frames of all, that are most like `text`: "a, b, c", or "". */
static void list_nearest(struct search *f, const char *text, char *list, size_t capacity)
{
	struct nearest n = { 0 };
	uint8_t *seen = NULL; /* by number of a line */
	uint32_t room = 0;

	for (uint32_t site = 1; site < f->snapshot->site_count; site++) {
		size_t lines = f->all_frames ? symbols_walk(f->symbols, site, &f->line, &f->capacity) : 0;

		if (!f->all_frames)
			consider_name(&n, text, symbols_top(f->symbols, site));
		for (size_t i = 0; i < lines; i++) {
			uint8_t *is_seen = reserve_line(&seen, &room, f->line[i]->number);

			if (!*is_seen || !f->line[i]->number)
				consider_name(&n, text, f->line[i]);
			*is_seen = 1;
		}
	}
	free(seen);
	*list = '\0';
	for (size_t i = 0; i < NEAREST && n.name[i]; i++) {
		size_t used = strlen(list);

		snprintf(list + used, capacity - used, "%s%s", i ? ", " : "", n.name[i]);
		free(n.name[i]);
	}
}

static int report_missing(struct search *f, const char *text, struct tide_error *e)
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

/* A row of `stat` is all sites that are shown alike, and its number is that of one of them. */
static void add_alike(struct search *f)
{
	const uint32_t *alike = symbol_alike(f->symbols);
	uint32_t first = f->found[0];

	for (uint32_t i = SITE_FIRST; alike && i < f->snapshot->site_count; i++)
		if (i != first && alike[i] == alike[first])
			f->found[f->count++] = i;
}

int view_find_sites(const struct snapshot *s, struct symbols *symbols, const char *text, bool all_frames,
	uint32_t **sites, size_t *count, struct tide_error *e)
{
	struct search f = { .snapshot = s, .symbols = symbols, .all_frames = all_frames };
	int failed = 0;

	*sites = NULL;
	*count = 0;
	f.found = alloc_bytes((s->site_count + 1) * sizeof(*f.found));
	if (is_number(text)) {
		failed = parse_number(s, text, f.found, e);
		f.count = 1;
		if (!failed)
			add_alike(&f);
	} else {
		f.wanted = parse_wanted(text);
		search_sites(&f);
		pattern_free(&f.wanted.pattern);
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

struct view_focus {
	char *name;
	struct wanted wanted;
	uint8_t *known; /* by number of a line: 0 not yet, 1 no, 2 yes */
	uint32_t lines;
};

void view_focus_free(struct view_focus *f)
{
	pattern_free(&f->wanted.pattern);
	free(f->known);
	free(f->name);
	free(f);
}

struct view_focus *view_focus_new(
	const struct snapshot *s, struct symbols *symbols, const char *text, struct tide_error *e)
{
	struct search search = { .snapshot = s, .symbols = symbols, .all_frames = true };
	struct view_focus *f = alloc_zeroed(1, sizeof(*f));
	uint32_t site;

	if (is_number(text)) {
		if (parse_number(s, text, &site, e)) {
			free(f);
			return NULL;
		}
		f->wanted = (struct wanted){ .exact = true,
			.pattern = { .kind = PATTERN_FUNCTION,
				.glob = alloc_string(symbols_top(symbols, site)->function) } };
		f->name = alloc_string(f->wanted.pattern.glob);
		return f;
	}
	search.wanted = parse_wanted(text);
	search.found = alloc_bytes((s->site_count + 1) * sizeof(*search.found));
	search_sites(&search);
	f->wanted = search.wanted;
	f->name = alloc_string(text);
	if (!search.count) {
		report_missing(&search, text, e);
		view_focus_free(f);
		f = NULL;
	}
	free(search.found);
	free(search.line);
	return f;
}

bool view_focus_is(struct view_focus *f, const struct symbol_line *line)
{
	uint8_t *known;

	if (!line->number)
		return is_wanted(&f->wanted, line);
	known = reserve_line(&f->known, &f->lines, line->number);
	if (!*known)
		*known = is_wanted(&f->wanted, line) ? 2 : 1;
	return *known == 2;
}

const char *view_focus_name(const struct view_focus *f) { return f->name; }
