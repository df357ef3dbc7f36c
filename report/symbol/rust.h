/* rust.h - reading mangled Rust names, and the bounded text made of them.
 *
 * For demangle_rust.c and rust_v0.c. Every name may be hostile: nothing here reads beyond
 * its end, and a text that becomes too long or malformed sets `failed`.
 */
#ifndef TIDEMARK_RUST_H
#define TIDEMARK_RUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rust {
	const char *s;
	size_t at, end;
	char *out;
	size_t used;
	unsigned depth, steps;
	unsigned lifetimes; /* bound by `for<...>` here */
	unsigned quiet;     /* > 0: parse, print nothing */
	bool failed;
};

struct rust_identifier {
	const char *s;
	size_t n;
	bool punycode;
};

/* Printing. Nothing is printed while `quiet`; a text above DEMANGLE_MAX_BYTES and malformed
 * input set `failed`. */
void rust_put(struct rust *r, const char *s, size_t n);
void rust_text(struct rust *r, const char *s);
void rust_number(struct rust *r, uint64_t v);
void rust_rune(struct rust *r, uint32_t c);
void rust_punycode(struct rust *r, struct rust_identifier id);

/* Reading. Past the end the character is '\0'; rust_next and the longer forms then set `failed`. */
char rust_peek(const struct rust *r);
bool rust_eat(struct rust *r, char c);
char rust_next(struct rust *r);
uint64_t rust_base62(struct rust *r);
uint64_t rust_optional62(struct rust *r, char tag); /* 0: no tag, else the number + 1 */
struct rust_identifier rust_name(struct rust *r);

/* rust_v0.c: prints a symbol that begins with "_R". */
void rust_v0(struct rust *r);

#endif
