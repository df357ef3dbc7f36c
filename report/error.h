/* error.h - how functions of report/ say that they failed.
 *
 * A function that can fail returns 0 or -1 (or NULL) and fills the tide_error
 * it was given. Only main prints and exits. The message reads
 * "what: why; try this"; `why` and `hint` may be empty.
 */
#ifndef TIDEMARK_ERROR_H
#define TIDEMARK_ERROR_H

#include <stdint.h>

/* Exit codes of the command (DESIGN 4). */
enum tide_exit { EXIT_FINE = 0, EXIT_FINDINGS = 1, EXIT_USAGE = 2, EXIT_UNMEASURED = 3 };

struct tide_error {
	int code;		/* exit code that fits: EXIT_USAGE or EXIT_UNMEASURED */
	char what[512];
	char why[256];
	char hint[256];
};

/* Fills *e. `what` and `why` are printf formats in one string, parts separated
 * by "|": "cannot open %s|%s|check the path". Always returns -1. */
int error_set(struct tide_error *e, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* "tidemark: what: why; hint\n" on stderr. */
void error_print(const struct tide_error *e);

/* Adds a reason to a list of them in `room` bytes, with "; " between. What does not fit is cut. */
void error_reason(char *list, uint64_t room, const char *reason);

/* Memory that cannot be had ends the command with one line and EXIT_UNMEASURED:
 * ordinary code of the verbs has no checks for it. The collector uses them too. */
void *memory_get(uint64_t bytes);			/* malloc or exit */
void *memory_get_zeroed(uint64_t count, uint64_t size);
void *memory_resize(void *p, uint64_t bytes);
char *memory_string(const char *s);
char *memory_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
