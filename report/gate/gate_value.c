/* gate_value.c - dates, counts and limits as a gate file writes them. */
#include "base/alloc.h"
#include "gate_value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "base/units.h"

static const char *skip_blanks(const char *p)
{
	while (isblank((unsigned char)*p))
		p++;
	return p;
}

int gate_parse_date(const char *text, uint32_t *date)
{
	static const unsigned char days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned year = 0, month = 0, day = 0, n = 0;

	for (; n < 10 && text[n]; n++) {
		if (n == 4 || n == 7) {
			if (text[n] != '-')
				return -1;
			continue;
		}
		if (!isdigit((unsigned char)text[n]))
			return -1;
		unsigned digit = (unsigned)(text[n] - '0');
		if (n < 4)
			year = year * 10 + digit;
		else if (n < 7)
			month = month * 10 + digit;
		else
			day = day * 10 + digit;
	}
	if (n != 10 || text[10] || !month || month > 12 || !day || day > days[month - 1])
		return -1;
	if (month == 2 && day == 29 && (year % 4 || (year % 100 == 0 && year % 400)))
		return -1;
	*date = year * 10000 + month * 100 + day;
	return 0;
}

int gate_parse_count(const char *text, uint64_t *count)
{
	uint64_t n = 0;

	if (!isdigit((unsigned char)*text))
		return -1;
	for (; isdigit((unsigned char)*text); text++) {
		if (n > 100000000000000000u)
			return -1;
		n = n * 10 + (uint64_t)(*text - '0');
	}
	if (*text)
		return -1;
	*count = n;
	return 0;
}

/* "N blocks": the unit is required, so that "+5" is never taken for what it was not meant. */
static int parse_blocks(const char *text, uint64_t *count)
{
	size_t digits = strspn(text, "0123456789");
	char number[32];
	const char *unit = skip_blanks(text + digits);

	if (!digits || digits >= sizeof number || (strcmp(unit, "blocks") && strcmp(unit, "block")))
		return -1;
	memcpy(number, text, digits);
	number[digits] = '\0';
	return gate_parse_count(number, count);
}

/* "12.5%". Not strtod: it takes "inf", "0x10", exponents and the locale's comma. */
static int parse_percent(const char *text, double *percent)
{
	double value = 0, scale = 1;
	int digits = 0, dot = 0;

	for (; isdigit((unsigned char)*text) || (*text == '.' && digits && !dot); text++) {
		if (*text == '.') {
			dot = 1;
			continue;
		}
		if (++digits > 15)
			return -1;
		value = value * 10 + (*text - '0');
		if (dot)
			scale *= 10;
	}
	if (!digits || text[-1] == '.')
		return -1;
	text = skip_blanks(text);
	*percent = value / scale;
	return *text == '%' && !text[1] ? 0 : -1;
}

/* "+5 blocks", "+1%", "+4KiB". */
static int parse_more(const char *text, struct gate_limit *limit)
{
	text = skip_blanks(text);
	if (!parse_blocks(text, &limit->number)) {
		limit->kind = LIMIT_MORE_BLOCKS;
		return 0;
	}
	if (!parse_percent(text, &limit->percent)) {
		limit->kind = LIMIT_MORE_PERCENT;
		return 0;
	}
	if (*text && isalpha((unsigned char)text[strlen(text) - 1])
		&& !units_parse_bytes(text, &limit->number)) {
		limit->kind = LIMIT_MORE_SIZE;
		return 0;
	}
	return -1;
}

const char *gate_limit_expected(enum gate_limit_key key)
{
	switch (key) {
	case GATE_LEAKED: return "a number of blocks, or off";
	case GATE_GROWTH: return "a number of sites, or off";
	case GATE_LIVE: return "off, a size such as 3MiB, or above the baseline +5 blocks, +1%, +4KiB";
	case GATE_BLIND: return "deny or allow";
	case GATE_ERRORS: return "a number of errors, or off";
	case GATE_REFLEAKS: return "a number of objects, or off";
	case GATE_WASTE:
	case GATE_PINNED:
		return "off, a size such as 3MiB, a share of the resident memory such as 30%, or +10% or +1MiB "
		       "above the baseline";
	case GATE_RSS:
	case GATE_PEAK: return "off, a size such as 3MiB, or +10% above the baseline";
	default: return "a percentage of events such as 0.1%";
	}
}

int gate_parse_limit(enum gate_limit_key key, const char *text, struct gate_limit *limit)
{
	struct gate_limit l = { LIMIT_UNSET, 0, 0, NULL };

	if (key == GATE_BLIND) {
		l.kind = !strcmp(text, "deny")   ? LIMIT_DENY
			: !strcmp(text, "allow") ? LIMIT_ALLOW
						 : LIMIT_UNSET;
	} else if (!strcmp(text, "off") && key != GATE_MISSED) {
		l.kind = LIMIT_OFF;
	} else if (key == GATE_LEAKED || key == GATE_GROWTH || key == GATE_ERRORS || key == GATE_REFLEAKS) {
		if (!gate_parse_count(text, &l.number)
			|| (key == GATE_LEAKED && !parse_blocks(text, &l.number)))
			l.kind = LIMIT_COUNT;
	} else if (key == GATE_MISSED) {
		if (!parse_percent(text, &l.percent) && l.percent <= 100)
			l.kind = LIMIT_PERCENT;
	} else if ((key == GATE_WASTE || key == GATE_PINNED) && *text != '+') {
		if (strchr(text, '%'))
			l.kind = !parse_percent(text, &l.percent) && l.percent <= 100 ? LIMIT_PERCENT
										      : LIMIT_UNSET;
		else if (!units_parse_bytes(text, &l.number))
			l.kind = LIMIT_SIZE;
	} else if (*text == '+') {
		if (parse_more(text + 1, &l) || (key != GATE_LIVE && l.kind == LIMIT_MORE_BLOCKS))
			l.kind = LIMIT_UNSET;
	} else if (!units_parse_bytes(text, &l.number)) {
		l.kind = LIMIT_SIZE;
	}
	if (l.kind == LIMIT_UNSET)
		return -1;
	free(limit->text);
	l.text = alloc_string(text);
	*limit = l;
	return 0;
}
