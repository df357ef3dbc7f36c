/* suppress_mangled.c - see suppress_mangled.h. Names: Itanium C++ ABI, section 5.1. */
#include <stdlib.h>
#include <string.h>
#include "suppress_mangled.h"

struct reading {
	const char *at;
	char *out;
	size_t used, bytes;
	const char *last; /* the component before, for constructors */
	size_t last_length;
	int joined; /* the next component follows without "::" */
	int within; /* the wildcard stands for what lies in it, too */
};

static void put(struct reading *r, const char *text, size_t length)
{
	for (size_t i = 0; i < length && r->used + 1 < r->bytes; i++)
		r->out[r->used++] = text[i];
}

static void add_component(struct reading *r, const char *text, size_t length)
{
	if (r->used && !r->joined)
		put(r, "::", 2);
	r->joined = 0;
	put(r, text, length);
	r->last = text;
	r->last_length = length;
}

static int is_wild(char c) { return c == '*' || c == '?'; }

/* "3foo", or its beginning before a wildcard. */
static int read_source_name(struct reading *r)
{
	char *end;
	unsigned long length = strtoul(r->at, &end, 10), have = 0;

	if (is_wild(*end)) /* the rest of the number may be behind it */
		return 0;
	while (have < length && end[have] && !is_wild(end[have]))
		have++;
	if (!have || (have < length && !end[have]))
		return 0;
	add_component(r, end, have);
	r->at = end + have;
	if (have < length) /* cut by the wildcard: that goes on within the name */
		r->joined = 1;
	return 1;
}

/* Template arguments: nothing of them is in a plain name. 0: they do not end. */
static int skip_arguments(struct reading *r)
{
	int depth = 0;

	for (; *r->at; r->at++) {
		if (is_wild(*r->at))
			return 1;
		if (strchr("INX", *r->at)) {
			depth++;
		} else if (*r->at == 'E') {
			if (!--depth)
				return r->at++, 1;
		} else if (*r->at >= '0' && *r->at <= '9') {
			char *end;
			unsigned long length = strtoul(r->at, &end, 10);

			if (length > strlen(end))
				return 0;
			r->at = end + length - 1;
		}
	}
	return 0;
}

static int read_abbreviation(struct reading *r)
{
	static const struct {
		char letters[3];
		const char *name;
	} known[] = {
		{ "St", "std" },
		{ "Sa", "std::allocator" },
		{ "Ss", "std::string" },
		{ "Sb", "std::basic_string" },
		{ "Si", "std::istream" },
		{ "So", "std::ostream" },
		{ "Sd", "std::iostream" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strncmp(r->at, known[i].letters, 2)) {
			add_component(r, known[i].name, strlen(known[i].name));
			r->at += 2;
			return 1;
		}
	return 0;
}

/* C1 and D1: named as the class is. */
static int read_structor(struct reading *r)
{
	const char *name = r->last;
	size_t length = r->last_length;

	if (!name || (r->at[1] && !strchr("012345*?", r->at[1])))
		return 0;
	add_component(r, "~", *r->at == 'D');
	r->joined = 1;
	add_component(r, name, length);
	r->at += r->at[1] && !is_wild(r->at[1]) ? 2 : 1;
	if (is_wild(*r->at)) /* any of its variants, then whatever follows */
		r->at++;
	return 1;
}

/* One step; -1: the name is complete, 0: not understood. */
static int step(struct reading *r, int nested)
{
	/* At a component boundary: matches the name or its members, not names that merely share the prefix. */
	if (*r->at == '*' && r->last && !r->joined) {
		if (!r->at[1] || r->at[1] == 'E') {
			r->within = 1;
			return -1;
		}
		put(r, "::", 2);
	}
	if (is_wild(*r->at)) {
		put(r, r->at, 1);
		r->at++;
		r->joined = 1;
		return 1;
	}
	if (*r->at == 'E' && nested)
		return -1;
	if (*r->at >= '0' && *r->at <= '9')
		return read_source_name(r);
	if (*r->at == 'I')
		return skip_arguments(r);
	if (*r->at == 'L')
		return r->at++, 1;
	if (*r->at == 'S')
		return read_abbreviation(r);
	if (*r->at == 'C' || *r->at == 'D')
		return read_structor(r);
	return 0;
}

int suppress_mangled(const char *pattern, char *out, size_t bytes)
{
	struct reading r = { .at = pattern, .out = out, .bytes = bytes };
	int nested, done = 1, named = 0;

	if (strncmp(pattern, "_Z", 2))
		return 0;
	r.at += 2;
	nested = *r.at == 'N';
	r.at += nested;
	while (nested && *r.at && strchr("rVKRO", *r.at))
		r.at++;
	while (*r.at && (done = step(&r, nested)) > 0) {
		named |= r.last != NULL;
		/* Outside of a nest only std:: goes on; what follows a name are its parameters. */
		if (!nested && r.last && strcmp(r.last, "std"))
			break;
	}
	if (!done || !named)
		return 0;
	/* A name that was cut by the wildcard goes on with it. */
	if (!nested && is_wild(*r.at) && r.joined)
		put(&r, r.at, 1);
	out[r.used] = '\0';
	return 1 + r.within;
}
