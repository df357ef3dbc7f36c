/* text.c - see text.h. */
#include <string.h>
#include "alloc.h"
#include "text.h"

size_t text_utf8_length(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	if (s[0] < 0x80)
		return 1;
	/* Neither overlong forms, nor surrogates, nor anything above U+10FFFF. */
	if (s[0] < 0xc2 || s[0] > 0xf4 || (s[1] & 0xc0) != 0x80)
		return 0;
	if (s[0] < 0xe0)
		return 2;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90)
		|| (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	if ((s[2] & 0xc0) != 0x80)
		return 0;
	if (s[0] < 0xf0)
		return 3;
	return (s[3] & 0xc0) == 0x80 ? 4 : 0;
}

char *text_utf8(const char *text)
{
	char *copy = alloc_bytes(strlen(text) * strlen(TEXT_REPLACEMENT) + 1), *to = copy;

	while (*text) {
		size_t n = text_utf8_length(text);

		to = n ? mempcpy(to, text, n) : mempcpy(to, TEXT_REPLACEMENT, strlen(TEXT_REPLACEMENT));
		text += n ? n : 1;
	}
	*to = '\0';
	return copy;
}

bool text_is_hostile(unsigned long character)
{
	return character < 0x20 || (character >= 0x7f && character < 0xa0) || character == 0xad
		|| character == 0x61c || (character >= 0x200b && character <= 0x200f)
		|| (character >= 0x2028 && character <= 0x202e)
		|| (character >= 0x2060 && character <= 0x206f) || character == 0xfeff;
}

unsigned long text_utf8_decode(const char *text, size_t n)
{
	unsigned long c = (unsigned char)*text & (n == 1 ? 0x7f : 0xffu >> (n + 1));

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)text[i] & 0x3f);
	return c;
}

void text_clean(char *text)
{
	char *to = text;

	while (*text) {
		size_t n = text_utf8_length(text);

		if (!n || text_is_hostile(text_utf8_decode(text, n)))
			*to++ = *text == '\t' || *text == '\n' || *text == '\r' ? ' ' : '?';
		else
			to = (char *)memmove(to, text, n) + n;
		text += n ? n : 1;
	}
	*to = '\0';
}

unsigned text_distance(const char *a, const char *b)
{
	unsigned row[TEXT_FAR];
	size_t n = strlen(b);

	if (n >= TEXT_FAR || strlen(a) >= TEXT_FAR)
		return TEXT_FAR;
	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			unsigned above = row[j], least = (above < row[j - 1] ? above : row[j - 1]) + 1;
			unsigned replaced = diagonal + (a[i - 1] != b[j - 1]);

			row[j] = least < replaced ? least : replaced;
			diagonal = above;
		}
	}
	return row[n];
}
