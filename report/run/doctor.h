/* doctor.h - what would stop a good profile: a list of checks.
 *
 * DR1 Nothing of the program is executed: its libraries are found by elf_libraries.h.
 * DR2 A problem means no profile, or a wrong one; a warning, that something will be
 *     missing. Both say what to do.
 */
#ifndef TIDEMARK_DOCTOR_H
#define TIDEMARK_DOCTOR_H

#include <stddef.h>

enum doctor_level { DOCTOR_OK, DOCTOR_WARNING, DOCTOR_PROBLEM };

struct doctor_check {
	const char *name; /* "library", "ptrace" ...: stable, for scripts */
	enum doctor_level level;
	char *text, *hint; /* hint NULL when all is well */
};

struct doctor {
	struct doctor_check *check;
	size_t count, capacity;
	char *library; /* the library that would be preloaded; NULL: not found */
};

/* Adds a check. `format` makes its text and hint, separated by "|". */
void doctor_say(struct doctor *d, const char *name, enum doctor_level level, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
enum doctor_level doctor_worst(const struct doctor *d);
void doctor_free(struct doctor *d);

void doctor_machine(struct doctor *d);
void doctor_program(struct doctor *d, const char *program);
/* Ledgers that dead processes have left. */
void doctor_ledgers(struct doctor *d);

#endif
