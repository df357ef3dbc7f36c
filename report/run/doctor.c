/* doctor.c - the list of checks: doctor.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "doctor.h"

static char *format_text(const char *format, va_list arguments)
{
	va_list again;
	char *text;
	int bytes;

	va_copy(again, arguments);
	bytes = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (bytes < 0)
		return alloc_string("");
	text = alloc_bytes((uint64_t)bytes + 1);
	vsnprintf(text, (size_t)bytes + 1, format, arguments);
	return text;
}

void doctor_say(struct doctor *d, const char *name, enum doctor_level level, const char *format, ...)
{
	struct doctor_check *c = ARRAY_ADD(d->check, d->count, d->capacity);
	va_list arguments;
	char *bar;

	va_start(arguments, format);
	*c = (struct doctor_check){ .name = name, .level = level, .text = format_text(format, arguments) };
	va_end(arguments);
	bar = strchr(c->text, '|');
	if (!bar)
		return;
	*bar = '\0';
	c->hint = bar[1] ? alloc_string(bar + 1) : NULL;
}

enum doctor_level doctor_worst(const struct doctor *d)
{
	enum doctor_level worst = DOCTOR_OK;

	for (size_t i = 0; i < d->count; i++)
		if (d->check[i].level > worst)
			worst = d->check[i].level;
	return worst;
}

void doctor_free(struct doctor *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->check[i].text);
		free(d->check[i].hint);
	}
	free(d->check);
	free(d->library);
	memset(d, 0, sizeof(*d));
}
