/* types_repr.c - values of objects as Python's repr() writes them: types_view.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "types_private.h"

#define SHOWN 80u /* characters of a value */
#define ESCAPE 5u /* bytes of the longest escape, with its end */

/* The fewest digits that give the same number again, in the form of Python's repr(). */
static char *format_float(double value)
{
	char digits[64], *e;
	int precision, exponent;

	if (isnan(value) || isinf(value))
		return alloc_string(isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
	for (precision = 0; precision < 17; precision++) {
		snprintf(digits, sizeof(digits), "%.*e", precision, value);
		if (strtod(digits, NULL) == value)
			break;
	}
	e = strchr(digits, 'e');
	exponent = e ? atoi(e + 1) : 0;
	if (exponent >= -4 && exponent < 16) {
		int after = precision > exponent ? precision - exponent : 0;

		snprintf(digits, sizeof(digits), "%.*f", after ? after : 1, value);
		return alloc_string(digits);
	}
	*e = '\0';
	return alloc_printf("%se%c%02d", digits, exponent < 0 ? '-' : '+', abs(exponent));
}

/* As repr() writes a str or bytes; `text` is the beginning of it, as UTF-8. */
static char *format_text(const char *text, bool bytes)
{
	char *to = alloc_bytes(strlen(text) * 4 + 16), *at = to;
	char quote = strchr(text, '\'') && !strchr(text, '"') ? '"' : '\'';

	if (bytes)
		*at++ = 'b';
	*at++ = quote;
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		unsigned byte = *c;

		if (bytes && byte >= 0xc0 && c[1])
			byte = (byte & 3) << 6 | (*++c & 63);
		if (byte == '\\' || byte == (unsigned char)quote)
			at += snprintf(at, ESCAPE, "\\%c", (int)byte);
		else if (byte == '\n' || byte == '\r' || byte == '\t')
			at += snprintf(at, ESCAPE, "\\%c", byte == '\n' ? 'n' : byte == '\r' ? 'r' : 't');
		else if (byte < 0x20 || byte == 0x7f || (bytes && byte >= 0x80))
			at += snprintf(at, ESCAPE, "\\x%02x", byte);
		else
			*at++ = (char)byte;
	}
	*at++ = quote;
	*at = '\0';
	return to;
}

/* Cuts a text after SHOWN characters. */
static void cut_text(char *text)
{
	unsigned n = 0;

	for (char *c = text; *c; c++)
		if (((unsigned char)*c & 0xc0) != 0x80 && n++ == SHOWN) {
			*c = '\0';
			return;
		}
}

char *types_repr(const struct snapshot *s, uint32_t object)
{
	const struct tide_python_object *o = &s->python_objects[object];
	const struct tide_python_text *t;
	char *text;
	double number;

	if (o->flags & PYTHON_VALUE_INT)
		return alloc_printf("%lld", (long long)o->value);
	if (o->flags & PYTHON_VALUE_FLOAT) {
		memcpy(&number, &o->value, sizeof(number));
		return format_float(number);
	}
	if (!(o->flags & PYTHON_VALUE_TEXT) || o->value >= s->python_text_count)
		return NULL;
	t = &s->python_texts[o->value];
	text = format_text(snapshot_string(s, t->text), t->flags & PYTHON_TEXT_BYTES);
	cut_text(text);
	return text;
}
