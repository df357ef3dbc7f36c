/* pattern.c - one pattern of --filter or --exclude: pattern.h. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/path.h"
#include "symbol/name.h"
#include "pattern.h"

struct pattern pattern_parse(const char *text)
{
	static const struct {
		const char *prefix;
		enum pattern_kind kind;
	} prefix[] = {
		{ "fn:", PATTERN_FUNCTION },
		{ "function:", PATTERN_FUNCTION },
		{ "file:", PATTERN_FILE },
		{ "module:", PATTERN_MODULE },
		{ "thread:", PATTERN_THREAD },
	};
	struct pattern p = { PATTERN_ANY, NULL, 0 };
	const char *colon;

	for (size_t i = 0; i < sizeof(prefix) / sizeof(prefix[0]); i++)
		if (!strncmp(text, prefix[i].prefix, strlen(prefix[i].prefix))) {
			p.kind = prefix[i].kind;
			text += strlen(prefix[i].prefix);
			break;
		}
	colon = strrchr(text, ':');
	if ((p.kind == PATTERN_ANY || p.kind == PATTERN_FILE) && colon && colon > text && colon[-1] != ':'
		&& colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1)) {
		p.kind = PATTERN_LINE;
		p.line = (unsigned)strtoul(colon + 1, NULL, 10);
		p.glob = alloc_printf("%.*s", (int)(colon - text), text);
	} else {
		p.glob = alloc_string(text);
	}
	return p;
}

void pattern_free(struct pattern *p)
{
	free(p->glob);
	p->glob = NULL;
}

static bool match_glob(const char *pattern, const char *text) { return !fnmatch(pattern, text, 0); }

static bool matches_file(const char *pattern, const char *file)
{
	if (match_glob(pattern, file))
		return true;
	for (const char *slash = strchr(file, '/'); slash; slash = strchr(slash + 1, '/'))
		if (match_glob(pattern, slash + 1))
			return true;
	return false;
}

static bool matches_module(const char *pattern, const char *module)
{
	const char *base = path_base(module), *so = strstr(base, ".so");
	char stem[256];

	if (match_glob(pattern, module) || match_glob(pattern, base))
		return true;
	if (!so || (size_t)(so - base) + 4 > sizeof(stem))
		return false;
	memcpy(stem, base, (size_t)(so - base) + 3);
	stem[so - base + 3] = '\0';
	if (match_glob(pattern, stem)) /* libfoo.so */
		return true;
	stem[so - base] = '\0';
	return match_glob(pattern, stem); /* libfoo */
}

static bool matches_function(const char *pattern, const struct symbol_line *line)
{
	const char *function = line->function, *plain = line->plain;
	char *shorter;
	bool found;

	if (match_glob(pattern, function) || !strcmp(pattern, function))
		return true;
	if (line->qualified && (match_glob(pattern, line->qualified) || !strcmp(pattern, line->qualified)))
		return true;
	if (!strpbrk(function, "(<"))
		return false;
	if (plain && (match_glob(pattern, plain) || !strcmp(pattern, plain)))
		return true;
	shorter = name_function(function, false);
	found = match_glob(pattern, shorter) || !strcmp(pattern, shorter);
	if (!found && strstr(shorter, "std::__")) {
		char *whole = shorter;

		shorter = name_without_inline(whole);
		free(whole);
		found = match_glob(pattern, shorter) || !strcmp(pattern, shorter);
	}
	free(shorter);
	return found;
}

bool pattern_matches(const struct pattern *p, const struct symbol_line *line)
{
	switch (p->kind) {
	case PATTERN_FUNCTION: return matches_function(p->glob, line);
	case PATTERN_FILE: return line->file && matches_file(p->glob, line->file);
	case PATTERN_MODULE: return line->module && matches_module(p->glob, line->module);
	case PATTERN_LINE: return line->file && line->line == p->line && matches_file(p->glob, line->file);
	case PATTERN_THREAD: return false;
	default:
		return matches_function(p->glob, line) || (line->file && matches_file(p->glob, line->file))
			|| (line->module && matches_module(p->glob, line->module));
	}
}
