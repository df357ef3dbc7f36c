/* units: what is printed, what is read, and that one reads the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "report/base/units.h"

static void bytes(void **state)
{
	static const struct {
		int64_t n;
		const char *text, *sign;
	} known[] = {
		{ 0, "0 B", "0 B" },
		{ 1, "1 B", "+1 B" },
		{ 1023, "1023 B", "+1023 B" },
		{ -5, "-5 B", "-5 B" },
		{ 1024, "1.00 KiB", "+1.00 KiB" },
		{ 1536, "1.50 KiB", "+1.50 KiB" },
		{ 10240, "10.0 KiB", "+10.0 KiB" },
		{ 102400, "100 KiB", "+100 KiB" },
		{ 10234, "9.99 KiB", "+9.99 KiB" },
		{ 10235, "10.0 KiB", "+10.0 KiB" },
		{ 1048575, "1.00 MiB", "+1.00 MiB" },
		{ 1048576, "1.00 MiB", "+1.00 MiB" },
		{ -INT64_C(3221225472), "-3.00 GiB", "-3.00 GiB" },
		{ INT64_MAX, "8.00 EiB", "+8.00 EiB" },
		{ INT64_MIN, "-8.00 EiB", "-8.00 EiB" },
	};
	char text[UNITS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_string_equal(units_bytes(text, known[i].n), known[i].text);
		assert_string_equal(units_bytes_signed(text, known[i].n), known[i].sign);
	}
	/* Never wider than a column. */
	for (unsigned bit = 0; bit < 63; bit++)
		for (int64_t d = -3; d <= 3; d++)
			assert_true(strlen(units_bytes(text, (INT64_C(1) << bit) + d)) <= 9);
}

static void counts(void **state)
{
	static const struct {
		int64_t n;
		const char *text;
	} known[] = {
		{ 0, "0" },
		{ 999, "999" },
		{ 1000, "1,000" },
		{ 1234567, "1,234,567" },
		{ -1234, "-1,234" },
		{ 99999999, "99,999,999" },
		{ 100000000, "100 M" },
		{ 1234567890, "1.23 G" },
		{ INT64_MAX, "9.22 E" },
		{ INT64_MIN, "-9.22 E" },
	};
	char text[UNITS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_string_equal(units_count(text, known[i].n), known[i].text);
	assert_string_equal(units_count_signed(text, 1234), "+1,234");
	assert_string_equal(units_count_signed(text, 0), "0");
	assert_string_equal(units_many(text, 0, "block"), "0 blocks");
	assert_string_equal(units_many(text, 1, "block"), "1 block");
	assert_string_equal(units_many(text, 1234, "lost block"), "1,234 lost blocks");
}

static void durations(void **state)
{
	static const struct {
		uint64_t n;
		const char *text;
	} known[] = {
		{ 0, "0 ns" },
		{ 999, "999 ns" },
		{ 1000, "1.00 us" },
		{ 1234567, "1.23 ms" },
		{ 999600000, "1.00 s" },
		{ UINT64_C(99400000000), "99.4 s" },
		{ UINT64_C(185000000000), "3 m 05 s" },
		{ UINT64_C(7260000000000), "2 h 01 m" },
		{ UINT64_C(90000000000000), "1 d 01 h" },
	};
	char text[UNITS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_string_equal(units_duration(text, known[i].n), known[i].text);
	assert_true(strlen(units_duration(text, UINT64_MAX)) < UNITS_TEXT);
}

static void shares(void **state)
{
	char text[UNITS_TEXT];

	(void)state;
	assert_string_equal(units_percent(text, 1, 4), "25.0%");
	assert_string_equal(units_percent(text, 1, 0), "-");
	assert_string_equal(units_percent(text, 0, 4), "0.0%");
	assert_string_equal(units_percent(text, 1, 100000), "<0.1%");
	assert_string_equal(units_percent(text, 4, 4), "100%");
	assert_string_equal(units_rate(text, 950), "950/s");
	assert_string_equal(units_rate(text, 1234567), "1.23 M/s");
}

static void read_bytes(void **state)
{
	static const struct {
		const char *text;
		uint64_t n;
	} good[] = {
		{ "0", 0 },
		{ "4096", 4096 },
		{ "64K", 65536 },
		{ "64k", 65536 },
		{ "3MiB", 3145728 },
		{ "3 MiB", 3145728 },
		{ "1.5 GB", 1500000000 },
		{ "1.5G", 1610612736 },
		{ "2TB", UINT64_C(2000000000000) },
		{ "7B", 7 },
		{ "18446744073709551615", UINT64_MAX },
		{ " 5", 5 },
	};
	static const char *const bad[] = {
		"",
		"K",
		"-1",
		"1e3",
		"0x10",
		"1.2.3",
		"5 parsecs",
		"inf",
		"nan",
		"18446744073709551616",
		"99999999999T",
		"5 K K",
		".",
		"+3",
	};
	uint64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(units_parse_bytes(good[i].text, &n), 0);
		assert_true(n == good[i].n);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!units_parse_bytes(bad[i], &n))
			fail_msg("'%s' was taken as a size", bad[i]);
}

static void read_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t n;
	} good[] = {
		{ "10s", UINT64_C(10000000000) },
		{ "1.5m", UINT64_C(90000000000) },
		{ "200ms", 200000000 },
		{ "2h", UINT64_C(7200000000000) },
		{ "3", UINT64_C(3000000000) },
		{ "50us", 50000 },
		{ "1 d", UINT64_C(86400000000000) },
	};
	static const char *const bad[] = { "", "s", "-1s", "5 fortnights", "1h30m" };
	uint64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(units_parse_duration(good[i].text, &n), 0);
		assert_true(n == good[i].n);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(units_parse_duration(bad[i], &n), -1);
}

static void read_percents(void **state)
{
	double share;

	(void)state;
	assert_int_equal(units_parse_percent("5%", &share), 0);
	assert_true(share > 0.0499 && share < 0.0501);
	assert_int_equal(units_parse_percent("0.5", &share), 0);
	assert_true(share > 0.00499 && share < 0.00501);
	assert_int_equal(units_parse_percent("101%", &share), -1);
	assert_int_equal(units_parse_percent("x", &share), -1);
}

static void integers(void **state)
{
	(void)state;
	assert_true(units_integer(2.9) == 2 && units_integer(-2.9) == -2);
	assert_true(units_integer(18446744073709551615.0) == INT64_MAX);
	assert_true(units_integer(9223372036854775807.0) == INT64_MAX);
	assert_true(units_integer(-1e300) == INT64_MIN && units_integer(0.0 / 0.0) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes),
		cmocka_unit_test(counts),
		cmocka_unit_test(durations),
		cmocka_unit_test(shares),
		cmocka_unit_test(integers),
		cmocka_unit_test(read_bytes),
		cmocka_unit_test(read_durations),
		cmocka_unit_test(read_percents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
