/* doctor.h - what would stop a good profile: a list of checks.
 *
 * T1  Nothing of the program is executed; its loader lists its libraries.
 * T2  A problem: no profile, or a wrong one. A warning: something will be missing.
 *     Both say what to do.
 */
#ifndef TIDEMARK_DOCTOR_H
#define TIDEMARK_DOCTOR_H

#include <stddef.h>

enum doctor_level { DOCTOR_OK, DOCTOR_WARNING, DOCTOR_PROBLEM };

struct doctor_check {
	const char *name;	/* "library", "ptrace" ...: stable, for scripts */
	enum doctor_level level;
	char *text, *hint;	/* hint NULL when all is well */
};

struct doctor {
	struct doctor_check *check;
	size_t count;
	char *library;		/* the library that would be preloaded; NULL: not found */
};

/* `format` makes text and hint, parted by "|". */
void doctor_say(struct doctor *d, const char *name, enum doctor_level level, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
enum doctor_level doctor_worst(const struct doctor *d);
void doctor_free(struct doctor *d);

void doctor_machine(struct doctor *d);
void doctor_program(struct doctor *d, const char *program);
/* Ledgers of processes that are gone. */
void doctor_ledgers(struct doctor *d);

/* Paths of the libraries that `loader` would load for `program`, with `preload` (NULL:
 * none) in front. What the loader complains about is in *complaint (NULL: nothing). All to free. */
char **doctor_libraries(const char *loader, const char *preload, const char *program, size_t *count,
	char **complaint);

#endif
