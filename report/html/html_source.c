/* html_source.c - lines of source text around the lines that the report names: `html --with-source`.
 *
 * A snapshot names any files it likes, and a report is sent to others: so the text is read only when it was asked for,
 * of regular files alone, and only what lies around a line of a call stack.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/ordinary.h"
#include "html.h"

#define AROUND 8u            /* lines before and after */
#define FILE_MOST (4u << 20) /* larger ones are not read */
#define ALL_MOST (16u << 20) /* of text, in the whole report */
#define LINE_MOST 400u       /* bytes of a line */

void html_source_note(struct html *h, uint32_t text, const char *file)
{
	if (!h->with_source || !*file)
		return;
	for (uint32_t old = h->source_room; h->source_room <= text;) {
		ARRAY_RESERVE(h->source, h->source_room, text + 1ull);
		memset(h->source + old, 0, (h->source_room - old) * sizeof(*h->source));
	}
	if (!h->source[text])
		h->source[text] = alloc_string(file);
}

void html_source_free(struct html *h)
{
	for (uint32_t i = 0; i < h->source_room; i++)
		free(h->source[i]);
	free(h->source);
}

/* NULL: it cannot be read. */
static FILE *open_source(const char *path)
{
	int fd = ordinary_open(path);
	struct stat st;
	FILE *file = NULL;

	if (fd >= 0 && !fstat(fd, &st) && st.st_size <= (off_t)FILE_MOST)
		file = fdopen(fd, "r");
	if (fd >= 0 && !file)
		close(fd);
	return file;
}

/* As it was built, or below --source-root. */
static FILE *find_source(const struct html *h, uint32_t text)
{
	FILE *file = open_source(h->source[text]);

	if (!file && h->options->source_root) {
		char *path = alloc_printf("%s/%s", h->options->source_root, h->text.text[text]);

		file = open_source(path);
		free(path);
	}
	return file;
}

/* A tab is four blanks, so that lines stay in their columns. */
static size_t write_text_line(struct html *h, const char *line)
{
	char text[LINE_MOST + 5];
	size_t n = 0;

	for (; *line && *line != '\n' && *line != '\r' && n < LINE_MOST; line++) {
		if (*line == '\t')
			for (n++, text[n - 1] = ' '; n % 4; n++)
				text[n] = ' ';
		else
			text[n++] = *line;
	}
	text[n] = 0;
	json_text(&h->json, NULL, text);
	return n;
}

static int compare_lines(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* [text, [[first line, line ...] ...]] */
static size_t write_file(struct html *h, FILE *file, uint32_t text, const uint32_t *wanted, size_t count)
{
	struct json *j = &h->json;
	char *line = NULL;
	size_t room = 0, at = 0, bytes = 0;
	bool open = false;

	json_open_array(j, NULL);
	json_number(j, NULL, text);
	json_open_array(j, NULL);
	for (uint32_t number = 1; at < count && getline(&line, &room, file) > 0; number++) {
		while (at < count && wanted[at] + AROUND < number)
			at++;
		if (at < count && number + AROUND >= wanted[at]) {
			if (!open) {
				json_open_array(j, NULL);
				json_number(j, NULL, number);
			}
			open = true;
			bytes += write_text_line(h, line);
		} else if (open) {
			json_close_array(j);
			open = false;
		}
	}
	if (open)
		json_close_array(j);
	json_close_array(j);
	json_close_array(j);
	free(line);
	return bytes;
}

void html_source(struct html *h)
{
	uint32_t *wanted = alloc_bytes((h->lines.count + 1ull) * sizeof(*wanted));
	size_t bytes = 0;

	json_bool(&h->json, "with_source", h->with_source);
	json_open_array(&h->json, "source");
	for (uint32_t text = 0; text < h->source_room && bytes < ALL_MOST; text++) {
		FILE *file = h->source[text] ? find_source(h, text) : NULL;
		size_t count = 0;

		if (!file)
			continue;
		for (uint32_t i = 0; i < h->lines.count; i++)
			if (h->lines.key[i].part[1] == text && h->lines.key[i].part[2])
				wanted[count++] = h->lines.key[i].part[2];
		qsort(wanted, count, sizeof(*wanted), compare_lines);
		bytes += write_file(h, file, text, wanted, count);
		fclose(file);
	}
	json_close_array(&h->json);
	free(wanted);
}
