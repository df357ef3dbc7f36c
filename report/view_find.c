/* view_find.c - SITE on the command line, to site numbers (view_find_sites). */
#include <stdlib.h>
#include <string.h>
#include "demangle.h"
#include "place.h"
#include "view.h"
#include "view_match.h"

static bool is_function(const char *name, const char *function)
{
	char plain[1024], *shorter;
	bool same;

	if (!strcmp(name, function))
		return true;
	if (!strpbrk(function, "(<"))
		return false;
	demangle_plain(function, plain, sizeof(plain));
	if (!strcmp(name, plain))
		return true;
	shorter = place_function(function, false);
	same = !strcmp(name, shorter);
	free(shorter);
	return same;
}

static int by_number(const struct snapshot *s, const char *text, uint32_t *site, struct tide_error *e)
{
	char *end;
	unsigned long n = strtoul(text + 1, &end, 10);

	if (text[1] < '0' || text[1] > '9' || *end)
		return error_set(e, EXIT_USAGE, "'%s' is not a site|#ID is '#' and a number|"
			"`tidemark stat` prints them", text);
	if (!n || n >= s->site_count)
		return error_set(e, EXIT_USAGE, "no site %s|the snapshot has sites #1 to #%zu|"
			"`tidemark stat` prints them", text, s->site_count ? s->site_count - 1 : 0);
	*site = (uint32_t)n;
	return 0;
}

int view_find_sites(const struct snapshot *s, struct symbols *symbols, const char *text,
	bool all_frames, uint32_t **sites, size_t *count, struct tide_error *e)
{
	struct pattern p;
	size_t elsewhere = 0, n = 0, room = 0;
	const struct symbol_line **line = NULL;
	uint32_t *found;
	bool exact;

	*sites = NULL;
	*count = 0;
	if (*text == '#') {
		found = memory_get(sizeof(*found));
		if (by_number(s, text, found, e)) {
			free(found);
			return -1;
		}
		*sites = found;
		*count = 1;
		return 0;
	}
	p = pattern_parse(text);
	/* A plain word is a function, not a file or module of that name. */
	if (p.kind == PATTERN_ANY)
		p.kind = PATTERN_FUNCTION;
	exact = p.kind == PATTERN_FUNCTION && (!strpbrk(p.glob, "*?[") || strstr(p.glob, "operator"));
	found = memory_get((s->site_count + 1) * sizeof(*found));
	for (uint32_t site = 1; site < s->site_count; site++) {
		size_t lines, caller, at;

		lines = symbols_walk(symbols, site, &line, &room);
		caller = symbols_caller(symbols, site);
		for (at = 0; at < lines; at++)
			if (exact ? is_function(p.glob, line[at]->function) : pattern_matches(&p, line[at]))
				break;
		if (at == lines)
			continue;
		if (all_frames || at <= caller)
			found[n++] = site;
		else
			elsewhere++;
	}
	pattern_free(&p);
	free(line);
	if (n) {
		*sites = found;
		*count = n;
		return 0;
	}
	free(found);
	if (elsewhere)
		return error_set(e, EXIT_USAGE, "no site '%s'|it calls what allocates, in %zu stacks, but does "
			"not allocate itself|--all-frames takes these", text, elsewhere);
	return error_set(e, EXIT_USAGE, "no site '%s'|no stack has such a function or line|"
		"`tidemark stat` lists sites and their #ID", text);
}
