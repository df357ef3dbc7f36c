/* csv.c - see csv.h. */
#include <stdbool.h>
#include <string.h>
#include "base/text.h"
#include "csv.h"

/* A spreadsheet takes such a field for a formula, whatever quotes are around it. */
static bool is_formula(const char *text) { return *text && strchr("=+-@\t\r", *text); }

static bool needs_quotes(const char *text) { return strpbrk(text, ",\"\r\n") != NULL; }

/* A part of a field, as valid UTF-8; quotes are doubled inside of quotes. */
static void write_part(FILE *out, const char *text, bool quoted)
{
	while (*text) {
		size_t n = text_utf8_length(text);

		if (*text == '"' && quoted)
			putc_unlocked('"', out);
		if (n)
			fwrite_unlocked(text, 1, n, out);
		else
			fputs_unlocked(TEXT_REPLACEMENT, out);
		text += n ? n : 1;
	}
}

void csv_text(FILE *out, const char *text)
{
	bool quoted = text && needs_quotes(text);

	if (!text)
		return;
	if (quoted)
		putc_unlocked('"', out);
	if (is_formula(text))
		putc_unlocked('\'', out);
	write_part(out, text, quoted);
	if (quoted)
		putc_unlocked('"', out);
}

void csv_place(FILE *out, const struct symbol_line *line)
{
	if (!line) {
		fputs_unlocked(",,,", out);
		return;
	}
	csv_text(out, line->function);
	putc_unlocked(',', out);
	csv_text(out, line->file);
	fprintf(out, ",%u,", line->line);
	csv_text(out, line->module);
}

void csv_stack(FILE *out, const struct symbol_line *const *line, size_t count)
{
	bool quoted = false;

	for (size_t i = 0; i < count && !quoted; i++)
		quoted = needs_quotes(line[i]->function);
	if (quoted)
		putc_unlocked('"', out);
	if (count && is_formula(line[0]->function))
		putc_unlocked('\'', out);
	for (size_t i = 0; i < count; i++) {
		if (i)
			putc_unlocked(';', out);
		write_part(out, line[i]->function, quoted);
	}
	if (quoted)
		putc_unlocked('"', out);
}
