/* Outputs: each valid by the rules of its format, with the worst text a program can give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>
#include "report/base/alloc.h"
#include "report/gate/gate_output.h"

/* Markup, quotes, a workflow command, line ends, a control character, bytes that are not UTF-8. */
#define EVIL "a<b>&\"'%|`\n::error ::x\r,:\x01\xff\xef\xbf\xbf ]]>"

static struct gate_result results[3];
static struct gate_report report = { results, 3, EXIT_UNMEASURED, "ci/tide mark.gate" };

static struct gate_finding *finding(struct gate_result *r, enum gate_kind kind, bool fails, int key)
{
	struct gate_finding *f = gate_finding_add(r, kind, fails);

	f->message = alloc_string("3 blocks, 300 bytes lost");
	f->blocks = 3;
	f->bytes = 300;
	f->limit_key = key;
	f->limit = key >= 0 ? alloc_printf("%s = 0", gate_limit_name[key]) : NULL;
	return f;
}

static int set_up(void **state)
{
	struct gate_finding *f;

	(void)state;
	memset(results, 0, sizeof results);
	results[0].scenario = alloc_string("login");
	results[0].judged[GATE_LEAKED] = results[0].judged[GATE_GROWTH] = true;
	results[0].config_line = 3;
	f = finding(&results[0], GATE_KIND_LEAKED, true, GATE_LEAKED);
	f->key = alloc_string("00000000000000aa");
	f->function = alloc_string(EVIL);
	f->file = alloc_string("src/a b,c:d.c");
	f->owner = alloc_string("@storage");
	f->line = 7;
	f->stack.count = 2;
	f->stack.frame = alloc_zeroed(2, sizeof *f->stack.frame);
	f->stack.frame[0] = (struct gate_frame){ .function = alloc_string(EVIL),
		.file = alloc_string("/abs/" EVIL),
		.line = 7,
		.address = 0x1234 };
	f->stack.frame[1] = (struct gate_frame){ .function = alloc_string("main"),
		.module = alloc_string("/usr/bin/x"),
		.language = alloc_string("python") };
	finding(&results[0], GATE_KIND_SUPPRESSED, false, -1)->suppression = alloc_string("libc" EVIL);
	finding(&results[0], GATE_KIND_MOVED, false, -1)->key = alloc_string("bb");
	finding(&results[0], GATE_KIND_FLAKY, false, GATE_LEAKED)->key = alloc_string("cc");
	f = finding(&results[0], GATE_KIND_EXPIRED, true, -1);
	f->suppression = alloc_string("old");
	f->config_line = 11;
	f->bytes = 0;
	gate_settle(&results[0]);
	results[1].scenario = alloc_string("broken" EVIL);
	results[1].judged[GATE_LEAKED] = true;
	results[1].reason = alloc_string("exit status 139" EVIL);
	finding(&results[1], GATE_KIND_UNMEASURED, true, -1);
	gate_settle(&results[1]);
	results[2].scenario = alloc_string("good");
	results[2].judged[GATE_LEAKED] = true;
	results[2].snapshots = alloc_bytes(sizeof(char *));
	results[2].snapshots[0] = alloc_string("x.tide");
	results[2].snapshot_count = 1;
	gate_settle(&results[2]);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		gate_result_free(&results[i]);
	return 0;
}

static char *text_of(void (*write)(const struct gate_report *, FILE *))
{
	char *text;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);

	write(&report, f);
	fclose(f);
	assert_int_equal(strlen(text), bytes);
	return text;
}

static json_t *json_of(void (*write)(const struct gate_report *, FILE *))
{
	char *text = text_of(write);
	json_error_t e;
	json_t *root = json_loads(text, 0, &e);

	if (!root)
		fail_msg("%s at %d: %s", e.text, e.position, text);
	free(text);
	return root;
}

static const char *string_at(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "(none)";
}

static void json_is_the_contract(void **state)
{
	static const char *const fields[] = { "kind", "fails", "message", "blocks", "bytes", "limit",
		"function", "file", "line", "owner", "suppression", "stack" };
	json_t *root = json_of(gate_json), *scenarios = json_object_get(root, "scenarios"), *f;

	(void)state;
	assert_string_equal(string_at(root, "tool"), "tidemark");
	assert_int_equal(json_integer_value(json_object_get(root, "schema")), 1);
	assert_string_equal(string_at(root, "verdict"), "cannot-measure");
	assert_int_equal(json_integer_value(json_object_get(root, "status")), 3);
	assert_int_equal(json_array_size(scenarios), 3);
	assert_string_equal(string_at(json_array_get(scenarios, 0), "verdict"), "fail");
	assert_string_equal(string_at(json_array_get(scenarios, 2), "verdict"), "pass");
	assert_true(json_is_null(json_object_get(json_array_get(scenarios, 0), "reason")));
	assert_non_null(json_string_value(json_object_get(json_array_get(scenarios, 1), "reason")));
	f = json_array_get(json_object_get(json_array_get(scenarios, 0), "findings"), 0);
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (!json_object_get(f, fields[i]))
			fail_msg("no field %s", fields[i]);
	assert_string_equal(string_at(f, "kind"), "leaked");
	assert_true(json_is_true(json_object_get(f, "fails")));
	assert_int_equal(json_array_size(json_object_get(f, "stack")), 2);
	assert_string_equal(string_at(json_array_get(json_object_get(f, "stack"), 0), "address"), "0x1234");
	json_decref(root);
}

/* What the 2.1.0 schema requires of the parts that are used. */
static void sarif_has_what_readers_want(void **state)
{
	json_t *root = json_of(gate_sarif), *run = json_array_get(json_object_get(root, "runs"), 0), *r;
	json_t *driver = json_object_get(json_object_get(run, "tool"), "driver");
	json_t *rules = json_object_get(driver, "rules"), *list = json_object_get(run, "results");
	size_t i, suppressed = 0;

	(void)state;
	assert_string_equal(string_at(root, "version"), "2.1.0");
	assert_string_equal(string_at(driver, "name"), "tidemark");
	assert_int_equal(json_array_size(rules), GATE_KINDS);
	assert_int_equal(json_array_size(list), 5); /* all but moved */
	json_array_foreach(list, i, r)
	{
		json_t *location = json_object_get(
			json_array_get(json_object_get(r, "locations"), 0), "physicalLocation");
		json_t *prints = json_object_get(r, "partialFingerprints");
		const char *uri = string_at(json_object_get(location, "artifactLocation"), "uri");
		json_int_t index = json_integer_value(json_object_get(r, "ruleIndex"));

		assert_string_equal(
			string_at(json_array_get(rules, (size_t)index), "id"), string_at(r, "ruleId"));
		assert_int_equal(strncmp(string_at(r, "ruleId"), "tidemark/", 9), 0);
		assert_non_null(json_string_value(json_object_get(json_object_get(r, "message"), "text")));
		assert_true(
			!strcmp(string_at(r, "level"), "error") || !strcmp(string_at(r, "level"), "warning"));
		assert_int_equal(strcspn(uri, " <>\"|`\n\r\\^{}"), strlen(uri));
		assert_true(
			json_integer_value(json_object_get(json_object_get(location, "region"), "startLine"))
			>= 1);
		assert_non_null(json_string_value(json_object_get(prints, "tidemarkSite/v1")));
		suppressed += json_object_get(r, "suppressions") != NULL;
	}
	assert_int_equal(suppressed, 1);
	r = json_array_get(list, 0);
	assert_string_equal(
		string_at(json_object_get(r, "partialFingerprints"), "tidemarkSite/v1"), "00000000000000aa");
	assert_string_equal(
		string_at(json_object_get(json_object_get(json_array_get(json_object_get(r, "locations"), 0),
						  "physicalLocation"),
				  "artifactLocation"),
			"uri"),
		"src/a%20b%2Cc%3Ad.c");
	json_decref(root);
}

static void gitlab_fingerprints_are_unique(void **state)
{
	json_t *list = json_of(gate_gitlab), *issue, *other;
	size_t i, k;

	(void)state;
	assert_int_equal(json_array_size(list), 4);
	json_array_foreach(list, i, issue)
	{
		json_t *location = json_object_get(issue, "location");
		const char *severity = string_at(issue, "severity");

		assert_non_null(json_string_value(json_object_get(issue, "description")));
		assert_non_null(json_string_value(json_object_get(issue, "check_name")));
		assert_non_null(strstr("info minor major critical blocker", severity));
		assert_non_null(json_string_value(json_object_get(location, "path")));
		assert_true(json_integer_value(json_object_get(json_object_get(location, "lines"), "begin"))
			>= 1);
		json_array_foreach(list, k, other) if (i != k) assert_string_not_equal(
			string_at(issue, "fingerprint"), string_at(other, "fingerprint"));
	}
	json_decref(list);
}

/* Well-formed enough for any reader: tags nest, attributes are quoted, no stray `<` or control character. */
static void check_xml(const char *text, int html)
{
	char open[64][32];
	int depth = 0;

	for (const char *p = text; *p; p++) {
		assert_true((unsigned char)*p >= ' ' || *p == '\n' || *p == '\t');
		if (*p == '&')
			assert_int_not_equal(strcspn(p, ";"), strlen(p));
		if (*p != '<')
			continue;
		const char *end = strchr(p, '>');
		char name[32];

		assert_non_null(end);
		assert_true(memchr(p + 1, '<', (size_t)(end - p - 1)) == NULL);
		snprintf(name, sizeof name, "%.*s",
			(int)strcspn(p + 1, " >/\n") < 31 ? (int)strcspn(p + 1, " >/\n") : 31, p + 1);
		if (p[1] == '?' || p[1] == '!' || end[-1] == '/') {
			/* nothing to close */
		} else if (p[1] == '/') {
			assert_true(depth > 0);
			snprintf(name, sizeof name, "%.*s", (int)(end - p - 2), p + 2);
			while (html && depth && strcmp(open[depth - 1], name)
				&& !strcmp(open[depth - 1], "li"))
				depth--;
			assert_string_equal(open[--depth], name);
		} else if (!html || (strcmp(name, "meta") && strcmp(name, "br"))) {
			assert_true(depth < 64);
			memcpy(open[depth++], name, sizeof name);
		}
		p = end;
	}
	assert_int_equal(depth, 0);
}

static size_t count_of(const char *text, const char *part)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, part)); p += strlen(part))
		n++;
	return n;
}

static void junit_counts_are_right(void **state)
{
	char *text = text_of(gate_junit), *said;

	(void)state;
	check_xml(text, 0);
	said = alloc_printf(
		"<testsuite name=\"tidemark\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"",
		count_of(text, "<testcase "), count_of(text, "<failure "), count_of(text, "<error "),
		count_of(text, "<skipped "));
	if (!strstr(text, said))
		fail_msg("%s\n%s", said, text);
	assert_int_equal(count_of(text, "<failure "), 2); /* leaked; suppressions: expired */
	assert_int_equal(count_of(text, "<error "), 2);   /* leaked and missed of the broken one */
	assert_int_equal(count_of(text, "<skipped "), 1);
	assert_non_null(strstr(text, "<failure message=\"3 blocks, 300 bytes lost\" type=\"leaked\">"));
	free(said);
	free(text);
}

/* One line per finding: no text of the program can begin another command. */
static void github_lines_are_one_each(void **state)
{
	char *text = text_of(gate_github);
	size_t lines = 0;

	(void)state;
	for (char *p = text; *p; p = strchr(p, '\n') + 1, lines++)
		assert_true(!strncmp(p, "::error ", 8) || !strncmp(p, "::warning ", 10));
	assert_int_equal(lines, 4);
	assert_null(strchr(text, '\r'));
	assert_non_null(strstr(text,
		"::error file=src/a b%2Cc%3Ad.c,line=7,title=tidemark%3A leaked::"
		"login: 3 blocks, 300 bytes lost in a<b>&\"'%25|`%0A::error ::x%0D,:"));
	assert_non_null(strstr(text, "::error file=ci/tide mark.gate,line=11,title=tidemark%3A expired::"));
	assert_non_null(strstr(text, "::warning "));
	free(text);
}

static void github_shows_the_ten_worst(void **state)
{
	char *text;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		struct gate_finding *f = finding(&results[2], GATE_KIND_LEAKED, true, GATE_LEAKED);

		f->bytes = i;
		f->key = alloc_printf("%u", i);
	}
	gate_settle(&results[2]);
	text = text_of(gate_github);
	assert_int_equal(count_of(text, "\n"), 10);
	assert_int_equal(count_of(text, "\n::error "), 9);
	assert_null(strstr(text, "::warning "));
	free(text);
}

/* "::" at the beginning of a line, behind blanks, is a command to GitHub Actions. */
static void terminal_begins_no_line_with_a_name(void **state)
{
	struct options options = { .no_pager = true };
	size_t bytes, lines = 0;
	struct screen s;
	char *text;

	(void)state;
	screen_open(&s, &options);
	s.out = open_memstream(&text, &bytes);
	free(results[0].findings[0].function);
	results[0].findings[0].function = alloc_string("::error ::x");
	free(results[0].findings[0].stack.frame[1].function);
	results[0].findings[0].stack.frame[1].function = alloc_string("\n  ::stop-commands::token");
	free(results[1].reason);
	results[1].reason = alloc_string("::add-mask::pass");
	gate_terminal(&report, &s);
	fclose(s.out);
	for (char *rest = NULL, *line = strtok_r(text, "\n\r", &rest); line;
		line = strtok_r(NULL, "\n\r", &rest), lines++)
		if (!strncmp(line + strspn(line, " \t"), "::", 2))
			fail_msg("%s", line);
	assert_true(lines > 10);
	free(text);
}

static void markdown_and_html_hold(void **state)
{
	char *text = text_of(gate_markdown), *pre = strstr(text, "<pre>\n"), *end;

	/* An empty line, or one of blanks, would end the HTML block. */
	assert_non_null(pre);
	end = strstr(pre, "</pre>");
	assert_non_null(end);
	for (char *p = strchr(pre, '\n'); p < end; p = strchr(p + 1, '\n'))
		assert_true(p[1 + strspn(p + 1, " \t\r")] != '\n');
	/* The stack has two frames and takes two lines. */
	*end = '\0';
	assert_int_equal(count_of(pre, "\n"), 3);
	*end = '<';

	(void)state;
	assert_non_null(strstr(text, "## Memory gate could not be measured"));
	for (char *p = text; *p; p = end + 1) {
		end = strchr(p, '\n');
		assert_non_null(end);
		/* Each row of the table has its seven bars, those of the text are escaped. */
		if (*p == '|' && p[1] == ' ') {
			size_t bars = 0;

			for (char *q = p; q < end; q++)
				bars += *q == '|' && q[-1] != '\\';
			assert_int_equal(bars, 7);
		}
	}
	free(text);
	text = text_of(gate_html);
	check_xml(text, 1);
	assert_null(strstr(text, "http")); /* nothing is fetched */
	assert_non_null(strstr(text, "a&lt;b&gt;&amp;&quot;"));
	free(text);
}

#define test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(json_is_the_contract),
		test(sarif_has_what_readers_want),
		test(gitlab_fingerprints_are_unique),
		test(junit_counts_are_right),
		test(github_lines_are_one_each),
		test(github_shows_the_ten_worst),
		test(terminal_begins_no_line_with_a_name),
		test(markdown_and_html_hold),
	};
	return cmocka_run_group_tests_name("gate_outputs", tests, NULL, NULL);
}
