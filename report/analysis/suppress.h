/* suppress.h - suppressions as LeakSanitizer and Valgrind write them.
 *
 *   leak:PATTERN           matches function, file or module of any frame; * is wild,
 *                          ^ and $ anchor, else the pattern may lie anywhere
 *   { name                 Valgrind: frames innermost first; ... stands for any number
 *     Memcheck:Leak        (other tools and kinds of error are skipped)
 *     match-leak-kinds: definite,indirect,possible,reachable,all
 *     fun:PATTERN obj:PATTERN src:FILE[:LINE]
 *   }                      * and ? are wild, patterns match whole names; linker names
 *                          (_ZN3foo3ba*) are understood
 *
 * SU1  Both may be in one file. `#` begins a comment line.
 * SU2  Built-in ones name only code of the loader, libc and libstdc++, and what CPython leaves behind at a fork.
 * SU3  A rule knows how many blocks it took (leaks.c counts): unused ones are reported.
 */
#ifndef TIDEMARK_SUPPRESS_H
#define TIDEMARK_SUPPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "symbol/symbol.h"

#define SUPPRESS_LOST 1u /* kinds a rule covers */
#define SUPPRESS_POSSIBLE 2u
#define SUPPRESS_REACHABLE 4u

struct suppress_frame {
	enum { SUPPRESS_FUNCTION, SUPPRESS_OBJECT, SUPPRESS_SOURCE, SUPPRESS_ANY } kind;
	char *pattern;
	char *within;  /* SUPPRESS_FUNCTION: or this; NULL none */
	unsigned line; /* SUPPRESS_SOURCE: 0 any */
};

struct suppress_rule {
	char *name;    /* Valgrind's; "leak:PATTERN" */
	char *pattern; /* leak: else NULL and frames */
	struct suppress_frame *frames;
	size_t frame_count;
	unsigned kinds; /* SUPPRESS_* */
	/* Not found by stacks: leaks_forked.c. */
	enum { SUPPRESS_NOT_FORKED, SUPPRESS_FORK_LOCK, SUPPRESS_FORK_THREAD } forked;
	const char *file; /* NULL: built in */
	unsigned line;
	uint64_t blocks, bytes; /* SU3 */
};

struct suppress {
	struct suppress_rule *rules;
	size_t count;
	char **files;
	size_t file_count;
};

/* With the built-in rules. */
struct suppress *suppress_new(void);
/* Adds a file's rules; -1 names file and line. */
int suppress_read(struct suppress *s, const char *path, struct tide_error *e);
int suppress_parse(
	struct suppress *s, const char *name, const char *text, size_t bytes, struct tide_error *e);
/* Adds what the program of a snapshot itself leaves out: __lsan_default_suppressions, and everything where
 * __lsan_is_turned_off. Lines that cannot be read are passed over, as LeakSanitizer's are at its peril. */
void suppress_program(struct suppress *s, const struct snapshot *of);
/* Is it one of these? They need not match anything. */
bool suppress_is_of_program(const struct suppress_rule *r);
/* Forgets the rules from number `count` on. */
void suppress_cut(struct suppress *s, size_t count);
void suppress_free(struct suppress *s);

/* The first rule of these kinds (SUPPRESS_*) that matches a stack; -1 none. */
int suppress_match(const struct suppress *s, unsigned kinds, const struct symbol_line *line, size_t count);

/* A Valgrind block for a stack, to free. */
char *suppress_text(const struct symbol_line *line, size_t count, const char *name);

#endif
