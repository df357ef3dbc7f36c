/* screen, place, table: nothing passes the width, nothing hostile reaches the terminal. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "report/base/alloc.h"
#include "report/print/table.h"

static const struct screen ascii = { .width = 80, .height = 24 };
static const struct screen utf8 = { .width = 80, .height = 24, .unicode = true };

#define EQUAL(make, text)                                                                                    \
	do {                                                                                                 \
		char *made_ = (make);                                                                        \
		assert_string_equal(made_, text);                                                            \
		free(made_);                                                                                 \
	} while (0)

static void clean(void **state)
{
	(void)state;
	EQUAL(screen_clean(&ascii, "a\033[31mb\tc\nd"), "a?[31mb c d");
	EQUAL(screen_clean(&ascii, "caf\xc3\xa9"), "caf??");
	EQUAL(screen_clean(&utf8, "caf\xc3\xa9"), "caf\xc3\xa9");
	EQUAL(screen_clean(&utf8, "x\xff\xfe\x80y"), "x???y");
	EQUAL(screen_clean(&utf8,
		      "\xc2\x9b"
		      "31m"),
		"?31m"); /* the one-character CSI */
	EQUAL(screen_clean(&utf8,
		      "a\xe2\x80\xae"
		      "b"),
		"a?b"); /* turns the writing direction */
}

static void fit(void **state)
{
	(void)state;
	EQUAL(screen_fit(&ascii, "abcdefghij", 10, FIT_END), "abcdefghij");
	EQUAL(screen_fit(&ascii, "abcdefghij", 6, FIT_END), "abcd..");
	EQUAL(screen_fit(&ascii, "abcdefghij", 6, FIT_START), "..ghij");
	EQUAL(screen_fit(&ascii, "abcdefghij", 6, FIT_MIDDLE), "ab..ij");
	EQUAL(screen_fit(&utf8, "abcdefghij", 5, FIT_MIDDLE), "ab\xe2\x80\xa6ij");
	EQUAL(screen_fit(&ascii, "abcdefghij", 1, FIT_END), "a");
	EQUAL(screen_fit(&ascii, "abcdefghij", 0, FIT_END), "");
	/* Wide characters: never more columns than asked. */
	for (unsigned width = 0; width < 14; width++)
		for (int way = FIT_END; way <= FIT_START; way++) {
			char *text = screen_fit(&utf8,
				"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81\xae\xe5\x90\x8d\xe5\x89\x8d",
				width, (enum fit)way);

			assert_true(screen_columns(&utf8, text) <= width);
			free(text);
		}
}

static void bars(void **state)
{
	(void)state;
	EQUAL(screen_bar(&ascii, 0.5, 4), "##  ");
	EQUAL(screen_bar(&ascii, 7, 4), "####");
	EQUAL(screen_bar(&ascii, -1, 4), "    ");
	EQUAL(screen_bar(&ascii, 0.0 / 0.0, 2), "  ");
	EQUAL(screen_bar(&utf8, 1, 2), "\xe2\x96\x88\xe2\x96\x88");
	EQUAL(screen_bar(&utf8, 0.001, 2), "\xe2\x96\x8f "); /* something is never nothing */
	EQUAL(screen_sparkline(&ascii, (double[]){ 0, 1, 4, 8 }, 4), " :+#");
	EQUAL(screen_sparkline(&utf8, (double[]){ 0, 8 }, 2), " \xe2\x96\x88");
	EQUAL(screen_sparkline(&ascii, (double[]){ 0, 0 }, 2), "  ");
}

static void squeeze(void **state)
{
	double cells[3];

	(void)state;
	screen_squeeze((double[]){ 1, 9, 2, 3, 4, 5 }, 6, cells, 3);
	assert_true(cells[0] == 9 && cells[1] == 3 && cells[2] == 5);
	screen_squeeze((double[]){ 7 }, 1, cells, 3);
	assert_true(cells[0] == 7 && cells[1] == 7 && cells[2] == 7);
}

static void place_is(const char *function, const char *file, unsigned line, const char *module,
	unsigned width, const char *expected)
{
	struct symbol_line l = { .function = function,
		.file = file,
		.line = line,
		.module = module,
		.has_symbol = true,
		.language = "native" };
	struct place p = place_fit(&ascii, &l, "/src", width);
	char *both = alloc_printf("%s%s%s", p.function, *p.where ? " " : "", p.where);

	assert_string_equal(both, expected);
	free(both);
	place_free(&p);
}

static void places(void **state)
{
	(void)state;
	place_is("parse", "/src/json/parse.c", 12, "/lib/j.so", 40, "parse json/parse.c:12");
	place_is("parse", "/usr/json/parse.c", 12, "/lib/j.so", 18, "parse parse.c:12");
	place_is("parse", "/usr/deep/json/parse.c", 12, "/lib/j.so", 25, "parse ../json/parse.c:12");
	place_is("parse", NULL, 0, "/lib/libj.so.1", 40, "parse [libj.so.1]");
	place_is("parse_everything_there_is", "/src/p.c", 1, NULL, 20, "parse_..ere_is p.c:1");
	place_is("parse", NULL, 0, NULL, 40, "parse");
	/* Whatever comes, the width holds. */
	for (unsigned width = 1; width < 90; width++)
		for (unsigned f = 0; f < 120; f += 7)
			for (unsigned n = 0; n < 120; n += 11) {
				char function[128], file[128];
				struct symbol_line l = { .function = function,
					.file = n ? file : NULL,
					.line = 123456,
					.module = "/lib/libsomething.so.6",
					.has_symbol = f % 2,
					.language = "native" };
				struct place p;

				memset(function, 'f', sizeof(function));
				memset(file, '/', sizeof(file));
				for (unsigned i = 1; i < n; i++)
					file[i] = i % 9 ? 'a' : '/';
				function[f] = file[n] = '\0';
				p = place_fit(&ascii, &l, NULL, width);
				assert_true(
					strlen(p.function) + (*p.where ? 1 : 0) + strlen(p.where) <= width);
				place_free(&p);
			}
}

static void roots(void **state)
{
	(void)state;
	assert_string_equal(place_source("/src/a/b.c", "/src"), "a/b.c");
	assert_string_equal(place_source("/src/a/b.c", "/src/"), "a/b.c");
	assert_string_equal(place_source("/srcs/a.c", "/src"), "/srcs/a.c");
	assert_string_equal(place_source("a.c", NULL), "a.c");
}

/* A table of hostile and long cells at many widths: no line passes the width. */
static void tables(void **state)
{
	static const struct column column[] = {
		{ "live", COLUMN_RIGHT, false },
		{ "blocks", COLUMN_RIGHT, false },
		{ "total", COLUMN_RIGHT, true },
		{ "", COLUMN_BAR, false },
		{ "site", COLUMN_RIGHT, true },
		{ "allocated by", COLUMN_PLACE, false },
	};
	struct symbol_line line = { .function = "a_function_with_quite_a_long_name(int, \033[2J, char)",
		.file = "/usr/src/some/where/deep/in/the/tree/file.c",
		.line = 1234,
		.module = "/x",
		.has_symbol = true,
		.language = "native" };

	(void)state;
	for (unsigned width = 60; width < 200; width++) {
		struct screen s = { .width = width, .height = 24, .unicode = width % 2 };
		size_t bytes;
		struct table *t;

		s.out = open_memstream(&s.text, &bytes);
		t = table_new(&s, column, 6, NULL);
		for (int row = 0; row < 3; row++) {
			table_text(t, STYLE_STRONG, "%s", row ? "123 MiB" : "9.99 GiB");
			table_text(t, STYLE_PLAIN, "%d", 99999999);
			table_text(t, STYLE_PLAIN, "123456789");
			table_bar(t, row / 2.0);
			table_text(t, STYLE_DIM, "#%d", row);
			table_place(t, &line);
			table_frame(t, &line);
			table_note(t, STYLE_DIM, "note of row %d", row);
		}
		table_show(t);
		fclose(s.out);
		assert_null(strchr(s.text, '\033'));
		assert_non_null(strstr(s.text, "note of row 1\n"));
		assert_true(strstr(s.text, "note of row 0") < strstr(s.text, "note of row 1"));
		for (char *save = NULL, *l = strtok_r(s.text, "\n", &save); l;
			l = strtok_r(NULL, "\n", &save))
			if (screen_columns(&s, l) > width)
				fail_msg("%u columns in %u: %s", screen_columns(&s, l), width, l);
		free(s.text);
	}
}

static void paragraphs(void **state)
{
	struct screen s = { .width = 20 };
	size_t bytes;

	(void)state;
	s.out = open_memstream(&s.text, &bytes);
	screen_paragraph(&s, STYLE_WARNING, "warning: ", "%s", "one two three four");
	fclose(s.out);
	assert_string_equal(s.text, "warning: one two\n         three four\n");
	free(s.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean),
		cmocka_unit_test(fit),
		cmocka_unit_test(bars),
		cmocka_unit_test(squeeze),
		cmocka_unit_test(places),
		cmocka_unit_test(roots),
		cmocka_unit_test(tables),
		cmocka_unit_test(paragraphs),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
