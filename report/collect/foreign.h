/* foreign.h - whose malloc a process uses, where it is not glibc's: by what its program and libraries define. */
#ifndef TIDEMARK_FOREIGN_H
#define TIDEMARK_FOREIGN_H

#include <stdbool.h>
#include "process/remote.h"

struct foreign {
	char *name; /* "jemalloc", "the program's own malloc" ...; NULL: none was found */
	char *path; /* of the module that it is in, as the process sees it */
	bool is_static;
	bool is_musl; /* its libc is musl */
};

/* Reads the files of process `pid`, whose mappings are those of `m`, after collect_process_contained. 0: it has ended,
 * and they are those at the same paths; `exe` is that of the program. */
void foreign_find(struct foreign *f, const struct remote *m, int pid, const char *exe);
/* What a walk of glibc's heap cannot know there, "" nothing; `walked`: it has found a heap. */
const char *foreign_doubt(const struct foreign *f, bool walked);
void foreign_free(struct foreign *f);

#endif
