/* demangle_rust.c - Rust symbols: the choice between the two manglings, and the legacy one
 * (_ZN...17h<hash>E). rust_v0.c has the grammar of v0 (_R...).
 *
 * Why not libiberty's rust_demangle (binutils 2.40): names come from strangers, and
 * _RINvC1a1fFGzzzzzzzz_EuE in the part of an impl that is not printed keeps it busy for
 * 62^8 rounds; no callback is called in which it could be stopped. It also leaves
 * string constants ("KRe616263_") and non-ASCII letters of legacy names as they are.
 */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "demangle.h"
#include "rust.h"

static bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

/* Prints the character of an escape such as $LT$; returns the bytes read, 0 when this is not an escape. */
static size_t print_legacy_escape(struct rust *r, const char *s, size_t n)
{
	static const struct {
		const char *from, *to;
	} table[] = {
		{ "$SP$", "@" },
		{ "$BP$", "*" },
		{ "$RF$", "&" },
		{ "$LT$", "<" },
		{ "$GT$", ">" },
		{ "$LP$", "(" },
		{ "$RP$", ")" },
		{ "$C$", "," },
	};
	uint32_t rune = 0;
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		size_t m = strlen(table[i].from);

		if (n >= m && memcmp(s, table[i].from, m) == 0) {
			rust_text(r, table[i].to);
			return m;
		}
	}
	if (n < 4 || s[1] != 'u')
		return 0;
	for (i = 2; i < n && i < 8 && is_hex(s[i]); i++)
		rune = rune << 4 | (uint32_t)(s[i] <= '9' ? s[i] - '0' : s[i] - 'a' + 10);
	if (i == 2 || i >= n || s[i] != '$' || rune < 32)
		return 0;
	rust_rune(r, rune);
	return i + 1;
}

static void print_legacy_element(struct rust *r, const char *s, size_t n)
{
	size_t i = n > 1 && s[0] == '_' && s[1] == '$' ? 1 : 0;

	while (i < n && !r->failed) {
		size_t m = s[i] == '$' ? print_legacy_escape(r, s + i, n - i) : 0;

		if (m) {
			i += m;
		} else if (s[i] == '.' && i + 1 < n && s[i + 1] == '.') {
			rust_text(r, "::");
			i += 2;
		} else {
			rust_put(r, s + i++, 1);
		}
	}
}

/* _ZN {length name} 17h<16 hex> E: the hash distinguishes it from C++. */
static bool print_legacy(struct rust *r)
{
	size_t last = r->end - 20;

	if (r->end < 24 || memcmp(r->s, "_ZN", 3) != 0 || r->s[r->end - 1] != 'E'
		|| memcmp(r->s + last, "17h", 3) != 0)
		return false;
	for (size_t i = last + 3; i < r->end - 1; i++)
		if (!is_hex(r->s[i]))
			return false;
	for (r->at = 3; r->at < last && !r->failed;) {
		size_t n = 0;

		if (!(r->s[r->at] >= '1' && r->s[r->at] <= '9'))
			return false;
		while (r->s[r->at] >= '0' && r->s[r->at] <= '9' && n < DEMANGLE_MAX_BYTES)
			n = n * 10 + (size_t)(r->s[r->at++] - '0');
		if (r->at > last || n > last - r->at)
			return false;
		if (r->used)
			rust_text(r, "::");
		print_legacy_element(r, r->s + r->at, n);
		r->at += n;
	}
	return r->at == last && r->used > 0;
}

char *demangle_rust(const char *symbol, size_t bytes)
{
	struct rust r = { .s = symbol, .end = bytes };
	bool good;

	if (bytes < 4 || symbol[0] != '_' || (symbol[1] != 'R' && symbol[1] != 'Z'))
		return NULL;
	r.out = alloc_bytes(DEMANGLE_MAX_BYTES + 1);
	if (symbol[1] == 'R') {
		rust_v0(&r);
		good = r.used > 0;
	} else {
		good = print_legacy(&r);
	}
	if (r.failed || !good) {
		free(r.out);
		return NULL;
	}
	r.out[r.used] = '\0';
	return alloc_resize(r.out, r.used + 1);
}
