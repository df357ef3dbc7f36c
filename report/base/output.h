/* output.h - files that appear whole or not at all.
 *
 * OU1  A file is written beside its final name and renamed when it is complete: after a
 *      failure, the old file is still there.
 * OU2  The temporary file is new (O_EXCL), so that nobody can place a link there; its
 *      mode is `mode` less the umask, and nobody else can open it before that.
 * OU3  Devices, pipes and sockets are written to directly.
 */
#ifndef TIDEMARK_OUTPUT_H
#define TIDEMARK_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include "error.h"

struct output {
	FILE *file;
	const char *path; /* as given; belongs to the caller */
	char *temporary;  /* NULL: `path` itself is written */
};

/* The mode of an output made from these inputs: what all of them permit to read and write. */
mode_t output_mode(const char *const *inputs, size_t count);

/* Makes a new empty file in the folder of `path`, so that rename works, for its owner alone. Its descriptor
 * and, in *name, its name, to be freed; -1 with errno. */
int output_temporary(const char *path, char **name);

/* Opens `path` for writing. -1 after *e was filled (EXIT_UNMEASURED). */
int output_open(struct output *o, const char *path, mode_t mode, struct tide_error *e);

/* Closes the file and gives it its name; with `failed` it removes it. Returns `failed`, or -1 after *e was
 * filled because the file could not be completed. */
int output_close(struct output *o, int failed, struct tide_error *e);

#endif
