/* csv.c - see csv.h. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/text.h"
#include "csv.h"

/* A spreadsheet takes such a field for a formula, whatever quotes are around it. */
static bool is_formula(const char *text) { return *text && strchr("=+-@\t\r", *text); }

static bool needs_quotes(const char *text) { return strpbrk(text, ",\"\r\n") != NULL; }

/* The next `size` bytes of a field, as valid UTF-8; quotes are doubled inside of quotes. */
static void write_part(FILE *out, const char *text, size_t size, bool quoted)
{
	for (const char *end = text + size; text < end;) {
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

static bool is_inside_character(const char *at) { return ((unsigned char)*at & 0xc0) == 0x80; }

/* Both ends of a long text: whole frames where it is a stack and they are not too long. */
static void write_ends(FILE *out, const char *text, size_t size, bool quoted)
{
	const size_t half = (CSV_FIELD_MOST - 64) / 2;
	const char *head = text + half, *tail = text + size - half, *frame;

	frame = memrchr(text + half / 2, ';', half - half / 2);
	if (frame)
		head = frame + 1;
	frame = memchr(tail, ';', half / 2);
	if (frame)
		tail = frame;
	while (head > text && is_inside_character(head))
		head--;
	while (is_inside_character(tail))
		tail++;
	write_part(out, text, (size_t)(head - text), quoted);
	fprintf(out, "[%zu bytes left out]", (size_t)(tail - head));
	write_part(out, tail, (size_t)(text + size - tail), quoted);
}

void csv_text(FILE *out, const char *text)
{
	bool quoted = text && needs_quotes(text);
	size_t size;

	if (!text)
		return;
	if (quoted)
		putc_unlocked('"', out);
	if (is_formula(text))
		putc_unlocked('\'', out);
	size = strlen(text);
	if (size <= CSV_FIELD_MOST - 1)
		write_part(out, text, size, quoted);
	else
		write_ends(out, text, size, quoted);
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
	size_t bytes = 1;
	char *text, *to;

	for (size_t i = 0; i < count; i++)
		bytes += strlen(line[i]->function) + 1;
	to = text = alloc_bytes(bytes);
	*to = '\0';
	for (size_t i = 0; i < count; i++) {
		to = stpcpy(to, line[i]->function);
		if (i + 1 < count)
			to = stpcpy(to, ";");
	}
	csv_text(out, text);
	free(text);
}
