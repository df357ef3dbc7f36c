/* json_out.c - see json_out.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "error.h"
#include "json_frames.h"
#include "json_out.h"

static json_t *sure(json_t *value)
{
	if (!value) {
		fputs("tidemark: no memory for JSON output: the report is too large; "
			"ask for fewer rows with -n\n", stderr);
		exit(EXIT_UNMEASURED);
	}
	return value;
}

/* Length of the UTF-8 sequence at s, 0 when it is not one (RFC 3629: no
 * overlong forms, no surrogates, nothing above U+10FFFF). */
static size_t utf8_length(const unsigned char *s)
{
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4 || (s[1] & 0xc0) != 0x80)
		return 0;
	if (s[0] < 0xe0)
		return 2;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	if ((s[2] & 0xc0) != 0x80)
		return 0;
	if (s[0] < 0xf0)
		return 3;
	return (s[3] & 0xc0) == 0x80 ? 4 : 0;
}

json_t *json_text(const char *text)
{
	json_t *value;
	char *clean, *to;

	if (!text)
		return json_null();
	value = json_string(text);
	if (value)
		return value;
	clean = to = memory_get(strlen(text) * 3 + 1);
	for (const unsigned char *s = (const unsigned char *)text; *s; ) {
		size_t n = utf8_length(s);

		memcpy(to, n ? (const char *)s : "\xef\xbf\xbd", n ? n : 3);
		to += n ? n : 3;
		s += n ? n : 1;
	}
	*to = '\0';
	value = sure(json_string(clean));
	free(clean);
	return value;
}

json_t *json_address(uint64_t address)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, address);
	return sure(json_string(text));
}

json_t *json_snapshot(const struct snapshot *s)
{
	json_t *o = sure(json_object());

	json_object_set_new(o, "pid", json_integer(s->process->pid));
	json_object_set_new(o, "exe", json_text(snapshot_string(s, s->process->exe)));
	json_object_set_new(o, "complete", json_boolean(s->process->complete && !s->damaged));
	json_object_set_new(o, "reason", json_text(snapshot_reason(s->process->reason)));
	return o;
}

json_t *json_report(const struct snapshot *s)
{
	json_t *o = sure(json_object());

	json_object_set_new(o, "tool", json_text("tidemark"));
	json_object_set_new(o, "schema", json_integer(1));
	if (s)
		json_object_set_new(o, "snapshot", json_snapshot(s));
	return o;
}

json_t *json_frame(const struct symbol_line *line)
{
	json_t *o = sure(json_object());

	json_object_set_new(o, "function", json_text(line->function));
	json_object_set_new(o, "file", json_text(line->file));
	json_object_set_new(o, "line", json_integer(line->line));
	json_object_set_new(o, "module", json_text(line->module));
	json_object_set_new(o, "address", json_address(line->address));
	json_object_set_new(o, "inlined", json_boolean(line->inlined));
	json_object_set_new(o, "language", json_text(line->language));
	return o;
}

json_t *json_stack(struct symbols *symbols, uint32_t site)
{
	json_t *array = sure(json_array());
	size_t count;
	const struct symbol_line *line = symbols_stack(symbols, site, &count);

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_frame(&line[i]));
	return array;
}

/* A write error is the caller's to find (ferror at the end); anything else is memory. */
static void dump(json_t *value, FILE *out, size_t flags)
{
	if (json_dumpf(value, out, JSON_COMPACT | flags) && !ferror(out))
		sure(NULL);
	json_decref(value);
}

void json_print(json_t *root, FILE *out)
{
	dump(root, out, 0);
	fputc('\n', out);
}

void json_stream_begin(struct json_stream *stream, FILE *out, json_t *head, const char *name)
{
	bool empty = json_object_size(head) == 0;

	*stream = (struct json_stream){ .out = out, .frames = json_frames_new() };
	fputc('{', out);
	dump(head, out, JSON_EMBED);
	fprintf(out, "%s\"%s\":[", empty ? "" : ",", name);
}

void json_stream_record(struct json_stream *stream, json_t *record)
{
	if (stream->records++)
		fputc(',', stream->out);
	dump(record, stream->out, 0);
}

void json_write_text(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text, *plain = s;

	if (!text) {
		fputs_unlocked("null", out);
		return;
	}
	putc_unlocked('"', out);
	while (*s) {
		size_t n = utf8_length(s);

		if (n && *s >= 0x20 && *s != '"' && *s != '\\') {
			s += n;
			continue;
		}
		fwrite_unlocked(plain, 1, (size_t)(s - plain), out);
		if (!n)
			fputs_unlocked("\xef\xbf\xbd", out);
		else if (*s < 0x20)
			fprintf(out, "\\u%04x", *s);
		else
			fprintf(out, "\\%c", *s);
		plain = ++s;
	}
	fwrite_unlocked(plain, 1, (size_t)(s - plain), out);
	putc_unlocked('"', out);
}

/* What json_dumpf makes of json_frame, field for field. */
void json_write_frame(FILE *out, const struct symbol_line *line)
{
	fputs_unlocked("{\"function\":", out);
	json_write_text(out, line->function);
	fputs_unlocked(",\"file\":", out);
	json_write_text(out, line->file);
	fprintf(out, ",\"line\":%u,\"module\":", line->line);
	json_write_text(out, line->module);
	fprintf(out, ",\"address\":\"0x%" PRIx64 "\",\"inlined\":%s,\"language\":", line->address,
		line->inlined ? "true" : "false");
	json_write_text(out, line->language);
	putc_unlocked('}', out);
}

static void write_stack(struct json_stream *stream, bool first, const struct symbol_line *const *line,
	size_t count)
{
	fputs(first ? "\"stack\":[" : ",\"stack\":[", stream->out);
	for (size_t i = 0; i < count; i++) {
		size_t bytes;
		const char *text = json_frames_text(stream->frames, line[i], &bytes);

		if (i)
			putc_unlocked(',', stream->out);
		fwrite_unlocked(text, 1, bytes, stream->out);
	}
	putc_unlocked(']', stream->out);
}

void json_stream_record_lines(struct json_stream *stream, json_t *record,
	const struct symbol_line *const *line, size_t count)
{
	bool empty = json_object_size(record) == 0;

	fputs(stream->records++ ? ",{" : "{", stream->out);
	dump(record, stream->out, JSON_EMBED);
	write_stack(stream, empty, line, count);
	putc_unlocked('}', stream->out);
}

void json_stream_record_stack(struct json_stream *stream, json_t *record, struct symbols *symbols,
	uint32_t site)
{
	size_t count = symbols_walk(symbols, site, &stream->line, &stream->room);

	json_stream_record_lines(stream, record, stream->line, count);
}

void json_stream_record_around(struct json_stream *stream, json_t *before, struct symbols *symbols,
	uint32_t site, json_t *after)
{
	bool first = json_object_size(before) == 0, last = json_object_size(after) == 0;
	size_t count = symbols_walk(symbols, site, &stream->line, &stream->room);

	fputs(stream->records++ ? ",{" : "{", stream->out);
	dump(before, stream->out, JSON_EMBED);
	write_stack(stream, first, stream->line, count);
	if (!last)
		putc_unlocked(',', stream->out);
	dump(after, stream->out, JSON_EMBED);
	putc_unlocked('}', stream->out);
}

void json_stream_end(struct json_stream *stream)
{
	fputs("]}\n", stream->out);
	json_frames_free(stream->frames);
	free(stream->line);
}

void csv_text(FILE *out, const char *text)
{
	if (!text)
		return;
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}
