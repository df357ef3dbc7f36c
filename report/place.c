/* place.c - see place.h. */
#include <stdlib.h>
#include <string.h>
#include "place.h"
#include "source_root.h"

const char *place_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

const char *place_source(const char *file, const char *root)
{
	static struct source_root *roots;
	static const char *of;

	if (!root || !*root)
		return file;
	if (of != root) {
		source_root_free(roots);
		roots = source_root_new(&root, 1);
		of = root;
	}
	return source_root_path(roots, file);
}

/* True where the '<' or '>' at `at` belongs to an operator's name. */
static bool operator_sign(const char *name, size_t at)
{
	while (at && (name[at - 1] == '<' || name[at - 1] == '>' || name[at - 1] == '-'))
		at--;
	return at >= 8 && !strncmp(name + at - 8, "operator", 8);
}

/* End of the name once the parameter list of its last part is off. */
static size_t without_parameters(const char *name)
{
	size_t end = strlen(name), at;
	int depth = 0;

	at = end;
	while (at && name[at - 1] != ')')
		at--;
	/* Only qualifiers may follow: " const", " &&", " [clone .cold]". */
	if (!at || (name[at] && name[at] != ' '))
		return end;
	while (at) {
		at--;
		if (name[at] == ')')
			depth++;
		else if (name[at] == '(' && !--depth)
			break;
	}
	if (depth || !at || name[at - 1] == ':' || name[at - 1] == ' ')
		return end;
	if (at >= 8 && !strncmp(name + at - 8, "operator", 8))
		return end;		/* "operator()" itself */
	return at;
}

/* Start of the name proper: behind the return type that template functions carry. */
static size_t without_return_type(const char *name, size_t end)
{
	size_t start = 0;
	int depth = 0;

	for (size_t i = 0; i < end; i++) {
		char c = name[i];

		if (c == '(' || c == '{' || c == '[' || (c == '<' && !operator_sign(name, i)))
			depth++;
		else if (c == ')' || c == '}' || c == ']' || (c == '>' && !operator_sign(name, i)))
			depth--;
		else if (c == ' ' && !depth) {
			if (i >= start + 8 && !strncmp(name + i - 8, "operator", 8))
				break;
			start = i + 1;
		}
	}
	return depth || start >= end ? 0 : start;
}

char *place_function(const char *function, bool without_templates)
{
	size_t end = without_parameters(function), start = 0;
	char *copy = memory_get(strlen(function) + 4), *to = copy;
	int depth = 0;

	if (end < strlen(function))
		start = without_return_type(function, end);
	for (size_t i = start; i < end; i++) {
		char c = function[i];

		if (without_templates && i > start && c == '<' && !operator_sign(function, i)) {
			if (!depth++)
				to = mempcpy(to, "<>", 2);
		} else if (depth && c == '>' && function[i - 1] != '-') {
			depth--;
		} else if (!depth) {
			*to++ = c;
		}
	}
	*to = '\0';
	if (!*copy)
		memcpy(copy, function, strlen(function) + 1);
	return copy;
}

static char *file_line(const char *file, unsigned line)
{
	return line ? memory_printf("%s:%u", file, line) : memory_string(file);
}

/* The most folders of `full` that fit: whole, from a slash on, or the base alone. */
static char *fit_file(const struct screen *s, const char *full, unsigned line, unsigned width)
{
	const char *dots = screen_ellipsis(s);
	char *text = file_line(full, line), *cut;

	if (screen_columns(s, text) <= width) {
		cut = screen_clean(s, text);
		free(text);
		return cut;
	}
	for (const char *from = strchr(full + 1, '/'); from && strchr(from + 1, '/');
	     from = strchr(from + 1, '/')) {
		char *tail = file_line(from, line);

		cut = memory_printf("%s%s", dots, tail);
		free(tail);
		if (screen_columns(s, cut) <= width) {
			free(text);
			text = screen_clean(s, cut);
			free(cut);
			return text;
		}
		free(cut);
	}
	free(text);
	text = file_line(place_base(full), line);
	cut = screen_fit(s, text, width, FIT_START);
	free(text);
	return cut;
}

static char *fit_function(const struct screen *s, const char *function, unsigned width)
{
	char *shorter, *fitted;

	if (screen_columns(s, function) <= width)
		return screen_clean(s, function);
	shorter = place_function(function, false);
	if (screen_columns(s, shorter) > width) {
		free(shorter);
		shorter = place_function(function, true);
	}
	fitted = screen_fit(s, shorter, width, FIT_MIDDLE);
	free(shorter);
	return fitted;
}

struct place place_fit(const struct screen *s, const struct symbol_line *line,
	const char *source_root, unsigned width)
{
	struct place p;
	const char *full = NULL;
	char *least = NULL;
	unsigned least_columns = 0, function_columns;

	if (line->file && *line->file) {
		full = place_source(line->file, source_root);
		least = file_line(place_base(full), line->line);
	} else if (line->module && *line->module && line->has_symbol) {
		least = memory_printf("[%s]", place_base(line->module));
	}
	if (least)
		least_columns = screen_columns(s, least);
	/* The place gets what it needs up to two fifths; more only where the function leaves it. */
	function_columns = screen_columns(s, line->function);
	if (least && width > least_columns + 1 && function_columns + 1 + least_columns > width) {
		char *shorter = place_function(line->function, true);
		unsigned shortest = screen_columns(s, shorter);

		free(shorter);
		if (shortest + 1 + least_columns > width && least_columns > width * 2 / 5)
			least_columns = shortest + 1 + width * 2 / 5 > width ? width * 2 / 5 :
				width - shortest - 1;
	}
	if (!least || least_columns + 2 > width) {
		p.function = fit_function(s, line->function, width);
		p.where = memory_string("");
		free(least);
		return p;
	}
	p.function = fit_function(s, line->function, width - 1 - least_columns);
	function_columns = screen_columns(s, p.function);
	if (full)
		p.where = fit_file(s, full, line->line, width - 1 - function_columns);
	else
		p.where = screen_fit(s, least, width - 1 - function_columns, FIT_MIDDLE);
	free(least);
	return p;
}

void place_free(struct place *p)
{
	free(p->function);
	free(p->where);
}

void place_print(struct screen *s, const struct symbol_line *line, const char *source_root,
	unsigned width)
{
	struct place p = place_fit(s, line, source_root, width);

	screen_print(s, line->has_symbol ? STYLE_NAME : STYLE_DIM, "%s", p.function);
	if (*p.where) {
		fputc(' ', s->out);
		screen_print(s, STYLE_DIM, "%s", p.where);
	}
	place_free(&p);
}
