/* text: names from strangers cannot move a cursor, and become valid UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "report/base/intern.h"
#include "report/base/text.h"

static void clean_lines(void **state)
{
	static const struct {
		const char *in, *out;
	} known[] = {
		{ "plain caf\xc3\xa9", "plain caf\xc3\xa9" },
		{ "a\tb\nc\r\nd", "a b c  d" },
		{ "\033]0;title\a", "?]0;title?" },
		{ "\xc2\x9b"
		  "2J",
			"?2J" },                                         /* C1: CSI in one character */
		{ "x\xe2\x80\xaey", "x?y" },                             /* U+202E turns the direction */
		{ "x\xe2\x80\xa8y\xe2\x81\xa6z\xef\xbb\xbf", "x?y?z?" }, /* line separator, isolate, BOM */
		{ "\xff\xc3", "??" },                                    /* not UTF-8 */
		{ "\xf0\x9f\x98\x80 \xe6\x97\xa5", "\xf0\x9f\x98\x80 \xe6\x97\xa5" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		char *text = strdup(known[i].in);

		text_clean(text);
		assert_string_equal(text, known[i].out);
		free(text);
	}
}

static void valid_utf8(void **state)
{
	char *text = text_utf8("a\xff\xed\xa0\x80\xf4\x90\x80\x80\xc3\xa9");

	(void)state;
	assert_string_equal(text,
		"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
		"\xef\xbf\xbd\xc3\xa9");
	free(text);
}

static void equal_texts_have_one_number(void **state)
{
	struct intern n = { 0 };
	char text[16];

	(void)state;
	for (uint32_t round = 0; round < 2; round++)
		for (uint32_t i = 0; i < 5000; i++) {
			snprintf(text, sizeof(text), "text %u", i);
			assert_int_equal(intern_text(&n, text), i);
		}
	assert_int_equal(n.count, 5000);
	assert_string_equal(n.text[4999], "text 4999");
	intern_free(&n);
	assert_int_equal(n.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_lines),
		cmocka_unit_test(valid_utf8),
		cmocka_unit_test(equal_texts_have_one_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
