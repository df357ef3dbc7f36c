/* fault.h - a file that is cut off while it is mapped gives SIGBUS at the next look.
 *
 * FT1  A range that its owner has added does what the owner wants: the command ends with a sentence, as one that could
 *      not measure; or the whole range becomes zeros, and the owner asks for `cut`.
 * FT2  Every other mapping of a file, such as libelf's of programs and debug information, becomes zeros from the fault to
 *      its end, as if the file held them: the parsers take that for damage, and names are missing. One sentence names
 *      the file, and fault_seen() says it to those that promise a verdict.
 * FT3  Any other fault ends the command as it would without a handler.
 */
#ifndef TIDEMARK_FAULT_H
#define TIDEMARK_FAULT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct fault_range {
	void *at;
	uint64_t bytes;
	const char *path; /* of the file; NULL: the fault only sets `cut` */
	volatile sig_atomic_t cut;
	struct fault_range *next;
};

void fault_start(void);

/* Adds a range, which lives until it is removed. Starts, too. */
void fault_add(struct fault_range *r);
void fault_remove(struct fault_range *r);

/* A file without a range of its own was cut off. */
bool fault_seen(void);

#endif
