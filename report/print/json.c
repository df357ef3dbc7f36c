/* json.c - see json.h. */
#include <inttypes.h>
#include <string.h>
#include "base/text.h"
#include "json.h"

static void write_string(const struct json *j, const char *text)
{
	static const char escaped[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
	const char *plain = text;

	putc_unlocked('"', j->out);
	while (*text) {
		size_t n = text_utf8_length(text);
		unsigned char c = (unsigned char)*text;
		const char *at;
		unsigned long hostile = n && j->in_html ? text_utf8_decode(text, n) : 0;

		if (hostile && text_is_hostile(hostile)) {
			fwrite_unlocked(plain, 1, (size_t)(text - plain), j->out);
			if (c == '\t' || c == '\n' || c == '\r')
				putc_unlocked(' ', j->out);
			else
				fprintf(j->out, "\\\\u{%lx}", hostile);
			plain = text += n;
			continue;
		}
		if (n && c >= 0x20 && c != '"' && c != '\\' && (c != '<' || !j->in_html)) {
			text += n;
			continue;
		}
		fwrite_unlocked(plain, 1, (size_t)(text - plain), j->out);
		if (!n)
			fputs_unlocked(TEXT_REPLACEMENT, j->out);
		else if ((at = strchr(escaped, c)))
			fprintf(j->out, "\\%c", letter[at - escaped]);
		else
			fprintf(j->out, "\\u%04x", c);
		plain = ++text;
	}
	fwrite_unlocked(plain, 1, (size_t)(text - plain), j->out);
	putc_unlocked('"', j->out);
}

/* What comes before a value: the comma, and its name. */
static void write_lead(struct json *j, const char *name)
{
	if (j->follows)
		putc_unlocked(',', j->out);
	j->follows = true;
	if (name) {
		write_string(j, name);
		putc_unlocked(':', j->out);
	}
}

static void open_value(struct json *j, const char *name, char bracket)
{
	write_lead(j, name);
	putc_unlocked(bracket, j->out);
	j->follows = false;
}

static void close_value(struct json *j, char bracket)
{
	putc_unlocked(bracket, j->out);
	j->follows = true;
}

void json_open_object(struct json *j, const char *name) { open_value(j, name, '{'); }

void json_close_object(struct json *j) { close_value(j, '}'); }

void json_open_array(struct json *j, const char *name) { open_value(j, name, '['); }

void json_close_array(struct json *j) { close_value(j, ']'); }

void json_written(struct json *j, const char *name, const char *value, size_t bytes)
{
	write_lead(j, name);
	fwrite_unlocked(value, 1, bytes, j->out);
}

void json_none(struct json *j, const char *name) { json_written(j, name, "null", 4); }

void json_bool(struct json *j, const char *name, bool value)
{
	json_written(j, name, value ? "true" : "false", value ? 4 : 5);
}

void json_text(struct json *j, const char *name, const char *text)
{
	if (!text) {
		json_none(j, name);
		return;
	}
	write_lead(j, name);
	write_string(j, text);
}

/* printf would take most of the time of a column of a million numbers. */
void json_number(struct json *j, const char *name, int64_t n)
{
	uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	char text[24], *at = text + sizeof(text);

	do
		*--at = (char)('0' + rest % 10);
	while (rest /= 10);
	if (n < 0)
		*--at = '-';
	json_written(j, name, at, (size_t)(text + sizeof(text) - at));
}

void json_address(struct json *j, const char *name, uint64_t address)
{
	char text[24];
	int bytes = snprintf(text, sizeof(text), "\"0x%" PRIx64 "\"", address);

	json_written(j, name, text, (size_t)bytes);
}
