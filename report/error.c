/* error.c - messages "what: why; hint", and memory that is there or ends the command. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "error.h"

static void part_copy(char *to, size_t room, const char *from, size_t bytes)
{
	if (bytes >= room)
		bytes = room - 1;
	memcpy(to, from, bytes);
	to[bytes] = '\0';
}

static const char *format_part(const char *format, char *part, size_t room)
{
	size_t bytes = strcspn(format, "|");

	part_copy(part, room, format, bytes);
	return format[bytes] ? format + bytes + 1 : NULL;
}

/* The parts are found in the format, not in the printed text: a file name may hold a '|'.
 * A va_list does not tell how far a part has read it, so all is printed at once, with
 * the separators replaced by a control character (unit separator). */
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
			part_copy(to, sizeof(marked) - at - 2, rest, strlen(rest));
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
	part_copy(e->what, sizeof(e->what), text, strlen(text));
	if (separator[0])
		part_copy(e->why, sizeof(e->why), separator[0] + 1, strlen(separator[0] + 1));
	if (separator[0] && separator[1])
		part_copy(e->hint, sizeof(e->hint), separator[1] + 1, strlen(separator[1] + 1));
	return -1;
}

void error_reason(char *list, uint64_t room, const char *reason)
{
	size_t used = strlen(list);

	snprintf(list + used, room - used, "%s%s", used ? "; " : "", reason);
}

void error_print(const struct tide_error *e)
{
	fprintf(stderr, "tidemark: %s%s%s%s%s\n", e->what, *e->why ? ": " : "", e->why,
		*e->hint ? "; " : "", e->hint);
}

static void *memory_or_exit(void *p, uint64_t bytes)
{
	if (p || !bytes)
		return p;
	fprintf(stderr, "tidemark: no memory: %llu bytes were asked for; "
		"close something, or raise the limit (ulimit -v)\n", (unsigned long long)bytes);
	exit(EXIT_UNMEASURED);
}

void *memory_get(uint64_t bytes)
{
	return memory_or_exit(malloc(bytes ? bytes : 1), bytes);
}

void *memory_get_zeroed(uint64_t count, uint64_t size)
{
	uint64_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		bytes = UINT64_MAX;
	return memory_or_exit(bytes == UINT64_MAX ? NULL : calloc(count ? count : 1, size ? size : 1), bytes);
}

void *memory_resize(void *p, uint64_t bytes)
{
	return memory_or_exit(realloc(p, bytes ? bytes : 1), bytes);
}

char *memory_string(const char *s)
{
	size_t bytes = strlen(s) + 1;

	return memcpy(memory_get(bytes), s, bytes);
}

char *memory_printf(const char *format, ...)
{
	va_list list;
	char *s = NULL;
	int bytes;

	va_start(list, format);
	bytes = vasprintf(&s, format, list);
	va_end(list);
	return bytes < 0 ? memory_or_exit(NULL, 1) : s;
}
