/* error.h - how functions of report/ report failures.
 *
 * A function that can fail returns 0 or -1 (or NULL) and fills the tide_error
 * it was given. Only main prints and exits. The message reads
 * "what: why; try this"; `why` and `hint` may be empty.
 */
#ifndef TIDEMARK_ERROR_H
#define TIDEMARK_ERROR_H

#include <stdint.h>

/* Exit codes of the command: a contract, see tidemark(1). */
enum tide_exit { EXIT_FINE = 0, EXIT_FINDINGS = 1, EXIT_USAGE = 2, EXIT_UNMEASURED = 3 };

struct tide_error {
	int code; /* exit code that fits: EXIT_USAGE or EXIT_UNMEASURED */
	char what[512];
	char why[256];
	char hint[256];
};

/* Fills *e. `what` and `why` are printf formats in one string, parts separated
 * by "|": "cannot open %s|%s|check the path". Always returns -1. */
int error_set(struct tide_error *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* "tidemark: what: why; hint\n" on stderr, cleaned as all names from strangers are (text.h). */
void error_print(const struct tide_error *e);
/* The same without "tidemark: ", where `what` begins with FILE:LINE, as compilers write it. */
void error_print_place(const struct tide_error *e);
/* "tidemark: ...\n" on stderr, cleaned, because it may contain the name of a program, snapshot or file. */
void error_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Adds a reason to a list of them of `capacity` bytes, with "; " between. What does not fit is cut off. */
void error_reason(char *list, uint64_t capacity, const char *reason);

#endif
