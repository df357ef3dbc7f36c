/* json_out: whatever bytes come, the text is JSON, and both writers of a stack agree. */
#include "stacks_synthetic.h"
#include "report/json_out.h"

static void text(void **state)
{
	static const struct { const char *in, *out; } known[] = {
		{ "plain", "plain" }, { "caf\xc3\xa9", "caf\xc3\xa9" }, { "a\xff" "b", "a\xef\xbf\xbd" "b" },
		{ "\xc3", "\xef\xbf\xbd" },				/* cut short */
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },	/* a surrogate */
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },			/* overlong */
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" }, { "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		json_t *value = json_text(known[i].in);

		assert_string_equal(json_string_value(value), known[i].out);
		json_decref(value);
	}
	assert_true(json_is_null(json_text(NULL)));
}

static void stacks(void **state)
{
	struct stacks t = { .build_id = "aa" };
	struct symbols *symbols;
	struct snapshot s;
	struct json_stream stream;
	char *written = NULL;
	size_t bytes;
	FILE *out;
	json_t *whole, *tree;

	(void)state;
	stacks_site(&t, 100, 1, "quote\"back\\slash@dir\tname/x.c:3|in@y.c:4;bad\xff" "byte@z.c:9;main");
	stacks_site(&t, 200, 2, "?0x44;main@m.c:1");
	stacks_open(&t, &s);
	symbols = symbols_new(&s);
	out = open_memstream(&written, &bytes);
	json_stream_begin(&stream, out, json_report(&s), "records");
	for (uint32_t site = LEDGER_SITE_FIRST; site < LEDGER_SITE_FIRST + 2; site++)
		json_stream_record_stack(&stream, json_object(), symbols, site);
	json_stream_record(&stream, json_pack("{s:i}", "n", 5));
	json_stream_end(&stream);
	fclose(out);

	whole = json_loads(written, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(whole);
	assert_string_equal(json_string_value(json_object_get(whole, "tool")), "tidemark");
	assert_int_equal(json_array_size(json_object_get(whole, "records")), 3);
	for (uint32_t i = 0; i < 2; i++) {
		tree = json_stack(symbols, LEDGER_SITE_FIRST + i);
		assert_true(json_equal(tree,
			json_object_get(json_array_get(json_object_get(whole, "records"), i), "stack")));
		assert_true(json_array_size(tree) == (i ? 2 : 4));
		json_decref(tree);
	}
	json_decref(whole);
	free(written);
	symbols_free(symbols);
	snapshot_close(&s);
}

static void csv(void **state)
{
	static const struct { const char *in, *out; } known[] = {
		{ "a", "a" }, { "a,b", "\"a,b\"" }, { "say \"x\"", "\"say \"\"x\"\"\"" }, { "a\nb", "\"a\nb\"" }, { NULL, "" },
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
		cmocka_unit_test(text), cmocka_unit_test(stacks), cmocka_unit_test(csv),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
