/* json, json_report, csv: whatever bytes come, the text is JSON, and a field stays one field. */
#include "tests/lib/stacks_make.h"
#include "report/base/alloc.h"
#include "report/base/text.h"
#include "report/print/csv.h"
#include "report/print/json_report.h"

/* What a writer makes of an array with one text in it. */
static char *written_text(const char *text, bool in_html)
{
	char *written = NULL;
	size_t bytes;
	struct json j = { .out = open_memstream(&written, &bytes), .in_html = in_html };

	json_text(&j, NULL, text);
	fclose(j.out);
	return written;
}

static void texts(void **state)
{
	static const struct {
		const char *in, *out;
	} known[] = {
		{ "plain", "\"plain\"" },
		{ "caf\xc3\xa9", "\"caf\xc3\xa9\"" },
		{ "a\xff"
		  "b",
			"\"a\xef\xbf\xbd"
			"b\"" },
		{ "\xc3", "\"\xef\xbf\xbd\"" },                                 /* cut short */
		{ "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* a surrogate */
		{ "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },                 /* overlong */
		{ "\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"" },
		{ "quote\" back\\slash\tline\nbell\a", "\"quote\\\" back\\\\slash\\tline\\nbell\\u0007\"" },
		{ "</script>", "\"</script>\"" },
		{ "", "\"\"" },
		{ NULL, "null" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		char *written = written_text(known[i].in, false);

		assert_string_equal(written, known[i].out);
		free(written);
	}
}

static void nothing_ends_a_script(void **state)
{
	char *written = written_text("</script><!--", true);

	(void)state;
	assert_string_equal(written, "\"\\u003c/script>\\u003c!--\"");
	free(written);
}

static void nothing_turns_a_page_around(void **state)
{
	char *written = written_text("a\x1b[1m\xe2\x80\xae"
				     "b\tc\\u{1}",
		true);

	(void)state;
	assert_string_equal(written, "\"a\\\\u{1b}[1m\\\\u{202e}b c\\\\u{1}\"");
	free(written);
}

static void values(void **state)
{
	char *written = NULL;
	size_t bytes;
	struct json j = { .out = open_memstream(&written, &bytes) };

	(void)state;
	json_open_object(&j, NULL);
	json_number(&j, "least", INT64_MIN);
	json_open_array(&j, "empty");
	json_close_array(&j);
	json_open_array(&j, "list");
	json_number(&j, NULL, 0);
	json_open_object(&j, NULL);
	json_close_object(&j);
	json_number(&j, NULL, INT64_MAX);
	json_close_array(&j);
	json_bool(&j, "yes", true);
	json_bool(&j, "no", false);
	json_none(&j, "none");
	json_address(&j, "address", 0x1f);
	json_close_object(&j);
	fclose(j.out);
	assert_string_equal(written,
		"{\"least\":-9223372036854775808,\"empty\":[],\"list\":[0,{},9223372036854775807],"
		"\"yes\":true,\"no\":false,\"none\":null,\"address\":\"0x1f\"}");
	free(written);
}

/* A frame is written once and then copied: both must be the same. */
static void stacks(void **state)
{
	static const char frame[] = "{\"function\":\"bad\xef\xbf\xbd"
				    "byte\",\"file\":\"z.c\",\"line\":9,\"module\":";
	struct stacks t = { .build_id = "aa" };
	struct symbols *symbols;
	struct snapshot s;
	struct json_report report;
	char *written = NULL, *first, *second;
	size_t bytes;

	(void)state;
	stacks_site(&t, 100, 1,
		"quote\"back\\slash@dir\tname/x.c:3|in@y.c:4;bad\xff"
		"byte@z.c:9;main");
	stacks_site(&t, 200, 2, "?0x44;main@m.c:1");
	stacks_open(&t, &s);
	symbols = symbols_new(&s);
	json_report_open(&report, open_memstream(&written, &bytes));
	json_report_snapshot(&report.json, "snapshot", &s);
	json_open_array(&report.json, "records");
	for (uint32_t i = 0; i < 4; i++) {
		json_open_object(&report.json, NULL);
		json_report_stack(&report, symbols, SITE_FIRST + i % 2);
		json_close_object(&report.json);
	}
	json_close_array(&report.json);
	json_report_close(&report);
	fclose(report.json.out);

	assert_memory_equal(written, "{\"tool\":\"tidemark\",\"schema\":1,\"snapshot\":{\"pid\":", 48);
	first = strstr(written, frame);
	assert_non_null(first);
	second = strstr(first + 1, frame);
	assert_non_null(second);
	assert_memory_equal(first, second, (size_t)(strchr(first, '}') - first));
	assert_string_equal(written + bytes - 4, "}]}\n");
	free(written);
	symbols_free(symbols);
	snapshot_close(&s);
}

static void fields(void **state)
{
	static const struct {
		const char *in, *out;
	} known[] = {
		{ "a", "a" },
		{ "a,b", "\"a,b\"" },
		{ "say \"x\"", "\"say \"\"x\"\"\"" },
		{ "a\nb", "\"a\nb\"" },
		{ "=1+2", "'=1+2" }, /* a formula */
		{ "@x,y", "\"'@x,y\"" },
		{ "a=b", "a=b" },
		{ NULL, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		char *written = NULL;
		size_t bytes;
		FILE *out = open_memstream(&written, &bytes);

		csv_text(out, known[i].in);
		fclose(out);
		assert_string_equal(written, known[i].out);
		free(written);
	}
}

/* What a reader that takes fields of 131,072 characters makes of `text` in quotes or without. */
static char *read_field(const char *text)
{
	char *written = NULL, *to;
	size_t bytes;
	FILE *out = open_memstream(&written, &bytes);

	csv_text(out, text);
	fclose(out);
	to = written;
	for (const char *from = written; *from; from++)
		if (*from != '"' || (from > written && from[1] == '"'))
			*to++ = *from, from += *from == '"';
	*to = '\0';
	assert_true(strlen(written) <= 131072);
	return written;
}

static void long_fields(void **state)
{
	const size_t size = 400000;
	char *text = alloc_zeroed(size + 1, 1), *field;

	(void)state;
	memset(text, 'f', size);
	text[CSV_FIELD_MOST - 1] = '\0';
	field = read_field(text);
	assert_string_equal(field, text);
	free(field);
	/* Without frames and with quotes; both ends are there. */
	text[CSV_FIELD_MOST - 1] = 'f';
	text[0] = '<';
	text[1] = '"';
	text[size - 1] = '>';
	field = read_field(text);
	assert_true(field[0] == '<' && field[1] == '"' && field[strlen(field) - 1] == '>');
	assert_true(strlen(field) > CSV_FIELD_MOST - 128);
	assert_non_null(strstr(field, "ff[269064 bytes left out]ff"));
	free(field);
	/* Frames stay whole, and so do characters. */
	for (size_t i = 0; i < size; i += 8)
		memcpy(text + i, "abc\xc3\xa9xy;", 8);
	field = read_field(text);
	assert_non_null(strstr(field, "xy;[26"));
	assert_non_null(strstr(field, " bytes left out];abc"));
	free(field);
	for (size_t i = 0; i < size; i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	for (size_t at = 0; at < 3; at++) {
		field = read_field(text + at);
		assert_null(strstr(field + 3, TEXT_REPLACEMENT));
		free(field);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(nothing_ends_a_script),
		cmocka_unit_test(nothing_turns_a_page_around),
		cmocka_unit_test(values),
		cmocka_unit_test(stacks),
		cmocka_unit_test(fields),
		cmocka_unit_test(long_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
