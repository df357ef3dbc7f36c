/* ini.c - see ini.h. */
#include "alloc.h"
#include "ini.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int ini_error(
	struct tide_error *e, const char *path, int line, const char *what, const char *why, const char *hint)
{
	e->code = EXIT_USAGE;
	if (line > 0)
		snprintf(e->what, sizeof e->what, "%s:%d: %s", path, line, what);
	else
		snprintf(e->what, sizeof e->what, "%s: %s", path, what);
	snprintf(e->why, sizeof e->why, "%s", why);
	snprintf(e->hint, sizeof e->hint, "%s", hint);
	return -1;
}

char *ini_read(const char *path, const char *what, const char *missing, size_t *bytes, struct tide_error *e)
{
	const size_t most = 256u << 20; /* nobody reviews such a file; a device has no end */
	char *text = NULL, *said = NULL;
	FILE *f = fopen(path, "re");
	size_t got = 0;

	*bytes = 0;
	if (f) {
		do {
			*bytes += got;
			text = alloc_resize(text, *bytes + 65536);
			got = fread(text + *bytes, 1, 65536, f);
		} while (got && *bytes < most);
	}
	if (!f || ferror(f) || *bytes >= most) {
		int code = f && *bytes >= most ? EFBIG : errno;

		said = alloc_printf("cannot %s %s", f ? "read" : "open", what);
		ini_error(e, path, 0, said, strerror(code), code == ENOENT ? missing : "");
		free(said);
		free(text);
		text = NULL;
	}
	if (f)
		fclose(f);
	return text;
}

size_t ini_value_end(const char *value)
{
	size_t end = strlen(value);

	for (size_t i = 0; value[i]; i++) {
		if (value[i] == ';' && (i == 0 || isblank((unsigned char)value[i - 1]))) {
			end = i;
			break;
		}
	}
	while (end && isblank((unsigned char)value[end - 1]))
		end--;
	return end;
}

static char *trim(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return s;
}

/* "[limits login] ; comment": splits in place. */
static int parse_section(char *s, struct ini_line *l, struct tide_error *e)
{
	char *close = strchr(s, ']'), *rest, *inside, *blank;

	if (!close)
		return ini_error(e, l->path, l->line, "section without an end", "`]` is missing",
			"write [scenario NAME]");
	rest = trim(close + 1);
	if (*rest && *rest != ';' && *rest != '#')
		return ini_error(e, l->path, l->line, "text after a section",
			"a section has a line of its own", "put it on the next line");
	*close = '\0';
	inside = trim(s + 1);
	if (!*inside)
		return ini_error(e, l->path, l->line, "section without a name", "`[]` says nothing",
			"write [scenario NAME]");
	blank = inside + strcspn(inside, " \t");
	l->name = *blank ? trim(blank + 1) : "";
	*blank = '\0';
	l->section = inside;
	return 0;
}

/* The section's strings outlive its line: kept here. */
struct ini_section {
	char *text;
};

static int parse_line(char *raw, struct ini_line *l, struct ini_section *section, ini_each *each,
	void *context, struct tide_error *e)
{
	char *s = trim(raw), *equals;

	if (!*s || *s == '#' || *s == ';')
		return 0;
	l->key = l->value = NULL;
	if (*s == '[') {
		free(section->text);
		section->text = alloc_string(s);
		if (parse_section(section->text, l, e))
			return -1;
		return each(context, l, e);
	}
	equals = strchr(s, '=');
	if (!equals || equals == s)
		return ini_error(e, l->path, l->line, "not a line of a gate file",
			"neither `[section]` nor `key = value`",
			"comments begin with `#` or `;` at the start of a line");
	*equals = '\0';
	l->key = trim(s);
	l->value = trim(equals + 1);
	if (!*l->section)
		return ini_error(e, l->path, l->line, "key before the first section", "it belongs to nothing",
			"begin with [scenario NAME]");
	return each(context, l, e);
}

int ini_parse_text(
	const char *text, size_t bytes, const char *path, ini_each *each, void *context, struct tide_error *e)
{
	struct ini_line l = { .path = path, .section = "", .name = "" };
	struct ini_section section = { NULL };
	const char *p = text, *end = text + bytes;
	int result = 0;

	if (bytes >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
		p += 3;
	while (p < end && !result) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t length = (size_t)((newline ? newline : end) - p);
		char *copy = alloc_bytes(length + 1);

		l.line++;
		memcpy(copy, p, length);
		copy[length] = '\0';
		if (strlen(copy) != length)
			result = ini_error(e, path, l.line, "not a text file", "a line has a NUL byte",
				"give a gate file");
		else
			result = parse_line(copy, &l, &section, each, context, e);
		free(copy);
		p += length + 1;
	}
	free(section.text);
	return result;
}
