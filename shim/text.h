/* text.h - the few string functions that the shim needs without libc. */
#ifndef TIDEMARK_TEXT_H
#define TIDEMARK_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline size_t text_length(const char *s)
{
	size_t n = 0;
	while (s[n])
		n++;
	return n;
}

static inline bool text_equal(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* The part of `s` after `prefix`, or NULL. */
static inline const char *text_after(const char *s, const char *prefix)
{
	while (*prefix)
		if (*s++ != *prefix++)
			return NULL;
	return s;
}

/* Appends to the text at *at, never beyond end - 1; always terminated. */
static inline void text_append(char **at, const char *end, const char *s)
{
	while (*s && *at < end - 1)
		*(*at)++ = *s++;
	**at = 0;
}

static inline void text_append_number(char **at, const char *end, uint64_t n)
{
	char digits[24], *d = digits + sizeof digits - 1;
	*d = 0;
	do
		*--d = (char)('0' + n % 10);
	while (n /= 10);
	text_append(at, end, d);
}

/* Decimal number, optional suffix K M G (binary); 0 if it cannot be parsed. */
static inline uint64_t text_number(const char *s)
{
	uint64_t n = 0;
	for (; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + (uint64_t)(*s - '0');
	unsigned shift = *s == 'K' || *s == 'k' ? 10 : *s == 'M' || *s == 'm' ? 20 : *s == 'G' ? 30 : 0;
	return n << shift;
}

#endif
