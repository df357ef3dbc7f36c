/* progress.h - a line of progress on stderr: only on a terminal, and only after half a second. */
#ifndef TIDEMARK_PROGRESS_H
#define TIDEMARK_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include "options.h"

struct progress {
	const char *what;
	uint64_t total; /* 0 unknown */
	uint64_t done, next_look;
	uint64_t started_ns, shown_ns;
	bool on, shown;
};

/* `what` must live until the end. Nothing is printed with -q. */
void progress_start(struct progress *p, const struct options *o, const char *what, uint64_t total);
void progress_step(struct progress *p, uint64_t steps);
void progress_end(struct progress *p);

#endif
