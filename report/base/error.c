/* error.c - messages "what: why; hint". */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "error.h"
#include "text.h"

static void copy_part(char *to, size_t capacity, const char *from, size_t bytes)
{
	if (bytes >= capacity)
		bytes = capacity - 1;
	memcpy(to, from, bytes);
	to[bytes] = '\0';
}

static const char *format_part(const char *format, char *part, size_t capacity)
{
	size_t bytes = strcspn(format, "|");

	copy_part(part, capacity, format, bytes);
	return format[bytes] ? format + bytes + 1 : NULL;
}

/* The parts are found in the format, not in the printed text: a file name may hold a '|'.
 * A va_list does not show how many arguments a part has consumed, so all parts are printed
 * at once, with the separators replaced by a control character (unit separator). */
int error_set(struct tide_error *e, int code, const char *format, ...)
{
	char marked[1024], text[1200], *separator[2] = { NULL, NULL };
	const char *rest = format;
	size_t at = 0;
	va_list list;

	memset(e, 0, sizeof(*e));
	e->code = code;
	for (int parts = 0; rest && at + 2 < sizeof(marked); parts++) {
		char *to = marked + at;

		if (parts < 2) {
			rest = format_part(rest, to, sizeof(marked) - at - 2);
		} else {
			copy_part(to, sizeof(marked) - at - 2, rest, strlen(rest));
			rest = NULL;
		}
		at += strlen(to);
		if (rest) {
			marked[at++] = '\x1f';
			marked[at] = '\0';
		}
	}
	va_start(list, format);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	vsnprintf(text, sizeof(text), marked, list);
#pragma GCC diagnostic pop
	va_end(list);

	for (int i = 0; i < 2; i++) {
		separator[i] = strchr(i ? separator[0] + 1 : text, '\x1f');
		if (!separator[i])
			break;
		*separator[i] = '\0';
	}
	copy_part(e->what, sizeof(e->what), text, strlen(text));
	if (separator[0])
		copy_part(e->why, sizeof(e->why), separator[0] + 1, strlen(separator[0] + 1));
	if (separator[0] && separator[1])
		copy_part(e->hint, sizeof(e->hint), separator[1] + 1, strlen(separator[1] + 1));
	return -1;
}

void error_reason(char *list, uint64_t capacity, const char *reason)
{
	size_t used = strlen(list);

	snprintf(list + used, capacity - used, "%s%s", used ? "; " : "", reason);
}

static void print_clean(const char *prefix, const char *format, va_list list)
{
	char *text = NULL;

	if (vasprintf(&text, format, list) < 0)
		return;
	text_clean(text);
	fprintf(stderr, "%s%s\n", prefix, text);
	free(text);
}

void error_note(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	print_clean("tidemark: ", format, list);
	va_end(list);
}

static void __attribute__((format(printf, 1, 2))) print_plain(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	print_clean("", format, list);
	va_end(list);
}

void error_print(const struct tide_error *e)
{
	error_note("%s%s%s%s%s", e->what, *e->why ? ": " : "", e->why, *e->hint ? "; " : "", e->hint);
}

void error_print_place(const struct tide_error *e)
{
	print_plain("%s%s%s%s%s", e->what, *e->why ? ": " : "", e->why, *e->hint ? "; " : "", e->hint);
}
