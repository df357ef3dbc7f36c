/* place.c - see place.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/path.h"
#include "place.h"
#include "symbol/name.h"
#include "symbol/source_root.h"

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

static char *join_file_line(const char *file, unsigned line)
{
	return line ? alloc_printf("%s:%u", file, line) : alloc_string(file);
}

/* The most folders of `full` that fit: whole, from a slash on, or the base alone. */
static char *fit_file(const struct screen *s, const char *full, unsigned line, unsigned width)
{
	const char *dots = screen_ellipsis(s);
	char *text = join_file_line(full, line), *cut;

	if (screen_columns(s, text) <= width) {
		cut = screen_clean(s, text);
		free(text);
		return cut;
	}
	for (const char *from = strchr(full + 1, '/'); from && strchr(from + 1, '/');
		from = strchr(from + 1, '/')) {
		char *tail = join_file_line(from, line);

		cut = alloc_printf("%s%s", dots, tail);
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
	text = join_file_line(path_base(full), line);
	cut = screen_fit(s, text, width, FIT_START);
	free(text);
	return cut;
}

static char *fit_function(const struct screen *s, const struct symbol_line *line, unsigned width)
{
	const char *function = name_shown(line);
	char *shorter, *fitted;

	if (screen_columns(s, function) <= width)
		return screen_clean(s, function);
	shorter = name_line(line, false);
	if (screen_columns(s, shorter) > width) {
		free(shorter);
		shorter = name_line(line, true);
	}
	fitted = screen_fit(s, shorter, width, FIT_MIDDLE);
	free(shorter);
	return fitted;
}

struct place place_fit(
	const struct screen *s, const struct symbol_line *line, const char *source_root, unsigned width)
{
	struct place p;
	const char *full = NULL;
	char *least = NULL;
	unsigned least_columns = 0, function_columns;

	if (line->file && *line->file) {
		full = place_source(line->file, source_root);
		least = join_file_line(path_base(full), line->line);
	} else if (line->module && *line->module && line->has_symbol) {
		least = alloc_printf("[%s]", path_base(line->module));
	}
	if (least)
		least_columns = screen_columns(s, least);
	/* The place gets up to two fifths of the width; more only if the function leaves room. */
	function_columns = screen_columns(s, name_shown(line));
	if (least && width > least_columns + 1 && function_columns + 1 + least_columns > width) {
		char *shorter = name_line(line, true);
		unsigned shortest = screen_columns(s, shorter);

		free(shorter);
		if (shortest + 1 + least_columns > width && least_columns > width * 2 / 5)
			least_columns =
				shortest + 1 + width * 2 / 5 > width ? width * 2 / 5 : width - shortest - 1;
	}
	if (!least || least_columns + 2 > width) {
		p.function = fit_function(s, line, width);
		p.where = alloc_string("");
		free(least);
		return p;
	}
	p.function = fit_function(s, line, width - 1 - least_columns);
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

void place_print(struct screen *s, const struct symbol_line *line, const char *source_root, unsigned width)
{
	struct place p = place_fit(s, line, source_root, width);

	screen_print(s, line->has_symbol ? STYLE_NAME : STYLE_DIM, "%s", p.function);
	if (*p.where) {
		fputc(' ', s->out);
		screen_print(s, STYLE_DIM, "%s", p.where);
	}
	place_free(&p);
}
