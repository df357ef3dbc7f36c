/* gate_value.h - values of a gate file: what gate_config.h does not show. */
#ifndef TIDEMARK_GATE_VALUE_H
#define TIDEMARK_GATE_VALUE_H

#include <stdbool.h>
#include "gate_config.h"

/* "2027-03-31": 20270331. 0, or -1 when the text is something else, as below. */
int gate_parse_date(const char *text, uint32_t *date);
int gate_parse_count(const char *text, uint64_t *count);
/* Replaces *limit; -1 and untouched when the text is not a limit of that key. */
int gate_parse_limit(enum gate_limit_key key, const char *text, struct gate_limit *limit);
/* What such a limit looks like, for messages. */
const char *gate_limit_expected(enum gate_limit_key key);

/* Is it neither unset nor off? */
static inline bool gate_limit_holds(const struct gate_limit *l)
{
	return l->kind != LIMIT_OFF && l->kind != LIMIT_UNSET;
}
/* Is it one above the baseline? */
static inline bool gate_limit_is_relative(const struct gate_limit *l)
{
	return l->kind == LIMIT_MORE_BLOCKS || l->kind == LIMIT_MORE_PERCENT || l->kind == LIMIT_MORE_SIZE;
}

#endif
