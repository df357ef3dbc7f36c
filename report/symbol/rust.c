/* rust.c - reads the pieces of which Rust's mangled names are made, and builds the bounded text. */
#include <string.h>
#include "demangle.h"
#include "rust.h"

void rust_put(struct rust *r, const char *s, size_t n)
{
	if (r->quiet || r->failed)
		return;
	if (r->used + n >= DEMANGLE_MAX_BYTES) {
		r->failed = true;
		return;
	}
	memcpy(r->out + r->used, s, n);
	r->used += n;
}

void rust_text(struct rust *r, const char *s) { rust_put(r, s, strlen(s)); }

void rust_number(struct rust *r, uint64_t v)
{
	char text[24];
	size_t i = sizeof(text);

	do {
		text[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	rust_put(r, text + i, sizeof(text) - i);
}

void rust_rune(struct rust *r, uint32_t c)
{
	char b[4];
	size_t n = 0;

	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
		r->failed = true;
		return;
	}
	if (c < 0x80) {
		b[n++] = (char)c;
	} else if (c < 0x800) {
		b[n++] = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		b[n++] = (char)(0xe0 | c >> 12);
		b[n++] = (char)(0x80 | (c >> 6 & 63));
	} else {
		b[n++] = (char)(0xf0 | c >> 18);
		b[n++] = (char)(0x80 | (c >> 12 & 63));
		b[n++] = (char)(0x80 | (c >> 6 & 63));
	}
	if (c >= 0x80)
		b[n++] = (char)(0x80 | (c & 63));
	rust_put(r, b, n);
}

/* Punycode of RFC 3492 with "_" for the delimiter. */
void rust_punycode(struct rust *r, struct rust_identifier id)
{
	uint32_t runes[256];
	size_t count = 0, basic = id.n, at = 0;
	uint32_t n = 128, i = 0, bias = 72;
	bool first = true;

	while (basic && id.s[basic - 1] != '_')
		basic--;
	if (basic) {
		for (size_t k = 0; k + 1 < basic && count < 256; k++)
			runes[count++] = (unsigned char)id.s[k];
		at = basic;
	}
	while (at < id.n) {
		uint32_t before = i, w = 1, delta;

		for (uint32_t k = 36;; k += 36) {
			char c = at < id.n ? id.s[at++] : '\0';
			uint32_t digit = c >= 'a' && c <= 'z' ? (uint32_t)(c - 'a')
				: c >= '0' && c <= '9'        ? (uint32_t)(c - '0') + 26
							      : 99;
			uint32_t t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;

			if (digit > 35 || digit > (UINT32_MAX - i) / w) {
				r->failed = true;
				return;
			}
			i += digit * w;
			if (digit < t)
				break;
			if (w > UINT32_MAX / (36 - t)) {
				r->failed = true;
				return;
			}
			w *= 36 - t;
		}
		delta = first ? (i - before) / 700 : (i - before) / 2;
		first = false;
		delta += delta / (uint32_t)(count + 1);
		for (bias = 0; delta > 455; bias += 36)
			delta /= 35;
		bias += 36 * delta / (delta + 38);
		if (i / (count + 1) > 0x10ffff - n || count >= 256) {
			r->failed = true;
			return;
		}
		n += i / (uint32_t)(count + 1);
		i %= (uint32_t)(count + 1);
		memmove(runes + i + 1, runes + i, (count - i) * sizeof(*runes));
		runes[i++] = n;
		count++;
	}
	for (size_t k = 0; k < count; k++)
		rust_rune(r, runes[k]);
}

char rust_peek(const struct rust *r) { return r->at < r->end ? r->s[r->at] : '\0'; }

bool rust_eat(struct rust *r, char c)
{
	if (r->failed || rust_peek(r) != c || c == '\0')
		return false;
	r->at++;
	return true;
}

char rust_next(struct rust *r)
{
	if (r->failed || r->at >= r->end) {
		r->failed = true;
		return '\0';
	}
	return r->s[r->at++];
}

/* {0-9a-zA-Z} "_": "_" is 0, "0_" is 1. */
uint64_t rust_base62(struct rust *r)
{
	uint64_t v = 0;

	if (rust_eat(r, '_'))
		return 0;
	while (!r->failed && !rust_eat(r, '_')) {
		char c = rust_next(r);
		unsigned digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'z')
			digit = (unsigned)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'Z')
			digit = (unsigned)(c - 'A') + 36;
		else
			return r->failed = true, 0;
		if (v > (UINT64_MAX - 62) / 62)
			return r->failed = true, 0;
		v = v * 62 + digit;
	}
	return v + 1;
}

uint64_t rust_optional62(struct rust *r, char tag) { return rust_eat(r, tag) ? rust_base62(r) + 1 : 0; }

struct rust_identifier rust_name(struct rust *r)
{
	struct rust_identifier id = { "", 0, false };
	size_t n = 0;

	id.punycode = rust_eat(r, 'u');
	if (!(rust_peek(r) >= '0' && rust_peek(r) <= '9')) {
		r->failed = true;
		return id;
	}
	if (!rust_eat(r, '0'))
		while (rust_peek(r) >= '0' && rust_peek(r) <= '9' && n < DEMANGLE_MAX_BYTES)
			n = n * 10 + (size_t)(rust_next(r) - '0');
	rust_eat(r, '_');
	if (r->failed || n > r->end - r->at) {
		r->failed = true;
		return id;
	}
	id.s = r->s + r->at;
	id.n = n;
	r->at += n;
	return id;
}
