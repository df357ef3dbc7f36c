/* units.c - see units.h. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include "units.h"

/* Three significant digits of a value in [0, 1024). */
static void count_digits(char *text, size_t room, double value)
{
	snprintf(text, room, "%.*f", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value);
}

static uint64_t magnitude_of(int64_t n) { return n < 0 ? 0 - (uint64_t)n : (uint64_t)n; }

static char *format_bytes(char text[UNITS_TEXT], const char *sign, uint64_t bytes)
{
	static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	char number[16];
	size_t u = 0;

	if (bytes < 1024) {
		snprintf(text, UNITS_TEXT, "%s%" PRIu64 " B", sign, bytes);
		return text;
	}
	/* 1023.5: what rounds to 1024 belongs to the next unit. */
	while (value >= 1023.5 && u + 1 < sizeof(unit) / sizeof(unit[0])) {
		value /= 1024;
		u++;
	}
	count_digits(number, sizeof(number), value);
	snprintf(text, UNITS_TEXT, "%s%s %s", sign, number, unit[u]);
	return text;
}

char *units_bytes(char text[UNITS_TEXT], int64_t bytes)
{
	return format_bytes(text, bytes < 0 ? "-" : "", magnitude_of(bytes));
}

char *units_bytes_signed(char text[UNITS_TEXT], int64_t bytes)
{
	return format_bytes(text, bytes < 0 ? "-" : bytes > 0 ? "+" : "", magnitude_of(bytes));
}

static char *format_count(char text[UNITS_TEXT], const char *sign, uint64_t count)
{
	static const char suffix[] = "MGTPE";
	char plain[24], grouped[32], *to = grouped;
	size_t n;

	if (count >= 100000000) {
		double value = (double)count / 1e6;
		size_t u = 0;

		while (value >= 999.5 && suffix[u + 1]) {
			value /= 1e3;
			u++;
		}
		count_digits(plain, sizeof(plain), value);
		snprintf(text, UNITS_TEXT, "%s%s %c", sign, plain, suffix[u]);
		return text;
	}
	n = (size_t)snprintf(plain, sizeof(plain), "%" PRIu64, count);
	for (size_t i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			*to++ = ',';
		*to++ = plain[i];
	}
	*to = '\0';
	snprintf(text, UNITS_TEXT, "%s%s", sign, grouped);
	return text;
}

char *units_count(char text[UNITS_TEXT], int64_t count)
{
	return format_count(text, count < 0 ? "-" : "", magnitude_of(count));
}

char *units_count_signed(char text[UNITS_TEXT], int64_t count)
{
	return format_count(text, count < 0 ? "-" : count > 0 ? "+" : "", magnitude_of(count));
}

char *units_many(char text[UNITS_TEXT], int64_t count, const char *one)
{
	size_t used = strlen(units_count(text, count));

	snprintf(text + used, UNITS_TEXT - used, " %s%s", one, count == 1 ? "" : "s");
	return text;
}

char *units_duration(char text[UNITS_TEXT], uint64_t ns)
{
	static const char *const unit[] = { "ns", "us", "ms", "s" };
	double value = (double)ns;
	char number[16];
	size_t u = 0;
	uint64_t seconds = ns / 1000000000;

	if (seconds >= 86400) {
		snprintf(text, UNITS_TEXT, "%" PRIu64 " d %02" PRIu64 " h", seconds / 86400,
			seconds / 3600 % 24);
	} else if (seconds >= 3600) {
		snprintf(
			text, UNITS_TEXT, "%" PRIu64 " h %02" PRIu64 " m", seconds / 3600, seconds / 60 % 60);
	} else if (seconds >= 100) {
		snprintf(text, UNITS_TEXT, "%" PRIu64 " m %02" PRIu64 " s", seconds / 60, seconds % 60);
	} else if (ns < 1000) {
		snprintf(text, UNITS_TEXT, "%" PRIu64 " ns", ns);
	} else {
		while (value >= 999.5 && u < 3) {
			value /= 1000;
			u++;
		}
		count_digits(number, sizeof(number), value);
		snprintf(text, UNITS_TEXT, "%s %s", number, unit[u]);
	}
	return text;
}

char *units_percent(char text[UNITS_TEXT], double part, double whole)
{
	double share = whole != 0 ? 100 * part / whole : 0;

	if (whole == 0)
		snprintf(text, UNITS_TEXT, "-");
	else if (share > 0 && share < 0.05)
		snprintf(text, UNITS_TEXT, "<0.1%%");
	else
		snprintf(text, UNITS_TEXT, "%.*f%%", fabs(share) >= 99.95 ? 0 : 1, share);
	return text;
}

char *units_rate(char text[UNITS_TEXT], double per_second)
{
	static const char *const unit[] = { "", " k", " M", " G" };
	char number[16];
	size_t u = 0;

	while (per_second >= 999.5 && u < 3) {
		per_second /= 1000;
		u++;
	}
	if (u)
		count_digits(number, sizeof(number), per_second);
	else
		snprintf(number, sizeof(number), "%.0f", per_second);
	snprintf(text, UNITS_TEXT, "%s%s/s", number, unit[u]);
	return text;
}

int64_t units_integer(double value)
{
	if (value != value)
		return 0;
	return value >= 0x1p63 ? INT64_MAX : value <= -0x1p63 ? INT64_MIN : (int64_t)value;
}

char *units_date(char text[UNITS_TEXT], uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	struct tm tm;

	if (!wall_ns || !localtime_r(&seconds, &tm) || !strftime(text, UNITS_TEXT, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(text, UNITS_TEXT, "unknown time");
	return text;
}

struct unit {
	const char *name;
	double factor;
};

/* A decimal number without sign, exponent, hexadecimal, "inf" or "nan", then one
 * of the units. */
static int parse_amount(const char *text, const struct unit *unit, double *value)
{
	char *end;
	size_t n = strspn(text, " \t");

	text += n;
	n = strspn(text, "0123456789.");
	if (!n || !strpbrk(text, "0123456789"))
		return -1;
	errno = 0;
	*value = strtod(text, &end);
	if (errno || end != text + n)
		return -1;
	end += strspn(end, " \t");
	n = strlen(end);
	while (n && isspace((unsigned char)end[n - 1]))
		n--;
	for (; unit->name; unit++)
		if (strlen(unit->name) == n && !strncasecmp(unit->name, end, n)) {
			*value *= unit->factor;
			return 0;
		}
	return -1;
}

static int to_integer(double value, uint64_t *result)
{
	if (!(value >= 0 && value < 18446744073709549568.0))
		return -1;
	*result = (uint64_t)(value + 0.5);
	return 0;
}

int units_parse_bytes(const char *text, uint64_t *bytes)
{
	static const struct unit unit[] = { { "", 1 }, { "B", 1 }, { "K", 0x1p10 }, { "M", 0x1p20 },
		{ "G", 0x1p30 }, { "T", 0x1p40 }, { "KiB", 0x1p10 }, { "MiB", 0x1p20 }, { "GiB", 0x1p30 },
		{ "TiB", 0x1p40 }, { "KB", 1e3 }, { "MB", 1e6 }, { "GB", 1e9 }, { "TB", 1e12 }, { NULL, 0 } };
	size_t n = strspn(text, "0123456789");
	double value;

	/* Plain integers exactly: a double has only 53 bits. */
	if (n && !text[n]) {
		errno = 0;
		*bytes = strtoull(text, NULL, 10);
		return errno ? -1 : 0;
	}
	return parse_amount(text, unit, &value) ? -1 : to_integer(value, bytes);
}

int units_parse_duration(const char *text, uint64_t *ns)
{
	static const struct unit unit[] = { { "", 1e9 }, { "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 },
		{ "s", 1e9 }, { "sec", 1e9 }, { "m", 60e9 }, { "min", 60e9 }, { "h", 3600e9 },
		{ "d", 86400e9 }, { NULL, 0 } };
	double value;

	return parse_amount(text, unit, &value) ? -1 : to_integer(value, ns);
}

int units_parse_percent(const char *text, double *share)
{
	static const struct unit unit[] = { { "", 0.01 }, { "%", 0.01 }, { NULL, 0 } };

	return parse_amount(text, unit, share) || *share > 1 ? -1 : 0;
}
