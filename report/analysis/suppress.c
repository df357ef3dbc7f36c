/* suppress.c - see suppress.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "symbol/demangle.h"
#include "suppress.h"
#include "suppress_mangled.h"

/* SU2. The loader's blocks (link maps, DTVs, TLS) are its own affair: references to them are
 * kept where no scan of the program looks, and their lifetime is the thread's or library's. */
static const char built_in[] =
	"{\n   built-in: the loader\n   Memcheck:Leak\n   obj:*/ld-linux*.so*\n}\n"
	"{\n   built-in: the loader\n   Memcheck:Leak\n   obj:*/ld-2.*.so\n}\n"
	"{\n   built-in: text of dlerror\n   Memcheck:Leak\n   ...\n   fun:_dlerror_run\n   obj:*/libc.so.6\n}\n"
	"{\n   built-in: text of dlerror\n   Memcheck:Leak\n   ...\n   fun:_dlerror_run\n   obj:*/libc-2.*.so\n}\n"
	"{\n   built-in: emergency pool of libstdc++\n   Memcheck:Leak\n   ...\n   obj:*/libstdc++.so*\n"
	"   fun:call_init*\n}\n";

static const char *const allocator[] = {
	"malloc",
	"calloc",
	"realloc",
	"reallocarray",
	"memalign",
	"posix_memalign",
	"aligned_alloc",
	"valloc",
	"pvalloc",
};

/* `*` is wild, `?` is one character where `question`. Linear in practice, and never
 * worse than pattern times text. */
static bool match_wild(const char *pattern, size_t bytes, const char *text, bool question)
{
	const char *end = pattern + bytes, *star = NULL, *again = NULL;

	while (*text) {
		if (pattern < end && *pattern == '*') {
			star = ++pattern;
			again = text;
		} else if (pattern < end && (*pattern == *text || (question && *pattern == '?'))) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++again;
		} else {
			return false;
		}
	}
	while (pattern < end && *pattern == '*')
		pattern++;
	return pattern == end;
}

static bool match_whole(const char *pattern, const char *text)
{
	return match_wild(pattern, strlen(pattern), text, true);
}

/* LeakSanitizer's: anywhere in the text unless anchored. */
static bool match_anywhere(const char *pattern, const char *text)
{
	size_t n = strlen(pattern);
	bool from_start = *pattern == '^', to_end = n && pattern[n - 1] == '$';
	char *open;
	bool found;

	if (from_start) {
		pattern++;
		n--;
	}
	if (to_end && n)
		n--;
	open = alloc_printf("%s%.*s%s", from_start ? "" : "*", (int)n, pattern, to_end ? "" : "*");
	found = match_wild(open, strlen(open), text, false);
	free(open);
	return found;
}

static struct suppress_rule *add_rule(struct suppress *s, const char *file, unsigned line)
{
	struct suppress_rule *r;

	r = ARRAY_APPEND(s->rules, s->count);
	memset(r, 0, sizeof(*r));
	r->file = file;
	r->line = line;
	r->kinds = SUPPRESS_LOST | SUPPRESS_POSSIBLE;
	return r;
}

static void free_rule(struct suppress_rule *r)
{
	for (size_t i = 0; i < r->frame_count; i++) {
		free(r->frames[i].pattern);
		free(r->frames[i].within);
	}
	free(r->frames);
	free(r->name);
	free(r->pattern);
}

/* One line, trimmed; NULL at the end. Bytes of value 0 end a line's text. */
struct lines {
	const char *at, *end;
	unsigned number;
	char *text;
};

static const char *read_line(struct lines *l)
{
	for (;;) {
		const char *stop, *from = l->at;
		size_t n;

		free(l->text);
		l->text = NULL;
		if (l->at == l->end)
			return NULL;
		stop = memchr(l->at, '\n', (size_t)(l->end - l->at));
		if (!stop)
			stop = l->end;
		l->at = stop < l->end ? stop + 1 : stop;
		l->number++;
		while (from < stop && strchr(" \t\r", *from) && *from)
			from++;
		while (stop > from && strchr(" \t\r", stop[-1]) && stop[-1])
			stop--;
		n = (size_t)(stop - from);
		if (!n || *from == '#')
			continue;
		l->text = alloc_bytes(n + 1);
		memcpy(l->text, from, n);
		l->text[n] = '\0';
		return l->text;
	}
}

static unsigned parse_kinds(const char *text)
{
	static const struct {
		const char *name;
		unsigned kinds;
	} word[] = {
		{ "definite", SUPPRESS_LOST },
		{ "indirect", SUPPRESS_LOST },
		{ "possible", SUPPRESS_POSSIBLE },
		{ "reachable", SUPPRESS_REACHABLE },
		{ "all", SUPPRESS_LOST | SUPPRESS_POSSIBLE | SUPPRESS_REACHABLE },
		{ "none", 0 },
	};
	unsigned kinds = 0;

	while (*text) {
		size_t n = strcspn(text, ", \t"), i;

		for (i = 0; n && i < sizeof(word) / sizeof(word[0]); i++)
			if (strlen(word[i].name) == n && !strncmp(word[i].name, text, n)) {
				kinds |= word[i].kinds;
				break;
			}
		if (n && i == sizeof(word) / sizeof(word[0]))
			return UINT32_MAX;
		text += n;
		text += strspn(text, ", \t");
	}
	return kinds;
}

static int parse_frame(struct suppress_rule *r, const char *text)
{
	struct suppress_frame f = { .kind = SUPPRESS_ANY };
	char readable[512];
	const char *colon;

	if (!strcmp(text, "...")) {
		f.pattern = NULL;
	} else if (!strncmp(text, "fun:", 4)) {
		f.kind = SUPPRESS_FUNCTION;
		/* Valgrind writes linker names; stacks here are of readable ones. */
		if (!strpbrk(text + 4, "*?")) {
			f.pattern = demangle(text + 4);
		} else {
			int understood = suppress_mangled(text + 4, readable, sizeof(readable));

			f.pattern = alloc_string(understood ? readable : text + 4);
			f.within = understood == 2 ? alloc_printf("%s::*", readable) : NULL;
		}
	} else if (!strncmp(text, "obj:", 4)) {
		f.kind = SUPPRESS_OBJECT;
		f.pattern = alloc_string(text + 4);
	} else if (!strncmp(text, "src:", 4)) {
		f.kind = SUPPRESS_SOURCE;
		colon = strrchr(text + 4, ':');
		f.line = colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
		f.pattern = alloc_printf(
			"%.*s", f.line ? (int)(colon - text - 4) : (int)strlen(text + 4), text + 4);
	} else {
		return -1;
	}
	*ARRAY_APPEND(r->frames, r->frame_count) = f;
	return 0;
}

/* From the line after "{" to "}". */
static int parse_block(struct suppress *s, const char *file, struct lines *l, struct tide_error *e)
{
	unsigned began = l->number;
	struct suppress_rule *r;
	const char *text = read_line(l), *colon;
	char *name;
	bool ours;

	if (!text || !strcmp(text, "}"))
		return error_set(
			e, EXIT_USAGE, "%s:%u: not a suppression|a name should follow '{'", file, began);
	name = alloc_string(text);
	text = read_line(l);
	colon = text ? strchr(text, ':') : NULL;
	if (!colon) {
		free(name);
		return error_set(e, EXIT_USAGE,
			"%s:%u: not a suppression|'Memcheck:Leak' should follow its name", file, l->number);
	}
	ours = !strcmp(colon + 1, "Leak") && strstr(text, "Memcheck") && strstr(text, "Memcheck") < colon;
	r = add_rule(s, file, began);
	r->name = name;
	while ((text = read_line(l)) && strcmp(text, "}")) {
		if (!ours)
			continue;
		if (!strncmp(text, "match-leak-kinds:", 17)) {
			r->kinds = parse_kinds(text + 17);
			if (r->kinds == UINT32_MAX)
				return error_set(e, EXIT_USAGE,
					"%s:%u: '%s'|leak kinds are definite, indirect, "
					"possible, reachable, all",
					file, l->number, text);
		} else if (parse_frame(r, text)) {
			return error_set(e, EXIT_USAGE,
				"%s:%u: '%s'|lines of a suppression begin with fun:, "
				"obj:, src: or are '...'",
				file, l->number, text);
		}
	}
	if (!text)
		return error_set(e, EXIT_USAGE, "%s:%u: not a suppression|its '}' is missing", file, began);
	if (!ours || !r->frame_count || !r->kinds) {
		free_rule(r);
		s->count--;
	}
	return 0;
}

int suppress_parse(struct suppress *s, const char *name, const char *text, size_t bytes, struct tide_error *e)
{
	struct lines l = { text, text + bytes, 0, NULL };
	const char *line;
	int bad = 0;

	while (!bad && (line = read_line(&l))) {
		if (!strcmp(line, "{")) {
			bad = parse_block(s, name, &l, e);
		} else if (!strncmp(line, "leak:", 5) && line[5]) {
			struct suppress_rule *r = add_rule(s, name, l.number);

			r->name = alloc_string(line);
			r->pattern = alloc_string(line + 5);
		} else if (!strchr(line, ':') || strchr(line, '{') || strchr(line, '}')) {
			/* race:, vptr: and others are for other sanitizers, in the same file. */
			bad = error_set(e, EXIT_USAGE,
				"%s:%u: '%s'|neither 'leak:PATTERN' nor a block in braces", name, l.number,
				line);
		}
	}
	free(l.text);
	return bad;
}

int suppress_read(struct suppress *s, const char *path, struct tide_error *e)
{
	FILE *in = fopen(path, "re");
	char *text = NULL;
	size_t used = 0, room = 0, n;
	int bad;

	if (!in)
		return error_set(e, EXIT_USAGE, "cannot open %s|%m|it should hold suppressions", path);
	do {
		ARRAY_RESERVE(text, room, used + 4096);
		n = fread(text + used, 1, room - used, in);
		used += n;
	} while (n && used < 64u << 20);
	bad = ferror(in);
	fclose(in);
	if (bad) {
		free(text);
		return error_set(e, EXIT_USAGE, "cannot read %s|%m|it should hold suppressions", path);
	}
	*ARRAY_APPEND(s->files, s->file_count) = alloc_string(path);
	bad = suppress_parse(s, s->files[s->file_count - 1], text, used, e);
	free(text);
	return bad;
}

static void add_forked(struct suppress *s, int forked, const char *name)
{
	struct suppress_rule *r = add_rule(s, NULL, 0);

	r->name = alloc_string(name);
	r->kinds = SUPPRESS_LOST;
	r->forked = forked;
}

struct suppress *suppress_new(void)
{
	struct suppress *s = alloc_zeroed(1, sizeof(*s));
	struct tide_error e;

	if (suppress_parse(s, NULL, built_in, sizeof(built_in) - 1, &e))
		abort(); /* a test parses them */
	add_forked(s, SUPPRESS_FORK_LOCK, "built-in: locks that CPython replaces in a forked child");
	add_forked(s, SUPPRESS_FORK_THREAD, "built-in: threads of CPython that did not survive the fork");
	return s;
}

#define PROGRAM_TEXT "__lsan_default_suppressions"
#define PROGRAM_OFF "__lsan_is_turned_off"

void suppress_program(struct suppress *s, const struct snapshot *of)
{
	static const char off[] = "leak:*";
	struct tide_error ignored;

	for (size_t i = 0; i < of->option_count; i++) {
		const char *name = snapshot_string(of, of->options[i].name);
		const char *value = snapshot_string(of, of->options[i].value);

		if (!strcmp(name, "lsan_suppressions"))
			(void)suppress_parse(s, PROGRAM_TEXT, value, strlen(value), &ignored);
		else if (!strcmp(name, "lsan_is_turned_off") && !strcmp(value, "1"))
			(void)suppress_parse(s, PROGRAM_OFF, off, sizeof(off) - 1, &ignored);
	}
}

bool suppress_is_of_program(const struct suppress_rule *r)
{
	return r->file && (!strcmp(r->file, PROGRAM_TEXT) || !strcmp(r->file, PROGRAM_OFF));
}

void suppress_cut(struct suppress *s, size_t count)
{
	while (s->count > count)
		free_rule(&s->rules[--s->count]);
}

void suppress_free(struct suppress *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		free_rule(&s->rules[i]);
	for (size_t i = 0; i < s->file_count; i++)
		free(s->files[i]);
	free(s->rules);
	free(s->files);
	free(s);
}

static bool matches_function(const char *pattern, const struct symbol_line *line)
{
	return match_whole(pattern, line->function) || (line->plain && match_whole(pattern, line->plain));
}

static bool matches_frame(const struct suppress_frame *f, const struct symbol_line *line)
{
	const char *base;

	switch (f->kind) {
	case SUPPRESS_FUNCTION:
		return matches_function(f->pattern, line) || (f->within && matches_function(f->within, line));
	case SUPPRESS_OBJECT: return line->module && match_whole(f->pattern, line->module);
	case SUPPRESS_SOURCE:
		if (!line->file || (f->line && f->line != line->line))
			return false;
		base = strrchr(line->file, '/');
		return match_whole(f->pattern, line->file) || (base && match_whole(f->pattern, base + 1));
	default: return true;
	}
}

/* Frames of a rule against the innermost lines: as wild() with `...` for `*`, but the rule
 * may end before the stack does. */
static bool matches_frames(
	const struct suppress_frame *f, size_t count, const struct symbol_line *line, size_t lines)
{
	size_t i = 0, k = 0, star = SIZE_MAX, again = 0;

	while (i < count) {
		if (f[i].kind == SUPPRESS_ANY) {
			star = ++i;
			again = k;
		} else if (k < lines && matches_frame(&f[i], &line[k])) {
			i++;
			k++;
		} else if (star != SIZE_MAX && again < lines) {
			i = star;
			k = ++again;
		} else {
			return false;
		}
	}
	return true;
}

static bool matches_rule(const struct suppress_rule *r, const struct symbol_line *line, size_t lines)
{
	if (r->pattern) {
		for (size_t i = 0; i < lines; i++)
			if (match_anywhere(r->pattern, line[i].function)
				|| (line[i].file && match_anywhere(r->pattern, line[i].file))
				|| (line[i].module && match_anywhere(r->pattern, line[i].module)))
				return true;
		return false;
	}
	if (matches_frames(r->frames, r->frame_count, line, lines))
		return true;
	/* Valgrind's stacks begin with the allocator's function itself; stacks here with its caller. */
	if (r->frames[0].kind == SUPPRESS_FUNCTION)
		for (size_t i = 0; i < sizeof(allocator) / sizeof(allocator[0]); i++)
			if (match_whole(r->frames[0].pattern, allocator[i]))
				return matches_frames(r->frames + 1, r->frame_count - 1, line, lines);
	return false;
}

int suppress_match(const struct suppress *s, unsigned kinds, const struct symbol_line *line, size_t count)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->rules[i].kinds & kinds && !s->rules[i].forked
			&& matches_rule(&s->rules[i], line, count))
			return (int)i;
	return -1;
}

/* Names are data: one with a line break would add rules of its own, and one with a star would match more
 * than itself. A question mark stands for the character. */
static char *quote_name(const char *name)
{
	char *quoted = alloc_string(name);

	for (char *p = quoted; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127 || *p == '*')
			*p = '?';
	return quoted;
}

char *suppress_text(const struct symbol_line *line, size_t count, const char *name)
{
	char *quoted = quote_name(name), *text, *more;

	text = alloc_printf("{\n   %s\n   Memcheck:Leak\n", quoted);
	free(quoted);

	for (size_t i = 0; i < count && i < 24; i++) {
		if (!line[i].has_symbol && !line[i].module) {
			more = alloc_printf("%s   ...\n", text);
		} else {
			quoted = quote_name(line[i].has_symbol ? line[i].function : line[i].module);
			more = alloc_printf("%s   %s:%s\n", text, line[i].has_symbol ? "fun" : "obj", quoted);
			free(quoted);
		}
		free(text);
		text = more;
	}
	more = alloc_printf("%s}\n", text);
	free(text);
	return more;
}
