/* demangle.c - C++ names, clone suffixes, plain names. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "demangle.h"
#include "base/alloc.h"
#include "base/error.h"

/* No real name is longer, and the demangler's stack grows with it. */
#define CXX_MAX_BYTES 8192u

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* A suffix ".word" or ".word.N" or ".N" that starts at `p` and ends the name
 * or goes on with another: its length, else 0. */
static size_t measure_suffix(const char *p)
{
	static const char *const words[] = {
		"constprop",
		"isra",
		"part",
		"cold",
		"cold_",
		"lto_priv",
		"llvm",
		"localalias",
		"clone",
		"unlikely",
		"hot",
		"exit",
		"startup",
		"ltrans",
		"resolver",
		"warm",
		"memprof",
		"specialized",
		"__uniq",
		"coldclone",
	};
	const char *start = p;

	if (*p != '.')
		return 0;
	p++;
	if (!is_digit(*p)) {
		size_t i, n = strcspn(p, ".");

		for (i = 0; i < sizeof(words) / sizeof(*words); i++)
			if (strlen(words[i]) == n && memcmp(words[i], p, n) == 0)
				break;
		if (i == sizeof(words) / sizeof(*words))
			return 0;
		return (size_t)(p + n - start);
	}
	while (is_digit(*p))
		p++;
	return *p == '.' || *p == '\0' || *p == '@' ? (size_t)(p - start) : 0;
}

size_t demangle_stem(const char *symbol)
{
	size_t end = strlen(symbol);
	const char *at = strchr(symbol, '@');

	if (at && at != symbol)
		end = (size_t)(at - symbol);
	for (size_t i = 1; i < end; i++) {
		size_t j = i, n;

		if (symbol[i] != '.')
			continue;
		while (j < end && (n = measure_suffix(symbol + j)) != 0)
			j += n;
		if (j >= end)
			return i;
	}
	return end;
}

static char *copy(const char *s, size_t n)
{
	char *p = alloc_bytes(n + 1);

	memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *demangle(const char *symbol)
{
	size_t n = demangle_stem(symbol);
	char *stem, *name = NULL;

	/* Mach-O and some tools add an underscore; D and others stay as they are. */
	if (symbol[0] != '_' || n < 4)
		return copy(symbol, n);
	name = demangle_rust(symbol, n);
	if (name)
		return name;
	stem = copy(symbol, n);
	if (symbol[1] == 'Z' && n <= CXX_MAX_BYTES)
		name = demangle_cxx(stem);
	if (!name)
		return stem;
	free(stem);
	return name;
}

/* "operator" as a word at p: the length of the whole operator's name with its
 * symbols, so that <, >, ( in it are not taken for brackets; else 0. */
static size_t measure_operator(const char *whole, const char *p)
{
	static const char *const marks[] = {
		"<=>",
		"<<=",
		">>=",
		"->*",
		"<<",
		">>",
		"<=",
		">=",
		"->",
		"()",
		"[]",
		"<",
		">",
		"+=",
		"-=",
		"*=",
		"/=",
		"%=",
		"^=",
		"&=",
		"|=",
		"==",
		"!=",
		"&&",
		"||",
		"++",
		"--",
		"+",
		"-",
		"*",
		"/",
		"%",
		"^",
		"&",
		"|",
		"~",
		"!",
		"=",
		",",
		" new[]",
		" delete[]",
		" new",
		" delete",
		" co_await",
	};

	if (*p != 'o' || strncmp(p, "operator", 8) != 0)
		return 0;
	if (p != whole && (p[-1] == '_' || is_digit(p[-1]) || ((p[-1] | 32) >= 'a' && (p[-1] | 32) <= 'z')))
		return 0;
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (strncmp(p + 8, marks[i], strlen(marks[i])) == 0)
			return 8 + strlen(marks[i]);
	return p[8] == ' ' ? 8 + strcspn(p + 8, "(") : 0; /* a conversion: operator bool */
}

/* The end of the bracket group that opens at p: one past the partner, or NULL
 * when there is none. Operators and "->" inside do not count. */
static const char *skip_group(const char *whole, const char *p)
{
	size_t angle = 0, round = 0;

	for (; *p; p++) {
		size_t n = measure_operator(whole, p);

		if (n) {
			p += n - 1;
			continue;
		}
		if (*p == '-' && p[1] == '>') {
			p++;
			continue;
		}
		switch (*p) {
		case '<': angle++; break;
		case '>':
			if (angle)
				angle--;
			break;
		case '(':
		case '[':
		case '{': round++; break;
		case ')':
		case ']':
		case '}':
			if (round)
				round--;
			break;
		default: continue;
		}
		if (angle == 0 && round == 0)
			return p + 1;
	}
	return NULL;
}

struct plain {
	char *out;
	size_t used, capacity;
	int first_argument; /* keep the first template argument of each list */
};

static void put(struct plain *o, const char *s, size_t n)
{
	for (size_t i = 0; i < n && o->used + 1 < o->capacity; i++)
		o->out[o->used++] = s[i];
}

/* Copies the template arguments that open at p, of each list only the first: "<A<B>>". */
static void put_first_argument(struct plain *o, const char *whole, const char *p, const char *end)
{
	size_t round = 0, depth = 0;

	for (; p < end; p++) {
		size_t n = measure_operator(whole, p);

		if (n) {
			put(o, p, n);
			p += n - 1;
		} else if (*p == ',' && round == 0) {
			/* On to the bracket that closes this list. */
			for (size_t nested = 1; ++p < end;) {
				nested += *p == '<';
				nested -= *p == '>' && p[-1] != '-';
				if (nested == 0)
					break;
			}
			put(o, ">", 1);
			depth--;
		} else if (*p == '{') {
			size_t name = strcspn(p, "(#}");
			const char *q = strchr(p, '}');

			put(o, p, name);
			put(o, "}", 1);
			p = q && q < end ? q : end;
		} else if (*p != ' ' || (p[1] != '>' && p[1] != ',')) {
			round += *p == '(';
			round -= *p == ')' && round;
			depth += *p == '<';
			depth -= *p == '>' && p[-1] != '-' && depth;
			put(o, p, 1);
		}
		if (depth == 0)
			break;
	}
}

/* Copies [p, end) without bracket groups; stops at the parameter list. */
static void copy_plain_part(struct plain *o, const char *whole, const char *p, const char *end)
{
	static const char anonymous[] = "(anonymous namespace)";
	size_t start = o->used;

	while (p < end) {
		size_t n = measure_operator(whole, p);

		if (n) {
			put(o, p, n);
			p += n;
			p += p[0] == ' ' && p[1] == '<'; /* "operator< <int>" */
		} else if (strncmp(p, anonymous, sizeof(anonymous) - 1) == 0) {
			put(o, p, sizeof(anonymous) - 1);
			p += sizeof(anonymous) - 1;
		} else if (*p == '(' && o->used > start) {
			/* "outer(int)::inner": a local entity goes on after its function */
			const char *q = skip_group(whole, p);

			if (!q || q >= end)
				return;
			if (o->used - start == 8 && memcmp(o->out + start, "decltype", 8) == 0) {
				p = q;
				continue;
			}
			if (strncmp(q, " const", 6) == 0)
				q += 6;
			if (strncmp(q, "::", 2) != 0)
				return;
			p = q;
		} else if (*p == '<' || *p == '[') {
			const char *q = skip_group(whole, p);

			if (!q)
				return;
			if (o->used >= start + 2 && memcmp(o->out + o->used - 2, "::", 2) == 0)
				o->used -= 2; /* Rust: f::<u64> */
			if (o->first_argument && *p == '<' && o->used > start)
				put_first_argument(o, whole, p, q < end ? q : end);
			p = q < end ? q : end;
		} else if (*p == '{') {
			const char *q = strchr(p, '}');

			/* {lambda(int)#1}, {closure#0}: the number changes with every edit */
			if (!q || q >= end)
				return;
			put(o, p, strcspn(p, "(#}"));
			put(o, "}", 1);
			p = q + 1;
		} else if (*p == ' ' && strncmp(p, " [clone", 7) == 0) {
			return;
		} else if (*p == ' ' && strncmp(p, " as ", 4) != 0) {
			o->used = start; /* what came before was the return type */
			p++;
		} else {
			put(o, p++, 1);
		}
	}
}

static size_t copy_plain(const char *function, char *out, size_t capacity, int first_argument)
{
	struct plain o = { out, 0, capacity, first_argument };
	const char *p = function, *end = function + strlen(function), *q;

	if (capacity == 0)
		return 0;
	if (*p == '<' && (q = skip_group(function, p)) != NULL) { /* Rust: <T as Trait>::f */
		const char *as, *inside = p + 1;
		size_t depth = 0;

		for (as = inside; as < q - 1; as++) {
			depth += *as == '<';
			depth -= *as == '>' && depth;
			if (depth == 0 && strncmp(as, " as ", 4) == 0)
				break;
		}
		copy_plain_part(&o, function, inside, as);
		p = q;
		if (o.used == 0)
			p = function + 1;
		o.out += o.used;
		o.capacity -= o.used;
		size_t before = o.used;

		o.used = 0;
		copy_plain_part(&o, function, p, end);
		o.used += before;
	} else {
		copy_plain_part(&o, function, p, end);
	}
	if (o.used == 0 && *function) {
		o = (struct plain){ out, 0, capacity, 0 };
		put(&o, function, strlen(function));
	}
	out[o.used] = '\0';
	return o.used;
}

size_t demangle_plain(const char *function, char *out, size_t capacity)
{
	return copy_plain(function, out, capacity, 0);
}

size_t demangle_stable(const char *function, char *out, size_t capacity)
{
	return copy_plain(function, out, capacity, 1);
}
