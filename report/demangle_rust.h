/* demangle_rust.h - what the two halves of the Rust demangler share: the
 * symbol being read and the bounded text being made. Private to them. */
#ifndef TIDEMARK_DEMANGLE_RUST_H
#define TIDEMARK_DEMANGLE_RUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rust {
	const char *s;
	size_t at, end;
	char *out;
	size_t used;
	unsigned depth, steps;
	unsigned lifetimes;	/* bound by `for<...>` here */
	unsigned quiet;		/* > 0: parse, print nothing */
	bool failed;
};

struct rust_identifier { const char *s; size_t n; bool punycode; };

/* Printing: nothing happens while `quiet`; more than DEMANGLE_MAX_BYTES sets
 * `failed`, and so does what is not well-formed. */
void rust_put(struct rust *r, const char *s, size_t n);
void rust_text(struct rust *r, const char *s);
void rust_number(struct rust *r, uint64_t v);
void rust_rune(struct rust *r, uint32_t c);
void rust_punycode(struct rust *r, struct rust_identifier id);

/* Reading. Past the end: '\0', and `failed` where something had to come. */
char rust_peek(const struct rust *r);
bool rust_eat(struct rust *r, char c);
char rust_next(struct rust *r);
uint64_t rust_base62(struct rust *r);
uint64_t rust_optional62(struct rust *r, char tag);	/* 0: no tag, else the number + 1 */
struct rust_identifier rust_name(struct rust *r);

/* A v0 symbol from r->at (after "_R"). */
void rust_v0(struct rust *r);

#endif
