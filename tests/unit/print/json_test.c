/* json, json_report, csv: whatever bytes come, the text is JSON, and a field stays one field. */
#include "tests/lib/stacks_make.h"
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
	assert_string_equal(written + bytes - 4, "]}]}\n" + 1);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(nothing_ends_a_script),
		cmocka_unit_test(nothing_turns_a_page_around),
		cmocka_unit_test(values),
		cmocka_unit_test(stacks),
		cmocka_unit_test(fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
